"""Draws commands: seeded, and with a look at the oracle's state, so that most are possible.

Each seed is a different world (swarm testing): a random subset of verbs and features, small pools
of names so that things meet, and durations on a grid so that timers fall on the same instant.
"""
import random
import re

import draw_time
from draw_policy import Policies
from hours import DAY, NEVER, new_year
from ticket import Promise
from words import (
    AGENTS_VERBS, AT_MAX, LEGAL, PROMISES, REQUESTERS_VERBS, RUNNING, TO_AGENT, UNTIL)


class World:
    """What one seed has."""

    def __init__(self, rng):
        def pool(prefix, most, least=1):
            return [f"{prefix}{i}" for i in range(1, rng.randint(least, most) + 1)]

        def some(chance):
            return rng.random() < chance

        self.queues = pool("q", 3)
        self.agents = pool("ag", 4)
        self.people = pool("who", 6)
        self.many_skills = some(0.1)
        self.skills = pool("s", 20 if self.many_skills else 3)
        self.keys = pool("k", 4)
        self.grid = rng.choice([1, 10, 1000, 1000, 60_000, 60_000, 600_000])
        self.begins = rng.choice([1_700_000_000_000, 1_700_000_000_000, 3_600_000, 0])
        self.calendars = {}
        if some(0.5) and draw_time.ZONES:
            self.do_business(rng)
        self.ladders = some(0.6)
        self.steps_of = []  # steps of the ladder come again in later versions
        self.patience = rng.choice([1, 1, 4, 20])  # how long leases and pauses are against the rest
        self.most_live = rng.choice([5, 10, 20, 40, 80])
        self.verbs = [v for v in LEGAL if v == "resolve" or some(0.85)]
        self.hands_off = some(0.6)
        self.symptoms = pool("sy", 3) if some(0.5) else []
        if self.symptoms and some(0.5):
            self.queues.append("problems")
        self.needs = some(0.4)
        self.joins = some(0.5)
        self.starts = some(0.5)
        self.ops = some(0.5)
        self.bodies = some(0.5)
        self.late = some(0.5)
        self.steps = some(0.25)
        self.parks = some(0.6)
        self.wrong = some(0.8)
        self.limits = some(0.3)
        self.asks_figures = some(0.4)
        self.floods = self.all_urgent = self.all_decline = self.pauses_on = self.to_and_fro = False
        if some(0.3):
            self.do_adversary(rng)
        self.weights = {
            "enqueue": rng.randint(4, 12),
            "many": rng.choice([0, 0, 1]),
            "claim": rng.randint(4, 16),
            "claim_ticket": rng.choice([0, 1, 3]),
            "act": rng.randint(10, 40),
            "any_act": rng.randint(1, 4) if self.wrong else 0,
            "agent": rng.choice([0, 0, 1]),
            "gone": rng.choice([0, 0.5, 1] if self.hands_off else [0, 0, 0.5]),
            "cancel": 1 if self.parks else 0,
            "hold": rng.choice([0, 0, 1]),
            "define": rng.choice([0, 0, 0, 1]),
            "apply": rng.choice([0, 0, 1]),
            "what_if": rng.choice([0, 0, 0.5]),
            "why": rng.choice([0, 1]),
            "figures": 0.7 if self.asks_figures else 0,
            "found": rng.choice([0, 0.5]),
            "time": rng.choice([2, 4, 8, 16]),
            "again": 2 if self.ops else 0,
            "edge": rng.choice([0, 1, 2]),
            "late_pause": rng.choice([0, 1, 2]) if "pause" in self.verbs else 0,
            "cause": rng.choice([1, 2, 4]) if self.symptoms else 0,
            "odd": 1 if self.wrong else 0,
        }


    def do_adversary(self, rng):
        """Somebody plays against the others: a requester, the agents, or the policy."""
        mode = rng.choice(["floods", "all_urgent", "all_decline", "pauses_on", "to_and_fro"])
        setattr(self, mode, True)
        needed = {"all_decline": {"hand_off", "decline"}, "pauses_on": {"pause"}}.get(mode, set())
        self.hands_off |= mode == "all_decline"
        self.verbs = [v for v in LEGAL if v in self.verbs or v in needed]
        self.ladders |= mode == "to_and_fro"

    def do_business(self, rng):
        """On calendars, and near what makes them difficult."""
        self.grid = rng.choice([60_000, 600_000, 1_800_000, 1_800_000])
        zone = rng.choice(draw_time.ZONES)
        self.begins = new_year(rng.randint(1990, 2060)) + rng.randrange(366 * DAY)
        changes = draw_time.changes_near(zone, self.begins)
        if changes and rng.random() < 0.7:
            self.begins = rng.choice(changes) - rng.randrange(2 * DAY)
        self.calendars = {f"c{i}": draw_time.calendar(rng, zone, self.begins) for i in range(4)}


class Drawer(Policies):
    def __init__(self, seed, policies=(), stored=False):
        self.stored = stored
        self.rng = random.Random(seed)
        self.world = World(self.rng)
        self.policies = list(policies)
        self.service = None
        self.op = 0
        self.with_op = []  # lines to say again
        self.planned = None  # what makes the next line, where one belongs to the one before

    # ---- the first lines ----

    def opening(self):
        rng = self.rng
        line = f"open {self.world.begins}"
        if self.chance(0.2) and not self.stored:
            line += f" keep_closed={rng.randint(1, 5)}"
        if self.chance(0.3):
            line += f" op_window_ms={self.span(10)}"
        if self.chance(0.2):
            line += f" op_window_n={rng.randint(1, 5)}"
        yield line
        for queue in self.world.queues:
            if self.chance(0.9):
                yield f"define {queue} {self.policy()}"
        for agent in self.world.agents:
            yield self.meet(agent)

    def meet(self, agent):
        skills = [s for s in self.world.skills if self.chance(0.7)]
        return f"agent {agent}" + (f" skills={','.join(skills)}" if skills else "")

    # ---- commands ----

    def line(self):
        """The next command."""
        planned, self.planned = self.planned, None
        line = planned and planned()
        if line is not None and not self.is_parked_op(line):
            return line
        while True:
            weights = dict(self.world.weights)
            if sum(t.state != "stuck" for t in self.service.live) >= self.world.most_live:
                weights["enqueue"] = weights["many"] = 0
            if not all(agent.present for agent in self.service.agents.values()):
                weights["agent"] += 2
            if any(t.offer == TO_AGENT for t in self.service.live):
                weights["gone"] += 0.3
            weights["reopen"] = 1 if self.stored else 0
            names = list(weights)
            what = self.rng.choices(names, [weights[name] for name in names])[0]
            line = getattr(self, "draw_" + what)()
            if line is not None and not self.is_parked_op(line):
                return line

    def is_parked_op(self, line):
        """The same op of a claim that is still parked is nobody's promise."""
        return any(parked.op and f" op={parked.op}" in line + " " for parked in self.service.parked)

    def maybe_op(self, line):
        if self.world.ops and self.chance(0.3):
            if self.chance(0.9) or not self.op:
                self.op += 1
                line += f" op={self.op}"
            else:
                line += f" op={self.rng.randint(1, self.op)}"
            self.with_op.append(line)
        return line

    def request(self):
        rng, world = self.rng, self.world
        a = f"who={self.pick(world.people[:1] if world.floods and self.chance(0.8) else world.people)}"
        if world.all_urgent and self.chance(0.9):
            a += " priority=4"
        elif self.chance(0.6):
            a += f" priority={rng.randint(1, 4)}"
        if world.starts and self.chance(0.3):
            a += f" start={max(0, self.service.now + self.span(20, -3))}"
        if world.joins and self.chance(0.4):
            a += f" key={self.pick(world.keys)}"
        if world.needs and self.chance(0.4):
            n = rng.randint(1, min(len(world.skills), 12))
            a += " needs=" + ",".join(rng.sample(world.skills, n))
        if world.bodies and self.chance(0.5):
            a += f" body={'x' * rng.randint(1, 70)}"
        if world.symptoms and self.chance(0.6):
            a += f" symptom={self.pick(world.symptoms)}"
        if self.chance(0.05):
            a += f" ref=r{rng.randint(1, 9)}"
        if self.chance(0.05):
            a += f" follows={rng.randint(1, self.service.last_id + self.chance(0.1) + 1)}"
        return a

    def draw_enqueue(self):
        return self.maybe_op(f"enqueue {self.pick(self.world.queues)} {self.request()}")

    def draw_many(self):
        if self.world.many_skills:
            return None
        requests = [self.request() for _ in range(self.rng.randint(1, 5))]
        return f"many {self.pick(self.world.queues)} " + " ; ".join(requests)

    def draw_claim(self):
        rng, world = self.rng, self.world
        queues = rng.sample(world.queues, rng.randint(1, len(world.queues)))
        line = f"claim {self.pick(world.agents)} queues={','.join(queues)}"
        if self.chance(0.4):
            line += f" n={rng.randint(1, 4)}"
        if world.parks and len(self.service.parked) < 5 and self.chance(0.4):
            wait = self.pick(["never", self.span(20), self.span(20), 1])
            line += f" wait={wait} tag={rng.randint(1, 3)}"
        return self.maybe_op(line)

    def draw_reopen(self):
        """Not where the wall is set: leases follow it at a reopen, and otherwise do not."""
        if self.world.steps:
            return None
        return self.pick(["reopen", "crash"])

    def draw_cancel(self):
        return f"cancel {self.pick(self.world.agents)} tag={self.rng.randint(1, 3)}"

    def draw_claim_ticket(self):
        claimable = [t for t in self.service.live
                     if t.state in ("waiting", "offered", "paused", "stuck")]
        if not claimable or self.chance(0.1):
            claimable = [t for t in self.service.tickets.values()]
        number = self.pick(claimable).id if claimable and not self.chance(0.02) else 99999
        return self.maybe_op(f"claim_ticket {self.pick(self.world.agents)} ticket={number}")

    def draw_agent(self):
        gone = [name for name in self.world.agents if not self.service.agent(name).present]
        return self.meet(self.pick(gone or self.world.agents))

    def draw_gone(self):
        offered = [t.offered_to.name for t in self.service.live if t.offer == TO_AGENT]
        return f"gone {self.pick(offered if offered and self.chance(0.7) else self.world.agents)}"

    def draw_hold(self):
        return f"hold {self.pick(self.world.queues)} {self.rng.choice([0, 0, 0, 1, 2, 3])}"

    def draw_define(self):
        return f"define {self.pick(self.world.queues)} {self.policy()}"

    def draw_apply(self):
        return f"apply {self.pick(self.world.queues)}"

    def draw_what_if(self):
        policy = " " + self.policy() if self.chance(0.7) else ""
        return f"what_if {self.pick(self.world.queues)}{policy}"

    def draw_why(self):
        asked = [(t.id, i + 1) for t in self.service.live for i, name in enumerate(PROMISES)
                 if t.promises[name].counts() and self.is_near(t.promises[name])]
        return "why ticket={} promise={}".format(*self.pick(asked)) if asked else None

    def is_near(self, promise):
        due = promise.due()
        return (self.service.now if due == NEVER else due) - promise.start < 100 * DAY

    def draw_figures(self):
        what = self.pick(["figures", "figures", "agents", "symptoms"])
        if what != "figures":
            return what
        if self.chance(0.5):
            what += f" queue={self.pick(self.world.queues)}"
        if self.chance(0.6):
            begin = self.service.now - self.rng.randrange(self.pick([DAY, 3 * DAY, 40 * DAY]))
            if self.chance(0.5):  # the edges of a day
                begin = begin // DAY * DAY - self.pick([0, 1])
            begin = max(1, begin)
            what += f" from={begin}"
            if self.chance(0.5):
                what += f" to={begin + self.rng.randrange(40 * DAY)}"
        return what

    def draw_found(self):
        """Tickets by what they are linked to, their symptom, or who has them; or what happened to one."""
        if self.service.tickets and self.chance(0.3):
            t = self.pick(self.service.tickets.values())
            return f"history ticket={t.id}" if len(t.history) < 900 else None
        t = self.pick(self.service.live or [None])
        filters = [f"agent={self.pick(self.world.agents)}", f"queue={self.pick(self.world.queues)}"]
        if t is not None:
            filters += [f"linked={t.cause or t.follows or t.id}"] * 2
        if self.world.symptoms:
            filters.append(f"symptom={self.pick(self.world.symptoms)}")
        return f"tickets {self.pick(filters)}"

    def draw_again(self):
        """An op that was used: mostly the same line, sometimes with something else in it."""
        if not self.with_op:
            return None
        line = self.pick(self.with_op[-8:])
        if self.chance(0.2):
            other = {"enqueue": "symptom=other", "claim": "n=7", "claim_ticket": "ticket=99998",
                     "act": "text=other"}[line.split()[0]]
            line = re.sub(rf" {other.split('=')[0]}=\S+", "", line) + " " + other
        return line

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
        return self.maybe_op(line)

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
            others = [o.id for o in list(self.service.tickets.values())[-40:]]
            if self.chance(0.3):
                return f" other={self.pick([0] * 8 + [99999] + others)}"
            return f" other={self.pick(causes or others)}"
        if verb == "reply" and self.chance(0.25):
            return " kind=1"
        if verb == "reprioritise":
            return f" kind={rng.randint(1, 4)}"
        if verb == "move":
            return f" queue={self.pick(self.world.queues)}"
        return ""

    # ---- time ----

    def draw_edge(self):
        """To an instant at which something ends without a timer, and the command that notices."""
        service, edges = self.service, []

        def edge(at, then):
            if service.now + 1 < at < service.now + 10 ** 12:
                edges.append((at, then))

        for t in service.ended:
            if t.state == "closed" and {"reopen", "reply"} & set(self.world.verbs):
                verb = self.pick(sorted({"reopen", "reply"} & set(self.world.verbs)))
                edge(t.solved[-1][0] + t.policy.reopen_within,
                     lambda t=t, verb=verb: self.act(verb, t))
        for t in service.live:
            if t.state == "offered":
                edge(t.offer_end, lambda t=t: f"claim_ticket {self.pick(self.world.agents)} ticket={t.id}")
            if t.state == "claimed" and "release" in self.world.verbs:
                edge(service.on_the_wall(t.claimed_boot + 60_000),
                     lambda t=t: self.act("release", t))
        for (queue, priority, who), mark in service.marks.items():
            edge(max(mark.rank, mark.set_at) + mark.gap,
                 lambda q=queue, p=priority, w=who: f"enqueue {q} who={w} priority={p}")
        for first in service.ops:
            lines = [line for line in self.with_op if line.endswith(f" op={first.op}")]
            if lines:
                edge(first.at + service.op_window_ms, lambda line=lines[-1]: line)
        if not edges:
            return None
        at, self.planned = self.pick(edges)
        return f"advance {at + self.pick([-1, 0, 0, 1])}"

    def draw_time(self):
        service = self.service
        timer = service.next_timer()
        how = self.rng.random()
        if self.world.steps and how < 0.1:
            return f"step {self.pick([1, -1, 1, -1, 3]) * self.span(30)}"
        to = service.wall + self.span(10)
        if how < 0.15:
            some = self.rng.randint(1, self.pick([10 * self.world.grid, 5 * DAY]))
            to = service.wall + self.pick([0, 1, 1, some, self.span(60)])
        elif how < 0.7 and timer is not None:
            to = timer[0] + self.pick([0, 0, 0, -1, 1])
        far = to - service.wall
        often = 0.5 if self.world.ladders else 0.9
        if far > 1000 * self.world.grid and self.chance(often) or far > 10 ** 12:
            to = service.wall + self.span(100)  # not too far at once
        to = max(to, service.wall)
        return f"{'skip' if self.world.late and self.chance(0.3) else 'advance'} {to}"
