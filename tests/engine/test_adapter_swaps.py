"""Adapters that each answer with a word of their own: swapped and evicted under load on a real vLLM."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from benchmarks.adapters import residency, swaps
from benchmarks.adapters.stage import EnginePlan, Running, default_plan, make_markers


@pytest.fixture(scope="module")
def markers(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    cards = httpx.get(f"{engine_url}/v1/models", timeout=60).json()["data"]
    model = next(str(card["root"]) for card in cards if card["parent"] is None)
    python = os.environ.get("FIRSTLINE_TEST_ENGINE_PYTHON", default_plan().python)
    return make_markers(EnginePlan(python, model), tmp_path_factory.mktemp("markers"), 5)


def test_no_request_fails_or_gets_another_versions_answer_while_the_channel_is_swapped(
    engine_url: str, engine_opens: Path | None, markers: dict[str, Path], tmp_path: Path
) -> None:
    two = dict(list(markers.items())[:2])
    found = swaps.run(Running(engine_url, engine_opens), tmp_path, two, swaps=40, clients=3)
    assert swaps.is_good(found), found
    assert found["swaps"] == 40
    assert set(found["answers_by_word"]) == set(two)
    if engine_opens is not None:
        assert found["opens"] == dict.fromkeys(two, 1)


def test_hot_adapters_stay_and_cold_ones_are_loaded_on_demand(
    engine_url: str, engine_opens: Path | None, markers: dict[str, Path], tmp_path: Path
) -> None:
    # The first two are on the engine from the test before, where it ran first: their places count.
    some = dict(list(markers.items())[2:])
    plan = residency.Plan(places=2, hot=1, adapters=3, seconds=4.0, rounds=1)
    found = residency.run(Running(engine_url, engine_opens), tmp_path, some, plan)
    assert (found["failed"], found["wrong_answers"]) == ({}, 0), found
    if engine_opens is not None:
        assert found["hot_files_opened_again"] == 0
        assert found["files_opened"] >= 2
