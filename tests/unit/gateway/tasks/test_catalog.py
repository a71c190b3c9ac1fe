"""The catalog: what it refuses at the start, and what goes on serving when a file breaks later."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.output import JsonSchemaOutput
from contracts.task import Task
from gateway.errors import SchemaUnsupportedError
from gateway.tasks import TaskCatalog, TaskFileError

MODEL = "small-model"
EXAMPLES = Path(__file__).parents[4] / "examples" / "tasks"


def refuse_bad_schemas(checked: Task) -> None:
    contract = checked.output
    if isinstance(contract, JsonSchemaOutput) and contract.json_schema == {"type": "nonsense"}:
        raise SchemaUnsupportedError("'nonsense' is no type")


def task(name: str = "invoice", **changes: Any) -> dict[str, Any]:
    return {"name": name, "description": "Reads.", "base_model": MODEL} | changes


def write(folder: Path, file: str, content: dict[str, Any] | str | bytes) -> None:
    text = yaml.safe_dump(content) if isinstance(content, dict) else content
    (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())


def make(folder: Path, *models: str) -> TaskCatalog:
    return TaskCatalog(
        folder, base_models=models or (MODEL,), collections=("handbook",), check_task=refuse_bad_schemas
    )


@pytest.fixture
def catalog(tmp_path: Path) -> TaskCatalog:
    write(tmp_path, "invoice.yaml", task())
    write(tmp_path, "ticket.yml", task("ticket"))
    found = make(tmp_path)
    found.load()
    return found


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the catalog tells nobody when it has reloaded
            await asyncio.sleep(0.01)


def test_the_shipped_tasks_load() -> None:
    catalog = make(EXAMPLES, "smollm2-135m")
    catalog.load()
    assert {"docs-answer", "invoice-extract", "rewrite-standard", "ticket-triage"} <= set(catalog.names())
    assert catalog.problems() == {}


def test_tasks_are_found_by_name_and_other_files_are_passed_over(
    tmp_path: Path, catalog: TaskCatalog
) -> None:
    write(tmp_path, "notes.txt", "not a task")
    write(tmp_path, ".invoice.yaml.swp", "\0")
    catalog.load()
    assert catalog.names() == ("invoice", "ticket")
    found = catalog.get("invoice")
    assert found is not None
    assert found.base_model == MODEL
    assert catalog.get("unknown") is None
    assert [task.name for task in catalog.all()] == ["invoice", "ticket"]


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [unclosed", r"not valid YAML: .*line 1"),
        ("- a\n- b\n", "expected a mapping"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (BOMB, r"aliases are not allowed: \*a"),
        ("a: " + "[" * 70 + "]" * 70, "nested deeper than 64"),
        ("name: x\nname: y\n", "a key occurs twice"),
        ("#" * (1024 * 1024 + 1), "over 1048576 bytes"),
        (task(colour="red"), "colour: Extra inputs are not permitted"),
        (task(name="Not A Name"), "name: String should match"),
        (task(action="escalate"), "action: .*'answer' or 'retrieve'"),
        (task(name="auto"), "name: 'auto' already means something else"),
        (task(name=MODEL), f"name: '{MODEL}' already means something else"),
        (task(base_model="other"), rf"base_model: no pool serves 'other'; served: \['{MODEL}'\]"),
        (task(action="retrieve"), "retrieval: a task with action 'retrieve' names a collection"),
        (task(retrieval={"collection": "x"}), r"no collection is named 'x'; configured: \['handbook'\]"),
        (task(prompt="{{ input"), "instructions or prompt: .*unexpected end"),
        (task(prompt="{{ unknown }}"), "'unknown' is undefined"),
        (task(prompt="{{ input / 0 }}"), "instructions or prompt: "),
        (task(prompt="{{ input.__class__.mro() }}"), "instructions or prompt: "),
        (
            task(output={"kind": "json_schema", "schema": {"type": "nonsense"}}),
            "output: 'nonsense' is no type",
        ),
    ],
)
def test_a_broken_file_stops_the_start_and_says_what_is_wrong(
    tmp_path: Path, content: dict[str, Any] | str | bytes, message: str
) -> None:
    write(tmp_path, "broken.yaml", content)
    with pytest.raises(TaskFileError, match=rf"(?s)^broken\.yaml: .*{message}"):
        make(tmp_path).load()


def test_two_files_with_one_name_stop_the_start(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", task())
    write(tmp_path, "b.yaml", task())
    with pytest.raises(TaskFileError, match=r"b\.yaml: name: 'invoice' is already the task of a\.yaml"):
        make(tmp_path).load()


def test_a_missing_folder_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(TaskFileError, match="No such file"):
        make(tmp_path / "none").load()


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(TaskFileError, match="not a regular file"):
        make(tmp_path).load()


def test_dates_in_a_schema_stay_text(tmp_path: Path) -> None:
    schema = "output: {kind: json_schema, schema: {const: 2026-01-14}}\n"
    write(tmp_path, "a.yaml", yaml.safe_dump(task()) + schema)
    catalog = make(tmp_path)
    catalog.load()
    found = catalog.get("invoice")
    assert found is not None
    assert isinstance(found.output, JsonSchemaOutput)
    assert found.output.json_schema == {"const": "2026-01-14"}


async def test_a_change_serves_and_has_another_version(tmp_path: Path, catalog: TaskCatalog) -> None:
    before = catalog.get("invoice")
    write(tmp_path, "invoice.yaml", task(description="Reads better."))
    await catalog.reload()
    after = catalog.get("invoice")
    assert before is not None
    assert after is not None
    assert after.description == "Reads better."
    assert after.version != before.version


async def test_a_file_that_breaks_keeps_the_old_version_and_shows_the_problem(
    tmp_path: Path, catalog: TaskCatalog
) -> None:
    before = catalog.get("invoice")
    write(tmp_path, "invoice.yaml", task(base_model="other"))
    await catalog.reload()
    assert catalog.get("invoice") is before
    assert "no pool serves 'other'" in catalog.problems()["invoice.yaml"]
    write(tmp_path, "invoice.yaml", task(description="Mended."))
    await catalog.reload()
    mended = catalog.get("invoice")
    assert mended is not None
    assert mended.description == "Mended."
    assert catalog.problems() == {}


async def test_a_new_broken_file_takes_nothing_away(tmp_path: Path, catalog: TaskCatalog) -> None:
    write(tmp_path, "new.yaml", "name: [")
    await catalog.reload()
    assert catalog.names() == ("invoice", "ticket")
    assert "not valid YAML" in catalog.problems()["new.yaml"]


async def test_a_deleted_file_takes_its_task(tmp_path: Path, catalog: TaskCatalog) -> None:
    (tmp_path / "ticket.yml").unlink()
    await catalog.reload()
    assert catalog.names() == ("invoice",)


async def test_a_name_that_is_taken_stays_with_its_file(tmp_path: Path, catalog: TaskCatalog) -> None:
    write(tmp_path, "a-first.yaml", task(description="A usurper."))
    await catalog.reload()
    kept = catalog.get("invoice")
    assert kept is not None
    assert kept.description == "Reads."
    assert "already the task of invoice.yaml" in catalog.problems()["a-first.yaml"]
    (tmp_path / "invoice.yaml").unlink()
    await catalog.reload()
    heir = catalog.get("invoice")
    assert heir is not None
    assert heir.description == "A usurper."
    assert catalog.problems() == {}


async def test_a_renamed_file_keeps_its_task(tmp_path: Path, catalog: TaskCatalog) -> None:
    (tmp_path / "invoice.yaml").rename(tmp_path / "invoices.yaml")
    await catalog.reload()
    assert catalog.names() == ("invoice", "ticket")
    assert catalog.problems() == {}


async def test_a_folder_that_vanishes_keeps_its_tasks(tmp_path: Path, catalog: TaskCatalog) -> None:
    moved = await asyncio.to_thread(tmp_path.rename, tmp_path.parent / "elsewhere")
    await catalog.reload()
    assert catalog.names() == ("invoice", "ticket")
    assert "cannot be read" in catalog.problems()[tmp_path.name]
    await asyncio.to_thread(moved.rename, tmp_path)
    await catalog.reload()
    assert catalog.problems() == {}


async def test_the_watch_sees_an_editor_that_renames_over_the_file(
    tmp_path: Path, catalog: TaskCatalog
) -> None:
    watching = asyncio.create_task(catalog.watch())
    try:
        write(tmp_path, "invoice.yaml~", task(description="Saved by an editor."))
        (tmp_path / "invoice.yaml~").rename(tmp_path / "invoice.yaml")

        def is_new() -> bool:
            found = catalog.get("invoice")
            return found is not None and found.description == "Saved by an editor."

        await until(is_new)
        assert catalog.names() == ("invoice", "ticket")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
