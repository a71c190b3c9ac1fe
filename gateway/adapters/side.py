"""Builds one gateway's adapters from its settings: stores, view, reconciliation and acts."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from contracts.signature import SignatureError, read_public_key
from gateway.adapters._package import Trust
from gateway.adapters.bundled import BundledAdapters
from gateway.adapters.caretaker import AdapterCaretaker
from gateway.adapters.directory import AdapterDirectory
from gateway.adapters.mirror import NoMirror, RemoteMirror
from gateway.adapters.parts import AdapterParts
from gateway.adapters.ports import AdapterPool
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.registry import AdapterRegistry
from gateway.adapters.remote import RemoteLayout
from gateway.adapters.store import AdapterStore
from gateway.settings import AdapterSettings, Settings
from gateway.state.sqlite_audit import SqliteAuditStore
from gateway.state.sqlite_channels import SqliteChannelStore
from gateway.tasks.catalog import TaskCatalog


class AdapterSide:
    """The objects that live as long as the process; nothing is opened or asked before `start`."""

    def __init__(self, settings: Settings, pools: Mapping[str, AdapterPool], catalog: TaskCatalog) -> None:
        """Raises ValueError where a trusted key cannot be read, or the store's URL cannot be used."""
        asked = settings.adapters
        self._settings = asked
        self._store = AdapterStore(settings.adapter_store)
        self._channels = SqliteChannelStore(settings.state_folder / "channels.sqlite3")
        self._audit = SqliteAuditStore(settings.state_folder / "audit.sqlite3")
        self._mirror = _mirror(asked, self._store)
        self.reconciler = Reconciler(pools, self._store, asked)
        self.directory = AdapterDirectory(
            self._store, self._channels, reconciler=self.reconciler, catalog=catalog
        )
        self.parts = AdapterParts(
            directory=self.directory,
            store=self._store,
            channels=self._channels,
            reconciler=self.reconciler,
            catalog=catalog,
            pools=pools,
            audit=self._audit,
            mirror=self._mirror or NoMirror(),
            trust=_trust(asked),
            promotion=asked.promotion,
        )
        self.registry = AdapterRegistry(self.parts)
        self.caretaker = AdapterCaretaker(self.parts)

    async def start(self) -> None:
        """Clean the store of leftovers and read what it and the channels hold."""
        await self.directory.start()

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What must run beside the requests; a loop that ends has failed."""
        loops = [self.reconciler.run(), self.directory.run()]
        if self._mirror is not None:
            loops.append(self._mirror.run(self.directory.missing))
        return loops

    async def register_bundled(self) -> None:
        """Register the adapters that ship with the tasks, where nobody has chosen otherwise."""
        if self._settings.bundled is not None:
            await BundledAdapters(self.parts, self.registry).register(self._settings.bundled)

    async def close(self) -> None:
        """Give up what the stores hold open."""
        if self._mirror is not None:
            self._mirror.close()
        await self._audit.close()
        await self._channels.close()


def _mirror(settings: AdapterSettings, store: AdapterStore) -> RemoteMirror | None:
    if settings.remote_url is None:
        return None
    return RemoteMirror(
        RemoteLayout(settings.remote_url),
        store,
        interval_seconds=settings.remote_interval_seconds,
        timeout_seconds=settings.remote_timeout_seconds,
    )


def _trust(settings: AdapterSettings) -> Trust:
    for path in settings.trusted_keys:
        try:
            read_public_key(path)
        except SignatureError as error:
            raise ValueError(f"adapters.trusted_keys: {error}") from error
    return Trust(settings.trusted_keys, settings.require_signature)
