#!/usr/bin/env python3
"""A counter on the web: people bring requests and see where theirs is, without asking anybody.

    web.py                      serves http://127.0.0.1:8080, with agents who pretend to work
    web.py --store desk.db      keeps the requests in a file
    curl -H 'Accept: application/json' -d who=ada -d text='no paper' localhost:8080

Standard library only. There are no users and passwords: whoever knows a request's address may see
it and speak for the person who brought it. So the address is a secret of 96 bits, and pages tell
browsers to keep it to themselves.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import secrets
import signal
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import usher
import web_page
from web_http import HEAD_MAX, Answer, Refused, Request, serve

POLICY = {
    "promises": {
        "ack": {"target": "15m"},
        "answer": {"target": "30m"},
        "update": {"target": "1h"},
        "resolve": {"target": "8h"},
    },
    "pause": {"requester": {"max": "10d", "remind": ["1d"], "then": "resolve"}},
    "limits": {"open": 10000, "payload": 4000},
}
# What usher refuses, as HTTP says it.
REFUSALS: dict[type[usher.UsherError], tuple[int, str]] = {
    usher.TooLarge: (413, "That is too long."),
    usher.Invalid: (400, "That cannot be taken: is there a character in it that nobody types?"),
    usher.WrongState: (409, "Things have moved on: that is not possible any more."),
    usher.Full: (503, "The line is full. Please try again later."),
}


class Counter:
    """The desk behind the pages: one queue, and what a person may say about his own request."""

    def __init__(self, desk: usher.AsyncService) -> None:
        self.desk = desk
        self.queue = desk.queue("counter", POLICY)

    # -- commands --

    async def bring(self, fields: dict[str, str]) -> str:
        who, text = fields.get("who", ""), fields.get("text", "")
        if not who or not text:
            raise Refused(400, "Say who you are and what the trouble is.")
        try:
            priority = usher.Priority[fields.get("priority", "normal").upper()]
        except KeyError:
            raise Refused(400, "The priority is low, normal, high or urgent.") from None
        ref = secrets.token_urlsafe(12)
        await self.queue.enqueue(who, text, ref=ref, priority=priority)
        return ref

    async def say(self, p: usher.Standing, fields: dict[str, str]) -> None:
        what, text, who = fields.get("say", ""), fields.get("text", ""), p.requester
        ticket = self.desk.ticket(p.ticket)
        if what == "solved":
            await ticket.confirm(who)
        elif what == "not-solved":
            await ticket.reopen(who, text or None)
        elif what == "chase":
            await ticket.ask(who)
        elif what == "reply" and text:
            await ticket.reply(who, text)
        elif what == "never-mind":
            await ticket.withdraw(who)
        else:
            raise Refused(
                400, "Say one of solved, not-solved, chase, never-mind, or reply with a text."
            )

    def find(self, ref: str) -> usher.Standing:
        try:
            return self.queue.find(ref)
        except (usher.NotFound, usher.Invalid, usher.TooLarge):
            raise Refused(404, "There is no such request. Is the address complete?") from None

    # -- answers --

    def as_data(self, ref: str, p: usher.Standing) -> dict[str, Any]:
        def at(t: datetime | None) -> str | None:
            return t.isoformat() if t else None

        def seconds(d: timedelta | None) -> float | None:
            return d.total_seconds() if d is not None else None

        return {
            "address": f"/r/{ref}",
            "state": str(p.state),
            "since": at(p.state_since),
            "priority": str(p.priority),
            "before_you": p.ahead_in_queue,
            "holder": p.holder,
            "next_word_by": at(p.next_word),
            "last_word": p.last_word or None,
            "question": p.question if p.waits_for_you else None,
            "waited_here": {
                "people": p.waits,
                "half_within_s": seconds(p.wait_p50),
                "nine_of_ten_within_s": seconds(p.wait_p90),
            },
        }

    async def answer(self, r: Request) -> Answer:
        if r.path == "/":
            if r.method != "POST":
                return Answer(200, web_page.page("The counter", web_page.FRONT, foot=""))
            ref = await self.bring(r.fields())
            status = 201
        elif match := re.fullmatch(r"/r/([A-Za-z0-9_-]{1,64})", r.path):
            ref, status = match.group(1), 200
            if r.method == "POST":
                await self.say(self.find(ref), r.fields())
        else:
            raise Refused(404, "There is nothing at this address.")
        if r.wants_json:
            data = self.as_data(ref, self.find(ref))
            return Answer(
                status,
                json.dumps(data, indent=1) + "\n",
                "application/json",
                {"Location": f"/r/{ref}"},
            )
        if r.method == "POST":  # so that loading the page again does not send the form again
            return Answer(303, "", headers={"Location": f"/r/{ref}"})
        p = self.find(ref)
        wrote = await self.desk.ticket(p.ticket).body()
        text = wrote.decode("utf-8", "replace")
        return Answer(200, web_page.request_page(p, text, self.desk.now()))

    async def safe_answer(self, r: Request) -> Answer:
        try:
            return await self.answer(r)
        except Refused as e:
            return refusal(e, r.wants_json)
        except tuple(REFUSALS) as e:
            return refusal(Refused(*REFUSALS[type(e)]), r.wants_json)


def refusal(e: Refused, as_json: bool = False) -> Answer:
    if as_json:
        body = json.dumps({"error": e.sentence}) + "\n"
        return Answer(e.status, body, "application/json", {**e.headers})
    content = f"<h1>{web_page.esc(e.sentence)}</h1>"
    return Answer(e.status, web_page.page("Not possible", content), headers={**e.headers})


# ---- agents who pretend, so that there is something to see --------------------------------------


async def pretend(agent: usher.AsyncAgent, queue: usher.AsyncQueue, pace: float) -> None:
    async for claim in agent.claims(queue):
        try:
            async with claim:
                await claim.acknowledge(f"{agent.name} is looking at it")
                await asyncio.sleep(pace * random.uniform(0.5, 1.5))
                if random.random() < 0.25:
                    await claim.pause(usher.On.REQUESTER, "Since when is it like that?")
                else:
                    claim.answer = "Switched off and on again, and now it works here."
        except (usher.Stale, usher.WrongState):
            pass  # the person has said "never mind" meanwhile


async def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--store", metavar="FILE", help="keep the requests in this file (otherwise in memory)"
    )
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=8080, help="0: any that is free; it is printed")
    p.add_argument("--agents", type=int, default=2, metavar="N", help="how many pretend to work")
    p.add_argument(
        "--pace", type=float, default=30, metavar="SECONDS", help="how long a request takes them"
    )
    args = p.parse_args()

    stop = asyncio.Event()
    for s in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(s, stop.set)
    async with usher.Service(f"sqlite:{args.store}" if args.store else "memory:") as desk:
        counter = Counter(desk)
        working = [
            asyncio.create_task(pretend(desk.agent(f"Agent {i + 1}"), counter.queue, args.pace))
            for i in range(args.agents)
        ]
        serving = partial(serve, counter.safe_answer, refusal)
        server = await asyncio.start_server(serving, args.host, args.port, limit=HEAD_MAX)
        host, port = server.sockets[0].getsockname()[:2]
        print(f"http://{host}:{port}", flush=True)
        await stop.wait()
        server.close()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
