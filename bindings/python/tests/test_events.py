"""Streams: what is told, in which order, what is told again, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import tempfile
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone

import usher
from usher import EventKind, Promised, State, _calls, _ffi
from usher.events import EventsLost

MONDAY = datetime(2024, 3, 4, 9, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
AT_ONCE = timedelta(0)
POLICY = {"promises": {"ack": {"target": "30m"}}}


def seqs(events):
    return [event.seq for event in events]


def texts(events):
    return [event.text for event in events]


class Streams:
    """What holds in memory holds on SQLite."""

    store = "memory:"
    durability = None

    def setUp(self):
        self.clock = usher.ManualClock(MONDAY)
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def open(self, **options):
        store = self.store.replace("DIRECTORY", self.directory.name)
        options = {"clock": self.clock, "durability": self.durability, **options}
        return usher.Service(store, **options)

    @contextlib.contextmanager
    def desk(self, n=0, **options):
        """A service and a ticket with n notes: seq 1 is QUEUE_DEFINED, 2 the ticket's."""
        with self.open(**options) as desk:
            ticket = desk.queue("help", POLICY).enqueue("ann", b"")
            for i in range(n):
                ticket.note(f"note {i}")
            yield desk, ticket

    # ---- live --------------------------------------------------------------------------------------

    def test_from_now_on_in_order(self):
        with self.desk(3) as (desk, ticket):
            stream = desk.events(timeout=AT_ONCE)
            self.assertEqual(list(stream), [])
            ticket.note("a")
            ticket.note("b")
            self.assertEqual(texts(stream), ["a", "b"])
            self.assertEqual(list(stream), [])
            ticket.note("c")
            event = next(stream)
            self.assertEqual((event.seq, event.ticket, event.ticket_seq), (8, ticket.id, 7))
            self.assertEqual((event.kind, event.state), (EventKind.NOTED, State.WAITING))
            self.assertEqual((event.queue, event.at), ("help", MONDAY))
            self.assertIsNone(next(stream, None))

    def test_what_an_event_says(self):
        with self.desk() as (desk, ticket):
            stream = desk.events(timeout=AT_ONCE)
            claim = desk.agent("Ada").claim(desk.queue("help"), wait=AT_ONCE)
            self.clock.skip(HOUR / 6)
            claim.acknowledge("on my way")
            claimed, acknowledged = stream
            self.assertEqual((claimed.kind, claimed.who), (EventKind.CLAIMED, "Ada"))
            self.assertEqual((claimed.took, claimed.word, claimed.how), (AT_ONCE, None, None))
            self.assertEqual(acknowledged.kept, {Promised.ACK})
            self.assertEqual((acknowledged.text, acknowledged.word), ("on my way", HOUR / 6))
            self.assertEqual(acknowledged.at, MONDAY + HOUR / 6)

    def test_timers(self):
        with self.desk() as (desk, ticket):
            stream = desk.events(timeout=AT_ONCE)
            desk.advance(HOUR)
            (broken,) = (event for event in stream if event.kind is EventKind.BROKEN)
            self.assertEqual((broken.promise, broken.due), (Promised.ACK, MONDAY + HOUR / 2))

    def test_several_at_once(self):
        with self.desk() as (desk, ticket):
            streams = [desk.events(timeout=AT_ONCE) for _ in range(3)]
            streams += [desk.events(name, timeout=AT_ONCE) for name in ("a", "b")]
            ticket.note("x")
            self.assertEqual([seqs(s) for s in streams], [[3], [3], [3], [1, 2, 3], [1, 2, 3]])
            streams[0].close()
            ticket.note("y")
            self.assertEqual([seqs(s) for s in streams], [[], [4], [4], [4], [4]])

    def test_a_live_one_that_is_full(self):
        with self.desk() as (desk, ticket):
            stream = desk.events(limit=3, timeout=AT_ONCE)
            other = desk.events(timeout=AT_ONCE)
            for i in range(10):
                ticket.note(str(i))
            self.assertEqual([next(stream).text for _ in range(3)], ["0", "1", "2"])
            ticket.note("10")
            with self.assertRaises(usher.Full) as caught:
                next(stream)
            self.assertIsInstance(caught.exception, EventsLost)
            self.assertEqual(caught.exception.lost, 8)
            self.assertEqual(str(caught.exception), "EFULL: 8 events are lost: 3 waited already to be taken")
            self.assertEqual(list(stream), [])
            for i in range(3):
                ticket.note(f"after {i}")
            self.assertEqual(texts(stream), ["after 0", "after 1", "after 2"])
            for i in range(4):
                ticket.note(str(i))
            self.assertEqual(len([next(stream) for _ in range(3)]), 3)
            stream.close()
            with self.assertRaises(EventsLost) as caught:
                next(stream)
            self.assertEqual(caught.exception.lost, 1)
            self.assertIsNone(next(stream, None))
            self.assertEqual(len(list(other)), 18)

    # ---- named -------------------------------------------------------------------------------------

    def test_told_again_until_done(self):
        with self.desk(3) as (desk, ticket):
            with desk.events("billing", timeout=AT_ONCE) as stream:
                events = list(stream)
                self.assertEqual(seqs(events), [1, 2, 3, 4, 5])
                stream.done(events[1])
                self.assertEqual(list(stream), [])
            with desk.events("billing", timeout=AT_ONCE) as stream:
                self.assertEqual(seqs(stream), [3, 4, 5])
                stream.done(3)
            with desk.events("billing", timeout=AT_ONCE) as stream:
                self.assertEqual(next(stream).seq, 4)
                stream.done()
                stream.done(2)  # long since
            with desk.events("billing", timeout=AT_ONCE) as stream:
                self.assertEqual(seqs(stream), [5])
            with desk.events("other", timeout=AT_ONCE) as stream:
                self.assertEqual(seqs(stream), [1, 2, 3, 4, 5])

    def test_since(self):
        with self.desk(3) as (desk, ticket):
            with desk.events("billing", since=4, timeout=AT_ONCE) as stream:
                self.assertEqual(seqs(stream), [4, 5])
            with desk.events("billing", since=1, timeout=AT_ONCE) as stream:
                self.assertEqual(seqs(stream), [1, 2, 3, 4, 5])
                stream.done()
            with desk.events("billing", since=6, timeout=AT_ONCE) as stream:
                self.assertEqual(seqs(stream), [])
            with self.assertRaises(usher.Invalid):
                desk.events("billing", since=7)
            with self.assertRaisesRegex(usher.Invalid, "since"):
                desk.events(since=1)

    def test_a_name_has_one_stream(self):
        with self.desk() as (desk, ticket):
            stream = desk.events("billing", timeout=AT_ONCE)
            with self.assertRaises(usher.WrongState):
                desk.events("billing")
            self.assertEqual(seqs(stream), [1, 2])
            stream.close()
            desk.events("billing").close()

    def test_done_of_what_cannot_be(self):
        with self.desk(1) as (desk, ticket):
            stream = desk.events("billing", timeout=AT_ONCE)
            with self.assertRaisesRegex(usher.Invalid, "taken"):
                stream.done()
            with self.assertRaises(usher.Invalid):
                stream.done(1)  # not told so far
            events = list(stream)
            for wrong in (4, 0, -1, 2**64 - 1, 2**64, True, "1", 1.0):
                with self.assertRaises(usher.Invalid):
                    stream.done(wrong)
            self.assertEqual(len(events), 3)
            stream.close()
            with self.assertRaises(usher.NotFound):
                stream.done()
            with self.assertRaises(usher.Invalid):
                stream.done(2**64 - 1)  # C would forget the name
            with self.assertRaisesRegex(usher.Invalid, "name"):
                desk.events().done(1)

    def test_a_named_one_stops_by_itself(self):
        with self.desk(_ffi.UNDONE_MAX + 100) as (desk, ticket):
            stream = desk.events("billing", limit=10, timeout=AT_ONCE)
            told = list(stream)
            self.assertEqual(seqs(told), list(range(1, _ffi.UNDONE_MAX + 1)))
            self.assertEqual(list(stream), [])
            stream.done(told[49])
            self.assertEqual(len(list(stream)), 50)
            stream.done()
            self.assertEqual(seqs(stream)[-1], _ffi.UNDONE_MAX + 102)

    def test_forgotten(self):
        with self.desk() as (desk, ticket):
            stream = desk.events("billing", timeout=AT_ONCE)
            self.assertEqual(len(list(stream)), 2)
            stream.done()
            stream.forget()
            self.assertTrue(stream.closed)
            stream = desk.events("billing", timeout=AT_ONCE)
            self.assertEqual(len(list(stream)), 2)
            with self.assertRaisesRegex(usher.Invalid, "name"):
                desk.events().forget()

    # ---- how it ends -------------------------------------------------------------------------------

    def test_close(self):
        with self.desk() as (desk, ticket):
            for name in (None, "billing"):
                with desk.events(name, timeout=AT_ONCE) as stream:
                    self.assertFalse(stream.closed)
                    ticket.note("last")
                    if name is not None:
                        self.assertEqual(next(stream).seq, 1)
                self.assertTrue(stream.closed)
                ticket.note("too late")
                self.assertEqual(texts(stream)[-1:], ["last"])
                stream.timeout = None  # it would wait for ever
                self.assertEqual(list(stream), [])
                stream.close()

    def test_the_service_closes(self):
        with self.desk() as (desk, ticket):
            streams = [desk.events(), desk.events("billing")]
            ticket.note("last")
        for stream in streams:
            self.assertTrue(stream.closed)
            self.assertEqual(texts(stream)[-1], "last")
            self.assertEqual(list(stream), [])
            stream.close()
            with stream:
                pass
        with self.assertRaises(usher.Canceled):
            streams[1].done()
        with self.assertRaises(usher.Canceled):
            streams[1].forget()
        with self.assertRaises(usher.Canceled):
            desk.events()

    def test_closed_by_what_was_posted(self):
        desk = self.open()
        stream = desk.events()
        desk.post(desk.close)
        self.assertEqual(list(stream), [])
        self.assertTrue(desk.closed)

    def test_one_that_is_dropped(self):
        with self.desk() as (desk, ticket):
            before = len(_calls.listeners)
            for event in desk.events("billing"):
                break
            gc.collect()
            self.assertEqual(len(_calls.listeners), before)
            stream = desk.events("billing")  # the name is free again
            ear = stream._ear
            del stream
            self.assertEqual(len(_calls.listeners), before)
            self.assertIsNotNone(ear)

    def test_one_that_is_dropped_by_another_thread(self):
        with self.desk() as (desk, ticket):
            before = len(_calls.listeners)
            streams = [desk.events("billing", timeout=AT_ONCE)]
            thread = threading.Thread(target=streams.clear)
            thread.start()
            thread.join()
            self.assertEqual(len(_calls.listeners), before + 1)
            ticket.note("finds nobody")
            self.assertEqual(len(_calls.listeners), before)
            desk.events("billing").close()

    # ---- arguments -----------------------------------------------------------------------------------

    def test_arguments(self):
        with self.open() as desk:
            before = len(_calls.listeners)
            for wrong in (
                {"name": "a\0b"},
                {"name": 5},
                {"name": ""},
                {"limit": 0},
                {"limit": True},
                {"limit": 1.5},
                {"since": -1},
                {"since": 2**64},
                {"timeout": 5},
                {"timeout": timedelta(-1)},
            ):
                with self.subTest(**wrong), self.assertRaises(usher.Invalid):
                    desk.events(**wrong)
            with self.assertRaises(usher.TooLarge):
                desk.events("a" * 256)
            streams = [desk.events() for _ in range(64)]
            with self.assertRaises(usher.TooLarge):
                desk.events()
            self.assertEqual(len(_calls.listeners), before + 64)
            self.assertEqual(len(streams), 64)

    def test_names(self):
        with self.open() as desk:
            with desk.events("wärme") as named, desk.events() as live:
                self.assertEqual((named.name, live.name), ("wärme", None))
                self.assertEqual(repr(named), "<usher.Events 'wärme'>")
            self.assertEqual(repr(live), "<usher.Events live, closed>")

    # ---- waiting -------------------------------------------------------------------------------------

    def test_timeout(self):
        with self.open(clock=None) as desk:
            stream = desk.events(timeout=timedelta(milliseconds=60))
            for _ in range(5):
                began = time.monotonic_ns()
                self.assertEqual(list(stream), [])
                self.assertGreaterEqual(time.monotonic_ns() - began, 60_000_000)

    def test_waits_for_what_comes(self):
        with self.open(clock=None) as desk:
            queue = desk.queue("help")
            stream = desk.events()
            timer = threading.Timer(0.05, desk.post, [lambda: queue.enqueue("ann", b"")])
            timer.start()
            self.assertEqual(next(stream).kind, EventKind.ENQUEUED)
            timer.join()

    def test_serves_timers(self):
        with self.open(clock=None) as desk:
            desk.queue("help").enqueue("ann", b"", start=timedelta(milliseconds=50))
            stream = desk.events()
            self.assertEqual(next(stream).kind, EventKind.STARTED)

    def test_inside_a_callback(self):
        told = []

        def next_one(event):
            try:
                told.append(next(stream))
            except usher.WrongState as error:
                told.append(error)

        with self.desk() as (desk, ticket):
            desk.subscribe(next_one)
            stream = desk.events()
            ticket.note("x")
            self.assertIsInstance(told[0], usher.WrongState)
            self.assertEqual(next(stream).text, "x")

    def test_another_thread(self):
        raised = []

        def elsewhere():
            for call in (desk.events, lambda: next(stream), lambda: stream.done(1), stream.close):
                try:
                    call()
                except usher.WrongThread as error:
                    raised.append(error)

        with self.desk() as (desk, ticket):
            stream = desk.events("billing", timeout=AT_ONCE)
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            self.assertEqual(len(raised), 4)
            self.assertEqual(seqs(stream), [1, 2])

    def test_nothing_is_lost_to_signals(self):
        class Interrupt(BaseException):
            pass

        def interrupt(number, frame):
            raise Interrupt

        gc.collect()  # what other tests left dies now, not when a signal comes
        old = signal.signal(signal.SIGALRM, interrupt)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        interrupts = 0
        with self.desk() as (desk, ticket):
            streams = [desk.events(), desk.events("billing")]
            for i in range(60):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0002 + i % 10 * 0.0003)
                    for _ in range(200):
                        ticket.note("x")
                except Interrupt:
                    interrupts += 1
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            last = ticket.note("last").seq
            for stream in streams:
                stream.timeout = AT_ONCE
                events = list(stream)
                while events[-1].seq < last:  # it has stopped by itself
                    stream.done()
                    events += stream
                self.assertEqual(seqs(events), list(range(last - len(events) + 1, last + 1)))
        self.assertGreater(interrupts, 40)

    # ---- subscribe ------------------------------------------------------------------------------------

    def test_subscribe(self):
        told = []
        with self.desk() as (desk, ticket):
            end = desk.subscribe(told.append)
            ticket.note("a")
            self.assertEqual(texts(told), ["a"])
            self.assertIsInstance(told[0], usher.Event)
            end()
            ticket.note("b")
            self.assertEqual(texts(told), ["a"])

    def test_subscribe_raises(self):
        def wrong(event):
            raise ZeroDivisionError(event.text)

        with self.desk() as (desk, ticket):
            end = desk.subscribe(wrong)
            with self.assertRaisesRegex(ZeroDivisionError, "^a$"):
                ticket.note("a")
            end()
            self.assertEqual(ticket.standing().ticket_seq, 2)


class InMemory(Streams, unittest.TestCase):
    def test_in_a_forked_child(self):
        with self.desk() as (desk, ticket):
            with desk.events("billing", timeout=AT_ONCE) as stream:
                next(stream)
                next(stream)
                child = os.fork()
                if child == 0:
                    raised = 0
                    try:
                        for call in (stream.done, stream.close, stream.__next__, stream.forget):
                            try:
                                call()
                            except usher.Forked:
                                raised += 1
                        stream.__exit__(None, None, None)
                        raised += 1
                        del stream
                    finally:
                        os._exit(raised)
                self.assertEqual(os.waitpid(child, 0)[1] >> 8, 5)
                stream.done()

    def test_what_is_no_longer_kept(self):
        with self.desk(history_bytes=65536) as (desk, ticket):
            for _ in range(300):
                ticket.note("x" * 10000)
            stream = desk.events("billing", timeout=AT_ONCE)
            lost, first = next(stream), next(stream)
            self.assertEqual((lost.kind, lost.ticket), (EventKind.LOST, None))
            self.assertEqual(lost.n, lost.seq)
            self.assertEqual(first.seq, lost.seq + 1)
            self.assertGreater(lost.n, 100)


class OnSqlite(Streams, unittest.TestCase):
    store = "sqlite:DIRECTORY/desk.db"
    durability = usher.Durability.PROCESS  # no flush after each of hundreds of commands

    def test_after_a_reopen(self):
        with self.desk(3) as (desk, ticket):
            with desk.events("billing", timeout=AT_ONCE) as stream:
                events = list(stream)
                self.assertEqual(len(events), 5)
                stream.done(events[2])
            ticket.note("after it")
        with self.open() as desk:
            stream = desk.events("billing", timeout=timedelta(seconds=1))
            again = [next(stream) for _ in range(3)]
            self.assertEqual(again[:2], events[3:])
            self.assertEqual(again[2].text, "after it")
            stream.timeout = AT_ONCE
            self.assertEqual(list(stream), [])

    def test_what_has_left_memory(self):
        with self.desk(600, history_bytes=65536) as (desk, ticket):
            stream = desk.events("billing", timeout=timedelta(seconds=5))
            events = [next(stream) for _ in range(602)]
            self.assertEqual(seqs(events), list(range(1, 603)))
            self.assertEqual(texts(events)[2:], [f"note {i}" for i in range(600)])


class OnAsyncio(unittest.IsolatedAsyncioTestCase):
    @contextlib.asynccontextmanager
    async def desk(self):
        async with usher.Service(clock=usher.ManualClock(MONDAY)) as desk:
            yield desk, await desk.queue("help", POLICY).enqueue("ann", b"")

    async def take(self, stream, n):
        return [await asyncio.wait_for(stream.__anext__(), 5) for _ in range(n)]

    async def test_from_now_on_in_order(self):
        async with self.desk() as (desk, ticket):
            stream = desk.events()
            await asyncio.gather(*(ticket.note(str(i)) for i in range(100)))
            self.assertEqual(texts(await self.take(stream, 100)), [str(i) for i in range(100)])

    async def test_before_the_completion(self):
        async with self.desk() as (desk, ticket):
            stream = desk.events()
            done = await ticket.note("x")
            event = await stream.__anext__()
            self.assertEqual(event.seq, done.seq)

    async def test_waits(self):
        async with self.desk() as (desk, ticket):
            told = []

            async def read(stream):
                async for event in stream:
                    told.append(event.text)

            tasks = [asyncio.ensure_future(read(desk.events(name))) for name in (None, "a", None)]
            await asyncio.sleep(0)
            for i in range(5):
                await ticket.note(str(i))
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.assertEqual(sorted(text for text in told if text), sorted("01234" * 3))
            self.assertFalse(any(task.done() for task in tasks))
        await asyncio.wait_for(asyncio.gather(*tasks), 5)  # the service has closed

    async def test_close_ends_who_waits(self):
        async with self.desk() as (desk, ticket):
            async with desk.events() as stream:
                tasks = [asyncio.ensure_future(stream.__anext__()) for _ in range(2)]
                await asyncio.sleep(0)
            for task in tasks:
                with self.assertRaises(StopAsyncIteration):
                    await asyncio.wait_for(task, 5)
            self.assertTrue(stream.closed)
            self.assertEqual([event async for event in stream], [])

    async def test_one_stream_of_two_tasks(self):
        async with self.desk() as (desk, ticket):
            stream = desk.events()
            takers = [asyncio.ensure_future(self.take(stream, 10)) for _ in range(2)]
            await asyncio.sleep(0)
            for i in range(20):
                await ticket.note(str(i))
            told = await asyncio.gather(*takers)
            self.assertEqual(sorted(seqs(told[0] + told[1])), list(range(3, 23)))

    async def test_cancellation_loses_nothing(self):
        async with self.desk() as (desk, ticket):
            stream = desk.events("billing")
            self.assertEqual(len(await self.take(stream, 2)), 2)
            task = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0)
            future = ticket.note("x")
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
                self.fail("it was cancelled")
            await future
            self.assertEqual(texts(await self.take(stream, 1)), ["x"])
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(stream.__anext__(), 0.02)

    async def test_named(self):
        async with self.desk() as (desk, ticket):
            async with desk.events("billing") as stream:
                self.assertEqual(seqs(await self.take(stream, 2)), [1, 2])
                stream.done(1)
                with self.assertRaises(usher.WrongState):
                    desk.events("billing")
            async with desk.events("billing") as stream:
                (event,) = await self.take(stream, 1)
                self.assertEqual(event.seq, 2)
                stream.done()
                await ticket.note("x")
                self.assertEqual(seqs(await self.take(stream, 1)), [3])
                stream.forget()
            async with desk.events("billing") as stream:
                self.assertEqual(seqs(await self.take(stream, 3)), [1, 2, 3])

    async def test_a_named_one_goes_on_when_it_is_done(self):
        async with self.desk() as (desk, ticket):
            n = _ffi.UNDONE_MAX
            for _ in range(n // 64):
                await asyncio.gather(*(ticket.note("x") for _ in range(64)))
            stream = desk.events("billing")
            self.assertEqual(len(await self.take(stream, n)), n)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(stream.__anext__(), 0.02)
            stream.done()
            self.assertEqual(seqs(await self.take(stream, 2)), [n + 1, n + 2])

    async def test_a_live_one_that_is_full(self):
        async with self.desk() as (desk, ticket):
            stream = desk.events(limit=2)
            for i in range(5):
                await ticket.note(str(i))
            self.assertEqual(texts(await self.take(stream, 2)), ["0", "1"])
            with self.assertRaises(EventsLost) as caught:
                await stream.__anext__()
            self.assertEqual(caught.exception.lost, 3)
            await ticket.note("after")
            self.assertEqual(texts(await self.take(stream, 1)), ["after"])

    async def test_one_that_is_dropped(self):
        async with self.desk() as (desk, ticket):
            before = len(_calls.listeners)
            async for event in desk.events("billing"):
                break
            gc.collect()
            self.assertEqual(len(_calls.listeners), before)
            self.assertEqual(repr(desk.events("billing")), "<usher.AsyncEvents 'billing'>")

    async def test_subscribe_raises(self):
        def wrong(event):
            raise ZeroDivisionError(event.text)

        caught = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: caught.append(context["exception"]))
        async with self.desk() as (desk, ticket):
            end = desk.subscribe(wrong)
            done = await ticket.note("a")
            self.assertEqual(done.seq, 3)
            self.assertEqual([repr(each) for each in caught], ["ZeroDivisionError('a')"])
            end()


if __name__ == "__main__":
    unittest.main()
