"""Intake: each contract is vetted once, in a worker, and kept with its verdict by content."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import orjson

from contracts.canonical import content_hash
from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, OutputContract
from gateway.errors import OverloadedError, SchemaUnsupportedError
from gateway.intake.compiled import Compiled, Prove, forced_of
from gateway.intake.fork_server import WorkerLimitError
from gateway.intake.limits import Limits
from gateway.intake.proof import verifier_of
from gateway.intake.verdict import Unsupported, Verdict, VerdictKind
from gateway.intake.vet import check_contract, vet
from gateway.intake.violation import Violation, ViolationKind
from gateway.intake.workers import WorkerBusyError, Workers
from gateway.state.verdicts import VerdictStore

INLINE_BYTES = 32_768
"""Contracts up to this size are proven in the process itself where their verdict says it is cheap."""
TOO_COSTLY = "schema_too_costly"
COSTLY_KEPT_SECONDS = 60.0
MAX_OWN = 2048
"""Contracts of the operator's tasks that are kept; reloads leave old ones behind."""
EDITION = "3"
"""Counted up whenever vetting itself changes its mind."""
OVERSEER = "gateway"
"""The tenant under whose name the gateway's own tasks are vetted."""

Observe = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Keeps:
    """How much is kept: contracts, and their bytes as JSON, of which decoded ones take about ten times."""

    contracts: int = 512
    total_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class IntakeWorkers:
    """Those that vet and those that prove, apart: a flood of new contracts must not hold up proofs."""

    vetting: Workers
    proving: Workers


DEFAULT_KEEPS = Keeps()


class Intake:
    """Bounded by number and by bytes: at either bound the least recently used contract is dropped."""

    def __init__(
        self,
        workers: IntakeWorkers,
        store: VerdictStore | None,
        *,
        limits: Limits,
        observe: Observe = lambda _kind, _seconds: None,
        keeps: Keeps = DEFAULT_KEEPS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vetting = workers.vetting
        self._proving = workers.proving
        self._store = store
        self._limits = limits
        self._observe = observe
        self._keeps = keeps
        self._clock = clock
        self._kept: OrderedDict[str, tuple[Compiled, int, float]] = OrderedDict()
        self._kept_bytes = 0
        self._own: dict[str, Compiled] = {}
        self._open: dict[str, asyncio.Task[Compiled]] = {}
        self._edition = _edition(limits)

    async def compile(
        self, contract: OutputContract, *, tenant: str = OVERSEER, param: str = "response_format"
    ) -> Compiled:
        """Vet a contract, or take what is kept; several who ask at once wait for one vetting.

        Raises:
            SchemaUnsupportedError: it is refused, or took too long to vet; `param` names it in the request.
            OverloadedError: no worker is free to vet it now.
        """
        raw = contract_bytes(contract)
        if len(raw) > 2 * self._limits.schema_bytes:
            raise _refused(_too_large(self._limits), param)
        key = content_hash(raw)
        compiled = self._take(key)
        if compiled is None:
            compiled = await self._shared(key, contract, raw, tenant)
        if compiled.verdict.kind is VerdictKind.REFUSED:
            raise _refused(compiled.verdict, param)
        return compiled

    def admit(self, contract: OutputContract) -> Verdict:
        """Vet a contract that an operator wrote, in the caller's thread, and keep it whatever clients send.

        Raises:
            SchemaUnsupportedError: it is refused.
        """
        verdict = check_contract(contract, self._limits)
        raw = contract_bytes(contract)
        key = content_hash(raw)
        self._own[key] = self._compiled(key, contract, raw, verdict)
        if len(self._own) > MAX_OWN:
            del self._own[next(iter(self._own))]
        return verdict

    def _take(self, key: str) -> Compiled | None:
        own = self._own.get(key)
        if own is not None:
            return own
        found = self._kept.get(key)
        if found is None:
            return None
        compiled, size, kept_at = found
        if compiled.verdict.code == TOO_COSTLY and self._clock() - kept_at > COSTLY_KEPT_SECONDS:
            del self._kept[key]
            self._kept_bytes -= size
            return None
        self._kept.move_to_end(key)
        return compiled

    async def _shared(self, key: str, contract: OutputContract, raw: bytes, tenant: str) -> Compiled:
        task = self._open.get(key)
        if task is None:
            task = asyncio.ensure_future(self._made(key, contract, raw, tenant))
            self._open[key] = task
            task.add_done_callback(lambda done: self._close(key, done))
        # A client that leaves must not spoil it for the others that wait.
        return await asyncio.shield(task)

    def _close(self, key: str, done: asyncio.Task[Compiled]) -> None:
        self._open.pop(key, None)
        if not done.cancelled():
            done.exception()  # where all who waited have left, nobody else asks for it

    async def _made(self, key: str, contract: OutputContract, raw: bytes, tenant: str) -> Compiled:
        verdict = await self._verdict(key, contract, raw, tenant)
        self._observe(str(verdict.kind), verdict.seconds)
        compiled = self._compiled(key, contract, raw, verdict)
        self._keep(key, compiled, len(raw))
        return compiled

    def _compiled(self, key: str, contract: OutputContract, raw: bytes, verdict: Verdict) -> Compiled:
        if verdict.kind is VerdictKind.REFUSED:
            return Compiled(contract, contract, verdict, key, len(raw), _nothing_to_prove)
        prove = self._prove(key, contract, raw, verdict)
        return Compiled(contract, forced_of(contract, verdict), verdict, key, len(raw), prove)

    async def _verdict(self, key: str, contract: OutputContract, raw: bytes, tenant: str) -> Verdict:
        if isinstance(contract, ChoiceOutput | JsonObjectOutput):
            return vet(contract, self._limits)
        name = f"{self._edition}:{key}"
        stored = await self._stored(name)
        if stored is not None:
            return stored
        header = {"job": "vet", "limits": asdict(self._limits)}
        try:
            verdict = Verdict.from_json(await self._vetting.ask(header, raw, tenant=tenant))
        except WorkerLimitError as error:
            # Not for the store: on a machine with nothing else to do it might pass.
            reason = f"it is too costly to vet: {error}"
            return Verdict(VerdictKind.REFUSED, TOO_COSTLY, (Unsupported("", "", reason),))
        except WorkerBusyError as error:
            raise OverloadedError(
                "the schema cannot be vetted now: others are being vetted; send it again",
                retry_after_seconds=1,
            ) from error
        if self._store is not None:
            await self._store.put(name, json.dumps(verdict.to_json()))
        return verdict

    async def _stored(self, name: str) -> Verdict | None:
        text = await self._store.get(name) if self._store is not None else None
        if text is None:
            return None
        try:
            return Verdict.from_json(json.loads(text))
        except (KeyError, TypeError, ValueError):
            return None

    def _prove(self, key: str, contract: OutputContract, raw: bytes, verdict: Verdict) -> Prove:
        if verdict.is_cheap and len(raw) <= INLINE_BYTES:
            verify = verifier_of(contract)

            async def prove_here(text: str) -> tuple[Violation, ...]:
                return verify(text)

            return prove_here

        async def prove_there(text: str) -> tuple[Violation, ...]:
            return await self._proven_by_worker(key, raw, text)

        return prove_there

    async def _proven_by_worker(self, key: str, raw: bytes, text: str) -> tuple[Violation, ...]:
        header, data = {"job": "prove", "key": key}, text.encode("utf-8", "surrogatepass")
        try:
            reply = await self._proving.ask(header, b"", data, tenant=key)
            if reply.get("unknown"):
                reply = await self._proving.ask(header, raw, data, tenant=key)
        except WorkerLimitError as error:
            return (Violation("", f"the answer cannot be verified: {error}", ViolationKind.SCHEMA),)
        except WorkerBusyError as error:
            raise OverloadedError(
                "the answer cannot be verified now: others are being verified", retry_after_seconds=1
            ) from error
        return tuple(
            Violation(pointer, message, ViolationKind(kind), keyword)
            for pointer, message, kind, keyword in reply["violations"]
        )

    def _keep(self, key: str, compiled: Compiled, size: int) -> None:
        self._kept[key] = compiled, size, self._clock()
        self._kept_bytes += size
        while len(self._kept) > self._keeps.contracts or self._kept_bytes > self._keeps.total_bytes:
            _, (_, dropped, _) = self._kept.popitem(last=False)
            self._kept_bytes -= dropped


async def _nothing_to_prove(_: str) -> tuple[Violation, ...]:
    return (Violation("", "the contract is refused"),)


def contract_bytes(contract: OutputContract) -> bytes:
    """The contract as JSON. Keys keep their order: a grammar writes properties in it."""
    plain: dict[str, Any]
    if isinstance(contract, JsonSchemaOutput):
        plain = {"kind": contract.kind, "schema": contract.json_schema, "strict": contract.strict}
    else:
        plain = contract.model_dump(by_alias=True)
    try:
        return orjson.dumps(plain)
    except TypeError:  # an integer beyond 64 bits, or half of a surrogate pair
        return json.dumps(plain).encode("ascii")


def _edition(limits: Limits) -> str:
    """Verdicts of other limits or other versions of the libraries are not ours."""
    parts = (json.dumps(asdict(limits)), version("jsonschema-rs"), version("llguidance"), EDITION)
    return content_hash(*(part.encode() for part in parts))[:16]


def _too_large(limits: Limits) -> Verdict:
    fault = Unsupported("", "", f"the contract is over {limits.schema_bytes} bytes")
    return Verdict(VerdictKind.REFUSED, "schema_too_large", (fault,))


def _refused(verdict: Verdict, param: str) -> SchemaUnsupportedError:
    return SchemaUnsupportedError(
        f"the output contract is refused: {verdict.sentence()}", param=param, details=verdict.details()
    )
