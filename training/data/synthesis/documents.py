"""Documents of a folder, cut into passages that a teacher writes about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.errors import DatasetError

ENDINGS: Final = frozenset({".txt", ".md", ".markdown"})
MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_PASSAGES: Final = 200_000
_LEAST_SHARE: Final = 10


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document; `document` is its path in the folder, `number` counts from 1."""

    document: str
    number: int
    text: str


def read_passages(folder: Path, max_chars: int) -> tuple[Passage, ...]:
    """All passages of a folder's text and Markdown files, in the order of their paths.

    Hidden files and links are left out. A passage ends at a paragraph where it can.

    Raises:
        DatasetError: the folder has no such file, or one of them is too large or no UTF-8.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no folder of documents")
    passages: list[Passage] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if is_hidden or path.is_symlink() or not path.is_file() or path.suffix.lower() not in ENDINGS:
            continue
        texts = _cut(_read(path), max_chars)
        passages += [Passage(name.as_posix(), number, text) for number, text in enumerate(texts, 1)]
        if len(passages) > MAX_PASSAGES:
            raise DatasetError(f"{folder}: more than {MAX_PASSAGES} passages")
    if not passages:
        raise DatasetError(f"{folder}: no document; read are {', '.join(sorted(ENDINGS))}")
    return tuple(passages)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DatasetError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from error


def _cut(text: str, max_chars: int) -> Iterator[str]:
    """Whole paragraphs while they fit; what is longer by itself is cut, at a space where there is one."""
    held = ""
    for paragraph in _paragraphs(text, max_chars):
        if held and len(held) + len(paragraph) + 2 > max_chars:
            yield held
            held = ""
        held = f"{held}\n\n{paragraph}" if held else paragraph
    if held:
        yield held


def _paragraphs(text: str, max_chars: int) -> Iterator[str]:
    for paragraph in text.replace("\r\n", "\n").split("\n\n"):
        rest = paragraph.strip()
        while len(rest) > max_chars:
            space = rest.rfind(" ", max_chars // _LEAST_SHARE, max_chars)
            at = space if space > 0 else max_chars
            yield rest[:at].rstrip()
            rest = rest[at:].lstrip()
        if rest:
            yield rest
