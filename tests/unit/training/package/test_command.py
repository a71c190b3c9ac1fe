"""`firstline package` in the light environment: signing, checking, and a sentence for what cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.signature import make_key_pair
from tests.unit.training.package.conftest import Bench
from training.commands.package import app
from training.package.build import write_cards, write_provenance


def _run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    make_key_pair(tmp_path / "release.key", tmp_path / "release.pem")
    return tmp_path / "release.key", tmp_path / "release.pem"


def test_a_signature_covers_every_file_of_the_package(bench: Bench, keys: tuple[Path, Path]) -> None:
    write_provenance(bench.adapter, recipe_file=bench.recipe_file, recipe=bench.recipe, task=bench.task)
    write_cards(bench.adapter, bench.task)
    private, public = keys
    assert "signed by key" in _run("sign", bench.adapter, "--key", private)
    first = (bench.adapter / "signature.json").read_bytes()
    _run("sign", bench.adapter, "--key", private)
    assert (bench.adapter / "signature.json").read_bytes() == first
    assert "signed by release, and unchanged since" in _run("verify", bench.adapter, "--trusted", public)
    for name in ("model-card.md", "provenance.json", "adapter_config.json"):
        whole = (bench.adapter / name).read_bytes()
        (bench.adapter / name).write_bytes(whole + b" ")
        assert "belongs to other content" in _run("verify", bench.adapter, "--trusted", public, code=1)
        (bench.adapter / name).write_bytes(whole)
    (bench.adapter / "release-notes.md").unlink()
    assert "belongs to other content" in _run("verify", bench.adapter, "--trusted", public, code=1)


def test_a_package_that_nobody_trusted_signed_is_refused(bench: Bench, keys: tuple[Path, Path]) -> None:
    private, public = keys
    assert "is not signed" in _run("verify", bench.adapter, "--trusted", public, code=1)
    _run("sign", bench.adapter, "--key", private)
    make_key_pair(bench.root / "other.key", bench.root / "other.pem")
    assert "no trusted key" in _run("verify", bench.adapter, "--trusted", bench.root / "other.pem", code=1)
    (bench.adapter / "signature.json").write_text('{"value": 1}')
    assert "is no signature" in _run("verify", bench.adapter, "--trusted", public, code=1)


def test_a_key_that_is_none_is_said_so(bench: Bench) -> None:
    assert "cannot be read as an unencrypted PEM key" in _run(
        "sign", bench.adapter, "--key", bench.recipe_file, code=1
    )
    assert not (bench.adapter / "signature.json").exists()


def test_a_folder_that_is_no_adapter_is_refused_by_every_act(bench: Bench, keys: tuple[Path, Path]) -> None:
    private, public = keys
    out = bench.root / "out"
    for arguments in (
        ("build", bench.base, "--recipe", bench.recipe_file),
        ("cards", bench.base, "--task", bench.root / "task.yaml"),
        ("sign", bench.base, "--key", private),
        ("verify", bench.base, "--trusted", public),
        ("export", bench.base, "--base", bench.base, "--out", out),
    ):
        assert "no adapter here" in _run(*arguments, code=1)
    assert not out.exists()


def test_cards_after_an_evaluation_say_that_the_signature_is_void(bench: Bench) -> None:
    write_provenance(bench.adapter, recipe_file=bench.recipe_file, recipe=bench.recipe, task=bench.task)
    said = _run("cards", bench.adapter, "--task", bench.root / "task.yaml")
    assert "a signature made before does not hold any more" in said
    assert "# colour-pick@" in (bench.adapter / "model-card.md").read_text()


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize("form", ["merged", "gguf", "gguf-adapter"])
def test_without_the_libraries_an_export_says_where_it_runs(bench: Bench, form: str) -> None:
    out = bench.root / "out"
    said = _run("export", bench.adapter, "--base", bench.base, "--out", out, "--format", form, code=1)
    assert "is not installed here" in said
    assert "pip install 'firstline[data,train]'" in said
    assert not out.exists()


@pytest.mark.usefixtures("no_torch")
def test_without_the_libraries_a_package_is_not_half_made(bench: Bench) -> None:
    before = sorted(bench.adapter.iterdir())
    said = _run("build", bench.adapter, "--recipe", bench.recipe_file, code=1)
    assert "is not installed here" in said
    assert sorted(bench.adapter.iterdir()) == before


def test_weights_of_another_base_model_are_refused_before_anything_is_loaded(bench: Bench) -> None:
    write_provenance(bench.adapter, recipe_file=bench.recipe_file, recipe=bench.recipe, task=bench.task)
    with (bench.base / "model.safetensors").open("ab") as file:
        file.write(b" ")
    said = _run("export", bench.adapter, "--base", bench.base, "--out", bench.root / "out", code=1)
    assert "its weights are not those of 'tiny-base' that the adapter was trained on" in said
