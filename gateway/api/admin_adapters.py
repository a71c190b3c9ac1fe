"""The admin routes of adapter versions: what there is, and the acts on it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from gateway.adapters.caretaker import AdapterCaretaker
from gateway.adapters.dossiers import MAX_REPORT_BYTES
from gateway.adapters.mirror import RemoteMirror
from gateway.adapters.parts import AdapterParts
from gateway.adapters.registry import AdapterRegistry
from gateway.api._adapter_archive import archive_bytes, archive_pieces
from gateway.api._adapter_upload import spool, unpack
from gateway.api._adapter_views import (
    AdapterDetails,
    AdapterList,
    AdapterView,
    adapter_details,
    adapter_view,
    adapter_views,
)
from gateway.errors import BodyTooLargeError, InvalidRequestError
from gateway.records import Principal

_MAX_JSON_BYTES: Final = 64 * 1024
_TAR: Final = "application/x-tar"

Body = TypeVar("Body", bound=BaseModel)


class Promote(BaseModel):
    """`override` is the reason to promote a version that the gate would refuse."""

    model_config = ConfigDict(extra="forbid")

    override: str | None = Field(default=None, max_length=2000)


class Retire(BaseModel):
    """`purge` removes the files too."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=2000)
    purge: bool = False


class Retired(BaseModel):
    """A version that was taken out of service."""

    name: str
    reason: str
    is_purged: bool


class Rollback(BaseModel):
    """A rollback that was made."""

    task: str
    stable: str | None
    previous: str | None


class Verified(BaseModel):
    """A version whose files all are what they were; `signer` as the keys say that are trusted now."""

    name: str
    digest: str
    files: int
    signer: str | None


class AdapterRoutes:
    """Builds the routes; `require_admin` is a FastAPI dependency that gives the principal, or raises."""

    def __init__(
        self, parts: AdapterParts, registry: AdapterRegistry, caretaker: AdapterCaretaker, require_admin: Any
    ) -> None:
        self._parts = parts
        self._registry = registry
        self._caretaker = caretaker
        self._admin: Any = Depends(require_admin)

    def add_to(self, router: APIRouter) -> None:
        """Add all of them."""
        self._add_reading(router)
        self._add_versions(router)
        self._add_channels(router)

    def _add_reading(self, router: APIRouter) -> None:
        parts, caretaker, admin = self._parts, self._caretaker, self._admin

        @router.get("/adapters")
        async def list_adapters(*, retired: bool = False) -> AdapterList:
            """The versions in the store, with their state on each engine; retired ones on demand."""
            manifests = parts.directory.list(with_retired=retired)
            views = await adapter_views(manifests, parts)
            problem = parts.mirror.problem if isinstance(parts.mirror, RemoteMirror) else None
            return AdapterList(adapters=views, store_problem=problem)

        @router.get("/adapters/{name}")
        async def show_adapter(name: str) -> AdapterDetails:
            """One version by `task@version`, with its provenance, evaluations and every act on it."""
            return await adapter_details(parts.version(name), parts)

        @router.get("/adapters/{name}/archive", response_class=StreamingResponse)
        async def export_adapter(name: str, *, who: Principal = admin) -> StreamingResponse:
            """All files of a version and its manifest, as a tar archive."""
            manifest = await caretaker.export(name, actor=who.tenant)
            folder = parts.store.path(manifest)
            size = await asyncio.to_thread(archive_bytes, folder, manifest)
            headers = {
                "Content-Length": str(size),
                "Content-Disposition": f'attachment; filename="{name}.tar"',
            }
            return StreamingResponse(archive_pieces(folder, manifest), media_type=_TAR, headers=headers)

        @router.post("/adapters/{name}/verify")
        async def verify_adapter(name: str, *, who: Principal = admin) -> Verified:
            """Read every file of a version again and compare it with what was registered."""
            manifest = await caretaker.verify(name, actor=who.tenant)
            return Verified(
                name=name, digest=manifest.digest, files=len(manifest.files), signer=manifest.signer
            )

    def _add_versions(self, router: APIRouter) -> None:
        parts, caretaker, admin = self._parts, self._caretaker, self._admin

        @router.post("/adapters", openapi_extra=_UPLOAD_DOCS)
        async def register_adapter(
            request: Request,
            task: Annotated[str | None, Query(max_length=63)] = None,
            json_form: JsonForm | None = None,
            *,
            promote: bool = True,
            who: Principal = admin,
        ) -> AdapterView:
            """Register a PEFT folder, sent as a tar archive.

            Answers once each healthy engine has proven the version. The stable channel names it then, if its
            gate is open and `promote` is not false; else it is a candidate, and `gate` says what is missing.
            """
            if task is None:
                raise InvalidRequestError("name the task that the adapter is for: ?task=NAME", param="task")
            manifest = await self._register(request, task, json_form, promote=promote, actor=who.tenant)
            return await adapter_view(manifest, parts)

        @router.post("/adapters/{name}/evaluations", openapi_extra=_REPORT_DOCS)
        async def attach_evaluation(name: str, request: Request, *, who: Principal = admin) -> AdapterView:
            """Add an evaluation report of `firstline eval` to a version."""
            content = await _read_body(request, MAX_REPORT_BYTES)
            await caretaker.attach(name, content, actor=who.tenant)
            return await adapter_view(parts.version(name), parts)

        @router.post("/adapters/{name}/retire", openapi_extra=_json_docs(Retire))
        async def retire_adapter(name: str, request: Request, *, who: Principal = admin) -> Retired:
            """Take a version out of service; no channel may name it."""
            asked = await _read_json(request, Retire)
            await caretaker.retire(name, reason=asked.reason, is_purge=asked.purge, actor=who.tenant)
            return Retired(name=name, reason=asked.reason, is_purged=asked.purge)

    def _add_channels(self, router: APIRouter) -> None:
        parts, registry, admin = self._parts, self._registry, self._admin

        @router.post("/adapters/{name}/promote", openapi_extra=_json_docs(Promote))
        async def promote_adapter(name: str, request: Request, *, who: Principal = admin) -> AdapterView:
            """Point the stable channel at a version that has a passing evaluation, or for a reason."""
            asked = await _read_json(request, Promote)
            manifest = await registry.promote(name, override=asked.override, actor=who.tenant)
            return await adapter_view(manifest, parts)

        @router.post("/adapters/{task}/rollback")
        async def roll_back(task: str, *, who: Principal = admin) -> Rollback:
            """Point a task's stable channel back to where it pointed before."""
            change = await registry.rollback(task, actor=who.tenant)
            return Rollback(task=task, stable=change.version, previous=change.previous)

    async def _register(
        self, request: Request, task: str, json_form: JsonForm | None, *, promote: bool, actor: str
    ) -> AdapterManifest:
        self._parts.task(task)
        with self._parts.store.staging() as area:
            folder = area / "adapter"
            folder.mkdir()
            await spool(request.stream(), area / "upload.tar")
            await asyncio.to_thread(unpack, area / "upload.tar", folder)
            return await self._registry.register(
                folder, task, json_form=json_form, wants_promotion=promote, actor=actor
            )


async def _read_body(request: Request, max_bytes: int) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise BodyTooLargeError(f"this body is at most {max_bytes} bytes")
    return body


async def _read_json(request: Request, shape: type[Body]) -> Body:
    """An empty body asks for the defaults."""
    body = await _read_body(request, _MAX_JSON_BYTES)
    try:
        return shape.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequestError(first["msg"], param=".".join(map(str, first["loc"])) or None) from error


def _json_docs(shape: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": shape.model_json_schema()}}}}


_UPLOAD_DOCS: Final[dict[str, Any]] = {
    "requestBody": {"content": {_TAR: {"schema": {"type": "string", "format": "binary"}}}}
}
_REPORT_DOCS: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}
}
