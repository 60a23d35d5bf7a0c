"""The manual clock moves when it is told to, and lives as long as somebody has it."""

from __future__ import annotations

import gc
import unittest
from datetime import datetime, timedelta, timezone
from unittest import mock

import usher
from usher import _ffi, clock

NOON = datetime(2024, 5, 6, 12, tzinfo=timezone.utc)


class TestManualClock(unittest.TestCase):
    def test_it_stands_where_it_was_set(self) -> None:
        self.assertEqual(usher.ManualClock(NOON).now, NOON)
        self.assertEqual(usher.ManualClock(NOON.astimezone(timezone(timedelta(hours=9)))).now, NOON)
        self.assertEqual(usher.ManualClock().now, datetime(2024, 1, 1, tzinfo=timezone.utc))
        self.assertEqual(
            repr(usher.ManualClock(NOON)), "<usher.ManualClock 2024-05-06T12:00:00+00:00>"
        )

    def test_the_wall_alone_steps_both_ways(self) -> None:
        manual = usher.ManualClock(NOON)
        pointer = manual.pointer.contents
        boot = pointer.boot_ms(pointer.ctx)
        manual.step(timedelta(hours=-1))
        self.assertEqual(manual.now, NOON - timedelta(hours=1))
        manual.step(timedelta(milliseconds=1))
        self.assertEqual(manual.now, NOON - timedelta(hours=1) + timedelta(milliseconds=1))
        self.assertEqual(pointer.boot_ms(pointer.ctx), boot)

    def test_skipping_moves_both(self) -> None:
        manual = usher.ManualClock(NOON)
        pointer = manual.pointer.contents
        boot = pointer.boot_ms(pointer.ctx)
        manual.skip(NOON + timedelta(hours=1))
        manual.skip(timedelta(hours=1))
        self.assertEqual(manual.now, NOON + timedelta(hours=2))
        self.assertEqual(pointer.boot_ms(pointer.ctx) - boot, 7200000)

    def test_where_it_cannot_go(self) -> None:
        manual = usher.ManualClock(NOON)
        for function, to in (
            (manual.skip, NOON - timedelta(seconds=1)),
            (manual.skip, timedelta(seconds=-1)),
            (manual.skip, timedelta.max),
            (manual.skip, datetime(2025, 1, 1)),
            (manual.skip, 5),
            (manual.step, timedelta(days=-99999)),
            (manual.step, timedelta.max),
            (manual.step, timedelta.min),
            (manual.step, 5),
            (usher.ManualClock, datetime(2024, 1, 1)),
            (usher.ManualClock, 5),
        ):
            with self.assertRaises(usher.Invalid):
                function(to)  # type: ignore[operator]
        self.assertEqual(manual.now, NOON)

    def test_it_is_freed_when_nobody_has_it(self) -> None:
        with mock.patch.object(clock, "_free", wraps=_ffi.lib.usher_manual_clock_free) as free:
            manual = usher.ManualClock(NOON)
            handle = manual._handle
            free.assert_not_called()
            del manual
            gc.collect()
            free.assert_called_once_with(handle)

    def test_one_that_could_not_be_made_frees_nothing(self) -> None:
        with mock.patch.object(clock, "_free") as free:
            with self.assertRaises(usher.Invalid):
                usher.ManualClock(datetime(1, 1, 1, tzinfo=timezone.utc))
            gc.collect()
            free.assert_not_called()

    def test_services_on_it_keep_it(self) -> None:
        with mock.patch.object(clock, "_free", wraps=_ffi.lib.usher_manual_clock_free) as free:
            manual = usher.ManualClock(NOON)
            one, other = usher.Service(clock=manual), usher.Service(clock=manual)
            manual.skip(timedelta(hours=1))
            del manual
            one.advance(timedelta(hours=1))
            self.assertEqual(other.now(), NOON + timedelta(hours=2))
            one.close()
            gc.collect()
            free.assert_not_called()
            other.close()
            del one, other
            gc.collect()
            free.assert_called_once()

    def test_a_service_that_is_forgotten_is_closed_before_its_clock_is_freed(self) -> None:
        gc.collect()  # what other tests left
        with mock.patch.object(clock, "_free", wraps=_ffi.lib.usher_manual_clock_free) as free:
            with self.assertWarns(ResourceWarning):
                desk = usher.Service(clock=usher.ManualClock(NOON))
                desk.queue("help").enqueue("alice")
                del desk
                gc.collect()
            free.assert_called_once()


if __name__ == "__main__":
    unittest.main()
