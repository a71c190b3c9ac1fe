"""Owns how the embedded engine is started: its command line and its environment, on CPU and on CUDA."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from launcher.layout import MODEL_NAME, Layout

# On the CPU vLLM pads every adapter to this rank and multiplies it for each token of a prompt.
MAX_LORA_RANK = 16
# More than the gateway keeps on an engine (pools.*.max_resident_adapters, 16): what was unloaded stays in
# this cache until newer ones push it out, and an adapter whose request waits in the engine must not go first.
MAX_CPU_LORAS = 20
MAX_MODEL_LEN = 4096
# Room for 8,700 tokens of 46,080 bytes in float32 (30 layers, 3 heads of 64, keys and values); twice in bf16.
KV_CACHE_BYTES = 384 * 1024 * 1024


class EngineKind(StrEnum):
    """Which build of vLLM fits this machine."""

    CPU = "cpu"
    CUDA = "cuda"


def detect_kind() -> EngineKind:
    """CUDA where `nvidia-smi` lists a GPU, CPU everywhere else."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return EngineKind.CPU
    try:
        listing = subprocess.run(  # noqa: S603 - the program is the one that which() found
            [program, "-L"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return EngineKind.CPU
    has_gpu = listing.returncode == 0 and "GPU" in listing.stdout
    return EngineKind.CUDA if has_gpu else EngineKind.CPU


def cpu_dtype(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Bfloat16 where the processor multiplies it (AVX-512 BF16 or AMX), float32 elsewhere."""
    try:
        flags = set(re.findall(r"\w+", cpuinfo.read_text(encoding="ascii", errors="replace")))
    except OSError:
        return "float32"
    return "bfloat16" if flags & {"avx512_bf16", "amx_bf16"} else "float32"


def engine_command(layout: Layout, kind: EngineKind, environ: Mapping[str, str]) -> list[str]:
    """The OpenAI server of vLLM on loopback, with LoRA and the grammar backend set explicitly.

    `FIRSTLINE_ENGINE_ARGS` is appended, so that its options win.
    """
    grammar = {"backend": "guidance", "disable_any_whitespace": True}
    command = [
        str(layout.engine_venv / "bin" / "python"),
        "-m",
        "vllm.entrypoints.openai.api_server",
        *("--model", str(layout.model)),
        *("--served-model-name", MODEL_NAME),
        *("--host", "127.0.0.1"),
        *("--port", str(layout.engine_port)),
        *("--max-model-len", str(MAX_MODEL_LEN)),
        "--enable-lora",
        *("--max-loras", "4"),
        *("--max-cpu-loras", str(MAX_CPU_LORAS)),
        *("--max-lora-rank", str(MAX_LORA_RANK)),
        *("--structured-outputs-config", json.dumps(grammar, separators=(",", ":"))),
        # The gateway logs requests; the engine's log would fill with health checks.
        "--disable-uvicorn-access-log",
        *_flags(kind),
    ]
    return command + shlex.split(environ.get("FIRSTLINE_ENGINE_ARGS", ""))


def _flags(kind: EngineKind) -> list[str]:
    match kind:
        case EngineKind.CPU:
            # benchmarks/engine_cpu measures the choices; the small batch keeps the start-up profile small.
            return [
                *("--dtype", cpu_dtype()),
                *("--kv-cache-memory-bytes", str(KV_CACHE_BYTES)),
                *("--max-num-seqs", "16"),
                *("--max-num-batched-tokens", "2048"),
            ]
        case EngineKind.CUDA:
            return ["--dtype", "bfloat16", "--gpu-memory-utilization", "0.5"]


def engine_environment(layout: Layout, environ: Mapping[str, str]) -> dict[str, str]:
    """The engine never reaches out, and keeps its caches in the home folder."""
    kept = {name: value for name, value in environ.items() if not name.startswith("FIRSTLINE_")}
    # Set-up leaves compiling to the first import; without this every start would compile again.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    caches = layout.home / "cache"
    return kept | {
        # The routes that load adapters exist only with this; the port stays on loopback.
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CACHE_ROOT": str(caches / "vllm"),
        "HF_HOME": str(caches / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
