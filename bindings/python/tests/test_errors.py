"""Every error has its class, every int is an error, and words say themselves."""

from __future__ import annotations

import copy
import json
import pickle
import unittest

import usher
from usher import _ffi, errors, words

from . import header

BESIDES = {
    "EINVAL": ValueError,
    "ENOMEM": MemoryError,
    "ENOENT": LookupError,
    "ETIMEDOUT": TimeoutError,
    "EPOLICY": ValueError,
}


class TestErrors(unittest.TestCase):
    def test_every_code_of_the_header_has_a_class_of_its_own(self) -> None:
        names = next(names for names in header.read().enums if names[0] == "USHER_OK")[1:]
        self.assertEqual(len(names), len(errors.CLASSES))
        seen = set()
        for name in names:
            short = name[len("USHER_") :]
            code = getattr(_ffi, short)
            error = errors.error(code)
            self.assertIs(type(error), errors.CLASSES[code])
            self.assertIsNot(type(error), errors.UsherError, name)
            self.assertIsInstance(error, BESIDES.get(short, errors.UsherError))
            self.assertEqual((error.code, error.name), (code, short))
            self.assertIs(getattr(usher, type(error).__name__), type(error))
            self.assertIn(f"{short}: ", type(error).__doc__ or "")
            self.assertRegex(errors.__doc__ or "", rf"{type(error).__name__} +{short}\b")
            seen.add(type(error))
        self.assertEqual(len(seen), len(names))

    def test_every_int_is_an_error(self) -> None:
        small = (0, 1, -1, -2, -28, -4095, -4096, -19999, -20000, -20008, -20012, -20021, -20999)
        large = (
            2**31 - 1,
            -(2**31),
            2**31,
            -(2**31) - 1,
            2**32 - 20007,
            10**30,
            -(10**5000),
        )
        for code in small + large:
            with self.assertRaises(usher.UsherError) as caught:
                raise errors.error(code)
            self.assertIs(type(caught.exception), usher.UsherError)
            self.assertEqual(caught.exception.code, code)
            if abs(code) < 2**64:
                self.assertTrue(caught.exception.name)
                self.assertIn(caught.exception.name, str(caught.exception))

    def test_a_number_is_not_cut_to_another_error(self) -> None:
        for code in (2**32 + _ffi.ESTALE, _ffi.ESTALE - 2**32, 2**64 + _ffi.ESTALE):
            self.assertEqual(str(errors.error(code)), f"error {code}: no such error")

    def test_libuvs_errors_keep_their_names(self) -> None:
        self.assertEqual(errors.error(-28).name, "ENOSPC")
        self.assertEqual(str(errors.error(-28)), "ENOSPC: no space left on device")
        self.assertNotIsInstance(errors.error(-2), usher.NotFound)  # libuv's ENOENT is not usher's

    def test_what_it_says(self) -> None:
        plain = errors.error(_ffi.ESTALE)
        self.assertEqual(str(plain), "ESTALE: the claim has ended: the token is stale")
        self.assertEqual((plain.detail, plain.ticket), ("", None))
        told = errors.error(_ffi.ESTALE, "held by bob", 7)
        self.assertEqual(str(told), "ESTALE: held by bob")
        self.assertEqual((told.detail, told.ticket), ("held by bob", 7))
        self.assertEqual(repr(told), "Stale('held by bob')")

    def test_a_program_may_raise_them(self) -> None:
        error = usher.Invalid("who is missing")
        self.assertEqual(
            (error.code, error.name, error.detail), (_ffi.EINVAL, "EINVAL", "who is missing")
        )
        self.assertEqual(str(usher.TimedOut("late")), "ETIMEDOUT: late")  # OSError's would say less
        self.assertEqual(str(usher.NoMemory()), "ENOMEM: out of memory")

    def test_they_are_copied_and_pickled(self) -> None:
        for code in [*errors.CLASSES, -28, 5]:
            for ticket in (None, 7):
                error = errors.error(code, "ü\udc80", ticket)
                for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
                    self.assertIs(type(again), type(error))
                    self.assertEqual(
                        (again.code, again.detail, again.ticket, str(again)),
                        (code, error.detail, ticket, str(error)),
                    )

    def test_so_is_that_events_were_lost(self) -> None:
        error = usher.EventsLost(3, 4)
        for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            self.assertIs(type(again), usher.EventsLost)
            self.assertEqual((again.lost, str(again)), (3, str(error)))

    def test_the_path_of_a_policys_mistake(self) -> None:
        for detail, path in (
            ("policy: lease.max: expected no less than lease.for", "lease.max"),
            ("policy: line 3, column 7: expected a comma", "line 3, column 7"),
            ('policy: calendars["a b"].mon[0]: wrong', 'calendars["a b"].mon[0]'),
            ("policy: empty", ""),
            ("", ""),
        ):
            self.assertEqual(usher.PolicyError(detail).path, path)


class TestWords(unittest.TestCase):
    def test_str_is_ushers_own_word(self) -> None:
        for kind, what in (
            (words.State, _ffi.NAME_STATE),
            (words.Verb, _ffi.NAME_VERB),
            (words.EventKind, _ffi.NAME_EVENT),
            (words.Promised, _ffi.NAME_PROMISE),
            (words.Priority, _ffi.NAME_PRIORITY),
        ):
            for member in kind:
                self.assertEqual(str(member).encode(), _ffi.lib.usher_name(what, member))

    def test_in_a_text_it_is_the_word_and_elsewhere_a_number(self) -> None:
        state = words.State.WAITING
        self.assertEqual(
            f"{state} {state!s:>9} {state:9}| {state:d} {state:02x}",
            "waiting   waiting waiting  | 2 02",
        )
        self.assertEqual(state, 2)
        self.assertEqual(json.dumps({"state": state}), '{"state": 2}')
        self.assertEqual(repr(state), "<State.WAITING: 2>")

    def test_flags_are_joined(self) -> None:
        both = words.Outcome.JOINED | words.Outcome.CLIPPED
        self.assertEqual(
            (str(both), f"{both}", f"{both:d}"), ("joined|clipped", "joined|clipped", "3")
        )
        self.assertEqual(str(words.Outcome(0)), "")
        self.assertEqual(str(words.Hold(0)), "run")
        self.assertEqual(str(words.Outcome(4)), "repeated")
        self.assertIn(words.Outcome.JOINED, both)

    def test_a_number_of_a_newer_library_is_a_word_too(self) -> None:
        for kind in (words.State, words.EventKind, words.Durability, words.On):
            for number in (0, 9999, -1, 10**30):
                unknown = kind(number)
                self.assertIsInstance(unknown, kind)
                self.assertEqual((unknown, str(unknown)), (number, f"number_{number}"))
                self.assertEqual(pickle.loads(pickle.dumps(unknown)), unknown)
                self.assertNotIn(unknown, list(kind))
        self.assertEqual(str(words.Outcome(1 | 1 << 20)), "joined|1048576")
        self.assertEqual(int(words.Outcome(1 << 20)), 1 << 20)

    def test_a_word_is_a_number_or_its_name(self) -> None:
        self.assertIs(words.State("waiting"), words.State.WAITING)
        self.assertIs(words.As("no_reply"), words.As.NO_REPLY)
        for bad in ("wating", "", None, 1.5, []):
            with self.assertRaises(ValueError):
                words.State(bad)


if __name__ == "__main__":
    unittest.main()
