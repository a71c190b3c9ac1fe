"""What a package came from: weights by their hash, a licence as stated, the code by version and commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from contracts.artifact import digest_of
from tests.unit.training.package.conftest import Bench
from training.errors import PackageError
from training.package.identity import base_model_digest, base_model_licence, code_version


def test_a_base_model_is_hashed_by_its_weight_files_alone(bench: Bench) -> None:
    before = base_model_digest(bench.base)
    assert before == digest_of(bench.base, ["model.safetensors"])
    (bench.base / "README.md").write_text("more")
    assert base_model_digest(bench.base) == before
    (bench.base / "model-2.safetensors").write_bytes(b"more")
    assert base_model_digest(bench.base) != before


def test_a_base_model_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no safetensors weights"):
        base_model_digest(tmp_path)


@pytest.mark.parametrize(
    ("card", "config", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model\n", "{}", "apache-2.0"),
        ("# No head\n---\nlicense: mit\n---\n", '{"license": "llama3.2"}', "llama3.2"),
        ("---\nlicense: [\n---\n", "{", ""),
        ("---\nlicense: [a, b]\n---\n", "[]", ""),
    ],
)
def test_the_licence_is_what_card_or_configuration_state(
    tmp_path: Path, card: str, config: str, licence: str
) -> None:
    (tmp_path / "README.md").write_text(card)
    (tmp_path / "config.json").write_text(config)
    assert base_model_licence(tmp_path) == licence


def test_the_code_version_names_commit_and_changes(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    assert code_version(tmp_path) == "1.2.3"
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.invalid")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "pyproject.toml"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    clean = code_version(tmp_path)
    assert clean.startswith("1.2.3+g")
    assert len(clean) == len("1.2.3+g") + 12
    (tmp_path / "notes").write_text("not tracked")
    assert code_version(tmp_path) == clean
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.4"\n')
    assert code_version(tmp_path) == f"{clean.replace('1.2.3', '1.2.4')}.dirty"
