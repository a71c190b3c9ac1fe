"""Registration against scripted engines: loaded and proven everywhere, and never half done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.adapters import LoadState
from gateway.errors import (
    AdapterNotReadyError,
    AdapterRefusedError,
    ConflictError,
    EngineUnavailableError,
    ModelNotFoundError,
)
from tests.support.adapter_side import OPEN, TASK, gateway_side, loads, proofs, until
from tests.support.peft_folder import lora_tensors, write_peft_folder
from tests.support.stub_engine import Reply, StubEngine


async def test_registering_loads_proves_and_points(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine) as side:
        assert side.directory.resolve(TASK) is None
        manifest = await side.registry.register(folder, TASK)
        assert side.directory.resolve(TASK) == manifest
        assert side.pool.engines[0].ready_adapters == {manifest.name}
        assert engine.adapters == {manifest.name: str(side.store.path(manifest))}
        assert (loads(engine, manifest.name), proofs(engine, manifest.name)) == (1, 1)
        assert await side.channels.stable(TASK) == manifest.version
        [status] = side.reconciler.status()
        assert (status.adapter, status.state) == (manifest.name, LoadState.READY)


async def test_load_in_place_is_never_asked_for(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine) as side:
        await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
    sent = [call.body for call in engine.requests if call.path == "/v1/load_lora_adapter"]
    assert [set(body) for body in sent] == [{"lora_name", "lora_path"}]


async def test_every_engine_must_prove_it(tmp_path: Path, engine: StubEngine) -> None:
    with StubEngine() as second:
        async with gateway_side(tmp_path, engine, second) as side:
            await until(lambda: all(e.is_healthy for e in side.pool.engines))
            manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            assert [proofs(each, manifest.name) for each in (engine, second)] == [1, 1]


async def test_an_engine_that_refuses_is_named_and_nothing_is_registered(
    tmp_path: Path, engine: StubEngine
) -> None:
    with StubEngine() as second:
        second.always(Reply(status=500, message="CUDA error"), on="/v1/load_lora_adapter")
        async with gateway_side(tmp_path, engine, second) as side:
            await until(lambda: all(e.is_healthy for e in side.pool.engines))
            with pytest.raises(
                AdapterRefusedError, match=r"cannot be served: engine 'small/1': .*status 500"
            ):
                await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            assert await side.channels.stable(TASK) is None
            assert side.directory.list() == ()
            assert side.directory.resolve(TASK) is None


async def test_an_adapter_that_loads_but_cannot_generate_is_not_ready(
    tmp_path: Path, engine: StubEngine
) -> None:
    engine.always(Reply(status=500), on="/v1/completions")
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(AdapterRefusedError, match="status 500"):
            await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert len(engine.adapters) == 1
        assert side.pool.engines[0].ready_adapters == frozenset()


async def test_a_failed_registration_leaves_the_earlier_version_serving(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine) as side:
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        engine.always(Reply(status=500), on="/v1/load_lora_adapter")
        with pytest.raises(AdapterRefusedError):
            await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        assert side.directory.resolve(TASK) == first
        assert first.name in side.pool.engines[0].ready_adapters


async def test_a_failure_that_passes_is_retried(tmp_path: Path, engine: StubEngine) -> None:
    engine.script(Reply(status=500), on="/v1/load_lora_adapter")
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert loads(engine, manifest.name) == 2
        assert side.directory.resolve(TASK) == manifest


async def test_two_registrations_at_once_end_with_one_of_them_and_a_conflict(
    tmp_path: Path, engine: StubEngine
) -> None:
    folders = [write_peft_folder(tmp_path / f"f{seed}", seed=seed) for seed in range(2)]
    async with gateway_side(tmp_path, engine) as side:
        results = await asyncio.gather(
            *(side.registry.register(folder, TASK) for folder in folders), return_exceptions=True
        )
        [won] = [result for result in results if not isinstance(result, BaseException)]
        [lost] = [result for result in results if isinstance(result, BaseException)]
        assert isinstance(lost, ConflictError)
        assert side.directory.resolve(TASK) == won
        assert side.directory.list() == (won,)


async def test_the_same_folder_registered_twice_at_once_is_one_version(
    tmp_path: Path, engine: StubEngine
) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine) as side:
        one, two = await asyncio.gather(*(side.registry.register(folder, TASK) for _ in range(2)))
        assert one == two
        assert side.directory.list() == (one,)


async def test_errors_before_any_engine_is_asked(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(ModelNotFoundError, match="'none' does not exist"):
            await side.registry.register(folder, "none")
        other = write_peft_folder(tmp_path / "other", base_model_name_or_path="meta-llama/Llama-3.2-1B")
        with pytest.raises(AdapterRefusedError, match=r"trained on base model 'Llama-3\.2-1B'"):
            await side.registry.register(other, TASK)
        with pytest.raises(AdapterRefusedError, match="cannot be read as a folder"):
            await side.registry.register(tmp_path / "nowhere", TASK)
        await asyncio.to_thread(engine.stop)
        await until(lambda: not side.pool.is_ready)
        with pytest.raises(EngineUnavailableError, match="no engine of pool 'small'"):
            await side.registry.register(folder, TASK)
    assert not any(call.path == "/v1/load_lora_adapter" for call in engine.requests)


async def test_a_slow_engine_is_named_when_the_wait_ends(tmp_path: Path, engine: StubEngine) -> None:
    engine.always(Reply(pause_headers_seconds=5.0), on="/v1/load_lora_adapter")
    settings = OPEN.model_copy(update={"load_timeout_seconds": 0.3})
    async with gateway_side(tmp_path, engine, settings=settings) as side:
        with pytest.raises((AdapterNotReadyError, AdapterRefusedError), match="engine 'small/0'"):
            await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert await side.channels.stable(TASK) is None


def corrupt(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(b"\xff" * 8 + weights.read_bytes()[8:])


def cut(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def not_a_number(folder: Path) -> None:
    tensors = lora_tensors()
    next(iter(tensors.values()))[0, 0] = np.nan
    write_peft_folder(folder, tensors=tensors)


def pickled(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def half_written(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "base_model')


def above_the_limit(folder: Path) -> None:
    write_peft_folder(folder, tensors=lora_tensors(rank=64), r=64)


def another_base(folder: Path) -> None:
    write_peft_folder(folder, base_model_name_or_path="Qwen/Qwen2.5-0.5B-Instruct")


def linked(folder: Path) -> None:
    (folder / "README.md").symlink_to("/etc/hostname")


def with_a_bad_provenance(folder: Path) -> None:
    (folder / "provenance.json").write_text('{"task": "invoice"}')


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (corrupt, "the header is over"),
        (cut, "is cut or corrupt"),
        (not_a_number, "holds NaN or infinite weights"),
        (pickled, "pickled weights can run code and are never loaded"),
        (half_written, "adapter_config.json: cannot be read as JSON"),
        (above_the_limit, "rank 64 is above the pool's max_lora_rank 16"),
        (another_base, "was trained on base model 'Qwen2.5-0.5B-Instruct'"),
        (linked, "links are not followed"),
        (with_a_bad_provenance, "provenance.json: task_version: Field required"),
    ],
)
async def test_a_bad_folder_is_refused_and_leaves_nothing_but_its_record(
    tmp_path: Path, engine: StubEngine, spoil: Callable[[Path], None], says: str
) -> None:
    folder = write_peft_folder(tmp_path / "a")
    spoil(folder)
    async with gateway_side(tmp_path, engine) as side:
        with pytest.raises(AdapterRefusedError, match=re.escape(says)):
            await side.registry.register(folder, TASK)
        assert side.directory.list(with_retired=True) == ()
        assert await side.channels.stable(TASK) is None
        assert list((tmp_path / "home" / "adapters").iterdir()) == []
        [record] = await side.audit.records(subject=TASK)
        assert says in record.entry.details["message"]
    assert engine.adapters == {}
