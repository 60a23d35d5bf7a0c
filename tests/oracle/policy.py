"""Policies, compiled naively: only ones that are right are asked for here."""
import json
import math
import re

from words import PRIORITIES, PROMISES, REASONS

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

DEFAULT = {
    "promises": {},
    "warn": [50, 80],
    "line": {"shares": {"urgent": "first", "high": 8, "normal": 4, "low": 1},
             "gap": "0s", "keep_for": "15m"},
    "lease": {"for": "15m", "max": "8h"},
    "retry": {"attempts": 5, "backoff": ["10s", "1m", "10m", "1h"]},
    "pause": {name: {"max": "30d", "remind": [], "then": "wait"} for name in REASONS},
    "aftercare": {"check_in": [], "confirm_within": "5d", "reopen_within": "30d"},
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


class Policy:
    """One version of a queue's policy, compiled."""

    def __init__(self, text, version):
        given = json.loads(text)
        if given.pop("preset", None) == "desk":
            given = merged(DESK, given)
        p = merged(DEFAULT, given)
        self.version = version
        promises = {name: p["promises"].get(name, {}) for name in PROMISES}
        self.targets = {name: self._targets(promises[name]) for name in PROMISES}
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
        self.open = p["limits"]["open"]
        self.payload = p["limits"]["payload"]

    @staticmethod
    def _targets(promise):
        """Priority to target. One without takes the next lower one's; None is no promise."""
        given = promise.get("target", {})
        if isinstance(given, str):
            return {priority: duration(given) for priority in PRIORITIES.values()}
        targets, last = {}, None
        for name, priority in sorted(PRIORITIES.items(), key=lambda item: item[1]):
            if name in given:
                last = duration(given[name])
            targets[priority] = last
        return targets

    def stride(self, priority):
        weights = [share for share in self.shares.values() if share != "first"]
        return math.lcm(*weights) // self.shares[priority]
