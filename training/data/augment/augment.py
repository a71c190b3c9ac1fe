"""Augmentation of extraction examples: new values where the old ones stand, in the text and in the output.

Mention replacement as in Dai and Adel, "An Analysis of Simple Data Augmentation for Named Entity
Recognition" (COLING 2020): a value that stands literally in the text is replaced by another row's value of
the same field, as that row writes it. What the model must learn is where a value stands, not the value.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from training.data.augment.spans import find_value
from training.data.augment.values import new_digits, scaled_amounts, shifted_date, with_noise
from training.data.augment.variation import varied, words_of
from training.data.examples import Example
from training.errors import DatasetError
from training.spans import Span, replace_spans

_READ = "0O1Il5S8B2Z6GNHDEFTRPUVCMA:,"
_MISREAD = "O0I11S5B8Z2G6HNOFEIPRVUGN4.."
CONFUSIONS: Mapping[str, str] = dict(zip(_READ, _MISREAD, strict=True))
"""Characters that optical recognition takes for each other."""


class FieldKind(StrEnum):
    """How a field gets new values: from other rows, by moving a date, or by scaling all amounts."""

    SWAP = "swap"
    DATE = "date"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is changed; shares and rates lie in [0, 1].

    `unchanged_ratio` is the share of copies that are the row itself, `swap_ratio` the share of the others in
    which a swapped field changes, `vary_ratio` the share in which such a field, swapped or not, gets words,
    digits and letters that no row has (see `variation`), `noise_rate` the share of characters outside of the
    values that are misread in a noisy copy, and `drop_ratio` the largest share of lines without a value that
    are left out.
    """

    fields: Mapping[str, FieldKind]
    unchanged_ratio: float = 0.33
    swap_ratio: float = 0.5
    vary_ratio: float = 0.0
    noise_rate: float = 0.01
    drop_ratio: float = 0.15
    new_numbers: bool = True


@dataclass(frozen=True, slots=True)
class _Value:
    """A value as an output has it and as its text writes it, line breaks included."""

    output: str
    written: str


@dataclass(frozen=True, slots=True)
class _Pool:
    """What one field holds in all rows: its values, and the words that they are made of."""

    values: Sequence[_Value]
    words: Sequence[str]


def augmented(examples: Sequence[Example], plan: Plan, copies: int, seed: int) -> Iterator[Example]:
    """Yield `copies` changed copies of every example; the same arguments give the same rows.

    A field that does not stand in its text is left alone. Ids get the suffix `~<copy>`, `source` names the
    row that a copy was made of, and the group stays, so that a copy never crosses a split.

    Raises:
        DatasetError: an output is no JSON object, or has none of the plan's fields.
    """
    _check(examples, plan)
    pools = {name: _pool(examples, name) for name, kind in plan.fields.items() if kind is FieldKind.SWAP}
    for copy in range(copies):
        for example in examples:
            rng = random.Random(f"{seed}/{copy}/{example.id}")  # noqa: S311 - variety, no secret
            changes = rng.random() >= plan.unchanged_ratio
            yield (_copy(example, plan, pools, rng) if changes else example).model_copy(
                update={
                    "id": f"{example.id}~{copy}",
                    "group": example.group or example.id,
                    "source": f"augmented:{example.id}",
                }
            )


def _check(examples: Sequence[Example], plan: Plan) -> None:
    for example in examples:
        if not isinstance(example.output, Mapping):
            raise DatasetError(
                f"row {example.id!r}: only rows whose output is a JSON object can be augmented"
            )
        missing = sorted(plan.fields.keys() - example.output.keys())
        if missing:
            raise DatasetError(f"row {example.id!r}: its output has no field {missing[0]!r} to augment")


def _copy(example: Example, plan: Plan, pools: Mapping[str, _Pool], rng: random.Random) -> Example:
    text, output = example.text, dict(example.output)
    for name, pool in pools.items():
        spans = _spans(output.get(name), text)
        if spans and pool.values and rng.random() < plan.swap_ratio:
            chosen = rng.choice(pool.values)
            text = replace_spans(text, [(span, chosen.written) for span in spans])
            output[name] = chosen.output
        if plan.vary_ratio and rng.random() < plan.vary_ratio:
            text, output[name] = _varied(text, output.get(name), pool.words, rng)
    for name in _of_kind(plan, FieldKind.DATE):
        moved = shifted_date(output[name], rng) if _spans(output.get(name), text) else None
        if moved:
            text = replace_spans(text, [(span, moved) for span in find_value(output[name], text)])
            output[name] = moved
    text, output = _scaled(text, output, _of_kind(plan, FieldKind.AMOUNT), rng)
    return example.model_copy(update={"text": _disturbed(text, output, plan, rng), "output": output})


def _varied(text: str, value: object, words: Sequence[str], rng: random.Random) -> tuple[str, object]:
    spans = _spans(value, text)
    if not spans:
        return text, value
    places = [text[span.start : span.end] for span in spans]
    new, written = varied(str(value), places, words, CONFUSIONS, rng)
    changed = replace_spans(text, list(zip(spans, written, strict=True)))
    return (changed, new) if find_value(new, changed) else (text, value)


def _scaled(
    text: str, output: dict[str, object], names: Sequence[str], rng: random.Random
) -> tuple[str, dict[str, object]]:
    if not any(_spans(output.get(name), text) for name in names):
        return text, output
    scale = scaled_amounts(rng)
    changed = {name: scale(str(output[name])) for name in names if output.get(name)}
    scaled = scale(text)
    lost = any(_spans(output[name], text) and not _spans(value, scaled) for name, value in changed.items())
    return (text, output) if lost else (scaled, output | changed)


def _disturbed(text: str, output: Mapping[str, object], plan: Plan, rng: random.Random) -> str:
    """Lines without a value are dropped, misread or given other numbers; a value's lines stay as they are.

    Where a value does not stand in the text as it is written, no line is known to be without it.
    """
    if any(isinstance(value, str) and not find_value(value, text) for value in output.values()):
        return text
    kept = [span for value in output.values() for span in _spans(value, text)]
    dropped = rng.uniform(0, plan.drop_ratio)
    rate = plan.noise_rate if rng.random() < 0.5 else 0.0
    renumbered = plan.new_numbers and rng.random() < 0.5
    lines, at = [], 0
    for line in text.split("\n"):
        span = Span(at, at + len(line))
        at += len(line) + 1
        if any(span.overlaps(value) for value in kept):
            lines.append(line)
        elif rng.random() >= dropped:
            lines.append(with_noise(_renumbered(line, rng) if renumbered else line, rate, rng, CONFUSIONS))
    return "\n".join(lines)


def _renumbered(line: str, rng: random.Random) -> str:
    """Long codes get other digits; amounts and short numbers keep theirs."""
    digits = sum(character.isdigit() for character in line)
    return new_digits(line, rng) if digits >= 6 and "." not in line else line


def _pool(examples: Sequence[Example], name: str) -> _Pool:
    """Each distinct value once, so that a frequent one is not swapped in more often than a rare one."""
    found: dict[str, _Value] = {}
    for example in examples:
        value = example.output.get(name)
        for span in _spans(value, example.text)[:1]:
            found.setdefault(str(value), _Value(str(value), example.text[span.start : span.end]))
    return _Pool([found[key] for key in sorted(found)], words_of(list(found)))


def _of_kind(plan: Plan, kind: FieldKind) -> list[str]:
    return [name for name, one in plan.fields.items() if one is kind]


def _spans(value: object, text: str) -> list[Span]:
    return find_value(value, text) if isinstance(value, str) else []
