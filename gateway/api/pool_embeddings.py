"""Embeddings from a pool: the request as it was checked goes in, the pool's reply comes out as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from contracts.outcome import Attempt, Usage
from gateway.engines.client import EngineUnreachableError, UnknownModelError
from gateway.engines.pool import Pool
from gateway.errors import EngineError, GatewayError, InvalidRequestError
from gateway.pipeline.stages import Trace
from gateway.records import AttemptKind

POOL_TIMEOUT_SECONDS: Final = 60.0
_PROMPT_TOKENS: Final = re.compile(rb'"usage"\s*:\s*\{[^{}]*?"prompt_tokens"\s*:\s*([0-9]{1,15})\b')


class PoolEmbedder:
    """Forwards to the engines of a pool, and notes what the reply says that it used, with its price."""

    def __init__(
        self, pools: Mapping[str, Pool], *, price: Callable[[str, Usage], float], clock: Callable[[], float]
    ) -> None:
        self._pools = pools
        self._price = price
        self._clock = clock

    async def embed(self, pool: str, body: Mapping[str, Any], trace: Trace) -> bytes:
        """Give the pool's reply; an engine that was never reached is left for another one.

        Raises:
            InvalidRequestError: the pool refuses the request, or serves no embeddings under its `model`.
            GatewayError: 502, 503 or 504 of the pool.
        """
        model = str(body["model"])
        started = self._clock()
        usage, failure = Usage(), "client_closed"
        try:
            reply = await self._ask(self._pools[pool], orjson.dumps(body))
            usage, failure = _usage(reply), ""
        except UnknownModelError as error:
            failure = InvalidRequestError.code
            raise InvalidRequestError(f"The model {model!r} serves no embeddings", param="model") from error
        except GatewayError as error:
            failure = error.code
            raise
        finally:
            cost_usd, seconds = self._price(pool, usage), self._clock() - started
            trace.attempt(
                Attempt(AttemptKind.FIRST.value, pool, model, usage, cost_usd, seconds, failure or None)
            )
        return reply

    async def _ask(self, pool: Pool, payload: bytes) -> bytes:
        tried: frozenset[str] = frozenset()
        while True:
            engine = await pool.choose(None, tried)
            try:
                with engine.occupied():
                    return await engine.client.call(
                        "POST", "/v1/embeddings", payload, timeout_seconds=POOL_TIMEOUT_SECONDS
                    )
            except EngineUnreachableError:
                engine.lost()
                tried |= {engine.name}


def _usage(reply: bytes) -> Usage:
    """What the reply says that it used; the vectors, which may be many megabytes, are not decoded.

    Raises:
        EngineError: the reply is no JSON object.
    """
    if not reply[:64].lstrip().startswith(b"{"):
        raise EngineError("the engine's embeddings cannot be read")
    found = _PROMPT_TOKENS.match(reply, max(0, reply.rfind(b'"usage"')))
    return Usage(prompt_tokens=int(found[1])) if found else Usage()
