"""A morning at a help desk: two desks, one policy, and a clock that moves only when it is told to.

Everything that is printed is an event of a real service in memory, put into a sentence.
"""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta, timezone
from typing import Any

from ..clock import ManualClock
from ..service import Service
from ..snapshots import Event
from ..words import As, EventKind, On, Promised
from . import words
from .screen import BAD, FAINT, GOOD, STRONG, WARN, painted, state_paint

_POLICY = {
    "promises": {
        "ack": {"target": "30m"},
        "update": {"target": "1h"},
        "resolve": {"target": "4h", "pauses": ["requester"]},
    },
    "warn": [],
    "ladder": [
        {"on": "ack", "at": "80%", "notify": ["the lead"]},
        {"on": "ack", "at": "100%", "notify": ["the lead"], "raise": 1},
    ],
    "lease": {"for": "1h"},
}
_PROMISED = {
    Promised.ACK: "a first word in 30 min",
    Promised.UPDATE: "news every hour",
    Promised.RESOLVE: "a solution in 4 h",
}
_SERIOUS = {EventKind.STEPPED: WARN, EventKind.BROKEN: BAD}
_OPENS = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)
_MINUTE = timedelta(minutes=1)
_WIDE, _INDENT = 49, 20


def demo(line: Any) -> int:
    """A morning at a help desk, told event by event; nothing is kept."""
    print(painted("A morning at a help desk", STRONG) + ": two desks, and a clock that jumps.")
    print("Both promise " + ", ".join(_PROMISED.values()) + ".\n")
    clock = ManualClock(_OPENS)
    with Service("memory:", clock=clock) as desk:
        _Morning(desk).run()
        _sum_up(desk)
    return 0


class _Morning:
    def __init__(self, desk: Service) -> None:
        self._desk = desk
        self._asked = ""  # an event does not hold the body
        desk.subscribe(self._tell)

    def _at(self, minutes: int) -> None:
        """What falls due until then happens at its own instant."""
        self._desk.advance(_OPENS + minutes * _MINUTE)

    def run(self) -> None:
        desk = self._desk
        counter = desk.queue("counter", _POLICY)
        workshop = desk.queue("workshop", _POLICY)
        ada, bo = desk.agent("Ada"), desk.agent("Bo")

        self._asked = "The printer is on fire."
        carl = counter.enqueue("Carl", self._asked)
        self._at(2)
        self._asked = "My badge opens no door."
        dora = counter.enqueue("Dora", self._asked)
        place = dora.standing()
        assert place.next_word is not None
        word = f"{place.next_word:%H:%M}"
        self._aside(f"She can see: {place.ahead} ahead of her, a first word by {word}.")
        self._at(5)
        claim = ada.claim(counter)
        claim.acknowledge("I am on my way.")
        self._at(10)
        claim.pause(On.REQUESTER, "Which of the two printers?")
        self._aside("The clock of his solution stands still: we wait for him.")
        self._at(36)
        badge = ada.claim(counter)
        badge.acknowledge("Sorry. A new one is being made.")
        self._at(40)
        carl.reply("Carl", "The one by the window.")
        self._at(42)
        badge.resolve("It lies at the door.", As.FIX)
        self._at(43)
        claim = ada.claim(counter)
        self._at(45)
        claim.hand_off(workshop, "It needs a new drum.")
        self._aside("Until the workshop takes it, Ada answers for it.")
        self._at(50)
        dora.confirm("Dora")
        self._at(55)
        claim = bo.claim(workshop)
        claim.update("The drum is here, I am fitting it.")
        self._at(75)
        claim.resolve("It prints again.", As.FIX)
        self._at(80)
        carl.confirm("Carl")

    # ---- in words ----------------------------------------------------------------------------

    def _tell(self, e: Event) -> None:
        told = self._sentence(e)
        if told is None:
            return
        state = str(e.state or "")
        first, *rest = textwrap.wrap(told, _WIDE) or [""]
        who = e.who or "usher"
        name = painted(f"{who:<6}", STRONG if e.who else WARN)
        line = painted(first, _SERIOUS.get(e.kind, ""))
        pad = " " * (_WIDE + 1 - len(first))
        head = painted(f" {e.at:%H:%M}  #{e.ticket}  ", FAINT)
        print(f"{head}{name}  {line}{pad}{painted(state, state_paint(e.state))}")
        for more in rest:
            self._aside(more, "")
        kept = [_PROMISED[promised] for promised in Promised if promised in e.kept]
        if kept:
            self._aside(f"kept: {', '.join(kept)}", GOOD)

    def _aside(self, text: str, paint: str = FAINT) -> None:
        print(" " * _INDENT + painted(text, paint))

    def _sentence(self, e: Event) -> str | None:
        K = EventKind
        if e.kind == K.CLAIMED:
            waited = f" after {words.duration(e.took)}" if e.took is not None else ""
            return "accepts it" if e.how else f"takes it{waited}"
        if e.kind == K.STEPPED and e.level > 0:
            return f"escalates it one level: {', '.join(e.notify)} is told again"
        if e.kind == K.STEPPED:
            return f"nobody has said a word: {', '.join(e.notify)} is told"
        if e.kind == K.BROKEN and e.promise is not None:
            return f"BROKEN: {_PROMISED[e.promise]}"
        if e.kind == K.CLOSED and e.took is not None:
            return f"closes it: solved in {words.duration(e.took)}"
        before = {
            K.ENQUEUED: "asks",
            K.ACKNOWLEDGED: "says",
            K.UPDATED: "says",
            K.PAUSED: "asks in return",
            K.REPLIED: "answers",
            K.OFFERED: f"hands it to the {e.to}",
            K.RESOLVED: "solves it",
            K.CONFIRMED: "agrees",
        }.get(e.kind)
        if before is None:
            return None
        said = self._asked if e.kind == K.ENQUEUED else e.text
        return f'{before}: "{said}"' if said else before


def _sum_up(desk: Service) -> None:
    everything = [f for f in desk.figures() if f.priority is None]
    kept = sum(n for f in everything for n in f.kept.values())
    broken = sum(n for f in everything for n in f.broken.values())
    held = sum((f.held for f in everything), timedelta(0))
    print()
    verdict = painted(f"{kept} promises kept, {broken} broken", STRONG)
    print(f"{verdict}, {words.duration(held)} of work. usher's lines came from its timers.")
    print('In a file: usher.Service("sqlite:desk.db"); then: python -m usher list desk.db')
