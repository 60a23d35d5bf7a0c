"""Draws what agents and programs do that are not as they should be: agents who die or answer late,
calls from inside callbacks, several at once, without a callback; and those who only look on."""
from words import AGENTS_VERBS, CLAIMED, LEGAL

MANNERS = ["serves", "serves", "dies", "stalls", "borrows"]
INSIDE_FIRST = ["enqueue", "many", "claim", "claim_ticket", "act", "act", "gone", "hold", "define",
                "apply", "again", "time", "time", "edge", "cause"]
SOME_SEEDS = ["cancel", "hold", "define", "apply", "gone", "cause"]  # have these
INSIDE_SECOND = ["enqueue", "many", "claim", "claim_ticket", "act", "act", "any_act", "agent", "gone",
                 "cancel", "hold", "define", "apply", "what_if", "figures", "again", "time", "cause", "odd"]


class Manners:
    """Part of a Drawer. An agent serves; or it dies: what it claims nobody ever acts on; or it stalls:
    its answer comes when its lease has ended; or it borrows: answers with another's token."""

    def begin_manners(self):
        self.late = []          # (ticket, token, line) of answers that will come too late
        self.late_answers = 0
        self.unsaved = False    # what a subscription has done; a crash may take it
        self.said = 0

    def manner(self, agent):
        return self.world.manners.get(agent.name, "serves")

    def heard(self, answer):
        """What came of the last command."""
        self.said += 1
        if any(line[0] == "e" for line in answer):
            self.unsaved = False
        for line in answer:
            if line[0] == "w" and " status=OK" in line:
                self.plan_late(line)

    def plan_late(self, line):
        for work in line.split(" work=")[1].split(","):
            number, token = map(int, work.split(":")[:2])
            t = self.service.tickets.get(number)
            if t is None or t.token != token or self.manner(t.holder) != "stalls" or len(self.late) > 9:
                continue
            verbs = [v for v in AGENTS_VERBS if v in self.world.verbs and CLAIMED in LEGAL[v]]
            act = self.act(self.pick(verbs), t)
            if f" token={token}" in act:
                self.late.append((number, token, act))

    def is_minded(self, t):
        """Whether its holder would act on it now."""
        if not t.claim_stands():
            return True
        manner = self.manner(t.holder)
        return manner == "serves" or self.chance(0.2 if manner == "borrows" else 0.05)

    def draw_late(self):
        """Around the end of the lease, or long after it."""
        if not self.late:
            return None
        number, token, line = self.late.pop(self.rng.randrange(len(self.late)))
        self.late_answers += 1
        t = self.service.tickets.get(number)
        if t is None or t.state != CLAIMED or t.token != token:
            return line
        end = self.service.on_the_wall(t.lease_boot) + self.pick([-1, 0, 0, 1, self.span()])
        self.planned = lambda: line
        return f"advance {max(self.service.wall, end)}"

    def draw_borrowed(self):
        """An answer to one ticket with the token of another."""
        held = [t for t in self.service.live if t.claim_stands()]
        if len(held) < 2:
            return None
        t, other = self.rng.sample(held, 2)
        verbs = [v for v in AGENTS_VERBS if v in self.world.verbs and t.state in LEGAL[v]]
        if not verbs or t.token == other.token:
            return None
        return self.act(self.pick(verbs), t).replace(f" token={t.token}", f" token={other.token}")

    # ---- several at once ----

    def maybe_mute(self, line):
        return line + " mute=1" if self.world.mutes and self.chance(0.3) else line

    def draw_acts(self):
        drawn = [self.draw_act() if self.chance(0.9) else self.draw_any_act()
                 for _ in range(self.rng.randint(1, 5))]
        parts = [line.partition(" ")[2].replace(" mute=1", "") for line in drawn
                 if line and line.startswith("act ")]
        return "acts " + " ; ".join(parts) if parts else None

    def draw_inside(self):
        """One command inside of a callback of another."""
        first = self.one_of(INSIDE_FIRST)
        second = self.follow_up(first) if first and self.chance(0.5) else self.one_of(INSIDE_SECOND)
        self.planned = None
        if first is None or second is None or self.is_parked_op(second):
            return None
        if " op=" in first and first.startswith("claim ") and first.split(" op=")[1] in second:
            return None
        return f"inside {self.pick([1, 1, 1, 2, 3, 9])} {first} ;; {second}"

    def one_of(self, names):
        name = self.pick(names)
        if name in SOME_SEEDS and not self.world.weights[name]:
            return None
        return getattr(self, "draw_" + name)()

    def follow_up(self, first):
        """To what the first one makes or has just claimed."""
        service, agent = self.service, self.pick(self.world.agents)
        words = dict(word.split("=", 1) for word in first.split() if "=" in word)
        if first.startswith(("enqueue", "many")):
            number, who = service.last_id + 1, words.get("who")
            return self.pick([f"claim_ticket {agent} ticket={number}", self.draw_claim(), first,
                              f"act verb=ask ticket={number} who={who}",
                              f"act verb=withdraw ticket={number} who={who}"])
        t = service.tickets.get(int(words.get("ticket", 0)))
        if first.startswith("claim "):
            waiting = [o for o in service.live if o.line() is not None]
            t = self.pick(waiting) if waiting else t
        if t is None:
            return self.draw_claim()
        verb = self.pick(v for v in LEGAL if v != "receipt")
        line = self.act(verb, t)
        if first.startswith("claim"):
            line = line.replace(f" token={t.token}", "") + f" token={t.token + 1}"
        return line

    # ---- who looks on ----

    def draw_subscription(self):
        service = self.service
        name = self.pick("12")
        upto = service.next_told.get(name)
        how = self.rng.random()
        self.unsaved = True
        if upto is None and how < 0.8:
            any_one = self.rng.randint(1, service.seq + 1)
            begin = self.pick([0, 0, 1, any_one, service.seq + 1, service.seq + 2])
            return f"subscribe {name}" + (f" from={begin}" if begin else "")
        if upto is None or how < 0.1:
            return self.pick([f"unsubscribe {name}"] + [f"event_done {name} seq={n}" for n in ("never", 1)])
        seq = self.pick([upto - 1, upto - 1, upto, self.rng.randint(0, upto)])
        return f"event_done {name} seq={seq}"

    def draw_purge(self):
        line = "purge"
        if self.chance(0.7):
            before = self.service.now - self.pick([0, 1, -1, self.span(), self.span(99)])
            line += f" before={max(0, before)}"
        if self.chance(0.5):
            line += f" who={self.pick(self.world.people + ['nobody'])}"
        return line

    def draw_ref(self):
        if not self.world.refs:
            return None
        return f"ref {self.pick(self.world.queues)} ref=r{self.rng.randint(1, 9)}"

    def draw_fault(self):
        """A command while the disk fails, then a crash. If it is applied a ticket must show it."""
        if self.world.steps or self.unsaved or self.world.limits:
            return None
        line = self.one_of(["act", "act", "enqueue", "many", "claim", "claim_ticket"])
        self.planned = None
        if line is None or self.is_parked_op(line):
            return None
        how = f"{self.pick(['io', 'full'])} {self.pick(['once', 'ever'])}"
        return f"fault {self.rng.randint(1, 12)} {how} {line.replace(' mute=1', '')}"
