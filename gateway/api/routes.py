"""The HTTP application: inference endpoints as plain ASGI, everything else through FastAPI."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.routing import Route as AsgiRoute
from starlette.types import ASGIApp, Receive

from gateway.api.body import BodyReader
from gateway.api.edge import Edge
from gateway.api.embeddings import EmbeddingEndpoint
from gateway.api.errors import install_error_handlers
from gateway.api.openapi import install_openapi
from gateway.api.reply import PipelineEndpoint
from gateway.errors import ModelNotFoundError
from gateway.pipeline.chat import ChatPipeline
from gateway.pipeline.stages import Authenticator
from gateway.records import Endpoint
from gateway.settings import ServerSettings

PATHS = {
    "/v1/chat/completions": Endpoint.CHAT,
    "/v1/completions": Endpoint.COMPLETIONS,
    "/v1/responses": Endpoint.RESPONSES,
}
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Readiness(Protocol):
    """Whether requests can be served, and what is missing."""

    def missing(self) -> dict[str, str]:
        """What is not ready, with the reason; empty when all is."""


@dataclass(frozen=True, slots=True)
class HttpParts:
    """What the HTTP application is made of."""

    pipeline: ChatPipeline
    authenticator: Authenticator
    embeddings: EmbeddingEndpoint
    models: Callable[[], list[dict[str, Any]]]
    readiness: Readiness
    registry: CollectorRegistry
    server: ServerSettings
    admin: APIRouter
    version: str


def make_http(parts: HttpParts, lifespan: Lifespan) -> ASGIApp:
    """Put the routes together."""
    app = FastAPI(
        title="Firstline",
        version=parts.version,
        description="An OpenAI-compatible gateway that answers with small models first.",
        lifespan=lifespan,
    )
    install_error_handlers(app)
    direct = _inference(parts)
    for path, asgi in direct.items():
        app.router.routes.append(AsgiRoute(path, asgi, methods=["POST"], include_in_schema=False))
    app.add_api_route("/v1/embeddings", parts.embeddings.__call__, methods=["POST"], include_in_schema=False)
    _add_models(app, parts)
    _add_health(app, parts)
    app.include_router(parts.admin)
    install_openapi(app)
    return Edge(app, direct)


def _inference(parts: HttpParts) -> dict[str, ASGIApp]:
    def body(receive: Receive) -> BodyReader:
        return BodyReader(
            receive,
            max_bytes=parts.server.max_body_bytes,
            timeout_seconds=parts.server.body_timeout_seconds,
        )

    return {path: PipelineEndpoint(parts.pipeline, endpoint, body) for path, endpoint in PATHS.items()}


def _add_models(app: FastAPI, parts: HttpParts) -> None:
    @app.get("/v1/models", tags=["models"])
    async def list_models(request: Request) -> dict[str, Any]:
        """List the names that a request may use as its model."""
        await parts.authenticator.authenticate(request.headers)
        return {"object": "list", "data": parts.models()}

    @app.get("/v1/models/{name:path}", tags=["models"])
    async def get_model(name: str, request: Request) -> dict[str, Any]:
        """Look one name up."""
        await parts.authenticator.authenticate(request.headers)
        found = next((model for model in parts.models() if model["id"] == name), None)
        if found is None:
            raise ModelNotFoundError(name)
        return found


def _add_health(app: FastAPI, parts: HttpParts) -> None:
    @app.get("/healthz", tags=["operations"])
    async def healthz() -> dict[str, str]:
        """Say that the process runs."""
        return {"status": "ok", "version": parts.version}

    @app.get("/readyz", tags=["operations"])
    async def readyz() -> Response:
        """Say whether requests can be served, and what is missing."""
        missing = parts.readiness.missing()
        status = "not_ready" if missing else "ready"
        return JSONResponse({"status": status, "missing": missing}, status_code=503 if missing else 200)

    @app.get("/metrics", tags=["operations"])
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(parts.registry), headers={"content-type": CONTENT_TYPE_LATEST})
