"""Structured answers of a real engine at tight limits: `python -m benchmarks.structured.engine --url U`.

Every prompt is asked with every schema, and the same prompt with the same limit and no schema right beside
it. The client checks each answer itself: a 200 that is cut off or breaks its schema is a broken promise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
import jsonschema_rs

from benchmarks.structured.cases import Schema, prompts, schemas
from benchmarks.structured.scripted_engine import MODEL

TOKEN_LIMITS = (24, 48, 96, 160)
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """What is asked, where, and how many requests at a time."""

    url: str
    model: str = MODEL
    prompts: int = 100
    schemas: int = 20
    concurrency: int = 8
    seed: int = 1
    api_key: str = ""


@dataclass(frozen=True)
class Case:
    """One question; without a schema it is free."""

    prompt: str
    max_tokens: int
    schema: Schema | None


@dataclass(frozen=True)
class Answer:
    """What came back for a case; `broken` says why a success is none."""

    case: Case
    status: str
    seconds: float
    tokens: int = 0
    outcome: str = ""
    attempts: int = 0
    broken: str = ""


def run(plan: Plan) -> dict[str, Any]:
    """Ask everything; `ok` says that every success of the gateway was one."""
    return _figures(asyncio.run(_ask_all(plan)))


def _cases(plan: Plan) -> list[Case]:
    rng = Random(plan.seed)
    made = []
    given = schemas(plan.seed, plan.schemas)
    for prompt in prompts(plan.seed, plan.prompts):
        for schema in given:
            limit = rng.choice(TOKEN_LIMITS)
            pair = [Case(prompt, limit, schema), Case(prompt, limit, None)]
            rng.shuffle(pair)
            made += pair
    return made


async def _ask_all(plan: Plan) -> list[Answer]:
    permits = asyncio.Semaphore(plan.concurrency)
    headers = {"authorization": f"Bearer {plan.api_key}"} if plan.api_key else {}
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    base = plan.url.rstrip("/").removesuffix("/v1")
    async with aiohttp.ClientSession(base, headers=headers, timeout=timeout) as session:

        async def ask(case: Case) -> Answer:
            async with permits:
                return await _ask(session, plan, case)

        return list(await asyncio.gather(*map(ask, _cases(plan))))


async def _ask(session: aiohttp.ClientSession, plan: Plan, case: Case) -> Answer:
    body: dict[str, Any] = {
        "model": plan.model,
        "messages": [{"role": "user", "content": case.prompt}],
        "max_tokens": case.max_tokens,
        "temperature": 0.7,
        "seed": plan.seed,
    }
    if case.schema is not None:
        named = {"name": "record", "schema": case.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    started = time.perf_counter()
    try:
        async with session.post("/v1/chat/completions", json=body) as response:
            reply = await response.json(content_type=None)
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Answer(case, type(error).__name__, time.perf_counter() - started)
    seconds = time.perf_counter() - started
    if status != 200:
        code = reply.get("error", {}).get("code", "") if isinstance(reply, dict) else ""
        return Answer(case, f"{status} {code}".strip(), seconds)
    choice, ours = reply["choices"][0], reply.get("firstline", {})
    return Answer(
        case=case,
        status="200",
        seconds=seconds,
        tokens=reply.get("usage", {}).get("completion_tokens", 0),
        outcome=str(ours.get("outcome", "")),
        attempts=int(ours.get("attempts", 1)),
        broken=_broken(case, choice),
    )


def _broken(case: Case, choice: dict[str, Any]) -> str:
    if case.schema is None:
        return ""
    if choice["finish_reason"] == "length":
        return "truncated"
    try:
        value = json.loads(choice["message"]["content"])
    except (ValueError, TypeError):
        return "not JSON"
    is_valid = jsonschema_rs.is_valid(case.schema, value, validate_formats=True, offline=True)
    return "" if is_valid else "invalid"


def _figures(answers: Sequence[Answer]) -> dict[str, Any]:
    forced = [answer for answer in answers if answer.case.schema is not None]
    free = [answer for answer in answers if answer.case.schema is None]
    given = [answer for answer in forced if answer.status == "200"]
    broken = Counter(answer.broken for answer in given if answer.broken)
    outcomes = Counter(answer.outcome for answer in given)
    # Attempts after the first cost time that is not the grammar's.
    once = [answer for answer in given if answer.attempts == 1]
    whole = [answer for answer in free if answer.status == "200"]
    return {
        "ok": bool(given) and not broken,
        "requests": {"constrained": len(forced), "free": len(free)},
        "succeeded": {"constrained": len(given), "free": len(whole)},
        "broken_successes": dict(broken),
        "outcomes": dict(outcomes),
        "repaired_share": round(outcomes["repaired"] / len(given), 4) if given else None,
        "errors": {
            "constrained": dict(Counter(a.status for a in forced if a.status != "200").most_common()),
            "free": dict(Counter(a.status for a in free if a.status != "200").most_common()),
        },
        "overhead": _overhead(once, whole),
    }


def _overhead(forced: Sequence[Answer], free: Sequence[Answer]) -> dict[str, Any]:
    """Constrained against free, by first attempts alone; a free answer says more, so tokens are compared."""
    if not forced or not free:
        return {}
    figures = {"constrained": _speed(forced), "free": _speed(free)}
    per_token = [figures[kind]["ms_per_token_p50"] for kind in ("constrained", "free")]
    return {
        **figures,
        "ms_per_token_ratio": round(per_token[0] / per_token[1], 3),
        "latency_p50_ratio": round(figures["constrained"]["p50_ms"] / figures["free"]["p50_ms"], 3),
    }


def _speed(answers: Sequence[Answer]) -> dict[str, float]:
    seconds = sorted(answer.seconds for answer in answers)
    per_token = sorted(answer.seconds / max(1, answer.tokens) for answer in answers)
    return {
        "p50_ms": round(1000 * _at(seconds, 0.5), 1),
        "p99_ms": round(1000 * _at(seconds, 0.99), 1),
        "ms_per_token_p50": round(1000 * _at(per_token, 0.5), 2),
        "tokens_per_second_of_a_request": round(sum(a.tokens for a in answers) / sum(seconds), 2),
    }


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1]


def main() -> int:
    """Print one line of JSON; leave with 0 only when no success was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the gateway, with or without /v1")
    parser.add_argument("--model", default=Plan.model)
    parser.add_argument("--prompts", type=int, default=Plan.prompts)
    parser.add_argument("--schemas", type=int, default=Plan.schemas)
    parser.add_argument("--concurrency", type=int, default=Plan.concurrency)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--api-key", default="")
    figures = run(Plan(**vars(parser.parse_args())))
    print(json.dumps({"check": "structured-engine", **figures}))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
