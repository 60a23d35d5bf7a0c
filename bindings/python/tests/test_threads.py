"""One thread owns a service. The others are refused in words; post() alone is open to them."""

from __future__ import annotations

import asyncio
import functools
import gc
import threading
import time
import unittest
from datetime import timedelta
from typing import Any, Callable

import usher

from . import child


def elsewhere(function: Callable[[], Any]) -> Any:
    """What it returns, or raises, in another thread."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append((True, function()))
        except BaseException as error:
            result.append((False, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    returned, value = result[0]
    if returned:
        return value
    raise value


class TestWrongThread(unittest.TestCase):
    def test_every_call_is_refused(self) -> None:
        with usher.Service(clock=usher.ManualClock()) as desk:
            help_, ann = desk.queue("help"), desk.agent("ann")
            ticket = help_.enqueue("bob")
            claim = ann.claim([help_])
            events = desk.events()
            calls: list[Callable[[], Any]] = [
                desk.now,
                desk.turn,
                desk.close,
                desk.__enter__,
                lambda: desk.run(timedelta(0)),
                lambda: desk.advance(timedelta(0)),
                lambda: desk.queue("help"),
                lambda: desk.queue("help", {}),
                lambda: desk.agent("ann"),
                lambda: desk.ticket(1).standing(),
                lambda: desk.subscribe(print),
                lambda: list(desk.tickets()),
                desk.figures,
                desk.agents,
                desk.symptoms,
                desk.metrics,
                lambda: desk.backup("/nowhere"),
                desk.purge,
                lambda: desk.act_many([]),
                lambda: desk.events(),
                lambda: next(iter(events)),
                events.close,
                lambda: help_.enqueue("eve"),
                lambda: help_.enqueue_many([]),
                lambda: help_.define({}),
                help_.apply,
                lambda: help_.hold(usher.Hold.CLAIMS),
                help_.counts,
                lambda: help_.find("x"),
                lambda: help_.what_if({}),
                lambda: ann.claim([help_], wait=timedelta(0)),
                lambda: ann.claim_many([help_], 2, wait=timedelta(0)),
                lambda: ann.claim_ticket(ticket),
                ann.gone,
                ticket.standing,
                ticket.body,
                lambda: list(ticket.history()),
                ticket.why_rank,
                lambda: ticket.ask("bob"),
                lambda: claim.update("word"),
                claim.extend,
                claim.resolve,
                claim.standing,
                claim.__enter__,
            ]
            for call in calls:
                with self.assertRaises(usher.WrongThread, msg=call):
                    elsewhere(call)
            self.assertEqual(help_.counts()[usher.State.CLAIMED], 1)
            claim.resolve("yes")

    def test_it_is_refused_while_the_owner_waits(self) -> None:
        with usher.Service() as desk:
            help_ = desk.queue("help")
            seen: list[type] = []

            def other() -> None:
                time.sleep(0.05)
                for call in (lambda: help_.enqueue("eve"), help_.counts, desk.close):
                    try:
                        call()
                    except usher.UsherError as error:
                        seen.append(type(error))
                desk.post(lambda: None)

            thread = threading.Thread(target=other)
            thread.start()
            with self.assertRaises(usher.TimedOut):
                desk.agent("ann").claim([help_], wait=timedelta(seconds=0.3))
            thread.join()
            self.assertEqual(seen, [usher.WrongThread] * 3)

    def test_another_loop_than_its_own(self) -> None:
        async def use(help_: Any) -> None:
            await help_.enqueue("eve")

        async def main() -> None:
            async with usher.Service() as desk:
                help_ = desk.queue("help")
                with self.assertRaises(usher.WrongThread):
                    await asyncio.get_running_loop().run_in_executor(None, asyncio.run, use(help_))
                with self.assertRaises(usher.WrongThread):
                    await asyncio.to_thread(help_.counts)
                await help_.enqueue("bob")

        asyncio.run(main())

    def test_a_loop_that_came_later(self) -> None:
        async def open_() -> usher.AsyncService:
            desk = await usher.Service().__aenter__()
            await desk.queue("help").enqueue("bob")
            return desk

        async def use(desk: usher.AsyncService) -> None:
            with self.assertRaises(usher.WrongState):
                await desk.queue("help").enqueue("bob")

        loop, later = asyncio.new_event_loop(), asyncio.new_event_loop()
        try:
            desk = loop.run_until_complete(open_())
            later.run_until_complete(use(desk))
            loop.run_until_complete(desk.close())
        finally:
            loop.close()
            later.close()


class TestPost(unittest.TestCase):
    def test_many_threads_and_each_ones_order(self) -> None:
        with usher.Service() as desk:
            seen: list[tuple[int, int, int]] = []
            owner = threading.get_ident()

            def ran(number: int, i: int) -> None:
                seen.append((number, i, threading.get_ident()))

            def poster(number: int) -> None:
                for i in range(500):
                    desk.post(functools.partial(ran, number, i))

            threads = [threading.Thread(target=poster, args=(n,)) for n in range(8)]
            for thread in threads:
                thread.start()
            desk.run(timedelta(seconds=30), while_=lambda: len(seen) < 4000)
            for thread in threads:
                thread.join()
            self.assertEqual({thread for _, _, thread in seen}, {owner})
            for n in range(8):
                self.assertEqual([i for number, i, _ in seen if number == n], list(range(500)))

    def test_it_wakes_one_who_waits(self) -> None:
        with usher.Service() as desk:
            help_ = desk.queue("help")
            threading.Timer(0.1, desk.post, (lambda: help_.enqueue("bob"),)).start()
            claim = desk.agent("ann").claim([help_], wait=timedelta(seconds=20))
            self.assertEqual(claim.requester, "bob")

    def test_on_asyncio_from_a_thread(self) -> None:
        async def main() -> None:
            async with usher.Service() as desk:
                help_ = desk.queue("help")
                here = threading.get_ident()
                done = asyncio.Event()
                ran: list[int] = []

                def posted() -> None:
                    ran.append(threading.get_ident())
                    if len(ran) == 100:
                        done.set()

                def poster() -> None:
                    for _ in range(100):
                        desk.post(posted)

                await asyncio.to_thread(poster)
                await asyncio.wait_for(done.wait(), 20)
                self.assertEqual(set(ran), {here})
                await help_.enqueue("bob")

        asyncio.run(main())

    def test_while_it_closes(self) -> None:
        for _ in range(50):
            desk = usher.Service()
            ran: list[int] = []
            accepted: list[int] = []
            started = threading.Event()

            def poster() -> None:
                for i in range(2000):
                    try:
                        desk.post(lambda: ran.append(1))
                    except usher.Canceled:
                        return
                    accepted.append(1)
                    started.set()

            thread = threading.Thread(target=poster)
            thread.start()
            started.wait(10)
            desk.close()
            thread.join()
            self.assertEqual(len(ran), len(accepted))


class TestOwners(unittest.TestCase):
    def test_services_of_several_threads_at_once(self) -> None:
        failures: list[BaseException] = []

        def serve() -> None:
            try:
                with usher.Service() as desk:
                    help_, ann = desk.queue("help"), desk.agent("ann")
                    for i in range(300):
                        help_.enqueue("bob", str(i))
                        claim = ann.claim([help_])
                        if claim.body != str(i).encode():
                            raise AssertionError(claim.body)
                        claim.resolve("yes")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=serve) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(failures, [])

    def test_asyncio_on_another_thread(self) -> None:
        async def main() -> str:
            async with usher.Service() as desk:
                help_ = desk.queue("help")
                waiting = desk.agent("ann").claim([help_])
                await help_.enqueue("bob")
                return (await waiting).requester

        self.assertEqual(elsewhere(lambda: asyncio.run(main())), "bob")

    def test_one_whose_thread_has_ended(self) -> None:
        desk = elsewhere(usher.Service)
        with self.assertRaises(usher.WrongThread):
            desk.now()
        with self.assertWarnsRegex(ResourceWarning, "was not closed"):
            del desk
            gc.collect()

    def test_the_process_ends_all_the_same(self) -> None:
        result = child.python(
            """
            import threading, usher
            kept = []
            for _ in range(3):
                thread = threading.Thread(target=lambda: kept.append(usher.Service()))
                thread.start()
                thread.join()
            kept[0].post(print)
            """
        )
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_the_gil_is_released_while_one_waits(self) -> None:
        with usher.Service() as desk:
            ticks: list[float] = []
            stop = threading.Event()

            def tick() -> None:
                while not stop.wait(0.01):
                    ticks.append(time.monotonic())

            thread = threading.Thread(target=tick)
            thread.start()
            with self.assertRaises(usher.TimedOut):
                desk.agent("ann").claim([desk.queue("help")], wait=timedelta(seconds=0.5))
            stop.set()
            thread.join()
            self.assertGreater(len(ticks), 5)


if __name__ == "__main__":
    unittest.main()
