#!/usr/bin/env python3
"""One counter, one agent, three promises: a ticket's life, and what is told of it on the way."""
from datetime import timedelta

import usher

POLICY = {"promises": {"ack": {"target": "15m"},  # that somebody has it
                       "update": {"target": "1h"},  # the next word
                       "resolve": {"target": "4h"}}}

with usher.Service("memory:") as desk:
    counter = desk.queue("counter", POLICY)
    desk.subscribe(lambda e: print(f"  {e.kind:<13} {e.state:<9} {e.text or ''}"))
    ticket = counter.enqueue("ada@example.org", "the printer is on fire")

    with desk.agent("desk-1").claim(counter, wait=timedelta(0)) as claim:
        print(claim.requester, "asks:", claim.body.decode())
        claim.acknowledge("desk 1 has it, word by noon")
        claim.answer = "printer restarted"  # said when the block ends: that resolves it

    ticket.confirm("ada@example.org")
    print("ticket", int(ticket), "is", ticket.standing().state)
