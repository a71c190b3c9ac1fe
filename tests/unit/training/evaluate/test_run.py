"""One evaluation from questions to report, with models made of functions."""

from __future__ import annotations

import json
import platform

import pytest

from contracts.evaluation import GateReport, Judged, Verdict
from tests.support.evaluation_models import ROWS, Model, Reply, frozen, party, right
from tests.support.evaluations import QUEUES
from training.data.examples import Example
from training.errors import EvaluationError
from training.evaluate.asking import Answer
from training.evaluate.environment import environment
from training.evaluate.frozen import Frozen
from training.evaluate.ports import Party
from training.evaluate.records import EvaluationReport
from training.evaluate.run import Parties, run_evaluation
from training.evaluate.suites.screening import LexiconScorer


def wrong(example: Example) -> Answer:
    return Answer(example.id, "other", 0.2, 10, 1, "stop")


async def evaluate(
    candidate: Reply = right, baseline: Reply | None = right, spec: Frozen | None = None
) -> EvaluationReport:
    other = party(baseline, "queues@base") if baseline else None
    return await run_evaluation(spec or frozen(), Parties(party(candidate, "queues@0123456789ab"), other))


async def test_a_good_candidate_passes_and_the_registry_can_read_why() -> None:
    report = await evaluate()
    gate = GateReport.model_validate_json(report.model_dump_json())
    assert gate.verdict is Verdict.PASS
    assert (gate.task, gate.task_version, gate.output_hash) == ("queues", QUEUES.version, QUEUES.output_hash)
    assert (gate.spec, gate.spec_sha256, gate.spec_signer) == ("gate", "1" * 64, "owner")
    assert (gate.records, gate.candidate.model, gate.constrained) == (60, "queues@0123456789ab", True)
    assert [one.metric for one in gate.metrics] == ["accuracy", "latency_p95_seconds"]
    assert gate.reasons == ()


async def test_the_report_survives_a_round_trip() -> None:
    report = await evaluate(wrong)
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report


async def test_a_bad_candidate_fails_and_the_reasons_say_where() -> None:
    report = await evaluate(wrong)
    assert report.verdict is Verdict.FAIL
    assert report.reasons[0].startswith("accuracy: fail: 0.3333 is below the minimum 0.8 beyond chance")


async def test_the_figures_of_each_model_stand_by_role_slice_and_class() -> None:
    candidate, baseline = (await evaluate(right, wrong)).models
    assert (candidate.role, baseline.role) == ("candidate", "baseline")
    assert candidate.figures["accuracy"].value == 1.0
    assert baseline.figures["macro_f1"].value == pytest.approx((0 + 0 + 0.5) / 3)
    assert baseline.by_slice["early"].figures["accuracy"].records == 30
    assert baseline.classification is not None
    assert baseline.classification.confusion["billing"] == {"other": 20}
    assert candidate.outcomes == {"valid": 60}
    assert candidate.cost_usd == pytest.approx(60e-5)
    assert candidate.figures["cost_per_success_usd"].value == pytest.approx(1e-5)
    assert (len(baseline.mistakes), len(candidate.latency_curve)) == (40, 21)


async def test_models_take_turns_and_warm_up_once() -> None:
    one, other = Model(right), Model(right)
    judged = Judged(model="m", base_model="small")
    counted: list[str] = []
    await run_evaluation(
        frozen(),
        Parties(Party(judged, one, "engine"), Party(judged, other, "engine")),
        on_answer=counted.append,
    )
    assert one.asked == other.asked == ["0", *(row.id for row in ROWS)]
    assert (counted.count("candidate"), counted.count("baseline")) == (60, 60)
    assert counted[:16] == ["candidate"] * 16
    assert counted[16:48] == ["baseline"] * 32


async def test_without_a_baseline_a_regression_stays_open() -> None:
    report = await evaluate(right, None)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.baseline is None


async def test_a_run_that_lost_requests_is_no_evidence_for_a_pass() -> None:
    def shaky(example: Example) -> Answer:
        return (
            Answer(example.id, None, 0.1, error="ReadTimeout") if example.id in ("3", "7") else right(example)
        )

    report = await evaluate(shaky, right, frozen({"metric": "accuracy", "minimum": 0.8}))
    assert report.metrics[0].verdict is Verdict.PASS
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reasons == ("2 of 60 requests to the candidate ended without an answer",)


@pytest.mark.parametrize("role", ["candidate", "baseline"])
async def test_a_model_that_answers_nothing_is_an_error(role: str) -> None:
    def silent(example: Example) -> Answer:
        return Answer(example.id, None, 0.1, error="ConnectError")

    with pytest.raises(EvaluationError, match=f"{role} .* answered no request: ConnectError"):
        await evaluate(silent if role == "candidate" else right, silent if role == "baseline" else right)


async def test_repeats_that_differ_lower_the_stability() -> None:
    seen: dict[str, int] = {}

    def fickle(example: Example) -> Answer:
        seen[example.id] = seen.get(example.id, 0) + 1
        return right(example) if seen[example.id] < 4 or int(example.id) % 2 else wrong(example)

    spec = frozen({"metric": "repeat_stability", "minimum": 0.9}, stability={"repeats": 3, "rows": 60})
    report = await evaluate(fickle, None, spec)
    found = report.metrics[0]
    assert found.records == 60
    # even rows (30, of which 10 are "other" anyway) differ on their last repeat, the first one warmed up
    assert found.value == pytest.approx(1 - 20 / 180, abs=2 / 180)


async def test_perturbed_rows_that_get_another_answer_lower_the_stability_and_have_a_slice() -> None:
    def brittle(example: Example) -> Answer:
        return wrong(example) if "~" in example.id else right(example)

    spec = frozen({"metric": "variant_stability", "minimum": 0.9}, suites={"names": ["typos"], "rows": 60})
    report = await evaluate(brittle, None, spec)
    assert report.suites["typos"] > 50
    assert report.records == 60
    (model,) = report.models
    assert model.figures["accuracy"].value == 1.0
    assert model.by_slice["suite/typos"].figures["accuracy"].value == pytest.approx(1 / 3, abs=0.05)
    assert report.metrics[0].value == pytest.approx(1 / 3, abs=0.05)


def test_a_report_names_no_host() -> None:
    assert platform.node() not in json.dumps(environment())


async def test_abusive_answers_and_missing_ones_fail_the_screen() -> None:
    def rude(example: Example) -> Answer:
        text = None if example.id == ROWS[0].id else "you idiot" if example.id == ROWS[1].id else "billing"
        return Answer(example.id, text, 0.1)

    spec = frozen({"metric": "not_toxic", "minimum": 0.99}, toxicity={"scorer": "lexicon"})
    report = await run_evaluation(spec, Parties(party(rude, "queues@base"), None), screen=LexiconScorer())
    (judged,) = report.metrics
    assert (judged.metric, judged.value) == ("not_toxic", pytest.approx(58 / 60))
