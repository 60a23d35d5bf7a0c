"""How values come out of C structs, quickly: a snapshot is made for every command and every event.

What C hands out is read by address, and copied: nothing here keeps a pointer.
"""

from __future__ import annotations

import ctypes
import dataclasses
from datetime import datetime, timedelta
from enum import Enum, IntEnum, IntFlag
from typing import Any, Callable, Dict, Optional, Tuple, Type, Union

from . import _ffi
from ._text import string, string_or_none


def reader(declared: Type[ctypes.Structure]) -> Callable[[int], Tuple[Any, ...]]:
    """Reads a C struct: called with its address it gives all of its values in order, pointers as
    addresses. Quicker than string_at(), which copies twice."""
    octets = ctypes.c_char * ctypes.sizeof(declared)
    unpack = _ffi.unpacker(declared).unpack_from
    return lambda address: unpack(octets.from_address(address))


def thawed(frozen: type) -> Callable[..., Any]:
    """A frozen dataclass before it is frozen: called with the values of its fields, in order, it makes
    an ordinary object, which becomes one of them when its __class__ is set. The frozen class's own
    __init__ takes five times as long."""
    return dataclasses.make_dataclass(
        f"_{frozen.__name__}", [field.name for field in dataclasses.fields(frozen)]
    )


class Snapshot:
    """What is printed of one: the fields that say something, and instants and words as people write them."""

    def __repr__(self) -> str:
        told = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value or isinstance(value, timedelta) or (value == 0 and "Optional[int]" in str(field.type)):
                told.append(f"{field.name}={_shown(value)}")
        return f"{type(self).__name__}({', '.join(told)})"


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        whole = value.microsecond == 0
        return value.isoformat(" ", "seconds" if whole else "milliseconds").replace("+00:00", "Z")
    if isinstance(value, (Enum, timedelta)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_shown(key)}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, frozenset):
        return "{" + ", ".join(map(_shown, sorted(value))) + "}"
    return repr(value)


class Words(Dict[int, Any]):
    """An enum's members by their number in C, 0 being `none`; those of a newer library as the enum
    makes them."""

    def __init__(self, kind: Type[Union[IntEnum, IntFlag]], none: Any = None) -> None:
        super().__init__((int(member), member) for member in kind)
        self._kind = kind
        self[0] = none

    def __missing__(self, number: int) -> Any:
        return self._kind(number)


# ---- text ---------------------------------------------------------------------------------------


def name(address: int) -> Optional[str]:
    """A C string. Python reads it faster as the value of a c_char_p than with string_at()."""
    return string_or_none(ctypes.c_char_p(address).value) if address else None


def octets(address: int, length: int) -> Optional[bytes]:
    """A usher_text."""
    if not address:
        return None
    value = ctypes.c_char_p(address).value
    return value if value is not None and len(value) == length else ctypes.string_at(address, length)


def text(address: int, length: int) -> Optional[str]:
    return string_or_none(octets(address, length)) if address else None


def queue_name(queue: int) -> str:
    return string(_ffi.lib.usher_queue_name(queue))


def agent_name(agent: int) -> str:
    return string(_ffi.lib.usher_agent_name(agent))
