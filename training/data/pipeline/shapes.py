"""From a record as its file gives it to a row: columns, instruction rows, conversations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from training.data.examples import REPLAY_SOURCE
from training.data.pipeline.rows import RawRow, Rejected, Row
from training.data.pipeline.spec import ExampleFile, Format, Golden

USUAL_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "text": ("text", "input", "prompt", "question"),
    "output": ("output", "completion", "response", "label", "answer", "chosen"),
    "group": ("group",),
    "slice": ("slice",),
    "source": ("source",),
    "rejected_output": ("rejected_output", "rejected"),
}
"""Column names that need no mapping, the first present one wins."""

_SYSTEM_ROLES: Final = ("system", "developer")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a record says: the instruction that stands beside the text, and the rest."""

    instruction: str
    text: str
    output: Any


class _UnusableError(Exception):
    """A record that makes no row; `reason` is a word."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class Shaper:
    """Makes rows of one file's records; `counts` says what became of instructions."""

    def __init__(self, file: ExampleFile, own_instructions: str, source: str = "") -> None:
        self._file = file
        self._own = _plain(own_instructions)
        self.source = source
        self._slice = getattr(file, "slice", "")
        self._pinned = getattr(file, "split", None) or ""
        self.counts: Counter[str] = Counter()

    def shape(self, raw: RawRow) -> Row | Rejected:
        """Read one record."""
        try:
            parts = self._parts(raw.record)
            return Row(
                id=self._label(raw.record, "id"),
                text=self._text(parts),
                output=parts.output,
                group=self._label(raw.record, "group"),
                slice=self._label(raw.record, "slice") or self._slice,
                source=self._source(raw.record),
                rejected_output=self._column(raw.record, "rejected_output"),
                place=raw.place,
                pinned=self._pinned,
            )
        except _UnusableError as error:
            return Rejected(error.reason, str(error), raw.place, content=raw.record)

    def _source(self, record: Mapping[str, Any]) -> str:
        """What the row says of its origin, such as its teacher; else its file. None may say replay."""
        stated = self._label(record, "source")
        return stated if stated and stated != REPLAY_SOURCE else self.source

    def _parts(self, record: Mapping[str, Any]) -> _Parts:
        if self._file.format is Format.OPENAI or ("messages" in record and not self._file.columns.text):
            return _conversation(record.get("messages"), keeps_turns=self._file.turns == "transcript")
        output = self._column(record, "output")
        if output is None and not isinstance(self._file, Golden):
            raise _UnusableError("no_output", "the row has no output")
        if self._file.format is Format.ALPACA or ("instruction" in record and not self._file.columns.text):
            return _Parts(_text_of(record, "instruction"), _text_of(record, "input"), output)
        text = self._column(record, "text")
        if text is None:
            raise _UnusableError("no_text", "the row has no text")
        if not isinstance(text, str):
            raise _UnusableError("no_text", f"the text is a {type(text).__name__}")
        return _Parts("", text, output)

    def _text(self, parts: _Parts) -> str:
        """The text, with an instruction that is not the task's own handled as declared."""
        if not _plain(parts.instruction):
            return parts.text
        if _plain(parts.instruction) == self._own:
            self.counts["instructions that are the task's own"] += 1
            return parts.text
        if not parts.text.strip():
            return parts.instruction  # the instruction is the request
        if self._file.instructions == "reject":
            raise _UnusableError("other_instructions", "its instruction is not the task's")
        if self._file.instructions == "drop":
            self.counts["instructions dropped"] += 1
            return parts.text
        self.counts["instructions written before the text"] += 1
        return f"{parts.instruction.strip()}\n\n{parts.text}"

    def _column(self, record: Mapping[str, Any], name: str) -> Any:
        mapped = getattr(self._file.columns, name)
        names = (mapped,) if mapped else USUAL_COLUMNS[name]
        return next((record[one] for one in names if record.get(one) is not None), None)

    def _label(self, record: Mapping[str, Any], name: str) -> str:
        value = self._column(record, name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _UnusableError("label_no_text", f"{name} is a {type(value).__name__}")
        return str(value).strip()


def _conversation(messages: object, *, keeps_turns: bool) -> _Parts:
    """The last assistant turn is the output; what stands before it is the text."""
    turns = [_turn(one) for one in messages] if isinstance(messages, list) else []
    if not turns or turns[-1][0] != "assistant":
        raise _UnusableError("no_output", "the conversation does not end with an assistant's turn")
    before, output = turns[:-1], turns[-1][1]
    system = "\n\n".join(text for role, text in before if role in _SYSTEM_ROLES)
    asked = [(role, text) for role, text in before if role not in _SYSTEM_ROLES]
    if any(role not in ("user", "assistant") for role, _ in asked):
        raise _UnusableError("tool_turn", "the conversation has turns of tools")
    if not asked:
        raise _UnusableError("no_text", "the conversation has no user turn")
    if len(asked) == 1:
        return _Parts(system, asked[0][1], output)
    if not keeps_turns:
        raise _UnusableError("several_turns", "the conversation has several turns (see `turns`)")
    return _Parts(system, "\n\n".join(f"{role}: {text}" for role, text in asked), output)


def _turn(message: object) -> tuple[str, str]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise _UnusableError("no_text", "a message is an object with a role")
    if message.get("tool_calls") or message.get("function_call"):
        raise _UnusableError("tool_turn", "the conversation has turns of tools")
    if message.get("weight") == 0 and message["role"] == "assistant":
        raise _UnusableError("weight_zero", "the assistant's turn has weight 0")
    content = message.get("content")
    if isinstance(content, str):
        return message["role"], content
    return message["role"], _joined(content)


def _joined(content: object) -> str:
    """Content given as parts; all must be text."""
    parts: Sequence[object] = content if isinstance(content, list) else ()
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    if not parts or len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise _UnusableError("no_text", "a message's content is no text")
    return "".join(map(str, texts))


def _text_of(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name, "")
    if not isinstance(value, str):
        raise _UnusableError("no_text", f"{name} is a {type(value).__name__}")
    return value


def _plain(text: str) -> str:
    return " ".join(text.split())
