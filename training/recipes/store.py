"""The adapter's folder: weights in the recipe's format, configuration without paths, recipe, report."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from training.config import Recipe, Storage
from training.errors import DivergedError, OutputFolderError

if TYPE_CHECKING:
    from peft import PeftModel

WEIGHTS_FILE: Final = "adapter_model.safetensors"
CONFIG_FILE: Final = "adapter_config.json"
RECIPE_FILE: Final = "recipe.yaml"
REPORT_FILE: Final = "training-report.json"


def check_output(out: Path) -> None:
    """Refuse a folder that is no adapter's: it is replaced whole when the run has ended.

    Raises:
        OutputFolderError: it holds something else.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputFolderError(f"{out}: is no folder")
    if any(out.iterdir()) and not (out / CONFIG_FILE).is_file():
        raise OutputFolderError(f"{out}: holds something that is no adapter; choose another folder as 'out'")


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder that takes the place of `out` when the block ends well, and else leaves no trace.

    What was there before is kept beside it as `<name>.previous`.

    Raises:
        OutputFolderError: the disk refuses.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise OutputFolderError(f"{out}: cannot be written: {error}") from error
    try:
        yield staging
        staging.chmod(0o755)  # mkdtemp makes a private one
        _put_in_place(staging, out)
    except OSError as error:
        raise OutputFolderError(f"{out}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def store_adapter(model: PeftModel, recipe: Recipe, *, base_name: str, folder: Path, step: int) -> int:
    """Write weights and configuration; returns the size of the weights in bytes.

    The configuration names the base model as the task does, and lists its targets in order, so that
    the folder holds no path of the machine and the same run writes the same bytes.

    Raises:
        DivergedError: a weight is no finite number after the last step.
    """
    import torch  # noqa: PLC0415 - only in the training environment
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    model.save_pretrained(folder, safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty card
    weights = folder / WEIGHTS_FILE
    kinds = {
        Storage.BFLOAT16: torch.bfloat16,
        Storage.FLOAT16: torch.float16,
        Storage.FLOAT32: torch.float32,
    }
    tensors = {
        name: tensor.to(kinds[recipe.lora.storage]).contiguous()
        for name, tensor in load_file(weights).items()
    }
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise DivergedError(step)
    save_file(tensors, weights, metadata={"format": "pt"})
    config_file = folder / CONFIG_FILE
    config = json.loads(config_file.read_text("utf-8"))
    config |= {"base_model_name_or_path": base_name, "target_modules": sorted(config["target_modules"])}
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    return weights.stat().st_size


def store_recipe(recipe: Recipe, source: Path | None, folder: Path) -> None:
    """Keep the recipe beside what it made: as it was written, or all its values if it is no file.

    A bound on the steps that the command line set is written into it: it changes what comes out.
    """
    if source is not None:
        values = yaml.safe_load(source.read_text("utf-8"))
        schedule = values.get("schedule") or {}
        if schedule.get("max_steps") == recipe.schedule.max_steps:
            shutil.copyfile(source, folder / RECIPE_FILE)
            return
        values["schedule"] = {**schedule, "max_steps": recipe.schedule.max_steps}
    else:
        values = recipe.model_dump(mode="json", exclude_defaults=True)
    (folder / RECIPE_FILE).write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), "utf-8")


def _put_in_place(staging: Path, out: Path) -> None:
    if not out.exists():
        staging.rename(out)
        return
    previous = out.with_name(f"{out.name}.previous")
    if previous.exists():
        shutil.rmtree(previous)
    out.rename(previous)
    try:
        staging.rename(out)
    except OSError:
        previous.rename(out)
        raise
