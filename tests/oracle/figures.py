"""Figures: all events that there were, gone through again each time somebody asks."""
import collections
import re

from hours import DAY
from words import AS_WORKAROUND, CLAIMED, FIGURE_DAYS, NO_REPLY, PRIORITIES, PROMISES, WAITING

Event = collections.namedtuple(
    "Event", "kind at queue priority promise n how kept lapsed took word held agent")

NAMED = {  # what is counted under another name than the event's
    "claimed": "claims", "asked": "chases", "replied": "replies", "offered": "handoffs",
    "offer_expired": "expired", "paused": "pauses", "lease_expired": "leases_expired",
}
COUNTS = [
    "enqueued", "joined", "recurred", "claims", "passed_over", "let_go", "words", "chases", "replies",
    "handoffs", "accepted", "declined", "expired", "recalled", "pauses", "late_pauses", "failed",
    "leases_expired", "stuck", "escalated", "no_agent", "resolved", "workarounds", "no_reply",
    "confirmed", "reopened", "closed", "withdrawn", "held_ms"]
BY_AGENT = [
    "claims", "out_of_turn", "passed_over", "let_go", "resolved", "failed", "leases_expired",
    "handoffs", "accepted", "declined", "held_ms"]


def quantile(ascending, per_cent):
    """The smallest that so many do not exceed: Hyndman and Fan's definition 1, or nearest rank."""
    return ascending[max(1, -(-len(ascending) * per_cent // 100)) - 1]


def spread(durations):
    if not durations:
        return "0:-1:-1:-1:-1:0"
    d = sorted(durations)
    points = [quantile(d, per_cent) for per_cent in (50, 90, 99)]
    return ":".join(map(str, [len(d)] + points + [d[-1], sum(d)]))


def counted(event):
    """{what: how much} of one event."""
    what = {NAMED.get(event.kind, event.kind): 1}
    if event.kind in ("claimed", "released"):
        what["passed_over"] = event.n
    if event.kind == "claimed":
        what["accepted"] = int(event.how > 0)
        what["out_of_turn"] = int(event.n > 0)
    what["let_go"] = int(event.kind == "released" and event.n > 0)
    what["late_pauses"] = int(event.kind == "paused" and event.n > 0)
    if event.kind == "resolved":
        what["workarounds"] = int(event.how == AS_WORKAROUND)
        what["no_reply"] = int(event.how == NO_REPLY)
    what["words"] = int(event.word is not None)
    what["held_ms"] = event.held or 0
    return what


def by_promise(events, holds):
    return ",".join(str(sum(holds(event, i) for event in events)) for i in range(len(PROMISES)))


def figures_of(events, tickets, now):
    """The counts and spreads of some events, and how the tickets stand; None: nothing at all."""
    sums = collections.Counter()
    for event in events:
        sums.update(counted(event))
    ages = [max(0, now - t.entry) for t in tickets if t.state == WAITING]
    told = " ".join(f"{name}={sums[name]}" for name in COUNTS)
    kept = by_promise(events, lambda event, i: event.kept >> (i + 1) & 1)
    broken = by_promise(events, lambda event, i: event.kind == "broken" and event.promise == PROMISES[i])
    lapsed = by_promise(events, lambda event, i: event.lapsed >> (i + 1) & 1)
    promised = re.search("[1-9]", kept + broken + lapsed)
    if not tickets and not promised and not any(sums[name] for name in COUNTS):
        return None
    wait = spread([e.took for e in events if e.kind == "claimed" and e.took is not None])
    said = spread([e.word for e in events if e.word is not None])
    solve = spread([e.took for e in events if e.kind == "closed"])
    return (f"{told} kept={kept} broken={broken} lapsed={lapsed} wait={wait} word={said} solve={solve}"
            f" open={len(tickets)} waiting={len(ages)} age={spread(ages)}")


def days_of(begin, end, now):
    """The first and the last UTC day that are counted; None: since ever."""
    if begin == 0 and end == 0:
        return None
    today = now // DAY
    return max(begin // DAY, today - FIGURE_DAYS + 1, 0), min((end or now) // DAY, today)


def instants_of(days, now):
    if days is None:
        return 0, now
    first, last = days
    return first * DAY, max(first * DAY, now if last == now // DAY else (last + 1) * DAY)


def describe_figures(service, queue, begin, end):
    now = service.now
    days = days_of(begin, end, now)
    told_from, told_to = instants_of(days, now)
    for q in service.queues.values():
        if queue not in (None, q):
            continue
        for priority in [0] + sorted(PRIORITIES.values()):
            events = [e for e in service.events
                      if e.queue is q and priority in (0, e.priority)
                      and (days is None or days[0] <= e.at // DAY <= days[1])]
            tickets = [t for t in service.live if t.queue is q and priority in (0, t.priority)]
            told = figures_of(events, tickets, now)
            if told is not None:
                yield f"f queue={q.name} prio={priority} from={told_from} to={told_to} {told}"


def describe_agents(service):
    for agent in service.agents.values():
        events = [event for event in service.events if event.agent is agent]
        sums = collections.Counter()
        for event in events:
            sums.update(counted(event))
        holds = sum(t.state == CLAIMED and t.holder is agent for t in service.live)
        if holds or any(sums[name] for name in BY_AGENT):
            told = " ".join(f"{name}={sums[name]}" for name in BY_AGENT)
            yield f"a agent={agent.name} present={int(agent.present)} holds={holds} {told}"
