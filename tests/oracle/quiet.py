"""The end of a seed: everybody does what they should, until nothing is left to be done.

Holds are lifted, all agents are there with all skills; what can be claimed is claimed, what is held is
resolved, some confirm, and time goes on to whatever is due next. All of it are commands like any
other, compared like any other. Then every ticket must be closed or withdrawn and nothing be due any
more: there is nothing that may legitimately wait, for whatever waits does so until an instant.
How long that may take follows from the policies in force; what takes longer does not come to an end.
"""
from hours import DAY
from words import (
    AS_FIX, CLAIMED, NEVER, OFFERED, PAUSED, RESOLVED, SCHEDULED, STUCK, TO_AGENT, WAITING)

LIVE_MAX = 40      # more are withdrawn first, for the time that it takes
FAR = 3650 * DAY   # one that begins later than this is withdrawn too


class Quiet:
    def __init__(self, service, rng, world):
        self.service, self.rng, self.world = service, rng, world
        work = sum(1 + len(t.persons) for t in service.live)
        self.steps_left = 60 + 8 * work + 4 * len(service.agents)
        self.over_at = self.bound()
        self.before = self.preparing()
        self.why = None  # it did not come to an end

    def bound(self):
        """No ticket waits beyond what it waits for now; then come once more a lease, a keep and a
        backoff that run out, and the longest after-care, which is the last of all."""
        service = self.service
        at = max(service.now, service.wall)
        ends = [service.until(t) for t in service.live]
        ends += [pause.until for t in service.live for pause in t.running_pauses()]
        at = max([at] + [end for end in ends if end < at + FAR])
        policies = {t.policy for t in service.live} | {q.policy for q in service.queues.values()}
        longest = [max(p.confirm_within for p in policies), max(p.keep_for for p in policies),
                   max(max(p.backoff) for p in policies), max(p.lease_max for p in policies)] \
            if policies else [0]
        waits = [p.end_boot - service.boot for p in service.parked if p.end_boot != NEVER]
        return max([at + sum(longest)] + [at + wait for wait in waits])

    def preparing(self):
        """Holds, agents, and tickets beyond what this is to take on."""
        service, names = self.service, list(self.service.agents) or ["ag1"]
        for queue in service.queues.values():
            if queue.hold:
                yield f"hold {queue.name} 0"
        for name in names:
            yield f"agent {name} skills={','.join(self.world.skills)}"
        for tag in {parked.tag for parked in service.parked if parked.end_boot == NEVER}:
            for name in {p.agent.name for p in service.parked if p.end_boot == NEVER and p.tag == tag}:
                yield f"cancel {name} tag={tag}"
        while True:
            many = [t for t in service.live if t.state == SCHEDULED and t.start_at > service.now + FAR]
            if len(service.live) > LIVE_MAX:
                many = many or service.live
            if not many:
                return
            t = self.rng.choice(many)
            who = self.rng.choice([p.name for p in t.persons if not p.left])
            yield f"act verb=withdraw ticket={t.id} who={who}"

    def line(self):
        """The next command; None: it is over, and `why` says whether it should not be."""
        service = self.service
        line = next(self.before, None)
        if line is not None:
            return line
        if not service.live and not service.parked:
            timer = service.next_timer()
            self.why = f"something is due at {timer[0]} when all is over" if timer else None
            return None
        late = service.now > self.over_at
        if late or self.steps_left <= 0:
            left = ", ".join(f"ticket {t.id} {t.state}" for t in service.live[:9]) or "a parked claim"
            self.why = (f"does not come to an end{' in time' if late else ''}: {left}")
            return None
        self.steps_left -= 1
        acts = [line for t in service.live for line in self.acts(t)]
        takeable = [t for t in service.live if t.line() is not None]
        if takeable and self.rng.random() < 0.5 or takeable and not acts:
            return self.claim()
        return self.rng.choice(acts) if acts else self.wait()

    def claim(self):
        agent = self.rng.choice(sorted(self.service.agents))
        return f"claim {agent} queues={','.join(self.service.queues)} n={self.rng.choice([1, 2, 50])}"

    def wait(self):
        """Until something is due; a clock that was set back has to catch up first."""
        service = self.service
        timer = service.next_timer()
        if timer is None:
            self.steps_left = 0
            return f"advance {service.wall}"
        return f"advance {max(service.wall, timer[0])}"

    def acts(self, t):
        """What may be done now to bring it on."""
        rng = self.rng
        agent = rng.choice(sorted(self.service.agents))
        take = f"claim_ticket {agent} ticket={t.id}"
        if t.state == CLAIMED:
            kind = AS_FIX if t.is_a_cause() else rng.randint(0, 3)
            yield f"act verb=resolve ticket={t.id} token={t.token} kind={kind}"
            if not t.acknowledged:
                yield f"act verb=acknowledge ticket={t.id} token={t.token}"
        elif t.state == STUCK:
            yield rng.choice([take, f"act verb=revive ticket={t.id}"])
        elif t.state == OFFERED and t.offer == TO_AGENT:
            yield rng.choice([f"claim_ticket {t.offered_to.name} ticket={t.id}",
                              f"act verb=decline ticket={t.id}"])
        elif t.state == PAUSED and rng.random() < 0.7:
            yield rng.choice([take, f"act verb=resume ticket={t.id} token={t.token}"])
        elif t.state == WAITING and t.kept_for is not None and rng.random() < 0.7:
            yield rng.choice([take, f"claim_ticket {t.kept_for.name} ticket={t.id}"])
        elif t.state == RESOLVED and rng.random() < 0.3:
            waiting = [p.name for p in t.persons if not p.left and not p.confirmed]
            yield f"act verb=confirm ticket={t.id} who={rng.choice(waiting)}"
