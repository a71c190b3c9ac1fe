"""Fitting from rows, and the command around it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.route import Action
from router.bundle import save_bundle
from router.commands import app
from router.evaluate import evaluate
from router.fit import FitSettings, fit
from router.inference import Encoder, Router
from router.rows import Row, RowsError, read_rows, read_tasks, rows_of_tasks

COLOURS = ["red", "green", "blue", "yellow", "purple", "orange", "brown", "white"]
ROWS = [
    *({"text": f"paint the {colour} wall", "label": "paint_wall"} for colour in COLOURS),
    *({"text": f"play the {colour} song", "label": "play_song"} for colour in COLOURS),
    *({"text": f"{colour} {colour} {colour}", "label": None} for colour in COLOURS),
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def _run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_any_labels_make_tasks_and_the_same_data_and_seed_make_the_same_version(
    data: Path, tmp_path: Path
) -> None:
    lines = []
    for name in ("one", "two"):
        code, output, errors = _run("fit", "--data", data, "--out", tmp_path / name, "--seed", 3)
        assert code == 0, errors
        lines.append(json.loads(output.splitlines()[-1]))
    assert lines[0] == lines[1]
    heads = [(tmp_path / name / "heads.safetensors").read_bytes() for name in ("one", "two")]
    assert heads[0] == heads[1]


def test_a_fitted_bundle_decides_and_is_measured(data: Path, tmp_path: Path, encoder: Encoder) -> None:
    _run("fit", "--data", data, "--out", tmp_path / "model")
    router = Router.load(tmp_path / "model", encoder)
    assert router.tasks == ("paint_wall", "play_song")
    assert router.decide("please paint my blue wall").task == "paint_wall"
    code, output, errors = _run("eval", "--model", tmp_path / "model", "--data", data)
    assert code == 0, errors
    line = json.loads(output.splitlines()[-1])
    assert (line["check"], line["ok"], line["rows"], line["accuracy"]) == ("router-eval", True, 24, 1.0)


def test_a_missed_target_fails_the_evaluation(data: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps({"text": "paint the red wall", "label": "play_song"}))
    _run("fit", "--data", data, "--out", tmp_path / "model")
    code, output, _ = _run("eval", "--model", tmp_path / "model", "--data", wrong, "--min-accuracy", 0.5)
    assert code == 1
    assert json.loads(output.splitlines()[-1])["ok"] is False


def test_one_changed_row_changes_the_version(encoder: Encoder, tmp_path: Path) -> None:
    rows = [Row(str(row["text"]), row["label"], None, str(number)) for number, row in enumerate(ROWS)]
    changed = [*rows[:-1], replace(rows[-1], text="something else")]
    bundles = [fit(given, {}, encoder, FitSettings(bucket_bits=10)) for given in (rows, changed)]
    versions = {save_bundle(bundle, tmp_path / str(n), NOW).version for n, bundle in enumerate(bundles)}
    assert len(versions) == 2


def test_a_task_keeps_the_action_it_is_fitted_with(encoder: Encoder, tmp_path: Path) -> None:
    rows = [Row(str(row["text"]), row["label"], None, str(number)) for number, row in enumerate(ROWS)]
    bundle = fit(rows, {"play_song": Action.RETRIEVE}, encoder, FitSettings(bucket_bits=10))
    save_bundle(bundle, tmp_path, NOW)
    decision = Router.load(tmp_path, encoder).decide("play the green song")
    assert (decision.action, decision.task) == (Action.RETRIEVE, "play_song")


def test_two_rows_are_enough_and_one_class_is_not(encoder: Encoder) -> None:
    rows = [Row("paint the wall", "paint", None, "1"), Row("play the song", "play", None, "2")]
    assert fit(rows, {}, encoder, FitSettings(bucket_bits=10)).manifest.route.thresholds == {
        "paint": 0.5,
        "play": 0.5,
    }
    with pytest.raises(RowsError, match="fewer than two classes"):
        fit(rows[:1], {}, encoder, FitSettings())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{not json", "rows.jsonl:2: row: Invalid JSON"),
        (b'{"text": "a"}', "rows.jsonl:2: label: Field required"),
        (b'{"label": "a"}', "rows.jsonl:2: text: Field required"),
        (b'{"text": 5, "label": "a"}', "rows.jsonl:2: text: Input should be a valid string"),
        (b'{"text": "  ", "label": "a"}', "rows.jsonl:2: text: it is empty"),
        (b'{"text": "a", "label": ""}', "rows.jsonl:2: label:"),
        (
            b'{"text": "a", "label": "action:retrieve"}',
            "rows.jsonl:2: label: 'action:retrieve' is not one of",
        ),
        (b'{"text": "a", "label": "(none)"}', "rows.jsonl:2: label: '(none)' must not start"),
        (b'{"text": "\xff", "label": "a"}', "rows.jsonl:2:"),
        (b"[1]", "rows.jsonl:2: row:"),
    ],
)
def test_a_bad_row_is_named_with_its_line(data: Path, tmp_path: Path, line: bytes, message: str) -> None:
    data.write_bytes(b'{"text": "fine", "label": "b"}\n' + line + b"\n")
    code, _, errors = _run("fit", "--data", data, "--out", tmp_path / "model")
    assert code == 2
    assert message in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "model").exists()


def test_a_label_that_is_no_task_is_named_with_its_line(data: Path, tmp_path: Path, examples: Path) -> None:
    code, _, errors = _run("fit", "--tasks", examples / "tasks", "--data", data, "--out", tmp_path / "model")
    assert code == 2
    assert "rows.jsonl:1: label: 'paint_wall' is no task; tasks are docs-answer" in errors


def test_missing_files_are_named(tmp_path: Path, data: Path) -> None:
    assert "none.jsonl" in _run("fit", "--data", tmp_path / "none.jsonl", "--out", tmp_path / "model")[2]
    assert "manifest.json" in _run("eval", "--model", tmp_path / "none", "--data", data)[2]


def test_the_shipped_rows_are_well_formed_and_disjoint(examples: Path) -> None:
    train, held_out = (read_rows(examples / "router" / f"{name}.jsonl") for name in ("train", "heldout"))
    tasks = read_tasks(examples / "tasks")
    assert not {row.text for row in train} & {row.text for row in held_out}
    assert not {row.group for row in train} & {row.group for row in held_out}
    assert (
        {row.task for row in train}
        == {row.task for row in held_out}
        == {task.name for task in tasks if task.examples} | {None}
    )
    assert len(rows_of_tasks(tasks)) == sum(len(task.examples) for task in tasks)


def test_the_shipped_bundle_holds_its_figures_on_rows_it_was_not_fitted_on(
    router: Router, examples: Path
) -> None:
    figures = evaluate(router, read_rows(examples / "router" / "heldout.jsonl"))
    assert figures.accuracy >= 0.85
    assert figures.coverage >= 0.65
    assert figures.risk <= 0.05
    assert figures.out_of_scope_recall >= 0.85
    assert figures.unchanged["upper_case"] == figures.unchanged["question_mark"] == 1.0
    assert min(figures.unchanged["typos"], figures.unchanged["politeness"]) >= 0.8


def test_an_explanation_names_the_word_that_carried_the_decision() -> None:
    code, output, errors = _run("explain", "How long is the warranty on a phone?")
    assert code == 0, errors
    assert "task:docs-answer" in output
    assert "warranty" in output


def test_a_task_with_a_python_type_gives_its_examples(tmp_path: Path) -> None:
    (tmp_path / "typed.yaml").write_text(
        "{name: typed, description: Reads., base_model: m, examples: [one, two],"
        " output: {kind: python_type, type: 'shop:Invoice'}}"
    )
    tasks = read_tasks(tmp_path)
    assert [row.text for row in rows_of_tasks(tasks)] == ["one", "two"]
