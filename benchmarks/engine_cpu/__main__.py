"""Measure the CPU engine's start, speed and memory for several settings: `make bench-engine-cpu`.

Rounds are interleaved (every variant once, then all again), so that other work on the machine falls on all
of them; figures are medians. The last line is JSON; the whole result is written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from launcher import linux
from launcher.engine import EngineKind, engine_command, engine_environment
from launcher.layout import MODEL_NAME, Layout, layout_from

RESULT = Path(__file__).resolve().parents[1] / "results" / "engine_cpu.json"
TOKENS = 96
LONG_PROMPT_WORDS = 700
ADAPTER = Path(__file__).resolve().parents[2] / "examples" / "adapters" / "invoice-extract"
ADAPTER_REQUESTS = 24
START_LIMIT_SECONDS = 300
MEMORY_LIMIT_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class Variant:
    """One setting: options appended to the shipped command, and environment over the shipped one."""

    name: str
    options: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def variants(layout: Layout) -> list[Variant]:
    """What is compared; the first is what ships."""
    site = layout.engine_venv / "lib"
    iomp = next((str(path) for path in layout.engine_venv.rglob("libiomp5.so")), "")
    tcmalloc = next((str(path) for path in site.rglob("libtcmalloc_minimal*.so*")), "")
    return [
        Variant("shipped"),
        Variant("float32", "--dtype float32"),
        Variant("bfloat16", "--dtype bfloat16"),
        # vLLM turns compilation off by itself where LoRA is on; this shows that nothing is lost.
        Variant("eager", "--enforce-eager"),
        Variant("bind-nobind", environment={"VLLM_CPU_OMP_THREADS_BIND": "nobind"}),
        Variant("one-thread", environment={"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}),
        Variant("two-threads", environment={"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2"}),
        Variant(
            "bfloat16-two-threads",
            "--dtype bfloat16",
            {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2"},
        ),
        # glibc gives large tensors back to the system at once, and page faults take their place.
        Variant(
            "malloc",
            environment={"MALLOC_MMAP_THRESHOLD_": "8589934592", "MALLOC_TRIM_THRESHOLD_": "8589934592"},
        ),
        Variant(
            "bfloat16-malloc",
            "--dtype bfloat16",
            {"MALLOC_MMAP_THRESHOLD_": "8589934592", "MALLOC_TRIM_THRESHOLD_": "8589934592"},
        ),
        Variant("iomp", environment={"LD_PRELOAD": f"{tcmalloc}:{iomp}".strip(":")}),
        Variant("kv-1gib", f"--kv-cache-memory-bytes {1024**3}"),
        Variant("small-batch", "--max-num-batched-tokens 1024"),
        Variant("large-batch", "--max-num-seqs 128 --max-num-batched-tokens 4096"),
    ]


def post(port: int, path: str, body: dict[str, object]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as reply:
        reply.read()


def complete(port: int, prompt: str, tokens: int, model: str = MODEL_NAME) -> None:
    body = {"model": model, "prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "temperature": 0}
    post(port, "/v1/completions", body)


def tokens_per_second(port: int, streams: int) -> float:
    threads = [
        threading.Thread(target=complete, args=(port, f"{number}. Write a long story.", TOKENS))
        for number in range(streams)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return streams * TOKENS / (time.perf_counter() - started)


def adapter_requests_per_minute(port: int) -> float:
    """Eight requests at a time of about an invoice's size, all with the demo adapter."""
    post(port, "/v1/load_lora_adapter", {"lora_name": "demo", "lora_path": str(ADAPTER)})
    complete(port, "Hello", 2, "demo")
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(complete, port, f"{number} {'invoice total due ' * 80}", 50, "demo")
            for number in range(ADAPTER_REQUESTS)
        ]
        for job in jobs:
            job.result()
    return ADAPTER_REQUESTS * 60 / (time.perf_counter() - started)


def memory_bytes(session: int) -> dict[str, int]:
    """PSS and RSS summed over the engine's processes."""
    totals = {"pss_bytes": 0, "rss_bytes": 0}
    for pid in linux.session_members(session):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name = line.partition(":")[0].lower()
            if f"{name}_bytes" in totals:
                totals[f"{name}_bytes"] += int(line.split()[1]) * 1024
    return totals


def is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except (OSError, urllib.error.URLError):
        return False


def measure(layout: Layout, variant: Variant, log: Path) -> dict[str, float]:
    environ = {**os.environ, "FIRSTLINE_ENGINE_ARGS": variant.options}
    command = engine_command(layout, EngineKind.CPU, environ)
    environment = {**engine_environment(layout, environ), **variant.environment}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "launcher.keeper", "--log", str(log), "--", *command],
        env=environment,
        stdin=subprocess.PIPE,
        start_new_session=True,
    ) as keeper:
        try:
            while not is_up(layout.engine_port):
                if keeper.poll() is not None or time.perf_counter() - started > START_LIMIT_SECONDS:
                    raise RuntimeError(f"{variant.name} did not start; see {log}")
                time.sleep(0.1)
            figures: dict[str, float] = {"start_seconds": time.perf_counter() - started}
            complete(layout.engine_port, "warm up", 8)
            figures["tokens_per_second_1"] = tokens_per_second(layout.engine_port, 1)
            figures["tokens_per_second_8"] = tokens_per_second(layout.engine_port, 8)
            prefill_started = time.perf_counter()
            complete(layout.engine_port, "word " * LONG_PROMPT_WORDS, 1)
            figures["prefill_tokens_per_second"] = LONG_PROMPT_WORDS / (time.perf_counter() - prefill_started)
            figures["adapter_requests_per_minute"] = adapter_requests_per_minute(layout.engine_port)
            figures |= memory_bytes(keeper.pid)
        finally:
            keeper.terminate()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-engine-cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8190)
    parser.add_argument("--only", nargs="*", help="names of variants")
    options = parser.parse_args()
    layout = replace(layout_from(os.environ), engine_port=options.port)
    chosen = [variant for variant in variants(layout) if not options.only or variant.name in options.only]
    rounds: dict[str, list[dict[str, float]]] = {variant.name: [] for variant in chosen}
    for number in range(options.rounds):
        for variant in chosen:
            figures = measure(layout, variant, layout.logs / f"bench-{variant.name}.log")
            rounds[variant.name].append(figures)
            print(f"round {number + 1} {variant.name}: {json.dumps(figures)}", file=sys.stderr, flush=True)
    medians = {
        name: {key: round(median(row[key] for row in rows), 2) for key in rows[0]}
        for name, rows in rounds.items()
    }
    first = medians[chosen[0].name]
    is_ok = first["pss_bytes"] <= MEMORY_LIMIT_BYTES
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"cpus": os.cpu_count(), "medians": medians, "rounds": rounds}, indent=1) + "\n"
    )
    print(json.dumps({"check": "engine_cpu", "ok": is_ok, "medians": medians}))
    return 0 if is_ok else 1


if __name__ == "__main__":
    sys.exit(main())
