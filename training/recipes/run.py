"""One training run from recipe to folder: what is checked, loaded, trained and written, in this order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from training.config import Method, Recipe, load_task
from training.errors import DivergedError
from training.libraries import require
from training.recipes.checkpoint import Start, run_folder
from training.recipes.preflight import check_recipe
from training.recipes.report import TrainingReport
from training.recipes.rows import encode_rows, read_rows
from training.recipes.store import REPORT_FILE, check_output, store_adapter, store_recipe, whole_folder

if TYPE_CHECKING:
    from peft import PeftModel

LIBRARIES: Final = ("torch", "transformers", "peft", "accelerate")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a recipe, which changes nothing of what comes out.

    `recipe_file` is kept beside the adapter. `stop_after_steps` interrupts the run there, with a checkpoint.
    """

    recipe_file: Path | None = None
    start: Start = Start.FRESH
    stop_after_steps: int | None = None
    console: Console = field(default_factory=lambda: Console(stderr=True))


def train(recipe: Recipe, options: RunOptions | None = None) -> TrainingReport:
    """Train the recipe's adapter and write its folder; all is checked before a model is loaded.

    Under `accelerate launch` every process calls this; the main one alone writes.

    Raises:
        TrainingError: the recipe, its data or this environment will not do (see `training.errors`).
    """
    options = options or RunOptions()
    check_recipe(recipe)
    check_output(recipe.out)
    task = load_task(recipe.task)
    rows = read_rows(recipe, task)
    folder = run_folder(recipe, task, rows, process_count())
    checkpoint = folder.checkpoint(options.start)
    require(*_libraries(recipe))
    from training.recipes.arguments import make_repeatable  # noqa: PLC0415 - needs the libraries
    from training.recipes.model import check_quantisation, check_teacher, load_tokenizer  # noqa: PLC0415
    from training.recipes.outcome import report_of  # noqa: PLC0415
    from training.recipes.session import Place, Session  # noqa: PLC0415

    check_quantisation(recipe)
    tokenizer = load_tokenizer(recipe.base_model)
    check_teacher(recipe, tokenizer)
    encoded = encode_rows(recipe, task, rows, tokenizer)
    if is_main_process():
        folder.open(checkpoint)
    make_repeatable(recipe)
    session = Session(recipe, encoded, tokenizer, Place(folder.path, process_count(), options.console))
    try:
        session.run(checkpoint, options.stop_after_steps)
        report = report_of(session, task, rows)
        if is_main_process():
            report = _write(recipe, options, session.model, report)
            folder.remove()
    except DivergedError:
        folder.remove()
        raise
    finally:
        session.close()
    return report


def _write(recipe: Recipe, options: RunOptions, model: PeftModel, report: TrainingReport) -> TrainingReport:
    with whole_folder(recipe.out) as staging:
        size = store_adapter(model, recipe, base_name=report.base_model, folder=staging, step=report.steps)
        report = report.model_copy(update={"adapter_bytes": size})
        (staging / REPORT_FILE).write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
        store_recipe(recipe, options.recipe_file, staging)
    return report


def _libraries(recipe: Recipe) -> tuple[str, ...]:
    more = ("trl", "datasets") if recipe.method is Method.DPO else ()
    return (*LIBRARIES, *more, *(("tensorboard",) if recipe.tensorboard else ()))


def process_count() -> int:
    """How many processes train together, as their launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this is the process that writes."""
    return int(os.environ.get("RANK", "0")) == 0
