"""Finds and loads libusher. What cannot be loaded is an ImportError that says what was tried."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import importlib.metadata
import os
import pathlib
from collections.abc import Iterator
from typing import Any, Optional

VERSION = "0.1.0"
"""The version that this binding was written for; while it is 0.x, major and minor must be the
library's."""

_SONAME = "libusher.so.0.1"
_BUNDLED = pathlib.Path(__file__).resolve().parent / "_libusher.so"

_HOW = (
    "Install the package with its library (`pip install ./bindings/python`), or install usher\n"
    "(`cmake --install`), or set USHER_LIBRARY to the path of libusher.so."
)

Function = tuple[str, Optional[type], tuple[Any, ...]]
"""A row of the table of functions: name, what it returns, what it takes."""


def load(table: tuple[Function, ...]) -> ctypes.CDLL:
    """The library, with every function of the table declared; ImportError."""
    library = _open()
    _check_version(library)
    for name, restype, argtypes in table:
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(
                f"usher: {library._name} has no {name}: it says it is {_version_of(library)},"
                f" and this is the Python binding {VERSION}",
                name="usher",
                path=library._name,
            ) from None
        function.restype = restype
        function.argtypes = argtypes
    return library


def _open() -> ctypes.CDLL:
    override = os.environ.get("USHER_LIBRARY")
    tried = []
    # Who names a library means that one: falling back to another would hide the mistake.
    for path in [override] if override else _candidates():
        try:
            return ctypes.CDLL(path)
        except OSError as error:
            reason = str(error)
            tried.append(f"    {reason if reason.startswith(path) else f'{path}: {reason}'}")
    if not override:
        tried.append("    what ctypes.util.find_library('usher') finds: nothing that loads")
    where = "USHER_LIBRARY" if override else "any of these"
    raise ImportError(
        "\n".join([f"usher: libusher cannot be loaded from {where}:", *tried, _HOW]), name="usher"
    )


def _candidates() -> Iterator[str]:
    yield str(_BUNDLED)
    yield from _editable()
    yield _SONAME  # before find_library(), which needs ldconfig or a compiler, and fails on musl
    found = ctypes.util.find_library("usher")
    if found is not None:
        yield found


def _editable() -> Iterator[str]:
    """What `pip install -e` has compiled: it is installed, these files stay where they are."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = importlib.metadata.distribution("usher").locate_file("usher/_libusher.so")
        if os.path.exists(found):
            yield str(found)


def _check_version(library: ctypes.CDLL) -> None:
    try:
        version = _version_of(library)
    except AttributeError:
        raise ImportError(
            f"usher: {library._name} has no usher_version: it is not libusher,"
            f" and this is the Python binding {VERSION}",
            name="usher",
            path=library._name,
        ) from None
    if version.split(".")[:2] != VERSION.split(".")[:2]:
        raise ImportError(
            f"usher: {library._name} is version {version},"
            f" and this is the Python binding {VERSION}:"
            f" they must have the same major and minor number\n{_HOW}",
            name="usher",
            path=library._name,
        )


def _version_of(library: ctypes.CDLL) -> str:
    library.usher_version.restype = ctypes.c_uint32
    library.usher_version.argtypes = ()
    number: int = library.usher_version()
    return f"{number >> 16}.{number >> 8 & 0xFF}.{number & 0xFF}"
