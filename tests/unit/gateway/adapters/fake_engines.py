"""An engine and a pool that load adapters, without a network."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

import orjson

from gateway.errors import EngineError
from gateway.settings import EngineSettings, PoolKind, PoolSettings


@dataclass
class FakeClient:
    """Answers as vLLM does; a call to a path in `failing` fails, by `failure`.

    `most` is how many adapters were loaded at once at the worst moment. The weights go into a cache of
    `places` in the order of use, as vLLM's do: `reread` are loaded adapters that had dropped out of it.
    """

    loaded: set[str] = field(default_factory=set)
    most: int = 0
    opened: Counter[str] = field(default_factory=Counter)
    places: int = 10_000
    cache: list[tuple[str, int]] = field(default_factory=list)
    reread: list[str] = field(default_factory=list)
    busy_unloads: list[str] = field(default_factory=list)
    flying: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)
    generated: list[str] = field(default_factory=list)
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
            self._load(given["lora_name"])
        if path == "/v1/unload_lora_adapter":
            self.loaded.discard(given["lora_name"])
            self.busy_unloads += [name for name in [given["lora_name"]] if self.flying[name]]
        cards = [{"id": name, "root": ""} for name in sorted(self.loaded)]
        model = given.get("model")
        if path == "/v1/completions":
            self.generated.append(model)
            self.use(model)
        choice = {"text": self.said.get(model, "")}
        return orjson.dumps({"data": cards, "model": model, "choices": [choice]})

    def _load(self, name: str) -> None:
        self.loaded.add(name)
        self.opened[name] += 1
        self.most = max(self.most, len(self.loaded))
        for flying in [flying for flying, number in self.flying.items() if number]:
            self.use(flying)
        self.cache = [*self.cache, (name, self.opened[name])][-self.places :]

    def use(self, name: str) -> None:
        """What a step of the engine does with an adapter."""
        weights = (name, self.opened[name])
        if name not in self.loaded:
            return
        if weights not in self.cache:
            self.reread.append(name)
        self.cache = [*(kept for kept in self.cache if kept != weights), weights][-self.places :]

    def restart(self) -> None:
        """Lose everything."""
        self.loaded.clear()
        self.cache.clear()

    def count(self, path: str) -> int:
        return self.called.count(path)


@dataclass
class FakeUses:
    """What a test says that requests do."""

    now: Callable[[], float] = lambda: 1000.0
    flying: Counter[str] = field(default_factory=Counter)
    lasts: dict[str, float] = field(default_factory=dict)
    heats: Counter[str] = field(default_factory=Counter)

    def in_flight(self, adapter: str) -> int:
        return self.flying[adapter]

    async def until_idle(self, adapter: str) -> None:
        while self.flying[adapter]:  # noqa: ASYNC110 - a test's counter tells nobody
            await asyncio.sleep(0)

    def last(self, adapter: str) -> float:
        return self.now() if self.flying[adapter] else self.lasts.get(adapter, 0.0)

    def heat(self, adapter: str) -> float:
        return self.heats[adapter]

    def keep(self, adapters: Container[str]) -> None:
        self.lasts = {name: last for name, last in self.lasts.items() if name in adapters}

    def note(self, adapter: str) -> None:
        """One request that is over at once."""
        self.heats[adapter] += 1
        self.lasts[adapter] = self.now()


@dataclass
class FakeEngine:
    """An engine that a test brings up and down."""

    name: str = "small/0"
    settings: EngineSettings = field(default_factory=lambda: EngineSettings(url="http://engine:8000"))
    client: FakeClient = field(default_factory=FakeClient)
    is_healthy: bool = True
    ready_adapters: frozenset[str] = frozenset()
    in_flight: int = 0
    uses: FakeUses = field(default_factory=FakeUses)


@dataclass
class FakePool:
    """A pool that counts how often waiting requests were woken."""

    engines: Sequence[FakeEngine] = ()
    models: tuple[str, ...] = ("small-model",)
    kind: PoolKind = PoolKind.VLLM
    name: str = "small"
    woken: int = 0
    max_resident_adapters: int = 16
    waiting: Counter[str] = field(default_factory=Counter)
    wake: Callable[[], None] = lambda: None

    @property
    def settings(self) -> PoolSettings:
        return PoolSettings(
            kind=self.kind,
            engines=(EngineSettings(url="http://engine:8000"),),
            models=self.models,
            max_resident_adapters=self.max_resident_adapters,
        )

    def on_wait(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    async def notify(self) -> None:
        self.woken += 1
