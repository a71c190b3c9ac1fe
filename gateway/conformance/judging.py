"""The proof of a draft: contract, calls, and what the task asks beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from contracts.output import OutputContract
from gateway.conformance._draft import Choice, Draft, is_forced_call
from gateway.conformance.failure import INVALID, TRUNCATED, Failure
from gateway.conformance.fixes import fixed
from gateway.errors import EngineError
from gateway.intake.compiled import Compiled
from gateway.intake.violation import Violation, ViolationKind
from gateway.records import Job, ToolCall


class Checks(Protocol):
    """What a task asks of an answer that keeps its contract."""

    async def violations(self, text: str) -> tuple[Violation, ...]:
        """Name what is wrong; empty where nothing is. May raise what asking a second model may."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a job's answer is proven against; a field that is None promises nothing."""

    output: Compiled | None = None
    call: Compiled | None = None
    checks: Checks | None = None


async def judge(draft: Draft, job: Job, promise: Promise) -> Failure | None:
    """Judge every choice; None is a proof of all of them.

    Raises:
        EngineError: the engine returned no choice at all.
        GatewayError: a proof could not be made.
    """
    if not draft.choices:
        raise EngineError("the engine's reply holds no choice")
    for choice in draft.choices.values():
        failure = await _judge_choice(choice, job, promise)
        if failure is not None:
            return failure
    return None


async def _judge_choice(choice: Choice, job: Job, promise: Promise) -> Failure | None:
    text = choice.text
    if choice.refusal and not text and not choice.calls:
        return None
    if choice.calls:
        return await _judge_calls(choice.calls, job, promise.call)
    if is_forced_call(job) and promise.output is None:
        return Failure(INVALID, (Violation("", "no tool was called", ViolationKind.TOOL),), text)
    if promise.output is None:
        return None
    if choice.finish_reason == "length":
        return Failure(TRUNCATED, text=text)
    violations = await _judge_text(choice, job.output, promise)
    return Failure(INVALID, violations, text) if violations else None


async def _judge_text(
    choice: Choice, contract: OutputContract | None, promise: Promise
) -> tuple[Violation, ...]:
    output = promise.output
    if output is None:
        return ()
    violations = await output.prove(choice.text)
    mended = fixed(choice.text, contract) if violations and contract is not None else None
    if mended is not None and not await output.prove(mended):
        choice.fixed, violations = mended, ()
    if not violations and promise.checks is not None:
        return await promise.checks.violations(choice.text)
    return violations


async def _judge_calls(calls: list[ToolCall], job: Job, call: Compiled | None) -> Failure | None:
    """Calls that an upstream made itself must name an offered tool and keep its schema."""
    if call is None:
        return _call_failure("a tool was called that was not offered")
    if len(calls) > 1 and not job.parallel_tool_calls:
        return _call_failure("several tools were called where one is allowed")
    names = {tool.name for tool in job.tools}
    for made in calls:
        if made.name not in names:
            return _call_failure("a tool was called that was not offered")
        text = f'{{"name":{_quoted(made.name)},"arguments":{made.arguments or "{}"}}}'
        violations = await call.prove(text)
        if violations:
            return Failure(INVALID, violations, text)
    return None


def _quoted(name: str) -> str:
    return f'"{name}"'  # a tool's name is letters, digits and `_.-`


def _call_failure(message: str) -> Failure:
    return Failure(INVALID, (Violation("", message, ViolationKind.TOOL),))
