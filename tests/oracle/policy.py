"""Policies, compiled naively: only ones that are right are asked for here."""
import json
import math
import re

from hours import Always, Calendar
from words import PRIORITIES, PROMISES, REASONS

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

DEFAULT = {
    "calendars": {},
    "promises": {},
    "warn": [50, 80],
    "ladder": [],
    "notify_calendar": None,
    "line": {"shares": {"urgent": "first", "high": 8, "normal": 4, "low": 1},
             "gap": "0s", "keep_for": "15m"},
    "lease": {"for": "15m", "max": "8h"},
    "retry": {"attempts": 5, "backoff": ["10s", "1m", "10m", "1h"]},
    "pause": {name: {"max": "30d", "remind": [], "then": "wait"} for name in REASONS},
    "aftercare": {"check_in": [], "confirm_within": "5d", "reopen_within": "30d"},
    "handoff": {"accept_within": "30m", "hops": 5},
    "recurrence": {"window": "30d", "cause_after": 3, "cause_queue": None},
    "limits": {"open": 1_000_000, "payload": 1_048_576},
}
DESK = {
    "promises": {
        "ack": {"target": {"urgent": "15m", "high": "1h", "normal": "4h", "low": "8h"},
                "receipt": False},
        "answer": {"target": {name: "4h" for name in PRIORITIES}},  # "4h", for what is merged in
        "update": {"target": {"urgent": "1h", "normal": "48h"}, "named": "capped"},
        "resolve": {"target": {"urgent": "4h", "high": "8h", "normal": "72h", "low": "240h"},
                    "pauses": ["requester", "third_party"]},
    },
    "warn": [50, 80],
    "ladder": [
        {"on": "ack", "at": "100%", "notify": ["lead"], "raise": 1},
        {"on": "resolve", "at": "-1h", "notify": ["agent"]},
        {"on": "resolve", "at": "100%", "notify": ["lead", "manager"], "raise": 1,
         "repeat": "2h", "times": 3},
        {"on": "resolve", "at": "+24h", "priority": "high"},
    ],
    "line": {"shares": {"urgent": "first", "high": 8, "normal": 4, "low": 1},
             "gap": "1m", "keep_for": "15m"},
    "lease": {"for": "15m", "max": "8h"},
    "retry": {"attempts": 5, "backoff": ["10s", "1m", "10m", "1h"]},
    "pause": {"requester": {"max": "10d", "remind": ["2d", "5d"], "then": "resolve"},
              "third_party": {"max": "20d", "then": "wait"}},
    "aftercare": {"check_in": ["1d"], "confirm_within": "5d", "reopen_within": "30d"},
    "limits": {"open": 1_000_000, "payload": 1_048_576},
}
PAUSED_BY = {"ack": [], "answer": [], "update": ["requester"],
             "resolve": ["requester", "third_party", "until"]}


def duration(text):
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|s|m|h|d|w)", text))


def merged(below, above):
    """Objects are merged, anything else is replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    both = dict(below)
    for key, value in above.items():
        both[key] = merged(below[key], value) if key in below else value
    return both


def length(text):
    """(unit, how many) of a duration that may be one of working days."""
    days = re.fullmatch(r"(\d+)wd", text)
    return ("wd", int(days.group(1))) if days else ("ms", duration(text))


class Step:
    """A step of the ladder. `id` is what it is known by in a later version: its own text."""

    def __init__(self, index, given):
        self.index, self.id = index, json.dumps(given)
        self.on = given["on"]
        at = given["at"]
        self.percent = int(at[:-1]) if at.endswith("%") else None
        self.later = self.percent > 100 if self.percent else at[0] == "+"
        self.from_due = self.later or self.percent == 100  # not before it is told that it is broken
        self.unit, self.far = (None, 0) if self.percent else length(at[1:])
        self.wall = given.get("clock") == "wall"
        self.every_unit, self.every = length(given.get("repeat", "0s"))
        self.times = given.get("times", 0)
        self.notify = given.get("notify", [])
        self.up = given.get("raise", 0)
        self.priority = PRIORITIES.get(given.get("priority"), 0)
        self.move = given.get("move")
        self.rule = f"ladder[{index}]"


class Policy:
    """One version of a queue's policy, compiled."""

    calendars = {}  # by their text: they are many times the same

    def __init__(self, text, version, queue=None):
        given = json.loads(text)
        if given.pop("preset", None) == "desk":
            given = merged(DESK, given)
        p = merged(DEFAULT, given)
        self.version, self.queue = version, queue
        promises = {name: p["promises"].get(name, {}) for name in PROMISES}
        self.targets = {name: self._targets(promises[name]) for name in PROMISES}
        self.calendar = {name: self._calendar(p, promises[name].get("calendar"))
                         for name in PROMISES}
        self.notify_calendar = self._calendar(p, p["notify_calendar"])
        self.ladder = [Step(i, step) for i, step in enumerate(p["ladder"])]
        self.paused_by = {name: [REASONS[r] for r in promises[name].get("pauses", PAUSED_BY[name])]
                          for name in PROMISES}
        self.receipt = promises["ack"].get("receipt", False)
        self.named_free = promises["update"].get("named", "capped") == "free"
        self.warn = sorted(p["warn"])
        self.shares = {PRIORITIES[name]: share for name, share in p["line"]["shares"].items()}
        self.gap = duration(p["line"]["gap"])
        self.keep_for = duration(p["line"]["keep_for"])
        self.lease_for = duration(p["lease"]["for"])
        self.lease_max = duration(p["lease"]["max"])
        self.attempts = p["retry"]["attempts"]
        self.backoff = [duration(d) for d in p["retry"]["backoff"]]
        self.pause_max = {REASONS[r]: duration(p["pause"][r]["max"]) for r in REASONS}
        self.remind = {REASONS[r]: [duration(d) for d in p["pause"][r]["remind"]] for r in REASONS}
        self.then = {REASONS[r]: p["pause"][r]["then"] for r in REASONS}
        self.check_in = [duration(d) for d in p["aftercare"]["check_in"]]
        self.confirm_within = duration(p["aftercare"]["confirm_within"])
        self.reopen_within = duration(p["aftercare"]["reopen_within"])
        self.accept_within = duration(p["handoff"]["accept_within"])
        self.hops = p["handoff"]["hops"]
        self.window = duration(p["recurrence"]["window"])
        self.cause_after = p["recurrence"]["cause_after"]
        self.cause_queue = p["recurrence"]["cause_queue"]
        self.open = p["limits"]["open"]
        self.payload = p["limits"]["payload"]

    @classmethod
    def _calendar(cls, p, name):
        if name is None:
            return Always
        spec = p["calendars"][name]
        text = json.dumps(spec)
        if text not in cls.calendars:
            if len(cls.calendars) > 200:
                cls.calendars.clear()
            cls.calendars[text] = Calendar(spec)
        return cls.calendars[text]

    @staticmethod
    def _targets(promise):
        """Priority to target, (unit, how many). One without takes the next lower one's; None is no promise."""
        given = promise.get("target", {})
        if isinstance(given, str):
            return {priority: length(given) for priority in PRIORITIES.values()}
        targets, last = {}, None
        for name, priority in sorted(PRIORITIES.items(), key=lambda item: item[1]):
            if name in given:
                last = length(given[name])
            targets[priority] = last
        return targets

    def stride(self, priority):
        weights = [share for share in self.shares.values() if share != "first"]
        return math.lcm(*weights) // self.shares[priority]
