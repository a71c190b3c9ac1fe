"""A built dataset is compared with its manifest, and the commands show, verify and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.training.data.conftest import Workspace, tickets
from training.commands.data import app
from training.data.pipeline.check import verify_dataset
from training.errors import DatasetError

runner = CliRunner(env={"COLUMNS": "200"})


def test_a_built_dataset_is_what_it_says(workspace: Workspace) -> None:
    built = workspace.build([*tickets(40), "{broken"])
    verified = verify_dataset(built.folder)
    assert verified.manifest == built.manifest
    assert verified.report == built.report


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return edit


def _link(folder: Path) -> None:
    (folder / "card.bak").symlink_to(folder / "data-card.md")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_edit("train.jsonl", "before", "behind"), "not those that dataset.json names"),
        (_edit("dataset.json", '"seed": 17', '"seed": "x"'), "seed"),
        (_edit("task.json", '"billing"', '"bills"'), "task.json is not the task"),
        (lambda folder: (folder / "rejected.jsonl").write_text(""), "rejected.jsonl has 0 rows"),
        (lambda folder: (folder / "rejected.jsonl").unlink(), "rejected.jsonl cannot be read"),
        (lambda folder: (folder / "report.json").unlink(), "report.json: cannot be read"),
        (lambda folder: (folder / "extra.bin").write_text(""), "extra.bin does not belong"),
        (_link, "card.bak is no plain file"),
    ],
)
def test_any_deviation_is_named(workspace: Workspace, spoil: Callable[[Path], None], reason: str) -> None:
    folder = workspace.build([*tickets(40), "{broken"]).folder
    spoil(folder)
    with pytest.raises(DatasetError) as refusal:
        verify_dataset(folder)
    assert reason in str(refusal.value)


def test_a_renamed_dataset_is_not_what_it_says(workspace: Workspace) -> None:
    folder = workspace.build(tickets(40)).folder
    other = folder.rename(folder.with_name("rows@000000000000"))
    with pytest.raises(DatasetError, match="the folder's name is not rows@"):
        verify_dataset(other)


def test_the_commands_show_and_verify(workspace: Workspace) -> None:
    built = workspace.build(tickets(40))
    shown = runner.invoke(app, ["show", str(built.folder)])
    assert shown.exit_code == 0
    assert built.folder.name in shown.output
    assert "shipping" in shown.output
    assert "the gate passed it" in shown.output
    verified = runner.invoke(app, ["verify", str(built.folder)])
    assert verified.exit_code == 0
    assert "40 rows are as its manifest says" in verified.output


def test_a_dataset_that_was_altered_fails_its_verification(workspace: Workspace) -> None:
    folder = workspace.build(tickets(40)).folder
    (folder / "train.jsonl").write_text("")
    result = runner.invoke(app, ["verify", str(folder)])
    assert result.exit_code == 1
    assert "error:" in result.output
    assert "not those that dataset.json names" in result.output


def test_a_folder_without_a_dataset_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    result = runner.invoke(app, ["show", str(tmp_path)])
    assert result.exit_code == 1
    assert "no built dataset" in result.output


def test_a_build_prints_its_folder_and_exits_by_the_gate(workspace: Workspace) -> None:
    keep = {"personal_data": {"default": "keep"}}
    workspace.write("rows.jsonl", tickets(40))
    passed = runner.invoke(app, ["build", str(workspace.spec_file(**keep))])
    assert passed.exit_code == 0
    folder = next(path for path in workspace.out.iterdir())
    assert str(folder) in passed.output
    workspace.write("rows.jsonl", tickets(2))
    refused = runner.invoke(
        app, ["build", str(workspace.spec_file(**keep)), "--out", str(workspace.folder / "b")]
    )
    assert refused.exit_code == 1
    assert "is empty" in refused.output
    written = next((workspace.folder / "b").iterdir())
    assert json.loads((written / "dataset.json").read_text())["passed"] is False


def test_a_wrong_specification_is_an_error_in_a_sentence(workspace: Workspace) -> None:
    workspace.write("rows.jsonl", tickets(2))
    result = runner.invoke(app, ["build", str(workspace.spec_file(naem="[red]x"))])
    assert result.exit_code == 1
    assert "naem: Extra inputs are not permitted" in result.output


def test_the_example_builds_and_shows_its_planted_faults(tmp_path: Path) -> None:
    spec = Path(__file__).parents[4] / "examples/data/ticket-triage.yaml"
    result = runner.invoke(app, ["build", str(spec), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    manifest = json.loads(next(tmp_path.glob("*/dataset.json")).read_text())
    assert manifest["rejected"] == {
        "contradiction": 2,
        "exact_duplicate": 1,
        "leak_golden": 1,
        "near_duplicate": 1,
        "no_json": 1,
        "no_text": 1,
        "output_breaks_contract": 1,
    }
