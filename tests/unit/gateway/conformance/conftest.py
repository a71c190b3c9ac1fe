"""The conform stage with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.conformance import ContractCompiler
from tests.unit.gateway.conformance.walks import Walker
from tests.unit.gateway.fakes import FakeClock


@pytest.fixture
def walk() -> Iterator[Walker]:
    compiler = ContractCompiler()
    yield Walker(compiler, FakeClock(1000.0))
    compiler.close()
