"""Figures as people read them, in the words of the C command (examples/common/words.c)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Optional

MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
_FAR = timedelta(days=60)
_UNITS = ((86400000, "d"), (3600000, "h"), (60000, "min"), (1000, "s"), (1, "ms"))
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def count(n: int) -> str:
    return f"{n:,}"


def share(part: int, whole: int) -> str:
    if whole == 0:
        return "-"
    if part == whole:
        return "100 %"
    # Cut, never rounded up: 99.96 % of the promises is not all of them.
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"


def duration(span: timedelta, most: int = 2) -> str:
    """ "2 h 5 min"; at most so many units, 1 or 2."""
    ms = span // MS
    sign = "-" if ms < 0 else ""
    ms = abs(ms)
    if ms == 0:
        return "0"
    at = next(i for i, (size, _) in enumerate(_UNITS) if ms >= size)
    size, unit = _UNITS[at]
    said = f"{sign}{ms // size} {unit}"
    if most > 1 and size > 1000:
        next_size, next_unit = _UNITS[at + 1]
        rest = ms % size // next_size
        if rest > 0:
            said += f" {rest} {next_unit}"
    return said


def about(span: timedelta) -> str:
    return duration(span, 1)


def day(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def minute(at: datetime) -> str:
    return f"{day(at)} {at:%H:%M}"


def second(at: datetime) -> str:
    return f"{day(at)} {at:%H:%M:%S}"


def when(at: datetime, now: datetime) -> str:
    """ "3 h ago", "in 2 d"; what is far off is a date."""
    off = at - now
    if abs(off) > _FAR:
        return day(at)
    if abs(off) < SECOND:
        return "now"
    return f"{about(-off)} ago" if off < timedelta(0) else f"in {about(off)}"


def instant(at: datetime, now: datetime) -> str:
    """ "3 h ago, 2 Mar 2026 09:40:00 UTC" """
    near, exact = when(at, now), second(at)
    return f"{exact} UTC" if exact.startswith(near) else f"{near}, {exact} UTC"


def due(at: Optional[datetime], now: datetime) -> str:
    """Of a promise: "in 12 min", "3 h over", "-"."""
    if at is None:
        return "-"
    return when(at, now) if at >= now else f"{about(now - at)} over"


def size(n: int) -> str:
    units = ("bytes", "kB", "MB", "GB", "TB")
    tenths, at = n * 10, 0
    while tenths >= 10000 and at < 4:
        tenths, at = tenths // 1000, at + 1
    if tenths >= 100 or at == 0:
        return f"{tenths // 10} {units[at]}"
    return f"{tenths // 10}.{tenths % 10} {units[at]}"
