"""How often an engine is asked again, and what is wanted of it."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.adapter import AdapterManifest
from gateway.adapters._loads import Load, LoadState
from gateway.adapters._wishes import MAX_ON_DEMAND, Wishes


def manifest(number: int, base_model: str = "small") -> AdapterManifest:
    return AdapterManifest(
        task="invoice",
        digest=f"{number:012x}".ljust(64, "0"),
        base_model=base_model,
        rank=4,
        target_modules=("v_proj",),
        created_at=datetime(2026, 1, 14, tzinfo=UTC),
        files={},
    )


def test_waits_double_and_the_sixth_failure_quarantines() -> None:
    load, waits = Load(), []
    for _ in range(6):
        load.begin()
        load.fail("refused", now=100.0)
        waits.append(load.retry_at - 100.0)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 300.0]
    assert (load.state, load.reason) == (LoadState.QUARANTINED, "refused")


def test_one_failure_may_pass_and_two_end_a_registration() -> None:
    load = Load()
    load.fail("refused", now=0.0)
    assert not load.is_hopeless
    load.fail("refused", now=1.0)
    assert load.is_hopeless


def test_damaged_files_are_quarantined_at_once() -> None:
    load = Load()
    load.fail("altered", now=0.0, is_final=True)
    assert (load.state, load.is_hopeless) == (LoadState.QUARANTINED, True)


def test_a_proof_forgets_the_failures() -> None:
    load = Load()
    load.fail("refused", now=0.0)
    load.succeed(now=5.0)
    assert (load.state, load.failures, load.reason) == (LoadState.READY, 0, None)


def test_the_least_recently_demanded_version_goes_first() -> None:
    wishes = Wishes()
    for number in range(MAX_ON_DEMAND):
        wishes.demand(manifest(number))
    wishes.demand(manifest(0))
    assert wishes.demand(manifest(MAX_ON_DEMAND))
    wanted = wishes.of(["small"])
    assert len(wanted) == MAX_ON_DEMAND
    assert manifest(0).name in wanted
    assert manifest(1).name not in wanted


def test_what_channels_and_registrations_want_is_not_evicted() -> None:
    wishes = Wishes()
    wishes.aim([manifest(100)])
    wishes.hold(manifest(101))
    for number in range(MAX_ON_DEMAND + 5):
        wishes.demand(manifest(number))
    assert {manifest(100).name, manifest(101).name} <= wishes.of(["small"]).keys()
    wishes.release(manifest(101))
    assert manifest(101).name not in wishes.of(["small"])


def test_wishes_go_to_the_pool_that_serves_the_base_model() -> None:
    wishes = Wishes()
    wishes.aim([manifest(1), manifest(2, base_model="other")])
    assert set(wishes.of(["other"])) == {manifest(2).name}


def test_what_was_wanted_before_is_found_again_while_a_request_waits_for_it() -> None:
    wishes = Wishes()
    old, new = manifest(1), manifest(2)
    wishes.aim([old])
    wishes.aim([new])
    base = [old.base_model]
    assert set(wishes.of(base)) == {new.name}
    assert set(wishes.of(base, waiting=[old.name])) == {old.name, new.name}
    assert set(wishes.of(base, waiting=["invoice@000000000000"])) == {new.name}
