"""Scoring of structured answers: one rule for fields, records and intervals, for every evaluation."""

from __future__ import annotations

import json
import math
import random
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from contracts.output import JsonObjectOutput, JsonSchemaOutput, OutputContract
from training.data.examples import Conformity
from training.data.strict_json import parse_json
from training.evaluate.matching import Matched, match_fields

_Z95 = 1.959964
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class RecordScore:
    """One answer against its gold. `fields` says for each gold field whether it is exactly right.

    `matched` compares leniently, and `value` is what the answer says: the parsed JSON, or the text.
    """

    id: str
    slice: str
    fields: Mapping[str, bool]
    is_valid: bool
    matched: Mapping[str, Matched] = field(default_factory=dict)
    value: object = None

    @property
    def is_exact(self) -> bool:
        """Whether the answer keeps the contract and every field is right."""
        return self.is_valid and all(self.fields.values())


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval."""

    correct: int
    total: int
    rate: float
    low: float
    high: float


class Scorer:
    """Compares answers with gold outputs under one output contract."""

    def __init__(self, contract: OutputContract) -> None:
        self._conformity = Conformity(contract)
        self._is_json = isinstance(contract, JsonSchemaOutput | JsonObjectOutput)

    def score(self, record_id: str, gold: object, answer: str | None, slice_name: str = "") -> RecordScore:
        """Score an answer's text; None (no answer) and text that is no JSON have every field wrong."""
        gold_fields = gold if isinstance(gold, Mapping) else {"value": gold}
        is_read, value = _parsed(answer, is_json=self._is_json)
        got = value if isinstance(value, Mapping) else {} if isinstance(gold, Mapping) else {"value": value}
        fields = {
            name: is_read and name in got and same_value(wanted, got[name])
            for name, wanted in gold_fields.items()
        }
        valid = is_read and self._conforms(value)
        matched = match_fields(gold_fields, got)
        return RecordScore(record_id, slice_name, fields, valid, matched, value)

    def _conforms(self, value: object) -> bool:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return False  # half of a surrogate pair is no text, and nobody could send it on
        return not self._conformity.violation(value)


def same_value(wanted: object, got: object) -> bool:
    """Numbers compare as numbers, strings after Unicode NFC and trimming; a boolean is no number."""
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return Decimal(repr(wanted)) == Decimal(repr(got))
    if isinstance(wanted, str) and isinstance(got, str):
        return _plain(wanted) == _plain(got)
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        return wanted.keys() == got.keys() and all(same_value(wanted[key], got[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same_value, wanted, got))
    return wanted is None and got is None


def wilson(correct: int, total: int) -> Rate:
    """A share of independent trials with its Wilson interval, which is [0, 1] where there were none."""
    if total == 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    share, squared = correct / total, _Z95**2 / total
    centre = (share + squared / 2) / (1 + squared)
    margin = _Z95 / (1 + squared) * math.sqrt(share * (1 - share) / total + squared / (4 * total))
    return Rate(correct, total, share, max(0.0, centre - margin), min(1.0, centre + margin))


def field_rate(scores: Sequence[RecordScore], seed: int = 0) -> Rate:
    """Fields right over all fields; the interval resamples whole records, whose fields err together."""
    right = [sum(score.fields.values()) for score in scores]
    counts = [len(score.fields) for score in scores]
    total = sum(counts)
    if total == 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    if sum(right) in (0, total):  # resampling sees no variance there
        edge = wilson(sum(right), total)
        return Rate(sum(right), total, edge.rate, edge.low, edge.high)
    low, high = _resampled(list(zip(right, counts, strict=True)), seed)
    return Rate(sum(right), total, sum(right) / total, low, high)


def paired_difference(
    first: Sequence[RecordScore], second: Sequence[RecordScore], seed: int = 0
) -> tuple[float, float, float]:
    """Field rate of `first` minus that of `second` on the same records, with its 95 % bootstrap interval."""
    pairs = [
        (sum(one.fields.values()) - sum(other.fields.values()), len(one.fields))
        for one, other in zip(first, second, strict=True)
    ]
    total = sum(count for _, count in pairs)
    if total == 0:
        return 0.0, -1.0, 1.0
    low, high = _resampled(pairs, seed)
    return sum(gain for gain, _ in pairs) / total, low, high


def _resampled(pairs: Sequence[tuple[int, int]], seed: int) -> tuple[float, float]:
    rng = random.Random(seed)  # noqa: S311 - resampling, no secret
    ratios = []
    for _ in range(_RESAMPLES):
        drawn = rng.choices(pairs, k=len(pairs))
        ratios.append(sum(part for part, _ in drawn) / sum(whole for _, whole in drawn))
    ratios.sort()
    return ratios[int(_RESAMPLES * 0.025)], ratios[int(_RESAMPLES * 0.975) - 1]


def _parsed(answer: str | None, *, is_json: bool) -> tuple[bool, object]:
    """Whether there is an answer that can be read, and what it says."""
    if answer is None or not is_json:
        return answer is not None, answer
    try:
        return True, parse_json(answer)
    except ValueError:
        return False, None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
