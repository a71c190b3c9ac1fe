from __future__ import annotations

from pathlib import Path

import pytest

from router.inference import DEFAULT_BUNDLE, DEFAULT_ENCODER, Encoder, Router

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder.load(DEFAULT_ENCODER)


@pytest.fixture(scope="session")
def router(encoder: Encoder) -> Router:
    return Router.load(DEFAULT_BUNDLE, encoder)


@pytest.fixture(scope="session")
def examples() -> Path:
    return ROOT / "examples"
