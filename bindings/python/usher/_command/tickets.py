"""list, show, history: tickets one by one."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any, Optional

from ..errors import NotFound
from ..service import Service
from ..snapshots import Event, Promise, Standing
from ..words import As, EventKind, On, PromiseState, Promised, State
from . import plain, words
from .screen import BAD, FAINT, GOOD, PLAIN, STRONG, WARN, Table
from .screen import cut, due_paint, one_line, painted, safe, state_paint
from .store import Problem, opened

OPEN = [s for s in State if s not in (State.CLOSED, State.WITHDRAWN)]
_VALUE_MOST = 100

# ---- list ---------------------------------------------------------------------------------------


def list_(line: Any) -> int:
    with opened(line.store) as desk:
        found = desk.tickets(
            states=line.state,
            queue=desk.queue(line.queue) if line.queue else None,
            requester=line.requester,
            holder=line.agent,
        )
        most = None if line.limit is None else line.limit + 1
        rows = list(itertools.islice(found, most))
        more = line.limit is not None and len(rows) > line.limit
        rows = rows[: line.limit]
        if line.json:
            plain.write({"tickets": [plain.standing(s) for s in rows], "more": more})
        else:
            _print_list(rows, desk.now(), line.state == OPEN)
            if more:
                print(
                    f"\nthese are the first {words.count(len(rows))};"
                    " --limit N shows more, --limit all shows all"
                )
    return 0


def _print_list(rows: list[Standing], now: datetime, open_only: bool) -> None:
    table = Table().right("ticket").left("state", "since").left("queue", most=20)
    table.left("priority", "opened").left("requester", most=24).left("holder", most=16)
    table.left("due").left("ref", most=20)
    for s in rows:
        due: tuple[str, str] = (words.due(s.due, now), due_paint(s.due, now))
        if s.state == State.SCHEDULED and s.until is not None:
            due = (f"starts {words.when(s.until, now)}", PLAIN)
        table.row(
            str(s.ticket),
            (str(s.state), state_paint(s.state)),
            words.when(s.state_since, now),
            s.queue,
            str(s.priority),
            words.when(s.enqueued, now),
            s.requester,
            s.holder or "-",
            due,
            s.ref or "",
        )
    if not table.print():
        hint = "; --state all shows those that are closed too" if open_only else ""
        print(f"no such tickets{hint}")


# ---- show ---------------------------------------------------------------------------------------

_UNTIL = {
    State.SCHEDULED: "in line",
    State.WAITING: "kept until",
    State.CLAIMED: "lease until",
    State.OFFERED: "to be taken until",
    State.PAUSED: "pause until",
}
_VERDICTS = {PromiseState.KEPT: GOOD, PromiseState.BROKEN: BAD, PromiseState.LAPSED: FAINT}


def show(line: Any) -> int:
    with opened(line.store) as desk:
        ticket = desk.ticket(line.ticket)
        place = None
        try:
            body = ticket.body()
            s = _find(desk, line.ticket)
            if s.rank is not None and s.ahead is not None:
                place = ticket.why_rank()
        except NotFound:
            raise Problem(f"there is no ticket {line.ticket} in it") from None
        asked = body.decode("utf-8", "surrogateescape")
        if line.json:
            plain.write({**plain.standing(s), "body": plain.text(asked) or None})
            return 0
        now = desk.now()
        state = painted(str(s.state), state_paint(s.state))
        holder = f", {cut(safe(s.holder), 40)} has it" if s.holder else ""
        print(f"{painted(f'Ticket {s.ticket}', STRONG)} is {state}", end="")
        print(f" since {words.when(s.state_since, now)}{holder}\n")
        _facts(s, now, one_line(asked), place).print()
        _promises(s, now).print("\n")
    return 0


def _find(desk: Service, ticket: int) -> Standing:
    """What is in memory is found at once. Tickets that were closed long ago are only in the file,
    and there they are read one after the other."""
    try:
        return desk.ticket(ticket).standing()
    except NotFound:
        for s in desk.tickets(states=[State.CLOSED, State.WITHDRAWN]):
            if s.ticket >= ticket:
                if s.ticket == ticket:
                    return s
                break
        raise


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _facts(s: Standing, now: datetime, body: str, place: Optional[str]) -> Table:
    table = Table(2).left("").left("", most=_VALUE_MOST)

    def row(name: str, value: Optional[str], paint: str = PLAIN) -> None:
        if value:
            table.row((name, FAINT), (value, paint))

    row("requester", s.requester)
    row("", f"{s.persons} persons wait for it" if s.persons > 1 else "")
    level = f", level {s.level}" if s.level > 0 else ""
    row("queue", f"{s.queue}, {s.priority}{level}")
    row("opened", words.instant(s.enqueued, now))
    row(_UNTIL.get(s.state, "closes"), words.instant(s.until, now) if s.until else "")
    row("kept for", s.kept_for)
    row("offered to", s.offered_to)
    if s.state == State.WAITING and s.wait_p50 is not None and s.wait_p90 is not None:
        most = f"{words.duration(s.wait_p50)} or less, nine of ten {words.duration(s.wait_p90)}"
        row("others here", f"half of the last {s.waits} waited {most}")
    row("its place", one_line(place or ""))
    row("symptom", s.symptom)
    row("ref", s.ref)
    row("its cause", f"ticket {s.cause}" if s.cause else "")
    row("follows", f"ticket {s.follows}" if s.follows else "")
    row("cause of", f"{s.linked} tickets" if s.linked else "")
    for name, n in (("handed off", s.handoffs), ("failed", s.attempts), ("asked after", s.chases)):
        row(name, _times(n) if n else "", WARN)
    row("body", body)
    row("question", one_line(s.question or ""), WARN)
    row("last word", one_line(s.last_word or ""))
    return table


def _promises(s: Standing, now: datetime) -> Table:
    table = Table(2).left("promise", "state", "due").right("target")
    for promised, p in s.promises.items():
        target = words.duration(p.target) if p.target else "-"
        verdict = (str(p.state), _VERDICTS.get(p.state, PLAIN))
        table.row(str(promised), verdict, _due(p, now), target)
    return table


def _due(p: Promise, now: datetime) -> tuple[str, str]:
    if p.state == PromiseState.RUNNING and p.due is None:
        return f"paused with {words.duration(p.left)} left", PLAIN
    if p.state == PromiseState.RUNNING:
        return words.due(p.due, now), due_paint(p.due, now)
    if p.state == PromiseState.BROKEN and p.due is not None:
        return f"was due {words.when(p.due, now)}", PLAIN
    return "-", PLAIN


# ---- history ------------------------------------------------------------------------------------

_RESOLVED = {
    As.ANSWERED: "answered",
    As.FIX: "fix",
    As.WORKAROUND: "workaround",
    As.NO_REPLY: "no reply",
}
_PAUSED = {
    On.REQUESTER: "on the requester",
    On.THIRD_PARTY: "on a third party",
    On.UNTIL: "for a while",
}
_UNTILS = {
    EventKind.CLAIMED: "lease until",
    EventKind.EXTENDED: "lease until",
    EventKind.UPDATED: "next word by",
    EventKind.OFFERED: "to be taken until",
    EventKind.FAILED: "again",
}
_SERIOUS = {
    EventKind.BROKEN: BAD,
    EventKind.STUCK: BAD,
    EventKind.LEASE_EXPIRED: BAD,
    EventKind.FAILED: BAD,
    EventKind.OFFER_EXPIRED: BAD,
    EventKind.NO_AGENT: BAD,
    EventKind.WARNED: WARN,
    EventKind.STEPPED: WARN,
    EventKind.RECURRED: WARN,
}


def history(line: Any) -> int:
    with opened(line.store) as desk:
        try:
            most = None if line.limit is None else line.limit + 1
            events = list(itertools.islice(desk.ticket(line.ticket).history(), most))
        except NotFound:
            raise Problem(f"there is no ticket {line.ticket} in it") from None
    more = line.limit is not None and len(events) > line.limit
    events = events[: line.limit]
    if line.json:
        told = [plain.event(e) for e in events]
        plain.write({"ticket": line.ticket, "events": told, "more": more})
        return 0
    table = Table().right("#").left("at (UTC)").right("after").left("what", "then")
    table.left("who", most=24).left("", most=80)
    before: Optional[datetime] = None
    for e in events:
        table.row(
            words.count(e.ticket_seq),
            words.second(e.at),
            "" if before is None or e.at == before else words.about(e.at - before),
            (str(e.kind), _SERIOUS.get(e.kind, GOOD if e.kept else PLAIN)),
            (str(e.state), state_paint(e.state)),
            e.who or "-",
            describe(e),
        )
        before = e.at
    table.print()
    if more:
        print("\nthere is more; --limit N shows so many")
    return 0


def _names(promises: Any) -> list[str]:
    return [str(promised) for promised in Promised if promised in promises]


def _how(e: Event) -> str:
    how = int(e.how or 0)
    if e.kind in (EventKind.UPDATED, EventKind.CAUSE_TOLD, EventKind.CHECK_IN, EventKind.RESOLVED):
        return _RESOLVED.get(As(how), "?") if how else ""
    if e.kind in (EventKind.PAUSED, EventKind.PAUSE_ENDED):
        return _PAUSED.get(On(how), "?") if how else ""
    if e.kind == EventKind.REPLIED:
        return "courtesy" if how else ""
    return str(e.how) if e.kind == EventKind.REPRIORITISED else ""


def describe(e: Event) -> str:
    """What is behind the event's name: particulars, the promises that it kept, what was said."""
    K = EventKind
    parts = [_how(e), str(e.promise) if e.promise else ""]
    if e.kind == K.WARNED:
        parts.append(f"{e.n} % used")
    if e.kind in (K.STEPPED, K.NO_QUEUE):
        parts.append(e.rule or "")
    if e.kind == K.STEPPED:
        parts.append(f"repeat {words.count(e.n)}" if e.n else "")
        parts.append(f"level {e.level}" if e.level else "")
    if e.kind == K.APPLIED:
        parts.append(f"version {e.policy_version}")
    if e.kind == K.CLAIMED:
        parts.append(f"out of turn, before {words.count(e.n)}" if e.n else "")
        parts.append("as offered" if e.how else "")
    if e.kind == K.RECURRED:
        parts.append(f"number {words.count(e.n)}")
    if e.kind == K.PAUSED and e.n:
        parts.append("with little time left")
    parts.append(f"ticket {e.other}" if e.other else "")
    parts.append(f"to {e.to}" if e.to else "")
    until = _UNTILS.get(e.kind, "until")
    parts.append(f"{until} {words.minute(e.until)}" if e.until else "")
    parts.append(f"due {words.minute(e.due)}" if e.due else "")
    parts += [f"keeps {name}" for name in _names(e.kept)]
    parts += [f"ends {name}" for name in _names(e.lapsed)]
    parts += [f"tell {name}" if i == 0 else name for i, name in enumerate(e.notify)]
    parts.append(f"people at {words.minute(e.notify_at)}" if e.notify_at else "")
    said = one_line(e.text or "")
    late = said and e.kind in (K.STEPPED, K.WARNED)
    parts.append(f"and late {said}" if late else "")
    about = ", ".join(part for part in parts if part)
    if said and not late:
        return f"{about}: {said}" if about else said
    return about
