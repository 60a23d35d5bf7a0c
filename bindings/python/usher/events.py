"""Streams of events: what happens in a service, one after the other, to iterate over.

    with desk.events("billing") as stream:     # async with and async for, on asyncio
        for event in stream:
            charge(event)
            stream.done(event)

A live stream begins now, and keeps what is not taken yet up to a limit. A named one is the service's own
record: each event is told until it is done, also when the program was ended meanwhile; when
USHER_UNDONE_MAX are not done it waits by itself, in C.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Deque, Optional, Type, TypeVar, Union

from . import _ffi, _text
from ._core import EVENT
from ._ffi import lib
from .errors import Full, Invalid, UsherError
from .snapshots import Event, event as _event

if TYPE_CHECKING:
    from ._core import Core

Self = TypeVar("Self", bound="EventsBase")

_FORGET = 2**64 - 1
_SEQ = _ffi.usher_event.seq.offset
_seq_at = ctypes.c_uint64.from_address


class EventsLost(Full):
    """A live stream was not read quickly enough: `lost` events came when it was full. It goes on with those that came after."""

    def __init__(self, lost: int, limit: int) -> None:
        super().__init__(f"{lost} events are lost: {limit} waited already to be taken")
        self.lost = lost
        self._limit = limit

    def __reduce__(self) -> Any:
        return type(self), (self.lost, self._limit), self.__dict__


class _Ear:
    """What C tells goes to the stream, which nothing here keeps alive."""

    __slots__ = ("_stream", "_core", "token")

    def __init__(self, stream: EventsBase, core: Core) -> None:
        self._stream = weakref.ref(stream)
        self._core = core
        self.token = 0

    def told(self, address: int) -> None:
        stream = self._stream()
        if stream is not None:
            stream._told(address)
        else:
            self.close()

    def ended(self) -> None:
        stream = self._stream()
        if stream is not None:
            stream._ended()

    def close(self) -> None:
        lib.usher_unsubscribe(self._core.u, EVENT, self.token)
        self._core.unlisten(self.token)


class EventsBase:
    """What a stream is in both families. It ends when it is closed, and when the service is."""

    def __init__(
        self, core: Core, name: Optional[str] = None, *, since: int = 0, limit: int = 10000
    ) -> None:
        """Subscribes. WrongState: the name has a stream already. Invalid: since lies in the future, or there is no name for it.
        TooLarge: too many streams and names."""
        self._ear: Optional[_Ear] = None
        self._core = core
        self._name = _text.name_or_none(name, "name")
        self._limit = _text.integer(limit, "limit", 1, 2**63 - 1)
        self._waiting: Deque[Event] = deque()
        self._last = 0  # the seq of the event taken last
        self._gap = 0  # the seq of the last event for which there was no room
        first = _text.integer(since, "since", 0, 2**64 - 1)
        if first and self._name is None:
            raise Invalid("since needs a name: a stream without one begins now")
        ear = _Ear(self, core)
        ear.token = core.listen(ear.told, ear.ended)
        err = lib.usher_subscribe(core.u, self._name, first, EVENT, ear.token)
        if err:
            core.unlisten(ear.token)
            core.sync(err)
        self._ear = ear

    @property
    def name(self) -> Optional[str]:
        """None: a live one."""
        return _text.string_or_none(self._name)

    @property
    def closed(self) -> bool:
        """Whether nothing will be added to what has been told already."""
        return self._ear is None

    def done(self, event: Union[Event, int, None] = None) -> None:
        """This event (or its seq) and all before it are done with, and are not told again; by default the one taken last. It is
        saved with what comes next: after a crash the latest may be told once more. Invalid: it has not been told so far."""
        if self._name is None:
            raise Invalid("only a stream with a name remembers what is done")
        if event is None:
            if self._last == 0:
                raise Invalid("no event has been taken yet")
            event = self._last
        elif isinstance(event, Event):
            event = event.seq
        seq = _text.integer(event, "event", 1, _FORGET - 1)
        self._core.check()
        self._core.sync(lib.usher_event_done(self._core.u, self._name, seq))

    def close(self) -> None:
        """Nothing more is told; what has been can still be taken. A named one goes on, under its name, after what is done."""
        ear = self._ear
        if ear is None:
            return
        self._core.check()
        ear.close()
        self._ended()

    def forget(self) -> None:
        """Closes it, and the service no longer remembers its name: a new one of that name begins with the oldest event kept."""
        if self._name is None:
            raise Invalid("only a stream with a name is remembered")
        self.close()
        self._core.check()
        self._core.sync(lib.usher_event_done(self._core.u, self._name, _FORGET))

    # ---- inside a callback ---------------------------------------------------------------------------

    def _told(self, address: int) -> None:
        # It may be told again after a signal: what was done about it shows in one thing alone.
        if self._name is None and (self._gap or len(self._waiting) >= self._limit):
            # Nothing is added any more until the reader has come to the gap: so there is one.
            self._gap = _seq_at(address + _SEQ).value
            return
        event = _event(address)
        if not self._waiting or self._waiting[-1].seq < event.seq:
            self._waiting.append(event)

    def _ended(self) -> None:
        self._ear = None

    # ---- for the one who reads -----------------------------------------------------------------------

    @property
    def _ready(self) -> bool:
        return bool(self._waiting or self._gap or self._ear is None)

    def _take(self) -> Optional[Event]:
        """The next, when _ready; None: it is over."""
        if self._waiting:
            event = self._waiting.popleft()
            self._last = event.seq
            return event
        if self._gap:
            lost = self._gap - self._last
            self._last, self._gap = self._gap, 0
            raise EventsLost(lost, self._limit)
        return None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if not self._core.forked:  # in a child there is nothing to close
            self.close()

    def __del__(self) -> None:
        # Where this is not the place for it, the next event finds nobody and ends it.
        ear = self.__dict__.get("_ear")
        if ear is not None:
            try:
                self._core.check()
            except UsherError:
                return
            ear.close()

    def __repr__(self) -> str:
        name = "live" if self._name is None else repr(self.name)
        return f"<usher.{type(self).__name__} {name}{', closed' if self.closed else ''}>"


class Events(EventsBase, Iterator[Event]):
    """A stream of events, to iterate over: `for event in stream` waits for the next, and serves the service meanwhile."""

    timeout: Optional[timedelta]
    """The iteration ends when nothing comes for so long; another goes on from there. timedelta(0): with what there is. None: it
    waits as long as it takes, which on a ManualClock may be for ever."""

    def __init__(
        self,
        core: Core,
        name: Optional[str] = None,
        *,
        since: int = 0,
        limit: int = 10000,
        timeout: Optional[timedelta] = None,
    ) -> None:
        _text.wait(timeout, "timeout")
        super().__init__(core, name, since=since, limit=limit)
        self.timeout = timeout

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        """The next. EventsLost, once: some were."""
        if not self._ready:
            self._wait()
        event = self._take()
        if event is None:
            raise StopIteration
        return event

    def _wait(self) -> None:
        wait_ms = _text.wait(self.timeout, "timeout")
        end = time.monotonic_ns() + wait_ms * 1_000_000

        def left() -> Optional[int]:
            if self._ready:
                return 0
            # Rounded up: it is never early.
            return None if wait_ms == _ffi.NEVER else -((time.monotonic_ns() - end) // 1_000_000)

        self._core.run(left)


class AsyncEvents(EventsBase, AsyncIterator[Event]):
    """A stream of events, to iterate over: `async for event in stream`."""

    def __init__(
        self, core: Core, name: Optional[str] = None, *, since: int = 0, limit: int = 10000
    ) -> None:
        self._news = asyncio.Event()
        super().__init__(core, name, since=since, limit=limit)

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> Event:
        """The next. EventsLost, once: some were."""
        while not self._ready:
            self._news.clear()
            await self._news.wait()
        event = self._take()
        if event is None:
            raise StopAsyncIteration
        return event

    def _told(self, address: int) -> None:
        super()._told(address)
        self._news.set()

    def _ended(self) -> None:
        super()._ended()
        self._news.set()

    async def __aenter__(self) -> AsyncEvents:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.__exit__(kind, error, trace)
