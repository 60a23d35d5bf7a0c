"""Batches: what goes in column by column comes out row by row, and one that fails does not hide the
others."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import signal
import unittest
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from unittest import mock

import usher
from usher import As, Command, Outcome, Priority, Request, State, Verb, _ffi, _verbs, agent, batch

from .desk import AT_ONCE, HOUR, MINUTE, START, Awaiting, Blocking


@contextlib.contextmanager
def ends_within(seconds: int) -> Iterator[None]:
    def handler(*_: Any) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, handler)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class TestLayouts(unittest.TestCase):
    """What is laid out here by hand is what _ffi, and with it the header, says."""

    def test_formats(self) -> None:
        for flat, declared in [
            (_ffi.unpacker(_verbs.FlatCommand), _ffi.usher_command),
            (_ffi.unpacker(batch.FlatRequest), _ffi.usher_request),
            (agent.ARGS, _ffi.usher_claim_args),
        ]:
            with self.subTest(declared=declared.__name__):
                self.assertEqual(flat.size, ctypes.sizeof(declared))
                theirs = _ffi.unpacker(declared)
                numbers = list(range(1, len(theirs.unpack(bytes(theirs.size))) + 1))
                self.assertEqual(flat.pack(*numbers), theirs.pack(*numbers))


class TestEnqueueMany(Blocking):
    def standings(self, results: usher.Results) -> list[usher.Standing]:
        return [self.desk.ticket(ticket).standing() for ticket in results.tickets]

    def test_every_column(self) -> None:
        op = uuid.uuid4()
        old = self.help.enqueue("old")
        self.ann.claim_ticket(old).resolve()
        old.confirm("old")
        everything = Request(
            "bea",
            body="ü",
            symptom="jams",
            dedup_key="printer-2",
            ref="order-17",
            needs=["solder", "german"],
            priority=Priority.URGENT,
            start=2 * HOUR,
            follows=old,
            op=op,
        )
        results = self.help.enqueue_many([Request("ada"), everything, Request("cleo", b"x")])
        ada, bea, cleo = self.standings(results)
        self.assertEqual(
            (ada.requester, ada.symptom, ada.ref, ada.priority),
            ("ada", None, None, Priority.NORMAL),
        )
        self.assertEqual((bea.requester, bea.symptom, bea.ref), ("bea", "jams", "order-17"))
        self.assertEqual(
            (bea.priority, bea.start, bea.follows), (Priority.URGENT, START + 2 * HOUR, old.id)
        )
        self.assertEqual((cleo.requester, cleo.start, cleo.follows), ("cleo", START, None))
        self.assertEqual(
            [t.body() for t in map(self.desk.ticket, results.tickets)], [b"", "ü".encode(), b"x"]
        )
        self.assertIn(Outcome.REPEATED, self.help.enqueue_many([everything])[0].outcome)
        name = uuid.uuid4()
        self.help.enqueue_many([Request("once", op=name)])
        once = self.help.enqueue("once", op=name)
        self.assertEqual(once.done and once.done.outcome, Outcome.REPEATED)
        once.withdraw("once")
        joined = self.help.enqueue_many([("dora", b"me too", None, "printer-2")])[0]
        self.assertEqual((joined.ticket, joined.outcome), (bea.ticket, Outcome.JOINED))
        self.desk.advance(2 * HOUR)
        with self.assertRaises(usher.TimedOut):  # of the three only hers needs skills
            [self.ann.claim(self.help, wait=AT_ONCE) for _ in range(3)]
        skilled = self.desk.agent("will", ["german", "solder"]).claim(self.help, wait=AT_ONCE)
        self.assertEqual(skilled.requester, "bea")

    def test_the_same_columns_in_other_rows(self) -> None:
        """Each optional member in the middle, so that neither its place nor its row can be
        mistaken."""
        for name, value in [
            ("symptom", "jams"),
            ("ref", "r"),
            ("priority", Priority.HIGH),
            ("follows", 1),
        ]:
            with self.subTest(name=name):
                if name == "follows":
                    self.ann.claim_ticket(1).resolve()
                    self.desk.ticket(1).confirm("a")
                rows = [{"requester": "a"}, {"requester": "b", name: value}, {"requester": "c"}]
                seen = [
                    getattr(standing, name)
                    for standing in self.standings(self.help.enqueue_many(rows))
                ]
                none = Priority.NORMAL if name == "priority" else None
                self.assertEqual(seen, [none, value, none])

    def test_what_a_row_may_be(self) -> None:
        for rows in (
            [("ada", b"1"), ("bea", b"2")],
            [("ada", b"1"), ("bea", b"2", None)],
            [Request("ada", b"1"), ("bea", b"2")],
            [{"requester": "ada", "body": b"1"}, Request("bea", "2")],
            (row for row in [("ada", bytearray(b"1")), ("bea", memoryview(b"2"))]),
        ):
            results = self.help.enqueue_many(rows)
            claims = self.ann.claim_many(self.help, 10)
            self.assertEqual(
                [(c.requester, c.body) for c in claims], [("ada", b"1"), ("bea", b"2")]
            )
            self.assertEqual(results.tickets, claims.tickets)

    def test_what_a_row_may_not_be(self) -> None:
        naive = START.replace(tzinfo=None)
        for rows, text in [
            (["ada"], "each of requests must be a Request, a dict or a tuple, not str"),
            ([("ada",), 7], "not int"),
            ([()], "requester"),
            ([{"who": "ada"}], "'who'"),
            ([("ada",) * 20], "each of requests"),
            ([("ada",) * 20] * 2, "each of requests"),
            ([("ada",), (b"bea",)], "requester must be str, not bytes"),
            ([("ada",), (None,)], "requester must be str"),
            ([("ada",), ("b\0ea",)], "requester must not hold a NUL"),
            ([("ada",), ("\ud800",)], "requester holds a lone surrogate"),
            ([("ada", 7)], "body must be bytes"),
            ([Request("ada", symptom="a\0b")], "symptom must not hold a NUL"),
            ([Request("ada", dedup_key=7)], "dedup_key must be str"),  # type: ignore[arg-type]
            ([Request("ada", needs="solder")], "needs must be a sequence"),
            ([Request("ada", priority=True)], "priority must be int"),  # type: ignore[arg-type]
            ([Request("ada", priority=-1)], "priority must be from 0"),  # type: ignore[arg-type]
            ([Request("ada", start=naive)], "start must be an aware"),
            ([Request("ada", follows=-1)], "follows must be from"),
            ([Request("ada", op=7)], "op must be uuid.UUID"),  # type: ignore[arg-type]
        ]:
            with self.subTest(text=text), self.assertRaisesRegex(usher.Invalid, text):
                self.help.enqueue_many(rows)  # type: ignore[arg-type]
        self.assertEqual(sum(self.help.counts().values()), 0)

    def test_large_bodies(self) -> None:
        bodies = [bytes([i]) * 600_000 for i in range(4)]
        self.help.enqueue_many([("ada", body) for body in bodies])
        self.assertEqual([claim.body for claim in self.ann.claim_many(self.help, 10)], bodies)

    def test_strings_that_lie_about_their_length(self) -> None:
        class Long(str):
            def __len__(self) -> int:
                return 10**9

        results = self.help.enqueue_many([(Long("ada"),), (Long("bea"),)])
        self.assertEqual([s.requester for s in self.standings(results)], ["ada", "bea"])

    def test_names_come_out_as_they_went_in(self) -> None:
        for names in (["a", "bb", "ccc"], ["é", "é"], ["日本", "x" * 255], ["\udce9", "é"]):
            results = self.help.enqueue_many([(name,) for name in names])
            self.assertEqual([s.requester for s in self.standings(results)], names)

    def test_all_or_none(self) -> None:
        with self.assertRaises(usher.TooLarge):
            self.help.enqueue_many([("ada",), ("x" * 256,)])
        with self.assertRaises(usher.Invalid):
            self.help.enqueue_many([("ada",), ("",)])
        small = self.desk.queue("small", {"limits": {"open": 2}})
        with self.assertRaises(usher.Full):
            small.enqueue_many([("ada",), ("bea",), ("cleo",)])
        self.assertEqual(sum(self.help.counts().values()) + sum(small.counts().values()), 0)

    def test_sizes(self) -> None:
        self.assertEqual(len(self.help.enqueue_many([])), 0)
        self.assertEqual(list(self.help.enqueue_many(iter(()))), [])
        results = self.help.enqueue_many([("ada",)] * 10000)
        self.assertEqual((len(results), results.ok), (10000, True))
        with self.assertRaisesRegex(usher.TooLarge, "at most 10000 requests, not 10001"):
            self.help.enqueue_many([("ada",)] * 10001)

    def test_a_held_queue_says_so_in_each_row(self) -> None:
        self.help.hold(usher.Hold.ENQUEUE)
        results = self.help.enqueue_many([("ada",), ("bea",)])
        self.assertFalse(results.ok)
        self.assertEqual(
            {place: type(error) for place, error in results.errors().items()},
            {0: usher.WrongState, 1: usher.WrongState},
        )
        with self.assertRaises(usher.WrongState):
            results.raise_any()


class TestResults(Blocking):
    def test_is_a_sequence(self) -> None:
        results = self.help.enqueue_many([("ada",), ("bea",), ("cleo",)])
        self.assertIsInstance(results, Sequence)
        self.assertEqual([done.ticket for done in results], [1, 2, 3])
        self.assertEqual(results[-1].ticket, 3)
        self.assertEqual([done.ticket for done in results[::2]], [1, 3])
        self.assertEqual(results[0], results[0])
        with self.assertRaises(IndexError):
            results[3]
        self.assertIs(results[0].state, State.WAITING)
        results.raise_any()
        self.assertEqual(repr(results), "<usher.Results of 3, 0 failed>")
        self.assertEqual(self.help.enqueue_many([])[:], [])


class TestClaims(Blocking):
    def setUp(self) -> None:
        super().setUp()
        self.help.enqueue_many(
            [
                Request(f"p{i}", b"\0" * i, symptom="jams" if i == 1 else None, ref=f"r{i}")
                for i in range(4)
            ]
        )
        self.claims = self.ann.claim_many(self.help, 10)

    def test_is_a_sequence_of_claims(self) -> None:
        self.assertEqual(len(self.claims), 4)
        self.assertEqual(
            [(c.requester, c.body, c.symptom, c.ref) for c in self.claims],
            [(f"p{i}", b"\0" * i, "jams" if i == 1 else None, f"r{i}") for i in range(4)],
        )
        self.assertIs(self.claims[-1], self.claims[3])
        self.assertEqual([c.id for c in self.claims[1:3]], self.claims.tickets[1:3])
        self.assertEqual(repr(self.claims), "<usher.Claims of 4 tickets by 'ann'>")
        one = self.claims[2]
        self.assertEqual(
            (one.queue, one.lease_until, one.enqueued), (self.help, START + 10 * MINUTE, START)
        )
        with one as claim:
            claim.answer = "only this one"
        self.assertIs(claim.standing().state, State.RESOLVED)
        self.assertIs(self.claims[0].standing().state, State.CLAIMED)

    def test_what_is_done_to_all(self) -> None:
        def last(kind: str, **members: Any) -> None:
            for ticket in self.claims.tickets:
                event = list(self.desk.ticket(ticket).history())[-1]
                self.assertEqual(str(event.kind), kind)
                for name, value in members.items():
                    self.assertEqual(getattr(event, name), value, name)

        self.claims.acknowledge("we have it").raise_any()
        last("acknowledged", text="we have it")
        self.claims.update("soon", next_word=HOUR).raise_any()
        last("updated", text="soon", until=START + HOUR)
        self.claims.extend(2 * HOUR).raise_any()
        last("extended", until=START + 2 * HOUR)
        self.claims.extend().raise_any()
        self.claims.release("later").raise_any()
        last("released", text="later")
        self.claims = self.ann.claim_many(self.help, 10)
        self.claims.fail("burnt").raise_any()
        last("failed", text="burnt", n=1)
        self.desk.advance(2 * MINUTE)
        self.claims = self.ann.claim_many(self.help, 10)
        self.claims.resolve("done", As.ANSWERED).raise_any()
        last("resolved", text="done", how=As.ANSWERED)

    def test_one_that_fails_does_not_hide_the_others(self) -> None:
        self.claims[1].release()
        self.desk.ticket(self.claims.tickets[2]).withdraw("p2")
        results = self.claims.resolve("done")
        self.assertEqual([done.status == 0 for done in results], [True, False, False, True])
        errors = results.errors()
        self.assertEqual(sorted(errors), [1, 2])
        self.assertIsInstance(errors[1], usher.Stale)
        self.assertEqual(errors[1].ticket, self.claims.tickets[1])
        with self.assertRaises(usher.Stale):
            results.raise_any()

    def test_arguments(self) -> None:
        for call, text in [
            (lambda: self.claims.acknowledge(b"x"), "word must be str"),  # type: ignore[arg-type]
            (lambda: self.claims.update(None), "word must be str"),  # type: ignore[arg-type]
            (lambda: self.claims.resolve("x", "fix"), "how must be int"),  # type: ignore[arg-type]
            (lambda: self.claims.extend(5), "by must be timedelta"),  # type: ignore[arg-type]
        ]:
            with self.assertRaisesRegex(usher.Invalid, text):
                call()
        with self.assertRaises(usher.TooLarge):  # none was taken
            self.claims.resolve("x" * 70000)
        self.assertEqual([c.standing().state for c in self.claims], [State.CLAIMED] * 4)

    def test_a_thousand(self) -> None:
        self.help.enqueue_many([(f"q{i}", b"%d" % i) for i in range(1000)])
        claims = self.ann.claim_many(self.help, 1000)
        self.assertEqual([c.body for c in claims], [b"%d" % i for i in range(1000)])
        self.assertTrue(claims.resolve("done").ok)


class TestActMany(Blocking):
    def test_any_commands(self) -> None:
        workshop, will = self.desk.queue("workshop"), self.desk.agent("will")
        a, b, c, d = [self.claimed(who) for who in ("ada", "bea", "cleo", "dora")]
        results = self.desk.act_many(
            [
                Command(Verb.ACKNOWLEDGE, a, "have it"),
                Command(Verb.UPDATE, a, "soon", at=HOUR),
                Command(Verb.EXTEND, a, by=HOUR),
                Command(Verb.PAUSE, a, "which?", usher.On.REQUESTER),
                Command(Verb.REPLY, a.id, "that one", who="ada"),
                Command(Verb.HAND_OFF, b, "an iron", to=workshop),
                Command(Verb.HAND_OFF, c, to=will),
                Command(Verb.LINK, c.ticket, cause=b.id),
                Command(Verb.RESOLVE, d, "done", As.WORKAROUND),
                Command(
                    Verb.REPRIORITISE, b.ticket, kind=Priority.LOW, who="lead", op=uuid.uuid4()
                ),
            ]
        )
        results.raise_any()
        self.assertEqual(
            [done.verb for done in results][:4],
            [Verb.ACKNOWLEDGE, Verb.UPDATE, Verb.EXTEND, Verb.PAUSE],
        )
        self.assertEqual(
            self.history(a),
            ["enqueued", "claimed", "acknowledged", "updated", "extended", "paused", "replied"],
        )
        self.assertEqual(c.standing().offered_to, "will")
        self.assertEqual((c.standing().cause, b.standing().priority), (b.id, Priority.LOW))

    def test_what_one_is_refused_for_stands_in_its_place(self) -> None:
        a, b = self.claimed("ada"), self.claimed("bea")
        results = self.desk.act_many(
            [
                Command(Verb.UPDATE, a),  # needs a text: refused at once
                Command(Verb.UPDATE, a, "soon"),
                Command(Verb.NOTE, 99, "no such ticket"),
                Command(Verb.RESOLVE, b, "x" * 70000),
                Command(Verb.RESOLVE, b, "done"),
            ]
        )
        self.assertEqual(
            [type(results.errors().get(i)) for i in range(5)],
            [usher.Invalid, type(None), usher.NotFound, usher.TooLarge, type(None)],
        )
        self.assertEqual([done.ticket for done in results], [a.id, a.id, 99, b.id, b.id])
        self.assertEqual(results[3].verb, Verb.RESOLVE)
        self.assertEqual(b.standing().last_word, "done")
        with self.assertRaises(usher.Invalid):  # none was taken
            self.desk.act_many([Command(Verb.UPDATE, a), Command(Verb.UPDATE, b)])

    def refused(self) -> list[Command]:
        """The second of these is not taken by C."""
        tickets = self.help.enqueue_many([(f"p{i}",) for i in range(3)]).tickets
        commands = [Command(Verb.NOTE, ticket, "a word") for ticket in tickets]
        commands[1] = Command(Verb.MOVE, tickets[1])
        return commands

    def test_a_batch_that_was_refused_in_part_may_be_told_twice(self) -> None:
        commands = self.refused()
        refuse, shown = batch.Results._refuse, []

        def interrupted(results: usher.Results, *args: Any) -> None:
            refuse(results, *args)
            shown.append(results)
            if len(shown) == 1:
                raise KeyboardInterrupt  # as by a signal at its very end

        with mock.patch.object(batch.Results, "_refuse", interrupted):
            with self.assertRaises(KeyboardInterrupt):
                self.desk.act_many(commands)
        self.assertEqual(len(shown), 2)
        self.assertEqual(shown[1].tickets, [command.on for command in commands])
        self.assertEqual(list(shown[1].errors()), [1])

    def test_turned_between_two_parts_of_a_batch(self) -> None:
        commands = self.refused()
        commands.append(commands.pop(1))
        act_many, calls = batch._act_many, []

        def late(*args: Any) -> Any:
            took = act_many(*args)
            calls.append(took)
            if len(calls) == 2:
                self.desk.turn()  # as a signal's handler may
            return took

        with mock.patch.object(batch, "_act_many", late), ends_within(5):
            results = self.desk.act_many(commands)
        self.assertEqual((len(calls), list(results.errors())), (2, [2]))
        self.assertEqual(self.desk._core.pending, [])

    def test_sizes_and_arguments(self) -> None:
        ticket = self.help.enqueue("ada")
        self.assertEqual(len(self.desk.act_many([])), 0)
        self.assertTrue(self.desk.act_many([Command(Verb.NOTE, ticket, "x")] * 10000).ok)
        with self.assertRaisesRegex(usher.TooLarge, "at most 10000 commands"):
            self.desk.act_many([Command(Verb.NOTE, ticket, "x")] * 10001)
        for command, text in [
            ("note", "each of commands must be a Command"),
            (Command("note", ticket), "verb must be int"),  # type: ignore[arg-type]
            (Command(Verb.NOTE, "1", "x"), "on must be int"),  # type: ignore[arg-type]
            (Command(Verb.NOTE, ticket, b"x"), "text must be str"),  # type: ignore[arg-type]
            (Command(Verb.MOVE, ticket, to="help"), "to must be"),  # type: ignore[arg-type]
            (Command(Verb.EXTEND, ticket, by=7), "by must be timedelta"),  # type: ignore[arg-type]
        ]:
            with self.assertRaisesRegex(usher.Invalid, text):
                self.desk.act_many([command])  # type: ignore[list-item]

    def test_more_than_may_be_outstanding(self) -> None:
        with usher.Service(max_pending=8) as desk:
            ticket = desk.queue("help").enqueue("ada")
            results = desk.act_many([Command(Verb.NOTE, ticket, str(i)) for i in range(12)])
            self.assertEqual([type(e) for e in results.errors().values()], [usher.Full] * 4)
            self.assertEqual([done.status == 0 for done in results], [True] * 8 + [False] * 4)


class TestLettingGo(unittest.IsolatedAsyncioTestCase):
    async def test_what_there_is_no_room_for_is_released_later(self) -> None:
        async with usher.Service(max_pending=3) as desk:
            queue, ann = desk.queue("help"), desk.agent("ann")
            tickets = [await queue.enqueue(f"p{i}") for i in range(5)]
            serving = ann.claims(queue, n=5)
            await serving.__anext__()
            notes = []
            with contextlib.suppress(usher.Full):
                while True:
                    notes.append(tickets[0].note("busy"))
            del serving
            await asyncio.gather(*notes)
            for _ in range(100):
                await asyncio.sleep(0.001)
                if queue.counts()[State.WAITING] == 4:
                    break
            self.assertEqual(queue.counts()[State.WAITING], 4)
            self.assertEqual(desk._core.unreleased, [])


class TestAsyncBatches(Awaiting):
    async def test_a_batch_is_awaited(self) -> None:
        results = await self.help.enqueue_many([("ada", b"1"), ("bea", b"2")])
        self.assertEqual(results.tickets, [1, 2])
        claims = await self.ann.claim_many(self.help, 10)
        self.assertIsInstance(claims, usher.AsyncClaims)
        self.assertIsInstance(claims[0], usher.AsyncClaim)
        first, second = await asyncio.gather(claims.acknowledge("have it"), claims.resolve("done"))
        self.assertTrue(first.ok and second.ok)
        self.assertFalse((await claims.resolve("again")).ok)
        self.assertEqual(list(await self.help.enqueue_many([])), [])
        self.assertTrue((await self.desk.act_many([Command(Verb.NOTE, 1, "x")])).ok)

    async def test_a_batch_that_nobody_awaits_is_carried_out(self) -> None:
        self.help.enqueue_many([("ada",), ("bea",)]).cancel()
        await self.desk.advance(AT_ONCE)
        claims = await self.ann.claim_many(self.help, 10)
        claims.resolve("done")
        del claims
        await self.desk.advance(AT_ONCE)
        self.assertEqual(self.help.counts()[State.RESOLVED], 2)

    async def test_rows_live_until_C_has_filled_them(self) -> None:
        for _ in range(50):
            self.help.enqueue_many([("ada",)] * 100)
            gc.collect(0)
        await self.desk.advance(timedelta(seconds=1))
        self.assertEqual(self.help.counts()[State.WAITING], 5000)
