"""An agent: claims that wait, are withdrawn and interrupted, and those that come one after the
other."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import tempfile
import threading
import unittest
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import usher
from usher import State
from usher import claim as claims

from .desk import AT_ONCE, HOUR, MINUTE, POLICY, START, Awaiting, Blocking, kinds


@contextlib.contextmanager
def interrupted_in(seconds: float) -> Iterator[None]:
    """KeyboardInterrupt, as by Ctrl-C."""

    def handler(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class TestAgent(Blocking):
    def test_is_a_handle(self) -> None:
        self.assertEqual(self.ann.name, "ann")
        self.assertEqual(self.ann, self.desk.agent("ann"))
        self.assertEqual(hash(self.ann), hash(self.desk.agent("ann")))
        self.assertNotEqual(self.ann, self.desk.agent("will"))
        self.assertNotEqual(self.ann, "ann")
        self.assertEqual(repr(self.ann), "<usher.Agent 'ann'>")
        self.desk.close()
        self.assertEqual(repr(self.ann), "<usher.Agent 'ann'>")
        with self.assertRaises(usher.Canceled):
            self.ann.claim(self.help)

    def test_claims_what_is_next(self) -> None:
        workshop = self.desk.queue("workshop")
        workshop.enqueue("eva")
        self.help.enqueue("ada")
        self.help.enqueue("bea", priority=usher.Priority.URGENT)
        self.assertEqual(self.ann.claim(self.help).requester, "bea")
        self.assertEqual(self.ann.claim([self.help, workshop]).requester, "ada")
        self.assertEqual(self.ann.claim(iter((self.help, workshop))).requester, "eva")

    def test_skills(self) -> None:
        self.help.enqueue("ada", needs=["solder"])
        with self.assertRaises(usher.TimedOut):
            self.ann.claim(self.help, wait=AT_ONCE)
        self.assertEqual(self.desk.agent("ann", ["solder"]).claim(self.help).requester, "ada")

    def test_waits_as_long_as_was_asked(self) -> None:
        with usher.Service() as desk:
            queue, agent = desk.queue("help"), desk.agent("ann")
            before = desk.now()
            with self.assertRaises(usher.TimedOut):
                agent.claim(queue, wait=timedelta(milliseconds=30))
            self.assertGreaterEqual(desk.now() - before, timedelta(milliseconds=30))

    def test_arguments_are_checked_before_C_sees_them(self) -> None:
        elsewhere = usher.Service()
        self.addCleanup(elsewhere.close)
        wrong: list[tuple[Any, str]] = [
            (lambda: self.ann.claim("help"), "each of queues must be a queue"),
            (lambda: self.ann.claim(7), "queues must be a queue or several"),
            (lambda: self.ann.claim(self.ann), "queues must be a queue or several"),
            (lambda: self.ann.claim([self.ann]), "each of queues must be a queue"),
            (
                lambda: self.ann.claim(elsewhere.queue("help")),
                "queues must be a queue of this service",
            ),
            (lambda: self.ann.claim(self.help, wait=5), "wait must be timedelta"),
            (lambda: self.ann.claim(self.help, wait=-HOUR), "wait must be no less"),
            (lambda: self.ann.claim(self.help, op=uuid.UUID(int=0)), "nil UUID"),
            (lambda: self.ann.claim_many(self.help, True), "n must be int"),
            (lambda: self.ann.claim_many(self.help, 0), "n must be from 1"),
            (lambda: self.ann.claim_many(self.help, 2**32 + 1), "n must be from 1"),
            (lambda: self.ann.claims(self.help, n=0), "n must be from 1"),
            (lambda: self.ann.claim_ticket(-1), "ticket must be from 1"),
            (lambda: self.ann.claim_ticket(2**64), "ticket must be from 1"),
        ]
        for call, text in wrong:
            with self.subTest(text=text), self.assertRaisesRegex(usher.Invalid, text):
                call()
        with self.assertRaises(usher.Invalid):
            self.ann.claim([])
        with self.assertRaises(usher.TooLarge):
            self.ann.claim_many(self.help, 1001)
        with self.assertRaises(usher.TooLarge):
            self.ann.claim([self.help] * 65)

    def test_claim_ticket(self) -> None:
        first, second = self.help.enqueue("ada"), self.help.enqueue("bea")
        claim = self.ann.claim_ticket(second)
        self.assertEqual(claim.id, second.id)
        self.assertEqual([e.n for e in second.history() if e.kind is usher.EventKind.CLAIMED], [1])
        with self.assertRaises(usher.WrongState):
            self.ann.claim_ticket(second)
        with self.assertRaises(usher.NotFound):
            self.ann.claim_ticket(99)
        self.assertEqual(self.ann.claim_ticket(int(first)).requester, "ada")

    def test_an_op_gives_the_same_claim(self) -> None:
        ticket = self.help.enqueue("ada")
        self.help.enqueue("bea")
        calls: list[Any] = [
            lambda op: self.ann.claim(self.help, op=op),
            lambda op: self.ann.claim_many(self.help, 1, op=op)[0],
            lambda op: self.ann.claim_ticket(ticket, op=op),
        ]
        for call in calls:
            op = uuid.uuid4()
            first, again = call(op), call(op)
            self.assertEqual((first.id, first.token), (again.id, again.token))
            first.release()

    def test_goes(self) -> None:
        claim = self.claimed()
        self.assertIsNone(self.ann.gone().ticket)
        self.assertIs(claim.standing().state, State.WAITING)
        with self.assertRaises(usher.Stale):
            claim.acknowledge()
        with self.assertRaises(usher.WrongState):
            self.ann.claim(self.help, wait=AT_ONCE)
        with self.assertRaises(usher.WrongState):
            self.ann.gone()
        self.assertEqual(self.desk.agent("ann").claim(self.help).id, claim.id)


class TestInterrupts(unittest.TestCase):
    def setUp(self) -> None:
        self.desk = usher.Service()
        self.addCleanup(self.desk.close)
        self.help, self.ann = self.desk.queue("help"), self.desk.agent("ann")

    def test_an_interrupted_claim_is_withdrawn(self) -> None:
        with interrupted_in(0.03), self.assertRaises(KeyboardInterrupt):
            self.ann.claim(self.help)
        ticket = self.help.enqueue("ada")
        self.desk.run(timedelta(milliseconds=5))
        self.assertEqual(kinds(ticket.history()), ["enqueued"])
        self.assertEqual(self.desk._core.pending, [])

    def test_work_that_comes_with_the_interrupt_is_released(self) -> None:
        ticket = self.help.enqueue("ada")
        made = type(self.ann)._made

        def interrupted(*args: Any) -> Any:
            made(*args)
            raise KeyboardInterrupt

        # As if the signal came inside the callback that brings the claim: it is told again, to
        # nobody.
        calls = iter((interrupted, made, made))
        agent = self.desk.agent("will")
        type(agent)._made = lambda *args: next(calls)(*args)  # type: ignore[method-assign]
        try:
            with self.assertRaises(KeyboardInterrupt):
                agent.claim(self.help)
        finally:
            type(agent)._made = made  # type: ignore[method-assign]
        self.desk.run(timedelta(milliseconds=5))
        self.assertIs(ticket.standing().state, State.WAITING)

    def test_interrupted_over_and_over_few_are_orphaned(self) -> None:
        self.help.enqueue_many([(f"p{i}",) for i in range(100)])
        interrupts = 0
        for i in range(100):
            claim = None
            try:
                with interrupted_in(0.0003 + i * 0.000003):
                    while True:
                        claim = self.ann.claim(self.help)
                        claim.release()
            except KeyboardInterrupt:
                interrupts += 1
                if claim is not None and claim.standing().state is State.CLAIMED:
                    with contextlib.suppress(usher.Stale):
                        claim.release()
        self.desk.run(timedelta(milliseconds=5))
        self.assertEqual(interrupts, 100)
        # A signal between the return of claim() and its assignment is what only the lease can mend.
        # One right before the call into C leaves a number under which nothing will be told.
        self.assertGreaterEqual(self.help.counts()[State.WAITING], 85)
        self.assertLessEqual(len(self.desk._core.pending), 15)


class TestServing(Blocking):
    def setUp(self) -> None:
        super().setUp()
        self.tickets = self.help.enqueue_many([(f"p{i}",) for i in range(6)]).tickets

    def held(self) -> int:
        return self.help.counts()[State.CLAIMED]

    def test_one_after_the_other(self) -> None:
        seen = []
        for claim in self.ann.claims(self.help, wait=AT_ONCE):
            self.assertEqual(self.held(), 1)
            with claim:
                seen.append(claim.id)
        self.assertEqual(seen, self.tickets)

    def test_several_are_fetched_at_a_time(self) -> None:
        seen = []
        for claim in self.ann.claims([self.help], n=4, wait=AT_ONCE):
            seen.append((claim.id, self.held()))
            with claim:
                pass
        self.assertEqual(seen, list(zip(self.tickets, [4, 3, 2, 1, 2, 1])))

    def test_break_releases_those_not_handed_out(self) -> None:
        for claim in self.ann.claims(self.help, n=4):
            break
        self.desk.advance(AT_ONCE)
        self.assertEqual((self.held(), claim.lost), (1, False))

    def test_an_exception_releases_them(self) -> None:
        def serve() -> None:
            for claim in self.ann.claims(self.help, n=4):
                with claim:
                    raise ValueError

        with self.assertRaises(ValueError):
            serve()
        self.assertEqual((self.held(), self.help.counts()[State.SCHEDULED]), (0, 1))

    def test_close_and_with_release_them(self) -> None:
        serving = self.ann.claims(self.help, n=4)
        next(serving)
        serving.close()
        self.assertEqual(self.held(), 1)
        with self.assertRaises(StopIteration):
            next(serving)
        with self.ann.claims(self.help, n=4) as more:
            next(more)
            self.assertEqual(self.held(), 5)
        self.assertEqual(self.held(), 2)
        self.desk.close()
        serving = self.ann.claims  # type: ignore[assignment]
        with self.assertRaises(usher.Canceled):
            self.ann.claims(self.help)

    def test_one_that_had_ended_is_no_loss(self) -> None:
        with self.ann.claims(self.help, n=4) as serving:
            next(serving)
            self.desk.ticket(self.tickets[1]).withdraw("p1")
        self.desk.advance(AT_ONCE)
        self.assertEqual((self.held(), self.lost), (1, []))

    def test_left_in_another_thread(self) -> None:
        serving = self.ann.claims(self.help, n=4)
        next(serving)
        caught: list[BaseException] = []

        def leave() -> None:
            try:
                serving.close()
            except usher.WrongThread as error:
                caught.append(error)

        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        self.assertEqual((len(caught), self.held()), (1, 4))
        serving.close()

    def test_let_go_of_in_another_thread(self) -> None:
        serving = [self.ann.claims(self.help, n=4)]
        next(serving[0])
        thread = threading.Thread(target=serving.clear)
        thread.start()
        thread.join()
        self.assertEqual(self.held(), 4)  # this is not that thread's business
        self.desk.advance(AT_ONCE)
        self.assertEqual(self.held(), 1)

    def test_ends_when_nothing_came_and_when_the_service_is_closed(self) -> None:
        with self.assertRaises(StopIteration):
            next(self.ann.claims(self.desk.queue("empty"), wait=AT_ONCE))
        for claim in self.ann.claims(self.help, n=4):
            self.desk.close()
        self.assertTrue(self.desk.closed)

    def test_ends_when_the_agent_goes(self) -> None:
        serving = self.ann.claims(self.desk.queue("empty"))
        self.desk.post(lambda: self.ann.gone() and None)
        with self.assertRaises(StopIteration):
            next(serving)

    def test_ends_when_the_agent_has_gone(self) -> None:
        seen = []
        for claim in self.ann.claims(self.help):
            with claim:
                seen.append(claim.id)
            self.ann.gone()
        self.assertEqual(seen, self.tickets[:1])

    def test_a_call_that_is_wrong_is_no_end(self) -> None:
        caught: list[BaseException] = []

        def inside() -> None:
            try:
                next(self.ann.claims(self.desk.queue("empty")))
            except usher.WrongState as error:
                caught.append(error)

        self.desk.subscribe(lambda event: inside())
        self.help.enqueue("ada")
        self.desk.advance(AT_ONCE)
        self.assertEqual(len(caught), 1)

    def test_closing_the_service_releases_those_not_handed_out(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = f"sqlite:{folder}/desk.db"
            with usher.Service(store) as desk:
                queue = desk.queue("help", POLICY)
                queue.enqueue_many([(f"p{i}",) for i in range(4)])
                serving = desk.agent("ann").claims(queue, n=4)
                next(serving)
            with self.assertRaises(StopIteration):
                next(serving)
            serving._let_go()
            with usher.Service(store) as desk:
                states = [standing.state for standing in desk.tickets()]
            self.assertEqual(states, [State.CLAIMED] + 3 * [State.WAITING])

    def test_the_wall_clock_alone_is_put_forward(self) -> None:
        serving = self.ann.claims(self.help, n=3)
        next(serving)
        self.clock.step(2 * HOUR)
        self.assertEqual(next(serving).id, self.tickets[1])  # released, and fetched again
        serving.close()
        self.assertEqual(self.held(), 2)

    def test_those_not_handed_out_are_held_for_an_hour(self) -> None:
        serving = self.ann.claims(self.help, n=3)
        first = next(serving)
        self.desk.advance(50 * MINUTE)
        self.assertEqual(first.lost, False)
        second = next(serving)
        self.assertEqual(second.lease_until, START + HOUR)
        self.desk.advance(20 * MINUTE)
        self.assertTrue(second.lost)
        third = next(serving)  # the third's lease was over too, so it was fetched again
        self.assertFalse(third.lost)
        self.assertNotEqual(third.lease_until, START + HOUR)
        serving.close()

    def test_what_is_wrong_is_raised_at_once(self) -> None:
        for wrong in (lambda: self.ann.claims(self.help, n=True), lambda: self.ann.claims(7)):
            with self.assertRaises((usher.Invalid, TypeError)):
                wrong()


class TestAsyncAgent(Awaiting):
    async def test_a_claim_waits_for_somebody(self) -> None:
        claim = asyncio.ensure_future(self.ann.claim(self.help))
        await asyncio.sleep(0)
        self.assertFalse(claim.done())
        await self.help.enqueue("ada")
        self.assertEqual((await claim).requester, "ada")

    async def test_claims_are_served_first_come_first_served(self) -> None:
        will = self.desk.agent("will")
        claims = [self.ann.claim(self.help), will.claim(self.help), self.ann.claim(self.help)]
        for who in ("ada", "bea", "cleo"):
            await self.help.enqueue(who)
        self.assertEqual(
            [c.requester for c in await asyncio.gather(*claims)], ["ada", "bea", "cleo"]
        )

    async def test_times_out(self) -> None:
        claim = self.ann.claim(self.help, wait=HOUR)
        await self.desk.advance(59 * MINUTE)
        self.assertFalse(claim.done())
        await self.desk.advance(MINUTE)
        with self.assertRaises(usher.TimedOut):
            await claim

    async def test_a_cancelled_claim_is_withdrawn(self) -> None:
        async def serve() -> None:
            await self.ann.claim(self.help)

        for many in (False, True):
            with self.subTest(many=many):
                task = asyncio.ensure_future(
                    self.ann.claim_many(self.help, 2) if many else self.ann.claim(self.help)
                )
                await asyncio.sleep(0)
                task.cancel()
                ticket = await self.help.enqueue("ada")
                self.assertEqual(await self.history(ticket), ["enqueued"])
                with self.assertRaises(asyncio.CancelledError):
                    await task
                await ticket.withdraw("ada")
        self.assertEqual(self.desk._core.pending, [])

    async def test_wait_for(self) -> None:
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(self.ann.claim(self.help), 0.005)
        ticket = await self.help.enqueue("ada")
        self.assertEqual(await self.history(ticket), ["enqueued"])

    async def test_work_that_comes_all_the_same_is_released(self) -> None:
        for many in (False, True):
            with self.subTest(many=many):
                ticket = await self.help.enqueue("ada")
                claim = self.ann.claim_many(self.help, 2) if many else self.ann.claim(self.help)
                self.assertIs(ticket.standing().state, State.CLAIMED)  # C has done it
                claim.cancel()
                await self.desk.advance(AT_ONCE)
                self.assertIs(ticket.standing().state, State.WAITING)
                await ticket.withdraw("ada")

    async def test_a_task_cancelled_when_its_work_had_come(self) -> None:
        ticket = await self.help.enqueue("ada")

        async def serve() -> None:
            await self.ann.claim(self.help)
            self.fail("it was cancelled")

        task = asyncio.ensure_future(serve())
        await asyncio.sleep(0)
        self.desk._core._serve()  # the claim's future is done, and the task has not run
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.desk.advance(AT_ONCE)
        self.assertIs(ticket.standing().state, State.WAITING)

    async def test_closing_cancels_claims_that_wait(self) -> None:
        claim = self.ann.claim(self.help)
        await self.desk.close()
        with self.assertRaises(usher.Canceled):
            await claim

    async def test_goes(self) -> None:
        claim, waiting = await self.claimed(), self.ann.claim(self.help)
        await self.ann.gone()
        with self.assertRaises(usher.Canceled):
            await waiting
        self.assertIs(claim.standing().state, State.WAITING)


class TestAsyncServing(Awaiting):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.tickets = (await self.help.enqueue_many([(f"p{i}",) for i in range(6)])).tickets

    def held(self) -> int:
        return self.help.counts()[State.CLAIMED]

    async def test_one_after_the_other(self) -> None:
        seen = []
        async for claim in self.ann.claims(self.help, wait=AT_ONCE):
            async with claim:
                seen.append((claim.id, self.held()))
        self.assertEqual(seen, [(ticket, 1) for ticket in self.tickets])

    async def test_break_releases_those_not_handed_out(self) -> None:
        async for claim in self.ann.claims(self.help, n=4):
            self.assertEqual(self.held(), 4)
            break
        self.assertEqual(self.held(), 1)

    async def test_closing_the_service_right_after_a_break(self) -> None:
        async for claim in self.ann.claims(self.help, n=4):
            break
        await self.desk.close()

    async def test_cancellation_releases_them(self) -> None:
        async def serve() -> None:
            async for claim in self.ann.claims(self.help, n=4):
                async with claim:
                    await asyncio.sleep(3600)

        task = asyncio.ensure_future(serve())
        while self.held() < 4:
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        del task
        gc.collect()
        self.assertEqual(self.held(), 0)

    async def test_cancelled_while_it_waits(self) -> None:
        serving = self.ann.claims(self.desk.queue("empty"), n=4)

        async def serve() -> None:
            async for _ in serving:
                pass

        task = asyncio.ensure_future(serve())
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        ticket = await self.desk.queue("empty").enqueue("ada")
        self.assertIs(ticket.standing().state, State.WAITING)

    async def test_aclose_and_with_release_them(self) -> None:
        serving = self.ann.claims(self.help, n=3)
        await serving.__anext__()
        await serving.aclose()
        self.assertEqual(self.held(), 1)
        with self.assertRaises(StopAsyncIteration):
            await serving.__anext__()
        async with self.ann.claims(self.help, n=3) as more:
            await more.__anext__()
            self.assertEqual(self.held(), 4)
            self.assertEqual(len(claims._to_renew[self.desk._core]), 2)
        self.assertEqual(self.held(), 2)
        self.assertEqual(claims._to_renew[self.desk._core], {})

    async def test_closed_by_another_task_while_it_waits(self) -> None:
        empty = self.desk.queue("empty")
        serving = self.ann.claims(empty, n=3)
        waiting = asyncio.ensure_future(serving.__anext__())
        await asyncio.sleep(0)
        await serving.aclose()
        ticket = await empty.enqueue("ada")
        with self.assertRaises(StopAsyncIteration):
            await waiting
        self.assertIs(ticket.standing().state, State.WAITING)

    async def test_aclose_ends_a_loop_that_waits(self) -> None:
        empty = self.desk.queue("empty")
        serving = self.ann.claims(empty, n=3)

        async def serve() -> None:
            async for _ in serving:
                self.fail("nobody is to come")

        tasks = [asyncio.ensure_future(serve()) for _ in range(2)]
        await asyncio.sleep(0)
        await serving.aclose()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        ticket = await empty.enqueue("ada")
        self.assertEqual(await self.history(ticket), ["enqueued"])

    async def test_ends_when_the_agent_has_gone(self) -> None:
        seen = []
        async for claim in self.ann.claims(self.help):
            async with claim:
                seen.append(claim.id)
            await self.ann.gone()
        self.assertEqual(seen, self.tickets[:1])

    async def test_closing_the_service_releases_those_not_handed_out(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = f"sqlite:{folder}/desk.db"
            async with usher.Service(store) as desk:
                queue = desk.queue("help", POLICY)
                await queue.enqueue_many([(f"p{i}",) for i in range(4)])
                serving = desk.agent("ann").claims(queue, n=4)
                await serving.__anext__()
            with usher.Service(store) as again:
                states = [standing.state for standing in again.tickets()]
            self.assertEqual(states, [State.CLAIMED] + 3 * [State.WAITING])

    async def test_those_not_handed_out_extend_themselves(self) -> None:
        serving = self.ann.claims(self.help, n=3)
        first = await serving.__anext__()
        await self.desk.advance(HOUR)
        self.assertTrue(first.lost)  # in no block
        second = await serving.__anext__()
        self.assertFalse(second.lost)
        self.assertGreater(second.lease_until, self.desk.now() + 4 * MINUTE)
        await self.desk.advance(HOUR)
        self.assertTrue(second.lost)
        await serving.aclose()
        await self.desk.advance(HOUR)
        self.assertEqual(self.held(), 0)

    async def test_those_that_are_lost_are_not_handed_out(self) -> None:
        async with self.ann.claims(self.help, n=2, wait=AT_ONCE) as serving:
            first = await serving.__anext__()
            await self.desk.ticket(self.tickets[1]).withdraw("p1")
            await self.desk.advance(6 * MINUTE)
            third = await serving.__anext__()
            self.assertEqual((first.id, third.id), (self.tickets[0], self.tickets[2]))

    async def test_several_tasks_share_one(self) -> None:
        serving = self.ann.claims(self.help, n=2, wait=AT_ONCE)
        seen: list[int] = []

        async def serve() -> None:
            async for claim in serving:
                async with claim:
                    seen.append(claim.id)
                    await asyncio.sleep(0)

        await asyncio.gather(*[serve() for _ in range(3)])
        self.assertEqual(sorted(seen), self.tickets)
        self.assertEqual(self.help.counts()[State.RESOLVED], 6)

    async def test_closing_the_service_when_work_has_come(self) -> None:
        empty = self.desk.queue("empty")
        serving = self.ann.claims(empty, n=3)
        waiting = asyncio.ensure_future(serving.__anext__())
        await asyncio.sleep(0)
        empty.enqueue_many([("ada",), ("bea",), ("cleo",)])
        await self.desk.close()
        with self.assertRaises(StopAsyncIteration):
            await waiting
            await serving.__anext__()

    async def test_closing_the_service_in_the_loop(self) -> None:
        async for _ in self.ann.claims(self.help, n=4):
            await self.desk.close()
        self.assertTrue(self.desk.closed)

    async def test_ends_with_the_service(self) -> None:
        async def serve() -> int:
            n = 0
            async for claim in self.ann.claims(self.help):
                async with claim:
                    n += 1
            return n

        task = asyncio.ensure_future(serve())
        while self.help.counts()[State.RESOLVED] < 6:
            await asyncio.sleep(0)
        await self.desk.close()
        self.assertEqual(await task, 6)
