"""Takes an adapter folder into the store: copied, judged as the copy, and named by its content."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from contracts.evaluation import REPORT_FILE
from contracts.task import Task
from gateway.adapters._engine_calls import listed_models
from gateway.adapters._package import Trust, read_package
from gateway.adapters._pools import pool_of
from gateway.adapters.bases import BaseModel, read_base_model
from gateway.adapters.inspect import inspect_adapter
from gateway.adapters.ports import AdapterPool
from gateway.adapters.store import AdapterStore
from gateway.errors import EngineUnavailableError, InvalidRequestError


@dataclass(frozen=True, slots=True)
class Taken:
    """A version in the store. `report` is one that came with files that the store had already."""

    manifest: AdapterManifest
    is_new: bool
    report: bytes | None = None


class Registrar:
    """Judges folders by what the engines of the task's pool say of their base model."""

    def __init__(self, store: AdapterStore, pools: Sequence[AdapterPool], trust: Trust) -> None:
        self._store = store
        self._pools = pools
        self._trust = trust

    async def take(self, folder: Path, task: Task, json_form: JsonForm | None) -> Taken:
        """Copy, judge and store a folder.

        Raises:
            AdapterRefusedError: what is wrong with it.
            EngineUnavailableError: no engine tells which model it serves.
            InternalError: the store cannot be written.
        """
        pool = pool_of(task.base_model, self._pools)
        base = await _base_model(pool, task.base_model)
        return await asyncio.to_thread(self._take, folder, task, pool, base, json_form)

    def _take(
        self, folder: Path, task: Task, pool: AdapterPool, base: BaseModel, json_form: JsonForm | None
    ) -> Taken:
        with self._store.staging() as staged:
            self._store.stage(folder, staged)
            facts = read_package(staged, task, asked=json_form, trust=self._trust)
            inspection = inspect_adapter(staged, base=base, max_rank=pool.settings.max_lora_rank)
            report = _report_of(staged)
            manifest, is_new = self._store.commit(
                staged, inspection, facts, task=task.name, base_model=task.base_model
            )
        if manifest.json_form is not facts.json_form:
            raise InvalidRequestError(
                f"{manifest.name} is registered as trained on {manifest.json_form.value} JSON; the same "
                f"weights cannot be registered as {facts.json_form.value} too",
                param="json_form",
            )
        return Taken(manifest, is_new, None if is_new else report)


async def _base_model(pool: AdapterPool, name: str) -> BaseModel:
    """What the engines say of the model behind the served name."""
    healthy = [engine for engine in pool.engines if engine.is_healthy]
    if not healthy:
        raise EngineUnavailableError(f"no engine of pool {pool.name!r} is answering; start one first")
    roots = [(await listed_models(engine)).get(name, "") for engine in healthy]
    return await asyncio.to_thread(read_base_model, name, [root for root in roots if root])


def _report_of(folder: Path) -> bytes | None:
    path = folder / REPORT_FILE
    return path.read_bytes() if path.exists() else None
