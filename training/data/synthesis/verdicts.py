"""Which candidates become examples: each is checked by itself, then against all the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.canonical import JsonValue
from contracts.output import JsonObjectOutput, JsonSchemaOutput, RegexOutput
from contracts.task import Task
from training.data.examples import Conformity, Example
from training.data.pipeline.near import Alike, fold, sketches_of, sweep_near
from training.data.synthesis.dialects import value_schema
from training.data.synthesis.grounding import ungrounded
from training.data.synthesis.spec import Checks
from training.errors import MissingLibraryError
from training.recipes.encode import target_text

_WORD: Final = re.compile(r"[^\W_]{4,}")
_NAMED_POINTERS: Final = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may become a row. `material` is the passage that it was written from, if it was."""

    id: str
    text: str
    output: JsonValue
    job: str
    group: str = ""
    slice: str = ""
    source: str = ""
    material: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What became no row, with a reason to count by and a sentence."""

    reason: str
    detail: str
    job: str
    text: str = ""
    output: JsonValue = None


class Verifier:
    """Checks one candidate by itself; the contract is compiled once."""

    def __init__(self, task: Task, checks: Checks) -> None:
        self._task = task
        self._checks = checks
        self._conformity = Conformity(task.output)
        self._pattern = _pattern(task)
        is_json = isinstance(task.output, JsonSchemaOutput | JsonObjectOutput)
        self._must_be_grounded = checks.grounded == "always" or (checks.grounded == "auto" and is_json)
        self._schema = value_schema(task)

    def rejection(self, candidate: Candidate) -> Rejected | None:
        """Why the candidate is no example; None if it is one."""
        found = (
            self._breach(candidate)
            or self._length(candidate)
            or self._without_ground(candidate)
            or self._beside_material(candidate)
        )
        if found is None:
            return None
        return Rejected(*found, candidate.job, candidate.text, candidate.output)

    def _breach(self, candidate: Candidate) -> tuple[str, str] | None:
        try:
            json.dumps([candidate.text, candidate.output], ensure_ascii=False).encode()
            violation = self._conformity.violation(candidate.output)
        except UnicodeEncodeError:
            violation = "half of a surrogate pair is no text"
        if not violation and self._pattern and not self._pattern(candidate.output):
            violation = "the text does not match the pattern"
        return ("breaks_contract", violation) if violation else None

    def _length(self, candidate: Candidate) -> tuple[str, str] | None:
        checks, length = self._checks, len(candidate.text)
        if not checks.min_text_chars <= length <= checks.max_text_chars:
            return (
                "text_length",
                f"{length} characters; from {checks.min_text_chars} to {checks.max_text_chars}",
            )
        written = len(target_text(self._task, candidate.output))
        if written == 0 or written > checks.max_output_chars:
            return "output_length", f"{written} characters; at most {checks.max_output_chars}, and not none"
        return None

    def _without_ground(self, candidate: Candidate) -> tuple[str, str] | None:
        if not self._must_be_grounded:
            return None
        missing = ungrounded(candidate.output, self._schema, candidate.text, self._checks.ungrounded)
        if not missing:
            return None
        named = ", ".join(pointer or "/" for pointer in missing[:_NAMED_POINTERS])
        return "ungrounded", f"not in the text: {named}"

    def _beside_material(self, candidate: Candidate) -> tuple[str, str] | None:
        """Words of four letters and more that the passage has too, over all of the text's."""
        if not candidate.material or not self._checks.min_document_share:
            return None
        words = set(_WORD.findall(fold(candidate.text)))
        share = len(words & set(_WORD.findall(fold(candidate.material)))) / len(words) if words else 0.0
        if share >= self._checks.min_document_share:
            return None
        return "beside_the_document", f"shares {share:.2f} of its words with the passage"


def drop_alike(
    candidates: Sequence[Candidate], checks: Checks, shots: Sequence[Example], avoided: Mapping[str, str]
) -> tuple[list[Candidate], list[Rejected]]:
    """Leave out what is too like a shown example, a text to avoid or an earlier candidate.

    `avoided` are texts with the name of their file. Of near duplicates the first stays.

    Raises:
        MissingLibraryError: `datasketch` is not installed.
    """
    texts = [*(one.text for one in shots), *avoided, *(one.text for one in candidates)]
    first = len(shots) + len(avoided)
    kept: list[Candidate] = []
    rejected: list[Rejected] = []
    limits = _Limits(
        shots=len(shots),
        avoided=len(avoided),
        copy=checks.copy_of_shot,
        near=checks.near_duplicate if checks.near_duplicate is not None else 1.0,
    )

    def decide(position: int, alike: Alike) -> bool:
        if position < first:
            return True
        candidate = candidates[position - first]
        reason = next(filter(None, (limits.reason(*pair) for pair in alike)), "")
        if reason:
            detail = f"similarity {max(similarity for _, similarity in alike):.2f}"
            rejected.append(Rejected(reason, detail, candidate.job, candidate.text, candidate.output))
            return False
        kept.append(candidate)
        return True

    if candidates:
        sketches = sketches_of(texts, len(texts))
        sweep_near(texts, sketches, min(limits.copy, limits.near), range(len(texts)), decide)
    return kept, rejected


@dataclass(frozen=True, slots=True)
class _Limits:
    """How alike is too alike, by what stands at a position: shots first, then what is to be avoided."""

    shots: int
    avoided: int
    copy: float
    near: float

    def reason(self, other: int, similarity: float) -> str:
        if other < self.shots:
            return "copy_of_a_shot" if similarity >= self.copy else ""
        if similarity < self.near:
            return ""
        return "resembles_avoided" if other < self.shots + self.avoided else "near_duplicate"


def _pattern(task: Task) -> Callable[[object], bool] | None:
    if not isinstance(task.output, RegexOutput):
        return None
    try:
        import jsonschema_rs  # noqa: PLC0415 - an engine's environment may lack it
    except ModuleNotFoundError as error:
        raise MissingLibraryError("jsonschema-rs") from error
    return jsonschema_rs.validator_for(value_schema(task)).is_valid
