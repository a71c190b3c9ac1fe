"""Fixtures that more than one folder uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.settings_files import UPSTREAM_MODEL
from tests.support.stub_engine import StubEngine


@pytest.fixture
def engine() -> Iterator[StubEngine]:
    """A scripted vLLM."""
    with StubEngine() as stub:
        yield stub


@pytest.fixture
def upstream() -> Iterator[StubEngine]:
    """A scripted provider, the target of escalation."""
    with StubEngine(UPSTREAM_MODEL, kind="openai") as stub:
        yield stub
