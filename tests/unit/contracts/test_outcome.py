"""Adding up what attempts used and cost."""

from __future__ import annotations

from contracts.adapter import AdapterManifest
from contracts.outcome import Attempt, Outcome, OutcomeKind, Usage


def attempt(usage: Usage, cost_usd: float) -> Attempt:
    return Attempt("first", "small", "m", usage, cost_usd, 0.1)


def test_an_outcome_adds_its_attempts_up() -> None:
    outcome = Outcome(OutcomeKind.REPAIRED, (attempt(Usage(1, 2, 3), 0.25), attempt(Usage(10, 20, 30), 0.5)))
    assert outcome.usage == Usage(prompt_tokens=11, completion_tokens=22, cached_tokens=33)
    assert outcome.cost_usd == 0.75


def test_an_outcome_without_attempts_costs_nothing() -> None:
    assert Outcome(OutcomeKind.REFUSED).usage == Usage()
    assert Outcome(OutcomeKind.REFUSED).cost_usd == 0


def test_an_adapters_name_is_its_task_and_digest() -> None:
    manifest = AdapterManifest.model_validate(
        {
            "task": "invoice",
            "digest": "0123456789ab" + "c" * 52,
            "base_model": "m",
            "rank": 8,
            "target_modules": ["q_proj"],
            "created_at": "2026-01-14T00:00:00Z",
            "files": {},
        }
    )
    assert manifest.name == "invoice@0123456789ab"
