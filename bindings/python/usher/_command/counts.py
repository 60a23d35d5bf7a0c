"""info, stats: what a walk over all tickets counts."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Optional

from ..service import Service
from ..snapshots import Standing
from ..words import PromiseState, Promised, State
from . import plain, words
from .screen import BAD, FAINT, PLAIN, Table
from .store import opened

_ENDED = (State.CLOSED, State.WITHDRAWN)


class _Tally:
    def __init__(self, desk: Service) -> None:
        self.now = desk.now()
        self.tickets = self.events = self.chased = 0
        self.first: Optional[Standing] = None
        self.last: Optional[Standing] = None
        self.changed: Optional[datetime] = None
        self.states: Counter[State] = Counter()
        self.queues: dict[str, Counter[State]] = {}
        self.longest: dict[str, timedelta] = {}  # of those that wait now, by queue
        self.agents: Counter[str] = Counter()  # who hold something
        self.promises: Counter[tuple[Promised, PromiseState]] = Counter()  # each ticket's latest
        self.overdue: Counter[Promised] = Counter()
        self.waits: list[timedelta] = []  # of each that waits now
        for s in desk.tickets():
            self._take(s)
        self.queues = dict(sorted(self.queues.items()))
        self.waits.sort()

    def _take(self, s: Standing) -> None:
        self.tickets += 1
        self.first = self.first or s
        self.last = s
        self.changed = max(self.changed or s.state_since, s.state_since)
        self.events += s.ticket_seq
        self.chased += s.chases > 0
        self.states[s.state] += 1
        self.queues.setdefault(s.queue, Counter())[s.state] += 1
        if s.holder:
            self.agents[s.holder] += 1
        for promised, p in s.promises.items():
            self.promises[promised, p.state] += 1
            if p.state == PromiseState.RUNNING and p.due is not None and p.due < self.now:
                self.overdue[promised] += 1
        waited = self.now - s.enqueued
        if s.state == State.WAITING and waited >= timedelta(0):
            self.waits.append(waited)
            self.longest[s.queue] = max(waited, self.longest.get(s.queue, waited))

    def wait(self, per_cent: int) -> timedelta:
        """The smallest that so many do not exceed."""
        return self.waits[(len(self.waits) * per_cent + 99) // 100 - 1]


# ---- info ---------------------------------------------------------------------------------------


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def info(line: Any) -> int:
    path = line.store
    with opened(path) as desk:
        t = _Tally(desk)
    size, log = _size(path), _size(path + "-wal")
    if line.json:
        plain.write(
            {
                "store": plain.text(path),
                "bytes": size,
                "log_bytes": log,
                "tickets": t.tickets,
                "events": t.events,
                "states": {str(state): t.states[state] for state in State},
                "queues": [plain.text(name) for name in t.queues],
                "first_at": plain.ms(t.first.enqueued if t.first else None),
                "latest_at": plain.ms(t.last.enqueued if t.last else None),
                "changed_at": plain.ms(t.changed),
            }
        )
        return 0
    table = Table(2).left("").left("", most=100)

    def row(name: str, value: str) -> None:
        table.row((name, FAINT), value)

    def states(which: list[State]) -> str:
        found = [f"{words.count(t.states[s])} {s}" for s in which if t.states[s]]
        return ", ".join(found) or "none"

    row("size", words.size(size) + (f", and in its log {words.size(log)}" if log else ""))
    row("tickets", f"{words.count(t.tickets)}, with {words.count(t.events)} events")
    row("open", states([s for s in State if s not in _ENDED]))
    row("ended", states(list(_ENDED)))
    row("queues", ", ".join(t.queues) or "none")
    row("held by", ", ".join(sorted(t.agents)) or "none")
    if t.first and t.last and t.changed:
        row("first", f"ticket {t.first.ticket}, {words.instant(t.first.enqueued, t.now)}")
        row("latest", f"ticket {t.last.ticket}, {words.instant(t.last.enqueued, t.now)}")
        row("changed", words.instant(t.changed, t.now))
    table.print()
    return 0


# ---- stats --------------------------------------------------------------------------------------


def stats(line: Any) -> int:
    with opened(line.store) as desk:
        t = _Tally(desk)
    if line.json:
        plain.write(_stats(t))
    elif t.tickets == 0:
        print("there are no tickets in it")
    else:
        _queues(t).print()
        if _promises(t).print("\n"):
            print("(of each ticket the latest of its kind)")
        print(f"\n{_waits(t)}")
        agents = Table().left("agent", most=30).right("holds")
        for name in sorted(t.agents):
            agents.row(name, words.count(t.agents[name]))
        agents.print("\n")
    return 0


def _stats(t: _Tally) -> dict[str, Any]:
    waits = None
    if t.waits:
        p50, p90, most = (plain.span(t.wait(n)) for n in (50, 90, 100))
        waits = {"n": len(t.waits), "p50": p50, "p90": p90, "max": most}
    return {
        "queues": [
            {
                "queue": plain.text(name),
                **{str(state): states[state] for state in State},
                "longest_wait_ms": plain.span(t.longest.get(name)) or 0,
            }
            for name, states in t.queues.items()
        ],
        "promises": {
            str(promised): {
                "kept": t.promises[promised, PromiseState.KEPT],
                "broken": t.promises[promised, PromiseState.BROKEN],
                "lapsed": t.promises[promised, PromiseState.LAPSED],
                "running": t.promises[promised, PromiseState.RUNNING],
                "overdue": t.overdue[promised],
            }
            for promised in Promised
        },
        "waiting_ms": waits,
        "agents": {plain.text(name): t.agents[name] for name in sorted(t.agents)},
        "chased": t.chased,
    }


def _count(n: int, paint: str = PLAIN) -> tuple[str, str]:
    return words.count(n), paint if n else FAINT


def _queues(t: _Tally) -> Table:
    table = Table().left("queue", most=30).right(*map(str, State), "longest wait now")
    for name, states in t.queues.items():
        counts = [_count(states[s], BAD if s == State.STUCK else PLAIN) for s in State]
        longest = t.longest.get(name)
        table.row(name, *counts, words.about(longest) if longest else "-")
    return table


def _promises(t: _Tally) -> Table:
    verdicts = (PromiseState.KEPT, PromiseState.BROKEN, PromiseState.LAPSED, PromiseState.RUNNING)
    table = Table().left("promise").right(*map(str, verdicts), "share kept")
    for promised in Promised:
        kept, broken, lapsed, running = (t.promises[promised, verdict] for verdict in verdicts)
        if kept + broken + lapsed + running:
            share = words.share(kept, kept + broken)
            counts = (_count(kept), _count(broken, BAD), _count(lapsed), _count(running))
            table.row(str(promised), *counts, share)
    return table


def _waits(t: _Tally) -> str:
    if not t.waits:
        return "Nobody waits in a line just now."
    p50, p90, longest = (words.duration(t.wait(n)) for n in (50, 90, 100))
    if len(t.waits) == 1:
        return f"1 in line just now, for {longest}."
    n = words.count(len(t.waits))
    return (
        f"{n} in line just now: half of them for {p50} or less, nine in ten for {p90},"
        f" the longest for {longest}."
    )
