"""The commands: what is checked in which order, and what each does."""
from service import Parked, Service
from ticket import Pause, Person, Ticket
from words import (
    AGENTS_VERBS, AS_ANSWERED, AS_WORKAROUND, AT_MAX, BY_MACHINE, CLAIMED, CLAIM_MAX,
    CLAIM_QUEUES_MAX, CLOSED, COURTESY, DESKS_VERBS, HIGH, HOLD_CLAIMS, HOLD_ENQUEUE, KINDS, LEGAL,
    LEVEL_MAX, LOW, NAME_MAX, NEEDS_MAX, NEVER, NORMAL, OFFERED, PAUSED, PAUSES_MAX, PERSONS_MAX,
    RELEASED_SOON, REQUESTER, REQUESTERS_VERBS, RESOLVED, RUNNING, Refused, SCHEDULED, STUCK,
    TEXT_MAX, TO_AGENT, TO_QUEUE, UNTIL, URGENT, WAITING, WAS_CLIPPED, WAS_ESCALATED, WAS_JOINED,
    WAS_REPEATED, WITHDRAWN, num, split)


class Enqueued:
    """One request of a call; `again`, `twin`: its op was used before, or in this very call."""

    def __init__(self, op, asked):
        self.op, self.asked = op, asked
        self.again = self.twin = self.ticket = self.result = None
        self.outcome = 0


class Commands(Service):
    # ---- enqueue ----

    def check_request(self, queue, a):
        if not a.get("who"):
            raise Refused("EINVAL", returned=True)
        if num(a, "priority") not in (0, LOW, NORMAL, HIGH, URGENT):
            raise Refused("EINVAL", returned=True)
        if not 0 <= num(a, "start") <= AT_MAX:
            raise Refused("EINVAL", returned=True)
        names = [a.get(key, "") for key in ("who", "symptom", "key", "ref")] + split(a.get("needs"))
        if any(len(name) > NAME_MAX for name in names) or len(split(a.get("needs"))) > NEEDS_MAX:
            raise Refused("ELIMIT", returned=True)
        if len(a.get("body", "")) > queue.policy.payload:
            raise Refused("ELIMIT", returned=True)
        if num(a, "follows") > self.last_id:
            raise Refused("EINVAL", returned=True)

    def enqueue(self, queue, requests):
        """One request or many: all or none. What is made in one call has one id after the other."""
        for a in requests:
            self.check_request(queue, a)
        try:
            new = self.how_many_new(queue, requests)
        except Refused as refused:
            if refused.returned:
                raise
            for _ in requests:
                self.done(refused.code, ticket=refused.ticket)
            return
        self.ids = list(range(self.last_id + 1, self.last_id + new + 1))
        self.last_id += new
        done = []
        for a in requests:
            done.append(self.enqueue_one(queue, a, done))
        for one in done:
            self.finish_one(one)

    def how_many_new(self, queue, requests):
        """Tickets that will be made. The first request that cannot be done ends all of them."""
        self.forget_ops()
        new, ops, joins = set(), {}, {}
        for i, a in enumerate(requests):
            op, asked, key = num(a, "op"), ("enqueue", queue.name, dict(a)), a.get("key")
            if self.remembered(op, asked) is not None:
                continue
            if op and ops.setdefault(op, asked) != asked:
                raise Refused("EINVAL")
            if op and any(num(b, "op") == op for b in requests[:i]):
                continue
            ticket = self.find(queue, key)
            if ticket is not None:
                needs = joins.setdefault(ticket.id, set(ticket.needs))
                needs |= set(split(a.get("needs")))
                alone = ticket if len(requests) == 1 else None
                if len(needs) > NEEDS_MAX:
                    raise Refused("ELIMIT", ticket=alone)
                if ticket.person(a["who"]) is None and self.persons(ticket) >= PERSONS_MAX:
                    raise Refused("ELIMIT", ticket=alone)
            elif (key or i) not in new:
                if queue.hold & HOLD_ENQUEUE:
                    raise Refused("ESTATE")
                if self.open_in(queue) + len(new) >= queue.policy.open:
                    queue.was_full, queue.freed = True, False
                    raise Refused("EFULL", returned=True)
                new.add(key or i)
        return len(new)

    def enqueue_one(self, queue, a, before):
        """What has been done, to be finished when all of the call's are; before: those so far."""
        one = Enqueued(num(a, "op"), ("enqueue", queue.name, dict(a)))
        one.again = self.remembered(one.op, one.asked)
        one.twin = next((o for o in before if one.op and o.op == one.op), None)
        if one.again or one.twin:
            return one
        one.ticket = self.find(queue, a.get("key"))
        if one.ticket is not None:
            one.outcome = WAS_JOINED
            self.join(one.ticket, a)
        else:
            one.ticket = self.new_ticket(queue, a)
        self.has_come(one.ticket)
        one.result = self.result("OK", None, one.ticket, outcome=one.outcome)
        return one

    def finish_one(self, one):
        """What its join has put into the past fires now, then it is told."""
        first = one.again or one.twin
        if first is not None:
            one.result = dict(first.result, outcome=first.result["outcome"] | WAS_REPEATED)
        else:
            before = self.seq
            self.settle(one.ticket)
            self.tell_room()
            if self.seq > before:
                one.result = self.result("OK", None, one.ticket, outcome=one.outcome)
            self.remember((one.op, one.asked), "done", one.result)
        self.tell_done(one.result)

    def make_ticket(self, number, queue, a):
        t = Ticket(number, queue, a.get("key"), num(a, "priority") or NORMAL,
                   split(a.get("needs")), self.at)
        t.persons.append(Person(a["who"]))
        self.tickets[t.id] = t
        self.live.append(t)
        self.make_findable(t)
        start = num(a, "start")
        if start > self.at:
            t.start_at = start
            t.enter(SCHEDULED, self.at)
        else:
            self.start(t, self.at)
        return t

    def new_ticket(self, queue, a):
        t = self.make_ticket(self.ids.pop(0), queue, a)
        t.symptom, t.ref = a.get("symptom"), a.get("ref")
        if t.ref:
            self.refs[queue.name, t.ref] = t
        self.tell("enqueued", t, a["who"])
        self.recur(t, num(a, "follows"))
        return t

    def join(self, t, a):
        who = a["who"]
        if t.person(who) is None:  # somebody who comes back is the last of them
            t.persons.append(Person(who))
        if t.acknowledged:
            self.message(t)
        self.tell("joined", t, who, text=a.get("body"))
        priority = num(a, "priority") or NORMAL
        if priority > t.priority:
            self.reprioritise(t, priority, who)
        more = [need for need in split(a.get("needs")) if need not in t.needs]
        t.needs += more
        t.came = t.came or bool(more)
        start = num(a, "start")
        if not t.started and start < t.start_at:
            t.start_at = max(start, self.at)
            if start <= self.at:
                self.start(t, self.at)
                self.tell("started", t, who)
        t.cached = None

    # ---- claims ----

    def claim_many(self, agent, queues, n, wait, op, tag, asked):
        if not queues or len(set(queues)) < len(queues) or wait < 0:
            raise Refused("EINVAL", returned=True)
        if n > CLAIM_MAX or len(queues) > CLAIM_QUEUES_MAX:
            raise Refused("ELIMIT", returned=True)
        if not agent.present:
            raise Refused("ESTATE", returned=True)
        try:
            first = self.remembered(op, asked)
        except Refused as refused:
            self.tell_work(agent, refused.code, tag)
            return
        if first is not None:
            self.tell_work_again(agent, tag, first.result)
            return
        taken = self.take(agent, queues, n or 1)
        if taken:
            self.tell_work(agent, "OK", tag, taken, (op, asked))
        elif wait == 0:
            self.tell_work(agent, "ETIMEDOUT", tag)
        else:
            end = NEVER if wait == NEVER else self.boot + wait
            self.parked.append(Parked(agent, queues, n or 1, end, tag, op, asked))

    def claim_ticket(self, agent, number, op, asked):
        if not agent.present:
            raise Refused("ESTATE", returned=True)
        try:
            first = self.remembered(op, asked)
            if first is not None:
                self.tell_work_again(agent, 0, first.result)
                return
            t = self.tickets.get(number)
            if t is None:
                raise Refused("ENOENT")
            if t.state not in (WAITING, OFFERED, PAUSED, STUCK):
                raise Refused(self.code_of(t, "ESTATE"))
            if (t.line() or t.queue).hold & HOLD_CLAIMS or t.offer == TO_AGENT and t.offered_to is not agent:
                raise Refused("ESTATE")
        except Refused as refused:
            self.tell_work(agent, refused.code, 0)
            return
        self.claim(t, agent, self.passed_over(t, agent))
        self.settle(t)
        self.tell_work(agent, "OK", 0, [t], (op, asked))

    def cancel(self, agent, tag):
        mine = [parked for parked in self.parked
                if parked.agent is agent and tag in (None, parked.tag)]
        for parked in mine:
            self.parked.remove(parked)
            self.tell_work(agent, "ECANCELED", parked.tag)
        return mine

    def gone(self, agent):
        if not agent.present:
            raise Refused("ESTATE", returned=True)
        self.cancel(agent, None)
        agent.present = False
        held = [t for t in self.live if t.state == CLAIMED and t.holder is agent]
        for t in sorted(held, key=lambda t: t.id):
            self.come_back(t, keep=False)
            self.tell("released", t, agent.name)
            self.has_come(t)
        his = [t for t in self.live if agent in (t.kept_for, t.offered_to)]
        for t in sorted(his, key=lambda t: t.id):
            if t.kept_for is agent:
                t.kept_for = None
                self.tell("keep_ended", t, agent.name)
            else:
                self.offer_returns(t, "declined", who=agent.name, n=1)
                self.has_come(t)
        self.skills_lost(agent.skills)
        self.tell("agent_gone", who=agent.name, n=len(held))

    # ---- on one ticket, by the holder, the requester and the desk ----

    def check_act(self, a):
        """What is wrong at any time."""
        verb, kind = a.get("verb"), num(a, "kind")

        def wrong(code="EINVAL"):
            raise Refused(code, returned=True)

        if verb not in AGENTS_VERBS + REQUESTERS_VERBS + DESKS_VERBS:
            wrong()
        if kind not in KINDS.get(verb, [0]):
            wrong()
        needs_token = verb in AGENTS_VERBS and not (verb == "acknowledge" and kind == BY_MACHINE)
        if needs_token and not num(a, "token"):
            wrong()
        if verb in REQUESTERS_VERBS and not a.get("who"):
            wrong()
        if (verb == "update" or (verb == "pause" and kind == REQUESTER)) and not a.get("text"):
            wrong()
        if verb == "pause" and kind == UNTIL and not num(a, "at"):
            wrong()
        if num(a, "ms") < 0 or not 0 <= num(a, "at") <= AT_MAX:
            wrong()
        if verb == "move" and not a.get("queue"):
            wrong()
        if verb == "hand_off" and bool(a.get("queue")) == bool(a.get("agent")):
            wrong()
        if len(a.get("who", "")) > NAME_MAX or len(a.get("text", "")) > TEXT_MAX:
            wrong("ELIMIT")

    def act(self, a):
        self.check_act(a)
        verb, number, token = a["verb"], num(a, "ticket"), num(a, "token")
        asked = num(a, "op"), ("act", dict(a))
        t = self.tickets.get(number)
        try:
            first = self.remembered(*asked)
        except Refused as refused:
            self.done(self.code_of(t, refused.code), verb, t, number)
            return
        if first is not None:
            self.tell_done(dict(first.result, outcome=first.result["outcome"] | WAS_REPEATED))
            return
        try:
            if t is None:
                raise Refused("ENOENT")
            if token and not (t.claim_stands() and token == t.token):
                raise Refused("ESTALE")
            self.check_state(t, a)
            outcome = getattr(self, "do_" + verb)(t, a) or 0
            self.has_come(t)
            self.unlink_all()
            if token and t.state == CLAIMED and verb != "extend":
                self.extend(t, 0)
        except Refused as refused:
            self.done(refused.code, verb, t, number)
            return
        self.settle(t)
        self.tell_room()
        self.done("OK", verb, t, outcome=outcome, remember=asked)

    def check_state(self, t, a):
        verb, kind = a["verb"], num(a, "kind")
        receipt = verb == "acknowledge" and kind == BY_MACHINE
        if t.state == CLOSED and verb != "link":
            late = self.now >= t.solved[-1][0] + t.policy.reopen_within
            if late or not (verb == "reopen" or (verb == "reply" and kind != COURTESY)):
                raise Refused("ESTATE")
        elif t.state not in LEGAL["receipt" if receipt else verb]:
            raise Refused("ESTATE")
        if verb in REQUESTERS_VERBS and t.person(a["who"]) is None:
            raise Refused("ESTATE")

    def extend(self, t, by):
        """Says whether it was clipped."""
        policy = t.queue.policy
        wanted, most = self.boot + (by or policy.lease_for), t.claimed_boot + policy.lease_max
        t.lease_boot = max(t.lease_boot, min(wanted, most))
        return wanted > most

    def do_acknowledge(self, t, a):
        if num(a, "kind") == BY_MACHINE:
            kept = t.promises["ack"].stop() if t.policy.receipt else 0
            self.tell("receipt", t, a.get("who"), kept=kept, text=a.get("text"))
            return
        kept = self.speak(t)
        if not t.promises["update"].owed:
            t.promises["update"].begin(self.at)
        self.tell("acknowledged", t, t.holder.name, kept=kept, text=a.get("text"))

    def do_update(self, t, a):
        named = num(a, "at")
        if named and named <= self.at:
            raise Refused("EINVAL")
        t.alive = t.alive or t.said
        kept = self.speak(t) | t.promises["update"].stop()
        t.promises["update"].begin(self.at, named or None)
        self.tell("updated", t, t.holder.name, until=named, kept=kept, text=a["text"])

    def do_extend(self, t, a):
        t.alive = t.alive or t.said
        clipped = self.extend(t, num(a, "ms"))
        self.tell("extended", t, t.holder.name, until=self.on_the_wall(t.lease_boot), text=a.get("text"))
        return WAS_CLIPPED if clipped else 0

    def do_release(self, t, a):
        soon = self.boot - t.claimed_boot <= RELEASED_SOON
        self.come_back(t, keep=False)
        self.tell("released", t, t.holder.name, n=1 if soon else 0, text=a.get("text"))

    def do_pause(self, t, a):
        reason, at = num(a, "kind"), num(a, "at")
        if at and at <= self.at:
            raise Refused("EINVAL")
        left = t.policy.pause_max[reason] - t.paused_for(reason, self.at)
        if left <= 0:
            raise Refused("ESTATE")
        pause, late = t.running_pause(reason), []
        if pause is None:
            if len(t.pauses) + len(t.solved) >= PAUSES_MAX:
                raise Refused("ELIMIT")
            late = [p for p in t.promises.values() if p.owed and p.state == RUNNING and not p.alone
                    and not p.paused() and reason in t.policy.paused_by[p.name]]
            pause = Pause(reason, self.at)
            t.pauses.append(pause)
        pause.question, pause.asked_at, pause.reminded = a.get("text"), self.at, 0
        most = self.at + left
        pause.at_max = at == 0 or at >= most
        pause.until = most if pause.at_max else at
        if t.state != PAUSED:
            t.enter(PAUSED, self.at)
        kept = 0
        if reason == REQUESTER:
            kept = self.speak(t) | t.promises["update"].stop()
            t.promises["update"].begin(self.at)
        begun = reason == REQUESTER and t.promises["update"]
        late = any(p.owed and p.state == RUNNING and p is not begun
                   and 10 * (p.target - p.used(self.at)) <= p.target for p in late)
        self.tell("paused", t, t.holder.name, how=reason, until=pause.until, kept=kept,
                  n=int(late), text=a.get("text"))
        return WAS_CLIPPED if at > most else 0

    def do_resume(self, t, a):
        reason = num(a, "kind")
        ended = [pause for pause in t.running_pauses() if reason in (0, pause.reason)]
        if not ended:
            raise Refused("ESTATE")
        for pause in ended:
            pause.end = self.at
        if not t.running_pauses():
            self.come_back(t, keep=True)
        self.tell("resumed", t, t.holder.name, how=reason, text=a.get("text"))

    def do_resolve(self, t, a):
        if t.is_a_cause() and num(a, "kind") == AS_WORKAROUND:  # no more than a word
            t.alive = t.alive or t.said
            kept = self.speak(t) | t.promises["update"].stop()
            t.promises["update"].begin(self.at)
            self.tell("updated", t, t.holder.name, how=AS_WORKAROUND, kept=kept, text=a.get("text"))
            self.cause_worked_around(t, a.get("text"))
            return
        kept = self.speak(t) | t.promises["update"].stop() | t.promises["resolve"].stop()
        self.solve(t, num(a, "kind") or AS_ANSWERED, kept, 0, t.holder.name, a.get("text"))

    def do_fail(self, t, a):
        t.attempts += 1
        if t.attempts >= t.policy.attempts:
            t.enter(STUCK, self.at)
            self.tell("failed", t, t.holder.name, n=t.attempts, text=a.get("text"))
            self.stick(t, t.holder.name)
        else:
            t.enter(SCHEDULED, self.at)
            backoff = t.policy.backoff
            t.start_at = self.at + backoff[min(t.attempts, len(backoff)) - 1]
            self.tell("failed", t, t.holder.name, n=t.attempts, until=t.start_at,
                      text=a.get("text"))

    def do_hand_off(self, t, a):
        to = self.agent(a["agent"]) if a.get("agent") else self.queue(a["queue"])
        how = TO_AGENT if a.get("agent") else TO_QUEUE
        if how == TO_AGENT and (to is t.holder or not to.present):
            raise Refused("ESTATE")
        if t.hops >= t.policy.hops:
            t.level = min(LEVEL_MAX, t.level + 1)
            self.tell("escalated", t, t.holder.name, rule="handoff.hops", text=a.get("text"))
            return WAS_ESCALATED
        t.hops += 1
        t.enter(OFFERED, self.at)
        t.offer, t.offered_to, t.offer_end = how, to, self.at + t.policy.accept_within
        self.tell("offered", t, t.holder.name, to=to.name, how=how, n=t.hops, until=t.offer_end,
                  text=a.get("text"))

    def do_recall(self, t, a):
        how, to, until = t.offer, t.offered_to, 0
        if t.holder.present:
            t.enter(CLAIMED, self.at)
            t.lease_boot = self.boot + t.queue.policy.lease_for
            until = self.on_the_wall(t.lease_boot)
        else:
            self.come_back(t, keep=False)
        self.tell("recalled", t, a.get("who"), to=to.name, how=how, until=until, text=a.get("text"))

    def do_decline(self, t, a):
        self.offer_returns(t, "declined", who=a.get("who"), text=a.get("text"))

    def do_link(self, t, a):
        number = num(a, "other")
        self.check_link(t, number)
        if number:
            self.link(t, self.tickets[number], a.get("who"), a.get("text"))
            return
        self.unlink(t)
        t.cause = 0
        self.tell("linked", t, a.get("who"), text=a.get("text"))
        if t.state == CLOSED and t not in self.ended:
            self.put_by(t)

    def do_ask(self, t, a):
        t.chases += 1
        if t.state == RESOLVED:
            t.closing = self.at + t.policy.confirm_within
        else:
            self.message(t)
        self.tell("asked", t, a["who"], n=t.chases, text=a.get("text"))

    def do_reply(self, t, a):
        courtesy = num(a, "kind") == COURTESY
        reopens = not courtesy and t.state in (RESOLVED, CLOSED)
        if not courtesy:
            pause = t.running_pause(REQUESTER)
            if pause is not None:
                pause.end = self.at
            t.summed_from[REQUESTER] = len(t.pauses)
            if not reopens:
                self.message(t)
            if t.state == PAUSED and not t.running_pauses():
                self.come_back(t, keep=True)
        self.tell("replied", t, a["who"], how=num(a, "kind"), text=a.get("text"))
        if reopens:
            self.reopen(t, a["who"], None)

    def do_confirm(self, t, a):
        t.person(a["who"]).confirmed = True
        self.tell("confirmed", t, a["who"], text=a.get("text"))
        self.close_if_confirmed(t, a["who"])

    def close_if_confirmed(self, t, who):
        if all(p.confirmed for p in t.persons if not p.left):
            self.close(t, who)

    def do_reopen(self, t, a):
        self.reopen(t, a["who"], a.get("text"))

    def do_withdraw(self, t, a):
        if self.persons(t) > 1:
            t.person(a["who"]).left = True
            self.tell("left", t, a["who"], text=a.get("text"))
            if t.state == RESOLVED:
                self.close_if_confirmed(t, a["who"])
            return
        lapsed = sum(promise.lapse() for promise in t.promises.values())
        whose = t.holder.name if t.claim_stands() else None
        t.end_pauses(self.at)
        self.end(t, WITHDRAWN)
        self.tell("withdrawn", t, a["who"], to=whose, lapsed=lapsed, text=a.get("text"))

    def do_revive(self, t, a):
        t.attempts = 0
        self.come_back(t, keep=False)
        self.tell("revived", t, a.get("who"), text=a.get("text"))

    def do_escalate(self, t, a):
        t.level = min(LEVEL_MAX, t.level + 1)
        self.tell("escalated", t, a.get("who"), text=a.get("text"))

    def do_reprioritise(self, t, a):
        self.reprioritise(t, num(a, "kind"), a.get("who"), a.get("text"))

    def do_move(self, t, a):
        queue = self.queue(a["queue"])
        if queue is not t.queue:
            self.put(t, queue)
            if t.entry is not None:
                self.compute_rank(t, first=False)
        self.tell("moved", t, a.get("who"), to=queue.name, text=a.get("text"))

    def do_note(self, t, a):
        self.tell("noted", t, a.get("who"), text=a.get("text"))
