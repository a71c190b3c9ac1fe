"""Places and ports."""

from pathlib import Path

import pytest

from launcher.errors import LauncherError
from launcher.layout import layout_from


def test_the_home_folder_is_in_the_checkout_unless_named(tmp_path: Path) -> None:
    assert layout_from({}, tmp_path).home == tmp_path / ".firstline"
    assert layout_from({"FIRSTLINE_HOME": "/srv/firstline"}, tmp_path).home == Path("/srv/firstline")


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    layout = layout_from({"FIRSTLINE_HOME": "", "FIRSTLINE_PORT": ""}, tmp_path)
    assert (layout.home, layout.port) == (tmp_path / ".firstline", 8080)


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "80.0", "²"])
def test_a_port_that_is_none_is_refused_by_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="FIRSTLINE_ENGINE_PORT"):
        layout_from({"FIRSTLINE_ENGINE_PORT": text}, tmp_path)


def test_one_port_for_both_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="both 9000"):
        layout_from({"FIRSTLINE_PORT": "9000", "FIRSTLINE_ENGINE_PORT": "9000"}, tmp_path)
