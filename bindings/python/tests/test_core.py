"""One open service from inside: calls, turns, what callbacks raise, signals, threads, forks, and the end."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import weakref
from typing import Any, Callable, List, Optional
from unittest import mock

import usher
from usher import _calls, _core, _ffi
from usher._core import COLLECTED, DONE, EVENT, PAGE, WORK, Call, Core, Hooks
from usher._ffi import lib
from usher.clock import ManualClock
from usher.errors import Canceled, Forked, Invalid, NotFound, TimedOut, UsherError, WrongState, WrongThread
from usher.snapshots import Done, done, event
from usher.words import EventKind, Verb

REQUEST = ctypes.sizeof(_ffi.usher_request)
AT_ONCE, FOR_EVER = 0, _ffi.NEVER


def rows(work: int, n: int) -> List[Any]:
    kind = _ffi.usher_work
    return [kind.from_address(work + i * ctypes.sizeof(kind)).claim.ticket for i in range(n)]


class Desk:
    """A core, with as little around it as the tests need."""

    def __init__(self, **arguments: Any) -> None:
        self.core = Core(arguments.pop("store", b"memory:"), **arguments)
        self.queue = self._handle(lib.usher_queue, b"help")
        self.agent = self._handle(lib.usher_agent, b"ann", None, 0)
        self.abandoned: List[Any] = []
        self.withdrawn: List[int] = []

    def _handle(self, make: Any, *arguments: Any) -> int:
        out = ctypes.c_void_p()
        self.core.sync(make(self.core.u, ctypes.byref(out), *arguments))
        assert out.value
        return out.value

    def enqueue(self, read: Callable[[int], Any] = done) -> Any:
        request = _ffi.usher_request(REQUEST, b"bob")
        token = self.core.slot(read)
        err = lib.usher_enqueue(self.queue, ctypes.byref(request), DONE, token)
        return self.core.finish(token, err)

    def claim(self, wait: int = AT_ONCE, read: Callable[[int, int], Any] = rows) -> Any:
        token = self.core.slot(read, self.abandoned.append, self._withdraw)
        err = lib.usher_claim_next(self.agent, self.queue, wait, WORK, token)
        return self.core.finish(token, err)

    def _withdraw(self, token: int) -> None:
        self.withdrawn.append(token)
        lib.usher_claim_cancel(self.agent, token)

    def body(self, ticket: int) -> Any:
        query = _ffi.usher_query(ctypes.sizeof(_ffi.usher_query), _ffi.READ_BODY, 0, ticket)
        token = self.core.slot(lambda page: _ffi.usher_page.from_address(page).text.len)
        return self.core.finish(token, lib.usher_read(self.core.u, ctypes.byref(query), PAGE, token))

    def listen(self, listener: Callable[[int], object]) -> int:
        token = self.core.listen(listener)
        self.core.sync(lib.usher_subscribe(self.core.u, None, 0, EVENT, token))
        return token


class DeskCase(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(self.assertEqual, _calls.calls, {})
        self.addCleanup(self.assertEqual, _calls.listeners, {})
        self.addCleanup(self.assertEqual, _calls.posts, {})
        self.addCleanup(self.assertEqual, _calls.closes, {})
        self.addCleanup(self.assertEqual, sys.unraisablehook, sys.unraisablehook)

    def desk(self, **arguments: Any) -> Desk:
        desk = Desk(**arguments)
        self.addCleanup(desk.core.close)
        return desk


class TestCalls(DeskCase):
    def test_call__returns_what_read_made(self) -> None:
        desk = self.desk()
        self.assertIsInstance(desk.enqueue(), Done)
        self.assertEqual([1 + i for i in range(1, 4)], [desk.enqueue().ticket for _ in range(3)])
        self.assertEqual(0, desk.body(1))
        self.assertEqual([1], desk.claim())

    def test_call__status_is_the_exception_with_detail_and_ticket(self) -> None:
        desk = self.desk()
        claim = _ffi.usher_claim(77, 1)
        token = desk.core.slot(done)
        err = lib.usher_resolve(desk.core.u, ctypes.byref(claim), 0, b"so", DONE, token)
        with self.assertRaises(NotFound) as caught:
            desk.core.finish(token, err)
        self.assertEqual(77, caught.exception.ticket)
        self.assertIn("77", caught.exception.detail)
        with self.assertRaises(NotFound):
            desk.body(77)
        with self.assertRaises(TimedOut):
            desk.claim()

    def test_call__refused_leaves_nothing(self) -> None:
        desk = self.desk()
        token = desk.core.slot(done)
        with self.assertRaises(Invalid):
            desk.core.finish(token, lib.usher_enqueue(desk.queue, None, DONE, token))
        self.assertEqual([], desk.core.pending)

    def test_call__detail_of_a_refusal_from_a_buffer(self) -> None:
        desk = self.desk()
        why = ctypes.create_string_buffer(200)
        token = desk.core.slot(done)
        err = lib.usher_define(desk.queue, b'{"nonsense": 1}', why, len(why), DONE, token)
        with self.assertRaisesRegex(UsherError, "nonsense"):
            desk.core.finish(token, err, why)

    def test_call__what_read_raises_is_its_result(self) -> None:
        desk = self.desk()

        def read(address: int) -> None:
            raise KeyError("read")

        with self.assertRaisesRegex(KeyError, "read"):
            desk.enqueue(read)
        self.assertEqual(2, desk.enqueue().ticket)

    def test_call__told_once(self) -> None:
        desk = self.desk()
        told: List[int] = []
        desk.enqueue(told.append)
        self.assertEqual(1, len(told))
        # C will not, but if it did: what is out of the table is not told.
        row = _ffi.usher_done(ctypes.sizeof(_ffi.usher_done))
        DONE(desk.core.u, ctypes.addressof(row), 10**9)
        WORK(desk.agent, 0, 0, 0, 10**9)
        PAGE(desk.core.u, 0, 0, 10**9)
        EVENT(desk.core.u, 0, 10**9)
        self.assertEqual(1, len(told))

    def test_collected__is_read_whatever_its_status(self) -> None:
        desk = self.desk()
        commands = (_ffi.usher_command * 2)()
        for command in commands:
            command.size = ctypes.sizeof(command)
            command.verb, command.claim.ticket = Verb.NOTE, 99
            command.text.data, command.text.len = b"x", 1
        results = (_ffi.usher_done * 2)()
        token = desk.core.slot(lambda last: [row.status for row in results])
        collected = _ffi.usher_collected(
            ctypes.sizeof(_ffi.usher_collected), results, ctypes.sizeof(results[0]), 2, 0, COLLECTED, token
        )
        took = lib.usher_act_many(desk.core.u, commands, 2, _ffi.COLLECT, ctypes.addressof(collected))
        self.assertEqual(2, took)
        self.assertEqual([_ffi.ENOENT] * 2, desk.core.finish(token, 0))

    def test_collection__of_everything_while_calls_are_outstanding(self) -> None:
        before = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *before)
        gc.set_threshold(1)
        desk = self.desk()
        for ticket in range(1, 50):
            self.assertEqual(ticket, desk.enqueue(lambda address: gc.collect() and None or done(address)).ticket)

    def test_collection__a_core_with_a_call_pending_is_not_collected(self) -> None:
        desk = Desk()
        core = weakref.ref(desk.core)
        token = desk.core.slot(rows)
        self.assertEqual(0, lib.usher_claim_next(desk.agent, desk.queue, FOR_EVER, WORK, token))
        del desk
        gc.collect()
        alive = core()
        self.assertIsNotNone(alive)
        assert alive is not None
        alive.close()

    def test_collection__a_forsaken_core_is_closed_with_a_warning(self) -> None:
        desk = Desk(store=b"memory:")
        u = desk.core.u
        with self.assertWarnsRegex(ResourceWarning, "memory:"):
            with mock.patch.object(lib, "usher_close", wraps=lib.usher_close) as closed:
                del desk
                gc.collect()
        self.assertEqual(u, closed.call_args[0][0])


class TestInside(DeskCase):
    """What happens in callbacks."""

    def test_events__come_before_the_completion_of_their_command(self) -> None:
        desk = self.desk()
        order: List[str] = []
        desk.listen(lambda address: order.append(str(event(address).kind)))
        desk.enqueue(lambda address: order.append("done"))
        self.assertEqual(["enqueued", "done"], order)

    def test_exception__is_raised_by_the_call_that_turned(self) -> None:
        desk = self.desk()
        wrong = [ZeroDivisionError("first"), KeyError("second")]

        def listener(address: int) -> None:
            if wrong:
                raise wrong.pop(0)

        desk.listen(listener)
        with self.assertRaisesRegex(ZeroDivisionError, "first"):
            desk.enqueue()
        with self.assertRaisesRegex(KeyError, "second"):
            desk.enqueue()
        self.assertEqual(3, desk.enqueue().ticket)

    def test_exception__those_beside_the_first_are_logged(self) -> None:
        desk = self.desk()

        def listener(address: int) -> None:
            raise ZeroDivisionError

        desk.listen(listener)
        desk.listen(listener)
        with self.assertLogs("usher", "ERROR") as logs:
            with self.assertRaises(ZeroDivisionError):
                desk.enqueue()
        self.assertEqual(1, len(logs.records))
        assert logs.records[0].exc_info
        self.assertIs(ZeroDivisionError, logs.records[0].exc_info[0])

    def test_exit__is_raised_after_the_turn_and_comes_before_other_exceptions(self) -> None:
        for kind in (KeyboardInterrupt, SystemExit):
            desk = self.desk()

            def first(address: int) -> None:
                raise ZeroDivisionError

            def second(address: int) -> None:
                raise kind

            desk.listen(first)
            desk.listen(second)
            with self.assertLogs("usher"), self.assertRaises(kind):
                desk.enqueue()
            self.assertEqual([], desk.core.raised)

    def test_blocking_call__inside_a_callback_is_refused_before_it_is_made(self) -> None:
        desk = self.desk()
        refused: List[Exception] = []

        def listener(address: int) -> None:
            attempts: List[Callable[[], Any]] = [desk.enqueue, desk.core.turn, desk.core.close, lambda: desk.core.advance(1)]
            for attempt in attempts:
                try:
                    attempt()
                except Exception as reason:
                    refused.append(reason)

        desk.listen(listener)
        self.assertEqual(1, desk.enqueue().ticket)
        self.assertEqual([WrongState] * 4, [type(reason) for reason in refused])
        for reason in refused:
            self.assertIn("post()", str(reason))
        self.assertEqual(1, self._counted(desk))
        self.assertEqual([1], desk.claim())

    def _counted(self, desk: Desk) -> int:
        counts = (ctypes.c_uint64 * _ffi.STATES)()
        desk.core.sync(lib.usher_counts(desk.queue, counts))
        return sum(counts)

    def test_sync_call__inside_a_callback(self) -> None:
        desk = self.desk()
        counted: List[int] = []

        def listener(address: int) -> None:
            desk.core.check()
            counted.append(self._counted(desk))

        desk.listen(listener)
        desk.enqueue()
        self.assertEqual([1], counted)

    def test_post__runs_after_the_turn_and_may_block(self) -> None:
        desk = self.desk()
        tickets: List[int] = []

        def listener(address: int) -> None:
            if event(address).ticket in (1, 2, 3):
                desk.core.post(lambda: tickets.append(desk.enqueue().ticket))

        desk.listen(listener)
        self.assertEqual(1, desk.enqueue().ticket)
        while desk.core.turn():
            pass
        self.assertEqual([2, 3, 4], tickets)

    def test_post__what_it_raises_is_raised_and_the_rest_runs_at_the_next_turn(self) -> None:
        desk = self.desk()
        ran: List[int] = []

        def wrong() -> None:
            raise ZeroDivisionError

        desk.core.post(wrong)
        desk.core.post(lambda: ran.append(1))
        with self.assertRaises(ZeroDivisionError):
            desk.core.turn()
        self.assertEqual([], ran)
        desk.core.turn()
        self.assertEqual([1], ran)

    def test_turning__is_not_believed_when_c_says_otherwise(self) -> None:
        # As when a signal came between the return of C and ours.
        desk = self.desk()
        desk.core._door = -1
        self.assertEqual(1, desk.enqueue().ticket)

    def test_listener__that_is_gone_hears_nothing(self) -> None:
        desk = self.desk()
        heard: List[int] = []
        token = desk.listen(heard.append)
        desk.enqueue()
        desk.core.sync(lib.usher_unsubscribe(desk.core.u, EVENT, token))
        desk.core.unlisten(token)
        desk.enqueue()
        self.assertEqual(1, len(heard))


class TestHooks(DeskCase):
    def _lose(self, desk: Desk) -> None:
        claim = _ffi.usher_claim(77, 1)
        no_callback: Any = ctypes.cast(0, _ffi.usher_done_cb)
        desk.core.sync(lib.usher_resolve(desk.core.u, ctypes.byref(claim), 0, None, no_callback, None))
        desk.core.turn()

    def test_on_lost__is_told_of_what_nobody_waits_for(self) -> None:
        lost: List[Any] = []
        desk = self.desk(hooks=Hooks(on_lost=lambda failure, verb: lost.append((failure, verb))))
        self._lose(desk)
        ((failure, verb),) = lost
        self.assertIsInstance(failure, NotFound)
        self.assertEqual((77, Verb.RESOLVE), (failure.ticket, verb))

    def test_on_lost__is_logged_without_a_hook(self) -> None:
        with self.assertLogs("usher", "WARNING") as logs:
            self._lose(self.desk())
        self.assertIn("ticket 77: resolve", logs.output[0])

    def test_on_lost__what_it_raises_is_raised(self) -> None:
        def on_lost(failure: UsherError, verb: Optional[Verb]) -> None:
            raise failure

        desk = self.desk(hooks=Hooks(on_lost=on_lost))
        with self.assertRaises(NotFound):
            self._lose(desk)

    def test_trace__is_told_and_must_not_call(self) -> None:
        lines: List[str] = []
        refused: List[BaseException] = []
        desks: List[Desk] = []

        def trace(line: str) -> None:
            lines.append(line)
            if desks:
                try:
                    desks[0].core.check()
                except WrongState as reason:
                    refused.append(reason)

        desk = self.desk(hooks=Hooks(trace=trace))
        desks.append(desk)
        desk.enqueue()
        self.assertIn("enqueue help, 1: ticket 1: USHER_OK", lines)
        self.assertTrue(refused)
        self.assertIn("trace", str(refused[0]))
        desks.clear()

    def test_trace__what_it_raises_is_raised_by_the_next_turn(self) -> None:
        wrong = [ZeroDivisionError()]

        def trace(line: str) -> None:
            if wrong and line.startswith("enqueue"):
                raise wrong.pop()

        desk = self.desk(hooks=Hooks(trace=trace))
        with self.assertRaises(ZeroDivisionError):
            desk.enqueue()
        self.assertEqual(2, desk.enqueue().ticket)

    def test_open__refused_says_why(self) -> None:
        with self.assertRaisesRegex(Invalid, "sqlite:PATH"):
            Core(b"nowhere:")
        self.assertEqual([], [core for core in _calls.cores.values() if core.store == b"nowhere:"])


class TestClock(DeskCase):
    def test_advance__runs_what_is_due_at_its_instant(self) -> None:
        desk = self.desk(clock=ManualClock())
        now = lib.usher_now(desk.core.u)
        request = _ffi.usher_request(REQUEST, b"bob", start_at=now + 5000)
        token = desk.core.slot(done)
        desk.core.finish(token, lib.usher_enqueue(desk.queue, ctypes.byref(request), DONE, token))
        started: List[int] = []
        desk.listen(lambda address: started.append(_ffi.usher_event.from_address(address).at - now))
        desk.core.advance(now + 4999)
        self.assertEqual([], started)
        desk.core.advance(now + 9999)
        self.assertEqual([5000], started)

    def test_advance__raises_and_runs_posts_as_a_turn_does(self) -> None:
        desk = self.desk(clock=ManualClock())
        ran: List[int] = []
        desk.core.post(lambda: ran.append(1))
        now = lib.usher_now(desk.core.u)
        desk.core.advance(now + 1)
        self.assertEqual([1], ran)
        with self.assertRaisesRegex(Invalid, "ManualClock"):
            desk.core.advance(now)

    def test_clock__lives_as_long_as_the_service(self) -> None:
        clock = ManualClock()
        seen = weakref.ref(clock)
        desk = Desk(clock=clock)
        del clock
        gc.collect()
        self.assertIsNotNone(seen())
        desk.core.close()
        gc.collect()
        self.assertIsNone(seen())

    def test_run__serves_a_timer_of_the_machines_clock(self) -> None:
        desk = self.desk()
        now = lib.usher_now(desk.core.u)
        request = _ffi.usher_request(REQUEST, b"bob", start_at=now + 30)
        token = desk.core.slot(done)
        desk.core.finish(token, lib.usher_enqueue(desk.queue, ctypes.byref(request), DONE, token))
        started: List[int] = []
        desk.listen(lambda address: started.append(event(address).kind))
        begun = time.monotonic()
        desk.core.run(lambda: 0 if started else 5000)
        self.assertEqual([EventKind.STARTED], started)
        self.assertLess(time.monotonic() - begun, 2)

    def test_run__idle_does_not_spin(self) -> None:
        desk = self.desk()
        desk.core.turn()
        turns = desk.core.turns
        end = time.monotonic_ns() + 200_000_000
        desk.core.run(lambda: (end - time.monotonic_ns()) // 1_000_000)
        self.assertLessEqual(desk.core.turns - turns, 4)


class TestSleep(DeskCase):
    def test_sleep__not_when_it_was_turned_since_there_was_reason_to(self) -> None:
        # As when a signal's handler has called the service in between: what is waited for may have been told.
        desk = self.desk()
        desk.core.turn()
        begun = time.monotonic()
        desk.core._sleep(desk.core.turns - 1, 5000)
        self.assertLess(time.monotonic() - begun, 2)
        desk.core._sleep(desk.core.turns, 20)
        self.assertGreaterEqual(time.monotonic() - begun, 0.019)


    def test_sleep__inside_what_was_posted_while_more_is_posted(self) -> None:
        desk = self.desk()
        used: List[float] = []

        def posted() -> None:
            begun = time.process_time()
            with self.assertRaises(TimedOut):
                desk.claim(500)
            used.append(time.process_time() - begun)

        desk.core.post(posted)
        desk.core.post(int)
        desk.core.turn()
        self.assertLess(used[0], 0.15)


class SignalClock:
    """A clock of the host's."""

    def __init__(self, function: Any, argument: int) -> None:
        self._clock = _ffi.usher_clock(function, function, argument)
        self.pointer = ctypes.pointer(self._clock)


class Interrupt(BaseException):
    """What a signal handler raises, as a program's own timeout would."""


class TestSignals(DeskCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(signal.signal, signal.SIGALRM, signal.getsignal(signal.SIGALRM))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def _interrupt(self, kind: type[BaseException], after: float) -> None:
        def handler(number: int, frame: Any) -> None:
            raise kind

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, after)

    def test_wait__interrupted_keeps_the_call_which_swallows_its_result(self) -> None:
        for kind in (KeyboardInterrupt, SystemExit, Interrupt):
            desk = self.desk()
            self._interrupt(kind, 0.02)
            with self.assertRaises(kind):
                desk.claim(FOR_EVER)
            self.assertEqual(1, len(desk.withdrawn))
            self.assertEqual(1, len(desk.core.pending))
            self.assertEqual(1, desk.enqueue().ticket)
            self.assertEqual([], desk.core.pending)
            self.assertEqual([], desk.abandoned)

    def _interrupted_before_finish(self, desk: Desk) -> int:
        token = desk.core.slot(rows, desk.abandoned.append, desk._withdraw)
        self.assertEqual(0, lib.usher_claim_next(desk.agent, desk.queue, FOR_EVER, WORK, token))
        return token

    def test_made__and_interrupted_before_it_was_waited_for(self) -> None:
        desk = self.desk()
        token = self._interrupted_before_finish(desk)
        desk.enqueue()
        self.assertEqual(([token], []), (desk.withdrawn, desk.abandoned))
        self.assertEqual([], desk.core.pending)

    def test_made__and_served_and_interrupted_before_it_was_waited_for(self) -> None:
        desk = self.desk()
        desk.enqueue()
        self._interrupted_before_finish(desk)
        desk.enqueue()
        self.assertEqual([[1]], desk.abandoned)
        self.assertEqual([], desk.core.pending)

    def test_made__and_interrupted_before_c_was_called(self) -> None:
        desk = self.desk()
        for _ in range(3):
            desk.core.slot(rows, desk.abandoned.append, desk._withdraw)
            desk.core.slot(done)
        desk.enqueue()
        self.assertEqual([], desk.core.pending)
        self.assertEqual([], desk.core.doubted)

    def test_wait__interrupted_after_it_was_served_is_abandoned(self) -> None:
        desk = self.desk()
        desk.enqueue()

        def listener(address: int) -> None:
            raise KeyboardInterrupt

        desk.listen(listener)
        with self.assertRaises(KeyboardInterrupt):
            desk.claim()
        self.assertEqual([[1]], desk.abandoned)
        self.assertEqual([], desk.withdrawn)

    def test_signal__before_the_first_line_of_a_callback(self) -> None:
        """It comes while C runs, and Python raises it as soon as the callback begins, before any `try` of it."""
        # The service reads the clock at the beginning of a turn: this one raises a signal when it is read.
        libc = ctypes.CDLL(None)
        clock = SignalClock(ctypes.cast(libc["raise"], _ffi.clock_fn), signal.SIGALRM)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        desk = self.desk(clock=clock)
        turn = _core._usher_turn

        def interrupted(u: int) -> Any:
            signal.signal(signal.SIGALRM, self._raise)
            return turn(u)

        hook = mock.patch.object(sys, "unraisablehook")

        def post() -> None:
            desk.core.post(int)
            desk.core.turn()

        made: List[Callable[[], Any]] = [desk.enqueue, desk.claim, lambda: desk.body(1), post]
        for call in made:
            with mock.patch.object(_core, "_usher_turn", interrupted), hook as unraisable:
                with self.assertRaises(Interrupt):
                    call()
            unraisable.assert_not_called()
            self.assertEqual([], desk.core.pending)
            self.assertEqual(0, len(desk.core.raised))
            self.assertEqual({}, _calls.posts)
        self.assertEqual([[1]], desk.abandoned)

    def test_signal__before_an_event_is_told(self) -> None:
        libc = ctypes.CDLL(None)
        clock = SignalClock(ctypes.cast(libc["raise"], _ffi.clock_fn), signal.SIGALRM)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        desk = self.desk(clock=clock)
        heard: List[int] = []
        desk.listen(lambda address: heard.append(event(address).seq))
        turn = _core._usher_turn

        def interrupted(u: int) -> Any:
            signal.signal(signal.SIGALRM, self._raise)
            return turn(u)

        with mock.patch.object(_core, "_usher_turn", interrupted), self.assertRaises(Interrupt):
            desk.enqueue()
        self.assertEqual([1], heard)

    def _raise(self, number: int, frame: Any) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        raise Interrupt

    def test_handler__that_calls_the_service_while_a_call_is_being_made(self) -> None:
        """The handler's own call turns the service, and so the other call ends before it is waited for."""
        for failing in (False, True):
            desk = usher.Service()
            self.addCleanup(desk.close)
            queue, ticket = desk.queue("help"), desk.ticket(7)
            made: List[int] = []
            finish = Core.finish

            def interrupted(core: Core, *arguments: Any) -> Any:
                if not made:
                    made.append(0)
                    made[0] = desk.queue("other").enqueue("handler").id
                return finish(core, *arguments)

            with mock.patch.object(Core, "finish", interrupted):
                if failing:
                    with self.assertRaises(NotFound):
                        ticket.note("who?")
                else:
                    self.assertEqual(1, queue.enqueue("bob").id)
            self.assertEqual([1 if failing else 2], made)
            self.assertEqual({}, _calls.early)

    def test_handler__that_calls_the_service_while_a_call_waits(self) -> None:
        """What the handler did is what the call waits for: it must not sleep on."""
        desk = self.desk()
        signal.signal(signal.SIGALRM, lambda number, frame: desk.enqueue() and None)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        begun = time.monotonic()
        self.assertEqual([1], desk.claim(FOR_EVER))
        self.assertLess(time.monotonic() - begun, 5)

    def test_doubted__without_a_withdraw(self) -> None:
        desk = self.desk()
        desk.core.slot(rows, desk.abandoned.append)  # as claim_ticket(), interrupted before C was called
        self.assertEqual(1, desk.enqueue().ticket)
        self.assertEqual([], desk.core.pending)

    def test_handler__that_closes_while_a_call_is_being_made(self) -> None:
        """The call has a handle, which it is about to give to C: nothing may be freed before it has."""
        desk = usher.Service()
        self.addCleanup(desk.close)
        queue = desk.queue("help")
        enqueue, seen = usher.queue._enqueue_one, []

        def handler(number: int, frame: Any) -> None:
            signal.signal(signal.SIGALRM, lambda number, frame: None)
            desk.close()
            desk.close()
            seen.append((desk.closed, desk.turn()))
            for call in (lambda: queue.enqueue("eve"), desk.run):
                with self.assertRaises(Canceled):
                    call()
            seen.append(desk._core.u != 0)

        def interrupted(*arguments: Any) -> Any:
            signal.raise_signal(signal.SIGALRM)
            return enqueue(*arguments)

        signal.signal(signal.SIGALRM, handler)
        with mock.patch.object(usher.queue, "_enqueue_one", interrupted):
            with self.assertRaises(Canceled):
                queue.enqueue("bob")
        self.assertEqual([(False, 0), True], seen)
        desk.close()
        self.assertTrue(desk.closed)

    def test_handler__that_closes_while_a_call_waits(self) -> None:
        for wait in (lambda desk: desk.agent("ann").claim(desk.queue("help")), usher.Service.run):
            desk = usher.Service()
            signal.signal(signal.SIGALRM, lambda number, frame: desk.close())
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                wait(desk)
            except Canceled:
                self.assertIsNot(wait, usher.Service.run)
            else:
                self.assertIs(wait, usher.Service.run)
            self.assertTrue(desk.closed)

    def test_handler__that_only_began_to_close_what_is_then_forgotten(self) -> None:
        desk = usher.Service()
        queue = desk.queue("help")
        enqueue = usher.queue._enqueue_one

        def interrupted(*arguments: Any) -> Any:
            signal.raise_signal(signal.SIGALRM)
            return enqueue(*arguments)

        signal.signal(signal.SIGALRM, lambda number, frame: desk.close())
        with mock.patch.object(usher.queue, "_enqueue_one", interrupted), self.assertRaises(Canceled) as caught:
            queue.enqueue("bob")
        del caught, interrupted
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        with mock.patch("warnings.warn") as warned:
            del desk, queue
            gc.collect()
        warned.assert_not_called()

    def test_storm__of_handlers_that_close(self) -> None:
        def handler(number: int, frame: Any) -> None:
            try:
                desk.close()
            except WrongState:  # inside a callback
                signal.setitimer(signal.ITIMER_REAL, 0.0005)

        signal.signal(signal.SIGALRM, handler)
        for _ in range(200):
            desk = usher.Service()
            queue = desk.queue("help")
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0003, 0.002))
            with self.assertRaises(Canceled):
                while True:
                    queue.enqueue("bob")
                    queue.counts()
            desk.close()

    def test_storm__nothing_is_lost_told_twice_or_left(self) -> None:
        desk = self.desk()
        heard: List[int] = []
        desk.listen(lambda address: heard.append(_ffi.usher_event.from_address(address).seq))
        read: List[int] = []

        def once(address: int) -> int:
            read.append(_ffi.usher_done.from_address(address).ticket)
            return read[-1]

        hook = sys.unraisablehook
        unraisable: List[Any] = []
        sys.unraisablehook = unraisable.append
        self.addCleanup(setattr, sys, "unraisablehook", hook)
        interrupts = made = 0
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                self._interrupt(Interrupt, random.uniform(0.00002, 0.0004))  # one at a time
                while True:
                    made += 1
                    desk.enqueue(once)
            except Interrupt:
                interrupts += 1
        desk.core.turn()
        self.assertGreater(interrupts, 100)
        self.assertEqual([], unraisable)
        # Each that C took was read, and nothing is left of those that were interrupted before; and no event was told twice. (One may be missing: a listener can be interrupted.)
        last = desk.enqueue().ticket
        self.assertEqual(set(range(1, last)), set(read))
        self.assertEqual([], desk.core.pending)
        self.assertEqual(sorted(set(heard)), heard)




class TestThreads(DeskCase):
    def _elsewhere(self, function: Callable[[], Any]) -> Any:
        came: List[Any] = []

        def body() -> None:
            try:
                came.append(function())
            except BaseException as reason:
                came.append(reason)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return came[0]

    def test_wrong_thread__is_refused_before_anything_is_touched(self) -> None:
        desk = self.desk()
        made: List[Callable[[], Any]] = [desk.core.check, desk.enqueue, desk.core.turn, desk.core.close]
        for call in [*made, lambda: desk.core.advance(1)]:
            refused = self._elsewhere(call)
            self.assertIsInstance(refused, WrongThread, call)
            self.assertIn("post()", str(refused))
        self.assertEqual(1, desk.enqueue().ticket)

    def test_post__from_other_threads_wakes_who_waits(self) -> None:
        desk = self.desk()
        names: List[str] = []

        def post() -> None:
            for _ in range(100):
                desk.core.post(lambda: names.append(threading.current_thread().name))

        threads = [threading.Thread(target=post) for _ in range(4)]
        for thread in threads:
            thread.start()
        desk.core.run(lambda: 0 if len(names) == 400 else 5000)
        for thread in threads:
            thread.join()
        self.assertEqual({threading.current_thread().name}, set(names))

    def test_post__while_it_is_closed_by_its_thread(self) -> None:
        for _ in range(20):
            desk = Desk()
            begun = threading.Event()
            refused: List[BaseException] = []

            def post() -> None:
                try:
                    while True:
                        desk.core.post(int)
                        begun.set()
                except Canceled as reason:
                    refused.append(reason)

            thread = threading.Thread(target=post)
            thread.start()
            begun.wait()
            desk.core.close()
            thread.join()
            self.assertEqual(1, len(refused))

    def test_thread__of_its_own_for_each_service(self) -> None:
        def work() -> int:
            desk = Desk()
            try:
                for _ in range(200):
                    desk.enqueue()
                return int(desk.enqueue().ticket)
            finally:
                desk.core.close()

        came: List[int] = []
        hook = sys.unraisablehook
        threads = [threading.Thread(target=lambda: came.append(work())) for _ in range(4)]
        for thread in threads:
            thread.start()
        came.append(work())
        for thread in threads:
            thread.join()
        self.assertEqual([201] * 5, came)
        self.assertIs(hook, sys.unraisablehook)


class TestEnd(DeskCase):
    def test_close__twice_is_once(self) -> None:
        desk = Desk()
        desk.core.close()
        desk.core.close()
        self.assertTrue(desk.core.closed)

    def test_closed__everything_is_canceled(self) -> None:
        desk = Desk()
        desk.core.close()
        made: List[Callable[[], Any]] = [desk.core.check, desk.enqueue, desk.core.turn]
        for call in [*made, lambda: desk.core.post(int), lambda: desk.listen(int)]:
            with self.assertRaisesRegex(Canceled, "closed"):
                call()

    def test_close__by_what_was_posted_ends_the_call_that_waits(self) -> None:
        desk = Desk()
        desk.core.post(desk.core.close)
        with self.assertRaises(Canceled):
            desk.claim(FOR_EVER)
        self.assertTrue(desk.core.closed)

    def test_close__while_a_call_is_outstanding_that_nobody_waits_for(self) -> None:
        desk = Desk()
        token = desk.core.slot(rows, desk.abandoned.append, desk._withdraw)
        self.assertEqual(0, lib.usher_claim_next(desk.agent, desk.queue, FOR_EVER, WORK, token))
        desk.core.close()
        self.assertEqual([], desk.core.pending)
        self.assertEqual([], desk.abandoned)

    def test_close__raises_what_callbacks_raised_when_it_is_closed(self) -> None:
        desk = Desk()

        def listener(address: int) -> None:
            raise ZeroDivisionError

        desk.listen(listener)
        request = _ffi.usher_request(REQUEST, b"bob")
        token = desk.core.slot(done)
        self.assertEqual(0, lib.usher_enqueue(desk.queue, ctypes.byref(request), DONE, token))
        with self.assertRaises(ZeroDivisionError):
            desk.core.close()
        self.assertTrue(desk.core.closed)

    def test_close__interrupted_goes_on_when_it_is_called_again(self) -> None:
        desk = Desk()
        with mock.patch.object(_core, "_usher_turn", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                desk.core.close()
        self.assertFalse(desk.core.closed)
        with self.assertRaises(Canceled):
            desk.enqueue()
        desk.core.close()
        self.assertTrue(desk.core.closed)

    def test_close__interrupted_before_c_was_called(self) -> None:
        desk = Desk()
        with mock.patch.object(lib, "usher_close", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                desk.core.close()
        desk.core.close()
        self.assertTrue(desk.core.closed)

    def test_close__interrupted_after_c_was_called(self) -> None:
        desk = Desk()
        close = lib.usher_close

        def interrupted(*arguments: Any) -> None:
            self.assertEqual(0, close(*arguments))
            raise KeyboardInterrupt

        with mock.patch.object(lib, "usher_close", interrupted), self.assertRaises(KeyboardInterrupt):
            desk.core.close()
        desk.core.close()
        self.assertTrue(desk.core.closed)

    def test_close__runs_all_that_was_posted_though_one_raises(self) -> None:
        desk = Desk()
        ran: List[int] = []
        desk.core.post(lambda: ran.append(1) or 1 / 0)
        desk.core.post(lambda: ran.append(2))
        desk.core.post(lambda: ran.append(3))
        with self.assertRaises(ZeroDivisionError):
            desk.core.close()
        self.assertEqual(([1, 2, 3], True), (ran, desk.core.closed))

    def test_close__lets_go_first_of_what_serves(self) -> None:
        class Serving:
            closing: List[bool] = []

            def _let_go(self) -> None:
                self.closing.append(desk.core._closing is not None)

        desk = Desk()
        serving = Serving()
        desk.core.servings.add(serving)
        desk.core.close()
        self.assertEqual([False], serving.closing)

    def test_unreleased__is_tried_again_when_callbacks_have_run(self) -> None:
        desk = self.desk()
        desk.core.unreleased.append((7, 1))
        with mock.patch("usher.batch.let_go") as let_go:
            desk.core.turn()
            let_go.assert_not_called()
            desk.enqueue()
            let_go.assert_called_once_with(desk.core, [(7, 1)])
        self.assertEqual([], desk.core.unreleased)

    def test_close__fd_and_memory_go_with_it(self) -> None:
        fds = len(os.listdir("/proc/self/fd"))
        for _ in range(10):
            desk = Desk()
            core = weakref.ref(desk.core)
            desk.core.close()
            del desk
            gc.collect()
            self.assertIsNone(core())
        self.assertEqual(fds, len(os.listdir("/proc/self/fd")))


class TestProcess(unittest.TestCase):
    """What needs an interpreter of its own."""

    def script(self, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        begin = "from tests.test_core import *\nfrom usher import _core\n"
        return subprocess.run(
            [sys.executable, "-X", "dev", *options, "-c", begin + textwrap.dedent(text)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        )

    def assertQuiet(self, ran: subprocess.CompletedProcess[str], out: str) -> None:
        self.assertEqual((0, out, ""), (ran.returncode, ran.stdout, ran.stderr))

    def test_exit__closes_what_is_left(self) -> None:
        ran = self.script(
            """
            desk = Desk()
            token = desk.core.slot(rows, desk.abandoned.append, desk._withdraw)
            lib.usher_claim_next(desk.agent, desk.queue, FOR_EVER, WORK, token)
            end = _core.end
            _core.end = lambda *a: print(end(*a), desk.core.pending)
            """
        )
        self.assertQuiet(ran, "True []\n")

    def test_exit__while_another_thread_has_a_service(self) -> None:
        ran = self.script(
            """
            ready = threading.Event()
            def work():
                desk = Desk()
                ready.set()
                while True:
                    desk.enqueue(lambda address: None)
            threading.Thread(target=work, daemon=True).start()
            ready.wait()
            time.sleep(0.05)
            """
        )
        self.assertQuiet(ran, "")

    def test_exit__with_the_exception_of_a_callback(self) -> None:
        ran = self.script(
            """
            desk = Desk()
            def listener(address):
                raise SystemExit(7)
            desk.listen(listener)
            desk.enqueue()
            """
        )
        self.assertEqual((7, "", ""), (ran.returncode, ran.stdout, ran.stderr))

    def test_fork__the_child_touches_nothing_and_the_parent_goes_on(self) -> None:
        ran = self.script(
            """
            desk = Desk()
            core = desk.core
            desk.enqueue()
            child = os.fork()
            if child == 0:
                refused = []
                for call in (core.check, desk.enqueue, core.turn, core.close, lambda: core.post(int)):
                    try:
                        call()
                    except Forked:
                        refused.append(1)
                print(len(refused), flush=True)
                del desk, core, call
                gc.collect()
                other = Desk()
                print(other.enqueue().ticket, flush=True)
                other.core.close()
                sys.exit(0)
            _, status = os.waitpid(child, 0)
            print(status, desk.enqueue().ticket)
            core.close()
            """,
        )
        self.assertQuiet(ran, "5\n1\n0 2\n")

    def test_fork__of_multiprocessing(self) -> None:
        ran = self.script(
            """
            import multiprocessing
            desk = Desk()
            def child(answer):
                try:
                    desk.enqueue()
                except Forked:
                    answer.put("forked")
            context = multiprocessing.get_context("fork")
            answer = context.Queue()
            process = context.Process(target=child, args=(answer,))
            process.start()
            print(answer.get(), process.join() or process.exitcode)
            desk.core.close()
            """
        )
        self.assertQuiet(ran, "forked 0\n")


class TestFamilies(unittest.TestCase):
    def test_family__the_same_function_with_the_truth_about_its_result(self) -> None:
        def _resolve(self: Any, answer: str = "so", *, op: Any = None) -> Call[Done]:
            """Doc."""
            return (self, answer, op)  # type: ignore[return-value]

        for made, result in (
            (_core.blocking(_resolve), "Done"),
            (_core.awaitable(_resolve), "asyncio.Future[Done]"),
        ):
            self.assertEqual((1, "so", 3), made(1, op=3))
            self.assertEqual(("resolve", "Doc."), (made.__name__, made.__doc__))
            self.assertEqual(result, made.__annotations__["return"])
        self.assertEqual("Call[Done]", _resolve.__annotations__["return"])


if __name__ == "__main__":
    unittest.main()
