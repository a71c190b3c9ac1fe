"""Names to pools, and the classifier's decision where no name was given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.output import JsonObjectOutput
from contracts.route import Action, RouteDecision
from contracts.task import Task
from gateway.errors import InvalidRequestError, ModelNotFoundError
from gateway.records import Principal, Route, ToolUse
from gateway.routing import Models, PolicyRouting
from tests.unit.gateway.fakes import MODEL, WEATHER, make_chat, make_task


def manifest(form: JsonForm = JsonForm.COMPACT) -> AdapterManifest:
    return AdapterManifest.model_validate(
        {
            "task": "invoice",
            "digest": "a" * 64,
            "base_model": MODEL,
            "rank": 8,
            "target_modules": ["q_proj"],
            "json_form": form,
            "created_at": "2026-01-14T00:00:00Z",
            "files": {},
        }
    )


@dataclass
class FakeClassifier:
    """Gives one decision and keeps what it was asked."""

    decision: RouteDecision = field(default_factory=lambda: RouteDecision(Action.ANSWER, None, 0.6, "answer"))
    tool_probability: float = 0.0
    tasks: tuple[str, ...] = ("invoice",)
    asked: list[tuple[str, bool, tuple[str, ...] | None]] = field(default_factory=list)

    def decide(
        self, text: str, *, has_tools: bool = False, tasks: Collection[str] | None = None
    ) -> RouteDecision:
        self.asked.append((text, has_tools, None if tasks is None else tuple(tasks)))
        return self.decision

    def action_probabilities(self, text: str) -> dict[Action, float]:
        return {Action.TOOL: self.tool_probability, Action.ANSWER: 1 - self.tool_probability}


@dataclass
class FakeTasks:
    held: dict[str, Task]

    def get(self, name: str) -> Task | None:
        return self.held.get(name)

    def names(self) -> tuple[str, ...]:
        return tuple(self.held)


@dataclass
class FakeAdapters:
    stable: AdapterManifest | None = None
    known: dict[str, AdapterManifest] = field(default_factory=dict)

    def resolve(self, task: str) -> AdapterManifest | None:
        return self.stable if task == "invoice" else None

    def demand(self, name: str) -> AdapterManifest | None:
        return self.known.get(name)


@dataclass
class World:
    classifier: FakeClassifier = field(default_factory=FakeClassifier)
    tasks: dict[str, Task] = field(default_factory=lambda: {"invoice": make_task()})
    adapters: FakeAdapters = field(default_factory=FakeAdapters)
    escalation: str | None = "large-model"

    def routing(self) -> PolicyRouting:
        models = Models(
            pools={MODEL: "small", "other-model": "small", "large-model": "large"},
            native_pools=frozenset({"large"}),
            default=MODEL,
            escalation=self.escalation,
        )
        return PolicyRouting(self.classifier, FakeTasks(self.tasks), self.adapters, models=models)

    async def route(self, model: str, **chat: Any) -> Route:
        return await self.routing().decide(Principal("t"), make_chat(model=model, **chat), "id")


def where(route: Route) -> tuple[str, str, str | None, str | None]:
    return route.pool, route.model, route.task.name if route.task else None, route.adapter


@pytest.fixture
def world() -> World:
    return World()


def decided(action: Action, task: str | None = None, **fields: Any) -> RouteDecision:
    return RouteDecision(action, task, 0.8, "r", "v1", **fields)


@pytest.mark.parametrize("action", list(Action))
async def test_auto_without_a_task_goes_to_the_default_or_escalates(world: World, action: Action) -> None:
    world.classifier.decision = decided(action)
    route = await world.route("auto")
    model = ("large", "large-model") if action is Action.ESCALATE else ("small", MODEL)
    assert where(route) == (*model, None, None)
    assert route.decision == world.classifier.decision
    assert route.degraded is None


async def test_auto_asks_about_the_text_the_tools_and_the_tasks_that_exist(world: World) -> None:
    await world.route("auto", text="what is due?", tools=(WEATHER,))
    await world.route("auto", text="hi")
    assert world.classifier.asked == [("what is due?", True, ("invoice",)), ("hi", False, ("invoice",))]


async def test_auto_with_a_task_serves_it_with_its_adapter(world: World) -> None:
    world.classifier.decision = decided(Action.ANSWER, "invoice")
    world.adapters.stable = manifest(JsonForm.SPACED)
    route = await world.route("auto")
    assert where(route) == ("small", MODEL, "invoice", "invoice@" + "a" * 12)
    assert route.json_form is JsonForm.SPACED


async def test_a_task_has_the_action_of_its_file_and_not_of_an_older_bundle(world: World) -> None:
    world.tasks["invoice"] = make_task(action="retrieve", retrieval={"collection": "handbook"})
    world.classifier.decision = decided(Action.ANSWER, "invoice")
    route = await world.route("auto")
    assert (route.decision.action, route.decision.probability) == (Action.RETRIEVE, 0.8)


async def test_auto_with_a_task_that_is_gone_goes_to_the_default(world: World) -> None:
    world.classifier.decision = decided(Action.ANSWER, "deleted")
    assert where(await world.route("auto")) == ("small", MODEL, None, None)


@pytest.mark.parametrize("use", [ToolUse.REQUIRED, ToolUse.NAMED])
@pytest.mark.parametrize(("model", "pool"), [("auto", "small"), (MODEL, "small"), ("large-model", "large")])
async def test_a_call_that_the_client_demands_is_not_left_to_the_router(
    world: World, model: str, pool: str, use: ToolUse
) -> None:
    route = await world.route(model, tools=(WEATHER,), tool_use=use)
    assert (route.decision.action, route.decision.reason, route.pool) == (Action.TOOL, "tool-choice", pool)
    assert world.classifier.asked == []


async def test_a_named_task_is_served_as_its_policy_says(world: World) -> None:
    world.tasks["docs"] = make_task(
        name="docs", base_model="other-model", action="retrieve", retrieval={"collection": "handbook"}
    )
    route = await world.route("docs")
    assert where(route) == ("small", "other-model", "docs", None)
    assert route.decision == RouteDecision(Action.RETRIEVE, "docs", 1.0, "named")
    assert world.classifier.asked == []


async def test_a_named_task_that_the_router_knows_gets_its_probability(world: World) -> None:
    world.classifier.decision = decided(Action.RETRIEVE, "invoice")
    route = await world.route("invoice", text="hi")
    assert world.classifier.asked == [("hi", False, ("invoice",))]
    assert (route.decision.action, route.decision.probability) == (Action.ANSWER, 0.8)


@pytest.mark.parametrize("found", [decided(Action.TOOL), decided(Action.ESCALATE, abstained=True)], ids=str)
async def test_a_named_task_keeps_its_action_where_the_router_doubts(
    world: World, found: RouteDecision
) -> None:
    world.classifier.decision = found
    route = await world.route("invoice")
    assert route.decision == RouteDecision(Action.ANSWER, "invoice", 1.0, "named")


async def test_a_named_task_that_is_too_hard_is_escalated_as_that_task(world: World) -> None:
    world.classifier.decision = decided(Action.ESCALATE)
    world.adapters.stable = manifest()
    route = await world.route("invoice")
    assert where(route) == ("large", "large-model", "invoice", None)
    assert (route.decision.action, route.decision.task) == (Action.ESCALATE, "invoice")


async def test_a_task_that_may_not_escalate_is_not_asked_about(world: World) -> None:
    world.tasks["invoice"] = make_task(policy={"may_escalate": False})
    world.classifier.decision = decided(Action.ESCALATE)
    assert where(await world.route("invoice")) == ("small", MODEL, "invoice", None)
    assert world.classifier.asked == []


async def test_without_an_escalation_pool_the_small_model_answers_and_says_so(world: World) -> None:
    world.escalation = None
    world.classifier.decision = decided(Action.ESCALATE)
    world.adapters.stable = manifest()
    for model, task in (("auto", None), ("invoice", "invoice")):
        route = await world.route(model)
        assert where(route)[:3] == ("small", MODEL, task)
        assert (route.degraded, route.refusal) == ("no-escalation-pool", None)
        assert route.decision.action is Action.ESCALATE
        assert route.adapter == (manifest().name if task else None)


async def test_without_an_escalation_pool_a_task_may_refuse(world: World) -> None:
    world.escalation = None
    world.tasks["invoice"] = make_task(policy={"without_escalation_pool": "refuse"})
    world.classifier.decision = decided(Action.ESCALATE)
    route = await world.route("invoice")
    assert route.refusal == "This request needs a larger model, and none is configured."
    assert route.degraded == "no-escalation-pool"


async def test_a_pinned_version_is_obeyed(world: World) -> None:
    world.adapters.known[manifest().name] = manifest(JsonForm.SPACED)
    world.classifier.decision = decided(Action.ESCALATE)
    route = await world.route(manifest().name)
    assert where(route) == ("small", MODEL, "invoice", manifest().name)
    assert (route.decision.reason, route.json_form) == ("pinned", JsonForm.SPACED)
    assert world.classifier.asked == []


async def test_a_pinned_version_goes_to_the_base_model_that_it_was_trained_on(world: World) -> None:
    """The task has moved to another base model since."""
    older = manifest().model_copy(update={"base_model": "other-model"})
    world.adapters.known[older.name] = older
    assert where(await world.route(older.name)) == ("small", "other-model", "invoice", older.name)
    gone = older.model_copy(update={"base_model": "retired-model"})
    world.adapters.known[older.name] = gone
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        await world.route(older.name)


async def test_a_task_pinned_to_its_base_model_leaves_the_channel_alone(world: World) -> None:
    world.adapters.stable = manifest()
    assert where(await world.route("invoice@base")) == ("small", MODEL, "invoice", None)


async def test_an_unknown_version_names_what_there_is(world: World) -> None:
    with pytest.raises(ModelNotFoundError, match=r"'invoice@123'.*Available: invoice, invoice@base"):
        await world.route("invoice@123")


@pytest.mark.parametrize("model", ["gpt-4", "AUTO", "invoice@", "nobody@base", "invoice @base", "@"])
async def test_an_unknown_name_is_a_404_that_lists_the_known(world: World, model: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        await world.route(model)
    assert (caught.value.status, caught.value.param) == (404, "model")
    assert "invoice" in caught.value.message


def test_the_names_that_a_request_may_use_are_listed(world: World) -> None:
    assert world.routing().model_names() == ("auto", "invoice", "large-model", "other-model", MODEL)


async def test_a_base_or_upstream_model_is_obeyed(world: World) -> None:
    assert where(await world.route("other-model")) == ("small", "other-model", None, None)
    route = await world.route("large-model", tools=(WEATHER,))
    assert where(route) == ("large", "large-model", None, None)
    assert route.decision == RouteDecision(Action.ANSWER, None, 1.0, "model")


@pytest.mark.parametrize(
    ("likely", "action", "probability"),
    [(0.5, Action.TOOL, 0.5), (0.9, Action.TOOL, 0.9), (0.25, Action.ANSWER, 0.75)],
)
async def test_a_small_model_with_tools_calls_where_that_is_likelier(
    world: World, likely: float, action: Action, probability: float
) -> None:
    world.classifier.tool_probability = likely
    route = await world.route(MODEL, tools=(WEATHER,))
    assert (route.decision.action, route.decision.probability) == (action, probability)


@pytest.mark.parametrize("model", ["invoice", "invoice@base"])
async def test_a_task_takes_no_tools(world: World, model: str) -> None:
    with pytest.raises(InvalidRequestError, match="'invoice' calls no tools") as caught:
        await world.route(model, tools=(WEATHER,))
    assert caught.value.param == "tools"


RESULT = (
    {"role": "user", "content": "rain in Lisbon?"},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "tool", "tool_call_id": "c", "content": "sunny"},
)


async def test_a_tools_result_is_answered_and_not_asked_for_again(world: World) -> None:
    await world.route("auto", text="rain in Lisbon?", messages=RESULT, tools=(WEATHER,))
    assert world.classifier.asked == [("rain in Lisbon?", False, ("invoice",))]
    world.classifier.tool_probability = 0.9
    route = await world.route(MODEL, messages=RESULT, tools=(WEATHER,))
    assert (route.decision.action, route.decision.probability) == (Action.ANSWER, 1.0)


async def test_a_call_that_is_demanded_after_a_result_is_made(world: World) -> None:
    for model in ("auto", MODEL):
        route = await world.route(model, messages=RESULT, tools=(WEATHER,), tool_use=ToolUse.REQUIRED)
        assert route.decision.action is Action.TOOL


async def test_auto_offers_no_task_whose_contract_is_another_than_the_requests(world: World) -> None:
    world.tasks = {
        "invoice": make_task(output={"kind": "json_object"}),
        "labels": make_task(name="labels", output={"kind": "choice", "choices": ["a", "b"]}),
        "text": make_task(name="text"),
    }
    await world.route("auto", text="hi", output=JsonObjectOutput(kind="json_object"))
    assert world.classifier.asked == [("hi", False, ("invoice", "text"))]
