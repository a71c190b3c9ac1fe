"""A build from end to end: what comes out, what is left out and why, and when the gate says no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.output import ChoiceOutput
from tests.unit.training.data.conftest import CHOICES, INVOICE, Workspace, kept, lines_of, reasons, tickets
from training.data.examples import read_manifest, read_split
from training.errors import DatasetError, TrainingError

LONG = "The parcel with the green lamp has been waiting in the depot since early Tuesday morning"


def test_a_built_dataset_is_what_trainers_read(workspace: Workspace) -> None:
    built = workspace.build(tickets(40))
    assert built.folder.name == f"rows@{built.manifest.version}"
    assert built.manifest.passed
    contract = ChoiceOutput(kind="choice", choices=CHOICES)
    read = [
        example.id
        for name in ("train", "validation", "test")
        for example in read_split(built.folder, name, contract).examples
    ]
    assert sorted(read) == sorted(row["id"] for row in tickets(40))
    assert read_manifest(built.folder) == built.manifest
    assert sorted(path.name for path in built.folder.iterdir()) == [
        "data-card.md",
        "dataset.json",
        "rejected.jsonl",
        "report.json",
        "spec.yaml",
        "task.json",
        "test.jsonl",
        "train.jsonl",
        "validation.jsonl",
    ]


def test_the_manifest_says_where_rows_come_from(workspace: Workspace) -> None:
    manifest = workspace.build(tickets(40)).manifest
    assert [(one.name, one.rows, one.licence, one.format) for one in manifest.sources] == [
        ("rows.jsonl", 40, "CC0-1.0", "jsonl")
    ]
    assert manifest.licences == ("CC0-1.0",)
    assert (manifest.task, manifest.personal_data, manifest.parents) == ("made-up", "redacted", ())


def test_every_rejected_row_is_kept_with_its_reason_and_place(workspace: Workspace) -> None:
    rows = [*tickets(40), tickets(1)[0], {"id": "bad", "text": "x", "output": "nobody"}, "{broken"]
    built = workspace.build(rows)
    rejected = lines_of(built.folder / "rejected.jsonl")
    assert {(row["reason"], row["place"]) for row in rejected} == {
        ("exact_duplicate", "rows.jsonl:41"),
        ("output_breaks_contract", "rows.jsonl:42"),
        ("no_json", "rows.jsonl:43"),
    }
    assert built.manifest.rejected == {"exact_duplicate": 1, "no_json": 1, "output_breaks_contract": 1}
    assert next(row["row"] for row in rejected if row["id"] == "bad") == {"text": "x", "output": "nobody"}


def test_personal_data_stands_nowhere_in_the_dataset(workspace: Workspace) -> None:
    secret = "mia@example.com"
    rows: list[Any] = [
        *tickets(40),
        {"id": "a", "text": f"Please answer {secret} soon", "output": "other", "group": secret},
        {"id": secret, "text": "An id that is an address", "output": "other"},
        {"id": "b", "text": f"{secret} is nobody's queue", "output": secret},
        {"id": "c", "text": 5, "note": secret},
        f"{{broken {secret}",
    ]
    built = workspace.build(rows)
    for path in built.folder.iterdir():
        assert secret not in path.read_text("utf-8"), path.name
    assert {"<EMAIL_1>"} == {word for row in kept(built) for word in row["text"].split() if "EMAIL" in word}
    assert built.report.personal_data["EMAIL_ADDRESS"].found == 1


def test_rows_that_become_equal_by_redaction_are_duplicates(workspace: Workspace) -> None:
    rows = [{"id": str(n), "text": f"Call me, I am user{n}@x.org", "output": "other"} for n in range(2)]
    assert reasons(workspace.build([*tickets(40), *rows])) == {"1": "exact_duplicate"}


def test_a_row_of_a_golden_set_is_rejected(workspace: Workspace) -> None:
    workspace.write("golden.jsonl", [{"text": tickets(1)[0]["text"].upper()}, {"text": f"{LONG}."}])
    built = workspace.build(
        [*tickets(40), {"id": "near", "text": LONG, "output": "other"}], golden=[{"path": "golden.jsonl"}]
    )
    assert reasons(built) == {"t0": "leak_golden", "near": "leak_golden"}
    assert built.report.leaks_removed == {"golden sets, exact": 1, "golden sets, near": 1}
    assert built.report.leaks_left == 0


def test_a_golden_row_is_recognised_through_redaction(workspace: Workspace) -> None:
    workspace.write("golden.jsonl", [{"text": "Refund to mia@example.com please", "output": "billing"}])
    rows = [*tickets(40), {"id": "leak", "text": "Refund to mia@example.com please", "output": "billing"}]
    assert reasons(workspace.build(rows, golden=[{"path": "golden.jsonl"}])) == {"leak": "leak_golden"}


def test_a_golden_set_that_cannot_be_read_whole_stops_the_build(workspace: Workspace) -> None:
    workspace.write("golden.jsonl", [{"text": "fine"}, "{broken"])
    with pytest.raises(DatasetError, match=r"golden set: golden\.jsonl:2: no_json"):
        workspace.build(tickets(40), golden=[{"path": "golden.jsonl"}])


def test_a_row_that_resembles_another_split_is_rejected(workspace: Workspace) -> None:
    workspace.write("test.jsonl", [{"id": "held", "text": LONG, "output": "other", "group": "a"}])
    rows = [*tickets(40), {"id": "leak", "text": LONG + "!", "output": "billing"}]
    workspace.write("rows.jsonl", rows)
    built = workspace.build(
        sources=[
            {"path": "rows.jsonl", "licence": "CC0-1.0", "split": "train"},
            {"path": "test.jsonl", "licence": "CC0-1.0", "split": "test"},
        ],
        split={"train": 1, "validation": 0, "test": 0},
    )
    assert reasons(built) == {"leak": "leak_split"}
    assert built.manifest.splits["test"].rows == 1


def test_general_examples_go_into_train_alone(workspace: Workspace) -> None:
    general = [
        {"instruction": f"Tell me about {row['text']}", "output": "Gladly."} for row in tickets(30, 500)
    ]
    workspace.write("general.jsonl", general)
    replay = {"path": "general.jsonl", "ratio": 0.5, "licence": "MIT"}
    built = workspace.build(tickets(40), replay=replay)
    train = lines_of(built.folder / "train.jsonl")
    mixed = [row for row in train if row["source"] == "replay"]
    assert len(mixed) == round(0.5 * (len(train) - len(mixed)))
    assert len({row["id"] for row in train}) == len(train)
    for name in ("validation", "test"):
        assert not [row for row in lines_of(built.folder / f"{name}.jsonl") if row["source"] == "replay"]
    assert built.manifest.licences == ("CC0-1.0", "MIT")
    more = workspace.build(replay={**replay, "ratio": 0.6})
    assert {row["id"] for row in mixed} <= {row["id"] for row in lines_of(more.folder / "train.jsonl")}


def test_general_examples_that_resemble_held_out_rows_are_left_out(workspace: Workspace) -> None:
    workspace.write("golden.jsonl", [{"text": LONG}])
    workspace.write(
        "general.jsonl", [{"text": LONG, "output": "Yes."}, {"text": "Say hello", "output": "Hi"}]
    )
    built = workspace.build(
        tickets(40),
        golden=[{"path": "golden.jsonl"}],
        replay={"path": "general.jsonl", "ratio": 1, "licence": "MIT"},
    )
    texts = [row["text"] for row in kept(built) if row["source"] == "replay"]
    assert texts == ["Say hello"]


def test_ids_that_stand_twice_are_made_unique(workspace: Workspace) -> None:
    rows = tickets(40)
    rows[7]["id"] = rows[3]["id"]
    ids = [row["id"] for row in kept(workspace.build(rows))]
    assert len(set(ids)) == 40
    assert sum(name.startswith("t3~") for name in ids) == 1


def test_rows_without_ids_get_one_from_their_content(workspace: Workspace) -> None:
    rows = [{key: value for key, value in row.items() if key != "id"} for row in tickets(40)]
    first = {row["id"] for row in kept(workspace.build(rows))}
    assert {row["id"] for row in kept(workspace.build(rows[::-1]))} == first


def test_invoices_keep_the_order_of_the_schema(workspace: Workspace) -> None:
    workspace.output = {"kind": "json_schema", "schema": INVOICE}
    texts = tickets(40)
    rows = [
        {"text": f"{row['text']} {n}.50", "output": json.dumps({"total": n + 0.5, "number": None})}
        for n, row in enumerate(texts)
    ]
    built = workspace.build(rows)
    assert {tuple(row["output"]) for row in kept(built)} == {("number", "total")}
    assert built.report.balance["train"]["number"] == 0
    assert built.report.balance["train"]["total"] == built.report.splits["train"]


def _problems(workspace: Workspace, rows: list[Any], **changes: Any) -> str:
    built = workspace.build(rows, **changes)
    assert not built.manifest.passed
    assert (built.folder / "dataset.json").is_file()
    return "; ".join(built.manifest.problems)


def test_the_gate_refuses_an_empty_split(workspace: Workspace) -> None:
    assert "the split validation is empty" in _problems(workspace, tickets(2))


def test_the_gate_refuses_a_dataset_of_nothing(workspace: Workspace) -> None:
    problems = _problems(workspace, ["{broken"])
    assert "the split train is empty" in problems
    assert "1 of 1 rows are malformed; limits.rejected_ratio is 0.5" in problems


def test_the_gate_refuses_many_contradictions(workspace: Workspace) -> None:
    again = [{**row, "output": "other" if row["output"] != "other" else "billing"} for row in tickets(5)]
    assert "10 of 45 rows contradict" in _problems(workspace, [*tickets(40), *again])


def test_the_gate_refuses_many_ambiguous_rows(workspace: Workspace) -> None:
    rows = [
        {"text": f"{row['text']} {LONG}{mark}", "output": output}
        for row in tickets(20)
        for mark, output in (("", "other"), ("!", "billing"))
    ]
    assert "rows have nearly the text of a row with another output" in _problems(workspace, rows)


def test_other_limits_change_the_verdict_on_the_same_rows_in_place(workspace: Workspace) -> None:
    again = [{**row, "output": "other" if row["output"] != "other" else "billing"} for row in tickets(5)]
    rows = [*tickets(40), *again]
    strict = workspace.build(rows)
    lenient = workspace.build(rows, limits={"contradictions_ratio": 0.5})
    assert strict.folder == lenient.folder
    assert (strict.manifest.passed, read_manifest(lenient.folder).passed) == (False, True)
    assert len(list(workspace.out.iterdir())) == 1


def test_the_card_tells_the_figures(workspace: Workspace) -> None:
    built = workspace.build([*tickets(40), {"id": "x|y", "text": "<b>", "output": "no"}])
    card = (built.folder / "data-card.md").read_text("utf-8")
    assert f"# Data card: rows@{built.manifest.version}" in card
    assert "| rows.jsonl | jsonl | 41 | CC0-1.0 |" in card
    assert "| output_breaks_contract | 1 |" in card
    assert "No golden set was given" in card
    assert built.manifest.digest in card


def test_a_dataset_made_of_a_dataset_names_its_parent(workspace: Workspace) -> None:
    first = workspace.build(tickets(60))
    train = str(first.folder / "train.jsonl")
    second = workspace.build(name="second", sources=[{"path": train, "licence": "CC0-1.0"}])
    assert second.manifest.parents == (f"rows@{first.manifest.version}",)


def test_two_sources_of_one_file_name_are_told_apart(workspace: Workspace) -> None:
    (workspace.folder / "more").mkdir()
    workspace.write("more/rows.jsonl", tickets(20, 60))
    sources = [{"path": path, "licence": "CC0-1.0"} for path in ("rows.jsonl", "more/rows.jsonl")]
    built = workspace.build(tickets(40), sources=sources)
    assert [one.name for one in built.manifest.sources] == ["1-rows.jsonl", "2-rows.jsonl"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "../outside"}, "name: "),
        ({"name": "a/b"}, "name: "),
        ({"naem": "x"}, "naem: Extra inputs"),
        ({"sources": []}, "sources: "),
        ({"split": {"train": 0.5, "validation": 0.1, "test": 0.1}}, "must add up to 1"),
        ({"max_tokens": 100}, "max_tokens needs a tokenizer"),
        ({"sources": [{"path": "rows.jsonl"}]}, "licence: Field required"),
        ({"task": "missing.yaml"}, "cannot be read"),
        ({"tokenizer": "missing"}, "tokenizer .*cannot be read"),
        ({"sources": [{"path": "missing.jsonl", "licence": "x"}]}, "cannot be read"),
    ],
)
def test_a_wrong_specification_is_refused(workspace: Workspace, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        workspace.build(tickets(3), **changes)
    assert not workspace.out.exists() or not list(workspace.out.iterdir())


def test_an_encoder_that_was_altered_is_refused(workspace: Workspace) -> None:
    folder = workspace.folder / "encoder"
    folder.mkdir()
    for name in ("vectors.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(b"x")
    (folder / "manifest.json").write_text('{"digest": "0", "name": "x"}')
    with pytest.raises(DatasetError, match="differ from the digest"):
        workspace.build(tickets(3), duplicates={"encoder": "encoder"})


def test_nothing_is_left_where_the_folder_cannot_be_written(workspace: Workspace) -> None:
    (workspace.folder / "out").write_text("a file stands here")
    with pytest.raises(DatasetError, match="out: cannot be written"):
        workspace.build(tickets(40))


def test_a_link_in_the_datasets_place_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    built = workspace.build(tickets(40))
    elsewhere = tmp_path / "elsewhere"
    built.folder.rename(elsewhere)
    built.folder.symlink_to(elsewhere)
    with pytest.raises(DatasetError, match="a link stands where the dataset goes"):
        workspace.build()
    assert [path.name for path in workspace.out.iterdir()] == [built.folder.name]


def test_another_dataset_under_the_same_name_is_not_overwritten(workspace: Workspace) -> None:
    built = workspace.build(tickets(40))
    (built.folder / "train.jsonl").write_text("{}\n")
    with pytest.raises(DatasetError, match="is there with other rows than its name says"):
        workspace.build()
    assert (built.folder / "train.jsonl").read_text() == "{}\n"
