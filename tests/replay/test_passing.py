#!/usr/bin/env python3
"""Hand-offs, causes and symptoms that recur, as usher-replay makes them of a log:
python3 tests/replay/test_passing.py PATH_TO_usher-replay"""
import csv
import json
import os
import sys
import time
import unittest

import test_replay
from test_replay import INCIDENTS, OFFICE, PLAIN, REPLAY, SAMPLE, WithFiles, run

HOUR = 3600000
COLUMNS = {**PLAIN["columns"], "queue": "q", "agent": "who", "symptom": "what", "requester": "from", "cause": "why"}
LONG = {"lease": {"for": "52w", "max": "52w"}, "aftercare": {"confirm_within": "52w", "reopen_within": "52w"},
        "pause": {"requester": {"max": "52w"}}, "retry": {"attempts": 1000}}


class Logs(WithFiles):
    def replayed(self, rows, policy=None):
        """rows: "A 08:00 new x [agent]", on one day, and the other columns as KEY=VALUE."""
        lines = []
        for row in rows:
            words = row.split()
            named = dict(w.split("=") for w in words if "=" in w)
            ticket, at, state, queue, agent = ([w for w in words if "=" not in w] + [""] * 2)[:5]
            day = 5 + int(at.split(":")[0]) // 24
            at = f"2026-01-{day:02}T{int(at.split(':')[0]) % 24:02}:{at.split(':')[1]}Z"
            lines.append(",".join((ticket, at, state, queue, agent, named.get("what", ""), named.get("from", ""), named.get("why", ""))))
        arguments = [] if policy is None else ["--policy", self.file("policy.json", json.dumps({**LONG, **policy}))]
        return self.report("t,at,s,q,who,what,from,why\n" + "\n".join(lines) + "\n", self.mapping(columns=COLUMNS), *arguments)


class HandOffs(Logs):
    OVER = ["A 08:00 new x", "A 09:00 work x al", "A 10:00 new y", "A 12:00 work y bo", "A 13:00 done y bo", "A 14:00 shut y bo"]

    def test_from_hand_to_hand(self):
        report = self.replayed(["A 08:00 new x", "A 09:00 work x al", "A 10:00 work y bo", "A 11:00 shut y bo"])
        self.assertEqual(report["handoffs"], {"made": 1, "accepted": 1, "late": 0, "beyond_hops": 0, "again": 0, "most": 1,
                                              "accept_ms": {"n": 1, "p50": 0, "p90": 0, "p99": 0, "max": 0}})
        self.assertEqual((report["moves"], report["handovers"], report["claims"]), (1, 1, 2))
        # Whoever accepts has said no first word: that was said before.
        self.assertEqual((report["assumed"]["acknowledged_at_claim"], report["assumed"]["stand_in_agent"]), (1, 0))
        self.assertEqual((report["wait_ms"]["max"], report["touch_ms"]["max"]), (HOUR, 2 * HOUR))

    def test_the_same_agent_in_another_queue(self):
        report = self.replayed(["A 08:00 new x", "A 09:00 work x al", "A 10:00 work y al", "A 11:00 shut y al"])
        self.assertEqual((report["handoffs"]["accepted"], report["handovers"], report["touch_ms"]["max"]), (1, 0, 2 * HOUR))

    def test_to_somebody_of_the_other_queue(self):
        """A row that names no agent, and one whose state says nothing of where it stands."""
        for state in ("work", "said"):
            report = self.replayed(["A 08:00 new x", "A 09:00 work x al", f"A 10:00 {state} y", "A 11:00 shut y"])
            self.assertEqual((report["handoffs"]["accepted"], report["handovers"], report["assumed"]["stand_in_agent"]), (1, 1, 1))
            self.assertEqual((report["touch_ms"]["max"], report["assumed"]["acknowledged_at_claim"]), (2 * HOUR, 1))

    def test_it_waits_where_it_is_offered_to(self):
        report = self.replayed(self.OVER)
        self.assertEqual((report["handoffs"]["made"], report["handoffs"]["accepted"]), (1, 1))
        self.assertEqual(report["handoffs"]["accept_ms"]["max"], 2 * HOUR)
        self.assertEqual((report["wait_ms"]["max"], report["touch_ms"]["max"]), (3 * HOUR, 2 * HOUR))
        waited = {q["queue"]: (q["wait_ms"]["max"], q["moved_in"], q["moved_out"], q["solved"]) for q in report["by_queue"]}
        self.assertEqual(waited, {"x": (HOUR, 0, 1, 0), "y": (2 * HOUR, 1, 0, 1)})

    def test_from_queue_to_queue_with_nobody_at_it(self):
        """Somebody of each passes it on; what he was offered before and did not accept is recalled for that."""
        report = self.replayed(["A 08:00 new x", "A 09:00 new y", "A 10:00 new z", "A 12:00 work z bo", "A 13:00 shut z bo"])
        handoffs = report["handoffs"]
        self.assertEqual((handoffs["made"], handoffs["accepted"], handoffs["again"], handoffs["most"]), (2, 1, 1, 2))
        self.assertEqual((handoffs["accept_ms"]["max"], report["moves"]), (2 * HOUR, 2))
        self.assertEqual((report["assumed"]["handed_off_from_the_line"], report["claims"], report["passed_over"]), (2, 1, 0))
        self.assertEqual((report["wait_ms"]["max"], report["touch_ms"]["max"]), (4 * HOUR, HOUR))
        text = run(self.folder / "log.csv", "--mapping", self.mapping(columns=COLUMNS)).stdout.decode()
        self.assertIn("\n        1  ticket handed off more than once, at most 2 times\n", text)

    def test_a_pause_goes_with_it(self):
        report = self.replayed(["A 08:00 new x", "A 09:00 ask x al", "A 10:00 ask y", "A 12:00 work y bo", "A 13:00 shut y bo"])
        self.assertEqual((report["handoffs"]["made"], report["moves"], report["pauses"]), (0, 1, 1))

    def test_solved_and_withdrawn_while_it_is_offered(self):
        for last, closed in (("done", True), ("shut", True)):
            report = self.replayed(["A 08:00 new x", "A 09:00 new y", f"A 10:00 {last} y bo", "A 13:00 shut y bo"])
            self.assertEqual((report["handoffs"]["accepted"], report["closed"]), (1, int(closed)))

    def test_not_accepted_in_the_policys_time(self):
        """It comes back one level up; whoever takes it then had to be given it by the desk."""
        report = self.replayed(self.OVER, {"handoff": {"accept_within": "1h"}})
        self.assertEqual({k: report["handoffs"][k] for k in ("made", "accepted", "late")}, {"made": 1, "accepted": 0, "late": 1})
        self.assertEqual((report["assumed"]["moved_when_not_accepted"], report["moves"]), (1, 1))
        self.assertEqual(report["ladder"]["levels"], {"1": 1})
        self.assertEqual((report["wait_ms"]["max"], report["touch_ms"]["max"]), (3 * HOUR, 2 * HOUR))
        waited = {q["queue"]: (q["wait_ms"]["max"], q["solved"]) for q in report["by_queue"]}
        self.assertEqual(waited, {"x": (HOUR, 0), "y": (HOUR, 1)}) # x twice
        at_the_hour = [row.replace("12:00", "11:00") for row in self.OVER]
        self.assertEqual(self.replayed(at_the_hour, {"handoff": {"accept_within": "61m"}})["handoffs"]["late"], 0)

    def test_handed_on_after_it_had_come_back(self):
        rows = [*self.OVER[:3], "A 12:00 new z", "A 12:10 work z bo", "A 13:00 shut z bo"]
        report = self.replayed(rows, {"handoff": {"accept_within": "1h"}})
        self.assertEqual({k: report["handoffs"][k] for k in ("made", "accepted", "late")}, {"made": 2, "accepted": 1, "late": 1})
        self.assertEqual(report["assumed"]["moved_when_not_accepted"], 0)

    def test_beyond_the_policys_hops(self):
        rows = ["A 08:00 new x", "A 09:00 work x al", "A 10:00 work y bo", "A 11:00 work z cy", "A 12:00 work x al", "A 13:00 shut x al"]
        report = self.replayed(rows, {"handoff": {"hops": 1}})
        self.assertEqual({k: report["handoffs"][k] for k in ("made", "accepted", "beyond_hops", "most")},
                         {"made": 1, "accepted": 1, "beyond_hops": 2, "most": 1})
        self.assertEqual((report["assumed"]["moved_beyond_hops"], report["moves"], report["ladder"]["levels"]), (2, 3, {"2": 1}))

    def test_no_clock_of_the_requester_is_touched(self):
        """The same day in one queue: every promise comes out the same."""
        policy = {"promises": {"ack": {"target": "30m"}, "update": {"target": "90m"}, "resolve": {"target": "4h"}}}
        there = []
        for k, t in enumerate("ABCDEF", 1):
            there += [f"{t} 08:00 new x", f"{t} 08:{9 * k:02} work x al", f"{t} 10:00 new y", f"{t} 11:00 work y bo",
                      f"{t} {(705 + 5 * k) // 60}:{(705 + 5 * k) % 60:02} done y bo", f"{t} 14:00 shut y bo"]
        away, stayed = self.replayed(there, policy), self.replayed([r.replace(" y ", " x ").replace(" y", " x") for r in there], policy)
        self.assertEqual((away["handoffs"]["made"], stayed["handoffs"]["made"]), (6, 0))
        self.assertEqual(away["promises"], stayed["promises"])
        self.assertTrue(all(0 < away["promises"][p]["kept"] < 6 for p in ("ack", "resolve")))


class Causes(Logs):
    ROWS = ["A 08:00 new x what=mail from=m", "B 09:00 new x what=mail from=n", "C 10:00 new x what=print from=m"]

    def test_symptoms_that_recur(self):
        causes = self.replayed([*self.ROWS, "D 11:00 new x what=mail from=m", "E 60:00 new x what=mail from=n"],
                               {"recurrence": {"window": "1d"}})["causes"]
        self.assertEqual((causes["recurred"], causes["recurred_same_requester"], causes["opened_by_policy"]), (2, 1, 0))

    def test_a_cause_by_the_policy(self):
        """At the second it is opened and both are linked; while it is open every further one is."""
        rows = [*self.ROWS, "E 60:00 new x what=mail from=o"]
        for queue in ("problems", "x"):
            report = self.replayed(rows, {"recurrence": {"window": "1d", "cause_after": 2, "cause_queue": queue}})
            self.assertEqual(report["causes"], {"recurred": 1, "recurred_same_requester": 0, "named": 0, "links": 0, "linked": 0,
                                                "linked_when_solved": 0, "opened_by_policy": 1, "linked_by_policy": 3})
            self.assertEqual((report["tickets"], report["open_at_end"]), (4, 4))

    def test_causes_that_the_log_names(self):
        rows = [*self.ROWS, "A 11:00 new x why=P1", "B 11:30 work x al", "B 12:00 work x al why=P1", "C 13:00 work x al why=P2",
                "B 14:00 done x al why=P1", "C 15:00 done x al why=P2", "C 16:00 done x al why=P1", "B 20:00 shut x al why=P9",
                "D 21:00 new x", "D 22:00 done x al", "D 23:00 shut x al why=P3", "D 23:30 shut x al why=P4"]
        report = self.replayed(rows)
        causes = report["causes"]
        self.assertEqual((causes["named"], causes["links"], causes["linked"], causes["linked_when_solved"]), (4, 6, 4, 1))
        self.assertEqual((report["assumed"]["cause_changed"], report["assumed"]["row_after_close"]), (2, 1))
        self.assertEqual((report["tickets"], causes["opened_by_policy"]), (4, 0))

    def test_a_late_pause(self):
        rows = ["A 08:00 new x", "A 08:10 ask x al", "A 08:20 work x al", "A 09:06 ask x al", "A 10:00 shut x al"]
        promises = {"promises": {"resolve": {"target": "1h"}}}
        self.assertEqual(self.replayed(rows, promises)["late_pauses"], 1)
        self.assertEqual(self.replayed([r.replace("09:06", "09:03") for r in rows], promises)["late_pauses"], 0)


class Counted(Logs):
    """What the service has counted itself, against what its events come to here."""

    def test_it_is_the_same(self):
        for arguments in (SAMPLE, [*SAMPLE, "--policy", OFFICE]):
            report = json.loads(run(*arguments, "--json").stdout)
            theirs = report["counted_by_usher"]
            self.assertTrue(report["conservation"]["usher_agrees"])
            for ours, key in (("tickets", "enqueued"), ("chases",) * 2, ("late_pauses",) * 2, ("withdrawn",) * 2, ("open_at_end", "open"),
                              ("closed",) * 2, ("reopens", "reopened")):
                self.assertEqual(report[ours], theirs[key], key)
            for ours, key in (("made", "handoffs"), ("accepted",) * 2, ("late", "expired")):
                self.assertEqual(report["handoffs"][ours], theirs[key], key)
            self.assertEqual(report["causes"]["recurred"], theirs["recurred"])
            for promise in ("ack", "answer", "update"):
                self.assertEqual({k: report["promises"][promise][k] for k in ("kept", "broken", "lapsed")}, theirs[promise])
            self.assertIn("usher's own\nfigures are the same.\n", run(*arguments).stdout.decode())

    def test_causes_in_a_queue_of_the_log_are_left_out_of_it(self):
        rows = ["A 08:00 new x what=mail", "B 08:10 new x what=mail", "A 09:00 work x al", "B 09:30 work x al"]
        policy = {"recurrence": {"cause_after": 2, "cause_queue": "x"}, "promises": {"ack": {"target": "1h"}}}
        report = self.replayed(rows + ["A 12:00 shut x al"], policy)
        self.assertEqual((report["promises"]["ack"]["broken"], report["counted_by_usher"]["ack"]["broken"]), (1, 2))


class Sample(WithFiles):
    def test_the_report_for_people(self):
        text = run(*SAMPLE).stdout.decode()
        self.assertRegex(text, r"\n +\d+  hand-offs, accepted: half within .*, 90 % within .*, longest ")
        self.assertIn("tickets whose symptom had come before within the policy's window, ", text)
        text = run(*SAMPLE, "--policy", OFFICE).stdout.decode()
        self.assertIn("of them, not accepted within the policy's time: they came back\n", text)
        self.assertIn(" causes opened by the policy, of ", text)

    def test_the_readme_shows_it(self):
        shown = (REPLAY / "README.md").read_text().split("fourth time in a month:\n\n")[1].split("\n\n")[0].splitlines()
        text = run(*SAMPLE, "--policy", OFFICE).stdout.decode()
        self.assertEqual(len(shown), 4)
        for line in shown:
            self.assertIn(f"\n{line}\n", text)

    def test_what_is_told_adds_up(self):
        for policy in ([], ["--policy", OFFICE]):
            report = json.loads(run(*SAMPLE, "--json", *policy).stdout)
            handoffs = report["handoffs"]
            self.assertGreater(handoffs["made"], 20)
            self.assertEqual(handoffs["accept_ms"]["n"], handoffs["accepted"])
            self.assertLessEqual(handoffs["accepted"] + handoffs["late"], handoffs["made"])
            self.assertEqual(handoffs["late"] > 0, bool(policy))


@unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
class Incidents(WithFiles):
    """890 real incidents; what is expected is counted from the file alone."""

    @classmethod
    def setUpClass(cls):
        with open(INCIDENTS, newline="") as file:
            rows = list(csv.DictReader(file))
        cls.tickets = {}
        for row in rows:
            cls.tickets.setdefault(row["number"], []).append(row)
        for each in cls.tickets.values():
            each.sort(key=lambda row: time.strptime(row["sys_updated_at"], "%d-%m-%Y %H:%M"))
        cls.report = json.loads(run(INCIDENTS, "--mapping", REPLAY / "incidents.mapping.json", "--json").stdout)

    def test_hand_offs_are_changes_of_group_in_work_or_in_the_line(self):
        """Those of a paused ticket are moves, those of a solved one notes; see README.md."""
        made, in_line = 0, 0
        for each in self.tickets.values():
            group, before = None, None
            for row in each:
                if before == "Closed":
                    break
                now = row["assignment_group"]
                if now != "?":
                    if group not in (None, now) and before in ("New", "Active"):
                        made += 1
                        in_line += before == "New"
                    group = now
                before = row["incident_state"]
        self.assertEqual(self.report["handoffs"]["made"], made)
        self.assertEqual(self.report["assumed"]["handed_off_from_the_line"], in_line)
        self.assertGreater(made, 700)
        self.assertEqual(self.report["moves"], 822)

    def test_causes_are_the_problems_of_the_file(self):
        links, linked, problems = 0, 0, set()
        for each in self.tickets.values():
            named = "?"
            for row in each:
                if row["problem_id"] not in ("?", named):
                    problems.add(row["problem_id"])
                    linked += named == "?"
                    named = row["problem_id"]
                    links += 1
                if row["incident_state"] == "Closed":
                    break
        causes = self.report["causes"]
        self.assertEqual((causes["named"], causes["linked"], causes["links"]), (len(problems), linked, links))
        self.assertEqual((len(problems), linked, causes["opened_by_policy"]), (22, 48, 0))

    def test_by_a_stricter_policy(self):
        done = run(INCIDENTS, "--mapping", REPLAY / "incidents.mapping.json", "--json", "--policy", OFFICE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        report = json.loads(done.stdout)
        self.assertEqual(report["closed"], 890)
        self.assertGreater(report["handoffs"]["late"], 50)
        self.assertGreater(report["handoffs"]["beyond_hops"], 0)
        self.assertGreater(report["causes"]["opened_by_policy"], 10)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        test_replay.PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
