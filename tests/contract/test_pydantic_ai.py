"""Pydantic AI, unmodified, with the gateway as its OpenAI-compatible provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, UnexpectedModelBehavior
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.support.gateway_process import GatewayThread
from tests.support.settings_files import MODEL
from tests.support.stub_engine import Reply, StubEngine

MODELS: dict[str, Callable[..., Model]] = {"chat": OpenAIChatModel, "responses": OpenAIResponsesModel}
GOOD = '{"answer":"yes","note":"It is."}'
BAD = '{"answer":"perhaps","note":"It is."}'


class Answer(BaseModel):
    """What is asked for."""

    answer: Literal["yes", "no"]
    note: str | None = None


PARSED = Answer(answer="yes", note="It is.")
OUTPUTS: dict[str, Any] = {
    "native": NativeOutput(Answer),
    "tool": ToolOutput(Answer, name="final"),
    "prompted": PromptedOutput(Answer),
    "by default": Answer,
}
TOOLS = {"tool": "final", "by default": "final_result"}
each_output = pytest.mark.parametrize("output", OUTPUTS)


@pytest.fixture(params=sorted(MODELS))
async def model(request: pytest.FixtureRequest, gateway: GatewayThread) -> AsyncIterator[Model]:
    """Each of the two APIs that Pydantic AI speaks to a provider."""
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none", timeout=30) as client:
        yield MODELS[request.param](MODEL, provider=OpenAIProvider(openai_client=client))


def generated(output: str, text: str) -> Reply:
    """What the small model says: the answer, or the call that carries it."""
    tool = TOOLS.get(output)
    return Reply(text=f'{{"name":"{tool}","arguments":{text}}}' if tool else text)


@each_output
async def test_an_output_type_is_given_back(model: Model, engine: StubEngine, output: str) -> None:
    engine.script(generated(output, GOOD))
    agent = Agent(model, output_type=OUTPUTS[output], instructions="Be brief.")
    result = await agent.run("Is it so?")
    assert result.output == PARSED
    assert result.usage.output_tokens > 0
    assert len(engine.generations) == 1


@each_output
async def test_an_output_type_is_given_back_from_a_stream(
    model: Model, engine: StubEngine, output: str
) -> None:
    engine.script(generated(output, GOOD))
    async with Agent(model, output_type=OUTPUTS[output]).run_stream("Is it so?") as result:
        assert await result.get_output() == PARSED


async def test_plain_text(model: Model, engine: StubEngine) -> None:
    engine.script(Reply(text="Hello there."), Reply(text="And again."))
    agent = Agent(model)
    first = await agent.run("Say hi")
    assert first.output == "Hello there."
    second = await agent.run("And again", message_history=first.all_messages())
    assert second.output == "And again."


@pytest.mark.parametrize("output", ["native", "tool", "by default"])
async def test_an_invalid_answer_is_its_error_with_our_code(
    model: Model, engine: StubEngine, output: str
) -> None:
    engine.always(generated(output, BAD))
    with pytest.raises(ModelHTTPError) as caught:
        await Agent(model, output_type=OUTPUTS[output]).run("Is it so?")
    assert caught.value.status_code == 502
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["code"] == "reask_failed"


async def test_an_invalid_answer_in_a_stream_is_its_error_with_our_code(
    model: Model, engine: StubEngine
) -> None:
    engine.always(Reply(text=BAD))
    with pytest.raises(ModelAPIError, match="output_invalid"):
        async with Agent(model, output_type=NativeOutput(Answer)).run_stream("Is it so?") as result:
            await result.get_output()


async def test_what_it_asks_for_in_words_alone_it_checks_itself(model: Model, engine: StubEngine) -> None:
    """The gateway was promised any JSON object; that one it proves, and the rest is between them."""
    engine.always(Reply(text=BAD))
    with pytest.raises(UnexpectedModelBehavior, match="output retries"):
        await Agent(model, output_type=PromptedOutput(Answer)).run("Is it so?")
    assert len(engine.generations) == 2


async def test_a_tool_is_called_and_its_result_read(model: Model, engine: StubEngine) -> None:
    engine.script(Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'), generated("tool", GOOD))
    asked: list[str] = []
    agent = Agent(model, output_type=OUTPUTS["tool"])

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Weather of a city."""
        asked.append(city)
        return "sunny"

    result = await agent.run("Is it sunny in Rome?")
    assert result.output == PARSED
    assert asked == ["Rome"]
    called = [part for message in result.all_messages() for part in message.parts]
    assert [part.tool_name for part in called if isinstance(part, ToolCallPart)] == ["get_weather", "final"]
    assert "sunny" in str(engine.generations[1].body["messages"])
