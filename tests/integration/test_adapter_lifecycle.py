"""What happens to versions after their promotion: rolled back, retired, purged, verified; all on record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import (
    AdapterRefusedError,
    ConflictError,
    InternalError,
    ModelRetiredError,
)
from gateway.state import BASE_VERSION, Channel
from tests.support.adapter_side import GATED, OPEN, TASK, gateway_side, until
from tests.support.peft_folder import write_peft_folder
from tests.support.registry_acts import acts, last_act, report_for
from tests.support.stub_engine import Reply, StubEngine


async def test_rollback_goes_back_to_the_version_before_and_then_to_the_base_model(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine, settings=OPEN) as side:
        with pytest.raises(ConflictError, match="never pointed"):
            await side.registry.rollback(TASK)
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        second = await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        change = await side.registry.rollback(TASK)
        assert (change.version, change.previous) == (first.version, second.version)
        assert side.directory.resolve(TASK) == first
        assert first.name in side.pool.engines[0].ready_adapters
        await side.registry.rollback(TASK)
        assert side.directory.resolve(TASK) is None
        assert await side.channels.stable(TASK) == BASE_VERSION


async def test_a_retired_version_is_refused_by_name_and_its_files_are_kept(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await side.caretaker.retire(manifest.name, reason="wrong totals", actor="ml-team")
        with pytest.raises(ModelRetiredError, match=r"was retired \(wrong totals\); ask for 'invoice'"):
            side.directory.demand(manifest.name)
        with pytest.raises(ModelRetiredError):
            await side.registry.promote(manifest.name, override="anyway")
        assert side.directory.list() == ()
        assert side.directory.list(with_retired=True) == (manifest,)
        side.store.verify(manifest)
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        retirement = side.directory.retirement(manifest.name)
        assert retirement is not None
        assert (retirement.by, retirement.reason) == ("ml-team", "wrong totals")


async def test_a_retired_version_leaves_every_engine(tmp_path: Path, engine: StubEngine) -> None:
    with StubEngine() as second:
        async with gateway_side(tmp_path, engine, second, settings=GATED) as side:
            await until(lambda: all(each.is_healthy for each in side.pool.engines))
            manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            kept = await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
            side.directory.demand(manifest.name)
            await side.caretaker.retire(manifest.name)
            await until(lambda: {*engine.adapters, *second.adapters} == {kept.name})
            assert [each.ready_adapters for each in side.pool.engines] == [{kept.name}] * 2


async def test_another_gateway_unloads_what_was_retired_elsewhere(tmp_path: Path, engine: StubEngine) -> None:
    with StubEngine() as second:
        async with (
            gateway_side(tmp_path, engine, settings=GATED) as one,
            gateway_side(tmp_path, second, settings=GATED) as other,
        ):
            manifest = await one.registry.register(write_peft_folder(tmp_path / "a"), TASK)
            await until(lambda: other.directory.demand(manifest.name))
            await until(lambda: manifest.name in second.adapters)
            await one.caretaker.retire(manifest.name)
            await until(lambda: manifest.name not in {*engine.adapters, *second.adapters})
            with pytest.raises(ModelRetiredError):
                other.directory.demand(manifest.name)


async def test_a_version_that_a_channel_names_is_not_retired(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=OPEN) as side:
        stable = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        canary = await side.registry.register(
            write_peft_folder(tmp_path / "b", seed=1), TASK, wants_promotion=False
        )
        await side.channels.point(TASK, Channel.CANARY, canary.version, share_ratio=0.1)
        for manifest, channel in ((stable, "stable"), (canary, "canary")):
            with pytest.raises(ConflictError, match=f"is the {channel} version of its task"):
                await side.caretaker.retire(manifest.name)
        assert side.directory.resolve(TASK) == stable
        assert side.directory.retirement(stable.name) is None


async def test_a_retired_version_is_no_target_of_a_rollback(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=OPEN) as side:
        first = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        second = await side.registry.register(write_peft_folder(tmp_path / "b", seed=1), TASK)
        await side.caretaker.retire(first.name)
        with pytest.raises(ConflictError, match=f"the earlier version {first.name} is retired"):
            await side.registry.rollback(TASK)
        assert side.directory.resolve(TASK) == second


async def test_purging_removes_the_files_and_remembers_the_name(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await side.caretaker.attach(manifest.name, report_for(side, manifest))
        await side.caretaker.retire(manifest.name, is_purge=True)
        assert not side.store.path(manifest).exists()
        assert side.store.dossiers.attached(manifest.name) == ()
        assert side.directory.list(with_retired=True) == ()
        with pytest.raises(ModelRetiredError):
            side.directory.demand(manifest.name)
        with pytest.raises(ModelRetiredError):
            await side.caretaker.verify(manifest.name)


async def test_registering_again_brings_a_retired_version_back(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(folder, TASK)
        for is_purge in (False, True):
            await side.caretaker.retire(manifest.name, is_purge=is_purge)
            again = await side.registry.register(folder, TASK)
            assert side.directory.demand(again.name) == again
            assert (await last_act(side)).entry.details["revived"] == "it was retired before"


async def test_verifying_finds_any_altered_file(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "model-card.md").write_text("# Reads invoices")
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(folder, TASK)
        assert (await side.caretaker.verify(manifest.name)).digest == manifest.digest
        card = side.store.path(manifest) / "model-card.md"
        card.chmod(0o644)
        card.write_text("# Reads anything")
        with pytest.raises(AdapterRefusedError, match=r"model-card\.md was altered since it was registered"):
            await side.caretaker.verify(manifest.name)
        assert await acts(side) == [("register", "done"), ("verify", "done"), ("verify", "refused")]


async def test_every_act_that_fails_is_on_record_too(tmp_path: Path, engine: StubEngine) -> None:
    engine.always(Reply(status=500), on="/v1/load_lora_adapter")
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        with pytest.raises(AdapterRefusedError):
            await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        with pytest.raises(AdapterRefusedError):
            await side.registry.register(write_peft_folder(tmp_path / "b", use_dora=True), TASK)
        with pytest.raises(ConflictError):
            await side.registry.rollback(TASK)
        records = await side.audit.records()
        assert [record.entry.act for record in records] == ["register", "register", "rollback"]
        assert [record.entry.outcome.value for record in records] == ["refused"] * 3
        assert "DoRA is not served" in records[1].entry.details["message"]
        assert await side.audit.verify() is None


class BrokenTrail:
    """An audit trail whose disk is full."""

    async def check(self) -> None:
        raise InternalError("the audit trail failed: disk full")


async def test_nothing_is_done_that_could_not_be_recorded(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=OPEN) as side:
        audit: Any = BrokenTrail()
        registry = type(side.registry)(replace(side.parts, audit=audit))
        with pytest.raises(InternalError, match="the audit trail failed"):
            await registry.register(write_peft_folder(tmp_path / "a"), TASK)
        assert side.directory.list() == ()
        assert await side.channels.stable(TASK) is None


async def test_a_store_of_the_first_release_is_read(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=OPEN) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        file = side.store.path(manifest) / "manifest.json"
    content = json.loads(file.read_text())
    for added in ("provenance", "signer"):
        del content[added]
    content["schema_version"] = 1
    content["files"] = {name: entry["bytes"] for name, entry in content["files"].items()}
    file.chmod(0o644)
    file.write_text(json.dumps(content))
    async with gateway_side(tmp_path, engine, settings=OPEN) as side:
        found = side.directory.resolve(TASK)
        assert found is not None
        assert (found.name, found.schema_version, found.size_bytes) == (manifest.name, 1, manifest.size_bytes)
        assert (await side.caretaker.verify(found.name)).name == manifest.name
