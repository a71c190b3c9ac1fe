"""When an environment counts as complete."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from launcher.engine import EngineKind
from launcher.environments import STAMP_NAME, EnvironmentSpec, ensure, problem, specs
from launcher.layout import Layout

LOCKS = ("gateway.lock", "dev.lock", "engine-cpu.lock", "engine-cuda.lock", "torch-cpu.lock")


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    for name in LOCKS:
        (tmp_path / "requirements" / name).write_text(f"# {name}\n")
    return Layout(root=tmp_path, home=tmp_path / "home")


@pytest.fixture
def gateway(layout: Layout) -> EnvironmentSpec:
    """A spec whose environment looks complete."""
    spec = specs(layout, EngineKind.CPU)[0]
    (spec.folder / "bin").mkdir(parents=True)
    (spec.folder / "bin" / "python").touch()
    stamp = {
        "locks": {lock.name: digest(lock) for lock in spec.locks},
        "project": digest(layout.root / "pyproject.toml"),
        "root": str(layout.root),
    }
    (spec.folder / STAMP_NAME).write_text(json.dumps(stamp))
    return spec


def test_a_complete_environment_is_left_alone(layout: Layout, gateway: EnvironmentSpec) -> None:
    said: list[str] = []
    assert ensure(layout, gateway, {}, said.append) is False
    assert said == []


SPOILERS: dict[str, Callable[[Layout, EnvironmentSpec], object]] = {
    "does not match its lock files": lambda layout, spec: spec.locks[0].write_text("# newer\n"),
    "entry in the gateway environment": lambda layout, spec: (layout.root / "pyproject.toml").write_text(
        "# newer\n"
    ),
    "missing or incomplete": lambda layout, spec: (spec.folder / STAMP_NAME).write_text("{"),
}


@pytest.mark.parametrize("expected", SPOILERS)
def test_what_is_stale_is_named(expected: str, layout: Layout, gateway: EnvironmentSpec) -> None:
    assert problem(layout, gateway) is None
    SPOILERS[expected](layout, gateway)
    found = problem(layout, gateway)
    assert found is not None
    assert expected in found


def test_a_vanished_interpreter_makes_the_environment_incomplete(
    layout: Layout, gateway: EnvironmentSpec
) -> None:
    (gateway.folder / "bin" / "python").unlink()
    found = problem(layout, gateway)
    assert found is not None
    assert "missing or incomplete" in found


def test_a_moved_checkout_needs_new_environments(layout: Layout, gateway: EnvironmentSpec) -> None:
    moved = Layout(root=layout.root / "..", home=layout.home)
    found = problem(moved, gateway)
    assert found is not None
    assert "another folder" in found


def test_the_test_tools_are_a_further_lock_of_the_same_environment(
    layout: Layout, gateway: EnvironmentSpec
) -> None:
    with_tools = specs(layout, EngineKind.CPU, dev=True)[0]
    assert with_tools.folder == gateway.folder
    assert with_tools.locks[0] == gateway.locks[0]
    assert problem(layout, with_tools) is not None


def test_only_torch_may_come_from_another_index_and_only_on_a_cpu(layout: Layout) -> None:
    cpu = specs(layout, EngineKind.CPU)[1]
    assert [lock.name for lock in cpu.fallback_index] == ["torch-cpu.lock"]
    cuda = specs(layout, EngineKind.CUDA)[1]
    assert [lock.name for lock in cuda.locks] == ["engine-cuda.lock"]
    assert not cuda.fallback_index
