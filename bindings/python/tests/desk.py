"""What the tests of queues, tickets, agents, claims and batches begin with: a desk on a manual
clock."""

from __future__ import annotations

import unittest
from datetime import datetime, timedelta, timezone
from typing import Any, Union

import usher

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
AT_ONCE = timedelta(0)

POLICY = {
    "promises": {"ack": {"target": "1h"}, "update": {"target": "4h"}, "resolve": {"target": "8h"}},
    "warn": [],
    "lease": {"for": "10m", "max": "3h"},
    "retry": {"attempts": 2, "backoff": ["1m"]},
    "handoff": {"hops": 1},
    "recurrence": {"window": "1d", "cause_after": 2, "cause_queue": "causes"},
}


def kinds(events: Any) -> list[str]:
    return [str(event.kind) for event in events]


class Blocking(unittest.TestCase):
    """self.desk, its queue `self.help` and the agent `self.ann`."""

    def setUp(self) -> None:
        self.clock = usher.ManualClock(START)
        self.lost: list[Any] = []
        self.desk = usher.Service(clock=self.clock, on_lost=lambda *what: self.lost.append(what))
        self.addCleanup(self.finish)
        self.help = self.desk.queue("help", POLICY)
        self.ann = self.desk.agent("ann")

    def finish(self) -> None:
        self.desk.close()
        self.assertEqual(self.lost, [])

    def claimed(self, requester: str = "ada", body: usher.Body = b"it burns") -> usher.Claim:
        return self.ann.claim_ticket(self.help.enqueue(requester, body))

    def history(self, ticket: Union[int, usher.Ticket, usher.Claim]) -> list[str]:
        return kinds(self.desk.ticket(getattr(ticket, "id", ticket)).history())


class Awaiting(unittest.IsolatedAsyncioTestCase):
    """The same on asyncio."""

    async def asyncSetUp(self) -> None:
        self.clock = usher.ManualClock(START)
        self.lost: list[Any] = []
        service = usher.Service(clock=self.clock, on_lost=lambda *what: self.lost.append(what))
        self.desk = await service.__aenter__()
        self.addAsyncCleanup(self.finish)
        self.help = self.desk.queue("help", POLICY)
        self.ann = self.desk.agent("ann")

    async def finish(self) -> None:
        await self.desk.close()
        self.assertEqual(self.lost, [])

    async def claimed(
        self, requester: str = "ada", body: usher.Body = b"it burns"
    ) -> usher.AsyncClaim:
        return await self.ann.claim_ticket(await self.help.enqueue(requester, body))

    async def history(self, ticket: Any) -> list[str]:
        return kinds([e async for e in self.desk.ticket(getattr(ticket, "id", ticket)).history()])
