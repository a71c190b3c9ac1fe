"""Columns, instruction rows and conversations become rows; instructions never get lost unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from training.data.pipeline.rows import RawRow, Rejected, Row
from training.data.pipeline.shapes import Shaper
from training.data.pipeline.spec import Columns, Source

OWN = "Sort the ticket."


def _shaper(**settings: Any) -> Shaper:
    return Shaper(Source(path="rows.jsonl", licence="-", **settings), OWN, "rows.jsonl")


def _row(record: dict[str, Any], **settings: Any) -> Row:
    shaped = _shaper(**settings).shape(RawRow(record, "rows.jsonl:1"))
    assert isinstance(shaped, Row), shaped
    return shaped


def _reason(record: dict[str, Any], **settings: Any) -> str:
    shaped = _shaper(**settings).shape(RawRow(record, "rows.jsonl:1"))
    assert isinstance(shaped, Rejected), shaped
    return shaped.reason


def _chat(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_the_usual_columns_need_no_mapping() -> None:
    row = _row({"id": 7, "input": "in", "completion": "out", "group": "g", "slice": "s", "spans": []})
    assert (row.id, row.text, row.output, row.group, row.slice) == ("7", "in", "out", "g", "s")


def test_columns_are_mapped_by_name() -> None:
    columns = Columns(id="nr", text="anfrage", output="queue", group="kunde")
    row = _row({"nr": "1", "anfrage": "a", "queue": "b", "kunde": 3, "text": "not this"}, columns=columns)
    assert (row.id, row.text, row.output, row.group) == ("1", "a", "b", "3")


def test_a_row_that_names_its_teacher_keeps_that_and_none_can_pass_for_replay() -> None:
    assert _row({"text": "t", "output": "o", "source": "distilled:big@1"}).source == "distilled:big@1"
    assert _row({"text": "t", "output": "o", "source": "replay"}).source == "rows.jsonl"
    assert _row({"text": "t", "output": "o"}).source == "rows.jsonl"


def test_a_preference_pair_keeps_both_answers() -> None:
    row = _row({"prompt": "p", "chosen": "good", "rejected": "bad"})
    assert (row.text, row.output, row.rejected_output) == ("p", "good", "bad")


def test_the_last_turn_of_a_conversation_is_the_output() -> None:
    row = _row(_chat(("user", "Where is it?"), ("assistant", "shipping")))
    assert (row.text, row.output) == ("Where is it?", "shipping")


def test_a_system_turn_that_is_the_tasks_own_is_left_to_the_task() -> None:
    shaper = _shaper()
    shaped = shaper.shape(
        RawRow(_chat(("system", " Sort  the ticket.\n"), ("user", "u"), ("assistant", "a")), "p")
    )
    assert isinstance(shaped, Row)
    assert shaped.text == "u"
    assert shaper.counts == {"instructions that are the task's own": 1}


@pytest.mark.parametrize(("policy", "text"), [("prepend", "Answer in rhyme.\n\nu"), ("drop", "u")])
@pytest.mark.parametrize("role", ["system", "developer"])
def test_another_system_turn_is_handled_as_declared(policy: str, text: str, role: str) -> None:
    row = _row(_chat((role, "Answer in rhyme."), ("user", "u"), ("assistant", "a")), instructions=policy)
    assert row.text == text


def test_another_system_turn_may_be_a_reason_to_reject() -> None:
    chat = _chat(("system", "Answer in rhyme."), ("user", "u"), ("assistant", "a"))
    assert _reason(chat, instructions="reject") == "other_instructions"


def test_an_instruction_without_input_is_the_text() -> None:
    row = _row({"instruction": "Name a colour.", "input": "", "output": "Red."}, instructions="reject")
    assert row.text == "Name a colour."


def test_several_turns_are_rejected_or_written_as_a_transcript() -> None:
    chat = _chat(("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "other"))
    assert _reason(chat) == "several_turns"
    assert _row(chat, turns="transcript").text == "user: Hi\n\nassistant: Hello\n\nuser: Bye"


def test_content_in_parts_is_joined_when_all_is_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert _row(_chat(("user", parts), ("assistant", "x"))).text == "ab"
    image = [{"type": "image_url", "image_url": {"url": "data:"}}]
    assert _reason(_chat(("user", image), ("assistant", "x"))) == "no_text"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"text": "a"}, "no_output"),
        ({"output": "a"}, "no_text"),
        ({"text": 3, "output": "a"}, "no_text"),
        ({"text": "a", "output": "b", "id": ["x"]}, "label_no_text"),
        ({"text": "a", "output": "b", "group": True}, "label_no_text"),
        ({"instruction": 1, "output": "b"}, "no_text"),
        ({"messages": "hello"}, "no_output"),
        ({"messages": [3]}, "no_text"),
        (_chat(("user", "u")), "no_output"),
        (_chat(("assistant", "a")), "no_text"),
        (_chat(("user", "u"), ("tool", "t"), ("assistant", "a")), "tool_turn"),
        (
            {"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "tool_calls": [1]}]},
            "tool_turn",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "u"},
                    {"role": "assistant", "content": "a", "weight": 0},
                ]
            },
            "weight_zero",
        ),
    ],
)
def test_a_record_that_makes_no_row_is_rejected(record: dict[str, Any], reason: str) -> None:
    assert _reason(record) == reason
