"""What the adapters need of the pools, met by shape."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Protocol

from gateway.settings import EngineSettings, PoolSettings


class EngineCalls(Protocol):
    """The HTTP client of one engine. Raises GatewayError."""

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float
    ) -> bytes:
        """Send a request and read its whole reply."""


class Uses(Protocol):
    """How much each adapter of one engine is used, by a monotonic clock."""

    def in_flight(self, adapter: str) -> int:
        """The requests with it that are on the engine now."""

    async def until_idle(self, adapter: str) -> None:
        """Wait until none is."""

    def last(self, adapter: str) -> float:
        """When it was last used; 0 where that is not known."""

    def heat(self, adapter: str) -> float:
        """How often it was used lately."""

    def keep(self, adapters: Container[str]) -> None:
        """Forget all others."""


class AdapterEngine(Protocol):
    """One engine; `ready_adapters` is written by the reconciliation alone, but for losses."""

    ready_adapters: frozenset[str]

    @property
    def name(self) -> str:
        """Its name, `pool/index`."""

    @property
    def settings(self) -> EngineSettings:
        """Its URL, and where it sees the adapter store."""

    @property
    def client(self) -> EngineCalls:
        """Its client."""

    @property
    def is_healthy(self) -> bool:
        """Whether it answered its last health check."""

    @property
    def in_flight(self) -> int:
        """The requests that are on it now."""

    @property
    def uses(self) -> Uses:
        """How much its adapters are used."""


class AdapterPool(Protocol):
    """The engines of one pool."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def settings(self) -> PoolSettings:
        """Its kind, base models, largest rank, and how many adapters an engine holds."""

    @property
    def engines(self) -> Sequence[AdapterEngine]:
        """Its engines."""

    @property
    def waiting(self) -> Mapping[str, int]:
        """How many requests wait for each adapter that no engine has proven."""

    def on_wait(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when a request begins to wait."""

    async def notify(self) -> None:
        """Wake the requests that wait for an adapter."""
