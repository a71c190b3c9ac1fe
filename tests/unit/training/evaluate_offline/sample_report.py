"""A made-up evaluation report with one of everything, hostile texts included."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.evaluation import Judged, MetricVerdict, Verdict
from training.evaluate.records import (
    LATENCY_STEPS,
    Classification,
    EvaluationReport,
    F1Row,
    GoldenFile,
    Mistake,
    ModelReport,
    RateRow,
    SliceRow,
)

HOSTILE = '</td><script>alert(1)</script>" onload="x" \u202eevil\x00'


def rate(correct: int, total: int) -> RateRow:
    share = correct / total
    return RateRow(
        correct=correct, total=total, rate=share, low=max(0.0, share - 0.06), high=min(1.0, share + 0.04)
    )


def model(role: str, shift: int = 0) -> ModelReport:
    return ModelReport(
        model="ticket-triage@0a1b2c3d4e5f" if role == "candidate" else "smollm2-135m",
        through="gateway",
        role=role,
        judged=Judged(model="m", base_model="smollm2-135m", form="int8"),
        fields_exact=rate(380 - shift, 400),
        by_field={
            "queue": rate(98 - shift, 100),
            "urgency": rate(93 - shift, 100),
            "a_field_whose_name_is_far_too_long_for_a_plot": rate(96 - shift, 100),
        },
        records_exact=rate(88 - shift, 100),
        schema_valid=rate(100, 100),
        classification=Classification(
            classes={
                name: F1Row(
                    true_positives=40,
                    false_positives=2,
                    false_negatives=3,
                    precision=0.952,
                    recall=0.93,
                    f1=0.941,
                )
                for name in ("billing", "bug", "question")
            },
            confusion={
                "billing": {"billing": 40, "bug": 2},
                "bug": {"bug": 25, "question": 6, "": 1},
                "question": {"question": 26},
            },
        ),
        by_slice={
            name: SliceRow(records=40, fields_exact=rate(37 - shift, 40), records_exact=rate(30, 40))
            for name in ("messy", "missing", "several dates")
        },
        latency_seconds={"p50": 0.31, "p90": 0.52, "p99": 1.4},
        latency_curve=tuple(0.1 + (1 + shift / 40) * (step / 100) ** 3 for step in LATENCY_STEPS),
        prompt_tokens=20_100,
        completion_tokens=3_210,
        errors={"502 output_invalid": 1},
        finish_reasons={"stop": 99, "length": 1},
        mistakes=(
            Mistake(
                id="row-7",
                group="letters",
                expected={"queue": "billing", "urgency": "low"},
                got='{"queue":"billing","urgency":"high"}',
            ),
            Mistake(id=HOSTILE, group=HOSTILE, expected={"queue": HOSTILE}, got=HOSTILE, error=HOSTILE),
            Mistake(id="row-9", group="", expected="bug", got=None, error="504 engine_timeout"),
        ),
    )


def metric(name: str, verdict: Verdict, difference: float, **more: object) -> MetricVerdict:
    return MetricVerdict.model_validate(
        {
            "metric": name,
            "records": 100,
            "value": 0.95,
            "low": 0.91,
            "high": 0.98,
            "baseline_value": 0.94,
            "difference": difference,
            "difference_low": difference - 0.03,
            "difference_high": difference + 0.025,
            "max_regression": 0.05,
            "verdict": verdict,
            "reason": "0.95 keeps 0.9" if verdict is Verdict.PASS else "0.8 is below the minimum 0.9",
            **more,
        }
    )


def sample_report(verdict: Verdict = Verdict.FAIL) -> EvaluationReport:
    return EvaluationReport(
        task="ticket-triage",
        task_version="42a20c5ece8a",
        output_hash="0123456789ab",
        spec="ticket-triage-gate",
        spec_sha256="ab" * 32,
        spec_signer="quality@example.org",
        candidate=Judged(
            model="ticket-triage@0a1b2c3d4e5f",
            base_model="smollm2-135m",
            adapter_digest="0a" * 32,
            form="int8",
        ),
        baseline=Judged(model="smollm2-135m", base_model="smollm2-135m"),
        constrained=True,
        records=100,
        created_at=datetime(2026, 3, 12, 9, 30, tzinfo=UTC),
        verdict=verdict,
        reasons=() if verdict is Verdict.PASS else ("recall.billing: 0.8 is below the minimum 0.9", HOSTILE),
        metrics=(
            metric("field_f1", Verdict.PASS, 0.012, minimum=0.9),
            metric("recall.billing", Verdict.FAIL, -0.071, minimum=0.9),
            metric(
                "over_refusal_rate",
                Verdict.INCONCLUSIVE,
                0.01,
                maximum=0.05,
                slice="messy",
                higher_is_better=False,
            ),
            metric(
                "latency_p95_seconds",
                Verdict.PASS,
                -0.08,
                value=0.42,
                low=0.4,
                high=0.47,
                baseline_value=0.46,
                max_regression=0.2,
                higher_is_better=False,
                is_relative=True,
            ),
        ),
        owners=("quality@example.org", "legal@example.org"),
        golden=(GoldenFile(name="tickets", sha256="cd" * 32, rows=100, licence="CC0-1.0"),),
        suites={"typos": 50, "injection": 50},
        concurrency=4,
        seconds=61.5,
        models=(model("candidate"), model("baseline", 9), model("candidate free", 3)),
        environment={"python": "3.12.1", "processor": "x86_64"},
    )
