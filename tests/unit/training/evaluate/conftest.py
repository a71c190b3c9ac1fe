"""A judge that likes the long answer, and answers in its grammar."""

from __future__ import annotations

import httpx
import pytest

from tests.support.evaluation_models import judge_at, prefer_long
from training.evaluate.judge import JudgeClient


@pytest.fixture
def judge() -> JudgeClient:
    """A client of that judge."""
    return judge_at(httpx.MockTransport(prefer_long))
