"""Tasks: what a file may say, and what its version depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from contracts.task import Task

EXAMPLES = Path(__file__).parents[3] / "examples" / "tasks"
TASK: dict[str, Any] = {"name": "invoice", "description": "Reads.", "base_model": "small"}


def make(**changes: Any) -> Task:
    return Task.model_validate(TASK | changes)


def test_the_version_is_the_same_for_the_same_content() -> None:
    reordered = dict(reversed(list(TASK.items())))
    assert Task.model_validate(reordered).version == make().version
    assert len(make().version) == 12


def test_a_default_that_is_written_out_changes_no_version() -> None:
    assert make(prompt="{{ input }}", sampling={"temperature": 0.0}).version == make().version


def test_the_version_that_the_demo_adapter_was_trained_for_stays() -> None:
    task = Task.model_validate(yaml.safe_load((EXAMPLES / "invoice-extract.yaml").read_text("utf-8")))
    assert task.version == "42a20c5ece8a"


def test_a_later_field_that_is_written_out_at_its_default_changes_no_version() -> None:
    written = {"verification": {"rules": [], "grounding": None}, "policy": {"on_unproven": "error"}}
    assert make(**written).version == make().version


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Reads them."},
        {"base_model": "other"},
        {"instructions": "Be brief."},
        {"prompt": "{{ input }}!"},
        {"variables": {"tone": "dry"}},
        {"output": {"kind": "choice", "choices": ["a"]}},
        {"output": {"kind": "json_schema", "schema": {"type": "object"}}},
        {"sampling": {"max_tokens": 7}},
        {"policy": {"may_escalate": False}},
        {"policy": {"on_unproven": "refuse"}},
        {"policy": {"refusal": "Sorry."}},
        {"verification": {"rules": [{"name": "a", "expression": "true", "message": "b"}]}},
        {"verification": {"grounding": {"pointers": ["/a"]}}},
        {"retrieval": {"collection": "handbook"}},
        {"examples": ["one"]},
    ],
    ids=str,
)
def test_any_other_content_is_another_version(change: dict[str, Any]) -> None:
    assert make(**change).version != make().version


@pytest.mark.parametrize("name", ["", "Invoice", "a_b", "-a", "a-", "a" * 64, "a@b", "a/b", "a\n"])
def test_a_name_that_is_no_dns_label_is_refused(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(name=name)
    assert caught.value.errors()[0]["loc"] == ("name",)


@pytest.mark.parametrize("name", ["a", "0", "invoice-extract", "a" * 63])
def test_a_dns_label_is_a_name(name: str) -> None:
    assert make(name=name).name == name


@pytest.mark.parametrize("action", ["tool", "escalate"])
def test_a_task_cannot_be_a_tool_or_an_escalation(action: str) -> None:
    with pytest.raises(ValidationError, match="a task's action is 'answer' or 'retrieve'"):
        make(action=action)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"modell": "x"}, ("modell",)),
        ({"sampling": {"temperatur": 1}}, ("sampling", "temperatur")),
        ({"sampling": {"temperature": 3}}, ("sampling", "temperature")),
        ({"policy": {"deadline_seconds": 0}}, ("policy", "deadline_seconds")),
        ({"policy": {"on_unproven": "maybe"}}, ("policy", "on_unproven")),
        ({"policy": {"refusal": ""}}, ("policy", "refusal")),
        ({"verification": {"rule": []}}, ("verification", "rule")),
        ({"schema_version": 2}, ("schema_version",)),
        ({"output": {"kind": "choice", "choices": []}}, ("output", "choice", "choices")),
        ({"output": {"kind": "json_schema"}}, ("output", "json_schema", "schema")),
        ({"output": {"kind": "regex", "pattern": ""}}, ("output", "regex", "pattern")),
        ({"output": {"kind": "python_type", "type": "shop.shapes:Invoice"}}, ("output",)),
        ({"examples": [""]}, ("examples", 0)),
    ],
    ids=str,
)
def test_what_a_task_does_not_know_is_refused(change: dict[str, Any], place: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        make(**change)
    assert caught.value.errors()[0]["loc"] == place
