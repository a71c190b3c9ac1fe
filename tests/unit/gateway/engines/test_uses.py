"""How much an adapter is used, as the way of a request counts it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.engines._uses import HALF_LIFE_SECONDS, AdapterUses
from tests.unit.gateway.fakes import FakeClock


def test_a_use_is_in_flight_until_it_ends() -> None:
    clock = FakeClock(10.0)
    uses = AdapterUses(clock)
    uses.begin("a")
    clock.now = 12.0
    assert (uses.in_flight("a"), uses.last("a")) == (1, 12.0)
    uses.end("a")
    clock.now = 20.0
    assert (uses.in_flight("a"), uses.last("a")) == (0, 12.0)


def test_heat_halves_and_adds_up() -> None:
    clock = FakeClock(0.0)
    uses = AdapterUses(clock)
    uses.begin("a")
    clock.now = HALF_LIFE_SECONDS
    assert uses.heat("a") == pytest.approx(0.5)
    uses.begin("a")
    assert uses.heat("a") == pytest.approx(1.5)


def test_steady_use_is_hotter_than_one_late_use() -> None:
    clock = FakeClock(0.0)
    uses = AdapterUses(clock)
    for _ in range(6):
        uses.begin("steady")
        uses.end("steady")
        clock.now += 10.0
    uses.begin("late")
    assert uses.heat("steady") > 2 * uses.heat("late")


async def test_a_drain_ends_with_the_last_request() -> None:
    uses = AdapterUses(FakeClock())
    await uses.until_idle("a")
    uses.begin("a")
    uses.begin("a")
    drained = asyncio.ensure_future(uses.until_idle("a"))
    uses.end("a")
    await asyncio.sleep(0)
    assert not drained.done()
    uses.end("a")
    await drained
    uses.begin("a")
    assert uses.in_flight("a") == 1


def test_of_what_left_the_engine_only_what_is_in_flight_is_kept() -> None:
    uses = AdapterUses(FakeClock(5.0))
    for name in ("stays", "flying", "gone"):
        uses.begin(name)
    uses.end("stays")
    uses.end("gone")
    uses.keep({"stays"})
    assert [uses.heat(name) for name in ("stays", "flying", "gone")] == [1.0, 1.0, 0.0]
    uses.end("flying")
    assert uses.last("never") == 0.0
