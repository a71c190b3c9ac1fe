"""What watches a run: divergence, the order of batches, interruption, throughput and progress.

Imports transformers: see `training.recipes.batches`.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState

from training.errors import DivergedError
from training.recipes.packing import BatchOrder

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class StopWhenDiverged(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Ends a run whose loss or gradient is no finite number."""

    def on_log(self, _args: object, state: TrainerState, _control: object, **_more: object) -> None:
        """Look at the latest figures."""
        latest = state.log_history[-1]
        if not all(math.isfinite(float(latest.get(key, 0))) for key in ("loss", "grad_norm", "train_loss")):
            raise DivergedError(state.global_step)


class FollowEpoch(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Tells the batch order which epoch it is, also in the middle of one after a resume."""

    def __init__(self, order: BatchOrder) -> None:
        self._order = order

    def on_epoch_begin(self, _args: object, state: TrainerState, _control: object, **_more: object) -> None:
        """The order is drawn when the epoch begins."""
        self._order.epoch = int(state.epoch or 0)


class ValidateAtEnd(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Takes the validation loss after the last step too, or its weights could never be the best ones."""

    def on_step_end(
        self, _args: object, state: TrainerState, control: TrainerControl, **_more: object
    ) -> TrainerControl:
        """The last step is known in advance."""
        control.should_evaluate = control.should_evaluate or state.global_step >= state.max_steps
        return control


class Interruption(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Ends a run after a step, with a checkpoint: at a signal, or when so many steps are done.

    Signals are heard in the main thread of a single process; several processes could not agree on a step.
    """

    def __init__(self, after_steps: int | None) -> None:
        self.stopped_at: int | None = None
        self._after_steps = after_steps
        self._asked = False
        self._before: dict[int, Any] = {}

    def on_train_begin(self, args: Any, _state: object, _control: object, **_more: object) -> None:
        """Hear the signals."""
        if args.world_size == 1 and threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._heard) for number in _SIGNALS}

    def on_train_end(self, _args: object, _state: object, _control: object, **_more: object) -> None:
        """Give the signals back."""
        self.release()

    def on_step_end(
        self, _args: object, state: TrainerState, control: TrainerControl, **_more: object
    ) -> TrainerControl:
        """A run that ends here anyway is not interrupted."""
        due = self._asked or (self._after_steps is not None and state.global_step >= self._after_steps)
        if due and state.global_step < state.max_steps and not control.should_training_stop:
            self.stopped_at = state.global_step
            control.should_save = control.should_training_stop = True
        return control

    def release(self) -> None:
        """Set the signals back to what they were; can be called again."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


class Throughput(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Adds tokens per second and accelerator memory to what is logged; stands before whoever writes it."""

    def __init__(self, tokens_done: Callable[[TrainerState], int]) -> None:
        self._tokens_done = tokens_done
        self._last = (0.0, 0)

    def on_train_begin(self, _args: object, state: TrainerState, _control: object, **_more: object) -> None:
        """Start the clock."""
        self._last = (time.perf_counter(), self._tokens_done(state))

    def on_log(
        self,
        _args: object,
        state: TrainerState,
        _control: object,
        logs: dict[str, float] | None = None,
        **_more: object,
    ) -> None:
        """Rates are since the log before."""
        if logs is None or "loss" not in logs:
            return
        now, done = time.perf_counter(), self._tokens_done(state)
        seconds = now - self._last[0]
        if seconds > 0:
            logs["tokens_per_second"] = round((done - self._last[1]) / seconds, 1)
        if torch.cuda.is_available():
            logs["accelerator_memory_mb"] = torch.cuda.max_memory_allocated() // 2**20
        self._last = (now, done)


class ShowProgress(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """A bar on a terminal, else a line for each log; only the main process shows anything."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._bar = TaskID(0)
        self._shown: dict[str, float] = {}

    def on_train_begin(self, _args: object, state: TrainerState, _control: object, **_more: object) -> None:
        """Draw the bar."""
        if not state.is_world_process_zero or not self._console.is_terminal:
            return
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, console=self._console)
        self._bar = self._progress.add_task("", total=state.max_steps, completed=state.global_step)
        self._progress.start()

    def on_step_end(self, _args: object, state: TrainerState, _control: object, **_more: object) -> None:
        """Move the bar on."""
        if self._progress is not None:
            self._progress.update(self._bar, completed=state.global_step)

    def on_log(
        self,
        _args: object,
        state: TrainerState,
        _control: object,
        logs: dict[str, float] | None = None,
        **_more: object,
    ) -> None:
        """Show the latest figures."""
        if not state.is_world_process_zero or logs is None:
            return
        self._shown |= {key: float(value) for key, value in logs.items() if key in _SHOWN}
        text = ", ".join(_SHOWN[key].format(value) for key, value in self._shown.items())
        if self._progress is not None:
            self._progress.update(self._bar, description=text)
        elif "loss" in logs or "eval_loss" in logs:
            line = f"step {state.global_step}/{state.max_steps}: {text}"
            self._console.print(line, highlight=False, soft_wrap=True)

    def on_train_end(self, _args: object, _state: object, _control: object, **_more: object) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """End the display; can be called again."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


_SHOWN: Final = {
    "loss": "loss {:.4f}",
    "eval_loss": "validation loss {:.4f}",
    "rewards/accuracies": "pairs right {:.2f}",
    "learning_rate": "learning rate {:.2e}",
    "tokens_per_second": "{:.0f} tokens/s",
    "accelerator_memory_mb": "{:.0f} MB",
}
