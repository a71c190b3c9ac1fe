"""One evaluation: asks the models the same rows in turn, scores the answers, and has the gate judge them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from contracts.evaluation import MetricVerdict, Verdict
from training.data.examples import Example
from training.errors import EvaluationError
from training.evaluate.asking import Answer
from training.evaluate.environment import environment
from training.evaluate.figures import party_report
from training.evaluate.free_text import with_text_scores
from training.evaluate.frozen import Frozen
from training.evaluate.gate import MAX_LOST_SHARE, Evidence, Gate, worst
from training.evaluate.judge import JudgeClient
from training.evaluate.observe import Observation, Observer, agree
from training.evaluate.ports import Party
from training.evaluate.questions import Questions, questions_of
from training.evaluate.records import EvaluationReport, ModelReport
from training.evaluate.slices import slice_counts
from training.evaluate.suites.screening import ToxicityScorer, with_screening

_BATCH: Final = 16
_FIGURE_RESAMPLES: Final = 999
"""For intervals that are shown and judge nothing."""
CANDIDATE = "candidate"
BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is evaluated: the candidate, what it is compared with, and others that are only measured.

    `others` are by role (`candidate free`: without the grammar).
    """

    candidate: Party
    baseline: Party | None = None
    others: tuple[tuple[str, Party], ...] = ()

    def all(self) -> list[tuple[str, Party]]:
        """Every party with its role, the candidate first."""
        baseline = [(BASELINE, self.baseline)] if self.baseline else []
        return [(CANDIDATE, self.candidate), *baseline, *self.others]


async def run_evaluation(
    frozen: Frozen,
    parties: Parties,
    *,
    judge: JudgeClient | None = None,
    screen: ToxicityScorer | None = None,
    on_answer: Callable[[str], None] = lambda _role: None,
) -> EvaluationReport:
    """Ask, score and judge.

    Raises:
        SpecificationError: as `questions_of`.
        DatasetError: as `questions_of`.
        EvaluationError: a model answered no request at all.
    """
    started = time.perf_counter()
    questions = questions_of(frozen)
    answers = await _ask(questions, parties, frozen.spec.concurrency, on_answer)
    observer = Observer(frozen.spec, frozen.task)
    observed = {role: _observed(observer, questions, given) for role, given in answers.items()}
    _refuse_silence(parties, observed)
    observed = _screened(await with_text_scores(observed, judge), frozen, screen)
    shown = Gate(frozen.spec, _FIGURE_RESAMPLES)
    metrics = Gate(frozen.spec).judge(Evidence(observed[CANDIDATE], observed.get(BASELINE)))
    verdict, lost = _verdict([one.verdict for one in metrics], observed)
    return EvaluationReport(
        task=frozen.task.name,
        task_version=frozen.task.version,
        output_hash=frozen.task.output_hash,
        spec=frozen.spec.name,
        spec_sha256=frozen.sha256,
        spec_signer=frozen.signer,
        candidate=parties.candidate.judged,
        baseline=parties.baseline.judged if parties.baseline else None,
        constrained=parties.candidate.is_constrained,
        json_form=parties.candidate.json_form,
        records=len(questions.rows),
        created_at=datetime.now(UTC),
        verdict=verdict,
        reasons=(*lost, *map(_reason, (one for one in metrics if one.verdict is not Verdict.PASS))),
        metrics=metrics,
        owners=frozen.spec.owners,
        confidence=frozen.spec.confidence,
        family_error=frozen.spec.family_error,
        seed=frozen.spec.seed,
        min_records=frozen.spec.min_records,
        golden=frozen.golden,
        slices=slice_counts(frozen.rows, frozen.spec),
        suites={
            name: sum(row.suite == name for row in questions.variants) for name in frozen.spec.suites.names
        },
        concurrency=frozen.spec.concurrency,
        seconds=round(time.perf_counter() - started, 3),
        models=tuple(
            _shortened(party_report(shown, role, party, observed[role]), frozen.spec.shown_mistakes)
            for role, party in parties.all()
        ),
        environment=environment(),
    )


def _screened(
    observed: Mapping[str, list[Observation]], frozen: Frozen, screen: ToxicityScorer | None
) -> dict[str, list[Observation]]:
    toxicity = frozen.spec.toxicity
    if screen is None or toxicity is None:
        return dict(observed)
    return {role: with_screening(given, screen, toxicity.threshold) for role, given in observed.items()}


def _shortened(report: ModelReport, mistakes: int) -> ModelReport:
    """With so many mistakes to read; none where the golden rows must not leave their place."""
    return report.model_copy(update={"mistakes": report.mistakes[:mistakes]})


async def _ask(
    questions: Questions, parties: Parties, concurrency: int, on_answer: Callable[[str], None]
) -> dict[str, list[Answer]]:
    """The answers by role. The models take turns in small batches, so that all meet the same machine."""
    asked: Sequence[Example] = questions.all()
    everyone = parties.all()
    answers: dict[str, list[Answer]] = {role: [] for role, _ in everyone}
    size = max(_BATCH, 4 * concurrency)
    for _, party in everyone:  # a first request may load an adapter or compile a grammar
        await party.asker.ask(asked[:1], lambda: None)
    for turn, start in enumerate(range(0, len(asked), size)):
        for role, party in everyone if turn % 2 == 0 else reversed(everyone):
            batch = asked[start : start + size]
            answers[role] += await party.asker.ask(batch, partial(on_answer, role))
    return answers


def _observed(observer: Observer, questions: Questions, answers: Sequence[Answer]) -> list[Observation]:
    """Observations of the golden and the perturbed rows; what agrees is noted on the golden row."""
    given = [observer.observe(row, answer) for row, answer in zip(questions.all(), answers, strict=True)]
    count = len(questions.rows)
    golden, variants = given[:count], given[count : count + len(questions.variants)]
    first = {one.row.id: one for one in golden}
    repeats: dict[str, list[bool]] = {}
    kept: dict[str, list[bool]] = {}
    for one in given[count + len(variants) :]:
        repeats.setdefault(one.row.id, []).append(agree(first[one.row.id], one))
    for one in variants:
        if one.row.variant_of in first:
            kept.setdefault(one.row.variant_of, []).append(agree(first[one.row.variant_of], one))
    noted = [
        replace(
            one,
            repeats=tuple(repeats.get(one.row.id, ())),
            variants=tuple(kept.get(one.row.id, ())),
        )
        for one in golden
    ]
    return [*noted, *variants]


def _refuse_silence(parties: Parties, observed: dict[str, list[Observation]]) -> None:
    for role, party in parties.all():
        if all(one.is_lost for one in observed[role]):
            raise EvaluationError(
                f"{role} {party.judged.model} answered no request: {observed[role][0].answer.error}"
            )


def _reason(metric: MetricVerdict) -> str:
    where = f" on {metric.slice}" if metric.slice else ""
    return f"{metric.metric}{where}: {metric.verdict.value}: {metric.reason}"


def _verdict(
    verdicts: Sequence[Verdict], observed: Mapping[str, Sequence[Observation]]
) -> tuple[Verdict, list[str]]:
    """The worst verdict; a run that lost too many requests is no evidence for a pass."""
    found, reasons = list(verdicts), []
    for role in (CANDIDATE, BASELINE):
        given = observed.get(role, ())
        lost = sum(one.is_lost for one in given)
        if lost > MAX_LOST_SHARE * len(given):
            found.append(Verdict.INCONCLUSIVE)
            reasons.append(f"{lost} of {len(given)} requests to the {role} ended without an answer")
    return worst(found), reasons
