"""usher: a service queue in your program, and a promise to the person who waits.

    with usher.Service("sqlite:desk.db") as desk:              # or `async with`, then everything is awaited
        counter = desk.queue("counter", {"promises": {"ack": {"target": "15m"}}})
        ticket = counter.enqueue("ada", "the printer is on fire")
        with desk.agent("desk-1").claim(counter) as claim:
            claim.acknowledge("desk 1 has it")
            claim.answer = "printer restarted"                 # the block's end resolves it

Service  a store, its queues, one clock: queue(), agent(), ticket(), events(), tickets(), figures(), advance(), run(), close()
Queue    a named line with a policy: enqueue(), enqueue_many(), define(), apply(), hold(), find(), counts(), what_if()
Agent    who serves: claim(), claims(), claim_many(), claim_ticket(), gone()
Claim    a ticket in his hands: acknowledge(), update(), extend(), pause(), resume(), resolve(), fail(), release(), hand_off()
Ticket   one request: standing(), ask(), reply(), confirm(), reopen(), withdraw(), escalate(), move(), link(), history(), why_due()
Events   what happens: a stream, live or durable with done()

What they tell (Standing, Event, Done, Figures ...) are frozen dataclasses; what goes wrong is a UsherError. AsyncService and
the other Async classes are the same for asyncio. README.md beside the source begins with a program to paste; `usher.h`, which
lies in this package, says what every call, field and event means.
"""

from __future__ import annotations

from ._library import VERSION as __version__
from .agent import Agent, AsyncAgent, AsyncServing, Serving
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
    "AsyncServing",
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
    "Serving",
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
