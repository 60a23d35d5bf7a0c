"""Draws commands on tickets: most of them legal as it stands, some that nobody should say."""
from ticket import Promise
from words import (
    AGENTS_VERBS, AT_MAX, LEGAL, NEVER, REQUESTERS_VERBS, RUNNING, UNTIL)


class Acts:
    """Part of a Drawer."""

    def draw_act(self):
        """Something that is legal for some ticket as it stands."""
        by_state = {}
        for t in self.service.live + self.service.ended[-20:]:
            by_state.setdefault(t.state, []).append(t)
        by_state.pop("withdrawn", None)
        if not by_state:
            return None
        often = {"claimed": 8, "offered": 5, "paused": 5, "resolved": 4, "waiting": 2, "stuck": 3}
        weights = [often.get(state, 1) for state in by_state]
        t = self.pick(by_state[self.rng.choices(list(by_state), weights)[0]])
        if not self.is_minded(t):
            return None
        world = self.world
        verbs = [v for v in world.verbs if t.state in LEGAL[v] and (world.hands_off or v != "hand_off")]
        if t.state == "closed":
            verbs = [v for v in world.verbs if v in ("reopen", "reply", "link")]
        if not verbs:
            return None
        often = {"withdraw": 0.2, "move": 0.6, "note": 0.3, "escalate": 0.3, "ask": 0.5,
                 "receipt": 0.3, "pause": 2, "confirm": 2, "revive": 3, "hand_off": 6, "recall": 0.6,
                 "link": 0.4 if world.symptoms else 0.1}
        if world.all_decline and t.offered_to is not None and self.chance(0.8):
            return self.act("decline", t)
        if t.offered_to is not None and not t.holder.present and self.chance(0.4):
            return self.act("recall", t)
        if world.pauses_on:
            often.update(pause=12, resume=0.1, reply=0.1)
        verb = self.rng.choices(verbs, [often.get(v, 1) for v in verbs])[0]
        return self.act(verb, t)

    def draw_cause(self):
        """Of a ticket that others are linked to: it is claimed, and resolved somehow."""
        causes = [t for t in self.service.live if t.is_a_cause()]
        if not causes:
            return None
        t = self.pick(causes)
        if t.state in LEGAL["resolve"]:
            return self.act("resolve", t)
        if t.state == "resolved":
            return self.act(self.pick(["reopen", "confirm"]), t)
        return f"claim_ticket {self.pick(self.world.agents)} ticket={t.id}"

    def draw_late_pause(self):
        """Near the last tenth of a promise."""
        service = self.service
        late = [(p.reached(p.target - p.target // 10), t, reason)
                for t in service.live if t.state in LEGAL["pause"]
                for p in t.promises.values() if p.counts() and p.state == RUNNING and not p.paused()
                for reason in t.policy.paused_by[p.name]]
        late = [one for one in late if one[0] <= service.until(one[1])]
        if not late:
            return None
        at, t, reason = self.pick(late)

        def pause():
            until = f" at={self.service.now + self.span()}" if reason == UNTIL else ""
            return f"act verb=pause ticket={t.id} token={t.token} kind={reason}{until} text=t"

        if at <= service.now:
            return pause()
        self.planned = pause
        return f"advance {max(service.wall, at + self.pick([-1, 0, 0, 1]))}"

    def draw_odd(self):
        """What no program should say; also what it may, at the edge of a limit."""
        queue, agent = self.pick(self.world.queues), self.pick(self.world.agents)
        t = self.pick(self.service.live or [None])
        at = self.pick([-1, 1, AT_MAX + 1, "never"] + [AT_MAX] * (not self.world.calendars))
        lines = [
            f"enqueue {queue} body=x", f"enqueue {queue} who=a priority={self.pick([-1, 5])}",
            f"enqueue {queue} who={'a' * self.pick([255, 256])}",
            f"enqueue {queue} who=a start={at}",
            f"hold {queue} 4", f"claim {agent} queues={queue} wait=-1", f"claim {agent} n=1",
            f"claim {agent} queues={queue},{queue}", f"claim {agent} queues={queue} n=1001",
            f"claim_ticket {agent} ticket=0", f"cancel {agent} tag=9", "advance 0",
            f"act verb=ask ticket=99999 who={self.pick(self.world.people)}", "act verb=note",
            "act verb=update ticket=99999 token=1 text=a", "act verb=nonsense ticket=1",
        ]
        if t is not None:
            token = f"ticket={t.id} token={t.token or 1}"
            lines += [
                f"act verb=update {token} text=a at={at}", f"act verb=pause {token} kind=3 at={at}",
                f"act verb=pause {token} kind={self.pick([0, 2, 3, 4])}",
                f"act verb=pause {token} kind=1", f"act verb=update {token}",
                f"act verb=resume {token} kind=4", f"act verb=extend {token} ms=never",
                f"act verb=extend {token} ms=-1",
                f"act verb=resolve {token} kind={self.pick([0, 4])}",
                f"act verb=acknowledge {token} kind=2", f"act verb=note ticket={t.id} kind=1",
                f"act verb=note ticket={t.id} at={at}", f"act verb=move ticket={t.id}",
                f"act verb=reprioritise ticket={t.id} kind={self.pick([-1, 0, 5])}",
                f"act verb=reply ticket={t.id} who={t.requester()} kind=2",
                f"act verb=ask ticket={t.id}", f"act verb=ask ticket={t.id} who=nobody",
            ]
        return self.pick(lines)

    def draw_any_act(self):
        """Any verb on any ticket, mostly wrong somehow."""
        tickets = list(self.service.tickets.values())
        if not tickets:
            return None
        return self.act(self.pick(LEGAL), self.pick(tickets[-60:]), wrong=True)

    def act(self, verb, t, wrong=False):
        rng, world = self.rng, self.world
        receipt = verb == "receipt"
        line = f"act verb={'acknowledge' if receipt else verb} ticket={t.id}"
        if receipt:
            line += " kind=1"
        needs_token = verb in AGENTS_VERBS
        token = t.token
        if wrong and self.chance(0.4):
            token = self.pick([0, max(0, t.token - 1), t.token + 1, t.token + 7])
        if needs_token or self.chance(0.1 if t.claim_stands() else 0.02):
            line += f" token={token}" if token else ""
        if verb in REQUESTERS_VERBS:
            present = [p.name for p in t.persons if not p.left]
            anybody = self.chance(0.4 if wrong else 0.03)
            line += f" who={self.pick(world.people if anybody else present)}"
            if wrong and self.chance(0.05):
                line = line.split(" who=")[0]
        elif self.chance(0.2):
            line += " who=desk"
        line += self.details(verb, t, wrong)
        if verb in ("update", "pause") and not (wrong and self.chance(0.05)) or self.chance(0.3):
            line += f" text=t{rng.randint(1, 99)}"
        return self.maybe_mute(self.maybe_op(line))

    def moment(self):
        """An instant to come, now and then one that has passed."""
        if self.chance(0.08):
            return max(1, self.service.now - self.pick([0, 1, self.span(3)]))
        return self.service.now + self.pick([self.span(20), self.span(20), self.span(3), 1])

    def where_to(self, wrong):
        """A queue or an agent; wrong: perhaps both, or neither."""
        to = [f" queue={self.pick(self.world.queues)}", f" agent={self.pick(self.world.agents)}"]
        if wrong and self.chance(0.1):
            return self.pick(["", "".join(to)])
        return self.pick(to)

    def details(self, verb, t, wrong):
        rng = self.rng
        if verb == "update" and self.chance(0.4):
            update = Promise(t, "update")
            update.begin(self.service.now)
            due = update.reached(update.target) if update.state else NEVER
            if due != NEVER and self.chance(0.5):
                return f" at={max(1, due + self.pick([-1, 0, 1]))}"
            return f" at={self.moment()}"
        if verb == "extend" and self.chance(0.6):
            return f" ms={self.pick([self.span(20), self.span(60), 1])}"
        if verb == "pause":
            reason = rng.choice([1, 1, 2, 3])
            left = t.policy.pause_max[reason] - t.paused_for(reason, self.service.now)
            at = f" at={self.moment()}" if reason == 3 or self.chance(0.4) else ""
            if left > 0 and self.chance(0.15):
                at = f" at={self.service.now + left + self.pick([-1, 0, 0, 1])}"
            return f" kind={reason}{at}"
        if verb == "resume":
            running = [p.reason for p in t.running_pauses()]
            return f" kind={self.pick([1, 2, 3] if self.chance(0.1) else running + [0])}"
        if verb == "resolve":
            return f" kind={self.pick([1, 2, 2, 3, 3, 3] if t.linked else [1, 2, 3])}"
        if verb == "hand_off":
            return self.where_to(wrong)
        if verb == "link":
            causes = [o.id for o in self.service.live if o.is_cause or o.linked]
            pool = self.service.live if self.service.may_be_away else self.service.tickets.values()
            others = [o.id for o in list(pool)[-40:]]
            if self.chance(0.3):
                return f" other={self.pick([0] * 8 + [99999] + others)}"
            return f" other={self.pick(causes or others or [0])}"
        if verb == "reply" and self.chance(0.25):
            return " kind=1"
        if verb == "reprioritise":
            return f" kind={rng.randint(1, 4)}"
        if verb == "move":
            return f" queue={self.pick(self.world.queues)}"
        return ""
