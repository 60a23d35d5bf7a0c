"""A queue: its policy, who may come, and who stands in it."""

from __future__ import annotations

import json
import pathlib
import tempfile
import uuid
from datetime import timedelta
from typing import Any

import usher
from usher import Hold, Outcome, Priority, State

from .desk import AT_ONCE, HOUR, POLICY, START, Awaiting, Blocking


class TestQueue(Blocking):
    def test_is_a_handle(self) -> None:
        self.assertEqual(self.help.name, "help")
        self.assertEqual(self.help, self.desk.queue("help"))
        self.assertEqual(hash(self.help), hash(self.desk.queue("help")))
        self.assertNotEqual(self.help, self.desk.queue("hélp"))
        self.assertNotEqual(self.help, "help")
        self.assertEqual(repr(self.desk.queue("hélp")), "<usher.Queue 'hélp'>")
        self.desk.close()
        self.assertEqual(repr(self.help), "<usher.Queue (closed)>")
        with self.assertRaises(usher.Canceled):
            self.help.name

    def test_policies(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory, "policy.json")
            file.write_text(json.dumps(POLICY))
            for policy in (POLICY, json.dumps(POLICY), file, {}):
                self.assertIsNone(self.help.define(policy).ticket)
        for wrong, path in [
            ({"promises": {"ack": {"target": "soon"}}}, "promises.ack.target"),
            ('{"lease": {"for": 7}}', "lease.for"),
            ({"promisses": {}}, "promisses"),
        ]:
            with self.assertRaises(usher.PolicyError) as caught:
                self.help.define(wrong)  # type: ignore[arg-type]
            self.assertEqual(caught.exception.path, path)
        with self.assertRaises(usher.PolicyError):
            self.desk.queue("new", {"x": 1})

    def test_apply_and_what_if(self) -> None:
        ticket = self.help.enqueue("ada")
        later = {**POLICY, "promises": {"ack": {"target": "2h"}}}
        changes = self.help.what_if(later)
        self.assertEqual({change.ticket for change in changes}, {ticket.id})
        self.help.define(later)
        self.assertIn("1", self.help.apply().detail)
        self.assertEqual(ticket.standing().due, START + 2 * HOUR)
        with self.assertRaises(usher.PolicyError):
            self.help.what_if({"x": 1})

    def test_holds(self) -> None:
        self.help.hold(Hold.CLAIMS | Hold.ENQUEUE)
        with self.assertRaises(usher.WrongState):
            self.help.enqueue("ada")
        self.help.hold(Hold.CLAIMS)
        self.help.enqueue("ada")
        with self.assertRaises(usher.TimedOut):
            self.ann.claim(self.help, wait=AT_ONCE)
        self.help.hold(Hold.RUN)
        self.ann.claim(self.help, wait=AT_ONCE)
        with self.assertRaises(usher.Invalid):
            self.help.hold(8)  # type: ignore[arg-type]
        with self.assertRaises(usher.Invalid):
            self.help.hold("claims")  # type: ignore[arg-type]

    def test_enqueue(self) -> None:
        ticket = self.help.enqueue("ada", "ü\0", ref="order-17", start=HOUR)
        self.assertIsInstance(ticket, usher.Ticket)
        done = ticket.done
        assert done is not None
        self.assertEqual(
            (done.ticket, done.state, done.until), (ticket.id, State.SCHEDULED, START + HOUR)
        )
        self.assertEqual(ticket.body(), "ü\0".encode())
        for body in (b"b", bytearray(b"b"), memoryview(b"abc")[1:2], "b"):
            self.assertEqual(self.help.enqueue("ada", body).body(), b"b")
        for value in ({"a": [1, None]}, None, "text", []):
            self.assertEqual(json.loads(self.help.enqueue("ada", json=value).body()), value)

    def test_every_member(self) -> None:
        old = self.help.enqueue("old")
        self.ann.claim_ticket(old).resolve()
        old.confirm("old")
        op = uuid.uuid4()

        def again() -> usher.Ticket:
            return self.help.enqueue(
                "bea",
                symptom="jams",
                dedup_key="printer-2",
                ref="order-17",
                needs=("solder", "german"),
                priority=Priority.HIGH,
                start=START + HOUR,
                follows=old,
                op=op,
            )

        ticket, repeated = again(), again()
        self.assertEqual(repeated, ticket)
        assert repeated.done is not None
        self.assertEqual(repeated.done.outcome, Outcome.REPEATED)
        standing = ticket.standing()
        self.assertEqual((standing.symptom, standing.ref), ("jams", "order-17"))
        self.assertEqual((standing.priority, standing.start), (Priority.HIGH, START + HOUR))
        self.assertEqual(standing.follows, old.id)
        joined = self.help.enqueue("cleo", dedup_key="printer-2").done
        assert joined is not None
        self.assertEqual((joined.ticket, joined.outcome), (ticket.id, Outcome.JOINED))
        self.desk.advance(HOUR)
        with self.assertRaises(usher.TimedOut):
            self.desk.agent("ann", ["solder"]).claim(self.help, wait=AT_ONCE)
        claim = self.desk.agent("ann", ["solder", "german"]).claim(self.help, wait=AT_ONCE)
        self.assertEqual((claim.requester, claim.persons), ("bea", 2))

    def test_arguments_are_checked_before_C_sees_them(self) -> None:
        wrong: list[tuple[Any, str]] = [
            (lambda: self.help.enqueue(b"ada"), "requester must be str"),
            (lambda: self.help.enqueue("a\0"), "requester must not hold a NUL"),
            (lambda: self.help.enqueue("\udfff\ud800"), "requester holds a lone surrogate"),
            (lambda: self.help.enqueue("ada", None), "body must be bytes"),
            (lambda: self.help.enqueue("ada", 7), "body must be bytes"),
            (lambda: self.help.enqueue("ada", b"x", json=1), "body and json"),
            (lambda: self.help.enqueue("ada", json=object()), "json cannot be said"),
            (lambda: self.help.enqueue("ada", json=float("nan")), "json cannot be said"),
            (lambda: self.help.enqueue("ada", symptom=""), ""),  # C knows the limits
            (lambda: self.help.enqueue("ada", ref=17), "ref must be str"),
            (lambda: self.help.enqueue("ada", needs="solder"), "needs must be a sequence"),
            (lambda: self.help.enqueue("ada", priority=9), ""),
            (lambda: self.help.enqueue("ada", priority=2**40), "priority must be from"),
            (
                lambda: self.help.enqueue("ada", start=START.replace(tzinfo=None)),
                "start must be an aware",
            ),
            (lambda: self.help.enqueue("ada", start=timedelta.max), "start must be before"),
            (lambda: self.help.enqueue("ada", follows="1"), "follows must be int"),
            (lambda: self.help.enqueue("ada", follows=99), ""),
            (lambda: self.help.enqueue("ada", op=7), "op must be uuid.UUID"),
            (lambda: self.help.find("a\0"), "ref must not hold a NUL"),
        ]
        for call, text in wrong:
            with self.subTest(text=text), self.assertRaisesRegex(usher.Invalid, text):
                call()
        with self.assertRaises(usher.TooLarge):
            self.help.enqueue("x" * 256)
        with self.assertRaises(usher.TooLarge):
            self.help.enqueue("ada", b"x" * (2**20 + 1))  # limits.payload
        self.assertEqual(sum(self.help.counts().values()), 0)

    def test_full(self) -> None:
        small = self.desk.queue("small", {"limits": {"open": 1}})
        small.enqueue("ada")
        with self.assertRaises(usher.Full):
            small.enqueue("bea")

    def test_find_and_counts(self) -> None:
        ticket = self.help.enqueue("ada", ref="order-17")
        self.help.enqueue("bea", start=HOUR)
        self.assertEqual(self.help.find("order-17").ticket, ticket.id)
        with self.assertRaises(usher.NotFound):
            self.help.find("order-18")
        counts = self.help.counts()
        self.assertEqual(set(counts), set(State))
        self.assertEqual(
            {s: n for s, n in counts.items() if n}, {State.WAITING: 1, State.SCHEDULED: 1}
        )

    def test_reads(self) -> None:
        self.help.enqueue("ada")
        self.desk.queue("other").enqueue("bea")
        self.assertEqual([s.requester for s in self.help.tickets()], ["ada"])
        self.assertEqual(list(self.help.tickets(states=State.CLAIMED)), [])
        self.assertEqual({f.queue for f in self.help.figures()}, {"help"})


class TestAsyncQueue(Awaiting):
    async def test_commands_are_futures(self) -> None:
        await self.help.define(POLICY)
        with self.assertRaises(usher.PolicyError):
            await self.help.define({"x": 1})
        ticket = await self.help.enqueue("ada", json=[1], ref="order-17")
        self.assertIsInstance(ticket, usher.AsyncTicket)
        self.assertEqual(self.help.find("order-17").ticket, ticket.id)
        self.assertEqual([s.requester async for s in self.help.tickets()], ["ada"])
        self.assertTrue(await self.help.figures())
        self.assertEqual(await self.help.what_if(), [])
        await self.help.hold(Hold.ENQUEUE)
        with self.assertRaises(usher.WrongState):
            await self.help.enqueue("bea")
        await self.help.apply()
