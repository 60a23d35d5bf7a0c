#!/usr/bin/env python3
"""The usher command from outside: python3 tests/command/test_command.py USHER MAKE_STORE"""
import json
import os
import pathlib
import pty
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

USHER, MAKE_STORE = "usher", "usher-make-store"
COMMANDS = ("info", "list", "show", "history", "stats", "figures", "check", "backup")
MINUTE, HOUR, DAY = 60000, 3600000, 86400000


def folder():
    """In memory where that can be had: nothing here is about disks."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def run(*arguments, **environment):
    done = subprocess.run([USHER, *map(str, arguments)], capture_output=True, timeout=30, env={**os.environ, **environment})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class WithStore(unittest.TestCase):
    """Made once; nobody here may change it."""

    @classmethod
    def setUpClass(cls):
        made = folder()
        cls.addClassCleanup(made.cleanup)
        cls.folder = pathlib.Path(made.name)
        cls.store = cls.folder / "desk.db"
        cls.now = int(time.time() * 1000)
        subprocess.run([MAKE_STORE, cls.store, str(cls.now)], check=True)
        cls.bytes = cls.store.read_bytes()

    def tearDown(self):
        self.assertEqual(self.store.read_bytes(), self.bytes, "looking has changed the store")

    def json(self, *arguments):
        code, out, err = run(*arguments, self.store, "--json")
        self.assertEqual((code, err), (0, ""))
        return json.loads(out)

    def text(self, *arguments):
        code, out, err = run(*arguments, self.store)
        self.assertEqual((code, err), (0, ""))
        for line in out.splitlines():
            self.assertEqual(line, line.rstrip())
            self.assertNotIn("\033", line)
        return out

    def refused(self, code, expected, *arguments):
        got, out, err = run(*arguments)
        self.assertEqual((got, out), (code, ""), err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn(expected, err)
        self.assertTrue(err.startswith("usher"), err)


class Screens(WithStore):
    def test_info(self):
        text = self.text("info")
        for part in ("8, with 31 events", "1 scheduled, 1 waiting, 1 claimed, 1 paused, 1 stuck, 1 resolved",
                     "1 closed, 1 withdrawn", "counter, workshop", "Ada, Bo", "ticket 1, 3 d ago", "min ago"):
            self.assertIn(part, text)
        info = self.json("info")
        self.assertEqual((info["tickets"], info["events"], info["queues"]), (8, 31, ["counter", "workshop"]))
        self.assertEqual(sum(info["states"].values()), 8)
        self.assertEqual(info["bytes"], len(self.bytes))

    def test_list_shows_what_is_open(self):
        text = self.text("list")
        self.assertEqual([line.split()[:2] for line in text.splitlines()],
                         [["ticket", "state"], ["3", "stuck"], ["4", "paused"], ["5", "resolved"], ["6", "waiting"],
                          ["7", "scheduled"], ["8", "claimed"]])
        self.assertRegex(text, r"6  waiting +\d+ min ago +counter +low +\d+ min ago +gus@example.org +- +in 1 h +order-6")
        self.assertRegex(text, "7  scheduled .* starts in 1 d")
        # A name cannot steer the terminal, and columns are as wide as they look.
        self.assertIn("em?[31mil", text)
        columns = {line.find("Ada") for line in text.splitlines() if "Ada" in line} | {
            line.find("holder") for line in text.splitlines() if "holder" in line}
        self.assertEqual(len(columns), 1)

    def test_list_filters(self):
        def ids(*arguments):
            return [t["ticket"] for t in self.json("list", *arguments)["tickets"]]
        self.assertEqual(ids(), [3, 4, 5, 6, 7, 8])
        self.assertEqual(ids("--state", "all"), [1, 2, 3, 4, 5, 6, 7, 8])
        self.assertEqual(ids("--state", "waiting,stuck"), [3, 6])
        self.assertEqual(ids("--state=closed"), [1])
        self.assertEqual(ids("--queue", "workshop"), [3, 8])
        self.assertEqual(ids("--queue", "there is none"), [])
        self.assertEqual(ids("--agent", "Ada"), [4])
        self.assertEqual(ids("--requester", "Jürgen Müller"), [4])
        self.assertEqual(ids("--state", "all", "--requester", "carl@example.org"), [1])
        self.assertEqual(ids("--limit", "2"), [3, 4])
        self.assertEqual([self.json("list", "--limit", n)["more"] for n in ("5", "6", "all")], [True, False, False])
        self.assertIn("no such tickets", self.text("list", "--agent", "nobody"))
        self.assertIn("the first 2", self.text("list", "--limit", "2"))

    def test_show(self):
        text = self.text("show", "4")
        for part in ("Ticket 4 is paused since 4 h ago, Ada has it", "Jürgen Müller", "counter, high", "Which scanner?",
                     "Scanner wants a password", "order-4", "asked after  once"):
            self.assertIn(part, text)
        self.assertRegex(text, r"answer +running +in 2 h +4 h")
        self.assertRegex(text, r"update +running +paused with 2 d left +2 d")
        self.assertRegex(self.text("show", "8"), r"lease until +in \d+ min, ")
        self.assertRegex(self.text("show", "6"), "its place +0 ahead")
        self.assertIn("Paper jam again", self.text("show", "2"))
        ticket = self.json("show", "4")
        self.assertEqual((ticket["state"], ticket["holder"], ticket["chases"], ticket["question"], ticket["body"]),
                         ("paused", "Ada", 1, "Which scanner?", "Scanner wants a password"))
        self.assertEqual(ticket["promises"]["update"]["due_at"], None)
        self.assertEqual(self.json("show", "1")["state"], "closed")

    def test_history(self):
        text = self.text("history", "1")
        self.assertEqual([line.split()[:1] for line in text.splitlines()[1:]], [[str(n)] for n in range(1, 7)])
        for part in ("Ada is on her way", "keeps ack", "fix, keeps update, keeps resolve: A new one stands there"):
            self.assertIn(part, text)
        events = self.json("history", "1")["events"]
        self.assertEqual([e["event"] for e in events],
                         ["enqueued", "claimed", "acknowledged", "resolved", "confirmed", "closed"])
        self.assertEqual([e["ticket_seq"] for e in events], [1, 2, 3, 4, 5, 6])
        self.assertEqual((events[0]["at"], events[1]["at"]), (self.now - 3 * DAY, self.now - 3 * DAY + MINUTE))
        self.assertEqual(len(self.json("history", "--limit", "2", "1")["events"]), 2)

    def test_stats(self):
        text = self.text("stats")
        self.assertRegex(text, r"counter +1 +1 +0 +0 +1 +0 +1 +1 +1 +\d+ min")
        self.assertRegex(text, r"ack +3 +0 +1 +1 +100 %")
        self.assertRegex(text, r"1 in line just now, for \d+ min")
        stats = self.json("stats")
        self.assertEqual([q["queue"] for q in stats["queues"]], ["counter", "workshop"])
        self.assertEqual(stats["promises"]["ack"], {"kept": 3, "broken": 0, "lapsed": 1, "running": 1, "overdue": 0})
        self.assertEqual((stats["agents"], stats["waiting_ms"]["n"], stats["chased"]), ({"Ada": 1, "Bo": 1}, 1, 1))

    def test_figures(self):
        text = self.text("figures")
        self.assertTrue(text.startswith("since ever\n"))
        self.assertRegex(text, r"\ncounter +6 +1 min +1 min +2 min +2 min +3 min +3 min\n  low +1")
        self.assertRegex(text, r"\nworkshop +2 +1 min +1 min +2 min +2 min +- +-\n\nqueue +promises kept")  # of one priority
        self.assertRegex(text, r"\ncounter +100 % +100 % +- +100 % +100 % +- +2\n")
        self.assertRegex(text, r"\nAda +- +2 +- +- +- +1 +- +- +- +- +- +1 min 30 s\n")
        self.assertRegex(text, r"\nprinter +8 +8 +8 +\d+ min ago +- +- +- +-\n")
        self.assertNotRegex(self.text("figures", "--queue", "workshop"), "counter|agent|symptom")
        self.assertRegex(self.text("figures", "--days", "2"), r"^since \d+ \w+ \d{4} 00:00 UTC\n")
        figures = self.json("figures")
        whole = {q["queue"]: q for q in figures["queues"] if q["priority"] is None}
        for name, queue in whole.items():
            parts = [q for q in figures["queues"] if q["queue"] == name and q["priority"]]
            for key in ("enqueued", "claims", "closed", "open", "waiting", "held_ms"):
                self.assertEqual(queue[key], sum(part[key] for part in parts), (name, key))
        self.assertEqual((whole["counter"]["enqueued"], whole["counter"]["withdrawn"], whole["workshop"]["stuck"]), (6, 1, 1))
        self.assertEqual([a["agent"] for a in figures["agents"]], ["Ada", "Bo"])
        self.assertEqual([(s["symptom"], s["seen"], s["cause"]) for s in figures["symptoms"]], [("printer", 8, None)])
        ages = [t["ticket"] for t in self.json("list", "--state", "waiting")["tickets"]]
        self.assertEqual(whole["counter"]["age"]["n"] + whole["workshop"]["age"]["n"], len(ages))
        self.refused(2, "up to 32", "figures", "--days", "33", self.store)
        self.refused(2, "no option", "figures", "--agent", "Ada", self.store)

    def test_check(self):
        self.assertRegex(self.text("check"), r"^whole: .* 8 tickets, 31 events, have no gap")
        self.assertEqual(self.json("check"), {"whole": True, "tickets": 8, "events": 31, "problems_n": 0, "problems": []})

    def test_backup(self):
        copy = self.folder / "copy.db"
        self.assertIn("a checked copy", self.text("backup", copy))
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        for arguments in (("list", "--json", "--state", "all"), ("history", "--json", "4")):
            said = [re.sub(r'"(left_ms|until|until_at)": -?\d+', "", run(*arguments, store)[1]) for store in (copy, self.store)]
            self.assertEqual(*said)  # but for the time in between, and a lease's end, which is the boot clock's
            self.assertIn("ticket", said[0])
        self.assertEqual(run("check", copy)[0], 0)
        self.refused(1, "exists", "backup", copy, self.store)
        self.refused(1, "no copy was made", "backup", self.folder / "nowhere" / "copy.db", self.store)

    def test_colours_are_for_terminals(self):
        def shown(**environment):
            leader, follower = pty.openpty()
            process = subprocess.Popen([USHER, "list", self.store], stdout=follower,
                                       env={**os.environ, "TERM": "xterm", **environment})
            os.close(follower)
            out = b""
            try:
                while some := os.read(leader, 65536):
                    out += some
            except OSError:
                pass
            os.close(leader)
            self.assertEqual(process.wait(60), 0)
            return out.decode().replace("\r\n", "\n")
        plain = self.text("list")
        environment = {"NO_COLOR": ""}
        self.assertIn("\033[1;31mstuck\033[0m", shown(**environment))
        self.assertEqual(re.sub("\033\\[[0-9;]*m", "", shown(**environment)), plain)
        self.assertEqual(shown(NO_COLOR="1"), plain)
        self.assertEqual(shown(NO_COLOR="", TERM="dumb"), plain)


class Usage(WithStore):
    def test_help(self):
        code, out, err = run("--help")
        self.assertEqual((code, err), (0, ""))
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", out)
            code, text, err = run(command, "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertTrue(text.startswith(f"Usage: usher {command} "), text)
            for line in (out + text).splitlines():
                self.assertLessEqual(len(line), 100)
        self.assertRegex(run("--version")[1], r"^usher \d+\.\d+\.\d+\n$")
        code, out, err = run()
        self.assertEqual((code, out), (2, ""))
        self.assertTrue(err.startswith("Usage: usher COMMAND"))

    def test_words_that_are_wrong(self):
        for arguments, expected in (
                (("frob",), "there is no command frob"),
                (("list",), "of which store?"),
                (("show", self.store), "which store?"),
                (("show", self.store, "4"), "the store comes last"),
                (("show", "0", self.store), "a ticket is a number"),
                (("show", "99999999999999999999", self.store), "a ticket is a number"),
                (("backup", "x"), "which store?"),
                (("list", self.store, "x"), "one word too many: x"),
                (("list", "a", "b", "c", "d"), "too many words: d"),
                (("list", "--state", "open", self.store), "there is no state open"),
                (("list", "--state", "", self.store), "a value is needed after --state"),
                (("list", "--limit", "0", self.store), "--limit takes a number"),
                (("list", "--limit", "many", self.store), "--limit takes a number"),
                (("list", "--queue"), "a value is needed after --queue"),
                (("list", "--queue", "q" * 256, self.store), "a name is shorter"),
                (("list", "--frob", self.store), "there is no option --frob"),
                (("check", "--limit", "3", self.store), "there is no option --limit")):
            self.refused(2, expected, *arguments)

    def test_no_such_ticket(self):
        for command in ("show", "history"):
            self.refused(1, "there is no ticket 99", command, "99", self.store)

    def test_the_stores_name_as_a_uri(self):
        self.assertEqual(run("list", f"sqlite:{self.store}"), run("list", self.store))
        odd = self.folder / "what? a name.db"
        odd.write_bytes(self.bytes)
        odd.chmod(0o600)
        self.assertEqual(run("list", odd), run("list", self.store))

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([USHER, "list", self.store], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (1, b"usher: the output cannot be written\n"))


class NotAStore(WithStore):
    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path

    def test_nothing_is_made(self):
        for command in (("info",), ("list",), ("check",), ("stats",), ("show", "1"), ("backup", self.folder / "x")):
            self.refused(1, "nothing.db: there is no such file", *command, self.folder / "nothing.db")
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("nothing")], [])
        self.refused(1, "something else", "list", self.folder)

    def test_foreign_files(self):
        self.refused(1, "not one of usher's", "list", self.file("text", b"not a database at all" * 100))
        self.refused(1, "not one of usher's", "list", self.file("empty", b""))
        other = self.file("other.db", b"")
        with sqlite3.connect(other) as connection:
            connection.execute("CREATE TABLE t (a)")
        connection.close()
        self.refused(1, "of another program", "list", other)

    def test_a_store_of_a_newer_version(self):
        newer = self.file("newer.db", self.bytes)
        with sqlite3.connect(newer) as connection:
            connection.execute("PRAGMA user_version = 9999")
        connection.close()
        self.refused(1, "newer version", "info", newer)

    def test_damage_is_found(self):
        """Whatever is cut or overwritten: never a clean bill, never a crash."""
        self.refused(1, "damaged", "check", self.file("cut.db", self.bytes[:len(self.bytes) // 2]))
        found, page = 0, 4096
        for n in range(1, len(self.bytes) // page):
            broken = bytearray(self.bytes)
            broken[n * page:(n + 1) * page] = b"\xa5" * page
            code, out, err = run("check", self.file("broken.db", bytes(broken)))
            self.assertIn(code, (0, 1), err)
            found += code
        # A page that is free holds nothing.
        self.assertGreater(found, len(self.bytes) // page // 2)

    def test_an_event_that_is_gone(self):
        table = [name for name in self.tables() if "event" in name]
        self.assertEqual(len(table), 1, "which table are the events in?")
        key = self.rows(table[0])[5]
        gone = self.file("gone.db", self.bytes)
        with sqlite3.connect(gone) as connection:
            connection.execute(f"DELETE FROM {table[0]} WHERE rowid = ?", key)
        connection.close()
        code, out, err = run("check", gone)
        self.assertEqual(code, 1, out)
        self.assertRegex(out + err, "NOT WHOLE|damaged")

    def tables(self):
        with sqlite3.connect(f"file:{self.store}?mode=ro&immutable=1", uri=True) as connection:
            names = [name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        connection.close()
        return names

    def rows(self, table):
        with sqlite3.connect(f"file:{self.store}?mode=ro&immutable=1", uri=True) as connection:
            rows = connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid").fetchall()
        connection.close()
        return rows


class Live(unittest.TestCase):
    def setUp(self):
        made = folder()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        self.store = self.folder / "desk.db"

    def host(self, keys):
        host = subprocess.Popen([MAKE_STORE, f"{self.store}{keys}", str(int(time.time() * 1000)), "hold"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(host.wait, 60)
        self.addCleanup(host.stdout.close)
        self.addCleanup(host.stdin.close)
        self.assertEqual(host.stdout.readline(), "open\n")
        return host

    def enqueue(self, host, who):
        host.stdin.write(who + "\n")
        host.stdin.flush()
        self.assertEqual(host.stdout.readline(), "done\n")

    def test_a_service_that_has_it_to_itself(self):
        host = self.host("")
        code, out, err = run("list", self.store)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"open in process {host.pid}; that service must be opened with ?readers=1", err)
        self.enqueue(host, "still alive")

    def test_a_service_that_lets_others_look(self):
        host = self.host("?readers=1")
        for n in range(9, 12):
            self.enqueue(host, f"person {n}")
            tickets = json.loads(run("list", "--json", self.store)[1])["tickets"]
            self.assertEqual((tickets[-1]["ticket"], tickets[-1]["requester"]), (n, f"person {n}"))
            self.assertEqual(run("show", n, self.store)[0], 0)
            self.assertEqual(run("check", self.store)[0], 0)
            copy = self.folder / f"copy-{n}.db"
            self.assertEqual(run("backup", copy, self.store)[0], 0)
            self.assertEqual(len(json.loads(run("list", "--json", copy)[1])["tickets"]), n - 2)
        self.enqueue(host, "still alive")


if __name__ == "__main__":
    USHER, MAKE_STORE = (os.path.abspath(path) for path in sys.argv[1:3])
    del sys.argv[1:3]
    unittest.main(verbosity=2)
