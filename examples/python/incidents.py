#!/usr/bin/env python3
"""How long did people wait, and was it what they had been promised?

    incidents.py                                     the sample in examples/replay
    incidents.py LOG.csv --mapping MAPPING.json      a log of your own
    incidents.py --svg waits.svg                     draws it, too

Reads an event log of a service desk (the mappings are those of examples/replay), does to a service
on the manual clock what the log says was done, minute by minute, each minute's commands in one
batch, and reads from usher's events what the people who waited got. Standard library only.
"""
from __future__ import annotations

import argparse
import csv
import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Iterable, Iterator, TextIO

import usher
from usher import As, EventKind, On, Priority, Promised, Verb

REPLAY = Path(__file__).resolve().parents[1] / "replay"
PRIORITIES = (Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW)
PANELS = ((Promised.ACK, "until the first word"), (Promised.RESOLVE, "until it was solved"))


# ---- the log ------------------------------------------------------------------------------------


@dataclass
class Row:
    at: datetime
    ticket: str
    means: str  # "claim", "pause requester" ...; see examples/replay/README.md
    opened: datetime | None
    requester: str
    priority: Priority | None
    agent: str


def read_log(path: Path, mapping_path: Path) -> list[Row]:
    mapping = json.loads(mapping_path.read_text())
    columns, form = mapping["columns"], mapping["instant"]["format"]
    zone = datetime.strptime(mapping["instant"].get("offset", "+00:00"), "%z").tzinfo
    missing = {"", *mapping.get("missing", [])}

    def instant(text: str) -> datetime:
        return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(timezone.utc)

    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file, delimiter=mapping.get("separator", ",")):

            def cell(name: str) -> str:
                value = cells.get(columns.get(name, ""), "") or ""
                return "" if value in missing else value

            grade = mapping["priorities"].get(cell("priority"))
            rows.append(
                Row(
                    at=instant(cell("instant")),
                    ticket=cell("ticket"),
                    means=mapping["states"].get(cell("state"), "note"),
                    opened=instant(cell("opened")) if cell("opened") else None,
                    requester=cell("requester") or "unknown",
                    priority=Priority[grade.upper()] if grade else None,
                    agent=cell("agent") or "somebody",
                )
            )
    rows.sort(key=lambda r: r.at)  # stable: rows of one minute stay in the file's order
    return rows


@dataclass
class Act:
    """One thing that happened to one ticket."""

    at: datetime
    ticket: str
    what: str
    row: Row


def acts(rows: Iterable[Row], assumed: Counter[str]) -> Iterator[Act]:
    """What must have happened for each row to be as it is, from what the rows before left."""
    stands: dict[str, str] = {}  # ticket -> waiting, work, paused, solved, ended
    grades: dict[str, Priority] = {}
    for r in rows:

        def act(what: str, at: datetime = r.at) -> Act:
            return Act(at, r.ticket, what, r)

        stand = stands.get(r.ticket)
        if stand is None:
            opened = min(r.opened or r.at, r.at)
            if r.opened is None or r.opened > r.at:
                assumed["opened when first seen, for the log has no earlier time"] += 1
            yield act("enqueue", opened)
            stand, grades[r.ticket] = "waiting", r.priority or Priority.NORMAL
        if stand == "ended":
            assumed["rows after the end, left out"] += 1
            continue
        if r.priority and r.priority != grades[r.ticket] and stand != "solved":
            yield act("reprioritise")
            grades[r.ticket] = r.priority

        if r.means in ("confirm", "withdraw") and (r.means == "withdraw" or stand == "solved"):
            yield act(r.means)
            stand = "ended"
        elif r.means in ("ask", "reply"):
            yield act(r.means if stand != "solved" else "note")
            if r.means == "reply" and stand == "paused":
                stand = "waiting"
        elif r.means == "enqueue":
            if stand == "work":
                yield act("release")
                stand = "waiting"
        elif r.means in ("claim", "resolve", "confirm") or r.means.startswith("pause"):
            if stand == "solved" and r.means != "resolve":
                yield act("reopen")
                stand = "waiting"
            if stand == "waiting" or (stand == "paused" and r.means == "claim"):
                yield act("claim")
                yield act("acknowledge")
                assumed["claims that are taken for a word, too"] += 1
                stand = "work"
            if r.means.startswith("pause") and stand == "work":
                yield act(r.means)
                stand = "paused"
            elif r.means in ("resolve", "confirm") and stand != "solved":
                yield act("resolve")
                stand = "solved"
                if r.means == "confirm":
                    assumed["closed without having been solved: solved then"] += 1
                    yield act("confirm")
                    stand = "ended"
        elif r.means == "update" and stand == "work":
            yield act("update")
        stands[r.ticket] = stand


# ---- usher --------------------------------------------------------------------------------------


@dataclass
class Found:
    """What the events told."""

    came: dict[int, Priority] = field(default_factory=dict)  # ticket -> what it came with
    waits: dict[Promised, dict[int, timedelta]] = field(
        default_factory=lambda: {promise: {} for promise, _ in PANELS}
    )
    kept: dict[Promised, list[int]] = field(default_factory=lambda: {p: [] for p in Promised})
    broken: dict[Promised, list[int]] = field(default_factory=lambda: {p: [] for p in Promised})

    def hear(self, e: usher.Event) -> None:
        if e.ticket is None:
            return  # about the queue, not about somebody who waits
        if e.kind is EventKind.ENQUEUED and e.priority is not None:
            self.came[e.ticket] = e.priority
        elif e.kind is EventKind.RESOLVED and e.took is not None:
            self.waits[Promised.RESOLVE][e.ticket] = e.took
        elif e.kind is EventKind.REOPENED:  # it was not solved after all
            self.waits[Promised.RESOLVE].pop(e.ticket, None)
        elif e.kind is EventKind.BROKEN and e.promise is not None:
            self.broken[e.promise].append(e.ticket)
        if e.word is not None:  # the first word: how long it was waited for
            self.waits[Promised.ACK][e.ticket] = e.word
        for promise in e.kept:
            self.kept[promise].append(e.ticket)

    def people(self, p: Priority) -> int:
        return sum(came is p for came in self.came.values())

    def waited(self, promise: Promised, p: Priority) -> list[timedelta]:
        return sorted(w for ticket, w in self.waits[promise].items() if self.came[ticket] is p)

    def judged(self, promise: Promised, p: Priority) -> tuple[int, int]:
        """In time, and late: once late it stays late, however often the ticket comes back."""
        late = set(self.broken[promise])
        in_time = set(self.kept[promise]) - late
        return sum(self.came[t] is p for t in in_time), sum(self.came[t] is p for t in late)


VERBS = {
    "acknowledge": Verb.ACKNOWLEDGE,
    "update": Verb.UPDATE,
    "release": Verb.RELEASE,
    "resolve": Verb.RESOLVE,
    "ask": Verb.ASK,
    "reply": Verb.REPLY,
    "confirm": Verb.CONFIRM,
    "reopen": Verb.REOPEN,
    "withdraw": Verb.WITHDRAW,
    "note": Verb.NOTE,
    "reprioritise": Verb.REPRIORITISE,
    "pause requester": Verb.PAUSE,
    "pause third_party": Verb.PAUSE,
}
KINDS = {"pause requester": On.REQUESTER, "pause third_party": On.THIRD_PARTY, "resolve": As.FIX}
WORDS = {
    "acknowledge": "somebody has it",
    "update": "a word",
    "pause requester": "a question",
    "reply": "an answer",
}
# What only the holder may say.
HELD = (Verb.ACKNOWLEDGE, Verb.UPDATE, Verb.RELEASE, Verb.RESOLVE, Verb.PAUSE)


def command(a: Act, ticket: int, claim: usher.Claim | None, person: str) -> usher.Command:
    verb = VERBS[a.what]
    kind = a.row.priority or 0 if verb is Verb.REPRIORITISE else KINDS.get(a.what, 0)
    on: usher.Claim | int = claim if claim is not None and verb in HELD else ticket
    return usher.Command(verb, on, WORDS.get(a.what), kind, who=person)


def verify(found: Found, figures: usher.Figures) -> None:
    """What was counted from the events is what the service has counted itself."""
    counted = {p: len(tickets) for p, tickets in found.kept.items()}
    broken = {p: len(tickets) for p, tickets in found.broken.items()}
    assert (counted, broken) == (figures.kept, figures.broken), (counted, broken, figures)
    assert len(found.came) == figures.enqueued


def replay(history: list[Act], policy: Path) -> Found:
    found = Found()
    clock = usher.ManualClock(history[0].at)
    with usher.Service("memory:", clock=clock) as desk:
        desk.subscribe(found.hear)
        queue = desk.queue("desk", policy)
        tickets: dict[str, int] = {}
        claims: dict[str, usher.Claim] = {}
        people: dict[str, str] = {}
        batch: list[usher.Command] = []

        def flush() -> None:
            desk.act_many(batch).raise_any()
            batch.clear()

        for at, together in groupby(history, key=lambda a: a.at):
            desk.advance(at)  # whatever falls due until then happens at its own instant
            minute = list(together)
            new = [a for a in minute if a.what == "enqueue"]
            people.update((a.ticket, a.row.requester) for a in new)
            came = queue.enqueue_many(
                usher.Request(a.row.requester, ref=a.ticket, priority=a.row.priority) for a in new
            )
            tickets.update(zip((a.ticket for a in new), came.tickets))
            for a in minute:
                if a.what == "claim":
                    flush()  # what was done to it before comes first
                    claims[a.ticket] = desk.agent(a.row.agent).claim_ticket(tickets[a.ticket])
                elif a.what != "enqueue":
                    batch.append(
                        command(a, tickets[a.ticket], claims.get(a.ticket), people[a.ticket])
                    )
            flush()
        verify(found, queue.figures()[0])  # the first row is of all priorities
    return found


# ---- what it says -------------------------------------------------------------------------------


def length(d: timedelta) -> str:
    minutes = round(d / timedelta(minutes=1))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def within(waits: list[timedelta], percent: int) -> str:
    """The smallest wait that so many per cent do not exceed."""
    return length(waits[math.ceil(len(waits) * percent / 100) - 1]) if waits else "-"


def print_table(found: Found) -> None:
    for promise, title in PANELS:
        print(f"\n{title:<24}{'came':>6}{'in time':>9}{'late':>6}", end="")
        print(f"{'half within':>14}{'nine of ten':>14}{'longest':>14}")
        for p in PRIORITIES:
            waits, (in_time, late) = found.waited(promise, p), found.judged(promise, p)
            print(f"  {p:<22}{found.people(p):>6}{in_time:>9}{late:>6}", end="")
            print("".join(f"{within(waits, percent):>14}" for percent in (50, 90, 100)))


# ---- how it looks -------------------------------------------------------------------------------

WIDTH, HEIGHT = 880, 510
TOP, BOTTOM, PANEL, LEFTS = 164, 424, 366, (62, 488)
TICKS = (
    (1, "1 min"),
    (10, "10 min"),
    (60, "1 h"),
    (480, "8 h"),
    (1440, "1 d"),
    (10080, "1 wk"),
    (43200, "30 d"),
)

STYLE = """
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
.title { font-size: 20px; font-weight: 600; } .head { font-size: 15px; font-weight: 600; }
.ground { fill: #ffffff; } .quiet { fill: #57606a; }
.grid { stroke: #e3e7ec; } .axis { stroke: #6e7781; }
.curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.curve.urgent { stroke: #b3123c; } .dot.urgent { fill: #b3123c; }
.curve.high { stroke: #c46000; stroke-dasharray: 9 3; } .dot.high { fill: #c46000; }
.curve.normal { stroke: #0069a8; } .dot.normal { fill: #0069a8; }
.curve.low { stroke: #6b7280; stroke-dasharray: 2 3; } .dot.low { fill: #6b7280; }
.dot { stroke: #ffffff; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .ground { fill: #0d1117; } .quiet { fill: #9198a1; }
.grid { stroke: #222933; } .axis { stroke: #768390; } .dot { stroke: #0d1117; }
.curve.urgent { stroke: #ff7b9c; } .dot.urgent { fill: #ff7b9c; }
.curve.high { stroke: #f0a030; } .dot.high { fill: #f0a030; }
.curve.normal { stroke: #56b4e9; } .dot.normal { fill: #56b4e9; }
.curve.low { stroke: #a9b3be; } .dot.low { fill: #a9b3be; }
}
"""


class Picture:
    """An SVG file, line by line."""

    def __init__(self, out: TextIO, title: str, about: str) -> None:
        self.out = out
        self.put(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
            f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        )
        self.put(f"<title>{escape(title)}</title><desc>{escape(about)}</desc>")
        self.put(f"<style>{STYLE}</style>")
        self.put(f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>')

    def put(self, line: str) -> None:
        print(line, file=self.out)

    def text(self, x: float, y: float, what: str, look: str = "", anchor: str = "start") -> None:
        where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self.put(f'<text {where} class="{look}">{escape(what)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
        where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self.put(f'<line {where} class="{look}"/>')


def draw_panel(to: Picture, left: int, promise: Promised, found: Found, policy: Any) -> None:
    """For each priority: which share of the people had waited no longer than so long."""
    minute = timedelta(minutes=1)
    longest = max(found.waits[promise].values(), default=minute) / minute
    last = next((minutes for minutes, _ in TICKS if minutes >= longest), longest)

    def x_of(d: timedelta) -> float:
        return left + PANEL * min(math.log(max(d / minute, 1)) / math.log(max(last, 2)), 1)

    def y_of(share: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * share

    for share in (0, 0.25, 0.5, 0.75, 1):
        to.line(left, y_of(share), left + PANEL, y_of(share), "grid" if share else "axis")
        to.text(left - 8, y_of(share) + 4.5, f"{share:.0%}", "quiet", "end")
    for minutes, name in TICKS:
        if minutes <= last:
            x = x_of(minutes * minute)
            to.line(x, BOTTOM, x, BOTTOM + 5, "axis")
            to.text(x, BOTTOM + 21, name, "quiet", "middle")

    for row, p in reversed(list(enumerate(PRIORITIES))):  # the most urgent comes last, on top
        waits, people = found.waited(promise, p), found.people(p)
        if not people:
            continue
        path = [f"M{left} {BOTTOM}"]
        path += [f"H{x_of(wait):.1f}V{y_of(i / people):.1f}" for i, wait in enumerate(waits, 1)]
        to.put(f'<path class="curve {p}" d="{"".join(path)}H{left + PANEL}"/>')
        target = target_of(policy, promise, p)
        if target is not None:
            y = y_of(sum(wait <= target for wait in waits) / people)
            to.put(f'<circle class="dot {p}" cx="{x_of(target):.1f}" cy="{y:.1f}" r="5"/>')
        in_time, late = found.judged(promise, p)
        x, y = left + 204 * (row % 2), 118 + 21 * (row // 2)
        to.line(x, y - 4.5, x + 20, y - 4.5, f"curve {p}")
        to.text(x + 27, y, f"{p}: {in_time} of {in_time + late} in time")


def draw(out: TextIO, subtitle: str, found: Found, policy: Any) -> None:
    title = "How long did people wait, and was it as promised?"
    about = "The share of those who came, by how long ago they had come."
    to = Picture(out, title, about)
    to.text(20, 34, title, "title")
    to.text(20, 57, subtitle, "quiet")
    for left, (promise, head) in zip(LEFTS, PANELS):
        to.text(left, 94, f"People waited {head}", "head")
        draw_panel(to, left, promise, found, policy)
    note = "Promised time stands still while somebody else is waited for: then more is in time."
    to.text(20, HEIGHT - 30, f"{about} A dot stands at what was promised.", "quiet")
    to.text(20, HEIGHT - 12, note, "quiet")
    to.put("</svg>")


UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def target_of(policy: Any, promise: Promised, priority: Priority) -> timedelta | None:
    """What the policy promises, where that is one length of wall time: business hours are not."""
    made = policy.get("promises", {}).get(str(promise), {})
    targets = made.get("target", "")
    if isinstance(targets, dict):  # a priority without one takes the next lower one's
        targets = next(
            (targets[str(p)] for p in PRIORITIES if p <= priority and str(p) in targets), ""
        )
    parts = re.findall(r"([0-9]+)([smhdw])", targets)
    if not parts or "calendar" in made or "".join(n + unit for n, unit in parts) != targets:
        return None
    return sum((int(n) * UNITS[unit] for n, unit in parts), timedelta())


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "log",
        nargs="?",
        type=Path,
        default=REPLAY / "sample.csv",
        help="a CSV file, one row per update",
    )
    p.add_argument(
        "--mapping",
        type=Path,
        default=REPLAY / "sample.json",
        help="what its columns and states mean",
    )
    p.add_argument("--policy", type=Path, default=REPLAY / "policy.json", help="what is promised")
    p.add_argument("--svg", type=Path, metavar="FILE", help="draw it")
    args = p.parse_args()

    assumed: Counter[str] = Counter()
    rows = read_log(args.log, args.mapping)
    if not rows:
        p.exit(1, f"{args.log}: no rows\n")
    history = sorted(acts(rows, assumed), key=lambda a: a.at)  # stable, again
    found = replay(history, args.policy)

    days = f"{rows[0].at:%d %b %Y} to {rows[-1].at:%d %b %Y}"
    subtitle = f"{len(found.came)} requests of {args.log.name}, {days}, under {args.policy.name}"
    print(subtitle)
    print_table(found)
    print("\nWhat the log does not say was assumed:")
    for what, n in assumed.most_common():
        print(f"  {n:>6}  {what}")
    if args.svg:
        with args.svg.open("w", encoding="utf-8") as out:
            draw(out, subtitle, found, json.loads(args.policy.read_text()))


if __name__ == "__main__":
    main()
