"""The specification: what is refused when it is read, and which rows its slices hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.evaluations import specification
from training.errors import SpecificationError
from training.evaluate.golden import GoldenRow
from training.evaluate.metric_names import METRICS, kind_of
from training.evaluate.metrics import metric_named
from training.evaluate.slices import slice_counts, slices_of
from training.evaluate.spec import read_specification


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"metric": "beauty", "minimum": 1}, "no metric 'beauty'"),
        ({"metric": "recall", "minimum": 1}, "no metric 'recall'"),
        ({"metric": "accuracy.billing", "minimum": 1}, "no metric 'accuracy.billing'"),
        ({"metric": "accuracy"}, "give a minimum, a maximum or max_regression"),
        ({"metric": "accuracy", "maximum": 1}, "accuracy: a maximum says nothing here"),
        ({"metric": "latency_p95_seconds", "minimum": 1}, "a minimum says nothing here"),
        ({"metric": "accuracy", "max_regression": -0.1}, "greater than or equal to 0"),
        ({"metric": "repeat_stability", "minimum": 1}, "repeat_stability needs stability.repeats"),
        ({"metric": "variant_stability", "minimum": 1}, "variant_stability needs suites.names"),
        ({"metric": "judge_score", "minimum": 1}, "judge_score needs judge"),
        ({"metric": "not_toxic", "minimum": 1}, "not_toxic needs toxicity"),
        ({"metric": "accuracy", "minimum": 1, "threshold": 2}, "Extra inputs are not permitted"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_refused(rule: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecificationError, match=r"spec\.yaml: metrics") as raised:
        specification(rule)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"owners": []}, "owners"),
        ({"golden": []}, "golden"),
        ({"slices": {"a": {}}}, "a slice's predicate needs a condition"),
        ({"slices": {"a": {"text_matches": "("}}}, "no regular expression"),
        ({"refusal_patterns": ["["]}, "no regular expression"),
        ({"min_records": 1}, "min_records"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_key_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecificationError, match="spec") as raised:
        specification(**changes)
    assert reason in str(raised.value)


def test_a_regression_needs_a_baseline() -> None:
    with pytest.raises(SpecificationError, match="baseline is 'none'"):
        specification({"metric": "accuracy", "max_regression": 0.1}, baseline="none")


def test_the_same_rule_twice_is_refused() -> None:
    rule = {"metric": "accuracy", "minimum": 0.5}
    with pytest.raises(SpecificationError, match="accuracy stands twice"):
        specification(rule, rule)


@pytest.mark.parametrize("content", ["- a list", "a: [", "&a [*a]", "\x00"])
def test_a_file_that_is_no_specification_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "spec.yaml").write_text(content)
    with pytest.raises(SpecificationError, match=r"spec\.yaml"):
        read_specification(tmp_path / "spec.yaml")


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="cannot be read"):
        read_specification(tmp_path / "spec.yaml")


def test_every_named_metric_can_be_measured() -> None:
    for name, kind in METRICS.items():
        full = f"{name}.x" if kind.per else name
        assert metric_named(full).kind is kind_of(full) is kind


def test_every_metric_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[4] / "training" / "evaluate" / "README.md").read_text("utf-8")
    assert [name for name in METRICS if f"`{name}" not in page] == []


def row(text: str = "text", output: object = None, **more: Any) -> GoldenRow:
    return GoldenRow(id=more.pop("id", "1"), text=text, output=output, **more)


@pytest.mark.parametrize(
    ("predicate", "inside", "outside"),
    [
        ({"text_matches": r"\d{4}", "times": 2}, row("2025 and 2026"), row("2025")),
        ({"group_matches": "/de-"}, row(group="a/de-AT"), row(group="a/fr-FR")),
        ({"null_fields": 2}, row(output={"a": None, "b": "", "c": 1}), row(output={"a": None, "b": 0})),
        ({"null_field": "a"}, row(output={"a": None}), row(output={"b": None})),
        ({"min_characters": 5}, row("12345"), row("1234")),
        ({"ids": ["7"]}, row(id="7"), row(id="8")),
        ({"text_matches": "x", "min_characters": 3}, row("xyz"), row("x")),
    ],
)
def test_a_predicate_holds_the_rows_that_meet_it(
    predicate: dict[str, Any], inside: GoldenRow, outside: GoldenRow
) -> None:
    spec = specification(slices={"some": predicate})
    assert (slices_of(inside, spec), slices_of(outside, spec)) == ({"some"}, frozenset())


def test_a_row_is_in_the_slices_it_names_and_a_perturbed_row_in_its_suites_alone() -> None:
    spec = specification(slices={"all": {"min_characters": 1}, "none": {"ids": ["0"]}})
    golden = row(slice="messy", slices=("old",))
    perturbed = row(id="2", slice="messy", slices=("old", "typos.swapped"), suite="typos", variant_of="1")
    assert slices_of(golden, spec) == {"messy", "old", "all"}
    assert slices_of(perturbed, spec) == {"suite/typos", "suite/typos.swapped"}
    assert slice_counts([golden], spec) == {"all": 1, "none": 0, "messy": 1, "old": 1}
