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

from contracts.outcome import Outcome, OutcomeKind
from gateway.api.body import BodyReader
from gateway.api.errors import JSON
from gateway.api.pool_embeddings import PoolEmbedder
from gateway.errors import InvalidRequestError, ModelNotFoundError, UnknownFieldError, UnsupportedFieldError
from gateway.parsing.decode import decode_object, validated
from gateway.parsing.wire import EmbeddingBody
from gateway.pipeline.stages import Authenticator, Recorder, Trace
from gateway.records import ClientGoneError, Endpoint, InboundRequest
from gateway.settings import EmbeddingSettings, ServerSettings

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
    """Serves embeddings; unknown fields are refused, as everywhere. Every way out leaves one trace."""

    encoder: Embedder
    pools: PoolEmbedder
    model_pools: Mapping[str, str]
    authenticator: Authenticator
    recorder: Recorder
    settings: EmbeddingSettings
    server: ServerSettings

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        reader = BodyReader(
            request.receive,
            max_bytes=self.server.max_body_bytes,
            timeout_seconds=self.server.body_timeout_seconds,
        )
        inbound = InboundRequest(
            request.state.request_id,
            Endpoint.EMBEDDINGS,
            request.headers,
            lambda: reader.read(request.headers.get("content-length")),
        )
        try:
            with self.recorder.open(inbound) as trace:
                reply = await self._answer(inbound, trace)
                trace.succeed(Outcome(OutcomeKind.VALID, trace.attempts))
        except ClientGoneError:
            return Response(status_code=499)
        return Response(reply, media_type=JSON)

    async def _answer(self, request: InboundRequest, trace: Trace) -> bytes:
        trace.identify(await self.authenticator.authenticate(request.headers))
        body = decode_object(await request.read_body(), self.server.max_nesting)
        for name in body:
            if name not in FIELDS:
                raise UnknownFieldError(f"Unknown field {name[:100]!r}", param=name[:100])
        parsed = validated(EmbeddingBody, body)
        if parsed.model == self.settings.model and self.settings.pool is None:
            return await self._encode(parsed)
        return await self.pools.embed(self._pool_of(parsed.model), body, trace)

    async def _encode(self, body: EmbeddingBody) -> bytes:
        texts = self._texts(body)
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
        return orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)

    def _texts(self, body: EmbeddingBody) -> list[str]:
        given = [body.input] if isinstance(body.input, str) else body.input
        texts = [text for text in given if isinstance(text, str)]
        if len(texts) < len(given):
            raise UnsupportedFieldError(
                f"input: send text; {body.model!r} cannot tell which tokenizer the tokens are from",
                param="input",
            )
        if not 0 < len(texts) <= self.settings.max_inputs:
            raise InvalidRequestError(f"input: send 1 to {self.settings.max_inputs} texts", param="input")
        if not all(texts):
            raise InvalidRequestError("input: a text is empty", param="input")
        return texts

    def _work(self, texts: list[str]) -> tuple[npt.NDArray[np.float32], int]:
        return self.encoder.embed(texts), sum(self.encoder.count_tokens(text) for text in texts)

    def _pool_of(self, model: str) -> str:
        pool = self.settings.pool if model == self.settings.model else self.model_pools.get(model)
        if pool is None:
            raise ModelNotFoundError(model, known=(self.settings.model, *self.model_pools))
        return pool


def _written(row: npt.NDArray[np.float32], encoding: str | None) -> Any:
    if encoding == "base64":
        return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")
    return row
