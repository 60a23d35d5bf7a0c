"""What Python programs use otherwise, doing as much of the same as it can: something waits, is
taken, and is done.

None of these has promises, leases that end, a fair line, standings, events or figures. What else is
missing stands with each.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import time
from measure import Clock, cpu_ns


def queue_cycle(n: int, body: bytes, waiting: int) -> float:
    """queue.PriorityQueue: put, get, task_done; ns per cycle. No word; gone with the process."""
    line: queue.PriorityQueue[tuple[int, int, bytes]] = queue.PriorityQueue()
    for i in range(waiting):
        line.put((2, i, body))
    began = cpu_ns()
    for i in range(waiting, waiting + n):
        line.put((2, i, body))
        line.get()
        line.task_done()
    return (cpu_ns() - began) / n


def asyncio_cycle(n: int, body: bytes, waiting: int, tasks: int) -> float:
    """asyncio.PriorityQueue: the same with await and so many tasks. None ever has to wait."""

    async def run() -> float:
        line: asyncio.PriorityQueue[tuple[int, int, bytes]] = asyncio.PriorityQueue()
        for i in range(waiting):
            await line.put((2, i, body))
        times = max(1, n // tasks)

        async def one(first: int) -> None:
            for i in range(first, first + times):
                await line.put((2, i, body))
                await line.get()
                line.task_done()

        began = cpu_ns()
        await asyncio.gather(*[one(waiting + k * times) for k in range(tasks)])
        return (cpu_ns() - began) / (times * tasks)

    return asyncio.run(run())


_ENQUEUE = (
    "INSERT INTO job (requester, body, priority, state, enqueued_at) VALUES (?, ?, 2, 0, ?)"
)
_ACKNOWLEDGE = "UPDATE job SET word = ? WHERE id = ? AND state = 1"
_RESOLVE = "UPDATE job SET state = 2, answer = ? WHERE id = ? AND state = 1"


class SqliteQueue:
    """A table as a queue, as people write it: WAL, an index, each step a transaction of its own. It
    has a lease (a column), a priority and a word; nothing ends the lease, and nobody is told."""

    def __init__(self, path: str, synchronous: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        self._run = self._db.execute
        self._run("PRAGMA journal_mode=WAL")
        self._run(f"PRAGMA synchronous={synchronous}")
        self._run(
            "CREATE TABLE job (id INTEGER PRIMARY KEY, requester TEXT, body BLOB, priority INTEGER,"
            " state INTEGER, enqueued_at INTEGER, holder TEXT, lease_until INTEGER, word TEXT,"
            " answer TEXT)"
        )
        self._run("CREATE INDEX line ON job (priority DESC, id) WHERE state = 0")
        self._returning = sqlite3.sqlite_version_info >= (3, 35)

    def enqueue(self, requester: str, body: bytes) -> None:
        self._run(_ENQUEUE, (requester, body, time.time_ns()))

    def claim(self, n: int = 1) -> list[tuple[int, bytes]]:
        """What is next, as (id, body)."""
        lease = time.time_ns() + 60 * 10**9
        first = "SELECT id FROM job WHERE state = 0 ORDER BY priority DESC, id LIMIT ?"
        update = "UPDATE job SET state = 1, holder = ?, lease_until = ? WHERE "
        if self._returning:
            return self._run(
                f"{update} id IN ({first}) RETURNING id, body", ("ann", lease, n)
            ).fetchall()
        self._run("BEGIN IMMEDIATE")
        rows = self._run(f"SELECT id, body FROM job WHERE id IN ({first})", (n,)).fetchall()
        self._db.executemany(f"{update} id = ?", [("ann", lease, row[0]) for row in rows])
        self._run("COMMIT")
        return rows

    def acknowledge(self, ticket: int, word: str) -> None:
        self._run(_ACKNOWLEDGE, (word, ticket))

    def resolve(self, ticket: int, answer: str) -> None:
        self._run(_RESOLVE, (answer, ticket))

    def cycles(self, n: int, body: bytes, clock: Clock) -> float:
        """One step at a time: ns per cycle."""
        began = clock()
        for i in range(n):
            self.enqueue(f"requester {i % 1000}", body)
            ((ticket, _),) = self.claim()
            self.acknowledge(ticket, "on it")
            self.resolve(ticket, "done")
        return (clock() - began) / n

    def batch_cycles(self, n: int, body: bytes, clock: Clock) -> float:
        """So many in each step, and a transaction for each step: ns per cycle."""
        many = self._db.executemany
        began = clock()
        self._run("BEGIN IMMEDIATE")
        many(
            _ENQUEUE,
            [(f"requester {i % 1000}", body, time.time_ns()) for i in range(n)],
        )
        self._run("COMMIT")
        claimed = self.claim(n)
        self._run("BEGIN IMMEDIATE")
        many(
            _ACKNOWLEDGE,
            [("on it", ticket) for ticket, _ in claimed],
        )
        self._run("COMMIT")
        self._run("BEGIN IMMEDIATE")
        many(
            _RESOLVE,
            [("done", ticket) for ticket, _ in claimed],
        )
        self._run("COMMIT")
        return (clock() - began) / n

    def close(self) -> None:
        self._db.close()


def sqlite_queue(directory: str, synchronous: str) -> SqliteQueue:
    return SqliteQueue(os.path.join(directory, f"queue-{synchronous}.db"), synchronous)
