"""How a report writes numbers, times and texts that it must not trust."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime

from contracts.evaluation import MetricVerdict
from training.evaluate.metric_names import kind_of

NOTHING = "–"
_KEPT = frozenset("\n\t")
_MAX_CHARACTERS = 3000


def visible(text: str) -> str:
    """Text whose control and direction signs can be seen, cut at 3,000 characters.

    An answer may turn the reading direction of the page, or hold what no HTML file can.
    """
    signs = [
        sign if sign in _KEPT or unicodedata.category(sign) not in ("Cc", "Cf", "Cs") else _named(sign)
        for sign in text[:_MAX_CHARACTERS]
    ]
    rest = len(text) - _MAX_CHARACTERS
    return "".join(signs) + (f" … and {rest} more characters" if rest > 0 else "")


def written(value: object) -> str:
    """A value as it is read: text as it is, everything else as JSON."""
    if value is None:
        return "null"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def percent(share: float | None) -> str:
    """A share with one decimal; close to the ends with more, so that 99.97 % does not read as all."""
    if share is None:
        return NOTHING
    shown = f"{100 * share:.1f}"
    if shown in ("100.0", "0.0") and share not in (0, 1):
        shown = f"{100 * share:.2f}"
    return f"{shown} %"


def seconds(value: float | None) -> str:
    """Seconds, or milliseconds below one."""
    if value is None:
        return NOTHING
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.2f} s"


def moment(time: datetime) -> str:
    """A time to the minute, in UTC."""
    return (time.astimezone(UTC) if time.tzinfo else time).strftime("%Y-%m-%d %H:%M UTC")


def amount(metric: str, value: float | None) -> str:
    """A metric's value in its unit."""
    if value is None:
        return NOTHING
    if metric.endswith("_seconds"):
        return seconds(value)
    return f"${value:.6f}" if metric.endswith("_usd") else percent(value)


def gain(value: float | None) -> str:
    """A difference of shares in points, with its sign."""
    if value is None:
        return NOTHING
    shown = f"{100 * value:+.1f}"
    return "0.0" if shown in ("+0.0", "-0.0") else shown


def between(low: str, high: str) -> str:
    """An interval, or nothing where there is none."""
    return "" if NOTHING in (low, high) else f"{low} to {high}"


def bound(row: MetricVerdict) -> str:
    """What a metric has to hold, in words."""
    words = []
    if row.minimum is not None:
        words.append(f"at least {amount(row.metric, row.minimum)}")
    if row.maximum is not None:
        words.append(f"at most {amount(row.metric, row.maximum)}")
    if row.max_regression is not None:
        unit = "%" if row.is_relative else "points"
        words.append(f"no more than {100 * row.max_regression:g} {unit} worse")
    return ", ".join(words) or NOTHING


def counts(*groups: Mapping[str, int]) -> str:
    """How often each thing was seen."""
    return ", ".join(f"{count} × {visible(name)}" for group in groups for name, count in group.items())


def explained(metric: str) -> str:
    """What a metric counts; empty for a name from elsewhere."""
    kind = kind_of(metric)
    return kind.what if kind else ""


def _named(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"
