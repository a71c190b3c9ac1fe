"""Presidio's recognisers as the build uses them: offline, with the card numbers and phones that they miss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import spacy
import tldextract
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, predefined_recognizers
from presidio_analyzer.nlp_engine import NlpEngine, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    EmailRecognizer,
    PhoneRecognizer,
)

from training.data.pipeline.spec import PersonalData
from training.errors import DatasetError

_POSSIBLE: Final = 0
"""phonenumbers' leniency: the length fits the country. For numbers with a plus, which are written as such."""


class _OfflineEmailRecognizer(EmailRecognizer):  # type: ignore[misc]  # of an untyped library
    """Presidio's own has tldextract fetch a list from the network at the first use; this one never does."""

    _extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        return self._extract(pattern_text).fqdn != ""


class _MoreCardsRecognizer(CreditCardRecognizer):  # type: ignore[misc]  # of an untyped library
    """Adds what Presidio leaves out: Visa of 19 digits, JCB of 15, Mastercard's 2-series, Maestro."""

    def __init__(self, supported_language: str) -> None:
        more = Pattern(
            "More cards (weak)",
            r"\b(?:4\d{18}|(?:2131|1800)\d{11}|2[2-7]\d{14}|(?:50|5[6-9]|6\d)\d{10,17})\b",
            0.3,
        )
        super().__init__(patterns=[*self.PATTERNS, more], supported_language=supported_language)


class _BlankNlpEngine(SpacyNlpEngine):  # type: ignore[misc]  # of an untyped library
    """Tokens alone, for context words around a find; needs no model."""

    def load(self) -> None:
        self.nlp = {model["lang_code"]: _blank(model["lang_code"]) for model in self.models}

    def get_supported_entities(self) -> list[str]:
        return []


def nlp_engine(model: str | None, language: str) -> NlpEngine:
    """The named spaCy model, or plain tokens.

    Raises:
        DatasetError: the model is not installed (Presidio would fetch it from the network).
    """
    if model is None:
        engine: NlpEngine = _BlankNlpEngine([{"lang_code": language, "model_name": "blank"}])
    elif spacy.util.is_package(model):
        engine = SpacyNlpEngine([{"lang_code": language, "model_name": model}])
    else:
        raise DatasetError(f"personal_data.spacy_model: {model!r} is not installed here")
    engine.load()
    return engine


def recognisers(settings: PersonalData, of_the_model: frozenset[str]) -> list[EntityRecognizer]:
    """A recogniser for every entity type that is looked for and that the model does not find.

    Raises:
        DatasetError: nothing knows the type.
    """
    language = settings.language
    ours: dict[str, list[EntityRecognizer]] = {
        "EMAIL_ADDRESS": [_OfflineEmailRecognizer(supported_language=language)],
        "CREDIT_CARD": [_MoreCardsRecognizer(language)],
        "PHONE_NUMBER": [
            PhoneRecognizer(supported_language=language, supported_regions=settings.phone_regions),
            PhoneRecognizer(
                supported_language=language,
                supported_regions=(None,),
                leniency=_POSSIBLE,
                name="InternationalPhoneRecognizer",
            ),
        ],
    }
    wanted = sorted(settings.handling.keys() - of_the_model)
    found = [ours.get(name) or _predefined(name, language) for name in wanted]
    unknown = [name for name, some in zip(wanted, found, strict=True) if not some]
    if unknown:
        known = sorted({*ours, *of_the_model, *(name for name, _ in _patterns(language))})
        raise DatasetError(
            f"personal_data.entities: nothing finds {unknown[0]!r} (names need spacy_model); "
            f"there are {', '.join(known)}"
        )
    return [recogniser for some in found for recogniser in some]


def _predefined(name: str, language: str) -> list[EntityRecognizer]:
    return [recogniser for entity, recogniser in _patterns(language) if entity == name][:1]


def _patterns(language: str) -> Iterator[tuple[str, EntityRecognizer]]:
    """Presidio's own pattern recognisers, for whatever country, made to read any language."""
    for name in sorted(vars(predefined_recognizers)):
        kind: Any = getattr(predefined_recognizers, name)
        if isinstance(kind, type) and issubclass(kind, PatternRecognizer):
            recogniser = kind(supported_language=language)  # each sets its own patterns
            for entity in recogniser.supported_entities:
                yield entity, recogniser


def _blank(language: str) -> Any:
    try:
        return spacy.blank(language)
    except (ImportError, ValueError):
        return spacy.blank("xx")  # a language without a tokeniser of its own here
