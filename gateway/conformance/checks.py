"""What a task asks of an answer beyond its contract: rules, grounding, and a second model's yes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

from contracts.canonical import JsonValue
from contracts.prompt import PromptError
from contracts.task import Task
from contracts.verification import Verifier
from gateway.conformance._draft import Draft
from gateway.conformance.attempts import AttemptLog, Attempts
from gateway.errors import EngineError, GatewayError
from gateway.intake.strict_json import StrictJsonError, loads
from gateway.intake.violation import Violation, ViolationKind
from gateway.records import Chat, Delta, Job
from gateway.verification.grounding import SourceIndex, ungrounded
from gateway.verification.rules import CompiledRules, compile_rules
from gateway.verification.verifier import verdict_of, verifier_job

Generate = Callable[[Job], AsyncGenerator[Delta]]
MAX_KEPT = 256
LONG_SOURCE_CHARS = 20_000
"""Indexing a longer input takes milliseconds, which are spent in a thread."""


class TaskChecks:
    """Makes the checks of one request; `model_pools` says where a second model is served."""

    def __init__(self, attempts: Attempts, model_pools: Mapping[str, str]) -> None:
        self._attempts = attempts
        self._model_pools = model_pools
        self._rules: OrderedDict[str, CompiledRules] = OrderedDict()

    def of(self, chat: Chat, job: Job, generate: Generate, trace: AttemptLog) -> RequestChecks | None:
        """The checks that the request's task asks for; None where it asks for none."""
        task = job.route.task
        if task is None or not _asks(task):
            return None
        asker = None
        verifier = task.verification.verifier
        if verifier is not None:
            pool = self._model_pools[verifier.model]
            asker = SecondModel(verifier, pool, job, attempts=self._attempts, generate=generate, trace=trace)
        return RequestChecks(task, chat.text, self._compiled(task), asker)

    def _compiled(self, task: Task) -> CompiledRules:
        rules = self._rules.get(task.version)
        if rules is None:
            rules = self._rules[task.version] = compile_rules(task.verification.rules)
            if len(self._rules) > MAX_KEPT:
                self._rules.popitem(last=False)
        return rules


def _asks(task: Task) -> bool:
    asked = task.verification
    return bool(asked.rules) or asked.grounding is not None or asked.verifier is not None


class SecondModel:
    """Asks the verifier's model about an answer; each question is an attempt, with its cost."""

    def __init__(
        self,
        verifier: Verifier,
        pool: str,
        job: Job,
        *,
        attempts: Attempts,
        generate: Generate,
        trace: AttemptLog,
    ) -> None:
        self._verifier = verifier
        self._pool = pool
        self._job = job
        self._attempts = attempts
        self._generate = generate
        self._trace = trace

    async def confirms(self, source: str, text: str) -> bool:
        """Whether it says yes.

        Raises:
            GatewayError: it could not be asked, so the answer is not proven.
        """
        try:
            job = verifier_job(
                self._job, self._verifier, pool=self._pool, input_text=source, answer_text=text
            )
        except PromptError as error:
            raise EngineError(f"the verifier's question could not be written: {error}") from error
        draft = Draft()
        with self._attempts.noting(job, draft, self._trace):
            try:
                await draft.fill(self._generate(job))
            except GatewayError as error:
                raise EngineError(f"the verifying model could not be asked: {error.message}") from error
        return bool(draft.choices) and all(verdict_of(choice.text) for choice in draft.choices.values())


@dataclass(slots=True)
class RequestChecks:
    """The checks of one request. The input is indexed once, for whatever attempts there are."""

    task: Task
    source: str
    rules: CompiledRules
    second_model: SecondModel | None
    _index: SourceIndex | None = None

    async def violations(self, text: str) -> tuple[Violation, ...]:
        """Check rules and grounding, and ask the second model about what keeps them.

        Raises:
            GatewayError: the second model could not be asked.
        """
        if len(self.source) > LONG_SOURCE_CHARS:
            found = await asyncio.to_thread(self._checked, text)
        else:
            found = self._checked(text)
        verifier = self.task.verification.verifier
        if found or self.second_model is None or verifier is None:
            return found
        if await self.second_model.confirms(self.source, text):
            return ()
        return (Violation("", verifier.message, ViolationKind.VERIFIER, "verifier"),)

    def _checked(self, text: str) -> tuple[Violation, ...]:
        try:
            value: JsonValue = loads(text)
        except StrictJsonError:
            value = text  # a choice, or free text: rules read it as a string
        found = self.rules.check(value, self.source)
        grounding = self.task.verification.grounding
        if grounding is None:
            return found
        if self._index is None:
            self._index = SourceIndex(self.source, dates=grounding.dates)
        return found + ungrounded(grounding, value, self._index)
