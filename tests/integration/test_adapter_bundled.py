"""The adapters that ship with the tasks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.signature import make_key_pair
from gateway.adapters import AdapterRegistry, BundledAdapters
from gateway.errors import InternalError
from gateway.state import ChannelStore
from tests.support.adapter_side import GATED, OTHER_TASK, TASK, gateway_side
from tests.support.peft_folder import write_peft_folder
from tests.support.stub_engine import StubEngine


async def test_bundled_adapters_are_registered_once_and_never_over_a_choice(
    tmp_path: Path, engine: StubEngine
) -> None:
    bundle = tmp_path / "bundle"
    write_peft_folder(bundle / TASK)
    write_peft_folder(bundle / "ticket", use_dora=True)
    write_peft_folder(bundle / "unknown-task")
    async with gateway_side(tmp_path, engine) as side:
        await BundledAdapters(side.parts, side.registry).register(bundle)
        assert [manifest.task for manifest in side.directory.list()] == [TASK]
        await side.registry.rollback(TASK)
        await BundledAdapters(side.parts, side.registry).register(bundle)
        assert side.directory.resolve(TASK) is None


class StumblingChannels:
    """A channel store that fails for one task."""

    def __init__(self, channels: ChannelStore, failure: Exception) -> None:
        self._channels = channels
        self._failure = failure

    async def stable(self, task: str) -> str | None:
        if task == TASK:
            raise self._failure
        return await self._channels.stable(task)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channels, name)


@pytest.mark.parametrize(
    "failure", [InternalError("locked"), OSError("disk"), RuntimeError("defect")], ids=repr
)
async def test_a_bundled_adapter_that_fails_in_any_way_holds_up_no_other(
    tmp_path: Path, engine: StubEngine, failure: Exception
) -> None:
    bundle = tmp_path / "bundle"
    for task in (TASK, OTHER_TASK):
        write_peft_folder(bundle / task)
    async with gateway_side(tmp_path, engine) as side:
        channels: Any = StumblingChannels(side.channels, failure)
        parts = replace(side.parts, channels=channels)
        await BundledAdapters(parts, AdapterRegistry(parts)).register(bundle)
        assert [manifest.task for manifest in side.directory.list()] == [OTHER_TASK]


async def test_a_bundled_adapter_without_a_report_is_promoted_for_a_reason_that_is_on_record(
    tmp_path: Path, engine: StubEngine
) -> None:
    write_peft_folder(tmp_path / "bundle" / TASK)
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        await BundledAdapters(side.parts, side.registry).register(tmp_path / "bundle")
        [manifest] = side.directory.list()
        assert side.directory.resolve(TASK) == manifest
        [record] = await side.audit.records(subject=TASK)
        assert (record.entry.actor, record.entry.act) == ("bundled", "register")
        assert record.entry.details["gate"] == "it has no evaluation report"
        assert "bundled with the tasks" in record.entry.details["override"]


async def test_bundled_adapters_need_a_signature_where_all_do(tmp_path: Path, engine: StubEngine) -> None:
    write_peft_folder(tmp_path / "bundle" / TASK)
    make_key_pair(tmp_path / "key.pem", tmp_path / "key.pub")
    changes = {"trusted_keys": (tmp_path / "key.pub",), "require_signature": True}
    async with gateway_side(tmp_path, engine, settings=GATED.model_copy(update=changes)) as side:
        await BundledAdapters(side.parts, side.registry).register(tmp_path / "bundle")
        assert side.directory.list() == ()
        [record] = await side.audit.records(subject=TASK)
        assert "signature.json is missing" in record.entry.details["message"]
