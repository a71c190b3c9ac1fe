"""A generation held back until it is proven."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from contracts.canonical import canonical_json
from contracts.outcome import Usage
from gateway.conformance._strict_json import loads
from gateway.conformance.compiled import Compiled, Violation
from gateway.errors import EngineError
from gateway.records import Delta, Job, ToolCall, ToolUse

TRUNCATED = "truncated"
INVALID = "invalid"


@dataclass(slots=True)
class _Choice:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Delta] = field(default_factory=list)
    finish_reason: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a draft may not leave; `code` is `truncated`, `invalid`, or an engine error's code."""

    code: str
    violations: tuple[Violation, ...] = ()
    text: str = ""


@dataclass(slots=True)
class Draft:
    """All that one generation said, by choice. It keeps what it has when the stream breaks."""

    choices: dict[int, _Choice] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    async def fill(self, deltas: AsyncGenerator[Delta]) -> None:
        """Take everything that the engine says."""
        async with aclosing(deltas) as stream:
            async for delta in stream:
                self.add(delta)

    def add(self, delta: Delta) -> None:
        """Take one delta."""
        if delta.usage is not None:
            self.usage = delta.usage
            return
        choice = self.choices.setdefault(delta.index, _Choice())
        choice.text.append(delta.text)
        choice.reasoning.append(delta.reasoning)
        choice.calls += delta.tool_calls
        choice.finish_reason = delta.finish_reason or choice.finish_reason
        choice.refusal = delta.refusal or choice.refusal
        if delta.logprobs is not None:
            choice.logprobs.append(delta)

    def failure(self, job: Job, contract: Compiled | None, call: Compiled | None) -> Failure | None:
        """Judge the draft; None is a proof of every choice.

        Raises:
            EngineError: the engine returned no choice at all.
        """
        if not self.choices:
            raise EngineError("the engine's reply holds no choice")
        for choice in self.choices.values():
            failure = _judge(choice, job, contract, call)
            if failure is not None:
                return failure
        return None

    def deltas(self, job: Job, call_ids: Iterator[str]) -> Iterator[Delta]:
        """Replay the draft, a delta for each choice, with a forced call turned into a tool call."""
        for index, choice in sorted(self.choices.items()):
            text, calls = "".join(choice.text), tuple(choice.calls)
            if _is_forced_call(job) and not calls and not choice.refusal:
                text, calls = "", (_parsed_call(text, next(call_ids)),)
            yield Delta(
                index=index,
                text=text,
                reasoning="".join(choice.reasoning),
                tool_calls=calls,
                refusal=choice.refusal,
                logprobs=choice.logprobs[0].logprobs if len(choice.logprobs) == 1 else None,
                finish_reason="tool_calls" if calls else choice.finish_reason,
            )


def _judge(choice: _Choice, job: Job, contract: Compiled | None, call: Compiled | None) -> Failure | None:
    text = "".join(choice.text)
    if choice.refusal and not text and not choice.calls:
        return None
    if choice.calls:
        return _judge_calls(choice.calls, call)
    if choice.finish_reason == "length" and contract is not None:
        return Failure(TRUNCATED, text=text)
    if _is_forced_call(job) and contract is None:
        return Failure(INVALID, (Violation("", "no tool was called"),), text)
    violations = contract.verify(text) if contract is not None else ()
    return Failure(INVALID, violations, text) if violations else None


def _judge_calls(calls: list[ToolCall], call: Compiled | None) -> Failure | None:
    """Calls that an upstream made itself must name an offered tool and keep its schema."""
    if call is None:
        return Failure(INVALID, (Violation("", "a tool was called that was not offered"),))
    for made in calls:
        text = f'{{"name":{canonical_json(made.name)},"arguments":{made.arguments or "{}"}}}'
        violations = call.verify(text)
        if violations:
            return Failure(INVALID, violations, text)
    return None


def _is_forced_call(job: Job) -> bool:
    return bool(job.tools) and job.tool_use is not ToolUse.AUTO


def _parsed_call(text: str, call_id: str) -> ToolCall:
    value = loads(text)
    return ToolCall(call_id, value["name"], canonical_json(value["arguments"]))
