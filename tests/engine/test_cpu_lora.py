"""The CPU kernels for adapters: vLLM's results where it is right, and no adapter where a row has none."""

from __future__ import annotations

import os
import subprocess

from launcher.layout import layout_from

SCRIPT = """
import torch
from vllm.lora.ops.torch_ops import lora_ops as theirs
from launcher import cpu_lora as ours
torch.manual_seed(0)
a, b = torch.randn(4, 1, 8, 16), torch.randn(4, 1, 20, 8)
for rows in ([0, 1, 2, 1, 0], [3, 3, 3, 3], [2]):
    index = torch.tensor(rows)
    x, y = torch.randn(len(rows), 16), torch.randn(len(rows), 8)
    pair = [y.clone(), y.clone()]
    for kernels, shrunk in zip((theirs, ours), pair):
        kernels.bgmv_shrink(x, a, shrunk, index, 0.5)
    assert torch.allclose(*pair, atol=1e-5)
    for add in (True, False):
        wide = torch.randn(len(rows), 40)
        pair = [wide.clone(), wide.clone()]
        for kernels, out in zip((theirs, ours), pair):
            kernels.bgmv_expand_slice(y, b, out, index, 10, 20, add)
            kernels.bgmv_expand(y, b, out[:, :20], index, add)
        assert torch.allclose(*pair, atol=1e-4)
out = torch.ones(3, 20)
ours.bgmv_expand(torch.randn(3, 8), b, out, torch.tensor([-1, 1, -1]))
assert (out[0] == 1).all() and (out[2] == 1).all() and not (out[1] == 1).any()
shrunk = torch.ones(2, 8)
ours.bgmv_shrink(torch.randn(2, 16), a, shrunk, torch.tensor([-1, -1]))
assert (shrunk == 0).all()
from vllm.plugins import load_general_plugins
load_general_plugins()
from vllm.lora.punica_wrapper import punica_cpu
assert punica_cpu.bgmv_shrink is ours.bgmv_shrink and theirs.bgmv_expand is ours.bgmv_expand
print("agreed")
"""


def test_our_kernels_agree_with_the_engines_and_leave_base_rows_alone() -> None:
    python = layout_from(os.environ).engine_venv / "bin" / "python"
    done = subprocess.run([python, "-c", SCRIPT], capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout.strip().endswith("agreed"), done.stderr[-3000:]
