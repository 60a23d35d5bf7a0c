#!/usr/bin/env python3
"""A worker that nobody has to watch: it makes the checksums of files, one job for each.

    worker.py STORE FILE...            enqueues these files, and works
    worker.py STORE --drain            goes on where the last one stopped, and ends when all is done

A job that fails is tried again after a backoff; when its attempts are used up it is stuck, and the
lead is told, as he is when a job is about to take longer than was promised. Kill the worker at any
instant, `kill -9` too, and start it again: jobs, attempts and what the lead has not yet been told
are in the store.
"""
from __future__ import annotations

import argparse
import asyncio
import hashlib
import signal
import time
import uuid
from datetime import timedelta
from pathlib import Path

import usher

# Times are short so that there is something to see. A job that kills its worker comes back when its
# lease runs out, and that counts as an attempt: it cannot kill workers for ever.
POLICY = {
    "promises": {"resolve": {"target": "5s"}},
    "warn": [],
    "ladder": [
        {"on": "resolve", "at": "80%", "notify": ["lead"]},
        {"on": "resolve", "at": "100%", "notify": ["lead"], "raise": 1, "repeat": "1m", "times": 3},
    ],
    "lease": {"for": "2s", "max": "8h"},
    "retry": {"attempts": 5, "backoff": ["100ms", "200ms", "500ms", "1s"]},
}

# More than the longest backoff, and than the lease of one who was killed.
PATIENCE = timedelta(seconds=3)
SOLVED = (usher.State.RESOLVED, usher.State.CLOSED)


def checksum(path: str, pace: float) -> str:
    """The work itself. It may be done twice for one job, and that does no harm."""
    time.sleep(pace)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


async def work(agent: usher.AsyncAgent, jobs: usher.AsyncQueue, args: argparse.Namespace) -> None:
    # Two are fetched at a time; the one that is not yet begun keeps its lease meanwhile, and so
    # does the one whose block runs. Without --drain it waits for ever.
    async for claim in agent.claims(jobs, n=2, wait=PATIENCE if args.drain else None):
        path = claim.body.decode()
        try:
            async with claim:
                claim.answer = await asyncio.to_thread(checksum, path, args.pace)
            print(f"done: {path}", flush=True)
        except OSError as e:  # the block has failed, and so has the attempt: that is on record now
            print(f"attempt {claim.attempts + 1} at {path}: {e.strerror}", flush=True)
        except usher.Stale:  # somebody else has it by now; what we did does not count
            print(f"too late: {path}", flush=True)


async def tell_the_lead(desk: usher.AsyncService) -> None:
    # A subscription with a name: what was not done() before a crash is told again after it.
    async with desk.events("lead") as events:
        async for e in events:
            if e.kind is usher.EventKind.STUCK and e.ticket is not None:
                history = [past async for past in desk.ticket(e.ticket).history()]
                why = [past.text for past in history if past.kind is usher.EventKind.FAILED][-1:]
                said = f"to the lead: job {e.ticket} is stuck after {e.n} attempts:"
                print(said, *why, flush=True)
            elif "lead" in e.notify:
                said = f"to the lead: job {e.ticket} takes long, level {e.level}"
                print(f"{said} [{e.rule}]", flush=True)
            events.done(e)


async def report(desk: usher.AsyncService, jobs: usher.AsyncQueue) -> None:
    """What became of them, out of the store: whoever worked, and however often he was killed."""
    async for job in jobs.tickets():
        path = (await desk.ticket(job.ticket).body()).decode()
        print(f"{job.last_word if job.state in SOLVED else job.state}  {path}")


async def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("store", help="a file, made when it is not there")
    p.add_argument("file", nargs="*", help="a job for each of these")
    p.add_argument(
        "--drain",
        action="store_true",
        help="end when nothing has come for 3 s, and say what became of all",
    )
    p.add_argument(
        "--pace",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how much longer than it must a job takes",
    )
    args = p.parse_args()

    async with usher.Service(f"sqlite:{args.store}", op_window=timedelta(days=30)) as desk:
        jobs = desk.queue("checksums", POLICY)
        # An op names an attempt of ours: what was enqueued before is not enqueued again.
        paths = [str(Path(file).absolute()) for file in args.file]
        await jobs.enqueue_many(
            usher.Request(
                "worker.py", path, ref=Path(path).name, op=uuid.uuid5(uuid.NAMESPACE_URL, path)
            )
            for path in paths
        )

        working = asyncio.create_task(work(desk.agent("worker"), jobs, args))
        telling = asyncio.create_task(tell_the_lead(desk))
        # What is claimed is released then, which counts as no attempt.
        for s in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(s, working.cancel)
        await asyncio.wait((working, telling), return_when=asyncio.FIRST_COMPLETED)
        for task in (working, telling):
            task.cancel()
        await asyncio.gather(working, telling, return_exceptions=True)
        for task in (working, telling):  # an error of one has ended both
            if not task.cancelled():
                task.result()
        if args.drain:
            await report(desk, jobs)


if __name__ == "__main__":
    asyncio.run(main())
