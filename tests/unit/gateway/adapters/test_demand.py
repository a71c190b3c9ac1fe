"""Which engine loads an adapter that requests wait for."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.adapters._demand import Demand
from tests.unit.gateway.fakes import FakeClock


@dataclass
class FakeTaker:
    name: str
    ready: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    has_room: bool = True
    in_flight: int = 0

    def is_ready(self, adapter: str) -> bool:
        return adapter in self.ready

    def can_take(self, adapter: str) -> bool:
        return adapter not in self.failing

    def burden(self, adapter: str) -> tuple[bool, bool, int]:
        return False, not self.has_room, self.in_flight


def test_an_adapter_that_is_waited_for_goes_to_the_least_busy_engine() -> None:
    engines = FakeTaker("a", in_flight=2), FakeTaker("b", in_flight=1)
    assert Demand(FakeClock()).divide(engines, held=(), waiting=["x"]) == {"a": {}, "b": {"x": 1000.0}}


def test_an_engine_with_a_free_place_is_taken_before_one_that_is_less_busy() -> None:
    engines = FakeTaker("a", in_flight=2), FakeTaker("b", has_room=False)
    assert Demand(FakeClock()).divide(engines, held=(), waiting=["x"])["a"] == {"x": 1000.0}


def test_many_are_spread() -> None:
    engines = FakeTaker("a"), FakeTaker("b")
    given = Demand(FakeClock()).divide(engines, held=(), waiting=["w", "x", "y", "z"])
    assert [len(urgent) for urgent in given.values()] == [2, 2]


def test_an_engine_keeps_what_it_was_given_until_it_fails_with_it() -> None:
    demand, clock = Demand(FakeClock()), FakeClock()
    engines = FakeTaker("a"), FakeTaker("b")
    assert demand.divide(engines, held=(), waiting=["x"])["a"] == {"x": 1000.0}
    engines[0].in_flight = 9
    clock.now += 5
    assert demand.divide(engines, held=(), waiting=["x"])["a"] == {"x": 1000.0}
    engines[0].failing = {"x"}
    assert demand.divide(engines, held=(), waiting=["x"]) == {"a": {}, "b": {"x": 1000.0}}


def test_what_an_engine_has_proven_is_loaded_by_no_other() -> None:
    engines = FakeTaker("a", ready={"x"}), FakeTaker("b")
    assert Demand(FakeClock()).divide(engines, held=(), waiting=["x"]) == {"a": {}, "b": {}}


def test_what_a_registration_holds_is_urgent_everywhere_and_forgotten_after() -> None:
    clock = FakeClock()
    demand, engines = Demand(clock), (FakeTaker("a"), FakeTaker("b"))
    assert demand.divide(engines, held=["x"], waiting=()) == {"a": {"x": 1000.0}, "b": {"x": 1000.0}}
    demand.divide(engines, held=(), waiting=())
    clock.now = 2000.0
    assert demand.divide(engines, held=["x"], waiting=())["a"] == {"x": 2000.0}


def test_without_an_engine_that_can_nobody_is_given_it() -> None:
    engines = (FakeTaker("a", failing={"x"}),)
    assert Demand(FakeClock()).divide(engines, held=(), waiting=["x"]) == {"a": {}}
