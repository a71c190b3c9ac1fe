"""The money of a run: what a request may cost is set aside first, what it did cost is settled after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from training.data.synthesis.failures import BudgetSpentError
from training.data.synthesis.spec import Budget, Prices

_ENVELOPE_TOKENS: Final = 512
"""Roles and marks of the chat template, which the request's bytes do not show."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What requests used up; every attempt is a request."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Both kinds."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Spent) -> Spent:
        """Add field by field."""
        return Spent(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost_usd + other.cost_usd,
        )

    def __sub__(self, other: Spent) -> Spent:
        """Subtract field by field."""
        return Spent(
            self.requests - other.requests,
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
            self.cost_usd - other.cost_usd,
        )


class Purse:
    """Grants a request when its worst case fits under every cap, so that no cap is ever passed.

    The worst case of a prompt is a token for each of its bytes; of a completion, all that it may have.
    Whoever does not fit waits for requests under way to be settled, and is refused when there are none.
    """

    def __init__(self, budget: Budget, prices: Prices | None, spent: Spent) -> None:
        self._budget = budget
        self._prices = prices or Prices(prompt_usd_per_million=0, completion_usd_per_million=0)
        self._reserved = Spent()
        self._changed = asyncio.Condition()
        self.spent = spent

    async def reserve(self, prompt_bytes: int, max_tokens: int) -> Spent:
        """Set aside the worst case of one request.

        Raises:
            BudgetSpentError: it does not fit, and nothing under way could make room.
        """
        worst = self.price(prompt_bytes + _ENVELOPE_TOKENS, max_tokens)
        async with self._changed:
            while limit := self._passed(self.spent + self._reserved + worst):
                if self._reserved.requests == 0:
                    raise BudgetSpentError(limit)
                await self._changed.wait()
            self._reserved += worst
        return worst

    async def settle(self, reserved: Spent, used: Spent) -> None:
        """Put what a request used in the place of what was set aside for it."""
        async with self._changed:
            self._reserved -= reserved
            self.spent += used
            self._changed.notify_all()

    def price(self, prompt_tokens: int, completion_tokens: int) -> Spent:
        """One request of so many tokens."""
        cost = self._prices.cost_usd(prompt_tokens, completion_tokens)
        return Spent(1, prompt_tokens, completion_tokens, cost)

    def _passed(self, total: Spent) -> str:
        """The cap that a total passes; empty if none."""
        budget = self._budget
        if total.requests > budget.max_requests:
            return f"max_requests {budget.max_requests}"
        if total.tokens > budget.max_tokens:
            return f"max_tokens {budget.max_tokens}"
        if budget.max_cost_usd is not None and total.cost_usd > budget.max_cost_usd + 1e-12:
            return f"max_cost_usd {budget.max_cost_usd:g}"
        return ""
