"""What Python says -> what C takes, and back: the only place where it is converted.

What cannot be taken is an Invalid that names the argument, raised before C is called: ctypes would
cut a number to its low bits and a name at its first NUL, and say nothing. How long something may be
is C's to say.

Instants and durations are whole milliseconds in C. A part of a millisecond counts as a whole one:
nothing is ever early.
"""

from __future__ import annotations

import ctypes
import inspect
import json as _json
import operator
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Callable, Final, Optional, Union
from uuid import UUID

from . import _ffi
from .errors import Invalid, PolicyError

Body = Union[bytes, bytearray, memoryview, str]
Policy = Union[Mapping[str, Any], str, "os.PathLike[str]"]

MISSING: Final[Any] = type("Missing", (), {"__repr__": lambda self: "<missing>"})()
"""Stands for an argument that was not passed, where None is a value."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS: Final = timedelta(milliseconds=1)  # times an int: exact, and the quickest way to make one

# ---- names and texts -----------------------------------------------------------------------------


def name(value: str, what: str) -> bytes:
    """A name: UTF-8, without NUL. Bytes that came out as surrogates (PEP 383) go in again."""
    try:
        data = value.encode()
    except (AttributeError, UnicodeEncodeError):
        data = _encode(value, what)
    if "\0" in value:  # asked of the str: of bytes it takes three times as long
        raise Invalid(f"{what} must not hold a NUL, as {value[:80]!r} does")
    return data


def name_or_none(value: Optional[str], what: str) -> Optional[bytes]:
    return None if value is None else name(value, what)


def names(values: Iterable[str], what: str) -> tuple[Any, int]:
    """Names for C: an array of char pointers, or None for none, and how many."""
    if isinstance(values, (str, bytes)):
        raise Invalid(f"{what} must be a sequence of str, not one {type(values).__name__}")
    try:
        data = [name(value, f"each of {what}") for value in values]
    except TypeError:
        raise _wrong(values, what, "a sequence of str") from None
    if not data:
        return None, 0
    return (ctypes.c_char_p * len(data))(*data), len(data)


def text(value: str, what: str) -> bytes:
    """A word, question, answer or reason: any text."""
    try:
        return value.encode()
    except (AttributeError, UnicodeEncodeError):
        return _encode(value, what)


def text_or_none(value: Optional[str], what: str) -> Optional[bytes]:
    return None if value is None else text(value, what)


def body(value: Body, json: Any = MISSING, what: str = "body") -> bytes:
    """A body: bytes as they are, str as UTF-8, or anything that JSON can say."""
    if json is not MISSING:
        kinds = (bytes, bytearray, memoryview, str)
        if value is not None and not (isinstance(value, kinds) and len(value) == 0):
            raise Invalid(f"{what} and json cannot both be given")
        return json_body(json)
    if type(value) is bytes:
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return text(value, what)
    raise _wrong(value, what, "bytes, bytearray, memoryview or str")


def json_body(value: Any, what: str = "json") -> bytes:
    """JSON text as UTF-8."""
    try:
        document = _json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        try:
            return document.encode()
        except UnicodeEncodeError:  # a lone surrogate: JSON can say it in ASCII, UTF-8 cannot
            return _json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"{what} cannot be said in JSON: {error}") from error


def string(data: bytes) -> str:
    """A name or text from C."""
    return data.decode("utf-8", "surrogateescape")


def string_or_none(data: Optional[bytes]) -> Optional[str]:
    return None if data is None else data.decode("utf-8", "surrogateescape")


def _encode(value: str, what: str) -> bytes:
    if not isinstance(value, str):
        raise _wrong(value, what, "str")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Invalid(
            f"{what} holds a lone surrogate, {value[error.start]!r}, at {error.start}"
        ) from None


# ---- numbers -------------------------------------------------------------------------------------


def integer(value: int, what: str, low: int = 0, high: int = 2**32 - 1) -> int:
    """An int from low to high; a bool is none."""
    if type(value) is not int:
        if isinstance(value, bool):
            raise _wrong(value, what, "int")
        try:
            value = operator.index(value)
        except TypeError:
            raise _wrong(value, what, "int") from None
    if not low <= value <= high:
        raise Invalid(f"{what} must be from {low} to {high}, not {_short(value)}")
    return value


def ticket(value: Any, what: str = "ticket", core: Any = None) -> int:
    """A ticket's number, of itself or of its handle or claim, which have it as `id`: of this core's
    service, for another's ticket of that number is another."""
    if type(value) is not int and hasattr(value, "_core"):
        if core is not None and value._core is not core:
            raise Invalid(f"{what} must be a ticket of this service, not {value!r}")
        value = getattr(value, "id", value)
    return integer(value, what, 1, 2**64 - 1)


def op(value: Optional[UUID], what: str = "op") -> tuple[int, int]:
    """usher_op as (hi, lo)."""
    if value is None:
        return 0, 0
    if not isinstance(value, UUID):
        raise _wrong(value, what, "uuid.UUID or None")
    number = value.int
    if number == 0:
        raise Invalid(f"{what} must not be the nil UUID: it names nothing")
    return number >> 64, number & 0xFFFFFFFFFFFFFFFF


# ---- time ----------------------------------------------------------------------------------------


def instant(value: datetime, what: str) -> int:
    """An aware datetime, in any zone, as ms since 1970 UTC."""
    if not isinstance(value, datetime):
        raise _wrong(value, what, "datetime")
    try:
        since = value - EPOCH
    except TypeError:
        raise Invalid(
            f"{what} must be an aware datetime, say datetime.now(timezone.utc),"
            f" not the naive {value}"
        ) from None
    if since.days < 0:
        raise Invalid(f"{what} must be from 1970 to 9999 UTC, not {value}")
    ms = (since.days * 86400 + since.seconds) * 1000 + since.microseconds // 1000
    if ms > _ffi.AT_MAX:
        raise Invalid(f"{what} must be from 1970 to 9999 UTC, not {value}")
    if since.microseconds % 1000 and ms < _ffi.AT_MAX:
        ms += 1
    return ms


def instant_or_none(
    value: Union[datetime, timedelta, None], what: str, now: Callable[[], int]
) -> int:
    """An instant, or a time from now; None is 0, C's none. now(): the service's own, in ms."""
    if value is None:
        return 0
    if isinstance(value, timedelta):
        ms = now() + duration(value, what)
        if ms > _ffi.AT_MAX:
            raise Invalid(f"{what} must be before the year 10000, not {value} from now")
        return ms
    # The epoch itself would say "none": it is as long past a millisecond later.
    return instant(value, what) or 1


def duration(value: timedelta, what: str, low: int = 0) -> int:
    """A timedelta in ms, no less than low."""
    if not isinstance(value, timedelta):
        raise _wrong(value, what, "timedelta")
    ms = (value.days * 86400 + value.seconds) * 1000 - (-value.microseconds // 1000)
    if ms < low:
        raise Invalid(f"{what} must be {'positive' if low else 'no less than 0'}, not {value}")
    return ms


def duration_or_none(value: Optional[timedelta], what: str) -> int:
    """A timedelta in ms; None is 0, which is the default or none in C."""
    return 0 if value is None else duration(value, what)


def lease_or_none(value: Optional[timedelta], what: str) -> int:
    """How much lease, in ms; None is 0, which is what the policy says. So none at all is the least
    there is."""
    return 0 if value is None else max(duration(value, what), 1)


def wait(value: Optional[timedelta], what: str = "wait") -> int:
    """How long to wait; None: as long as it takes."""
    return _ffi.NEVER if value is None else duration(value, what)


# Of a ticket's instants, its neighbours' and its promises', most are the same few.


@lru_cache(maxsize=4096)
def moment(at: int) -> datetime:
    """An instant from C, in UTC. It must be one."""
    return EPOCH + at * _MS


@lru_cache(maxsize=4096)
def moment_or_none(at: int) -> Optional[datetime]:
    """An instant from C, in UTC; None for 0 and NEVER, and for what no datetime can say."""
    if at <= 0 or at > _ffi.AT_MAX:
        return None
    return EPOCH + at * _MS


@lru_cache(maxsize=4096)
def span(ms: int) -> timedelta:
    """A duration from C, which may be negative. What is too long for a timedelta is the longest."""
    try:
        return ms * _MS
    except OverflowError:
        return timedelta.max if ms > 0 else timedelta.min


@lru_cache(maxsize=4096)
def span_or_none(ms: int) -> Optional[timedelta]:
    """A duration from C; None for -1 and NEVER."""
    return None if ms < 0 or ms == _ffi.NEVER else span(ms)


# ---- policies ------------------------------------------------------------------------------------


def policy(value: Policy, what: str = "policy") -> bytes:
    """A policy's JSON text: of a dict, of a str (JSON text), or of a file (os.PathLike)."""
    if isinstance(value, str):
        data = text(value, what)
    elif isinstance(value, Mapping):
        try:
            data = _json.dumps(dict(value), allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise PolicyError(f"policy: {error}") from error
    elif isinstance(value, os.PathLike):
        with open(value, "rb") as file:
            # One byte more than may be, so that C says that it is too large.
            data = file.read(_ffi.POLICY_MAX + 1)
    else:
        raise _wrong(value, what, "dict, str (JSON text) or os.PathLike (a file)")
    if b"\0" in data:
        raise PolicyError("policy: a NUL is no JSON")
    return data


def _wrong(value: object, what: str, expected: str) -> Invalid:
    return Invalid(f"{what} must be {expected}, not {type(value).__name__}")


def _short(value: int) -> str:
    # str() of a huge int is refused by newer Pythons, and helps nobody.
    return str(value) if value.bit_length() <= 128 else f"an int of {value.bit_length()} bits"


def callback(function: object, what: str) -> None:
    """Something to be called later, when nobody could be told that it cannot."""
    if not callable(function):
        raise Invalid(f"{what} must be a function, not {type(function).__name__}")
    if inspect.iscoroutinefunction(function):
        raise Invalid(f"{what} must be an ordinary function: nobody would await an async one")
