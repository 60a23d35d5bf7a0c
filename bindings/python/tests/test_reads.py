"""usher_read() in all its kinds: what is asked is what is answered, over as many pages as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import tempfile
import unittest
import unittest.mock
from datetime import datetime, timedelta, timezone

import usher
from usher import ChangeKind, EventKind, Priority, Promised, Rank, SpanKind, State

MONDAY = datetime(2024, 3, 4, 9, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OFFICE = {"office": {"zone": "UTC", "week": {"mon-fri": [["09:00", "17:00"]]}, "holidays": ["2024-03-05"]}}
POLICY = {
    "calendars": OFFICE,
    "promises": {
        "ack": {"target": "30m"},
        "resolve": {"calendar": "office", "target": "10h"},
    },
}


class Reads:
    """What holds in memory holds on SQLite."""

    store = "memory:"
    durability = None

    def setUp(self):
        self.clock = usher.ManualClock(MONDAY)
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def open(self, **options):
        store = self.store.replace("DIRECTORY", self.directory.name)
        return usher.Service(store, clock=self.clock, durability=self.durability, **options)

    # ---- tickets ---------------------------------------------------------------------------------

    def test_all_tickets_over_many_pages(self):
        with self.open() as desk:
            queue = desk.queue("help")
            for i in range(250):
                queue.enqueue("ada", b"")
            rows = desk.tickets()
            self.assertEqual([row.ticket for row in rows], list(range(1, 251)))
            self.assertEqual(list(rows), [])
            self.assertEqual(next(desk.tickets()), desk.ticket(1).standing())

    def test_a_service_without_tickets(self):
        with self.open() as desk:
            self.assertEqual(list(desk.tickets()), [])

    def test_tickets_by_every_filter(self):
        with self.open() as desk:
            here = desk.queue("here")
            there = desk.queue("there")
            agent = desk.agent("Ada")
            here.enqueue("ann", b"")
            here.enqueue("ann", b"", symptom="noise")
            there.enqueue("bob", b"")
            there.enqueue("bob", b"", priority=Priority.URGENT)
            claim = agent.claim(there, wait=timedelta(0))
            self.assertEqual(claim.id, 4)
            claim.hand_off(desk.agent("Eve"))
            desk.ticket(2).withdraw("ann")
            desk.ticket(1).link(3)
            asked = [
                ({}, [1, 2, 3, 4]),
                ({"queue": here}, [1, 2]),
                ({"queue": there}, [3, 4]),
                ({"requester": "ann"}, [1, 2]),
                ({"requester": "nobody"}, []),
                ({"holder": agent}, [4]),
                ({"holder": "Ada"}, [4]),
                ({"holder": "Eve"}, [4]),
                ({"holder": "nobody"}, []),
                ({"symptom": "noise"}, [2]),
                ({"states": State.WAITING}, [1, 3]),
                ({"states": [State.WAITING, State.WITHDRAWN]}, [1, 2, 3]),
                ({"states": {State.OFFERED}}, [4]),
                ({"states": 9}, [2]),
                ({"linked": 3}, [1]),
                ({"linked": desk.ticket(3)}, [1]),
                ({"linked": 4}, []),
                ({"queue": here, "requester": "ann", "states": State.WAITING}, [1]),
            ]
            for filters, expected in asked:
                with self.subTest(**filters):
                    self.assertEqual([row.ticket for row in desk.tickets(**filters)], expected)
                    if "queue" not in filters:
                        rows = there.tickets(**filters)
                        there_of_it = [ticket for ticket in expected if ticket > 2]
                        self.assertEqual([row.ticket for row in rows], there_of_it)

    def test_filters_that_cannot_be(self):
        with self.open() as desk, self.open_other() as other:
            with self.assertRaisesRegex(usher.Invalid, "queue"):
                desk.tickets(queue=other.queue("help"))
            with self.assertRaisesRegex(usher.Invalid, "queue"):
                desk.tickets(queue="help")
            with self.assertRaisesRegex(usher.Invalid, "states"):
                desk.tickets(states=[State.WAITING, 10])
            with self.assertRaisesRegex(usher.Invalid, "states"):
                desk.tickets(states=0)
            with self.assertRaisesRegex(usher.Invalid, "states"):
                desk.tickets(states=["waiting"])
            with self.assertRaisesRegex(usher.Invalid, "linked"):
                desk.tickets(linked=-1)
            for name in ("requester", "holder", "symptom"):
                with self.assertRaisesRegex(usher.Invalid, name):
                    desk.tickets(**{name: "a\0b"})
                with self.assertRaises(usher.TooLarge):
                    list(desk.tickets(**{name: "a" * 256}))

    def open_other(self):
        return usher.Service(clock=self.clock)

    def test_a_standing(self):
        with self.open() as desk:
            queue = desk.queue("help", POLICY)
            queue.enqueue("ann", b"", ref="R 1", symptom="noise")
            queue.enqueue("bob", b"")
            self.clock.skip(HOUR / 4)
            standing = desk.ticket(2).standing()
            self.assertEqual(standing, queue.tickets(requester="bob").__next__())
            self.assertEqual((standing.queue, standing.requester), ("help", "bob"))
            self.assertEqual((standing.enqueued, standing.start), (MONDAY, MONDAY))
            self.assertEqual((standing.state, standing.priority), (State.WAITING, Priority.NORMAL))
            self.assertEqual((standing.ahead, standing.ahead_in_queue), (1, 1))
            self.assertEqual((standing.due, standing.next_word), (MONDAY + HOUR / 2,) * 2)
            self.assertEqual((standing.rank, standing.rank_by), (MONDAY + HOUR / 2, Rank.DUE))
            self.assertEqual(set(standing.promises), {Promised.ACK, Promised.RESOLVE})
            ack = standing.promises[Promised.ACK]
            self.assertEqual((ack.target, ack.left), (HOUR / 2, HOUR / 4))
            self.assertIsNone(standing.holder)
            self.assertIsNone(standing.wait_p50)
            self.assertEqual(queue.find("R 1"), desk.ticket(1).standing())
            with self.assertRaises(usher.NotFound) as caught:
                desk.ticket(3).standing()
            self.assertEqual(caught.exception.ticket, 3)

    def test_a_standing_when_something_is_done_before_it_is_read(self):
        read = usher.reads._standing
        with self.open() as desk:
            queue = desk.queue("help")
            ticket = queue.enqueue("ada", b"", ref="17")
            for look in (ticket.standing, lambda: queue.find("17")):
                times = []

                def interrupted(address):  # as by a signal's handler
                    times.append(address)
                    if len(times) == 1:
                        queue.enqueue("bea", b"")
                    return read(address)

                with unittest.mock.patch.object(usher.reads, "_standing", interrupted):
                    self.assertEqual(look().ticket, ticket.id)
                self.assertEqual(len(times), 2)

    def test_pages_without_rows(self):
        # C looks through so many tickets at most for one page.
        with self.open() as desk:
            queue = desk.queue("help")
            for _ in range(10):
                queue.enqueue_many([usher.Request("ann", b"")] * 10000)
            queue.enqueue("bob", b"")
            self.assertEqual([row.ticket for row in desk.tickets(requester="bob")], [100001])

    # ---- a ticket ----------------------------------------------------------------------------------

    def test_body(self):
        with self.open() as desk:
            queue = desk.queue("help")
            for body in (b"", b"x", b"a\0b\xff", os.urandom(100000)):
                self.assertEqual(queue.enqueue("ann", body).body(), body)
            with self.assertRaises(usher.NotFound):
                desk.ticket(99).body()

    def test_history_over_many_pages(self):
        with self.open() as desk:
            ticket = desk.queue("help").enqueue("ann", b"")
            for i in range(2100):
                ticket.note(f"note {i}")
            history = list(ticket.history())
            self.assertEqual([event.ticket_seq for event in history], list(range(1, 2102)))
            self.assertEqual(history[0].kind, EventKind.ENQUEUED)
            self.assertEqual([e.text for e in history[1:]], [f"note {i}" for i in range(2100)])
            self.assertEqual({event.ticket for event in history}, {ticket.id})
            with self.assertRaises(usher.NotFound):
                next(desk.ticket(99).history())

    def test_why_due(self):
        with self.open() as desk:
            ticket = desk.queue("help", POLICY).enqueue("ann", b"")
            spans = ticket.why_due(Promised.RESOLVE)
            self.assertEqual(sum((span.counted for span in spans), timedelta()), 10 * HOUR)
            self.assertEqual(spans[0].since, MONDAY)
            self.assertEqual(spans[-1].until, ticket.standing().promises[Promised.RESOLVE].due)
            for before, after in zip(spans, spans[1:]):
                self.assertEqual(before.until, after.since)
            self.assertEqual(
                [span.kind for span in spans],
                [SpanKind.OPEN, SpanKind.CLOSED, SpanKind.HOLIDAY, SpanKind.CLOSED, SpanKind.OPEN],
            )
            self.assertEqual(ticket.why_due(Promised.UPDATE), [])
            self.assertEqual(len(ticket.why_due(1)), 1)
            with self.assertRaises(usher.Invalid):
                ticket.why_due(5)
            with self.assertRaises(usher.Invalid):
                ticket.why_due("resolve")
            with self.assertRaises(usher.NotFound):
                desk.ticket(99).why_due(Promised.ACK)

    def test_why_due_over_many_pages(self):
        policy = {
            "calendars": OFFICE,
            "promises": {"resolve": {"calendar": "office", "target": "1000h"}},
        }
        with self.open() as desk:
            spans = desk.queue("help", policy).enqueue("ann", b"").why_due(Promised.RESOLVE)
            self.assertGreater(len(spans), 200)
            self.assertEqual(sum((span.counted for span in spans), timedelta()), 1000 * HOUR)
            for before, after in zip(spans, spans[1:]):
                self.assertEqual(before.until, after.since)

    def test_why_rank(self):
        with self.open() as desk:
            queue = desk.queue("help")
            queue.enqueue("ann", b"")
            ticket = queue.enqueue("bob", b"")
            self.assertRegex(ticket.why_rank(), "^1 ahead in normal of help, ")
            with self.assertRaises(usher.NotFound):
                desk.ticket(99).why_rank()

    # ---- a queue -----------------------------------------------------------------------------------

    def test_what_if(self):
        shorter = {"promises": {"ack": {"target": "10m"}}}
        with self.open() as desk:
            queue = desk.queue("help", POLICY)
            for _ in range(120):
                queue.enqueue("ann", b"")
            self.clock.skip(HOUR / 4)
            changes = queue.what_if(shorter)
            self.assertEqual([c.ticket for c in changes], [1 + i // 2 for i in range(240)])
            acks = (Promised.ACK, MONDAY + HOUR / 2, MONDAY + HOUR / 6, ChangeKind.BREAKS)
            resolves = (Promised.RESOLVE, MONDAY + 50 * HOUR, None, ChangeKind.LAPSES)
            for change, expected in zip(changes, [acks, resolves] * 120):
                told = (change.promise, change.before, change.after, change.what)
                self.assertEqual(told, expected)
            self.assertEqual(queue.what_if(), [])
            queue.define(shorter)
            self.assertEqual(queue.what_if(), changes)
            queue.apply()
            self.assertEqual(queue.what_if(), [])
            change = queue.what_if({"promises": {"resolve": {"target": "1h"}}})[1]
            told = (change.promise, change.before, change.after, change.what)
            self.assertEqual(told, (Promised.RESOLVE, None, MONDAY + HOUR, ChangeKind.STARTS))

    def test_what_if_of_texts_and_files(self):
        with self.open() as desk:
            queue = desk.queue("help", POLICY)
            queue.enqueue("ann", b"")
            expected = queue.what_if({})
            self.assertEqual(len(expected), 2)
            self.assertEqual(queue.what_if("{}"), expected)
            path = pathlib.Path(self.directory.name, "policy.json")
            path.write_text("{}")
            self.assertEqual(queue.what_if(path), expected)

    def test_what_if_the_policy_is_wrong(self):
        with self.open() as desk:
            queue = desk.queue("help", POLICY)
            with self.assertRaises(usher.PolicyError) as caught:
                queue.what_if({"promises": {"ack": {"within": "1h"}}})
            self.assertEqual(caught.exception.path, "promises.ack.within")

    def test_figures(self):
        with self.open() as desk:
            queues = [desk.queue(f"queue {i}") for i in range(60)]
            for queue in queues:
                queue.enqueue("ann", b"")
                queue.enqueue("bob", b"", priority=Priority.HIGH)
            figures = desk.figures()
            self.assertEqual([f.queue for f in figures[:4]], ["queue 0"] * 3 + ["queue 1"])
            self.assertEqual([f.priority for f in figures[:4]], [None, Priority.NORMAL, Priority.HIGH, None])
            self.assertEqual([f.enqueued for f in figures[:4]], [2, 1, 1, 2])
            self.assertEqual([f.queue for f in figures], [q.name for q in queues for _ in range(3)])
            self.assertEqual((figures[0].since, figures[0].until), (None, MONDAY))
            self.assertEqual([f.queue for f in desk.figures(queue=queues[7])], ["queue 7"] * 3)
            self.assertEqual(queues[7].figures(), desk.figures(queue=queues[7]))

    def outcome(self, desk, days):
        try:
            return desk.figures(**days)
        except usher.UsherError as reason:
            return repr(reason)

    def test_figures_of_days(self):
        with self.open() as desk:
            queue = desk.queue("help")
            queue.enqueue("ann", b"")
            desk.advance(3 * DAY)
            queue.enqueue("ann", b"")
            self.assertEqual(queue.figures()[0].enqueued, 2)
            self.assertEqual(queue.figures(since=MONDAY + DAY)[0].enqueued, 1)
            figures = desk.figures(queue=queue, since=MONDAY, until=MONDAY + DAY)[0]
            self.assertEqual(figures.enqueued, 1)
            midnight = MONDAY - 9 * HOUR
            self.assertEqual((figures.since, figures.until), (midnight, midnight + 2 * DAY))
            epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
            for days in ({"since": epoch}, {"until": epoch}):
                self.assertEqual(self.outcome(desk, days), self.outcome(desk, {n: d + HOUR for n, d in days.items()}))
            with self.assertRaises(usher.Invalid):
                desk.figures(since=MONDAY + DAY, until=MONDAY)
            with self.assertRaisesRegex(usher.Invalid, "since"):
                desk.figures(since=datetime(2024, 1, 1))
            with self.assertRaisesRegex(usher.Invalid, "until"):
                queue.figures(until=5)

    # ---- a service ---------------------------------------------------------------------------------

    def test_agents(self):
        with self.open() as desk:
            queue = desk.queue("help")
            queue.enqueue("ann", b"")
            agents = [desk.agent(f"agent {i}") for i in range(120)]
            claim = agents[3].claim(queue, wait=timedelta(0))
            agents[5].gone()
            figures = desk.agents()
            self.assertEqual([f.agent for f in figures], [f"agent {i}" for i in range(120)])
            self.assertEqual([i for i, f in enumerate(figures) if f.holds], [3])
            self.assertEqual([i for i, f in enumerate(figures) if not f.present], [5])
            self.clock.skip(HOUR / 12)
            claim.resolve("done")
            figure = desk.agents()[3]
            self.assertEqual((figure.claims, figure.resolved, figure.held), (1, 1, HOUR / 12))

    def test_symptoms(self):
        with self.open() as desk:
            queue = desk.queue("help")
            for i in range(110):
                queue.enqueue("ann", b"", symptom=f"symptom {i}")
            self.clock.skip(HOUR)
            queue.enqueue("bob", b"", symptom="symptom 7")
            symptoms = desk.symptoms()
            self.assertEqual(len(symptoms), 110)
            self.assertEqual({s.symptom for s in symptoms}, {f"symptom {i}" for i in range(110)})
            (seven,) = desk.symptoms("symptom 7")
            self.assertIn(seven, symptoms)
            self.assertEqual((seven.symptom, seven.seen, seven.requesters), ("symptom 7", 2, 2))
            self.assertEqual((seven.first, seven.last_seen, seven.last), (MONDAY, MONDAY + HOUR, 111))
            self.assertEqual(desk.symptoms("health"), [])
            with self.assertRaisesRegex(usher.Invalid, "symptom"):
                desk.symptoms("a\0b")

    def test_metrics(self):
        with self.open() as desk:
            desk.queue("hälp").enqueue("ann", b"")
            metrics = desk.metrics()
            self.assertIsInstance(metrics, str)
            self.assertRegex(metrics, r'(?m)^usher_enqueued_total\{queue="hälp",.*\} 1$')
            self.assertTrue(metrics.endswith("\n"))

    # ---- in general --------------------------------------------------------------------------------

    def test_of_a_closed_service(self):
        with self.open() as desk:
            queue = desk.queue("help")
            ticket = queue.enqueue("ann", b"")
            for _ in range(200):
                queue.enqueue("ann", b"")
            rows = desk.tickets()
            next(rows)
        for call in (
            desk.tickets,
            desk.figures,
            desk.agents,
            desk.symptoms,
            desk.metrics,
            queue.tickets,
            queue.figures,
            queue.what_if,
            ticket.standing,
            ticket.body,
            ticket.history,
            ticket.why_rank,
            lambda: ticket.why_due(Promised.ACK),
        ):
            with self.assertRaises(usher.Canceled):
                call()
        with self.assertRaises(usher.Canceled):
            list(rows)

    def test_inside_a_callback(self):
        raised = []

        def told(event):
            try:
                desk.metrics()
            except usher.WrongState as error:
                raised.append(error)
            raised.append(desk.ticket(event.ticket).standing().state)

        with self.open() as desk:
            desk.subscribe(told)
            desk.queue("help").enqueue("ann", b"")
            self.assertEqual([type(each) for each in raised], [usher.WrongState, State])

    def test_rows_do_not_come_by_async_for(self):
        async def wrong():
            async for _ in desk.tickets():
                pass

        with self.open() as desk:
            with self.assertRaisesRegex(TypeError, "`for`"):
                asyncio.run(wrong())


class InMemory(Reads, unittest.TestCase):
    pass


class OnSqlite(Reads, unittest.TestCase):
    store = "sqlite:DIRECTORY/desk.db"
    durability = usher.Durability.PROCESS  # no flush after each of hundreds of commands

    def test_what_has_left_memory(self):
        with self.open(keep_closed=1) as desk:
            queue = desk.queue("help")
            tickets = [queue.enqueue("ann", f"body {i}".encode()) for i in range(150)]
            for ticket in tickets:
                ticket.note("so what")
                ticket.withdraw("ann")
            self.assertEqual([row.ticket for row in desk.tickets()], list(range(1, 151)))
            self.assertEqual({row.state for row in desk.tickets()}, {State.WITHDRAWN})
            self.assertEqual(tickets[0].body(), b"body 0")
            kinds = [event.kind for event in tickets[0].history()]
            self.assertEqual(kinds, [EventKind.ENQUEUED, EventKind.NOTED, EventKind.WITHDRAWN])
            self.assertRegex(tickets[0].why_rank(), "withdrawn")

    def test_after_a_reopen(self):
        with self.open() as desk:
            ticket = desk.queue("help", POLICY).enqueue("ann", b"", ref="R")
            standing, history = ticket.standing(), list(ticket.history())
        with self.open() as desk:
            self.assertEqual(desk.ticket(1).standing(), standing)
            self.assertEqual(list(desk.ticket(1).history()), history)
            self.assertEqual(desk.queue("help").find("R"), standing)


class OnAsyncio(unittest.IsolatedAsyncioTestCase):
    @contextlib.asynccontextmanager
    async def desk(self):
        async with usher.Service(clock=usher.ManualClock(MONDAY)) as desk:
            yield desk

    async def test_rows(self):
        async with self.desk() as desk:
            queue = desk.queue("help")
            for _ in range(250):
                await queue.enqueue("ann", b"", symptom="s")
            expected = list(range(1, 251))
            self.assertEqual([row.ticket async for row in desk.tickets()], expected)
            rows = queue.tickets(symptom="s", states=State.WAITING)
            self.assertEqual([row.ticket async for row in rows], expected)
            self.assertEqual([row async for row in rows], [])
            ticket = desk.ticket(1)
            for i in range(1100):
                await ticket.note(str(i))
            self.assertEqual([e.ticket_seq async for e in ticket.history()], list(range(1, 1102)))
            with self.assertRaises(usher.NotFound):
                async for _ in desk.ticket(999).history():
                    pass

    async def test_pages_without_rows(self):
        async with self.desk() as desk:
            queue = desk.queue("help")
            for _ in range(10):
                await queue.enqueue_many([usher.Request("ann", b"")] * 10000)
            await queue.enqueue("bob", b"")
            self.assertEqual([row.ticket async for row in desk.tickets(requester="bob")], [100001])

    async def test_rows_do_not_come_by_for(self):
        async with self.desk() as desk:
            with self.assertRaisesRegex(TypeError, "`async for`"):
                for _ in desk.tickets():
                    pass

    async def test_two_tasks_on_the_same_rows(self):
        async with self.desk() as desk:
            queue = desk.queue("help")
            await queue.enqueue("ann", b"")
            rows = desk.tickets()
            first, second = await asyncio.gather(
                rows.__anext__(), rows.__anext__(), return_exceptions=True
            )
            self.assertEqual(first.ticket, 1)
            self.assertIsInstance(second, RuntimeError)

    async def test_rows_after_a_cancellation(self):
        async with self.desk() as desk:
            await desk.queue("help").enqueue("ann", b"")
            rows = desk.tickets()
            task = asyncio.ensure_future(rows.__anext__())
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual([row.ticket async for row in rows], [1])

    async def test_everything_else(self):
        async with self.desk() as desk:
            queue = desk.queue("help", POLICY)
            ticket = await queue.enqueue("ann", b"body", symptom="noise")
            desk.agent("Ada")
            body, why, spans, changes, here, all_of_it, agents, symptoms, one, metrics = (
                await asyncio.gather(
                    ticket.body(),
                    ticket.why_rank(),
                    ticket.why_due(Promised.ACK),
                    queue.what_if({}),
                    queue.figures(since=MONDAY),
                    desk.figures(),
                    desk.agents(),
                    desk.symptoms(),
                    desk.symptoms("other"),
                    desk.metrics(),
                )
            )
            self.assertEqual(body, b"body")
            self.assertRegex(why, "^0 ahead")
            self.assertEqual([span.counted for span in spans], [HOUR / 2])
            self.assertEqual([c.promise for c in changes], [Promised.ACK, Promised.RESOLVE])
            self.assertEqual([f.enqueued for f in here], [1, 1])
            self.assertEqual([f.queue for f in all_of_it], ["help", "help"])
            self.assertEqual([a.agent for a in agents], ["Ada"])
            self.assertEqual([s.symptom for s in symptoms], ["noise"])
            self.assertEqual(one, [])
            self.assertIn("usher_enqueued_total", metrics)

    async def test_lists_over_many_pages(self):
        async with self.desk() as desk:
            names = [f"agent {i}" for i in range(350)]
            for name in names:
                desk.agent(name)
            self.assertEqual([figures.agent for figures in await desk.agents()], names)

    async def test_errors(self):
        async with self.desk() as desk:
            queue = desk.queue("help")
            ticket = desk.ticket(99)
            with self.assertRaises(usher.NotFound):
                await ticket.body()
            with self.assertRaises(usher.NotFound):
                await ticket.why_due(Promised.ACK)
            with self.assertRaises(usher.PolicyError):
                await queue.what_if({"no": 1})
            with self.assertRaises(usher.NotFound):
                ticket.standing()
            with self.assertRaises(usher.Invalid):
                desk.figures(since=MONDAY + DAY, until=MONDAY)  # in the call, not when it is awaited
            with self.assertRaises(usher.Invalid):
                ticket.why_due(7)


if __name__ == "__main__":
    unittest.main()
