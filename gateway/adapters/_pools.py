"""The pools that load adapters, and which of them serves a base model."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.adapters.ports import AdapterPool
from gateway.errors import AdapterRefusedError
from gateway.settings import PoolKind


def loading_pools(pools: Iterable[AdapterPool]) -> tuple[AdapterPool, ...]:
    """The pools of our own engines: an upstream loads nothing."""
    return tuple(pool for pool in pools if pool.settings.kind is PoolKind.VLLM)


def pool_of(base_model: str, pools: Iterable[AdapterPool]) -> AdapterPool:
    """The pool whose engines serve a base model. Raises AdapterRefusedError where there is none."""
    for pool in pools:
        if base_model in pool.settings.models:
            return pool
    raise AdapterRefusedError(f"no pool that loads adapters serves base model {base_model!r}")
