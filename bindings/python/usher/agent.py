"""An agent: who serves. A claim waits for the next who fits, one claim's callback each, first come
first served."""

from __future__ import annotations

import asyncio
import ctypes
import struct
from array import array
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar, Union, cast
from uuid import UUID

from . import _ffi, _text
from ._core import DONE, WORK, awaitable, blocking
from ._ffi import lib
from ._verbs import queue_handle
from .batch import AsyncClaims, Claims, ClaimsBase, let_go
from .claim import BLOCK_LEASE, AsyncClaim, Claim, ClaimBase
from .errors import Canceled, Invalid, TimedOut, UsherError, WrongState
from .queue import QueueBase
from .snapshots import Done, done
from .ticket import TicketBase

if TYPE_CHECKING:
    from ._core import Call, Core

ClaimT = TypeVar("ClaimT", Claim, AsyncClaim)
ClaimsT = TypeVar("ClaimsT", Claims, AsyncClaims)
Queues = Union[QueueBase[Any], Iterable[QueueBase[Any]]]

# size, queues, queues_n, n, wait_ms, op (hi, lo)
ARGS = struct.Struct("=QQIIqQQ")
_pack = ARGS.pack
_SIZE = ARGS.size

_claim_args = lib["usher_claim_many"]
_claim_args.restype = ctypes.c_int
_claim_args.argtypes = (ctypes.c_void_p, ctypes.c_void_p, _ffi.usher_work_cb, ctypes.c_void_p)


class _Texts(ctypes.Structure):
    """The end of a usher_work: ctypes reads what a c_char_p points to quicker than string_at()
    does."""

    _fields_ = [
        ("requester", ctypes.c_char_p),
        ("symptom", ctypes.c_char_p),
        ("ref", ctypes.c_char_p),
        ("body", ctypes.c_char_p),
        ("body_len", ctypes.c_uint64),
    ]


_texts_at = _Texts.from_address
_TEXTS = _ffi.usher_work.requester.offset
_row_at = (ctypes.c_char * ctypes.sizeof(_ffi.usher_work)).from_address


# It came when nobody waited for it any more. (No methods: one that is bound is an object for each
# call.)


def _abandoned(claim: ClaimBase) -> None:
    let_go(claim._core, [(claim.id, claim.token)])


def _abandoned_many(claims: ClaimsBase[Any]) -> None:
    let_go(claims._core, claims._held())


class AgentBase(Generic[ClaimT, ClaimsT]):
    """What an agent is in both families. Two handles of one agent are equal."""

    __slots__ = ("_core", "_agent_handle", "_name")

    _claim_type: type[ClaimT]
    _claims_type: type[ClaimsT]

    def __init__(self, core: Core, handle: int) -> None:
        self._core = core
        self._agent_handle = handle
        self._name = _text.string(lib.usher_agent_name(handle))

    @property
    def name(self) -> str:
        return self._name

    def __hash__(self) -> int:
        return hash(self._agent_handle)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AgentBase):
            return self._agent_handle == other._agent_handle and self._core is other._core
        return NotImplemented

    def __repr__(self) -> str:
        return f"<usher.{type(self).__name__} {self._name!r}>"

    # ---- for the commands below ----

    def _made(self, work: int, n: int) -> ClaimT:
        """The one claim of a callback."""
        texts = _texts_at(work + _TEXTS)
        body: bytes = texts.body or b""
        if len(body) != texts.body_len:  # it holds a NUL
            at = ctypes.c_void_p.from_address(work + _TEXTS + _Texts.body.offset).value or 0
            body = _ffi.text_at(at, texts.body_len)
        names = (texts.requester, texts.symptom, texts.ref)
        return self._claim_type(self, _row_at(work).raw, names, body)

    def _made_many(self, work: int, n: int) -> ClaimsT:
        return self._claims_type(self, work, n)

    def _withdraw(self, token: int) -> None:
        """Nobody waits for this claim any more; ENOENT: it has been served, and will be
        abandoned."""
        if not self._core.closed:
            lib.usher_claim_cancel(self._agent_handle, token)

    def _ask(
        self,
        queues: Queues,
        n: int,
        wait: Optional[timedelta],
        op: Optional[UUID],
        read: Callable[[int, int], Any],
        abandoned: Callable[[Any], None],
    ) -> Any:
        core = self._core
        if isinstance(queues, QueueBase):
            handles = array("Q", (queue_handle(core, queues, "queues"),))
        elif isinstance(queues, Iterable):
            handles = array("Q", [queue_handle(core, each, "each of queues") for each in queues])
        else:
            raise Invalid(f"queues must be a queue or several, not {type(queues).__name__}")
        ms = _text.wait(wait)
        hi, lo = _text.op(op)
        args = _pack(_SIZE, handles.buffer_info()[0], len(handles), n, ms, hi, lo)
        slot = core.slot(read, abandoned, self._withdraw)
        return core.finish(slot, _claim_args(self._agent_handle, args, WORK, slot))


def _claim(
    self: AgentBase[ClaimT, ClaimsT],
    queues: Queues,
    *,
    wait: Optional[timedelta] = None,
    op: Optional[UUID] = None,
) -> Call[ClaimT]:
    """The next who waits in these queues, in this order, and whom this agent has the skills for:
    first what is kept for the agent or offered to it. Waits as long as it takes, or as `wait` says
    (timedelta(0): not at all): then TimedOut. Canceled: the agent has gone, or the service closes.
    WrongState: the agent had gone.

    Who stops waiting, by an interrupt or a cancelled task, withdraws the claim; what comes all the
    same is released."""
    return self._ask(queues, 1, wait, op, self._made, _abandoned)  # type: ignore[no-any-return]


def _claim_many(
    self: AgentBase[ClaimT, ClaimsT],
    queues: Queues,
    n: int,
    *,
    wait: Optional[timedelta] = None,
    op: Optional[UUID] = None,
) -> Call[ClaimsT]:
    """As claim(), for up to n (1 to 1000) at once: as soon as there is one."""
    n = _text.integer(n, "n", 1)
    return self._ask(queues, n, wait, op, self._made_many, _abandoned_many)  # type: ignore[no-any-return]


def _claim_ticket(
    self: AgentBase[ClaimT, ClaimsT],
    ticket: Union[TicketBase, int],
    *,
    op: Optional[UUID] = None,
) -> Call[ClaimT]:
    """This one, out of turn: one that waits, is offered to this agent, is paused, or stuck. The
    people who are passed over are counted. NotFound, WrongState."""
    number = _text.ticket(ticket, core=self._core)
    name = None if op is None else ctypes.byref(_ffi.usher_op(*_text.op(op)))
    core = self._core
    slot = core.slot(self._made, _abandoned)
    err = lib.usher_claim_ticket(self._agent_handle, number, name, WORK, slot)
    return core.finish(slot, err)  # type: ignore[no-any-return]


def _gone(self: AgentBase[ClaimT, ClaimsT]) -> Call[Done]:
    """The agent goes: claims that wait end with Canceled, all that it holds goes back to the line,
    and nothing is kept for it any more. Service.agent() brings it back. WrongState: it had gone."""
    core = self._core
    slot = core.slot(done)
    return core.finish(slot, lib.usher_agent_gone(self._agent_handle, DONE, slot))  # type: ignore[no-any-return]


# ---- one after the other -------------------------------------------------------------------------


class ServingBase(Generic[ClaimT, ClaimsT]):
    """Who comes next, and then who comes next, in both families."""

    def __init__(
        self, agent: AgentBase[ClaimT, ClaimsT], queues: Queues, n: int, wait: Optional[timedelta]
    ) -> None:
        self._over = False
        self._held: deque[ClaimT] = deque()  # fetched, and not handed out
        self._agent: AgentBase[ClaimT, ClaimsT] = agent
        self._queues: Queues = queues if isinstance(queues, QueueBase) else list(queues)
        self._n = _text.integer(n, "n", 1)
        self._wait = wait
        agent._core.check()
        agent._core.servings.add(self)

    def _fetch(self) -> Call[ClaimsT]:
        return _claim_many(self._agent, self._queues, self._n, wait=self._wait)

    def _end_with_service(self) -> None:
        if self._agent._core.closed:
            self._let_go()

    def _ends(self, reason: UsherError) -> bool:
        """Whether a fetch that was refused for this ends the iteration."""
        if isinstance(reason, WrongState) and reason.detail:
            return False  # not C's: the call was wrong. C's says that the agent had gone.
        self._over = True
        return True

    def _let_go(self) -> None:
        """Ends the iteration, and releases those who were not handed out. The core calls it before
        it closes; again: nothing."""
        self._over = True
        held = [(claim.id, claim.token) for claim in self._held]
        self._held.clear()
        let_go(self._agent._core, held)

    def __del__(self) -> None:
        # `break`, and an exception in the loop, come here at once; the collector perhaps later, and
        # in any thread.
        if not self.__dict__.get("_held"):
            return
        core = self._agent._core
        try:
            core.check()
            self._let_go()
        except UsherError:
            held = [(claim.id, claim.token) for claim in self._held]
            with suppress(UsherError):
                core.post(lambda: let_go(core, held))


class Serving(ServingBase[Claim, Claims], Iterator[Claim]):
    """What Agent.claims() gives: `for claim in agent.claims(queue): with claim: ...`. Those who
    were fetched and not handed out go back to the line when the loop is left, or with close(), or
    at the end of a `with` block, or when the service is closed."""

    def __next__(self) -> Claim:
        while True:
            self._end_with_service()
            while self._held:
                claim = self._held.popleft()
                if claim._left() > 0:  # else it was taken away while those before it were served
                    return claim
                # Or only the wall clock was put forward, and it is held still.
                let_go(claim._core, [(claim.id, claim.token)])
            if self._over:
                raise StopIteration
            try:
                claims = cast(Claims, self._fetch())
            except (TimedOut, Canceled, WrongState) as reason:
                if not self._ends(reason):
                    raise
                raise StopIteration from None
            self._held.extend(claims)
            if len(claims) > 1:
                # Nothing of the service runs while the first are served, so nobody could extend the
                # others then.
                for claim, told in zip(claims, claims.extend(BLOCK_LEASE)):
                    claim._leased(told)

    def close(self) -> None:
        """Ends the iteration, and releases those who were not handed out."""
        self._agent._core.check()
        self._let_go()

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._let_go()


class AsyncServing(ServingBase[AsyncClaim, AsyncClaims], AsyncIterator[AsyncClaim]):
    """What AsyncAgent.claims() gives: `async for claim in agent.claims(queue): async with claim:
    ...`. Several tasks may share one. Those who were fetched and not handed out extend themselves;
    they go back to the line when the loop is left, or with aclose(), or at the end of an `async
    with` block, or when the service is closed. That ends the loops of all its tasks."""

    def __init__(
        self, agent: AgentBase[Any, Any], queues: Queues, n: int, wait: Optional[timedelta]
    ) -> None:
        self._fetches: set[asyncio.Future[AsyncClaims]] = set()
        super().__init__(agent, queues, n, wait)

    async def __anext__(self) -> AsyncClaim:
        while True:
            self._end_with_service()
            while self._held:
                claim = self._held.popleft()
                claim._unwatch()
                if not claim._ended:
                    return claim
            if self._over:
                raise StopAsyncIteration
            try:
                fetch = cast("asyncio.Future[AsyncClaims]", self._fetch())
                claims = await self._fetched(fetch)
            except (TimedOut, Canceled, WrongState) as reason:
                if not self._ends(reason):
                    raise
                raise StopAsyncIteration from None
            self._held.extend(claims)
            if self._over:  # closed by another task, meanwhile
                self._let_go()
            elif not self._agent._core.closed:
                for waiting in claims:
                    waiting._watch()

    async def _fetched(self, fetch: asyncio.Future[AsyncClaims]) -> AsyncClaims:
        asked = _cancelling()
        self._fetches.add(fetch)
        try:
            return await fetch
        except asyncio.CancelledError:
            if fetch in self._fetches or _cancelling() > asked:
                raise  # it is this task that is cancelled
            raise Canceled("the iteration was closed") from None
        finally:
            self._fetches.discard(fetch)

    def _let_go(self) -> None:
        for claim in self._held:
            claim._unwatch()
        super()._let_go()
        while self._fetches:
            self._fetches.pop().cancel()

    async def aclose(self) -> None:
        """Ends the iteration, and releases those who were not handed out."""
        self._agent._core.check()
        self._let_go()

    async def __aenter__(self) -> AsyncServing:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._let_go()


def _cancelling() -> int:
    """How often it was asked to cancel the task that runs; before Python 3.11 nobody knows."""
    task: Any = asyncio.current_task()
    return int(task.cancelling()) if hasattr(task, "cancelling") else 0


class Agent(AgentBase[Claim, Claims]):
    """An agent whose commands block until they are done."""

    __slots__ = ()

    _claim_type = Claim
    _claims_type = Claims

    claim = blocking(_claim)
    claim_many = blocking(_claim_many)
    claim_ticket = blocking(_claim_ticket)
    gone = blocking(_gone)

    def claims(self, queues: Queues, *, n: int = 1, wait: Optional[timedelta] = None) -> Serving:
        """Claims, one after the other, fetched n at a time, until nothing came within `wait`, the
        agent has gone or the service is closed."""
        return Serving(self, queues, n, wait)


class AsyncAgent(AgentBase[AsyncClaim, AsyncClaims]):
    """An agent on asyncio."""

    __slots__ = ()

    _claim_type = AsyncClaim
    _claims_type = AsyncClaims

    claim = awaitable(_claim)
    claim_many = awaitable(_claim_many)
    claim_ticket = awaitable(_claim_ticket)
    gone = awaitable(_gone)

    def claims(
        self, queues: Queues, *, n: int = 1, wait: Optional[timedelta] = None
    ) -> AsyncServing:
        """Claims, one after the other, fetched n at a time, until nothing came within `wait`, the
        agent has gone or the service is closed."""
        return AsyncServing(self, queues, n, wait)
