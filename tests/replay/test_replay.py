#!/usr/bin/env python3
"""usher-replay from outside: python3 tests/replay/test_replay.py PATH_TO_usher-replay [PATH_TO_libusher-die-at.so]"""
import calendar
import csv
import datetime
import errno
import json
import os
import pathlib
import pty
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLAY = ROOT / "examples" / "replay"
SAMPLE = [str(REPLAY / "sample.csv"), "--mapping", str(REPLAY / "sample.json")]
INCIDENTS = ROOT.parent / "shared" / "data" / "incidents.csv"
OFFICE = REPLAY / "policy-office.json"
PROGRAM = "usher-replay"
DIE_AT = None
PLAIN = {"columns": {"ticket": "t", "instant": "at", "state": "s"},
         "states": {"new": "enqueue", "work": "claim", "ask": "pause requester", "done": "resolve", "shut": "confirm"}}


def run(*arguments, stdin=None):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=120, input=stdin)


def read_all(leader):
    """What was written to a terminal until its last user closed it: Linux says EIO then, others that it is the end."""
    shown = b""
    while True:
        try:
            some = os.read(leader, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            some = b""
        if not some:
            return shown.decode()
        shown += some


def left_on_the_line(shown):
    """What is to be seen of it in the end, and the cursor's column."""
    line, column = {}, 0
    for character in shown:
        if character == "\r":
            column = 0
        else:
            line[column] = character
            column += 1
    return "".join(line[i] for i in sorted(line)).rstrip(), column


class WithFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def mapping(self, **changes):
        return self.file("mapping.json", json.dumps({**PLAIN, **changes}))

    def report(self, log, mapping=None, *arguments):
        done = run(self.file("log.csv", log), "--mapping", mapping or self.mapping(), "--json", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        report = json.loads(done.stdout)
        self.assertTrue(report["conservation"]["holds"])
        return report

    def refused(self, code, expected, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(expected, done.stderr.decode())


class Sample(WithFiles):
    def test_the_generator_writes_it_byte_for_byte(self):
        made = subprocess.run([sys.executable, REPLAY / "sample.py"], capture_output=True, check=True)
        self.assertEqual(made.stdout, (REPLAY / "sample.csv").read_bytes())

    def test_the_same_output_each_time(self):
        for form in ([], ["--json"]):
            first, second = run(*SAMPLE, *form), run(*SAMPLE, *form)
            self.assertEqual((first.returncode, first.stderr), (0, b""))
            self.assertEqual(first.stdout, second.stdout)

    def test_the_report_for_people(self):
        text = run(*SAMPLE).stdout.decode()
        for part in ("sample.csv: 60 tickets of", "Promises kept", "How long it took", "On the way", "The busiest queues",
                     "The longest waits", "had to be assumed", "Does it add up? Yes"):
            self.assertIn(part, text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100)
            self.assertEqual(line, line.rstrip())

    def test_the_readme_shows_its_beginning(self):
        shown = [line[4:] for line in (REPLAY / "README.md").read_text().split("begins like this:")[1].split("`--json`")[0]
                 .strip("\n").splitlines()]
        self.assertEqual(shown, run(*SAMPLE).stdout.decode().splitlines()[:len(shown)])
        self.assertGreater(len(shown), 15)
        shown = [line[4:] for line in (REPLAY / "README.md").read_text().split("what the ladder did:")[1].split("A year of")[0]
                 .strip("\n").splitlines()]
        self.assertIn("\n".join(["", *shown, ""]), run(*SAMPLE, "--policy", OFFICE).stdout.decode())
        self.assertGreater(len(shown), 8)

    def test_the_keys_of_the_json_report(self):
        report = json.loads(run(*SAMPLE, "--json").stdout)
        for key in ("tickets", "rows", "requesters", "queues", "agents", "moves", "reopens", "pauses", "open_at_end"):
            self.assertIsInstance(report[key], int, key)
        for promise in ("ack", "answer", "update", "resolve"):
            one = report["promises"][promise]
            self.assertEqual(one["made"], one["kept"] + one["broken"] + one["lapsed"] + one["running"], promise)
            self.assertEqual(one["made"], sum(p["made"] for p in one["by_priority"].values()), promise)
        for key in ("wait_ms", "touch_ms", "first_word_ms", "solve_ms"):
            spread = report[key]
            self.assertTrue(0 <= spread["p50"] <= spread["p90"] <= spread["p99"] <= spread["max"], key)
        self.assertEqual(report["tickets"], 60)
        self.assertEqual(report["tickets"], report["closed"] + report["withdrawn"] + report["open_at_end"])
        # It is made to show these.
        for key in ("moves", "reopens", "pauses", "chases", "withdrawn", "open_at_end"):
            self.assertGreater(report[key], 0, key)
        self.assertEqual(report["assumed"]["out_of_order"], 1)

    def test_its_time_adds_up(self):
        conservation = json.loads(run(*SAMPLE, "--json").stdout)["conservation"]
        self.assertEqual((conservation["checked"], conservation["failed"]), (60, 0))
        self.assertEqual(conservation["closed_minus_opened_ms"],
                         sum(conservation[k] for k in ("waiting_ms", "held_ms", "paused_ms", "after_care_ms")))

    def test_the_builtin_policy_is_the_file(self):
        self.assertEqual(run("--builtin-policy").stdout, (REPLAY / "policy.json").read_bytes())
        given = json.loads(run(*SAMPLE, "--json", "--policy", REPLAY / "policy.json").stdout)
        builtin = json.loads(run(*SAMPLE, "--json").stdout)
        self.assertEqual((given.pop("policy"), builtin.pop("policy")), ("policy.json", "built in"))
        self.assertEqual(given, builtin)

    def test_progress_is_for_terminals_and_leaves_no_trace(self):
        try:
            leader, follower = pty.openpty()
        except OSError as error:
            self.skipTest(f"no terminal to be had: {error}")
        self.addCleanup(os.close, leader)
        with tempfile.TemporaryFile() as report:
            process = subprocess.Popen([PROGRAM, *SAMPLE], stdout=report, stderr=follower)
            os.close(follower)
            shown = read_all(leader)
            self.assertEqual(process.wait(60), 0)
            report.seek(0)
            self.assertEqual(report.read(), run(*SAMPLE).stdout)
        self.assertIn("replaying", shown)
        self.assertNotIn("\n", shown)
        self.assertEqual(left_on_the_line(shown), ("", 0))


class Policies(WithFiles):
    """A policy that does not let the history happen is coped with, and that is counted."""

    LOG = ("t,at,s\n"
           "A,2026-01-01T08:00Z,new\nA,2026-01-01T09:00Z,work\nA,2026-01-03T09:00Z,work\nA,2026-01-04T09:00Z,ask\n"
           "A,2026-03-10T09:00Z,ask\nA,2026-03-11T09:00Z,work\nA,2026-03-12T09:00Z,done\nA,2026-03-30T09:00Z,shut\n")

    def with_policy(self, policy, log=LOG):
        return self.report(log, None, "--policy", self.file("policy.json", json.dumps(policy)))

    def test_the_default_ends_leases_and_pauses_and_closes_by_itself(self):
        report = self.with_policy({})
        self.assertEqual(report["pauses"], 1)
        self.assertGreater(report["assumed"]["reclaimed"], 0)
        self.assertEqual(report["promises"]["ack"]["made"], 0)
        self.assertEqual(report["closed"], 1)

    def test_who_had_it_has_it_again(self):
        """Each claim ends in a minute, the ticket is stuck until the next row: nearly all of its time it waits."""
        log = "t,at,s,who\n" + "".join("A,2026-01-01T%s:00Z,%s,bo\n" % row for row in (
            ("08:00", "new"), ("09:00", "work"), ("10:00", "work"), ("11:00", "work"), ("12:00", "shut")))
        mapping = self.mapping(columns={**PLAIN["columns"], "agent": "who"})
        policy = self.file("policy.json", json.dumps({"lease": {"for": "1m", "max": "1m"}, "retry": {"attempts": 1}}))
        report = self.report(log, mapping, "--policy", policy)
        self.assertEqual((report["assumed"]["reclaimed"], report["assumed"]["invented_agents"]), (3, 0))
        self.assertEqual((report["claims"], report["handovers"]), (4, 0))
        self.assertEqual((report["touch_ms"]["max"], report["wait_ms"]["max"]), (3 * 60000, 4 * 3600000 - 3 * 60000))

    def test_a_pause_beyond_its_maximum(self):
        report = self.report("t,at,s\nA,2026-01-01,new\nA,2026-01-02,ask\nA,2026-01-05,work\nA,2026-01-06,ask\n"
                             "A,2026-01-07,done\nA,2026-01-08,shut\n", None, "--policy",
                             self.file("policy.json", json.dumps({"pause": {"requester": {"max": "2d"}},
                                                                  "lease": {"for": "52w", "max": "52w"}})))
        self.assertEqual((report["pauses"], report["assumed"]["pause_refused"]), (1, 1))
        self.assertEqual((report["paused_ms"]["max"], report["touch_ms"]["max"]), (2 * 86400000, 2 * 86400000))

    def test_a_ticket_that_was_resolved_for_want_of_a_reply_goes_on(self):
        report = self.with_policy({"pause": {"requester": {"max": "2d", "then": "resolve"}},
                                   "lease": {"for": "52w", "max": "52w"}, "aftercare": {"reopen_within": "52w"}})
        self.assertGreater(report["assumed"]["reopened_over_policy"], 0)
        self.assertEqual(report["reopens"], 0)

    def test_a_ticket_that_was_closed_for_good_is_left_alone(self):
        report = self.with_policy({"pause": {"requester": {"max": "2d", "then": "resolve"}},
                                   "lease": {"for": "52w", "max": "52w"},
                                   "aftercare": {"confirm_within": "1d", "reopen_within": "1d"}})
        self.assertGreater(report["assumed"]["row_after_policy_close"], 0)
        self.assertEqual(report["closed"], 1)

    def test_a_full_queue_turns_tickets_away(self):
        log = "t,at,s\nA,2026-01-01T08:00Z,new\nB,2026-01-01T09:00Z,new\nB,2026-01-01T10:00Z,work\n"
        report = self.with_policy({"limits": {"open": 1}}, log)
        self.assertEqual(report["assumed"]["refused_full"], 1)
        self.assertEqual((report["tickets"], report["conservation"]["checked"]), (2, 1))

    def test_a_promise_is_judged_to_the_millisecond(self):
        log = "t,at,s\n" + "".join("%s,2026-01-01T08:00:00Z,new\n%s,2026-01-01T08:%s,work\n%s,2026-01-01T10:00:00Z,shut\n" %
                                   (t, t, at, t) for t, at in (("A", "15:00.000Z"), ("B", "15:00.001Z")))
        report = self.with_policy({"promises": {"ack": {"target": "15m"}}}, log)
        ack = report["promises"]["ack"]
        self.assertEqual((ack["made"], ack["kept"], ack["broken"]), (2, 1, 1))


def open_minutes(calendar, start, end):
    """What of [start, end) the calendar is open, from what the policy says and nothing else. No window crosses midnight."""
    names, sum_so_far, day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), 0, start.date()
    while day <= end.date():
        iso, windows = day.isoformat(), []
        for name, said in calendar["week"].items():
            first, _, last = name.partition("-")
            if names.index(first) <= day.weekday() <= names.index(last or first):
                windows = said
        windows = calendar.get("special", {}).get(iso, windows)
        if {iso, f"*{iso[4:]}"} & set(calendar.get("holidays", ())):
            windows = []
        for window in windows:
            at, to = (datetime.datetime.combine(day, datetime.time.fromisoformat(t)) for t in window)
            sum_so_far += max(datetime.timedelta(), min(to, end) - max(at, start)) // datetime.timedelta(minutes=1)
        day += datetime.timedelta(days=1)
    return sum_so_far


class BusinessHours(WithFiles):
    """policy-office.json: promises that run while somebody is there, and a ladder."""

    def check_ladder(self, report):
        ladder, told = report["ladder"], report["ladder"]["told"]
        policy = json.loads(OFFICE.read_text())
        fired = [s["fired"] for s in ladder["steps"]]
        self.assertEqual(fired[0], report["promises"]["ack"]["broken"]) # nothing pauses it
        self.assertEqual(ladder["steps"][0]["tickets"], fired[0])
        self.assertLessEqual(ladder["steps"][2]["tickets"], report["promises"]["resolve"]["broken"])
        self.assertLess(ladder["steps"][2]["tickets"], fired[2]) # it repeats
        self.assertLessEqual(fired[2], 4 * ladder["steps"][2]["tickets"])
        for name in told:
            self.assertEqual(told[name], sum(n for n, step in zip(fired, policy["ladder"]) if name in step["notify"]), name)
        # A step that was found several times at once is told once, and has raised the level each time.
        self.assertGreaterEqual(sum(int(level) * n for level, n in ladder["levels"].items()), fired[0] + fired[2])
        self.assertTrue(0 < ladder["told_later"] < sum(told.values()))
        self.assertEqual((ladder["moves"], ladder["no_queue"]), (0, 0))
        self.assertTrue(report["conservation"]["holds"])

    def check_first_words(self, rows, arguments, target):
        """rows: (ticket, instant, opened, priority, is it a word?). Kept and broken, counted here and there."""
        desk, tickets, counts = json.loads(OFFICE.read_text())["calendars"]["desk"], {}, {}
        for row in rows:
            tickets.setdefault(row[0], []).append(row)
        for each in tickets.values():
            each.sort(key=lambda row: row[1])
            opened, priority = min(each[0][1], each[0][2]), each[0][3]
            word = next((row[1] for row in each if row[4]), None)
            self.assertIsNotNone(word)
            verdict = "broken" if open_minutes(desk, opened, word) > target[priority] else "kept"
            counts[verdict] = counts.get(verdict, 0) + 1
        done = run(*arguments, "--policy", OFFICE, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        ack = json.loads(done.stdout)["promises"]["ack"]
        self.assertEqual({k: ack[k] for k in ("kept", "broken")}, counts)
        self.assertEqual(ack["made"], len(tickets))
        return counts

    def test_the_ladder_of_the_sample(self):
        done = run(*SAMPLE, "--policy", OFFICE, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.check_ladder(json.loads(done.stdout))

    def test_first_words_of_the_sample(self):
        with open(REPLAY / "sample.csv", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        def instant(text):
            return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M") - datetime.timedelta(hours=1)
        words = ("In progress", "Update sent", "Waiting for customer", "Solved", "Closed")
        counts = self.check_first_words([(r["ticket"], instant(r["time"]), instant(r["opened"]), r["priority"], r["state"] in words)
                                         for r in rows], SAMPLE, {"P1": 15, "P2": 60, "P3": 240, "P4": 480})
        self.assertGreater(min(counts.values()), 10)

    def test_the_report_for_people(self):
        text = run(*SAMPLE, "--policy", OFFICE).stdout.decode()
        self.assertIn('\n  ladder[0]  {"on":"ack","at":"100%","notify":["lead"],"raise":1} ', text)
        for part in ("\nThe ladder ", "times somebody was told: lead ", "of them when the calendar for that opened again",
                     "tickets went up to level 1\n"):
            self.assertIn(part, text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100)
            self.assertEqual(line, line.rstrip())
        # Where there is no ladder it says nothing of one.
        self.assertNotIn("ladder", run(*SAMPLE).stdout.decode())
        self.assertEqual(json.loads(run(*SAMPLE, "--json").stdout)["ladder"]["steps"], [])

    def test_a_ladder_that_moves_and_lifts(self):
        log = ("t,at,s,q\nA,2026-01-05T08:00Z,new,x\nA,2026-01-05T12:00Z,work,x\nA,2026-01-05T13:00Z,shut,x\n"
               "B,2026-01-05T08:00Z,new,y\nB,2026-01-05T12:00Z,work,y\nB,2026-01-05T13:00Z,shut,y\n")
        policy = {"promises": {"ack": {"target": "1h"}, "resolve": {"target": "2h"}}, "warn": [],
                  "lease": {"for": "1d", "max": "1d"},
                  "ladder": [{"on": "ack", "at": "100%", "move": "y", "raise": 2},
                             {"on": "resolve", "at": "50%", "priority": "high", "notify": ["a", "b"]},
                             {"on": "resolve", "at": "100%", "move": "nowhere"}, {"on": "update", "at": "100%"}]}
        report = self.report(log, self.mapping(columns={**PLAIN["columns"], "queue": "q"}), "--policy",
                             self.file("policy.json", json.dumps(policy)))
        ladder = report["ladder"]
        self.assertEqual([s["fired"] for s in ladder["steps"]], [2, 2, 2])
        self.assertEqual((ladder["lifts"], ladder["no_queue"], ladder["levels"]), (2, 2, {"2": 2}))
        self.assertEqual((ladder["told"], ladder["told_later"]), ({"a": 2, "b": 2}, 0))
        # Who is in y already is not moved there.
        self.assertEqual((ladder["moves"], report["moves"]), (1, 0))
        queues = {q["queue"]: (q["opened"], q["moved_in"], q["moved_out"], q["solved"]) for q in report["by_queue"]}
        self.assertEqual(queues, {"x": (1, 0, 1, 0), "y": (1, 1, 0, 2)})

    def test_steps_that_are_told_as_one(self):
        """A higher priority puts several into the past: one event tells them, and names the others."""
        log = ("t,at,s,p\nA,2026-01-05T08:00Z,new,P3\nA,2026-01-05T13:00Z,new,P1\nA,2026-01-05T14:00Z,work,P1\n"
               "A,2026-01-05T15:00Z,shut,P1\n")
        policy = {"promises": {"resolve": {"target": {"urgent": "1h", "normal": "10h"}}}, "warn": [],
                  "lease": {"for": "1d", "max": "1d"},
                  "ladder": [{"on": "resolve", "at": at, "notify": [at], "raise": 1} for at in ("90%", "+1h", "+2h", "+5h")]}
        report = self.report(log, self.mapping(columns={**PLAIN["columns"], "priority": "p"},
                                               priorities={"P1": "urgent", "P3": "normal"}), "--policy",
                             self.file("policy.json", json.dumps(policy)))
        ladder = report["ladder"]
        self.assertEqual([(s["fired"], s["tickets"]) for s in ladder["steps"]], [(1, 1)] * 4)
        self.assertEqual(ladder["told"], {"90%": 1, "+1h": 1, "+2h": 1, "+5h": 1})
        self.assertEqual(ladder["levels"], {"4": 1})

    @unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
    def test_890_real_incidents(self):
        done = run(INCIDENTS, "--mapping", REPLAY / "incidents.mapping.json", "--policy", OFFICE, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        report = json.loads(done.stdout)
        self.assertEqual((report["closed"], report["conservation"]["checked"]), (890, 890))
        self.check_ladder(report)

    @unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
    def test_first_words_of_real_incidents(self):
        """Those whose priority never changes."""
        with open(INCIDENTS, newline="") as file:
            lines = list(csv.reader(file))
        rows, priorities = [dict(zip(lines[0], line)) for line in lines[1:]], {}
        for row in rows:
            priorities.setdefault(row["number"], set()).add(row["priority"])
        steady = [len(priorities[row["number"]]) == 1 for row in rows]
        path = self.folder / "steady.csv"
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows(lines[:1] + [line for line, ok in zip(lines[1:], steady) if ok])
        def instant(text):
            return datetime.datetime.strptime(text, "%d-%m-%Y %H:%M")
        counts = self.check_first_words(
            [(r["number"], instant(r["sys_updated_at"]), instant(r["opened_at"]), r["priority"], r["incident_state"] != "New")
             for r, ok in zip(rows, steady) if ok], [path, "--mapping", REPLAY / "incidents.mapping.json"],
            {"1 - Critical": 15, "2 - High": 60, "3 - Moderate": 240, "4 - Low": 480})
        self.assertGreater(sum(counts.values()), 800)


class Logs(WithFiles):
    def test_two_columns_and_a_state_suffice(self):
        report = self.report("t,at,s\nA,2026-01-01 08:00,new\nA,2026-01-01 09:30,work\nA,2026-01-01 10:00,done\n"
                             "A,2026-01-02 10:00,shut\nB,2026-01-01 08:00,work\n")
        self.assertEqual((report["tickets"], report["rows"], report["requesters"]), (2, 5, 2))
        self.assertEqual((report["queues"], report["agents"], report["open_at_end"]), (0, 0, 1))
        self.assertEqual(report["wait_ms"]["max"], 90 * 60000)
        assumed = report["assumed"]
        self.assertEqual([assumed[k] for k in ("requester_missing", "queue_missing", "opened_missing", "priority_missing",
                                               "stand_in_agent", "invented_queues", "invented_agents")],
                         [2, 2, 2, 2, 2, 1, 1])

    def test_states_are_understood_by_common_words(self):
        mapping = self.file("mapping.json", json.dumps({"columns": PLAIN["columns"]}))
        report = self.report("t,at,s\nA,2026-01-01,New\nA,2026-01-02,In Progress\nA,2026-01-03,Resolved\n"
                             "A,2026-01-04,Closed\nA,2026-01-05,Frobbed\n", mapping)
        self.assertEqual((report["closed"], report["assumed"]["state_guessed"]), (1, 4))
        self.assertEqual(report["assumed"]["state_unknown"], 1)

    def test_instants_in_all_their_forms(self):
        day = 86400000
        for form, first, second in (("unix", "86400", "86401.5"), ("unix_ms", "86400000", "86401500"),
                                    ("iso", "1970-01-02", "1970-01-02T02:00:01.500+02:00"),
                                    ("iso", "1970/01/02 00:00", "1970/01/02 00:00:01,5"),
                                    ("%d.%m.%Y %H:%M:%S %z", "02.01.1970 01:00:00 +0100", "2.1.1970 00:00:01 Z")):
            report = self.report("t,at,s\nA,%s,new\nA,\"%s\",note\n" % (first, second), self.mapping(instant={"format": form}))
            self.assertEqual(report["from_at"], day, form)
            self.assertEqual(report["to_at"] // 1000, day // 1000 + 1, form)
        leap = self.report("t,at,s\nA,29-02-2016 01:16,new\n", self.mapping(instant={"format": "%d-%m-%Y %H:%M",
                                                                                     "offset": "-01:30"}))
        self.assertEqual(leap["from_at"], 1456708560000 + 90 * 60000)

    def test_csv_in_all_its_forms(self):
        plain = self.report("t,at,s\nA,2026-01-01,new\nA,2026-01-02,done\n")
        for separator, log in ((",", "\ufefft,at,s\r\nA,2026-01-01,new\r\nA,2026-01-02,done\r\n"),
                               (",", '"t","at","s"\n\n"A","2026-01-01","new"\n"A","2026-01-02","done"'),
                               (";", 't;at;s;x\nA;2026-01-01;new;"a ""b"";\n\nc"\nA;2026-01-02;done;\n'),
                               ("\t", "s\tt\tat\nnew\tA\t2026-01-01\ndone\tA\t2026-01-02\n")):
            self.assertEqual(self.report(log, self.mapping(separator=separator)), plain, separator)

    def test_a_log_that_runs_backwards(self):
        rows = ["A,2026-01-01,new", "A,2026-01-02,work", "A,2026-01-02,ask", "A,2026-01-03,done", "A,2026-01-04,shut"]
        forward = self.report("t,at,s\n" + "\n".join(rows))
        backward = self.report("t,at,s\n" + "\n".join(reversed(rows)))
        self.assertEqual(backward["assumed"].pop("newest_first"), 5)
        forward["assumed"].pop("newest_first")
        self.assertEqual(forward, backward)

    def test_one_row_that_goes_back_is_no_reopen(self):
        report = self.report("t,at,s\nA,2026-01-05,new\nA,2026-01-01,new\nA,2026-01-03,done\nA,2026-01-09,shut\n")
        self.assertEqual((report["reopens"], report["assumed"]["out_of_order"], report["assumed"]["late_record"]), (0, 1, 1))

    def test_reopens_pauses_and_moves(self):
        mapping = self.mapping(columns={**PLAIN["columns"], "queue": "q"},
                               states={**PLAIN["states"], "parts": "pause third_party"})
        report = self.report("t,at,s,q\nA,2026-01-01,new,x\nA,2026-01-02,ask,x\nA,2026-01-03,parts,y\nA,2026-01-04,ask,\n"
                             "A,2026-01-05,work,z\nA,2026-01-06,done,z\nA,2026-01-07,work,z\nA,2026-01-08,shut,z\n"
                             "A,2026-01-09,work,x\nA,2026-01-10,done,x\nA,2026-01-11,done,y\nA,2026-01-12,shut,y\n", mapping)
        self.assertEqual((report["pauses"], report["moves"], report["reopens"]), (3, 3, 2))
        self.assertEqual(report["pauses_by_state"], {"ask": 2, "parts": 1})
        self.assertEqual((report["assumed"]["moved_across_unknown"], report["assumed"]["moved_after_resolve"]), (1, 1))
        self.assertEqual(report["assumed"]["closed_without_resolve"], 1)
        day = 86400000
        self.assertEqual((report["paused_ms"]["max"], report["touch_ms"]["max"], report["after_care_ms"]["max"],
                          report["wait_ms"]["max"]), (3 * day, 3 * day, 4 * day, day))

    def test_a_name_cannot_steer_the_terminal(self):
        log = self.file("log.csv", "t,at,s\nA\x1b[31m,2026-01-01,new\n\u202eZoë,2026-01-02,new\n")
        done = run(log, "--mapping", self.mapping())
        self.assertEqual(done.returncode, 0)
        self.assertIn("A?[31m", done.stdout.decode())
        self.assertIn("?Zoë", done.stdout.decode())
        self.assertNotIn(b"\x1b", done.stdout)


class Errors(WithFiles):
    def test_usage(self):
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn(b"--mapping", run("--help").stdout)
        self.assertRegex(run("--version").stdout, rb"^usher-replay \d+\.\d+\.\d+\n$")
        self.refused(2, "which log?")
        self.refused(2, "--mapping FILE is needed", "log.csv")
        self.refused(2, "no such option: --frob", "log.csv", "--frob")
        self.refused(2, "a file is needed after --mapping", "log.csv", "--mapping")
        self.refused(2, "this is the second: b.csv", "a.csv", "b.csv")

    def test_files_that_cannot_be_read(self):
        mapping = self.mapping()
        self.refused(1, "missing.csv: No such file", "missing.csv", "--mapping", mapping)
        self.refused(1, "missing.json", SAMPLE[0], "--mapping", "missing.json")
        self.refused(1, "missing.json", *SAMPLE, "--policy", "missing.json")
        self.refused(1, str(self.folder), self.folder, "--mapping", mapping)

    def test_logs_name_their_line(self):
        mapping = self.mapping()
        for log, expected in (
                ("", "log.csv: empty"),
                ("t,at,s\n", "log.csv: a header, but no rows"),
                ("t,when,s\nA,2026-01-01,new\n", 'log.csv:1: no column "at"'),
                ("t,at,s\nA,2026-01-01,new\nA,2026-01-01\n", "log.csv:3: 2 columns, but the header has 3"),
                ("t,at,s\nA,2026-13-01,new\n", 'log.csv:2: at: "2026-13-01": no such month'),
                ("t,at,s\nA,2026-02-29,new\n", "no such day"),
                ("t,at,s\nA,1969-01-01,new\n", "before 1970"),
                ("t,at,s\nA,soon,new\n", 'log.csv:2: at: "soon": not a date and time'),
                ("t,at,s\n\"A\n\",2026-01-01,new\n,2026-01-01,new\n", "log.csv:4: t is missing"),
                ("t,at,s\nA,,new\n", "log.csv:2: at is missing"),
                ("t,at,s\n\"A,2026-01-01,new\n", "log.csv:2: a quoted field that never ends"),
                ("t,at,s\n\"A\"B,2026-01-01,new\n", "log.csv:2: column 1 goes on after its closing quote"),
                ("t,at,s\nA,2026-01-01,n\"w\n", "log.csv:2: column 3 has a quote in it"),
                ("t,at,s\n%s,2026-01-01,new\n" % ("A" * 256), "longer than 255 bytes"),
                (b"t,at,s\nZo\xeb,2026-01-01,new\n", "log.csv:2: not UTF-8"),
                (b"t,at,s\n\n\0,2026-01-01,new\n", "log.csv:3: a NUL byte"),
                ("t,at,s\n".encode("utf-16"), "UTF-16")):
            self.refused(1, expected, self.file("log.csv", log), "--mapping", mapping)
        self.assertEqual(run(self.file("log.csv", "t,at,s\n%s,2026-01-01,new\n" % ("A" * 255)), "--mapping",
                             mapping).returncode, 0)

    def test_mappings_name_their_key(self):
        log = self.file("log.csv", "t,at,s\nA,2026-01-01,new\n")
        for changes, expected in (
                ({"columns": []}, "columns: an object is needed"),
                ({"columns": {"ticket": "t", "state": "s"}}, "columns.instant: every log needs it"),
                ({"columns": {**PLAIN["columns"], "frob": "x"}}, "columns.frob: there is no such column"),
                ({"columns": {**PLAIN["columns"], "agent": 7}}, "columns.agent: the column's name as a string"),
                ({"frob": 1}, "frob: there is no such key"),
                ({"instant": {"format": "%d %Q"}}, "instant.format: knows %d %m %Y"),
                ({"instant": {"format": "%H:%M"}}, "instant.format: has to give day, month and year"),
                ({"instant": {"offset": "CET"}}, "instant.offset: not an offset"),
                ({"states": {"new": "begin"}}, "states.new: one of enqueue, claim"),
                ({"priorities": {"P1": "asap"}}, "priorities.P1: one of low, normal, high, urgent"),
                ({"missing": "?"}, "missing: an array"),
                ({"separator": ";;"}, "separator: one character")):
            self.refused(1, expected, log, "--mapping", self.mapping(**changes))
        self.refused(1, "mapping.json:2:", log, "--mapping", self.file("mapping.json", "{\n!}"))

    def test_a_policy_names_its_key(self):
        self.refused(1, "policy: frob", *SAMPLE, "--policy", self.file("policy.json", '{"frob": 1}'))


class Stored(WithFiles):
    """With --store sqlite:FILE, killed at any moment and resumed: the same report, byte for byte."""

    KILLS = 20

    def setUp(self):
        super().setUp()
        # A kill takes no bytes from the system's cache, so it need not be a disk: this one is quick.
        folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(folder.cleanup)
        self.store = pathlib.Path(folder.name) / "store.db"
        self.seed = int(os.environ.get("USHER_SEED", time.time_ns() % 1000000))
        if b"without SQLite" in run(*SAMPLE, *self.stored()).stderr:
            self.skipTest("built without SQLite")
        self.remove()

    def stored(self, *more):
        return ["--store", f"sqlite:{self.store}", *more]

    def remove(self):
        for path in self.store.parent.iterdir():
            path.unlink()

    def start(self, *arguments, **environment):
        return subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **environment})

    def end(self, process, expected):
        """Whether it was killed; if not, it has said what was expected."""
        out, err = process.communicate(timeout=120)
        if process.returncode == -signal.SIGKILL:
            return True
        self.assertEqual((process.returncode, err), (0, b""), f"seed {self.seed}")
        self.assertEqual(out, expected, f"seed {self.seed}")
        return False

    def kill_on_the_way(self, *arguments):
        expected = run(*arguments).stdout
        before = time.monotonic()
        self.assertEqual(run(*arguments, *self.stored()).stdout, expected)
        span, draw, kills = (time.monotonic() - before) / 8, random.Random(self.seed), 0
        while kills < self.KILLS:
            self.remove()
            kills, killed = 0, True
            while killed:
                process = self.start(*arguments, *self.stored("--resume"))
                time.sleep(draw.random() * span)
                if kills < 2 * self.KILLS:
                    process.kill()
                killed = self.end(process, expected)
                kills += killed
            span *= 0.8
        print(f"{kills} kills, seed {self.seed}", file=sys.stderr)

    def test_it_changes_nothing(self):
        for form in ([], ["--json"]):
            expected = run(*SAMPLE, *form)
            self.remove()
            stored = run(*SAMPLE, *form, *self.stored())
            again = run(*SAMPLE, *form, *self.stored("--resume"))
            self.assertEqual((stored.returncode, stored.stdout, stored.stderr), (0, expected.stdout, b""))
            self.assertEqual((again.returncode, again.stdout, again.stderr), (0, expected.stdout, b""))

    def test_killed_on_the_way(self):
        self.kill_on_the_way(*SAMPLE, "--json")

    def test_killed_on_the_way_up_a_ladder(self):
        self.kill_on_the_way(*SAMPLE, "--policy", OFFICE, "--json")

    @unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
    def test_killed_on_the_way_of_890_real_incidents(self):
        self.kill_on_the_way(INCIDENTS, "--mapping", REPLAY / "incidents.mapping.json", "--json")

    def test_killed_at_every_call_that_changes_a_file(self):
        """Leases, pauses, offers and promises end between the rows, several in one step of the clock; B goes from hand to hand,
        and has a cause."""
        if DIE_AT is None:
            self.skipTest("this build cannot be preloaded into")
        rows = [f"{row},bo,x,mail," for row in Policies.LOG.splitlines()[1:]]
        rows += [f"B,2026-{row}" for row in ("01-01T08:00Z,new,,x,mail,", "01-01T08:10Z,work,bo,x,,P1", "01-01T08:30Z,work,cy,y,,",
                                             "01-02T08:00Z,new,,z,,", "01-02T10:00Z,work,bo,z,,P2", "01-02T11:00Z,work,al,x,,",
                                             "01-09T09:00Z,ask,cy,x,,", "04-01T09:00Z,work,bo,x,,P1")]
        log = self.file("log.csv", "t,at,s,who,q,what,why\n" + "\n".join(rows))
        mapping = self.mapping(columns={**PLAIN["columns"], "agent": "who", "queue": "q", "symptom": "what", "cause": "why"})
        policy = self.file("policy.json", json.dumps({
            "preset": "desk", "lease": {"for": "1h", "max": "2h"}, "retry": {"attempts": 2},
            "handoff": {"accept_within": "1h", "hops": 2}, "recurrence": {"cause_after": 2, "cause_queue": "problems"},
            "aftercare": {"confirm_within": "9d", "reopen_within": "52w"}}))
        arguments = [log, "--mapping", mapping, "--policy", policy, "--json"]
        expected, n, killed = run(*arguments).stdout, 0, True
        report = json.loads(expected)
        self.assertGreater(report["assumed"]["reclaimed"], 1)
        self.assertTrue(report["handoffs"]["late"] == report["handoffs"]["beyond_hops"] == report["causes"]["opened_by_policy"] == 1)
        while killed:
            n += 1
            self.remove()
            killed = self.end(self.start(*arguments, *self.stored("--resume"), LD_PRELOAD=DIE_AT, USHER_DIE_AT=str(n)), expected)
            self.assertFalse(self.end(self.start(*arguments, *self.stored("--resume")), expected))
        print(f"{n - 1} kills, one at each call", file=sys.stderr)
        self.assertGreater(n, 100)

    def test_a_store_with_something_in_it(self):
        run(*SAMPLE, *self.stored())
        before = self.store.read_bytes()
        self.refused(1, "something is in it already; --resume goes on with it", *SAMPLE, *self.stored())
        self.refused(1, "this is not how the store began", *SAMPLE, *self.stored("--resume"), "--policy",
                     self.file("policy.json", '{"promises": {"ack": {"target": "1m"}}}'))
        mapping = self.mapping()
        self.refused(1, "this is not how the store began", self.file("log.csv", "t,at,s\nA,2026-03-02T09:40Z,new\n"),
                     "--mapping", mapping, *self.stored("--resume"))
        self.assertEqual(run(*SAMPLE, *self.stored("--resume")).stdout, run(*SAMPLE).stdout)
        # Opening and closing may write what is the same; the tickets are untouched.
        self.assertEqual(len(self.store.read_bytes()), len(before))

    def test_a_log_that_has_become_shorter(self):
        log = "t,at,s\nA,2026-01-01,new\nA,2026-01-02,work\nA,2026-01-03,note\nA,2026-01-04,note\n"
        mapping = self.mapping()
        run(self.file("log.csv", log), "--mapping", mapping, *self.stored())
        short = self.file("log.csv", log[:log.rindex("A,")])
        self.refused(1, "this log makes only", short, "--mapping", mapping, *self.stored("--resume"))

    def test_stores_that_cannot_be_had(self):
        self.refused(2, "--resume: with which store?", *SAMPLE, "--resume")
        self.refused(2, "is needed after --store", *SAMPLE, "--store")
        self.refused(1, "expected \"memory:\" or \"sqlite:PATH\"", *SAMPLE, "--store", "store.db")
        self.refused(1, "not a SQLite file", *SAMPLE, "--store",
                     f"sqlite:{self.file('text', 'no database' * 100)}")


@unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
class Incidents(unittest.TestCase):
    """890 real incidents. What is counted here is counted from the file alone."""

    @classmethod
    def setUpClass(cls):
        arguments = [INCIDENTS, "--mapping", REPLAY / "incidents.mapping.json", "--json"]
        before = time.monotonic()
        cls.done = run(*arguments)
        print("incidents: %.2f s" % (time.monotonic() - before), file=sys.stderr)
        cls.again = run(*arguments)
        cls.report = json.loads(cls.done.stdout)
        with open(INCIDENTS, newline="") as file:
            cls.rows = list(csv.DictReader(file))

    def pairs(self):
        """Each row with the one before it of the same ticket, or None."""
        last = {}
        for row in self.rows:
            yield last.get(row["number"]), row
            last[row["number"]] = row

    def test_all_of_them_to_the_end(self):
        report = self.report
        self.assertEqual((self.done.returncode, self.done.stderr), (0, b""))
        self.assertEqual((report["tickets"], report["rows"]), (890, 5998))
        self.assertEqual((report["closed"], report["open_at_end"]), (890, 0))
        for key, column in (("tickets", "number"), ("requesters", "caller_id"), ("queues", "assignment_group"),
                            ("agents", "assigned_to")):
            self.assertEqual(report[key], len({r[column] for r in self.rows} - {"?"}), key)

    def test_the_same_output_each_time(self):
        self.assertEqual(self.done.stdout, self.again.stdout)

    def test_time_adds_up(self):
        conservation = self.report["conservation"]
        self.assertEqual((conservation["checked"], conservation["failed"]), (890, 0))
        self.assertTrue(conservation["holds"])
        # The whole, from the file: the first close, less the opening or an update before it.
        opened, closed = {}, {}
        for row in self.rows:
            at = [time.strptime(row[k], "%d-%m-%Y %H:%M") for k in ("opened_at", "sys_updated_at")]
            opened[row["number"]] = min(*at, opened.get(row["number"], at[0]))
            if row["incident_state"] == "Closed":
                closed.setdefault(row["number"], at[1])
        whole = sum(calendar.timegm(closed[n]) - calendar.timegm(opened[n]) for n in opened)
        self.assertEqual(conservation["closed_minus_opened_ms"], whole * 1000)

    def test_moves_are_those_of_the_file(self):
        moves = sum(1 for before, row in self.pairs() if before and
                    "?" not in (before["assignment_group"], row["assignment_group"]) and
                    before["assignment_group"] != row["assignment_group"])
        self.assertEqual(moves, 822)
        self.assertEqual(self.report["moves"], moves)

    def test_pauses_are_those_of_the_file(self):
        by_state = {}
        for before, row in self.pairs():
            state = row["incident_state"]
            if state.startswith("Awaiting") and (before is None or before["incident_state"] != state):
                by_state[state] = by_state.get(state, 0) + 1
        self.assertEqual(self.report["pauses_by_state"], by_state)
        self.assertEqual(self.report["pauses"], sum(by_state.values()))

    def test_reopens_are_those_of_the_file(self):
        reopens = sum(1 for before, row in self.pairs() if before and before["incident_state"] == "Resolved" and
                      row["incident_state"] == "Active")
        self.assertEqual(reopens, 11)
        self.assertEqual(self.report["reopens"], reopens)

    def test_what_was_assumed(self):
        assumed = self.report["assumed"]
        first = {}
        for before, row in self.pairs():
            if before is None:
                first[row["incident_state"]] = first.get(row["incident_state"], 0) + 1
        self.assertEqual(assumed["first_seen_claimed"], first["Active"])
        self.assertEqual(assumed["first_seen_resolved"], first["Resolved"])
        self.assertEqual(assumed["first_seen_claimed"] + assumed["first_seen_paused"] + assumed["first_seen_resolved"], 258)
        self.assertEqual((assumed["same_instant"], assumed["updated_before_opened"], assumed["out_of_order"]), (492, 5, 1))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        DIE_AT = os.path.abspath(sys.argv.pop(2))
    if len(sys.argv) > 1:
        PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
