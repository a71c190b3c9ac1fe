"""Registers adapter versions and moves the stable channel to them and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.task import Task
from gateway.adapters._engine_calls import listed_models
from gateway.adapters._pools import loading_pools, pool_of
from gateway.adapters.bases import BaseModel, read_base_model
from gateway.adapters.directory import AdapterDirectory
from gateway.adapters.inspect import inspect_adapter
from gateway.adapters.ports import AdapterPool
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.store import AdapterStore
from gateway.errors import (
    AdapterRefusedError,
    ConflictError,
    EngineUnavailableError,
    GatewayError,
    ModelNotFoundError,
)
from gateway.state.channels import BASE_VERSION, Channel, ChannelChange, ChannelStore
from gateway.tasks.catalog import TaskCatalog

_log = structlog.get_logger(__name__)

_HISTORY: Final = 1000
_ENGINE_POLL_SECONDS: Final = 0.5


class AdapterRegistry:
    """Moves stable channels by compare-and-set; forward only to what each healthy engine has proven.

    An act that fails leaves the channel and the store as they were; one that succeeds ends with the
    directory showing it.
    """

    def __init__(
        self,
        directory: AdapterDirectory,
        store: AdapterStore,
        *,
        channels: ChannelStore,
        reconciler: Reconciler,
        catalog: TaskCatalog,
        pools: Mapping[str, AdapterPool],
    ) -> None:
        self._directory = directory
        self._store = store
        self._channels = channels
        self._reconciler = reconciler
        self._catalog = catalog
        self._pools = loading_pools(pools.values())

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
        pool = pool_of(served.base_model, self._pools)
        before = await self._channels.stable(task)
        base = await self._base_model(pool, served.base_model)
        manifest, is_new = await asyncio.to_thread(self._take, folder, served, pool, base, json_form)
        try:
            await self._point_when_ready(manifest, before)
        except (GatewayError, asyncio.CancelledError):
            if is_new:
                await self._discard(manifest)
            raise
        finally:
            await self._directory.refresh()
        return manifest

    async def point(self, name: str) -> AdapterManifest:
        """Point the stable channel of its task at a version that the store holds; raises as `register`."""
        manifest = self._directory.get(name)
        if manifest is None:
            raise ModelNotFoundError(name, known=[known.name for known in self._directory.list()])
        served = self._task(manifest.task)
        if served.base_model != manifest.base_model:
            raise AdapterRefusedError(
                f"{name} belongs to base model {manifest.base_model!r}; the task has {served.base_model!r}"
            )
        await self._point_when_ready(manifest, await self._channels.stable(manifest.task))
        await self._directory.refresh()
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
        if target != BASE_VERSION and self._directory.get(f"{task}@{target}") is None:
            raise ConflictError(f"the earlier version {task}@{target} is not in the store any more")
        change = await self._channels.point(task, Channel.STABLE, target, expected=moves[-1])
        _log.warning("adapter_rolled_back", task=task, to=target, before=moves[-1])
        await self._directory.refresh()
        return change

    async def bundled(self, folder: Path) -> None:
        """Register the adapters that ship in `folder/<task>/` for tasks without a stable channel.

        Waits for an engine; one that fails is logged, holds up no other and never ends the gateway.
        """
        try:
            names = await asyncio.to_thread(_adapter_folders, folder)
        except OSError as error:
            _log.error("bundled_adapters_unreadable", error=error.strerror)
            return
        for task in names:
            try:
                await self._register_bundled(folder / task, task)
            except GatewayError as error:
                _log.error("bundled_adapter_failed", task=task, error=error.message)
            except Exception:  # noqa: BLE001 - supervised: a defect with one adapter stays with it
                _log.exception("bundled_adapter_defect", task=task)

    async def _register_bundled(self, folder: Path, task: str) -> None:
        served = self._catalog.get(task)
        if served is None or await self._channels.stable(task) is not None:
            return
        await self._engine_is_up(pool_of(served.base_model, self._pools))
        await self.register(folder, task)

    def _task(self, name: str) -> Task:
        served = self._catalog.get(name)
        if served is None:
            raise ModelNotFoundError(name, known=self._catalog.names())
        return served

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
            await self._reconciler.wait_ready(manifest)
            if before == manifest.version:
                return
            try:
                await self._channels.point(manifest.task, Channel.STABLE, manifest.version, expected=before)
            except ConflictError:
                # The same folder, registered twice at once, is no conflict.
                if await self._channels.stable(manifest.task) != manifest.version:
                    raise
            await self._directory.refresh()
        _log.info("adapter_registered", adapter=manifest.name, before=before)

    async def _discard(self, manifest: AdapterManifest) -> None:
        """Take back what was stored for a registration that failed, unless a channel names it by now."""
        pointers = (await self._channels.channels()).get(manifest.task)
        if pointers is None or manifest.version not in pointers.versions:
            await asyncio.to_thread(self._store.remove, manifest)

    async def _engine_is_up(self, pool: AdapterPool) -> None:
        while not any(engine.is_healthy for engine in pool.engines):  # noqa: ASYNC110 - pools tell no health
            await asyncio.sleep(_ENGINE_POLL_SECONDS)


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
