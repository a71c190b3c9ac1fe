"""`firstline schema`: what intake says of a schema, proofs of answers, and soundness over labelled data."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from contracts.output import JsonSchemaOutput
from gateway.commands.sentences import errors
from gateway.intake.proof import verifier_of
from gateway.intake.rows import Row, RowError, files_under, loads, read_rows
from gateway.intake.soundness import judge, summary
from gateway.intake.verdict import Verdict, VerdictKind
from gateway.intake.vet import vet as vetted
from gateway.intake.violation import Violation

app = typer.Typer(
    help="Vet JSON Schemas, verify answers, and measure soundness.",
    no_args_is_help=True,
    add_completion=False,
)

SchemaFile = Annotated[str, typer.Argument(metavar="SCHEMA", help="A JSON Schema; '-' is standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Apply OpenAI's strict rules; a schema that is forced in part fails.")
]
_BAD_INPUT: Final = 2
_STDIN: Final = "-"

# No colours and no wrapping: pointers are copied and read by scripts.
_out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


@app.command()
def vet(file: SchemaFile, *, strict: Strict = False, as_json: AsJson = False) -> None:
    """Say what the grammar forces of a schema, what is verified alone, and why it is refused.

    Exit status: 0 where it is served (with --strict only where all of it is forced), 1 where it is refused,
    2 where the file is no JSON Schema.
    """
    verdict = vetted(_contract(file, is_strict=strict))
    if as_json:
        _print_json(_verdict_object(verdict))
    else:
        for line in _verdict_lines(verdict):
            _out.print(line)
    is_served = verdict.kind is VerdictKind.CONSTRAINED or (verdict.kind is VerdictKind.PARTLY and not strict)
    raise typer.Exit(0 if is_served else 1)


@app.command()
def verify(
    schema: SchemaFile,
    instance: Annotated[str, typer.Argument(help="The answer, a JSON file; '-' is standard input.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Prove an answer as the gateway does, and print each violation by its JSON pointer.

    Exit status: 0 where the answer is proven, 1 where it is not, 2 where a file cannot be read or the schema
    is refused.
    """
    if schema == instance == _STDIN:
        _refuse("Standard input can be one of the two: give the other as a file.")
    contract = _contract(schema)
    verdict = vetted(contract)
    if verdict.kind is VerdictKind.REFUSED:
        _refuse(f"{schema}: the schema is refused ({verdict.code}): {verdict.sentence()}")
    violations = verifier_of(contract)(_text(instance))
    if as_json:
        _print_json({"valid": not violations, "violations": [_violation_object(one) for one in violations]})
    else:
        for one in violations:
            _out.print(f"{one.pointer or '/'}: {one.message}")
        if not violations:
            _out.print("The answer keeps the schema.")
    raise typer.Exit(1 if violations else 0)


@app.command()
def bench(
    files: Annotated[
        list[Path], typer.Argument(help="Files of rows (.json, .jsonl, .jsonl.xz), or folders of them.")
    ],
    *,
    limit: Annotated[int | None, typer.Option(help="The first rows only.", min=1)] = None,
) -> None:
    """Measure soundness and coverage over schemas with labelled instances; print one line of JSON.

    A row is `{"id", "schema", "valid": [...], "invalid": [...]}` or has MaskBench's `tests`. Exit status: 0
    where no invalid instance passes, 1 where one does, 2 where a file is not of this form.
    """
    try:
        results = [judge(row) for row in _rows(files, limit)]
    except RowError as error:
        _refuse(f"{error}.")
    if not results:
        _refuse("There are no rows in these files.")
    figures = summary(results)
    _print_json({"check": "schema-bench", **figures})
    raise typer.Exit(0 if figures["ok"] else 1)


def _rows(files: list[Path], limit: int | None) -> Iterator[Row]:
    count = 0
    for path in files:
        for file in files_under(path):
            for row in read_rows(file):
                if count == limit:
                    return
                count += 1
                yield row


def _contract(file: str, *, is_strict: bool = False) -> JsonSchemaOutput:
    try:
        value = loads(_text(file))
    except ValueError as error:
        _refuse(f"{_shown(file)} is not valid JSON: {error}.")
    try:
        return JsonSchemaOutput(kind="json_schema", json_schema=value, strict=is_strict)
    except ValidationError:
        _refuse(f"{_shown(file)} is not a JSON Schema: that is an object, true or false.")


def _text(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == _STDIN else Path(file).read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        _refuse(f"{file} cannot be read: {error.strerror or error}.")
    except UnicodeDecodeError:
        _refuse(f"{_shown(file)} is not UTF-8 text.")


def _shown(file: str) -> str:
    return "Standard input" if file == _STDIN else file


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    match verdict.kind:
        case VerdictKind.CONSTRAINED:
            yield f"constrained: the grammar forces the whole schema{_read_as(verdict)}."
        case VerdictKind.PARTLY:
            yield f"partly: verified alone, not forced by the grammar{_read_as(verdict)}:"
        case VerdictKind.REFUSED:
            yield f"refused ({verdict.code}):"
    for item in verdict.unsupported:
        named = f"{item.keyword}: " if item.keyword else ""
        yield f"  {item.pointer or '/'}: {named}{item.reason}"


def _read_as(verdict: Verdict) -> str:
    return f" (read as {verdict.draft}, {1000 * verdict.seconds:.1f} ms)"


def _verdict_object(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": str(verdict.kind),
        "code": verdict.code,
        "draft": verdict.draft,
        "unsupported": [
            {"pointer": one.pointer, "keyword": one.keyword, "reason": one.reason}
            for one in verdict.unsupported
        ],
        "seconds": round(verdict.seconds, 6),
    }


def _violation_object(violation: Violation) -> dict[str, str]:
    return {
        "pointer": violation.pointer,
        "keyword": violation.keyword,
        "kind": str(violation.kind),
        "message": violation.message,
    }


def _print_json(value: Any) -> None:
    # A lone surrogate cannot be written as UTF-8, so escapes stand for all that is not ASCII.
    _out.print(json.dumps(value))


def _refuse(sentence: str) -> NoReturn:
    """Say what is wrong with what was given, and leave with status 2."""
    errors.print(sentence, style="bold red", markup=False, highlight=False)
    raise typer.Exit(_BAD_INPUT)
