"""The four calls by which an engine is told about adapters (vLLM 0.25 to 0.32)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson

from contracts.adapter import AdapterManifest
from gateway.adapters.ports import AdapterEngine
from gateway.errors import EngineError, GatewayError, InvalidRequestError

LIST_TIMEOUT_SECONDS: Final = 10.0


async def listed_models(engine: AdapterEngine) -> dict[str, str]:
    """The names that the engine serves, adapters among them, each with the path of its weights or ""."""
    reply = await engine.client.call("GET", "/v1/models", timeout_seconds=LIST_TIMEOUT_SECONDS)
    try:
        cards = orjson.loads(reply)["data"]
        return {str(card["id"]): str(card.get("root") or "") for card in cards}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise EngineError("the engine's list of models cannot be read") from error


async def load(
    engine: AdapterEngine, manifest: AdapterManifest, store_path: Path, *, timeout_seconds: float
) -> None:
    """Have the engine read an adapter, unless it has it already. Never in place: names are immutable."""
    if manifest.name in await listed_models(engine):
        return
    body = orjson.dumps({"lora_name": manifest.name, "lora_path": engine_path(engine, manifest, store_path)})
    try:
        await engine.client.call("POST", "/v1/load_lora_adapter", body, timeout_seconds=timeout_seconds)
    except InvalidRequestError as error:
        # Another gateway may have been faster by a moment; the proof that follows decides.
        if "already" not in error.message:
            raise
    except EngineError as error:
        raise EngineError(
            f"{error.message}; its log says why. It must see the adapter's folder (adapter_root) "
            "and run with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
        ) from error


async def prove(engine: AdapterEngine, manifest: AdapterManifest, *, timeout_seconds: float) -> None:
    """Have the engine generate one token with the adapter: loaded is not yet ready."""
    body = orjson.dumps({"model": manifest.name, "prompt": "Hello", "max_tokens": 1, "temperature": 0})
    reply = await engine.client.call("POST", "/v1/completions", body, timeout_seconds=timeout_seconds)
    try:
        answered = orjson.loads(reply)
        model, choices = answered["model"], answered["choices"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise EngineError("the engine's proof of the adapter cannot be read") from error
    if model != manifest.name or not choices:
        raise EngineError(f"the engine answered the proof with model {str(model)[:100]!r}")


async def unload(engine: AdapterEngine, name: str) -> None:
    """Have the engine forget an adapter; one that it does not know is forgotten."""
    try:
        await engine.client.call(
            "POST",
            "/v1/unload_lora_adapter",
            orjson.dumps({"lora_name": name}),
            timeout_seconds=LIST_TIMEOUT_SECONDS,
        )
    except GatewayError:
        if name in await listed_models(engine):
            raise


def engine_path(engine: AdapterEngine, manifest: AdapterManifest, store_path: Path) -> str:
    """Where the engine finds a version's folder."""
    root = engine.settings.adapter_root
    return f"{root.rstrip('/')}/{manifest.name}" if root else str(store_path.resolve())
