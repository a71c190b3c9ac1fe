"""The generate stage: one generation on the best engine, with retries before the first token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing

from gateway.engines._chunks import ChunkDecoder
from gateway.engines._payload import path_of, payload_of
from gateway.engines.client import EngineReply, EngineUnreachableError, UnknownModelError, error_event
from gateway.engines.pool import Engine, Pool
from gateway.errors import EngineError, EngineTimeoutError
from gateway.records import Delta, Job

MAX_ENGINES_TRIED = 3


class Generator:
    """Sends jobs to pools. `clock` is the monotonic clock that deadlines are written in."""

    def __init__(self, pools: Mapping[str, Pool], *, clock: Callable[[], float]) -> None:
        self._pools = pools
        self._clock = clock

    async def generate(self, job: Job) -> AsyncGenerator[Delta]:
        """Yield what one engine says.

        An engine that was never reached is left for another one, and one that has lost the adapter is
        asked again when it has it back; after the first byte nothing is tried again.

        Raises:
            GatewayError: 400 for what the engine refuses, 502, 503 or 504 otherwise.
        """
        pool = self._pools[job.route.pool]
        payload = payload_of(job, pool.settings)
        unreachable: frozenset[str] = frozenset()
        failure = EngineError("the engine cannot be reached")
        has_spoken = False
        for _ in range(MAX_ENGINES_TRIED):
            engine = await pool.choose(job.route.adapter, unreachable)
            try:
                async with aclosing(self._ask(engine, pool, job, payload)) as deltas:
                    async for delta in deltas:
                        has_spoken = True
                        yield delta
            except EngineUnreachableError as error:
                engine.lost()
                unreachable |= {engine.name}
                failure = error
            except UnknownModelError as error:
                if job.route.adapter is None or has_spoken:
                    raise
                engine.lost_adapter(job.route.adapter)
                failure = error
            else:
                return
        raise failure

    async def _ask(self, engine: Engine, pool: Pool, job: Job, payload: bytes) -> AsyncGenerator[Delta]:
        remaining_seconds = job.deadline - self._clock()
        if remaining_seconds <= 0:
            raise EngineTimeoutError("the request's deadline has passed")
        # A reply that is not streamed is silent until it is done: only the deadline bounds it.
        stall_seconds = pool.settings.stall_timeout_seconds if job.stream else remaining_seconds
        with engine.occupied(job.route.adapter):
            async with engine.client.open(
                "POST",
                path_of(job),
                payload,
                stall_seconds=min(stall_seconds, remaining_seconds),
                total_seconds=remaining_seconds,
            ) as reply:
                async for delta in _deltas(reply, is_stream=job.stream):
                    yield delta


async def _deltas(reply: EngineReply, *, is_stream: bool) -> AsyncIterator[Delta]:
    decoder = ChunkDecoder()
    is_empty = True
    async for data in reply.events() if is_stream else _whole(reply):
        error = error_event(data)
        if error is not None:
            raise error
        for delta in decoder.decode(data):
            is_empty = is_empty and delta.usage is not None
            yield delta
    if is_empty:
        raise EngineError("the engine returned no choice")


async def _whole(reply: EngineReply) -> AsyncIterator[bytes]:
    yield await reply.body()
