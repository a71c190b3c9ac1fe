"""Rendering of a task's templates."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.prompt import PromptError, PromptPassage, TaskPrompt, render_prompt
from contracts.task import Task


def make(**changes: Any) -> Task:
    return Task.model_validate({"name": "t", "description": "d", "base_model": "m", **changes})


def test_without_templates_the_text_is_the_prompt() -> None:
    assert render_prompt(make(), "  Total: 5 €\n") == TaskPrompt(system="", user="Total: 5 €")


def test_the_callers_variables_override_the_tasks() -> None:
    task = make(
        prompt="{{ variables.tone }}/{{ variables.kind }}: {{ input }}",
        variables={"tone": "dry", "kind": "a"},
    )
    assert render_prompt(task, "x", {"tone": "warm"}).user == "warm/a: x"


def test_both_templates_see_the_passages() -> None:
    task = make(
        instructions="{{ passages | length }} passages",
        prompt="{% for p in passages %}\n[{{ p.number }}] {{ p.title }}: {{ p.text }}\n{% endfor %}\n"
        "{{ input }}",
    )
    passages = [PromptPassage(1, "Returns", "30 days"), PromptPassage(2, "Warranty", "24 months")]
    assert render_prompt(task, "How long?", passages=passages) == TaskPrompt(
        "2 passages", "[1] Returns: 30 days\n[2] Warranty: 24 months\nHow long?"
    )


def test_markup_in_the_input_is_neither_escaped_nor_rendered() -> None:
    text = "<b>{{ 7 * 7 }}</b> & {% raw %}"
    assert render_prompt(make(), text).user == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ variables.tone }}", "tone"),
        ("{{ nobody }}", "nobody"),
        ("{{ input ", "unexpected end"),
        ("{% include 'x' %}", "no loader"),
        ("{{ input + 1 }}", "concatenate"),
        ("{{ 1 // 0 }}", "zero"),
        ("{{ range(10000000) | list }}", "range"),
        ("{{ ''.__class__.__mro__ }}", "__class__"),
        ("{{ variables.update({'a': 1}) }}", "not safely callable|update"),
    ],
)
@pytest.mark.parametrize("place", ["prompt", "instructions"])
def test_a_template_that_cannot_be_rendered_is_a_prompt_error(place: str, template: str, reason: str) -> None:
    with pytest.raises(PromptError, match=rf"(?s)task 't': .*({reason})"):
        render_prompt(make(**{place: template}), "x")
