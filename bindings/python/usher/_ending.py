"""How services end that nobody closes: forgotten, left at exit, or in a child of the process that opened them."""

from __future__ import annotations

import atexit
import os
import select
import time
import warnings
from threading import get_ident
from typing import Any, List, Optional

from ._calls import CLOSED, closes, cores, new_token
from ._ffi import ECANCELED, lib

_AT_EXIT = 5.0  # seconds for all


def end(u: int, seconds: Optional[float], begun: Optional[List[bool]] = None) -> bool:
    """Closes what nobody uses any more. begun: if it is closing already, this says when it has."""
    if begun:
        return True
    token = new_token()
    ended: List[bool] = []
    closes[token] = ended
    err: int = lib.usher_close(u, CLOSED, token)
    if err:
        del closes[token]
        if err != ECANCELED or begun is None:
            return False
        ended = begun
    until = None if seconds is None else time.monotonic() + seconds
    poller = select.poll()
    poller.register(lib.usher_fd(u), select.POLLIN)
    while lib.usher_turn(u) >= 0 and not ended:
        ms: int = lib.usher_timeout(u)
        if until is not None:
            left = int((until - time.monotonic()) * 1000)
            if left <= 0:
                break
            ms = left if ms < 0 else min(ms, left)
        if ms:
            poller.poll(ms if ms > 0 else None)
    return bool(ended)


def forsaken(u: int, thread: int, process: int, store: str, clock: Any, begun: List[bool]) -> None:
    """The last who held the service is gone, and nothing is outstanding. begun: see end()."""
    if os.getpid() != process:
        return
    try:
        if not any(ended is begun for ended in closes.values()):  # close() was called, and interrupted
            warnings.warn(f"usher: the service on {store!r} was not closed", ResourceWarning, stacklevel=2)
    finally:
        if get_ident() == thread:
            end(u, _AT_EXIT, begun)


def _at_exit() -> None:
    until = time.monotonic() + _AT_EXIT
    for core in list(cores.values()):
        core.abandon(max(0.0, until - time.monotonic()))


def _after_fork() -> None:
    for core in list(cores.values()):
        if not core.closed:
            core.forked = True
            core._owner = core._door = -1
            core.let_go()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
