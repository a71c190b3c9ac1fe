"""Finding personal data with Presidio's pattern and checksum recognisers: no model, no network."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from training.data.pipeline.spec import PersonalData
from training.errors import MissingLibraryError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

_DIGIT: Final = re.compile(r"\d")
_PHONE_DIGITS: Final = 7
_WINDOW: Final = 4_096
_OVERLAP: Final = 320
"""Some patterns take time that grows with the square of the text: a window bounds it. No find is longer than
the overlap, so none is cut by every window."""

_CHEAP_TESTS: Final[Mapping[str, re.Pattern[str]]] = {
    "EMAIL_ADDRESS": re.compile("@"),
    "PHONE_NUMBER": re.compile(r"\d(?:[^\w\n]{0,4}\d){6}"),
    "CREDIT_CARD": re.compile(r"\d(?:[ -]?\d){11}"),
    "US_SSN": re.compile(r"\d(?:[-. ]?\d){8}"),
    "IBAN_CODE": re.compile(r"[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){8}"),
    "IP_ADDRESS": re.compile(r"\d\.\d+\.\d+\.\d|:[0-9A-Fa-f]*:"),
    "CRYPTO": re.compile(r"[A-Za-z0-9]{25}"),
}
"""What a text must hold before a recogniser is worth its time; types without a test are always looked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """One find: characters `start` to `end` (exclusive) of a text."""

    entity: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Find:
    """One find of one recogniser, and how sure it is."""

    entity: str
    start: int
    end: int
    score: float


class PersonalDataFinder:
    """Finds what the settings name; overlapping finds become one, of the surest type."""

    def __init__(self, settings: PersonalData) -> None:
        self._entities = sorted(settings.handling)
        self._settings = settings
        self._engine = _engine(settings)

    def find(self, text: str) -> list[Span]:
        """The finds in order, none overlapping. A long text is read in windows that overlap."""
        found: list[_Find] = []
        for start in range(0, max(1, len(text) - _OVERLAP), _WINDOW - _OVERLAP):
            found += self._in_window(text[start : start + _WINDOW], start)
        return _merged(sorted(found, key=lambda one: (one.start, -one.end)))

    def _in_window(self, text: str, offset: int) -> list[_Find]:
        entities = [name for name in self._entities if _may_hold(name, text)]
        if not entities:
            return []
        results = self._engine.analyze(
            text,
            language=self._settings.language,
            entities=entities,
            score_threshold=self._settings.min_score,
        )
        return [
            _Find(one.entity_type, one.start + offset, one.end + offset, one.score)
            for one in results
            if not _is_short_phone(one.entity_type, text[one.start : one.end])
        ]


def _may_hold(entity: str, text: str) -> bool:
    test = _CHEAP_TESTS.get(entity)
    return test is None or test.search(text) is not None


def _is_short_phone(entity: str, value: str) -> bool:
    """Some plans know numbers of four digits; a house number is none."""
    return entity == "PHONE_NUMBER" and len(_DIGIT.findall(value)) < _PHONE_DIGITS


def _merged(finds: Sequence[_Find]) -> list[Span]:
    spans: list[Span] = []
    best = 0.0
    for one in finds:
        rank = one.score + (one.end - one.start) / 10_000  # of two as sure, the longer one
        if spans and one.start < spans[-1].end:
            last = spans.pop()
            entity = one.entity if rank > best else last.entity
            spans.append(Span(entity, last.start, max(last.end, one.end)))
            best = max(best, rank)
        else:
            spans.append(Span(one.entity, one.start, one.end))
            best = rank
    return spans


def _engine(settings: PersonalData) -> AnalyzerEngine:
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    try:
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: PLC0415 - of the data libraries

        from training.data.pipeline import _recognisers  # noqa: PLC0415 - subclasses what Presidio has
    except ModuleNotFoundError as error:
        raise MissingLibraryError(error.name or "presidio-analyzer") from error
    language = settings.language
    nlp = _recognisers.nlp_engine(settings.spacy_model, language)
    registry = RecognizerRegistry(supported_languages=[language])
    for recogniser in _recognisers.recognisers(settings, _own_entities(nlp)):
        registry.add_recognizer(recogniser)
    if settings.spacy_model:
        registry.add_nlp_recognizer(nlp)
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=[language])


def _own_entities(nlp: Any) -> frozenset[str]:
    return frozenset(nlp.get_supported_entities())
