"""A caller of its own process that sends hostile schemas: `python -m ... URL RATE COUNT SEED`.

It makes its bodies first and says `ready`; each line `SECONDS` that it reads makes it send for that long, and
it answers with one line of JSON once every request of that window is answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import aiohttp

from benchmarks.structured.adversarial import hostile
from benchmarks.structured.scripted_engine import MODEL

PATIENCE_SECONDS = 120.0
START = f'{{"model":"{MODEL}","max_tokens":64,"messages":[{{"role":"user","content":"Go."}}],'


def bodies(seed: int) -> Iterator[tuple[str, bytes]]:
    """Endless bodies: three by `response_format`, then one by the parameters of a tool."""
    for number, (family, schema) in enumerate(hostile(seed)):
        if number % 4 == 3:
            function = f'{{"name":"f","parameters":{schema}}}'
            text = f'"tool_choice":"required","tools":[{{"type":"function","function":{function}}}]}}'
        else:
            named = f'{{"name":"x","schema":{schema}}}'
            text = f'"response_format":{{"type":"json_schema","json_schema":{named}}}}}'
        yield family, (START + text).encode()


async def main(url: str, rate: float, total: int, seed: int) -> None:
    """Make the bodies, then send on demand."""
    ready = iter(list(islice(bodies(seed), total)))
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    async with aiohttp.ClientSession(
        url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            window = list(islice(ready, int(rate * float(line))))
            print(json.dumps(await _send(session, window, rate)), flush=True)


async def _send(
    session: aiohttp.ClientSession, window: list[tuple[str, bytes]], rate: float
) -> dict[str, Any]:
    """One window, open loop: a request leaves at its time, whatever became of those before."""
    started = time.perf_counter()
    tasks = []
    for number, (family, body) in enumerate(window):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(_ask(session, family, body)))
    answers = await asyncio.gather(*tasks)
    return {
        "sent": len(answers),
        "answers": Counter(answer for _, answer, _ in answers),
        "families": Counter(f"{family}: {answer}" for family, answer, _ in answers),
        "seconds": [round(seconds, 4) for _, _, seconds in answers],
    }


async def _ask(session: aiohttp.ClientSession, family: str, body: bytes) -> tuple[str, str, float]:
    started = time.perf_counter()
    try:
        headers = {"content-type": "application/json"}
        async with session.post("/v1/chat/completions", data=body, headers=headers) as response:
            answer = f"{response.status} {_code(await response.read())}".strip()
    except (aiohttp.ClientError, TimeoutError) as error:
        answer = type(error).__name__
    return family, answer, time.perf_counter() - started


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
