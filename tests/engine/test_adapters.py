"""Adapters on a real vLLM: loaded, proven, answering apart from the base model in one batch, and refused."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gateway.adapters import AdapterDirectory, AdapterRegistry, AdapterSide, LoadState, Reconciler
from gateway.engines.client import EngineClient
from gateway.engines.pool import Pool
from gateway.errors import AdapterRefusedError, GatewayError
from gateway.settings import AdapterSettings, EngineSettings, PoolSettings, Promotion, Settings
from gateway.tasks import TaskCatalog
from tests.support.peft_folder import HIDDEN, KEY_VALUE, lora_tensors, write_peft_folder

TASK = "engine-test"
LAYERS = 30
# A text whose continuation is beyond doubt: batching moves the last bits of the logits.
PROMPT = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,"


@dataclass(frozen=True)
class Side:
    model: str
    pool: Pool
    reconciler: Reconciler
    directory: AdapterDirectory
    registry: AdapterRegistry


@asynccontextmanager
async def gateway_side(folder: Path, engine_url: str) -> AsyncIterator[Side]:
    model = await served_model(engine_url)
    section = PoolSettings(engines=(EngineSettings(url=engine_url),), models=(model,), max_lora_rank=16)
    pool = Pool("small", section, ready_wait_seconds=60)
    adapters = AdapterSettings(
        reconcile_interval_seconds=0.5, load_timeout_seconds=120, promotion=Promotion.OPEN
    )
    settings = Settings(home=folder / "home", pools={"small": section}, adapters=adapters)
    whole = AdapterSide(settings, {"small": pool}, catalog_in(folder, model))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(whole.close)
        await stack.enter_async_context(pool.running())
        await whole.start()
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(loop) for loop in whole.loops()]
            async with asyncio.timeout(60):
                while not pool.is_ready:  # noqa: ASYNC110 - the pool tells nobody
                    await asyncio.sleep(0.05)
            try:
                yield Side(model, pool, whole.reconciler, whole.directory, whole.registry)
            finally:
                for loop in loops:
                    loop.cancel()
                for name in pool.engines[0].ready_adapters:
                    await unload(pool.engines[0].client, name)


async def served_model(engine_url: str) -> str:
    async with EngineClient(engine_url) as client:
        cards = json.loads(await client.call("GET", "/v1/models", timeout_seconds=30))["data"]
    return next(str(card["id"]) for card in cards if card["parent"] is None)


async def unload(client: EngineClient, name: str) -> None:
    body = json.dumps({"lora_name": name}).encode()
    await client.call("POST", "/v1/unload_lora_adapter", body, timeout_seconds=30)


def catalog_in(folder: Path, model: str) -> TaskCatalog:
    tasks = folder / "tasks"
    tasks.mkdir()
    data = {"name": TASK, "description": "Tests.", "base_model": model}
    (tasks / "task.yaml").write_text(yaml.safe_dump(data))
    catalog = TaskCatalog(tasks, base_models=(model,), check_task=lambda _: None)
    catalog.load()
    return catalog


def adapter_folder(folder: Path, **changes: Any) -> Path:
    """Weights that change every answer; the seed is new each time, so no name is ever used twice."""
    tensors = lora_tensors(layers=LAYERS, seed=time.time_ns() % 2**32)
    return write_peft_folder(folder, tensors={name: t * 0.2 for name, t in tensors.items()}, **changes)


async def complete(side: Side, model: str) -> str:
    body = json.dumps({"model": model, "prompt": PROMPT, "max_tokens": 8, "temperature": 0}).encode()
    reply = await side.pool.engines[0].client.call("POST", "/v1/completions", body, timeout_seconds=120)
    answered = json.loads(reply)
    assert answered["model"] == model
    return str(answered["choices"][0]["text"])


async def test_a_registered_adapter_answers_beside_the_base_model_in_one_batch(
    tmp_path: Path, engine_url: str
) -> None:
    async with gateway_side(tmp_path, engine_url) as side:
        before = await complete(side, side.model)
        manifest = await side.registry.register(adapter_folder(tmp_path / "a"), TASK)
        assert side.directory.resolve(TASK) == manifest
        assert manifest.name in side.pool.engines[0].ready_adapters
        both = await asyncio.gather(*(complete(side, model) for model in (side.model, manifest.name) * 2))
        assert both[0] == both[2] == before
        assert both[1] == both[3] != before


async def test_two_versions_answer_each_for_itself_through_a_change_and_a_rollback(
    tmp_path: Path, engine_url: str
) -> None:
    async with gateway_side(tmp_path, engine_url) as side:
        first = await side.registry.register(adapter_folder(tmp_path / "a"), TASK)
        said = await complete(side, first.name)
        second = await side.registry.register(adapter_folder(tmp_path / "b"), TASK)
        assert side.directory.resolve(TASK) == second
        assert await complete(side, second.name) != said
        await side.registry.rollback(TASK)
        assert side.directory.resolve(TASK) == first
        assert await complete(side, first.name) == said


async def test_a_lost_adapter_is_noticed_and_loaded_again(tmp_path: Path, engine_url: str) -> None:
    async with gateway_side(tmp_path, engine_url) as side:
        manifest = await side.registry.register(adapter_folder(tmp_path / "a"), TASK)
        [engine] = side.pool.engines
        await unload(engine.client, manifest.name)
        async with asyncio.timeout(60):
            while manifest.name in engine.ready_adapters:  # noqa: ASYNC110 - the engine tells nobody
                await asyncio.sleep(0.01)
        await side.reconciler.wait_ready(manifest)
        assert await complete(side, manifest.name)


# Each of these is refused by the engine itself, too: what we refuse is not more than it does.
@pytest.mark.parametrize(
    "changes",
    [{"use_dora": True}, {"bias": "all"}, {"init_lora_weights": "pissa"}, {"r": 64}, {"lora_bias": True}],
)
async def test_what_we_refuse_by_the_config_the_engine_refuses_as_well(
    tmp_path: Path, engine_url: str, changes: dict[str, Any]
) -> None:
    folder = adapter_folder(tmp_path / "a", **changes)
    async with gateway_side(tmp_path, engine_url) as side:
        with pytest.raises(AdapterRefusedError, match=r"adapter_config\.json"):
            await side.registry.register(folder, TASK)
        body = json.dumps({"lora_name": f"refused-{time.time_ns()}", "lora_path": str(folder)}).encode()
        with pytest.raises(GatewayError):
            await side.pool.engines[0].client.call("POST", "/v1/load_lora_adapter", body, timeout_seconds=120)


async def test_a_module_that_the_engine_does_not_have_is_refused_by_it_and_nothing_is_registered(
    tmp_path: Path, engine_url: str
) -> None:
    name = "base_model.model.model.layers.0.self_attn.strange_proj"
    tensors = {
        f"{name}.lora_A.weight": np.ones((4, HIDDEN), np.float32),
        f"{name}.lora_B.weight": np.full((KEY_VALUE, 4), time.time_ns() % 1000 + 1, np.float32),
    }
    folder = write_peft_folder(tmp_path / "a", tensors=tensors, target_modules=["strange_proj"])
    async with gateway_side(tmp_path, engine_url) as side:
        with pytest.raises(AdapterRefusedError, match=r"engine 'small/0'|has no module"):
            await side.registry.register(folder, TASK)
        assert side.directory.list() == ()
        assert all(status.state is not LoadState.READY for status in side.reconciler.status())
