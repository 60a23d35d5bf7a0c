#!/usr/bin/env python3
"""usher-outbox killed everywhere: python3 tests/outbox/test_outbox.py DIE_AT.so USHER OUTBOX OUTBOX_SHORT

OUTBOX_SHORT is the same program with an op window that is over at once, so that only the refs are left. USHER_LONG=1 for
more kills. The kills at a numbered system call need LD_PRELOAD and are left out where DIE_AT.so is empty."""
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

DIE_AT, USHER, OUTBOX, OUTBOX_SHORT = "", "usher", "usher-outbox", "usher-outbox-short"
LONG = os.environ.get("USHER_LONG") == "1"
SEED = int(os.environ.get("USHER_SEED", time.time_ns() % 1000000))


class Killed(unittest.TestCase):
    def setUp(self):
        # A kill takes no bytes from the system's cache, so it need not be a disk: this one is quick.
        folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.number = 0
        self.begin()

    def begin(self):
        """A shop and a store that are not there yet."""
        self.number += 1
        self.shop = self.folder / f"shop-{self.number}.db"
        self.store = self.folder / f"store-{self.number}.db"
        self.kills = 0

    def start(self, program, orders, **environment):
        return subprocess.Popen([program, self.shop, self.store, str(orders)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **{k: str(v) for k, v in environment.items()}})

    def end(self, process):
        """True: it was killed. Otherwise it has done what it should."""
        out, err = process.communicate(timeout=60)
        if process.returncode == -signal.SIGKILL:
            self.kills += 1
            return True
        self.assertEqual((process.returncode, err), (0, b""), out)
        return False

    def die_at(self, program, orders, n, torn=False):
        return self.end(self.start(program, orders, LD_PRELOAD=DIE_AT, USHER_DIE_AT=n, **({"USHER_DIE_TORN": 1} if torn else {})))

    def count(self, program, orders):
        """How many calls there are to die at."""
        count = self.folder / "count"
        self.assertFalse(self.end(self.start(program, orders, LD_PRELOAD=DIE_AT, USHER_DIE_COUNT=count)))
        return int(count.read_text())

    def tickets(self):
        done = subprocess.run([USHER, "list", "--json", "--limit", "all", "--state", "all", self.store], capture_output=True)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)["tickets"]

    def goes_on_to(self, program, orders):
        """The next run finishes, and then each order has its one ticket."""
        self.assertFalse(self.end(self.start(program, orders)))
        with sqlite3.connect(self.shop) as shop:
            rows = shop.execute("SELECT id, customer FROM orders ORDER BY id").fetchall()
            self.assertEqual(shop.execute("SELECT * FROM outbox").fetchall(), [])
        shop.close()
        self.assertEqual(len(rows), orders)
        tickets = self.tickets()
        self.assertEqual([(t["ref"], t["requester"]) for t in tickets], [(f"order-{i}", customer) for i, customer in rows])
        self.assertEqual([t["events"] for t in tickets], [1] * orders)
        check = subprocess.run([USHER, "check", self.store], capture_output=True)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)

    def test_nobody_kills_it(self):
        self.goes_on_to(OUTBOX, 7)
        self.goes_on_to(OUTBOX, 12)

    def at_every_call(self, program, torn):
        if not DIE_AT:
            self.skipTest("this build cannot be preloaded into")
        orders, kills = 3, 0
        calls = self.count(program, orders)
        self.goes_on_to(program, orders)
        for n in range(1, 10 * calls):
            self.begin()
            killed = self.die_at(program, orders, n, torn)
            kills += killed
            self.goes_on_to(program, orders)
            if not killed:
                break
        print(f"{kills} kills, one at each call", file=sys.stderr)
        # Threads take turns, and batches differ: some calls more or less each time.
        self.assertGreater(kills, calls / 2)

    def test_at_every_call(self):
        self.at_every_call(OUTBOX, torn=False)

    def test_in_the_middle_of_every_write(self):
        self.at_every_call(OUTBOX, torn=True)

    def test_at_every_call_after_the_ops_are_forgotten(self):
        self.at_every_call(OUTBOX_SHORT, torn=False)

    def test_at_random_calls_again_and_again(self):
        """Recoveries are killed too."""
        if not DIE_AT:
            self.skipTest("this build cannot be preloaded into")
        draw, kills, reached = random.Random(SEED), 0, 0
        while kills < (3000 if LONG else 60):
            self.begin()
            for _ in range(draw.randint(2, 8)):
                if not self.die_at(OUTBOX, 20, draw.randint(1, 300), draw.random() < 0.5):
                    break
            kills += self.kills
            self.goes_on_to(OUTBOX, 20)
        print(f"{kills} kills, seed {SEED}", file=sys.stderr)

    def test_at_random_instants(self):
        draw, kills = random.Random(SEED), 0
        while kills < (2000 if LONG else 40):
            self.begin()
            program = draw.choice((OUTBOX, OUTBOX_SHORT))
            for _ in range(8):
                process = self.start(program, 60)
                time.sleep(draw.random() * 0.04)
                process.kill()
                if not self.end(process):
                    break
            kills += self.kills
            self.goes_on_to(program, 60)
        print(f"{kills} kills, seed {SEED}", file=sys.stderr)

    def test_a_row_that_usher_will_never_take(self):
        self.goes_on_to(OUTBOX, 2)
        with sqlite3.connect(self.shop) as shop:
            shop.execute("INSERT INTO outbox (queue, requester, ref, body) VALUES ('orders', ?, 'order-x', '')", ("x" * 256,))
        shop.close()
        process = self.start(OUTBOX, 4)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (0, b""))
        self.assertIn(b"and 1 put aside", out)
        with sqlite3.connect(self.shop) as shop:
            self.assertEqual(shop.execute("SELECT ref, refused FROM outbox").fetchall(), [("order-x", "USHER_ELIMIT")])
        shop.close()
        self.assertEqual([t["ref"] for t in self.tickets()], [f"order-{i}" for i in range(1, 5)])


if __name__ == "__main__":
    OUTBOX_SHORT, OUTBOX, USHER, DIE_AT = (sys.argv.pop() for _ in range(4))
    unittest.main(verbosity=2)
