"""The parse stage: which decoder an endpoint gets, and the bound of nesting."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import InvalidRequestError
from gateway.parsing.parser import RequestParser
from gateway.records import Chat, Endpoint, InboundRequest

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def inbound(body: dict[str, Any] | bytes, endpoint: Endpoint = Endpoint.CHAT) -> InboundRequest:
    async def read() -> bytes:
        return body if isinstance(body, bytes) else orjson.dumps(body)

    return InboundRequest("id", endpoint, {}, read)


async def parse(body: dict[str, Any] | bytes, endpoint: Endpoint = Endpoint.CHAT) -> Chat:
    return await RequestParser(max_nesting=64).parse(inbound(body, endpoint))


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.CHAT, CHAT),
        (Endpoint.COMPLETIONS, {"model": "m", "prompt": "hi"}),
        (Endpoint.RESPONSES, {"model": "m", "input": "hi"}),
    ],
)
async def test_each_endpoint_has_its_own_body(endpoint: Endpoint, body: dict[str, Any]) -> None:
    chat = await parse(body, endpoint)
    assert (chat.endpoint, chat.text) == (endpoint, "hi")
    for other in set(Endpoint) - {endpoint}:
        with pytest.raises(InvalidRequestError):
            await parse(body, other)


@pytest.mark.parametrize("depth", [64, 900])
async def test_a_schema_that_comes_as_text_keeps_the_bound_of_nesting(depth: int) -> None:
    schema = '{"not":' * depth + "{}" + "}" * depth
    parser = RequestParser(max_nesting=64)
    with pytest.raises(InvalidRequestError, match="deeper than 64") as caught:
        await parser.parse(inbound({**CHAT, "structured_outputs": {"json": schema}}))
    assert caught.value.param == "structured_outputs.json"


async def test_the_bound_of_nesting_is_the_parsers_own() -> None:
    with pytest.raises(InvalidRequestError, match="deeper than 4"):
        await RequestParser(max_nesting=4).parse(inbound(b'{"a":[[[[1]]]]}'))
