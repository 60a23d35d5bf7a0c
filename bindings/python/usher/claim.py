"""A claim: a ticket in an agent's hands, for as long as the lease says.

As a context manager it ends with the block: resolved when the block is left in the ordinary way,
failed with the exception's text when it raises, released when it is interrupted or canceled. The
person who waits is never left with nobody. """

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Union, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from . import _ffi, _text, _verbs, reads
from ._core import awaitable, blocking
from ._reading import Words
from ._verbs import act, agent_handle, queue_handle, word
from .batch import let_go
from .errors import Full, NoMemory, NotFound, Stale, StoreError, TooLarge, Unknown, UsherError
from .queue import AsyncQueue, Queue, QueueBase
from .snapshots import Done, Standing, done
from .ticket import AsyncTicket, Ticket
from .words import As, On, Outcome, Priority, State

if TYPE_CHECKING:
    from ._core import Call, Core
    from .agent import AgentBase

BLOCK_LEASE = timedelta(hours=1)
"""What a blocking `with claim:` extends the lease to, within the policy's lease.max: nothing of the
service runs while the block does, so nobody could extend it then. `with
claim.hold(timedelta(minutes=5)):` asks for another."""

_unpack = _ffi.unpacker(_ffi.usher_work).unpack_from
_priority = Words(Priority)
_HELD = (State.CLAIMED, State.OFFERED, State.PAUSED)
_PASSING = (Full, NoMemory, StoreError, Unknown)  # another time it may well succeed


class ClaimBase:
    """What a claim is in both families: the ticket as it was when it was claimed."""

    __slots__ = (
        "_core",
        "_agent",
        "_work",
        "_names",
        "_until",
        "_decision",
        "_unheard",
        "_ended",
        "id",
        "token",
        "body",
        "_answer",
        "__weakref__",
    )

    def __init__(
        self,
        agent: AgentBase[Any, Any],
        row: bytes,
        names: tuple[bytes, Optional[bytes], Optional[bytes]],
        body: bytes,
    ) -> None:
        """row: the usher_work, whose pointers are good no more; names: its requester, symptom and
        ref."""
        self._core: Core = agent._core
        self._agent = agent
        work = _unpack(row)
        self._work: tuple[Any, ...] = work
        self._names = names
        self._until: int = work[5]
        self._decision: Union[Done, asyncio.Future[Done], None] = None
        self._unheard = False
        self._ended = False
        self.id: int = work[1]
        """The ticket's number."""
        self.token: int = work[2]
        """Of the lease; a ticket's tokens only grow, and one that is old is Stale."""
        self.body = body
        self._answer: Optional[str] = None

    @property
    def answer(self) -> Optional[str]:
        """What a `with` block resolves with when it is left in the ordinary way. Checked where it is set, so that what is wrong
        with it is an error of the block, and not of its end: Invalid, TooLarge."""
        return self._answer

    @answer.setter
    def answer(self, text: Optional[str]) -> None:
        words = _text.text_or_none(text, "answer")
        if words is not None and len(words) > _ffi.TEXT_MAX:
            raise TooLarge(f"an answer has at most {_ffi.TEXT_MAX} bytes, not {len(words)}")
        self._answer = text

    # ---- as it was claimed ----

    @property
    def requester(self) -> str:
        """Who waits; "" if an op was repeated whose ticket has been let go meanwhile."""
        return _text.string(self._names[0])

    @property
    def symptom(self) -> Optional[str]:
        return _text.string_or_none(self._names[1])

    @property
    def ref(self) -> Optional[str]:
        return _text.string_or_none(self._names[2])

    def json(self) -> Any:
        """The body read as JSON; ValueError if it is none."""
        return json.loads(self.body)

    @property
    def enqueued(self) -> datetime:
        return _text.moment(self._work[4])

    @property
    def due(self) -> Optional[datetime]:
        """Of its nearest running promise."""
        return _text.moment_or_none(self._work[6])

    @property
    def priority(self) -> Priority:
        return _priority[self._work[7]]  # type: ignore[no-any-return]

    @property
    def level(self) -> int:
        return int(self._work[8])

    @property
    def attempts(self) -> int:
        """Failed ones before this."""
        return int(self._work[9])

    @property
    def persons(self) -> int:
        """How many wait for it."""
        return int(self._work[10])

    # ---- as it is ----

    @property
    def lease_until(self) -> datetime:
        """When it is taken away, unless it is extended before; as far as was heard here."""
        return _text.moment(self._until)

    @property
    def lost(self) -> bool:
        """Whether the claim has ended, and not by this object: its lease ran out, the ticket was
        withdrawn or given to somebody else. Any command of a lost claim is Stale, and changes
        nothing. (When the same agent has claimed it again before this lease was over, only the next
        command tells.)"""
        if not self._undecided():
            return False
        if not self._ended:
            try:
                standing = self.standing()
            except NotFound:
                self._ended = True
            else:
                self._ended = (
                    standing.state not in _HELD
                    or standing.holder != self._agent.name
                    or (standing.state is State.CLAIMED and self._left() <= 0)
                )
        return self._ended

    def standing(self) -> Standing:
        """Where the ticket stands now, whoever holds it. NotFound."""
        return reads.standing(self._core, self.id)

    def _left(self) -> int:
        """Of the lease, in ms."""
        self._core.check()
        return self._until - int(_ffi.lib.usher_now(self._core.u))

    def _leased(self, told: Done) -> Done:
        """An extension was granted."""
        if told.until is not None:
            self._until = _text.instant(told.until, "until")
        return told

    def _extended(self, address: int) -> Done:
        return self._leased(done(address))

    def _undecided(self) -> bool:
        """No command has been given that says how the claim ends, or it has failed."""
        decision = self._decision
        if isinstance(decision, asyncio.Future):
            return decision.done() and (decision.cancelled() or decision.exception() is not None)
        return decision is None

    def _decide_by(self, call: Union[Done, asyncio.Future[Done]]) -> None:
        """A command that says how it ends was sent. On asyncio it may yet be refused, and what was
        decided before it stands."""
        before = self._decision
        if isinstance(before, asyncio.Future):
            if not before.done():
                before.add_done_callback(lambda _: self._decide_by(call))
                return
            if not self._undecided():
                return
            self._unheard = self._unheard or before.cancelled()
        self._decision = call

    def _may_have_ended(self) -> bool:
        """Whether a command that says how it ends was sent, and its await cancelled: nobody heard
        what became of it."""
        decision = self._decision
        return self._unheard or (isinstance(decision, asyncio.Future) and decision.cancelled())

    def _still_held(self, decided: Done) -> bool:
        """A workaround for a cause, one hand-off too many, or an offer that was recalled, leaves it
        in the hands of its holder."""
        if decided.state not in (State.CLAIMED, State.OFFERED):
            return False
        standing = self.standing()
        return standing.state is State.CLAIMED and standing.holder == self._agent.name

    def _leave(self, error: Optional[BaseException]) -> Optional[Call[Done]]:
        """The command at the end of a block that was left with this error; None if there is no need
        of one."""
        if not self._undecided():
            decided = self._decision
            if isinstance(decided, asyncio.Future):
                decided = decided.result() if decided.done() else None
            if decided and self._still_held(decided):
                return _release(self)
            return None
        if error is None:
            return _resolve(self, self.answer)
        if isinstance(error, Exception):
            return _decide(self, _verbs.FAIL, 0, _why(error), None)
        return _release(self)

    def __repr__(self) -> str:
        return f"<usher.{type(self).__name__} of ticket {self.id} by {self._agent.name!r}>"


def _why(error: BaseException) -> bytes:
    """An exception's text, as far as it may be one of usher's."""
    kind = type(error).__name__
    try:
        said = str(error)
    except Exception:
        said = ""
    text = f"{kind}: {said}" if said else kind
    data = text.encode("utf-8", "backslashreplace")[: _ffi.TEXT_MAX]
    return data.decode("utf-8", "ignore").encode()


def _note(error: BaseException, last: BaseException) -> None:
    """The block's own exception goes on; that its claim could not be ended is said with it."""
    add = getattr(error, "add_note", None)  # Python 3.11
    if add is not None:
        add(f"usher: and the claim could not be ended: {last}")


# ---- commands: Stale when the claim has ended, WrongState where the ticket is --------------------


def _act(
    self: ClaimBase, verb: int, kind: int, text: Optional[bytes], at: int, op: Optional[UUID]
) -> Call[Done]:
    return act(self._core, verb, kind, self.id, self.token, text, at, op=op)


def _decide(
    self: ClaimBase,
    verb: int,
    kind: int,
    text: Optional[bytes],
    op: Optional[UUID],
    at: int = 0,
    queue: int = 0,
    agent: int = 0,
) -> Call[Done]:
    """A command that says how the claim ends: then the end of its block does not."""
    call = act(
        self._core,
        verb,
        kind,
        self.id,
        self.token,
        text,
        at,
        queue=queue,
        op=op,
        agent=agent,
    )
    self._decide_by(cast("Union[Done, asyncio.Future[Done]]", call))
    return call


def _acknowledge(
    self: ClaimBase, word: Optional[str] = None, *, op: Optional[UUID] = None
) -> Call[Done]:
    """Tells the requester that somebody has it: keeps the `ack` promise, starts `update`."""
    words = _text.text_or_none(word, "word")
    return _act(self, _verbs.ACKNOWLEDGE, 0, words, 0, op)


def _update(
    self: ClaimBase,
    word: str,
    next_word: Union[datetime, timedelta, None] = None,
    *,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """A word to the requester, perhaps with the promise of the next one: by an instant, or so long
    from now. Invalid: that has passed."""
    words = _text.text(word, "word")
    at = _verbs.instant(self._core, next_word, "next_word")
    return _act(self, _verbs.UPDATE, 0, words, at, op)


def _extend(
    self: ClaimBase, by: Optional[timedelta] = None, *, op: Optional[UUID] = None
) -> Call[Done]:
    """More lease: so long from now, None as long as the policy's lease.for. Never shorter than it
    is (timedelta(0), which is a millisecond, changes nothing), never beyond lease.max
    (Outcome.CLIPPED)."""
    ms = _text.lease_or_none(by, "by")
    read = self._extended
    return act(self._core, _verbs.EXTEND, 0, self.id, self.token, ms=ms, op=op, read=read)


def _release(
    self: ClaimBase, why: Optional[str] = None, *, op: Optional[UUID] = None
) -> Call[Done]:
    """Back to the line, to its old place. Within a minute of the claim it counts as let go."""
    return _decide(self, _verbs.RELEASE, 0, _text.text_or_none(why, "why"), op)


def _pause(
    self: ClaimBase,
    on: On,
    question: Optional[str] = None,
    until: Union[datetime, timedelta, None] = None,
    *,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Waits for the requester (who needs a question), a third party, or until an instant or so long
    from now; with the other two `until` is the latest. Meanwhile the promises stand still that the
    policy says."""
    kind = word(on, "on", On)
    words = _text.text_or_none(question, "question")
    at = _verbs.instant(self._core, until, "until")
    return _decide(self, _verbs.PAUSE, kind, words, op, at)


def _resume(self: ClaimBase, on: Optional[On] = None, *, op: Optional[UUID] = None) -> Call[Done]:
    """Ends a pause, None all of them. With none left the claim ends, and the ticket waits, kept for
    this agent."""
    kind = 0 if on is None else word(on, "on", On)
    return _decide(self, _verbs.RESUME, kind, None, op)


def _resolve(
    self: ClaimBase,
    answer: Optional[str] = None,
    how: As = As.FIX,
    *,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """It is solved, as we say; the requester may yet say no. As a workaround of a cause it is but
    an update of it."""
    kind = word(how, "how", As)
    return _decide(self, _verbs.RESOLVE, kind, _text.text_or_none(answer, "answer"), op)


def _fail(self: ClaimBase, why: Optional[str] = None, *, op: Optional[UUID] = None) -> Call[Done]:
    """The attempt failed: it is tried again after the policy's backoff, or is stuck."""
    return _decide(self, _verbs.FAIL, 0, _text.text_or_none(why, "why"), op)


def _hand_off(
    self: ClaimBase,
    to: Union[QueueBase[Any], AgentBase[Any, Any]],
    why: Optional[str] = None,
    *,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Offers it to a queue or an agent. Until somebody claims it there, this claim answers for
    it."""
    words = _text.text_or_none(why, "why")
    queue = agent = 0
    if isinstance(to, QueueBase):
        queue = queue_handle(self._core, to, "to")
    else:
        agent = agent_handle(self._core, to, "to")
    return _decide(self, _verbs.HAND_OFF, 0, words, op, queue=queue, agent=agent)


class Claim(ClaimBase):
    """A claim whose commands block until they are done."""

    __slots__ = ("_block",)

    acknowledge = blocking(_acknowledge)
    update = blocking(_update)
    extend = blocking(_extend)
    release = blocking(_release)
    pause = blocking(_pause)
    resume = blocking(_resume)
    resolve = blocking(_resolve)
    fail = blocking(_fail)
    hand_off = blocking(_hand_off)

    @property
    def ticket(self) -> Ticket:
        return Ticket(self._core, self.id)

    @property
    def queue(self) -> Queue:
        """Where it was claimed."""
        return Queue(self._core, self._work[3])

    def hold(self, by: timedelta) -> Claim:
        """`with claim.hold(timedelta(minutes=5)):` extends to that, instead of BLOCK_LEASE;
        timedelta(0) leaves the lease as it is."""
        _text.duration(by, "by")
        self._block = by
        return self

    def __enter__(self) -> Claim:
        """Extends the lease to BLOCK_LEASE. Stale: it has ended already; then the block is not
        run. When that is interrupted, or fails for another reason, the claim is released."""
        try:
            self.extend(getattr(self, "_block", BLOCK_LEASE))
        except Stale:
            raise
        except BaseException:
            with suppress(UsherError):
                let_go(self._core, [(self.id, self.token)])
            raise
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """Ends the claim, unless the block did: resolve(claim.answer), fail with the exception's
        text, or release when it was interrupted. When the block raised nothing, what that command
        raises is raised."""
        try:
            self._leave(error)
        except Exception as last:
            if error is None:
                raise
            _note(error, last)


class AsyncClaim(ClaimBase):
    """A claim on asyncio. Every command is accepted in the call; to await it tells what became of
    it."""

    __slots__ = ("_timer", "_watched")

    def __init__(
        self,
        agent: AgentBase[Any, Any],
        row: bytes,
        names: tuple[bytes, Optional[bytes], Optional[bytes]],
        body: bytes,
    ) -> None:
        super().__init__(agent, row, names, body)
        self._timer: Optional[asyncio.TimerHandle] = None
        self._watched = False

    acknowledge = awaitable(_acknowledge)
    update = awaitable(_update)
    extend = awaitable(_extend)
    release = awaitable(_release)
    pause = awaitable(_pause)
    resume = awaitable(_resume)
    resolve = awaitable(_resolve)
    fail = awaitable(_fail)
    hand_off = awaitable(_hand_off)

    @property
    def ticket(self) -> AsyncTicket:
        return AsyncTicket(self._core, self.id)

    @property
    def queue(self) -> AsyncQueue:
        """Where it was claimed."""
        return AsyncQueue(self._core, self._work[3])

    async def __aenter__(self) -> AsyncClaim:
        """From now on the claim extends itself, whenever half of the lease is over; `claim.lost`
        says when that came too late."""
        self._watch()
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        """Ends the claim, unless the block did: resolve(claim.answer), fail with the exception's
        text, or release when it was canceled. When the block raised nothing, what that command
        raises is raised."""
        self._unwatch()
        closing = isinstance(
            error, GeneratorExit
        )  # of a coroutine that nobody runs any more: it cannot await
        try:
            decision = self._decision
            while isinstance(decision, asyncio.Future) and not decision.done() and not closing:
                await asyncio.wait((decision,))
                decision = self._decision  # if it was refused, the next that was sent meanwhile
            call = self._leave(error)
            if call is None:
                return
            last = cast("asyncio.Future[Done]", call)
            if closing:
                last.add_done_callback(_heard)
                return
            try:
                await last
            except Stale:
                if not self._may_have_ended():
                    raise
        except Exception as last_error:
            if error is None:
                raise
            _note(error, last_error)

    # ---- extending itself ----

    def _watch(self) -> None:
        """From now on it extends itself."""
        self._watched = True
        self._arm()

    def _unwatch(self) -> None:
        self._watched = False
        self._disarm()

    def _arm(self) -> None:
        """The next time when half of what is left of the lease is over."""
        core = self._core
        half = max(self._left() // 2, 1)
        if core.clock is not None:
            claims = _to_renew.get(core)
            if claims is None:
                claims = _to_renew[core] = WeakKeyDictionary()
            claims[self] = int(_ffi.lib.usher_now(core.u)) + half
        elif core.loop is not None:
            self._timer = core.loop.call_later(half / 1000, self._renew)

    def _disarm(self) -> None:
        timer = self._timer
        if timer is not None:
            timer.cancel()
        elif self._core.clock is not None:
            _to_renew.get(self._core, {}).pop(self, None)  # type: ignore[call-overload]

    def _renew(self) -> None:
        try:
            call = cast("asyncio.Future[Done]", _extend(self))
        except _PASSING:
            self._arm_again()
        except UsherError:  # closed, or failed: nothing is extended any more
            pass
        else:
            call.add_done_callback(self._renewed)

    def _leased(self, told: Done) -> Done:
        super()._leased(told)
        if self._watched and not told.outcome & Outcome.CLIPPED:  # clipped: more is not to be had
            self._disarm()
            self._arm()
        return told

    def _renewed(self, call: asyncio.Future[Done]) -> None:
        reason = None if call.cancelled() else call.exception()
        if isinstance(reason, (Stale, NotFound)):
            self._ended = True
        elif isinstance(reason, _PASSING):
            self._arm_again()

    def _arm_again(self) -> None:
        if self._watched and not self._core.closed and self._left() > 0:
            self._disarm()
            self._arm()


_to_renew: WeakKeyDictionary[Core, WeakKeyDictionary[AsyncClaim, int]] = WeakKeyDictionary()
"""On a manual clock: claims that extend themselves, and at which of its instants. Weak both: a
claim holds its core."""


def advance(core: Core, to_at: int) -> None:
    """Moves a manual clock on, and on the way lets claims extend themselves at their instants, as a
    loop's timers would."""
    core.check()
    while True:
        claims = _to_renew.get(core)
        at = min(claims.values(), default=None) if claims else None
        if claims is None or at is None or at > to_at:
            break
        at = max(at, int(_ffi.lib.usher_now(core.u)))  # it may have been skipped
        core.advance(at)
        for claim in [claim for claim, when in claims.items() if when <= at]:
            claims.pop(claim, None)
            claim._renew()
        core.advance(at)
    core.advance(to_at)


def _heard(call: asyncio.Future[Done]) -> None:
    """Nobody is left to be told of an error."""
    if not call.cancelled():
        call.exception()
