"""Asking a served model: what is sent through a gateway and to an engine, and what a failure becomes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from contracts.canonical import JsonForm
from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonObjectOutput,
    JsonSchemaOutput,
    RegexOutput,
    TextOutput,
)
from contracts.task import Task
from training.config import load_task
from training.data.examples import Dataset, Example
from training.evaluate.asking import Answer, Target, Through, ask_all, request_body
from training.evaluate.report import evaluation_report

TASK = load_task(Path(__file__).parents[3] / "examples" / "tasks" / "invoice-extract.yaml")
GATEWAY = Target("http://gateway/v1", "invoice-extract", Through.GATEWAY, api_key="k", concurrency=2)
ENGINE = Target("http://engine/v1", "invoice-extract@0123456789ab", Through.ENGINE)
GOLD = {"invoice_id": "A-1", "date": None, "vendor": "Acme", "total_amount": 1.5}
EXAMPLES = tuple(Example(id=str(n), text=f"text {n}", output=GOLD, slice="s") for n in range(3))


def _task(output: object) -> Task:
    return TASK.model_copy(update={"output": output})


def test_a_gateway_is_sent_the_bare_text() -> None:
    assert request_body(TASK, "Invoice A-1", GATEWAY) == {
        "model": "invoice-extract",
        "messages": [{"role": "user", "content": "Invoice A-1"}],
    }


def test_an_engine_is_sent_prompt_sampling_and_grammar() -> None:
    body = request_body(TASK, "Invoice A-1", ENGINE)
    assert isinstance(TASK.output, JsonSchemaOutput)
    assert body["messages"] == [
        {"role": "system", "content": TASK.instructions.strip()},
        {"role": "user", "content": "Invoice A-1"},
    ]
    assert (body["temperature"], body["max_tokens"]) == (0.0, 192)
    schema = {"name": "invoice-extract", "schema": TASK.output.json_schema, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": schema}


def test_an_engine_is_made_to_write_the_layout_that_an_adapter_was_trained_on() -> None:
    body = request_body(TASK, "x", replace(ENGINE, json_form=JsonForm.SPACED))
    schema = body["response_format"]["json_schema"]["schema"]  # type: ignore[index, call-overload]
    assert schema["x-guidance"]["item_separator"] == ", "
    assert isinstance(TASK.output, JsonSchemaOutput)
    assert isinstance(TASK.output.json_schema, dict)
    assert "x-guidance" not in TASK.output.json_schema


@pytest.mark.parametrize(
    ("output", "constraint"),
    [
        (ChoiceOutput(kind="choice", choices=("a", "b")), {"structured_outputs": {"choice": ["a", "b"]}}),
        (RegexOutput(kind="regex", pattern="a+"), {"structured_outputs": {"regex": "a+"}}),
        (
            GrammarOutput(kind="grammar", grammar='start: "a"'),
            {"structured_outputs": {"grammar": 'start: "a"'}},
        ),
        (JsonObjectOutput(kind="json_object"), {"response_format": {"type": "json_object"}}),
        (TextOutput(), {}),
    ],
)
def test_every_contract_has_its_constraint(output: object, constraint: dict[str, object]) -> None:
    body = request_body(_task(output), "x", ENGINE)
    assert {
        name: body[name] for name in ("response_format", "structured_outputs") if name in body
    } == constraint


async def _ask(handler: httpx.MockTransport, target: Target = GATEWAY) -> list[Answer]:
    return await ask_all(TASK, EXAMPLES, target, lambda: None, handler)


async def test_answers_keep_the_order_of_the_examples() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url == "http://gateway/v1/chat/completions"
        assert request.headers["authorization"] == "Bearer k"
        text = json.loads(request.content)["messages"][0]["content"]
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        return httpx.Response(200, json={"choices": [choice], "usage": usage})

    answers = await _ask(httpx.MockTransport(answer))
    assert [one.text for one in answers] == ["text 0", "text 1", "text 2"]
    assert (answers[0].prompt_tokens, answers[0].finish_reason) == (7, "stop")


async def test_a_refusal_is_an_answer_with_its_code() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, json={"error": {"code": "output_invalid", "type": "server_error"}})

    assert {one.error for one in await _ask(httpx.MockTransport(refuse))} == {"502 output_invalid"}


async def test_a_broken_connection_and_a_body_that_is_no_json_are_answers_with_an_error() -> None:
    def break_off(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    assert {one.error for one in await _ask(httpx.MockTransport(break_off))} == {"ReadTimeout"}
    garbled = httpx.MockTransport(lambda _request: httpx.Response(200, content=b"<html>"))
    assert {one.error for one in await _ask(garbled)} == {"JSONDecodeError"}


def test_the_report_compares_models_on_the_same_records() -> None:
    right = [Answer(one.id, json.dumps(GOLD), 0.1, 10, 5, "stop") for one in EXAMPLES]
    wrong = [Answer(one.id, None, 0.2, error="502 output_invalid") for one in EXAMPLES]
    report = evaluation_report(TASK, Dataset(EXAMPLES, "0" * 64), [(GATEWAY, right), (ENGINE, wrong)])
    first, second = report.models
    assert first.fields_exact.rate == first.records_exact.rate == first.schema_valid.rate == 1.0
    assert first.by_slice["s"].records == 3
    assert first.latency_seconds["p50"] == 0.1
    assert second.fields_exact.rate == 0.0
    assert second.errors == {"502 output_invalid": 3}
    assert [mistake.id for mistake in second.mistakes] == ["0", "1", "2"]
    (comparison,) = report.comparisons
    assert (comparison.difference, comparison.low, comparison.high) == (1.0, 1.0, 1.0)


async def test_the_gateways_word_on_an_answer_is_kept_with_an_error_too() -> None:
    headers = {
        "x-firstline-outcome": "repaired",
        "x-firstline-attempts": "2",
        "x-firstline-cost-usd": "0.000123",
    }
    choice = {"message": {"content": "{}"}, "finish_reason": "stop"}

    def repaired(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"choices": [choice]}, headers=headers)

    def failed(_request: httpx.Request) -> httpx.Response:
        error = {"error": {"code": "reask_failed"}}
        return httpx.Response(502, json=error, headers={**headers, "x-firstline-outcome": "failed"})

    first = (await _ask(httpx.MockTransport(repaired)))[0]
    assert (first.outcome, first.attempts, first.cost_usd) == ("repaired", 2, 0.000123)
    second = (await _ask(httpx.MockTransport(failed)))[0]
    assert (second.error, second.outcome, second.text) == ("502 reask_failed", "failed", None)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": None}]}])
async def test_a_reply_of_another_shape_is_an_answer_with_an_error(body: dict[str, object]) -> None:
    answers = await _ask(httpx.MockTransport(lambda _request: httpx.Response(200, json=body)))
    assert {one.error for one in answers} == {"MalformedReply"}


async def test_a_refusal_in_its_own_field_is_a_text() -> None:
    choice = {"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}
    answers = await _ask(httpx.MockTransport(lambda _: httpx.Response(200, json={"choices": [choice]})))
    assert {one.text for one in answers} == {"No."}
