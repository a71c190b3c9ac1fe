"""The way of a request: the only place that knows the order of the stages."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from gateway.pipeline.stages import (
    Authenticator,
    Composer,
    Conformer,
    Generate,
    Parser,
    Recorder,
    Retriever,
    Routing,
)
from gateway.records import InboundRequest, ReplyDelta, ReplyHead, ReplyItem


@dataclass(frozen=True, slots=True)
class ChatPipeline:
    """Chat, completions and responses all pass here, streamed or not."""

    recorder: Recorder
    authenticator: Authenticator
    parser: Parser
    routing: Routing
    retriever: Retriever
    composer: Composer
    conformer: Conformer
    generate: Generate

    async def run(self, request: InboundRequest) -> AsyncGenerator[ReplyItem]:
        """Yield a head, then deltas, then a summary. Every way out leaves exactly one trace.

        Raises:
            GatewayError: before the first delta (a real HTTP status) or after it (a terminal error event).
        """
        with self.recorder.open(request) as trace:
            principal = await self.authenticator.authenticate(request.headers)
            chat = await self.parser.parse(request)
            trace.identify(principal, chat)
            route = await self.routing.decide(principal, chat, request.request_id)
            passages = await self.retriever.retrieve(chat, route)
            trace.route(route, passages)
            yield ReplyHead(chat, route, passages, lambda: trace.attempts)
            job = self.composer.compose(chat, route, passages)
            async with aclosing(self.conformer.conform(principal, chat, job, self.generate, trace)) as reply:
                async for item in reply:
                    if isinstance(item, ReplyDelta):
                        trace.delta(item.delta)
                    else:
                        trace.succeed(item.outcome)
                    yield item
