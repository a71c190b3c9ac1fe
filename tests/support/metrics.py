"""Reading a metrics page."""

from __future__ import annotations

import asyncio
import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

WAIT_SECONDS = 20.0
_POLL_SECONDS = 0.02


async def metrics_of(url: str) -> dict[str, float]:
    """Every sample as `name{label="value",...}`, labels sorted, of the server at `url`."""
    async with httpx.AsyncClient() as client:
        response = await client.get(f"{url}/metrics")
    assert response.status_code == 200
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return samples


async def metric(url: str, name: str) -> float:
    """One sample; one that is not there counts as 0."""
    return (await metrics_of(url)).get(name, 0.0)


async def wait_for_metric(url: str, name: str, value: float) -> None:
    """Wait until a sample has the value: records are counted off the response path.

    Raises:
        TimeoutError: it has not in time.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while await metric(url, name) != value:
        if time.monotonic() > deadline:
            family = name.partition("{")[0]
            alike = {k: v for k, v in (await metrics_of(url)).items() if k.startswith(family)}
            raise TimeoutError(f"{name} did not become {value}; there are {alike}")
        await asyncio.sleep(_POLL_SECONDS)
