"""`POST /v1/embeddings`, from the router's encoder or a pool."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import httpx
import pytest

from tests.support.calls import assert_error
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.metrics import metrics_of, wait_for_metric
from tests.support.stub_engine import Reply, StubEngine

EMBEDDINGS = "/v1/embeddings"
ENCODER = "static-minilm"
TOKENS = [[5, 6, 7], [[5, 6], [7]]]
POOL = {"embeddings": {"pool": "large", "model": "large-model"}}


def requests_total(outcome: str, code: str = "") -> str:
    labels = f'action="",code="{code}",endpoint="embeddings",outcome="{outcome}",task=""'
    return f"firstline_requests_total{{{labels}}}"


async def test_the_encoder_embeds_texts_in_openais_format(client: httpx.AsyncClient) -> None:
    body = {"model": ENCODER, "input": ["a broken phone", "my telephone is damaged", "tax law of 1893"]}
    reply = (await client.post(EMBEDDINGS, json=body)).json()
    assert reply["object"] == "list"
    assert reply["model"] == ENCODER
    assert [entry["index"] for entry in reply["data"]] == [0, 1, 2]
    assert {entry["object"] for entry in reply["data"]} == {"embedding"}
    first, near, far = (entry["embedding"] for entry in reply["data"])
    assert len(first) == len(near) == len(far)
    assert math.fsum(x * x for x in first) == pytest.approx(1.0, abs=1e-3)
    assert _cosine(first, near) > _cosine(first, far)
    assert reply["usage"]["prompt_tokens"] > 0
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"]


async def test_base64_holds_the_same_numbers(client: httpx.AsyncClient) -> None:
    body = {"model": ENCODER, "input": "a broken phone"}
    floats = (await client.post(EMBEDDINGS, json=body)).json()["data"][0]["embedding"]
    reply = await client.post(EMBEDDINGS, json={**body, "encoding_format": "base64"})
    raw = base64.b64decode(reply.json()["data"][0]["embedding"])
    assert struct.unpack(f"<{len(raw) // 4}f", raw) == pytest.approx(floats, abs=1e-6)


@pytest.mark.parametrize("given", [[], 5, None, ["a", 5], [5, "a"], [[]], [["a"]], [5.0], {"a": 1}])
async def test_a_wrong_input_is_refused_by_name(client: httpx.AsyncClient, given: Any) -> None:
    response = await client.post(EMBEDDINGS, json={"model": ENCODER, "input": given})
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("input")


async def test_too_many_inputs_are_refused(start_gateway: StartGateway, engine: StubEngine) -> None:
    gateway = start_gateway(engine, changes={"embeddings": {"max_inputs": 2}})
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(EMBEDDINGS, json={"model": ENCODER, "input": ["a", "b", "c"]})
    assert response.status_code == 400
    assert "2" in response.json()["error"]["message"]


async def test_an_unknown_model_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(EMBEDDINGS, json={"model": "no-such-encoder", "input": "a"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_a_configured_pool_embeds(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine
) -> None:
    changes = {"embeddings": {"pool": "large", "model": "large-model"}}
    gateway = start_gateway(engine, upstream=upstream, changes=changes)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(EMBEDDINGS, json={"model": "large-model", "input": "four"})
    assert response.json()["data"][0]["embedding"] == [4.0, 1.0, 0.5, 0.25]
    assert EMBEDDINGS in [request.path for request in upstream.requests]


async def test_a_configured_pool_embeds_under_the_name_that_the_settings_give(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine
) -> None:
    changes = {"embeddings": {"pool": "large", "model": "embedder"}}
    gateway = start_gateway(engine, upstream=upstream, changes=changes)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(EMBEDDINGS, json={"model": "embedder", "input": "four"})
        listed = (await client.get("/v1/models")).json()["data"]
    assert response.json()["data"][0]["embedding"] == [4.0, 1.0, 0.5, 0.25]
    assert [entry["id"] for entry in listed].count("embedder") == 1


@pytest.mark.parametrize("tokens", TOKENS)
async def test_the_encoder_takes_no_tokens_and_says_to_send_text(
    client: httpx.AsyncClient, tokens: Any
) -> None:
    response = await client.post(EMBEDDINGS, json={"model": ENCODER, "input": tokens})
    assert_error(response, 400, "unsupported_parameter", param="input", says="send text")


@pytest.mark.parametrize("tokens", TOKENS)
async def test_a_pool_gets_tokens_as_they_came(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine, tokens: Any
) -> None:
    gateway = start_gateway(engine, upstream=upstream, changes=POOL)
    body = {"model": "large-model", "input": tokens, "encoding_format": "base64", "user": "u"}
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.post(EMBEDDINGS, json=body)
    assert response.status_code == 200
    assert [call.body for call in upstream.requests if call.path == EMBEDDINGS] == [body]


async def test_the_encoders_requests_are_counted(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread
) -> None:
    response = await fresh_client.post(
        EMBEDDINGS, json={"model": ENCODER, "input": "a"}, headers={"x-request-id": "mine-1"}
    )
    assert response.headers["x-request-id"] == "mine-1"
    await fresh_client.post(EMBEDDINGS, json={"model": ENCODER, "input": ""})
    await wait_for_metric(fresh.url, requests_total("valid"), 1)
    await wait_for_metric(fresh.url, requests_total("failed", "invalid_request"), 1)
    samples = await metrics_of(fresh.url)
    assert samples['firstline_request_seconds_count{endpoint="embeddings",task=""}'] == 2
    assert samples['firstline_requests_in_flight{endpoint="embeddings"}'] == 0


async def test_a_pools_tokens_and_their_cost_are_counted(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine
) -> None:
    gateway = start_gateway(engine, upstream=upstream, changes=POOL)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        await client.post(EMBEDDINGS, json={"model": "large-model", "input": ["a", "b", "c"]})
    await wait_for_metric(gateway.url, requests_total("valid"), 1)
    samples = await metrics_of(gateway.url)
    assert samples['firstline_tokens_total{kind="prompt",pool="large",task=""}'] == 3
    assert samples['firstline_cost_usd_total{pool="large",task=""}'] == pytest.approx(0.0003)
    assert samples['firstline_attempts_total{failure="",kind="first",pool="large"}'] == 1


async def test_a_model_that_does_not_embed_is_a_400_that_names_it(
    client: httpx.AsyncClient, engine: StubEngine
) -> None:
    engine.script(Reply(status=404), on=EMBEDDINGS)
    response = await client.post(EMBEDDINGS, json={"model": "smollm2-135m", "input": "a"})
    assert_error(response, 400, "invalid_request", param="model", says="'smollm2-135m'")


async def test_a_broken_reply_of_a_pool_is_a_502(client: httpx.AsyncClient, engine: StubEngine) -> None:
    engine.script(Reply(body=b"<html>", content_type="text/html"), on=EMBEDDINGS)
    response = await client.post(EMBEDDINGS, json={"model": "smollm2-135m", "input": "a"})
    assert_error(response, 502, "engine_error")


def _cosine(left: list[float], right: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))
