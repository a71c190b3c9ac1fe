"""A model in the number format that it will be served in: full precision, or quantised by a kept library."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import MissingLibraryError, OfflineModelError, QuantisationError
from training.evaluate.quantised_adapter import check_adapter
from training.libraries import require

if TYPE_CHECKING:
    import torch

LIBRARIES = ("torch", "transformers", "peft", "accelerate")
_STORED_LIBRARY = {
    "awq": "gptqmodel",
    "gptq": "gptqmodel",
    "compressed-tensors": "compressed-tensors",
    "bitsandbytes": "bitsandbytes",
    "torchao": "torchao",
}


class Form(StrEnum):
    """How the base model's linear layers are held; the adapter is never merged, as the engine serves it.

    `auto` takes a folder that is stored quantised (AWQ, GPTQ, compressed-tensors, ...) as it is, and else
    bfloat16 on an accelerator and float32 on a CPU. `int8` and `fp8` quantise weights (per row and per
    tensor) and, token by token, what they are multiplied with; with `-weights`, the weights alone.
    """

    AUTO = "auto"
    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    INT8_WEIGHTS = "int8-weights"
    FP8 = "fp8"
    FP8_WEIGHTS = "fp8-weights"
    NF4 = "nf4"


_FLOATS = (Form.FLOAT32, Form.FLOAT16, Form.BFLOAT16)
_WEIGHTS_ALONE = (Form.INT8_WEIGHTS, Form.FP8_WEIGHTS)
_BY_TORCHAO = (Form.INT8, Form.INT8_WEIGHTS, Form.FP8, Form.FP8_WEIGHTS)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to generate; `form` names the number format as a report does."""

    model: Any
    tokenizer: Any
    form: str
    device: str


def load_model(
    base: Path, adapter: Path | None = None, form: Form = Form.AUTO, device: str = "auto"
) -> LoadedModel:
    """Load a base model's folder, and an adapter's over it, in one number format.

    Raises:
        MissingLibraryError: the format needs a library that is not installed.
        QuantisationError: the device or the folder cannot have this format.
        OfflineModelError: the folder holds no model, or the adapter does not fit it.
    """
    require(*LIBRARIES)
    from transformers import AutoTokenizer  # noqa: PLC0415 - only in the training environment

    stored = stored_form(base)
    chosen = _chosen_device(device)
    form = _chosen_form(form, stored, on_cpu=chosen == "cpu")
    _check_form(form, chosen)
    kind = _dtype(form, chosen)
    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = _load_base(base, form, kind, chosen)
    except ImportError as error:
        missing = _STORED_LIBRARY.get(stored) or error.name or stored or form.value
        raise MissingLibraryError(missing) from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise OfflineModelError(f"{base}: no model that can be loaded here: {_first_line(error)}") from error
    if adapter is not None:
        check_adapter(model, adapter)
        model = _with_adapter(model, adapter)
    if form in _BY_TORCHAO:
        _quantise(model, form)
        if chosen == "cpu" and form in _WEIGHTS_ALONE:
            _make_dense(model)
    return LoadedModel(model.eval(), tokenizer, stored or form.value, chosen)


def stored_form(base: Path) -> str:
    """How a folder says that its weights are quantised; empty where they are not.

    Raises:
        OfflineModelError: it has no readable `config.json`.
    """
    path = base / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
        method = (config.get("quantization_config") or {}).get("quant_method", "")
    except (OSError, ValueError, AttributeError) as error:
        raise OfflineModelError(f"{path}: cannot be read: {error}") from error
    return str(method)


def _chosen_device(device: str) -> str:
    import torch  # noqa: PLC0415

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise OfflineModelError(f"device {device!r}: there is no such accelerator here")
    return device


def _chosen_form(form: Form, stored: str, *, on_cpu: bool) -> Form:
    if form is not Form.AUTO:
        if stored and form not in _FLOATS:
            raise QuantisationError(
                f"the base model is stored as {stored}; it cannot be {form.value} as well"
            )
        return form
    return Form.FLOAT32 if on_cpu else Form.BFLOAT16


def _check_form(form: Form, device: str) -> None:
    """Refuse what the device cannot compute, and what no library is there for."""
    import torch  # noqa: PLC0415

    if form in _BY_TORCHAO:
        require("torchao")
    if form is Form.NF4:
        require("bitsandbytes")
    if form is Form.FP8 and (device == "cpu" or torch.cuda.get_device_capability() < (8, 9)):
        raise QuantisationError(
            "fp8 multiplies in 8 bits, which needs an accelerator of compute capability 8.9 or later "
            "(Ada, Hopper); fp8-weights shows the effect of the weights alone anywhere"
        )


def _dtype(form: Form, device: str) -> torch.dtype:
    """What is not quantised: as asked for, or as training computes."""
    import torch  # noqa: PLC0415

    if form in _FLOATS:
        return getattr(torch, form.value)
    return torch.float32 if device == "cpu" else torch.bfloat16


def _load_base(base: Path, form: Form, kind: torch.dtype, device: str) -> Any:
    """The model on its device. Never from a pickle, whose loading runs code."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig  # noqa: PLC0415

    four_bits = (
        BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=kind)
        if form is Form.NF4
        else None
    )
    return AutoModelForCausalLM.from_pretrained(
        base,
        dtype=kind,
        use_safetensors=True,
        device_map={"": device},
        **({"quantization_config": four_bits} if four_bits else {}),
    )


def _with_adapter(model: Any, adapter: Path) -> Any:
    from peft import PeftModel  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # Half an adapter would be measured as if it were whole.
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, adapter)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, UserWarning) as error:
        raise OfflineModelError(f"{adapter}: the adapter does not fit: {_first_line(error)}") from error


def _quantise(model: Any, form: Form) -> None:
    """Quantise the base's linear layers in place; head and adapter stay as they are, as in the engine."""
    from torchao import quantization  # noqa: PLC0415

    makers = {
        Form.INT8: quantization.Int8DynamicActivationInt8WeightConfig,
        Form.INT8_WEIGHTS: quantization.Int8WeightOnlyConfig,
        Form.FP8: lambda: quantization.Float8DynamicActivationFloat8WeightConfig(
            granularity=quantization.PerTensor()
        ),
        Form.FP8_WEIGHTS: quantization.Float8WeightOnlyConfig,
    }

    quantization.quantize_(model, makers[form](), filter_fn=_belongs_to_the_base)


def _make_dense(model: Any) -> None:
    """Write quantised weights out as floats again: the same products, two to three times as fast on a CPU."""
    from torch.nn import Parameter  # noqa: PLC0415

    for name, module in model.named_modules():
        if _belongs_to_the_base(module, name):
            module.weight = Parameter(module.weight.dequantize(), requires_grad=False)


def _belongs_to_the_base(module: Any, name: str) -> bool:
    from torch.nn import Linear  # noqa: PLC0415

    return isinstance(module, Linear) and ".lora_" not in name and not name.endswith("lm_head")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
