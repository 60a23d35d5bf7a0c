"""A ticket in the hands of those who wait for it, and of the desk: a handle, which is no more than
its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union
from uuid import UUID

from . import _ffi, _text, _verbs, reads
from ._core import awaitable, blocking
from ._verbs import act, queue_handle, word
from .snapshots import Done, Standing, done_of
from .words import Priority

if TYPE_CHECKING:
    from ._core import Call, Core
    from .queue import QueueBase


class TicketBase:
    """What a ticket is in both families. Two handles of one ticket are equal; there need not be
    such a ticket."""

    __slots__ = ("_core", "id", "_told")

    def __init__(
        self, core: Core, id: int, told: Union[Done, tuple[int, ...], None] = None
    ) -> None:
        self._core = core
        self.id = id
        """Its number, which is never used again."""
        self._told = told  # few look at it: it is made when one does

    @property
    def done(self) -> Optional[Done]:
        """What became of the command that gave this handle, such as enqueue(); None if none did."""
        told = self._told
        if isinstance(told, tuple):
            told = self._told = done_of(told)
        return told

    def __int__(self) -> int:
        return self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TicketBase):
            return self.id == other.id and self._core is other._core
        if isinstance(other, int):  # what snapshots call it by
            return self.id == int(other)
        return NotImplemented

    def __repr__(self) -> str:
        return f"<usher.{type(self).__name__} {self.id}>"

    def standing(self) -> Standing:
        """Where it stands now: how many are before it, who has it, when the next word comes. It
        sees every command that was accepted, whether it has completed or not. NotFound."""
        return reads.standing(self._core, self.id)

    history = reads.history


# ---- by a requester: `who` must be one of the ticket's persons, else WrongState ------------------


def _ask(self: TicketBase, who: str, *, op: Optional[UUID] = None) -> Call[Done]:
    """He asks what is going on: a chase, which is counted, and to which an answer is due.
    WrongState: it is over."""
    return act(self._core, _verbs.ASK, 0, self.id, 0, who=_text.name(who, "who"), op=op)


def _reply(
    self: TicketBase, who: str, text: str, *, courtesy: bool = False, op: Optional[UUID] = None
) -> Call[Done]:
    """He answers: that ends the pause on him, and the ticket is kept for the agent who asked; what
    was resolved is reopened. With courtesy ("thanks!") it ends and reopens nothing."""
    kind = _ffi.COURTESY if courtesy else 0
    words = _text.text(text, "text")
    return act(self._core, _verbs.REPLY, kind, self.id, 0, words, who=_text.name(who, "who"), op=op)


def _confirm(self: TicketBase, who: str, *, op: Optional[UUID] = None) -> Call[Done]:
    """He says that it is solved indeed; when all its persons have, it is closed. WrongState: it is
    not resolved."""
    return act(self._core, _verbs.CONFIRM, 0, self.id, 0, who=_text.name(who, "who"), op=op)


def _reopen(
    self: TicketBase, who: str, why: Optional[str] = None, *, op: Optional[UUID] = None
) -> Call[Done]:
    """He says that it is not solved: it goes on where we were, for its last holder first.
    WrongState: it is not resolved, or was closed longer ago than the policy's
    aftercare.reopen_within."""
    words = _text.text_or_none(why, "why")
    return act(self._core, _verbs.REOPEN, 0, self.id, 0, words, who=_text.name(who, "who"), op=op)


def _withdraw(
    self: TicketBase, who: str, why: Optional[str] = None, *, op: Optional[UUID] = None
) -> Call[Done]:
    """He needs it no more; with its last person the ticket ends, and a claim on it too."""
    words = _text.text_or_none(why, "why")
    return act(self._core, _verbs.WITHDRAW, 0, self.id, 0, words, who=_text.name(who, "who"), op=op)


# ---- by the desk: `who` is for the record --------------------------------------------------------


def _desk(
    self: TicketBase,
    verb: int,
    why: Optional[str],
    who: Optional[str],
    op: Optional[UUID],
    kind: int = 0,
    queue: int = 0,
    other: int = 0,
) -> Call[Done]:
    words = _text.text_or_none(why, "why")
    desk = _text.name_or_none(who, "who")
    return act(self._core, verb, kind, self.id, 0, words, queue=queue, who=desk, op=op, other=other)


def _receipt(
    self: TicketBase, word: Optional[str] = None, *, op: Optional[UUID] = None
) -> Call[Done]:
    """A machine tells him that the request has come. It keeps the `ack` promise only where the
    policy says so."""
    words = _text.text_or_none(word, "word")
    return act(self._core, _verbs.ACKNOWLEDGE, _ffi.BY_MACHINE, self.id, 0, words, op=op)


def _revive(
    self: TicketBase,
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """A stuck ticket waits again, its attempts counted from 0. WrongState: it is not stuck."""
    return _desk(self, _verbs.REVIVE, why, who, op)


def _recall(
    self: TicketBase,
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Ends an offer: the giver's claim goes on, with its token. WrongState: it is not offered."""
    return _desk(self, _verbs.RECALL, why, who, op)


def _decline(
    self: TicketBase,
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Refuses an offer: it waits again, kept for the giver, one level up. WrongState: it is not
    offered."""
    return _desk(self, _verbs.DECLINE, why, who, op)


def _escalate(
    self: TicketBase,
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """One level up."""
    return _desk(self, _verbs.ESCALATE, why, who, op)


def _reprioritise(
    self: TicketBase,
    priority: Priority,
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Another band of the line."""
    kind = word(priority, "priority", Priority)
    return _desk(self, _verbs.REPRIORITISE, why, who, op, kind)


def _move(
    self: TicketBase,
    queue: QueueBase[Any],
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Into another queue. A claim stays with its holder, and the promises stay those of the policy
    it was enqueued under."""
    return _desk(self, _verbs.MOVE, why, who, op, queue=queue_handle(self._core, queue))


def _note(
    self: TicketBase, text: str, *, who: Optional[str] = None, op: Optional[UUID] = None
) -> Call[Done]:
    """For the record; it is no word to the requester."""
    words = _text.text(text, "text")
    return act(
        self._core,
        _verbs.NOTE,
        0,
        self.id,
        0,
        words,
        who=_text.name_or_none(who, "who"),
        op=op,
    )


def _link(
    self: TicketBase,
    cause: Union[TicketBase, int, None],
    why: Optional[str] = None,
    *,
    who: Optional[str] = None,
    op: Optional[UUID] = None,
) -> Call[Done]:
    """Names the ticket about its cause, which must be open; None: none any more. Who waits for it
    hears when that is solved."""
    other = 0 if cause is None else _text.ticket(cause, "cause", self._core)
    return _desk(self, _verbs.LINK, why, who, op, other=other)


class Ticket(TicketBase):
    """A ticket; every command blocks until it is done. Errors of all: NotFound, there is no such
    ticket; WrongState."""

    __slots__ = ()

    ask = blocking(_ask)
    reply = blocking(_reply)
    confirm = blocking(_confirm)
    reopen = blocking(_reopen)
    withdraw = blocking(_withdraw)
    receipt = blocking(_receipt)
    revive = blocking(_revive)
    recall = blocking(_recall)
    decline = blocking(_decline)
    escalate = blocking(_escalate)
    reprioritise = blocking(_reprioritise)
    move = blocking(_move)
    note = blocking(_note)
    link = blocking(_link)
    body = blocking(reads.body)
    why_due = blocking(reads.why_due)
    why_rank = blocking(reads.why_rank)


class AsyncTicket(TicketBase):
    """A ticket on asyncio. Every command is accepted in the call; to await it tells what became of
    it, and to stop waiting does not undo it. Errors of all: NotFound, there is no such ticket;
    WrongState."""

    __slots__ = ()

    ask = awaitable(_ask)
    reply = awaitable(_reply)
    confirm = awaitable(_confirm)
    reopen = awaitable(_reopen)
    withdraw = awaitable(_withdraw)
    receipt = awaitable(_receipt)
    revive = awaitable(_revive)
    recall = awaitable(_recall)
    decline = awaitable(_decline)
    escalate = awaitable(_escalate)
    reprioritise = awaitable(_reprioritise)
    move = awaitable(_move)
    note = awaitable(_note)
    link = awaitable(_link)
    body = awaitable(reads.body)
    why_due = awaitable(reads.why_due)
    why_rank = awaitable(reads.why_rank)
