"""The stub engine's other routes: health, models, adapters, metrics, embeddings."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from tests.support import _wire
from tests.support._refusals import Refusal

Kind = Literal["vllm", "openai"]


class Administration:
    """What an engine serves and has loaded."""

    def __init__(self, models: tuple[str, ...], *, kind: Kind, version: str, max_model_len: int) -> None:
        self.models = models
        self.kind = kind
        self.version = version
        self.max_model_len = max_model_len
        self.adapters: dict[str, str] = {}

    def answer(self, path: str, body: Any, running: int) -> web.Response:
        """Answer a request to any route that does not generate."""
        routes: dict[str, Callable[[], web.Response]] = {
            "/v1/models": self._list_models,
            "/v1/embeddings": lambda: _embed(body),
        }
        if self.kind == "vllm":
            routes |= {
                "/health": web.Response,
                "/version": lambda: json_response({"version": self.version}),
                "/metrics": lambda: self._metrics(running),
                "/v1/load_lora_adapter": lambda: self._load(body or {}),
                "/v1/unload_lora_adapter": lambda: self._unload(body or {}),
            }
        if path not in routes:
            return json_response({"detail": "Not Found"}, 404)
        return routes[path]()

    def _list_models(self) -> web.Response:
        limit, parent = self.max_model_len, self.models[0]
        entries = [_wire.model_entry(name, f"models/{name}", None, limit) for name in self.models]
        entries += [_wire.model_entry(name, path, parent, None) for name, path in self.adapters.items()]
        return json_response({"object": "list", "data": entries})

    def _metrics(self, running: int) -> web.Response:
        labels = f'{{engine="0",model_name="{self.models[0]}"}}'
        text = f"vllm:num_requests_running{labels} {running}.0\nvllm:num_requests_waiting{labels} 0.0\n"
        return web.Response(text=text)

    def _load(self, body: dict[str, Any]) -> web.Response:
        name, path = body.get("lora_name"), body.get("lora_path")
        if not name or not path:
            missing = "lora_name" if not name else "lora_path"
            problem = f"{{'type': 'missing', 'loc': 'body.{missing}', 'msg': 'Field required'}}"
            message = f"1 validation error:\n  {problem}"
            return refuse(Refusal(400, message, "Bad Request", f"body.{missing}"))
        if name in self.adapters:
            message = (
                f"The lora adapter '{name}' has already been loaded. "
                "If you want to load the adapter in place, set 'load_inplace' to True."
            )
            return refuse(Refusal(400, message, "InvalidUserInput"))
        if not (Path(path) / "adapter_config.json").is_file():
            message = f"Loading lora {name} failed: No adapter found for {path}"
            return refuse(Refusal(404, message, "NotFoundError"))
        self.adapters[name] = path
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    def _unload(self, body: dict[str, Any]) -> web.Response:
        name = body.get("lora_name")
        if name not in self.adapters:
            return refuse(Refusal(404, f"The lora adapter '{name}' cannot be found.", "NotFoundError"))
        del self.adapters[name]
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")


def json_response(value: object, status: int = 200) -> web.Response:
    """A JSON body as vLLM sends it."""
    return web.Response(body=_wire.dumps(value), status=status, content_type="application/json")


def refuse(refusal: Refusal) -> web.Response:
    """An error response as vLLM sends it."""
    body = _wire.error_body(refusal.status, refusal.message, refusal.kind, refusal.param)
    return web.Response(body=body, status=refusal.status, content_type="application/json")


def _embed(body: Any) -> web.Response:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vectors = [[float(len(str(text))), 1.0, 0.5, 0.25] for text in inputs]
    written: list[Any] = list(vectors)
    if body.get("encoding_format") == "base64":
        written = [base64.b64encode(struct.pack("<4f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": index, "embedding": item} for index, item in enumerate(written)]
    counted = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
    return json_response({"object": "list", "data": data, "model": body["model"], "usage": counted})
