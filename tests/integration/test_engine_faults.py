"""Engines that are away, slow, broken or lying: one typed failure, seen once, within the deadline."""

from __future__ import annotations

import httpx
import pytest

from tests.support import _wire
from tests.support.calls import INVOICE_JSON, INVOICE_TEXT, assert_error, chat_body
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread, wait_for_status
from tests.support.sse import DONE, Event, events_of, text_of
from tests.support.stub_engine import BEFORE_HEADERS, Reply, StubEngine

CHAT = "/v1/chat/completions"
TOKENS = ("one", " two", " three", " four")
QUICK = {"pools": {"small": {"stall_timeout_seconds": 0.3}}}


def assert_broken_stream(response: httpx.Response, code: str, text: str) -> None:
    """A stream that had begun: what was sent stays, one error event ends it, and there is no `[DONE]`."""
    assert response.status_code == 200
    events = events_of(response.text)
    assert_terminal_error(events, code)
    assert text_of([event.json for event in events[:-1]]) == text


def assert_terminal_error(events: list[Event], code: str) -> None:
    error = events[-1].json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert error["type"] == "server_error"
    assert all("error" not in event.json for event in events[:-1])
    assert all(event.data != DONE for event in events)
    finishes = [c["finish_reason"] for event in events[:-1] for c in event.json["choices"]]
    assert set(finishes) <= {None}


async def test_a_gateway_starts_without_its_engine_and_serves_once_it_is_there(
    start_gateway: StartGateway, engine: StubEngine
) -> None:
    engine.stop()
    gateway = start_gateway(engine, is_ready=False)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        response = await client.post(CHAT, json=chat_body())
        assert_error(response, 503, "engine_unavailable", should_retry=True)
        assert int(response.headers["retry-after"]) >= 1
        engine.start()
        wait_for_status(f"{gateway.url}/readyz", 200)
        assert (await client.post(CHAT, json=chat_body())).status_code == 200


async def test_an_engine_that_dies_later_is_noticed_and_used_again_when_it_is_back(
    client: httpx.AsyncClient, gateway: GatewayThread, engine: StubEngine
) -> None:
    assert (await client.post(CHAT, json=chat_body())).status_code == 200
    engine.stop()
    response = await client.post(CHAT, json=chat_body())
    assert response.status_code in (502, 503)
    wait_for_status(f"{gateway.url}/readyz", 503)
    response = await client.post(CHAT, json=chat_body())
    assert_error(response, 503, "engine_unavailable", should_retry=True)
    engine.start()
    wait_for_status(f"{gateway.url}/readyz", 200)
    assert (await client.post(CHAT, json=chat_body())).status_code == 200


async def test_another_engine_of_the_pool_takes_over(start_gateway: StartGateway, engine: StubEngine) -> None:
    with StubEngine() as second:
        # The health loop is slow here, so that the request itself meets the dead engine.
        changes = {"pools": {"small": {"health_interval_seconds": 60}}}
        gateway = start_gateway(engine, second, changes=changes)
        engine.wait(lambda stub: any(request.path == "/health" for request in stub.requests))
        second.wait(lambda stub: any(request.path == "/health" for request in stub.requests))
        engine.stop()
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            for _ in range(3):
                response = await client.post(CHAT, json=chat_body())
                assert response.status_code == 200, response.text
        assert len(second.generations) == 3


@pytest.mark.parametrize("sent", [1, 3])
async def test_a_cut_stream_ends_in_an_error_event(
    client: httpx.AsyncClient, engine: StubEngine, sent: int
) -> None:
    engine.script(Reply(tokens=TOKENS, cut_after=sent))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert_broken_stream(response, "engine_error", "".join(TOKENS[:sent]))
    assert len(engine.generations) == 1


async def test_a_stream_without_done_is_not_complete(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(tokens=TOKENS, is_done=False))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert_broken_stream(response, "engine_error", "".join(TOKENS))


BAD_EVENTS = {
    "broken JSON": b'data: {"choices": [{"index": 0,\n\n',
    "bytes that are not UTF-8": b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n',
    "JSON that is no chunk": b'data: ["not", "a", "chunk"]\n\n',
    "content of a wrong type": b'data: {"choices":[{"index":0,"delta":{"content":5}}]}\n\n',
    "choices of a wrong type": b'data: {"choices":7}\n\n',
    "an error of the engine": _wire.error_event("CUDA out of memory"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
async def test_a_malformed_event_ends_the_stream_in_an_error(
    client: httpx.AsyncClient, engine: StubEngine, name: str
) -> None:
    engine.script(Reply(tokens=TOKENS, inject=BAD_EVENTS[name], inject_after=2))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert_broken_stream(response, "engine_error", "one two")


@pytest.mark.parametrize("name", BAD_EVENTS)
async def test_a_malformed_first_event_is_a_real_status(
    client: httpx.AsyncClient, engine: StubEngine, name: str
) -> None:
    engine.script(Reply(body=BAD_EVENTS[name], content_type="text/event-stream"))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert_error(response, 502, "engine_error")


async def test_an_endless_event_is_given_up(client: httpx.AsyncClient, engine: StubEngine) -> None:
    huge = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * (9 * 1024 * 1024)
    engine.script(Reply(tokens=TOKENS, inject=huge, inject_after=1))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert_broken_stream(response, "engine_error", "one")


async def test_a_large_event_within_the_bound_passes(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(tokens=("x" * 1_000_000,)))
    response = await client.post(CHAT, json=chat_body(stream=True))
    events = events_of(response.text)
    assert len(text_of([event.json for event in events[:-1]])) == 1_000_000


BAD_BODIES = {
    "HTML": b"<html><body>Bad gateway</body></html>",
    "nothing": b"",
    "broken JSON": b'{"choices":[{"index":0,"message":{"content":"a',
    "no choices": b'{"choices":[]}',
    "no object": b"[]",
    "bytes that are not UTF-8": b'{"choices":[{"index":0,"message":{"content":"\xff"}}]}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_malformed_body_is_an_engine_error(
    client: httpx.AsyncClient, engine: StubEngine, name: str
) -> None:
    engine.script(Reply(body=BAD_BODIES[name]))
    response = await client.post(CHAT, json=chat_body())
    message = assert_error(response, 502, "engine_error")
    assert "html" not in message


async def test_a_wrong_content_type_of_a_stream_is_an_engine_error(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(body=b"<html>", content_type="text/html"))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert_error(response, 502, "engine_error")


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("status", [500, 502, 504, 418, 302])
async def test_a_broken_engine_is_a_final_502(
    client: httpx.AsyncClient, engine: StubEngine, status: int, is_stream: bool
) -> None:
    engine.script(Reply(status=status, message="secret host db-17"))
    response = await client.post(CHAT, json=chat_body(stream=is_stream))
    message = assert_error(response, 502, "engine_error", should_retry=False)
    assert "db-17" not in message
    assert "retry-after" not in response.headers


@pytest.mark.parametrize("status", [429, 503])
async def test_an_engine_without_room_is_worth_a_retry(
    client: httpx.AsyncClient, engine: StubEngine, status: int
) -> None:
    engine.script(Reply(status=status, headers={"Retry-After": "7"}))
    response = await client.post(CHAT, json=chat_body())
    assert_error(response, 503, "overloaded", should_retry=True)
    assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_connection_cut_before_the_reply_is_a_final_502(
    client: httpx.AsyncClient, engine: StubEngine, is_stream: bool
) -> None:
    engine.script(Reply(cut_after=BEFORE_HEADERS))
    response = await client.post(CHAT, json=chat_body(stream=is_stream))
    assert_error(response, 502, "engine_error")


async def test_a_body_cut_in_the_middle_is_a_final_502(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello", cut_after=1))
    assert_error(await client.post(CHAT, json=chat_body()), 502, "engine_error")


@pytest.mark.parametrize("hang_after", [BEFORE_HEADERS, 0])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_engine_that_hangs_is_a_504_at_the_tasks_deadline(
    start_gateway: StartGateway, engine: StubEngine, hang_after: int, is_stream: bool
) -> None:
    gateway = start_gateway(engine, tasks={"invoice-extract": {"policy": {"deadline_seconds": 0.5}}})
    engine.always(Reply(text=INVOICE_JSON, hang_after=hang_after))
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        request = chat_body(INVOICE_TEXT, model="invoice-extract", stream=is_stream)
        response = await client.post(CHAT, json=request)
    assert_error(response, 504, "engine_timeout")
    await engine.until(lambda stub: stub.aborted == 1)


async def test_a_stream_that_stalls_ends_in_a_timeout_event(
    start_gateway: StartGateway, engine: StubEngine
) -> None:
    gateway = start_gateway(engine, changes=QUICK)
    engine.script(Reply(tokens=TOKENS, hang_after=2))
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(CHAT, json=chat_body(stream=True))
    assert_broken_stream(response, "engine_timeout", "one two")
    await engine.until(lambda stub: stub.aborted == 1)


async def test_a_prompt_that_is_too_long_is_the_clients_to_mend(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    response = await client.post(CHAT, json=chat_body("word " * 5000))
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "messages"
    assert "4096" in error["message"]


async def test_a_prompt_that_is_too_long_for_a_stream_is_a_real_status(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=chat_body("word " * 5000, stream=True))
    assert_error(response, 400, "context_length_exceeded", param="messages")


async def test_a_schema_that_the_engine_refuses_within_the_stream_is_a_real_status(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    # vLLM answers 200 and then sends the refusal as the only event, with [DONE] after it.
    refused = _wire.error_event("Grammar error: too complex", 400, "BadRequestError") + _wire.DONE
    engine.script(Reply(body=refused, content_type="text/event-stream; charset=utf-8"))
    response = await client.post(CHAT, json=chat_body(stream=True))
    assert response.status_code in (400, 502)
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


async def test_an_adapterless_engine_that_lost_its_model_is_not_the_clients_fault(
    start_gateway: StartGateway,
) -> None:
    with StubEngine("some-other-model") as other:
        gateway = start_gateway(other)
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            response = await client.post(CHAT, json=chat_body())
    assert_error(response, 502, "engine_error")
