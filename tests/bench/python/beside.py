"""usher beside its peers, in the same run: in memory, and on disk."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping

import usher

import calls
import peers
from batches import cycle, requests
from desk import ANSWER, BODY, POLICY, WAITING, WORD, Desk
from measure import Run, wall_ns
from report import Bench, Figure

# ---- in memory -----------------------------------------------------------------------------------


def memory(run: Run) -> Bench:
    """Whole cycles of ours beside put and get of theirs."""
    n = run.scaled(2000, 20)
    tasks = 100 if not run.quick else 10
    size = min(n, 1000)
    wanted = requests(size)

    def theirs() -> Mapping[str, float]:
        return {
            "queue": peers.queue_cycle(n, BODY, WAITING),
            "asyncio": peers.asyncio_cycle(n, BODY, WAITING, tasks),
        }

    with Desk() as desk:

        def ours() -> Mapping[str, float]:
            blocking = 4 * calls.blocking_window(desk, n)["mean"]
            awaited = 4 * calls.awaited_window(tasks, n)[f"tasks {tasks}"]
            batched = sum(cycle(desk, wanted) for _ in range(4)) / 4 / size
            return {"blocking": blocking, "awaited": awaited, "batched": batched}

        got = run.windows("peers", 9, theirs, ours)
    bench = Bench("peers", "whole cycles in memory beside put, get, task_done; per cycle")
    bench.figures = [
        Figure("blocking, beside queue.PriorityQueue", got["blocking"], peer=got["queue"]),
        Figure("in a batch", got["batched"], size, peer=got["queue"]),
        Figure("awaited, beside asyncio.PriorityQueue", got["awaited"], tasks, peer=got["asyncio"]),
        Figure("in a batch", got["batched"], size, peer=got["asyncio"]),
    ]
    bench.notes = [
        "ours: enqueue, claim, acknowledge, resolve, with three promises and a history",
        "theirs: Python objects in a heap; no lease, no word, no promise, nobody can ask where he",
        "stands, and what was taken is lost with who took it",
        f"{WAITING} wait meanwhile; processor time of this thread",
    ]
    return bench


# ---- on disk -------------------------------------------------------------------------------------


def one_at_a_time(desk: Desk, n: int) -> float:
    queue, agent = desk.queue, desk.agent
    began = wall_ns()
    for i in range(n):
        queue.enqueue(calls.who(i), BODY)
        claim = agent.claim(queue)
        claim.acknowledge(WORD)
        claim.resolve(ANSWER)
    return (wall_ns() - began) / n


def in_flight(path: str, flight: int, n: int) -> float:
    async def cycles() -> float:
        async with usher.Service(f"sqlite:{path}") as service:
            queue = service.queue("bench", POLICY)
            agent = service.agent("ann")
            return 4 * await calls.tasks_cycle(queue, agent, flight, n, wall_ns)

    return asyncio.run(cycles())


def disk(run: Run) -> Bench:
    with tempfile.TemporaryDirectory(dir=run.directory) as directory:
        return _disk(run, directory)


def _disk(run: Run, directory: str) -> Bench:
    n = run.scaled(200, 5)
    flights: tuple[int, ...] = (10,) if run.quick else (100, 1000)
    sizes: tuple[int, ...] = (10,) if run.quick else (10, 100, 1000)
    full = peers.sqlite_queue(directory, "FULL")
    normal = peers.sqlite_queue(directory, "NORMAL")
    wanted = {size: requests(size) for size in sizes}

    def theirs() -> Mapping[str, float]:
        took = {
            "full": full.cycles(n, BODY, wall_ns),
            "normal": normal.cycles(n, BODY, wall_ns),
        }
        for size in sizes:
            took[f"full {size}"] = full.batch_cycles(size, BODY, wall_ns)
            took[f"normal {size}"] = normal.batch_cycles(size, BODY, wall_ns)
        return took

    with Desk(f"sqlite:{directory}/desk.db", waiting=0) as desk:

        def ours() -> Mapping[str, float]:
            took = {"one": one_at_a_time(desk, n)}
            for size in sizes:
                times = max(1, n // size)
                spent = sum(cycle(desk, wanted[size], wall_ns) for _ in range(times))
                took[f"batch {size}"] = spent / times / size
            return took

        def flying() -> Mapping[str, float]:
            path = os.path.join(directory, "flight.db")
            return {f"flight {k}": in_flight(path, k, max(k, 5 * n)) for k in flights}

        got = run.windows("disk", 7, theirs, ours, flying)
    full.close()
    normal.close()
    bench = Bench("disk", "whole cycles in a SQLite store, flushed before each answer; per cycle")
    bench.figures = [
        Figure("one call at a time, beside sqlite3 FULL", got["one"], 1, peer=got["full"]),
        Figure("... beside sqlite3 NORMAL", got["one"], 1, peer=got["normal"]),
    ]
    for flight in flights:
        took = got[f"flight {flight}"]
        bench.figures.append(
            Figure("awaited, a call outstanding per task", took, flight, peer=got["full"])
        )
    for size in sizes:
        batch = got[f"batch {size}"]
        bench.figures.append(
            Figure("in a batch, beside sqlite3 FULL", batch, size, peer=got[f"full {size}"])
        )
        bench.figures.append(
            Figure("... beside sqlite3 NORMAL", batch, size, peer=got[f"normal {size}"])
        )
    bench.notes = [
        "peer: a table as a queue, WAL, by Python's sqlite3, a transaction for each step (of a",
        "batch: for all of its rows); FULL is flushed at each, as ours, NORMAL now and then: a",
        "crash takes the rest; no promises, history, line or standing, and nobody ends its leases",
        f"wall time; in {directory}",
    ]
    return bench
