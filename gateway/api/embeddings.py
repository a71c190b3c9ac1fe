"""`POST /v1/embeddings`: the router's encoder, or a pool that serves the model."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import Request
from fastapi.responses import Response

from gateway.api.body import BodyReader, ClientGoneError
from gateway.engines.pool import Pool
from gateway.errors import InvalidRequestError, ModelNotFoundError
from gateway.parsing.decode import decode_object, validated
from gateway.parsing.wire import EmbeddingBody
from gateway.pipeline.stages import Authenticator
from gateway.settings import EmbeddingSettings, ServerSettings

POOL_TIMEOUT_SECONDS = 60.0
FIELDS = frozenset(EmbeddingBody.model_fields)


class Embedder(Protocol):
    """The encoder: rows of unit length."""

    @property
    def dims(self) -> int:
        """Length of a row."""

    def embed(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """One row a text."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""


@dataclass(frozen=True, slots=True)
class EmbeddingEndpoint:
    """Serves embeddings; unknown fields are refused, as everywhere."""

    encoder: Embedder
    pools: Mapping[str, Pool]
    model_pools: Mapping[str, str]
    authenticator: Authenticator
    settings: EmbeddingSettings
    server: ServerSettings

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        await self.authenticator.authenticate(request.headers)
        reader = BodyReader(
            request.receive,
            max_bytes=self.server.max_body_bytes,
            timeout_seconds=self.server.body_timeout_seconds,
        )
        try:
            raw = await reader.read(request.headers.get("content-length"))
        except ClientGoneError:
            return Response(status_code=499)
        body = decode_object(raw, self.server.max_nesting)
        for name in body:
            if name not in FIELDS:
                raise InvalidRequestError(f"Unknown field {name[:100]!r}", param=name[:100])
        parsed = validated(EmbeddingBody, body)
        if parsed.model == self.settings.model and self.settings.pool is None:
            return await self._encode(parsed)
        return await self._forward(self._pool_of(parsed.model), raw)

    async def _encode(self, body: EmbeddingBody) -> Response:
        texts = [body.input] if isinstance(body.input, str) else body.input
        if not 0 < len(texts) <= self.settings.max_inputs:
            raise InvalidRequestError(f"input: send 1 to {self.settings.max_inputs} texts", param="input")
        if not all(texts):
            raise InvalidRequestError("input: a text is empty", param="input")
        if body.dimensions is not None and body.dimensions != self.encoder.dims:
            raise InvalidRequestError(
                f"dimensions: {body.model!r} has {self.encoder.dims}", param="dimensions"
            )
        rows, tokens = await asyncio.to_thread(self._work, texts)
        data = [
            {"object": "embedding", "index": index, "embedding": _written(row, body.encoding_format)}
            for index, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        reply = {"object": "list", "data": data, "model": body.model, "usage": usage}
        return Response(orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")

    def _work(self, texts: list[str]) -> tuple[npt.NDArray[np.float32], int]:
        return self.encoder.embed(texts), sum(self.encoder.count_tokens(text) for text in texts)

    def _pool_of(self, model: str) -> str:
        pool = self.settings.pool if model == self.settings.model else self.model_pools.get(model)
        if pool is None:
            raise ModelNotFoundError(model, known=(self.settings.model, *self.model_pools))
        return pool

    async def _forward(self, pool_name: str, raw: bytes) -> Response:
        engine = await self.pools[pool_name].choose(None)
        with engine.occupied():
            reply = await engine.client.call(
                "POST", "/v1/embeddings", raw, timeout_seconds=POOL_TIMEOUT_SECONDS
            )
        return Response(reply, media_type="application/json")


def _written(row: npt.NDArray[np.float32], encoding: str | None) -> Any:
    if encoding == "base64":
        return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
    return row
