"""A service: one store, its queues and one clock.

    with usher.Service("sqlite:desk.db") as desk:          # blocking
        ticket = desk.queue("help").enqueue("ann", "the door is stuck")

    async with usher.Service("sqlite:desk.db") as desk:    # on asyncio's running loop: an AsyncService
        ticket = await desk.queue("help").enqueue("ann", "the door is stuck")
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Type, Union

from . import _ffi, _text, batch, claim, reads
from ._core import DONE, EVENT, Core, Hooks, ask, awaitable, blocking
from ._ffi import lib
from .agent import Agent, AgentBase, AsyncAgent
from .clock import ManualClock
from .errors import Invalid, UsherError
from .events import AsyncEvents, Events
from .figures import AgentFigures, Figures, Symptom
from .queue import AsyncQueue, Queue, QueueBase
from .snapshots import Done, Event, Standing, done, event
from .ticket import AsyncTicket, Ticket, TicketBase
from .words import Durability, State, Verb

if TYPE_CHECKING:
    from ._core import Call

_U64 = 2**64 - 1
_I32 = 2**31 - 1


class ServiceBase:
    """What a service is in both families."""

    _core: Core

    @property
    def closed(self) -> bool:
        return self._core.closed

    def now(self) -> datetime:
        """What the service takes for now, in UTC: the wall clock, but never less than before."""
        self._core.check()
        return _text.moment(lib.usher_now(self._core.u))

    def post(self, function: Callable[[], object]) -> None:
        """Thread-safe, and the only call that is: the service's own thread calls function(), in the order posted.

        On asyncio as with loop.call_soon(). When blocking, in between the callbacks of the call that waits, run() say; what it
        raises is raised there. It may make any call. Canceled: the service is closing."""
        self._core.post(function)

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """callback(event) for every event from now on, in order, each before the completion of the command that caused it. What
        is returned ends that.

        It runs inside the service. When blocking, it cannot make a blocking call (WrongState): it hands that to post(). What it
        raises is raised by the call that waits, or goes to the loop's exception handler."""
        core = self._core
        _text.callback(callback, "callback")

        def told(address: int) -> None:
            callback(event(address))

        token = core.listen(told)
        err = lib.usher_subscribe(core.u, None, 0, EVENT, token)
        if err:
            core.unlisten(token)
            core.sync(err)

        def unsubscribe() -> None:
            if core.closed:
                return
            core.check()
            lib.usher_unsubscribe(core.u, EVENT, token)
            core.unlisten(token)

        return unsubscribe

    def tickets(
        self,
        *,
        queue: Optional[QueueBase[Any]] = None,
        requester: Optional[str] = None,
        holder: Union[AgentBase[Any, Any], str, None] = None,
        symptom: Optional[str] = None,
        states: Union[State, Iterable[State]] = (),
        linked: Union[TicketBase, int, None] = None,
    ) -> reads.Rows[Standing]:
        """All tickets that fit, by ascending number, also those that are over, as far as they are kept; to be iterated over.

        requester: one of its persons. holder: who holds it, or to whom it is offered. states: none given, all.
        linked: those whose cause this ticket is, or that follow it."""
        return reads.tickets(
            self._core,
            queue=queue,
            requester=requester,
            holder=holder,
            symptom=symptom,
            states=states,
            linked=linked,
        )

    def _queue(self, name: str) -> int:
        data = _text.name(name, "name")
        self._core.check()
        out = ctypes.c_void_p()
        self._core.sync(lib.usher_queue(self._core.u, ctypes.byref(out), data))
        return out.value or 0

    def _agent(self, name: str, skills: Iterable[str]) -> int:
        data = _text.name(name, "name")
        array, n = _text.names(skills, "skills")
        self._core.check()
        out = ctypes.c_void_p()
        self._core.sync(lib.usher_agent(self._core.u, ctypes.byref(out), data, array, n))
        return out.value or 0

    def _instant(self, to: Union[datetime, timedelta], what: str) -> int:
        self._core.check()
        if isinstance(to, timedelta):
            now: int = lib.usher_now(self._core.u)
            return now + _text.duration(to, what)
        return _text.instant(to, what)

    def __repr__(self) -> str:
        closed = ", closed" if self._core.closed else ""
        return f"<usher.{type(self).__name__} {_text.string(self._core.store)!r}{closed}>"


# ---- commands --------------------------------------------------------------------------------------------------------


def _backup(self: ServiceBase, path: Union[str, os.PathLike[str]]) -> Call[Done]:
    """SQLite: copies the store into a new file while everything goes on: consistent, checked, mode 0600. StoreError: why not.
    Invalid: in memory; or the path."""
    data = _path(path, "path")
    core = self._core
    slot = core.slot(done)
    return core.finish(slot, lib.usher_backup(core.u, data, DONE, slot))  # type: ignore[no-any-return]


def _purge(
    self: ServiceBase, closed_before: Optional[datetime] = None, requester: Optional[str] = None
) -> Call[Done]:
    """Erases closed and withdrawn tickets, with their bodies and history, that were closed before this instant (None: all), and
    only those of this person (None: anybody's). Done.detail says how many. Unknown: some may be gone, purge again."""
    # 0 is C's "all"; the epoch itself is as long past a millisecond later.
    before = 0 if closed_before is None else _text.instant(closed_before, "closed_before") or 1
    who = _text.name_or_none(requester, "requester")
    core = self._core
    slot = core.slot(done)
    return core.finish(slot, lib.usher_purge(core.u, before, who, DONE, slot))  # type: ignore[no-any-return]


def _figures(
    self: ServiceBase,
    queue: Optional[QueueBase[Any]] = None,
    since: Optional[datetime] = None,
    until: Optional[datetime] = None,
) -> Call[List[Figures]]:
    """What has happened, per queue and per priority of each, the sum of the priorities first. since, until: of the UTC days that
    they touch, up to 32 back; neither: since ever. Invalid, NoMemory."""
    return reads.figures(self._core, queue=queue, since=since, until=until)


def _agents(self: ServiceBase) -> Call[List[AgentFigures]]:
    """What every agent has done, since ever; in the order in which they first came. NoMemory."""
    return reads.agents(self._core)


def _symptoms(self: ServiceBase, symptom: Optional[str] = None) -> Call[List[Symptom]]:
    """What keeps coming; with a symptom: only that one, if it is remembered."""
    return reads.symptoms(self._core, symptom)


def _metrics(self: ServiceBase) -> Call[str]:
    """The figures of all queues since ever, in Prometheus' text format 0.0.4. NoMemory."""
    return reads.metrics(self._core)


# ---- blocking --------------------------------------------------------------------------------------------------------


class Service(ServiceBase):
    """An open service whose commands block until they are done. `async with` makes an AsyncService of it.

    It belongs to the thread that opened it (WrongThread elsewhere), and to this process (Forked in a child). Close it, or use
    `with`; one that is forgotten is closed when nothing refers to it any more, with a ResourceWarning."""

    def __init__(
        self,
        store: str = "memory:",
        *,
        clock: Optional[ManualClock] = None,
        durability: Optional[Durability] = None,
        max_pending: int = 0,
        op_window: Optional[timedelta] = None,
        op_window_n: int = 0,
        keep_closed: int = 0,
        history_bytes: int = 0,
        seed: int = 0,
        retain: Optional[timedelta] = None,
        zoneinfo: Union[str, os.PathLike[str], None] = None,
        on_lost: Optional[Callable[[UsherError, Optional[Verb]], object]] = None,
        on_failed: Optional[Callable[[UsherError], object]] = None,
        trace: Optional[Callable[[str], object]] = None,
        progress: Optional[Callable[[int, int], object]] = None,
    ) -> None:
        """Opens it; what was due while it was closed fires then. Busy, Corrupt, NewerVersion, StoreError, Invalid.

        store: "memory:", or "sqlite:PATH", a file that is made when it is not there; usher.h says what may follow PATH.
        clock: a ManualClock, for tests. durability: None, the store's own. max_pending: calls outstanding, then Full.
        op_window, op_window_n: how long, and how many, an op is remembered. keep_closed: closed tickets kept in memory.
        history_bytes: of events kept in memory. retain: SQLite; closed tickets are purged when they are older.
        zoneinfo: the directory of the zone files. A 0 or None is the default everywhere.

        on_lost(error, verb): a command that nobody waits for has failed; error.ticket. Without one it is logged as a warning
        to "usher". on_failed(error): once, when the store has failed: close, and open again. trace(line): what the library
        does; it must not call the service. progress(rows, of): now and then while a large store is opened."""
        options = _ffi.usher_options(size=ctypes.sizeof(_ffi.usher_options))
        if durability is not None:
            options.durability = _text.integer(durability, "durability", 0, _I32)
        options.max_pending = _text.integer(max_pending, "max_pending")
        options.op_window_ms = _text.duration_or_none(op_window, "op_window")
        options.op_window_n = _text.integer(op_window_n, "op_window_n")
        options.keep_closed = _text.integer(keep_closed, "keep_closed")
        options.history_bytes = _text.integer(history_bytes, "history_bytes", 0, _U64)
        options.seed = _text.integer(seed, "seed", 0, _U64)
        options.retain_ms = _text.duration_or_none(retain, "retain")
        if zoneinfo is not None:
            options.zoneinfo = _path(zoneinfo, "zoneinfo")
        if clock is not None and not isinstance(clock, ManualClock):
            raise Invalid(f"clock must be a usher.ManualClock, not {type(clock).__name__}")
        hooks = Hooks(on_lost, on_failed, trace, progress)
        self._core = Core(_text.name(store, "store"), options, hooks, clock)

    def queue(self, name: str, policy: Optional[_text.Policy] = None) -> Queue:
        """The queue of this name, made if there is none; with a policy it is defined first, see Queue.define()."""
        queue = Queue(self._core, self._queue(name))
        if policy is not None:
            queue.define(policy)
        return queue

    def agent(self, name: str, skills: Iterable[str] = ()) -> Agent:
        """The agent of this name, who has these skills from now on, and is back if he had gone."""
        return Agent(self._core, self._agent(name, skills))

    def ticket(self, ticket: Union[TicketBase, int]) -> Ticket:
        """A handle for a ticket's number; whether there is one, its first use says."""
        return Ticket(self._core, _text.ticket(ticket, core=self._core))

    def events(
        self,
        name: Optional[str] = None,
        *,
        since: int = 0,
        limit: int = 10000,
        timeout: Optional[timedelta] = None,
    ) -> Events:
        """A stream of events. Without a name: from now on. With one: all of them, each until it is done(), also after the service
        was closed and opened again. since: the first to tell. limit: how many a live stream buffers. timeout: the iteration
        ends when nothing comes for so long; timedelta(0): with what there is."""
        return Events(self._core, name, since=since, limit=limit, timeout=timeout)

    backup = blocking(_backup)
    purge = blocking(_purge)
    act_many = blocking(batch.act_many)
    figures = blocking(_figures)
    agents = blocking(_agents)
    symptoms = blocking(_symptoms)
    metrics = blocking(_metrics)

    def advance(self, to: Union[datetime, timedelta]) -> None:
        """On a ManualClock: moves it on, and on the way stops at every instant at which something is due, runs it there with all
        its callbacks, and only then goes on. Nothing sleeps. Invalid: another clock, or backwards."""
        self._core.advance(self._instant(to, "to"))

    def turn(self) -> int:
        """Runs the callbacks that can be run now, and what is due; never waits. How many callbacks."""
        return self._core.turn()

    def run(
        self,
        for_: Optional[timedelta] = None,
        until: Optional[datetime] = None,
        while_: Optional[Callable[[], object]] = None,
    ) -> None:
        """Serves timers, callbacks and what is posted: for so long, until an instant, while a condition holds (it is looked at
        whenever something has happened), or, with neither, until the service is closed by what was posted.

        On a ManualClock nothing passes by itself: then use advance()."""
        limits: list[Callable[[], int]] = []
        if for_ is not None:
            end = time.monotonic_ns() + _text.duration(for_, "for_") * 1_000_000
            limits.append(lambda: -((time.monotonic_ns() - end) // 1_000_000))
        if until is not None:
            if self._core.clock is not None:
                raise Invalid("until: on a ManualClock no instant comes by itself; use advance()")
            at = _text.instant(until, "until")
            limits.append(lambda: at - int(lib.usher_now(self._core.u)))

        def left() -> Optional[int]:
            if while_ is not None and (not ask(while_) or self._core.closed):
                return 0
            return min((limit() for limit in limits), default=None)

        self._core.run(left)

    def close(self) -> None:
        """Outstanding calls end first (claims that wait: Canceled), and what was done is saved. Again: nothing happens.

        In a signal's handler that interrupts another call of this service it may only begin (`closed` says): it ends in that
        call, or in the next that waits, run() and close() say."""
        self._core.close()

    def __enter__(self) -> Service:
        self._core.check()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if not self._core.forked:  # in a child there is nothing to close
            self._core.close()

    async def __aenter__(self) -> AsyncService:
        self._core.attach(asyncio.get_running_loop())
        return AsyncService(self._core)

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if not self._core.forked:
            await self._core.close_async()


# ---- asyncio ---------------------------------------------------------------------------------------------------------


class AsyncService(ServiceBase):
    """An open service on asyncio's loop, made by `async with usher.Service(...)`.

    A command is accepted in the call; to await it tells what became of it. It returns an asyncio.Future: a command whose awaiter
    is canceled is carried out all the same, but for claims, which are withdrawn. It belongs to this loop."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def queue(self, name: str, policy: Optional[_text.Policy] = None) -> AsyncQueue:
        """The queue of this name, made if there is none; with a policy it is defined: PolicyError. What else may go wrong with
        that goes to on_lost; to wait for it, await AsyncQueue.define()."""
        queue = AsyncQueue(self._core, self._queue(name))
        if policy is not None:
            data = _text.policy(policy)
            why = ctypes.create_string_buffer(1024)
            self._core.commands += 1
            err = lib.usher_define(queue._queue_handle, data, why, len(why), _NO_CALLBACK, None)
            self._core.sync(err, why)
        return queue

    def agent(self, name: str, skills: Iterable[str] = ()) -> AsyncAgent:
        """The agent of this name, who has these skills from now on, and is back if he had gone."""
        return AsyncAgent(self._core, self._agent(name, skills))

    def ticket(self, ticket: Union[TicketBase, int]) -> AsyncTicket:
        """A handle for a ticket's number; whether there is one, its first use says."""
        return AsyncTicket(self._core, _text.ticket(ticket, core=self._core))

    def events(
        self, name: Optional[str] = None, *, since: int = 0, limit: int = 10000
    ) -> AsyncEvents:
        """A stream of events. Without a name: from now on. With one: all of them, each until it is done(), also after the service
        was closed and opened again. since: the first to tell. limit: how many a live stream buffers."""
        return AsyncEvents(self._core, name, since=since, limit=limit)

    backup = awaitable(_backup)
    purge = awaitable(_purge)
    act_many = awaitable(batch.act_many)
    figures = awaitable(_figures)
    agents = awaitable(_agents)
    symptoms = awaitable(_symptoms)
    metrics = awaitable(_metrics)

    async def advance(self, to: Union[datetime, timedelta]) -> None:
        """On a ManualClock: moves it on, and on the way stops at every instant at which something is due, runs it there with all
        its callbacks, and only then goes on. Then it lets the tasks run that this has woken, until the service has nothing
        more for them: what they do, they do at the end. Nothing sleeps. Invalid: another clock, or backwards."""
        claim.advance(self._core, self._instant(to, "to"))
        await self._core.settle()

    async def close(self) -> None:
        """Outstanding calls end first (claims that wait: Canceled), and what was done is saved. Again: nothing happens."""
        await self._core.close_async()


_NO_CALLBACK: Any = ctypes.cast(0, _ffi.usher_done_cb)


def _path(path: Union[str, os.PathLike[str]], what: str) -> bytes:
    try:
        data = os.fsencode(path)
    except TypeError:
        raise Invalid(f"{what} must be str or os.PathLike, not {type(path).__name__}") from None
    if b"\0" in data:
        raise Invalid(f"{what} must not hold a NUL")
    return data
