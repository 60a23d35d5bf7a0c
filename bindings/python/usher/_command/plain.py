"""Snapshots as JSON, by the names of the C command's --json: ms since 1970 UTC, ms, null."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Iterable, Mapping, Optional

from .._text import EPOCH
from ..figures import AgentFigures, Figures, Spread, Symptom
from ..snapshots import Event, Promise, Standing
from ..words import Promised
from .words import MS

Plain = dict[str, Any]


def write(value: Plain) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def ms(at: Optional[datetime]) -> Optional[int]:
    return None if at is None else (at - EPOCH) // MS


def span(value: Optional[timedelta]) -> Optional[int]:
    return None if value is None else value // MS


def text(value: Optional[str]) -> Optional[str]:
    """Any bytes may be in it, and JSON is UTF-8."""
    if value is None or not any("\ud800" <= c <= "\udfff" for c in value):
        return value
    data = value.encode("utf-8", "surrogateescape")
    return bytes(octet if octet < 0x80 else 0x3F for octet in data).decode("ascii")


def _word(value: object) -> Optional[str]:
    return None if value is None else str(value)


# ---- tickets ------------------------------------------------------------------------------------


def _promise(p: Promise) -> Plain:
    return {
        "state": str(p.state),
        "start_at": ms(p.start),
        "due_at": ms(p.due),
        "target_ms": span(p.target) or 0,
        "left_ms": span(p.left),
        "arming": p.arming,
    }


def standing(s: Standing) -> Plain:
    return {
        "ticket": s.ticket,
        "state": str(s.state),
        "state_at": ms(s.state_since),
        "until_at": ms(s.until),
        "queue": text(s.queue),
        "priority": str(s.priority),
        "level": s.level,
        "requester": text(s.requester),
        "persons": s.persons,
        "holder": text(s.holder),
        "kept_for": text(s.kept_for),
        "offered_to": text(s.offered_to),
        "handoffs": s.handoffs,
        "enqueued_at": ms(s.enqueued),
        "start_at": ms(s.start),
        "due_at": ms(s.due),
        "next_word_at": ms(s.next_word),
        "ahead": s.ahead,
        "wait_p50_ms": span(s.wait_p50),
        "wait_p90_ms": span(s.wait_p90),
        "waits": s.waits,
        "cause": s.cause,
        "follows": s.follows,
        "linked": s.linked,
        "attempts": s.attempts,
        "chases": s.chases,
        "symptom": text(s.symptom),
        "ref": text(s.ref),
        "waits_for_requester": s.waits_for_you,
        "question": text(s.question),
        "last_word": text(s.last_word),
        "promises": {str(promised): _promise(p) for promised, p in s.promises.items()},
        "events": s.ticket_seq,
        "policy_version": s.policy_version,
    }


def _bits(promises: Iterable[Promised]) -> int:
    return sum(1 << promised for promised in promises)


def event(e: Event) -> Plain:
    return {
        "seq": e.seq,
        "ticket_seq": e.ticket_seq,
        "at": ms(e.at),
        "seen_at": ms(e.seen),
        "event": str(e.kind),
        "state": _word(e.state),
        "queue": text(e.queue),
        "priority": _word(e.priority),
        "level": e.level,
        "who": text(e.who),
        "how": int(e.how or 0),
        "n": e.n,
        "promise": _word(e.promise),
        "until_at": ms(e.until),
        "due_at": ms(e.due),
        "kept": _bits(e.kept),
        "lapsed": _bits(e.lapsed),
        "to": text(e.to),
        "rule": text(e.rule),
        "text": text(e.text),
        "other": e.other,
        "took_ms": span(e.took),
        "word_ms": span(e.word),
        "held_ms": span(e.held),
        "notify": [text(name) for name in e.notify],
        "notify_at": ms(e.notify_at),
    }


# ---- figures ------------------------------------------------------------------------------------

_OF_QUEUES = (
    "enqueued joined recurred claims passed_over let_go words chases replies handoffs accepted"
    " declined expired recalled pauses late_pauses failed leases_expired stuck escalated no_agent"
    " resolved workarounds no_reply confirmed reopened closed withdrawn"
).split()
_OF_AGENTS = (
    "holds claims out_of_turn passed_over let_go resolved failed leases_expired handoffs accepted"
    " declined"
).split()


def _spread(s: Spread) -> Plain:
    return {
        "n": s.n,
        "p50_ms": span(s.p50),
        "p90_ms": span(s.p90),
        "p99_ms": span(s.p99),
        "max_ms": span(s.max),
        "sum_ms": span(s.sum),
    }


def _by_promise(counts: Mapping[Promised, int]) -> Plain:
    return {str(promised): n for promised, n in counts.items()}


def figures(f: Figures) -> Plain:
    return {
        "queue": text(f.queue),
        "priority": _word(f.priority),
        "from_at": ms(f.since) or 0,
        "to_at": ms(f.until),
        **{name: getattr(f, name) for name in _OF_QUEUES},
        "held_ms": span(f.held),
        "open": f.open,
        "waiting": f.waiting,
        "kept": _by_promise(f.kept),
        "broken": _by_promise(f.broken),
        "lapsed": _by_promise(f.lapsed),
        "wait": _spread(f.wait),
        "word": _spread(f.word),
        "solve": _spread(f.solve),
        "age": _spread(f.age),
    }


def agent(a: AgentFigures) -> Plain:
    return {
        "agent": text(a.agent),
        "present": a.present,
        **{name: getattr(a, name) for name in _OF_AGENTS},
        "held_ms": span(a.held),
    }


def symptom(s: Symptom) -> Plain:
    return {
        "symptom": text(s.symptom),
        "seen": s.seen,
        "recent": s.recent,
        "requesters": s.requesters,
        "first_at": ms(s.first),
        "last_at": ms(s.last_seen),
        "last": s.last or None,
        "cause": s.cause,
        "linked": s.linked,
        "causes": s.causes,
        "fixes": s.fixes,
        "workarounds": s.workarounds,
    }
