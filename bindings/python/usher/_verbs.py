"""A command on one ticket as C takes it, and the one way in which it is sent."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_uint64, c_void_p
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, Optional, Union
from uuid import UUID

from . import _ffi, _text
from ._core import DONE
from .errors import Invalid
from .snapshots import Done, done
from .words import Verb

if TYPE_CHECKING:
    from ._core import Call, Core

# ---- commands ------------------------------------------------------------------------------------

# Plain ints: a member of an enum is looked up through its class, each time.
ACKNOWLEDGE = int(Verb.ACKNOWLEDGE)
UPDATE = int(Verb.UPDATE)
EXTEND = int(Verb.EXTEND)
RELEASE = int(Verb.RELEASE)
PAUSE = int(Verb.PAUSE)
RESUME = int(Verb.RESUME)
RESOLVE = int(Verb.RESOLVE)
FAIL = int(Verb.FAIL)
HAND_OFF = int(Verb.HAND_OFF)
ASK = int(Verb.ASK)
REPLY = int(Verb.REPLY)
CONFIRM = int(Verb.CONFIRM)
REOPEN = int(Verb.REOPEN)
WITHDRAW = int(Verb.WITHDRAW)
REVIVE = int(Verb.REVIVE)
RECALL = int(Verb.RECALL)
DECLINE = int(Verb.DECLINE)
ESCALATE = int(Verb.ESCALATE)
REPRIORITISE = int(Verb.REPRIORITISE)
MOVE = int(Verb.MOVE)
NOTE = int(Verb.NOTE)
LINK = int(Verb.LINK)


class FlatCommand(ctypes.Structure):
    """usher_command, with the members of its structs among its own: a struct within is an object to
    Python each time that it is set, and everything that people do goes through here."""

    _fields_ = [
        ("size", c_uint64),
        ("verb", c_int32),
        ("kind", c_int32),
        ("ticket", c_uint64),
        ("token", c_uint64),
        ("text", c_char_p),
        ("text_len", c_uint64),
        ("at", c_int64),
        ("ms", c_int64),
        ("queue", c_void_p),
        ("who", c_char_p),
        ("op_hi", c_uint64),
        ("op_lo", c_uint64),
        ("agent", c_void_p),
        ("other", c_uint64),
    ]


COMMAND_SIZE = ctypes.sizeof(FlatCommand)

_act = _ffi.lib["usher_act"]  # the same function, for it
_act.restype = ctypes.c_int
_act.argtypes = (c_void_p, POINTER(FlatCommand), _ffi.usher_done_cb, c_void_p)


def flat(
    verb: int,
    kind: int,
    ticket: int,
    token: int,
    text: Optional[bytes] = None,
    at: int = 0,
    ms: int = 0,
    queue: int = 0,
    who: Optional[bytes] = None,
    op: Optional[UUID] = None,
    agent: int = 0,
    other: int = 0,
) -> FlatCommand:
    """A command, which keeps text and who. All numbers have been checked. Only what is not 0 is
    set: each takes its time."""
    made = FlatCommand()
    made.size = COMMAND_SIZE
    made.verb = verb
    if kind:
        made.kind = kind
    made.ticket = ticket
    if token:
        made.token = token
    if text is not None:
        made.text = text
        made.text_len = len(text)
    if at:
        made.at = at
    if ms:
        made.ms = ms
    if queue:
        made.queue = queue
    if who is not None:
        made.who = who
    if op is not None:
        made.op_hi, made.op_lo = _text.op(op)
    if agent:
        made.agent = agent
    if other:
        made.other = other
    return made


def act(
    core: Core,
    verb: int,
    kind: int,
    ticket: int,
    token: int,
    text: Optional[bytes] = None,
    at: int = 0,
    ms: int = 0,
    queue: int = 0,
    who: Optional[bytes] = None,
    op: Optional[UUID] = None,
    agent: int = 0,
    other: int = 0,
    read: Callable[[int], Done] = done,
) -> Call[Done]:
    """Sends a command; what became of it follows."""
    command = flat(verb, kind, ticket, token, text, at, ms, queue, who, op, agent, other)
    slot = core.slot(read)
    return core.finish(slot, _act(core.u, command, DONE, slot))  # type: ignore[no-any-return]


def instant(core: Core, value: Union[datetime, timedelta, None], what: str) -> int:
    """An instant, or a time from the service's now; 0 for None."""
    core.check()
    return _text.instant_or_none(value, what, lambda: int(_ffi.lib.usher_now(core.u)))


def word(value: int, what: str, kind: type) -> int:
    """The number of a word: a member of its enum, or an int."""
    return int(value) if type(value) is kind else _text.integer(value, what, 0, 2**31 - 1)


def queue_handle(core: Core, queue: Any, what: str = "queue") -> int:
    """The C handle of a queue: of this service, for another's would be a strange address to it."""
    handle = getattr(queue, "_queue_handle", None)
    if handle is None or queue._core is not core:
        raise Invalid(f"{what} must be a queue of this service, not {queue!r}")
    return int(handle)


def agent_handle(core: Core, agent: Any, what: str = "agent") -> int:
    """The C handle of an agent of this service."""
    handle = getattr(agent, "_agent_handle", None)
    if handle is None or agent._core is not core:
        raise Invalid(f"{what} must be an agent of this service, not {agent!r}")
    return int(handle)
