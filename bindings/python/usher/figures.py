"""What reads tell beside standings and events: why, what if, and how it goes. As snapshots.py.

C's from_at and to_at are `since` and `until`, and of a promise's due `before` and `after`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Optional

from . import _ffi
from ._reading import Snapshot, Words, agent_name, queue_name
from ._text import moment, moment_or_none, span, span_or_none, string
from .words import ChangeKind, Priority, Promised, SpanKind

_priority = Words(Priority)
_promised = Words(Promised)
_span_kind = Words(SpanKind)


@dataclass(frozen=True, repr=False)
class Span(Snapshot):
    """A part of the time between a promise's start and its due. What counted of all of them adds up to
    the target."""

    since: datetime
    until: datetime
    counted: timedelta
    kind: SpanKind


@dataclass(frozen=True, repr=False)
class Change(Snapshot):
    """What applying a policy would change in one promise of one ticket."""

    ticket: int
    before: Optional[datetime]
    """The due that it has."""
    after: Optional[datetime]
    """The due that it would have."""
    promise: Promised
    what: ChangeKind
    """BREAKS: it would be broken at once. LAPSES: it would end without a verdict. STARTS: it would be
    made."""


@dataclass(frozen=True, repr=False)
class Spread(Snapshot):
    """How n durations are spread; each within 1 %, the sum exact. None: n is 0."""

    n: int
    p50: Optional[timedelta]
    p90: Optional[timedelta]
    p99: Optional[timedelta]
    max: Optional[timedelta]
    sum: timedelta


@dataclass(frozen=True, repr=False)
class Figures(Snapshot):
    """Of a queue and priority, as the persons who wait see it."""

    queue: str
    priority: Optional[Priority]
    """None: all of them."""
    since: Optional[datetime]
    """Of the days that are counted; None: since ever."""
    until: datetime

    enqueued: int
    joined: int
    recurred: int
    claims: int
    passed_over: int
    let_go: int
    """Released within a minute of the claim."""
    words: int
    """First ones."""
    chases: int
    replies: int
    handoffs: int
    accepted: int
    declined: int
    expired: int
    recalled: int
    pauses: int
    late_pauses: int
    """They stop a promise in the last tenth of its target."""
    failed: int
    """Attempts."""
    leases_expired: int
    stuck: int
    escalated: int
    no_agent: int
    resolved: int
    workarounds: int
    """Among the resolved, as the next."""
    no_reply: int
    confirmed: int
    reopened: int
    closed: int
    withdrawn: int
    kept: Mapping[Promised, int] = field(hash=False)
    broken: Mapping[Promised, int] = field(hash=False)
    lapsed: Mapping[Promised, int] = field(hash=False)
    held: timedelta
    """Time in an agent's hands."""
    wait: Spread
    """From the start to the first claim."""
    word: Spread
    """From the start to the first word."""
    solve: Spread
    """From the start to the resolve that held: counted when the ticket is closed."""

    open: int
    """Now, as the next two."""
    waiting: int
    age: Spread
    """Of those waiting, since their start."""


@dataclass(frozen=True, repr=False)
class AgentFigures(Snapshot):
    """Of an agent, since ever."""

    agent: str
    present: bool
    holds: int
    """Claims now; paused and offered ones apart."""
    claims: int
    out_of_turn: int
    """Claimed out of turn."""
    passed_over: int
    """The people passed over by that and by let_go."""
    let_go: int
    """Released within a minute of the claim."""
    resolved: int
    failed: int
    leases_expired: int
    handoffs: int
    """Offers made."""
    accepted: int
    declined: int
    """Also by going."""
    held: timedelta


@dataclass(frozen=True, repr=False)
class Symptom(Snapshot):
    """What people call a trouble, and how often it comes."""

    symptom: str
    seen: int
    """Tickets since it is remembered."""
    recent: int
    """Of those, the latest since its last fix, up to 32, within the policy's window."""
    requesters: int
    """How many different persons brought these."""
    first: datetime
    last_seen: datetime
    last: int
    """The latest ticket."""
    cause: Optional[int]
    """The open ticket about its cause."""
    linked: int
    """Tickets linked to that."""
    causes: int
    """Opened so far."""
    fixes: int
    workarounds: int


# ---- from C -------------------------------------------------------------------------------------


def spans(address: int, n: int) -> List[Span]:
    return [
        Span(
            since=moment(row.from_at),
            until=moment(row.to_at),
            counted=span(row.ms),
            kind=_span_kind[row.kind],
        )
        for row in _rows(_ffi.usher_span, address, n)
    ]


def changes(address: int, n: int) -> List[Change]:
    return [
        Change(
            ticket=row.ticket,
            before=moment_or_none(row.from_at),
            after=moment_or_none(row.to_at),
            promise=_promised[row.promise],
            what=ChangeKind(row.what),
        )
        for row in _rows(_ffi.usher_change, address, n)
    ]


def figures(address: int, n: int) -> List[Figures]:
    return [_figures(row) for row in _rows(_ffi.usher_figures, address, n)]


def agents(address: int, n: int) -> List[AgentFigures]:
    return [
        AgentFigures(
            agent=agent_name(row.agent),
            present=row.present != 0,
            held=span(row.held_ms),
            **_numbers(row, _AGENT_NUMBERS),
        )
        for row in _rows(_ffi.usher_agent_figures, address, n)
    ]


def symptoms(address: int, n: int) -> List[Symptom]:
    return [
        Symptom(
            symptom=string(row.symptom),
            first=moment(row.first_at),
            last_seen=moment(row.last_at),
            cause=row.cause or None,
            **_numbers(row, _SYMPTOM_NUMBERS),
        )
        for row in _rows(_ffi.usher_symptom, address, n)
    ]


_FIGURES_NUMBERS = (
    "enqueued joined recurred claims passed_over let_go words chases replies handoffs accepted "
    "declined expired recalled pauses late_pauses failed leases_expired stuck escalated no_agent "
    "resolved workarounds no_reply confirmed reopened closed withdrawn open waiting"
).split()
_AGENT_NUMBERS = (
    "holds claims out_of_turn passed_over let_go resolved failed leases_expired handoffs accepted "
    "declined"
).split()
_SYMPTOM_NUMBERS = "seen recent requesters last linked causes fixes workarounds".split()


def _rows(declared: Any, address: int, n: int) -> Any:
    return (declared * n).from_address(address) if n else ()


def _numbers(row: ctypes.Structure, names: List[str]) -> Dict[str, Any]:
    return {each: getattr(row, each) for each in names}


def _figures(row: Any) -> Figures:
    return Figures(
        queue=queue_name(row.queue),
        priority=_priority[row.priority],
        since=moment_or_none(row.from_at),
        until=moment(row.to_at),
        kept=_by_promise(row.kept),
        broken=_by_promise(row.broken),
        lapsed=_by_promise(row.lapsed),
        held=span(row.held_ms),
        wait=_spread(row.wait),
        word=_spread(row.word),
        solve=_spread(row.solve),
        age=_spread(row.age),
        **_numbers(row, _FIGURES_NUMBERS),
    )


def _by_promise(counts: Any) -> Dict[Promised, int]:
    return {promised: counts[promised - 1] for promised in Promised}


def _spread(row: Any) -> Spread:
    return Spread(
        n=row.n,
        p50=span_or_none(row.p50_ms),
        p90=span_or_none(row.p90_ms),
        p99=span_or_none(row.p99_ms),
        max=span_or_none(row.max_ms),
        sum=span(row.sum_ms),
    )
