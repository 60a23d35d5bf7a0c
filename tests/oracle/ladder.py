"""What promises bring with them: warnings, the ladder, and later versions of a policy."""
from words import BROKEN, KEPT, LEVEL_MAX, PROMISES, RESOLVED

LATE = 60_000
RECORDS = ["broken", "warned", "step"]


class Firing:
    """Of a warning or a step: what is to be told of it. `place` is its place among those that are
    told together: warnings by promise and per cent, then steps."""

    def __init__(self, kind, promise, n, rule, place, step=None, lapsed=0, moved=None):
        self.kind, self.promise, self.n, self.rule, self.place = kind, promise, n, rule, place
        self.notify = step.notify if step else []
        self.lapsed, self.moved = lapsed, moved
        self.at = None

    def name(self):
        return f"warn[{self.place[2]}] of {self.promise.name}" if self.kind == "warned" else self.rule


def own_instant(timer):
    """When it would have fired, had nothing held it back."""
    return timer[5][3] if timer[4] == "step" else timer[0]


class Ladder:
    def warn(self, t, name, percent):
        promise = t.promises[name]
        i = t.policy.warn.index(percent)
        promise.warned.append(percent)
        return Firing("warned", promise, percent, "warn", (0, PROMISES.index(name), i))

    def climb(self, t, name, step, k, _):
        promise = t.promises[name]
        promise.climbed[step.id] = k + 1
        t.level = min(LEVEL_MAX, t.level + step.up)
        lapsed, aimed, moved = 0, [], None
        lifted = step.priority > t.priority
        if lifted:
            t.priority = step.priority
            lapsed, aimed = self.retarget(t)
        if step.move in self.queues and self.queues[step.move] is not t.queue:
            moved = self.queues[step.move]
            self.put(t, moved)
        if (lifted or moved) and t.entry is not None:
            self.compute_rank(t, first=False)
        if step.move and step.move not in self.queues:
            self.tell("no_queue", t, promise=name, to=step.move, rule=step.rule)
        return Firing("stepped", promise, k, step.rule, (1, step.index), step, lapsed, moved), aimed

    def is_late(self, own):
        """Or a change has put it into the past."""
        return self.now - own > LATE or own < self.at

    def keep_or_tell(self, t, firing, own):
        """One that a pause held back fires when that ends, and has been put into the past by it."""
        firing.at = self.at
        if self.is_late(own):
            t.untold.append(firing)
        else:
            self.tell_firings(t, [firing])

    def tell_firings(self, t, firings):
        last = firings[-1]
        others = sorted((f for f in firings if f.place != last.place), key=lambda f: f.place)
        moved = [f.moved.name for f in firings if f.moved]
        lapsed = 0
        for firing in firings:
            lapsed |= firing.lapsed
        self.tell(last.kind, t, promise=last.promise.name, n=last.n, rule=last.rule, at=last.at,
                  due=last.promise.due() if last.kind == "warned" else 0, lapsed=lapsed,
                  to=moved[-1] if moved else None, notify=set(sum((f.notify for f in firings), [])),
                  text=", ".join(dict.fromkeys(f.name() for f in others)))

    def tell_untold(self, t):
        """As soon as no more of that kind is about to fire, whatever else does before."""
        if t.untold and not any(self.is_late(own_instant(timer)) and timer[0] <= self.now
                                for timer in t.wall_timers() if timer[4] in RECORDS):
            firings, t.untold = t.untold, []
            self.tell_firings(t, firings)

    def settle(self, t):
        """What a change has put into the past fires right after it."""
        while t.next_timer() is not None and t.next_timer()[0] < self.at:
            self.fire(t.next_timer())
            self.tell_room()

    # ---- later policies ----

    def apply(self, queue):
        reached = [t for t in self.live
                   if t.policy.queue is queue and t.policy.version < queue.policy.version]
        numbers = {t.id for t in reached if t.state != RESOLVED}
        self.marks = {place: mark for place, mark in self.marks.items()
                      if mark.ticket not in numbers}
        for t in sorted(reached, key=lambda t: (t.rank, t.id)):
            t.policy = queue.policy
            lapsed, aimed = self.retarget(t)
            resolve = t.promises["resolve"]
            if t.state == RESOLVED and resolve.state == KEPT and resolve.has_target():
                resolve.aim(self.at)
            for pause in t.running_pauses():  # what has passed is told no more
                pause.reminded = sum(pause.asked_at + after <= self.at
                                     for after in t.policy.remind[pause.reason])
            if t.state == RESOLVED:
                t.checked_in = sum(t.solved[-1][0] + after <= self.at
                                   for after in t.policy.check_in)
            self.tell("applied", t, lapsed=lapsed)
            self.judge(t, aimed)
            if t.entry is not None and t.state != RESOLVED:  # who is in no line sets no mark
                self.compute_rank(t, first=False)
            self.settle(t)

    def what_if(self, queue, policy):
        """(ticket, promise, due, due then, what) of each promise that would be another."""
        rows = []
        for t in self.live:
            if t.policy.queue is not queue or t.policy.version >= policy.version:
                continue
            for i, promise in enumerate(t.promises.values()):
                kept, was = dict(vars(promise)), promise.due()
                promise.warned, promise.climbed = list(promise.warned), dict(promise.climbed)
                t.policy, own = policy, t.policy
                became = promise.retarget(self.at)
                due = promise.due()
                breaks = became in ("aimed", "made") and promise.used(self.at) > promise.target
                t.policy = own
                vars(promise).update(kept)
                what = breaks + 2 * (became == "lapsed") + 4 * (became == "made")
                if due != was or what:
                    rows.append((t.id, i + 1, was, due, what))
        return sorted(rows)

    def judge(self, t, promises):
        """What lies in the past becomes one event at this instant."""
        for promise in promises:
            used = promise.used(self.at, promise.gaps())
            past = [percent for percent in promise.to_warn()
                    if used * 100 >= promise.target * percent]
            if used > promise.target:
                promise.state = BROKEN
                self.tell("broken", t, promise=promise.name, due=promise.due())
            elif past:
                promise.warned += past
                self.tell("warned", t, promise=promise.name, n=max(past), due=promise.due(),
                          rule="warn")
