"""Chat and completion requests to the record that every stage reads."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
)
from gateway.errors import InvalidRequestError
from gateway.parsing.parser import parse_chat, parse_completion
from gateway.records import Chat, Endpoint, StreamMode, ToolUse

USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def chat(**fields: Any) -> Chat:
    return parse_chat({"model": "m", "messages": [USER], **fields})


def completion(**fields: Any) -> Chat:
    return parse_completion({"model": "m", "prompt": "hi", **fields})


def refused(param: str, **fields: Any) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        chat(**fields)
    assert caught.value.param == param
    return caught.value.message


def tool(name: str, **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}


def test_messages_are_kept_as_the_client_wrote_them() -> None:
    messages = [
        {"role": "developer", "content": "Be brief.", "name": "ops"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}],
        },
    ]
    assert chat(messages=messages).messages == tuple(messages)


@pytest.mark.parametrize("role", ["system", "developer", "user", "tool"])
@pytest.mark.parametrize("nothing", [{}, {"content": None}, {"content": []}], ids=str)
def test_a_turn_without_content_is_refused_by_its_place(role: str, nothing: dict[str, Any]) -> None:
    refused("messages.1.content", messages=[USER, {"role": role, **nothing}])


def test_an_assistants_turn_may_have_calls_in_place_of_content() -> None:
    assert chat(messages=[USER, {"role": "assistant", "content": None}]).text == "hi"


def test_the_text_is_the_last_user_turn() -> None:
    turns = [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}, {"role": "assistant"}]
    assert chat(messages=turns).text == "last"


def test_the_text_parts_of_a_turn_are_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    assert chat(messages=[{"role": "user", "content": parts}]).text == "a\nb"


def test_without_a_user_turn_there_is_no_text() -> None:
    assert chat(messages=[{"role": "system", "content": "x"}]).text == ""


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ("hi", "messages"),
        ([5], "messages.0"),
        ([{"content": "x"}], "messages.0.role"),
        ([{"role": "robot", "content": "x"}], "messages.0.role"),
        ([USER, {"role": "user", "content": 5}], "messages.1.content"),
        ([{"role": "assistant", "tool_calls": [{"id": "1"}]}], "messages.0.tool_calls.0.function"),
    ],
    ids=str,
)
def test_a_message_at_fault_is_named(messages: Any, param: str) -> None:
    refused(param, messages=messages)


def test_the_newer_name_of_the_limit_wins() -> None:
    assert chat(max_tokens=5, max_completion_tokens=9).max_tokens == 9
    assert chat(max_tokens=5).max_tokens == 5
    assert chat().max_tokens is None


def test_stream_options_are_read() -> None:
    streamed = chat(
        stream=True, stream_options={"include_usage": True}, firstline={"stream": "verified"}, n=2
    )
    assert (streamed.stream, streamed.include_usage, streamed.stream_mode) == (
        True,
        True,
        StreamMode.VERIFIED,
    )
    assert streamed.choices == 2
    assert (chat().stream, chat().include_usage, chat().stream_mode, chat().choices) == (
        False,
        False,
        None,
        1,
    )


def test_variables_come_from_our_own_options() -> None:
    assert chat(firstline={"variables": {"tone": "dry"}}).variables == {"tone": "dry"}


def test_a_completion_has_a_prompt_and_no_messages() -> None:
    parsed = completion(prompt=["hi"], max_tokens=3)
    assert (parsed.endpoint, parsed.prompt, parsed.text, parsed.messages) == (
        Endpoint.COMPLETIONS,
        "hi",
        "hi",
        (),
    )
    assert parsed.max_tokens == 3


@pytest.mark.parametrize("prompt", [[], ["a", "b"]])
def test_a_completion_takes_one_prompt(prompt: list[str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        completion(prompt=prompt)
    assert caught.value.param == "prompt"


CONTRACTS: list[tuple[dict[str, Any], OutputContract | None]] = [
    ({"response_format": {"type": "text"}}, None),
    ({"response_format": {"type": "json_object"}}, JsonObjectOutput(kind="json_object")),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            }
        },
        JsonSchemaOutput(kind="json_schema", json_schema=SCHEMA, strict=True),
    ),
    ({"structured_outputs": {"json": SCHEMA}}, JsonSchemaOutput(kind="json_schema", json_schema=SCHEMA)),
    (
        {"structured_outputs": {"json": '{"type":"object"}'}},
        JsonSchemaOutput(kind="json_schema", json_schema={"type": "object"}),
    ),
    ({"structured_outputs": {"json": False}}, JsonSchemaOutput(kind="json_schema", json_schema=False)),
    ({"structured_outputs": {"json_object": True}}, JsonObjectOutput(kind="json_object")),
    ({"structured_outputs": {"choice": ["a", "b"]}}, ChoiceOutput(kind="choice", choices=("a", "b"))),
    ({"structured_outputs": {"regex": "a+"}}, RegexOutput(kind="regex", pattern="a+")),
    ({"structured_outputs": {"regex": "a+", "json_object": False}}, RegexOutput(kind="regex", pattern="a+")),
    ({"structured_outputs": {"grammar": "start: /a/"}}, GrammarOutput(kind="grammar", grammar="start: /a/")),
    (
        {"structured_outputs": {"regex": "a"}, "response_format": {"type": "text"}},
        RegexOutput(kind="regex", pattern="a"),
    ),
    ({}, None),
]


@pytest.mark.parametrize(("fields", "contract"), CONTRACTS, ids=lambda case: str(case)[:60])
def test_the_output_contract_is_read(fields: dict[str, Any], contract: OutputContract | None) -> None:
    assert chat(**fields).output == contract
    assert completion(**fields).output == contract


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "response_format.json_schema.schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
            "response_format.json_schema.schema",
        ),
        ({"structured_outputs": {"regex": "a", "choice": ["b"]}}, "structured_outputs"),
        ({"structured_outputs": {"json_object": False}}, "structured_outputs"),
        ({"structured_outputs": {"choice": []}}, "structured_outputs.choice"),
        ({"structured_outputs": {"regex": ""}}, "structured_outputs.regex"),
        ({"structured_outputs": {"grammar": ""}}, "structured_outputs.grammar"),
        ({"structured_outputs": {"json": "{"}}, "structured_outputs.json"),
        ({"structured_outputs": {"json": "[1]"}}, "structured_outputs.json"),
        (
            {"structured_outputs": {"regex": "a"}, "response_format": {"type": "json_object"}},
            "structured_outputs",
        ),
    ],
    ids=str,
)
def test_an_incomplete_contract_is_refused(fields: dict[str, Any], param: str) -> None:
    refused(param, **fields)


def test_tools_are_read_with_their_choice() -> None:
    parsed = chat(tools=[tool("a", description="d", parameters=SCHEMA), tool("b")], parallel_tool_calls=False)
    assert [(t.name, t.description, t.parameters) for t in parsed.tools] == [
        ("a", "d", SCHEMA),
        ("b", "", {"type": "object"}),
    ]
    assert (parsed.tool_use, parsed.parallel_tool_calls) == (ToolUse.AUTO, False)


@pytest.mark.parametrize(
    ("choice", "names", "use"),
    [
        ("auto", ["a", "b"], ToolUse.AUTO),
        ("required", ["a", "b"], ToolUse.REQUIRED),
        ("none", [], ToolUse.NONE),
        ({"type": "function", "function": {"name": "b"}}, ["b"], ToolUse.NAMED),
    ],
)
def test_the_choice_narrows_the_tools(choice: Any, names: list[str], use: ToolUse) -> None:
    parsed = chat(tools=[tool("a"), tool("b")], tool_choice=choice)
    assert ([t.name for t in parsed.tools], parsed.tool_use) == (names, use)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [tool("a"), tool("a")]}, "tools"),
        ({"tools": [tool("a b")]}, "tools.0.function.name"),
        ({"tools": [tool("a")] * 129}, "tools"),
        ({"tools": [{"type": "retrieval"}]}, "tools.0.type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [tool("a")], "tool_choice": "sometimes"}, "tool_choice"),
        (
            {"tools": [tool("a")], "tool_choice": {"type": "function", "function": {"name": "z"}}},
            "tool_choice",
        ),
    ],
    ids=lambda case: str(case)[:60],
)
def test_a_tool_at_fault_is_named(fields: dict[str, Any], param: str) -> None:
    refused(param, **fields)


def test_a_fault_does_not_repeat_the_value() -> None:
    assert "secret" not in refused("temperature", temperature="secret")
