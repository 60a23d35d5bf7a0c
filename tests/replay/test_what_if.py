#!/usr/bin/env python3
"""usher-replay --what-if from outside: python3 tests/replay/test_what_if.py PATH_TO_usher-replay"""
import bisect
import csv
import datetime
import json
import os
import pathlib
import pty
import random
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml

import naive
import test_replay
from test_replay import INCIDENTS, OFFICE, REPLAY, SAMPLE, WithFiles, open_minutes, read_all, run

MINUTE, HOUR, DAY = 60000, 3600000, 86400000
MAPPING = {"columns": {"ticket": "t", "instant": "at", "state": "s", "priority": "p", "requester": "who"},
           "instant": {"format": "unix_ms"},
           "states": {"new": "enqueue", "work": "claim", "pause": "pause requester", "done": "resolve", "shut": "confirm"}}
BUILTIN_ACK = {"urgent": 15 * MINUTE, "high": HOUR, "normal": 4 * HOUR, "low": 8 * HOUR}
BUILTIN_RESOLVE = {"urgent": 4 * HOUR, "high": DAY, "normal": 5 * DAY, "low": 10 * DAY}
INCIDENT_ARGUMENTS = [INCIDENTS, "--mapping", REPLAY / "incidents.mapping.json"]
T0 = 1767254400000 # 1 January 2026, 08:00 UTC


def draw_rows(seed, tickets, people, minutes, busy):
    """A log whose tickets come in so many minutes; some are never seen in anybody's hands."""
    draw, rows = random.Random(seed), []
    for k in range(tickets):
        at = T0 + draw.randrange(minutes) * MINUTE
        priority = draw.choices(naive.BANDS, (1, 2, 6, 3))[0]
        row = (f"T{k}", priority, f"P{draw.randrange(people)}")
        rows.append((row[0], at, "new", *row[1:]))
        for _ in range(draw.choice((1, 1, 2))):
            at += draw.randrange(1, 300) * MINUTE
            if draw.random() > 0.1:
                rows.append((row[0], at, "work", *row[1:]))
                at += draw.randrange(1, busy) * MINUTE
            rows.append((row[0], at, draw.choice(("pause", "done")), *row[1:]))
        rows.append((row[0], at + DAY, "shut", *row[1:]))
    rows.sort(key=lambda r: r[1])
    return rows


def text_of(rows):
    return "t,at,s,p,who\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


class WhatIf(WithFiles):
    def mapping(self, **changes):
        return self.file("mapping.json", json.dumps({**MAPPING, **changes}))

    def ask(self, log, question, *arguments):
        done = run(self.file("log.csv", log), "--mapping", self.mapping(), "--what-if", question, "--json", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(done.stdout)["what_if"]

    def policy(self, **keys):
        return "--policy", self.file("policy.json", json.dumps(keys))

    def check_invariants(self, answer):
        """The same people in all three; each served once; nobody waits while an agent is free; each order obeyed."""
        tickets, agents = answer["tickets"], answer["agents"]
        for key in ("usher", "fcfs", "strict"):
            order = answer[key]
            at, taken = order["taken_at"], order["taken"]
            self.assertEqual(sorted(taken), list(range(len(tickets))), key)
            self.assertEqual([at[i] for i in taken], sorted(at), key)
            self.assertTrue(all(t["at"] <= a for t, a in zip(tickets, at)), key)
            ends = [a + t["touch_ms"] for t, a in zip(tickets, at)]
            come, went, ready = sorted(t["at"] for t in tickets), sorted(at), sorted(ends)
            for now in come + went + ready:
                busy = bisect.bisect(went, now) - bisect.bisect(ready, now)
                waiting = bisect.bisect(come, now) - bisect.bisect(went, now)
                self.assertTrue(busy == agents or (busy < agents and waiting == 0), (key, now))
            self.assertEqual(order["done_at"], max(ends), key)
            self.assertEqual(order["touched_ms"], sum(min(e, come[-1]) - min(a, come[-1]) for a, e in zip(at, ends)), key)
            self.check_choices(key, tickets, at, taken)

    def check_choices(self, key, tickets, at, taken):
        left = set(range(len(tickets)))
        for i in taken:
            waiting = [k for k in left if tickets[k]["at"] <= at[i]]
            if key == "fcfs":
                self.assertEqual(i, min(waiting))
            if key == "strict":
                self.assertEqual(i, min(waiting, key=lambda k: (naive.BANDS.index(tickets[k]["priority"]), k)))
            left.remove(i)

    def check_against_naive(self, answer, tickets, usher, acks=None, resolves=None):
        said = [{"ticket": t["ticket"], "at": t["at"], "touch_ms": t["touch"], "priority": t["priority"], "guessed": t["guessed"]}
                for t in tickets]
        self.assertEqual(answer["tickets"], said)
        orders = {"usher": usher, "fcfs": naive.FirstCome(), "strict": naive.Strict(tickets)}
        for key, order in orders.items():
            taken_at, taken = naive.serve(tickets, answer["agents"], order)
            self.assertEqual((answer[key]["taken"], answer[key]["taken_at"]), (taken, taken_at), key)
            waits = [a - t["at"] for a, t in zip(taken_at, tickets)]
            self.assertEqual(answer[key]["wait_ms"].pop("all"), naive.spread(waits), key)
            for band in naive.BANDS:
                of_band = [w for w, t in zip(waits, tickets) if t["priority"] == band]
                self.assertEqual(answer[key]["wait_ms"][band], naive.spread(of_band), (key, band))
            self.assertEqual(answer[key]["waited_ms"], sum(waits))
            longest = waits.index(max(waits))
            self.assertEqual(answer[key]["longest"], {"ticket": tickets[longest]["ticket"], "wait_ms": max(waits),
                                                      "priority": tickets[longest]["priority"]})
            times = naive.passed_over(tickets, taken)
            self.assertEqual(answer[key]["passed_over"],
                             {"people": sum(map(bool, times)), "times": sum(times), "most": max(times)}, key)
            for promise, targets in (("ack", acks), ("resolve", resolves)):
                kept = [w + (t["touch"] if promise == "resolve" else 0) <= targets[t["priority"]]
                        for w, t in zip(waits, tickets)] if targets else []
                self.assertEqual(answer[key]["kept"][promise]["all"], {"kept": sum(kept), "broken": len(kept) - sum(kept)})


class ByHand(WhatIf):
    """One agent, five tickets of half an hour each. Who stands where can be followed with a finger."""

    COMES = (("A", 0, "normal"), ("B", 5, "low"), ("C", 10, "urgent"), ("D", 15, "normal"), ("E", 20, "low"))

    def log(self):
        rows = []
        for name, minute, priority in self.COMES:
            at = T0 + minute * MINUTE
            rows += [(name, at, "new", priority, name), (name, at + 2 * DAY, "work", priority, name),
                     (name, at + 2 * DAY + 30 * MINUTE, "done", priority, name)]
        return text_of(sorted(rows, key=lambda r: r[1]))

    def waits(self, order):
        return [(a - T0) // MINUTE - c[1] for a, c in zip(order["taken_at"], self.COMES)]

    def test_who_is_taken_when(self):
        answer = self.ask(self.log(), "agents=1")
        self.assertEqual([t["ticket"] for t in answer["tickets"]], list("ABCDE"))
        self.assertEqual({t["touch_ms"] for t in answer["tickets"]}, {30 * MINUTE})
        # First come, first served: A 0, B 30, C 60, D 90, E 120 minutes after eight.
        self.assertEqual(self.waits(answer["fcfs"]), [0, 25, 50, 75, 100])
        self.assertEqual(answer["fcfs"]["passed_over"], {"people": 0, "times": 0, "most": 0})
        # Strict: A, then C, D, and B and E last; B lets C and D pass.
        self.assertEqual(self.waits(answer["strict"]), [0, 85, 20, 45, 100])
        self.assertEqual(answer["strict"]["passed_over"], {"people": 1, "times": 2, "most": 2})
        # usher: A is normal's turn; C is first; now it is low's turn before normal's second: B, D, E.
        self.assertEqual(self.waits(answer["usher"]), [0, 55, 20, 75, 100])
        self.assertEqual(answer["usher"]["passed_over"], {"people": 1, "times": 1, "most": 1})
        self.assertEqual(answer["usher"]["longest"], {"ticket": "E", "priority": "low", "wait_ms": 100 * MINUTE})
        self.assertEqual([answer[k]["done_at"] for k in ("usher", "fcfs", "strict")], [T0 + 150 * MINUTE] * 3)
        self.assertEqual([answer[k]["waiting_most"] for k in ("usher", "fcfs", "strict")], [4, 4, 4])
        self.check_invariants(answer)

    def test_where_usher_is_worse(self):
        worse = self.ask(self.log(), "agents=1")["usher_is_worse_than"]
        def said(than, who):
            return {w["what"]: (w["usher"] // MINUTE, w[than] // MINUTE) for w in worse[than] if w["who"] == who}
        self.assertEqual(said("strict", "normal"), {"p90": (75, 45), "p99": (75, 45), "max": (75, 45)})
        self.assertEqual(said("fcfs", "low"), {"p50": (55, 25)})
        self.assertEqual([w for w in worse["fcfs"] if w["who"] in ("urgent", "normal")], [])
        text = run(self.folder / "log.csv", "--mapping", self.mapping(), "--what-if", "agents=1").stdout.decode()
        self.assertIn("Where usher's line is worse than strict priority\n  - normal: nine of ten up to 1 h 15 min instead of 45 min", text)
        self.assertIn("  - low: half of them wait up to 55 min instead of 25 min\n", text)

    def test_it_says_so_when_it_is_nowhere_worse(self):
        text = run(self.file("log.csv", self.log()), "--mapping", self.mapping(), "--what-if", "agents=5").stdout.decode()
        self.assertEqual(text.count("  nowhere, in any of these figures\n"), 2)

    def test_shares_of_the_question_and_of_the_policy(self):
        strict = self.ask(self.log(), "agents=1")["strict"]["taken"]
        for question, policy in (("agents=1,shares=high:first,normal:first", {}),
                                 ("shares=normal:first,high:first,agents=1", {}),
                                 ("agents=1", {"line": {"shares": {"high": "first", "normal": "first"}}}),
                                 ("agents=1,shares=normal:first", {"line": {"shares": {"normal": 2, "low": 3}}})):
            answer = self.ask(self.log(), question, *self.policy(**policy))
            self.assertEqual(answer["usher"]["taken"], strict, question)
        self.assertEqual(answer["shares"], {"normal": "first"})
        eager = self.ask(self.log(), "agents=1,shares=urgent:1,low:first")
        self.assertEqual([eager["tickets"][i]["ticket"] for i in eager["usher"]["taken"]], list("ABECD"))

    def test_promises_by_hand(self):
        """A first word within 50 minutes, a solution within 75, to the millisecond."""
        policy = {"promises": {"ack": {"target": "50m"}, "resolve": {"target": "1h15m"}, "answer": {"target": "1m"}}}
        answer = self.ask(self.log(), "agents=1", *self.policy(**policy))
        # C has its word at the fiftieth minute: kept. D's solution comes after 45 + 30 minutes in strict order: kept.
        for key, words, solutions in (("fcfs", 3, 2), ("strict", 3, 3), ("usher", 2, 2)):
            self.assertEqual(answer[key]["kept"]["ack"]["all"], {"kept": words, "broken": 5 - words}, key)
            self.assertEqual(answer[key]["kept"]["resolve"]["all"], {"kept": solutions, "broken": 5 - solutions}, key)
        short = {"promises": {"ack": {"target": "2999999ms"}, "resolve": {"target": "4499999ms"}}}
        answer = self.ask(self.log(), "agents=1", *self.policy(**short))
        self.assertEqual(answer["fcfs"]["kept"]["ack"]["all"]["kept"], 2)
        self.assertEqual(answer["strict"]["kept"]["resolve"]["all"]["kept"], 2)

    def test_a_gap_keeps_one_person_from_walling_off_the_others(self):
        rows = []
        for name, minute, who in (("A", 0, "m"), ("B", 1, "m"), ("C", 2, "m"), ("D", 3, "m"), ("E", 4, "n")):
            at = T0 + minute * MINUTE
            rows += [(name, at, "new", "normal", who), (name, at + DAY, "work", "normal", who),
                     (name, at + DAY + 30 * MINUTE, "done", "normal", who)]
        answer = self.ask(text_of(sorted(rows, key=lambda r: r[1])), "agents=1", *self.policy(line={"gap": "2m"}))
        self.assertEqual([answer["tickets"][i]["ticket"] for i in answer["usher"]["taken"]], list("ABCED"))

    def test_touch_times(self):
        rows = [("A", 0, "new"), ("A", 10, "work"), ("A", 30, "pause"), ("A", 100, "work"), ("A", 105, "work"), ("A", 110, "done"),
                ("A", 200, "work"), ("A", 207, "done"), ("B", 1, "new"), ("B", 50, "done"), ("C", 2, "new"), ("C", 190, "work"),
                ("D", 3, "new"), ("E", 4, "new"), ("E", 150, "work"), ("E", 151, "done"), ("F", 5, "done"),
                ("G", 6, "new"), ("H", 7, "new"), ("H", 8, "work"), ("H", 18, "gone"), ("G", 19, "gone"), ("A", 300, "shut")]
        rows.sort(key=lambda r: r[1])
        text = "t,at,s,p,who\n" + "".join(f"{t},{T0 + at * MINUTE},{s},{'low' if t == 'D' else 'normal'},\n" for t, at, s in rows)
        mapping = self.mapping(states={**MAPPING["states"], "gone": "withdraw"})
        done = run(self.file("log.csv", text), "--mapping", mapping, "--what-if", "agents=1", "--json")
        answer = json.loads(done.stdout)["what_if"]
        # A: 20 + 10 + 7 minutes. C is cut off by the log's end. Half of A, C, E, H: 10 minutes; D's priority has none of its own.
        self.assertEqual({t["ticket"]: (t["touch_ms"] // MINUTE, t["guessed"]) for t in answer["tickets"]},
                         {"A": (37, False), "B": (10, True), "C": (110, False), "D": (10, True), "E": (1, False),
                          "F": (10, True), "H": (10, False)})
        touch = answer["touch"]
        self.assertEqual((touch["guessed"], touch["cut_off"], touch["gave_up"]), (3, 1, 1))
        self.assertEqual((touch["shown_ms"] // MINUTE, touch["sum_ms"] // MINUTE, touch["in_hands_most"]), (158, 188, 2))

    def test_what_the_policy_has_for_other_purposes_is_left_out(self):
        """Leases that would end, limits that would refuse, a ladder that moves: none of them is about the order."""
        plain = self.ask(self.log(), "agents=1")
        answer = self.ask(self.log(), "agents=1", *self.policy(
            preset="desk", lease={"for": "1m", "max": "1m"}, retry={"attempts": 1}, limits={"open": 1}, line={"gap": "0s"},
            aftercare={"confirm_within": "1m"}, ladder=[{"on": "resolve", "at": "1%", "move": "elsewhere"}]))
        for key in ("usher", "fcfs", "strict"):
            self.assertEqual(answer[key]["taken_at"], plain[key]["taken_at"])
            self.assertEqual(answer[key]["lifted"], 0)

    def test_a_ladder_lifts_in_ushers_line_only(self):
        answer = self.ask(self.log(), "agents=1", *self.policy(
            promises={"ack": {"target": "1h"}}, ladder=[{"on": "ack", "at": "50%", "priority": "urgent"}]))
        # B is urgent from 8:35 on, after C of 8:10 by its due and before D.
        self.assertEqual([answer["tickets"][i]["ticket"] for i in answer["usher"]["taken"]], list("ACBDE"))
        self.assertEqual(answer["usher"]["lifted"], 3) # B, D and E: the others have their word by then
        self.assertEqual([answer["tickets"][i]["ticket"] for i in answer["strict"]["taken"]], list("ACDBE"))


class AgainstASecondOne(WhatIf):
    """Logs that are drawn, and an implementation that knows nothing of this one."""

    def check(self, seed, agents, gap=0, shares=None, **size):
        rows = draw_rows(seed, **size)
        question = f"agents={agents}"
        if shares:
            question += ",shares=" + ",".join(f"{band}:{share}" for band, share in shares.items())
        policy = self.policy(promises={"ack": {"target": {k: f"{v}ms" for k, v in BUILTIN_ACK.items()}},
                                       "resolve": {"target": {k: f"{v}ms" for k, v in BUILTIN_RESOLVE.items()}}},
                             line={"gap": f"{gap}ms"})
        answer = self.ask(text_of(rows), question, *policy)
        tickets = naive.tickets_of([(*r, None) for r in rows])
        with self.subTest(seed=seed):
            self.check_invariants(answer)
            self.check_against_naive(answer, tickets, naive.Usher(tickets, BUILTIN_ACK, shares, gap), BUILTIN_ACK, BUILTIN_RESOLVE)
        return answer

    def test_many_small_ones(self):
        for seed in range(40):
            self.check(seed, 1 + seed % 4, tickets=30, people=12, minutes=600, busy=90)

    def test_few_people_with_many_tickets_and_a_gap(self):
        for seed in range(100, 130):
            self.check(seed, 1 + seed % 3, gap=10 * MINUTE, tickets=40, people=3, minutes=500, busy=60)

    def test_other_shares(self):
        draw = random.Random(7)
        for seed in range(200, 230):
            shares = {band: draw.choice(("first", 1, 2, 3, 5, 1000)) for band in naive.BANDS if draw.random() < 0.7}
            self.check(seed, 2, shares=shares, tickets=40, people=40, minutes=300, busy=60)

    def test_all_at_once(self):
        """Who comes in the same instant stands in the line before any of them is taken."""
        answer = self.check(1, 3, tickets=60, people=60, minutes=1, busy=40)
        self.assertEqual(answer["fcfs"]["passed_over"]["times"], 0)
        self.assertEqual(answer["strict"]["passed_over"]["times"], 0)

    def test_agents_without_end(self):
        for key in ("usher", "fcfs", "strict"):
            self.assertEqual(self.check(2, 1000, tickets=60, people=9, minutes=90, busy=40)[key]["waited_ms"], 0)


class BusinessHours(WhatIf):
    def test_first_words_by_the_calendar_of_the_policy(self):
        policy = json.loads(OFFICE.read_text())
        desk, targets = policy["calendars"]["desk"], {"urgent": 15, "high": 60, "normal": 240, "low": 480}
        done = run(*SAMPLE, "--what-if", "agents=2", "--policy", OFFICE, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        answer = json.loads(done.stdout)["what_if"]
        self.check_invariants(answer)
        def instant(ms):
            return datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
        for key in ("usher", "fcfs", "strict"):
            kept = sum(open_minutes(desk, instant(t["at"]), instant(at)) <= targets[t["priority"]]
                       for t, at in zip(answer["tickets"], answer[key]["taken_at"]))
            self.assertEqual(answer[key]["kept"]["ack"]["all"], {"kept": kept, "broken": 60 - kept}, key)
            self.assertTrue(0 < kept < 60)

    def test_touch_times_are_those_of_the_replay(self):
        shown = json.loads(run(*SAMPLE, "--what-if", "agents=2", "--json").stdout)["what_if"]["touch"]["shown_ms"]
        self.assertEqual(shown, json.loads(run(*SAMPLE, "--json").stdout)["conservation"]["held_ms"])


@unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
class Incidents(WhatIf):
    """890 real incidents. Arrivals and touch times are read from the file alone."""

    @classmethod
    def setUpClass(cls):
        states = {"New": "new", "Active": "work", "Resolved": "done", "Closed": "shut"}
        bands = dict(zip(("1 - Critical", "2 - High", "3 - Moderate", "4 - Low"), naive.BANDS))
        def ms(text):
            return int(datetime.datetime.strptime(text, "%d-%m-%Y %H:%M").replace(tzinfo=datetime.timezone.utc).timestamp()) * 1000
        with open(INCIDENTS, newline="") as file:
            rows = [(r["number"], ms(r["sys_updated_at"]), states.get(r["incident_state"], "pause"), bands[r["priority"]],
                     r["caller_id"].replace("?", ""), ms(r["opened_at"])) for r in csv.DictReader(file)]
        cls.tickets = naive.tickets_of(rows)

    def test_all_of_them_in_three_orders(self):
        for agents in (80, 150, 400):
            done = run(*INCIDENT_ARGUMENTS, "--what-if", f"agents={agents}", "--json")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            answer = json.loads(done.stdout)["what_if"]
            self.assertEqual(len(answer["tickets"]), 890)
            self.check_invariants(answer)
            self.check_against_naive(answer, self.tickets, naive.Usher(self.tickets, BUILTIN_ACK), BUILTIN_ACK, BUILTIN_RESOLVE)

    def test_touch_times_are_those_of_the_replay(self):
        shown = json.loads(run(*INCIDENT_ARGUMENTS, "--what-if", "agents=150", "--json").stdout)["what_if"]["touch"]["shown_ms"]
        self.assertEqual(shown, json.loads(run(*INCIDENT_ARGUMENTS, "--json").stdout)["conservation"]["held_ms"])

    def test_the_picture_beside_the_program(self):
        """examples/replay/what-if.svg, byte for byte, by the command that the README names."""
        run(*INCIDENT_ARGUMENTS, "--what-if", "agents=150", "--svg", self.folder / "a.svg")
        self.assertEqual((self.folder / "a.svg").read_bytes(), (REPLAY / "what-if.svg").read_bytes())


def box_of(text):
    """Where a text is drawn: DejaVu Sans, a wide one, takes 0.49 of a line's height for a character on the whole."""
    size = 20 if text.get("class") == "title" else 14
    x, y, anchor = float(text.get("x")), float(text.get("y")), text.get("text-anchor")
    width = 0.55 * size * len(text.text)
    left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
    box = (left, y - size, left + width, y + 0.3 * size)
    if text.get("transform"):
        assert text.get("transform") == f"rotate(-90 {text.get('x')} {text.get('y')})"
        corners = [(x + (b - y), y - (a - x)) for a in (box[0], box[2]) for b in (box[1], box[3])]
        box = tuple(f(c[k] for c in corners) for f, k in ((min, 0), (min, 1), (max, 0), (max, 1)))
    return box


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class Pictures(WhatIf):
    SVG = "{http://www.w3.org/2000/svg}"

    def draw(self, arguments, agents):
        path = self.folder / "picture.svg"
        done = run(*arguments, "--what-if", f"agents={agents}", "--svg", path)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return xml.parse(path).getroot()

    def check(self, picture):
        left, top, width, height = map(float, picture.get("viewBox").split())
        self.assertEqual((left, top, width, height), (0, 0, float(picture.get("width")), float(picture.get("height"))))
        texts = picture.findall(f"{self.SVG}text")
        boxes = [box_of(text) for text in texts]
        for text, box in zip(texts, boxes):
            self.assertTrue(box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height, (text.text, box))
        for i, box in enumerate(boxes):
            for k in range(i):
                self.assertFalse(overlap(box, boxes[k]), (texts[i].text, texts[k].text))
        paths = picture.findall(f"{self.SVG}path")
        legend, curves = paths[:3], paths[3:]
        self.assertEqual(len(curves) % 3, 0)
        points = []
        for path in paths:
            points.append([tuple(map(float, p.split())) for p in re.findall(r"[ML]([-\d. ]+)", path.get("d"))])
            for x, y in points[-1]:
                self.assertTrue(0 <= x <= width and 0 <= y <= height, path.get("d"))
        # The legend lies above all that is drawn, and no text lies on a curve.
        lowest = max(y for each in points[:3] for _, y in each)
        self.assertGreater(min(y for each in points[3:] for _, y in each), lowest)
        for each in points[3:]:
            for (x1, y1), (x2, y2) in zip(each, each[1:]):
                line = (min(x1, x2), min(y1, y2) - 1, max(x1, x2), max(y1, y2) + 1)
                self.assertFalse([t.text for t, b in zip(texts, boxes) if overlap(line, b)])
        said = [t.text for t in texts]
        self.assertTrue(any(s.startswith("What if ") for s in said))
        self.assertTrue(any(s.startswith("how long they waited, in ") for s in said))
        self.assertIn("when they came (UTC)", said)
        for name in ("usher's line: ", "first come, first served: ", "strict priority: "):
            self.assertEqual(sum(s.startswith(name) for s in said), 1)
        self.assertEqual(picture.find(f"{self.SVG}title").text, said[0])
        return curves, points[3:], said

    def test_the_sample(self):
        picture = self.draw(SAMPLE, 2)
        curves, _, said = self.check(picture)
        self.assertEqual([c.get("class") for c in curves], ["ink grey", "ink orange", "ink blue"] * 4)
        self.assertIn("urgent: 2 tickets", said)
        style = picture.find(f"{self.SVG}style").text
        self.assertIn("@media (prefers-color-scheme: dark)", style)

    def test_what_is_drawn_is_what_is_told(self):
        """Each step of each line against the waits of those who came in that stretch."""
        picture = self.draw(SAMPLE, 2)
        _, points, said = self.check(picture)
        answer = json.loads(run(*SAMPLE, "--what-if", "agents=2", "--json").stdout)["what_if"]
        texts = picture.findall(f"{self.SVG}text")
        grid = [tuple(float(l.get(k)) for k in ("x1", "y1", "x2", "y2")) for l in picture.findall(f"{self.SVG}line")
                if l.get("class") == "axis"]
        feet = sorted(y1 for x1, y1, x2, y2 in grid if y1 == y2)
        marks = [(float(t.get("y")) - 5, int(t.text)) for t in texts if t.get("text-anchor") == "end"][:20]
        top = max(value for _, value in marks)
        scale = (feet[0] - min(y for y, _ in marks)) / (top * DAY)
        first, step = datetime.datetime(2026, 3, 2), 12 * HOUR
        start = int(first.replace(tzinfo=datetime.timezone.utc).timestamp()) * 1000
        for panel, band in enumerate(naive.BANDS):
            for line, key in enumerate(("strict", "fcfs", "usher")):
                bins = {}
                for ticket, at in zip(answer["tickets"], answer[key]["taken_at"]):
                    if ticket["priority"] == band:
                        bins.setdefault((ticket["at"] - start) // step, []).append(at - ticket["at"])
                expected = [feet[panel] - naive.nearest_rank(bins[b], 90) * scale for b in sorted(bins)]
                heights = [y for _, y in points[3 * panel + line]][::2]
                self.assertEqual(len(heights), len(expected))
                for drawn, told in zip(heights, expected):
                    self.assertAlmostEqual(drawn, told, delta=0.11)

    def test_logs_of_all_lengths(self):
        for minutes, agents, tickets in ((1, 1, 1), (3, 1, 5), (200, 1, 30), (3000, 2, 50), (60 * 24 * 40, 1, 300),
                                         (60 * 24 * 366, 1, 500), (60 * 24 * 366 * 12, 1, 300)):
            rows = draw_rows(minutes, tickets, 9, minutes, 500)
            with self.subTest(minutes=minutes):
                self.check(self.draw([self.file("log.csv", text_of(rows)), "--mapping", self.mapping()], agents))

    def test_a_name_that_is_no_xml(self):
        for name in ("a<b>&\"c'" + "long" * 30, "ä" * 40 + "\u202e", os.fsdecode(b"\xff\xfe\xe4\x01x")):
            path = self.file(f"{name}.csv", text_of(draw_rows(1, 9, 2, 50, 20)))
            self.check(self.draw([path, "--mapping", self.mapping()], 1))

    @unittest.skipUnless(INCIDENTS.exists(), "incidents.csv is not here")
    def test_the_incidents(self):
        self.check(self.draw(INCIDENT_ARGUMENTS, 150))


class Terminal(WhatIf):
    def shown(self, **environment):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        process = subprocess.Popen([test_replay.PROGRAM, *SAMPLE, "--what-if", "agents=2"], stdout=follower,
                                   env={**os.environ, **environment})
        os.close(follower)
        shown = read_all(leader)
        self.assertEqual(process.wait(60), 0)
        return shown.replace("\r\n", "\n")

    def test_ascii_unless_it_is_a_terminal_that_shows_more(self):
        plain = run(*SAMPLE, "--what-if", "agents=2").stdout.decode()
        plain.encode("ascii")
        try:
            simple, blocks = self.shown(LC_ALL="C"), self.shown(LC_ALL="C.UTF-8")
        except OSError as error:
            self.skipTest(f"no terminal to be had: {error}")
        self.assertEqual(simple, plain)
        marks = dict(zip("▁▂▃▄▅▆▇█", ".:-=+*#@"))
        self.assertTrue(set(marks) & set(blocks))
        strips = [(a, b) for a, b in zip(blocks.splitlines(), plain.splitlines()) if a != b]
        for a, b in strips:
            self.assertEqual("".join(marks.get(c, c) for c in a), b)
        self.assertGreater(len(strips), 9)

    def test_the_strips(self):
        """A column is half a day from 2 March on; a mark is an eighth of the longest."""
        answer = json.loads(run(*SAMPLE, "--what-if", "agents=2", "--json").stdout)["what_if"]
        heights = {}
        for key in ("usher", "fcfs", "strict"):
            for ticket, at in zip(answer["tickets"], answer[key]["taken_at"]):
                column = (ticket["at"] - 1772409600000) // (12 * HOUR)
                heights.setdefault((ticket["priority"], key), {}).setdefault(column, []).append(at - ticket["at"])
        heights = {k: {c: naive.nearest_rank(v, 90) for c, v in columns.items()} for k, columns in heights.items()}
        most = max(max(columns.values()) for columns in heights.values())
        expected = []
        for band in naive.BANDS:
            for key in ("usher", "fcfs", "strict"):
                strip = heights[band, key]
                expected.append("".join(".:-=+*#@"[min(7, strip[c] * 8 // most)] if c in strip else " " for c in range(1 + max(strip))))
        lines = run(*SAMPLE, "--what-if", "agents=2").stdout.decode().splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("How long nine of ten waited, ")) + 1
        self.assertEqual([line[34:] for line in lines[first:first + 12]], expected)

    def test_lines_fit(self):
        for arguments in (SAMPLE, [*SAMPLE, "--policy", OFFICE]):
            for line in run(*arguments, "--what-if", "agents=1,shares=low:first").stdout.decode().splitlines():
                self.assertLessEqual(len(line), 100)
                self.assertEqual(line, line.rstrip())

    def test_it_says_what_it_rests_on(self):
        text = " ".join(run(*SAMPLE, "--what-if", "agents=2").stdout.decode().split())
        definitions = json.loads(run(*SAMPLE, "--what-if", "agents=2", "--json").stdout)["what_if"]["definitions"]
        self.assertEqual(set(definitions), {"wait", "touch", "touch_missing", "agents", "ties", "promises", "passed_over",
                                            "usher", "fcfs", "strict"})
        for words in definitions.values():
            self.assertIn(words, text)

    def test_the_readme_shows_it(self):
        readme = (REPLAY / "README.md").read_text()
        shown = readme.split("better for everybody:\n\n")[1].split("\n\n")[0]
        shown = [line[4:] for line in shown.splitlines()]
        self.assertEqual(len(shown), 3)
        self.assertIn("\n".join(shown), run(*SAMPLE, "--what-if", "agents=2").stdout.decode())

    def test_the_same_output_each_time(self):
        for form in ([], ["--json"]):
            self.assertEqual(run(*SAMPLE, "--what-if", "agents=3", *form).stdout, run(*SAMPLE, "--what-if", "agents=3", *form).stdout)


class Errors(WhatIf):
    def test_questions_that_are_none(self):
        for question, expected in (("", "how many agents? agents=N is needed"), ("shares=low:1", "how many agents?"),
                                   ("agents=0", "agents=0: a whole number from 1 to 1000 is needed"),
                                   ("agents=1001", "agents=1001: a whole number from 1 to 1000"),
                                   ("agents=99999999999999999999", "a whole number from 1 to 1000"),
                                   ("agents=-1", "a whole number"), ("agents=", "agents=: a whole number"),
                                   ("agents=2x", "agents=2x: a whole number"), ("agents= 2", "a whole number"),
                                   ("agents", "\"agents\": KEY=VALUE is needed"), ("agents=2,", "\"\": KEY=VALUE is needed"),
                                   ("agents=2,seats=3", "seats: there is no such key; known are agents, shares"),
                                   ("agents=2,agents=3", "agents is given twice"),
                                   ("agents=2,high:3", "\"high:3\": KEY=VALUE is needed"),
                                   ("agents=2,shares=", "shares: \"\": there is no such priority; known are urgent, high"),
                                   ("agents=2,shares=vip:1", "shares: \"vip\": there is no such priority"),
                                   ("agents=2,shares=high", "shares: high: after \"high:\" \"first\" or a whole number"),
                                   ("agents=2,shares=high:0", "shares: high:0: after \"high:\""),
                                   ("agents=2,shares=high:1001", "from 1 to 1000 is needed"),
                                   ("agents=2,shares=high:firs", "shares: high:firs: "),
                                   ("agents=2,shares=low:1,low:2", "shares: low is given twice"),
                                   ("agents=2,shares=low:1,shares=high:2", "shares is given twice")):
            with self.subTest(question=question):
                self.refused(2, f"--what-if: {expected}" if not expected.startswith("from") and "=" in expected[:8] else expected,
                             *SAMPLE, f"--what-if={question}")
        self.refused(2, "how many agents?", *SAMPLE, "--what-if")

    def test_options_that_do_not_go_together(self):
        self.refused(2, "--svg: a picture of what? --what-if is needed", *SAMPLE, "--svg", self.folder / "a.svg")
        self.refused(2, "--what-if serves in memory: --store is for a replay", *SAMPLE, "--what-if", "agents=1", "--store",
                     f"sqlite:{self.folder}/a.db")
        self.refused(2, "a file is needed after --svg", *SAMPLE, "--what-if", "agents=1", "--svg")

    def test_a_picture_that_cannot_be_written(self):
        self.refused(1, "No such file or directory", *SAMPLE, "--what-if", "agents=1", "--svg", self.folder / "no" / "a.svg")
        if os.path.exists("/dev/full"):
            self.refused(1, "/dev/full: ", *SAMPLE, "--what-if", "agents=1", "--svg", "/dev/full")

    def test_policies_that_are_wrong(self):
        for policy, expected in (("{", "policy: "), ("[]", "policy: "), ('{"line": 3}', "policy: line: "),
                                 ('{"lease": []}', "policy: lease: "), ('{"promises": {"ack": {"target": "0s"}}}', "promises.ack.target")):
            self.refused(1, expected, *SAMPLE, "--what-if", "agents=1,shares=low:2", "--policy", self.file("policy.json", policy))

    def test_a_log_without_touch(self):
        self.refused(1, "no ticket of this log was ever in an agent's hands",
                     self.file("log.csv", text_of([("A", T0, "new", "low", "m"), ("A", T0 + 1, "done", "low", "m")])),
                     "--mapping", self.mapping(), "--what-if", "agents=1")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        test_replay.PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
