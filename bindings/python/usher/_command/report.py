"""figures: what happened to the people who wait, by queue, agent and symptom.

Rows of a priority stand below their queue's. A table that would have nothing to say is left out.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Callable, Iterable, Optional

from ..figures import AgentFigures, Figures, Spread, Symptom
from ..words import Promised
from . import plain, words
from .screen import Table
from .store import opened

_NAME_MOST = 30


def figures(line: Any) -> int:
    with opened(line.store) as desk:
        now = desk.now()
        queue = desk.queue(line.queue) if line.queue else None
        since = now - timedelta(days=line.days - 1) if line.days else None
        rows = desk.figures(queue=queue, since=since)
        agents = desk.agents()
        symptoms = desk.symptoms()
    if line.json:
        plain.write(
            {
                "queues": [plain.figures(f) for f in rows],
                "agents": [plain.agent(a) for a in agents],
                "symptoms": [plain.symptom(s) for s in symptoms],
            }
        )
        return 0
    first = rows[0].since if line.days and rows else None
    print(f"since {words.minute(first)} UTC" if first else "since ever")
    for table in (_times(rows), _kept(rows), _care(rows), _now(rows)):
        table.print("\n")
    if queue is None:
        _agents(agents).print("\n")
        _symptoms(symptoms, now).print("\n")
    return 0


def _count(n: Optional[int]) -> str:
    return words.count(n) if n else "-"


def _duration(span: Optional[timedelta]) -> str:
    return "-" if span is None else words.duration(span)


def _spread(s: Spread) -> tuple[str, str]:
    return _duration(s.p50), _duration(s.p90)


def _each(span: timedelta, n: int) -> str:
    """What each took, on the whole."""
    return words.duration(span // n) if n else "-"


# ---- queues -------------------------------------------------------------------------------------


def _queues(rows: list[Figures], heads: Iterable[str], cells: Callable[[Figures], Any]) -> Table:
    """A row for each that has something to say (cells() is None if not). A queue with one priority
    is told once."""
    table = Table().left("queue", most=_NAME_MOST).right(*heads)
    priorities = Counter(f.queue for f in rows if f.priority)
    for f in rows:
        found = cells(f) if f.priority is None or priorities[f.queue] > 1 else None
        if found is not None:
            table.row(f"  {f.priority}" if f.priority else f.queue, *found)
    return table


def _times(rows: list[Figures]) -> Table:
    def cells(f: Figures) -> Any:
        if f.enqueued + f.wait.n + f.word.n + f.solve.n:
            return (_count(f.enqueued), *_spread(f.wait), *_spread(f.word), *_spread(f.solve))

    heads = ["requests"]
    for what in ("claimed", "told", "solved"):
        heads += [f"half {what} in", "9 of 10 in"]
    return _queues(rows, heads, cells)


def _kept(rows: list[Figures]) -> Table:
    def cells(f: Figures) -> Any:
        kept, broken, lapsed = (sum(n.values()) for n in (f.kept, f.broken, f.lapsed))
        if kept + broken + lapsed:
            each = (words.share(f.kept[p], f.kept[p] + f.broken[p]) for p in Promised)
            return (words.share(kept, kept + broken), *each, _count(broken), _count(lapsed))

    return _queues(rows, ("promises kept", *map(str, Promised), "broken", "without verdict"), cells)


def _care(rows: list[Figures]) -> Table:
    def cells(f: Figures) -> Any:
        counts = (f.chases, f.passed_over, f.let_go, f.handoffs, f.accepted)
        worse = (f.late_pauses, f.escalated, f.stuck)
        if f.enqueued + f.claims + f.resolved:
            reopened = words.share(f.reopened, f.resolved)
            last = (reopened, _count(f.recurred), _each(f.held, f.claims))
            return (*map(_count, counts), *map(_count, worse), *last)

    heads = (
        "had to ask, passed over, let go, handed on, taken up, late pauses, escalated, stuck,"
        " reopened, came again"
    ).split(", ")
    return _queues(rows, [*heads, "in hand, each"], cells)


def _now(rows: list[Figures]) -> Table:
    def cells(f: Figures) -> Any:
        if f.open:
            return (_count(f.open), _count(f.waiting), *_spread(f.age), _duration(f.age.max))

    return _queues(rows, ("open now", "waiting", "half for up to", "9 of 10", "longest"), cells)


# ---- agents and symptoms ------------------------------------------------------------------------


def _agents(rows: list[AgentFigures]) -> Table:
    table = Table().left("agent", most=_NAME_MOST)
    table.right("holds", "claims", "out of turn", "passed over", "let go", "solved", "failed")
    table.right("ran out", "offered", "taken", "declined", "in hand, each")
    for a in rows:
        claims = (a.holds, a.claims, a.out_of_turn, a.passed_over, a.let_go, a.resolved, a.failed)
        offers = (a.leases_expired, a.handoffs, a.accepted, a.declined)
        each = _each(a.held, a.claims)
        table.row(a.agent, *map(_count, claims), *map(_count, offers), each)
    return table


def _symptoms(rows: list[Symptom], now: datetime) -> Table:
    heads = ("seen", "lately", "people", "last", "cause", "linked", "workarounds", "fixes")
    table = Table().left("symptom", most=_NAME_MOST).right(*heads)
    for s in rows:
        counts = (s.cause, s.linked, s.workarounds, s.fixes)
        table.row(
            s.symptom,
            *map(_count, (s.seen, s.recent, s.requesters)),
            words.when(s.last_seen, now),
            *map(_count, counts),
        )
    return table
