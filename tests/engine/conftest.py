"""A real vLLM server, and the gateway in front of it."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def engine_url() -> str:
    return os.environ["FIRSTLINE_TEST_ENGINE_URL"]
