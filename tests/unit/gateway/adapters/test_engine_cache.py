"""What the engine's own cache would push out."""

from __future__ import annotations

import pytest

from gateway.adapters._engine_cache import EngineCache


def test_with_room_nothing_is_pushed_out() -> None:
    cache = EngineCache(3)
    cache.leave(5.0)
    assert cache.stale({"a": 1.0}) == ()


def test_what_was_used_before_the_one_that_left_is_stale() -> None:
    cache = EngineCache(3)
    cache.leave(5.0)
    assert cache.stale({"a": 1.0, "b": 9.0}) == ("a",)


def test_each_load_pushes_one_out() -> None:
    cache = EngineCache(3)
    cache.leave(5.0)
    cache.leave(7.0)
    with cache.entering(1):
        assert cache.stale({"a": 6.0}) == ("a",)
    assert cache.stale({"a": 6.0}) == ()


def test_a_load_that_fails_pushes_nothing_out() -> None:
    cache = EngineCache(2)
    cache.leave(5.0)
    with pytest.raises(ValueError, match="refused"), cache.entering(1):
        raise ValueError("refused")
    assert cache.stale({"a": 1.0}) == ("a",)


def test_an_engine_that_starts_anew_holds_nothing() -> None:
    cache = EngineCache(2)
    cache.leave(5.0)
    cache.forget()
    assert cache.stale({"a": 1.0}) == ()
