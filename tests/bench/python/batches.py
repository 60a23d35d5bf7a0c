"""Many at once."""

from __future__ import annotations

from collections.abc import Mapping

import usher

import floors
from desk import ANSWER, BODY, OVER, POLICY_TEXT, REQUESTERS, WORD, Desk, check
from measure import Clock, Run, cpu_ns
from report import Bench, Figure

TARGET = 400e3
SIZES = (10, 100, 1000)


def requests(n: int) -> list[usher.Request]:
    return [usher.Request(REQUESTERS[i % len(REQUESTERS)], BODY) for i in range(n)]


def cycle(
    desk: Desk, wanted: list[usher.Request], clock: Clock = cpu_ns, looked_at: bool = False
) -> float:
    """Enqueue, claim, acknowledge, resolve, all of them: how long, in ns."""
    began = clock()
    desk.queue.enqueue_many(wanted)
    claims = desk.agent.claim_many(desk.queue, len(wanted))
    if looked_at:
        for claim in claims:
            if not claim.body:
                check("a body is missing", False)
    claims.acknowledge(WORD)
    done = claims.resolve(ANSWER)
    took = clock() - began
    check(f"{len(done)} resolved of {len(wanted)}", len(done) == len(wanted))
    check("one is not resolved", done[-1].state in OVER)
    return took


def window(desk: Desk, size: int, n: int) -> dict[str, float]:
    times = max(1, n // size)
    wanted = requests(size)
    plain = sum(cycle(desk, wanted) for _ in range(times))
    looked_at = sum(cycle(desk, wanted, looked_at=True) for _ in range(times))
    return {f"plain {size}": plain / times / size, f"looked at {size}": looked_at / times / size}


def batches(run: Run) -> Bench:
    n = run.scaled(10_000, 20)
    sizes = (10, 20) if run.quick else SIZES
    bare = floors.Bare(POLICY_TEXT)

    def floor() -> Mapping[str, float]:
        return {"floor": 4 * bare.cycle(max(1, n // 20), BODY)}

    with Desk() as desk:
        got = run.windows(
            "batches", 9, floor, *((lambda size=size: window(desk, size, n)) for size in sizes)
        )
    bare.close()
    bench = Bench("batches", "enqueue -> claim -> acknowledge -> resolve, n at once; per cycle")
    for size in sizes:
        bench.figures.append(
            Figure("cycles", got[f"plain {size}"], size, got["floor"], at_least=TARGET)
        )
        bench.figures.append(
            Figure("... and each claim's body read", got[f"looked at {size}"], size, got["floor"])
        )
    bench.notes = [
        "floor: a cycle of four single calls by ctypes alone; the requests were made beforehand",
        "processor time of this thread",
    ]
    return bench
