"""What would crash a careless binding: collection while C holds on, exceptions through C, signals
at any bytecode."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pathlib
import signal
import sys
import tempfile
import time
import unittest
import weakref
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Callable
from unittest import mock

import usher
from usher import _core

from . import child
from .test_threads import elsewhere


class Odd(BaseException):
    """Neither an Exception nor one of Python's own."""


UNWINDING: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit, Odd, GeneratorExit)


@contextlib.contextmanager
def eager_collection() -> Iterator[None]:
    """The collector runs whenever it may."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(self.check)  # after all others
        # What ctypes cannot raise it tells to this hook: nothing of ours may come to that.
        patch = mock.patch.object(sys, "unraisablehook", self.unraisable)
        patch.start()
        self.addCleanup(patch.stop)
        self.told: list[Any] = []

    def unraisable(self, what: Any) -> None:
        self.told.append((what.exc_type, what.exc_value, what.object))

    def check(self) -> None:
        gc.collect()
        self.assertEqual(self.told, [])
        self.assertEqual(_core.calls, {}, "calls that nobody will ever end")

    def open(self, **options: Any) -> usher.Service:
        desk = usher.Service(**options)
        self.addCleanup(desk.close)
        return desk


class TestCollection(Case):
    def test_blocking_calls_under_an_eager_collector(self) -> None:
        with eager_collection():
            desk = self.open()
            help_, ann = desk.queue("help"), desk.agent("ann")
            for i in range(100):
                help_.enqueue(f"requester {i}", b"x" * i, ref=f"ref {i}")
                claim = ann.claim([help_])
                self.assertEqual((claim.requester, len(claim.body)), (f"requester {i}", i))
                claim.update("a word")
                claim.resolve("an answer")
            self.assertEqual(len(list(desk.tickets())), 100)

    def test_asyncio_calls_under_an_eager_collector(self) -> None:
        async def main() -> None:
            async with usher.Service() as desk:
                help_, ann = desk.queue("help"), desk.agent("ann")
                claims = asyncio.gather(*[ann.claim([help_]) for _ in range(100)])
                tickets = await asyncio.gather(
                    *[help_.enqueue("bob", b"x" * i) for i in range(100)]
                )
                self.assertEqual([c.id for c in await claims], [t.id for t in tickets])
                await asyncio.gather(*[c.resolve("yes") for c in claims.result()])

        with eager_collection():
            asyncio.run(main())

    def test_what_nobody_waits_for_happens_all_the_same(self) -> None:
        async def main() -> None:
            async with usher.Service() as desk:
                help_ = desk.queue("help")
                for _ in range(50):
                    help_.enqueue("bob")
                    gc.collect()
                await asyncio.sleep(0.05)
                self.assertEqual(help_.counts()[usher.State.WAITING], 50)

        asyncio.run(main())

    def test_a_subscriber_that_nobody_else_holds_is_told(self) -> None:
        desk = self.open()
        seen: list[str] = []
        desk.subscribe(lambda event: seen.append(str(event.kind)))
        gc.collect()
        desk.queue("help").enqueue("bob")
        self.assertEqual(seen, ["enqueued"])

    def test_an_open_service_with_a_call_outstanding_is_kept(self) -> None:
        async def main() -> None:
            desk = await usher.Service().__aenter__()
            core = weakref.ref(desk._core)
            waiting = desk.agent("ann").claim([desk.queue("help")])
            help_ = desk.queue("help")
            del desk
            gc.collect()
            self.assertIsNotNone(core())
            await help_.enqueue("bob")
            claim = await waiting
            self.assertEqual(claim.requester, "bob")
            await core().close_async()

        asyncio.run(main())

    def test_a_service_that_is_forgotten_is_closed_with_a_warning(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = f"sqlite:{pathlib.Path(folder, 'desk.db')}"
            desk = usher.Service(store)
            desk.queue("help").enqueue("bob")
            with self.assertWarnsRegex(ResourceWarning, "was not closed"):
                del desk
                gc.collect()
            with usher.Service(store) as desk:  # Busy, were it not closed
                self.assertEqual(desk.queue("help").counts()[usher.State.WAITING], 1)

    def test_a_queue_an_agent_a_ticket_and_a_claim_keep_their_service(self) -> None:
        desk: usher.Service | None = usher.Service()
        help_, ann = desk.queue("help"), desk.agent("ann")
        ticket = help_.enqueue("bob")
        claim = ann.claim([help_])
        core = weakref.ref(desk._core)
        for held in (help_, ann, ticket, claim):
            self.assertIs(held._core, core())
        del desk, help_, ann, held
        gc.collect()
        claim.resolve("yes")
        self.assertEqual(ticket.standing().state, usher.State.RESOLVED)
        core().close()

    def test_cycles_through_callbacks_are_collected(self) -> None:
        desk = usher.Service()
        holder: list[Any] = [desk]
        desk.subscribe(lambda event: holder.append(event))
        core = weakref.ref(desk._core)
        desk.close()
        del desk, holder
        gc.collect()
        self.assertIsNone(core())


class TestExceptions(Case):
    def raising(self, kind: type[BaseException]) -> Callable[..., None]:
        def function(*args: object) -> None:
            raise kind("mine")

        return function

    def test_a_subscribers_exception_is_raised_by_the_call_that_turned(self) -> None:
        for kind in (ValueError, *UNWINDING):
            desk = self.open()
            unsubscribe = desk.subscribe(self.raising(kind))
            with self.assertRaisesRegex(kind, "mine"):
                desk.queue("help").enqueue("bob")
            unsubscribe()
            self.assertEqual(desk.queue("help").counts()[usher.State.WAITING], 1)
            desk.queue("help").enqueue("bob")
            desk.close()

    def test_it_is_so_in_any_thread(self) -> None:
        for kind in (ValueError, *UNWINDING):

            def serve() -> None:
                with usher.Service() as desk:
                    desk.subscribe(self.raising(kind))
                    desk.queue("help").enqueue("bob")

            with self.assertRaisesRegex(kind, "mine"):
                elsewhere(serve)

    def test_one_of_many_is_raised_and_none_is_lost(self) -> None:
        desk = self.open()
        for _ in range(3):
            desk.subscribe(self.raising(ValueError))
        with self.assertLogs("usher", "ERROR") as logs, self.assertRaises(ValueError):
            desk.queue("help").enqueue("bob")
        self.assertEqual(len(logs.records), 2)

    def test_an_exception_in_what_was_posted(self) -> None:
        for kind in (ValueError, *UNWINDING):
            desk = self.open()
            ran: list[int] = []
            desk.post(self.raising(kind))
            desk.post(lambda: ran.append(1))
            with self.assertRaisesRegex(kind, "mine"):
                desk.run(timedelta(seconds=5))
            desk.run(timedelta(0))
            self.assertEqual(ran, [1])

    def test_an_exception_in_a_hook(self) -> None:
        for kind in (ValueError, *UNWINDING):
            with self.assertRaisesRegex(kind, "mine"):
                usher.Service(trace=self.raising(kind))
            gc.collect()

    def test_an_exception_on_asyncio_goes_to_the_loops_handler(self) -> None:
        async def main() -> None:
            seen: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: seen.append(context)
            )
            async with usher.Service() as desk:
                desk.subscribe(self.raising(ValueError))
                ticket = await desk.queue("help").enqueue("bob")
                self.assertEqual(ticket.standing().state, usher.State.WAITING)
            self.assertEqual([type(context["exception"]) for context in seen], [ValueError])

        asyncio.run(main())

    def test_what_unwinds_leaves_asyncio_run(self) -> None:
        for kind in (KeyboardInterrupt, SystemExit):

            async def main() -> None:
                async with usher.Service() as desk:
                    desk.subscribe(self.raising(kind))
                    await desk.queue("help").enqueue("bob")
                    await asyncio.sleep(10)

            with self.assertRaises(kind):
                asyncio.run(main())

    def test_a_blocking_call_inside_a_callback_is_refused(self) -> None:
        desk = self.open()
        seen: list[BaseException] = []

        def told(event: usher.Event) -> None:
            for call in (
                lambda: desk.queue("other").enqueue("bob"),
                lambda: desk.agent("ann").claim([desk.queue("help")]),
                desk.turn,
                desk.close,
                lambda: desk.run(timedelta(0)),
                lambda: list(desk.tickets()),
            ):
                try:
                    call()
                except usher.WrongState as error:
                    seen.append(error)

        desk.subscribe(told)
        desk.queue("help").enqueue("bob")
        self.assertEqual(len(seen), 6)
        self.assertEqual(desk.queue("other").counts()[usher.State.WAITING], 0)


class Interrupt(Exception):
    """What a signal's handler raises, as an alarm's would."""


class Stop(BaseException):
    """The same, as KeyboardInterrupt is."""


@unittest.skipUnless(hasattr(signal, "setitimer"), "no interval timers")
class TestSignals(Case):
    @contextlib.contextmanager
    def alarms(self, handler: Callable[..., Any], every: float) -> Iterator[None]:
        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, every, every)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def test_a_handler_that_raises_at_any_bytecode(self) -> None:
        for kind in (Interrupt, Stop):
            with self.subTest(kind.__name__):
                self.interrupted(kind)

    def interrupted(self, kind: type[BaseException]) -> None:
        desk = self.open(keep_closed=100)
        help_, ann = desk.queue("help"), desk.agent("ann")
        raised = done = 0
        until = time.monotonic() + 1.5
        armed = False

        def handler(*args: object) -> None:
            nonlocal armed
            if armed:
                armed = False
                raise kind

        with self.alarms(handler, 0.0007):
            while time.monotonic() < until:
                claim = None
                try:
                    armed = True
                    help_.enqueue("bob")
                    claim = ann.claim([help_], wait=timedelta(0))
                    claim.resolve()
                    armed = False
                    done += 1
                except kind:
                    raised += 1
                    if claim is not None:
                        with contextlib.suppress(usher.Stale, usher.WrongState):  # resolved it is
                            claim.release()
                except usher.TimedOut:  # it was interrupted between the accepting and the waiting
                    armed = False
        self.assertGreater(min(raised, done), 20)
        # What was claimed and could not be handed over has been released. Python itself may drop a
        # result, between a call's return and the assignment; and between the making of a number and
        # the call of C it is left in the table, until the service closes.
        desk.turn()
        self.assertLessEqual(help_.counts()[usher.State.CLAIMED], raised // 20)
        self.assertLessEqual(len(desk._core.pending), raised // 20)
        before = help_.counts()[usher.State.WAITING]
        help_.enqueue("last")
        self.assertEqual(help_.counts()[usher.State.WAITING], before + 1)

    def test_a_handler_that_calls_the_service(self) -> None:
        desk = self.open()
        help_, other = desk.queue("help"), desk.queue("other")
        calls = 0

        def handler(*args: object) -> None:
            nonlocal calls
            calls += 1
            help_.counts()
            desk.now()
            try:
                other.enqueue("handler")
            except usher.WrongState:  # it came inside a turn
                pass

        n = 0
        until = time.monotonic() + 1
        with self.alarms(handler, 0.001):
            while time.monotonic() < until:
                help_.enqueue("bob", b"x" * (n % 100))
                n += 1
        self.assertEqual(help_.counts()[usher.State.WAITING], n)
        self.assertGreater(calls, 20)

    def test_a_handler_that_returns_lets_a_wait_go_on(self) -> None:
        desk = self.open()
        seen: list[int] = []
        with self.alarms(lambda *args: seen.append(1), 0.02):
            started = time.monotonic()
            with self.assertRaises(usher.TimedOut):
                desk.agent("ann").claim([desk.queue("help")], wait=timedelta(seconds=0.3))
        self.assertGreaterEqual(time.monotonic() - started, 0.3)
        self.assertGreater(len(seen), 3)

    def test_ctrl_c_ends_a_wait_and_nothing_is_orphaned(self) -> None:
        result = child.python(
            """
            import os, signal, threading, time
            import usher
            desk = usher.Service()
            ann, help_ = desk.agent("ann"), desk.queue("help")
            for _ in range(3):
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
                started = time.monotonic()
                try:
                    ann.claim([help_])
                except KeyboardInterrupt:
                    print("interrupted", time.monotonic() - started < 5)
            ticket = help_.enqueue("bob")
            print(ticket.standing().state)
            print(ann.claim([help_]).id == ticket.id)
            desk.close()
            """
        )
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.split(), ["interrupted", "True"] * 3 + ["waiting", "True"])

    def test_ctrl_c_on_asyncio(self) -> None:
        result = child.python(
            """
            import asyncio, os, signal, threading
            import usher
            async def main():
                async with usher.Service() as desk:
                    try:
                        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
                        await desk.agent("ann").claim([desk.queue("help")])
                    finally:
                        print("left")
            try:
                asyncio.run(main())
            except KeyboardInterrupt:
                print("interrupted")
            """
        )
        self.assertEqual((result.stdout.split(), result.stderr), (["left", "interrupted"], ""))


class TestArguments(Case):
    """Whatever is passed, the answer is an exception that says so, and C has not seen it."""

    def test_nonsense_is_refused_by_every_command(self) -> None:
        desk = self.open()
        help_, ann = desk.queue("help"), desk.agent("ann")
        ticket = help_.enqueue("bob")
        for bad in ("\ud800", "a\0b", 5, None, b"bytes", True, 10**30, object()):
            for call in (
                lambda: desk.queue(bad),
                lambda: desk.agent(bad),
                lambda: desk.agent("ann", [bad]),
                lambda: help_.enqueue(bad),
                lambda: help_.find(bad),
                lambda: ticket.ask(bad),
                lambda: ticket.reply(bad, "text"),
                lambda: usher.Service(bad),
            ):
                with self.assertRaises(usher.Invalid):
                    call()
        for bad in (-1, 2**64, 2**80, True, 1.5, "1", b"1", None):
            for call in (
                lambda: desk.ticket(bad),
                lambda: usher.Service(max_pending=bad),
                lambda: usher.Service(seed=bad),
                lambda: ann.claim_many([help_], bad),
                lambda: help_.enqueue("bob", priority=bad) if bad is not None else desk.ticket(0),
            ):
                with self.assertRaises(usher.Invalid):
                    call()
        for bad in (5, "now", time, b""):
            for call in (
                lambda: help_.enqueue("bob", start=bad),
                lambda: ann.claim([help_], wait=bad),
                lambda: help_.enqueue("bob", op=bad),
                lambda: desk.advance(bad),
            ):
                with self.assertRaises(usher.Invalid):
                    call()
        self.assertEqual(help_.counts()[usher.State.WAITING], 1)

    def test_limits_are_cs(self) -> None:
        desk = self.open()
        help_ = desk.queue("help")
        help_.enqueue("x" * 255)
        for call in (
            lambda: help_.enqueue("x" * 256),
            lambda: desk.queue("ü" * 128),
            lambda: help_.enqueue("bob", b"x" * (2**24 + 1)),
            lambda: help_.enqueue("bob", needs=[str(i) for i in range(17)]),
        ):
            with self.assertRaises(usher.TooLarge):
                call()
        with self.assertRaises(usher.Invalid):
            help_.enqueue("")

    def test_another_services_queue_is_no_address_of_ours(self) -> None:
        desk, other = self.open(), self.open()
        ann = desk.agent("ann")
        for bad in (
            [other.queue("help")],
            [desk.queue("help"), other.queue("help")],
            [5],
            [None],
            ["help"],
            5,
        ):
            with self.assertRaises(usher.Invalid):
                ann.claim(bad, wait=timedelta(0))

    def test_a_closed_service_refuses_everything(self) -> None:
        desk = usher.Service()
        help_, ann = desk.queue("help"), desk.agent("ann")
        ticket = help_.enqueue("bob")
        claim = ann.claim([help_])
        desk.close()
        desk.close()
        for call in (
            lambda: desk.queue("help"),
            lambda: desk.agent("ann"),
            lambda: desk.now(),
            lambda: desk.turn(),
            lambda: desk.post(print),
            lambda: desk.subscribe(print),
            lambda: list(desk.tickets()),
            lambda: help_.enqueue("bob"),
            lambda: help_.counts(),
            lambda: help_.find("x"),
            lambda: ann.claim([help_]),
            lambda: ann.gone(),
            lambda: ticket.standing(),
            lambda: ticket.ask("bob"),
            lambda: claim.resolve("yes"),
            lambda: claim.standing(),
        ):
            with self.assertRaises(usher.Canceled):
                call()
        for held in (desk, help_, ann, ticket, claim):
            self.assertIn("usher.", repr(held))


if __name__ == "__main__":
    unittest.main()
