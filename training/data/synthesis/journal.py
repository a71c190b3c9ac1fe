"""The journal: one line for every request that was made, so that no answer is paid for twice."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.data.synthesis.failures import JournalError
from training.data.synthesis.purse import Spent

_MAX_LINE_BYTES: Final = 64 * 1024 * 1024


class Entry(BaseModel):
    """One request and what came of it. `key` hashes the request; an entry of another kind is no answer.

    `teacher` is the name, version and licence that the run stated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    kind: Literal["answer", "failure"]
    key: str
    job: str
    teacher: str
    text: str | None = None
    finish_reason: str = ""
    refusal: str = ""
    failure: str = ""
    detail: str = ""
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def spent(self) -> Spent:
        """What the request used up."""
        return Spent(1, self.prompt_tokens, self.completion_tokens, self.cost_usd)


@dataclass(slots=True)
class _Past:
    answers: dict[str, Entry]
    spent: Spent
    whole_bytes: int


class Journal:
    """An open journal; one process at a time has it.

    A last line that was cut off, as by a full disk or a kill, is dropped and its request made again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._past = _Past({}, Spent(), 0)

    def __enter__(self) -> Self:
        """Lock and read the file.

        Raises:
            JournalError: it cannot be opened, another run has it, or a line before the last is damaged.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b")
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be opened: {error}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._past = self._read(self._file)
            self._file.truncate(self._past.whole_bytes)
        except BlockingIOError as error:
            self._file.close()
            raise JournalError(f"{self._path}: another run is writing it") from error
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close and unlock."""
        if self._file is not None:
            self._file.close()

    @property
    def spent(self) -> Spent:
        """What all requests in the journal used up."""
        return self._past.spent

    def answer(self, key: str) -> Entry | None:
        """The answer to a request, if it has one."""
        return self._past.answers.get(key)

    def write(self, entry: Entry) -> None:
        """Append an entry; it is with the operating system when this returns.

        Raises:
            JournalError: the disk refuses it; what is there of the line is dropped at the next start.
        """
        if self._file is None:
            raise JournalError(f"{self._path}: not open")
        try:
            self._file.write(entry.model_dump_json().encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be written: {error}") from error
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        self._past.spent += entry.spent
        if entry.kind == "answer":
            self._past.answers[entry.key] = entry

    def _read(self, file: BinaryIO) -> _Past:
        file.seek(0)
        number = 0
        while line := file.readline(_MAX_LINE_BYTES):
            number += 1
            if not line.endswith(b"\n"):
                break
            self._note(self._entry(line, number))
            self._past.whole_bytes = file.tell()
        return self._past

    def _entry(self, line: bytes, number: int) -> Entry:
        try:
            return Entry.model_validate(json.loads(line))
        except (ValueError, RecursionError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "no JSON"
            raise JournalError(
                f"{self._path}:{number}: damaged: {reason}. Repair or move the file; nothing was changed"
            ) from error
