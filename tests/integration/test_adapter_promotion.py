"""The gate of a task: candidates, evaluations, promotion and the override that stays on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.evaluation import Judged, Verdict
from gateway.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    PromotionRefusedError,
)
from gateway.state import AuditOutcome
from tests.support.adapter_side import GATED, OTHER_TASK, TASK, gateway_side
from tests.support.peft_folder import write_peft_folder
from tests.support.registry_acts import acts, last_act, report_for
from tests.support.stub_engine import StubEngine


def judged(digest: str | None) -> Judged:
    return Judged(model="m", base_model="b", adapter_digest=digest)


async def test_a_version_without_a_report_is_a_candidate_that_a_request_can_pin(
    tmp_path: Path, engine: StubEngine
) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK, actor="ml-team")
        assert side.directory.resolve(TASK) is None
        assert await side.channels.stable(TASK) is None
        assert side.directory.demand(manifest.name) == manifest
        assert manifest.name in side.pool.engines[0].ready_adapters
        record = await last_act(side)
        assert (record.entry.actor, record.entry.subject) == ("ml-team", manifest.name)
        assert record.entry.details["gate"] == "it has no evaluation report"


async def test_a_package_with_a_passing_report_becomes_stable_at_once(
    tmp_path: Path, engine: StubEngine
) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        candidate = await side.registry.register(folder, TASK)
        (folder / "evaluation-report.json").write_bytes(report_for(side, candidate))
        manifest = await side.registry.register(folder, TASK)
        assert manifest == candidate
        assert side.directory.resolve(TASK) == manifest
        [evaluation] = await side.parts.evaluations(manifest)
        assert evaluation.source == "attached"
        assert (await last_act(side)).entry.details["gate"] == "it passed 'invoice-v1' on 120 records"


async def test_a_passing_package_can_be_kept_a_candidate(tmp_path: Path, engine: StubEngine) -> None:
    folder = write_peft_folder(tmp_path / "a")
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(folder, TASK)
        await side.caretaker.attach(manifest.name, report_for(side, manifest))
        await side.registry.register(folder, TASK, wants_promotion=False)
        assert await side.channels.stable(TASK) is None
        await side.registry.promote(manifest.name)
        assert side.directory.resolve(TASK) == manifest


@pytest.mark.parametrize(
    ("verdict", "changes", "says"),
    [
        (Verdict.FAIL, {}, "its evaluation under 'invoice-v1' failed: field_f1 is 0.71"),
        (Verdict.INCONCLUSIVE, {}, "is inconclusive"),
        (Verdict.PASS, {"output_hash": "0" * 12}, "was made for output contract 000000000000"),
    ],
)
async def test_promotion_is_refused_without_a_pass_and_says_why(
    tmp_path: Path, engine: StubEngine, verdict: Verdict, changes: dict[str, Any], says: str
) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        with pytest.raises(PromotionRefusedError, match="it has no evaluation report"):
            await side.registry.promote(manifest.name)
        await side.caretaker.attach(manifest.name, report_for(side, manifest, verdict, **changes))
        with pytest.raises(PromotionRefusedError, match=says):
            await side.registry.promote(manifest.name)
        assert await side.channels.stable(TASK) is None
        assert await acts(side) == [
            ("register", "done"),
            ("promote", "refused"),
            ("attach", "done"),
            ("promote", "refused"),
        ]
        refused = await last_act(side)
        assert refused.entry.details["code"] == "promotion_refused"
        assert says in refused.entry.details["message"]


async def test_an_override_needs_a_reason_and_stays_on_record(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await side.caretaker.attach(manifest.name, report_for(side, manifest, Verdict.FAIL))
        for empty in ("", "  \n "):
            with pytest.raises(InvalidRequestError, match="override: give a reason"):
                await side.registry.promote(manifest.name, override=empty)
        assert await side.channels.stable(TASK) is None
        await side.registry.promote(manifest.name, override=" the outage of 14 January ", actor="duty")
        assert side.directory.resolve(TASK) == manifest
        entry = (await last_act(side)).entry
        assert (entry.actor, entry.act, entry.outcome) == ("duty", "promote", AuditOutcome.DONE)
        assert entry.details["override"] == "the outage of 14 January"
        assert "failed: field_f1" in entry.details["gate"]
        assert len(entry.details["evaluation"]) == 64


async def test_an_override_that_was_not_needed_is_none(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await side.caretaker.attach(manifest.name, report_for(side, manifest))
        await side.registry.promote(manifest.name, override="to be sure")
        assert "override" not in (await last_act(side)).entry.details


async def test_a_changed_contract_closes_the_gate_again(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        await side.caretaker.attach(manifest.name, report_for(side, manifest))
    task = tmp_path / "tasks" / f"{TASK}.yaml"
    task.write_text(task.read_text() + "output: {kind: choice, choices: [paid, open]}\n")
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        with pytest.raises(PromotionRefusedError, match="and the task now has"):
            await side.registry.promote(manifest.name)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": OTHER_TASK}, "for task 'ticket'"),
        (
            {"candidate": Judged(model="m", base_model="b", adapter_digest="f" * 64)},
            "of adapter ffffffffffff",
        ),
        ({"candidate": Judged(model="m", base_model="b")}, "of a bare base model"),
    ],
)
async def test_a_report_on_something_else_is_not_attached(
    tmp_path: Path, engine: StubEngine, changes: dict[str, Any], says: str
) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        manifest = await side.registry.register(write_peft_folder(tmp_path / "a"), TASK)
        with pytest.raises(InvalidRequestError, match=says):
            await side.caretaker.attach(manifest.name, report_for(side, manifest, **changes))
        assert await side.parts.evaluations(manifest) == ()


async def test_names_that_are_none_are_refused_by_every_act(tmp_path: Path, engine: StubEngine) -> None:
    async with gateway_side(tmp_path, engine, settings=GATED) as side:
        for name in ("invoice@000000000000", "../../etc", "invoice"):
            for act in (
                side.registry.promote(name),
                side.caretaker.attach(name, b"{}"),
                side.caretaker.retire(name),
                side.caretaker.verify(name),
                side.caretaker.export(name),
            ):
                with pytest.raises(ModelNotFoundError, match="does not exist"):
                    await act
        assert {record.entry.outcome for record in await side.audit.records()} == {AuditOutcome.REFUSED}
        assert len(await side.audit.records()) == 15
