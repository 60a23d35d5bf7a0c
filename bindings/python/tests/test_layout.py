"""The binding declares all of usher.h as it is: functions, callbacks, structs, words, limits.

Names and types are read from the header; numbers, offsets and sizes are what a C compiler says.
"""

from __future__ import annotations

import ctypes
import enum
import importlib
import inspect
import pathlib
import pkgutil
import re
import struct
import types
import unittest
from typing import Any

import usher
from usher import _ffi, _library, words

from . import header

# Where an enum's names are in Python, by the first: the prefix that they lose, the class or module.
PLACES: dict[str, tuple[str, Any]] = {
    "USHER_OK": ("USHER_", _ffi),
    "USHER_LOW": ("USHER_", words.Priority),
    "USHER_SCHEDULED": ("USHER_", words.State),
    "USHER_PROMISE_ACK": ("USHER_PROMISE_", words.Promised),
    "USHER_RUNNING": ("USHER_", words.PromiseState),
    "USHER_ACKNOWLEDGE": ("USHER_", words.Verb),
    "USHER_TO_QUEUE": ("USHER_TO_", words.To),
    "USHER_BY_MACHINE": ("USHER_", _ffi),
    "USHER_COURTESY": ("USHER_", _ffi),
    "USHER_ON_REQUESTER": ("USHER_ON_", words.On),
    "USHER_AS_ANSWERED": ("USHER_AS_", words.As),
    "USHER_EV_ENQUEUED": ("USHER_EV_", words.EventKind),
    "USHER_NONE": ("USHER_", words.Durability),
    "USHER_RUN": ("USHER_HOLD_", words.Hold),
    "USHER_WAS_JOINED": ("USHER_WAS_", words.Outcome),
    "USHER_NAME_STATE": ("USHER_", _ffi),
    "USHER_WAITS_MIN": ("USHER_", _ffi),
    "USHER_RANK_DUE": ("USHER_RANK_", words.Rank),
    "USHER_READ_TICKETS": ("USHER_", _ffi),
    "USHER_SPAN_OPEN": ("USHER_SPAN_", words.SpanKind),
    "USHER_BREAKS": ("USHER_", words.ChangeKind),
}
NOT_WORDS = {"USHER_STATES": _ffi}  # how many there are, among what there is

SCALARS = {
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "usher_id": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
}
# What has no struct in the header: an address to us.
HANDLES = {"usher_t", "usher_queue_t", "usher_agent_t", "usher_manual_clock_t", "uv_loop_s", "void"}


def modules() -> list[types.ModuleType]:
    """All of the package."""
    names = [info.name for info in pkgutil.walk_packages(usher.__path__, "usher.")]
    return [importlib.import_module(name) for name in names if "__main__" not in name]


def alike(ours: Any, declared: Any) -> bool:
    """A pointer may also be one to a struct that lies in memory as C's does, or any address."""
    if issubclass(declared, ctypes._Pointer) and issubclass(ours, ctypes._Pointer):
        return members(ours._type_) == members(declared._type_)
    pointer = issubclass(declared, (ctypes._Pointer, ctypes._CFuncPtr))
    return ours is declared or (pointer and ours is ctypes.c_void_p)


def members(kind: Any, at: int = 0) -> list[tuple[int, str]]:
    """Where which numbers and pointers lie."""
    if not issubclass(kind, ctypes.Structure):
        one = type("One", (ctypes.Structure,), {"_fields_": [("one", kind)]})
        return [(at, plain(_ffi.unpacker(one))[0])]
    found = []
    for name, field in kind._fields_:
        found += members(field, at + getattr(kind, name).offset)
    return found


def plain(packed: struct.Struct) -> tuple[str, int]:
    """A struct's members and size, however they are written."""
    repeated = re.sub(r"(\d+)(\w)", lambda match: match[2] * int(match[1]), packed.format)
    return repeated.lstrip("@=<").replace("P", "Q"), packed.size


class TestLayout(unittest.TestCase):
    header: header.Header
    numbers: dict[str, int]
    layout: dict[str, dict[str, tuple[int, int]]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.header = header.read()
        cls.numbers, cls.layout = header.compiled(cls.header)

    def test_every_function_is_declared_as_in_the_header(self) -> None:
        table = {name: (restype, argtypes) for name, restype, argtypes in _ffi.FUNCTIONS}
        for name, function in self.header.functions.items():
            self.assertTrue(name in table, f"usher.h has {name}, _ffi.FUNCTIONS has not")
            restype, argtypes = table[name]
            self.assertEqual(
                len(argtypes), len(function.parameters), f"how many arguments {name} takes"
            )
            self.assert_fits(restype, function.result, f"what {name} returns")
            for argtype, parameter in zip(argtypes, function.parameters):
                self.assert_fits(argtype, parameter, f"{parameter.name} of {name}")
        for name in table:
            self.assertTrue(name in self.header.functions, f"{name} is not in usher.h")

    def test_every_function_of_the_library_has_its_argtypes(self) -> None:
        self.assertEqual(len(_ffi.FUNCTIONS), len({name for name, _, _ in _ffi.FUNCTIONS}))
        for name, restype, argtypes in _ffi.FUNCTIONS:
            function = getattr(_ffi.lib, name)
            self.assertEqual(function.argtypes, argtypes, name)
            self.assertIs(function.restype, restype, name)

    def test_a_function_that_is_declared_elsewhere_too_takes_what_is_as_wide(self) -> None:
        table = {name: (restype, argtypes) for name, restype, argtypes in _ffi.FUNCTIONS}
        seen = 0
        for module in modules():
            for name, function in vars(module).items():
                if not isinstance(function, type(_ffi.lib.usher_act)):
                    continue
                where = f"{module.__name__}.{name}"
                restype, argtypes = table[function.__name__]
                self.assertIs(function.restype, restype, where)
                self.assertIsNotNone(function.argtypes, where)
                self.assertEqual(len(function.argtypes), len(argtypes), where)
                for ours, declared in zip(function.argtypes, argtypes):
                    self.assertTrue(alike(ours, declared), f"{where}: {ours}, not {declared}")
                seen += 1
        self.assertGreater(seen, 0)

    def test_a_struct_that_is_packed_is_one_of_the_header(self) -> None:
        known = {plain(_ffi.unpacker(getattr(_ffi, name))) for name in self.header.structs}
        for module in modules():
            for name, value in vars(module).items():
                if isinstance(value, struct.Struct):
                    self.assertIn(plain(value), known, f"{module.__name__}.{name}")

    def test_nothing_is_called_that_is_not_in_the_table(self) -> None:
        table = {name for name, _, _ in _ffi.FUNCTIONS}
        for path in sorted(pathlib.Path(usher.__file__).parent.rglob("*.py")):
            for name in re.findall(r"\b_?lib(?:rary)?\.(usher_\w+)", path.read_text("utf-8")):
                self.assertTrue(name in table, f"{path.name} calls {name}")

    def test_every_callback_is_declared_as_in_the_header(self) -> None:
        for name, callback in self.header.callbacks.items():
            kind = self.callback(name)
            self.assertIsNotNone(kind, f"usher.h has {name}, _ffi has not")
            self.assert_fits(kind._restype_, callback.result, f"what {name} returns")
            self.assertEqual(len(kind._argtypes_), len(callback.parameters), f"arguments of {name}")
            for argtype, parameter in zip(kind._argtypes_, callback.parameters):
                self.assert_fits(argtype, parameter, f"{parameter.name} of {name}")

    def test_every_struct_has_the_members_of_the_header(self) -> None:
        for name, members in self.header.structs.items():
            kind = getattr(_ffi, name, None)
            self.assertIsNotNone(kind, f"usher.h has {name}, _ffi has not")
            self.assertEqual(
                [field[0] for field in kind._fields_], [member.name for member in members], name
            )
            for field, member in zip(kind._fields_, members):
                self.assert_fits(field[1], member, f"{name}.{member.name}")

    def test_every_struct_lies_in_memory_as_in_c(self) -> None:
        self.assertEqual(set(self.layout), set(self.header.structs))
        for name, members in self.layout.items():
            kind = getattr(_ffi, name)
            self.assertEqual(ctypes.sizeof(kind), members[""][1], f"sizeof({name})")
            for member in [field[0] for field in kind._fields_]:
                descriptor = getattr(kind, member)
                self.assertEqual(
                    (descriptor.offset, descriptor.size), members[member], f"{name}.{member}"
                )

    def test_every_struct_of_ours_is_one_of_the_header(self) -> None:
        for name, kind in inspect.getmembers(_ffi, inspect.isclass):
            if issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure:
                self.assertTrue(name in self.header.structs, f"{name} is not in usher.h")

    def test_every_word_has_its_number(self) -> None:
        for names in self.header.enums:
            self.assertIn(names[0], PLACES, f"the enum that begins with {names[0]}")
            prefix, place = PLACES[names[0]]
            for name in names:
                short = name[len(prefix) :] if name.startswith(prefix) else name[len("USHER_") :]
                found = getattr(NOT_WORDS.get(name, place), short, None)
                self.assertIsNotNone(found, f"{name} is {short} nowhere in {place.__name__}")
                self.assertEqual(int(found), self.numbers[name], name)

    def test_every_word_is_in_the_header(self) -> None:
        numbers: dict[Any, set[int]] = {}
        for names in self.header.enums:
            numbers[PLACES[names[0]][1]] = {self.numbers[n] for n in names if n not in NOT_WORDS}
        for name, kind in inspect.getmembers(words, inspect.isclass):
            if issubclass(kind, enum.Enum) and kind.__module__ == words.__name__ and len(kind):
                members = {int(member) for member in kind.__members__.values()}
                self.assertEqual(members, numbers.get(kind), name)
                self.assertIs(getattr(usher, name), kind)

    def test_every_limit_has_its_number(self) -> None:
        self.assertGreater(len(self.header.limits), 20)
        for name in self.header.limits:
            found = getattr(_ffi, name[len("USHER_") :], None)
            self.assertIsNotNone(found, f"usher.h has {name}, _ffi has not")
            self.assertEqual(found, self.numbers[name], name)

    def test_the_version_is_the_headers(self) -> None:
        version = (header.INCLUDE / "usher" / "version.h").read_text("utf-8")
        numbers = re.findall(r"#define USHER_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", version)
        self.assertEqual(_library.VERSION, ".".join(numbers))
        self.assertEqual(usher.__version__, _library.VERSION)
        self.assertEqual(_library._SONAME, f"libusher.so.{numbers[0]}.{numbers[1]}")

    def test_a_struct_is_unpacked_at_once(self) -> None:
        for name in self.header.structs:
            kind = getattr(_ffi, name)
            self.assertEqual(_ffi.unpacker(kind).size, ctypes.sizeof(kind), name)
        done = _ffi.usher_done(80, 2, 3, 4, -5, 6, 7, 8, 9, 10, 11, (b"why", 3))
        row = _ffi.unpacker(_ffi.usher_done).unpack(bytes(done))
        self.assertEqual(row[:11], (80, 2, 3, 4, -5, 6, 7, 8, 9, 10, 11))
        self.assertEqual(_ffi.text_at(row[11], row[12]), b"why")
        figures = _ffi.usher_figures(kept=(1, 2, 3, 4), age=(5, 6, 7, 8, 9, 10))
        row = _ffi.unpacker(_ffi.usher_figures).unpack(bytes(figures))
        self.assertEqual(row[-6:], (5, 6, 7, 8, 9, 10))
        self.assertEqual([n for n in row if 0 < n < 5], [1, 2, 3, 4])

    def assert_fits(self, kind: Any, declared: header.Declared, what: str) -> None:
        self.assertIn(kind, self.acceptable(declared), f"{what}: {declared}")

    def acceptable(self, declared: header.Declared) -> tuple[Any, ...]:
        """What ctypes may call it: of the same width and sign, and a pointer if it is one."""
        if declared.type in self.header.callbacks:
            return (self.callback(declared.type),)
        if declared.stars == 0:
            kind = None if declared.type == "void" else self.value(declared.type)
            return (kind if declared.count is None else kind * declared.count,)
        if declared.stars == 2:
            pointer = ctypes.c_char_p if declared.type == "char" else ctypes.c_void_p
            return (ctypes.POINTER(pointer),)
        if declared.type in HANDLES:
            return (ctypes.c_void_p,)
        if declared.type == "char":
            return (ctypes.c_char_p, ctypes.c_void_p)
        return (ctypes.POINTER(self.value(declared.type)), ctypes.c_void_p)

    def value(self, name: str) -> Any:
        return SCALARS.get(name) or getattr(_ffi, name)

    def callback(self, name: str) -> Any:
        struct, _, member = name.partition(".")
        return dict(getattr(_ffi, struct)._fields_)[member] if member else getattr(_ffi, name, None)


if __name__ == "__main__":
    unittest.main()
