"""Builds every object from the settings, and runs what must run beside the requests."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import Request
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from contracts.outcome import Usage
from gateway.adapters import AdapterDirectory, AdapterSide
from gateway.api.admin import AdminParts, admin_router
from gateway.api.embeddings import EmbeddingEndpoint
from gateway.api.pool_embeddings import PoolEmbedder
from gateway.api.routes import HttpParts, make_http
from gateway.auth import KeyAuthenticator
from gateway.conformance import Attempts, EscalationTarget, LadderConformer, Promises, TaskChecks
from gateway.conformance.task_guard import TaskGuard
from gateway.engines import Generator, Pool
from gateway.intake.fork_server import ForkServer
from gateway.intake.intake import Intake, IntakeWorkers
from gateway.intake.limits import Limits
from gateway.intake.workers import Workers, WorkerSettings
from gateway.parsing.parser import RequestParser
from gateway.pipeline.chat import ChatPipeline
from gateway.prompting.composer import PromptComposer
from gateway.recording import LogSink, MetricsSink, QueueRecorder
from gateway.records import Principal
from gateway.retrieval import FolderRetriever
from gateway.routing import Models, PolicyRouting
from gateway.settings import PoolKind, Settings
from gateway.state.verdicts import SqliteVerdictStore
from gateway.tasks import PythonTypes
from gateway.tasks.catalog import TaskCatalog
from gateway.telemetry.engines import EngineCollector
from gateway.telemetry.metrics import Metrics
from router.inference import DEFAULT_BUNDLE, DEFAULT_ENCODER, Encoder, Router


@dataclass(frozen=True, slots=True)
class Parts:
    """The objects that live as long as the process."""

    settings: Settings
    pools: Mapping[str, Pool]
    catalog: TaskCatalog
    adapters: AdapterSide
    retriever: FolderRetriever
    recorder: QueueRecorder
    workers: IntakeWorkers
    verdicts: SqliteVerdictStore
    intake: Intake
    readiness: Readiness


class Readiness:
    """Ready once every pool of the small models answers and the bundled adapters have had their chance."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = {n: p for n, p in pools.items() if p.settings.kind is PoolKind.VLLM}
        self.are_adapters_started = False

    def missing(self) -> dict[str, str]:
        """Name what is not ready."""
        found = {f"pool {name}": "no engine answers" for name, p in self._pools.items() if not p.is_ready}
        if not self.are_adapters_started:
            found["adapters"] = "being loaded"
        return found


def build_app(settings: Settings) -> ASGIApp:
    """Build the whole application; nothing is opened or started before its lifespan.

    Raises:
        ValueError: the keys file, a task file, a trusted key, the adapter store's URL or the router's
            files cannot be used.
    """
    metrics = Metrics(CollectorRegistry())
    wait_seconds = settings.adapters.ready_wait_seconds
    pools = {n: Pool(n, section, ready_wait_seconds=wait_seconds) for n, section in settings.pools.items()}
    metrics.registry.register(EngineCollector(e for pool in pools.values() for e in pool.engines))
    encoder = Encoder.load(settings.router.encoder or DEFAULT_ENCODER)
    classifier = Router.load(settings.router.bundle or DEFAULT_BUNDLE, encoder)
    workers = _workers(settings)
    verdicts = SqliteVerdictStore(settings.state_folder / "verdicts.sqlite3")
    intake = Intake(
        workers,
        verdicts,
        limits=_limits(settings),
        observe=lambda kind, seconds: metrics.schema_vet_seconds.labels(kind).observe(seconds),
    )
    catalog = load_catalog(settings, intake)
    adapters = AdapterSide(settings, pools, catalog)
    directory = adapters.directory
    parts = Parts(
        settings=settings,
        pools=pools,
        catalog=catalog,
        adapters=adapters,
        retriever=FolderRetriever(settings.collections, encoder.embed),
        recorder=QueueRecorder((MetricsSink(metrics), LogSink()), metrics, clock=time.monotonic),
        workers=workers,
        verdicts=verdicts,
        intake=intake,
        readiness=Readiness(pools),
    )
    routing = PolicyRouting(classifier, catalog, directory, models=_models(settings))
    authenticator = KeyAuthenticator.from_file(settings.auth.keys_file)
    http = HttpParts(
        pipeline=_pipeline(parts, routing, authenticator),
        authenticator=authenticator,
        embeddings=_embeddings(parts, encoder, authenticator),
        models=lambda: _listed(routing, directory, settings),
        readiness=parts.readiness,
        registry=metrics.registry,
        server=settings.server,
        admin=admin_router(
            AdminParts(adapters.parts, adapters.registry, adapters.caretaker, _admin_only(authenticator))
        ),
        version=version("firstline"),
    )
    return make_http(http, lambda _: _running(parts))


def load_catalog(settings: Settings, intake: Intake) -> TaskCatalog:
    """Read the tasks; without a folder there are none. Raises TaskFileError."""
    asked = settings.tasks
    folder = asked.folder if asked else settings.home / "tasks"
    if asked is None:
        folder.mkdir(parents=True, exist_ok=True)
    catalog = TaskCatalog(
        folder,
        base_models=tuple(_served(settings)),
        collections=tuple(settings.collections),
        check_task=TaskGuard(intake, _served(settings)),
        python_types=PythonTypes.of_settings(settings.tasks),
    )
    catalog.load()
    return catalog


def _admin_only(authenticator: KeyAuthenticator) -> Callable[[Request], Awaitable[Principal]]:
    async def require_admin(request: Request) -> Principal:
        return await authenticator.authenticate_admin(request.headers)

    return require_admin


def _limits(settings: Settings) -> Limits:
    return Limits(schema_bytes=settings.schemas.max_bytes, enum_values=settings.schemas.max_enum_values)


def _workers(settings: Settings) -> IntakeWorkers:
    asked = settings.schemas
    server = ForkServer(memory_bytes=asked.worker_memory_bytes, cpu_seconds=asked.timeout_seconds)
    vetting = WorkerSettings(count=asked.workers, limit_seconds=asked.timeout_seconds)
    return IntakeWorkers(Workers(vetting, server), Workers(replace(vetting, count=1), server))


def _served(settings: Settings) -> dict[str, str]:
    """Model to pool."""
    return {model: name for name, pool in settings.pools.items() for model in pool.models}


def _kind(settings: Settings, kind: PoolKind) -> frozenset[str]:
    return frozenset(name for name, pool in settings.pools.items() if pool.kind is kind)


def _models(settings: Settings) -> Models:
    served = _served(settings)
    return Models(
        pools=served,
        native_pools=_kind(settings, PoolKind.OPENAI),
        default=settings.router.default_model or next(iter(served)),
        escalation=settings.escalation.model if settings.escalation else None,
    )


def _pipeline(parts: Parts, routing: PolicyRouting, authenticator: KeyAuthenticator) -> ChatPipeline:
    settings = parts.settings
    target = settings.escalation
    guarded = _kind(settings, PoolKind.VLLM)
    attempts = Attempts(clock=time.monotonic, price=partial(price_usd, settings))
    return ChatPipeline(
        recorder=parts.recorder,
        authenticator=authenticator,
        parser=RequestParser(max_nesting=settings.server.max_nesting),
        routing=routing,
        retriever=parts.retriever,
        composer=PromptComposer(clock=time.monotonic, native_pools=_kind(settings, PoolKind.OPENAI)),
        conformer=LadderConformer(
            Promises(parts.intake, guarded_pools=guarded),
            attempts,
            TaskChecks(attempts, _served(settings)),
            call_ids=_call_ids(),
            escalation=EscalationTarget(target.pool, target.model) if target else None,
            guarded_pools=guarded,
        ),
        generate=Generator(parts.pools, clock=time.monotonic).generate,
    )


def _embeddings(parts: Parts, encoder: Encoder, authenticator: KeyAuthenticator) -> EmbeddingEndpoint:
    settings = parts.settings
    price = partial(price_usd, settings)
    return EmbeddingEndpoint(
        encoder=encoder,
        pools=PoolEmbedder(parts.pools, price=price, clock=time.monotonic),
        model_pools=_served(settings),
        authenticator=authenticator,
        recorder=parts.recorder,
        settings=settings.embeddings,
        server=settings.server,
    )


def price_usd(settings: Settings, pool: str, usage: Usage) -> float:
    """What tokens cost on a pool; cached prompt tokens at their own price, where there is one."""
    prices = settings.pools[pool].prices
    cached = prices.cached_usd_per_million
    cached_price = prices.prompt_usd_per_million if cached is None else cached
    fresh_tokens = usage.prompt_tokens - usage.cached_tokens
    return (
        fresh_tokens * prices.prompt_usd_per_million
        + usage.cached_tokens * cached_price
        + usage.completion_tokens * prices.completion_usd_per_million
    ) / 1e6


def _call_ids() -> Iterator[str]:
    return (f"call_{uuid.uuid4().hex[:24]}" for _ in itertools.count())


def _listed(routing: PolicyRouting, directory: AdapterDirectory, settings: Settings) -> list[dict[str, Any]]:
    """The models of `GET /v1/models`: auto, tasks, adapter versions, base and upstream models."""
    names = [*routing.model_names(), *(manifest.name for manifest in directory.list())]
    if settings.embeddings.model not in names:
        names.append(settings.embeddings.model)
    return [{"id": name, "object": "model", "created": 0, "owned_by": "firstline"} for name in names]


@asynccontextmanager
async def _running(parts: Parts) -> AsyncIterator[None]:
    """Start the loops; a loop that fails ends the process rather than serving half blind."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.adapters.close)
        stack.push_async_callback(parts.verdicts.close)
        await stack.enter_async_context(parts.workers.vetting.running())
        await stack.enter_async_context(parts.workers.proving.running())
        if parts.settings.schemas.prestart:
            parts.workers.vetting.warm()
        await stack.enter_async_context(parts.recorder.running())
        for pool in parts.pools.values():
            await stack.enter_async_context(pool.running())
        await parts.adapters.start()
        await parts.retriever.load()
        async with asyncio.TaskGroup() as group:
            loops = [
                *(group.create_task(loop) for loop in parts.adapters.loops()),
                group.create_task(parts.retriever.run()),
                group.create_task(_start_adapters(parts)),
            ]
            if parts.settings.tasks is None or parts.settings.tasks.reload:
                loops.append(group.create_task(parts.catalog.watch()))
            try:
                yield
            finally:
                for loop in loops:
                    loop.cancel()


async def _start_adapters(parts: Parts) -> None:
    await parts.adapters.register_bundled()
    parts.readiness.are_adapters_started = True
