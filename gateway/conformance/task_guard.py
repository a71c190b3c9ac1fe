"""What is asked of a task before it may serve: its contract, and what verifies beyond it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from contracts.output import JsonSchemaOutput, OutputContract
from contracts.prompt import PromptError, render_question
from contracts.task import Task
from gateway.errors import SchemaUnsupportedError
from gateway.intake.verdict import Verdict, VerdictKind
from gateway.verification.grounding import load_languages
from gateway.verification.rules import compile_rules


class Admits(Protocol):
    """Intake, or what stands in for it where nothing is served."""

    def admit(self, contract: OutputContract) -> Verdict:
        """Vet a contract. Raises SchemaUnsupportedError where it is refused."""


class TaskGuard:
    """`models` are those that a second model may be one of; None: any."""

    def __init__(self, intake: Admits, models: Collection[str] | None) -> None:
        self._intake = intake
        self._models = models

    def __call__(self, task: Task) -> None:
        """Check one task.

        Raises:
            SchemaUnsupportedError: its contract is refused, or strict and not wholly forced.
            ValueError: a rule does not compile, or the verifier cannot be asked.
        """
        self._check_contract(task)
        asked = task.verification
        compile_rules(asked.rules)
        if asked.grounding is not None:
            load_languages()
        if asked.verifier is None:
            return
        if self._models is not None and asked.verifier.model not in self._models:
            raise ValueError(
                f"verifier.model: no pool serves {asked.verifier.model!r}; served: {sorted(self._models)}"
            )
        try:
            render_question(asked.verifier.question, "some input", "{}")
        except PromptError as error:
            raise ValueError(f"verifier.question: {error}") from error

    def _check_contract(self, task: Task) -> None:
        verdict = self._intake.admit(task.output)
        allowed = task.policy.allow_partial_grammar
        if allowed is None:
            allowed = not (isinstance(task.output, JsonSchemaOutput) and task.output.strict)
        if verdict.kind is VerdictKind.PARTLY and not allowed:
            raise SchemaUnsupportedError(
                "the grammar can force only a part of it, and strict asks for all; set "
                f"policy.allow_partial_grammar to have the rest verified: {verdict.sentence()}"
            )
