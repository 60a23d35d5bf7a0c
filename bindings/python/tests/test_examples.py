"""examples/python: each is run as a user would run it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "python"
DATA = ROOT.parent / "shared" / "data" / "incidents.csv"


def command(name: str, *args: object) -> List[str]:
    return [sys.executable, "-W", "always", str(EXAMPLES / name), *map(str, args)]


def run(name: str, *args: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(name, *args), capture_output=True, text=True, timeout=timeout)


class Example(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def good(self, name: str, *args: object, timeout: float = 120) -> str:
        """What it prints; that is all it says, and it says it with 0."""
        ran = run(name, *args, timeout=timeout)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), ran.stdout)
        return ran.stdout


class All(Example):
    def test_each_explains_itself(self) -> None:
        for name in ("incidents.py", "web.py", "worker.py"):  # counter.py takes nothing
            with self.subTest(name):
                self.assertIn("usage:", self.good(name, "--help"))


class CounterTest(Example):
    def test_a_ticket_from_the_line_to_the_end(self) -> None:
        lines = self.good("counter.py").splitlines()
        told = [line.split()[0] for line in lines if line.startswith("  ")]
        self.assertEqual(
            told,
            ["enqueued", "claimed", "extended", "acknowledged", "resolved", "confirmed", "closed"],
        )
        self.assertIn("ada@example.org asks: the printer is on fire", lines)
        self.assertEqual(lines[-1], "ticket 1 is closed")

    def test_it_is_short(self) -> None:
        self.assertLessEqual(len((EXAMPLES / "counter.py").read_text().splitlines()), 25)


class WorkerTest(Example):
    def setUp(self) -> None:
        super().setUp()
        self.store = self.folder / "jobs.db"
        self.files = []
        for i in range(6):
            self.files.append(self.folder / f"file-{i}")
            self.files[-1].write_bytes(b"content %d" % i)

    def expect(self, report: str, gone: Tuple[Path, ...] = ()) -> None:
        """Every file has its line: the sum, or that it is stuck."""
        for file in (*self.files, *gone):
            said = "stuck" if file in gone else hashlib.sha256(file.read_bytes()).hexdigest()
            self.assertEqual(
                re.findall(rf"^(\w+)  {re.escape(str(file))}$", report, re.M), [said], report
            )

    def test_sums_retries_and_the_lead(self) -> None:
        gone = self.folder / "gone"
        said = self.good("worker.py", self.store, *self.files, gone, "--drain")
        self.expect(said, (gone,))
        self.assertEqual(len(re.findall(rf"^attempt \d at {gone}: No such file", said, re.M)), 5)
        self.assertEqual(
            len(
                re.findall(
                    r"^to the lead: job 7 is stuck after 5 attempts: .*No such file", said, re.M
                )
            ),
            1,
        )

    def test_the_same_files_again_are_no_new_jobs(self) -> None:
        self.expect(self.good("worker.py", self.store, *self.files, "--drain"))
        self.expect(self.good("worker.py", self.store, *self.files, "--drain"))

    def test_killed_over_and_over_nothing_is_lost(self) -> None:
        gone = self.folder / "gone"
        said = ""
        for n, lived in enumerate((0.3, 0.0, 0.35, 0.1, 0.6, 0.2)):
            # The first life may end before it has enqueued anything, so the second brings the same
            # files. All later ones bring one more; who has said a word has enqueued it before.
            more = [self.folder / f"more-{n}"]
            more[0].write_bytes(b"more %d" % n)
            brought = [*self.files, gone] if n < 2 else more
            worker = subprocess.Popen(
                command("worker.py", self.store, *brought, "--pace", 0.3),
                stdout=subprocess.PIPE,
                text=True,
            )
            assert worker.stdout is not None
            if n > 0:
                said += worker.stdout.readline()
                self.files += more if n > 1 else []
            time.sleep(lived)
            worker.send_signal(signal.SIGKILL)
            said += worker.communicate(timeout=60)[0]
            self.assertEqual(worker.returncode, -signal.SIGKILL)
        said += self.good("worker.py", self.store, "--drain")
        self.expect(said, (gone,))
        self.assertRegex(said, r"to the lead: job 7 is stuck after 5 attempts")

    def test_a_slow_job_is_told_before_it_is_late(self) -> None:
        """The ladder: its first step comes at 80 % of 5 s."""
        worker = subprocess.Popen(
            command("worker.py", self.store, self.files[0], "--pace", 4.4),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        assert worker.stdout is not None
        self.assertRegex(
            worker.stdout.readline(), r"^to the lead: job 1 takes long, level 0 \[ladder\[0\]\]"
        )
        self.assertRegex(worker.stdout.readline(), r"^done: ")
        worker.terminate()
        self.assertEqual(worker.stdout.read(), "")
        worker.stdout.close()
        self.assertEqual(worker.wait(30), 0)


class WebTest(Example):
    def setUp(self) -> None:
        super().setUp()
        self.agents = 0

    def start(self, *args: object) -> None:
        self.server = subprocess.Popen(
            command("web.py", "--port", 0, *args),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.stop)
        assert self.server.stdout is not None
        url = self.server.stdout.readline().strip()
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+$")
        self.host, self.port = url[7:].split(":")

    def stop(self) -> None:
        self.server.terminate()
        _, errors = self.server.communicate(timeout=30)
        self.assertEqual((self.server.returncode, errors), (0, ""))

    def ask(
        self,
        method: str,
        path: str,
        fields: Optional[Dict[str, str]] = None,
        accept: str = "text/html",
        **headers: str,
    ) -> Tuple[int, Dict[str, str], str]:
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=30)
        self.addCleanup(connection.close)
        headers["Accept"] = accept
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, None if fields is None else urlencode(fields), headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()

    def data(
        self, method: str, path: str, fields: Optional[Dict[str, str]] = None
    ) -> Tuple[int, Dict[str, Any]]:
        status, _, body = self.ask(method, path, fields, "application/json")
        found = json.loads(body)
        assert isinstance(found, dict)
        return status, found

    def raw(self, octets: bytes) -> bytes:
        with socket.create_connection((self.host, int(self.port)), timeout=30) as s:
            s.sendall(octets)
            s.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: s.recv(65536), b""))

    def test_where_is_my_request(self) -> None:
        self.start("--agents", 0)
        places = []
        for who in ("ada", "bob", "cleo"):
            status, headers, _ = self.ask(
                "POST", "/", {"who": who, "text": "no paper", "priority": "normal"}
            )
            self.assertEqual(status, 303)
            places.append(headers["Location"])
        self.assertEqual(len(set(places)), 3)
        status, p = self.data("GET", places[2])
        self.assertEqual(
            (status, p["state"], p["before_you"], p["holder"]), (200, "waiting", 2, None)
        )
        self.assertIn("next_word_by", p)
        _, _, page = self.ask("GET", places[2])
        self.assertIn("You are 3rd in line", page)
        _, _, page = self.ask("GET", places[0])
        self.assertIn("You are next", page)

        self.assertEqual(self.ask("POST", places[0], {"say": "chase"})[0], 303)
        self.assertIn("You asked", self.ask("GET", places[0])[2])
        self.assertEqual(self.ask("POST", places[0], {"say": "never-mind"})[0], 303)
        self.assertEqual(self.data("GET", places[0])[1]["state"], "withdrawn")
        self.assertEqual(self.data("GET", places[2])[1]["before_you"], 1)
        self.assertEqual(self.ask("POST", places[0], {"say": "solved"})[0], 409)

    def test_solved_or_not(self) -> None:
        self.start("--agents", 1, "--pace", 0.01)
        answers = {"waiting_for_you": 0, "reopened": 0}
        for i in range(24):  # enough for "how long people waited here"
            status, p = self.data("POST", "/", {"who": f"person {i}", "text": "no paper"})
            self.assertEqual(status, 201)
            place, until = p["address"], time.monotonic() + 60
            while p["state"] != "closed":
                self.assertLess(time.monotonic(), until, p)
                status, p = self.data("GET", place)
                if p["state"] == "paused" and p["question"]:
                    self.assertIn("We wait for you", self.ask("GET", place)[2])
                    self.data("POST", place, {"say": "reply", "text": "since Monday"})
                    answers["waiting_for_you"] += 1
                elif p["state"] == "resolved" and i % 8 == 7 and not answers["reopened"]:
                    self.assertIn("Switched off and on", p["last_word"])
                    self.data("POST", place, {"say": "not-solved", "text": "no"})
                    answers["reopened"] += 1
                elif p["state"] == "resolved":
                    self.data("POST", place, {"say": "solved"})
        self.assertEqual(answers["reopened"], 1)
        self.assertGreaterEqual(p["waited_here"]["people"], 20)
        self.assertIsNotNone(p["waited_here"]["nine_of_ten_within_s"])

    def test_never_mind_while_somebody_has_it(self) -> None:
        self.start("--agents", 1, "--pace", 0.5)
        places = [self.data("POST", "/", {"who": "ada", "text": "x"})[1]["address"] for _ in "12"]
        until = time.monotonic() + 60
        while self.data("GET", places[0])[1]["state"] != "claimed":
            self.assertLess(time.monotonic(), until)
        self.data("POST", places[0], {"say": "never-mind"})
        while self.data("GET", places[1])[1]["state"] in ("waiting", "claimed"):
            self.assertLess(time.monotonic(), until)

    def test_markup_is_text(self) -> None:
        self.start("--agents", 0)
        evil = "<script>alert('\"&')</script>"
        _, headers, _ = self.ask("POST", "/", {"who": evil, "text": evil})
        _, _, page = self.ask("GET", headers["Location"])
        self.assertNotIn("<script", page)
        self.assertIn("&lt;script&gt;alert(&#x27;&quot;&amp;&#x27;)&lt;/script&gt;", page)

    def test_what_cannot_be_is_said_in_a_sentence(self) -> None:
        self.start("--agents", 0)
        _, headers, _ = self.ask("POST", "/", {"who": "ada", "text": "no paper"})
        place = headers["Location"]
        for status, method, path, fields in (
            (404, "GET", "/nothing", None),
            (404, "GET", "/r/AAAAAAAAAAAAAAAA", None),
            (404, "GET", "/r/%00", None),
            (404, "GET", "/r/" + "A" * 300, None),
            (405, "DELETE", "/", None),
            (400, "POST", "/", {"who": "", "text": "x"}),
            (400, "POST", "/", {"who": "ada"}),
            (400, "POST", "/", {"who": "ada", "text": "x", "priority": "none"}),
            (400, "POST", "/", {"who": "a\0da", "text": "x"}),
            (413, "POST", "/", {"who": "a" * 300, "text": "x"}),
            (413, "POST", "/", {"who": "ada", "text": "x" * 5000}),
            (413, "POST", "/", {"who": "ada", "text": "x" * 50000}),
            (400, "POST", place, {"say": "nonsense"}),
            (400, "POST", place, {"say": "reply"}),
            (409, "POST", place, {"say": "solved"}),
            (409, "POST", place, {"say": "not-solved"}),
        ):
            with self.subTest(path=path[:40], fields=str(fields)[:60]):
                got, _, body = self.ask(method, path, fields)
                self.assertEqual(got, status)
                self.assertRegex(body, r"<h1>[A-Z][^<]+[.?]</h1>")
        for status, kind, body in (
            (415, "text/plain", "who=ada&text=x"),
            (400, "application/x-www-form-urlencoded", "who"),
            (400, "application/x-www-form-urlencoded", "who=%ff&text=x"),
            (400, "application/json", "{"),
            (400, "application/json", "[1]"),
            (400, "application/json", '{"who": 1, "text": "x"}'),
            (400, "application/json", '{"who": "\\ud800", "text": "x"}'),
            (400, "application/json", "[" * 20000),
        ):
            with self.subTest(body=body[:40]):
                connection = http.client.HTTPConnection(self.host, int(self.port), timeout=30)
                connection.request("POST", "/", body, {"Content-Type": kind})
                self.assertEqual(connection.getresponse().status, status)
                connection.close()

    def test_malformed_requests(self) -> None:
        self.start("--agents", 0)
        for status, octets in (
            (b"400", b"hello\r\n\r\n"),
            (b"400", b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
            (b"400", b"GET / HTTP/1.1\r\n\r\n"),
            (b"400", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
            (b"400", b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"),
            (b"400", b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
            (b"400", b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
            (b"400", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
            (b"400", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n"),
            (b"413", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"),
            (b"501", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            (b"505", b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
            (b"431", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20000 + b"\r\n\r\n"),
        ):
            with self.subTest(octets[:60]):
                answer = self.raw(octets)
                self.assertTrue(answer.startswith(b"HTTP/1.1 " + status + b" "), answer[:80])
                self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertEqual(self.raw(b"GET / HTTP/1.1\r\nHo"), b"")
        self.assertEqual(
            self.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"), b""
        )
        two = self.raw(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        self.assertEqual(two.count(b"HTTP/1.1 200 OK"), 2)
        self.assertTrue(two.endswith(b"\r\n\r\n"))
        self.assertEqual(self.raw(b"GET / HTTP/1.0\r\n\r\n").count(b"HTTP/1.1 200 OK"), 1)

    def test_a_store_keeps_the_address(self) -> None:
        self.start("--agents", 0, "--store", self.folder / "desk.db")
        _, p = self.data("POST", "/", {"who": "ada", "text": "no paper"})
        self.stop()
        self.start("--agents", 0, "--store", self.folder / "desk.db")
        self.assertEqual(self.data("GET", p["address"])[1]["since"], p["since"])


class IncidentsTest(Example):
    def check_picture(self, picture: Path, *texts: str) -> None:
        tree = xml.etree.ElementTree.parse(picture)
        written = "".join(tree.getroot().itertext())
        for text in ("until the first word", "until it was solved", "in time", *texts):
            self.assertIn(text, written)
        self.assertIn("prefers-color-scheme: dark", written)
        curves = [
            e
            for e in tree.iter("{http://www.w3.org/2000/svg}path")
            if e.get("class", "").startswith("curve")
        ]
        self.assertGreaterEqual(len(curves), 6)

    def test_the_sample(self) -> None:
        said = self.good("incidents.py", "--svg", self.folder / "waits.svg")
        self.assertIn("60 requests of sample.csv", said)
        self.check_picture(self.folder / "waits.svg", "60 requests of sample.csv")
        rows = re.findall(r"^  (urgent|high|normal|low) +(\d+) +(\d+) +(\d+) ", said, re.M)
        self.assertEqual(len(rows), 8)
        for first, second in zip(rows[:4], rows[4:]):
            self.assertEqual(first[:2], second[:2])
            self.assertLessEqual(int(first[2]) + int(first[3]), int(first[1]) + 5)
        self.assertEqual(sum(int(row[1]) for row in rows[:4]), 60)

    def test_a_year_of_real_ones(self) -> None:
        if not DATA.exists():
            self.skipTest("no ../shared/data/incidents.csv")
        mapping = ROOT / "examples" / "replay" / "incidents.mapping.json"
        said = self.good(
            "incidents.py", DATA, "--mapping", mapping, "--svg", self.folder / "waits.svg"
        )
        self.assertIn("890 requests of incidents.csv", said)
        self.check_picture(self.folder / "waits.svg", "890 requests")
        self.assertEqual(
            (self.folder / "waits.svg").read_bytes(), (EXAMPLES / "waits.svg").read_bytes()
        )


if __name__ == "__main__":
    unittest.main()
