"""Tool calls: forced ones are made from text, an upstream's own are proven."""

from __future__ import annotations

import pytest

from contracts.outcome import OutcomeKind
from gateway.records import Delta, ToolCall, ToolUse
from tests.unit.gateway.conformance.walks import CALL, INVOICE, Walker, invalid
from tests.unit.gateway.fakes import WEATHER, make_job, make_route, said


async def test_a_forced_call_leaves_as_a_call(walk: Walker) -> None:
    walked = await walk(make_job(tools=(WEATHER,)), said(CALL))
    assert walked.deltas[0] == Delta(
        tool_calls=(ToolCall("call_1", "get_weather", '{"city":"Köln"}'),), finish_reason="tool_calls"
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"get_weather","arguments":{}}',
        '{"name":"other","arguments":{"city":"x"}}',
        '{"name":"get_weather","arguments":{"city":"x"},"name":"get_weather"}',
        '{"name":"get_weather","arguments":{"city":1e999}}',
        "It is sunny.",
    ],
)
async def test_a_forced_call_that_breaks_the_tools_schema_never_leaves(walk: Walker, text: str) -> None:
    assert invalid(await walk(make_job(tools=(WEATHER,)), said(text), said(text)))


async def test_an_upstreams_own_call_is_proven(walk: Walker) -> None:
    good = Delta(tool_calls=(ToolCall("x", "get_weather", '{"city": "Köln"}'),), finish_reason="tool_calls")
    job = make_job(tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    walked = await walk(job, [good])
    assert walked.deltas[0] == good


@pytest.mark.parametrize(
    "made",
    [
        ToolCall("x", "get_weather", '{"city":5}'),
        ToolCall("x", "get_weather", '{"city":"a"}}'),
        ToolCall("x", "get_weather", '{"city":"a"},"more":1'),
        ToolCall("x", "get_weather", '{"city":"a","city":"b"}'),
        ToolCall("x", "get_weather", "not json"),
        ToolCall("x", "get_weather", ""),
        ToolCall("x", "drop_table", '{"city":"a"}'),
        ToolCall("x", 'get_weather","arguments":{"city":"a"},"x":"', "{}"),
    ],
    ids=str,
)
async def test_an_upstreams_call_with_bad_arguments_never_leaves(walk: Walker, made: ToolCall) -> None:
    job = make_job(tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    good = ToolCall("y", "get_weather", '{"city":"a"}')
    bad = [Delta(tool_calls=(good, made), finish_reason="tool_calls")]
    assert invalid(await walk(job, bad, bad))


async def test_an_upstream_may_answer_instead_of_calling(walk: Walker) -> None:
    job = make_job(tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    walked = await walk(job, said("Sunny."))
    assert (walked.outcome, walked.text) == (OutcomeKind.VALID, "Sunny.")


async def test_an_answer_beside_tools_keeps_its_contract(walk: Walker) -> None:
    job = make_job(INVOICE, tools=(WEATHER,), tool_use=ToolUse.AUTO, route=make_route(pool="large"))
    assert invalid(await walk(job, said("Sunny."), said("Sunny.")))


async def test_a_call_that_nobody_offered_never_leaves(walk: Walker) -> None:
    made = [Delta(tool_calls=(ToolCall("x", "f", "{}"),), finish_reason="tool_calls")]
    assert invalid(await walk(make_job(INVOICE), made, made))


async def test_a_models_refusal_to_call_leaves_as_a_refusal(walk: Walker) -> None:
    walked = await walk(make_job(tools=(WEATHER,)), [Delta(refusal="I cannot.", finish_reason="stop")])
    assert walked.deltas[0] == Delta(refusal="I cannot.", finish_reason="stop")
