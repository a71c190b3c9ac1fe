"""Worker processes: limits hold, others hardly wait, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import psutil
import pytest

from contracts.output import JsonSchemaOutput, OutputContract
from gateway.errors import OverloadedError, SchemaUnsupportedError
from gateway.intake.fair_queue import FairTurns, QueueFullError
from gateway.intake.fork_server import ForkServer, WorkerLimitError
from gateway.intake.intake import Intake, IntakeWorkers, Keeps, contract_bytes
from gateway.intake.limits import Limits
from gateway.intake.verdict import VerdictKind
from gateway.intake.workers import WorkerBusyError, Workers, WorkerSettings
from tests.unit.gateway.fakes import schema_output

INTEGER = schema_output({"type": "integer"})


def endless() -> JsonSchemaOutput:
    """Keeps llguidance busy for many seconds, and needs little memory, where no limit stops it."""
    steps = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"type": "object", "properties": {f"k{n}": {}}}]}
        for n in range(16)
    }
    return schema_output({"$defs": {**steps, "d16": {}}, "allOf": [{"$ref": "#/$defs/d0"}] * 3})


def header(**limits: Any) -> dict[str, Any]:
    return {"job": "vet", "limits": asdict(Limits(**limits))}


ENDLESS = header(grammar_symbols=10**7, step_items=50_000, mask_seconds=600, relax_seconds=600)


@asynccontextmanager
async def running(*, memory_bytes: int = 1024**3, cpu: float = 60, **settings: Any) -> AsyncIterator[Workers]:
    server = ForkServer(memory_bytes=memory_bytes, cpu_seconds=cpu)
    workers = Workers(WorkerSettings(**settings), server)
    async with workers.running():
        yield workers


def children() -> list[psutil.Process]:
    """The worker processes, without those that load the libraries for them."""
    servers = [p for p in psutil.Process().children() if "gateway.intake.worker" in " ".join(p.cmdline())]
    return [child for server in servers for child in server.children()]


async def more_than(before: int) -> None:
    """Wait until a fresh process has taken the place of one that is busy."""
    while len(children()) <= before:  # noqa: ASYNC110  # nobody tells of it
        await asyncio.sleep(0.05)


async def vetted(workers: Workers, contract: OutputContract, **options: Any) -> str:
    reply = await workers.ask(header(), contract_bytes(contract), tenant="a", **options)
    return str(reply["kind"])


async def test_a_worker_vets_and_proves_and_is_kept() -> None:
    others = set(children())  # of gateways that other tests keep
    async with running(count=1) as workers:
        assert await vetted(workers, INTEGER) == "constrained"
        (first,) = set(children()) - others
        proof = {"job": "prove", "key": "k"}
        assert await workers.ask(proof, b"", b"5", tenant="a") == {"unknown": True}
        assert await workers.ask(proof, contract_bytes(INTEGER), b"5", tenant="a") == {"violations": []}
        (violation,) = (await workers.ask(proof, b"", b'"x"', tenant="a"))["violations"]
        assert violation[2:] == ["schema", "type"]
        assert set(children()) - others == {first}
    assert set(children()) <= others


async def test_a_job_over_its_time_ends_its_process_alone() -> None:
    async with running(count=1, quick_seconds=0.05, limit_seconds=0.5) as workers:
        await vetted(workers, INTEGER)
        with pytest.raises(WorkerLimitError):
            await workers.ask(ENDLESS, contract_bytes(endless()), tenant="a")
        assert await vetted(workers, INTEGER) == "constrained"


async def test_a_slow_job_holds_up_nobody() -> None:
    async with running(count=1, limit_seconds=60) as workers:
        await vetted(workers, INTEGER)
        count = len(children())
        slow = asyncio.create_task(workers.ask(ENDLESS, contract_bytes(endless()), tenant="a"))
        await more_than(count)
        assert await vetted(workers, INTEGER) == "constrained"
        assert not slow.done()
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow


async def test_a_second_slow_job_is_turned_away_at_once() -> None:
    async with running(count=1, slow=1, limit_seconds=5) as workers:
        await vetted(workers, INTEGER)
        first = asyncio.create_task(workers.ask(ENDLESS, contract_bytes(endless()), tenant="a"))
        await asyncio.sleep(0.5)
        started = time.monotonic()
        with pytest.raises(WorkerBusyError):
            await workers.ask(ENDLESS, contract_bytes(endless()), tenant="b")
        assert time.monotonic() - started < 4
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await vetted(workers, INTEGER) == "constrained"


async def test_a_job_over_its_memory_ends_its_process_alone() -> None:
    wide = schema_output({"type": "array", "minItems": 10**7, "items": {"type": "integer"}})
    async with running(count=1, memory_bytes=512 * 1024**2, limit_seconds=30, quick_seconds=20) as workers:
        with pytest.raises(WorkerLimitError, match="time or memory"):
            await workers.ask(header(repeats=10**9), contract_bytes(wide), tenant="a")
        assert await vetted(workers, INTEGER) == "constrained"


async def test_turns_go_round_the_tenants() -> None:
    turns, served = FairTurns(1, waiting=3), []

    async def serve(tenant: str) -> None:
        await turns.take(tenant)
        served.append(tenant)
        turns.give_back()

    await turns.take("first")
    waiting = [asyncio.create_task(serve(tenant)) for tenant in ("a", "a", "a", "b")]
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError):
        await turns.take("a")
    turns.give_back()
    await asyncio.gather(*waiting)
    assert served == ["a", "b", "a", "a"]


async def test_the_queue_is_bounded_over_all_tenants() -> None:
    turns = FairTurns(1, waiting=3, waiting_in_all=2)
    await turns.take("a")
    waiting = [asyncio.create_task(turns.take(tenant)) for tenant in ("b", "c")]
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError):
        await turns.take("d")
    for task in waiting:
        turns.give_back()
        await task


async def test_who_leaves_the_queue_is_passed_over() -> None:
    turns = FairTurns(1, waiting=3)
    await turns.take("a")
    leaving = asyncio.create_task(turns.take("a"))
    staying = asyncio.create_task(turns.take("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    turns.give_back()
    await staying
    turns.give_back()
    await asyncio.wait_for(turns.take("b"), 1)


async def test_intake_refuses_what_costs_too_much_and_remembers() -> None:
    settings = {"count": 1, "quick_seconds": 0.05, "limit_seconds": 0.5}
    async with running(**settings) as vetting, running(count=1) as proving:
        intake = Intake(IntakeWorkers(vetting, proving), None, limits=Limits(**ENDLESS["limits"]))
        for _ in range(2):
            with pytest.raises(SchemaUnsupportedError, match="too costly to vet"):
                await intake.compile(endless())


async def test_intake_proves_what_recurs_in_a_worker() -> None:
    tree = schema_output(
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    )
    async with running(count=1) as vetting, running(count=1) as proving:
        intake = Intake(IntakeWorkers(vetting, proving), None, limits=Limits())
        compiled = await intake.compile(tree)
        assert await compiled.prove('{"next":{"next":{}}}') == ()
        (violation,) = await compiled.prove('{"next":{"other":1}}')
        assert (violation.pointer, violation.keyword) == ("/next", "additionalProperties")


async def test_a_flood_of_one_tenant_is_told_to_come_back() -> None:
    async with running(count=1, waiting_for_each_tenant=1) as vetting, running(count=1) as proving:
        intake = Intake(IntakeWorkers(vetting, proving), None, limits=Limits())
        schemas = [schema_output({"const": number}) for number in range(8)]
        results = await asyncio.gather(
            *(intake.compile(schema, tenant="flood") for schema in schemas),
            intake.compile(schema_output({"const": "other"}), tenant="other"),
            return_exceptions=True,
        )
        assert sum(isinstance(result, OverloadedError) for result in results[:-1]) >= 5
        assert not isinstance(results[-1], BaseException)


class Store:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def put(self, key: str, verdict: str) -> None:
        self.kept[key] = verdict

    async def close(self) -> None:
        pass


async def test_a_verdict_is_taken_from_the_store_and_not_made_again() -> None:
    from tests.support.inline_workers import InlineWorkers  # noqa: PLC0415

    store, workers = Store(), InlineWorkers()

    def intake(limits: Limits) -> Intake:
        return Intake(IntakeWorkers(workers, workers), store, limits=limits)  # type: ignore[arg-type]

    partly = schema_output({"type": "array", "uniqueItems": True})
    first = await intake(Limits()).compile(partly)
    again = await intake(Limits()).compile(partly)
    assert (again.verdict, workers.jobs) == (first.verdict, ["vet"])
    assert first.verdict.kind is VerdictKind.PARTLY
    await intake(Limits(depth=32)).compile(partly)
    assert workers.jobs == ["vet", "vet"]
    store.kept = dict.fromkeys(store.kept, json.dumps({"kind": "odd"}))
    await intake(Limits()).compile(partly)
    assert workers.jobs == ["vet", "vet", "vet"]


async def test_contracts_are_kept_by_content_within_bounds() -> None:
    from tests.support.inline_workers import InlineWorkers  # noqa: PLC0415

    workers = InlineWorkers()
    pair = IntakeWorkers(workers, workers)  # type: ignore[arg-type]
    intake = Intake(pair, None, limits=Limits(), keeps=Keeps(contracts=2))
    a, b, c = (schema_output({"const": name}) for name in "abc")
    first = await intake.compile(a)
    assert await intake.compile(schema_output({"const": "a"})) is first
    await intake.compile(b)
    await intake.compile(a)
    await intake.compile(c)
    assert await intake.compile(a) is first
    count = len(workers.jobs)
    await intake.compile(b)
    assert len(workers.jobs) == count + 1
