"""A search index over one folder of documents: BM25 and vectors, fused by rank."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import structlog

from gateway.records import Passage
from gateway.retrieval._passages import cut_document

if TYPE_CHECKING:
    import bm25s

_log = structlog.get_logger(__name__)

Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Unit vectors, one row for each text; zeros for a text that says nothing."""

Fingerprint = frozenset[tuple[str, int, int]]

MAX_DOCUMENTS: Final = 10_000
MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024
MAX_PASSAGES: Final = 100_000
_SUFFIXES: Final = frozenset({".md", ".markdown", ".txt"})
_WORD: Final = re.compile(r"\w+")
_EMBED_AT_ONCE: Final = 256
_MAX_QUERY_WORDS: Final = 512
_MAX_QUERY_CHARS: Final = 20_000

_FUSION: Final = 60
"""Cormack, Clarke and Büttcher (2009): reciprocal rank fusion, score = sum of 1 / (60 + rank)."""
_BEST: Final = 2 / (_FUSION + 1)


@dataclass(frozen=True, slots=True)
class FolderIndex:
    """Immutable; searching blocks for about a millisecond a thousand passages."""

    passages: tuple[Passage, ...]
    vectors: npt.NDArray[np.float32]
    words: bm25s.BM25 | None
    embed: Embed

    @classmethod
    def build(cls, folder: Path, *, passage_chars: int, embed: Embed) -> FolderIndex:
        """Read the folder; files over the bounds are left out and logged. Blocks."""
        passages = tuple(_bounded(_read_passages(folder, passage_chars), folder))
        texts = [_searched(passage) for passage in passages]
        if not texts:
            return cls((), np.zeros((0, 1), dtype=np.float32), None, embed)
        groups = range(0, len(texts), _EMBED_AT_ONCE)
        vectors = np.concatenate([embed(texts[start : start + _EMBED_AT_ONCE]) for start in groups])
        return cls(passages, vectors, _word_index(texts), embed)

    def search(self, query: str, count: int) -> tuple[Passage, ...]:
        """The best passages, best first; `score` is in [0, 1], 1.0 for the first of both rankings."""
        query = query[:_MAX_QUERY_CHARS]
        if not self.passages or not query.strip():
            return ()
        scores = np.zeros(len(self.passages))
        for ranked in (self._by_words(query), self._by_vector(query)):
            scores[ranked] += 1.0 / (_FUSION + 1 + np.arange(len(ranked)))
        order = np.argsort(-scores, kind="stable")[:count]
        return tuple(
            _scored(self.passages[place], float(scores[place]) / _BEST)
            for place in order
            if scores[place] > 0
        )

    def _by_words(self, query: str) -> npt.NDArray[np.intp]:
        if self.words is None:
            return np.zeros(0, dtype=np.intp)
        known = [word for word in _tokens(query) if word in self.words.vocab_dict][:_MAX_QUERY_WORDS]
        return _ranking(self.words.get_scores(known)) if known else np.zeros(0, dtype=np.intp)

    def _by_vector(self, query: str) -> npt.NDArray[np.intp]:
        return _ranking(self.vectors @ self.embed([query])[0])


def fingerprint_of(folder: Path) -> Fingerprint:
    """What tells whether any document has changed. Blocks."""
    found = set()
    for path in _documents(folder):
        try:
            status = path.stat()
        except OSError:
            continue
        found.add((str(path), status.st_mtime_ns, status.st_size))
    return frozenset(found)


def _documents(folder: Path) -> list[Path]:
    """Documents inside the folder, a link that leads out of it left out."""
    root = folder.resolve()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    inside = [path for path in paths if path.resolve().is_relative_to(root)]
    if len(inside) > MAX_DOCUMENTS:
        _log.warning("collection_cut", folder=folder.name, documents=len(inside), read=MAX_DOCUMENTS)
    return inside[:MAX_DOCUMENTS]


def _read_passages(folder: Path, passage_chars: int) -> Iterator[Passage]:
    for path in _documents(folder):
        try:
            with path.open("rb") as file:
                content = file.read(MAX_DOCUMENT_BYTES + 1)
        except OSError as error:
            _log.warning("document_unreadable", document=path.name, error=error.strerror)
            continue
        if len(content) > MAX_DOCUMENT_BYTES:
            _log.warning("document_too_large", document=path.name, limit_bytes=MAX_DOCUMENT_BYTES)
            continue
        text = content.decode("utf-8", "replace")
        name = path.relative_to(folder).as_posix()
        for cut in cut_document(text, path.stem, passage_chars):
            yield Passage(name, cut.title, text[cut.start : cut.end], cut.start, cut.end, score=0.0)


def _bounded(passages: Iterable[Passage], folder: Path) -> Iterator[Passage]:
    for count, passage in enumerate(passages):
        if count >= MAX_PASSAGES:
            _log.warning("collection_cut", folder=folder.name, passages=MAX_PASSAGES)
            return
        yield passage


def _word_index(texts: Sequence[str]) -> bm25s.BM25 | None:
    # Half a second to import, so only a gateway with collections pays for it, in the building thread.
    import bm25s  # noqa: PLC0415

    tokens = [_tokens(text) for text in texts]
    if not any(tokens):
        return None
    index = bm25s.BM25()
    index.index(tokens, show_progress=False)
    return index


def _searched(passage: Passage) -> str:
    return f"{passage.title}\n{passage.text}"


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _ranking(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Places with a score above zero, best first, ties in the order of the documents."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > 0]


def _scored(passage: Passage, score: float) -> Passage:
    return Passage(passage.document, passage.title, passage.text, passage.start, passage.end, min(1.0, score))
