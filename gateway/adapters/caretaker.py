"""The acts that move no channel: evaluations attached, versions retired, verified and exported."""

from __future__ import annotations

import asyncio
import hashlib

import structlog

from contracts.adapter import AdapterManifest
from gateway.adapters._audited import audited
from gateway.adapters._package import check_signature
from gateway.adapters.dossiers import Evaluation, Retirement, read_report
from gateway.adapters.parts import LOCAL_ACTOR, MAX_REASON_CHARS, AdapterParts
from gateway.errors import ConflictError, InvalidRequestError
from gateway.state.channels import Channel

_log = structlog.get_logger(__name__)


class AdapterCaretaker:
    """Each act leaves one audit record, however it ends."""

    def __init__(self, parts: AdapterParts) -> None:
        self._parts = parts

    async def attach(self, name: str, content: bytes, *, actor: str = LOCAL_ACTOR) -> Evaluation:
        """Add an evaluation report to a version.

        Raises:
            ModelNotFoundError: the store has no such version.
            InvalidRequestError: it is no report, or is of another adapter or task.
            ConflictError: the version has as many reports as it may have.
        """
        parts = self._parts
        async with audited(parts.audit, actor, "attach", name) as act:
            manifest = parts.version(name)
            report = read_report(content)
            digest = report.candidate.adapter_digest
            if report.task != manifest.task or digest != manifest.digest:
                of = f"adapter {digest[:12]}" if digest else "a bare base model"
                raise InvalidRequestError(f"the report is of {of} for task {report.task!r}, not of {name}")
            sha256 = hashlib.sha256(content).hexdigest()
            act.details |= {"evaluation": sha256, "spec": report.spec, "verdict": report.verdict.value}
            await asyncio.to_thread(parts.store.dossiers.has_room, name, sha256)
            await parts.mirror.put_evaluation(name, sha256, content)
            return await asyncio.to_thread(parts.store.dossiers.attach, name, content)

    async def retire(
        self, name: str, *, reason: str = "", is_purge: bool = False, actor: str = LOCAL_ACTOR
    ) -> Retirement:
        """Take a version out of service: unloaded everywhere, refused to requests that pin it.

        Its files are kept, unless `is_purge`. Registering it again brings it back.

        Raises:
            ModelNotFoundError: the store has no such version.
            ConflictError: a channel names it.
        """
        parts = self._parts
        async with audited(parts.audit, actor, "purge" if is_purge else "retire", name) as act:
            manifest = parts.version(name)
            if len(reason) > MAX_REASON_CHARS:
                raise InvalidRequestError(f"reason: at most {MAX_REASON_CHARS} characters", param="reason")
            act.details |= {"reason": reason, "digest": manifest.digest}
            await self._refuse_if_pointed(manifest)
            earlier = await asyncio.to_thread(parts.store.dossiers.retirement, name)
            retirement = earlier or Retirement(at=parts.now(), by=actor[:100], reason=reason)
            await parts.mirror.retire(name, retirement)
            await asyncio.to_thread(parts.store.dossiers.retire, name, retirement)
            try:
                await self._refuse_if_pointed(manifest)
            except ConflictError:
                await parts.mirror.revive(name)
                await asyncio.to_thread(parts.store.dossiers.revive, name)
                raise
            finally:
                await parts.directory.refresh()
            if is_purge:
                await self._purge(manifest)
        _log.warning("adapter_retired", adapter=name, is_purged=is_purge)
        return retirement

    async def verify(self, name: str, *, actor: str = LOCAL_ACTOR) -> AdapterManifest:
        """Read every file of a version again: hashes, and the signature by the keys that are trusted now.

        Raises:
            ModelNotFoundError: the store has no such version.
            AdapterRefusedError: which file was altered, or why the signature does not hold.
        """
        parts = self._parts
        async with audited(parts.audit, actor, "verify", name) as act:
            manifest = parts.version(name)
            await asyncio.to_thread(parts.store.verify_all, manifest)
            signer = await asyncio.to_thread(check_signature, parts.store.path(manifest), parts.trust)
            act.details |= {"digest": manifest.digest, "signer": signer or "none"}
        return manifest.model_copy(update={"signer": signer})

    async def export(self, name: str, *, actor: str = LOCAL_ACTOR) -> AdapterManifest:
        """Record that a version's files are handed out. Raises as `verify`."""
        parts = self._parts
        async with audited(parts.audit, actor, "export", name) as act:
            manifest = parts.version(name)
            await asyncio.to_thread(parts.store.verify_all, manifest)
            act.details["digest"] = manifest.digest
        return manifest

    async def _refuse_if_pointed(self, manifest: AdapterManifest) -> None:
        pointers = (await self._parts.channels.channels()).get(manifest.task)
        for channel in Channel if pointers is not None else ():
            if pointers is not None and pointers.version(channel) == manifest.version:
                raise ConflictError(
                    f"{manifest.name} is the {channel.value} version of its task: "
                    "promote another or roll back first"
                )

    async def _purge(self, manifest: AdapterManifest) -> None:
        parts = self._parts
        await parts.mirror.purge(manifest.name)
        await asyncio.to_thread(parts.store.remove, manifest)
        await asyncio.to_thread(parts.store.dossiers.forget, manifest.name)
        await parts.directory.refresh()
