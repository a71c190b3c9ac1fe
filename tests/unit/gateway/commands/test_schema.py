"""`firstline schema`: verdicts, proofs and soundness on the command line, and a sentence for bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from gateway.commands.schema import app

CLOSED = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
PARTLY = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def written(folder: Path, value: Any, name: str = "schema.json") -> str:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(path)


def test_a_schema_that_is_forced_whole_is_said_so(tmp_path: Path) -> None:
    result = run("vet", written(tmp_path, CLOSED))
    assert result.exit_code == 0
    assert result.stdout.startswith("constrained: the grammar forces the whole schema")


def test_what_is_left_to_verification_is_named_by_pointer(tmp_path: Path) -> None:
    result = run("vet", written(tmp_path, PARTLY))
    assert result.exit_code == 0
    assert "/uniqueItems: uniqueItems:" in result.stdout


def test_a_verdict_comes_as_json() -> None:
    result = run("vet", "-", "--json", stdin=json.dumps(PARTLY))
    verdict = json.loads(result.stdout)
    assert verdict["kind"] == "partly"
    assert [one["keyword"] for one in verdict["unsupported"]] == ["uniqueItems"]
    assert set(verdict["unsupported"][0]) == {"pointer", "keyword", "reason"}


def test_a_refused_schema_says_why_and_where() -> None:
    result = run("vet", "-", stdin='{"properties": {"a": {"$ref": "http://elsewhere.example/s"}}}')
    assert result.exit_code == 1
    assert result.stdout.startswith("refused (schema_reference_unknown):\n  /properties/a/$ref: $ref:")


def test_strict_mode_refuses_what_it_does_not_allow(tmp_path: Path) -> None:
    assert run("vet", "--strict", written(tmp_path, CLOSED)).exit_code == 0
    result = run("vet", "--strict", written(tmp_path, {"type": "object", "properties": {}}))
    assert result.exit_code == 1
    assert "additionalProperties" in result.stdout


def test_strict_mode_fails_a_schema_that_is_forced_in_part() -> None:
    schema = {**CLOSED, "properties": {"name": {"type": "string", "format": "regex"}, "age": {}}}
    assert json.loads(run("vet", "--json", "-", stdin=json.dumps(schema)).stdout)["kind"] == "partly"
    assert run("vet", "--strict", "-", stdin=json.dumps(schema)).exit_code == 1


def test_an_answer_that_keeps_the_schema_is_proven(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path, CLOSED), "-", stdin='{"name": "Ada", "age": 36}\n')
    assert result.exit_code == 0
    assert result.stdout == "The answer keeps the schema.\n"


def test_violations_are_printed_by_pointer(tmp_path: Path) -> None:
    instance = written(tmp_path, {"name": 4, "age": -1}, "instance.json")
    result = run("verify", written(tmp_path, CLOSED), instance)
    assert result.exit_code == 1
    assert sorted(line.partition(":")[0] for line in result.stdout.splitlines()) == ["/age", "/name"]


def test_violations_come_as_json(tmp_path: Path) -> None:
    result = run("verify", written(tmp_path, CLOSED), "-", "--json", stdin='{"name": "Ada", "age": -1}')
    found = json.loads(result.stdout)
    assert found["valid"] is False
    assert [(one["pointer"], one["keyword"]) for one in found["violations"]] == [("/age", "minimum")]


@pytest.mark.parametrize("answer", ['{"name": "Ada"', "", '{"name": "A", "name": "B", "age": 1}', "NaN"])
def test_text_that_is_no_strict_json_is_not_proven(tmp_path: Path, answer: str) -> None:
    result = run("verify", written(tmp_path, CLOSED), "-", stdin=answer)
    assert result.exit_code == 1
    assert result.stdout.startswith("/: ")


def test_nothing_is_proven_under_a_refused_schema() -> None:
    result = run("verify", "-", __file__, stdin="false")
    assert result.exit_code == 2
    assert "the schema is refused (schema_unsatisfiable)" in result.stderr


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{", "Standard input is not valid JSON"),
        ("", "Standard input is not valid JSON"),
        ("NaN", "NaN is not a JSON number"),
        ("[1]", "Standard input is not a JSON Schema"),
        ('"text"', "Standard input is not a JSON Schema"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe", "Standard input is not UTF-8 text"),
    ],
)
def test_what_is_no_schema_is_said_so(given: str | bytes, sentence: str) -> None:
    result = run("vet", "-", stdin=given)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["vet"], ["verify", "-"], ["bench"]])
def test_a_file_that_is_not_there_is_said_so(tmp_path: Path, command: list[str]) -> None:
    missing = str(tmp_path / "missing.jsonl")
    result = run(*command, missing, stdin="true")
    assert result.exit_code == 2
    assert f"{missing}" in result.stderr
    assert "cannot be read" in result.stderr


def test_standard_input_is_read_once() -> None:
    result = run("verify", "-", "-", stdin="true")
    assert result.exit_code == 2
    assert "Standard input can be one of the two" in result.stderr


def test_soundness_is_counted_over_rows(tmp_path: Path) -> None:
    row = {"id": "one", "schema": PARTLY, "valid": [[1, 2]], "invalid": [[1, 1], ["a"]]}
    file = written(tmp_path, json.dumps(row) + "\n\n", "rows.jsonl")
    result = run("bench", file)
    figures = json.loads(result.stdout)
    assert result.exit_code == 0
    assert figures["check"] == "schema-bench"
    assert figures["instances"] == {"valid": 1, "invalid": 2, "unwritable": 0}
    assert figures["invalid_passed"] == 0
    assert figures["grammar_alone"]["invalid_admitted"] == 1
    assert len(result.stdout.splitlines()) == 1


def test_an_invalid_instance_that_passes_fails_the_bench(tmp_path: Path) -> None:
    row = {"schema": {"type": "integer"}, "valid": [], "invalid": [4]}
    result = run("bench", written(tmp_path, json.dumps(row), "rows.jsonl"))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["rows"]["invalid_passed"] == ["rows:1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "rows.jsonl:1: not valid JSON"),
        ("[]", 'a row is an object with "schema"'),
        ('{"schema": {}, "valid": 4}', "are lists of instances"),
        ('{"schema": {}, "tests": [{"valid": "yes", "data": 1}]}', '"tests" is a list of'),
        ("", "There are no rows"),
    ],
)
def test_a_file_of_another_form_is_said_so(tmp_path: Path, text: str, sentence: str) -> None:
    result = run("bench", written(tmp_path, text, "rows.jsonl"))
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_the_first_rows_alone_can_be_measured(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"schema": True, "valid": [number]}) for number in range(5))
    result = run("bench", written(tmp_path, rows, "rows.jsonl"), "--limit", "2")
    assert json.loads(result.stdout)["schemas"] == 2
