"""The four calls by which an engine is told about adapters (vLLM 0.25 to 0.32)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson

from contracts.adapter import AdapterManifest
from contracts.artifact import Probe
from gateway.adapters.ports import AdapterEngine
from gateway.adapters.probe import judge_probe
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


async def prove(
    engine: AdapterEngine, name: str, probe: Probe | None = None, *, timeout_seconds: float
) -> None:
    """Have the engine generate with the adapter: loaded is not yet ready.

    Without a probe one token is enough; with one the answer must be that of the trained adapter.

    Raises:
        AdapterRefusedError: the answer to the probe is another one.
        GatewayError: the engine did not answer, or not with this adapter.
    """
    asked: dict[str, object] = {"model": name, "prompt": "Hello", "max_tokens": 1, "temperature": 0}
    if probe is not None:
        # The probe's text has its special tokens written out.
        asked |= {"prompt": probe.prompt, "max_tokens": probe.max_tokens, "add_special_tokens": False}
        # A model's own generation settings would make it other than greedy.
        asked |= {"repetition_penalty": 1.0}
    reply = await engine.client.call(
        "POST", "/v1/completions", orjson.dumps(asked), timeout_seconds=timeout_seconds
    )
    try:
        answered = orjson.loads(reply)
        model, choices = answered["model"], answered["choices"]
        text = str(choices[0].get("text", "")) if choices else ""
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise EngineError("the engine's proof of the adapter cannot be read") from error
    if model != name or not choices:
        raise EngineError(f"the engine answered the proof with model {str(model)[:100]!r}")
    if probe is not None:
        judge_probe(probe, text)


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
