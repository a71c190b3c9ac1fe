"""A second model, asked yes or no about an answer: the question as a job, and how its reply is read."""

from __future__ import annotations

from dataclasses import replace

from contracts.output import ChoiceOutput
from contracts.prompt import render_question
from contracts.verification import Verifier
from gateway.records import AttemptKind, Job, ToolUse

_YES, _NO = "yes", "no"
_INSTRUCTIONS = "You check answers. Reply with yes or no only."
_MAX_TOKENS = 4


def verifier_job(job: Job, verifier: Verifier, *, pool: str, input_text: str, answer_text: str) -> Job:
    """Write the question to the verifier's model on its pool, within the deadline of the job it judges.

    Raises:
        PromptError: the question's template fails.
    """
    question = render_question(verifier.question, input_text, answer_text)
    return replace(
        job,
        kind=AttemptKind.VERIFIER,
        route=replace(job.route, pool=pool, model=verifier.model, adapter=None),
        messages=({"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": question}),
        prompt=None,
        output=ChoiceOutput(kind="choice", choices=(_YES, _NO)),
        call=None,
        tools=(),
        tool_use=ToolUse.NONE,
        sampling={"temperature": 0.0},
        max_tokens=_MAX_TOKENS,
        is_max_tokens_fixed=True,
        choices=1,
        stream=False,
    )


def verdict_of(text: str) -> bool:
    """Whether the reply is yes; anything else is no, since what does not confirm is no proof."""
    return text.strip().casefold() == _YES
