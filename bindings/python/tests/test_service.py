"""Service and AsyncService: opening, what they give out, upkeep, run(), and closing."""

from __future__ import annotations

import gc
import os
import pathlib
import tempfile
import threading
import time
import unittest
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, List, Tuple

import usher
from usher import State

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


class ServiceCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def desk(self, *arguments: Any, **named: Any) -> usher.Service:
        desk = usher.Service(*arguments, **named)
        self.addCleanup(desk.close)
        return desk

    def store(self, name: str = "desk.db") -> str:
        return f"sqlite:{self.folder / name}"


class TestOpening(ServiceCase):
    def test_open__what_is_wrong_is_named(self) -> None:
        wrong: List[Tuple[str, Any]] = [
            ("durability", "disk"),
            ("durability", True),
            ("max_pending", -1),
            ("max_pending", 2**32),
            ("op_window", 3600),
            ("op_window", timedelta(-1)),
            ("op_window_n", 1.5),
            ("keep_closed", "many"),
            ("history_bytes", 2**64),
            ("seed", 2**200),
            ("retain", 7),
            ("zoneinfo", 7),
            ("zoneinfo", "a\0b"),
            ("clock", object()),
        ]
        for name, value in wrong:
            with self.subTest(name=name, value=value):
                with self.assertRaisesRegex(usher.Invalid, name):
                    usher.Service(**{name: value})
        for store in ("sqlite:\ud800", "sqlite:a\0b", 7, None):
            with self.subTest(store=store), self.assertRaisesRegex(usher.Invalid, "store"):
                usher.Service(store)  # type: ignore[arg-type]

    def test_open__what_c_says(self) -> None:
        with self.assertRaisesRegex(usher.Invalid, "sqlite:PATH"):
            usher.Service("nowhere:")
        with self.assertRaises(usher.Invalid):
            usher.Service(durability=usher.Durability.DISK)
        with self.assertRaisesRegex(usher.UsherError, str(self.folder)):
            usher.Service(f"sqlite:{self.folder}/none/desk.db")
        (self.folder / "no.db").write_bytes(b"no database" * 1000)
        with self.assertRaisesRegex(usher.Corrupt, "SQLite"):
            usher.Service(self.store("no.db"))

    def test_open__busy(self) -> None:
        self.desk(self.store())
        with self.assertRaises(usher.Busy):
            usher.Service(self.store())

    def test_open__options_arrive(self) -> None:
        desk = self.desk(
            clock=usher.ManualClock(START),
            durability=usher.Durability.NONE,
            max_pending=1,
            op_window=timedelta(minutes=1),
            op_window_n=2,
            keep_closed=3,
            history_bytes=4096,
            seed=5,
            retain=HOUR,
        )
        queue = desk.queue("help")
        op = uuid.uuid4()
        first = queue.enqueue("bob", op=op)
        self.assertEqual(first.id, queue.enqueue("bob", op=op).id)
        desk.advance(timedelta(minutes=2))
        self.assertNotEqual(first.id, queue.enqueue("bob", op=op).id)
        with self.assertRaises(usher.Full):  # max_pending
            queue.enqueue_many([("bob",), ("eve",)])

    def test_open__zoneinfo(self) -> None:
        with self.desk(zoneinfo=self.folder) as desk:
            policy = {"calendar": {"zone": "Europe/Berlin", "open": {"mon-fri": "09:00-17:00"}}}
            with self.assertRaises(usher.PolicyError):
                desk.queue("help", policy)

    def test_open__progress(self) -> None:
        with self.desk(self.store()) as desk:
            for _ in range(3):
                desk.queue("help").enqueue_many([("bob",)] * 5000)
        seen: List[Tuple[int, int]] = []
        with self.desk(self.store(), progress=lambda rows, of: seen.append((rows, of))) as desk:
            self.assertTrue(seen)
            self.assertEqual(15000, desk.queue("help").counts()[State.WAITING])

    def test_open__what_progress_raises_is_raised_and_it_is_closed(self) -> None:
        with self.desk(self.store()) as desk:
            for _ in range(3):
                desk.queue("help").enqueue_many([("bob",)] * 5000)

        def progress(rows: int, of: int) -> None:
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            usher.Service(self.store(), progress=progress)
        self.desk(self.store())  # not Busy

    def test_forgotten__is_closed_when_nothing_refers_to_it(self) -> None:
        queue = usher.Service(self.store()).queue("help")
        gc.collect()
        self.assertEqual(1, queue.enqueue("bob").id)
        with self.assertWarnsRegex(ResourceWarning, "desk.db"):
            del queue
            gc.collect()
        self.desk(self.store())  # not Busy


class TestWhatItGives(ServiceCase):
    def test_now__is_utc_and_of_its_clock(self) -> None:
        desk = self.desk(clock=usher.ManualClock(START))
        self.assertEqual(START, desk.now())
        self.assertIs(timezone.utc, desk.now().tzinfo)
        desk.advance(START + HOUR)
        desk.advance(HOUR)
        self.assertEqual(START + 2 * HOUR, desk.now())

    def test_advance__what_is_wrong(self) -> None:
        desk = self.desk(clock=usher.ManualClock(START))
        for to in (START - HOUR, -HOUR, datetime(2025, 1, 1), 3600, timedelta.max):
            with self.subTest(to=to), self.assertRaises(usher.Invalid):
                desk.advance(to)  # type: ignore[arg-type]
        with self.assertRaisesRegex(usher.Invalid, "ManualClock"):
            self.desk().advance(HOUR)

    def test_queue__with_a_policy_is_defined(self) -> None:
        desk = self.desk()
        self.assertEqual("help", desk.queue("help", {"limits": {"open": 1}}).name)
        desk.queue("help").enqueue("bob")
        with self.assertRaises(usher.Full):
            desk.queue("help").enqueue("bob")
        with self.assertRaises(usher.PolicyError):
            desk.queue("help", {"nonsense": 1})

    def test_names__that_cannot_be(self) -> None:
        desk = self.desk()
        for name in ("", "a" * 256, "a\0b", "\ud800", 7, None, b"bytes"):
            gives: List[Any] = [desk.queue, desk.agent]
            for give in gives:
                with self.subTest(name=name), self.assertRaises((usher.Invalid, usher.TooLarge)):
                    give(name)

    def test_agent__has_the_skills_named_last(self) -> None:
        desk = self.desk()
        queue = desk.queue("help")
        queue.enqueue("bob", needs=["french"])
        agent = desk.agent("ann")
        with self.assertRaises(usher.TimedOut):
            agent.claim(queue, wait=timedelta(0))
        self.assertEqual(1, desk.agent("ann", ["french"]).claim(queue, wait=timedelta(0)).id)

    def test_ticket__of_a_number_or_a_handle(self) -> None:
        desk = self.desk()
        ticket = desk.queue("help").enqueue("bob")
        self.assertEqual(ticket, desk.ticket(1))
        self.assertEqual(ticket, desk.ticket(ticket))
        self.assertEqual("bob", desk.ticket(1).standing().requester)
        for wrong in (0, -1, 2**64, True, "1", None):
            with self.subTest(wrong=wrong), self.assertRaises(usher.Invalid):
                desk.ticket(wrong)  # type: ignore[arg-type]

    def test_repr__says_which_and_whether_it_is_closed(self) -> None:
        desk = self.desk()
        self.assertEqual("<usher.Service 'memory:'>", repr(desk))
        desk.close()
        self.assertEqual("<usher.Service 'memory:', closed>", repr(desk))
        self.assertTrue(desk.closed)

    def test_subscribe__until_it_is_ended(self) -> None:
        desk = self.desk()
        queue = desk.queue("help")
        heard: List[usher.Event] = []
        end = desk.subscribe(heard.append)
        queue.enqueue("bob")
        end()
        end()
        queue.enqueue("bob")
        self.assertEqual([(usher.EventKind.ENQUEUED, 1)], [(event.kind, event.ticket) for event in heard])
        desk.close()
        end()

    def test_subscribe__may_end_itself(self) -> None:
        desk = self.desk()
        heard: List[int] = []
        ends: List[Any] = []

        def callback(event: usher.Event) -> None:
            heard.append(event.seq)
            ends[0]()

        ends.append(desk.subscribe(callback))
        desk.queue("help").enqueue("bob")
        desk.queue("help").enqueue("bob")
        self.assertEqual([1], heard)

    def test_reads__of_the_service(self) -> None:
        desk = self.desk(clock=usher.ManualClock(START))
        queue = desk.queue("help")
        queue.enqueue("bob", symptom="door")
        queue.enqueue("eve")
        desk.agent("ann").claim(queue, wait=timedelta(0))
        self.assertEqual([1, 2], [standing.ticket for standing in desk.tickets()])
        self.assertEqual([2], [standing.ticket for standing in desk.tickets(states=State.WAITING)])
        self.assertEqual([1], [standing.ticket for standing in desk.tickets(holder="ann", symptom="door")])
        self.assertEqual(2, desk.figures()[0].enqueued)
        self.assertEqual(2, desk.figures(queue, since=START)[0].enqueued)
        self.assertEqual(["ann"], [agent.agent for agent in desk.agents()])
        self.assertEqual(["door"], [symptom.symptom for symptom in desk.symptoms()])
        self.assertEqual([], desk.symptoms("window"))
        self.assertIn("help", desk.metrics())


class TestCallbacks(ServiceCase):
    def test_what_cannot_be_called_later_is_refused_now(self) -> None:
        async def waits(*_: Any) -> None:
            pass

        desk = self.desk()
        for wrong in (None, 3, waits):
            with self.assertRaisesRegex(usher.Invalid, "function"):
                desk.post(wrong)  # type: ignore[arg-type]
            with self.assertRaisesRegex(usher.Invalid, "callback"):
                desk.subscribe(wrong)  # type: ignore[arg-type]
        desk.turn()


class TestUpkeep(ServiceCase):
    def test_backup__is_a_store(self) -> None:
        desk = self.desk(self.store())
        desk.queue("help").enqueue("bob")
        desk.backup(self.folder / "copy.db")
        with self.desk(self.store("copy.db")) as copy:
            self.assertEqual("bob", copy.ticket(1).standing().requester)
        with self.assertRaisesRegex(usher.StoreError, "copy.db"):
            desk.backup(str(self.folder / "copy.db"))
        with self.assertRaisesRegex(usher.Invalid, "path"):
            desk.backup(7)  # type: ignore[arg-type]
        with self.assertRaises(usher.Invalid):
            self.desk().backup(self.folder / "memory.db")

    def test_purge__says_how_many(self) -> None:
        desk = self.desk(clock=usher.ManualClock(START))
        for requester in ("bob", "bob", "eve"):
            desk.queue("help").enqueue(requester).withdraw(requester)
        self.assertIn("0", desk.purge(closed_before=START).detail)
        self.assertIn("0", desk.purge(closed_before=datetime(1970, 1, 1, tzinfo=timezone.utc)).detail)
        self.assertIn("2", desk.purge(requester="bob").detail)
        self.assertIn("1", desk.purge().detail)
        with self.assertRaisesRegex(usher.Invalid, "closed_before"):
            desk.purge(datetime(2024, 1, 1))


    def test_retain__purges_by_itself(self) -> None:
        desk = self.desk(self.store(), clock=usher.ManualClock(START), retain=HOUR)
        desk.queue("help").enqueue("bob").withdraw("bob")
        desk.advance(timedelta(days=2))
        desk.queue("help").enqueue("eve")
        desk.run(while_=lambda: any(each.ticket == 1 for each in desk.tickets()), for_=timedelta(seconds=5))
        self.assertEqual([2], [standing.ticket for standing in desk.tickets()])


class TestRun(ServiceCase):
    def test_run__for_so_long(self) -> None:
        desk = self.desk()
        begun = time.monotonic()
        desk.run(for_=timedelta(milliseconds=50))
        self.assertGreaterEqual(time.monotonic() - begun, 0.049)
        desk.run(for_=timedelta(0))

    def test_run__until_an_instant(self) -> None:
        desk = self.desk()
        until = desk.now() + timedelta(milliseconds=50)
        desk.run(until=until)
        self.assertGreaterEqual(desk.now(), until)
        with self.assertRaisesRegex(usher.Invalid, "until"):
            desk.run(until=datetime(2024, 1, 1))
        with self.assertRaisesRegex(usher.Invalid, "advance"):
            self.desk(clock=usher.ManualClock(START)).run(until=START + HOUR)

    def test_run__while_a_condition_holds_and_serves_timers(self) -> None:
        desk = self.desk()
        queue = desk.queue("help")
        queue.enqueue("bob", start=timedelta(milliseconds=30))
        desk.run(while_=lambda: queue.counts()[State.SCHEDULED], for_=timedelta(seconds=5))
        self.assertEqual(1, queue.counts()[State.WAITING])

    def test_run__until_it_is_closed_by_its_condition(self) -> None:
        desk = self.desk()
        desk.run(while_=lambda: desk.close() or True, until=datetime.now(timezone.utc) + HOUR)
        self.assertTrue(desk.closed)

    def test_run__until_it_is_closed_by_what_was_posted(self) -> None:
        desk = self.desk()
        thread = threading.Timer(0.02, lambda: desk.post(desk.close))
        thread.start()
        desk.run()
        thread.join()
        self.assertTrue(desk.closed)

    def test_turn__runs_what_can_be_run(self) -> None:
        desk = self.desk()
        desk.turn()
        desk.post(int)
        self.assertEqual(1, desk.turn())
        self.assertEqual(0, desk.turn())


class TestClosing(ServiceCase):
    def test_with__closes_and_saves(self) -> None:
        with usher.Service(self.store()) as desk:
            desk.queue("help").enqueue("bob")
        self.assertTrue(desk.closed)
        with self.assertRaises(usher.Canceled):
            desk.now()
        with self.assertRaises(usher.Canceled):
            with desk:
                pass
        self.assertEqual(1, self.desk(self.store()).queue("help").counts()[State.WAITING])

    def test_with__closes_when_the_block_raises(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            with usher.Service(self.store()):
                raise ZeroDivisionError
        self.desk(self.store())  # not Busy

    def test_with__in_a_child_leaves_the_block_as_it_was(self) -> None:
        desk = usher.Service(self.store())
        read, write = os.pipe()
        with desk:
            child = os.fork()
            if child == 0:
                try:
                    with desk:
                        os.write(write, b"no")
                except usher.Forked:
                    os.write(write, b"forked")
                desk.__exit__(None, None, None)
                os._exit(0)
            os.waitpid(child, 0)
            self.assertEqual(b"forked", os.read(read, 10))
            self.assertEqual(1, desk.queue("help").enqueue("bob").id)
        os.close(read)
        os.close(write)


class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_queue__with_a_policy_is_defined(self) -> None:
        async with usher.Service() as desk:
            queue = desk.queue("help", {"limits": {"open": 1}})
            await queue.enqueue("bob")
            with self.assertRaises(usher.Full):
                queue.enqueue("bob")
            with self.assertRaisesRegex(usher.PolicyError, "nonsense"):
                desk.queue("help", {"nonsense": 1})

    async def test_everything__is_there_too(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with usher.Service(f"sqlite:{folder}/desk.db", clock=usher.ManualClock(START)) as desk:
                queue = desk.queue("help")
                ticket = await queue.enqueue("bob", symptom="door")
                self.assertEqual(ticket, desk.ticket(1))
                self.assertEqual([1], [standing.ticket async for standing in desk.tickets()])
                self.assertEqual(1, (await desk.figures())[0].enqueued)
                self.assertEqual(1, (await desk.figures(queue))[0].enqueued)
                desk.agent("ann", ["french"])
                self.assertEqual(["ann"], [agent.agent for agent in await desk.agents()])
                self.assertEqual(1, len(await desk.symptoms("door")))
                self.assertIn("help", await desk.metrics())
                await desk.backup(f"{folder}/copy.db")
                await desk.advance(HOUR)
                self.assertEqual(START + HOUR, desk.now())
                await ticket.withdraw("bob")
                self.assertIn("1", (await desk.purge()).detail)
                self.assertEqual(f"<usher.AsyncService 'sqlite:{folder}/desk.db'>", repr(desk))
                heard: List[usher.Event] = []
                end = desk.subscribe(heard.append)
                await queue.enqueue("bob")
                end()
                self.assertEqual([2], [event.ticket for event in heard])
            self.assertTrue(desk.closed)

    async def test_blocking_first__then_asyncio(self) -> None:
        service = usher.Service()
        queue = service.queue("help", {"limits": {"open": 5}})
        self.assertEqual(1, queue.enqueue("bob").id)
        async with service as desk:
            self.assertEqual(2, (await desk.queue("help").enqueue("bob")).id)
        self.assertTrue(service.closed)

    async def test_block__that_raises_closes(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            async with usher.Service() as desk:
                raise ZeroDivisionError
        self.assertTrue(desk.closed)

    async def test_advance__what_is_wrong(self) -> None:
        async with usher.Service() as desk:
            with self.assertRaisesRegex(usher.Invalid, "ManualClock"):
                await desk.advance(HOUR)


if __name__ == "__main__":
    unittest.main()
