"""Runs random commands through the oracle and through the library, and compares after each.

    python3 run.py --probe PATH --seed 7 --commands 100000      100 seeds from 7 on, 1,000 each
    python3 run.py --probe PATH --replay regressions/*.txt
    python3 run.py --probe PATH --store --seed 7     on stores that are closed and killed now and then

Each seed ends with a quiet phase in which everything must come to an end. A difference is shown,
shrunk and written to a file that --replay takes.
"""
import argparse
import collections
import multiprocessing
import os
import random
import re
import select
import subprocess
import sys
import tempfile

import draw
import oracle
from compare import differences, show
from hours import DAY
from quiet import Quiet
from report import look_line, report
from shrink import PATIENCE, Step, first_difference, replayed, run_step

PER_SEED = 1000
SLEEP = 150 * DAY  # after the end: nothing may happen any more
AHEAD, AHEAD_BYTES = 40, 30_000  # what is sent before it is answered, less than a pipe holds


class Probe:
    """The library, at the other end of two pipes."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0)
        self.rest, self.answers = b"", collections.deque()

    def send(self, lines):
        try:
            self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        except BrokenPipeError:
            pass  # its epitaph is read instead of an answer

    def answer(self):
        """The next answer's lines without the dot; a last line `! ...` where there is none."""
        fd = self.process.stdout.fileno()
        while not self.answers:
            if not select.select([fd], [], [], PATIENCE)[0]:
                return self.rest.decode().splitlines() + ["! no answer"]
            some = os.read(fd, 1 << 16)
            if not some:
                return self.rest.decode().splitlines() + [f"! ended with {self.process.wait()}"]
            *whole, self.rest = (self.rest + some).split(b"\n.\n")
            self.answers.extend(whole)
        return self.answers.popleft().decode().split("\n")

    def close(self):
        """The exit code; what goes wrong at the end (a leak, say) is a difference too."""
        try:
            self.process.stdin.close()
            return self.process.wait(PATIENCE)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            return self.process.wait()
        finally:
            self.process.stdout.close()


class Conversation:
    """Commands go to both sides. The probe works on some while the oracle works on the next, so a
    difference shows some commands late; it is that of the first one that differs."""

    def __init__(self, command, counts):
        self.probe, self.counts = Probe(command), counts
        self.steps, self.answers = [], []
        self.sent = self.compared = 0
        self.pairs = []

    def open(self, line):
        service, answer = oracle.opened(line)
        self.note(Step(line), answer)
        return service

    def say(self, service, line):
        if line.startswith("fault "):
            return self.say_and_wait(service, line)
        answer, step = run_step(service, line)
        self.note(step, answer)
        return answer

    def say_and_wait(self, service, line):
        """What became of it the library has to say first."""
        self.exchange()
        self.exchange()
        if self.pairs:
            return []
        self.probe.send([line])
        got = self.probe.answer()
        answer, step = run_step(service, line, got)
        self.counts.n["faults"] += 1
        self.counts.n["unapplied"] += not step.applied
        self.counts.count(line, answer)
        self.pairs = differences(answer, got)
        self.steps.append(step)
        self.answers.append(None)
        self.sent = self.compared = len(self.steps)
        return answer

    def note(self, step, answer):
        self.steps.append(step)
        self.answers.append(answer)
        self.counts.count(step.line, answer)
        lines = [step.line for step in self.steps[self.sent:]]
        if len(lines) >= AHEAD or sum(map(len, lines)) >= AHEAD_BYTES:
            self.exchange()

    def exchange(self):
        """What was sent is compared, then what came since is sent."""
        while self.compared < self.sent and not self.pairs:
            self.pairs = differences(self.answers[self.compared], self.probe.answer())
            self.answers[self.compared] = None
            self.compared += 1
        if not self.pairs:
            self.probe.send([step.line for step in self.steps[self.sent:]])
            self.sent = len(self.steps)

    def end(self):
        """(steps up to what differs, pairs)"""
        self.exchange()
        self.exchange()
        code = self.probe.close()
        if not self.pairs and code:
            self.pairs = [(None, f"! ended with {code}")]
        return self.steps[:self.compared], self.pairs


class Counts:
    def __init__(self):
        self.n = collections.Counter()
        self.seen = collections.Counter()

    def count(self, line, answer):
        self.n["commands"] += 1
        self.n["reopened"] += line in ("reopen", "restore")
        self.n["crashes"] += line == "crash"
        self.n["inside"] += line.startswith("inside ")
        self.seen["said " + line.split(" ", 1)[0]] += 1
        for told in answer:
            if told[0] == "e":
                self.n["events"] += 1
                self.seen[re.search(r"kind=\w+", told).group()] += 1
            elif told[0] in "do":
                status, verb = re.search(r"(status=\w+).*(verb=\S+)", told).groups()
                self.seen[f"{'lost ' * (told[0] == 'o')}{verb} {status}"] += 1
                outcome = re.search(r"outcome=(\d+)", told)
                if outcome and outcome.group(1) != "0":
                    self.seen[f"{verb} {status} {outcome.group()}"] += 1
            elif told[0] == "w":
                self.seen["claim " + re.search(r"status=\w+", told).group()] += 1
            elif told[0] not in "tT":
                self.seen[told if told[0] == "r" else "row " + told[0]] += 1

    def add(self, other):
        self.n.update(other.n)
        self.seen.update(other.seen)

    def line(self):
        n = self.n
        return (f"seeds {n['seeds']}, commands {n['commands']}, events {n['events']},"
                f" tickets {n['tickets']}, calls from inside {n['inside']}, late answers {n['late']}, crashes {n['crashes']},"
                f" reopenings {n['reopened']},"
                f" store faults {n['faults']} (not applied {n['unapplied']}), quiet steps {n['quiet']},"
                f" simulated years {n['ms'] / DAY / 365.25:.1f}, differences {n['differences']}")


# ---- a seed --------------------------------------------------------------------------------------

def does_not_end(seed, world):
    """What differs first where nobody but the quiet phase is to be asked: see Shrinker."""
    def first(steps):
        lines, _, service = replayed(steps)
        quiet = Quiet(service, random.Random(seed), world)
        while (line := quiet.line()) is not None:
            service.command(line)
        return (len(lines) - 1, [(None, f"! {quiet.why}")]) if quiet.why else None

    return first


def be_quiet(talk, service, seed, world, counts):
    """Why it does not come to an end, or None; and how many steps came before."""
    before, quiet = len(talk.steps), Quiet(service, random.Random(seed), world)
    while not talk.pairs and (line := quiet.line()) is not None:
        talk.say(service, line)
        counts.n["quiet"] += 1
    talk.say(service, f"advance {max(service.now, service.wall) + SLEEP}")
    talk.say(service, look_line(service))
    return quiet.why, before


def run_seed(args, seed, commands, counts, policies):
    """True if both sides agree."""
    drawer = draw.Drawer(seed, policies, args.store)
    opening = list(drawer.opening())
    talk, why = Conversation(args.command, counts), None
    try:
        service = drawer.service = talk.open(opening[0])
        for i in range(1, commands):
            drawer.heard(talk.say(service, opening[i] if i < len(opening) else drawer.line()))
            if talk.pairs:
                break
        else:
            why, before = be_quiet(talk, service, seed, drawer.world, counts)
    finally:
        steps, pairs = talk.end()
    counts.n["seeds"] += 1
    counts.n["tickets"] += service.last_id
    counts.n["late"] += drawer.late_answers
    counts.n["ms"] += service.now - int(opening[0].split()[1])
    if pairs:
        counts.n["differences"] += 1
        report(args, seed, steps, pairs)
    elif why:
        counts.n["differences"] += 1
        report(args, seed, steps[:before], [(None, f"! {why}")], does_not_end(seed, drawer.world))
    return not (pairs or why)


def run_seeds(args):
    """From args.seed on, until so many have been drawn; those of the quiet phase come on top."""
    counts, policies = Counts(), []
    if args.policy_file:
        with open(args.policy_file, encoding="utf-8") as file:
            policies = [line.strip() for line in file if line.strip()]
    seed, left = args.seed, args.commands
    while left > 0:
        agreed = run_seed(args, seed, min(left, args.per_seed), counts, policies)
        if not args.quiet:
            print(f"seed {seed}: {'agrees' if agreed else 'differs'}", flush=True)
        if not (agreed or args.keep_going):
            break
        seed, left = seed + args.jobs, left - args.per_seed * args.jobs
    return counts


def job(args, i):
    """Every so-manieth seed."""
    args.seed += i
    args.commands -= i * args.per_seed
    if args.out:
        args.out += f".{i}" if i else ""
    open_store(args)
    return run_seeds(args)


def open_store(args):
    args.command = [args.probe]
    if args.store:
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
        args.command += ["--store", f"sqlite:{where}/usher-oracle-{os.getpid()}.db"]


# ---- command files -------------------------------------------------------------------------------

def replay(args, counts):
    for path in args.replay:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        service, answer = oracle.opened(lines[0])
        answers = [answer]
        for line in lines[1:]:  # after a fault all is as the library says, see first_difference
            if line.startswith("fault "):
                answers.append(None)
            else:
                answers.append([] if None in answers else service.command(line))
        for line, answer in zip(lines, answers):
            counts.count(line, answer or [])
        counts.n["seeds"] += 1
        counts.n["tickets"] += service.last_id
        found = first_difference(args.command, lines, answers)
        if found is not None:
            counts.n["differences"] += 1
            print(f"{path}, command {found[0] + 1}: {lines[found[0]]}")
            show(found[1], sys.stdout)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("--probe", required=True, help="the program that drives the library")
    option("--seed", type=int, default=1, help="the first seed")
    option("--commands", type=int, default=100_000, help="in all")
    option("--per-seed", type=int, default=PER_SEED, help="commands until the next seed")
    option("--jobs", type=int, default=1, help="processes side by side")
    option("--policy-file", help="draw policies from here, one to a line, instead of making them")
    option("--replay", nargs="+", metavar="FILE", help="run these command files instead")
    option("--store", action="store_true", help="on stores; in /dev/shm where there is one")
    option("--out", help="where the shrunk commands go; /tmp/usher-oracle-SEED.txt")
    option("--keep-going", action="store_true", help="on to the next seed after a difference")
    option("--no-shrink", dest="shrink", action="store_false")
    option("--stats", action="store_true", help="count what was drawn and told")
    option("--quiet", action="store_true", help="no line per seed")
    return parser.parse_args()


def main():
    args, counts = arguments(), Counts()
    open_store(args)
    if args.replay:
        replay(args, counts)
    elif args.jobs == 1:
        counts = run_seeds(args)
    else:
        with multiprocessing.Pool(args.jobs) as pool:
            for one in pool.starmap(job, [(args, i) for i in range(args.jobs)]):
                counts.add(one)
    if args.stats:
        for what, n in sorted(counts.seen.items()):
            print(f"{n:9} {what}")
    print(counts.line())
    return 1 if counts.n["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
