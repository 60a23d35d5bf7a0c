"""A queue: a named line in which people wait. The handle lives as long as its service."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar, Union
from uuid import UUID

from . import _ffi, _text, _verbs, batch, reads
from ._core import DONE, awaitable, blocking
from ._verbs import word
from .batch import REQUEST_SIZE, FlatRequest, Requests, Results
from .errors import PolicyError
from .snapshots import Done, Standing, done, done_of, done_values
from .ticket import AsyncTicket, Ticket, TicketBase
from .words import Hold, Priority, State

if TYPE_CHECKING:
    from ._core import Call, Core

TicketT = TypeVar("TicketT", Ticket, AsyncTicket)

_enqueue_one = _ffi.lib["usher_enqueue"]  # the same function, for a FlatRequest
_enqueue_one.restype = ctypes.c_int
_enqueue_one.argtypes = (
    ctypes.c_void_p,
    ctypes.POINTER(FlatRequest),
    _ffi.usher_done_cb,
    ctypes.c_void_p,
)


class QueueBase(Generic[TicketT]):
    """What a queue is in both families. Two handles of one queue are equal."""

    __slots__ = ("_core", "_queue_handle")

    _ticket: type[TicketT]

    def __init__(self, core: Core, handle: int) -> None:
        self._core = core
        self._queue_handle = handle

    @property
    def name(self) -> str:
        self._core.check()
        return _text.string(_ffi.lib.usher_queue_name(self._queue_handle))

    def __hash__(self) -> int:
        return hash(self._queue_handle)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, QueueBase):
            return self._queue_handle == other._queue_handle and self._core is other._core
        return NotImplemented

    def __repr__(self) -> str:
        name = "(closed)" if self._core.closed else repr(self.name)
        return f"<usher.{type(self).__name__} {name}>"

    def find(self, ref: str) -> Standing:
        """Where the ticket of this number of yours stands; of several the newest. NotFound."""
        data = _text.name(ref, "ref")
        queue = self._queue_handle
        return reads.look(
            self._core,
            None,
            lambda out: int(_ffi.lib.usher_peek_ref(queue, data, ctypes.byref(out))),
        )

    def counts(self) -> dict[State, int]:
        """How many tickets of the queue are in each state; of those that are over, as many as are
        kept in memory."""
        self._core.check()
        by_state = (ctypes.c_uint64 * _ffi.STATES)()
        self._core.sync(_ffi.lib.usher_counts(self._queue_handle, by_state))
        return {state: by_state[state] for state in State}

    tickets = reads.queue_tickets

    def _enqueued(self, address: int) -> TicketT:
        values = done_values(address)
        return self._ticket(self._core, values[1], done_of(values) if values[-1] else values)


def _define(self: QueueBase[TicketT], policy: _text.Policy) -> Call[Done]:
    """Gives the queue a policy: a dict, JSON text, or a file (os.PathLike). PolicyError, with where
    and why: the one before stays. Tickets keep the promises that they were enqueued under; apply()
    changes that."""
    data = _text.policy(policy)
    core = self._core
    why = ctypes.create_string_buffer(1024)
    slot = core.slot(done)
    err = _ffi.lib.usher_define(self._queue_handle, data, why, len(why), DONE, slot)
    return core.finish(slot, err, _text.string(why.value) if err == _ffi.EPOLICY else "")  # type: ignore[no-any-return]


def _apply(self: QueueBase[TicketT]) -> Call[Done]:
    """Gives the queue's policy to the tickets too that were enqueued under an earlier one: same
    starts, same pauses, new targets. what_if() says beforehand what that would do; Done.detail says
    to how many it was given."""
    core = self._core
    slot = core.slot(done)
    return core.finish(slot, _ffi.lib.usher_apply(self._queue_handle, DONE, slot))  # type: ignore[no-any-return]


def _hold(self: QueueBase[TicketT], hold: Hold) -> Call[Done]:
    """Holds the queue: Hold.CLAIMS, nobody is served; Hold.ENQUEUE, nobody new may come; both, or
    Hold.RUN, as ever."""
    bits = word(hold, "hold", Hold)
    core = self._core
    slot = core.slot(done)
    return core.finish(slot, _ffi.lib.usher_queue_hold(self._queue_handle, bits, DONE, slot))  # type: ignore[no-any-return]


def _enqueue(
    self: QueueBase[TicketT],
    requester: str,
    body: _text.Body = b"",
    *,
    json: Any = _text.MISSING,
    symptom: Optional[str] = None,
    dedup_key: Optional[str] = None,
    ref: Optional[str] = None,
    needs: Iterable[str] = (),
    priority: Optional[Priority] = None,
    start: Union[datetime, timedelta, None] = None,
    follows: Union[TicketBase, int, None] = None,
    op: Optional[UUID] = None,
) -> Call[TicketT]:
    """Somebody waits from now on, or from `start` (an instant, or so long from now); his ticket,
    whose `done` has more.

    body, or json: what it is about. symptom: what people call the trouble. dedup_key: joins the
    unresolved ticket that has the same one, if there is one (Outcome.JOINED). ref: a number of your
    own, for find(). needs: skills that the agent must have. follows: the closed ticket that this
    one takes up again. op: names this attempt, so that it can be repeated safely. Full: the queue
    has no room, an event tells when it has. WrongState: it is held. TooLarge."""
    who = _text.name(requester, "requester")
    if json is not _text.MISSING or type(body) is not bytes:
        body = _text.body(body, json)
    core = self._core
    request = FlatRequest(REQUEST_SIZE, who, body, len(body))
    if symptom is not None:
        request.symptom = _text.name(symptom, "symptom")
    if dedup_key is not None:
        request.dedup_key = _text.name(dedup_key, "dedup_key")
    if ref is not None:
        request.ref = _text.name(ref, "ref")
    if needs != ():
        skills, request.needs_n = _text.names(needs, "needs")
        request.needs = None if skills is None else ctypes.addressof(skills)
    if priority is not None:
        request.priority = word(priority, "priority", Priority)
    if start is not None:
        request.start_at = _verbs.instant(core, start, "start")
    if follows is not None:
        request.follows = _text.ticket(follows, "follows", self._core)
    if op is not None:
        request.op_hi, request.op_lo = _text.op(op)
    slot = core.slot(self._enqueued)
    return core.finish(slot, _enqueue_one(self._queue_handle, request, DONE, slot))  # type: ignore[no-any-return]


def _enqueue_many(self: QueueBase[TicketT], requests: Requests) -> Call[Results]:
    """Many at once, all or none: Request tuples, dicts, or plain tuples (requester, body, ...), up
    to 10,000. TooLarge: more, or one of them is. Full: not all of them have room. What became of
    each is in the results."""
    return batch.enqueue(self._core, self._queue_handle, requests)


class Queue(QueueBase[Ticket]):
    """A queue whose commands block until they are done."""

    __slots__ = ()

    _ticket = Ticket

    define = blocking(_define)
    apply = blocking(_apply)
    hold = blocking(_hold)
    enqueue = blocking(_enqueue)
    enqueue_many = blocking(_enqueue_many)
    what_if = blocking(reads.what_if)
    figures = blocking(reads.queue_figures)


class AsyncQueue(QueueBase[AsyncTicket]):
    """A queue on asyncio. Every command is accepted in the call; to await it tells what became of
    it."""

    __slots__ = ()

    _ticket = AsyncTicket

    define = awaitable(_define)
    apply = awaitable(_apply)
    hold = awaitable(_hold)
    enqueue = awaitable(_enqueue)
    enqueue_many = awaitable(_enqueue_many)
    what_if = awaitable(reads.what_if)
    figures = awaitable(reads.queue_figures)
