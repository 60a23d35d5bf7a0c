"""The line: ranks and marks, who may take what, and whose turn it is."""
from figures import quantile
from hours import DAY
from words import (
    CLAIMED, HOLD_CLAIMS, NEVER, OFFERED, STUCK, TO_QUEUE, WAITING, WAITS_MAX, WAITS_MIN)


class Mark:
    """The last rank given to a requester in a queue and band."""

    def __init__(self, rank, ticket, set_at, gap):
        self.rank, self.ticket, self.set_at, self.gap = rank, ticket, set_at, gap


class Line:
    def compute_rank(self, t, first):
        gap = t.queue.policy.gap
        base = t.nearest_due()
        if base == NEVER:
            base = t.entry
        place = (t.queue.name, t.priority, t.requester())
        mark = self.marks.get(place)
        if mark is not None and (gap == 0 or max(mark.rank, mark.set_at) + mark.gap <= self.at):
            mark = None
        if mark is None:
            t.rank = base
        elif first:
            t.rank = max(base, mark.rank + gap)
        elif mark.ticket != t.id:
            t.rank = max(base, max(mark.rank, self.at - gap) + gap)
        else:
            t.rank = base
        t.behind = t.rank - base
        if gap > 0:
            self.marks[place] = Mark(t.rank, t.id, self.at, gap)

    def come_back(self, t, keep):
        """To waiting, by the old rank, or the nearest due and what the gap adds to it; perhaps kept
        for the last holder."""
        t.enter(WAITING, self.at)
        t.came = True
        if t.nearest_due() != NEVER:
            t.rank = min(t.rank, t.nearest_due() + t.behind)
        keep_for = t.queue.policy.keep_for
        if keep and keep_for and t.last_holder is not None and t.last_holder.present:
            t.kept_for, t.keep_end = t.last_holder, self.at + keep_for

    def in_line(self, queue):
        """Those that anybody may take there: waiting, or offered to it."""
        return [t for t in self.live if t.line() is queue]

    def has_skills(self, agent, t):
        return all(need in agent.skills for need in t.needs)

    def is_offered(self, t, agent):
        """To him alone, whatever queues he claims from and whatever it needs."""
        return t.offered_to is agent and not t.queue.hold & HOLD_CLAIMS

    def choose(self, agent, queue):
        """The next ticket of one queue's line, its band charged."""
        bands = {}
        for t in self.in_line(queue):
            if self.has_skills(agent, t) and not queue.hold & HOLD_CLAIMS:
                bands.setdefault(t.priority, []).append((t.rank, t.id))
        first = [priority for priority in bands if queue.policy.shares[priority] == "first"]
        if first:
            band = max(first)
        elif bands:
            for priority in bands:
                queue.passes[priority] = max(queue.passes[priority], queue.last_pass)
            band = min(bands, key=lambda priority: (queue.passes[priority], -priority))
            queue.last_pass = queue.passes[band]
            queue.passes[band] += queue.policy.stride(band)
        else:
            return None
        return self.tickets[min(bands[band])[1]]

    def take(self, agent, queues, n):
        taken = []
        his = [t for t in self.live if t.kept_for is agent and t.queue in queues
               and not t.queue.hold & HOLD_CLAIMS and self.has_skills(agent, t)]
        his += [t for t in self.live if self.is_offered(t, agent)]
        for _, number in sorted((t.rank, t.id) for t in his)[:n]:
            taken.append(self.tickets[number])
            self.claim(self.tickets[number], agent, 0)
        for queue in queues:
            while len(taken) < n:
                ticket = self.choose(agent, queue)
                if ticket is None:
                    break
                taken.append(ticket)
                self.claim(ticket, agent, 0)
        return taken

    def passed_over(self, t, agent):
        """Who would have come first, where it stands."""
        if t.kept_for is agent or t.offered_to is agent:
            return 0
        queue = t.line() or t.queue
        n = 0
        for o in self.in_line(queue):
            before = o.priority == t.priority and (o.rank, o.id) < (t.rank, t.id)
            above = o.priority > t.priority and queue.policy.shares[o.priority] == "first"
            n += o is not t and (before or above)
        return n

    def claim(self, t, agent, passed_over):
        t.end_pauses(self.at)
        if t.state == STUCK:
            t.attempts = 0
        how, queue = t.offer, t.offered_to
        t.enter(CLAIMED, self.at)
        if how == TO_QUEUE and queue is not t.queue:
            self.put(t, queue)
        t.kept_for = None
        t.holder = t.last_holder = agent
        t.token += 1
        t.said = t.alive = t.came = t.told_no_agent = False
        took = None
        if t.token == 1:
            took = max(0, self.at - t.entry)
            self.waits.setdefault((t.queue, t.priority), []).append((self.at, took))
        t.claimed_boot = self.on_boot()
        t.lease_boot = t.claimed_boot + t.queue.policy.lease_for
        self.tell("claimed", t, agent.name, n=passed_over, until=self.on_the_wall(t.lease_boot),
                  how=how, took=took)
        self.tell_room()

    def serve_parked(self):
        if any(t.state in (WAITING, OFFERED) for t in self.live):
            for parked in list(self.parked):
                taken = self.take(parked.agent, parked.queues, parked.n)
                if taken:
                    self.parked.remove(parked)
                    self.tell_work(parked.agent, "OK", parked.tag, taken, (parked.op, parked.asked))

    # ---- how long they waited ----

    def waited(self, t):
        """Of those who were claimed last from the band where it stands: how many, and p50 and p90
        of their waits."""
        last = self.waits.get((t.line() or t.queue, t.priority), [])[-WAITS_MAX:]
        recent = sorted(took for at, took in last if self.now - at < 30 * DAY)
        if len(recent) < WAITS_MIN:
            return len(recent), -1, -1
        return len(recent), quantile(recent, 50), quantile(recent, 90)

    # ---- whom nobody can serve ----

    def nobody_can(self, t):
        return not any(a.present and self.has_skills(a, t) for a in self.agents.values())

    def tell_no_agent(self, t):
        if t.state == WAITING and t.needs and not t.told_no_agent and self.nobody_can(t):
            t.told_no_agent = True
            self.tell("no_agent", t)

    def has_come(self, t):
        """It may have entered the line, or need more there, in what has just been done."""
        if t.came:
            t.came = False
            self.tell_no_agent(t)

    def skills_lost(self, skills):
        """An agent had them and has not now."""
        for t in sorted(self.live, key=lambda t: t.id):
            if all(need in skills for need in t.needs):
                self.tell_no_agent(t)
