"""The admin routes: what is served, what the engines have, and how adapters change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.task import Task
from gateway.adapters.directory import AdapterDirectory
from gateway.adapters.ports import AdapterPool
from gateway.adapters.reconciler import Reconciler
from gateway.adapters.registry import AdapterRegistry
from gateway.adapters.store import AdapterStore
from gateway.api._adapter_upload import spool, unpack
from gateway.errors import BodyTooLargeError, InvalidRequestError, ModelNotFoundError
from gateway.state.channels import Channels
from gateway.tasks.catalog import TaskCatalog

_MAX_JSON_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class AdminParts:
    """What the routes show and change; `require_admin` is a FastAPI dependency that may raise 401 and 403."""

    catalog: TaskCatalog
    directory: AdapterDirectory
    registry: AdapterRegistry
    reconciler: Reconciler
    store: AdapterStore
    pools: Mapping[str, AdapterPool]
    require_admin: Callable[..., Any]


class ChannelsView(BaseModel):
    """Where the channels of a task point."""

    stable: str | None
    canary: str | None
    canary_share_ratio: float
    shadow: str | None


class TaskView(BaseModel):
    """A task that serves now."""

    name: str
    version: str
    description: str
    base_model: str
    action: str
    output: str
    channels: ChannelsView


class TaskList(BaseModel):
    """All tasks, and the files that cannot be used."""

    tasks: list[TaskView]
    problems: dict[str, str]


class EngineState(BaseModel):
    """One adapter on one engine."""

    engine: str
    state: str
    failures: int
    reason: str | None


class AdapterView(BaseModel):
    """One adapter version and where it stands."""

    name: str
    task: str
    version: str
    base_model: str
    rank: int
    target_modules: tuple[str, ...]
    json_form: JsonForm
    created_at: datetime
    bytes: int
    notes: str
    is_stable: bool
    engines: list[EngineState]


class AdapterList(BaseModel):
    """All adapter versions in the store."""

    adapters: list[AdapterView]


class EngineView(BaseModel):
    """One engine of a pool."""

    name: str
    pool: str
    kind: str
    models: tuple[str, ...]
    is_healthy: bool
    ready_adapters: list[str]


class EngineList(BaseModel):
    """All engines."""

    engines: list[EngineView]


class StoredAdapter(BaseModel):
    """A version in the store that the stable channel should name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)


class Rollback(BaseModel):
    """A rollback that was made."""

    task: str
    stable: str | None
    previous: str | None


def admin_router(parts: AdminParts) -> APIRouter:
    """Build the routes under `/admin/v1`; errors are GatewayError, rendered by the application."""
    router = APIRouter(prefix="/admin/v1", tags=["admin"], dependencies=[Depends(parts.require_admin)])
    _add_reading(router, parts)
    _add_changing(router, parts)
    return router


def _add_reading(router: APIRouter, parts: AdminParts) -> None:
    @router.get("/tasks")
    async def list_tasks() -> TaskList:
        """The tasks that serve, and the files that cannot be used."""
        tasks = [_task_view(task, parts.directory.channels(task.name)) for task in parts.catalog.all()]
        return TaskList(tasks=tasks, problems=dict(parts.catalog.problems()))

    @router.get("/adapters")
    async def list_adapters() -> AdapterList:
        """The versions in the store, with their state on each engine."""
        return AdapterList(adapters=[_adapter_view(manifest, parts) for manifest in parts.directory.list()])

    @router.get("/adapters/{name}")
    async def show_adapter(name: str) -> AdapterView:
        """One version by `task@version`."""
        manifest = parts.directory.get(name)
        if manifest is None:
            raise ModelNotFoundError(name, known=[known.name for known in parts.directory.list()])
        return _adapter_view(manifest, parts)

    @router.get("/engines")
    async def list_engines() -> EngineList:
        """The engines of all pools, with the adapters that a generation has proven."""
        return EngineList(engines=[view for pool in parts.pools.values() for view in _engine_views(pool)])


def _add_changing(router: APIRouter, parts: AdminParts) -> None:
    @router.post("/adapters", openapi_extra=_UPLOAD_DOCS)
    async def register_adapter(
        request: Request,
        task: Annotated[str | None, Query(max_length=63)] = None,
        json_form: JsonForm = JsonForm.COMPACT,
    ) -> AdapterView:
        """Register a PEFT folder, sent as a tar archive, or name a stored version as JSON.

        Answers once each healthy engine has proven the version and the stable channel names it.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
            manifest = await parts.registry.point((await _read_stored(request)).name)
        elif task is None:
            raise InvalidRequestError("name the task that the adapter is for: ?task=NAME", param="task")
        else:
            manifest = await _register_upload(request, parts, task, json_form)
        return _adapter_view(manifest, parts)

    @router.post("/adapters/{task}/rollback")
    async def roll_back(task: str) -> Rollback:
        """Point a task's stable channel back to where it pointed before."""
        change = await parts.registry.rollback(task)
        return Rollback(task=task, stable=change.version, previous=change.previous)


async def _register_upload(
    request: Request, parts: AdminParts, task: str, json_form: JsonForm
) -> AdapterManifest:
    if parts.catalog.get(task) is None:
        raise ModelNotFoundError(task, known=parts.catalog.names())
    with parts.store.staging() as area:
        folder = area / "adapter"
        folder.mkdir()
        await spool(request.stream(), area / "upload.tar")
        await asyncio.to_thread(unpack, area / "upload.tar", folder)
        return await parts.registry.register(folder, task, json_form=json_form)


async def _read_stored(request: Request) -> StoredAdapter:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise BodyTooLargeError(f"this body is at most {_MAX_JSON_BYTES} bytes")
    try:
        return StoredAdapter.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequestError(
            f"expected {{'name': 'task@version'}}: {first['msg']}", param=".".join(map(str, first["loc"]))
        ) from error


def _task_view(task: Task, channels: Channels) -> TaskView:
    return TaskView(
        name=task.name,
        version=task.version,
        description=task.description,
        base_model=task.base_model,
        action=task.action.value,
        output=task.output.kind,
        channels=ChannelsView(
            stable=channels.stable,
            canary=channels.canary,
            canary_share_ratio=channels.canary_share_ratio,
            shadow=channels.shadow,
        ),
    )


def _adapter_view(manifest: AdapterManifest, parts: AdminParts) -> AdapterView:
    return AdapterView(
        name=manifest.name,
        task=manifest.task,
        version=manifest.version,
        base_model=manifest.base_model,
        rank=manifest.rank,
        target_modules=manifest.target_modules,
        json_form=manifest.json_form,
        created_at=manifest.created_at,
        bytes=sum(manifest.files.values()),
        notes=manifest.notes,
        is_stable=parts.directory.channels(manifest.task).stable == manifest.version,
        engines=[
            EngineState(
                engine=status.engine,
                state=status.state.value,
                failures=status.failures,
                reason=status.reason,
            )
            for status in parts.reconciler.status()
            if status.adapter == manifest.name
        ],
    )


def _engine_views(pool: AdapterPool) -> Sequence[EngineView]:
    return [
        EngineView(
            name=engine.name,
            pool=pool.name,
            kind=pool.settings.kind.value,
            models=pool.settings.models,
            is_healthy=engine.is_healthy,
            ready_adapters=sorted(engine.ready_adapters),
        )
        for engine in pool.engines
    ]


_UPLOAD_DOCS: Final[dict[str, Any]] = {
    "requestBody": {
        "content": {
            "application/x-tar": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": StoredAdapter.model_json_schema()},
        }
    }
}
