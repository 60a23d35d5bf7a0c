"""check, backup.

Opening a store for a check has had the file checked by SQLite and every open ticket by the library.
Here each ticket's history is read and followed: numbered from 1 without a gap, in the order in
which it happened, in states that there are, and ending where the ticket stands.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from typing import Any, Iterator, Union

from ..errors import UsherError
from ..service import Service
from ..words import EventKind, State
from . import plain, words
from .screen import BAD, GOOD, painted, safe
from .store import Problem, opened, said

_TOLD = 20  # problems that are told one by one

# ---- check --------------------------------------------------------------------------------------


def _is_known(member: object, of: type[Union[State, EventKind]]) -> bool:
    """Whether it is one of those that this package names."""
    return member in of.__members__.values()


class _Inspection:
    def __init__(self, desk: Service) -> None:
        self.events = 0
        self.problems_n = 0
        self.problems: list[tuple[int, str]] = []
        self._desk = desk
        tickets: list[tuple[int, int, State]] = []
        for s in desk.tickets():
            if tickets and s.ticket <= tickets[-1][0]:
                self._problem(s.ticket, f"comes after ticket {tickets[-1][0]}")
            if not _is_known(s.state, State):
                self._problem(s.ticket, f"is in state {int(s.state)}, which there is not")
            tickets.append((s.ticket, s.ticket_seq, s.state))
        self.tickets = len(tickets)
        for ticket, events, state in _shown(tickets):
            self._follow(ticket, events, state)

    def _problem(self, ticket: int, text: str) -> None:
        self.problems_n += 1
        if self.problems_n <= _TOLD:
            self.problems.append((ticket, text))

    def _follow(self, ticket: int, events: int, state: State) -> None:
        seq = ticket_seq = 0
        ends: Any = None
        try:
            for e in self._desk.ticket(ticket).history():
                # A service that runs meanwhile goes on writing; what it has added is its affair.
                if e.ticket_seq > events:
                    break
                if e.ticket != ticket:
                    self._problem(ticket, f"has an event of ticket {e.ticket}")
                if e.ticket_seq != ticket_seq + 1:
                    self._problem(ticket, f"event {e.ticket_seq} follows on event {ticket_seq}")
                if e.seq <= seq:
                    self._problem(ticket, f"event {e.ticket_seq} has number {e.seq} after {seq}")
                if not (_is_known(e.state, State) and _is_known(e.kind, EventKind)):
                    kind, into = int(e.kind), int(e.state or 0)
                    self._problem(ticket, f"event {e.ticket_seq} is of kind {kind} in state {into}")
                seq, ticket_seq, ends = e.seq, e.ticket_seq, e.state
                self.events += 1
        except UsherError as error:
            self._problem(ticket, f"its history cannot be read: {said(error)}")
            return
        if ticket_seq != events:
            self._problem(ticket, f"has {events} events, its history ends at {ticket_seq}")
        elif ends != state:
            self._problem(ticket, f"is {state}, its history ends {ends}")


def _shown(tickets: list[Any]) -> Iterator[Any]:
    """For somebody who waits before a terminal."""
    is_watched = sys.stderr.isatty()
    step = len(tickets) // 200 + 1
    for i, ticket in enumerate(tickets):
        if is_watched and i % step == 0:
            print(f"\rchecking: {i * 100 // len(tickets):3} %", end="", file=sys.stderr, flush=True)
        yield ticket
    if is_watched:
        print(f"\r{'':20}\r", end="", file=sys.stderr, flush=True)


def check(line: Any) -> int:
    began = time.monotonic()
    with opened(line.store, whole=True) as desk:
        found = _Inspection(desk)
    code = 1 if found.problems_n else 0
    if line.json:
        plain.write(
            {
                "whole": code == 0,
                "tickets": found.tickets,
                "events": found.events,
                "problems_n": found.problems_n,
                "problems": [{"ticket": t, "problem": text} for t, text in found.problems],
            }
        )
        return code
    for ticket, text in found.problems:
        print(f"ticket {ticket}: {text}")
    if found.problems_n > _TOLD:
        print(f"... and {words.count(found.problems_n - _TOLD)} more")
    n, events = words.count(found.tickets), words.count(found.events)
    if code:
        much = words.count(found.problems_n)
        print(f"{painted('NOT WHOLE', BAD)}: {much} among {n} tickets with {events} events")
    else:
        took = words.duration(timedelta(milliseconds=int((time.monotonic() - began) * 1000)))
        print(
            f"{painted('whole', GOOD)}: the file passes SQLite's check, and the histories of"
            f" {n} tickets, {events} events, have no gap ({took})"
        )
    return code


# ---- backup -------------------------------------------------------------------------------------


def backup(line: Any) -> int:
    with opened(line.store) as desk:
        try:
            desk.backup(line.file)
        except UsherError as error:
            raise Problem(f"{line.file}: no copy was made: {error.detail or said(error)}") from None
    size = os.stat(line.file).st_size
    if line.json:
        plain.write({"file": plain.text(line.file), "bytes": size})
    else:
        print(f"{safe(line.file)}: a checked copy, {words.count(size)} bytes")
    return 0
