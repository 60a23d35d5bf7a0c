"""Many at a time: arrays of C structs, filled and read a column at a time, without a loop of Python
over what is in them.

A batch is one call into C and one callback out of it, when the last of its commands is done.
"""

from __future__ import annotations

import ctypes
import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    Optional,
    TypeVar,
    Union,
    overload,
)
from uuid import UUID

from . import _ffi, _text, _verbs
from ._calls import _on_collected
from ._core import COLLECTED, DONE, awaitable, blocking
from ._ffi import COLLECT, lib
from ._verbs import COMMAND_SIZE, agent_handle, flat, queue_handle, word
from .errors import Invalid, TooLarge, UsherError, error
from .snapshots import Done, done
from .words import As, Priority, Verb

if TYPE_CHECKING:
    from ._core import Call, Core
    from .agent import AgentBase
    from .claim import AsyncClaim, Claim, ClaimBase
    from .queue import QueueBase
    from .service import ServiceBase
    from .ticket import TicketBase

    ClaimT = TypeVar("ClaimT", bound=ClaimBase)
else:
    ClaimT = TypeVar("ClaimT")

_ROW = ctypes.sizeof(_ffi.usher_done)
_STATUS = _ffi.usher_done.status.offset
_TICKET = _ffi.usher_done.ticket.offset

# The same functions with arrays as addresses.
_enqueue_many = lib["usher_enqueue_many"]
_act_many = lib["usher_act_many"]
for _function in (_enqueue_many, _act_many):
    _function.restype = ctypes.c_int
    _function.argtypes = (
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
_COLLECT = ctypes.cast(COLLECT, ctypes.c_void_p).value
_TO_NOBODY = ctypes.cast(DONE, ctypes.c_void_p).value  # with no number under which anything stands


def _at(buffer: bytearray) -> int:
    """Where its bytes stand; they stay there as long as the object lives, for nobody here resizes
    it."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


# ---- what became of them -------------------------------------------------------------------------


class Results(Sequence[Done]):
    """What became of the commands of a batch, in order: a Done for each, made when it is looked at,
    whose status is 0 or says the error. They say nothing by themselves when commands have failed:
    see errors() and raise_any()."""

    __slots__ = ("_rows", "_taken", "_n", "_collected")

    def __init__(self, n: int) -> None:
        self._n = n
        self._taken = bytearray(n * _ROW)  # C's: those that it took, one after the other
        self._rows = self._taken
        self._collected = _ffi.usher_collected(
            ctypes.sizeof(_ffi.usher_collected),
            ctypes.cast(_at(self._taken), ctypes.POINTER(_ffi.usher_done)) if n else None,
            _ROW,
            n,
            0,
            COLLECTED,
        )

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> Done:
        ...

    @overload
    def __getitem__(self, index: slice) -> list[Done]:
        ...

    def __getitem__(self, index: Union[int, slice]) -> Union[Done, list[Done]]:
        chosen = range(self._n)[index]
        start = _at(self._rows) if self._n else 0
        if isinstance(chosen, range):
            return [done(start + i * _ROW) for i in chosen]
        return done(start + chosen * _ROW)

    @property
    def tickets(self) -> list[int]:
        """Their numbers."""
        return memoryview(self._rows).cast("Q")[_TICKET // 8 :: _ROW // 8].tolist()

    @property
    def ok(self) -> bool:
        """Whether none has failed."""
        return not any(self._statuses())

    def errors(self) -> dict[int, UsherError]:
        """The exceptions of those that have failed, by their places in the batch."""
        rows = enumerate(zip(self._statuses(), self.tickets))
        return {
            place: error(status, "", ticket or None) for place, (status, ticket) in rows if status
        }

    def raise_any(self) -> None:
        """Raises the exception of the first that has failed, if one has."""
        for failed in self.errors().values():
            raise failed

    def _statuses(self) -> list[int]:
        return memoryview(self._rows).cast("i")[_STATUS // 4 :: _ROW // 4].tolist()

    def _refuse(self, refused: dict[int, int], commands: bytearray) -> None:
        """Rows also for those that C did not take. A callback may be told twice, so what C wrote
        stays as it is."""
        taken, rows = self._taken, bytearray(self._n * _ROW)
        at = 0
        for place in range(self._n):
            row = place * _ROW
            if place in refused:
                verb, ticket = struct.unpack_from("=8xi4xQ", commands, place * COMMAND_SIZE)
                made = _ffi.usher_done(_ROW, ticket, status=refused[place], verb=verb)
                rows[row : row + _ROW] = bytes(made)
            else:
                rows[row : row + _ROW] = taken[at : at + _ROW]
                at += _ROW
        self._rows = rows

    def __repr__(self) -> str:
        return f"<usher.Results of {self._n}, {len(self.errors())} failed>"


def _finished(core: Core, results: Results) -> Call[Results]:
    """Of nothing to do."""
    core.check()
    if core.loop is None:
        return results  # type: ignore[return-value]
    future = core.loop.create_future()
    future.set_result(results)
    return future  # type: ignore[return-value]


def _check_n(n: int, what: str) -> None:
    if n > _ffi.BATCH_MAX:
        raise TooLarge(f"a batch has at most {_ffi.BATCH_MAX} {what}, not {n}")


def send(core: Core, commands: bytearray, n: int) -> Call[Results]:
    """Sends n packed commands, each as if it were sent alone. When none is taken, the error of the
    first is raised."""
    if n == 0:
        return _finished(core, Results(0))
    _check_n(n, "commands")
    results = Results(n)
    collected = results._collected
    refused: dict[int, int] = {}

    def read(_: int) -> Results:
        if refused:
            results._refuse(refused, commands)
        return results

    first = _at(commands)
    # From here on C may write into the rows: what stands under the slot's number keeps them.
    collected.user = slot = core.slot(read)
    at = 0
    while at < n:
        took = _act_many(
            core.u, first + at * COMMAND_SIZE, n - at, _COLLECT, ctypes.addressof(collected)
        )
        if took < 0:
            refused[at] = took
            took = 1
        at += took
    collected.n = n - len(refused)
    if len(refused) == n:
        return core.finish(slot, refused[0])  # type: ignore[no-any-return]
    # A signal's handler that turned the service meanwhile has had all told that C took, and C did
    # not know then that these are all: it tells nobody any more.
    told = collected.done == collected.n
    if told and core.loop is None:
        _on_collected(core.u, 0, slot)
    call = core.finish(slot, 0)
    if told and core.loop is not None:
        _on_collected(core.u, 0, slot)
    return call  # type: ignore[no-any-return]


# ---- requests ------------------------------------------------------------------------------------


class Request(NamedTuple):
    """What Queue.enqueue() takes, for Queue.enqueue_many(). A plain tuple of the first few, or a
    dict, does as well."""

    requester: str
    body: _text.Body = b""
    symptom: Optional[str] = None
    dedup_key: Optional[str] = None
    ref: Optional[str] = None
    needs: Iterable[str] = ()
    priority: Optional[Priority] = None
    start: Union[datetime, timedelta, None] = None
    follows: Union[TicketBase, int, None] = None
    op: Optional[UUID] = None


Requests = Iterable[Union[Request, Mapping[str, Any], "tuple[Any, ...]"]]


class FlatRequest(ctypes.Structure):
    """usher_request, with the members of its structs among its own, see FlatCommand."""

    _fields_ = [
        ("size", ctypes.c_uint64),
        ("requester", ctypes.c_char_p),
        ("body", ctypes.c_char_p),
        ("body_len", ctypes.c_uint64),
        ("symptom", ctypes.c_char_p),
        ("dedup_key", ctypes.c_char_p),
        ("ref", ctypes.c_char_p),
        ("needs", ctypes.c_void_p),
        ("needs_n", ctypes.c_uint32),
        ("priority", ctypes.c_int32),
        ("start_at", ctypes.c_int64),
        ("op_hi", ctypes.c_uint64),
        ("op_lo", ctypes.c_uint64),
        ("follows", ctypes.c_uint64),
    ]


REQUEST_SIZE = ctypes.sizeof(FlatRequest)
_WORDS = REQUEST_SIZE // 8
_DEFAULT = bytes(FlatRequest(REQUEST_SIZE))


def _columns(rows: list[Any]) -> list[tuple[Any, ...]]:
    """The columns that were given, each of as many values as there are rows."""
    kinds = set(map(type, rows))
    if kinds == {tuple}:
        widths = set(map(len, rows))
        if len(widths) == 1 and 0 < widths.pop() <= len(Request._fields):
            return list(zip(*rows))
    if kinds != {Request}:
        rows = [_row(row) for row in rows]
    return list(zip(*rows))


def _row(row: Any) -> Request:
    try:
        if isinstance(row, Mapping):
            return Request(**row)
        if isinstance(row, tuple):
            return Request(*row)
    except TypeError as reason:
        raise Invalid(f"each of requests: {str(reason).replace('__new__() ', '')}") from None
    raise Invalid(
        f"each of requests must be a Request, a dict or a tuple, not {type(row).__name__}"
    )


class _Packed:
    """An array of usher_request, made column by column, and what it points to."""

    def __init__(self, core: Core, requests: Requests) -> None:
        rows = list(requests)
        self.core = core
        self.n = n = len(rows)
        _check_n(n, "requests")
        self.array = bytearray(_DEFAULT * n)
        self.kept: list[Any] = []
        self._words = memoryview(self.array).cast("Q")
        for name, column in zip(Request._fields, _columns(rows)):
            # Most of the columns of most batches are what they are by default.
            if name in _ALWAYS or column.count(Request._field_defaults[name]) != n:
                _FILL[name](self, column, name)

    def _put(self, member: int, values: list[int]) -> None:
        self._words[member::_WORDS] = memoryview(array("Q", values))  # quick from a list alone

    def _point(self, member: int, data: Sequence[Optional[bytes]]) -> None:
        pointers = (ctypes.c_char_p * self.n)(*data)
        self._words[member::_WORDS] = memoryview(pointers).cast("B").cast("Q")
        self.kept.append(pointers)  # and they keep what they point to

    def _lay(self, member: int, whole: bytes, lengths: Iterable[int]) -> None:
        """The same for what stands one after the other in one: takes half the time."""
        first = ctypes.cast(ctypes.c_char_p(whole), ctypes.c_void_p).value
        self._put(member, list(accumulate(lengths, initial=first))[:-1])
        self.kept.append(whole)

    def requester(self, column: tuple[Any, ...], what: str) -> None:
        whole = ""
        if set(map(type, column)) == {str}:  # no other kind, whose len() may be anything
            whole = "\0".join(column)
        if whole.isascii() and whole.count("\0") == self.n - 1:
            self._lay(1, whole.encode(), [len(each) + 1 for each in column])
        else:
            self._point(1, [_text.name(each, what) for each in column])

    def body(self, column: tuple[Any, ...], what: str) -> None:
        bodies = list(column)
        if set(map(type, column)) != {bytes}:
            bodies = [_text.body(each) for each in column]
        lengths = list(map(len, bodies))
        if sum(lengths) < _COPIED:
            self._lay(2, b"".join(bodies), lengths)
        else:
            self._point(2, bodies)
        self._put(3, lengths)

    def name(self, column: tuple[Any, ...], what: str) -> None:
        names = [_text.name_or_none(each, what) for each in column]
        self._point(_NAMES[what], names)

    def needs(self, column: tuple[Any, ...], what: str) -> None:
        skills = [_text.names(each, what) for each in column]
        self._put(7, [0 if each is None else ctypes.addressof(each) for each, _ in skills])
        halves = memoryview(self.array).cast("I")
        halves[16 :: 2 * _WORDS] = memoryview(array("I", [n for _, n in skills]))
        self.kept.append(skills)

    def priority(self, column: tuple[Any, ...], what: str) -> None:
        bands = [0 if each is None else word(each, what, Priority) for each in column]
        halves = memoryview(self.array).cast("I")
        halves[17 :: 2 * _WORDS] = memoryview(array("I", bands))

    def start(self, column: tuple[Any, ...], what: str) -> None:
        self._put(9, [_verbs.instant(self.core, each, what) for each in column])

    def follows(self, column: tuple[Any, ...], what: str) -> None:
        tickets = [0 if each is None else _text.ticket(each, what, self.core) for each in column]
        self._put(12, tickets)

    def op(self, column: tuple[Any, ...], what: str) -> None:
        ops = [_text.op(each, what) for each in column]
        self._put(10, [hi for hi, _ in ops])
        self._put(11, [lo for _, lo in ops])


_COPIED = 1 << 20  # bytes of bodies that are rather copied than pointed to each
_ALWAYS = ("requester", "body")
_NAMES = {"symptom": 4, "dedup_key": 5, "ref": 6}
_FILL = {name: getattr(_Packed, "name" if name in _NAMES else name) for name in Request._fields}


def enqueue(core: Core, queue: int, requests: Requests) -> Call[Results]:
    """All of them, or none."""
    packed = _Packed(core, requests)
    results = Results(packed.n)
    if packed.n == 0:
        return _finished(core, results)
    collected = results._collected

    def read(_: int) -> Results:
        return results

    first = _at(packed.array)
    collected.user = slot = core.slot(read)
    err = _enqueue_many(queue, first, packed.n, _COLLECT, ctypes.addressof(collected))
    return core.finish(slot, err)  # type: ignore[no-any-return]


# ---- commands ------------------------------------------------------------------------------------


class Command(NamedTuple):
    """One command of Service.act_many()."""

    verb: Verb
    on: Union[ClaimBase, TicketBase, int]
    """A claim, whose token is then checked, or a ticket."""
    text: Optional[str] = None
    """The word, the question, the answer, the reason."""
    kind: int = 0
    """What the verb says: an As, On or Priority."""
    who: Optional[str] = None
    """A requester's verb: the person. A desk's: for the record."""
    at: Union[datetime, timedelta, None] = None
    """UPDATE: the next word. PAUSE: until. An instant, or so long from now."""
    by: Optional[timedelta] = None
    """EXTEND."""
    to: Union[QueueBase[Any], AgentBase[Any, Any], None] = None
    """MOVE, HAND_OFF."""
    cause: Union[TicketBase, int, None] = None
    """LINK."""
    op: Optional[UUID] = None


def act_many(self: ServiceBase, commands: Iterable[Command]) -> Call[Results]:
    """Commands of any kind, in order, each as if it were given alone; up to 10,000. What one is
    refused for stands in the results, and the others go on; only when none was taken is the error
    of the first raised. TooLarge: more."""
    core = self._core
    packed = bytearray()
    kept = []
    for command in commands:
        if not isinstance(command, Command):
            raise Invalid(f"each of commands must be a Command, not {type(command).__name__}")
        verb, on, text, kind, who, at, by, to, cause, op = command
        words = _text.text_or_none(text, "text")
        person = _text.name_or_none(who, "who")
        queue = agent = 0
        if to is not None:
            if hasattr(to, "_queue_handle"):
                queue = queue_handle(core, to, "to")
            else:
                agent = agent_handle(core, to, "to")
        made = flat(
            word(verb, "verb", Verb),
            _text.integer(kind, "kind", 0, 2**31 - 1),
            _text.ticket(on, "on", core),
            getattr(on, "token", 0),
            words,
            _verbs.instant(core, at, "at"),
            _text.lease_or_none(by, "by"),
            queue,
            person,
            op,
            agent,
            0 if cause is None else _text.ticket(cause, "cause", core),
        )
        packed += bytes(made)
        kept.append(made)
    return send(core, packed, len(kept))


# ---- claims --------------------------------------------------------------------------------------

_WORK_TICKET = _ffi.usher_work.claim.offset // 8
_WORK_TEXTS = _ffi.usher_work.requester.offset // 8  # requester, symptom, ref, body.data, body.len
_COMMAND_WORDS = COMMAND_SIZE // 8


class ClaimsBase(Sequence[ClaimT]):
    """Claims that were made at once, in the order of the line; each is made into an object when it
    is looked at."""

    __slots__ = ("_core", "_agent", "_n", "_rows", "_words", "_names", "_bodies", "_made")

    def __init__(self, agent: AgentBase[Any, Any], work: int, n: int) -> None:
        """Copies what the callback was given: the address of the first usher_work, and how many."""
        self._core: Core = agent._core
        self._agent = agent
        self._n = n
        size = ctypes.c_uint64.from_address(work).value  # of the library that runs
        self._rows = ctypes.string_at(work, n * size)
        self._words = memoryview(self._rows).cast("Q")
        self._names = [self._strings(_WORK_TEXTS + i) for i in range(3)]
        self._bodies = self._strings(_WORK_TEXTS + 3)
        lengths = self._column(_WORK_TEXTS + 4).tolist()
        if None in self._bodies or sum(map(len, self._bodies)) != sum(lengths):
            # None: there is none. Shorter: it holds a NUL.
            data = self._column(_WORK_TEXTS + 3).tolist()
            self._bodies = [_ffi.text_at(at, length) for at, length in zip(data, lengths)]
        self._made: list[Optional[ClaimT]] = [None] * n

    def _column(self, member: int) -> memoryview:
        return self._words[member :: len(self._words) // self._n]

    def _strings(self, member: int) -> list[Any]:
        """What the pointers of a column point to, up to a NUL: ctypes reads an array of them in C.
        None for NULL."""
        pointers = self._column(member).tobytes()
        if pointers == bytes(len(pointers)):
            return [None] * self._n
        return (ctypes.c_char_p * self._n).from_buffer_copy(pointers)[:]

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> ClaimT:
        ...

    @overload
    def __getitem__(self, index: slice) -> list[ClaimT]:
        ...

    def __getitem__(self, index: Union[int, slice]) -> Union[ClaimT, list[ClaimT]]:
        chosen = range(self._n)[index]
        if isinstance(chosen, range):
            return [self._claim(place) for place in chosen]
        return self._claim(chosen)

    def _claim(self, place: int) -> ClaimT:
        made = self._made[place]
        if made is None:
            size = len(self._rows) // self._n
            row = self._rows[place * size : place * size + size]
            requester, symptom, ref = [column[place] for column in self._names]
            names = (requester, symptom, ref)
            made = self._agent._claim_type(self._agent, row, names, self._bodies[place])
            self._made[place] = made
        return made

    @property
    def tickets(self) -> list[int]:
        """Their numbers."""
        return self._column(_WORK_TICKET).tolist()

    def _held(self) -> list[tuple[int, int]]:
        return list(zip(self.tickets, self._column(_WORK_TICKET + 1).tolist()))

    def _send(
        self, verb: int, kind: int = 0, text: Optional[bytes] = None, at: int = 0, ms: int = 0
    ) -> Call[Results]:
        """The same command for all of them."""
        command = flat(verb, kind, 0, 0, text, at, ms)
        return send(self._core, self._commands(bytes(command)), self._n)

    def _commands(self, template: bytes) -> bytearray:
        commands = bytearray(template * self._n)
        words = memoryview(commands).cast("Q")
        words[2::_COMMAND_WORDS] = self._column(_WORK_TICKET)
        words[3::_COMMAND_WORDS] = self._column(_WORK_TICKET + 1)
        return commands

    def __repr__(self) -> str:
        return f"<usher.{type(self).__name__} of {self._n} tickets by {self._agent.name!r}>"


def _acknowledge(self: ClaimsBase[ClaimT], word: Optional[str] = None) -> Call[Results]:
    """Tells all requesters that somebody has it."""
    return self._send(_verbs.ACKNOWLEDGE, 0, _text.text_or_none(word, "word"))


def _update(
    self: ClaimsBase[ClaimT], word: str, next_word: Union[datetime, timedelta, None] = None
) -> Call[Results]:
    """The same word to all requesters, perhaps with the promise of the next one."""
    at = _verbs.instant(self._core, next_word, "next_word")
    return self._send(_verbs.UPDATE, 0, _text.text(word, "word"), at)


def _extend(self: ClaimsBase[ClaimT], by: Optional[timedelta] = None) -> Call[Results]:
    """More lease: so long from now, None as long as the policy says."""
    return self._send(_verbs.EXTEND, ms=_text.lease_or_none(by, "by"))


def _release(self: ClaimsBase[ClaimT], why: Optional[str] = None) -> Call[Results]:
    """All back to the line."""
    return self._send(_verbs.RELEASE, 0, _text.text_or_none(why, "why"))


def _resolve(
    self: ClaimsBase[ClaimT], answer: Optional[str] = None, how: As = As.FIX
) -> Call[Results]:
    """All are solved, with the same answer."""
    kind = word(how, "how", As)
    return self._send(_verbs.RESOLVE, kind, _text.text_or_none(answer, "answer"))


def _fail(self: ClaimsBase[ClaimT], why: Optional[str] = None) -> Call[Results]:
    """The attempt failed for all; each is tried again after the policy's backoff, or is stuck."""
    return self._send(_verbs.FAIL, 0, _text.text_or_none(why, "why"))


class Claims(ClaimsBase["Claim"]):
    """Claims made at once; what is done to all of them blocks until it is done."""

    __slots__ = ()

    acknowledge = blocking(_acknowledge)
    update = blocking(_update)
    extend = blocking(_extend)
    release = blocking(_release)
    resolve = blocking(_resolve)
    fail = blocking(_fail)


class AsyncClaims(ClaimsBase["AsyncClaim"]):
    """Claims made at once, on asyncio."""

    __slots__ = ()

    acknowledge = awaitable(_acknowledge)
    update = awaitable(_update)
    extend = awaitable(_extend)
    release = awaitable(_release)
    resolve = awaitable(_resolve)
    fail = awaitable(_fail)


# ---- letting go ----------------------------------------------------------------------------------


def let_go(core: Core, held: Sequence[tuple[int, int]]) -> None:
    """Releases claims, (ticket, token), that nobody has been handed, or that somebody was who has
    gone. Nobody waits for that; what fails, because a claim has ended, has no more to be done. For
    what C has no room for now the core sees to it after its next turn. WrongThread."""
    if not held or core.closed or core.forked:
        return
    core.check()
    core.commands += 1
    commands = bytearray(
        b"".join([bytes(flat(_verbs.RELEASE, 0, ticket, token)) for ticket, token in held])
    )
    at, n = _at(commands), len(held)
    while n > 0:
        # A callback to nobody: what nobody waits for would otherwise be told to on_lost.
        took = _act_many(core.u, at, n, _TO_NOBODY, None)
        if took == _ffi.EFULL:
            core.unreleased.extend(held[len(held) - n :])
            break
        took = max(took, 1)
        at += took * COMMAND_SIZE
        n -= took
