"""`POST /v1/embeddings`, from the router's encoder or a pool."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import httpx
import pytest

from tests.support.gateway_fixtures import StartGateway
from tests.support.stub_engine import StubEngine

EMBEDDINGS = "/v1/embeddings"
ENCODER = "static-minilm"


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


@pytest.mark.parametrize("given", [[], 5, None, [5], ["a", 5], {"a": 1}])
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


def _cosine(left: list[float], right: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))
