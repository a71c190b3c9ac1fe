"""Learning from pairs: TRL's DPO over tokens that are encoded as they are served.

Imports trl: see `training.recipes.batches`.
"""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from torch.utils.data import DataLoader
from trl import DPOConfig, DPOTrainer

from training.config import Preference, Recipe
from training.recipes.encode import EncodedPair
from training.recipes.packing import BatchOrder
from training.recipes.supervised import ordered_loader

KIND = DPOConfig
"""The training arguments that DPO takes."""


def preference_options(recipe: Recipe) -> dict[str, Any]:
    """What DPO's arguments have more than the others."""
    preference = recipe.preference or Preference()
    return {
        "beta": preference.beta,
        "loss_type": preference.loss,
        "label_smoothing": recipe.schedule.label_smoothing,
        "max_length": None,  # nothing is cut: what does not fit was refused or dropped
        "pad_to_multiple_of": 8,
    }


def pair_rows(pairs: list[EncodedPair]) -> Dataset:
    """Rows in the form that DPO's collator takes, token by token what the engine reads and writes."""
    prompts = [pair.chosen.prompt_tokens for pair in pairs]
    return Dataset.from_dict(
        {
            "prompt_ids": [list(p.chosen.input_ids[:n]) for p, n in zip(pairs, prompts, strict=True)],
            "chosen_ids": [list(p.chosen.input_ids[n:]) for p, n in zip(pairs, prompts, strict=True)],
            "rejected_ids": [list(p.rejected.input_ids[n:]) for p, n in zip(pairs, prompts, strict=True)],
        }
    )


class PairTrainer(DPOTrainer):  # type: ignore[misc]  # the library has no types
    """TRL's DPO, with rows that are encoded already and batches in our order.

    Without a reference model, the reference is the base model: the same weights with the adapter off.
    """

    def __init__(self, *, order: BatchOrder, **options: Any) -> None:
        self._order = order
        super().__init__(**options)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches in the order of the epoch, one of each step for every process."""
        return ordered_loader(self, self._order)

    def create_model_card(self, *_given: object, **_more: object) -> None:
        """None: the package has a card of its own, and checkpoints need none."""

    def _prepare_dataset(self, dataset: Dataset, *_given: object, **_more: object) -> Dataset:
        """The rows hold token ids already; the library would render its own prompts."""
        return dataset
