"""What stops a run with a teacher, beside wrong files.

TeacherError       the teacher cannot be used as it is described
BudgetSpentError   the next request would not fit into the budget
JournalError       the journal cannot be gone on from
"""

from __future__ import annotations

from training.errors import TrainingError


class TeacherError(TrainingError):
    """Nobody answers at the teacher's URL, or it refuses key, model or request; no answer is lost."""


class BudgetSpentError(TrainingError):
    """The next request would not fit into the budget; `limit` names the cap."""

    def __init__(self, limit: str) -> None:
        self.limit = limit
        super().__init__(f"the budget is spent: {limit}")


class JournalError(TrainingError):
    """The journal is in use, damaged or cannot be written."""
