"""What the desk does not see: subscriptions by name, finding by ref, counting, erasing."""
from words import CLOSED, NEVER, Refused, WITHDRAWN, num

UNDONE_MAX = 1024
STATES = ["scheduled", "waiting", "claimed", "offered", "paused", "stuck", "resolved", "closed",
          "withdrawn"]


class Upkeep:
    """Part of the service; `told` are all events, as they were told."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.done_upto = {}  # names of subscriptions, as far as they are remembered
        self.next_told = {}  # of those that run: the seq of the next event

    # ---- subscriptions ----

    def subscribe(self, name, begin):
        if begin > self.seq + 1:
            raise Refused("EINVAL", returned=True)
        if name in self.next_told:
            raise Refused("ESTATE", returned=True)
        self.done_upto[name] = begin - 1 if begin else self.done_upto.get(name, 0)
        self.next_told[name] = self.done_upto[name] + 1

    def unsubscribe(self, name):
        if self.next_told.pop(name, None) is None:
            raise Refused("ENOENT", returned=True)

    def event_done(self, name, seq):
        if name not in self.next_told:
            if seq != NEVER or self.done_upto.pop(name, None) is None:
                raise Refused("ENOENT", returned=True)
        elif seq >= self.next_told[name]:
            raise Refused("EINVAL", returned=True)
        else:
            self.done_upto[name] = max(self.done_upto[name], seq)

    def tell_subscribers(self):
        """A name is a letter, and that letter begins the lines that are told to it."""
        for name, begin in self.next_told.items():
            end = min(self.seq, self.done_upto[name] + UNDONE_MAX) + 1
            self.out += [name + self.told[seq - 1][1:] for seq in range(begin, end)]
            self.next_told[name] = max(begin, end)

    # ---- counting, finding ----

    def look(self, names):
        self.touched |= set(self.tickets)
        for name in names:
            states = [t.state for t in self.tickets.values() if t.queue.name == name]
            away = (CLOSED, WITHDRAWN) if self.may_be_away else ()
            counts = [f"{state}={'?' if state in away else states.count(state)}" for state in STATES]
            self.out.append(f"q queue={name} {' '.join(counts)}")

    def find_by_ref(self, queue, ref):
        """The one that came to this queue last with this ref, if it is still there."""
        t = self.refs.get((queue.name, ref))
        if t is None:
            raise Refused("ENOENT", returned=True)
        self.out.append(f"i ids={t.id}")

    # ---- erasing ----

    def purge(self, a):
        """Of tickets that are over; what is linked to a cause, too."""
        before, who = num(a, "before"), a.get("who")
        if before < 0:
            raise Refused("EINVAL", returned=True)
        over = [t for t in self.tickets.values() if t.state in (CLOSED, WITHDRAWN)
                and (before == 0 or t.since < before) and (who is None or t.person(who))]
        for t in over:
            self.unlink(t)
            if t in self.ended:
                self.ended.remove(t)
            self.forget(t)
        if over:
            self.tell("purged", n=len(over))
        self.done()
