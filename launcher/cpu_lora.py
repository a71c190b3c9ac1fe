"""A vLLM plugin: adapters on the CPU in one matrix product an adapter, and none where a row has none.

vLLM's own CPU kernels (0.32, vllm/lora/ops/torch_ops) copy an adapter's matrix for every token of a batch,
which makes long prompts tens of times slower, and take index -1 (no adapter) for the last slot, so that a
base request beside adapters is answered by the last of them once every slot is full. The functions here
have the same signatures and replace them when vLLM loads its general plugins; GPUs have kernels of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def register() -> None:
    """Replace the kernels in this process; does nothing where the engine does not run on the CPU."""
    from vllm.platforms import current_platform  # noqa: PLC0415 - the engine's environment alone has it

    if not current_platform.is_cpu():
        return
    from vllm.lora.ops.torch_ops import lora_ops  # noqa: PLC0415
    from vllm.lora.punica_wrapper import punica_cpu  # noqa: PLC0415

    for function in (bgmv_shrink, bgmv_expand, bgmv_expand_slice):
        # The prefill kernels look these up in lora_ops, the decode path in punica_cpu.
        setattr(lora_ops, function.__name__, function)
        setattr(punica_cpu, function.__name__, function)


def bgmv_shrink(
    inputs: Tensor,
    lora_b_weights: Tensor,
    output_tensor: Tensor,
    lora_indices_tensor: Tensor,
    scaling: float = 1.0,
) -> None:
    """Write `scaling * inputs @ A.T` of each row's adapter.

    Shapes: inputs [rows, in], weights [slots, (1,) rank, in], output [rows, >= rank], indices [rows].
    """
    rank = lora_b_weights.shape[-2]
    output_tensor[:, :rank] = 0
    for rows, weight in _groups(lora_b_weights, lora_indices_tensor[: inputs.shape[0]], output_tensor):
        product = inputs[rows].to(output_tensor.dtype) @ weight.T
        output_tensor[: inputs.shape[0], :rank][rows] = product * scaling


def bgmv_expand(
    inputs: Tensor,
    lora_b_weights: Tensor,
    output_tensor: Tensor,
    lora_indices_tensor: Tensor,
    add_inputs: bool = True,
) -> None:
    """Add (or write) `inputs @ B.T` of each row's adapter; the shorter of both widths counts.

    Shapes: inputs [rows, rank], weights [slots, (1,) out, rank], output [rows, width], indices [rows].
    """
    width = min(lora_b_weights.shape[-2], output_tensor.shape[1])
    bgmv_expand_slice(inputs, lora_b_weights, output_tensor, lora_indices_tensor, 0, width, add_inputs)


def bgmv_expand_slice(
    inputs: Tensor,
    lora_b_weights: Tensor,
    output_tensor: Tensor,
    lora_indices_tensor: Tensor,
    *place: int,
) -> None:
    """As `bgmv_expand`, into some columns; `place` is their offset, their number, and whether to add."""
    slice_offset, slice_size, add_inputs = (*place, True)[:3]
    target = output_tensor[: inputs.shape[0], slice_offset : slice_offset + slice_size]
    if not add_inputs:
        target.zero_()
    for rows, weight in _groups(lora_b_weights, lora_indices_tensor[: inputs.shape[0]], output_tensor):
        target[rows] += inputs[rows].to(output_tensor.dtype) @ weight[:slice_size].T


def _groups(weights: Tensor, indices: Tensor, output: Tensor) -> Iterator[tuple[slice | Tensor, Tensor]]:
    """The rows of each adapter with its matrix; rows without one (-1) are in no group."""
    slots = indices.unique().tolist()
    for slot in slots:
        if slot < 0:
            continue
        rows = slice(None) if len(slots) == 1 else (indices == slot).nonzero().squeeze(1)
        yield rows, weights[slot].reshape(weights.shape[-2:]).to(output.dtype)
