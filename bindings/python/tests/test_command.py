"""`python -m usher`: what it says, what it ends with, and that the C command says the same."""

from __future__ import annotations

import contextlib
import io
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
from datetime import datetime, timedelta, timezone
from typing import Any, Optional
from unittest import mock

import usher
import usher._command.demo
from usher._command import screen, words
from usher._command.line import main

C_COMMAND = os.environ.get("USHER_COMMAND")
MAKE_STORE = os.environ.get("USHER_MAKE_STORE")
COMMANDS = ("info", "list", "show", "history", "stats", "figures", "check", "backup", "demo")
MINUTE = timedelta(minutes=1)
STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")  # a terminal
RUN = [sys.executable, "-X", "dev", "-W", "error", "-m", "usher"]

# What both commands are asked of a store; {} is the store.
LINES = [
    *(f"{command} {{}}" for command in ("info", "list", "stats", "figures")),
    "list --state all {}",
    "list --state=closed,waiting,offered {}",
    "list --state all --limit 3 {}",
    "list --state all --limit all {}",
    "list --queue counter {}",
    "list --queue nowhere {}",
    "list --agent Ada {}",
    "list --requester carl@example.org {}",
    "figures --days 2 {}",
    "figures --queue counter {}",
    "history --limit 2 1 {}",
    "show 99 {}",
    "history 99 {}",
]
PAGE = 4096  # SQLite's
# What depends on when it was asked, by its name in JSON.
TIMED = {"left_ms", "to_at", "longest_wait_ms", "p50", "p90", "max", "p50_ms", "p90_ms", "p99_ms"}
TIMED |= {"max_ms", "sum_ms", "until_at"}  # a lease ends by the boot clock


def folder(test: Any) -> pathlib.Path:
    """In memory where that can be had: nothing here is about disks."""
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    made = tempfile.TemporaryDirectory(dir=fast)
    (test.addClassCleanup if isinstance(test, type) else test.addCleanup)(made.cleanup)
    return pathlib.Path(made.name)


def run(*arguments: object) -> tuple[int, str, str]:
    """In this process, which is quicker: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


def c_run(*arguments: object) -> tuple[int, str, str]:
    assert C_COMMAND
    done = subprocess.run([C_COMMAND, *map(str, arguments)], capture_output=True, timeout=60)
    decoded = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return (done.returncode, *decoded)  # type: ignore[return-value]


def make_store(path: pathlib.Path) -> None:
    """Three hours of a desk that end now: hand-offs, joins, causes, and names that are none."""
    policy = {
        "preset": "desk",
        "promises": {"ack": {"target": "30m"}},
        "ladder": [{"on": "ack", "at": "100%", "notify": ["lead", "Büro"], "raise": 1}],
        "recurrence": {"cause_after": 2, "cause_queue": "problems"},
        "retry": {"attempts": 1},
    }
    now = datetime.now(timezone.utc).replace(microsecond=0)
    clock = usher.ManualClock(now - timedelta(hours=3))
    with usher.Service(f"sqlite:{path}", clock=clock) as desk:
        counter, workshop = desk.queue("counter", policy), desk.queue("workshop", policy)
        desk.queue("problems")
        ada, bo = desk.agent("Ada"), desk.agent("B \u202eo")
        first = counter.enqueue("carl@example.org", "Fire\nin\x00tray 2", symptom="printer")
        desk.advance(MINUTE)
        with ada.claim(counter) as claim:
            claim.acknowledge("on my way")
            desk.advance(5 * MINUTE)
            claim.answer = "it is out"
        first.confirm("carl@example.org")
        more: dict[str, Any] = {"symptom": "printer", "dedup_key": "k"}
        second = counter.enqueue("d\x1b[31m\udce9", "日本語の本文", ref="r-2", **more)
        counter.enqueue("eli", "me too", dedup_key="k")
        counter.enqueue("fay", symptom="printer", priority=usher.Priority.HIGH)
        desk.advance(40 * MINUTE)
        ada.claim_ticket(second).hand_off(workshop, "needs an iron")
        bo.claim(workshop).pause(usher.On.REQUESTER, "which one?")
        second.ask("eli")
        second.ask("eli")
        ada.claim(counter).fail("no toner")
        counter.enqueue("gus", b"\xff\xfe", start=timedelta(hours=5))
        counter.enqueue("hal").withdraw("hal")
        counter.enqueue("jon", priority=usher.Priority.LOW)
        desk.advance(now - 5 * MINUTE)
        offered = counter.enqueue("ida", needs=["welding"])
        offered.note("for the record", who="Ada")
        ada.claim_ticket(offered).hand_off(bo)
        desk.advance(now)


class WithStore(unittest.TestCase):
    """Made once; nobody here may change it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = folder(cls)
        cls.store = cls.folder / "desk.db"
        make_store(cls.store)
        cls.bytes = cls.store.read_bytes()

    def tearDown(self) -> None:
        self.assertEqual(self.store.read_bytes(), self.bytes, "looking has changed the store")

    def text(self, *arguments: object) -> str:
        code, out, err = run(*arguments, self.store)
        self.assertEqual((code, err), (0, ""))
        for line in out.splitlines():
            self.assertEqual(line, line.rstrip())
            self.assertIsNone(STEERS.search(line), line)
        return out

    def json(self, *arguments: object) -> Any:
        code, out, err = run(*arguments, "--json", self.store)
        self.assertEqual((code, err), (0, ""))
        return json.loads(out.encode())

    def refused(self, code: int, expected: str, *arguments: object) -> None:
        got, out, err = run(*arguments)
        self.assertEqual((got, out), (code, ""), err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertIn(expected, err)
        self.assertTrue(err.startswith("usher"), err)
        if C_COMMAND and "demo" not in arguments:
            self.assertEqual(c_run(*arguments)[0], code, "the C command ends with something else")

    def file(self, name: str, content: bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path


class Screens(WithStore):
    def test_info(self) -> None:
        text = self.text("info")
        for part in ("tickets  8, with ", "1 scheduled", "1 offered", "1 closed, 1 withdrawn"):
            self.assertIn(part, text)
        self.assertIn("queues   counter, problems, workshop", text)
        self.assertEqual(self.json("info")["bytes"], len(self.bytes))

    def test_list(self) -> None:
        text = self.text("list")
        self.assertIn("d?[31m?", text)
        self.assertRegex(text, r"scheduled .* starts in 2 h")
        self.assertNotIn("hal", text)
        self.assertIn("hal", self.text("list", "--state", "all"))
        self.assertIn("no such tickets", self.text("list", "--agent", "nobody"))
        self.assertIn("these are the first 2;", self.text("list", "--limit", "2"))
        found = self.json("list", "--state", "offered")["tickets"]
        self.assertEqual([(t["holder"], t["offered_to"]) for t in found], [("Ada", "B \u202eo")])

    def test_show(self) -> None:
        text = self.text("show", "2")
        for part in ("Ticket 2 is paused since", "2 persons wait for it", "which one?", "日本語"):
            self.assertIn(part, text)
        self.assertRegex(text, r"ack +broken")
        self.assertEqual(self.json("show", "1")["body"], "Fire\nin\0tray 2")
        self.assertEqual(self.json("show", "5")["body"], "??")

    def test_history(self) -> None:
        text = self.text("history", "2")
        for part in ("ladder[0], level 1, tell lead, Büro", "offered", "as offered", "linked"):
            self.assertIn(part, text)
        events = self.json("history", "1")["events"]
        self.assertEqual([e["ticket_seq"] for e in events], [*range(1, 9)])
        self.assertEqual(len(self.json("history", "--limit", "2", "1")["events"]), 2)

    def test_stats_and_figures(self) -> None:
        self.assertRegex(self.text("stats"), r"ack +\d+ +\d+ .* %")
        text = self.text("figures")
        for part in ("half told in", "promises kept", "in hand, each", "\nsymptom"):
            self.assertIn(part, text)
        self.assertNotIn("agent", self.text("figures", "--queue", "counter"))

    def test_check(self) -> None:
        said = r"^whole: .* 8 tickets, \d+ events, have no gap \(.*\)\n$"
        self.assertRegex(self.text("check"), said)
        self.assertEqual(self.json("check")["whole"], True)

    def test_backup(self) -> None:
        copy = self.folder / "copy.db"
        self.assertIn("a checked copy, ", self.text("backup", copy))
        self.assertEqual(os.stat(copy).st_mode & 0o777, 0o600)
        self.assertEqual(run("check", copy)[0], 0)
        self.refused(1, "no copy was made", "backup", copy, self.store)
        self.refused(1, "no copy was made", "backup", self.folder / "no" / "copy", self.store)


@unittest.skipUnless(C_COMMAND and MAKE_STORE, "the C command: set USHER_COMMAND, USHER_MAKE_STORE")
class BesideTheCCommand(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = folder(cls)
        assert MAKE_STORE
        make_store(cls.folder / "ours.db")
        now = int(time.time() * 1000)
        subprocess.run([MAKE_STORE, cls.folder / "theirs.db", str(now)], check=True)

    def both(self, *arguments: object) -> Any:
        """They are asked one after the other: 3 min may become 4 in between, but not thrice."""
        for _ in range(3):
            ours, theirs = run(*arguments), c_run(*arguments)
            if ours == theirs:
                break
        return ours, theirs

    def stores(self) -> Any:
        for name, tickets in (("ours.db", 8), ("theirs.db", 8)):
            yield self.folder / name, tickets

    def lines(self) -> Any:
        for store, tickets in self.stores():
            each = [f"{c} {n} {{}}" for n in range(1, tickets + 1) for c in ("show", "history")]
            for line in LINES + each:
                yield [str(store) if word == "{}" else word for word in line.split()]

    def test_the_same_screens(self) -> None:
        self.maxDiff = None
        for line in self.lines():
            with self.subTest(line=line):
                ours, theirs = self.both(*line)
                self.assertEqual(ours[1], theirs[1])
                self.assertEqual(ours, theirs)

    def test_the_same_json(self) -> None:
        for line in self.lines():
            with self.subTest(line=line):
                ours, theirs = run(*line, "--json"), c_run(*line, "--json")
                self.assertEqual(ours[0], theirs[0])
                self.assertEqual(ours[2], theirs[2])
                if ours[0] == 0:
                    self.alike(json.loads(ours[1]), json.loads(theirs[1]), "")

    def test_the_same_verdict(self) -> None:
        for store, _ in self.stores():
            ours, theirs = run("check", "--json", store), c_run("check", "--json", store)
            self.assertEqual((ours[0], json.loads(ours[1])), (theirs[0], json.loads(theirs[1])))

    def alike(self, ours: Any, theirs: Any, name: str) -> None:
        self.assertIs(type(ours), type(theirs), name)
        if isinstance(ours, dict):
            self.assertEqual(list(ours), list(theirs), name)
            for key, value in ours.items():
                self.alike(value, theirs[key], key)
        elif isinstance(ours, list):
            self.assertEqual(len(ours), len(theirs), name)
            for one, other in zip(ours, theirs):
                self.alike(one, other, name)
        elif name in TIMED and isinstance(ours, int):
            self.assertLess(abs(ours - theirs), 60000, name)
        else:
            self.assertEqual(ours, theirs, name)


class Usage(WithStore):
    def test_help(self) -> None:
        with mock.patch.dict(os.environ, COLUMNS="80"):
            code, out, err = run("--help")
            self.assertEqual((code, err), (0, ""))
            self.assertEqual(run("help"), (code, out, err))
            for command in COMMANDS:
                self.assertIn(f"\n  {command} ", out)
                code, text, err = run(command, "--help")
                self.assertEqual((code, err), (0, ""))
                self.assertTrue(text.startswith(f"usage: python -m usher {command} "), text)
                for line in (out + text).splitlines():
                    self.assertLessEqual(len(line), 100)
        self.assertEqual(run("--version"), (0, f"usher {usher.__version__}\n", ""))
        code, out, err = run()
        self.assertEqual((code, out), (2, ""))
        self.assertIn("  list STORE ", err)

    def test_words_that_are_wrong(self) -> None:
        s = self.store
        for arguments, expected in (
            (("frob",), "frob"),
            (("list",), "STORE"),
            (("show", s), "a ticket is a number"),
            (("show", s, "4"), "a ticket is a number, and the store comes last"),
            (("show", "0", s), "a ticket is a number"),
            (("show", "99999999999999999999", s), "a ticket is a number"),
            (("show", "٣", s), "a ticket is a number"),
            (("backup", "x"), "STORE"),
            (("list", s, "x"), "x"),
            (("list", "--state", "open", s), "there is no state 'open'"),
            (("list", "--limit", "0", s), 'a number or "all"'),
            (("list", "--limit", "many", s), 'a number or "all"'),
            (("list", "--queue"), "--queue"),
            (("list", "--queue", "", s), "a name is needed"),
            (("list", "--frob", s), "--frob"),
            (("list", "--queu", "counter", s), "--queu"),
            (("check", "--limit", "3", s), "--limit"),
            (("figures", "--days", "33", s), "up to 32"),
        ):
            with self.subTest(arguments=arguments):
                self.refused(2, expected, *arguments)

    def test_no_such_ticket(self) -> None:
        for command in ("show", "history"):
            self.refused(1, "there is no ticket 99", command, "99", self.store)

    def test_the_stores_name_as_a_uri(self) -> None:
        self.assertEqual(run("list", f"sqlite:{self.store}"), run("list", self.store))
        odd = self.file("what? a name.db", self.bytes)
        self.assertEqual(run("list", odd), run("list", self.store))

    def test_interrupted(self) -> None:
        with mock.patch.object(usher._command.demo, "_sum_up", side_effect=KeyboardInterrupt):
            self.assertEqual(run("demo")[::2], (130, ""))

    def test_the_module(self) -> None:
        """As a program: its code, output that ends early, output that cannot be written."""
        done = subprocess.run([*RUN, "show", "99", self.store], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "usher: there is no ticket 99 in it\n")
        with subprocess.Popen([*RUN, "list", self.store], stdout=-1, stderr=-1, text=True) as cut:
            assert cut.stdout and cut.stderr
            cut.stdout.close()
            self.assertEqual((cut.stderr.read(), cut.wait()), ("", 1))
        with open("/dev/full", "w") as full:
            done = subprocess.run([*RUN, "list", self.store], stdout=full, stderr=-1, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^usher: the output cannot be written: .*\n$")


class NotAStore(WithStore):
    def test_nothing_is_made(self) -> None:
        nothing = self.folder / "nothing.db"
        for line in ("info", "list", "check", "stats", "show 1", "backup x"):
            command = line.split()
            self.refused(1, "nothing.db: there is no such file", *command, nothing)
        self.assertEqual([p for p in self.folder.iterdir() if p.name.startswith("nothing")], [])
        self.refused(1, "something else", "list", self.folder)

    def test_foreign_files(self) -> None:
        self.refused(1, "not one of usher's", "list", self.file("text", b"no database" * 100))
        self.refused(1, "not one of usher's", "list", self.file("empty", b""))
        newer = self.file("newer.db", self.bytes)
        with contextlib.closing(sqlite3.connect(newer)) as connection:
            connection.execute("PRAGMA user_version = 9999")
        self.refused(1, "newer version", "info", newer)

    def test_damage_is_found(self) -> None:
        """Whatever is cut or overwritten: never a clean bill, but for a page that is free."""
        self.refused(1, "damaged", "check", self.file("cut.db", self.bytes[: len(self.bytes) // 2]))
        pages = len(self.bytes) // PAGE
        found = 0
        for n in range(1, pages):
            broken = bytearray(self.bytes)
            broken[n * PAGE : (n + 1) * PAGE] = b"\xa5" * PAGE
            path = self.file("broken.db", bytes(broken))
            code, out, err = run("check", path)
            found += code
            if C_COMMAND and code:
                self.assertEqual((code, out, err), c_run("check", path))
        self.assertGreater(found, pages // 2)

    def test_an_event_that_is_gone(self) -> None:
        gone = self.file("gone.db", self.bytes)
        with contextlib.closing(sqlite3.connect(gone)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            (events,) = [name for name, in rows if "event" in name]
            keys = connection.execute(f"SELECT rowid FROM {events} ORDER BY rowid").fetchall()
            connection.execute(f"DELETE FROM {events} WHERE rowid = ?", keys[5])
            connection.commit()
        code, out, err = run("check", gone)
        self.assertEqual(code, 1, out)
        self.assertRegex(out + err, "NOT WHOLE|damaged")
        if C_COMMAND:
            self.assertEqual((code, out, err), c_run("check", gone))


class Live(unittest.TestCase):
    """Beside a service at work, which is another process: this one's would be refused for that."""

    HOST = """
import sys, usher
with usher.Service("sqlite:" + sys.argv[1]) as desk:
    print("open", flush=True)
    for line in sys.stdin:
        desk.queue("counter").enqueue(line.strip())
        print("done", flush=True)
"""

    def host(self, store: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", self.HOST, store]
        host = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert host.stdin and host.stdout
        self.addCleanup(host.wait, 60)
        self.addCleanup(host.stdout.close)
        self.addCleanup(host.stdin.close)
        self.assertEqual(host.stdout.readline(), "open\n")
        return host

    def enqueue(self, host: subprocess.Popen[str], who: str) -> None:
        assert host.stdin and host.stdout
        host.stdin.write(who + "\n")
        host.stdin.flush()
        self.assertEqual(host.stdout.readline(), "done\n")

    def test_a_service_that_has_it_to_itself(self) -> None:
        store = folder(self) / "desk.db"
        host = self.host(str(store))
        code, out, err = run("list", store)
        self.assertEqual((code, out), (1, ""))
        said = f"open in process {host.pid}; that service must be opened with ?readers=1"
        self.assertIn(said, err)
        self.enqueue(host, "still alive")

    def test_a_service_that_lets_others_look(self) -> None:
        store = folder(self) / "desk.db"
        host = self.host(f"{store}?readers=1")
        for n in range(1, 4):
            self.enqueue(host, f"person {n}")
            tickets = json.loads(run("list", "--json", store)[1])["tickets"]
            self.assertEqual([t["requester"] for t in tickets][-1], f"person {n}")
            self.assertEqual([run(c, n, store)[0] for c in ("show", "history")], [0, 0])
            self.assertEqual(run("check", store)[0], 0)
            copy = store.with_name(f"copy-{n}.db")
            self.assertEqual(run("backup", copy, store)[0], 0)
            self.assertEqual(json.loads(run("info", "--json", copy)[1])["tickets"], n)
        self.enqueue(host, "still alive")


class Demo(unittest.TestCase):
    def shown(self, **environment: str) -> str:
        """On a terminal."""
        leader, follower = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment}
        process = subprocess.Popen([*RUN, "demo"], stdout=follower, env=env)
        os.close(follower)
        out = b""
        with contextlib.suppress(OSError):  # it has closed its end
            while some := os.read(leader, 65536):
                out += some
        os.close(leader)
        self.assertEqual(process.wait(60), 0)
        return out.decode().replace("\r\n", "\n")

    def test_is_a_story(self) -> None:
        code, out, err = run("demo")
        self.assertEqual((code, err), (0, ""))
        lines = out.splitlines()
        self.assertLess(len(lines), 50)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertEqual([line for line in lines if line != line.rstrip()], [])
        parts = (
            "asks", "ahead of her", "takes it", "kept: a first word", "paused", "the lead is told",
            "BROKEN", "escalates", "answers", "hands it to the workshop", "accepts it", "solves it",
            "resolved", "closes it", "promises kept, 1 broken",
        )  # fmt: skip
        at = 0
        for part in parts:
            self.assertIn(part, out[at:])
            at = out.index(part, at)
        self.assertEqual(run("demo")[1], out)

    def test_colours_are_for_terminals(self) -> None:
        plain = run("demo")[1]
        coloured = self.shown(NO_COLOR="")
        self.assertIn("\033[1;31mBROKEN", coloured)
        self.assertEqual(re.sub("\033\\[[0-9;]*m", "", coloured), plain)
        self.assertEqual(self.shown(NO_COLOR="1"), plain)
        self.assertEqual(self.shown(NO_COLOR="", TERM="dumb"), plain)


class Words(unittest.TestCase):
    def test_durations(self) -> None:
        for ms, long, short in (
            (0, "0", "0"),
            (7, "7 ms", "7 ms"),
            (1_500, "1 s", "1 s"),
            (61_000, "1 min 1 s", "1 min"),
            (3_600_000, "1 h", "1 h"),
            (93_780_000, "1 d 2 h", "1 d"),
            (-90_000, "-1 min 30 s", "-1 min"),
        ):
            span = timedelta(milliseconds=ms)
            self.assertEqual((words.duration(span), words.about(span)), (long, short))

    def test_instants(self) -> None:
        now = datetime(2026, 3, 2, 9, 40, tzinfo=timezone.utc)
        for at, said in (
            (now, "now"),
            (now - timedelta(hours=3), "3 h ago"),
            (now + timedelta(days=2), "in 2 d"),
            (now - timedelta(days=61), "31 Dec 2025"),
        ):
            self.assertEqual(words.when(at, now), said)
        said = [words.instant(now - timedelta(hours=h), now) for h in (3, 61 * 24)]
        self.assertEqual(said, ["3 h ago, 2 Mar 2026 06:40:00 UTC", "31 Dec 2025 09:40:00 UTC"])
        self.assertEqual([words.due(None, now), words.due(now - MINUTE, now)], ["-", "1 min over"])

    def test_shares_are_never_rounded_up(self) -> None:
        shares = [words.share(*pair) for pair in ((0, 0), (2, 2), (9999, 10000), (1, 3))]
        self.assertEqual(shares, ["-", "100 %", "99.9 %", "33.3 %"])

    def test_columns_are_as_wide_as_they_look(self) -> None:
        self.assertEqual([screen.width(t) for t in ("Jürgen", "日本", "e\u0301")], [6, 4, 1])
        self.assertEqual(screen.cut("日本語", 5), "日本~")
        self.assertEqual(screen.cut("name", 4), "name")
        self.assertEqual(screen.safe("a\x1b[31mb\u202ec\udce9"), "a?[31mb?c?")


if __name__ == "__main__":
    unittest.main()
