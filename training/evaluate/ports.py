"""What an evaluation is built from: who is asked, and who perturbs rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.canonical import JsonForm
from contracts.evaluation import Judged
from training.data.examples import Example
from training.evaluate.asking import Answer
from training.evaluate.golden import GoldenRow


class Asker(Protocol):
    """Something that answers a task's inputs: a gateway, an engine, or a model in this process.

    The task, its prompt and its grammar are the asker's own matter: it is given the examples alone. What
    fails is an `Answer` with an `error`, in its place; `on_answer` is called once for every answer.
    """

    async def ask(self, examples: Sequence[Example], on_answer: Callable[[], None]) -> list[Answer]:
        """Answers in the order of the examples."""


class Suite(Protocol):
    """Perturbs rows so that the right answer stays the same; equal rows and seed give equal variants."""

    @property
    def name(self) -> str:
        """Stands in `GoldenRow.suite` of its variants."""

    def variants(self, rows: Sequence[GoldenRow], seed: int) -> list[GoldenRow]:
        """New rows with `variant_of`, `suite` and an id of their own; rows it cannot perturb are left out."""


@dataclass(frozen=True, slots=True)
class Party:
    """One side of an evaluation: what the report calls it, whom to ask, and through what.

    `is_constrained` says that the contract's grammar is forced, where the contract has one; `json_form`
    is the layout that it forces.
    """

    judged: Judged
    asker: Asker
    through: str
    is_constrained: bool = True
    json_form: JsonForm = JsonForm.COMPACT
