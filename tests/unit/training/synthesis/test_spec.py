"""Specifications: wrong ones are refused with the key at fault, and no key is ever written into one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.synthesis.runs import spec_file
from training.data.synthesis.spec import DistilSpec, SynthesisSpec, load_spec, read_key
from training.errors import DatasetError


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"inputs": "in.jsonl", "samples": 3, "agree": 4}, "agree: more than there are samples"),
        ({"inputs": "in.jsonl", "samples": 4, "agree": 2}, "more than half"),
        ({"inputs": "in.jsonl", "samples": 3, "agree": 2, "teacher": {"temperature": 0}}, "temperature 0"),
        ({"inputs": "in.jsonl", "budget": {"max_cost_usd": 1}}, "needs teacher.prices"),
        ({"inputs": "in.jsonl", "teacher": {"extra": {"model": "x"}}}, "'model' is set by the run"),
        ({"inputs": "in.jsonl", "teacher": {"api_key": "secret"}}, "teacher.api_key"),
        ({"inputs": "in.jsonl", "teacher": {"url": "teacher:80"}}, "teacher.url"),
        ({"inputs": "in.jsonl", "teacher": {"licence": ""}}, "teacher.licence"),
        ({}, "inputs: Field required"),
    ],
)
def test_a_wrong_specification_is_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_spec(DistilSpec, spec_file(tmp_path, "spec", "ticket-triage", **keys))


def test_a_file_that_is_no_yaml_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [", "utf-8")
    with pytest.raises(DatasetError, match="no valid YAML"):
        load_spec(SynthesisSpec, tmp_path / "broken.yaml")
    with pytest.raises(DatasetError, match="cannot be read"):
        load_spec(SynthesisSpec, tmp_path / "missing.yaml")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    keys = {"documents": "docs", "count": 5, "examples": "shots.jsonl", "checks": {"avoid": ["golden.jsonl"]}}
    spec = load_spec(SynthesisSpec, spec_file(tmp_path, "spec", "ticket-triage", **keys))
    assert (spec.documents, spec.out) == (tmp_path / "docs", tmp_path / "out.jsonl")
    assert (spec.examples, spec.checks.avoid) == (tmp_path / "shots.jsonl", (tmp_path / "golden.jsonl",))


def test_a_key_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "k1")
    (tmp_path / "key").write_text("k2\n", "utf-8")
    assert read_key("TEACHER_KEY", None) == "k1"
    assert read_key(None, tmp_path / "key") == "k2"
    assert read_key(None, None) == ""


def test_a_key_that_is_not_there_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    with pytest.raises(DatasetError, match="TEACHER_KEY is not set"):
        read_key("TEACHER_KEY", None)
    (tmp_path / "key").write_text("one\ntwo\n", "utf-8")
    with pytest.raises(DatasetError, match="not one line with a key"):
        read_key(None, tmp_path / "key")
