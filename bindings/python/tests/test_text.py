"""Conversion both ways: what cannot be taken is refused by its name, before C sees it, and what is
taken loses nothing."""

from __future__ import annotations

import array
import ctypes
import enum
import json
import pathlib
import tempfile
import unittest
import uuid
from collections import UserDict
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

from usher import _ffi, _text
from usher.errors import Invalid, PolicyError

UTC = timezone.utc
INSTANT = 1704067200123
MOMENT = datetime(2024, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)


class Case(unittest.TestCase):
    def refused(self, expected: str, function: Any, *arguments: Any, **named: Any) -> None:
        with self.assertRaises(Invalid) as caught:
            function(*arguments, **named)
        self.assertIn(expected, caught.exception.detail)
        self.assertEqual(caught.exception.code, _ffi.EINVAL)


class TestNames(Case):
    def test_a_name_is_utf8(self) -> None:
        self.assertEqual(_text.name("alice", "who"), b"alice")
        self.assertEqual(_text.name("Łucja ☎ 🔥", "who"), "Łucja ☎ 🔥".encode())
        self.assertEqual(_text.name("", "who"), b"")  # too short is for C to say, as too long is
        self.assertEqual(_text.name("x" * 10**6, "who"), b"x" * 10**6)

    def test_bytes_that_came_out_go_in_again(self) -> None:
        for data in (b"\xff", b"caf\xe9", bytes(range(1, 256)), "ü".encode(), b"\xed\xa0\x80"):
            self.assertEqual(_text.name(_text.string(data), "who"), data)
            self.assertEqual(_text.text(_text.string(data), "word"), data)

    def test_other_lone_surrogates_are_refused(self) -> None:
        for bad in ("\ud800", "a\udfffb", "\udc7f", "\udd00", "\udbff", "ok\udc80\ud900"):
            self.refused("who holds a lone surrogate", _text.name, bad, "who")
            self.refused("word holds a lone surrogate", _text.text, bad, "word")

    def test_a_nul_would_cut_a_name(self) -> None:
        for bad in ("\0", "alice\0bob", "alice\0", "\udc80\0"):
            self.refused("requester must not hold a NUL", _text.name, bad, "requester")
        self.assertEqual(_text.text("a\0b", "word"), b"a\0b")

    def test_only_str_is_a_name(self) -> None:
        for bad in (None, 5, b"alice", True, 1.5, ["alice"], object(), bytearray(b"x"), {}):
            self.refused("who must be str, not", _text.name, bad, "who")
            self.refused("word must be str, not", _text.text, bad, "word")

    def test_a_kind_of_str_is_one(self) -> None:
        class Team(str, enum.Enum):
            DESK = "desk"

        self.assertEqual(_text.name(Team.DESK, "queue"), b"desk")

    def test_none_is_none_where_it_may_be(self) -> None:
        self.assertIsNone(_text.name_or_none(None, "ref"))
        self.assertIsNone(_text.text_or_none(None, "why"))
        self.assertIsNone(_text.string_or_none(None))
        self.assertEqual(_text.name_or_none("", "ref"), b"")
        self.assertEqual(_text.text_or_none("", "why"), b"")
        self.assertEqual(_text.string_or_none(b""), "")

    def test_names_are_an_array_for_c(self) -> None:
        found, n = _text.names(["vpn", "dänisch"], "skills")
        self.assertEqual(([found[0], found[1]], n), ([b"vpn", "dänisch".encode()], 2))
        self.assertIsInstance(found, ctypes.Array)
        self.assertEqual(_text.names((name for name in ("a", "b", "c")), "skills")[1], 3)
        self.assertEqual(_text.names((), "skills"), (None, 0))
        self.assertEqual(_text.names(set(), "skills"), (None, 0))

    def test_one_str_is_no_sequence_of_names(self) -> None:
        self.refused("skills must be a sequence of str, not one str", _text.names, "vpn", "skills")
        self.refused("skills must be a sequence of str", _text.names, b"vpn", "skills")
        self.refused("skills must be a sequence of str", _text.names, 5, "skills")
        self.refused("skills must be a sequence of str", _text.names, None, "skills")
        self.refused("each of skills must be str", _text.names, ["vpn", 5], "skills")
        self.refused("each of skills must not hold a NUL", _text.names, ["v\0n"], "skills")


class TestBodies(Case):
    def test_bytes_are_taken_as_they_are(self) -> None:
        data = b"\0\xff any"
        self.assertIs(_text.body(data), data)
        self.assertEqual(_text.body(bytearray(data)), data)
        self.assertEqual(_text.body(memoryview(data)[::2]), data[::2])
        self.assertEqual(
            _text.body(memoryview(array.array("I", [1, 2]))), bytes(array.array("I", [1, 2]))
        )
        self.assertEqual(_text.body("ü\0"), "ü\0".encode())
        self.assertEqual(_text.body(b""), b"")

    def test_what_was_passed_may_change_afterwards(self) -> None:
        data = bytearray(b"before")
        taken = _text.body(data)
        data[:] = b"after!"
        self.assertEqual(taken, b"before")

    def test_no_other_type_is_a_body(self) -> None:
        for bad in (5, None, [1, 2], {"a": 1}, True, object(), 10**30):
            self.refused("body must be bytes, bytearray, memoryview or str", _text.body, bad)
        self.refused("lone surrogate", _text.body, "\ud800")

    def test_json_is_utf8(self) -> None:
        self.assertEqual(_text.body(b"", json={"a": ["ü", None]}), '{"a":["ü",null]}'.encode())
        self.assertEqual(_text.body(b"", json=None), b"null")
        self.assertEqual(
            json.loads(_text.json_body({"odd": "\ud800\udc80"[:1]})), {"odd": "\ud800"}
        )

    def test_what_is_no_json_is_refused(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        deep: list[Any] = []
        for _ in range(10**5):
            deep = [deep]
        for bad in (
            object(),
            {1j: 1},
            float("nan"),
            float("inf"),
            b"bytes",
            {"s": {1}},
            loop,
            deep,
        ):
            self.refused("json cannot be said in JSON", _text.json_body, bad)
        while deep:  # or its end would be a recursion too
            deep = deep.pop()

    def test_body_and_json_exclude_each_other(self) -> None:
        self.refused("body and json cannot both be given", _text.body, b"x", json={})
        self.refused("body and json cannot both be given", _text.body, "x", json=None)
        self.refused("body and json cannot both be given", _text.body, 5, json=1)
        self.assertEqual(_text.body("", json=1), b"1")
        self.assertEqual(_text.body(None, json=1), b"1")  # type: ignore[arg-type]


class TestNumbers(Case):
    def test_both_sides_of_a_range(self) -> None:
        for low, high in ((0, 2**32 - 1), (1, 1000), (-(2**31), 2**31 - 1), (0, 2**64 - 1)):
            self.assertEqual(_text.integer(low, "n", low, high), low)
            self.assertEqual(_text.integer(high, "n", low, high), high)
            for bad in (low - 1, high + 1, -(10**30), 10**30, 2**64, -(2**63) - 1):
                self.refused(f"n must be from {low} to {high}", _text.integer, bad, "n", low, high)

    def test_a_huge_int_is_refused_not_cut(self) -> None:
        self.refused("from 0 to 4294967295, not 4294967296", _text.integer, 2**32, "n")
        self.refused("an int of 1000000 bits", _text.integer, 1 << 999999, "n")

    def test_a_bool_is_no_int(self) -> None:
        for function in (_text.integer, _text.ticket):
            self.refused("n must be int, not bool", function, True, "n")
            self.refused("n must be int, not bool", function, False, "n")

    def test_no_other_type_is_an_int(self) -> None:
        for bad in (1.0, "1", None, b"1", 1 + 0j, [1]):
            self.refused("n must be int, not", _text.integer, bad, "n")

    def test_what_is_an_index_is_an_int(self) -> None:
        class Number:
            def __index__(self) -> int:
                return 7

        self.assertIs(type(_text.integer(Number(), "n")), int)  # type: ignore[arg-type]
        self.assertEqual(_text.integer(Number(), "n"), 7)  # type: ignore[arg-type]
        self.assertEqual(_text.integer(enum.IntEnum("E", "A B")(2), "n"), 2)

    def test_a_ticket_is_a_number_or_has_one(self) -> None:
        class Handle:
            id = 9
            _core = "mine"

        class User:
            id = 9

        self.assertEqual(_text.ticket(5), 5)
        self.assertEqual(_text.ticket(Handle(), core="mine"), 9)
        self.refused("must be a ticket of this service", _text.ticket, Handle(), core="another")
        self.refused("ticket must be int, not User", _text.ticket, User())
        self.assertEqual(_text.ticket(2**64 - 1), 2**64 - 1)
        self.assertEqual(_text.ticket(Handle()), 9)
        for bad in (0, -1, 2**64):
            self.refused("ticket must be from 1 to", _text.ticket, bad)
        for bad in (None, "5", 5.0):
            self.refused("ticket must be int", _text.ticket, bad)

    def test_an_op_is_a_uuid(self) -> None:
        op = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
        self.assertEqual(_text.op(op), (0x0011223344556677, 0x8899AABBCCDDEEFF))
        self.assertEqual(_text.op(uuid.UUID(int=2**128 - 1)), (2**64 - 1, 2**64 - 1))
        self.assertEqual(_text.op(None), (0, 0))
        self.refused("op must not be the nil UUID", _text.op, uuid.UUID(int=0))
        for bad in ("00112233-4455-6677-8899-aabbccddeeff", 5, b"x" * 16, True, (1, 2)):
            self.refused("op must be uuid.UUID or None", _text.op, bad)


class Strange(tzinfo):
    """A zone that says nothing: Python calls such a datetime naive too."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None


class TestTime(Case):
    def test_an_instant_is_exact_both_ways(self) -> None:
        self.assertEqual(_text.instant(MOMENT, "start"), INSTANT)
        self.assertEqual(_text.moment(INSTANT), MOMENT)
        for at in (
            0,
            1,
            999,
            1000,
            INSTANT,
            2**31 * 1000 - 1,
            2**53 // 1000 + 1,
            _ffi.AT_MAX - 1,
            _ffi.AT_MAX,
        ):
            moment = _text.moment(at)
            self.assertEqual(_text.instant(moment, "start"), at)
            self.assertIs(moment.tzinfo, UTC)
            self.assertEqual(moment.microsecond % 1000, 0)

    def test_any_zone_will_do(self) -> None:
        for hours in (-12, -5, 0, 5.5, 14):
            zone = timezone(timedelta(hours=hours))
            self.assertEqual(_text.instant(MOMENT.astimezone(zone), "start"), INSTANT)

    def test_a_part_of_a_millisecond_is_never_early(self) -> None:
        for micros, expected in ((0, 0), (1, 1), (999, 1)):
            moment = MOMENT + timedelta(microseconds=micros)
            self.assertEqual(_text.instant(moment, "start"), INSTANT + expected)
            self.assertEqual(_text.duration(timedelta(microseconds=micros), "by"), expected)
        last = datetime.max.replace(tzinfo=UTC)
        self.assertEqual(_text.instant(last, "start"), _ffi.AT_MAX)

    def test_instants_are_from_1970_to_9999(self) -> None:
        zone = timezone(timedelta(hours=-1))
        for bad in (
            _text.EPOCH - timedelta(microseconds=1),
            datetime.min.replace(tzinfo=UTC),
            datetime.max.replace(tzinfo=zone),
            datetime(9999, 12, 31, 23, tzinfo=zone),
        ):
            self.refused("start must be from 1970 to 9999 UTC", _text.instant, bad, "start")

    def test_a_naive_datetime_is_refused(self) -> None:
        for bad in (datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=Strange())):
            self.refused("until must be an aware datetime", _text.instant, bad, "until")
            self.refused("until must be an aware", _text.instant_or_none, bad, "until", lambda: 0)

    def test_nothing_else_is_an_instant(self) -> None:
        for bad in (INSTANT, 1.5, "2024-01-01", date(2024, 1, 1), None, True):
            self.refused("at must be datetime, not", _text.instant, bad, "at")

    def test_an_instant_may_be_left_out_or_be_said_from_now(self) -> None:
        def now() -> int:
            return INSTANT

        self.assertEqual(_text.instant_or_none(None, "until", now), 0)
        self.assertEqual(_text.instant_or_none(MOMENT, "until", now), INSTANT)
        self.assertEqual(_text.instant_or_none(timedelta(hours=1), "until", now), INSTANT + 3600000)
        self.assertEqual(_text.instant_or_none(timedelta(0), "until", now), INSTANT)
        self.assertNotEqual(_text.instant_or_none(_text.EPOCH, "until", now), 0)
        self.refused(
            "until must be before the year 10000",
            _text.instant_or_none,
            timedelta.max,
            "until",
            now,
        )
        self.refused(
            "until must be no less than 0", _text.instant_or_none, timedelta(-1), "until", now
        )
        self.refused("until must be datetime", _text.instant_or_none, 5, "until", now)

    def test_durations(self) -> None:
        for delta in (
            timedelta(0),
            timedelta(milliseconds=1),
            timedelta(days=9, hours=5),
            timedelta.max,
        ):
            ms = _text.duration(delta, "by")
            self.assertEqual(
                ms, delta // timedelta(milliseconds=1) + bool(delta.microseconds % 1000)
            )
            self.assertLess(ms, 2**63)
        self.refused(
            "by must be no less than 0", _text.duration, timedelta(microseconds=-1000), "by"
        )
        self.refused("by must be positive", _text.duration, timedelta(0), "by", 1)
        self.assertEqual(_text.duration(timedelta(microseconds=-1500), "by", -10), -1)
        for bad in (5, 1.5, "1h", None, True):
            self.refused("by must be timedelta, not", _text.duration, bad, "by")
        self.assertEqual(_text.duration_or_none(None, "by"), 0)
        self.assertEqual(_text.duration_or_none(timedelta(1), "by"), 86400000)

    def test_a_wait_without_end(self) -> None:
        self.assertEqual(_text.wait(None), _ffi.NEVER)
        self.assertEqual(_text.wait(timedelta(0)), 0)
        self.assertEqual(_text.wait(timedelta(microseconds=1)), 1)
        self.assertLess(_text.wait(timedelta.max), _ffi.NEVER)

    def test_none_comes_out_of_c_as_none(self) -> None:
        for none in (0, _ffi.NEVER, _ffi.AT_MAX + 1, -1):
            self.assertIsNone(_text.moment_or_none(none))
        self.assertEqual(_text.moment_or_none(INSTANT), MOMENT)
        self.assertEqual(_text.moment_or_none(_ffi.AT_MAX), _text.moment(_ffi.AT_MAX))
        for none in (-1, _ffi.NEVER):
            self.assertIsNone(_text.span_or_none(none))
        self.assertEqual(_text.span_or_none(0), timedelta(0))
        self.assertEqual(_text.span(-1500), timedelta(milliseconds=-1500))
        self.assertEqual(_text.span(2**63 - 2), timedelta.max)
        self.assertEqual(_text.span(-(2**63)), timedelta.min)


class TestPolicies(Case):
    def test_a_policy_is_a_dict_a_text_or_a_file(self) -> None:
        policy = {"promises": {"answer": {"within": "4h"}}}
        self.assertEqual(json.loads(_text.policy(policy)), policy)
        self.assertEqual(json.loads(_text.policy(UserDict(policy))), policy)
        self.assertEqual(_text.policy('{"a": "ü"}'), '{"a": "ü"}'.encode())
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "policy.json")
            path.write_bytes(b'{"x": 1}\n')
            self.assertEqual(_text.policy(path), b'{"x": 1}\n')
            path.write_bytes(b" " * (_ffi.POLICY_MAX + 5))
            self.assertGreater(len(_text.policy(path)), _ffi.POLICY_MAX)
            with self.assertRaises(FileNotFoundError):
                _text.policy(path.with_name("none"))

    def test_what_is_no_policy(self) -> None:
        for bad in (5, None, True, b"{}", [1], object()):
            self.refused("policy must be dict, str (JSON text) or os.PathLike", _text.policy, bad)
        for bad in ({"a": object()}, {"a": float("nan")}, {"a": {1, 2}}, {(1, 2): 3}):
            with self.assertRaises(PolicyError):
                _text.policy(bad)
        with self.assertRaises(PolicyError):
            _text.policy('{}\0{"more": 1}')
        self.refused("lone surrogate", _text.policy, "\ud800")


if __name__ == "__main__":
    unittest.main()
