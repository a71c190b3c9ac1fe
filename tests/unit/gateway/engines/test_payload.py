"""A job as each kind of pool takes it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from contracts.canonical import JsonForm
from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    OutputContract,
    RegexOutput,
    TextOutput,
)
from gateway.engines._payload import path_of, payload_of
from gateway.parsing.fields import VLLM_SAMPLING
from gateway.records import PORTABLE_SAMPLING, Job, ToolUse
from gateway.settings import PoolKind, PoolSettings
from tests.unit.gateway.fakes import MODEL, WEATHER, make_job, make_route, schema_output

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
COMPACT = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
SPACED = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def payload(job: Job, kind: PoolKind = PoolKind.VLLM, **pool: Any) -> dict[str, Any]:
    given = {"kind": kind, "engines": ({"url": "http://127.0.0.1:1"},), "models": ("m",), **pool}
    body: dict[str, Any] = orjson.loads(payload_of(job, PoolSettings.model_validate(given)))
    return body


def test_an_upstream_is_sent_the_names_that_it_knows() -> None:
    job = make_job(max_tokens=9, sampling={"temperature": 0.0, "seed": 1})
    names = {"max_tokens_field": "max_completion_tokens", "drop_fields": ("temperature",)}
    sent = payload(job, PoolKind.OPENAI, **names)
    assert (sent["max_completion_tokens"], sent["seed"]) == (9, 1)
    assert not sent.keys() & {"max_tokens", "temperature"}
    with pytest.raises(ValidationError, match="response_format"):
        payload(job, drop_fields=("response_format",))


def format_of(body: dict[str, Any]) -> Any:
    return body["response_format"]["json_schema"]["schema"]


@pytest.mark.parametrize("kind", list(PoolKind))
def test_the_least_job_is_a_model_and_messages(kind: PoolKind) -> None:
    assert payload(make_job(), kind) == {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
    assert path_of(make_job()) == "/v1/chat/completions"


def test_a_prompt_goes_to_completions() -> None:
    job = make_job(prompt="Once", messages=[])
    assert payload(job) == {"model": MODEL, "prompt": "Once"}
    assert path_of(job) == "/v1/completions"


def test_an_adapter_is_the_model() -> None:
    assert payload(make_job(route=make_route(adapter="invoice@abc")))["model"] == "invoice@abc"


def test_bounds_choices_and_streams_are_asked_for() -> None:
    body = payload(make_job(max_tokens=7, choices=3, stream=True))
    assert (body["max_tokens"], body["n"], body["stream"]) == (7, 3, True)
    assert body["stream_options"] == {"include_usage": True}


def test_sampling_that_is_vllms_alone_is_dropped_for_an_upstream() -> None:
    given = dict.fromkeys(sorted(PORTABLE_SAMPLING | VLLM_SAMPLING), 1)
    job = make_job(sampling=given)
    assert payload(job).keys() - {"model", "messages"} == given.keys()
    assert payload(job, PoolKind.OPENAI).keys() - {"model", "messages"} == PORTABLE_SAMPLING


@pytest.mark.parametrize(("form", "layout"), [(JsonForm.COMPACT, COMPACT), (JsonForm.SPACED, SPACED)])
def test_a_schema_is_laid_out_in_the_adapters_form(form: JsonForm, layout: dict[str, Any]) -> None:
    job = make_job(schema_output(SCHEMA), route=make_route(json_form=form))
    assert payload(job)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {**SCHEMA, "x-guidance": layout}},
    }
    assert "x-guidance" not in SCHEMA


def test_a_clients_own_options_for_the_grammar_never_reach_the_engine() -> None:
    given = {"x-guidance": {"whitespace_flexible": True, "whitespace_pattern": "x*", "lenient": "yes"}}
    assert format_of(payload(make_job(schema_output(given)))) == {"x-guidance": COMPACT}
    lenient = {"x-guidance": {"lenient": True}}
    sent = format_of(payload(make_job(schema_output(lenient))))
    assert sent == {"x-guidance": {**COMPACT, "lenient": True}}


def test_a_schema_that_allows_everything_is_laid_out_too() -> None:
    assert format_of(payload(make_job(schema_output(True)))) == {"x-guidance": COMPACT}
    assert format_of(payload(make_job(schema_output(False)))) == {"not": {}}


def test_an_object_is_a_schema_for_vllm_and_a_format_elsewhere() -> None:
    job = make_job(JsonObjectOutput(kind="json_object"))
    assert format_of(payload(job)) == {"type": "object", "x-guidance": COMPACT}
    assert payload(job, PoolKind.OPENAI)["response_format"] == {"type": "json_object"}


def test_an_upstream_gets_the_clients_schema_as_it_is() -> None:
    assert format_of(payload(make_job(schema_output(SCHEMA)), PoolKind.OPENAI)) == SCHEMA


TEXT_CONTRACTS: list[tuple[OutputContract, dict[str, Any]]] = [
    (ChoiceOutput(kind="choice", choices=("a", "b")), {"structured_outputs": {"choice": ["a", "b"]}}),
    (RegexOutput(kind="regex", pattern="a+"), {"structured_outputs": {"regex": "a+"}}),
    (GrammarOutput(kind="grammar", grammar="start: /a/"), {"structured_outputs": {"grammar": "start: /a/"}}),
    (TextOutput(), {}),
]


@pytest.mark.parametrize(("contract", "constraint"), TEXT_CONTRACTS, ids=lambda case: str(case)[:20])
def test_constraints_of_text_go_to_vllm_alone(contract: OutputContract, constraint: dict[str, Any]) -> None:
    least = {"model", "messages"}
    assert {k: v for k, v in payload(make_job(contract)).items() if k not in least} == constraint
    assert payload(make_job(contract), PoolKind.OPENAI).keys() == least


NATIVE = [
    {
        "type": "function",
        "function": {
            "name": WEATHER.name,
            "description": WEATHER.description,
            "parameters": WEATHER.parameters,
        },
    }
]


@pytest.mark.parametrize(
    ("use", "choice"),
    [
        (ToolUse.AUTO, "auto"),
        (ToolUse.REQUIRED, "required"),
        (ToolUse.NAMED, {"type": "function", "function": {"name": "get_weather"}}),
    ],
)
def test_an_upstream_is_asked_for_calls_in_its_own_way(use: ToolUse, choice: Any) -> None:
    body = payload(make_job(tools=(WEATHER,), tool_use=use), PoolKind.OPENAI)
    assert (body["tools"], body["tool_choice"]) == (NATIVE, choice)
    assert body.keys() == {"model", "messages", "tools", "tool_choice"}


def test_an_upstream_that_may_answer_or_call_gets_the_contract_of_the_answer_too() -> None:
    job = make_job(schema_output(SCHEMA), tools=(WEATHER,), tool_use=ToolUse.AUTO)
    body = payload(job, PoolKind.OPENAI)
    assert body["tool_choice"] == "auto"
    assert format_of(body) == SCHEMA


def test_one_call_at_a_time_is_asked_for_where_the_client_wants_it() -> None:
    job = make_job(tools=(WEATHER,), parallel_tool_calls=False)
    assert payload(job, PoolKind.OPENAI)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in payload(job, PoolKind.VLLM)


def test_a_small_model_is_forced_into_a_call_by_its_schema() -> None:
    body = payload(make_job(tools=(WEATHER,)))
    assert "tools" not in body
    assert format_of(body)["anyOf"][0]["properties"]["name"] == {"enum": ["get_weather"]}
    assert format_of(body)["x-guidance"] == COMPACT


def test_strict_is_for_an_upstream_that_the_client_asked_it_of() -> None:
    strict = JsonSchemaOutput(kind="json_schema", json_schema=SCHEMA, strict=True)
    assert payload(make_job(strict), PoolKind.OPENAI)["response_format"]["json_schema"]["strict"] is True
    assert "strict" not in payload(make_job(strict))["response_format"]["json_schema"]
    loose = payload(make_job(schema_output(SCHEMA)), PoolKind.OPENAI)
    assert "strict" not in loose["response_format"]["json_schema"]
