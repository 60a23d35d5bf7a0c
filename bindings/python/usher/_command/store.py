"""Opens a store for looking at, and says what goes wrong in words that help at a terminal."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import Iterator

from .. import errors
from ..service import Service
from .screen import safe


class Problem(Exception):
    """Said on stderr as "usher: ..."; the exit code is 1 then."""


@contextlib.contextmanager
def opened(path: str, whole: bool = False) -> Iterator[Service]:
    """Nothing in it changes, and none is made. whole: with the integrity check, which reads all."""
    try:
        kind = os.stat(path).st_mode
    except OSError as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise Problem(f"{path}: {what}") from None
    if not stat.S_ISREG(kind):
        raise Problem(f"{path}: a store is a file, and this is something else")
    quick = "" if whole else "&quick=1"
    try:
        # Closed tickets are read from the file when they are asked for.
        service = Service(f"sqlite:{path}?readonly=1{quick}", keep_closed=1)
    except errors.Busy:
        raise Problem(f"{path}: {_who_has(path)}") from None
    except errors.UsherError as error:
        raise Problem(f"{path}: {said(error)}") from None
    with service:
        yield service


def _who_has(path: str) -> str:
    """The process that has it, as it has written down."""
    holder = "elsewhere"
    with contextlib.suppress(OSError, ValueError), open(path + "-lock", encoding="ascii") as lock:
        holder = f"in process {int(lock.readline())}"
    return (
        f"open {holder};"
        " that service must be opened with ?readers=1 to be looked at while it runs"
    )


def said(error: errors.UsherError) -> str:
    meaning = str(errors.error(error.code)).partition(": ")[2]
    return f"{meaning}: {error.detail}" if error.detail else meaning


def complain(text: str) -> None:
    print(f"usher: {safe(text)}", file=sys.stderr)
