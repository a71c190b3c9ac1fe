"""More adapters than fit, used at random: places are never exceeded, requests never cut, all are served."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.adapter import AdapterManifest
from gateway.adapters import LoadState, Reconciler
from gateway.settings import AdapterSettings
from tests.unit.gateway.adapters.fake_engines import FakeEngine, FakePool, FakeUses
from tests.unit.gateway.fakes import FakeClock

MANY = 7
ROUNDS = 100
"""At half a second each: more than the patience and the least stay of every adapter in turn."""


class FakeStore:
    """Holds every version whole."""

    def verify(self, manifest: AdapterManifest) -> None:
        pass

    def path(self, manifest: AdapterManifest) -> Path:
        return Path("/nowhere") / manifest.name


def version(number: int) -> AdapterManifest:
    values: dict[str, Any] = {
        "task": "invoice",
        "digest": f"{number:064x}"[::-1],
        "base_model": "small-model",
        "rank": 4,
        "target_modules": ("v_proj",),
        "created_at": "2026-01-01T00:00:00Z",
        "files": {},
    }
    return AdapterManifest.model_validate(values)


VERSIONS = tuple(version(number) for number in range(MANY))
NAMES = [manifest.name for manifest in VERSIONS]


class World:
    """A pool whose requests the test begins and ends; time stands still between rounds."""

    def __init__(self, engines: int, places: int, group: asyncio.TaskGroup) -> None:
        self.clock = FakeClock()
        self.group = group
        self.engines = [FakeEngine(f"small/{n}", uses=FakeUses(self.clock)) for n in range(engines)]
        for engine in self.engines:
            engine.client.places = places
            engine.client.flying = engine.uses.flying
        self.pool = FakePool(self.engines, max_resident_adapters=places)
        store: Any = FakeStore()
        self.reconciler = Reconciler(
            {"small": self.pool}, store, AdapterSettings(load_timeout_seconds=60), clock=self.clock
        )
        self.places = places

    async def round(self) -> None:
        """Let half a second pass, start what is due and see it through, but for drains."""
        self.clock.now += 0.5
        self.reconciler.start_due(self.group)
        await asyncio.sleep(0)
        while any(  # noqa: ASYNC110 - tasks tell nobody
            status.state is LoadState.LOADING or self._leaves(status) for status in self.reconciler.status()
        ):
            await asyncio.sleep(0)
        for engine in self.engines:
            assert engine.client.most <= self.places
            assert engine.client.busy_unloads == engine.client.reread == []
            assert engine.ready_adapters <= engine.client.loaded

    def _leaves(self, status: Any) -> bool:
        [engine] = [engine for engine in self.engines if engine.name == status.engine]
        return status.state is LoadState.LEAVING and not engine.uses.flying[status.adapter]

    def begin(self, name: str) -> bool:
        """Send a request where the adapter is ready, else let it wait."""
        serving = [engine for engine in self.engines if engine.is_healthy and name in engine.ready_adapters]
        if not serving:
            self.pool.waiting[name] = 1
            return False
        self.pool.waiting.pop(name, None)
        engine = min(serving, key=lambda each: each.uses.flying.total())
        engine.uses.note(name)
        engine.uses.flying[name] += 1
        engine.client.use(name)
        return True

    def end(self, name: str) -> None:
        """End one request with the adapter, where there is one."""
        for engine in self.engines:
            if engine.uses.flying[name]:
                engine.uses.flying[name] -= 1
                engine.uses.lasts[name] = self.clock.now
                engine.client.use(name)
                return

    def restart(self, number: int) -> None:
        """The engine loses its adapters and its requests."""
        engine = self.engines[number % len(self.engines)]
        engine.client.restart()
        engine.ready_adapters = frozenset()
        engine.uses.flying.clear()
        engine.is_healthy = False
        self.reconciler.start_due(self.group)
        engine.is_healthy = True


ACTS = st.one_of(
    st.tuples(st.sampled_from(["begin", "end"]), st.sampled_from(NAMES)),
    st.tuples(st.just("aim"), st.sets(st.sampled_from(range(MANY)))),
    st.tuples(st.just("restart"), st.integers(0, 2)),
    st.tuples(st.just("round"), st.just(0)),
)


async def play(engines: int, places: int, acts: list[tuple[str, Any]]) -> None:
    async with asyncio.TaskGroup() as group:
        world = World(engines, places, group)
        for manifest in VERSIONS:
            world.reconciler.want(manifest)
        await world.round()
        for act, value in acts:
            match act:
                case "aim":
                    world.reconciler.aim(VERSIONS[number] for number in value)
                case "round":
                    await world.round()
                case "restart":
                    world.restart(value)
                case _:
                    getattr(world, act)(value)
        await all_are_served(world)
        for engine in world.engines:
            engine.uses.flying.clear()


async def all_are_served(world: World) -> None:
    """Each adapter gets its turn, though requests want all of them all the time and overlap."""
    served: set[str] = set()
    for _ in range(ROUNDS):
        for name in NAMES:
            before = sum(engine.uses.flying[name] for engine in world.engines)
            if world.begin(name):
                served.add(name)
            for _ in range(before):
                world.end(name)
        if served == set(NAMES):
            return
        await world.round()
    raise AssertionError(f"never served: {sorted(set(NAMES) - served)}")


@settings(max_examples=40)
@given(engines=st.integers(1, 3), places=st.integers(1, 5), acts=st.lists(ACTS, max_size=25))
def test_places_are_kept_requests_are_left_alone_and_all_are_served(
    engines: int, places: int, acts: list[tuple[str, Any]]
) -> None:
    asyncio.run(asyncio.wait_for(play(engines, places, acts), timeout=60))
