"""A ticket: the persons, the pauses, the four promises, and what time will bring to it."""
from words import (
    BROKEN, CLAIMED, CLOSED, KEPT, LAPSED, NEVER, NOT_MADE, PAUSED, PROMISES, RESOLVED,
    RUNNING, SCHEDULED, WAITING, WITHDRAWN, instant)


class Person:
    def __init__(self, name):
        self.name = name
        self.left = False
        self.confirmed = False


class Pause:
    """One interval for one reason; end is None while it runs."""

    def __init__(self, reason, start):
        self.reason, self.start, self.end = reason, start, None
        self.until, self.at_max = NEVER, False
        self.question, self.asked_at, self.reminded = None, start, 0


class Promise:
    def __init__(self, ticket, name):
        self.ticket, self.name = ticket, name
        self.bit = 1 << (PROMISES.index(name) + 1)
        self.owed, self.state, self.arming = False, NOT_MADE, 0
        self.start, self.target = 0, 0
        self.named, self.alone = None, False  # the named end; whether it counts alone
        self.warned = []

    def policy_target(self):
        return self.ticket.policy.targets[self.name][self.ticket.priority]

    def begin(self, at, named=None):
        self.owed, self.state, self.start, self.target = True, NOT_MADE, at, 0
        self.named, self.alone = named, False
        if self.policy_target() is not None or named is not None:
            self.make(at)

    def make(self, now):
        self.state, self.arming, self.warned = RUNNING, self.arming + 1, []
        self.aim(now)

    def aim(self, now):
        """Settles what measures it: the policy's target, the named end, or both."""
        target = self.policy_target()
        if self.named is not None:
            self.alone = (target is None or self.ticket.policy.named_free
                          or self.named < now + target - self.used(now, self.policy_gaps()))
        self.target = self.named - self.start if self.alone else target

    def stop(self):
        """Says which promise that kept: its bit, or 0."""
        kept = self.owed and self.state == RUNNING
        if kept:
            self.state = KEPT
        self.owed = False
        return self.bit if kept else 0

    def lapse(self):
        lapsed = self.owed and self.state == RUNNING
        if lapsed:
            self.state = LAPSED
        self.owed = False
        return self.bit if lapsed else 0

    def policy_gaps(self):
        """The intervals in which nothing of the policy's target is used."""
        gaps = [(p.start, NEVER if p.end is None else p.end) for p in self.ticket.pauses
                if p.reason in self.ticket.policy.paused_by[self.name]]
        if self.name == "resolve":
            gaps += [(begin, NEVER if end is None else end) for begin, end in self.ticket.solved]
        return gaps

    def gaps(self):
        return [] if self.alone else self.policy_gaps()

    def used(self, now, gaps):
        edges = {self.start, now}
        for begin, end in gaps:
            edges.update(edge for edge in (begin, end) if self.start < edge < now)
        edges = sorted(edges)
        total = 0
        for a, b in zip(edges, edges[1:]):
            if not any(begin <= a and b <= end for begin, end in gaps):
                total += b - a
        return total

    def reached(self, amount, gaps):
        """The first instant at which so much is used; NEVER while an open gap lies before it."""
        at = self.start
        while True:
            over = [end for begin, end in gaps if begin <= at < end]
            if over:
                at = max(over)
                if at == NEVER:
                    return NEVER
                continue
            ahead = [begin for begin, end in gaps if at < begin < end]
            if not ahead or at + amount <= min(ahead):
                return at + amount
            amount -= min(ahead) - at
            at = min(ahead)

    def counts(self):
        """Owed and made: somebody may look at its due."""
        return self.owed and self.state in (RUNNING, BROKEN)

    def due(self):
        if not self.counts():
            return NEVER
        due = self.reached(self.target, self.gaps())
        return due if self.named is None else min(due, self.named)

    def left(self, now):
        if not self.counts():
            return 0
        left = self.target - self.used(now, self.gaps())
        return left if self.named is None else min(left, self.named - now)

    def broken_at(self):
        at = self.reached(self.target + 1, self.gaps())
        return at if self.named is None else min(at, self.named + 1)

    def warned_at(self, percent):
        return self.reached(-(-self.target * percent // 100), self.gaps())

    def to_warn(self):
        return [percent for percent in self.ticket.policy.warn if percent not in self.warned]


class Ticket:
    def __init__(self, number, queue, key, priority, needs, now):
        self.id, self.queue, self.key, self.priority = number, queue, key, priority
        self.policy = queue.policy
        self.needs = list(needs)
        self.persons = []
        self.state, self.since = None, now
        self.level = self.events = self.attempts = self.chases = self.token = 0
        self.started = False     # its start_at has come
        self.start_at = now      # of a scheduled one: when it starts, first or again
        self.entry, self.rank = None, 0
        self.behind = 0          # how far the gap put that rank behind its base
        self.promises = {name: Promise(self, name) for name in PROMISES}
        self.pauses = []         # all there were
        self.summed_from = {}    # reason: index into pauses from which its sum counts
        self.solved = []         # intervals between a resolve and its reopen
        self.acknowledged, self.unanswered = False, False
        self.holder = self.last_holder = None
        self.claimed_boot = self.lease_boot = 0
        self.said = self.alive = False
        self.kept_for, self.keep_end = None, 0
        self.closing, self.checked_in = 0, 0
        self.cached = None       # [next timer on the wall clock], or None: look again

    def enter(self, state, at):
        self.state, self.since = state, at

    def requester(self):
        return next(p.name for p in self.persons if not p.left)

    def person(self, name):
        return next((p for p in self.persons if p.name == name and not p.left), None)

    def claim_stands(self):
        return self.state in (CLAIMED, PAUSED)

    def standing_token(self):
        return self.token if self.claim_stands() else 0

    def running_pauses(self):
        return sorted((p for p in self.pauses if p.end is None), key=lambda p: p.reason)

    def running_pause(self, reason):
        return next((p for p in self.running_pauses() if p.reason == reason), None)

    def end_pauses(self, at):
        for pause in self.running_pauses():
            pause.end = at

    def paused_for(self, reason, now):
        counted = self.pauses[self.summed_from.get(reason, 0):]
        return sum((now if p.end is None else p.end) - p.start
                   for p in counted if p.reason == reason)

    def in_line(self):
        return self.state == WAITING and self.kept_for is None

    def nearest_due(self, names=PROMISES):
        return min(self.promises[name].due() for name in names)

    def wall_timers(self):
        """What the wall clock brings: (instant, class, id, order in the ticket, what, which)."""
        timers = []

        def add(instant, group, order, what, which=0):
            if instant != NEVER:
                timers.append((instant, group, self.id, order, what, which))

        if self.state in (CLOSED, WITHDRAWN):
            return timers
        if self.state == SCHEDULED:
            add(self.start_at, 0, (1,), "start")
        for pause in self.running_pauses():
            add(pause.until, 0, (2, pause.reason), "pause end", pause.reason)
            for after in self.policy.remind[pause.reason][pause.reminded:][:1]:
                add(pause.asked_at + after, 0, (5, pause.reason), "reminder", pause.reason)
        if self.kept_for is not None:
            add(self.keep_end, 0, (4,), "keep end")
        for i, name in enumerate(PROMISES):
            promise = self.promises[name]
            if promise.owed and promise.state == RUNNING:
                add(promise.broken_at(), 1, (1, i), "broken", name)
                for percent in promise.to_warn():
                    add(promise.warned_at(percent), 1, (2, i, percent), "warned", (name, percent))
        if self.state == RESOLVED:
            add(self.closing, 2, (2,), "closing")
            if self.checked_in < len(self.policy.check_in):
                at = self.solved[-1][0] + self.policy.check_in[self.checked_in]
                if at <= self.closing:
                    add(at, 2, (1,), "check in")
        return timers

    def next_timer(self):
        if self.cached is None:
            self.cached = [min(self.wall_timers(), default=None)]
        return self.cached[0]
