"""Owns loading models with transformers and PEFT, on this machine's files alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from training.errors import PackageError
from training.libraries import require
from training.package.adapter import PREFIX, Adapter, check_fits

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_adapted(adapter: Adapter, base: Path) -> PeftModel:
    """Base model and adapter in float32, where sums of products do not depend on the machine's formats.

    Raises:
        PackageError: they do not fit each other, or one cannot be loaded.
    """
    require("torch", "transformers", "peft")
    check_fits(adapter, base)
    import torch  # noqa: PLC0415 - only in the training environment
    from peft import PeftModel  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    with _translated(base):
        config = load_config(base)
        if getattr(config, "quantization_config", None):
            raise PackageError(f"{base}: is quantised; give the folder of the full base model")
        model = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
        adapted = PeftModel.from_pretrained(model, adapter.folder).eval()
    _check_whole(adapted, adapter)
    return adapted


def load_merged(adapter: Adapter, base: Path) -> PreTrainedModel:
    """The base model with the adapter added into its weights, in float32.

    Raises:
        PackageError: as `load_adapted`; or the merged weights are not finite.
    """
    adapted = load_adapted(adapter, base)
    with _translated(adapter.folder):
        return adapted.merge_and_unload(safe_merge=True)


def load_config(base: Path) -> Any:
    """The base model's configuration; code that comes with a model is never run."""
    from transformers import AutoConfig  # noqa: PLC0415

    with _translated(base):
        return AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False)


def load_tokenizer(base: Path) -> PreTrainedTokenizerBase:
    """The base model's tokenizer.

    Raises:
        PackageError: it cannot be loaded.
    """
    require("transformers")
    from transformers import AutoTokenizer  # noqa: PLC0415

    with _translated(base):
        return AutoTokenizer.from_pretrained(base, local_files_only=True, trust_remote_code=False)


def _check_whole(adapted: PeftModel, adapter: Adapter) -> None:
    """PEFT passes over weights of modules that the configuration does not name; that is no whole adapter."""
    found = {
        name.removeprefix(PREFIX) for name, module in adapted.named_modules() if hasattr(module, "lora_A")
    }
    if found != set(adapter.modules):
        one = min(found ^ set(adapter.modules))
        raise PackageError(f"{adapter.folder}: configuration and weights name different modules ({one!r})")


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """What the libraries raise for a wrong folder, as one error with its reason in a line."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise PackageError(f"{folder}: cannot be loaded: {reason[0][:500]}") from error
