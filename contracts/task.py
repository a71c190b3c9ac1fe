"""A task: a named job with a contract, as it stands in a YAML file."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from contracts.canonical import content_hash, stable_bytes
from contracts.output import OutputContract, TextOutput
from contracts.route import Action
from contracts.verification import Verification

TASK_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""A DNS label: it goes into file names, metric labels and `task@version`."""

TaskName = Annotated[str, StringConstraints(pattern=rf"^{TASK_NAME.pattern}$")]
Example = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WithoutPool(StrEnum):
    """What happens to a request that should escalate when no escalation pool is configured."""

    ANSWER = "answer"
    REFUSE = "refuse"


class Sampling(_Section):
    """Defaults for what the request leaves open."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=512, ge=1, le=131_072)


class Policy(_Section):
    """Bounds over all attempts of one request, and what to do at them.

    `stream` is how a stream leaves where the request does not say: as it comes, or once it is proven. Without
    it, what the grammar guards wholly passes. `allow_partial_grammar` accepts that a grammar forces a part of
    the output contract and the rest is verified; without it, unless the contract is strict.
    `on_unproven` says how a request ends when no attempt gave a proven answer: with an error, or with
    the sentence `refusal` as a refusal.
    """

    deadline_seconds: float = Field(default=60.0, gt=0, le=3600)
    max_cost_usd: float | None = Field(default=None, gt=0)
    may_escalate: bool = True
    without_escalation_pool: WithoutPool = WithoutPool.ANSWER
    stream: Literal["passthrough", "verified"] | None = None
    allow_partial_grammar: bool | None = None
    on_unproven: Literal["error", "refuse"] = "error"
    refusal: str = Field(
        default="No answer could be proven right, so none is given.", min_length=1, max_length=500
    )


class Retrieval(_Section):
    """Which collection is read before the answer, and how much of it."""

    collection: str = Field(min_length=1)
    passages: int = Field(default=4, ge=1, le=50)


class Task(_Section):
    """One version of a task; its version is the hash of its content.

    `instructions` is the system prompt and `prompt` the user turn, both Jinja templates over `input`,
    `variables` and `passages` (see `contracts.prompt`). `action` is what the router does for this
    task; `examples` are prompts that the router learns the task from.
    """

    schema_version: int = Field(default=1, ge=1, le=1)
    name: TaskName
    description: str = Field(min_length=1, max_length=2000)
    base_model: str = Field(min_length=1)
    action: Action = Action.ANSWER
    instructions: str = Field(default="", max_length=50_000)
    prompt: str = Field(default="{{ input }}", min_length=1, max_length=50_000)
    variables: dict[str, str] = Field(default_factory=dict)
    output: OutputContract = Field(default_factory=TextOutput)
    sampling: Sampling = Field(default_factory=Sampling)
    policy: Policy = Field(default_factory=Policy)
    retrieval: Retrieval | None = None
    verification: Verification = Field(default_factory=Verification)
    examples: tuple[Example, ...] = Field(default=(), max_length=10_000)

    @field_validator("action")
    @classmethod
    def _serves(cls, action: Action) -> Action:
        if action not in (Action.ANSWER, Action.RETRIEVE):
            raise ValueError(f"a task's action is 'answer' or 'retrieve', not {action.value!r}")
        return action

    @field_validator("output", mode="before")
    @classmethod
    def _is_resolved(cls, output: object) -> object:
        """Who may import the type has put its contract in its place by now."""
        if isinstance(output, dict) and output.get("kind") == "python_type":
            raise ValueError("a Python type is resolved by the gateway alone; write out what it stands for")
        return output

    @cached_property
    def output_hash(self) -> str:
        """First 12 hexadecimal digits of the hash of the output contract alone."""
        return content_hash(stable_bytes(self.output.model_dump(mode="json", by_alias=True)))[:12]

    @cached_property
    def version(self) -> str:
        """First 12 hexadecimal digits of the content hash."""
        return content_hash(stable_bytes(self._content()))[:12]

    def _content(self) -> dict[str, Any]:
        """All fields, less those of `_ADDED` at their defaults: what never names them keeps its version."""
        content = self.model_dump(mode="json", by_alias=True)
        for path in _ADDED:
            fields, default = content, _DEFAULTS
            for key in path[:-1]:
                fields, default = fields[key], default[key]
            if fields[path[-1]] == default[path[-1]]:
                del fields[path[-1]]
        return content


_ADDED = (
    ("verification",),
    ("policy", "stream"),
    ("policy", "allow_partial_grammar"),
    ("policy", "on_unproven"),
    ("policy", "refusal"),
)
"""Fields that came after the first versions were written into adapters and reports."""

_DEFAULTS = Task(name="defaults", description="-", base_model="-").model_dump(mode="json", by_alias=True)
