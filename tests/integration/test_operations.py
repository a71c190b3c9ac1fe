"""What an operator sees: health, readiness, models, metrics, documentation and logs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.support.calls import INVOICE_JSON, INVOICE_TEXT, chat_body
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayProcess, GatewayThread, wait_for_status
from tests.support.metrics import metric, metrics_of, wait_for_metric
from tests.support.settings_files import MODEL, UPSTREAM_MODEL, write_settings
from tests.support.stub_engine import Reply, StubEngine

CHAT = "/v1/chat/completions"
TASKS = {"docs-answer", "invoice-extract", "invoice-lines", "rewrite-standard", "ticket-triage"}
MARKER = "zanzibar-7731-secret"


async def test_health_says_that_the_process_is_there(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz")
    assert response.status_code == 200


async def test_readiness_says_that_nothing_is_missing(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "missing": {}}


async def test_readiness_names_the_pool_that_is_not_there(
    start_gateway: StartGateway, engine: StubEngine
) -> None:
    engine.stop()
    gateway = start_gateway(engine, is_ready=False)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        response = await client.get("/readyz")
    assert response.status_code == 503
    assert "small" in response.text
    assert str(engine.port) not in response.text


async def test_an_escalation_pool_that_is_away_does_not_make_the_gateway_unready(
    start_gateway: StartGateway, engine: StubEngine, upstream: StubEngine
) -> None:
    upstream.stop()
    gateway = start_gateway(engine, upstream=upstream, is_ready=False)
    wait_for_status(f"{gateway.url}/readyz", 200)


async def test_models_are_listed_in_openais_format(escalating_client: httpx.AsyncClient) -> None:
    body = (await escalating_client.get("/v1/models")).json()
    assert body["object"] == "list"
    names = {entry["id"] for entry in body["data"]}
    assert {"auto", MODEL, UPSTREAM_MODEL, *TASKS} <= names
    for entry in body["data"]:
        assert entry["object"] == "model"
        assert isinstance(entry["created"], int)
        assert isinstance(entry["owned_by"], str)


@pytest.mark.parametrize("name", ["auto", "invoice-extract", MODEL])
async def test_one_model_can_be_looked_up(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/v1/models/{name}")
    assert response.status_code == 200
    assert response.json()["id"] == name


async def test_an_unknown_model_cannot_be_looked_up(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/models/gpt-9")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


async def test_the_documentation_is_served_with_the_endpoints(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).status_code == 200
    paths = (await client.get("/openapi.json")).json()["paths"]
    endpoints = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/models"}
    assert endpoints <= set(paths)


async def test_a_good_request_is_counted(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=(INVOICE_JSON,), prompt_tokens=1000))
    await fresh_client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract@base"))
    labels = 'action="answer",code="",endpoint="chat",outcome="valid",task="invoice-extract"'
    await wait_for_metric(fresh.url, f"firstline_requests_total{{{labels}}}", 1)
    samples = await metrics_of(fresh.url)
    task = 'task="invoice-extract"'
    assert samples[f'firstline_outcomes_total{{outcome="valid",{task},version="base"}}'] == 1
    assert samples[f'firstline_tokens_total{{kind="prompt",pool="small",{task}}}'] == 1000
    assert samples[f'firstline_tokens_total{{kind="completion",pool="small",{task}}}'] == 1
    assert samples[f'firstline_cost_usd_total{{pool="small",{task}}}'] == pytest.approx(0.001002)
    verdict = f'firstline_structured_attempts_total{{{task},verdict="valid",version="base"}}'
    assert samples[verdict] == 1
    assert samples[f'firstline_request_seconds_count{{endpoint="chat",{task}}}'] == 1
    assert f"firstline_time_to_first_token_seconds_count{{{task}}}" not in samples
    assert samples['firstline_attempts_total{failure="",kind="first",pool="small"}'] == 1
    assert samples['firstline_requests_in_flight{endpoint="chat"}'] == 0
    assert samples["firstline_records_lost_total"] == 0


async def test_each_attempt_is_counted_by_what_was_wrong_with_it(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(text="{}"), Reply(text=INVOICE_JSON))
    await fresh_client.post(CHAT, json=chat_body(INVOICE_TEXT, model="invoice-extract@base"))
    labels = 'outcome="repaired",task="invoice-extract",version="base"'
    await wait_for_metric(fresh.url, f"firstline_outcomes_total{{{labels}}}", 1)
    samples = await metrics_of(fresh.url)
    assert samples['firstline_attempts_total{failure="schema",kind="first",pool="small"}'] == 1
    assert samples['firstline_attempts_total{failure="",kind="reask",pool="small"}'] == 1


async def test_a_refused_request_is_counted_by_its_code(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread
) -> None:
    await fresh_client.post(CHAT, json=chat_body(guided_json={}))
    labels = 'action="",code="unsupported_parameter",endpoint="chat",outcome="failed",task=""'
    await wait_for_metric(fresh.url, f"firstline_requests_total{{{labels}}}", 1)


async def test_time_between_tokens_of_a_stream_is_measured(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("a", "b", "c")))
    await fresh_client.post(CHAT, json=chat_body(stream=True))
    await wait_for_metric(fresh.url, 'firstline_time_to_first_token_seconds_count{task=""}', 1)
    assert await metric(fresh.url, 'firstline_inter_token_seconds_count{task=""}') >= 2


async def test_a_request_in_flight_is_seen(
    client: httpx.AsyncClient, gateway: GatewayThread, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("a", "b"), hang_after=1))
    async with client.stream("POST", CHAT, json=chat_body(stream=True)) as response:
        await wait_for_metric(gateway.url, 'firstline_requests_in_flight{endpoint="chat"}', 1)
        engine.release()
        await response.aread()
    await wait_for_metric(gateway.url, 'firstline_requests_in_flight{endpoint="chat"}', 0)


async def test_every_request_is_counted_once_and_as_what_it_was(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread
) -> None:
    bodies = [chat_body(stream=number % 2 == 0) for number in range(60)]
    await asyncio.gather(*(fresh_client.post(CHAT, json=body) for body in bodies))
    labels = 'action="answer",code="",endpoint="chat",outcome="valid",task=""'
    await wait_for_metric(fresh.url, f"firstline_requests_total{{{labels}}}", 60)
    counted = [
        v for k, v in (await metrics_of(fresh.url)).items() if k.startswith("firstline_requests_total")
    ]
    assert sum(counted) == 60


async def test_the_engines_health_is_a_metric(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread, engine: StubEngine
) -> None:
    assert await metric(fresh.url, 'firstline_engine_up{engine="small/0"}') == 1
    engine.stop()
    await wait_for_metric(fresh.url, 'firstline_engine_up{engine="small/0"}', 0)


async def test_label_values_do_not_come_from_clients(
    fresh_client: httpx.AsyncClient, fresh: GatewayThread
) -> None:
    for number in range(20):
        await fresh_client.post(CHAT, json=chat_body(model=f"invented-{number}"))
    labels = 'action="",code="model_not_found",endpoint="chat",outcome="failed",task=""'
    await wait_for_metric(fresh.url, f"firstline_requests_total{{{labels}}}", 20)
    assert "invented" not in (await fresh_client.get("/metrics")).text


async def test_no_log_line_holds_a_prompt_or_an_answer(engine: StubEngine, tmp_path: Path) -> None:
    config = write_settings(tmp_path, [engine.url], changes={"log": {"level": "debug"}})
    engine.script(
        Reply(text=f"answer {MARKER}"),
        Reply(text=f"answer {MARKER}"),
        Reply(status=500, message=f"failed on {MARKER}"),
        Reply(tokens=("a", f" {MARKER}", "c"), cut_after=2),
        Reply(body=f"<html>{MARKER}".encode()),
    )
    with GatewayProcess(config, tmp_path / "gateway.log").wait_ready() as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=30) as client:
            statuses = [
                (await client.post(CHAT, json=body)).status_code
                for body in (
                    chat_body(MARKER),
                    chat_body(MARKER, stream=True),
                    chat_body(MARKER),
                    chat_body(MARKER, stream=True),
                    chat_body(MARKER),
                    chat_body(MARKER, guided_json=MARKER),
                    chat_body(MARKER, max_tokens=MARKER),
                )
            ]
            broken = f'{{"model": "{MARKER}'.encode()
            statuses.append((await client.post(CHAT, content=broken)).status_code)
        assert process.stop() == 0
    assert statuses == [200, 200, 502, 200, 502, 400, 400, 400]
    lines = (tmp_path / "gateway.log").read_text(encoding="utf-8").splitlines()
    assert MARKER not in "\n".join(lines)
    requests = [json.loads(line) for line in lines if '"request"' in line and line.startswith("{")]
    ended = [line for line in requests if line.get("event") == "request"]
    assert len(ended) == len(statuses)
    assert all(line["request_id"] for line in ended)
