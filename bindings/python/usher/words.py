"""The words that are numbers in usher.h.

str() of a member is usher's own word for it ("waiting"), and so is what a format string makes of
it. A number that a newer library knows and this file does not is a member too, without a name here:
nothing raises because of it.
"""

from __future__ import annotations

import enum

from . import _ffi


class Word(enum.IntEnum):
    """A number with a word."""

    def __str__(self) -> str:
        return self.name.lower()

    def __format__(self, spec: str) -> str:
        return _format(self, spec)

    @classmethod
    def _missing_(cls, value: object) -> Word | None:
        if isinstance(value, str):  # its word: Priority("high")
            return cls.__members__.get(value.upper())
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        member = int.__new__(cls, value)
        member._name_ = _name(cls.__name__, value)
        member._value_ = value
        return member


class Flags(enum.IntFlag):
    """Bits, each with a word. str() joins them: "joined|clipped"; "" when there is none."""

    def __str__(self) -> str:
        if self._value_ in type(self)._value2member_map_ and self._name_ and "|" not in self._name_:
            return self._name_.lower()
        words = []
        left = int(self)
        for member in type(self):
            if member and left & member == member:
                words.append(str(member))
                left &= ~int(member)
        return "|".join(words + ([str(left)] if left else []))

    def __format__(self, spec: str) -> str:
        return _format(self, spec)


class Priority(Word):
    """How urgent; the bands of the line."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class State(Word):
    """Where a ticket is."""

    SCHEDULED = 1
    """Until its start, or until a failed attempt may be tried again."""
    WAITING = 2
    """In the line, or kept for its last holder."""
    CLAIMED = 3
    """An agent holds it."""
    OFFERED = 4
    """Handed off, not yet accepted."""
    PAUSED = 5
    """Waiting for the requester, a third party, or an instant."""
    STUCK = 6
    """Attempts used up."""
    RESOLVED = 7
    """Our claim, until confirmed."""
    CLOSED = 8
    """Confirmed, or nobody objected."""
    WITHDRAWN = 9
    """By its last person; final."""


class Verb(Word):
    """Every command on one ticket."""

    ACKNOWLEDGE = 1
    UPDATE = 2
    EXTEND = 3
    RELEASE = 4
    PAUSE = 5
    RESUME = 6
    RESOLVE = 7
    FAIL = 8
    HAND_OFF = 9
    ASK = 32
    REPLY = 33
    CONFIRM = 34
    REOPEN = 35
    WITHDRAW = 36
    REVIVE = 64
    RECALL = 65
    DECLINE = 66
    ESCALATE = 67
    REPRIORITISE = 68
    MOVE = 69
    NOTE = 70
    LINK = 71


class Promised(Word):
    """What a policy promises to the person who waits."""

    ACK = 1
    ANSWER = 2
    UPDATE = 3
    RESOLVE = 4


class PromiseState(Word):
    """What became of a promise."""

    RUNNING = 1
    KEPT = 2
    BROKEN = 3
    LAPSED = 4
    """Ended without a verdict."""


class EventKind(Word):
    """What an event tells; what its other members mean is said per kind in usher.h, USHER_EV_*."""

    ENQUEUED = 1
    JOINED = 2
    STARTED = 3
    CLAIMED = 4
    ACKNOWLEDGED = 5
    RECEIPT = 6
    UPDATED = 7
    EXTENDED = 8
    RELEASED = 9
    PAUSED = 10
    RESUMED = 11
    PAUSE_ENDED = 12
    REMINDED = 13
    RESOLVED = 14
    FAILED = 15
    STUCK = 16
    LEASE_EXPIRED = 17
    KEEP_ENDED = 18
    ASKED = 19
    REPLIED = 20
    CONFIRMED = 21
    REOPENED = 22
    LEFT = 23
    WITHDRAWN = 24
    CLOSED = 25
    REVIVED = 26
    ESCALATED = 27
    REPRIORITISED = 28
    MOVED = 29
    NOTED = 30
    CHECK_IN = 31
    WARNED = 32
    BROKEN = 33
    STEPPED = 34
    NO_QUEUE = 35
    APPLIED = 36
    OFFERED = 37
    RECALLED = 38
    DECLINED = 39
    QUEUE_DEFINED = 40
    QUEUE_HELD = 41
    ROOM = 42
    AGENT_GONE = 43
    LOST = 44
    PURGED = 45
    ZONE_CHANGED = 46
    OFFER_EXPIRED = 47
    RECURRED = 48
    LINKED = 49
    CAUSE_TOLD = 50
    NO_AGENT = 51


class Durability(Word):
    """A change that was told is gone with the process, outlives it, or a crash of the machine."""

    NONE = 1
    PROCESS = 2
    DISK = 3


class Hold(Flags):
    """What a queue holds back."""

    RUN = 0
    CLAIMS = 1
    """Claims wait; claim_ticket() is WrongState."""
    ENQUEUE = 2
    """enqueue() is WrongState; joining a ticket stays possible."""


class Outcome(Flags):
    """How a command went."""

    JOINED = 1
    """The request joined a ticket that was open already."""
    CLIPPED = 2
    """Something was cut to a limit: Done.detail says what."""
    REPEATED = 4
    """Its op was known: this is what became of the first attempt."""
    ESCALATED = 8
    """After too many hand-offs it stays, one level up."""


class On(Word):
    """Whom a pause waits for."""

    REQUESTER = 1
    THIRD_PARTY = 2
    UNTIL = 3


class As(Word):
    """How a ticket is resolved."""

    ANSWERED = 1
    FIX = 2
    WORKAROUND = 3
    NO_REPLY = 4
    """By the policy only."""


class To(Word):
    """To whom an offer is made."""

    QUEUE = 1
    AGENT = 2


class Rank(Word):
    """What a ticket's place in the line was made from."""

    DUE = 1
    """The due of its nearest promise."""
    ENTRY = 2
    """When it came to the line: it has no promise."""


class SpanKind(Word):
    """What a stretch of time was for a promise's clock."""

    OPEN = 1
    CLOSED = 2
    HOLIDAY = 3
    PAUSED = 4


class ChangeKind(Flags):
    """What would become of a promise if a policy were applied."""

    BREAKS = 1
    """It would be broken at once."""
    LAPSES = 2
    """It would end without a verdict."""
    STARTS = 4
    """It would be made."""


_NAMED = {
    "State": _ffi.NAME_STATE,
    "Verb": _ffi.NAME_VERB,
    "EventKind": _ffi.NAME_EVENT,
    "Promised": _ffi.NAME_PROMISE,
    "Priority": _ffi.NAME_PRIORITY,
}


def _name(kind: str, value: int) -> str:
    """A member's name where there is none here: the library's, if it is newer and knows one."""
    if kind in _NAMED and -(2**31) <= value < 2**31:
        word: bytes = _ffi.lib.usher_name(_NAMED[kind], value)
        if word != b"?":
            return word.decode("ascii", "replace").upper()
    return f"NUMBER_{value}"


def _format(member: enum.IntEnum | enum.IntFlag, spec: str) -> str:
    # IntEnum's own way differs between versions of Python. A number is asked for by its letter.
    if spec and spec[-1] in "bcdeEfFgGnoxX%":
        return format(int(member), spec)
    return format(str(member), spec)
