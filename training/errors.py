"""Everything that stops a training or evaluation run.

TrainingError
  MissingLibraryError    a library of the training environment is not installed
  RecipeError            the recipe file is wrong
  DatasetError           a data file is wrong
  NotServableError       the recipe would make an adapter that the engine refuses to load
  TargetNotFoundError    the recipe adapts a module that the base model does not have
  TruncatedExampleError  an example is longer than the recipe's limit, so its target would be cut
  DatasetRefusedError    a built dataset failed its gate, or is not the one that the recipe or task names
  QuantisationError      the base model cannot be held in four bits here
  VocabularyError        teacher and student do not share a vocabulary
  OutputFolderError      the adapter's folder holds something else
  CheckpointError        checkpoints cannot be gone on from, or would be thrown away
  InterruptedRunError    the run was stopped; its checkpoint is kept
  ChatTemplateError      the model's chat template cannot mark where the completion starts
  SpecificationError     an evaluation's specification is wrong, or is not what was frozen
  EvaluationError        nothing could be measured: a model answered no request, or nobody knows it
  OfflineModelError      a base model, adapter or contract does not fit a model in this process
  PackageError           an adapter's folder cannot be packaged, signed or exported
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

_EXTRAS = {"bitsandbytes": "qlora", "torchao": "quantised"}


class TrainingError(Exception):
    """A run cannot start or go on; the message says what to change."""


class MissingLibraryError(TrainingError):
    """A library of the training environment is not installed."""

    def __init__(self, library: str) -> None:
        extra = _EXTRAS.get(library, "data,train")
        super().__init__(
            f"{library!r} is not installed here. In a checkout `make setup` installs what training needs "
            f"and `firstline` finds it; elsewhere: pip install 'firstline[{extra}]'"
        )


class SpecificationError(TrainingError):
    """An evaluation's specification is wrong, or is not what was frozen."""


class EvaluationError(TrainingError):
    """Nothing could be measured: a model answered no request, or nobody knows it."""


class RecipeError(TrainingError):
    """The recipe file is wrong."""


class DatasetError(TrainingError):
    """A data file is wrong."""


class NotServableError(TrainingError):
    """The recipe would make an adapter that the engine refuses to load; `reasons` lists every cause."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("the engine would refuse this adapter: " + "; ".join(self.reasons))


class TargetNotFoundError(TrainingError):
    """The recipe adapts a module that the base model does not have."""

    def __init__(self, missing: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(
            f"the base model has no linear module {', '.join(missing)}; it has: {', '.join(known)}"
        )


class TruncatedExampleError(TrainingError):
    """Examples are longer than the recipe's limit, so their targets would be cut."""

    def __init__(self, lengths: Mapping[str, int], max_tokens: int) -> None:
        named = ", ".join(f"{name!r} has {tokens} tokens" for name, tokens in list(lengths.items())[:5])
        more = f" and {len(lengths) - 5} more" if len(lengths) > 5 else ""
        super().__init__(
            f"example {named}{more}, and schedule.max_tokens is {max_tokens}: the target would be cut. "
            f"Raise max_tokens, shorten the text, or leave such examples out with data.overlong: drop"
        )


class DatasetRefusedError(DatasetError):
    """A built dataset must not be trained on; `reasons` lists every cause."""

    def __init__(self, folder: Path, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"{folder}: {'; '.join(self.reasons)}")


class QuantisationError(TrainingError):
    """The base model cannot be held in four bits here."""


class VocabularyError(TrainingError):
    """Teacher and student do not share a vocabulary, so their distributions cannot be compared."""


class OutputFolderError(TrainingError):
    """The adapter's folder holds something else, or cannot be written."""


class CheckpointError(TrainingError):
    """Checkpoints belong to another run, are missing, or would be thrown away."""


class InterruptedRunError(TrainingError):
    """The run was stopped before its end; its checkpoint is kept."""

    def __init__(self, step: int) -> None:
        super().__init__(f"stopped after step {step}; its checkpoint is kept. Go on with --resume")


class ChatTemplateError(TrainingError):
    """The model's chat template cannot mark where the completion starts."""


class DivergedError(TrainingError):
    """The loss or its gradient is no finite number any more."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"loss or gradient is not finite at step {step}; nothing was stored. Lower schedule.learning_rate"
        )


class OfflineModelError(TrainingError):
    """A base model, an adapter or an output contract does not fit a model in this process."""


class PackageError(TrainingError):
    """An adapter's folder cannot be packaged, signed or exported."""
