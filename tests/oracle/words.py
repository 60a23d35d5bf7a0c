"""The words of the design that are numbers or names: states, verbs, and when a verb is legal."""
NEVER = (1 << 63) - 1
AT_MAX = 253402300799999
RELEASED_SOON = 60_000
NAME_MAX, TEXT_MAX, NEEDS_MAX, PERSONS_MAX, PAUSES_MAX = 255, 65536, 16, 1000, 1000
CLAIM_MAX, CLAIM_QUEUES_MAX = 1000, 64

SCHEDULED, WAITING, CLAIMED, PAUSED = "scheduled", "waiting", "claimed", "paused"
STUCK, RESOLVED, CLOSED, WITHDRAWN = "stuck", "resolved", "closed", "withdrawn"
LOW, NORMAL, HIGH, URGENT = 1, 2, 3, 4
PRIORITIES = {"low": LOW, "normal": NORMAL, "high": HIGH, "urgent": URGENT}
PROMISES = ["ack", "answer", "update", "resolve"]
NOT_MADE, RUNNING, KEPT, BROKEN, LAPSED = range(5)
REQUESTER, THIRD_PARTY, UNTIL = 1, 2, 3
REASONS = {"requester": REQUESTER, "third_party": THIRD_PARTY, "until": UNTIL}
BY_MACHINE = 1
COURTESY = 1
AS_ANSWERED, NO_REPLY = 1, 4
HOLD_CLAIMS, HOLD_ENQUEUE = 1, 2
WAS_JOINED, WAS_CLIPPED, WAS_REPEATED = 1, 2, 4

AGENTS_VERBS = ["acknowledge", "update", "extend", "release", "pause", "resume", "resolve", "fail"]
REQUESTERS_VERBS = ["ask", "reply", "confirm", "reopen", "withdraw"]
DESKS_VERBS = ["revive", "escalate", "reprioritise", "move", "note"]
LEGAL = {  # in which states a verb is legal, those after a close apart
    "acknowledge": [CLAIMED, PAUSED],
    "receipt": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK],
    "update": [CLAIMED, PAUSED],
    "extend": [CLAIMED],
    "release": [CLAIMED],
    "fail": [CLAIMED],
    "pause": [CLAIMED, PAUSED],
    "resume": [PAUSED],
    "resolve": [CLAIMED, PAUSED],
    "ask": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK, RESOLVED],
    "reply": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK, RESOLVED],
    "confirm": [RESOLVED],
    "reopen": [RESOLVED],
    "withdraw": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK, RESOLVED],
    "revive": [STUCK],
    "escalate": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK],
    "reprioritise": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK],
    "move": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK],
    "note": [SCHEDULED, WAITING, CLAIMED, PAUSED, STUCK, RESOLVED],
}
KINDS = {  # the kinds that a verb knows; the others know none
    "acknowledge": [0, BY_MACHINE],
    "reply": [0, COURTESY],
    "pause": [REQUESTER, THIRD_PARTY, UNTIL],
    "resume": [0, REQUESTER, THIRD_PARTY, UNTIL],
    "resolve": [0, 1, 2, 3],
    "reprioritise": [LOW, NORMAL, HIGH, URGENT],
}


class Refused(Exception):
    """What ends a command early: returned by the call, or told as its status."""

    def __init__(self, code, returned=False):
        super().__init__(code)
        self.code = code
        self.returned = returned


def split(text):
    return text.split(",") if text else []


def num(a, key):
    return NEVER if a.get(key) == "never" else int(a.get(key, 0))


def word(value):
    return value if value else "-"


def instant(value):
    return "never" if value == NEVER else value
