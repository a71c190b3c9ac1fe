"""The artifact: what was altered is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from router.bundle import load_bundle, save_bundle
from router.inference import DEFAULT_BUNDLE, DEFAULT_ENCODER, Encoder, EncoderError, Router, RouterBundleError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_unaltered_copy_loads_with_the_same_version(copy: Path, encoder: Encoder, router: Router) -> None:
    assert Router.load(copy, encoder).version == router.version


def test_changed_weights_are_refused(copy: Path, encoder: Encoder) -> None:
    weights = bytearray((copy / "heads.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "heads.safetensors").write_bytes(weights)
    with pytest.raises(RouterBundleError, match="its content has the hash"):
        Router.load(copy, encoder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"risk_target": 0.5}, "its content has the hash"),
        ({"version": "0" * 12}, "its manifest says '000000000000'"),
        ({"schema_version": 2}, "schema_version"),
        ({"heads": {}}, "no head 'route'"),
        ({"task_actions": {}}, "task_actions must name"),
        ({"pickle": "x"}, "Extra inputs"),
    ],
)
def test_a_changed_manifest_is_refused(
    copy: Path, encoder: Encoder, changes: dict[str, object], message: str
) -> None:
    _edit(copy / "manifest.json", **changes)
    with pytest.raises(RouterBundleError, match=message):
        Router.load(copy, encoder)


def test_the_time_of_the_fit_is_not_part_of_the_version(copy: Path, encoder: Encoder, router: Router) -> None:
    _edit(copy / "manifest.json", created_at="2001-01-01T00:00:00Z")
    assert Router.load(copy, encoder).version == router.version


@pytest.mark.parametrize("name", ["manifest.json", "heads.safetensors"])
def test_a_missing_file_is_named(copy: Path, encoder: Encoder, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(RouterBundleError, match=name):
        Router.load(copy, encoder)


def test_a_manifest_that_is_no_json_is_refused(copy: Path, encoder: Encoder) -> None:
    (copy / "manifest.json").write_bytes(b"\x80\x04.")
    with pytest.raises(RouterBundleError, match=r"manifest\.json"):
        Router.load(copy, encoder)


def test_a_bundle_of_another_encoder_is_refused(copy: Path, encoder: Encoder) -> None:
    other = encoder.manifest.model_copy(update={"digest": "0" * 64})
    with pytest.raises(RouterBundleError, match="another encoder"):
        Router.load(copy, Encoder(other, encoder.rows, encoder.scales, encoder.tokenizer))


def test_a_bundle_of_other_features_is_refused(copy: Path, encoder: Encoder) -> None:
    bundle = load_bundle(copy)
    manifest = bundle.manifest.model_copy(update={"features_version": 99})
    save_bundle(replace(bundle, manifest=manifest), copy, manifest.created_at)
    with pytest.raises(RouterBundleError, match="features of version 99"):
        Router.load(copy, encoder)


@pytest.mark.parametrize("name", ["tokenizer.json", "vectors.safetensors"])
def test_an_altered_encoder_is_refused(tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(DEFAULT_ENCODER, tmp_path / "encoder"))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EncoderError, match="digest"):
        Encoder.load(folder)


def test_a_folder_that_is_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"manifest\.json"):
        Encoder.load(tmp_path)
