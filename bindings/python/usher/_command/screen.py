"""Colours for terminals, and tables whose columns are aligned by what a terminal shows.

A control character is shown as "?": a name out of a store cannot steer the reader's terminal.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from datetime import datetime, timedelta
from typing import Optional

from ..words import State

PLAIN, STRONG, FAINT = "", "\033[1m", "\033[2m"
GOOD, WARN, BAD = "\033[32m", "\033[33m", "\033[1;31m"

_STATES = {
    State.CLAIMED: GOOD,
    State.WAITING: WARN,
    State.STUCK: BAD,
    State.RESOLVED: FAINT,
    State.CLOSED: FAINT,
    State.WITHDRAWN: FAINT,
}
_SOON = timedelta(minutes=15)


def has_colours() -> bool:
    """A terminal has, unless its user has set NO_COLOR (no-color.org)."""
    term = os.environ.get("TERM", "dumb")
    return not os.environ.get("NO_COLOR") and sys.stdout.isatty() and term != "dumb"


def painted(text: str, paint: str) -> str:
    return f"{paint}{text}\033[0m" if paint and text and has_colours() else text


def state_paint(state: Optional[State]) -> str:
    return _STATES.get(state, PLAIN) if state is not None else PLAIN


def due_paint(due: Optional[datetime], now: datetime) -> str:
    if due is None:
        return FAINT
    if due < now:
        return BAD
    return WARN if due - now <= _SOON else PLAIN


# ---- text ---------------------------------------------------------------------------------------


_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKS = dict.fromkeys(map(ord, "\n\t\r\0"), " ")


def safe(text: str) -> str:
    """Without controls, marks that turn the direction of writing, and bytes that are no text."""
    return _HIDDEN.sub("?", text)


def one_line(text: str) -> str:
    return text.translate(_BLANKS)


def width(text: str) -> int:
    """Columns of a terminal: wide characters take two, marks and joiners none."""
    return sum(_width(c) for c in text)


def _width(c: str) -> int:
    if unicodedata.combining(c) or "\u200b" <= c <= "\u200f" or "\ufe00" <= c <= "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def cut(text: str, most: int) -> str:
    """To so many columns, with "~" as its end when something is missing; 0: whole."""
    if most == 0 or width(text) <= most:
        return text
    room, kept = most - 1, ""
    for c in text:
        room -= _width(c)
        if room < 0:
            break
        kept += c
    return kept + "~"


# ---- tables -------------------------------------------------------------------------------------


class Table:
    """Two blanks between columns; a head whose words are all empty is left out."""

    def __init__(self, indent: int = 0) -> None:
        self._indent = indent
        self._columns: list[tuple[str, bool, int]] = []
        self._rows: list[list[tuple[str, str]]] = []

    def left(self, *heads: str, most: int = 0) -> Table:
        self._columns += [(head, False, most) for head in heads]
        return self

    def right(self, *heads: str) -> Table:
        self._columns += [(head, True, 0) for head in heads]
        return self

    def row(self, *cells: str | tuple[str, str]) -> None:
        """Each a text, or a text and how it is painted."""
        self._rows.append([cell if isinstance(cell, tuple) else (cell, PLAIN) for cell in cells])

    def print(self, before: str = "") -> bool:
        """Whether there was anything to print; before: what comes first, if so."""
        if not self._rows:
            return False
        heads = [(head, PLAIN) for head, _, _ in self._columns]
        rows = [heads, *self._rows] if any(head for head, _ in heads) else self._rows
        mosts = [most for _, _, most in self._columns]
        ready = [[(cut(safe(t), most), p) for (t, p), most in zip(row, mosts)] for row in rows]
        widths = [max(width(row[i][0]) for row in ready) for i in range(len(mosts))]
        print(before, end="")
        for row in ready:
            print(self._line(row, widths))
        return True

    def _line(self, row: list[tuple[str, str]], widths: list[int]) -> str:
        line, owed = "", self._indent  # blanks, paid when something follows: no line ends with one
        for (text, paint), (_, is_right, _), wide in zip(row, self._columns, widths):
            pad = wide - width(text)
            if not text:
                owed += pad + 2
                continue
            line += " " * (owed + (pad if is_right else 0)) + painted(text, paint)
            owed = 2 + (0 if is_right else pad)
        return line
