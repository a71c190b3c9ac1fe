"""The proof of a draft: contract, calls, and what the task asks beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from contracts.canonical import canonical_json
from contracts.output import OutputContract
from gateway.conformance._draft import Choice, Draft, is_forced_call
from gateway.conformance.failure import INVALID, TRUNCATED, Failure
from gateway.conformance.fixes import fixed
from gateway.errors import EngineError
from gateway.intake.compiled import Compiled
from gateway.intake.strict_json import StrictJsonError, loads
from gateway.intake.violation import Violation, ViolationKind
from gateway.records import Job, ToolCall


class Checks(Protocol):
    """What a task asks of an answer that keeps its contract."""

    async def violations(self, text: str) -> tuple[Violation, ...]:
        """Name what is wrong; empty where nothing is. May raise what asking a second model may."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a job's answer is proven against; a field that is None promises nothing.

    `tools` are the contracts of arguments by name, each in the draft that its own schema is written in.
    """

    output: Compiled | None = None
    tools: Mapping[str, Compiled] = field(default_factory=dict)
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
        return await _judge_calls(choice.calls, job, promise)
    if promise.output is None and not is_forced_call(job):
        return None
    if choice.finish_reason == "length":
        return Failure(TRUNCATED, text=text)
    if is_forced_call(job):
        violations = await _judge_written_call(text, job, promise)
    else:
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


async def _judge_calls(calls: list[ToolCall], job: Job, promise: Promise) -> Failure | None:
    """Calls that an upstream made itself must name an offered tool and keep its schema."""
    if len(calls) > 1 and not job.parallel_tool_calls:
        return Failure(INVALID, (_wrong_call("several tools were called where one is allowed"),))
    for made in calls:
        violations = await _judge_arguments(made.name, made.arguments or "{}", job, promise)
        if violations:
            return Failure(INVALID, violations, made.arguments)
    return None


async def _judge_written_call(text: str, job: Job, promise: Promise) -> tuple[Violation, ...]:
    """A call that the grammar forced: an object of a name and its arguments, and nothing else."""
    try:
        call = loads(text)
    except StrictJsonError as error:
        return (Violation("", str(error), ViolationKind.JSON),)
    if not isinstance(call, dict) or call.keys() != {"name", "arguments"}:
        return (_wrong_call("no tool was called"),)
    return await _judge_arguments(call["name"], canonical_json(call["arguments"]), job, promise)


async def _judge_arguments(name: object, arguments: str, job: Job, promise: Promise) -> tuple[Violation, ...]:
    contract = promise.tools.get(str(name))
    if contract is None or not any(tool.name == name for tool in job.tools):
        return (_wrong_call("a tool was called that was not offered"),)
    found = await contract.prove(arguments)
    return tuple(replace(violation, pointer=f"/arguments{violation.pointer}") for violation in found)


def _wrong_call(message: str) -> Violation:
    return Violation("", message, ViolationKind.TOOL)
