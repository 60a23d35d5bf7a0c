"""What keeps coming: symptoms, the tickets about their causes, and who is linked to those."""
from words import (
    AS_FIX, AS_WORKAROUND, BEFORE_RESOLVED, CLOSED, LINKS_MAX, RESOLVED, Refused, SYMPTOM_MEMORY,
    WITHDRAWN)


class Symptom:
    def __init__(self, name, at):
        self.name, self.first_at, self.last_at = name, at, at
        self.seen = self.last = self.window = 0
        self.recent = []    # (id, at, who) of the latest since the last fix
        self.causes = self.fixes = self.workarounds = 0

    def within(self, window, now):
        return [one for one in self.recent if one[1] > now - window]


class Causes:
    # ---- a symptom comes ----

    def recur(self, t, follows):
        """A new ticket, which has been told: has this come before, and is it time for a cause? What is
        told of itself comes before what is told of others."""
        t.follows = follows
        if not t.symptom:
            return
        s = self.symptoms.setdefault(t.symptom, Symptom(t.symptom, self.at))
        policy, who = t.policy, t.requester()
        before = s.within(policy.window, self.at)
        earlier = before[-1][0] if before else 0
        t.follows = follows or earlier
        if before:
            self.tell("recurred", t, who, n=len(before) + 1, how=sum(one[2] == who for one in before) + 1,
                      other=earlier)
        s.recent = (s.recent + [(t.id, self.at, who)])[-SYMPTOM_MEMORY:]
        s.seen, s.last, s.last_at, s.window = s.seen + 1, t.id, self.at, policy.window
        cause = self.cause_of(s)
        if cause is not None and len(cause.linked) < LINKS_MAX:
            self.link(t, cause, who)
        elif len(before) + 1 >= policy.cause_after and policy.cause_queue in self.queues:
            self.has_come(t)
            self.open_cause(s, t)
        elif len(before) + 1 == policy.cause_after and policy.cause_queue:
            self.tell("no_queue", t, to=policy.cause_queue, rule="recurrence.cause_queue")

    def open_cause(self, s, t):
        """For the desk that had the trouble; it is no occurrence of it itself."""
        asked = dict(who=t.queue.name, priority=t.priority, body=s.name)
        queue = self.queues[t.policy.cause_queue]
        self.last_id += 1
        cause = self.make_ticket(self.last_id, queue, asked)
        cause.symptom, cause.is_cause = s.name, True
        self.tell("enqueued", cause, t.queue.name)
        self.has_come(cause)
        s.causes += 1
        for number, _, _ in s.within(t.policy.window, self.at):
            o = self.tickets.get(number)
            if o is not None and o.state != WITHDRAWN and not o.cause:
                self.link(o, cause)

    # ---- links ----

    def check_link(self, t, number):
        if number == 0:
            if not t.cause:
                raise Refused("ESTATE")
            return
        cause = self.tickets.get(number)
        if cause is None:
            raise Refused("ENOENT")
        if cause is t or cause.state in (RESOLVED, CLOSED, WITHDRAWN):
            raise Refused("ESTATE" if cause is t else self.code_of(cause, "ESTATE"))
        if len(cause.linked) >= LINKS_MAX and t not in cause.linked:
            raise Refused("ELIMIT")

    def link(self, t, cause, who=None, text=None):
        self.unlink(t)
        t.cause, t.cause_runs = cause.id, True
        cause.linked.append(t)
        if t in self.ended:
            self.ended.remove(t)
        self.tell("linked", t, who, other=cause.id, text=text)
        self.has_come(t)
        self.tell("linked", cause, other=t.id)

    def unlink(self, t):
        """Out of its cause's list; what it was is still known."""
        if t.cause_runs:
            self.tickets[t.cause].linked.remove(t)
            t.cause_runs = False

    def unlink_all(self):
        """From what is over; those that only stayed for that are as other closed ones now. One that
        was withdrawn leaves its own cause, too."""
        over, self.over = self.over, []
        for cause in over:
            linked, cause.linked = cause.linked, []
            for t in sorted(linked, key=lambda t: t.id):
                t.cause_runs = False
                if t.state == CLOSED:
                    self.put_by(t)
            if cause.state == WITHDRAWN and cause.cause_runs:
                self.unlink(cause)
                self.put_by(cause)

    # ---- what becomes of a cause ----

    def tell_linked(self, cause, how, text):
        self.tell_room()
        for t in sorted(cause.linked, key=lambda t: t.id):
            over = how == AS_FIX and t.state in (RESOLVED, CLOSED)
            self.tell("check_in" if over else "cause_told", t, how=how, other=cause.id, text=text)

    def cause_worked_around(self, t, text):
        if t.is_cause:
            self.symptoms[t.symptom].workarounds += 1
        self.tell_linked(t, AS_WORKAROUND, text)

    def cause_resolved(self, t, how, text):
        if how == AS_FIX:
            self.tell_linked(t, AS_FIX, text)
        if t.is_cause and how == AS_FIX:
            s = self.symptoms[t.symptom]
            s.fixes, s.recent = s.fixes + 1, []

    def cause_of(self, s):
        """The newest ticket about it that is open."""
        about = [t for t in self.live
                 if t.is_cause and t.symptom == s.name and t.state in BEFORE_RESOLVED]
        return max(about, key=lambda t: t.id, default=None)

    def describe_symptoms(self):
        for s in self.symptoms.values():
            recent, cause = s.within(s.window, self.at), self.cause_of(s)
            yield (f"y symptom={s.name} seen={s.seen} recent={len(recent)}"
                   f" requesters={len({who for _, _, who in recent})} first={s.first_at}"
                   f" lastat={s.last_at} last={s.last} cause={cause.id if cause else 0}"
                   f" linked={len(cause.linked) if cause else 0} causes={s.causes}"
                   f" fixes={s.fixes} workarounds={s.workarounds}")
