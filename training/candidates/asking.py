"""Asking the candidates: all at once, yet none disturbs the times of another on the same server."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import httpx

from contracts.canonical import JsonValue
from contracts.prompt import PromptError
from contracts.task import Task
from training.candidates.spec import BenchSpec, Candidate
from training.data.examples import Example, read_dataset
from training.data.synthesis.dialects import Shot, answer_of, shots_of, task_request
from training.data.synthesis.spec import read_key
from training.data.synthesis.wire import Reply, post_chat
from training.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Arm:
    """One candidate, shown so many examples."""

    candidate: Candidate
    shots: int

    @property
    def label(self) -> str:
        """What the report calls it."""
        return f"{self.candidate.label} ({self.shots}-shot)"


@dataclass(frozen=True, slots=True)
class Material:
    """What all arms are asked about, and what they may be shown; both files' hashes."""

    rows: tuple[Example, ...]
    shown: tuple[Example, ...]
    rows_sha256: str
    shown_sha256: str


def arms_of(spec: BenchSpec) -> tuple[Arm, ...]:
    """Every candidate with every number of shots."""
    return tuple(Arm(candidate, shots) for candidate in spec.candidates for shots in spec.shots)


def read_material(spec: BenchSpec, task: Task) -> Material:
    """Read rows and examples; of more rows than the limit, a sample that the seed decides.

    Raises:
        DatasetError: a file is wrong, there are too few examples, or one of them is also a row.
    """
    read = read_dataset(spec.rows, task.output)
    rows = read.examples
    if len(rows) > spec.limit:
        rng = random.Random(f"rows/{spec.seed}")  # noqa: S311 - reproducible sample, no secret
        chosen = sorted(rng.sample(range(len(rows)), spec.limit))
        rows = tuple(rows[place] for place in chosen)
    if spec.examples is None:
        return Material(rows, (), read.sha256, "")
    given = read_dataset(spec.examples, task.output)
    most = max(spec.shots)
    if len(given.examples) < most:
        raise DatasetError(f"{spec.examples}: {len(given.examples)} rows, and {most} are to be shown")
    texts = {row.text.strip() for row in rows}
    leaked = next((one.id for one in given.examples if one.text.strip() in texts), None)
    if leaked is not None:
        raise DatasetError(
            f"{spec.examples}: row {leaked!r} is also asked about; it would show its own answer"
        )
    rng = random.Random(f"shots/{spec.seed}")  # noqa: S311 - reproducible draw, no secret
    return Material(rows, tuple(rng.sample(given.examples, most)), read.sha256, given.sha256)


def arm_request(task: Task, arm: Arm, text: str, shots: Sequence[Shot]) -> dict[str, JsonValue]:
    """The request of one arm for one text.

    Raises:
        DatasetError: the task's prompt cannot be rendered.
    """
    candidate = arm.candidate
    try:
        body = task_request(task, text, model=candidate.model, dialect=candidate.through, shots=shots)
    except PromptError as error:
        raise DatasetError(str(error)) from error
    if candidate.temperature is None:
        body.pop("temperature", None)
    elif candidate.temperature != "task":
        body["temperature"] = candidate.temperature
    limit = candidate.max_tokens or body.pop("max_tokens", None)
    body.pop("max_tokens", None)
    if limit is not None:
        body[candidate.max_tokens_field] = limit
    return {**body, **candidate.extra}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """All requests of one arm, made before the first is sent."""

    arm: Arm
    api_key: str
    bodies: tuple[dict[str, JsonValue], ...]


async def ask_arms(
    spec: BenchSpec,
    task: Task,
    material: Material,
    on_answer: Callable[[Arm], None],
    transport: httpx.AsyncBaseTransport | None = None,
) -> dict[str, list[Reply]]:
    """Replies by the label of their arm, in the order of the rows; each request is made once.

    Raises:
        DatasetError: a key is missing, or the prompt cannot be rendered; nothing was asked then.
    """
    turns: dict[str, list[_Prepared]] = defaultdict(list)
    for arm in arms_of(spec):
        turns[httpx.URL(arm.candidate.url).host].append(_prepared(task, material, arm))
    found: dict[str, list[Reply]] = {}

    async def take_turns(some: Sequence[_Prepared]) -> None:
        for one in some:
            replies = await _ask_arm(spec, one, on_answer, transport)
            through = one.arm.candidate.through
            found[one.arm.label] = [
                replace(reply, text=answer_of(task, reply.text, through)) for reply in replies
            ]

    async with asyncio.TaskGroup() as group:
        for some in turns.values():
            group.create_task(take_turns(some))
    return {arm.label: found[arm.label] for arm in arms_of(spec)}


def _prepared(task: Task, material: Material, arm: Arm) -> _Prepared:
    candidate = arm.candidate
    shots = shots_of(task, material.shown[: arm.shots])
    bodies = tuple(arm_request(task, arm, row.text, shots) for row in material.rows)
    return _Prepared(arm, read_key(candidate.api_key_env, candidate.api_key_file), bodies)


async def _ask_arm(
    spec: BenchSpec,
    prepared: _Prepared,
    on_answer: Callable[[Arm], None],
    transport: httpx.AsyncBaseTransport | None,
) -> list[Reply]:
    permits = asyncio.Semaphore(spec.concurrency)
    key = prepared.api_key
    async with httpx.AsyncClient(
        base_url=prepared.arm.candidate.url,
        headers={"authorization": f"Bearer {key}"} if key else {},
        limits=httpx.Limits(max_connections=spec.concurrency),
        timeout=spec.timeout_seconds,
        transport=transport,
    ) as client:

        async def ask(body: dict[str, JsonValue]) -> Reply:
            async with permits:
                reply = await post_chat(client, body, spec.timeout_seconds)
            on_answer(prepared.arm)
            return reply

        for _ in range(spec.warm_up):
            await post_chat(client, prepared.bodies[0], spec.timeout_seconds)
        return await asyncio.gather(*(ask(body) for body in prepared.bodies))
