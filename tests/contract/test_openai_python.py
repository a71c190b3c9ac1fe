"""The official `openai` client for Python, unmodified: sync and async."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.support.calls import INVOICE, INVOICE_JSON, INVOICE_TEXT, WEATHER_TOOL, YES_NO, schema_format
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import MODEL, UPSTREAM_MODEL
from tests.support.stub_engine import Reply, StubEngine

SAY_HI: list[Any] = [{"role": "user", "content": "Say hi"}]
KEY = "sk-not-checked"


@pytest.fixture
def sync(gateway: GatewayThread) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, timeout=30) as made:
        yield made


@pytest.fixture
async def asynchronous(gateway: GatewayThread) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, timeout=30) as made:
        yield made


class Answer(BaseModel):
    """A structured answer as the client's helper takes it."""

    answer: Literal["yes", "no"]


def test_chat(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    completion = sync.chat.completions.create(model=MODEL, messages=SAY_HI)
    assert completion.choices[0].message.content == "Hello there."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 3
    assert completion.model_extra is not None
    assert completion.model_extra["firstline"]["outcome"] == "valid"


def test_the_raw_response_has_the_headers(sync: OpenAI) -> None:
    raw = sync.chat.completions.with_raw_response.create(model=MODEL, messages=SAY_HI)
    assert raw.headers["x-firstline-action"] == "answer"
    assert raw.request_id == raw.headers["x-request-id"]


def test_a_stream(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    stream = sync.chat.completions.create(
        model=MODEL, messages=SAY_HI, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Hello there."
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


async def test_a_stream_read_asynchronously(asynchronous: AsyncOpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    stream = await asynchronous.chat.completions.create(model=MODEL, messages=SAY_HI, stream=True)
    text = ""
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
    assert text == "Hello there."


async def test_a_stream_that_is_closed_early_stops_the_generation(
    asynchronous: AsyncOpenAI, engine: StubEngine
) -> None:
    engine.script(Reply(tokens=("one", " two"), hang_after=1))
    async with await asynchronous.chat.completions.create(
        model=MODEL, messages=SAY_HI, stream=True
    ) as stream:
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    await engine.until(lambda stub: stub.aborted == 1)


def test_the_stream_helper_puts_the_answer_together(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    with sync.chat.completions.stream(model=MODEL, messages=SAY_HI) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "Hello there."


def test_a_schema_in_response_format(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text='{"answer":"yes"}'))
    completion = sync.chat.completions.create(
        model=MODEL,
        messages=SAY_HI,
        response_format=schema_format(YES_NO),  # type: ignore[arg-type]  # the client's typed dict
    )
    assert json.loads(completion.choices[0].message.content or "") == {"answer": "yes"}


def test_a_pydantic_model_as_response_format(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text='{"answer":"no"}'))
    completion = sync.chat.completions.parse(model=MODEL, messages=SAY_HI, response_format=Answer)
    assert completion.choices[0].message.parsed == Answer(answer="no")


@pytest.mark.parametrize("model", ["invoice-extract", "auto"])
def test_the_invoice_example(sync: OpenAI, engine: StubEngine, model: str) -> None:
    engine.script(Reply(text=INVOICE_JSON))
    completion = sync.chat.completions.create(
        model=model, messages=[{"role": "user", "content": INVOICE_TEXT}]
    )
    assert json.loads(completion.choices[0].message.content or "") == INVOICE


async def test_chat_asynchronously(asynchronous: AsyncOpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    completion = await asynchronous.chat.completions.create(model=MODEL, messages=SAY_HI)
    assert completion.choices[0].message.content == "Hello there."


def test_a_tool_call_and_its_result(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'), Reply(text="Sunny."))
    tools: list[Any] = [WEATHER_TOOL]
    first = sync.chat.completions.create(model=MODEL, messages=SAY_HI, tools=tools, tool_choice="required")
    message = first.choices[0].message
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"city": "Rome"}
    turns = [*SAY_HI, message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = sync.chat.completions.create(model=MODEL, messages=turns, tools=tools, tool_choice="none")
    assert second.choices[0].message.content == "Sunny."


def test_completions(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=" a time."))
    completion = sync.completions.create(model=MODEL, prompt="Once upon", max_tokens=10)
    assert completion.choices[0].text == " a time."


def test_completions_streamed(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=" a time."))
    stream = sync.completions.create(model=MODEL, prompt="Once upon", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == " a time."


def test_embeddings(sync: OpenAI) -> None:
    # The client asks for base64 and decodes it.
    reply = sync.embeddings.create(model="static-minilm", input=["one", "two"])
    assert len(reply.data) == 2
    assert isinstance(reply.data[0].embedding[0], float)
    assert len(reply.data[0].embedding) == len(reply.data[1].embedding) > 32


def test_responses(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    response = sync.responses.create(model=MODEL, input="Say hi", instructions="Be brief.")
    assert response.output_text == "Hello there."
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.output_tokens == 3


def test_responses_streamed(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."))
    with sync.responses.stream(model=MODEL, input="Say hi") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == "Hello there." == final.output_text


def test_responses_with_a_pydantic_model(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text='{"answer":"yes"}'))
    response = sync.responses.parse(model=MODEL, input="Say hi", text_format=Answer)
    assert response.output_parsed == Answer(answer="yes")


def test_a_response_with_a_function_call(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'))
    tool: Any = {"type": "function", "strict": True, **WEATHER_TOOL["function"]}  # type: ignore[dict-item]
    response = sync.responses.create(model=MODEL, input="Weather?", tools=[tool], tool_choice="required")
    (item,) = response.output
    assert item.type == "function_call"
    assert json.loads(item.arguments) == {"city": "Rome"}


def test_models(sync: OpenAI) -> None:
    names = {model.id for model in sync.models.list()}
    assert {"auto", "invoice-extract", MODEL} <= names
    assert sync.models.retrieve("auto").id == "auto"


ERRORS: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str]] = {
    "unknown model": ({"model": "gpt-9"}, openai.NotFoundError, "model_not_found"),
    "unknown field": ({"extra_body": {"guided_json": {}}}, openai.BadRequestError, "unsupported_parameter"),
    "bad limit": ({"max_tokens": -1}, openai.BadRequestError, "invalid_request"),
    "too long": (
        {"messages": [{"role": "user", "content": "word " * 5000}]},
        openai.BadRequestError,
        "context_length_exceeded",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_become_the_clients_own_classes(sync: OpenAI, name: str) -> None:
    change, kind, code = ERRORS[name]
    with pytest.raises(kind) as caught:
        sync.chat.completions.create(**{"model": MODEL, "messages": SAY_HI, **change})
    assert caught.value.code == code
    assert caught.value.request_id
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_final_failure_is_not_retried(sync: OpenAI, engine: StubEngine, is_stream: bool) -> None:
    engine.always(Reply(status=500))
    with pytest.raises(openai.InternalServerError) as caught:
        sync.with_options(max_retries=3).chat.completions.create(
            model=MODEL, messages=SAY_HI, stream=is_stream
        )
    assert caught.value.code == "engine_error"
    assert caught.value.status_code == 502
    assert len(engine.generations) == 1


def test_an_answer_that_cannot_be_proven_is_not_retried(sync: OpenAI, engine: StubEngine) -> None:
    engine.always(Reply(text="{}"))
    with pytest.raises(openai.InternalServerError) as caught:
        sync.with_options(max_retries=3).chat.completions.create(
            model="invoice-extract", messages=[{"role": "user", "content": INVOICE_TEXT}]
        )
    assert caught.value.code == "reask_failed"
    assert len(engine.generations) == 2


def test_a_request_that_found_no_room_is_retried(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(status=503, headers={"Retry-After": "1"}), Reply(text="Hello."))
    completion = sync.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=SAY_HI)
    assert completion.choices[0].message.content == "Hello."
    assert len(engine.generations) == 2


def test_an_error_inside_a_stream_is_raised_and_not_retried(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(tokens=("a", "b", "c"), cut_after=2))
    stream = sync.with_options(max_retries=3).chat.completions.create(
        model=MODEL, messages=SAY_HI, stream=True
    )
    seen: list[str] = []
    with pytest.raises(openai.APIError) as caught:
        seen.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "".join(seen) == "ab"
    assert caught.value.code == "engine_error"
    assert len(engine.generations) == 1


def test_a_stopped_engine_is_an_error_that_may_be_retried(
    start_gateway: StartGateway, engine: StubEngine
) -> None:
    engine.stop()
    gateway = start_gateway(engine, is_ready=False)
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as made,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        made.chat.completions.create(model=MODEL, messages=SAY_HI)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["x-should-retry"] == "true"


def test_an_upstream_model_is_reached_by_its_name(escalating: GatewayThread, upstream: StubEngine) -> None:
    upstream.script(Reply(text="From the large model."))
    with OpenAI(base_url=f"{escalating.url}/v1", api_key=KEY) as made:
        completion = made.chat.completions.create(model=UPSTREAM_MODEL, messages=SAY_HI)
    assert completion.model == UPSTREAM_MODEL
    assert completion.choices[0].message.content == "From the large model."


def test_the_clients_own_time_limit_is_its_own(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text="late", hang_after=0))
    with pytest.raises(openai.APITimeoutError):
        sync.with_options(max_retries=0, timeout=httpx.Timeout(0.3)).chat.completions.create(
            model=MODEL, messages=SAY_HI
        )
    engine.wait(lambda stub: stub.aborted == 1)
