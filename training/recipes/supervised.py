"""Learning from outputs and from a teacher: a Trainer that computes logits only where a token is supervised.

Imports torch: see `training.recipes.batches`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import Trainer

from training.config import Distillation
from training.recipes.packing import BatchOrder, Row

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class SupervisedLogits:
    """Narrows the input of a model's output layer to some places, for as long as `at` is entered.

    A vocabulary is much wider than the hidden state: logits over prompts and padding would take most of
    the time and memory. Whatever else the model does to its logits (scaling, capping) stays its own.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._kept: torch.Tensor | None = None
        model.get_output_embeddings().register_forward_pre_hook(self._narrowed)

    @contextmanager
    def at(self, kept: torch.Tensor) -> Iterator[None]:
        """`kept` are places in the flattened batch; the logits come as one row in the same order."""
        self._kept = kept
        try:
            yield
        finally:
            self._kept = None

    def _narrowed(self, _layer: object, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
        if self._kept is None:
            return None
        return (given[0].flatten(0, -2).index_select(0, self._kept).unsqueeze(0),)


class Teacher:
    """A frozen model whose distribution the student learns; it sees the same tokens."""

    def __init__(self, model: PreTrainedModel, settings: Distillation) -> None:
        self._model = model.eval().requires_grad_(requires_grad=False)
        self._logits = SupervisedLogits(model)
        self._settings = settings

    def to(self, device: torch.device) -> None:
        """Move the weights."""
        self._model.to(device)

    def logits(self, inputs: dict[str, Any], kept: torch.Tensor) -> torch.Tensor:
        """The teacher's logits at the kept places."""
        with torch.no_grad(), self._logits.at(kept):
            logits: torch.Tensor = self._model(**inputs).logits[0]
        return logits

    def loss(self, hard: torch.Tensor, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Both losses, summed over tokens and weighed (Hinton et al., 2015, section 2)."""
        temperature = self._settings.temperature
        soft = functional.kl_div(
            functional.log_softmax(student / temperature, dim=-1),
            functional.log_softmax(teacher.float() / temperature, dim=-1),
            reduction="sum",
            log_target=True,
        )
        ratio = self._settings.hard_ratio
        return ratio * hard + (1 - ratio) * temperature**2 * soft


class CompletionLoss:
    """The loss of a batch in the Trainer's form: the sum over its tokens, by the tokens of the whole step."""

    def __init__(self, label_smoothing: float, teacher: Teacher | None) -> None:
        self.teacher_logits: torch.Tensor | None = None
        self._label_smoothing = label_smoothing
        self._teacher = teacher

    def __call__(
        self, outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int
    ) -> torch.Tensor:
        """`labels` have one ignored label ahead of those of the kept places."""
        logits = outputs.logits[0].float()
        loss = functional.cross_entropy(
            logits, labels[1:], reduction="sum", label_smoothing=self._label_smoothing
        )
        if self._teacher is not None and self.teacher_logits is not None:
            loss = self._teacher.loss(loss, logits, self.teacher_logits)
        return loss / num_items_in_batch


def ordered_loader(trainer: Trainer, order: BatchOrder) -> DataLoader[Any]:
    """A trainer's training rows in an order, dealt out to the processes."""
    loader: DataLoader[Any] = DataLoader(
        trainer.train_dataset,
        batch_sampler=order,
        collate_fn=trainer.data_collator,
        pin_memory=trainer.args.dataloader_pin_memory,
    )
    return trainer.accelerator.prepare(loader)


class SupervisedTrainer(Trainer):  # type: ignore[misc]  # the library has no types
    """transformers' Trainer over rows of examples, in an order of its own and with a loss per token.

    Batches come from `order`; the validation loss is the mean over all supervised tokens, without label
    smoothing and teacher, whatever the batches.
    """

    def __init__(
        self, *, order: BatchOrder, label_smoothing: float, teacher: Teacher | None, **options: Any
    ) -> None:
        self._order = order
        self._teacher = teacher
        self._loss = CompletionLoss(label_smoothing, teacher)
        super().__init__(compute_loss_func=self._loss, **options)
        self._logits = SupervisedLogits(self.model.get_base_model())
        if teacher is not None:
            teacher.to(self.args.device)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches in the order of the epoch, one of each step for every process."""
        return ordered_loader(self, self._order)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """As the Trainer does, with logits at the kept places alone."""
        kept = inputs.pop("kept")
        if self._teacher is not None:
            features = {name: value for name, value in inputs.items() if name != "labels"}
            self._loss.teacher_logits = self._teacher.logits(features, kept)
        with self._logits.at(kept):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

    def evaluate(
        self,
        eval_dataset: Sequence[Row] | None = None,
        ignore_keys: list[str] | None = None,  # noqa: ARG002 - the library's signature
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """The mean loss over the supervised tokens of the validation rows, each seen by one process."""
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        self.model.eval()
        total = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        share = rows[self.args.process_index :: self.args.world_size]
        size = self.args.per_device_eval_batch_size
        for start in range(0, len(share), size):
            inputs = self._prepare_inputs(self.data_collator(share[start : start + size]))
            kept, labels = inputs.pop("kept"), inputs.pop("labels")[1:]
            with torch.no_grad(), self.compute_loss_context_manager(), self._logits.at(kept):
                logits = self.model(**inputs).logits[0].float()
            total[0] += functional.cross_entropy(logits, labels, reduction="sum")
            total[1] += len(labels)
        summed, tokens = self.accelerator.reduce(total).tolist()
        metrics = {f"{metric_key_prefix}_loss": summed / max(tokens, 1.0)}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics
