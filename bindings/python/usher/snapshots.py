"""What the library tells, as plain values: frozen, and nothing in them belongs to C any more.

Instants are aware datetimes in UTC, durations timedeltas, both exact to the millisecond; what there is
none of is None. Queues, agents and tickets stand in them by name and number: a snapshot may outlive
its service. The names are those of the C structs without `_at` and `_ms`, but for `state_since` and
`notify_at`, whose short names are taken.

Done, Event and Standing are made so often that each is one unpacking of the whole C struct, and that
they are frozen only afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Dict, FrozenSet, Mapping, Optional, Tuple, Union

from . import _ffi
from ._reading import Snapshot, Words, name, queue_name, reader, text, thawed
from ._text import moment, moment_or_none, span, span_or_none
from .errors import UsherError, error
from .words import As, Durability, EventKind, Hold, On, Outcome, Priority, Promised, PromiseState
from .words import Rank, State, To, Verb

_durability = Words(Durability)
_kind = Words(EventKind)
_on = Words(On)
_to = Words(To)
_as = Words(As)
_priority = Words(Priority)
_promised = Words(Promised)
_promise_state = Words(PromiseState)
_rank = Words(Rank)
_state = Words(State)
_verb = Words(Verb)
_outcome = Words(Outcome, none=Outcome(0))
_hold = Words(Hold, none=Hold(0))


@dataclass(frozen=True, repr=False)
class Done(Snapshot):
    """What became of a command."""

    ticket: Optional[int]
    """None where it was about a queue, an agent or the service."""
    seq: int
    """The service's last event at that moment: all that this command caused are at or below it."""
    token: Optional[int]
    """Of the claim that stands now."""
    status: int
    """0, or the code of an error, where many are done at once."""
    state: Optional[State]
    """The ticket's, after it."""
    verb: Optional[Verb]
    """None for enqueue and the like."""
    outcome: Outcome
    until: Optional[datetime]
    """Of the lease, pause or backoff."""
    durability: Optional[Durability]
    """The level that was reached."""
    priority: Optional[Priority]
    """The ticket's."""
    detail: str
    """For people: what was clipped, how many were purged. "" if nothing."""

    @property
    def error(self) -> Optional[UsherError]:
        """What one command alone would have raised."""
        return error(self.status, self.detail, self.ticket) if self.status else None


done_values = reader(_ffi.usher_done)
_Done = thawed(Done)


def done(address: int) -> Done:
    """From a usher_done."""
    return done_of(done_values(address))


def done_of(values: Tuple[int, ...]) -> Done:
    """Of its values; those without a detail (the last is 0) may be kept and made into one later."""
    (_, ticket, seq, token, status, state, verb, outcome, until, durability, priority, detail,
     detail_len) = values
    made: Done = _Done(
        ticket or None,
        seq,
        token or None,
        status,
        _state[state],
        _verb[verb],
        _outcome[outcome],
        moment_or_none(until),
        _durability[durability],
        _priority[priority],
        text(detail, detail_len) if detail_len else "",
    )
    made.__class__ = Done
    return made


# ---- a ticket -----------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Promise(Snapshot):
    """One promise of a ticket, that has been made."""

    start: datetime
    due: Optional[datetime]
    """None: kept, lapsed, or paused before it came; a broken one keeps its due."""
    target: Optional[timedelta]
    """None: only a named end. Of working days: the open time between start and due."""
    left: timedelta
    """While it runs, paused or not: what is left of the target; negative when overdue."""
    state: PromiseState
    arming: int
    """1 for the first."""


@dataclass(frozen=True, repr=False)
class Standing(Snapshot):
    """Where a ticket stands: what its requester may know, and a little more."""

    ticket: int
    ticket_seq: int
    """Its events so far."""
    queue: str
    enqueued: datetime
    start: datetime
    state_since: datetime
    until: Optional[datetime]
    """The end of the backoff, lease, keep, pause or after-care."""
    rank: Optional[datetime]
    """Its place in the line, smaller is sooner; None: not yet in it."""
    ahead: Optional[int]
    """In its band; None: not in the line."""
    ahead_in_queue: Optional[int]
    """In its band and the ones above."""
    due: Optional[datetime]
    """Of the nearest promise that is owed, broken or not."""
    next_word: Optional[datetime]
    """The nearest of ack, answer and update. In the past: we are late."""
    state: State
    priority: Priority
    level: int
    waits_for_you: bool
    """Paused on the requester; `question` says for what."""
    attempts: int
    chases: int
    persons: int
    policy_version: int
    requester: str
    holder: Optional[str]
    kept_for: Optional[str]
    symptom: Optional[str]
    ref: Optional[str]
    last_word: Optional[str]
    question: Optional[str]
    promises: Mapping[Promised, Promise] = field(hash=False)
    """Those that have been made."""
    wait_p50: Optional[timedelta]
    """How long half of those waited who were claimed here last; None: too few were seen. It knows
    nothing of skills: after EventKind.NO_AGENT show none."""
    wait_p90: Optional[timedelta]
    """Nine of ten."""
    waits: int
    """How many these are made from."""
    rank_by: Optional[Rank]
    """What its rank was made from."""
    rank_from: Optional[datetime]
    """That instant."""
    rank_behind: timedelta
    """How far behind it for the requester's other tickets."""
    offered_to: Optional[str]
    """A queue or agent, `offer` says which."""
    offer: Optional[To]
    handoffs: int
    cause: Optional[int]
    """The ticket about its cause."""
    follows: Optional[int]
    """The earlier ticket that it takes up again, or the latest one with its symptom."""
    linked: int
    """Tickets that this one is the cause of."""
    is_cause: bool
    """Opened by the policy because its symptom came again and again."""


_standing = reader(_ffi.usher_standing)
_Standing = thawed(Standing)
_Promise = thawed(Promise)
_PROMISES, _REST = 30, 54  # where the values of `promises` begin and end among all of them
_PROMISED = [(_PROMISES + 6 * i, promised) for i, promised in enumerate(Promised)]


def _promises(values: Tuple[int, ...]) -> Dict[Promised, Promise]:
    made = {}
    for at, promised in _PROMISED:
        state = values[at + 4]
        if state:
            target = values[at + 2]
            made[promised] = promise = _Promise(
                moment(values[at]),
                moment_or_none(values[at + 1]),
                span(target) if target else None,
                span(values[at + 3]),
                _promise_state[state],
                values[at + 5],
            )
            promise.__class__ = Promise
    return made


def standing(address: int) -> Standing:
    """From a usher_standing."""
    values = _standing(address)
    (_, ticket, ticket_seq, queue, enqueued, start, state_at, until, rank, ahead, ahead_in_queue,
     due, next_word, state, priority, level, waits_for_you, attempts, chases, persons, version,
     requester, holder, kept_for, symptom, ref, last_word, last_word_len, question,
     question_len) = values[:_PROMISES]
    (wait_p50, wait_p90, waits, rank_by, rank_from, rank_behind, offered_to, offer, handoffs, cause,
     follows, linked, is_cause) = values[_REST:]
    made: Standing = _Standing(
        ticket,
        ticket_seq,
        queue_name(queue),
        moment(enqueued),
        moment(start),
        moment(state_at),
        moment_or_none(until),
        moment_or_none(rank),
        ahead if ahead >= 0 else None,
        ahead_in_queue if ahead_in_queue >= 0 else None,
        moment_or_none(due),
        moment_or_none(next_word),
        _state[state],
        _priority[priority],
        level,
        waits_for_you != 0,
        attempts,
        chases,
        persons,
        version,
        name(requester),
        name(holder) if holder else None,
        name(kept_for) if kept_for else None,
        name(symptom) if symptom else None,
        name(ref) if ref else None,
        text(last_word, last_word_len) if last_word else None,
        text(question, question_len) if question else None,
        _promises(values),
        span_or_none(wait_p50),
        span_or_none(wait_p90),
        waits,
        _rank[rank_by],
        moment_or_none(rank_from),
        span(rank_behind),
        name(offered_to) if offered_to else None,
        _to[offer],
        handoffs,
        cause or None,
        follows or None,
        linked,
        is_cause != 0,
    )
    made.__class__ = Standing
    return made


# ---- what has happened --------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Event(Snapshot):
    """One line of a ticket's history, or of the service's."""

    seq: int
    """Per service, ascending by 1."""
    ticket: Optional[int]
    """None: of the service."""
    ticket_seq: int
    """Per ticket, from 1, ascending by 1; 0: of the service."""
    at: datetime
    """The instant it is for: a timer's own, however late it ran."""
    seen: Optional[datetime]
    """When it was noticed, if later."""
    until: Optional[datetime]
    """What the kind says."""
    due: Optional[datetime]
    """WARNED, BROKEN: of the promise."""
    kind: EventKind
    state: Optional[State]
    """The ticket's, after it."""
    how: Union[int, As, Hold, On, Priority, To, None]
    """What the kind says: as a word where it is one. RECURRED: how many."""
    promise: Optional[Promised]
    """WARNED, BROKEN, STEPPED."""
    level: int
    priority: Optional[Priority]
    n: int
    """What the kind says."""
    kept: FrozenSet[Promised]
    """Promises that this word kept."""
    lapsed: FrozenSet[Promised]
    """Promises that ended without a verdict."""
    policy_version: int
    """Of the policy that the ticket was enqueued under, or was given since (APPLIED)."""
    queue: Optional[str]
    who: Optional[str]
    """The agent, the requester, the desk; None: a timer, or a desk that gave no name."""
    to: Optional[str]
    """The queue or agent of MOVED, STEPPED, NO_QUEUE, OFFERED; WITHDRAWN: the agent; ZONE_CHANGED: the
    zone."""
    rule: Optional[str]
    """The JSON path in the policy that caused it."""
    text: Optional[str]
    """Bytes that are no UTF-8 (JOINED: a body) come as `surrogateescape` has them."""
    notify: Tuple[str, ...]
    """Whom the policy says to tell."""
    notify_at: Optional[datetime]
    """When to tell people: the next opening of the policy's notify_calendar; None: at once. usher holds
    nothing back."""
    other: Optional[int]
    """Another ticket: of RECURRED, LINKED, CAUSE_TOLD, CHECK_IN."""
    took: Optional[timedelta]
    """What the kind says."""
    word: Optional[timedelta]
    """With the first word: how long it was waited for."""
    held: Optional[timedelta]
    """Of what ends or interrupts a claim: how long it was held."""


_HOW: Dict[int, Words] = {
    EventKind.CLAIMED: _to,
    EventKind.PAUSED: _on,
    EventKind.RESUMED: _on,
    EventKind.PAUSE_ENDED: _on,
    EventKind.RESOLVED: _as,
    EventKind.REPRIORITISED: _priority,
    EventKind.OFFERED: _to,
    EventKind.RECALLED: _to,
    EventKind.DECLINED: _to,
    EventKind.OFFER_EXPIRED: _to,
    EventKind.QUEUE_HELD: _hold,
    EventKind.CAUSE_TOLD: _as,
}


class _Promises(Dict[int, FrozenSet[Promised]]):
    """Sets of promises by their bits in C."""

    def __missing__(self, bits: int) -> FrozenSet[Promised]:
        made = self[bits] = frozenset(p for p in Promised if bits & 1 << p)
        return made


_promises_of = _Promises()
_event = reader(_ffi.usher_event)
_Event = thawed(Event)


def event(address: int) -> Event:
    """From a usher_event."""
    (_, seq, ticket, ticket_seq, at, seen, until, due, kind, state, how, promise, level, priority, n,
     kept, lapsed, version, queue, who, to, rule, words, words_len, notify, notify_len, notify_at,
     other, took, word, held) = _event(address)
    made: Event = _Event(
        seq,
        ticket or None,
        ticket_seq,
        moment(at),
        moment_or_none(seen),
        moment_or_none(until),
        moment_or_none(due),
        _kind[kind],
        _state[state],
        _HOW[kind][how] if kind in _HOW else how,
        _promised[promise],
        level,
        _priority[priority],
        n,
        _promises_of[kept],
        _promises_of[lapsed],
        version,
        queue_name(queue) if queue else None,
        name(who),
        name(to),
        name(rule),
        text(words, words_len),
        _names(notify, notify_len),
        moment_or_none(notify_at),
        other or None,
        span_or_none(took),
        span_or_none(word),
        span_or_none(held),
    )
    made.__class__ = Event
    return made


def _names(address: int, length: int) -> Tuple[str, ...]:
    joined = text(address, length)
    return tuple(joined.split("\0")[:-1]) if joined else ()
