"""usher_read() in all its kinds, and usher_peek(): what the methods of Service, Queue and Ticket do,
which say more about it.

Tickets and history may be long, and are iterated over, a page at a time. All else is a list, a text or
bytes, complete. What is read in pages is as it is when each page is read.
"""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple, TypeVar, Union, cast

from . import _ffi, _text, figures as _rows
from ._core import PAGE
from ._reading import octets, text
from ._verbs import queue_handle, word
from .errors import error
from .snapshots import Event, Standing, event as _event, standing as _standing
from .words import Promised, State

if TYPE_CHECKING:
    from ._core import Call, Core
    from .agent import AgentBase
    from .queue import QueueBase
    from .ticket import TicketBase

T = TypeVar("T")
Page = Tuple[List[T], int]  # its rows, and the cursor of the next; 0: that was all

_SIZE = ctypes.sizeof(_ffi.usher_query)
_STANDING = ctypes.sizeof(_ffi.usher_standing)
_EVENT = ctypes.sizeof(_ffi.usher_event)

# ---- one page ----------------------------------------------------------------------------------------


class _Query:
    """A question, and how its rows are read from the array of the page that is named so."""

    def __init__(
        self, core: Core, rows: str, read: Callable[[int, int], List[Any]], **members: Any
    ) -> None:
        self.core = core
        self._query = _ffi.usher_query(size=_SIZE, **members)
        self._rows = rows
        self._read = read

    def page(self, cursor: int) -> Call[Page[Any]]:
        self._query.cursor = cursor
        return cast("Call[Page[Any]]", _ask(self.core, self._query, self._told))

    def _told(self, address: int) -> Page[Any]:
        page = _ffi.usher_page.from_address(address)
        return self._read(getattr(page, self._rows), page.n), page.cursor


def _ask(core: Core, query: _ffi.usher_query, read: Callable[[int], Any]) -> Any:
    slot = core.slot(read)
    return core.finish(slot, _ffi.lib.usher_read(core.u, ctypes.byref(query), PAGE, slot))


def _standings(address: int, n: int) -> List[Standing]:
    return [_standing(address + i * _STANDING) for i in range(n)]


def _events(address: int, n: int) -> List[Event]:
    return [_event(address + i * _EVENT) for i in range(n)]


# ---- many ----------------------------------------------------------------------------------------------


class Rows(Iterator[T], AsyncIterator[T]):
    """What there is, in order, fetched page by page: `for` when blocking, `async for` on asyncio."""

    def __init__(self, query: _Query) -> None:
        self._query = query
        self._page: List[T] = []  # its first row last
        self._cursor = 0
        self._last = False
        self._reading = False

    def __iter__(self) -> Rows[T]:
        if self._query.core.loop is not None:
            raise TypeError("these come by `async for`: the service is served by asyncio's loop")
        return self

    def __next__(self) -> T:
        while not self._page:
            if self._last:
                raise StopIteration
            self._turn_to(cast("Page[T]", self._query.page(self._cursor)))
        return self._page.pop()

    def __aiter__(self) -> Rows[T]:
        if self._query.core.loop is None:
            raise TypeError("these come by `for`: the service is not served by asyncio's loop")
        return self

    async def __anext__(self) -> T:
        while not self._page:
            if self._last:
                raise StopAsyncIteration
            if self._reading:
                raise RuntimeError("another task waits for the next of these")
            self._reading = True
            try:
                self._turn_to(await cast("Any", self._query.page(self._cursor)))
            finally:
                self._reading = False
        return self._page.pop()

    def _turn_to(self, page: Page[T]) -> None:
        rows, self._cursor = page
        rows.reverse()
        self._page = rows
        self._last = self._cursor == 0


def _all(query: _Query) -> Call[List[T]]:
    """Every row. The first page is asked for at once, so that what is wrong is raised at once."""
    page = query.page(0)
    if query.core.loop is not None:
        return cast("Call[List[T]]", query.core.loop.create_task(_rest(query, page)))
    rows, cursor = cast("Page[T]", page)
    while cursor:
        more, cursor = cast("Page[T]", query.page(cursor))
        rows += more
    return cast("Call[List[T]]", rows)


async def _rest(query: _Query, page: Any) -> List[Any]:
    rows, cursor = await page
    while cursor:
        more, cursor = await cast("Any", query.page(cursor))
        rows += more
    return cast("List[Any]", rows)


# ---- for the methods of a service -------------------------------------------------------------------


def standing(core: Core, ticket: int) -> Standing:
    """Where it stands now, at once. NotFound."""
    return look(core, ticket, lambda out: int(_ffi.lib.usher_peek(core.u, ticket, out)))


def look(core: Core, ticket: Optional[int], peek: Callable[[_ffi.usher_standing], int]) -> Standing:
    """What peek() fills in, which is C's own memory until the next command or turn: a signal's
    handler, or a __del__, may make one before it is read, and then it is looked at again."""
    while True:
        core.check()
        core.commands += 1
        commands, turns = core.commands, core.turns
        out = _ffi.usher_standing(_STANDING)
        err = peek(out)
        if err:
            raise error(err, ticket=ticket)
        try:
            found: Optional[Standing] = _standing(ctypes.addressof(out))
        except Exception:
            if core.commands == commands and core.turns == turns:
                raise
            found = None
        if found is not None and core.commands == commands and core.turns == turns:
            return found


def tickets(
    core: Core,
    *,
    queue: Optional[QueueBase[Any]] = None,
    requester: Optional[str] = None,
    holder: Union[AgentBase[Any, Any], str, None] = None,
    symptom: Optional[str] = None,
    states: Union[State, Iterable[State]] = (),
    linked: Union[TicketBase, int, None] = None,
) -> Rows[Standing]:
    """All that fit, by ascending number."""
    core.check()
    if holder is not None and not isinstance(holder, str):
        holder = holder.name
    return Rows(
        _Query(
            core,
            "tickets",
            _standings,
            what=_ffi.READ_TICKETS,
            queue=None if queue is None else queue_handle(core, queue),
            requester=_text.name_or_none(requester, "requester"),
            agent=_text.name_or_none(holder, "holder"),
            symptom=_text.name_or_none(symptom, "symptom"),
            states=_bits(states),
            linked=0 if linked is None else _text.ticket(linked, "linked", core),
        )
    )


def figures(
    core: Core,
    *,
    queue: Optional[QueueBase[Any]] = None,
    since: Optional[datetime] = None,
    until: Optional[datetime] = None,
) -> Call[List[_rows.Figures]]:
    """Per queue, and per priority of each; of the UTC days that since and until touch."""
    return _all(
        _Query(
            core,
            "figures",
            _rows.figures,
            what=_ffi.READ_FIGURES,
            queue=None if queue is None else queue_handle(core, queue),
            # 0 is C's "whenever"; the epoch itself is in the same day.
            from_at=0 if since is None else _text.instant(since, "since") or 1,
            to_at=0 if until is None else _text.instant(until, "until") or 1,
        )
    )


def agents(core: Core) -> Call[List[_rows.AgentFigures]]:
    """Of every agent, in the order in which they first came."""
    return _all(_Query(core, "agents", _rows.agents, what=_ffi.READ_AGENTS))


def symptoms(core: Core, symptom: Optional[str] = None) -> Call[List[_rows.Symptom]]:
    """All that are remembered, or this one if it is."""
    name = _text.name_or_none(symptom, "symptom")
    return _all(_Query(core, "symptoms", _rows.symptoms, what=_ffi.READ_SYMPTOMS, symptom=name))


def metrics(core: Core) -> Call[str]:
    """Prometheus' text format."""
    return cast("Call[str]", _ask(core, _about(_ffi.READ_METRICS), _page_text))


# ---- methods of a queue --------------------------------------------------------------------------------


def what_if(
    self: QueueBase[Any], policy: Optional[_text.Policy] = None
) -> Call[List[_rows.Change]]:
    """What define(policy) and then apply() would change, by ascending number of the ticket; without a policy: apply() alone.
    PolicyError."""
    data = None if policy is None else _text.policy(policy)
    return _all(
        _Query(
            self._core,
            "changes",
            _rows.changes,
            what=_ffi.READ_WHAT_IF,
            queue=self._queue_handle,
            policy=data,
        )
    )


def queue_figures(
    self: QueueBase[Any], since: Optional[datetime] = None, until: Optional[datetime] = None
) -> Call[List[_rows.Figures]]:
    """What has happened: first of all priorities, then of each.

    since, until: of the UTC days that they touch, up to 32 back; neither: since ever. Invalid, NoMemory."""
    return figures(self._core, queue=self, since=since, until=until)


def queue_tickets(
    self: QueueBase[Any],
    *,
    requester: Optional[str] = None,
    holder: Union[AgentBase[Any, Any], str, None] = None,
    symptom: Optional[str] = None,
    states: Union[State, Iterable[State]] = (),
    linked: Union[TicketBase, int, None] = None,
) -> Rows[Standing]:
    """Its tickets that fit, by ascending number, to iterate over; see Service.tickets()."""
    return tickets(
        self._core,
        queue=self,
        requester=requester,
        holder=holder,
        symptom=symptom,
        states=states,
        linked=linked,
    )


# ---- methods of a ticket -------------------------------------------------------------------------------


def body(self: TicketBase) -> Call[bytes]:
    """What it was enqueued with."""
    return cast("Call[bytes]", _ask(self._core, _about(_ffi.READ_BODY, self.id), _page_octets))


def history(self: TicketBase) -> Rows[Event]:
    """What has happened to it, as far as that is kept, from the oldest on, to iterate over. NotFound comes with the first."""
    self._core.check()
    # Each page is looked for from the end of the ticket's history on: so let there be few.
    return Rows(
        _Query(
            self._core,
            "events",
            _events,
            what=_ffi.READ_HISTORY,
            ticket=self.id,
            limit=_ffi.ROWS_MAX,
        )
    )


def why_due(self: TicketBase, promise: Promised) -> Call[List[_rows.Span]]:
    """Why this promise is due when it is: the time from its start to its due, in parts; what counted of them adds up to the
    target. Without a due: to now. Empty for a promise that is not owed."""
    number = word(promise, "promise", Promised)
    return _all(
        _Query(
            self._core,
            "spans",
            _rows.spans,
            what=_ffi.READ_WHY_DUE,
            ticket=self.id,
            promise=number,
        )
    )


def why_rank(self: TicketBase) -> Call[str]:
    """Its place in the line, in words; standing() has it as data."""
    return cast("Call[str]", _ask(self._core, _about(_ffi.READ_WHY_RANK, self.id), _page_text))


# ---- arguments and texts -------------------------------------------------------------------------------


def _about(what: int, ticket: int = 0) -> _ffi.usher_query:
    return _ffi.usher_query(_SIZE, what, 0, ticket)


def _bits(states: Union[State, Iterable[State]]) -> int:
    bits = 0
    for state in (states,) if isinstance(states, int) else states:
        bits |= 1 << _text.integer(state, "each of states", 1, _ffi.STATES - 1)
    return bits


_TEXT = _ffi.usher_page.text.offset
_LENGTH = _TEXT + _ffi.usher_text.len.offset


def _page_octets(address: int) -> bytes:
    data = ctypes.c_void_p.from_address(address + _TEXT).value
    length = ctypes.c_uint64.from_address(address + _LENGTH).value
    return (octets(data, length) if data else None) or b""


def _page_text(address: int) -> str:
    return _text.string(_page_octets(address))
