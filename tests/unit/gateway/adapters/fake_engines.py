"""An engine and a pool that load adapters, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from gateway.errors import EngineError
from gateway.settings import EngineSettings, PoolKind, PoolSettings


@dataclass
class FakeClient:
    """Answers as vLLM does; a call to a path in `failing` fails, by `failure`."""

    loaded: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    failure: Exception = field(default_factory=lambda: EngineError("status 500"))
    called: list[str] = field(default_factory=list)

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        timeout_seconds: float,
    ) -> bytes:
        self.called.append(path)
        if path in self.failing:
            raise self.failure
        given = orjson.loads(body or b"{}")
        if path == "/v1/load_lora_adapter":
            self.loaded.add(given["lora_name"])
        if path == "/v1/unload_lora_adapter":
            self.loaded.discard(given["lora_name"])
        cards = [{"id": name, "root": ""} for name in sorted(self.loaded)]
        return orjson.dumps({"data": cards, "model": given.get("model"), "choices": [{}]})

    def count(self, path: str) -> int:
        return self.called.count(path)


@dataclass
class FakeEngine:
    """An engine that a test brings up and down."""

    name: str = "small/0"
    settings: EngineSettings = field(default_factory=lambda: EngineSettings(url="http://engine:8000"))
    client: FakeClient = field(default_factory=FakeClient)
    is_healthy: bool = True
    ready_adapters: frozenset[str] = frozenset()


@dataclass
class FakePool:
    """A pool that counts how often waiting requests were woken."""

    engines: Sequence[FakeEngine] = ()
    models: tuple[str, ...] = ("small-model",)
    kind: PoolKind = PoolKind.VLLM
    name: str = "small"
    woken: int = 0

    @property
    def settings(self) -> PoolSettings:
        return PoolSettings(
            kind=self.kind, engines=(EngineSettings(url="http://engine:8000"),), models=self.models
        )

    async def notify(self) -> None:
        self.woken += 1
