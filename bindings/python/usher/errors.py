"""Exceptions: one class for each of usher's errors.

    UsherError                 .code, .name ("ESTALE"), .detail, .ticket (None: unknown)
      Invalid                  EINVAL      also a ValueError
      NoMemory                 ENOMEM      also a MemoryError
      TooLarge                 ELIMIT
      Full                     EFULL
      NotFound                 ENOENT      also a LookupError
      WrongState               ESTATE
      Stale                    ESTALE
      Canceled                 ECANCELED
      TimedOut                 ETIMEDOUT   also a TimeoutError
      PolicyError              EPOLICY     also a ValueError; .path: where in the policy
      StoreError               ESTORE
      Unknown                  EUNKNOWN
      Failed                   EFAILED
      Busy                     EBUSY
      Corrupt                  ECORRUPT
      NewerVersion             EVERSION
      Forked                   EFORK
      WrongThread              ETHREAD

What is not usher's own (libuv's errors, those of a newer library) is a plain UsherError.
"""

from __future__ import annotations

import re
from typing import Optional

from . import _ffi


class UsherError(Exception):
    """A call that was refused, or a command that failed."""

    code: int = 0
    ticket: Optional[int] = None

    def __init__(
        self, detail: str = "", *, code: Optional[int] = None, ticket: Optional[int] = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        # What is the class's own stays out of the instance: errors are made by the thousand.
        if code is not None:
            self.code = code
        if ticket is not None:
            self.ticket = ticket

    @property
    def name(self) -> str:
        """The code's name without USHER_: "ESTALE". For libuv's codes libuv's own: "ENOSPC"."""
        return _name(self.code)

    def __str__(self) -> str:
        return f"{self.name}: {self.detail or _meaning(self.code)}"


class Invalid(UsherError, ValueError):
    """EINVAL: an argument is wrong."""

    code = _ffi.EINVAL


class NoMemory(UsherError, MemoryError):
    """ENOMEM: out of memory; nothing was changed."""

    code = _ffi.ENOMEM


class TooLarge(UsherError):
    """ELIMIT: larger than a stated limit."""

    code = _ffi.ELIMIT


class Full(UsherError):
    """EFULL: try again when there is room; an event, ROOM, tells."""

    code = _ffi.EFULL


class NotFound(UsherError, LookupError):
    """ENOENT: no such ticket, queue, agent or subscription."""

    code = _ffi.ENOENT


class WrongState(UsherError):
    """ESTATE: not possible in this state."""

    code = _ffi.ESTATE


class Stale(UsherError):
    """ESTALE: the claim has ended, somebody else may hold the ticket now."""

    code = _ffi.ESTALE


class Canceled(UsherError):
    """ECANCELED: the agent has gone, or the service is closing."""

    code = _ffi.ECANCELED


class TimedOut(UsherError, TimeoutError):
    """ETIMEDOUT: waited as long as was asked, and nothing came."""

    code = _ffi.ETIMEDOUT


class PolicyError(UsherError, ValueError):
    """EPOLICY: the policy is wrong; the one before stays."""

    code = _ffi.EPOLICY

    @property
    def path(self) -> str:
        """Where: "promises.answer.within", "line 3, column 7"; "" when it is about the whole."""
        found = re.match(r"policy: (.+?): ", self.detail, re.DOTALL)
        return found.group(1) if found else ""


class StoreError(UsherError):
    """ESTORE: the store refused; nothing was applied."""

    code = _ffi.ESTORE


class Unknown(UsherError):
    """EUNKNOWN: may or may not have been applied; repeat it with the same op."""

    code = _ffi.EUNKNOWN


class Failed(UsherError):
    """EFAILED: the store has failed; close the service and open it again."""

    code = _ffi.EFAILED


class Busy(UsherError):
    """EBUSY: the store is open elsewhere."""

    code = _ffi.EBUSY


class Corrupt(UsherError):
    """ECORRUPT: the store is damaged, or not one of usher's."""

    code = _ffi.ECORRUPT


class NewerVersion(UsherError):
    """EVERSION: the store was written by a newer version."""

    code = _ffi.EVERSION


class Forked(UsherError):
    """EFORK: the service belongs to the parent process."""

    code = _ffi.EFORK


class WrongThread(UsherError):
    """ETHREAD: called from a thread that does not own the service. Only post() may be."""

    code = _ffi.ETHREAD


CLASSES: dict[int, type[UsherError]] = {kind.code: kind for kind in UsherError.__subclasses__()}


def error(code: int, detail: str = "", ticket: Optional[int] = None) -> UsherError:
    """The exception for an error code, for any int: UsherError when usher does not know it."""
    kind = CLASSES.get(code)
    if kind is None:
        return UsherError(detail, code=code, ticket=ticket)
    return kind(detail, ticket=ticket)


def _name(code: int) -> str:
    # ctypes would cut a larger number to 32 bits, and name another error.
    if not -(2**31) <= code < 2**31:
        return f"error {code}"
    name: bytes = _ffi.lib.usher_err_name(code)
    return name.decode("ascii", "replace").replace("USHER_", "", 1)


def _meaning(code: int) -> str:
    if not -(2**31) <= code < 2**31:
        return "no such error"
    text: bytes = _ffi.lib.usher_strerror(code)
    return text.decode("utf-8", "replace")
