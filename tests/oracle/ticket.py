"""A ticket: the persons, the pauses, the four promises, and what time will bring to it."""
import hours
from hours import Always, NOT_ENOUGH
from words import (
    BROKEN, CLAIMED, CLOSED, KEPT, LAPSED, NEVER, NOT_MADE, OFFERED, PAUSED, PROMISES, RESOLVED,
    RUNNING, SCHEDULED, TO_QUEUE, WAITING, WITHDRAWN)


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
        self.days = False  # the target is one of working days
        self.named, self.alone = None, False  # the named end; whether it counts alone
        self.warned = []
        self.climbed = {}  # how often a step has fired in this arming

    def calendar(self):
        return self.ticket.policy.calendar[self.name]

    def clock(self):
        return Always if self.alone else self.calendar()

    def has_target(self):
        return self.ticket.policy.targets[self.name][self.ticket.priority] is not None

    def policy_target(self):
        """In open ms, as counted from its start; it is never nothing."""
        target = self.ticket.policy.targets[self.name][self.ticket.priority]
        if target is None or target[0] == "ms":
            return target and target[1]
        return max(1, self.calendar().between(self.start, self.calendar().days(self.start, target[1])))

    def begin(self, at, named=None):
        self.owed, self.state, self.start, self.target = True, NOT_MADE, at, 0
        self.named, self.alone, self.days = named, False, False
        if self.has_target() or named is not None:
            self.make(at)

    def make(self, now):
        self.state, self.arming, self.warned, self.climbed = RUNNING, self.arming + 1, [], {}
        self.aim(now)

    def aim(self, now):
        """Settles what measures it: the policy's target, the named end, or both."""
        target = self.policy_target()
        unit = self.ticket.policy.targets[self.name][self.ticket.priority]
        self.days = unit is not None and unit[0] == "wd"
        if self.named is not None:
            self.alone = (target is None or self.ticket.policy.named_free
                          or self.named < self.policy_due(now, target))
        if self.alone:
            self.target, self.days = self.named - self.start, False
        else:
            self.target = target

    def policy_due(self, now, target):
        """When the target would be due if nothing paused it from now on."""
        left = max(0, target - self.used(now, self.policy_gaps(), self.calendar()))
        if self.days:
            return self.calendar().passed(now, left) - 1
        return self.calendar().reach(now, left)

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

    def retarget(self, now):
        """The policy's target may be another: ("lapsed" or "aimed" or "made", or None)."""
        if not self.owed or self.state == BROKEN:
            return None
        if self.state == RUNNING and not self.has_target() and self.named is None:
            self.state = LAPSED
            return "lapsed"
        if self.state == RUNNING:
            self.aim(now)
            return "aimed"
        if self.has_target():
            self.make(now)
            return "made"
        return None

    # ---- how much of it is used ----

    def policy_gaps(self):
        """The intervals in which nothing of the policy's target is used."""
        gaps = [(p.start, NEVER if p.end is None else p.end) for p in self.ticket.pauses
                if p.reason in self.ticket.policy.paused_by[self.name]]
        if self.name == "resolve":
            gaps += [(begin, NEVER if end is None else end) for begin, end in self.ticket.solved]
        return gaps

    def gaps(self):
        return [] if self.alone else self.policy_gaps()

    def pieces(self, end, gaps):
        """What of [start, end) no gap covers, and what one does: (from, to, whether it goes)."""
        if end <= self.start:
            return []
        if not gaps:
            return [(self.start, end, True)]
        edges = {self.start, end}
        for begin, over in gaps:
            edges.update(edge for edge in (begin, over) if self.start < edge < end)
        edges = sorted(edges)
        whole = []
        for a, b in zip(edges, edges[1:]):
            goes = not any(begin <= a and b <= over for begin, over in gaps)
            if whole and whole[-1][2] == goes:
                a = whole.pop()[0]
            whole.append((a, b, goes))
        return whole

    def used(self, now, gaps=None, clock=None):
        gaps = self.gaps() if gaps is None else gaps
        clock = clock or self.clock()
        return sum(clock.between(a, b) for a, b, goes in self.pieces(now, gaps) if goes)

    def reached(self, amount):
        """The first instant at which so much is used; NEVER while an open gap lies before it."""
        if amount == 0:
            return self.start
        clock = self.clock()
        for a, b, goes in self.pieces(NEVER, self.gaps()):
            if not goes:
                continue
            at = clock.reach(a, amount)
            if at <= b:
                return at
            amount -= clock.between(a, b)
        return NEVER

    def paused(self):
        return any(over == NEVER for _, over in self.gaps())

    def going_since(self):
        return max([self.start] + [over for begin, over in self.gaps() if begin < over])

    def counts(self):
        """Owed and made: somebody may look at its due."""
        return self.owed and self.state in (RUNNING, BROKEN)

    def due(self):
        return self.due_anyway() if self.counts() else NEVER

    def due_anyway(self):
        if self.days:  # of an exact fill, the next opening
            passed = self.reached(self.target + 1)
            due = passed if passed == NEVER else passed - 1
        else:
            due = self.reached(self.target)
        return due if self.named is None else min(due, self.named)

    def left(self, now):
        if not self.counts():
            return 0
        left = self.target - self.used(now)
        return left if self.named is None else min(left, self.named - now)

    def broken_at(self):
        at = self.reached(self.target + 1)
        return at if self.named is None else min(at, self.named + 1)

    def warned_at(self, percent):
        return self.reached(-(-self.target * percent // 100))

    def to_warn(self):
        return [percent for percent in self.ticket.policy.warn if percent not in self.warned]

    # ---- the ladder ----

    def used_at_due(self):
        if self.named is not None and not self.alone and self.due_anyway() == self.named:
            return min(self.target, self.used(self.named))
        return self.target

    def days_off(self, at, n):
        """The open time between an instant and n working days on or back; None: there are none."""
        there = self.calendar().days(at, n)
        if there in (NEVER, NOT_ENOUGH):
            return None
        return self.clock().between(at, there) if n > 0 else self.clock().between(there, at)

    def first_step(self, step):
        """When a step is, and what is used then; None: never."""
        if step.percent == 100:
            at = self.broken_at()
            return None if at == NEVER else (at, self.used_at_due())
        due = self.due_anyway()
        if step.wall:
            if due == NEVER:
                return None
            if step.percent:
                at = self.start - (-(due - self.start) * step.percent // 100)
            else:
                at = due + step.far if step.later else due - step.far
            if at < self.start:
                return None
            return (max(at, self.broken_at()) if step.later else at), None
        if step.percent and not step.later:
            used = -(-self.target * step.percent // 100)
        elif step.percent:
            used = -((-100 * self.used_at_due() - self.target * (step.percent - 100)) // 100)
        else:
            far = step.far
            if step.unit == "wd":
                far = None if due == NEVER else self.days_off(due, far if step.later else -far)
            if far is None:
                return None
            used = self.used_at_due() + far if step.later else self.target - far
        if used < 0:
            return None
        at = self.reached(used)
        if step.later:
            at = max(at, self.broken_at())
        return None if at == NEVER else (at, used)

    def step_at(self, step, k):
        """When it is due for the k-th time after the first; NEVER."""
        first = self.first_step(step)
        if first is None or self.paused():
            return NEVER
        at, used = first
        if step.wall:
            return at + k * step.every
        if k == 0:
            return at
        if step.every_unit == "wd":
            far = self.days_off(at, k * step.every)
            return NEVER if far is None else self.reached(used + far)
        return self.reached(used + k * step.every)

    def fires_at(self, own, step):
        """One of the wall's that lies in a pause fires when that ends."""
        return max(own, self.going_since()) if step.wall else own

    def next_steps(self):
        """(instant, step, the how-manieth time) of each that is to come."""
        if not self.counts() or self.paused():
            return
        for step in self.ticket.policy.ladder:
            k = self.climbed.get(step.id, 0)
            if step.on == self.name and k <= step.times:
                yield self.step_at(step, k), step, k

    # ---- why it is due then ----

    def explain(self, now):
        """(from, to, kind, ms) from its start to its due, or to now where there is none."""
        end, rows = self.due(), []
        for a, b, goes in self.pieces(now if end == NEVER else end, self.gaps()):
            if not goes:
                rows.append((a, b, hours.PAUSED, 0))
                continue
            for begin, over, kind in self.clock().spans(a, b):
                rows.append((begin, over, kind, over - begin if kind == hours.OPEN else 0))
        now = max(now, self.start)
        if end == NEVER and not self.paused() and self.clock().next_open_or_here(now) == NEVER:
            begin = rows.pop()[0] if rows and rows[-1][2] == hours.CLOSED else now
            rows.append((begin, NEVER, hours.CLOSED, 0))
        return rows


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
        self.offer, self.offered_to, self.offer_end = 0, None, 0  # TO_*, the queue or agent
        self.hops = 0            # hand-offs
        self.came = False        # into the line, and nobody has looked yet whether it can be served
        self.told_no_agent = False
        self.symptom, self.ref, self.is_cause = None, None, False
        self.cause = self.follows = 0
        self.cause_runs = False  # its cause is not over: it stays in that one's list
        self.linked = []         # those that this one is the cause of
        self.word = self.held = None  # for the next event
        self.closing, self.checked_in = 0, 0
        self.history = []        # its events, as they were told
        self.untold = []         # warnings and steps that are still to be told, as one event
        self.cached = None       # [next timer on the wall clock], or None: look again

    def enter(self, state, at):
        if self.state == CLAIMED and state != CLAIMED:
            self.held = max(0, at - self.since)
        self.state, self.since = state, at
        self.offer, self.offered_to, self.offer_end = 0, None, 0

    def requester(self):
        return next(p.name for p in self.persons if not p.left)

    def person(self, name):
        return next((p for p in self.persons if p.name == name and not p.left), None)

    def claim_stands(self):
        return self.state in (CLAIMED, OFFERED, PAUSED)

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

    def line(self):
        """In which queue's line it stands, or None."""
        if self.offer == TO_QUEUE:
            return self.offered_to
        return self.queue if self.state == WAITING and self.kept_for is None else None

    def is_a_cause(self):
        return self.is_cause or bool(self.linked)

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
        if self.state == OFFERED:
            add(self.offer_end, 0, (6,), "offer end")
        for i, name in enumerate(PROMISES):
            promise = self.promises[name]
            if promise.owed and promise.state == RUNNING:
                add(promise.broken_at(), 1, (1, i), "broken", name)
                for percent in promise.to_warn():
                    add(promise.warned_at(percent), 1, (2, i, percent), "warned", (name, percent))
            for own, step, k in promise.next_steps():
                if promise.state == BROKEN or not step.from_due:
                    add(promise.fires_at(own, step), 1, (3, step.index, k), "step", (name, step, k, own))
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
