"""The compose step: from a routed request to the first job for an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contracts.output import JsonSchemaOutput, OutputContract, TextOutput
from contracts.prompt import PromptError, PromptPassage, render_prompt
from contracts.route import Action
from contracts.task import Task
from gateway.errors import InvalidRequestError
from gateway.prompting._messages import plain, tool_call_schema, tool_instructions, with_system
from gateway.records import AttemptKind, Chat, Job, JsonObject, Passage, Route, Tool, ToolUse

UNTASKED_DEADLINE_SECONDS = 300.0


class PromptComposer:
    """Applies a task's templates, or passes the client's messages on.

    `clock` is monotonic seconds; `native_pools` are those whose models have tools of their own.
    """

    def __init__(self, *, clock: Callable[[], float], native_pools: frozenset[str]) -> None:
        self._clock = clock
        self._native_pools = native_pools

    def compose(self, chat: Chat, route: Route, passages: tuple[Passage, ...]) -> Job:
        """Write the job.

        Raises:
            InvalidRequestError: the task's template needs what the request does not give.
        """
        task = route.task
        tools, tool_use = self._tools(chat, route)
        call = (
            JsonSchemaOutput(kind="json_schema", json_schema=dict(tool_call_schema(tools))) if tools else None
        )
        is_call = bool(tools) and tool_use is not ToolUse.AUTO
        deadline_seconds = task.policy.deadline_seconds if task else UNTASKED_DEADLINE_SECONDS
        return Job(
            kind=AttemptKind.FIRST,
            route=route,
            messages=self._messages(chat, route, tools if is_call else (), passages),
            prompt=chat.prompt if task is None else None,
            output=call if is_call else _output(chat, task),
            call=call,
            tools=tools,
            tool_use=tool_use,
            sampling=_sampling(chat, task, is_call=is_call),
            max_tokens=chat.max_tokens or (task.sampling.max_tokens if task else None),
            is_max_tokens_fixed=chat.max_tokens is not None,
            choices=chat.choices,
            stream=chat.stream,
            deadline=self._clock() + deadline_seconds,
            parallel_tool_calls=chat.parallel_tool_calls,
        )

    def _messages(
        self, chat: Chat, route: Route, tools: Sequence[Tool], passages: tuple[Passage, ...]
    ) -> Sequence[JsonObject]:
        if route.task is None and route.pool in self._native_pools:
            return chat.messages
        messages = plain(chat.messages)
        if tools:
            messages = with_system(messages, tool_instructions(tools))
        return messages if route.task is None else _task_messages(chat, route.task, messages, passages)

    def _tools(self, chat: Chat, route: Route) -> tuple[tuple[Tool, ...], ToolUse]:
        if route.decision.action is Action.TOOL:
            return chat.tools, chat.tool_use if chat.tool_use is ToolUse.NAMED else ToolUse.REQUIRED
        if route.pool in self._native_pools and chat.tool_use is ToolUse.AUTO:
            return chat.tools, ToolUse.AUTO
        return (), ToolUse.NONE


def _task_messages(
    chat: Chat, task: Task, messages: list[JsonObject], passages: tuple[Passage, ...]
) -> list[JsonObject]:
    """Replace the last user turn by the task's; what came before it stays, under the task's system text."""
    numbered = [PromptPassage(number, p.title, p.text) for number, p in enumerate(passages, start=1)]
    try:
        prompt = render_prompt(task, chat.text, chat.variables, numbered)
    except PromptError as error:
        raise InvalidRequestError(f"{error}; give it in firstline.variables", param="firstline") from error
    # The client's own roles tell: among the plain messages a tool's result is a user turn too.
    last = max((i for i, m in enumerate(chat.messages) if m["role"] == "user"), default=len(messages))
    turns = [*messages[:last], {"role": "user", "content": prompt.user}, *messages[last + 1 :]]
    return with_system(turns, prompt.system)


def _output(chat: Chat, task: Task | None) -> OutputContract | None:
    """The task's contract, else the request's. A task's own cannot be changed."""
    if task is None:
        return chat.output
    if isinstance(task.output, TextOutput):
        return chat.output or task.output
    if chat.output is not None and chat.output != task.output:
        raise InvalidRequestError(
            f"task {task.name!r} has an output contract of its own; leave response_format out",
            param="response_format",
        )
    return task.output


def _sampling(chat: Chat, task: Task | None, *, is_call: bool) -> JsonObject:
    """The task's defaults under the request's own values; a call is greedy, its arguments are facts.

    Several choices are drawn at the engine's own temperature: greedy ones would all be the same.
    """
    if chat.choices > 1:
        return chat.sampling
    if is_call:
        return {"temperature": 0.0, **chat.sampling}
    if task is None or "temperature" in chat.sampling or "top_p" in chat.sampling:
        return chat.sampling
    return {"temperature": task.sampling.temperature, **chat.sampling}
