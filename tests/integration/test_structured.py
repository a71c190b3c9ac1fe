"""Structured output end to end: intake, the part that is forced, verification, and hostile input."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.calls import (
    INVOICE_JSON,
    INVOICE_TEXT,
    WEATHER_TOOL,
    YES_NO,
    assert_error,
    chat_body,
    schema_format,
)
from tests.support.gateway_fixtures import StartGateway
from tests.support.metrics import wait_for_metric
from tests.support.settings_files import UPSTREAM_MODEL
from tests.support.sse import DONE, events_of
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"
TAGS = {
    "type": "object",
    "properties": {"tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}},
    "required": ["tags"],
    "additionalProperties": False,
}
TWICE, ONCE = '{"tags":["a","a"]}', '{"tags":["a"]}'


def asking(schema: Any, **more: Any) -> dict[str, Any]:
    return chat_body(response_format=schema_format(schema), **more)


def strict(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


async def test_what_the_grammar_cannot_force_is_verified(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=TWICE), Reply(text=ONCE))
    response = await client.post(CHAT, json=asking(TAGS))
    assert response.json()["choices"][0]["message"]["content"] == ONCE
    assert response.headers["x-firstline-outcome"] == "repaired"
    sent = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert sent["x-guidance"]["lenient"] is True
    assert {name: sent[name] for name in TAGS} == TAGS
    assert "/tags" in engine.generations[1].body["messages"][-1]["content"]


async def test_strict_refuses_it_by_its_place_and_an_option_allows_it(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    pattern = {"type": "string", "pattern": "^(?!x)[a-z]+$"}
    schema = {**YES_NO, "properties": {"answer": pattern}}
    request = chat_body(response_format=strict(schema))
    response = await client.post(CHAT, json=request)
    assert_error(response, 400, "schema_unsupported", param="response_format", says="allow_partial_grammar")
    (fault,) = response.json()["error"]["errors"]
    assert (fault["pointer"], fault["keyword"]) == ("/properties/answer/pattern", "pattern")
    engine.script(Reply(text='{"answer":"abc"}'))
    response = await client.post(CHAT, json={**request, "firstline": {"allow_partial_grammar": True}})
    assert response.status_code == 200
    sent = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert sent["properties"]["answer"] == {"type": "string"}


async def test_the_rules_of_strict_mode_are_told_by_path(client: httpx.AsyncClient) -> None:
    loose = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}, "required": ["a"]}
    response = await client.post(CHAT, json=chat_body(response_format=strict(loose)))
    assert_error(response, 400, "schema_unsupported", param="response_format", says="/additionalProperties")
    tool = {"type": "function", "function": {"name": "f", "parameters": loose, "strict": True}}
    response = await client.post(CHAT, json=chat_body(tools=[WEATHER_TOOL, tool]))
    assert_error(response, 400, "schema_unsupported", param="tools.1.function.parameters")


async def test_a_stream_of_what_is_forced_in_part_is_held_back(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=TWICE), Reply(text=ONCE))
    response = await client.post(CHAT, json=asking(TAGS, stream=True))
    events = events_of(response.text)
    text = "".join(c["delta"].get("content") or "" for e in events[:-1] for c in e.json["choices"])
    assert (text, events[-1].data) == (ONCE, DONE)
    engine.script(Reply(text=TWICE))
    response = await client.post(CHAT, json=asking(TAGS, stream=True, firstline={"stream": "passthrough"}))
    error = events_of(response.text)[-1].json["error"]
    assert (error["failure"], error["errors"][0]["keyword"]) == ("schema", "uniqueItems")


async def test_a_stream_that_cannot_become_valid_is_stopped_on_the_engine(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=('{"answer":', '"maybe', "..."), hang_after=2))
    response = await client.post(CHAT, json=asking(YES_NO, stream=True))
    error = events_of(response.text)[-1].json["error"]
    assert (error["code"], error["failure"]) == ("output_invalid", "format")
    assert "byte 11" in error["errors"][0]["message"]
    assert "maybe" not in response.text


LINES = {
    "output": {
        "kind": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "lines": {"type": "array", "items": {"type": "number"}},
                "total": {"type": "number"},
            },
            "required": ["lines", "total"],
            "additionalProperties": False,
        },
    },
    "verification": {
        "rules": [
            {
                "name": "adds-up",
                "expression": "close(sum(output.lines), output.total, 0.001)",
                "message": "the lines do not add up",
                "pointer": "/total",
            }
        ],
        "grounding": {"pointers": ["/total"]},
    },
}
ORDER = "Lines 10.00 and 20,50; to pay EUR 30,50"
RIGHT, WRONG_SUM, INVENTED = (
    '{"lines":[10,20.5],"total":30.5}',
    '{"lines":[10,20.5],"total":20.5}',
    '{"lines":[10,21.5],"total":31.5}',
)


@pytest.mark.parametrize(("wrong", "failure"), [(WRONG_SUM, "rule"), (INVENTED, "grounding")])
async def test_rules_and_grounding_of_a_task(
    start_gateway: StartGateway, engine: StubEngine, wrong: str, failure: str
) -> None:
    gateway = start_gateway(engine, tasks={"invoice-extract": LINES})
    engine.script(Reply(text=wrong), Reply(text=RIGHT), Reply(text=wrong), Reply(text=wrong))
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        request = chat_body(ORDER, model="invoice-extract@base")
        response = await client.post(CHAT, json=request)
        assert response.json()["choices"][0]["message"]["content"] == RIGHT
        assert response.headers["x-firstline-outcome"] == "repaired"
        response = await client.post(CHAT, json=request)
    assert_error(response, 502, "reask_failed", says="/total")
    error = response.json()["error"]
    assert (error["failure"], error["errors"][0]["kind"]) == (failure, failure)
    task = 'schema="{}",task="invoice-extract",version="base"'
    schema = (await _label(gateway.url, "firstline_structured_failures_total"))["schema"]
    labels = f'failure="{failure}",{task.format(schema)}'
    await wait_for_metric(gateway.url, f"firstline_structured_failures_total{{{labels}}}", 3)
    for outcome in ("repaired", "failed"):
        labels = f'outcome="{outcome}",{task.format(schema)}'
        await wait_for_metric(gateway.url, f"firstline_structured_requests_total{{{labels}}}", 1)


async def test_a_second_model_confirms_or_the_answer_never_leaves(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine
) -> None:
    asked = {"verifier": {"model": UPSTREAM_MODEL, "question": "{{ input }} -> {{ answer }}. Right?"}}
    gateway = start_gateway(
        engine,
        upstream=upstream,
        tasks={"invoice-extract": {"verification": asked, "policy": {"may_escalate": False}}},
    )
    engine.always(Reply(text=INVOICE_JSON))
    upstream.script(Reply(text="yes"), Reply(text="no"), Reply(text="no"))
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        request = chat_body(INVOICE_TEXT, model="invoice-extract@base")
        confirmed = await client.post(CHAT, json=request)
        denied = await client.post(CHAT, json=request)
    assert confirmed.json()["choices"][0]["message"]["content"] == INVOICE_JSON
    assert (confirmed.headers["x-firstline-attempts"], confirmed.headers["x-firstline-outcome"]) == (
        "2",
        "valid",
    )
    assert INVOICE_JSON in upstream.generations[0].body["messages"][-1]["content"]
    assert_error(denied, 502, "reask_failed")
    assert denied.json()["error"]["failure"] == "verifier"


async def test_a_tasks_refusal_is_openais(start_gateway: StartGateway, engine: StubEngine) -> None:
    policy = {"on_unproven": "refuse", "refusal": "This invoice cannot be read."}
    gateway = start_gateway(engine, tasks={"invoice-extract": {"policy": policy}})
    engine.always(Reply(text="{}"))
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        response = await client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract@base"))
    (choice,) = response.json()["choices"]
    assert (choice["message"]["refusal"], choice["message"]["content"]) == (policy["refusal"], None)
    assert (response.status_code, response.headers["x-firstline-outcome"]) == (200, "refused")


HOSTILE = {
    "a number beyond double": b'{"type":"number","maximum":1e400}',
    "a lone surrogate": b'{"const":"\\ud800"}',
    "a reference to a file": b'{"$ref":"file:///etc/passwd"}',
    "a recursion without an end": b'{"$ref":"#"}',
    "a schema that is none": b'"object"',
    "an explosion": b'{"type":"array","minItems":100000000,"items":{"minItems":100000000}}',
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_schema_is_a_typed_400(client: httpx.AsyncClient, name: str) -> None:
    body = json.dumps(asking("SCHEMA")).encode().replace(b'"SCHEMA"', HOSTILE[name])
    response = await client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["code"] in ("schema_unsupported", "invalid_request")


async def test_an_integer_beyond_64_bits_is_refused_and_not_rounded(client: httpx.AsyncClient) -> None:
    for number, is_refused in {2**64 - 1: False, 2**64: True, -(2**63): False, -(2**63) - 1: True}.items():
        body = json.dumps(asking({"type": "integer", "maximum": number}, max_tokens=5)).encode()
        response = await client.post(CHAT, content=body, headers={"content-type": "application/json"})
        if is_refused:
            assert_error(response, 400, "invalid_request", says=str(number))
        else:
            assert "64 bits" not in response.text
    text = chat_body("The number 123456789012345678901234567890, please")
    assert (await client.post(CHAT, json=text)).status_code == 200


async def test_keys_that_look_alike_are_told_apart(client: httpx.AsyncClient, engine: StubEngine) -> None:
    composed, decomposed = "\u00e9", "e\u0301"
    schema = {
        "type": "object",
        "properties": {composed: {"type": "integer"}, decomposed: {"type": "string"}},
        "required": [composed, decomposed],
        "additionalProperties": False,
    }
    swapped = json.dumps({composed: "a", decomposed: 1}, ensure_ascii=False)
    right = json.dumps({composed: 1, decomposed: "a"}, ensure_ascii=False)
    engine.script(Reply(text=swapped), Reply(text=right))
    response = await client.post(CHAT, json=asking(schema))
    assert response.json()["choices"][0]["message"]["content"] == right
    assert response.headers["x-firstline-outcome"] == "repaired"


async def test_a_schema_that_is_too_large_is_refused_before_it_is_looked_at(
    client: httpx.AsyncClient,
) -> None:
    enum = {"enum": [f"value-{number:08}" for number in range(40_000)]}
    assert_error(
        await client.post(CHAT, json=asking(enum)), 400, "schema_unsupported", param="response_format"
    )
    enum = {"enum": ["x" * 1000] * 10_500}
    assert_error(await client.post(CHAT, json=asking(enum)), 413, "request_too_large")


async def test_an_unknown_schema_is_counted_by_its_verdict(
    start_gateway: StartGateway, engine: StubEngine
) -> None:
    gateway = start_gateway(engine)
    engine.always(Reply(text=ONCE))
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        for _ in range(2):
            assert (await client.post(CHAT, json=asking(TAGS))).status_code == 200
    await wait_for_metric(gateway.url, 'firstline_schema_vet_seconds_count{verdict="partly"}', 1)
    labels = 'outcome="valid",schema="request",task="",version=""'
    await wait_for_metric(gateway.url, f"firstline_structured_requests_total{{{labels}}}", 2)


async def _label(url: str, family: str) -> dict[str, str]:
    """The labels of the first sample of a family."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics")).text
    line = next(line for line in text.splitlines() if line.startswith(f"{family}{{"))
    pairs = line[line.index("{") + 1 : line.index("}")].split(",")
    return {name: value.strip('"') for name, value in (pair.split("=", 1) for pair in pairs)}
