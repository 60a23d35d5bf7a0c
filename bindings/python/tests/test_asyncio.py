"""A service on asyncio's loop: who turns it, what cancelling does, and how it ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from datetime import timedelta
from typing import Any, Callable, List, Tuple
from unittest import mock

import usher
from usher import _calls, _ffi
from usher._core import WORK
from usher._ffi import lib
from usher.errors import Canceled, NotFound, WrongState, WrongThread
from usher.words import EventKind

SECOND = timedelta(seconds=1)


def rows(work: int, n: int) -> List[int]:
    return [_ffi.usher_work.from_address(work).claim.ticket]


class LoopCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.abandoned: List[Any] = []
        self.withdrawn: List[int] = []
        self.addCleanup(self._nothing_is_left)

    def _nothing_is_left(self) -> None:
        for table in (_calls.calls, _calls.listeners, _calls.posts, _calls.closes):
            self.assertEqual({}, table)

    async def desk(self, **arguments: Any) -> usher.AsyncService:
        service = usher.Service(**arguments)
        desk = await service.__aenter__()
        self.addAsyncCleanup(desk.close)
        return desk

    def claim(self, desk: usher.AsyncService, wait: int = _ffi.NEVER) -> asyncio.Future[Any]:
        """A claim as the core makes it, so that what becomes of an abandoned one can be seen."""
        core = desk._core
        agent = desk.agent("ann")._agent_handle
        queue = desk.queue("help")._queue_handle

        def withdraw(token: int) -> None:
            self.withdrawn.append(token)
            lib.usher_claim_cancel(agent, token)

        token = core.slot(rows, self.abandoned.append, withdraw)
        future: asyncio.Future[Any] = core.finish(token, lib.usher_claim_next(agent, queue, wait, WORK, token))
        return future


class TestTurning(LoopCase):
    async def test_call__is_a_future_of_the_loop(self) -> None:
        desk = await self.desk()
        future = desk.queue("help").enqueue("bob")
        self.assertIsInstance(future, asyncio.Future)
        self.assertIs(asyncio.get_running_loop(), future.get_loop())
        self.assertFalse(future.done())
        self.assertEqual(1, (await future).id)

    async def test_calls__many_at_once_in_order(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")
        tickets = await asyncio.gather(*[queue.enqueue("bob") for _ in range(3000)])
        self.assertEqual(list(range(1, 3001)), [ticket.id for ticket in tickets])

    async def test_call__failed_is_its_exception(self) -> None:
        desk = await self.desk()
        with self.assertRaises(NotFound):
            await desk.ticket(7).note("lost")

    async def test_call__refused_raises_at_once(self) -> None:
        desk = await self.desk()
        with self.assertRaises(usher.Invalid):
            desk.queue("help").enqueue("")
        self.assertEqual([], desk._core.pending)

    async def test_idle__does_not_turn(self) -> None:
        desk = await self.desk()
        for start in (None, timedelta(hours=1)):
            await desk.queue("help").enqueue("bob", start=start)
            await asyncio.sleep(0.05)
            turns = desk._core.turns
            await asyncio.sleep(0.3)
            self.assertEqual(turns, desk._core.turns)

    async def test_timer__fires_in_time_after_a_long_idle(self) -> None:
        desk = await self.desk()
        await asyncio.sleep(0.2)
        loop = asyncio.get_running_loop()
        started = loop.create_future()
        desk.subscribe(lambda event: started.set_result(loop.time()) if event.kind is EventKind.STARTED else None)
        begun = loop.time()
        await desk.queue("help").enqueue("bob", start=timedelta(milliseconds=100))
        took = await asyncio.wait_for(started, 5) - begun
        self.assertGreater(took, 0.098)
        self.assertLess(took, 0.4)

    async def test_timer__that_ran_before_the_loop_came(self) -> None:
        service = usher.Service()
        started: List[int] = []
        service.subscribe(lambda event: started.append(1) if event.kind is EventKind.STARTED else None)
        service.queue("help").enqueue("bob", start=timedelta(milliseconds=50))
        async with service:
            for _ in range(500):
                if started:
                    break
                await asyncio.sleep(0.01)
        self.assertEqual([1], started)

    async def test_timer__that_is_brought_forward(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")
        loop = asyncio.get_running_loop()
        started = loop.create_future()
        desk.subscribe(lambda event: started.set_result(event.ticket) if event.kind is EventKind.STARTED else None)
        await queue.enqueue("bob", start=timedelta(hours=1))
        await asyncio.sleep(0.01)
        await queue.enqueue("eve", start=timedelta(milliseconds=50))
        self.assertEqual(2, await asyncio.wait_for(started, 5))

    async def test_timers__that_are_a_millisecond_apart(self) -> None:
        desk = await self.desk()
        await desk._core.settle()
        turns = desk._core.turns
        with mock.patch.object(lib, "usher_timeout", return_value=1):
            desk._core._arm(asyncio.get_running_loop())
            await asyncio.sleep(0.1)
        self.assertGreater(desk._core.turns, turns + 5)

    async def test_two_services__on_one_loop(self) -> None:
        one, two = await self.desk(), await self.desk()
        for _ in range(20):
            await asyncio.gather(one.queue("a").enqueue("bob"), two.queue("a").enqueue("bob"))
        self.assertEqual(21, (await one.queue("a").enqueue("bob")).id)
        self.assertEqual(21, (await two.queue("a").enqueue("bob")).id)

    async def test_sqlite__turns_when_the_store_has_flushed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with usher.Service(f"sqlite:{folder}/desk.db") as desk:
                queue = desk.queue("help")
                tickets = await asyncio.gather(*[queue.enqueue("bob") for _ in range(100)])
                self.assertEqual(usher.Durability.DISK, tickets[-1].done.durability)

    async def test_post__from_another_thread_and_from_a_callback(self) -> None:
        desk = await self.desk()
        came: List[Tuple[int, int]] = []
        over = asyncio.Event()

        def posted(number: int) -> None:
            came.append((number, threading.get_ident()))
            if len(came) == 50:
                over.set()

        def post() -> None:
            for number in range(50):
                desk.post(lambda number=number: posted(number))  # type: ignore[misc]

        thread = threading.Thread(target=post)
        thread.start()
        await asyncio.wait_for(over.wait(), 10)
        thread.join()
        self.assertEqual([(number, threading.get_ident()) for number in range(50)], came)

    async def test_advance__lets_the_tasks_run_that_it_has_woken(self) -> None:
        desk = await self.desk(clock=usher.ManualClock())
        queue = desk.queue("help")
        done: List[int] = []

        async def serve() -> None:
            agent = desk.agent("ann")
            while True:
                claim = await agent.claim(queue)
                await claim.resolve("so")
                done.append(claim.id)

        task = asyncio.create_task(serve())
        for seconds in (1, 2, 3):
            await queue.enqueue("bob", start=seconds * SECOND)
        await desk.advance(timedelta(minutes=1))
        self.assertEqual([1, 2, 3], done)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class TestTrouble(LoopCase):
    async def test_callback__what_it_raises_goes_to_the_loops_handler(self) -> None:
        desk = await self.desk()
        contexts: List[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: contexts.append(context))

        def callback(event: Any) -> None:
            raise ZeroDivisionError

        end = desk.subscribe(callback)
        self.assertEqual(1, (await desk.queue("help").enqueue("bob")).id)
        end()
        await desk.queue("help").enqueue("bob")
        self.assertEqual([ZeroDivisionError], [type(context["exception"]) for context in contexts])

    async def test_posted__what_it_raises_goes_to_the_loops_handler(self) -> None:
        desk = await self.desk()
        contexts: List[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: contexts.append(context))

        def posted() -> None:
            raise ZeroDivisionError

        desk.post(posted)
        await desk._core.settle()
        self.assertEqual([ZeroDivisionError], [type(context["exception"]) for context in contexts])

    async def test_call__may_be_made_in_a_callback(self) -> None:
        desk = await self.desk()
        futures: List[asyncio.Future[Any]] = []
        desk.subscribe(lambda event: futures.append(desk.queue("help").enqueue("eve")) if event.ticket == 1 else None)
        await desk.queue("help").enqueue("bob")
        self.assertEqual(2, (await futures[0]).id)

    async def test_blocking_things__are_refused(self) -> None:
        service = usher.Service()
        async with service as desk:
            calls: List[Callable[[], Any]] = [service.turn, service.run, service.close]
            for call in calls:
                with self.assertRaises(WrongState):
                    call()
            with self.assertRaises(WrongState):
                async with service:
                    pass
            self.assertEqual(1, (await desk.queue("help").enqueue("bob")).id)

    def test_exit__in_a_callback_ends_the_loop(self) -> None:
        for kind in (KeyboardInterrupt, SystemExit):

            async def main() -> None:
                async with usher.Service() as desk:

                    def callback(event: Any) -> None:
                        raise kind

                    desk.subscribe(callback)
                    await desk.queue("help").enqueue("bob")
                    await asyncio.sleep(10)

            with self.assertRaises(kind):
                asyncio.run(main())


class TestCancelling(LoopCase):
    async def test_cancelled__command_is_carried_out_all_the_same(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")
        future = queue.enqueue("bob")
        future.cancel()
        await queue.enqueue("eve")
        self.assertEqual(2, queue.counts()[usher.State.WAITING])

    async def test_cancelled__claim_is_withdrawn(self) -> None:
        desk = await self.desk()
        future = self.claim(desk)
        future.cancel()
        await desk.queue("help").enqueue("bob")
        self.assertEqual((1, []), (len(self.withdrawn), self.abandoned))

    async def test_cancelled__claim_that_was_served_already_is_abandoned(self) -> None:
        desk = await self.desk()
        future = self.claim(desk)
        desk.queue("help").enqueue("bob")  # served in the call; the callbacks come with the next turn
        future.cancel()
        await desk._core.settle()
        self.assertEqual((1, [[1]]), (len(self.withdrawn), self.abandoned))

    async def test_cancelled__awaiter_of_a_claim_that_is_done_abandons_it(self) -> None:
        desk = await self.desk()

        async def serve() -> Any:
            return await self.claim(desk)

        task = asyncio.create_task(serve())
        await asyncio.sleep(0)
        (token,) = desk._core.pending
        call = _calls.calls[token]
        future = call[_calls.WAITER]
        desk.queue("help").enqueue("bob")
        while not future.done():
            desk._core._turn()
        task.cancel()  # the future is done, the task does not know yet
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual([[1]], self.abandoned)
        self.assertEqual([], self.withdrawn)

    async def test_dropped__claims_that_nobody_takes_are_abandoned(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")

        async def gathered() -> None:
            both = asyncio.gather(self.claim(desk), self.claim(desk))
            await asyncio.sleep(0.02)
            both.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await both

        async def dropped() -> None:
            self.claim(desk)

        async def shielded() -> None:
            asyncio.shield(self.claim(desk)).cancel()

        async def thrown_away() -> None:
            async def serve() -> None:
                await self.claim(desk)

            coroutine = serve()
            coroutine.send(None)
            coroutine.close()

        for number, ask in enumerate((gathered, dropped, shielded, thrown_away), 1):
            queue.enqueue("bob")
            await ask()
            await desk._core.settle()
            self.assertEqual([[n] for n in range(1, number + 1)][: len(self.abandoned)], self.abandoned)
            self.assertEqual([], desk._core.pending)
        self.assertEqual(4, len(self.abandoned))

    async def test_dropped__in_another_thread(self) -> None:
        desk = await self.desk()
        desk.queue("help").enqueue("bob")
        held = [self.claim(desk)]
        await desk._core.settle()
        self.assertTrue(held[0].done())
        threads: List[int] = []
        held[0].abandoned = lambda result: threads.append(threading.get_ident())
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
        await desk._core.settle()
        await asyncio.sleep(0.02)
        self.assertEqual([threading.get_ident()], threads)

    async def test_taken__claims_are_kept(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")
        for take in (asyncio.gather, asyncio.shield, asyncio.ensure_future, lambda call: asyncio.wait_for(call, 5)):
            queue.enqueue("bob")
            await take(self.claim(desk))
        queue.enqueue("bob")
        (done, _) = await asyncio.wait({self.claim(desk)})
        done.pop().result()
        self.assertEqual([], self.abandoned)

    async def test_cancelled__claim_of_one_ticket(self) -> None:
        desk = await self.desk()
        ann, ticket = desk.agent("ann"), await desk.queue("help").enqueue("bob")
        self.assertTrue(ann.claim_ticket(ticket).cancel())
        await desk._core.settle()
        self.assertEqual(usher.State.WAITING, ticket.standing().state)

    async def test_wait_for__timed_out_withdraws(self) -> None:
        desk = await self.desk()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.claim(desk), 0.02)
        self.assertEqual(1, len(self.withdrawn))
        await desk._core.settle()
        self.assertEqual([], desk._core.pending)

    async def test_cancelled__many_in_every_state(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")
        for round in range(40):
            claims = [self.claim(desk) for _ in range(8)]
            for _ in range(round % 9):
                queue.enqueue("bob")
            for _ in range(round % 3):
                await asyncio.sleep(0)
            for claim in claims[round % 4 :: 2]:
                claim.cancel()
            await desk._core.settle()
            for claim in claims:
                claim.cancel()
            await desk._core.settle()
        self.assertEqual([], desk._core.pending)
        # Every claim has one end: handed out, abandoned or withdrawn while it was parked.
        states = queue.counts()
        self.assertEqual(sum(states.values()), states[usher.State.WAITING] + states[usher.State.CLAIMED])


class TestEnd(LoopCase):
    async def test_close__outstanding_calls_end_first(self) -> None:
        desk = await self.desk()
        parked = self.claim(desk)
        enqueued = desk.queue("empty").enqueue("bob")
        await desk.close()
        self.assertTrue(desk.closed)
        self.assertEqual(1, enqueued.result().id)
        with self.assertRaises(Canceled):
            parked.result()

    async def test_close__that_could_not_begin_begins_again(self) -> None:
        desk = await self.desk()
        for failure in ({"return_value": _ffi.ENOMEM}, {"side_effect": ZeroDivisionError}):
            with mock.patch.object(lib, "usher_close", **failure):
                with self.assertRaises((usher.NoMemory, ZeroDivisionError)):
                    await desk.close()
        await asyncio.wait_for(desk.close(), 5)
        self.assertTrue(desk.closed)

    async def test_close__twice_and_from_two_tasks(self) -> None:
        desk = await self.desk()
        await asyncio.gather(desk.close(), desk.close())
        await desk.close()

    async def test_close__goes_on_when_who_awaits_it_is_cancelled(self) -> None:
        desk = await self.desk()
        task = asyncio.create_task(desk.close())
        await asyncio.sleep(0)
        task.cancel()
        await desk.close()
        self.assertTrue(desk.closed)

    async def test_closed__calls_are_canceled(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")
        await desk.close()
        with self.assertRaises(Canceled):
            queue.enqueue("bob")
        with self.assertRaises(Canceled):
            await desk.advance(SECOND)

    async def test_close__takes_its_fds_along(self) -> None:
        fds = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            async with usher.Service() as desk:
                await desk.queue("help").enqueue("bob")
        self.assertEqual(fds, len(os.listdir("/proc/self/fd")))

    async def test_another_thread__is_refused(self) -> None:
        desk = await self.desk()
        queue = desk.queue("help")

        def elsewhere() -> Any:
            try:
                return queue.enqueue("bob")
            except WrongThread as reason:
                return reason

        refused = await asyncio.get_running_loop().run_in_executor(None, elsewhere)
        self.assertIsInstance(refused, WrongThread)

    def test_another_loop__is_refused_and_the_service_can_still_be_closed(self) -> None:
        service = usher.Service()
        desks: List[usher.AsyncService] = []

        async def first() -> None:
            desks.append(await service.__aenter__())

        async def second() -> None:
            with self.assertRaisesRegex(WrongState, "loop"):
                desks[0].queue("help").enqueue("bob")
            with self.assertRaisesRegex(WrongState, "loop"):
                await desks[0].close()

        asyncio.run(first())
        asyncio.run(second())
        service.close()
        self.assertTrue(service.closed)

    def test_loop_closed__with_calls_outstanding(self) -> None:
        service = usher.Service()

        async def main() -> None:
            desk = await service.__aenter__()
            for future in (self.claim(desk), desk.queue("other").enqueue("bob")):
                future.add_done_callback(str)  # which a loop that is closed cannot call

        asyncio.run(main())
        service.close()
        self.assertTrue(service.closed)

    def test_loop_without_add_reader__says_so(self) -> None:
        async def main() -> None:
            service = usher.Service()
            loop = asyncio.get_running_loop()
            with mock.patch.object(loop, "add_reader", side_effect=NotImplementedError):
                with self.assertRaisesRegex(WrongState, "add_reader"):
                    await service.__aenter__()
            service.close()

        asyncio.run(main())


class TestProcess(unittest.TestCase):
    def script(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-X", "dev", "-c", "import asyncio, os, sys, time, usher\n" + textwrap.dedent(text)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        )

    def test_exit__with_calls_outstanding(self) -> None:
        ran = self.script(
            """
            async def main():
                desk = await service.__aenter__()
                desk.agent("ann").claim(desk.queue("help"))
                desk.queue("other").enqueue("bob")
            service = usher.Service()
            asyncio.run(main())
            print("over")
            """
        )
        self.assertEqual((0, "over\n"), (ran.returncode, ran.stdout), ran.stderr)
        self.assertNotIn("Traceback", ran.stderr)

    def test_fork__the_child_is_left_alone(self) -> None:
        ran = self.script(
            """
            async def main():
                async with usher.Service() as desk:
                    queue = desk.queue("help")
                    await queue.enqueue("bob")
                    child = os.fork()
                    if child == 0:
                        try:
                            queue.enqueue("bob")
                        except usher.Forked:
                            os._exit(7)
                    print(os.waitpid(child, 0)[1] >> 8, (await queue.enqueue("bob")).id)
            asyncio.run(main())
            """
        )
        self.assertEqual((0, "7 2\n", ""), (ran.returncode, ran.stdout, ran.stderr))


if __name__ == "__main__":
    unittest.main()
