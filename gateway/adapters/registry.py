"""Registers adapter versions and says which one answers for a task."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.task import Task
from gateway.adapters._engine_calls import listed_models
from gateway.adapters.bases import BaseModel, read_base_model
from gateway.adapters.inspect import inspect_adapter
from gateway.adapters.ports import AdapterPool
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.store import AdapterStore
from gateway.errors import (
    AdapterNotReadyError,
    AdapterRefusedError,
    ConflictError,
    EngineUnavailableError,
    GatewayError,
    ModelNotFoundError,
)
from gateway.settings import AdapterSettings, PoolKind
from gateway.state.channels import BASE_VERSION, Channel, ChannelChange, Channels, ChannelStore
from gateway.tasks.catalog import TaskCatalog

_log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.5
"""How soon a gateway sees a channel that another process has moved."""
_HISTORY: Final = 1000


@dataclass(frozen=True, slots=True)
class _View:
    """What requests are routed by; swapped whole."""

    generation: int = -1
    channels: Mapping[str, Channels] = field(default_factory=dict)
    manifests: Mapping[str, AdapterManifest] = field(default_factory=dict)


class AdapterRegistry:
    """Looks up without waiting, from a view at most a second old; moves channels by compare-and-set."""

    def __init__(
        self,
        store: AdapterStore,
        channels: ChannelStore,
        reconciler: Reconciler,
        *,
        catalog: TaskCatalog,
        pools: Mapping[str, AdapterPool],
        settings: AdapterSettings,
    ) -> None:
        self._store = store
        self._channels = channels
        self._reconciler = reconciler
        self._catalog = catalog
        self._pools = tuple(pool for pool in pools.values() if pool.settings.kind is PoolKind.VLLM)
        self._settings = settings
        self._view = _View()
        self._refreshing = asyncio.Lock()

    async def start(self) -> None:
        """Clean the store of leftovers and read what it and the channels hold."""
        await asyncio.to_thread(self._store.clean)
        await self.refresh()

    async def run(self) -> None:
        """Follow the channels and the store until cancelled; keeps the last view when they fail."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - supervised: the last view goes on serving
                _log.error("adapter_view_stale", error=str(error))

    def resolve(self, task: str) -> AdapterManifest | None:
        """The version that the stable channel names; None for the bare base model.

        Raises:
            AdapterNotReadyError: the channel names a version that the store does not hold whole, or
                that was trained on another base model than the task has now.
        """
        channels = self._view.channels.get(task)
        if channels is None or channels.stable is None or channels.stable == BASE_VERSION:
            return None
        name = f"{task}@{channels.stable}"
        manifest = self._view.manifests.get(name)
        if manifest is None:
            raise AdapterNotReadyError(f"the files of adapter {name!r} are missing or damaged")
        served = self._catalog.get(task)
        if served is not None and served.base_model != manifest.base_model:
            raise AdapterNotReadyError(
                f"adapter {name!r} belongs to base model {manifest.base_model!r}, and task {task!r} is "
                f"now served by {served.base_model!r}: register one for it, or roll back"
            )
        return manifest

    def get(self, name: str) -> AdapterManifest | None:
        """One version by `task@version`."""
        return self._view.manifests.get(name)

    def demand(self, name: str) -> AdapterManifest | None:
        """One version by name, for a request that pins it: the engines load it if they have not."""
        manifest = self._view.manifests.get(name)
        if manifest is not None:
            self._reconciler.want(manifest)
        return manifest

    def list(self) -> tuple[AdapterManifest, ...]:
        """All versions in the store, by name."""
        return tuple(self._view.manifests[name] for name in sorted(self._view.manifests))

    def channels(self, task: str) -> Channels:
        """The channels of one task."""
        return self._view.channels.get(task, Channels())

    async def refresh(self) -> None:
        """Read what has changed and aim the reconciler at what the channels of served tasks name."""
        async with self._refreshing:
            manifests = await asyncio.to_thread(self._store.all, self._view.manifests)
            generation = await self._channels.generation()
            channels = self._view.channels
            if generation != self._view.generation:
                channels = await self._channels.channels()
            self._view = _View(generation, channels, {manifest.name: manifest for manifest in manifests})
        named = (
            f"{task}@{version}"
            for task, pointers in channels.items()
            if self._catalog.get(task) is not None
            for version in pointers.versions
        )
        self._reconciler.aim([self._view.manifests[name] for name in named if name in self._view.manifests])

    async def register(
        self, folder: Path, task: str, *, json_form: JsonForm = JsonForm.COMPACT
    ) -> AdapterManifest:
        """Inspect, store, prove on each healthy engine, then point the task's stable channel.

        Raises:
            ModelNotFoundError: no task has this name.
            AdapterRefusedError: the folder, or an engine's answer to it; the channel is untouched.
            AdapterNotReadyError, EngineUnavailableError: the engines; the channel is untouched.
            ConflictError: someone else moved the channel meanwhile.
        """
        served = self._task(task)
        pool = self._pool_of(served)
        before = await self._channels.stable(task)
        base = await self._base_model(pool, served.base_model)
        manifest, is_new = await asyncio.to_thread(self._take, folder, served, pool, base, json_form)
        try:
            await self._point_when_ready(manifest, before)
        except (GatewayError, asyncio.CancelledError):
            if is_new:
                await asyncio.to_thread(self._discard, manifest)
            raise
        finally:
            await self.refresh()
        return manifest

    async def point(self, name: str) -> AdapterManifest:
        """Point the stable channel of its task at a version that the store holds; raises as `register`."""
        manifest = self.get(name)
        if manifest is None:
            raise ModelNotFoundError(name, known=self._view.manifests)
        served = self._task(manifest.task)
        if served.base_model != manifest.base_model:
            raise AdapterRefusedError(
                f"{name} belongs to base model {manifest.base_model!r}; the task has {served.base_model!r}"
            )
        await self._point_when_ready(manifest, await self._channels.stable(manifest.task))
        await self.refresh()
        return manifest

    async def rollback(self, task: str) -> ChannelChange:
        """Point the stable channel to the version before; again and again, down to the bare base model.

        Raises:
            ConflictError: the channel was never pointed, or is at the base model, or the earlier
                version is gone.
        """
        history = await self._channels.history(task, _HISTORY)
        moves = [change.version for change in reversed(history) if change.channel is Channel.STABLE]
        if not moves:
            raise ConflictError(f"the stable channel of task {task!r} was never pointed anywhere")
        target = _before_last(moves)
        if target != BASE_VERSION and self.get(f"{task}@{target}") is None:
            raise ConflictError(f"the earlier version {task}@{target} is not in the store any more")
        change = await self._channels.point(task, Channel.STABLE, target, expected=moves[-1])
        _log.warning("adapter_rolled_back", task=task, to=target, before=moves[-1])
        await self.refresh()
        return change

    async def bundled(self, folder: Path) -> None:
        """Register the adapters that ship in `folder/<task>/` for tasks without a stable channel.

        Waits for an engine; one that fails is logged and holds up no other.
        """
        names = await asyncio.to_thread(_adapter_folders, folder)
        for task in names:
            served = self._catalog.get(task)
            if served is None or await self._channels.stable(task) is not None:
                continue
            try:
                await self._engine_is_up(self._pool_of(served))
                await self.register(folder / task, task)
            except GatewayError as error:
                _log.error("bundled_adapter_failed", task=task, error=error.message)

    def _task(self, name: str) -> Task:
        served = self._catalog.get(name)
        if served is None:
            raise ModelNotFoundError(name, known=self._catalog.names())
        return served

    def _pool_of(self, task: Task) -> AdapterPool:
        for pool in self._pools:
            if task.base_model in pool.settings.models:
                return pool
        raise AdapterRefusedError(f"no pool that loads adapters serves base model {task.base_model!r}")

    async def _base_model(self, pool: AdapterPool, name: str) -> BaseModel:
        """What the engines say of the model behind the served name."""
        healthy = [engine for engine in pool.engines if engine.is_healthy]
        if not healthy:
            raise EngineUnavailableError(f"no engine of pool {pool.name!r} is answering; start one first")
        roots = [(await listed_models(engine)).get(name, "") for engine in healthy]
        return await asyncio.to_thread(read_base_model, name, [root for root in roots if root])

    def _take(
        self, folder: Path, task: Task, pool: AdapterPool, base: BaseModel, json_form: JsonForm
    ) -> tuple[AdapterManifest, bool]:
        """Copy first and judge the copy, so that what was judged is what is stored."""
        with self._store.staging() as staged:
            self._store.stage(folder, staged)
            inspection = inspect_adapter(staged, base=base, max_rank=pool.settings.max_lora_rank)
            return self._store.commit(
                staged, inspection, task=task.name, base_model=task.base_model, json_form=json_form
            )

    async def _point_when_ready(self, manifest: AdapterManifest, before: str | None) -> None:
        with self._reconciler.holding(manifest):
            await self._reconciler.wait_ready(manifest, self._settings.load_timeout_seconds)
            if before == manifest.version:
                return
            try:
                await self._channels.point(manifest.task, Channel.STABLE, manifest.version, expected=before)
            except ConflictError:
                # The same folder, registered twice at once, is no conflict.
                if await self._channels.stable(manifest.task) != manifest.version:
                    raise
            await self.refresh()
        _log.info("adapter_registered", adapter=manifest.name, before=before)

    def _discard(self, manifest: AdapterManifest) -> None:
        """Take back what was stored for a registration that failed, unless a channel names it by now."""
        if manifest.version not in self.channels(manifest.task).versions:
            self._store.remove(manifest)

    async def _engine_is_up(self, pool: AdapterPool) -> None:
        while not any(engine.is_healthy for engine in pool.engines):  # noqa: ASYNC110 - pools tell no health
            await asyncio.sleep(POLL_SECONDS)


def _before_last(moves: Sequence[str | None]) -> str:
    """The version under the present one, where a move to an earlier version undoes the moves since.

    Raises:
        ConflictError: there is none.
    """
    stack = [BASE_VERSION]
    for move in moves:
        version = move or BASE_VERSION
        if version in stack:
            del stack[stack.index(version) + 1 :]
        else:
            stack.append(version)
    if len(stack) < 2:
        raise ConflictError("the stable channel is at the bare base model already")
    return stack[-2]


def _adapter_folders(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.name for path in folder.iterdir() if (path / "adapter_config.json").is_file()))
