"""Draws commands: seeded, and with a look at the oracle's state, so that most are possible.

Each seed is a different world (swarm testing): a random subset of verbs and features, small pools
of names so that things meet, and durations on a grid so that timers fall on the same instant.
"""
import random
import re

import draw_time
from draw_acts import Acts
from draw_manners import MANNERS, Manners
from draw_policy import Policies
from hours import DAY, NEVER, new_year
from words import LEGAL, PROMISES, TO_AGENT


LOOK_EVERY = 50  # commands: all tickets are compared


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
        self.manners = {agent: rng.choice(MANNERS) for agent in self.agents} if some(0.5) else {}
        self.floods = self.all_urgent = self.all_decline = self.pauses_on = self.to_and_fro = False
        if some(0.3):
            self.do_adversary(rng)
        self.weights = {
            "enqueue": rng.randint(4, 12),
            "many": rng.choice([0, 0, 1, 2]),
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
            "borrowed": 1 if "borrows" in self.manners.values() else 0,
            "late": 4 if "stalls" in self.manners.values() else 0,
            "inside": rng.choice([0, 1, 4]),
            "acts": rng.choice([0, 0, 1]),
            "subscription": rng.choice([0, 0, 1]),
            "purge": rng.choice([0, 0, 0.3]),
            "ref": 0.3,
            "sleep": rng.choice([0, 0, 0.05]),
        }
        self.mutes = some(0.3)
        self.refs = some(0.3)
        if self.weights["purge"]:  # who follows from far back would be told what is erased
            self.weights["subscription"] = 0

    def put_away(self):
        """What is over leaves memory, but not the store: it can be reopened, but is not found by its ref
        nor linked to a new cause, and a command on it waits until it has been read."""
        self.refs, self.symptoms = False, []
        self.weights.update(acts=0, inside=0, cause=0)

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


class Drawer(Acts, Manners, Policies):
    def __init__(self, seed, policies=(), stored=False):
        self.stored = stored
        self.rng = random.Random(seed)
        self.world = World(self.rng)
        self.policies = list(policies)
        self.service = None
        self.op = 0
        self.with_op = []  # lines to say again
        self.planned = None  # what makes the next line, where one belongs to the one before
        self.begin_manners()

    # ---- the first lines ----

    def opening(self):
        rng = self.rng
        line = f"open {self.world.begins}"
        if self.chance(0.4 if self.stored else 0.2):
            line += f" keep_closed={rng.randint(1, 5)}"
            if self.stored:
                line += " store=1"
                self.world.put_away()
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
        if self.said % LOOK_EVERY == LOOK_EVERY - 1:
            return "look queues=" + ",".join(self.service.queues)
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
            weights["reopen"] = weights["fault"] = 1 if self.stored else 0
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
        if world.refs and self.chance(0.5):
            a += f" ref=r{rng.randint(1, 9)}"
        if self.chance(0.05):
            a += f" follows={rng.randint(1, self.service.last_id + self.chance(0.1) + 1)}"
        return a

    def draw_enqueue(self):
        line = f"enqueue {self.pick(self.world.queues)} {self.request()}"
        return self.maybe_mute(self.maybe_op(line))

    def draw_many(self):
        if self.world.many_skills:
            return None
        requests = [self.request() for _ in range(self.rng.randint(1, 5))]
        if self.world.ops and self.chance(0.3):
            ops = range(max(1, self.op - 2), self.op + 3)
            requests = [f"{a} op={self.pick(ops)}" for a in requests]
            requests += requests[:self.rng.randint(0, 2)]
            self.op += 2
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
        return self.pick(["reopen", "restore"] + ["crash"] * 2 * (not self.unsaved))

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
        line = self.pick(self.with_op[-8 if self.chance(0.7) else -100:])
        if self.chance(0.2):
            other = {"enqueue": "symptom=other", "claim": "n=7", "claim_ticket": "ticket=99998",
                     "act": "text=other"}[line.split()[0]]
            line = re.sub(rf" {other.split('=')[0]}=\S+", "", line) + " " + other
        return line

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

    def draw_sleep(self):
        """Nobody is there for weeks."""
        return f"advance {self.service.wall + self.rng.randint(1, 200) * DAY}"

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
