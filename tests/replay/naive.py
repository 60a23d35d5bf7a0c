"""What `usher-replay --what-if` does, once more and naively: from the rows of a log to who is taken when, with lists
that are searched whole. Written from the README and the design of the line, not from the program."""
import math

BANDS = ("urgent", "high", "normal", "low")
SHARES = {"urgent": "first", "high": 8, "normal": 4, "low": 1}


def tickets_of(rows):
    """rows: (ticket, at, what, priority, requester, opened), at in ms, what: new, work, pause, done, shut.
    A list of {ticket, at, touch, priority, requester}, in the order of coming."""
    by_ticket = {}
    for number, row in enumerate(rows):
        by_ticket.setdefault(row[0], []).append((row[1], number, *row[2:]))
    tickets = []
    for name, each in by_ticket.items():
        each.sort(key=lambda row: row[:2])
        touch, since, over = 0, None, False
        for at, _, what, *_ in each:
            if over:
                break
            if what == "work" and since is None:
                since = at
            if what != "work" and since is not None:
                touch, since = touch + at - since, None
            over = what == "shut"
        if since is not None:
            touch += max(row[1] for row in rows) - since
        opened = min(each[0][0], each[0][5]) if each[0][5] is not None else each[0][0]
        tickets.append({"ticket": name, "at": opened, "touch": touch, "priority": each[0][3], "requester": each[0][4] or name,
                        "first": each[0][:2]})
    for priority in BANDS:
        shown = sorted(t["touch"] for t in tickets if t["touch"] and t["priority"] == priority)
        shown = shown or sorted(t["touch"] for t in tickets if t["touch"])
        for ticket in tickets:
            if ticket["priority"] == priority and not ticket.get("guessed"):
                ticket["guessed"] = ticket["touch"] == 0
                ticket["touch"] = ticket["touch"] or shown[math.ceil(len(shown) / 2) - 1]
    # Those who were opened in one instant stand as their first rows do.
    return sorted(tickets, key=lambda t: (t["at"], t["first"]))


class FirstCome:
    def pick(self, waiting):
        return min(waiting)


class Strict:
    def __init__(self, tickets):
        self.tickets = tickets

    def pick(self, waiting):
        return min(waiting, key=lambda i: (BANDS.index(self.tickets[i]["priority"]), i))


class Usher:
    """DESIGN's line: rank, then bands that take turns by weight. targets: ms to the nearest promise, by priority, all around
    the clock."""

    def __init__(self, tickets, targets, shares=None, gap=0):
        self.tickets, last = tickets, {}
        self.shares = {**SHARES, **(shares or {})}
        self.whole = math.lcm(*(w for w in self.shares.values() if w != "first"), 1)
        self.passes, self.served = dict.fromkeys(BANDS, 0), 0
        self.ranks = []
        for ticket in tickets:
            who = (ticket["requester"], ticket["priority"])
            rank = max(ticket["at"] + targets.get(ticket["priority"], 0), last[who] + gap if who in last else 0)
            last[who] = rank
            self.ranks.append(rank)

    def band(self, bands):
        for band in BANDS:
            if band in bands and self.shares[band] == "first":
                return band
        for band in bands:
            self.passes[band] = max(self.passes[band], self.served)
        best = min((b for b in BANDS if b in bands), key=lambda b: self.passes[b])
        self.served = self.passes[best]
        self.passes[best] += self.whole // self.shares[best]
        return best

    def pick(self, waiting):
        band = self.band({self.tickets[i]["priority"] for i in waiting})
        return min((i for i in waiting if self.tickets[i]["priority"] == band), key=lambda i: (self.ranks[i], i))


def serve(tickets, agents, order):
    """When each is taken, and who after whom."""
    taken_at, taken, waiting, come, busy = [None] * len(tickets), [], [], 0, []
    while len(taken) < len(tickets):
        now = min([t["at"] for t in tickets[come:come + 1]] + busy)
        busy = [until for until in busy if until > now]
        while come < len(tickets) and tickets[come]["at"] == now:
            waiting.append(come)
            come += 1
        while waiting and len(busy) < agents:
            i = order.pick(waiting)
            waiting.remove(i)
            taken.append(i)
            taken_at[i] = now
            busy.append(now + tickets[i]["touch"])
    return taken_at, taken


def passed_over(tickets, taken):
    """How often each was: somebody who came later was taken first."""
    return [sum(tickets[other]["at"] > tickets[i]["at"] for other in taken[:place]) for place, i in enumerate(taken)]


def nearest_rank(values, percent):
    values = sorted(values)
    return values[math.ceil(len(values) * percent / 100) - 1] if values else 0


def spread(values):
    return {"n": len(values), "p50": nearest_rank(values, 50), "p90": nearest_rank(values, 90),
            "p99": nearest_rank(values, 99), "max": max(values, default=0)}
