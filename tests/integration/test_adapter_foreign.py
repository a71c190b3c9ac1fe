"""Folders of other trainers are registered as they are; nothing of them is run, or kept without need."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from gateway.commands.adapter import app
from tests.support.adapter_side import TASK, gateway_side
from tests.support.foreign_adapters import FOREIGN
from tests.support.gateway_fixtures import StartGateway
from tests.support.stub_engine import StubEngine

KEPT = {"adapter_config.json", "adapter_model.safetensors", "README.md"}


@pytest.mark.parametrize("trainer", sorted(FOREIGN))
async def test_a_folder_registers_unchanged(tmp_path: Path, engine: StubEngine, trainer: str) -> None:
    folder = FOREIGN[trainer](tmp_path / "out")
    async with gateway_side(tmp_path, engine) as side:
        manifest = await side.registry.register(folder, TASK)
        assert side.directory.resolve(TASK) == manifest
        assert engine.adapters == {manifest.name: str(side.store.path(manifest))}
        assert set(manifest.files) == KEPT
        for name in KEPT:
            assert (side.store.path(manifest) / name).read_bytes() == (folder / name).read_bytes()


def test_the_command_sends_what_belongs_to_the_adapter_and_no_more(
    tmp_path: Path, start_gateway: StartGateway, engine: StubEngine
) -> None:
    gateway = start_gateway(engine, changes={"adapters": {"promotion": "open"}})
    for trainer in sorted(FOREIGN):
        folder = FOREIGN[trainer](tmp_path / trainer)
        arguments = ["register", str(folder), "--task", "invoice-extract", "--json-form", "spaced"]
        result = CliRunner().invoke(app, [*arguments, "--url", gateway.url])
        assert result.exit_code == 0, result.stderr
    listed = httpx.get(f"{gateway.url}/admin/v1/adapters").json()["adapters"]
    assert {adapter["json_form"] for adapter in listed} == {"spaced"}
    stored = gateway.settings.adapter_store
    assert len(listed) == len(FOREIGN)
    for adapter in listed:
        assert {path.name for path in (stored / adapter["name"]).iterdir()} == KEPT | {"manifest.json"}
