"""Which adapter version answers for a task: the view that requests are routed by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.store import AdapterStore
from gateway.errors import AdapterNotReadyError
from gateway.state.channels import BASE_VERSION, Channels, ChannelStore
from gateway.tasks.catalog import TaskCatalog

_log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.5
"""How soon a gateway sees a channel that another process has moved."""


@dataclass(frozen=True, slots=True)
class _View:
    """What requests are routed by; swapped whole."""

    generation: int = -1
    channels: Mapping[str, Channels] = field(default_factory=dict)
    manifests: Mapping[str, AdapterManifest] = field(default_factory=dict)


class AdapterDirectory:
    """Answers without waiting, from a view at most a second old; as large as the store and the channels."""

    def __init__(
        self, store: AdapterStore, channels: ChannelStore, *, reconciler: Reconciler, catalog: TaskCatalog
    ) -> None:
        self._store = store
        self._channels = channels
        self._reconciler = reconciler
        self._catalog = catalog
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
