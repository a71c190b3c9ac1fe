"""Pools of engines and the generate stage."""

from gateway.engines.generator import Generator
from gateway.engines.pool import Engine, Pool

__all__ = ["Engine", "Generator", "Pool"]
