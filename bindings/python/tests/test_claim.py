"""A claim: what it says, its commands, and what the end of its block means."""

from __future__ import annotations

import asyncio
import gc
import sys
import unittest
import uuid
import weakref
from datetime import timedelta
from typing import Any
from unittest import mock

import usher
from usher import As, On, Outcome, State
from usher import claim as claims

from .desk import AT_ONCE, HOUR, MINUTE, START, Awaiting, Blocking


class Strange(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class TestClaim(Blocking):
    def test_says_what_was_claimed(self) -> None:
        self.help.enqueue(
            "ada",
            json={"printer": 2},
            symptom="jams",
            ref="order-17",
            priority=usher.Priority.HIGH,
        )
        claim = self.ann.claim(self.help)
        self.assertEqual(claim.ticket, self.desk.ticket(1))
        self.assertEqual(
            (claim.id, claim.requester, claim.symptom, claim.ref), (1, "ada", "jams", "order-17")
        )
        self.assertEqual((claim.body, claim.json()), (b'{"printer":2}', {"printer": 2}))
        self.assertIs(claim.priority, usher.Priority.HIGH)
        self.assertEqual((claim.level, claim.attempts, claim.persons), (0, 0, 1))
        self.assertEqual((claim.enqueued, claim.due), (START, START + HOUR))
        self.assertEqual(claim.lease_until, START + 10 * MINUTE)
        self.assertEqual(claim.queue, self.help)
        self.assertGreater(claim.token, 0)
        self.assertEqual(repr(claim), "<usher.Claim of ticket 1 by 'ann'>")
        with self.assertRaises(ValueError):
            self.claimed(body=b"no json").json()

    def test_bodies_hold_any_bytes(self) -> None:
        for body in (b"", b"\0", b"a\0b\0", bytes(range(256)), b"x" * 70000):
            with self.subTest(body=body[:8]):
                claim = self.claimed(body=body)
                self.assertEqual((claim.body, claim.symptom, claim.ref), (body, None, None))
                self.assertEqual(self.claimed("a\udce9").requester, "a\udce9")

    def test_a_wrong_answer_is_an_error_of_the_block(self) -> None:
        for answer, kind in ((5, usher.Invalid), ("\ud800", usher.Invalid), ("x" * 65537, usher.TooLarge)):
            with self.subTest(answer=str(kind)):
                claim = self.claimed()
                with self.assertRaises(kind):
                    with claim:
                        claim.answer = answer  # type: ignore[assignment]
                self.assertIs(claim.standing().state, usher.State.SCHEDULED)  # failed: tried again
        with self.claimed() as claim:
            claim.answer = "x" * 65536
        self.assertIs(claim.standing().state, usher.State.RESOLVED)

    def test_nothing_comes_while_the_clock_stands(self) -> None:
        for wait in (None, timedelta(seconds=1)):
            with self.assertRaisesRegex(usher.WrongState, "ManualClock"):
                self.ann.claim(self.help, wait=wait)
        claim_of = self.help.enqueue("bob")
        self.assertIs(claim_of.standing().state, usher.State.WAITING)  # none is left that would take it

    def test_words(self) -> None:
        claim = self.claimed()
        told = claim.acknowledge("ann has it")
        self.assertEqual(
            (told.ticket, told.state, told.token), (claim.id, State.CLAIMED, claim.token)
        )
        claim.update("ordered a part\0now", next_word=2 * HOUR)
        standing = claim.standing()
        self.assertEqual(standing.last_word, "ordered a part\0now")
        self.assertEqual(standing.next_word, START + 2 * HOUR)
        claim.update("sooner", START + HOUR)
        self.assertEqual(claim.standing().next_word, START + HOUR)
        with self.assertRaisesRegex(usher.Invalid, "next_word must be an aware"):
            claim.update("naive", START.replace(tzinfo=None))
        with self.assertRaises(usher.Invalid):
            claim.update("past", START - HOUR)
        with self.assertRaises(usher.Invalid):
            claim.update(None)  # type: ignore[arg-type]
        self.assertEqual(
            self.history(claim), ["enqueued", "claimed", "acknowledged", "updated", "updated"]
        )

    def test_extends(self) -> None:
        claim = self.claimed()
        self.assertEqual(claim.extend(HOUR).until, START + HOUR)
        self.assertEqual(claim.lease_until, START + HOUR)
        self.desk.advance(30 * MINUTE)
        claim.extend()  # never shortened
        self.assertEqual(claim.lease_until, START + HOUR)
        told = claim.extend(9 * HOUR)
        self.assertEqual((told.outcome, claim.lease_until), (Outcome.CLIPPED, START + 3 * HOUR))
        claim = self.claimed()
        before = claim.lease_until
        self.desk.advance(MINUTE)
        self.assertEqual(claim.extend(AT_ONCE).until, before)  # not by lease.for
        with self.assertRaises(usher.Invalid):
            claim.extend(-HOUR)

    def test_ends(self) -> None:
        ends: list[tuple[Any, State]] = [
            (lambda claim: claim.release("not mine"), State.WAITING),
            (lambda claim: claim.fail("burnt"), State.SCHEDULED),
            (lambda claim: claim.resolve("new drum", As.ANSWERED), State.RESOLVED),
            (lambda claim: claim.pause(On.UNTIL, until=HOUR), State.PAUSED),
            (
                lambda claim: claim.hand_off(self.desk.queue("workshop"), "needs an iron"),
                State.OFFERED,
            ),
            (lambda claim: claim.hand_off(self.desk.agent("will")), State.OFFERED),
        ]
        for end, state in ends:
            with self.subTest(state=state):
                claim = self.claimed()
                self.assertIs(end(claim).state, state)
                self.assertIs(claim.standing().state, state)

    def test_pauses(self) -> None:
        claim = self.claimed()
        self.assertEqual(
            claim.pause(On.REQUESTER, "which one?", until=START + HOUR).until, START + HOUR
        )
        self.assertEqual(claim.standing().question, "which one?")
        claim.pause(On.THIRD_PARTY)
        self.assertIs(claim.resume(On.THIRD_PARTY).state, State.PAUSED)
        self.assertIs(claim.resume().state, State.WAITING)
        with self.assertRaises(usher.Stale):
            claim.acknowledge()

    def test_arguments_are_checked_before_C_sees_them(self) -> None:
        claim = self.claimed()
        elsewhere = usher.Service()
        self.addCleanup(elsewhere.close)
        wrong: list[tuple[Any, str]] = [
            (lambda: claim.acknowledge(b"bytes"), "word must be str"),
            (lambda: claim.acknowledge("\ud800"), "word holds a lone surrogate"),
            (lambda: claim.pause("REQUESTER"), "on must be int"),
            (lambda: claim.pause(True), "on must be int"),
            (lambda: claim.resolve("x", 2**40), "how must be from 0"),
            (lambda: claim.extend(60), "by must be timedelta"),
            (lambda: claim.hand_off("workshop"), "to must be an agent of this service"),
            (lambda: claim.hand_off(elsewhere.queue("help")), "to must be a queue of this service"),
            (lambda: claim.hand_off(elsewhere.agent("ann")), "to must be an agent of this service"),
            (lambda: claim.release(op="1"), "op must be uuid.UUID"),
        ]
        for call, text in wrong:
            with self.subTest(text=text), self.assertRaisesRegex(usher.Invalid, text):
                call()
        with self.assertRaises(usher.TooLarge):
            claim.resolve("x" * 65537)
        self.assertEqual(self.history(claim), ["enqueued", "claimed"])

    def test_an_op_is_applied_once(self) -> None:
        claim, op = self.claimed(), uuid.uuid4()
        self.assertEqual(claim.release("x", op=op).outcome, Outcome(0))
        self.assertEqual(claim.release("x", op=op).outcome, Outcome.REPEATED)

    def test_errors_know_the_ticket(self) -> None:
        claim = self.claimed()
        claim.release()
        with self.assertRaises(usher.Stale) as caught:
            claim.acknowledge()
        self.assertEqual((caught.exception.ticket, caught.exception.name), (claim.id, "ESTALE"))

    def test_lost(self) -> None:
        claim = self.claimed()
        self.assertFalse(claim.lost)
        self.desk.advance(11 * MINUTE)
        self.assertTrue(claim.lost)

        withdrawn = self.claimed("bea")
        self.desk.ticket(withdrawn.id).withdraw("bea")
        self.assertTrue(withdrawn.lost)

        taken = self.claimed("cleo")
        taken.pause(On.THIRD_PARTY)
        self.assertFalse(taken.lost)
        resolved = self.claimed("dora")
        resolved.resolve()
        self.assertFalse(resolved.lost)

        picked = self.claimed("eva")
        self.desk.ticket(picked.id).note("only looked at")
        self.assertFalse(picked.lost)
        self.clock.skip(11 * MINUTE)  # nothing has run since
        self.assertTrue(picked.lost)

        before = self.claimed("fay")
        self.desk.advance(11 * MINUTE)
        after = self.ann.claim_ticket(before.id)
        self.assertEqual((before.lost, after.lost), (True, False))

        will = self.desk.agent("will")
        given = self.claimed("gus")
        self.desk.act_many([usher.Command(usher.Verb.HAND_OFF, given, to=will)])
        self.assertFalse(given.lost)
        will.claim_ticket(given.id)
        self.assertTrue(given.lost)


class TestBlock(Blocking):
    def test_success_resolves_with_the_answer(self) -> None:
        with self.claimed() as claim:
            self.assertEqual(claim.lease_until, START + HOUR)
            claim.answer = "new drum"
        standing = claim.standing()
        self.assertEqual((standing.state, standing.last_word), (State.RESOLVED, "new drum"))
        self.assertFalse(claim.lost)

    def test_hold(self) -> None:
        with self.claimed().hold(30 * MINUTE) as claim:
            self.assertEqual(claim.lease_until, START + 30 * MINUTE)
        with self.claimed().hold(30 * HOUR) as claim:
            self.assertEqual(claim.lease_until, START + 3 * HOUR)  # lease.max
        with self.assertRaises(usher.Invalid):
            self.claimed().hold(-HOUR)

    def test_exception_fails_with_its_text(self) -> None:
        claim = self.claimed()
        with self.assertRaisesRegex(ValueError, "no paper"):
            with claim:
                raise ValueError("no paper")
        events = list(self.desk.ticket(claim.id).history())
        self.assertEqual(
            (str(events[-1].kind), events[-1].text), ("failed", "ValueError: no paper")
        )
        self.assertIs(claim.standing().state, State.SCHEDULED)

    def test_texts_of_exceptions(self) -> None:
        long = "é" * 65536
        for error, text in [
            (ValueError(), "ValueError"),
            (Strange(), "Strange"),
            (KeyError("\ud800"), "KeyError: '\\ud800'"),
            (ValueError("\ud800 "), "ValueError: \\ud800 "),
            (ValueError(long), ("ValueError: " + long)[: 12 + (65536 - 12) // 2]),
        ]:
            with self.subTest(text=text[:20]):
                claim = self.claimed()
                with self.assertRaises(type(error)), claim:
                    raise error
                self.assertEqual(list(self.desk.ticket(claim.id).history())[-1].text, text)

    def test_interrupts_release(self) -> None:
        for interrupt in (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
            with self.subTest(interrupt=interrupt):
                claim = self.claimed()
                with self.assertRaises(interrupt), claim:
                    raise interrupt
                self.assertIs(claim.standing().state, State.WAITING)
                self.assertEqual(self.history(claim)[-1], "released")
                self.ann.claim_ticket(claim.id).resolve()

    def test_generators_that_are_closed_release(self) -> None:
        def serve() -> Any:
            with self.claimed() as claim:
                yield claim

        serving = serve()
        claim = next(serving)
        serving.close()
        self.assertEqual(self.history(claim)[-1], "released")

    def test_the_block_may_end_it(self) -> None:
        ends: dict[str, Any] = {
            "released": lambda claim: claim.release(),
            "failed": lambda claim: claim.fail("burnt"),
            "resolved": lambda claim: claim.resolve("by hand", As.WORKAROUND),
            "paused": lambda claim: claim.pause(On.REQUESTER, "which?"),
            "offered": lambda claim: claim.hand_off(self.desk.queue("workshop")),
        }
        for kind, end in ends.items():
            with self.subTest(kind=kind):
                with self.claimed() as claim:
                    end(claim)
                    claim.answer = "not this one"
                self.assertEqual(self.history(claim)[2:], ["extended", kind])
            with self.subTest(kind=kind, then="an exception"):
                claim = self.claimed()
                with self.assertRaises(ValueError), claim:
                    end(claim)
                    raise ValueError
                self.assertEqual(self.history(claim)[2:], ["extended", kind])

    def test_an_end_that_was_refused_is_none(self) -> None:
        with self.claimed() as claim:
            with self.assertRaises(usher.TooLarge):
                claim.fail("x" * 70000)
            with self.assertRaises(usher.Invalid):
                claim.pause(On.UNTIL, until=START - HOUR)  # refused as status
            self.assertFalse(claim.lost)
        self.assertEqual(self.history(claim)[-1], "resolved")

    def test_a_decision_that_leaves_it_held_is_followed_by_a_release(self) -> None:
        causes = self.desk.queue("causes")
        self.help.enqueue("ada", symptom="jams")
        self.help.enqueue("bea", symptom="jams")
        with self.ann.claim(causes, wait=AT_ONCE) as claim:
            self.assertIs(claim.resolve("use tray 2", As.WORKAROUND).state, State.CLAIMED)
        self.assertEqual(self.history(claim)[-2:], ["updated", "released"])

        claim = self.claimed("cleo")
        will = self.desk.agent("will")
        claim.hand_off(will)
        with will.claim(self.help, wait=AT_ONCE) as claim:
            self.assertIn(Outcome.ESCALATED, claim.hand_off(self.ann).outcome)
        self.assertIs(claim.standing().state, State.WAITING)

    def test_one_whose_entering_was_interrupted_is_released(self) -> None:
        interrupts = [KeyboardInterrupt]

        def listener(event: usher.Event) -> None:
            if event.kind is usher.EventKind.EXTENDED and interrupts:
                raise interrupts.pop()  # as a signal would

        self.desk.subscribe(listener)
        claim = self.claimed()
        with self.assertRaises(KeyboardInterrupt):
            with claim:
                self.fail("entered")
        self.assertIs(claim.standing().state, State.WAITING)
        self.desk.advance(AT_ONCE)

    def test_one_whose_entering_failed_is_released(self) -> None:
        claim = self.claimed()
        with mock.patch.object(usher.Claim, "extend", side_effect=usher.StoreError("full")):
            with self.assertRaises(usher.StoreError):
                with claim:
                    self.fail("entered")
        self.assertIs(claim.standing().state, State.WAITING)
        self.desk.advance(AT_ONCE)

    def test_a_hold_of_nothing_leaves_the_lease(self) -> None:
        claim = self.claimed()
        self.desk.advance(MINUTE)
        with claim.hold(AT_ONCE):
            self.assertEqual(claim.lease_until, START + 10 * MINUTE)

    def test_one_that_was_lost_before_is_not_entered(self) -> None:
        claim = self.claimed()
        self.desk.advance(11 * MINUTE)
        with self.assertRaises(usher.Stale):
            with claim:
                self.fail("entered")

    def test_one_that_is_lost_inside_says_so_in_the_end(self) -> None:
        claim = self.claimed()
        with self.assertRaises(usher.Stale):
            with claim:
                self.desk.advance(2 * HOUR)
                self.assertTrue(claim.lost)

    def test_the_last_command_never_hides_the_blocks_own_exception(self) -> None:
        for error in (ValueError("mine"), KeyboardInterrupt("mine")):
            claim = self.claimed()
            with self.assertRaises(type(error)) as caught:
                with claim:
                    self.desk.advance(2 * HOUR)
                    raise error
            self.assertIs(caught.exception, error)
            if sys.version_info >= (3, 11):
                self.assertIn("could not be ended: ESTALE", error.__notes__[0])

    def test_the_service_is_closed_inside(self) -> None:
        claim = self.claimed()
        with self.assertRaises(usher.Canceled):
            with claim:
                self.desk.close()
        with self.assertRaises(usher.Canceled):
            claim.acknowledge()


class TestAsyncClaim(Awaiting):
    async def test_says_what_was_claimed(self) -> None:
        claim = await self.claimed()
        self.assertIsInstance(claim, usher.AsyncClaim)
        self.assertIsInstance(claim.ticket, usher.AsyncTicket)
        self.assertEqual(claim.queue, self.help)
        self.assertIsInstance(claim.queue, usher.AsyncQueue)

    async def test_commands_are_futures(self) -> None:
        claim = await self.claimed()
        call = claim.acknowledge("have it")
        self.assertIsInstance(call, asyncio.Future)
        first, second = await asyncio.gather(call, claim.update("soon"))
        self.assertLess(first.seq, second.seq)
        with self.assertRaises(usher.Invalid):
            claim.update(b"bytes")  # type: ignore[arg-type]
        claim.release()
        with self.assertRaises(usher.Stale):
            await claim.acknowledge()

    async def test_a_cancelled_command_is_carried_out(self) -> None:
        claim = await self.claimed()
        call = claim.resolve("done")
        call.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await call
        self.assertIs(claim.standing().state, State.RESOLVED)


class TestAsyncBlock(Awaiting):
    async def test_success_resolves_with_the_answer(self) -> None:
        async with await self.claimed() as claim:
            claim.answer = "new drum"
        standing = claim.standing()
        self.assertEqual((standing.state, standing.last_word), (State.RESOLVED, "new drum"))
        self.assertEqual(await self.history(claim), ["enqueued", "claimed", "resolved"])

    async def test_exception_fails(self) -> None:
        claim = await self.claimed()
        with self.assertRaisesRegex(ValueError, "no paper"):
            async with claim:
                raise ValueError("no paper")
        self.assertEqual((await self.history(claim))[-1], "failed")

    async def test_cancellation_releases(self) -> None:
        claim = await self.claimed()

        async def serve() -> None:
            async with claim:
                await asyncio.sleep(3600)

        task = asyncio.ensure_future(serve())
        await asyncio.sleep(0)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual((await self.history(claim))[-1], "released")

    async def test_cancelled_again_while_it_releases(self) -> None:
        claim = await self.claimed()

        async def serve() -> None:
            async with claim:
                asyncio.get_running_loop().call_soon(lambda: task.cancel())
                raise ValueError("first")

        task = asyncio.ensure_future(serve())
        with self.assertRaises(asyncio.CancelledError):
            await task
        await self.desk.advance(AT_ONCE)
        self.assertEqual((await self.history(claim))[-1], "failed")

    async def test_a_coroutine_that_is_closed_releases(self) -> None:
        claim = await self.claimed()

        async def serve() -> None:
            async with claim:
                await asyncio.get_running_loop().create_future()

        coroutine = serve()
        coroutine.send(None)
        coroutine.close()
        await self.desk.advance(AT_ONCE)
        self.assertEqual((await self.history(claim))[-1], "released")

    async def test_a_coroutine_that_is_closed_with_a_decision_pending(self) -> None:
        claim = await self.claimed()

        async def serve() -> None:
            async with claim:
                claim.pause(On.THIRD_PARTY)
                await asyncio.get_running_loop().create_future()

        coroutine = serve()
        coroutine.send(None)
        coroutine.close()
        await self.desk.advance(AT_ONCE)
        self.assertEqual((await self.history(claim))[-1], "paused")

    async def test_the_block_may_end_it_without_waiting(self) -> None:
        async with await self.claimed() as claim:
            claim.pause(On.REQUESTER, "which?")
        self.assertIs(claim.standing().state, State.PAUSED)
        self.assertEqual((await self.history(claim))[-1], "paused")

    async def test_an_end_that_was_refused_is_none(self) -> None:
        async with await self.claimed() as claim:
            refused = claim.pause(On.UNTIL, until=START - HOUR)
        self.assertEqual((await self.history(claim))[-1], "resolved")
        with self.assertRaises(usher.Invalid):
            await refused

    async def test_a_decision_that_leaves_it_held_is_followed_by_a_release(self) -> None:
        causes = self.desk.queue("causes")
        await self.help.enqueue("ada", symptom="jams")
        await self.help.enqueue("bea", symptom="jams")
        async with await self.ann.claim(causes, wait=AT_ONCE) as claim:
            await claim.resolve("use tray 2", As.WORKAROUND)
        self.assertEqual((await self.history(claim))[-2:], ["updated", "released"])

    async def test_a_decision_is_not_undone_by_one_that_is_refused(self) -> None:
        async with await self.claimed() as claim:
            await claim.resolve("new drum")
            with self.assertRaises(usher.Stale):
                await claim.release()
            self.assertFalse(claim.lost)
        self.assertIs(claim.standing().state, State.RESOLVED)

    async def test_a_decision_that_nobody_heard_of_stands(self) -> None:
        async with await self.claimed() as claim:
            claim.resolve("new drum").cancel()  # as by asyncio.wait_for()
        self.assertIs(claim.standing().state, State.RESOLVED)
        self.assertEqual(claim.standing().last_word, "new drum")

    async def test_nor_does_one_that_is_refused_undo_it(self) -> None:
        async with await self.claimed() as claim:
            claim.resolve("new drum").cancel()
            with self.assertRaises(usher.Stale):
                await claim.release()
        self.assertIs(claim.standing().state, State.RESOLVED)

    async def test_the_second_of_two_decisions_stands_when_the_first_is_refused(self) -> None:
        async with await self.claimed() as claim:
            refused = claim.pause(On.UNTIL, until=START - HOUR)
            claim.release()
        self.assertEqual((await self.history(claim))[-1], "released")
        with self.assertRaises(usher.Invalid):
            await refused

    async def test_lost_after_a_decision_that_was_refused(self) -> None:
        with self.assertRaises(usher.Stale):
            async with await self.claimed() as claim:
                with self.assertRaises(usher.Invalid):
                    await claim.pause(On.UNTIL, until=START - HOUR)
                await self.desk.ticket(claim.id).withdraw("ada")

    async def test_a_renewal_that_failed_is_tried_again(self) -> None:
        extend, tries = claims._extend, []

        def flaky(*args: Any, **named: Any) -> Any:
            tries.append(self.desk.now() - START)
            if len(tries) > 2:
                return extend(*args, **named)
            if len(tries) == 2:
                raise usher.NoMemory
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(usher.StoreError("the disk is full"))
            return failed

        with mock.patch.object(claims, "_extend", flaky):
            async with await self.claimed() as claim:
                for _ in range(10):
                    await self.desk.advance(MINUTE)
                self.assertEqual(tries[:3], [5 * MINUTE, 7.5 * MINUTE, 8.75 * MINUTE])
                self.assertFalse(claim.lost)

    async def test_extends_itself_at_half_of_the_lease(self) -> None:
        async with await self.claimed() as claim:
            await self.desk.advance(4 * MINUTE)
            self.assertEqual(claim.lease_until, START + 10 * MINUTE)
            await self.desk.advance(2 * MINUTE)
            self.assertEqual(claim.lease_until, START + 15 * MINUTE)
            await self.desk.advance(2 * HOUR)
            self.assertFalse(claim.lost)
        self.assertIs(claim.standing().state, State.RESOLVED)

    async def test_lost_at_the_end_of_what_a_claim_can_have(self) -> None:
        with self.assertRaises(usher.Stale):
            async with await self.claimed() as claim:
                await self.desk.advance(2 * HOUR + 59 * MINUTE)
                self.assertFalse(claim.lost)
                await self.desk.advance(2 * MINUTE)
                self.assertTrue(claim.lost)
        self.assertEqual((await self.history(claim)).count("extended"), 35)  # every five minutes

    async def test_the_last_command_never_hides_the_blocks_own_exception(self) -> None:
        error = ValueError("mine")
        with self.assertRaises(ValueError) as caught:
            async with await self.claimed():
                await self.desk.advance(4 * HOUR)
                raise error
        self.assertIs(caught.exception, error)

    async def test_one_that_was_released_may_be_somebody_elses_at_once(self) -> None:
        claim = await self.claimed()
        waiting = self.desk.agent("will").claim(self.help)
        async with claim:
            await claim.release()
        self.assertEqual((await waiting).id, claim.id)
        self.assertFalse((await waiting).lost)

    async def test_extends_itself_until_the_block_is_over(self) -> None:
        claim = await self.claimed()
        claim.hand_off(self.desk.agent("will"))
        self.desk.ticket(claim.id).recall()
        async with claim:
            await self.desk.advance(HOUR)
            self.assertEqual(claim.standing().holder, "ann")
        self.assertIs(claim.standing().state, State.WAITING)

    async def test_lost_while_nobody_could_extend(self) -> None:
        with self.assertRaises(usher.Stale):
            async with await self.claimed() as claim:
                self.clock.skip(20 * MINUTE)
                self.assertTrue(claim.lost)
                await self.desk.advance(AT_ONCE)
                self.assertTrue(claim.lost)

    async def test_does_not_extend_itself_after_its_block(self) -> None:
        claim = await self.claimed()
        async with claim:
            await claim.hand_off(self.desk.agent("will"))
        await self.desk.advance(HOUR)
        self.assertNotIn("extended", await self.history(claim))
        claim = await self.claimed("bea")
        async with claim:
            await claim.release()
            await self.desk.advance(HOUR)
        self.assertNotIn("extended", await self.history(claim))

    async def test_is_collected_after_its_block(self) -> None:
        async with await self.claimed() as claim:
            await self.desk.advance(6 * MINUTE)
        seen = weakref.ref(claim)
        del claim
        gc.collect()
        self.assertIsNone(seen())


class TestLeaks(unittest.TestCase):
    def test_a_closed_service_with_a_claim_that_extends_itself(self) -> None:
        seen: list[Any] = []

        async def main() -> None:
            async with usher.Service(clock=usher.ManualClock(START)) as desk:
                queue = desk.queue("help")
                seen.append(weakref.ref(desk._core))
                await queue.enqueue("ada")
                await (await desk.agent("ann").claim(queue)).__aenter__()

        asyncio.run(main())
        gc.collect()
        self.assertIsNone(seen[0]())


class TestRealTime(unittest.IsolatedAsyncioTestCase):
    async def test_extends_itself_on_the_loops_own_time(self) -> None:
        async with usher.Service() as desk:
            queue = desk.queue("help", {"lease": {"for": "600ms"}})
            await queue.enqueue("ada")
            async with await desk.agent("ann").claim(queue) as claim:
                first = claim.lease_until
                for _ in range(100):
                    await asyncio.sleep(0.01)
                    if claim.lease_until > first:
                        break
                self.assertGreater(claim.lease_until, first)
                self.assertFalse(claim.lost)
            self.assertIs(claim.standing().state, State.RESOLVED)

    async def test_the_service_may_close_first(self) -> None:
        async with usher.Service() as desk:
            queue = desk.queue("help", {"lease": {"for": "20ms"}})
            await queue.enqueue("ada")
            claim = await desk.agent("ann").claim(queue)
            await claim.__aenter__()
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.03)
        with self.assertRaises(usher.Canceled):
            await claim.__aexit__(None, None, None)
