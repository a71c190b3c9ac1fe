"""The conform stage with a clock that a test sets."""

from __future__ import annotations

import pytest

from tests.support.inline_workers import inline_intake
from tests.unit.gateway.conformance.walks import Walker
from tests.unit.gateway.fakes import FakeClock


@pytest.fixture
def walk() -> Walker:
    return Walker(inline_intake(), FakeClock(1000.0))
