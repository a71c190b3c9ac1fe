"""Golden rows: what an evaluation asks, what is right, and which slices a row belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from contracts.output import OutputContract
from training.data.examples import Conformity, Example
from training.data.strict_json import parse_json
from training.errors import DatasetError

MAX_GOLDEN_BYTES = 256 * 1024 * 1024


class GoldenRow(Example):
    """A row of a golden set or of a suite; a plain `Example` is one too.

    `slices` adds to `slice`. `refuse` says that the right answer is a refusal, and `output` is then not
    compared. `forbidden` are texts that must not stand in the answer, whatever their case (an injected
    order's marker, an insult). `variant_of` is the id of the row that a suite perturbed, and `suite` the
    name of the suite: such a row asks the same, so its answer must be the same.
    """

    slices: tuple[str, ...] = ()
    refuse: bool = False
    forbidden: tuple[str, ...] = Field(default=(), max_length=50)
    variant_of: str = ""
    suite: str = ""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """The rows of one file, and the SHA-256 of its bytes."""

    rows: tuple[GoldenRow, ...]
    sha256: str


def read_golden(path: Path, contract: OutputContract) -> GoldenSet:
    """Read a golden file; every output keeps the contract, but that of a row to be refused.

    Raises:
        DatasetError: it cannot be read, is empty, too large or repeats an id, or a row is malformed or
            breaks the contract.
    """
    try:
        if path.stat().st_size > MAX_GOLDEN_BYTES:
            raise DatasetError(f"{path}: larger than {MAX_GOLDEN_BYTES} bytes")
        raw = path.read_bytes()
        # Not splitlines, which would cut at U+2028: JSON may hold it within a string.
        lines = raw.decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error
    rows = tuple(_row(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip())
    if not rows:
        raise DatasetError(f"{path}: no rows")
    check_rows(rows, contract, str(path))
    return GoldenSet(rows, hashlib.sha256(raw).hexdigest())


def check_rows(rows: Iterable[GoldenRow], contract: OutputContract, place: str) -> None:
    """Refuse an id that stands twice and an output that breaks the contract.

    Raises:
        DatasetError: naming the row.
    """
    check, seen = Conformity(contract), set[str]()
    for row in rows:
        if row.id in seen:
            raise DatasetError(f"{place}: id {row.id!r} stands twice")
        seen.add(row.id)
        reason = "" if row.refuse else check.violation(row.output)
        if reason:
            raise DatasetError(f"{place}: row {row.id!r}: output breaks the task's contract: {reason}")


def _row(line: str, place: str) -> GoldenRow:
    try:
        return GoldenRow.model_validate(parse_json(line))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise DatasetError(f"{place}: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error
    except ValueError as error:
        raise DatasetError(f"{place}: no valid JSON: {error}") from error
