"""What a gateway runs for its adapters, over scripted engines and without its HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.adapters import (
    AdapterCaretaker,
    AdapterDirectory,
    AdapterParts,
    AdapterRegistry,
    AdapterSide,
    AdapterStore,
    Reconciler,
)
from gateway.engines.pool import Pool
from gateway.settings import AdapterSettings, EngineSettings, PoolSettings, Promotion, Settings
from gateway.state import AuditStore, ChannelStore
from gateway.tasks import TaskCatalog
from tests.support.stub_engine import StubEngine

MODEL = "smollm2-135m"
TASK = "invoice"
OTHER_TASK = "ticket"
OPEN = AdapterSettings(reconcile_interval_seconds=0.05, load_timeout_seconds=10, promotion=Promotion.OPEN)
"""For tests that are not about the gate: to register is to promote."""
GATED = AdapterSettings(reconcile_interval_seconds=0.05, load_timeout_seconds=10)


@dataclass(frozen=True)
class Side:
    """One gateway's adapters."""

    pool: Pool
    whole: AdapterSide

    @property
    def parts(self) -> AdapterParts:
        return self.whole.parts

    @property
    def reconciler(self) -> Reconciler:
        return self.whole.reconciler

    @property
    def directory(self) -> AdapterDirectory:
        return self.whole.directory

    @property
    def registry(self) -> AdapterRegistry:
        return self.whole.registry

    @property
    def caretaker(self) -> AdapterCaretaker:
        return self.whole.caretaker

    @property
    def channels(self) -> ChannelStore:
        return self.whole.parts.channels

    @property
    def audit(self) -> AuditStore:
        return self.whole.parts.audit

    @property
    def store(self) -> AdapterStore:
        return self.whole.parts.store


@asynccontextmanager
async def gateway_side(
    folder: Path, *engines: StubEngine, settings: AdapterSettings = OPEN, home: str = "home"
) -> AsyncIterator[Side]:
    """Run it until the block ends; several of one folder share its state, those of one home its store too."""
    urls = tuple(EngineSettings(url=engine.url) for engine in engines)
    section = PoolSettings(engines=urls, models=(MODEL,), health_interval_seconds=0.05)
    pool = Pool("small", section, ready_wait_seconds=5)
    whole = AdapterSide(
        Settings(home=folder / home, pools={"small": section}, adapters=settings),
        {"small": pool},
        catalog_in(folder),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(whole.close)
        await stack.enter_async_context(pool.running())
        await whole.start()
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(loop) for loop in whole.loops()]
            await until(lambda: any(engine.is_healthy for engine in pool.engines))
            try:
                yield Side(pool, whole)
            finally:
                for loop in loops:
                    loop.cancel()


def catalog_in(folder: Path) -> TaskCatalog:
    """Two tasks of one base model; files that a test has written before are kept."""
    tasks = folder / "tasks"
    tasks.mkdir(exist_ok=True)
    for name in (TASK, OTHER_TASK):
        path = tasks / f"{name}.yaml"
        if not path.exists():
            data = {"name": name, "description": "Reads.", "base_model": MODEL}
            path.write_text(yaml.safe_dump(data))
    catalog = TaskCatalog(tasks, base_models=(MODEL,), check_task=lambda _: None)
    catalog.load()
    return catalog


async def until(condition: Callable[[], object]) -> None:
    """Wait for what happens in the background."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is awaited tells nobody
            await asyncio.sleep(0.01)


def loads(engine: StubEngine, name: str) -> int:
    """How often an engine was told to load an adapter."""
    return sum(
        call.path == "/v1/load_lora_adapter" and call.body["lora_name"] == name for call in engine.requests
    )


def proofs(engine: StubEngine, name: str) -> int:
    """How often an engine generated with an adapter."""
    return sum(call.body["model"] == name for call in engine.generations)
