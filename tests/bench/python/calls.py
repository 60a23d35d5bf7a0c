"""One call at a time: blocking, and awaited with so many in flight."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping

import usher

import floors
from desk import ANSWER, BODY, OVER, POLICY, POLICY_TEXT, REQUESTERS, WORD, Desk, check
from measure import Clock, Run, cpu_ns
from report import Bench, Figure

BLOCKING = 120e3
AWAITED = 80e3
NAMES = {
    "tasks": "a call outstanding per task",
    "uncollected": "... with Python's collector off",
    "gather": "a gather() of calls",
}
VERBS = ("enqueue", "claim", "acknowledge", "resolve")


def who(i: int) -> str:
    return REQUESTERS[i % len(REQUESTERS)]


# ---- blocking ------------------------------------------------------------------------------------


def blocking_window(desk: Desk, n: int) -> dict[str, float]:
    """Each verb so many times, one after the other."""
    queue, agent = desk.queue, desk.agent
    at = [cpu_ns()]
    for i in range(n):
        queue.enqueue(who(i), BODY)
    at.append(cpu_ns())
    claims = [agent.claim(queue) for _ in range(n)]
    at.append(cpu_ns())
    for claim in claims:
        claim.acknowledge(WORD)
    at.append(cpu_ns())
    for claim in claims:
        last = claim.resolve(ANSWER)
    at.append(cpu_ns())
    check("a ticket is not resolved", last.state in OVER)
    took = {verb: (at[i + 1] - at[i]) / n for i, verb in enumerate(VERBS)}
    took["mean"] = (at[4] - at[0]) / (4 * n)
    return took


def standing_window(tickets: list[usher.Ticket]) -> dict[str, float]:
    """Each of those who wait asks once."""
    began = cpu_ns()
    for ticket in tickets:
        standing = ticket.standing()
    took = (cpu_ns() - began) / len(tickets)
    check("a standing is wrong", standing.ticket == int(tickets[-1]))
    return {"standing": took}


def blocking(run: Run) -> Bench:
    n = run.scaled(2000, 20)
    bare = floors.Bare(POLICY_TEXT)

    def floor() -> Mapping[str, float]:
        return {"floor": bare.cycle(n, BODY), "call": floors.call(n)}

    with Desk() as desk:
        asked = desk.service.queue("asked", POLICY)
        tickets = [asked.enqueue(who(i), BODY) for i in range(n)]
        got = run.windows(
            "blocking",
            15,
            floor,
            lambda: blocking_window(desk, n),
            lambda: standing_window(tickets),
        )
    bare.close()
    bench = Bench("blocking", "one call at a time in memory, 100 B, 3 promises; 1 k wait")
    bench.figures = [
        *(Figure(verb, got[verb], floor=got["floor"]) for verb in VERBS),
        Figure("the mean of these", got["mean"], floor=got["floor"], at_least=BLOCKING),
        Figure("standing", got["standing"], floor=got["call"], at_least=BLOCKING),
    ]
    bench.notes = [
        "floor: the same four calls and their turns by ctypes alone;",
        "of standing, a ctypes call that does nothing",
        "processor time of this thread",
    ]
    return bench


# ---- awaited -------------------------------------------------------------------------------------


async def live(
    queue: usher.AsyncQueue, agent: usher.AsyncAgent, requester: str, times: int
) -> None:
    """Whole cycles, each call awaited."""
    for _ in range(times):
        await queue.enqueue(requester, BODY)
        claim = await agent.claim(queue)
        await claim.acknowledge(WORD)
        await claim.resolve(ANSWER)


async def tasks_cycle(
    queue: usher.AsyncQueue, agent: usher.AsyncAgent, flight: int, n: int, clock: Clock = cpu_ns
) -> float:
    """So many tasks, each with one call outstanding: ns per call."""
    times = max(1, n // flight)
    began = clock()
    await asyncio.gather(*[live(queue, agent, who(i), times) for i in range(flight)])
    return (clock() - began) / (4 * times * flight)


async def gathered_cycle(
    queue: usher.AsyncQueue, agent: usher.AsyncAgent, flight: int, n: int
) -> float:
    """So many calls at once, awaited together: ns per call."""
    times = max(1, n // flight)
    began = cpu_ns()
    for _ in range(times):
        await asyncio.gather(*[queue.enqueue(who(i), BODY) for i in range(flight)])
        claims = await asyncio.gather(*[agent.claim(queue) for _ in range(flight)])
        await asyncio.gather(*[claim.acknowledge(WORD) for claim in claims])
        await asyncio.gather(*[claim.resolve(ANSWER) for claim in claims])
    return (cpu_ns() - began) / (4 * times * flight)


def awaited_window(flight: int, n: int) -> dict[str, float]:
    async def cycles() -> dict[str, float]:
        async with usher.Service() as service:
            queue = service.queue("bench", POLICY)
            agent = service.agent("ann")
            await tasks_cycle(queue, agent, flight, flight)
            took = {f"tasks {flight}": await tasks_cycle(queue, agent, flight, n)}
            if flight > 1:
                took[f"gather {flight}"] = await gathered_cycle(queue, agent, flight, n)
                gc.disable()
                took[f"uncollected {flight}"] = await tasks_cycle(queue, agent, flight, n)
                gc.enable()
            return took

    return asyncio.run(cycles())


def awaited(run: Run) -> Bench:
    n = run.scaled(6000, 20)
    flights = (1, 100, run.scaled(10_000, 200))

    def usher_part(flight: int) -> Mapping[str, float]:
        return awaited_window(flight, max(n, flight if run.quick else 4 * flight))

    def floor_part() -> Mapping[str, float]:
        took = {f"floor {k}": floors.round_trip(max(4 * n, 16 * k), k) for k in flights[1:]}
        took["floor 1"] = floors.wake(n)
        return took

    got = run.windows(
        "awaited",
        7,
        floor_part,
        *((lambda flight=flight: usher_part(flight)) for flight in flights),
    )
    bench = Bench("awaited", "the same four calls awaited, n in flight; on asyncio's own loop")
    for flight in flights:
        floor = got[f"floor {flight}"]
        target = AWAITED if flight > 1 else 0
        for name, what in NAMES.items():
            if f"{name} {flight}" in got:
                took = got[f"{name} {flight}"]
                asked = 0 if name == "uncollected" else target
                bench.figures.append(Figure(what, took, flight, floor, at_least=asked))
    bench.notes = [
        "floor: a future awaited and settled, with so many tasks; with one, a wake of the loop",
        "the mean of the four calls, with the making of the tasks; processor time of this thread",
    ]
    return bench
