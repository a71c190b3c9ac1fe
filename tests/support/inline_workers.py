"""Schema workers without processes, for tests of what stands around them."""

from __future__ import annotations

from typing import Any, cast

from gateway.intake import jobs
from gateway.intake.intake import Intake, IntakeWorkers
from gateway.intake.limits import Limits
from gateway.intake.workers import Workers
from gateway.state.verdicts import VerdictStore


class InlineWorkers:
    """Does each job at once, in the test's own process, and counts them by kind."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    async def ask(
        self, header: dict[str, Any], contract: bytes = b"", text: bytes = b"", *, tenant: str
    ) -> dict[str, Any]:
        assert tenant
        self.jobs.append(header["job"])
        return jobs.answer((header, contract, text))


def inline_intake(store: VerdictStore | None = None, limits: Limits | None = None) -> Intake:
    """An intake whose workers do their jobs in this process."""
    workers = cast("Workers", InlineWorkers())
    return Intake(IntakeWorkers(workers, workers), store, limits=limits or Limits())
