"""The budget: no cap is passed by what is under way, and room that is freed is used."""

from __future__ import annotations

import asyncio

import pytest

from training.data.synthesis.failures import BudgetSpentError
from training.data.synthesis.purse import Purse, Spent
from training.data.synthesis.spec import Budget, Prices

PRICES = Prices(prompt_usd_per_million=1000, completion_usd_per_million=2000)


async def test_what_does_not_fit_is_refused_with_the_cap() -> None:
    for budget, cap in (
        (Budget(max_requests=3), "max_requests 3"),
        (Budget(max_tokens=700), "max_tokens 700"),
        (Budget(max_cost_usd=0.5), "max_cost_usd 0.5"),
    ):
        purse = Purse(budget, PRICES, Spent(requests=3, prompt_tokens=100, cost_usd=0.4))
        with pytest.raises(BudgetSpentError) as caught:
            await purse.reserve(100, 50)
        assert caught.value.limit == cap


async def test_a_request_waits_while_another_may_turn_out_cheaper() -> None:
    purse = Purse(Budget(max_tokens=1500), None, Spent())
    first = await purse.reserve(300, 200)
    waiting = asyncio.ensure_future(purse.reserve(300, 200))
    await asyncio.sleep(0)
    assert not waiting.done()
    await purse.settle(first, purse.price(30, 20))
    await waiting
    assert purse.spent == Spent(requests=1, prompt_tokens=30, completion_tokens=20)


async def test_a_request_that_turned_out_dear_leaves_no_room() -> None:
    purse = Purse(Budget(max_tokens=1500), None, Spent())
    first = await purse.reserve(300, 200)
    waiting = asyncio.ensure_future(purse.reserve(300, 200))
    await asyncio.sleep(0)
    await purse.settle(first, purse.price(800, 200))
    with pytest.raises(BudgetSpentError, match="max_tokens"):
        await waiting


def test_prices_are_per_million_tokens() -> None:
    assert PRICES.cost_usd(1000, 500) == 2.0
