"""The route stage: names to pools, and the classifier's decision where no name was given."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.output import OutputContract, TextOutput
from contracts.route import Action, RouteDecision
from contracts.task import Task, WithoutPool
from gateway.errors import InvalidRequestError, ModelNotFoundError
from gateway.records import Chat, Principal, Route, ToolUse

AUTO = "auto"
BASE = "base"
INLINE_CHARS = 500
"""A longer text takes the classifier over a millisecond: it is decided off the event loop."""
NO_ESCALATION_POOL = "no-escalation-pool"
TOOL_PROBABILITY = 0.5
"""Where a pinned model leaves the choice open, a tool is called when that is likelier than not."""


class Classifier(Protocol):
    """The router's inference."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it was fitted on."""

    def decide(
        self, text: str, *, has_tools: bool = False, tasks: Collection[str] | None = None
    ) -> RouteDecision:
        """Decide about one text."""

    def action_probabilities(self, text: str) -> dict[Action, float]:
        """Probabilities of the four actions."""


class Tasks(Protocol):
    """The task catalog."""

    def get(self, name: str) -> Task | None:
        """Look a task up."""

    def names(self) -> tuple[str, ...]:
        """All of them."""


class Adapters(Protocol):
    """The adapter directory."""

    def resolve(self, task: str) -> AdapterManifest | None:
        """The version that the stable channel points at."""

    def demand(self, name: str) -> AdapterManifest | None:
        """A registered version by its full name, to be loaded although no channel points at it."""


@dataclass(frozen=True, slots=True)
class Models:
    """What the pools serve: model to pool, the escalation target, and the pools that have own tools."""

    pools: Mapping[str, str]
    native_pools: frozenset[str]
    default: str
    escalation: str | None


class PolicyRouting:
    """Resolves `auto`, a task, `task@version`, a base model or an upstream's model."""

    def __init__(self, classifier: Classifier, tasks: Tasks, adapters: Adapters, *, models: Models) -> None:
        self._classifier = classifier
        self._tasks = tasks
        self._adapters = adapters
        self._models = models

    async def decide(self, principal: Principal, chat: Chat, request_id: str) -> Route:  # noqa: ARG002
        """Decide where a request goes.

        Raises:
            ModelNotFoundError: nothing has this name.
            InvalidRequestError: the task does not take what the request brings.
        """
        name, separator, version = chat.model.partition("@")
        pinned = self._tasks.get(name) if separator else None
        if pinned is not None:
            return self._pinned(pinned, version, chat)
        if len(chat.text) > INLINE_CHARS:
            return await asyncio.to_thread(self._classified, chat)
        return self._classified(chat)

    def model_names(self) -> tuple[str, ...]:
        """Every name that a request may use, pinned versions left out."""
        return (AUTO, *sorted(self._tasks.names()), *sorted(self._models.pools))

    def _classified(self, chat: Chat) -> Route:
        """Routes that may ask the classifier."""
        if chat.model == AUTO:
            return self._auto(chat)
        task = self._tasks.get(chat.model)
        if task is not None:
            return self._named(task, chat)
        if chat.model in self._models.pools:
            return self._model(chat)
        raise ModelNotFoundError(chat.model, known=self.model_names())

    def _auto(self, chat: Chat) -> Route:
        if chat.tools and chat.tool_use in (ToolUse.REQUIRED, ToolUse.NAMED):
            return self._plain(RouteDecision(Action.TOOL, None, 1.0, "tool-choice"), self._models.default)
        has_tools = bool(chat.tools) and not _brings_result(chat)
        decision = self._classifier.decide(chat.text, has_tools=has_tools, tasks=self._fitting(chat))
        task = self._tasks.get(decision.task) if decision.task else None
        if task is not None:
            # The router's bundle knows the task as it was when it was fitted.
            decision = replace(decision, action=task.action)
            return self._task(task, decision, self._adapters.resolve(task.name))
        if decision.action is Action.ESCALATE:
            return self._escalated(decision, None)
        return self._plain(decision, self._models.default)

    def _named(self, task: Task, chat: Chat) -> Route:
        """A named task is asked one thing: whether the small model should answer it."""
        _refuse_tools(task, chat)
        decision = RouteDecision(task.action, task.name, 1.0, "named")
        if task.policy.may_escalate and task.name in self._classifier.tasks:
            found = self._classifier.decide(chat.text, tasks=(task.name,))
            if found.action is Action.ESCALATE and not found.abstained:
                return self._escalated(replace(found, task=task.name), task)
            if found.task == task.name:
                decision = replace(found, action=task.action)
        return self._task(task, decision, self._adapters.resolve(task.name))

    def _pinned(self, task: Task, version: str, chat: Chat) -> Route:
        _refuse_tools(task, chat)
        decision = RouteDecision(task.action, task.name, 1.0, "pinned")
        if version == BASE:
            return self._task(task, decision, None)
        manifest = self._adapters.demand(chat.model)
        if manifest is None or manifest.base_model not in self._models.pools:
            raise ModelNotFoundError(chat.model, known=(task.name, f"{task.name}@{BASE}"))
        return self._task(task, decision, manifest)

    def _model(self, chat: Chat) -> Route:
        action, probability, reason = Action.ANSWER, 1.0, "model"
        is_native = self._models.pools[chat.model] in self._models.native_pools
        if chat.tools and chat.tool_use in (ToolUse.REQUIRED, ToolUse.NAMED):
            action, reason = Action.TOOL, "tool-choice"
        elif chat.tools and not is_native and not _brings_result(chat):
            likely = self._classifier.action_probabilities(chat.text).get(Action.TOOL, 0.0)
            is_call = likely >= TOOL_PROBABILITY
            action, reason = (Action.TOOL if is_call else Action.ANSWER), "model"
            probability = likely if is_call else 1.0 - likely
        return self._plain(RouteDecision(action, None, probability, reason), chat.model)

    def _fitting(self, chat: Chat) -> tuple[str, ...]:
        """The tasks that keep the contract which the request brings, or that leave it open."""
        names = self._tasks.names()
        if chat.output is None:
            return names
        tasks = ((name, self._tasks.get(name)) for name in names)
        return tuple(name for name, task in tasks if task is not None and _is_open(task, chat.output))

    def _plain(self, decision: RouteDecision, model: str) -> Route:
        return Route(decision, self._models.pools[model], model)

    def _task(self, task: Task, decision: RouteDecision, manifest: AdapterManifest | None) -> Route:
        # A pinned version may be of the base model that the task had before.
        model = manifest.base_model if manifest else task.base_model
        return Route(
            decision,
            pool=self._models.pools[model],
            model=model,
            task=task,
            adapter=manifest.name if manifest else None,
            json_form=manifest.json_form if manifest else JsonForm.COMPACT,
        )

    def _escalated(self, decision: RouteDecision, task: Task | None) -> Route:
        """To the escalation pool; without one the small model answers and says so, or the task refuses."""
        target = self._models.escalation
        if target is not None:
            return replace(self._plain(decision, target), task=task)
        if task is None:
            return replace(self._plain(decision, self._models.default), degraded=NO_ESCALATION_POOL)
        route = replace(
            self._task(task, decision, self._adapters.resolve(task.name)), degraded=NO_ESCALATION_POOL
        )
        if task.policy.without_escalation_pool is WithoutPool.REFUSE:
            return replace(route, refusal="This request needs a larger model, and none is configured.")
        return route


def _is_open(task: Task, wanted: OutputContract) -> bool:
    return isinstance(task.output, TextOutput) or task.output == wanted


def _brings_result(chat: Chat) -> bool:
    """The last turn is a tool's result: the user's text would only ask for the same call again."""
    return bool(chat.messages) and chat.messages[-1]["role"] == "tool"


def _refuse_tools(task: Task, chat: Chat) -> None:
    if chat.tools:
        raise InvalidRequestError(
            f'task {task.name!r} calls no tools; leave them out, send tool_choice "none" or use model "auto"',
            param="tools",
        )
