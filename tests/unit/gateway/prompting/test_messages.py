"""Messages that every chat template understands."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.prompting._messages import plain, tool_instructions, with_system
from gateway.records import Tool


def test_plain_turns_stay_as_they_are() -> None:
    turns = [{"role": r, "content": r} for r in ("system", "user", "assistant")]
    assert plain(turns) == turns


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ({"role": "developer", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        (
            {"role": "tool", "tool_call_id": "1", "content": "sunny"},
            {"role": "user", "content": "Function result: sunny"},
        ),
        ({"role": "assistant", "content": None}, {"role": "assistant", "content": ""}),
        ({"role": "user", "content": "a", "name": "bob"}, {"role": "user", "content": "a"}),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "a\nb"},
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]},
        ),
    ],
    ids=str,
)
def test_other_turns_are_rewritten(message: dict[str, Any], written: dict[str, Any]) -> None:
    assert plain([message]) == [written]


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ('{"city": "Köln"}', '{"name":"f","arguments":{"city":"Köln"}}'),
        ("", '{"name":"f","arguments":{}}'),
        ("{broken", '{"name":"f","arguments":"{broken"}'),
    ],
)
def test_earlier_calls_are_written_as_the_model_is_asked_to_write_them(arguments: str, written: str) -> None:
    function = {"name": "f", "arguments": arguments}
    called = {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [{"id": "1", "function": function}],
    }
    assert plain([called]) == [{"role": "assistant", "content": f"Let me see.\n{written}"}]


def test_a_system_text_comes_first() -> None:
    user = {"role": "user", "content": "hi"}
    assert with_system([user], "Be kind.") == [{"role": "system", "content": "Be kind."}, user]
    assert with_system([user], "") == [user]


def test_a_system_text_joins_the_one_that_is_there() -> None:
    turns = [{"role": "system", "content": "Theirs."}, {"role": "user", "content": "hi"}]
    assert with_system(turns, "Ours.")[0] == {"role": "system", "content": "Ours.\n\nTheirs."}
    assert len(with_system(turns, "Ours.")) == 2


def test_the_instructions_name_every_tool_with_its_parameters() -> None:
    tools = [Tool("f", "Does f.", {"type": "object"}), Tool("g", "Tut g für ä.", {})]
    assert tool_instructions(tools).splitlines()[1:] == [
        '{"name":"f","description":"Does f.","parameters":{"type":"object"}}',
        '{"name":"g","description":"Tut g für ä.","parameters":{}}',
    ]
