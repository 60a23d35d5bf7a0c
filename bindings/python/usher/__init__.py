"""usher: a service queue in your program, and a promise to the person who waits.

    with usher.Service("sqlite:desk.db") as desk:
        desk.queue("help").enqueue("alice", "the printer is on fire")

bindings/python/README.md begins with a program to paste; usher.h says what every call means.
"""

from __future__ import annotations

from ._library import VERSION as __version__
from .agent import Agent, AsyncAgent
from .batch import AsyncClaims, Claims, Command, Request, Results
from .claim import BLOCK_LEASE, AsyncClaim, Claim
from .clock import ManualClock
from .errors import (
    Busy,
    Canceled,
    Corrupt,
    Failed,
    Forked,
    Full,
    Invalid,
    NewerVersion,
    NoMemory,
    NotFound,
    PolicyError,
    Stale,
    StoreError,
    TimedOut,
    TooLarge,
    Unknown,
    UsherError,
    WrongState,
    WrongThread,
)
from .events import AsyncEvents, Events, EventsLost
from .figures import AgentFigures, Change, Figures, Span, Spread, Symptom
from .queue import AsyncQueue, Queue
from .reads import Rows
from .service import AsyncService, Service
from .snapshots import Done, Event, Promise, Standing
from .ticket import AsyncTicket, Ticket
from .words import (
    As,
    ChangeKind,
    Durability,
    EventKind,
    Hold,
    On,
    Outcome,
    Priority,
    Promised,
    PromiseState,
    Rank,
    SpanKind,
    State,
    To,
    Verb,
)

__all__ = [
    "Agent",
    "AgentFigures",
    "As",
    "AsyncAgent",
    "AsyncClaim",
    "AsyncClaims",
    "AsyncEvents",
    "AsyncQueue",
    "AsyncService",
    "AsyncTicket",
    "BLOCK_LEASE",
    "Busy",
    "Canceled",
    "Change",
    "ChangeKind",
    "Claim",
    "Claims",
    "Command",
    "Corrupt",
    "Done",
    "Durability",
    "Event",
    "EventKind",
    "Events",
    "EventsLost",
    "Failed",
    "Figures",
    "Forked",
    "Full",
    "Hold",
    "Invalid",
    "ManualClock",
    "NewerVersion",
    "NoMemory",
    "NotFound",
    "On",
    "Outcome",
    "PolicyError",
    "Priority",
    "Promise",
    "PromiseState",
    "Promised",
    "Queue",
    "Rank",
    "Request",
    "Results",
    "Rows",
    "Service",
    "Span",
    "SpanKind",
    "Spread",
    "Stale",
    "Standing",
    "State",
    "StoreError",
    "Symptom",
    "Ticket",
    "TimedOut",
    "To",
    "TooLarge",
    "Unknown",
    "UsherError",
    "Verb",
    "WrongState",
    "WrongThread",
]
