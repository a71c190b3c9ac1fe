"""What the official `openai` client for Python makes of structured answers: its helpers, unmodified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import MODEL
from tests.support.stub_engine import Reply, StubEngine

ASK: list[Any] = [{"role": "user", "content": "Is it so?"}]
GOOD = '{"answer":"yes","note":"It is."}'
BAD = '{"answer":"perhaps","note":"It is."}'


class Answer(BaseModel):
    """What is asked for."""

    answer: Literal["yes", "no"]
    note: str | None = None


class GetWeather(BaseModel):
    """The weather of a city."""

    city: str


PARSED = Answer(answer="yes", note="It is.")


@pytest.fixture
def sync(gateway: GatewayThread) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="none", timeout=30, max_retries=3) as made:
        yield made


@pytest.fixture
async def asynchronous(gateway: GatewayThread) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none", timeout=30) as made:
        yield made


def test_parse_under_its_old_name(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD))
    completion = sync.beta.chat.completions.parse(model=MODEL, messages=ASK, response_format=Answer)
    assert completion.choices[0].message.parsed == PARSED


async def test_parse_asynchronously(asynchronous: AsyncOpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD), Reply(text=GOOD))
    completion = await asynchronous.chat.completions.parse(model=MODEL, messages=ASK, response_format=Answer)
    assert completion.choices[0].message.parsed == PARSED
    response = await asynchronous.responses.parse(model=MODEL, input="Is it so?", text_format=Answer)
    assert response.output_parsed == PARSED


def test_several_choices_are_each_parsed(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD))
    completion = sync.chat.completions.parse(
        model=MODEL, messages=ASK, response_format=Answer, n=2, temperature=1
    )
    assert [choice.message.parsed for choice in completion.choices] == [PARSED, PARSED]


def test_the_models_schema_reaches_the_engine_with_its_order(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD))
    sync.chat.completions.parse(model=MODEL, messages=ASK, response_format=Answer)
    schema = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["answer", "note"]
    assert schema["properties"]["answer"]["enum"] == ["yes", "no"]


def test_the_stream_helper_parses_what_it_has_put_together(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD))
    with sync.chat.completions.stream(model=MODEL, messages=ASK, response_format=Answer) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == PARSED
    (done,) = [event for event in events if event.type == "content.done"]
    assert done.parsed == PARSED
    assert "".join(event.delta for event in events if event.type == "content.delta") == GOOD


async def test_the_stream_helper_asynchronously(asynchronous: AsyncOpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD))
    helper = asynchronous.chat.completions.stream(model=MODEL, messages=ASK, response_format=Answer)
    async with helper as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.parsed == PARSED


def test_the_stream_helper_of_responses(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text=GOOD))
    with sync.responses.stream(model=MODEL, input="Is it so?", text_format=Answer) as stream:
        final = stream.get_final_response()
    assert final.output_parsed == PARSED


def test_a_tool_made_of_a_model_has_its_arguments_parsed(sync: OpenAI, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"GetWeather","arguments":{"city":"Rome"}}'))
    completion = sync.chat.completions.parse(
        model=MODEL,
        messages=ASK,
        tools=[openai.pydantic_function_tool(GetWeather)],
        tool_choice="required",
    )
    assert completion.choices[0].message.tool_calls is not None
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.parsed_arguments == GetWeather(city="Rome")


@pytest.mark.parametrize("name", ["chat", "beta", "responses"])
def test_an_invalid_answer_is_the_clients_error_with_our_code(
    sync: OpenAI, engine: StubEngine, name: str
) -> None:
    engine.always(Reply(text=BAD))
    ask = {
        "chat": lambda: sync.chat.completions.parse(model=MODEL, messages=ASK, response_format=Answer),
        "beta": lambda: sync.beta.chat.completions.parse(model=MODEL, messages=ASK, response_format=Answer),
        "responses": lambda: sync.responses.parse(model=MODEL, input="Is it so?", text_format=Answer),
    }[name]
    with pytest.raises(openai.InternalServerError) as caught:
        ask()
    assert (caught.value.status_code, caught.value.code) == (502, "reask_failed")
    assert "/answer" in caught.value.message


def test_an_answer_cut_at_its_limit_is_an_error_and_not_half_an_answer(
    sync: OpenAI, engine: StubEngine
) -> None:
    engine.always(Reply(text=GOOD))
    with pytest.raises(openai.InternalServerError) as caught:
        sync.chat.completions.parse(model=MODEL, messages=ASK, response_format=Answer, max_tokens=4)
    assert caught.value.code == "compact_retry_failed"
    assert "token limit" in caught.value.message


def test_an_invalid_answer_ends_the_stream_helper_with_our_code(sync: OpenAI, engine: StubEngine) -> None:
    engine.always(Reply(text=BAD))
    seen: list[Any] = []
    with (
        pytest.raises(openai.APIError) as caught,
        sync.chat.completions.stream(model=MODEL, messages=ASK, response_format=Answer) as stream,
    ):
        seen.extend(event.type for event in stream)
    assert caught.value.code == "output_invalid"
    assert "content.done" not in seen


def test_an_invalid_answer_is_an_error_event_of_responses(sync: OpenAI, engine: StubEngine) -> None:
    engine.always(Reply(text=BAD))
    with sync.responses.stream(model=MODEL, input="Is it so?", text_format=Answer) as stream:
        events = list(stream)
        with pytest.raises(RuntimeError, match=r"response\.completed"):
            stream.get_final_response()
    last = events[-1]
    assert last.type == "error"
    assert last.code == "output_invalid"
    assert "response.output_text.done" not in {event.type for event in events}
