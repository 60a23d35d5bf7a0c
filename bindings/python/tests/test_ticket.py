"""A ticket: what its requester and the desk can do with it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import usher
from usher import As, On, Outcome, Priority, Promised, State

from .desk import HOUR, MINUTE, START, Awaiting, Blocking


class TestTicket(Blocking):
    def test_is_a_number(self) -> None:
        ticket = self.help.enqueue("ada")
        self.assertEqual((ticket.id, int(ticket), f"{ticket!r}"), (1, 1, "<usher.Ticket 1>"))
        same = self.desk.ticket(1)
        self.assertEqual((same, hash(same), same.done), (ticket, hash(ticket), None))
        self.assertEqual(self.desk.ticket(ticket), ticket)
        self.assertNotEqual(ticket, self.desk.ticket(2))
        self.assertEqual(ticket, 1)  # as snapshots have it
        self.assertIn(ticket, {1})
        self.assertNotEqual(ticket, 2)
        self.assertNotEqual(ticket, "1")
        with usher.Service() as elsewhere:
            self.assertNotEqual(ticket, elsewhere.ticket(1))
        for wrong in (0, -1, 2**64, True, "1", None, 1.0):
            with self.assertRaises(usher.Invalid):
                self.desk.ticket(wrong)  # type: ignore[arg-type]

    def test_one_that_there_is_not(self) -> None:
        nobody = self.desk.ticket(99)
        calls: list[Any] = [
            nobody.standing,
            lambda: nobody.ask("ada"),
            lambda: nobody.note("x"),
            nobody.escalate,
            nobody.body,
            lambda: list(nobody.history()),
            lambda: nobody.why_due(Promised.ACK),
            nobody.why_rank,
        ]
        for call in calls:
            with self.assertRaises(usher.NotFound):
                call()

    def test_what_a_requester_does(self) -> None:
        claim = self.claimed()
        ticket = claim.ticket
        ticket.ask("ada")
        claim.pause(On.REQUESTER, "which printer?")
        self.assertIs(ticket.reply("ada", "thanks, I'll look", courtesy=True).state, State.PAUSED)
        self.assertIs(ticket.reply("ada", "the \0 big one").state, State.WAITING)
        self.ann.claim(self.help).resolve("new drum")
        self.assertIs(ticket.reopen("ada", "grey again").state, State.WAITING)
        self.ann.claim(self.help).resolve("new roller")
        self.assertIs(ticket.confirm("ada").state, State.CLOSED)
        told = {str(event.kind): event for event in ticket.history()}
        self.assertEqual(told["replied"].text, "the \0 big one")
        self.assertEqual((told["reopened"].text, told["reopened"].who), ("grey again", "ada"))
        self.assertEqual(told["asked"].n, 1)
        second = self.help.enqueue("bea")
        self.assertIs(second.withdraw("bea", "never mind").state, State.WITHDRAWN)
        self.assertEqual([event.text for event in second.history()][-1], "never mind")

    def test_a_stranger_is_refused(self) -> None:
        ticket = self.help.enqueue("ada")
        strangers: list[Any] = [
            lambda: ticket.ask("eva"),
            lambda: ticket.reply("eva", "x"),
            lambda: ticket.confirm("eva"),
            lambda: ticket.reopen("eva"),
            lambda: ticket.withdraw("eva"),
        ]
        for call in strangers:
            with self.assertRaises(usher.WrongState):
                call()

    def test_what_the_desk_does(self) -> None:
        workshop = self.desk.queue("workshop")
        ticket, cause = self.help.enqueue("ada"), self.help.enqueue("lead")
        self.assertIsNotNone(ticket.receipt("it has come"))
        self.assertIs(
            ticket.reprioritise(Priority.URGENT, "the boss", who="lead").priority, Priority.URGENT
        )
        ticket.escalate("too slow", who="lead")
        ticket.move(workshop, "an iron")
        ticket.note("a \0 note", who="lead")
        ticket.link(cause, who="lead")
        standing = ticket.standing()
        self.assertEqual(
            (standing.level, standing.queue, standing.cause), (1, "workshop", cause.id)
        )
        ticket.link(None)
        self.assertIsNone(ticket.standing().cause)
        ticket.link(cause.id)
        told = {str(event.kind): event for event in ticket.history()}
        self.assertEqual((told["receipt"].text, told["noted"].text), ("it has come", "a \0 note"))
        self.assertEqual(told["moved"].to, "workshop")
        for kind, text in [("reprioritised", "the boss"), ("escalated", "too slow")]:
            self.assertEqual((told[kind].who, told[kind].text), ("lead", text))

    def test_offers(self) -> None:
        claim = self.claimed()
        claim.hand_off(self.desk.agent("will"))
        self.assertIs(claim.ticket.recall("mine after all").state, State.CLAIMED)
        claim.acknowledge()
        claim = self.claimed("bea")
        claim.hand_off(self.desk.agent("will"))
        self.assertIs(claim.ticket.decline("not mine", who="will").state, State.WAITING)
        with self.assertRaises(usher.WrongState):
            claim.ticket.decline()

    def test_revive(self) -> None:
        ticket = self.claimed().ticket
        self.desk.advance(11 * MINUTE)
        self.ann.claim_ticket(ticket)
        self.desk.advance(11 * MINUTE)
        self.assertIs(ticket.standing().state, State.STUCK)
        self.assertIs(ticket.revive("try again").state, State.WAITING)

    def test_reads(self) -> None:
        ticket = self.help.enqueue("ada", "body \0 of it")
        self.assertEqual(ticket.body(), b"body \0 of it")
        self.assertEqual([str(e.kind) for e in ticket.history()], ["enqueued"])
        [span] = ticket.why_due(Promised.ACK)
        self.assertEqual((span.since, span.until), (START, START + HOUR))
        self.assertIn("normal of help", ticket.why_rank())

    def test_arguments_are_checked_before_C_sees_them(self) -> None:
        ticket = self.help.enqueue("ada")
        elsewhere = usher.Service()
        self.addCleanup(elsewhere.close)
        wrong: list[tuple[Any, str]] = [
            (lambda: ticket.ask(b"ada"), "who must be str"),
            (lambda: ticket.ask("a\0da"), "who must not hold a NUL"),
            (lambda: ticket.reply("ada", None), "text must be str"),
            (lambda: ticket.note("\ud800"), "text holds a lone surrogate"),
            (lambda: ticket.reprioritise("high"), "priority must be int"),
            (lambda: ticket.move("workshop"), "queue must be a queue of this service"),
            (lambda: ticket.move(self.ann), "queue must be a queue of this service"),
            (lambda: ticket.move(elsewhere.queue("help")), "queue must be a queue of this service"),
            (lambda: ticket.link("1"), "cause must be int"),
            (lambda: ticket.ask("ada", op="x"), "op must be uuid.UUID"),
        ]
        for call, text in wrong:
            with self.subTest(text=text), self.assertRaisesRegex(usher.Invalid, text):
                call()
        self.assertEqual(self.history(ticket), ["enqueued"])

    def test_another_services_ticket_is_none_of_this_one(self) -> None:
        elsewhere = usher.Service()
        self.addCleanup(elsewhere.close)
        theirs = elsewhere.queue("help").enqueue("ada")
        ours = self.help.enqueue("bea")
        self.assertEqual(theirs.id, ours.id)
        note = usher.Command(usher.Verb.NOTE, theirs, "not for bea")  # type: ignore[arg-type]
        wrong: list[Any] = [
            lambda: ours.link(theirs),
            lambda: self.ann.claim_ticket(theirs),
            lambda: self.desk.act_many([note]),
            lambda: self.desk.act_many([note._replace(on=ours, cause=theirs)]),
            lambda: self.help.enqueue_many([usher.Request("cleo", follows=theirs)]),
        ]
        for call in wrong:
            with self.assertRaisesRegex(usher.Invalid, "must be a ticket of this service"):
                call()
        self.assertEqual(self.history(ours), ["enqueued"])

    def test_an_op_is_applied_once(self) -> None:
        ticket, op = self.help.enqueue("ada"), uuid.uuid4()
        self.assertEqual(ticket.ask("ada", op=op).outcome, Outcome(0))
        self.assertEqual(ticket.ask("ada", op=op).outcome, Outcome.REPEATED)
        self.assertEqual(ticket.standing().chases, 1)
        with self.assertRaises(usher.Invalid):
            ticket.note("something else", op=op)

    def test_commands_tell_what_they_are(self) -> None:
        self.assertEqual(usher.Ticket.ask.__annotations__["return"], "Done")
        self.assertEqual(usher.AsyncTicket.ask.__annotations__["return"], "asyncio.Future[Done]")
        for family in (
            usher.Ticket,
            usher.AsyncTicket,
            usher.Queue,
            usher.Agent,
            usher.Claim,
            usher.Claims,
        ):
            for name, member in vars(family).items():
                if not name.startswith("_") and callable(member):
                    self.assertTrue(member.__doc__, f"{family.__name__}.{name}")
                    self.assertIn(name, member.__name__)


class TestAsyncTicket(Awaiting):
    async def test_commands_are_futures(self) -> None:
        ticket = await self.help.enqueue("ada", "it burns")
        self.assertIsInstance(ticket, usher.AsyncTicket)
        await asyncio.gather(ticket.ask("ada"), ticket.escalate(), ticket.note("x"))
        self.assertEqual(
            [str(e.kind) async for e in ticket.history()],
            ["enqueued", "asked", "escalated", "noted"],
        )
        self.assertEqual(await ticket.body(), b"it burns")
        self.assertEqual(len(await ticket.why_due(Promised.ACK)), 1)
        self.assertTrue(await ticket.why_rank())
        with self.assertRaises(usher.WrongState):
            await ticket.confirm("ada")
        with self.assertRaises(usher.NotFound):
            await self.desk.ticket(99).ask("ada")

    async def test_as(self) -> None:
        claim = await self.claimed()
        await claim.resolve("x", As.ANSWERED)
        self.assertIs((await claim.ticket.confirm("ada")).state, State.CLOSED)
