"""Base model, base model with examples, and adapter on held-out receipts, on a vLLM engine with LoRA.

`python -m benchmarks.receipts --engine-url URL --rows TEST.jsonl --examples TRAIN.jsonl --adapter FOLDER`.
Each is asked under the task's grammar and without; the examples are turns of the conversation. Rows are those
of a dataset that `firstline data build` has made. The last line is JSON; the exit status is 0 only when the
adapter reaches the target and the grammar costs it at most one point.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from contracts.prompt import render_prompt
from contracts.task import Task
from training.config import load_task
from training.data.examples import Example, read_dataset
from training.evaluate.matching import Matched, match_fields
from training.recipes.encode import messages_of, target_text

ROOT = Path(__file__).resolve().parents[2]
TASK = ROOT / "examples" / "tasks" / "receipt-extract.yaml"
TARGET = 0.95
ALLOWED_LOSS = 0.01
MAX_EXAMPLE_CHARACTERS = 1_100
SEED = 17


def main() -> int:
    """Ask all, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine-url", required=True, help="http://HOST:PORT, with runtime LoRA updating")
    parser.add_argument("--base", default="smollm2-135m", help="the base model's name there")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--shots", type=int, default=3)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--concurrency", type=int, default=16)
    given = parser.parse_args()
    lines = asyncio.run(_measured(given))
    forced, free = lines[-2]["field_f1"], lines[-1]["field_f1"]
    ok = forced >= TARGET and forced >= free - ALLOWED_LOSS
    print(json.dumps({"check": "receipts", "ok": ok, "records": lines[0]["records"], "served": lines}))
    return 0 if ok else 1


async def _measured(given: argparse.Namespace) -> list[dict[str, Any]]:
    task = load_task(TASK)
    rows = read_dataset(given.rows, task.output).examples
    short = [
        one
        for one in read_dataset(given.examples, task.output).examples
        if len(one.text) < MAX_EXAMPLE_CHARACTERS and not (one.source or "").startswith("augmented:")
    ]
    shots = random.Random(SEED).sample(short, given.shots)
    limits = httpx.Limits(max_connections=given.concurrency)
    lines = []
    async with httpx.AsyncClient(base_url=given.engine_url, timeout=600, limits=limits) as client:
        name = "measured-receipts"
        loading = {"lora_name": name, "lora_path": str(given.adapter.resolve())}
        (await client.post("/v1/load_lora_adapter", json=loading)).raise_for_status()
        for model, turns in ((given.base, []), (given.base, shots), (name, [])):
            for has_grammar in (True, False):
                asked = [_ask(client, task, model, [*turns, row], has_grammar=has_grammar) for row in rows]
                figures = _figures(rows, await asyncio.gather(*asked))
                lines.append({"model": model, "examples": len(turns), "grammar": has_grammar, **figures})
                print(json.dumps(lines[-1]), file=sys.stderr, flush=True)
        await client.post("/v1/unload_lora_adapter", json={"lora_name": name})
    return lines


async def _ask(
    client: httpx.AsyncClient, task: Task, model: str, turns: Sequence[Example], *, has_grammar: bool
) -> str:
    messages: list[Any] = []
    for turn in turns:
        asked = messages_of(render_prompt(task, turn.text))
        messages += asked[1:] if messages else asked
        if turn is not turns[-1]:
            messages.append({"role": "assistant", "content": target_text(task, turn.output)})
    body: dict[str, Any] = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 256}
    if has_grammar:
        schema = {"name": "receipt", "schema": task.output.json_schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    reply = await client.post("/v1/chat/completions", json=body)
    reply.raise_for_status()
    return str(reply.json()["choices"][0]["message"]["content"])


def _figures(rows: Sequence[Example], answers: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Matched] = {}
    unreadable = 0
    for row, answer in zip(rows, answers, strict=True):
        got = _object(answer)
        unreadable += got is None
        for field, matched in match_fields(row.output, got or {}).items():
            found[field] = found.get(field, Matched()) + matched
    fields = {field: round(_f1(matched), 4) for field, matched in found.items() if field in rows[0].output}
    whole = sum(found.values(), Matched())
    return {"records": len(rows), "field_f1": round(_f1(whole), 4), "no_object": unreadable, "f1": fields}


def _object(answer: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(answer)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _f1(matched: Matched) -> float:
    return 2 * matched.both / max(1, 2 * matched.both + matched.answer_only + matched.gold_only)


if __name__ == "__main__":
    sys.exit(main())
