"""Freezing: what was frozen runs, what was changed afterwards is refused, and a signature must hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.signature import make_key_pair
from tests.support.evaluations import QUEUES, specification
from training.errors import DatasetError, SpecificationError
from training.evaluate.frozen import Frozen, freeze, thaw
from training.evaluate.questions import questions_of

ROOT = Path(__file__).parents[4]


def rows(count: int) -> str:
    labels = ("billing", "shipping", "other")
    return "".join(
        json.dumps(
            {
                "id": str(at),
                "text": f"ticket {at} about a parcel that has not arrived",
                "output": labels[at % 3],
                "slice": "plain",
            }
        )
        + "\n"
        for at in range(count)
    )


def write(folder: Path, *metrics: dict[str, Any], **changes: Any) -> Path:
    spec = specification(*(metrics or ({"metric": "accuracy", "minimum": 0.5},)), **changes)
    (folder / "task.yaml").write_text(yaml.safe_dump(QUEUES.model_dump(mode="json")), "utf-8")
    (folder / "golden.jsonl").write_text(rows(60), "utf-8")
    path = folder / "gate.yaml"
    path.write_text(yaml.safe_dump(spec.model_dump(mode="json", exclude_none=True)), "utf-8")
    return path


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    return write(tmp_path)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_frozen_specification_is_read_by_its_file_or_its_lock(spec_file: Path) -> None:
    lock = freeze(spec_file)
    by_file, by_lock = thaw(spec_file), thaw(lock)
    assert isinstance(by_file, Frozen)
    assert by_file.sha256 == by_lock.sha256 == json.loads(lock.read_text("utf-8"))["sha256"]
    assert (len(by_file.rows), by_file.task.version, by_file.signer) == (60, QUEUES.version, None)
    assert by_file.golden[0].licence == "CC0-1.0"


def test_freezing_twice_gives_the_same_bytes(spec_file: Path) -> None:
    first = freeze(spec_file).read_bytes()
    assert freeze(spec_file).read_bytes() == first


def test_a_lock_runs_without_the_specifications_own_file(spec_file: Path) -> None:
    lock = freeze(spec_file)
    spec_file.unlink()
    assert thaw(lock).spec.name == "gate"


def test_what_is_not_frozen_does_not_run(spec_file: Path) -> None:
    with pytest.raises(SpecificationError, match="firstline eval freeze"):
        thaw(spec_file)


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("gate.yaml", "minimum: 0.5", "minimum: 0.1", "changed after freezing"),
        ("golden.jsonl", "ticket 7 ", "ticket VII ", "changed after freezing"),
        ("task.yaml", "base_model: small", "base_model: large", "is not the frozen one"),
        ("gate.lock.json", '"minimum": 0.5', '"minimum": 0.1', "its hash does not fit"),
        ("gate.lock.json", '"metrics_version": 1', '"metrics_version": 9', "its hash does not fit"),
        ("gate.lock.json", '"schema_version"', '"x', "no valid JSON"),
        ("gate.lock.json", '"golden"', '"silver"', "no lock file"),
    ],
)
def test_a_change_after_freezing_is_refused(
    spec_file: Path, file: str, old: str, new: str, reason: str
) -> None:
    freeze(spec_file)
    replace(spec_file.parent / file, old, new)
    with pytest.raises(SpecificationError, match=reason):
        thaw(spec_file)


def test_a_signature_holds_for_the_key_that_made_it_alone(tmp_path: Path, spec_file: Path) -> None:
    for name in ("owner", "stranger"):
        make_key_pair(tmp_path / f"{name}.key", tmp_path / f"{name}.pub")
    freeze(spec_file, tmp_path / "owner.key")
    assert thaw(spec_file, [tmp_path / "stranger.pub", tmp_path / "owner.pub"]).signer == "owner"
    with pytest.raises(SpecificationError, match="no trusted key"):
        thaw(spec_file, [tmp_path / "stranger.pub"])


def test_an_unsigned_lock_is_refused_where_a_signature_is_asked_for(tmp_path: Path, spec_file: Path) -> None:
    make_key_pair(tmp_path / "owner.key", tmp_path / "owner.pub")
    freeze(spec_file)
    with pytest.raises(SpecificationError, match="is not signed"):
        thaw(spec_file, [tmp_path / "owner.pub"])


def test_a_key_that_cannot_sign_is_said_so(tmp_path: Path, spec_file: Path) -> None:
    with pytest.raises(SpecificationError, match="cannot be read"):
        freeze(spec_file, tmp_path / "missing.key")
    assert not (tmp_path / "gate.lock.json").exists()


@pytest.mark.parametrize(
    "rule",
    [
        {"metric": "accuracy", "slice": "rare", "minimum": 0.5},
        {"metric": "recall.shipping", "minimum": 0.5},
        {"metric": "rouge_l", "minimum": 0.5},
        {"metric": "field_exact.total", "minimum": 0.5},
        {"metric": "safe", "minimum": 0.5},
    ],
)
def test_a_rule_that_could_never_pass_is_refused(tmp_path: Path, rule: dict[str, Any]) -> None:
    with pytest.raises(SpecificationError, match="could never pass"):
        freeze(write(tmp_path, rule))


def test_a_golden_row_that_breaks_the_contract_is_refused(spec_file: Path) -> None:
    replace(spec_file.parent / "golden.jsonl", '"billing"', '"nonsense"')
    with pytest.raises(DatasetError, match=r"row '0': output breaks the task's contract"):
        freeze(spec_file)


def test_a_row_to_be_refused_needs_no_output_that_keeps_the_contract(spec_file: Path) -> None:
    replace(spec_file.parent / "golden.jsonl", '"output": "billing"', '"output": null, "refuse": true')
    assert thaw(freeze(spec_file)).rows[0].refuse


def test_an_id_in_two_golden_sets_is_refused(tmp_path: Path) -> None:
    sources = [{"file": name, "licence": "CC0-1.0"} for name in ("golden.jsonl", "more.jsonl")]
    path = write(tmp_path, golden=sources)
    (tmp_path / "more.jsonl").write_text(rows(1), "utf-8")
    with pytest.raises(SpecificationError, match="stands in another golden set"):
        freeze(path)


def test_the_questions_are_golden_rows_perturbed_rows_and_repeats(tmp_path: Path) -> None:
    path = write(tmp_path, suites={"names": ["typos"], "rows": 10}, stability={"repeats": 2, "rows": 5})
    questions = questions_of(thaw(freeze(path)))
    assert len(questions.rows) == 60
    assert {row.suite for row in questions.variants} == {"typos"}
    assert 0 < len(questions.variants) <= 10
    assert len(questions.repeats) == 10
    assert len({row.id for row in questions.repeats}) == 5
    assert questions == questions_of(thaw(path))


def test_a_suite_that_nobody_knows_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="no suite 'astrology'"):
        questions_of(thaw(freeze(write(tmp_path, suites={"names": ["astrology"]}))))


@pytest.mark.parametrize("name", ["invoice-extract", "ticket-triage"])
def test_the_shipped_specifications_are_what_was_frozen(name: str) -> None:
    frozen = thaw(ROOT / "examples" / "evaluations" / f"{name}.yaml")
    assert frozen.task.name == name
    assert len(frozen.rows) >= 100
