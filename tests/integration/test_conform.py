"""An unproven structured answer is never returned as success: retry, re-ask, escalate, typed error."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.calls import (
    INVOICE,
    INVOICE_JSON,
    INVOICE_TEXT,
    WEATHER_TOOL,
    YES_NO,
    assert_error,
    chat_body,
    schema_format,
)
from tests.support.gateway_fixtures import StartGateway
from tests.support.settings_files import MODEL, UPSTREAM_MODEL
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"
INVOICE_REQUEST = chat_body(INVOICE_TEXT, model="invoice-extract")
INVALID = {
    "free text": "I cannot read this invoice.",
    "a field of a wrong type": '{"invoice_id":7,"date":null,"vendor":null,"total_amount":1}',
    "a missing field": '{"invoice_id":"A"}',
    "a field too many": INVOICE_JSON[:-1] + ',"extra":1}',
    "a date that is none": INVOICE_JSON.replace("2026-01-14", "2026-13-99"),
    "a repeated key": INVOICE_JSON[:-1] + ',"vendor":"Other"}',
    "NaN": INVOICE_JSON.replace("1248.5", "NaN"),
    "two values": INVOICE_JSON + INVOICE_JSON,
    "nothing": "",
}


@pytest.mark.parametrize("name", INVALID)
async def test_an_invalid_answer_is_asked_again_once(
    client: httpx.AsyncClient, engine: StubEngine, name: str
) -> None:
    engine.script(Reply(text=INVALID[name]), Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json=INVOICE_REQUEST)
    assert response.status_code == 200
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == INVOICE
    assert response.headers["x-firstline-outcome"] == "repaired"
    assert response.headers["x-firstline-attempts"] == "2"
    assert len(engine.generations) == 2


@pytest.mark.parametrize("name", INVALID)
async def test_an_answer_that_stays_invalid_is_a_typed_error(
    client: httpx.AsyncClient, engine: StubEngine, name: str
) -> None:
    engine.always(Reply(text=INVALID[name]))
    response = await client.post(CHAT, json=INVOICE_REQUEST)
    message = assert_error(response, 502, "reask_failed")
    assert "invoice" not in message.lower().replace("invoice_id", "")
    assert len(engine.generations) == 2


async def test_a_failure_says_where_it_was_sent_and_what_it_cost(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(tokens=("{}",), prompt_tokens=1000))
    response = await client.post(CHAT, json=INVOICE_REQUEST)
    assert_error(response, 502, "reask_failed")
    known = {name: value for name, value in response.headers.items() if name.startswith("x-firstline")}
    assert known.pop("x-firstline-confidence")
    assert known == {
        "x-firstline-action": "answer",
        "x-firstline-task": "invoice-extract",
        "x-firstline-model": MODEL,
        "x-firstline-outcome": "failed",
        "x-firstline-attempts": "2",
        "x-firstline-cost-usd": "0.002004000",
    }


async def test_the_second_asking_shows_the_model_what_was_wrong(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    wrong = INVALID["a field of a wrong type"]
    engine.script(Reply(text=wrong), Reply(text=INVOICE_JSON))
    await client.post(CHAT, json=INVOICE_REQUEST)
    first, second = engine.generations
    before = first.body["messages"]
    assert second.body["messages"][: len(before)] == before
    assistant, user = second.body["messages"][len(before) :]
    assert assistant == {"role": "assistant", "content": wrong}
    assert "/invoice_id" in user["content"]
    assert second.body["response_format"] == first.body["response_format"]


async def test_a_truncated_answer_is_retried_once_with_more_room(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(text=INVOICE_JSON[:40], finish_reason="length"), Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json=INVOICE_REQUEST)
    assert response.headers["x-firstline-outcome"] == "repaired"
    first, second = engine.generations
    assert second.body["max_tokens"] > first.body["max_tokens"]


async def test_a_valid_prefix_that_was_cut_off_is_not_a_success(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(text=INVOICE_JSON, finish_reason="length"))
    response = await client.post(CHAT, json=INVOICE_REQUEST)
    assert_error(response, 502, "compact_retry_failed", says="token limit")
    assert len(engine.generations) == 2


async def test_the_clients_own_limit_is_not_exceeded_by_the_retry(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(text=INVOICE_JSON))
    response = await client.post(CHAT, json={**INVOICE_REQUEST, "max_tokens": 5})
    assert_error(response, 502, "compact_retry_failed")
    assert [sent.body["max_tokens"] for sent in engine.generations] == [5, 5]


async def test_what_the_small_model_cannot_prove_is_escalated(
    escalating_client: httpx.AsyncClient, engine: StubEngine, upstream: StubEngine
) -> None:
    engine.always(Reply(text="{}"))
    upstream.script(Reply(text=INVOICE_JSON))
    response = await escalating_client.post(CHAT, json=INVOICE_REQUEST)
    body = response.json()
    assert json.loads(body["choices"][0]["message"]["content"]) == INVOICE
    assert response.headers["x-firstline-outcome"] == body["firstline"]["outcome"] == "escalated"
    assert response.headers["x-firstline-attempts"] == "3"
    assert [sent.body["model"] for sent in engine.generations] == [MODEL, MODEL]
    (sent,) = upstream.generations
    assert sent.body["model"] == UPSTREAM_MODEL
    assert sent.body["messages"] == engine.generations[0].body["messages"]


async def test_the_cost_counts_every_attempt(
    escalating_client: httpx.AsyncClient, engine: StubEngine, upstream: StubEngine
) -> None:
    engine.always(Reply(tokens=("{}",), prompt_tokens=1000))
    upstream.script(Reply(tokens=(INVOICE_JSON,), prompt_tokens=1000))
    response = await escalating_client.post(CHAT, json=INVOICE_REQUEST)
    small, large = 1000 * 1e-6 + 1 * 2e-6, 1000 * 1e-4 + 1 * 2e-4
    assert float(response.headers["x-firstline-cost-usd"]) == pytest.approx(2 * small + large)
    assert response.json()["firstline"]["cost_usd"] == pytest.approx(2 * small + large)


async def test_an_escalation_that_fails_too_is_a_typed_error(
    escalating_client: httpx.AsyncClient, engine: StubEngine, upstream: StubEngine
) -> None:
    engine.always(Reply(text="{}"))
    upstream.always(Reply(text="{}"))
    response = await escalating_client.post(CHAT, json=INVOICE_REQUEST)
    assert_error(response, 502, "escalation_failed")
    assert len(engine.generations) == 2
    assert len(upstream.generations) == 1


async def test_an_upstream_that_is_broken_does_not_hide_what_happened(
    escalating_client: httpx.AsyncClient, engine: StubEngine, upstream: StubEngine
) -> None:
    engine.always(Reply(text="{}"))
    upstream.always(Reply(status=500))
    response = await escalating_client.post(CHAT, json=INVOICE_REQUEST)
    assert_error(response, 502, "escalation_failed", says="engine_error")


async def test_a_task_that_may_not_escalate_does_not(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine
) -> None:
    tasks = {"invoice-extract": {"policy": {"may_escalate": False}}}
    gateway = start_gateway(engine, upstream=upstream, tasks=tasks)
    engine.always(Reply(text="{}"))
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(CHAT, json=INVOICE_REQUEST)
    assert_error(response, 502, "reask_failed")
    assert upstream.generations == []


async def test_an_invalid_answer_to_the_requests_own_schema_is_not_returned(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(text='{"answer":"maybe"}'))
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(YES_NO)))
    assert_error(response, 502, "reask_failed", says="/answer")


async def test_keywords_that_no_grammar_forces_are_verified(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    engine.always(Reply(text='{"a":[1,1]}'))
    response = await client.post(CHAT, json=chat_body(response_format=schema_format(schema)))
    assert response.status_code in (400, 502)
    assert "choices" not in response.json()


async def test_every_one_of_several_choices_must_be_valid(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(text="purple"))
    request = chat_body(n=2, temperature=1, structured_outputs={"choice": ["red", "green"]})
    assert_error(await client.post(CHAT, json=request), 502, "reask_failed")


async def test_a_tool_call_that_breaks_the_tools_schema_is_not_returned(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.always(Reply(text='{"name":"get_weather","arguments":{"town":"Lisbon"}}'))
    request = chat_body("Weather?", tools=[WEATHER_TOOL], tool_choice="required")
    assert_error(await client.post(CHAT, json=request), 502, "reask_failed")
