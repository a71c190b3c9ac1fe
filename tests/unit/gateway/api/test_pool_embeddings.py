"""Embeddings that a pool gives: what is sent, what is noted, and what every failure becomes."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.outcome import Attempt, Usage
from gateway.api.pool_embeddings import PoolEmbedder
from gateway.engines.client import EngineUnreachableError, UnknownModelError
from gateway.errors import EngineError, EngineTimeoutError, EngineUnavailableError, InvalidRequestError
from tests.unit.gateway.engines.fake_engines import FakeClient, Script, make_pool
from tests.unit.gateway.fakes import FakeClock, FakeTrace

BODY = {"model": "m", "input": [[1, 2], [3]], "encoding_format": "base64"}
REPLY = b'{"data":[{"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}'


async def embed(*engines: list[Script]) -> tuple[bytes | Exception, list[Attempt], list[FakeClient]]:
    """One request to a pool whose engines have these replies."""
    clients = [FakeClient(replies=replies) for replies in engines]
    embedder = PoolEmbedder(
        {"small": make_pool(*clients)}, price=lambda _, usage: usage.prompt_tokens / 10, clock=FakeClock()
    )
    trace: Any = FakeTrace()
    given: bytes | Exception
    try:
        given = await embedder.embed("small", BODY, trace)
    except Exception as error:  # noqa: BLE001  # it is what the test looks at
        given = error
    return given, trace.noted, clients


async def test_what_came_is_sent_and_what_it_used_is_noted() -> None:
    given, noted, [client] = await embed([REPLY])
    assert given == REPLY
    assert [(call["path"], call["body"]) for call in client.asked] == [("/v1/embeddings", BODY)]
    assert noted == [Attempt("first", "small", "m", Usage(prompt_tokens=7), 0.7, 0.0)]


@pytest.mark.parametrize(
    ("reply", "prompt_tokens"),
    [
        (b'{"usage": {\n"total_tokens": 4, "prompt_tokens" : 3}, "data": []}', 3),
        (b' {"data":[],"usage":{"prompt_tokens":3,"prompt_tokens_details":{"prompt_tokens":9}}}', 3),
        (b'{"data":[],"usage":{"total_tokens":3}}', 0),
        (b'{"data":[],"usage":null}', 0),
        (b'{"data":[]}', 0),
        (b"{", 0),
    ],
)
async def test_usage_is_read_where_it_stands(reply: bytes, prompt_tokens: int) -> None:
    given, noted, _ = await embed([reply])
    assert given == reply
    assert [attempt.usage for attempt in noted] == [Usage(prompt_tokens=prompt_tokens)]


@pytest.mark.parametrize(
    ("reply", "failure", "code"),
    [
        (b"<html>", EngineError, "engine_error"),
        (b"", EngineError, "engine_error"),
        (EngineError("500"), EngineError, "engine_error"),
        (EngineTimeoutError("slow"), EngineTimeoutError, "engine_timeout"),
        (InvalidRequestError("too long", param="input"), InvalidRequestError, "invalid_request"),
        (UnknownModelError("404"), InvalidRequestError, "invalid_request"),
    ],
    ids=str,
)
async def test_a_failure_is_typed_and_noted(reply: Script, failure: type[Exception], code: str) -> None:
    given, noted, _ = await embed([reply])
    assert type(given) is failure
    assert noted == [Attempt("first", "small", "m", Usage(), 0.0, 0.0, code)]


async def test_a_model_that_serves_no_embeddings_is_named() -> None:
    given, _, _ = await embed([UnknownModelError("404")])
    assert isinstance(given, InvalidRequestError)
    assert (given.message, given.param) == ("The model 'm' serves no embeddings", "model")


async def test_an_engine_that_cannot_be_reached_is_left_for_another() -> None:
    given, noted, clients = await embed([EngineUnreachableError("gone")], [REPLY])
    assert given == REPLY
    assert [len(client.asked) for client in clients] == [1, 1]
    assert [attempt.failure for attempt in noted] == [None]


async def test_a_pool_of_which_nobody_can_be_reached_says_when_to_come_back() -> None:
    given, noted, _ = await embed([EngineUnreachableError("gone")], [EngineUnreachableError("gone")])
    assert isinstance(given, EngineUnavailableError)
    assert given.retry_after_seconds == 5
    assert [attempt.failure for attempt in noted] == ["engine_unavailable"]
