"""The `firstline` command."""

import io
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from launcher.cli import GROUP, dispatch, training_python
from launcher.layout import Layout

PROBE = """
import typer
app = typer.Typer(add_completion=False)
@app.command()
def probe(count: int = 1) -> None:
    print("count", count)
    raise typer.Exit(count)
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    (tmp_path / "cli_probe.py").write_text(PROBE)
    (tmp_path / "cli_lacking.py").write_text("import a_package_that_nobody_has\n")
    (tmp_path / "cli_explosive.py").write_text("raise AssertionError('imported without need')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("cli_probe", "cli_lacking", "cli_explosive"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return [
        EntryPoint("probe", "cli_probe:app", GROUP),
        EntryPoint("lacking", "cli_lacking:app", GROUP),
        EntryPoint("explosive", "cli_explosive:app", GROUP),
    ]


def run(commands: list[EntryPoint], *arguments: str) -> tuple[object, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    return dispatch(arguments, commands, out, errors), out.getvalue(), errors.getvalue()


def test_only_the_called_command_is_imported(
    commands: list[EntryPoint], capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, _ = run(commands, "probe", "--count", "3")
    assert (status, capsys.readouterr().out) == (3, "count 3\n")
    assert "cli_explosive" not in sys.modules


def test_help_names_every_command_and_imports_none(commands: list[EntryPoint]) -> None:
    status, out, _ = run(commands, "--help")
    assert status == 0
    assert all(f"  {name}\n" in out for name in ("probe", "lacking", "explosive"))
    assert "cli_probe" not in sys.modules


def test_a_missing_extra_is_a_sentence_and_not_a_traceback(commands: list[EntryPoint]) -> None:
    status, _, errors = run(commands, "lacking")
    assert status == 1
    assert "needs the package 'a_package_that_nobody_has'" in errors
    assert "firstline[data,train]" in errors


def test_an_unknown_command_is_refused_with_the_known_ones(commands: list[EntryPoint]) -> None:
    status, _, errors = run(commands, "nope")
    assert status == 2
    assert "no command 'nope'" in errors
    assert "  probe\n" in errors


def test_a_training_command_runs_where_torch_is(tmp_path: Path) -> None:
    commands = [
        EntryPoint("train", "training.commands.train:app", GROUP),
        EntryPoint("serve", "gateway.commands.serve:app", GROUP),
    ]
    layout, here = Layout(tmp_path, tmp_path / "home"), tmp_path / ".venv"
    assert training_python(["train", "--help"], commands, layout, here) is None
    python = tmp_path / ".venv-engine" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert training_python(["train", "--help"], commands, layout, here) == python
    assert training_python(["train", "--help"], commands, layout, tmp_path / ".venv-engine") is None
    assert training_python(["serve"], commands, layout, here) is None
    assert training_python(["nonsense"], commands, layout, here) is None
    assert training_python([], commands, layout, here) is None
