"""The words of the design that are numbers or names: states, verbs, and when a verb is legal."""
NEVER = (1 << 63) - 1
AT_MAX = 253402300799999
RELEASED_SOON = 60_000
NAME_MAX, TEXT_MAX, NEEDS_MAX, PERSONS_MAX, PAUSES_MAX = 255, 65536, 16, 1000, 1000
LINKS_MAX, SYMPTOM_MEMORY, FIGURE_DAYS, WAITS_MIN, WAITS_MAX = 1000, 32, 32, 20, 200
LEVEL_MAX = 65535
CLAIM_MAX, CLAIM_QUEUES_MAX = 1000, 64

SCHEDULED, WAITING, CLAIMED, OFFERED = "scheduled", "waiting", "claimed", "offered"
PAUSED, STUCK, RESOLVED = "paused", "stuck", "resolved"
CLOSED, WITHDRAWN = "closed", "withdrawn"
LOW, NORMAL, HIGH, URGENT = 1, 2, 3, 4
PRIORITIES = {"low": LOW, "normal": NORMAL, "high": HIGH, "urgent": URGENT}
PROMISES = ["ack", "answer", "update", "resolve"]
NOT_MADE, RUNNING, KEPT, BROKEN, LAPSED = range(5)
REQUESTER, THIRD_PARTY, UNTIL = 1, 2, 3
REASONS = {"requester": REQUESTER, "third_party": THIRD_PARTY, "until": UNTIL}
BY_MACHINE = 1
COURTESY = 1
AS_ANSWERED, AS_FIX, AS_WORKAROUND, NO_REPLY = 1, 2, 3, 4
TO_QUEUE, TO_AGENT = 1, 2
HOLD_CLAIMS, HOLD_ENQUEUE = 1, 2
WAS_JOINED, WAS_CLIPPED, WAS_REPEATED, WAS_ESCALATED = 1, 2, 4, 8

AGENTS_VERBS = ["acknowledge", "update", "extend", "release", "pause", "resume", "resolve", "fail",
                "hand_off"]
REQUESTERS_VERBS = ["ask", "reply", "confirm", "reopen", "withdraw"]
DESKS_VERBS = ["revive", "recall", "decline", "escalate", "reprioritise", "move", "note", "link"]
BEFORE_RESOLVED = [SCHEDULED, WAITING, CLAIMED, OFFERED, PAUSED, STUCK]
LEGAL = {  # in which states a verb is legal, those after a close apart
    "acknowledge": [CLAIMED, OFFERED, PAUSED],
    "receipt": BEFORE_RESOLVED,
    "update": [CLAIMED, OFFERED, PAUSED],
    "extend": [CLAIMED],
    "release": [CLAIMED],
    "fail": [CLAIMED],
    "pause": [CLAIMED, PAUSED],
    "resume": [PAUSED],
    "resolve": [CLAIMED, OFFERED, PAUSED],
    "hand_off": [CLAIMED],
    "ask": BEFORE_RESOLVED + [RESOLVED],
    "reply": BEFORE_RESOLVED + [RESOLVED],
    "confirm": [RESOLVED],
    "reopen": [RESOLVED],
    "withdraw": BEFORE_RESOLVED + [RESOLVED],
    "revive": [STUCK],
    "recall": [OFFERED],
    "decline": [OFFERED],
    "escalate": BEFORE_RESOLVED,
    "reprioritise": BEFORE_RESOLVED,
    "move": BEFORE_RESOLVED,
    "note": BEFORE_RESOLVED + [RESOLVED],
    "link": BEFORE_RESOLVED + [RESOLVED, CLOSED],
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
    """What ends a command early: returned by the call, or told as its status, of this ticket."""

    def __init__(self, code, returned=False, ticket=None):
        super().__init__(code)
        self.code = code
        self.returned = returned
        self.ticket = ticket


def split(text):
    return text.split(",") if text else []


def num(a, key):
    return NEVER if a.get(key) == "never" else int(a.get(key, 0))


def word(value):
    return value if value else "-"


def instant(value):
    return "never" if value == NEVER else value


def ms(value):
    return -1 if value is None else value
