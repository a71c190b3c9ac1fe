"""The retrieve stage: passages from the collections that are folders on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from watchfiles import awatch

from contracts.route import Action
from gateway.records import Chat, Passage, Route
from gateway.retrieval.folder_index import Embed, Fingerprint, FolderIndex, fingerprint_of
from gateway.settings import CollectionSettings

_log = structlog.get_logger(__name__)

_RESCAN_MILLISECONDS: Final = 10_000
_RETRY_SECONDS: Final = 5.0


class FolderRetriever:
    """Serves from an index for each collection; a changed folder gets a new index, swapped in whole."""

    def __init__(self, collections: Mapping[str, CollectionSettings], embed: Embed) -> None:
        self._collections = dict(collections)
        self._embed = embed
        self._indexes: dict[str, FolderIndex] = {}
        self._fingerprints: dict[str, Fingerprint] = {}

    async def load(self) -> None:
        """Build what is missing or has changed; a folder that cannot be read keeps its last index."""
        for name in self._collections:
            await self._refresh(name)

    async def run(self) -> None:
        """Build every index, then rebuild one whenever its folder changes, until cancelled."""
        await self.load()
        async with asyncio.TaskGroup() as group:
            for name in self._collections:
                group.create_task(self._watch(name))

    async def retrieve(self, chat: Chat, route: Route) -> tuple[Passage, ...]:
        """Search the collection of a task that retrieves; nothing found is noted, no error.

        The task decides, not the decision: what is escalated needs the same passages.
        """
        task = route.task
        if task is None or task.retrieval is None or task.action is not Action.RETRIEVE:
            return ()
        wanted = task.retrieval
        index = self._indexes.get(wanted.collection)
        if index is None:
            _log.warning("collection_missing", collection=wanted.collection)
            return ()
        passages = await asyncio.to_thread(index.search, chat.text, wanted.passages)
        if not passages:
            _log.info("no_passages", collection=wanted.collection, indexed=len(index.passages))
        return passages

    async def _watch(self, name: str) -> None:
        while True:
            try:
                async for _ in awatch(
                    self._collections[name].folder,
                    watch_filter=None,
                    debounce=500,
                    rust_timeout=_RESCAN_MILLISECONDS,
                    yield_on_timeout=True,
                ):
                    await self._refresh(name)
            except Exception as error:  # noqa: BLE001 - supervised: the watch outlives any one failure
                _log.error("collection_watch_failed", collection=name, error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            await self._refresh(name)

    async def _refresh(self, name: str) -> None:
        section = self._collections[name]
        try:
            fingerprint = await asyncio.to_thread(fingerprint_of, section.folder)
            if not fingerprint and not section.folder.is_dir():
                _log.error("collection_unreadable", collection=name, error="the folder does not exist")
                return
            if name in self._indexes and self._fingerprints[name] == fingerprint:
                return
            index = await asyncio.to_thread(
                FolderIndex.build, section.folder, passage_chars=section.passage_chars, embed=self._embed
            )
        except OSError as error:
            _log.error("collection_unreadable", collection=name, error=error.strerror)
            return
        self._indexes[name], self._fingerprints[name] = index, fingerprint
        _log.info("collection_indexed", collection=name, passages=len(index.passages))
