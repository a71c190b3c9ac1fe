"""Grounding on synthetic invoices: `python -m benchmarks.structured.grounding`, one line of JSON.

A false alarm is a true value that is not found in its invoice. Caught are values that were taken from
another invoice (`swapped`) or changed in one character or by some days (`altered`). Exits 0 when no true
value is refused and at least 99 % of the swapped ones are.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from datetime import date, timedelta
from itertools import islice

from contracts.canonical import JsonScalar
from contracts.verification import Grounding
from gateway.verification import SourceIndex, load_languages, ungrounded
from training.data.invoices import InvoiceRow, Split, invoices

FIELDS = ("invoice_id", "date", "vendor", "total_amount")
GROUNDING = Grounding(pointers=tuple(f"/{field}" for field in FIELDS))
SEED = 2026
ROWS = 2000


def main() -> int:
    """Measure, and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    load_languages()
    rows = list(islice(invoices(given.seed, Split.HELDOUT), given.count))
    checked, refused, tried, caught = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    milliseconds = []
    rng = random.Random(given.seed)
    for number, row in enumerate(rows):
        started = time.perf_counter()
        source = SourceIndex(row.text)
        alarms = ungrounded(GROUNDING, row.output, source)
        milliseconds.append(1000 * (time.perf_counter() - started))
        checked.update(field for field in FIELDS if row.output[field] is not None)
        refused.update(alarm.pointer[1:] for alarm in alarms)
        for kind, wrong in _wrong_values(row, rows[(number + len(rows) // 2) % len(rows)], rng):
            tried[kind] += 1
            field = kind.partition(":")[2]
            caught[kind] += bool(ungrounded(Grounding(pointers=(f"/{field}",)), {field: wrong}, source))
    line = {
        "check": "grounding",
        "ok": not refused and all(caught[kind] >= 0.99 * tried[kind] for kind in tried if "swapped" in kind),
        "rows": len(rows),
        "values": sum(checked.values()),
        "false_alarm_rate": {field: round(refused[field] / checked[field], 5) for field in FIELDS},
        "caught_swapped": {field: _rate(caught, tried, f"swapped:{field}") for field in FIELDS},
        "caught_altered": {field: _rate(caught, tried, f"altered:{field}") for field in FIELDS},
        "milliseconds_p50": round(sorted(milliseconds)[len(rows) // 2], 3),
        "milliseconds_p99": round(sorted(milliseconds)[int(len(rows) * 0.99)], 3),
    }
    print(json.dumps(line))
    return 0 if line["ok"] else 1


def _wrong_values(row: InvoiceRow, other: InvoiceRow, rng: random.Random) -> list[tuple[str, JsonScalar]]:
    """Values that the invoice does not have, by kind and field."""
    found: list[tuple[str, JsonScalar]] = []
    for field in FIELDS:
        true, swapped = row.output[field], other.output[field]
        if swapped is not None and swapped != true:
            found.append((f"swapped:{field}", swapped))
        if true is not None:
            found.append((f"altered:{field}", _altered(true, rng)))
    return found


def _altered(value: str | float, rng: random.Random) -> str | float:
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        days = rng.choice((-1, 1)) * rng.randint(1, 30)
        return (date.fromisoformat(value) + timedelta(days=days)).isoformat()
    if isinstance(value, str):
        return _with_another_character(value, rng)
    return type(value)(_with_another_character(repr(value), rng))


def _with_another_character(text: str, rng: random.Random) -> str:
    place = rng.choice([index for index, character in enumerate(text) if character.isalnum()])
    others = "123456789" if text[place].isdecimal() else "bcdfghklmnprst"
    return (
        text[:place] + rng.choice([one for one in others if one != text[place].lower()]) + text[place + 1 :]
    )


def _rate(caught: Counter[str], tried: Counter[str], kind: str) -> float:
    return round(caught[kind] / tried[kind], 4)


if __name__ == "__main__":
    raise SystemExit(main())
