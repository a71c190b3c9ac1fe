"""The names of months for `gateway/verification/months.json`: `python -m tests.support.months` writes it."""

from __future__ import annotations

import json
from pathlib import Path

from babel.dates import get_month_names

from gateway.verification._dates import LANGUAGES
from gateway.verification._text import normalise, without_accents

TABLE = Path(__file__).parents[2] / "gateway" / "verification" / "months.json"
_PLACES = {"en": ("en", "en_GB"), "de": ("de", "de_AT"), "pt": ("pt", "pt_PT")}
"""Where a language has other names or abbreviations elsewhere."""


def table() -> str:
    """Names to months by language, as JSON."""
    found = {language: _names(language) for language in LANGUAGES}
    return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _names(language: str) -> dict[str, list[int]]:
    found: dict[str, set[int]] = {}
    for place in _PLACES.get(language, (language,)):
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for month, name in get_month_names(width, context, place).items():
                    plain = normalise(name)
                    for written in (plain.rstrip("."), without_accents(plain).rstrip(".")):
                        found.setdefault(written, set()).add(month)
    return {name: sorted(months) for name, months in found.items()}


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
