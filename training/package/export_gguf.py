"""Owns the export to GGUF, the file that llama.cpp runs: merged models and adapters alone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import PackageError
from training.libraries import require
from training.package._files import staged
from training.package._gguf_llama import (
    ARCHITECTURE,
    add_hyperparameters,
    check_convertible,
    gguf_names,
    laid_out,
)
from training.package._gguf_tokenizer import add_tokenizer
from training.package._model import load_config, load_merged
from training.package.adapter import PREFIX, WEIGHTS_FILE, Adapter, check_fits, read_adapter
from training.package.identity import code_version
from training.package.origin import Origin, read_origin

if TYPE_CHECKING:
    import gguf as gguf_library
    import numpy as np

_SUFFIX = ".gguf"


class GgufType(StrEnum):
    """The number format of the matrices; vectors are float32 in all of them."""

    F16 = "f16"
    BF16 = "bf16"
    Q8_0 = "q8_0"


def gguf(package: Path, base: Path, out: Path) -> Path:
    """Write the merged model as a GGUF file of float16 matrices; see `write_gguf`."""
    return write_gguf(package, base, out, GgufType.F16)


def gguf_q8(package: Path, base: Path, out: Path) -> Path:
    """Write the merged model as a GGUF file of 8-bit matrices; see `write_gguf`."""
    return write_gguf(package, base, out, GgufType.Q8_0)


def write_gguf(package: Path, base: Path, out: Path, kind: GgufType) -> Path:
    """Merge in float32 and write `out`, or a file in the folder `out` if that does not end in `.gguf`.

    Raises:
        TrainingError: the adapter, the base model, its architecture or tokenizer, or this environment will
            not do, or the file is there already.
    """
    adapter, config = _checked(package, base)
    source = read_origin(adapter, base)
    model = load_merged(adapter, base)
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    names = gguf_names(config, weights)
    with staged(_file(out, f"{source.name}-{kind}")) as partial:
        writer = _writer(partial)
        writer.add_type("model")
        _add_origin(writer, source)
        add_hyperparameters(writer, config)
        add_tokenizer(writer, base, config.vocab_size)
        writer.add_file_type(_file_type(kind))
        _add_quantised(writer, kind, {names[name]: laid_out(config, name, weights[name]) for name in names})
        _finish(writer)
    return _file(out, f"{source.name}-{kind}")


def gguf_adapter(package: Path, base: Path, out: Path) -> Path:
    """Write the adapter alone as a GGUF file for `llama-cli --lora`, next to a GGUF file of the base model.

    Raises:
        TrainingError: as `write_gguf`; or the modules of the adapter have ranks or scales of their own.
    """
    adapter, config = _checked(package, base)
    if adapter.has_patterns:
        raise PackageError(
            f"{package}: rank_pattern and alpha_pattern have no place in a GGUF adapter; export gguf"
        )
    check_fits(adapter, base)
    source = read_origin(adapter, base)
    tensors = _factors(adapter, config)
    with staged(_file(out, f"{source.name}-lora")) as partial:
        writer = _writer(partial)
        writer.add_type("adapter")
        _add_origin(writer, source)
        writer.add_string("adapter.type", "lora")
        # llama.cpp multiplies by alpha / rank, whatever the adapter's own rule is.
        writer.add_float32("adapter.lora.alpha", adapter.scaling * adapter.rank)
        for name, tensor in tensors.items():
            writer.add_tensor(name, tensor)
        _finish(writer)
    return _file(out, f"{source.name}-lora")


def _checked(package: Path, base: Path) -> tuple[Adapter, Any]:
    require("gguf", "torch", "transformers")
    adapter = read_adapter(package)
    config = load_config(base)
    check_convertible(config)
    return adapter, config


def _file(out: Path, name: str) -> Path:
    return out if out.suffix == _SUFFIX else out / f"{name}{_SUFFIX}"


def _writer(path: Path) -> gguf_library.GGUFWriter:
    from gguf import GGUFWriter  # noqa: PLC0415 - only in the training environment

    return GGUFWriter(path, ARCHITECTURE)


def _finish(writer: gguf_library.GGUFWriter) -> None:
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _add_origin(writer: gguf_library.GGUFWriter, source: Origin) -> None:
    """The file is its own manifest: what it was made from stands in its metadata."""
    writer.add_name(source.name)
    writer.add_basename(source.base_model)
    writer.add_finetune(source.task or source.adapter_digest[:12])
    if licence := source.licences.get("base_model"):
        writer.add_license(licence)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, source.base_model)
    if source.task:
        writer.add_string("firstline.task", source.task)
    writer.add_string("firstline.adapter_digest", source.adapter_digest)
    writer.add_string("firstline.base_model_sha256", source.base_model_sha256)
    writer.add_string("firstline.code_version", code_version())


def _file_type(kind: GgufType) -> int:
    from gguf import LlamaFileType  # noqa: PLC0415

    return int(LlamaFileType[f"MOSTLY_{kind.upper()}"])


def _add_quantised(
    writer: gguf_library.GGUFWriter, kind: GgufType, weights: dict[str, np.ndarray[Any, Any]]
) -> None:
    """Matrices in the asked format, vectors in float32; one whose rows are no blocks of 32 is float16."""
    from gguf import GGML_QUANT_VERSION, GGMLQuantizationType, size_label  # noqa: PLC0415
    from gguf.quants import QuantError, quantize  # noqa: PLC0415

    writer.add_size_label(size_label(sum(one.size for one in weights.values()), 0, 0, 0))
    writer.add_quantization_version(GGML_QUANT_VERSION)
    asked = GGMLQuantizationType[kind.upper()]
    for name, weight in weights.items():
        form = asked if weight.ndim > 1 else GGMLQuantizationType.F32
        try:
            data = quantize(weight, form)
        except QuantError:
            form = GGMLQuantizationType.F16
            data = quantize(weight, form)
        writer.add_tensor(name, data, raw_dtype=form)


def _factors(adapter: Adapter, config: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Both factors of each module in float32; the rows of B are in the order of the weight's rows."""
    from safetensors.torch import load_file  # noqa: PLC0415 - numpy has no bfloat16

    loaded = load_file(adapter.folder / WEIGHTS_FILE)
    if broken := [name for name, one in loaded.items() if not one.isfinite().all()]:
        raise PackageError(
            f"{adapter.folder / WEIGHTS_FILE}: {broken[0]} has a weight that is no finite number"
        )
    stored = {name: one.float().numpy() for name, one in loaded.items()}
    names = gguf_names(config, {f"{module}.weight": None for module in adapter.modules})
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    for name, target in names.items():
        module = f"{PREFIX}{name.removesuffix('.weight')}"
        tensors[f"{target}.lora_a"] = stored[f"{module}.lora_A.weight"]
        tensors[f"{target}.lora_b"] = laid_out(config, name, stored[f"{module}.lora_B.weight"])
    return tensors
