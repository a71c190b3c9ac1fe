"""The admin routes: what is served, what the engines have, what was done; adapters in `admin_adapters`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from contracts.task import Task
from gateway.adapters.caretaker import AdapterCaretaker
from gateway.adapters.parts import AdapterParts
from gateway.adapters.ports import AdapterPool
from gateway.adapters.registry import AdapterRegistry
from gateway.api._adapter_views import AuditView, audit_view
from gateway.api.admin_adapters import AdapterRoutes
from gateway.state.audit import MAX_RECORDS
from gateway.state.channels import Channels


@dataclass(frozen=True, slots=True)
class AdminParts:
    """What the routes show and change; `require_admin` is a FastAPI dependency that may raise 401 and 403."""

    adapters: AdapterParts
    registry: AdapterRegistry
    caretaker: AdapterCaretaker
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


class AuditList(BaseModel):
    """A page of the audit trail; ask for what comes after the last id."""

    records: list[AuditView]


def admin_router(parts: AdminParts) -> APIRouter:
    """Build the routes under `/admin/v1`; errors are GatewayError, rendered by the application."""
    router = APIRouter(prefix="/admin/v1", tags=["admin"], dependencies=[Depends(parts.require_admin)])
    _add_reading(router, parts)
    AdapterRoutes(parts.adapters, parts.registry, parts.caretaker, parts.require_admin).add_to(router)
    return router


def _add_reading(router: APIRouter, parts: AdminParts) -> None:
    @router.get("/tasks")
    async def list_tasks() -> TaskList:
        """The tasks that serve, and the files that cannot be used."""
        catalog, directory = parts.adapters.catalog, parts.adapters.directory
        tasks = [_task_view(task, directory.channels(task.name)) for task in catalog.all()]
        return TaskList(tasks=tasks, problems=dict(catalog.problems()))

    @router.get("/engines")
    async def list_engines() -> EngineList:
        """The engines of all pools, with the adapters that a generation has proven."""
        pools = parts.adapters.pools.values()
        return EngineList(engines=[view for pool in pools for view in _engine_views(pool)])

    @router.get("/audit")
    async def list_acts(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = MAX_RECORDS,
        subject: Annotated[str | None, Query(max_length=200)] = None,
    ) -> AuditList:
        """Administrative acts after an id, oldest first; of one version, or of a task and its versions."""
        records = await parts.adapters.audit.records(subject=subject, after=after, limit=limit)
        return AuditList(records=[audit_view(record) for record in records])


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
