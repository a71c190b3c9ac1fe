"""A generation held back until it is proven."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from contracts.canonical import canonical_json
from contracts.outcome import Usage
from gateway.intake.strict_json import loads
from gateway.records import Delta, Job, ToolCall, ToolUse


@dataclass(slots=True)
class Choice:
    """One answer of a draft; `fixed` is its text after a fix that changes no meaning."""

    pieces: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Delta] = field(default_factory=list)
    finish_reason: str | None = None
    refusal: str | None = None
    fixed: str | None = None

    @property
    def text(self) -> str:
        """What the answer says."""
        return "".join(self.pieces) if self.fixed is None else self.fixed


@dataclass(slots=True)
class Draft:
    """All that one generation said, by choice. It keeps what it has when the stream breaks."""

    choices: dict[int, Choice] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    @property
    def is_fixed(self) -> bool:
        """Whether a fix was needed to prove it."""
        return any(choice.fixed is not None for choice in self.choices.values())

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
        choice = self.choices.setdefault(delta.index, Choice())
        choice.pieces.append(delta.text)
        choice.reasoning.append(delta.reasoning)
        choice.calls += delta.tool_calls
        choice.finish_reason = delta.finish_reason or choice.finish_reason
        choice.refusal = delta.refusal or choice.refusal
        if delta.logprobs is not None:
            choice.logprobs.append(delta)

    def deltas(self, job: Job, call_ids: Iterator[str]) -> Iterator[Delta]:
        """Replay the draft, a delta for each choice, with a forced call turned into a tool call."""
        for index, choice in sorted(self.choices.items()):
            text, calls = choice.text, tuple(choice.calls)
            if is_forced_call(job) and not calls and not choice.refusal:
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


def is_forced_call(job: Job) -> bool:
    """Whether the answer can be nothing but a call."""
    return bool(job.tools) and job.tool_use is not ToolUse.AUTO


def _parsed_call(text: str, call_id: str) -> ToolCall:
    value = loads(text)
    return ToolCall(call_id, value["name"], canonical_json(value["arguments"]))
