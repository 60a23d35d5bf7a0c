"""The service that the benches use: as tests/bench/host.c sets it up, so that both languages
measure the same work."""

from __future__ import annotations

import json
from typing import Any

import usher

POLICY: dict[str, Any] = {
    "promises": {
        "ack": {"target": "4h"},
        "update": {"target": "1d"},
        "resolve": {"target": "5d"},
    },
    "aftercare": {"confirm_within": "0s", "reopen_within": "0s"},
    "limits": {"open": 100_000_000},
}
POLICY_TEXT = json.dumps(POLICY).encode()
BODY = b"x" * 100
REQUESTERS = [f"requester {i}" for i in range(1000)]
WORD = "on it"
ANSWER = "done"
OVER = (usher.State.RESOLVED, usher.State.CLOSED)
WAITING = 1000
"""So many tickets wait meanwhile."""


class Desk:
    """A service, its queue and its agent, with some who wait already."""

    def __init__(self, store: str = "memory:", waiting: int = WAITING) -> None:
        self.service = usher.Service(store)
        self.queue = self.service.queue("bench", POLICY)
        self.agent = self.service.agent("ann")
        for start in range(0, waiting, 1000):
            self.queue.enqueue_many(
                [
                    usher.Request(REQUESTERS[i % len(REQUESTERS)], BODY)
                    for i in range(start, min(waiting, start + 1000))
                ]
            )

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.service.close()


def check(what: str, good: bool) -> None:
    """Speed is not judged, but a wrong answer is."""
    if not good:
        raise SystemExit(f"bench: {what}")
