"""What a request's answer will be proven against, vetted before anything is generated."""

from __future__ import annotations

from contracts.output import (
    ChoiceOutput,
    GrammarOutput,
    JsonSchemaOutput,
    RegexOutput,
    TextOutput,
)
from gateway.conformance.judging import Promise
from gateway.errors import SchemaUnsupportedError
from gateway.intake.compiled import Compiled
from gateway.intake.intake import Intake
from gateway.records import Chat, Endpoint, Job, Principal


class Promises:
    """Has contracts vetted; `guarded_pools` force them by a grammar."""

    def __init__(self, intake: Intake, *, guarded_pools: frozenset[str]) -> None:
        self._intake = intake
        self._guarded_pools = guarded_pools

    async def of(self, principal: Principal, chat: Chat, job: Job) -> Promise:
        """Vet what the request offers and what the job must keep.

        Raises:
            SchemaUnsupportedError: a contract is refused, or forced in part where that is not accepted.
            OverloadedError: no worker is free to vet it.
        """
        if chat.output is not None and not isinstance(chat.output, TextOutput):
            # Whether this route uses it or not: bad input is always refused.
            await self._intake.compile(chat.output, tenant=principal.tenant, param=_param(chat))
        tools = await self._tools(principal, chat, job)
        if job.output is None or isinstance(job.output, TextOutput):
            output = None
        else:
            param = "tools" if job.call is job.output else _param(chat)
            output = await self._intake.compile(job.output, tenant=principal.tenant, param=param)
            self._check_partial(chat, job, output, param)
        return Promise(output, tools)

    async def _tools(self, principal: Principal, chat: Chat, job: Job) -> dict[str, Compiled]:
        """Each tool by itself: its errors name its place, and its draft is its own."""
        found = {}
        for index, tool in enumerate(chat.tools):
            contract = JsonSchemaOutput(
                kind="json_schema", json_schema=dict(tool.parameters), strict=tool.strict
            )
            param = f"tools.{index}.function.parameters"
            compiled = await self._intake.compile(contract, tenant=principal.tenant, param=param)
            self._check_partial(chat, job, compiled, param)
            found[tool.name] = compiled
        return found

    def _check_partial(self, chat: Chat, job: Job, compiled: Compiled, param: str) -> None:
        """Strict means that the grammar forces all of it, unless the request or the task says otherwise."""
        task = job.route.task
        allowed = chat.allow_partial_grammar
        if allowed is None and task is not None:
            allowed = task.policy.allow_partial_grammar
        if allowed is None:
            allowed = not (isinstance(compiled.contract, JsonSchemaOutput) and compiled.contract.strict)
        if allowed or compiled.is_wholly_forced or job.route.pool not in self._guarded_pools:
            return
        raise SchemaUnsupportedError(
            "the grammar can force only a part of this schema, and strict asks for all of it; "
            f"set firstline.allow_partial_grammar to have the rest verified: {compiled.verdict.sentence()}",
            param=param,
            details=compiled.verdict.details(),
        )


def _param(chat: Chat) -> str:
    if isinstance(chat.output, ChoiceOutput | RegexOutput | GrammarOutput):
        return "structured_outputs"
    return "text.format" if chat.endpoint is Endpoint.RESPONSES else "response_format"
