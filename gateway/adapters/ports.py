"""What the adapters need of the pools, met by shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.settings import EngineSettings, PoolSettings


class EngineCalls(Protocol):
    """The HTTP client of one engine. Raises GatewayError."""

    async def call(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float
    ) -> bytes:
        """Send a request and read its whole reply."""


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


class AdapterPool(Protocol):
    """The engines of one pool."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    @property
    def settings(self) -> PoolSettings:
        """Its kind, base models and largest rank."""

    @property
    def engines(self) -> Sequence[AdapterEngine]:
        """Its engines."""

    async def notify(self) -> None:
        """Wake the requests that wait for an adapter."""
