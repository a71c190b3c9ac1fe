"""The OpenAPI document of the endpoints that are plain ASGI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.parsing.wire import ChatBody, CompletionBody, EmbeddingBody, ResponsesBody

BODIES: dict[str, tuple[str, type[BaseModel]]] = {
    "/v1/chat/completions": ("Chat completion; `stream` sends server-sent events", ChatBody),
    "/v1/completions": ("Text completion; `stream` sends server-sent events", CompletionBody),
    "/v1/responses": ("Response, not stored; `stream` sends server-sent events", ResponsesBody),
    "/v1/embeddings": ("Embeddings of the router's encoder, or of a pool", EmbeddingBody),
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}


def install_openapi(app: FastAPI) -> None:
    """Let `app.openapi()` describe every endpoint."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, schemas = models_json_schema(
        [(model, "validation") for _, model in BODIES.values()],
        ref_template="#/components/schemas/{model}",
    )
    components = document.setdefault("components", {}).setdefault("schemas", {})
    components |= schemas["$defs"] | {"Error": _ERROR}
    failure = {
        "description": "An OpenAI error object",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    for path, (summary, model) in BODIES.items():
        body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
        document["paths"].setdefault(path, {})["post"] = {
            "summary": summary,
            "tags": ["inference"],
            "requestBody": {"required": True, "content": body},
            "responses": {"200": {"description": "Success"}, "default": failure},
        }
    return document
