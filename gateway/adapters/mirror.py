"""Keeps the local adapter store in step with the remote one; the local one serves, whatever that does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters.dossiers import Retirement
from gateway.adapters.remote import RemoteLayout, RemoteListing
from gateway.adapters.store import AdapterStore
from gateway.errors import GatewayError, RemoteStoreError

_log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 0.5
_SOONEST_SECONDS: Final = 2.0
"""Between two looks at the remote store while a channel names a version that is not here yet."""
_LONGEST_RETRY_SECONDS: Final = 3600.0
_THREADS: Final = 2
"""Of our own: a remote store that hangs must not take the threads that the local one needs."""

Result = TypeVar("Result")


class Mirror(Protocol):
    """Where registered versions go besides the local store. Raises RemoteStoreError."""

    async def push(self, manifest: AdapterManifest) -> bool:
        """Upload a version that the local store holds; False where it was there already."""

    async def put_evaluation(self, name: str, sha256: str, content: bytes) -> None:
        """Add a report on a version."""

    async def retire(self, name: str, retirement: Retirement) -> None:
        """Note that a version is out of service."""

    async def revive(self, name: str) -> None:
        """Take a retirement back."""

    async def purge(self, name: str) -> None:
        """Remove a version's files."""


class NoMirror:
    """A store that is a folder has no other side."""

    async def push(self, manifest: AdapterManifest) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing to do."""
        return False

    async def put_evaluation(self, name: str, sha256: str, content: bytes) -> None:
        """Nothing to do."""

    async def retire(self, name: str, retirement: Retirement) -> None:
        """Nothing to do."""

    async def revive(self, name: str) -> None:
        """Nothing to do."""

    async def purge(self, name: str) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A remote version that is damaged, or that its gateway is still writing."""

    times: int = 0
    retry_at: float = 0.0


class RemoteMirror:
    """Uploads what is registered here and downloads what is registered elsewhere.

    What the remote store lacks is never removed here. `problem` says why the last look at it failed.
    """

    def __init__(
        self,
        layout: RemoteLayout,
        store: AdapterStore,
        *,
        interval_seconds: float,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout = layout
        self._store = store
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="remote-adapters")
        self._known: dict[str, AdapterManifest] = {}
        self._refused: dict[str, _Refused] = {}
        self._told: set[str] = set()
        self.problem: str | None = None

    async def push(self, manifest: AdapterManifest) -> bool:
        """Upload a version that the local store holds."""
        return await self._call(partial(self._layout.push, self._store.path(manifest), manifest))

    async def put_evaluation(self, name: str, sha256: str, content: bytes) -> None:
        """Add a report on a version."""
        await self._call(partial(self._layout.put_evaluation, name, sha256, content))

    async def retire(self, name: str, retirement: Retirement) -> None:
        """Note that a version is out of service."""
        await self._call(partial(self._layout.retire, name, retirement))

    async def revive(self, name: str) -> None:
        """Take a retirement back."""
        await self._call(partial(self._layout.revive, name))

    async def purge(self, name: str) -> None:
        """Remove a version's files."""
        await self._call(partial(self._layout.purge, name))

    async def follow(self) -> None:
        """Fetch what is new in the remote store. Raises RemoteStoreError."""
        listing = await self._call(self._layout.listing)
        await self._follow_retirements(listing)
        here = await asyncio.to_thread(self._store.all, self._known)
        self._known = {manifest.name: manifest for manifest in here}
        for name in sorted(listing.versions - self._known.keys() - listing.retired):
            await self._fetch(name)
        await self._follow_evaluations(listing)

    async def run(self, missing: Callable[[], Iterable[str]]) -> None:
        """Follow until cancelled: at each interval, and soon when a channel names a version not here."""
        next_at = soon_at = 0.0
        while True:
            now = self._clock()
            if now >= next_at or (now >= soon_at and any(True for _ in missing())):
                next_at, soon_at = now + self._interval_seconds, now + _SOONEST_SECONDS
                await self._follow_supervised()
            await asyncio.sleep(TICK_SECONDS)

    def close(self) -> None:
        """Let the threads end; a call that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _follow_supervised(self) -> None:
        try:
            await self.follow()
        except GatewayError as error:
            self._note_problem(error.message)
        except Exception as error:  # noqa: BLE001 - supervised: what is local goes on serving
            self._note_problem(type(error).__name__)
        else:
            if self.problem is not None:
                _log.info("remote_adapters_back")
            self.problem = None

    def _note_problem(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("remote_adapters_unavailable", error=problem)
        self.problem = problem

    async def _fetch(self, name: str) -> None:
        refused = self._refused.get(name, _Refused())
        if self._clock() < refused.retry_at:
            return
        try:
            self._known[name] = await self._call(partial(self._fetch_version, name))
        except RemoteStoreError:
            raise
        except GatewayError as error:
            _log.error("adapter_fetch_refused", adapter=name, error=error.message)
            wait = min(_LONGEST_RETRY_SECONDS, self._interval_seconds * 2**refused.times)
            self._refused[name] = _Refused(refused.times + 1, self._clock() + wait)
        else:
            self._refused.pop(name, None)
            _log.info("adapter_fetched", adapter=name)

    def _fetch_version(self, name: str) -> AdapterManifest:
        with self._store.staging() as staged:
            return self._store.adopt(staged, self._layout.pull(name, staged))

    async def _follow_retirements(self, listing: RemoteListing) -> None:
        """Take over what was retired or revived elsewhere, asking once more: an act here may be under way."""
        dossiers = self._store.dossiers
        here = (await asyncio.to_thread(dossiers.retired, {})).keys()
        for name in sorted((listing.retired - here) | (here & (listing.versions - listing.retired))):
            with self._passing_over(name):
                retirement = await self._call(partial(self._layout.retirement, name))
                if retirement is None:
                    await asyncio.to_thread(dossiers.revive, name)
                else:
                    await asyncio.to_thread(dossiers.retire, name, retirement)

    async def _follow_evaluations(self, listing: RemoteListing) -> None:
        dossiers = self._store.dossiers
        for name in sorted(listing.evaluations.keys() & self._known.keys()):
            known = await asyncio.to_thread(dossiers.attached, name)
            for sha256 in sorted(listing.evaluations[name].difference(known)):
                with self._passing_over(f"{name}/{sha256}"):
                    await asyncio.to_thread(dossiers.has_room, name, sha256)
                    content = await self._call(partial(self._layout.evaluation, name, sha256))
                    await asyncio.to_thread(dossiers.attach, name, content)

    @contextmanager
    def _passing_over(self, what: str) -> Iterator[None]:
        """One thing that is damaged there holds up no other; it is told once."""
        try:
            yield
        except RemoteStoreError:
            raise
        except GatewayError as error:
            if what not in self._told:
                _log.error("remote_adapter_damaged", what=what, error=error.message)
            self._told.add(what)

    async def _call(self, work: Callable[[], Result]) -> Result:
        """Do remote work in a thread, within the bound; every backend raises errors of its own."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except GatewayError:
            raise
        except TimeoutError as error:
            raise RemoteStoreError(
                f"the remote adapter store did not answer within {self._timeout_seconds:g} s"
            ) from error
        except Exception as error:
            # No common base class. The text of a foreign error may hold a signed address or a key.
            raise RemoteStoreError(f"the remote adapter store failed: {type(error).__name__}") from error
