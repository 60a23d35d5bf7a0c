"""The oracle: usher's rules a second time, written from the design and README.md alone.

Naive on purpose. There are no indexes, heaps or counters here: what is waiting, what is due next
and how much of a promise is used is found by looking at everything, each time. The only thing
remembered is a ticket's next timer, forgotten at each of its events. Slow and plain is what makes
it worth comparing with. words.py has the words, policy.py and ticket.py what their names say,
service.py time, line.py who is next, ladder.py warnings and steps, causes.py what keeps coming,
figures.py what has been counted, commands.py the verbs; here is how it is spoken to.

    python3 oracle.py < commands.txt
"""
import sys

from commands import Commands
from compare import differences
from figures import describe_agents, describe_figures
from policy import Policy
from upkeep import Upkeep
from words import (
    AT_MAX, HOLD_CLAIMS, HOLD_ENQUEUE, PROMISES, Refused, TO_AGENT, instant, num, split, word)


CALLBACKS = "edwo12"  # their lines


class Oracle(Upkeep, Commands):
    """The service, and the lines in which it is spoken to."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.inside = None       # (callbacks, line) that is still to be said
        self.code_inside = None  # what it returned
        self.in_callback = False

    def command(self, line):
        """The answer, as lines; without the dot."""
        self.out, self.touched, self.inside = [], set(), None
        if line.startswith("inside "):
            _, n, both = line.split(" ", 2)
            line, second = both.split(" ;; ")
            self.inside = int(n), second
        codes = [self.say(line)]
        self.call_back()
        if self.inside is not None:  # no such callback came
            self.code_inside = self.say(self.take_inside())
        if self.code_inside is not None:
            codes.append(self.code_inside)
            self.code_inside = None
        self.tell_subscribers()
        told = [self.describe(self.tickets[number]) for number in sorted(self.touched)
                if number in self.tickets]
        timer = self.next_timer()
        return self.out + [f"r {code}" for code in codes] + told + [
            f"n {instant(timer[0]) if timer else 'never'}"]

    def say(self, line):
        """What the call returned."""
        code = "OK"
        try:
            self.tick()
            self.perform(line)
            self.tell_room()
            self.serve_parked()
        except Refused as refused:
            code = refused.code
        self.muted = False
        self.tick()
        return code

    def take_inside(self):
        line, self.inside = self.inside[1], None
        return line

    def call_back(self):
        """Callbacks run. All that has happened is complete before the first of them, so it does not
        matter which one it is inside of which the other line is said."""
        self.tell_subscribers()
        if self.inside is not None and sum(told[0] in CALLBACKS for told in self.out) >= self.inside[0]:
            line, self.in_callback = self.take_inside(), True
            self.code_inside = self.say(line)
            self.in_callback = False

    def perform(self, line):
        verb, _, rest = line.partition(" ")
        words = rest.split()
        a = arguments(words)
        if verb == "queue":
            self.queue(words[0])
        elif verb == "define":
            queue = self.queue(words[0])
            queue.take(Policy(rest.partition(" ")[2], queue.policy.version + 1, queue))
            self.tell("queue_defined", queue=queue, version=queue.policy.version)
            self.tell_room()
            self.done()
        elif verb == "apply":
            self.apply(self.queue(words[0]))
            self.tell_room()
            self.done()
        elif verb == "what_if":
            queue, text = self.queue(words[0]), rest.partition(" ")[2]
            policy = Policy(text, queue.policy.version + 1, queue) if text else queue.policy
            self.out += [f"c ticket={t} promise={p} from={instant(was)} to={instant(due)} what={what}"
                         for t, p, was, due, what in self.what_if(queue, policy)]
        elif verb == "why":
            promise = self.tickets[num(a, "ticket")].promises[PROMISES[num(a, "promise") - 1]]
            self.out += [f"s from={begin} to={instant(end)} kind={kind} ms={ms}"
                         for begin, end, kind, ms in promise.explain(self.now)]
        elif verb == "hold":
            queue, bits = self.queue(words[0]), int(words[1])
            if not 0 <= bits <= (HOLD_CLAIMS | HOLD_ENQUEUE):
                raise Refused("EINVAL", returned=True)
            queue.hold = bits
            self.tell("queue_held", queue=queue, how=bits)
            self.tell_room()
            self.done()
        elif verb == "agent":
            self.take_skills(self.agent(words[0]), split(a.get("skills")))
        elif verb == "gone":
            self.gone(self.meet(words[0]))
            self.done()
        elif verb == "enqueue":
            self.muted = bool(a.pop("mute", 0))
            self.enqueue(self.queue(words[0]), [a])
        elif verb == "many":
            requests = rest.partition(" ")[2].split(";")
            self.enqueue(self.queue(words[0]), [arguments(part.split()) for part in requests])
        elif verb == "claim":
            queues = [self.queue(name) for name in split(a.get("queues"))]
            asked = ("claim", words[0], dict(a, tag=None, n=num(a, "n") or 1))
            self.claim_many(self.meet(words[0]), queues, num(a, "n"), num(a, "wait"),
                            num(a, "op"), num(a, "tag"), asked)
        elif verb == "claim_ticket":
            self.claim_ticket(self.meet(words[0]), num(a, "ticket"), num(a, "op"),
                              ("claim_ticket", words[0], a))
        elif verb == "cancel":
            if not self.cancel(self.meet(words[0]), num(a, "tag")):
                raise Refused("ENOENT", returned=True)
        elif verb == "act":
            self.meet_named(a)
            self.muted = bool(a.pop("mute", 0))
            self.act(a)
        elif verb == "acts":
            self.act_many([arguments(part.split()) for part in rest.split(";")])
        elif verb == "look":
            self.look(split(a.get("queues")))
        elif verb == "ref":
            self.find_by_ref(self.queue(words[0]), a.get("ref"))
        elif verb == "subscribe":
            self.subscribe(words[0], num(a, "from"))
        elif verb == "unsubscribe":
            self.unsubscribe(words[0])
        elif verb == "event_done":
            self.event_done(words[0], num(a, "seq"))
        elif verb == "purge":
            self.purge(a)
        elif verb == "figures":
            queue = self.queue(a["queue"]) if a.get("queue") else None
            self.out += describe_figures(self, queue, num(a, "from"), num(a, "to"))
        elif verb == "agents":
            self.out += describe_agents(self)
        elif verb == "symptoms":
            self.out += self.describe_symptoms()
        elif verb == "history":
            self.out += self.tickets[num(a, "ticket")].history
        elif verb == "tickets":
            self.meet_named({"queue": a.get("queue")})
            self.out.append(self.describe_found(a))
        elif verb in ("advance", "skip") and not self.wall <= int(words[0]) <= AT_MAX:
            raise Refused("EINVAL", returned=True)
        elif verb == "advance" and self.in_callback:
            raise Refused("ESTATE", returned=True)
        elif verb == "advance":
            self.advance(int(words[0]))
        elif verb == "skip":
            self.move_clocks(int(words[0]) - self.wall)
        elif verb == "step" and not 0 <= self.wall + int(words[0]) <= AT_MAX:
            raise Refused("EINVAL", returned=True)
        elif verb == "step":
            self.wall += int(words[0])
        elif verb in ("reopen", "crash", "restore"):
            if verb == "restore":  # what a backup holds is what there is
                self.done()
            self.go_on(crashed=verb == "crash")
        else:
            raise ValueError("no such command: " + line)

    def meet_named(self, a):
        if a.get("queue"):
            self.queue(a["queue"])
        if a.get("agent"):
            self.meet(a["agent"])

    def act_many(self, many):
        """As one after the other, until one is refused by its call."""
        for a in many:
            self.meet_named(a)
        for i, a in enumerate(many):
            try:
                self.act(a)
            except Refused:
                if i == 0:
                    raise
                return
            self.tell_room()
            self.serve_parked()
            self.tick()

    def go_on(self, crashed):
        """Claims do not stay parked; all else is as it was."""
        for parked in self.parked:
            if not crashed:
                self.tell_work(parked.agent, "ECANCELED", parked.tag)
        self.parked = []
        self.next_told = {}
        self.to_meet = set(self.agents)
        self.touched |= set(self.tickets)

    def meet(self, name):
        """Who is named for the first time after a reopen has come back, without skills."""
        agent = self.agent(name)
        if name in self.to_meet:
            self.take_skills(agent, [])
        return agent

    def take_skills(self, agent, skills):
        """Instead of those it had; if it has gone it is back."""
        self.to_meet.discard(agent.name)
        had = agent.skills if agent.present else []
        agent.skills, agent.present = skills, True
        self.skills_lost(had)

    # ---- a disk that fails ----

    def faulted(self, line, got, applied=None):
        """A command while the disk fails, then a crash. Whether it was applied only the library knows:
        its answer decides, and must be that of one of the two. Without an answer: applied says it."""
        self.tick()
        if applied is None:
            answer = self.as_if_not_said(got)
            applied = answer is None
        else:
            answer = None
        self.out, self.touched, self.applied = [], set(), applied
        code = "OK"
        if applied:
            code = self.say(line.split(" ", 4)[4])
            self.tell_subscribers()
        told = self.out
        self.go_on(crashed=True)
        if answer is None and got is not None:
            answer = [f"r {code}", "r OK"] + as_far_as_told(told, got) + self.all_there_is()
        return answer

    def as_if_not_said(self, got):
        """What the answer should be then; None: it is not that."""
        parked, self.parked = self.parked, []
        answer = [line for line in got if line[0] == "r" or " status=EUNKNOWN " in line]
        answer += self.all_there_is()
        self.parked = parked
        return answer if not differences(answer, got) else None

    def all_there_is(self):
        timer = self.next_timer()
        return [self.describe(t) for _, t in sorted(self.tickets.items())] + [
            f"n {instant(timer[0]) if timer else 'never'}"]

    def describe_found(self, a):
        """The tickets that fit, by id."""
        queue, agent = a.get("queue"), a.get("agent")
        found = [t for t in self.tickets.values()
                 if queue in (None, t.queue.name)
                 and a.get("symptom") in (None, t.symptom)
                 and num(a, "linked") in (0, t.cause, t.follows)
                 and (agent is None or (t.claim_stands() and t.holder.name == agent)
                      or (t.offer == TO_AGENT and t.offered_to.name == agent))]
        return f"i ids={word(','.join(str(t.id) for t in sorted(found, key=lambda t: t.id)))}"


def as_far_as_told(ours, got):
    """What had been saved is told, the rest not, or as unknown."""
    told = []
    for kind in CALLBACKS:
        mine, theirs = [[line for line in lines if line[0] == kind] for lines in (ours, got)]
        told += [b if " status=EUNKNOWN " in b else a for a, b in zip(mine, theirs)]
    return told


def opened(line):
    """The service that an open line asks for, and its answer."""
    words = line.split()
    service = Oracle(int(words[1]), **{key: int(value) for key, value in arguments(words).items()})
    return service, ["r OK", "n never"]


def arguments(words):
    return dict(word.split("=", 1) for word in words if "=" in word)


def main():
    service = None
    for line in sys.stdin:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if service is None:
            service, answer = opened(line)
        else:
            answer = service.command(line)
        print("\n".join(answer + ["."]), flush=True)


if __name__ == "__main__":
    main()
