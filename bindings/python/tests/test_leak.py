"""Memory stays flat: 10^5 operations of each kind, 10^6 when USHER_LONG is set, and what is
forgotten is given back.

Each program first runs until everything that is kept on purpose is full (closed tickets, history,
ops), then goes on, and prints by how many bytes it has grown meanwhile."""

from __future__ import annotations

import os
import sys
import textwrap
import unittest

from . import child

N = 10**6 if os.environ.get("USHER_LONG") else 10**5
# Bytes, however many operations: a leak of one int for each would be 2.8 MB after 10^5.
GROWTH = 2**21

FRAME = """
    import asyncio, gc, os, resource, sys, usher
    from datetime import timedelta
    from usher import _calls

    NOW = timedelta(0)

    def rss():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def small():
        return usher.Service(
            keep_closed=100, history_bytes=65536, op_window_n=100, op_window=timedelta(seconds=1)
        )

    def measured(function, n):
        function(n // 5)
        before = rss()
        function(n)
        tables = (_calls.calls, _calls.listeners, _calls.posts, _calls.closes)
        print(rss() - before, *map(len, tables))
"""


@unittest.skipUnless(os.path.exists("/proc/self/statm"), "no /proc")
@unittest.skipIf("libasan" in os.environ.get("LD_PRELOAD", ""), "a sanitizer keeps what is freed")
class TestLeak(unittest.TestCase):
    def flat(self, program: str, n: int) -> None:
        result = child.python(
            textwrap.dedent(FRAME) + textwrap.dedent(program) + f"\nmeasured(main, {n})\n",
            timeout=1500,
            dev=False,  # which takes thrice the time
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
        growth, *tables = map(int, result.stdout.split())
        self.assertEqual(tables, [0, 0, 0, 0], "calls, listeners, posts, closes")
        self.assertLess(growth, GROWTH)

    def test_the_cycle_of_a_request(self) -> None:
        self.flat(
            """
            desk = small()
            help_, ann = desk.queue("help"), desk.agent("ann")

            def main(n):
                for i in range(n // 4):
                    help_.enqueue("bob", b"a body", ref=f"ref {i}")
                    claim = ann.claim([help_], wait=NOW)
                    claim.update("a word")
                    claim.resolve("an answer")
                    claim.ticket.confirm("bob")
            """,
            N,
        )

    def test_the_cycle_of_a_request_on_asyncio(self) -> None:
        self.flat(
            """
            async def some(n):
                async with small() as desk:
                    help_, ann = desk.queue("help"), desk.agent("ann")
                    for _ in range(n // 400):
                        waiting = [ann.claim([help_]) for _ in range(100)]
                        await asyncio.gather(*[help_.enqueue("bob", b"a body") for _ in range(100)])
                        claims = await asyncio.gather(*waiting)
                        await asyncio.gather(*[claim.resolve("an answer") for claim in claims])
                        await asyncio.gather(*[claim.ticket.confirm("bob") for claim in claims])

            def main(n):
                asyncio.run(some(n))
            """,
            N,
        )

    def test_what_is_refused_or_fails(self) -> None:
        self.flat(
            """
            desk = small()
            help_, ann = desk.queue("help"), desk.agent("ann")
            ticket = desk.ticket(help_.enqueue("bob"))
            claim = ann.claim([help_])
            claim.release()

            def main(n):
                for i in range(n // 5):
                    for call, kind in (
                        (lambda: claim.resolve("late"), usher.Stale),
                        (lambda: ticket.confirm("bob"), usher.WrongState),
                        (lambda: desk.ticket(10**9 + i).standing(), usher.NotFound),
                        (lambda: help_.enqueue("\\0"), usher.Invalid),
                        (lambda: help_.define({"nonsense": i}), usher.PolicyError),
                    ):
                        try:
                            call()
                        except kind:
                            continue
                        raise AssertionError
            """,
            N,
        )

    def test_events_and_posts(self) -> None:
        self.flat(
            """
            desk = small()
            help_, ann = desk.queue("help"), desk.agent("ann")

            def main(n):
                seen = [0]
                def told(event):
                    seen[0] += 1
                for _ in range(20):
                    unsubscribe = desk.subscribe(told)
                    with desk.events() as stream:
                        for _ in range(n // 80):
                            help_.enqueue("bob")
                            next(iter(stream))
                            ann.claim([help_], wait=NOW).ticket.withdraw("bob")
                            next(iter(stream))
                            next(iter(stream))
                            desk.post(lambda: None)
                            desk.turn()
                    unsubscribe()
                assert seen[0] >= n // 80 * 20 * 3
            """,
            N,
        )

    def test_reading(self) -> None:
        self.flat(
            """
            desk = small()
            help_, ann = desk.queue("help"), desk.agent("ann")
            for i in range(50):
                ticket = help_.enqueue("bob", b"a body", symptom=f"symptom {i % 5}", ref=str(i))

            def main(n):
                for _ in range(n // 500):
                    assert len(list(desk.tickets())) == 50
                    desk.figures(), desk.agents(), desk.symptoms(), desk.metrics()
                    ticket.body(), list(ticket.history()), ticket.standing(), ticket.why_rank()
                    help_.find("7"), help_.counts(), help_.what_if({})
            """,
            N,
        )

    def test_batches(self) -> None:
        self.flat(
            """
            desk = small()
            help_, ann = desk.queue("help"), desk.agent("ann")

            def main(n):
                for _ in range(n // 400):
                    help_.enqueue_many([("bob",)] * 200)
                    claims = ann.claim_many([help_], 200, wait=NOW)
                    assert len(claims) == 200
                    assert all(done.ticket for done in claims.resolve("yes"))
                    confirm = [usher.Command(usher.Verb.CONFIRM, c.id, who="bob") for c in claims]
                    assert all(done.ticket for done in desk.act_many(confirm))
            """,
            N,
        )

    def test_cancelled_waits(self) -> None:
        self.flat(
            """
            async def some(n):
                async with small() as desk:
                    help_, ann = desk.queue("help"), desk.agent("ann")
                    for _ in range(n // 100):
                        waiting = [asyncio.ensure_future(ann.claim([help_])) for _ in range(100)]
                        await asyncio.sleep(0)
                        for each in waiting:
                            each.cancel()
                        await asyncio.gather(*waiting, return_exceptions=True)
                        await asyncio.sleep(0.001)

            def main(n):
                asyncio.run(some(n))
            """,
            N // 5,
        )

    def test_services_that_come_and_go(self) -> None:
        self.flat(
            """
            def main(n):
                for i in range(n):
                    with usher.Service(clock=usher.ManualClock()) as desk:
                        help_, ann = desk.queue("help"), desk.agent("ann", ["skill"])
                        help_.enqueue("bob")
                        with ann.claim([help_]) as claim:
                            desk.advance(timedelta(seconds=1))
            """,
            N // 100,
        )

    def test_services_that_are_forgotten(self) -> None:
        self.flat(
            """
            import warnings
            warnings.simplefilter("ignore", ResourceWarning)

            def main(n):
                for i in range(n):
                    desk = usher.Service()
                    desk.queue("help").enqueue("bob")
                    del desk
                    gc.collect(0)
            """,
            N // 200,
        )

    def test_a_leak_is_seen(self) -> None:
        with self.assertRaisesRegex(AssertionError, "not less than"):
            self.flat(
                """
                kept = []

                def main(n):
                    for i in range(n):
                        kept.append([i])
                """,
                N,
            )
        with self.assertRaisesRegex(AssertionError, "calls, listeners"):
            self.flat("def main(n): _calls.calls[1] = None\n", 10)


if __name__ == "__main__":
    unittest.main()
