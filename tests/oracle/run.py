"""Runs random commands through the oracle and through the library, and compares after each.

    python3 run.py --probe PATH --seed 7 --commands 100000      40 seeds from 7 on, 2,500 each
    python3 run.py --probe PATH --replay regressions/*.txt
    python3 run.py --probe PATH --store --seed 7     on stores that are closed and killed now and then

A difference is shown, shrunk and written to a file that --replay takes.
"""
import argparse
import collections
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time

import draw
import oracle

PER_SEED = 2500
SHRINK_SECONDS = 60
PATIENCE = 20  # seconds for one answer
ROWS = "fay"  # these come in any order
SPREADS = ["wait", "word", "solve", "age"]


class Probe:
    """The library, at the other end of two pipes."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0)
        self.read = b""

    def ask(self, line):
        """The answer's lines without the dot; a last line `! ...` where there is none."""
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            return [self.epitaph()]
        fd = self.process.stdout.fileno()
        while not self.read.endswith(b"\n.\n"):
            if not select.select([fd], [], [], PATIENCE)[0]:
                return self.read.decode().splitlines() + ["! no answer"]
            some = os.read(fd, 1 << 16)
            if not some:
                return self.read.decode().splitlines() + [self.epitaph()]
            self.read += some
        answer, self.read = self.read[:-3].decode().split("\n"), b""
        return answer

    def epitaph(self):
        return f"! ended with {self.process.wait()}"

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


def differences(expected, got):
    """Pairs of lines that differ, None where one side has none.

    Events, completions and claims' completions are three sequences, each in its own order.
    """
    if expected == got:
        return []
    pairs = []
    for kind in dict.fromkeys(line[0] for line in expected + got):
        ours = [line for line in expected if line[0] == kind]
        theirs = [line for line in got if line[0] == kind]
        if kind in ROWS:
            ours, theirs = sorted(ours, key=row_name), sorted(theirs, key=row_name)
        length = max(len(ours), len(theirs))
        ours += [None] * (length - len(ours))
        theirs += [None] * (length - len(theirs))
        pairs += [(a, b) for a, b in zip(ours, theirs) if a != b and not (kind == "f" and is_near(a, b))]
    return pairs


def row_name(line):
    return line.split()[1:3]


def is_near(a, b):
    """Whether figures are equal but for quantiles, which the library tells within one per cent."""
    x, y = fields(a), fields(b)
    return x.keys() == y.keys() and all(
        x[key] == y[key] or key in SPREADS and is_near_spread(x[key], y[key]) for key in x)


def is_near_spread(a, b):
    a, b = [list(map(int, text.split(":"))) for text in (a, b)]
    return (a[0], a[5]) == (b[0], b[5]) and all(abs(p - q) * 100 <= p for p, q in zip(a[1:5], b[1:5]))


def fields(line):
    return dict(word.split("=", 1) for word in (line or "").split() if "=" in word)


def differing(pairs):
    """The names of what differs, to know a difference again."""
    names = set()
    for a, b in pairs:
        x, y = fields(a), fields(b)
        kind = (a or b)[0]
        if x and y:
            names.update(f"{kind} {key}" for key in x if x[key] != y.get(key))
        else:
            names.add(kind)
    return names


def show(pairs, out):
    for a, b in pairs:
        print(f"  oracle   {a}\n  library  {b}", file=out)
        x, y = fields(a), fields(b)
        if x and y:
            for key in x:
                if x[key] != y.get(key) and not is_near(f"f {key}={x[key]}", f"f {key}={y.get(key)}"):
                    print(f"      {key}: oracle {x[key]} | library {y.get(key)}", file=out)


# ---- a run that can be run again without some of its commands ------------------------------------

class Step:
    """A command, the tickets that it made, and how its token stood to the ticket's."""

    def __init__(self, line, made=(), token_ahead=0):
        self.line, self.made, self.token_ahead = line, list(made), token_ahead


def referred(line):
    found = re.search(r" ticket=(\d+)", line)
    return int(found.group(1)) if found else None


def run_step(service, line):
    """The answer, and the Step to repeat it by."""
    before, number, ahead = service.last_id, referred(line), 0
    token = re.search(r" token=(\d+)", line)
    if token and number in service.tickets:
        ahead = int(token.group(1)) - service.tickets[number].token
    answer = service.command(line)
    return answer, Step(line, range(before + 1, service.last_id + 1), ahead)


def replayed(steps):
    """Lines and the oracle's answers for these alone: tickets are renumbered, tokens follow."""
    service, answer = oracle.opened(steps[0].line)
    lines, answers, now_called = [steps[0].line], [answer], {}

    def renamed(found):
        key, number = found.group(1), int(found.group(2))
        elsewhere = 0 if number == 0 or key == "follows" else 99999
        return f" {key}={now_called.get(number, elsewhere)}"

    for step in steps[1:]:
        line = re.sub(r" (ticket|other|linked|follows)=(\d+)", renamed, step.line)
        number = referred(line)
        if number in service.tickets:
            token = max(1, service.tickets[number].token + step.token_ahead)
            line = re.sub(r" token=\d+", f" token={token}", line)
        before = service.last_id
        answers.append(service.command(line))
        lines.append(line)
        now_called.update(zip(step.made, range(before + 1, service.last_id + 1)))
    return lines, answers


def first_difference(command, lines, answers):
    """Feeds all lines at once. (index, pairs), or None."""
    try:
        run = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=PATIENCE, text=True)
    except subprocess.TimeoutExpired:
        return len(lines) - 1, [(None, "! no answer")]
    got = run.stdout.split("\n.\n")[:-1]
    for i, answer in enumerate(answers):
        if i >= len(got):
            return i, [(None, f"! ended with {run.returncode}")]
        pairs = differences(answer, got[i].split("\n"))
        if pairs:
            return i, pairs
    return (len(lines) - 1, [(None, f"! ended with {run.returncode}")]) if run.returncode else None


class Shrinker:
    """Delta debugging: fewer commands, then fewer arguments, as long as the same thing differs."""

    def __init__(self, command, steps, pairs):
        self.command, self.steps = command, steps
        self.names = differing(pairs)
        self.deadline = time.monotonic() + SHRINK_SECONDS

    def in_time(self):
        return time.monotonic() < self.deadline

    def try_out(self, steps):
        """Takes them, as far as they are needed, if they still show it."""
        try:
            found = first_difference(self.command, *replayed(steps))
        except Exception:  # a list that the protocol does not know
            return False
        if found is None or not differing(found[1]) & self.names:
            return False
        self.steps = steps[:found[0] + 1]
        return True

    def shrink(self):
        if not self.try_out(self.steps):
            return False
        self.fewer_commands()
        self.fewer_arguments()
        self.shorter_policies()
        self.fewer_commands()
        return True

    def fewer_commands(self):
        size = len(self.steps) // 2
        while size and self.in_time():
            at, dropped = len(self.steps) - size, False
            while at > 0 and self.in_time():
                dropped |= self.try_out(self.steps[:at] + self.steps[at + size:])
                at = min(at, len(self.steps)) - size
            if at > -size and at <= 0 and len(self.steps) > 1 and self.in_time():
                dropped |= self.try_out(self.steps[:1] + self.steps[1 + size:])
            if not (dropped and size == 1):
                size //= 2

    def fewer_arguments(self):
        for i in range(len(self.steps) - 1, 0, -1):
            for word in self.steps[i].line.split()[1:]:
                if not self.in_time() or i >= len(self.steps):
                    return
                step = self.steps[i]
                if "=" in word and not word.startswith(("verb=", "ticket=")):
                    line = step.line.replace(" " + word, "", 1)
                    without = Step(line, step.made, step.token_ahead)
                    self.try_out(self.steps[:i] + [without] + self.steps[i + 1:])


    def shorter_policies(self):
        for i in range(len(self.steps) - 1, 0, -1):
            at = 0
            while i < len(self.steps) and self.in_time():
                command, _, rest = self.steps[i].line.partition(" ")
                queue, _, policy = rest.partition(" ")
                policy = without_key(json.loads(policy), at) if command == "define" else None
                if policy is None:
                    break
                step = Step(f"define {queue} {json.dumps(policy)}")
                if not self.try_out(self.steps[:i] + [step] + self.steps[i + 1:]):
                    at += 1


def without_key(policy, at):
    """The policy without its at-th key, inner ones counted in their order; None: no more."""
    paths = []

    def walk(value, path):
        for key in value if isinstance(value, dict) else ():
            paths.append(path + [key])
            walk(value[key], path + [key])

    walk(policy, [])
    if at >= len(paths):
        return None
    inner = policy
    for key in paths[at][:-1]:
        inner = inner[key]
    del inner[paths[at][-1]]
    return policy


# ---- the runs ----------------------------------------------------------------------------------

class Counts:
    def __init__(self):
        self.seeds = self.commands = self.events = self.differences = self.reopened = 0
        self.seen = collections.Counter()

    def count(self, line, answer):
        self.commands += 1
        self.reopened += line in ("reopen", "crash")
        self.seen[answer[0]] += 1
        for told in answer:
            if told[0] == "e":
                self.events += 1
                self.seen[re.search(r"kind=\w+", told).group()] += 1
            elif told[0] == "d":
                status, verb = re.search(r"(status=\w+).*(verb=\S+)", told).groups()
                self.seen[f"{verb} {status}"] += 1
            elif told[0] == "w":
                self.seen["claim " + re.search(r"status=\w+", told).group()] += 1


def report(args, seed, steps, pairs):
    print(f"seed {seed}, command {len(steps)}: {steps[-1].line}")
    show(pairs, sys.stdout)
    lines = [step.line for step in steps]
    if args.shrink:
        shrinker = Shrinker(args.command, steps, pairs)
        if shrinker.shrink():
            lines, answers = replayed(shrinker.steps)
            print(f"shrunk to {len(lines)} commands:")
            print("\n".join("    " + line for line in lines))
            show(first_difference(args.command, lines, answers)[1], sys.stdout)
        else:
            print("it does not show again when all is run anew")
    out = args.out or f"/tmp/usher-oracle-{seed}.txt"
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print(f"written to {out}", flush=True)


def run_seed(args, seed, commands, counts, policies):
    """True if both sides agree."""
    drawer = draw.Drawer(seed, policies, args.store)
    opening = list(drawer.opening())
    probe, steps, pairs = Probe(args.command), [], []
    try:
        for i in range(commands):
            line = opening[i] if i < len(opening) else drawer.line()
            if i == 0:
                drawer.service, answer = oracle.opened(line)
                steps.append(Step(line))
            else:
                answer, step = run_step(drawer.service, line)
                steps.append(step)
            counts.count(line, answer)
            pairs = differences(answer, probe.ask(line))
            if pairs:
                break
    finally:
        code = probe.close()
    if not pairs and code:
        pairs = [(None, f"! ended with {code}")]
    counts.seeds += 1
    if pairs:
        counts.differences += 1
        report(args, seed, steps, pairs)
    return not pairs


def replay(args, counts):
    for path in args.replay:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        service, answer = oracle.opened(lines[0])
        answers = [answer] + [service.command(line) for line in lines[1:]]
        for line, answer in zip(lines, answers):
            counts.count(line, answer)
        counts.seeds += 1
        found = first_difference(args.command, lines, answers)
        if found is not None:
            counts.differences += 1
            print(f"{path}, command {found[0] + 1}: {lines[found[0]]}")
            show(found[1], sys.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("--probe", required=True, help="the program that drives the library")
    option("--seed", type=int, default=1, help="the first seed")
    option("--commands", type=int, default=PER_SEED, help="in all")
    option("--per-seed", type=int, default=PER_SEED, help="commands until the next seed")
    option("--policy-file", help="draw policies from here, one to a line, instead of making them")
    option("--replay", nargs="+", metavar="FILE", help="run these command files instead")
    option("--store", action="store_true", help="on stores; in /dev/shm where there is one")
    option("--out", help="where the shrunk commands go; /tmp/usher-oracle-SEED.txt")
    option("--keep-going", action="store_true", help="on to the next seed after a difference")
    option("--no-shrink", dest="shrink", action="store_false")
    option("--stats", action="store_true", help="count what was drawn and told")
    option("--quiet", action="store_true", help="no line per seed")
    args = parser.parse_args()
    counts, policies, args.command = Counts(), [], [args.probe]
    if args.store:
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
        args.command += ["--store", f"sqlite:{where}/usher-oracle-{os.getpid()}.db"]
    if args.policy_file:
        with open(args.policy_file, encoding="utf-8") as file:
            policies = [line.strip() for line in file if line.strip()]
    if args.replay:
        replay(args, counts)
    else:
        seed, left = args.seed, args.commands
        while left > 0:
            agreed = run_seed(args, seed, min(left, args.per_seed), counts, policies)
            if not args.quiet:
                print(f"seed {seed}: {'agrees' if agreed else 'differs'}", flush=True)
            if not (agreed or args.keep_going):
                break
            seed, left = seed + 1, left - args.per_seed
    if args.stats:
        for what, n in sorted(counts.seen.items()):
            print(f"{n:9} {what}")
    reopened = f" reopened {counts.reopened} times," if args.store else ""
    print(f"seeds {counts.seeds}, commands {counts.commands}, events {counts.events},{reopened}"
          f" differences {counts.differences}")
    return 1 if counts.differences else 0


if __name__ == "__main__":
    sys.exit(main())
