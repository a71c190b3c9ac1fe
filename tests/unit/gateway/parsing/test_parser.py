"""The parse stage: which decoder an endpoint gets, and what is compiled before anything is generated."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from contracts.output import JsonSchemaOutput, OutputContract, RegexOutput
from gateway.conformance import ContractCompiler
from gateway.errors import InvalidRequestError, SchemaUnsupportedError
from gateway.parsing.parser import RequestParser
from gateway.records import Chat, Endpoint, InboundRequest

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def inbound(body: dict[str, Any] | bytes, endpoint: Endpoint = Endpoint.CHAT) -> InboundRequest:
    async def read() -> bytes:
        return body if isinstance(body, bytes) else orjson.dumps(body)

    return InboundRequest("id", endpoint, {}, read)


class Checks:
    def __init__(self, refusal: Exception | None = None) -> None:
        self.seen: list[OutputContract] = []
        self._refusal = refusal

    async def __call__(self, contract: OutputContract) -> None:
        self.seen.append(contract)
        if self._refusal is not None:
            raise self._refusal


async def parse(body: dict[str, Any] | bytes, endpoint: Endpoint = Endpoint.CHAT) -> Chat:
    return await RequestParser(Checks(), max_nesting=64).parse(inbound(body, endpoint))


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


async def test_the_requests_contract_and_its_tools_are_compiled() -> None:
    checks = Checks()
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    body = {**CHAT, "structured_outputs": {"regex": "a"}, "tools": tools}
    await RequestParser(checks, max_nesting=64).parse(inbound(body))
    assert checks.seen == [
        RegexOutput(kind="regex", pattern="a"),
        JsonSchemaOutput(kind="json_schema", json_schema={"type": "object"}),
    ]


async def test_a_contract_that_does_not_compile_ends_the_request() -> None:
    parser = RequestParser(Checks(SchemaUnsupportedError("no")), max_nesting=64)
    with pytest.raises(SchemaUnsupportedError):
        await parser.parse(inbound({**CHAT, "response_format": {"type": "json_object"}}))


@pytest.mark.parametrize("depth", [64, 900])
async def test_a_schema_that_comes_as_text_keeps_the_bound_of_nesting(depth: int) -> None:
    schema = '{"not":' * depth + "{}" + "}" * depth
    compiler = ContractCompiler()
    parser = RequestParser(compiler.check, max_nesting=64)
    with pytest.raises(InvalidRequestError, match="deeper than 64") as caught:
        await parser.parse(inbound({**CHAT, "structured_outputs": {"json": schema}}))
    compiler.close()
    assert caught.value.param == "structured_outputs.json"


async def test_the_bound_of_nesting_is_the_parsers_own() -> None:
    with pytest.raises(InvalidRequestError, match="deeper than 4"):
        await RequestParser(Checks(), max_nesting=4).parse(inbound(b'{"a":[[[[1]]]]}'))
