"""Registers adapter versions and moves the stable channel to them and back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from gateway.adapters._audited import Act, audited
from gateway.adapters._pools import loading_pools
from gateway.adapters._registration import Registrar, Taken
from gateway.adapters.parts import LOCAL_ACTOR, AdapterParts, checked_reason
from gateway.errors import (
    AdapterRefusedError,
    ConflictError,
    GatewayError,
    ModelRetiredError,
    PromotionRefusedError,
)
from gateway.settings import Promotion
from gateway.state.channels import BASE_VERSION, Channel, ChannelChange

_log = structlog.get_logger(__name__)

_HISTORY: Final = 1000


class AdapterRegistry:
    """Moves stable channels by compare-and-set; forward only to what each healthy engine has proven.

    An act that fails leaves the channel and the stores as they were; one that succeeds ends with the
    directory showing it. Each leaves one audit record, however it ends.
    """

    def __init__(self, parts: AdapterParts) -> None:
        self._parts = parts
        self._registrar = Registrar(parts.store, loading_pools(parts.pools.values()), parts.trust)

    async def register(
        self,
        folder: Path,
        task: str,
        *,
        json_form: JsonForm | None = None,
        wants_promotion: bool = True,
        override: str | None = None,
        actor: str = LOCAL_ACTOR,
    ) -> AdapterManifest:
        """Judge, store and prove on each healthy engine; then point the stable channel if the gate is open.

        Where it is not, the version stays a candidate, which a request can pin. `override` is a reason to
        point the channel all the same.

        Raises:
            ModelNotFoundError: no task has this name.
            AdapterRefusedError: the folder, or an engine's answer to it; the channel is untouched.
            AdapterNotReadyError, EngineUnavailableError: the engines; the channel is untouched.
            RemoteStoreError, InternalError: a store failed; the channel is untouched.
            ConflictError: someone else moved the channel meanwhile.
        """
        parts = self._parts
        async with audited(parts.audit, actor, "register", task) as act:
            served = parts.task(task)
            before = await parts.channels.stable(task)
            taken = await self._registrar.take(folder, served, json_form)
            manifest = taken.manifest
            act.subject = manifest.name
            act.details |= {"digest": manifest.digest, "signer": manifest.signer or "none"}
            is_pushed = False
            try:
                with parts.reconciler.holding(manifest):
                    await parts.reconciler.wait_ready(manifest)
                    is_pushed = await parts.mirror.push(manifest)
                    await self._complete(act, taken)
                    if wants_promotion and await self._may_pass(act, manifest, override):
                        await self._point(act, manifest, before)
            except BaseException:
                if taken.is_new:
                    await self._discard(manifest, is_pushed=is_pushed)
                raise
            finally:
                await parts.directory.refresh()
        _log.info("adapter_registered", adapter=manifest.name, before=before)
        return manifest

    async def promote(
        self, name: str, *, override: str | None = None, actor: str = LOCAL_ACTOR
    ) -> AdapterManifest:
        """Point the stable channel of its task at a version in the store, if the gate is open.

        Raises:
            PromotionRefusedError: no passing evaluation under the task's present contract, and no `override`.
            Others as `register`.
        """
        parts = self._parts
        async with audited(parts.audit, actor, "promote", name) as act:
            reason = None if override is None else checked_reason(override, "override")
            manifest = parts.version(name)
            retirement = parts.directory.retirement(name)
            if retirement is not None:
                raise ModelRetiredError(name, retirement.reason)
            served = parts.task(manifest.task)
            if served.base_model != manifest.base_model:
                raise AdapterRefusedError(
                    f"{name} belongs to base model {manifest.base_model!r}; its task: {served.base_model!r}"
                )
            if not await self._may_pass(act, manifest, reason):
                raise PromotionRefusedError(
                    f"{name} is not promoted: {act.details['gate']}. Attach a passing report of "
                    "`firstline eval`, or override with a reason, which is recorded"
                )
            before = await parts.channels.stable(manifest.task)
            with parts.reconciler.holding(manifest):
                await parts.reconciler.wait_ready(manifest)
                await self._point(act, manifest, before)
            await parts.directory.refresh()
        return manifest

    async def rollback(self, task: str, *, actor: str = LOCAL_ACTOR) -> ChannelChange:
        """Point the stable channel to the version before; again and again, down to the bare base model.

        Raises:
            ConflictError: the channel was never pointed, or is at the base model, or the earlier
                version is gone or retired.
        """
        parts = self._parts
        async with audited(parts.audit, actor, "rollback", task) as act:
            history = await parts.channels.history(task, _HISTORY)
            moves = [change.version for change in reversed(history) if change.channel is Channel.STABLE]
            if not moves:
                raise ConflictError(f"the stable channel of task {task!r} was never pointed anywhere")
            target = _before_last(moves)
            act.details |= {"from": moves[-1] or BASE_VERSION, "to": target}
            name = f"{task}@{target}"
            if target != BASE_VERSION and parts.directory.get(name) is None:
                raise ConflictError(f"the earlier version {name} is not in the store any more")
            if parts.directory.retirement(name) is not None:
                raise ConflictError(
                    f"the earlier version {name} is retired: promote another, or register it again"
                )
            change = await parts.channels.point(task, Channel.STABLE, target, expected=moves[-1])
            await parts.directory.refresh()
        _log.warning("adapter_rolled_back", task=task, to=target, before=moves[-1])
        return change

    async def _complete(self, act: Act, taken: Taken) -> None:
        """What else the registration of a version that the store knew already brings: a report, a return."""
        parts, name = self._parts, taken.manifest.name
        dossiers = parts.store.dossiers
        if taken.report is not None:
            evaluation = await asyncio.to_thread(dossiers.attach, name, taken.report)
            await parts.mirror.put_evaluation(name, evaluation.sha256, taken.report)
        if await asyncio.to_thread(dossiers.retirement, name) is not None:
            await parts.mirror.revive(name)
            await asyncio.to_thread(dossiers.revive, name)
            await parts.directory.refresh()
            act.details["revived"] = "it was retired before"

    async def _may_pass(self, act: Act, manifest: AdapterManifest, override: str | None) -> bool:
        """Whether the gate, the rules or a person let a version into the stable channel; it is recorded."""
        finding = self._parts.finding(manifest, await self._parts.evaluations(manifest))
        act.details["gate"] = finding.reason
        if finding.evaluation is not None:
            act.details["evaluation"] = finding.evaluation.sha256
        if not finding.is_open and override is not None:
            act.details["override"] = override
        is_open_to_all = self._parts.promotion is Promotion.OPEN
        return finding.is_open or override is not None or is_open_to_all

    async def _point(self, act: Act, manifest: AdapterManifest, before: str | None) -> None:
        act.details["promoted_over"] = before or BASE_VERSION
        if before != manifest.version:
            await self._move(manifest, before)
        await self._parts.directory.refresh()

    async def _move(self, manifest: AdapterManifest, before: str | None) -> None:
        channels = self._parts.channels
        try:
            await channels.point(manifest.task, Channel.STABLE, manifest.version, expected=before)
        except ConflictError:
            # The same folder, registered twice at once, is no conflict.
            if await channels.stable(manifest.task) != manifest.version:
                raise

    async def _discard(self, manifest: AdapterManifest, *, is_pushed: bool) -> None:
        """Take back what was stored for a registration that failed, unless a channel names it by now."""
        parts = self._parts
        pointers = (await parts.channels.channels()).get(manifest.task)
        if pointers is not None and manifest.version in pointers.versions:
            return
        await asyncio.to_thread(parts.store.remove, manifest)
        if is_pushed:
            try:
                await parts.mirror.purge(manifest.name)
            except GatewayError as error:
                _log.warning("adapter_left_in_remote_store", adapter=manifest.name, error=error.message)


def _before_last(moves: Sequence[str | None]) -> str:
    """The version under the present one, where a move to an earlier version undoes the moves since.

    Raises:
        ConflictError: there is none.
    """
    stack = [BASE_VERSION]
    for move in moves:
        version = move or BASE_VERSION
        if version in stack:
            del stack[stack.index(version) + 1 :]
        else:
            stack.append(version)
    if len(stack) < 2:
        raise ConflictError("the stable channel is at the bare base model already")
    return stack[-2]
