"""A queue that serves those who wait in turn by tenant, so that one tenant's flood delays itself alone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque


class QueueFullError(Exception):
    """As many wait as may: of the tenant, or in all."""


class FairTurns:
    """Hands out `turns` at a time; at most `waiting` of one tenant wait, and `waiting_in_all` of all."""

    def __init__(self, turns: int, *, waiting: int, waiting_in_all: int = 1024) -> None:
        self._free = turns
        self._waiting = waiting
        self._waiting_in_all = waiting_in_all
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, tenant: str) -> None:
        """Wait for a turn.

        Raises:
            QueueFullError: at once, where too many of this tenant, or in all, wait already.
        """
        if self._free and not self._queues:
            self._free -= 1
            return
        if sum(map(len, self._queues.values())) >= self._waiting_in_all:
            raise QueueFullError
        queue = self._queues.setdefault(tenant, deque())
        if len(queue) >= self._waiting:
            raise QueueFullError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            else:
                self._forget(tenant, turn)
            raise

    def give_back(self) -> None:
        """Pass the turn on to the tenant that has waited longest for one."""
        while self._queues:
            tenant, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[tenant] = queue  # to the end: its next waits until the others had one
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, tenant: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(tenant)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[tenant]
