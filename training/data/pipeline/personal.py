"""Finding personal data with Presidio's pattern and checksum recognisers: no model, no network."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from training.data.pipeline.spec import PersonalData
from training.errors import DatasetError, MissingLibraryError

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

_DIGIT: Final = re.compile(r"\d")
_IBAN: Final = re.compile(r"[A-Za-z]{2}\d{2}")
_ADDRESS: Final = re.compile(r"\d\.\d|:[0-9A-Fa-f]*:")
_LONG_WORD: Final = re.compile(r"[A-Za-z0-9]{25}")
_PHONE_DIGITS: Final = 7


def _has_digits(count: int) -> Callable[[str], bool]:
    return lambda text: sum(1 for _ in _DIGIT.finditer(text)) >= count


_CHEAP_TESTS: Final[Mapping[str, Callable[[str], bool]]] = {
    "EMAIL_ADDRESS": lambda text: "@" in text,
    "PHONE_NUMBER": _has_digits(_PHONE_DIGITS),
    "CREDIT_CARD": _has_digits(12),
    "US_SSN": _has_digits(9),
    "IBAN_CODE": lambda text: _IBAN.search(text) is not None,
    "IP_ADDRESS": lambda text: _ADDRESS.search(text) is not None,
    "CRYPTO": lambda text: _LONG_WORD.search(text) is not None,
}
"""What a text must have before a recogniser is worth its time; types without a test are always looked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """One find: characters `start` to `end` (exclusive) of a text."""

    entity: str
    start: int
    end: int


class PersonalDataFinder:
    """Finds what the settings name; overlapping finds become one, of the surest type."""

    def __init__(self, settings: PersonalData) -> None:
        self._entities = sorted(settings.handling)
        self._settings = settings
        self._engine = _engine(settings)

    def find(self, text: str) -> list[Span]:
        """The finds in order, none overlapping."""
        entities = [name for name in self._entities if _CHEAP_TESTS.get(name, _always)(text)]
        if not entities:
            return []
        results = self._engine.analyze(
            text,
            language=self._settings.language,
            entities=entities,
            score_threshold=self._settings.min_score,
        )
        found = [one for one in results if not _is_short_phone(one, text)]
        return _merged(sorted(found, key=lambda one: (one.start, -one.end)))


def _always(_: str) -> bool:
    return True


def _is_short_phone(result: Any, text: str) -> bool:
    """Some plans know numbers of four digits; a house number is none."""
    return (
        result.entity_type == "PHONE_NUMBER"
        and len(_DIGIT.findall(text[result.start : result.end])) < _PHONE_DIGITS
    )


def _merged(results: list[Any]) -> list[Span]:
    spans: list[Span] = []
    best = 0.0
    for one in results:
        rank = one.score + (one.end - one.start) / 10_000
        if spans and one.start < spans[-1].end:
            last = spans.pop()
            entity = one.entity_type if rank > best else last.entity
            spans.append(Span(entity, last.start, max(last.end, one.end)))
            best = max(best, rank)
        else:
            spans.append(Span(one.entity_type, one.start, one.end))
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


def check_personal_data(settings: PersonalData) -> None:
    """Refuse settings that name what cannot be looked for.

    Raises:
        DatasetError: an unknown entity type, or a spaCy model that is not installed.
        MissingLibraryError: Presidio is not installed.
    """
    try:
        _engine(settings)
    except ValueError as error:
        raise DatasetError(f"personal_data: {error}") from error
