"""Which adapter version answers for a task: the view that requests are routed by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters.dossiers import Retirement
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.store import AdapterStore
from gateway.errors import AdapterNotReadyError, ModelRetiredError
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
    retired: Mapping[str, Retirement] = field(default_factory=dict)


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
            retired = await asyncio.to_thread(self._store.dossiers.retired, self._view.retired)
            generation = await self._channels.generation()
            channels = self._view.channels
            if generation != self._view.generation:
                channels = await self._channels.channels()
            found = {manifest.name: manifest for manifest in manifests}
            self._view = _View(generation, channels, found, retired)
        self._reconciler.withdraw(retired)
        self._reconciler.aim([found[name] for name in self._named() if name in found])

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
        """One version by `task@version`, retired or not."""
        return self._view.manifests.get(name)

    def retirement(self, name: str) -> Retirement | None:
        """When and why a version was retired."""
        return self._view.retired.get(name)

    def missing(self) -> tuple[str, ...]:
        """The versions that channels name and the store does not hold."""
        return tuple(name for name in self._named() if name not in self._view.manifests)

    def demand(self, name: str) -> AdapterManifest | None:
        """One version by name, for a request that pins it: the engines load it if they have not.

        Raises:
            ModelRetiredError: it was taken out of service.
        """
        retirement = self._view.retired.get(name)
        if retirement is not None:
            raise ModelRetiredError(name, retirement.reason)
        manifest = self._view.manifests.get(name)
        if manifest is not None:
            self._reconciler.want(manifest)
        return manifest

    def list(self, *, with_retired: bool = False) -> tuple[AdapterManifest, ...]:
        """The versions in the store that requests may pin, by name; or all of them."""
        view = self._view
        names = view.manifests.keys() - (() if with_retired else view.retired.keys())
        return tuple(view.manifests[name] for name in sorted(names))

    def channels(self, task: str) -> Channels:
        """The channels of one task."""
        return self._view.channels.get(task, Channels())

    def _named(self) -> Iterator[str]:
        """What the channels of served tasks name."""
        for task, pointers in self._view.channels.items():
            if self._catalog.get(task) is not None:
                yield from (f"{task}@{version}" for version in pointers.versions)
