"""Asks random questions about time of the oracle and of the library, and compares the answers.

    python3 times.py --probe PATH --seed 7 --cases 100000
    python3 times.py --probe PATH --replay times/*.txt

Calendars of every zone of this machine, in the years 1990 to 2060, and promises on them with pauses,
named instants, warnings and ladders; all of it through the text of a policy. A difference is shown,
shrunk and written to a file that --replay takes.
"""
import argparse
import copy
import json
import multiprocessing
import random
import re
import subprocess
import sys

import draw_time
from draw_time import MINUTE, ZONES, changes_near
from hours import DAY, HOUR, NEVER, new_year, year_at
from policy import Policy
from ticket import Promise
from words import BROKEN, PROMISES, RUNNING

PROCESSES = 2
PER_CALENDAR = 80   # questions
PER_BATCH = 25      # policies at once
CLEAR = 38          # years: what lies further away is never
FIRINGS, ROWS = 60, 200
PATIENCE = 20       # seconds, and one more for every 20 lines: a sanitizer takes its time
EARLIEST = new_year(1972)


# ---- the oracle's answers ---------------------------------------------------------------------

class Interrupted:
    def __init__(self, reason, start, end):
        self.reason, self.start, self.end = reason, start, end


class Life:
    """A ticket, as far as promises look at it."""

    def __init__(self, policy, priority):
        self.policy, self.priority, self.pauses, self.solved = policy, priority, [], []

    def interrupt(self, pauses):
        for pause in [] if pauses == "-" else pauses.split(","):
            start, end, reasons = map(int, pause.split(":"))
            for bit in range(4):
                if reasons >> bit & 1 and bit < 3:
                    self.pauses.append(Interrupted(bit + 1, start, end or None))
                elif reasons >> bit & 1:
                    self.solved.append([start, end or None])


def fired(promise):
    """Every firing of the ladder, one after the other."""
    told = ""
    for _ in range(FIRINGS):
        first = min(((promise.fires_at(at, step), step.index, k, step.id)
                     for at, step, k in promise.next_steps()), default=None)
        if first is None or first[0] == NEVER:
            break
        told += "{}:{}:{};".format(*first[:3])
        promise.climbed[first[3]] = first[2] + 1
    return told


def answer_promise(policy, words):
    ix, priority, start, named = map(int, words[:4])
    later, later_at = map(int, words[4].split(":"))
    broken, now = int(words[5]), int(words[6])
    life = Life(policy, priority)
    p = Promise(life, PROMISES[ix])
    p.begin(start, named or None)
    life.interrupt(words[7])
    lapsed = 0
    if later:
        life.priority = later
        lapsed = int(p.retarget(later_at) == "lapsed")
    if broken and p.state == RUNNING and p.broken_at() != NEVER:
        p.state = BROKEN
    used = p.used(now) if p.state else 0
    told = (f"state={p.state} lapsed={lapsed} target={p.target if p.state else 0} arming={p.arming}"
            f" used={used} due={p.due()} left={p.left(now)}")
    if p.state == RUNNING:
        told += f" broken={p.broken_at()}"
    if p.state in (RUNNING, BROKEN):
        going = NEVER if p.paused() else p.going_since()
        rows = "".join("{}:{}:{}:{};".format(*row) for row in p.explain(now)[:ROWS])
        warn = sorted((p.warned_at(percent), percent) for percent in policy.warn)
        warn = "".join(f"{at}:{percent};" for at, percent in warn if at != NEVER and p.state == RUNNING)
        told += f" going={going} reach={p.reached(used // 2 + 1)} why={rows} warn={warn} steps={fired(p)}"
    return told


def answer_calendar(policy, words):
    calendar, op, a, b = policy.calendar[PROMISES[int(words[0])]], words[1], int(words[2]), int(words[3])
    if op == "spans":
        return "".join("{}:{}:{} ".format(*span) for span in calendar.spans(a, b))
    if op in ("reach", "back", "between", "days"):
        return str(getattr(calendar, op)(a, b))
    if op == "pass":
        return str(calendar.passed(a, b))
    return str(int(getattr(calendar, op)(a)))


def answer(policy, line):
    words = line.split()
    if words[0] == "P":
        return "ok"
    return answer_calendar(policy, words[1:]) if words[0] == "C" else answer_promise(policy, words[1:])


def around(line):
    """The instant that a question is about."""
    words = line.split()
    return 0 if words[0] == "P" else int(words[3])


def plain(text, line):
    """Without what lies so far away that the oracle has not looked."""
    far, long_ago = (new_year(max(1972, year_at(around(line)) + years)) for years in (CLEAR, -CLEAR))
    if line.startswith(("C 0 back", "C 0 days", "C 0 prev")) and int(text) < long_ago:
        return "none"
    text = re.sub(r"\d{12,}", lambda n: "never" if int(n.group()) > far else n.group(), text.strip())
    return re.sub(r"never:\d+:\d+;", "", text)


def differ(line, ours, theirs):
    return ours != theirs and (theirs[:1] == "!" or plain(ours, line) != plain(theirs, line))


# ---- what is asked ----------------------------------------------------------------------------

class Drawer:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.zone = seed * PER_BATCH  # one after the other, so that none is left out

    def chance(self, p):
        return self.rng.random() < p

    def span(self):
        rng = self.rng
        how = rng.random()
        if how < 0.1:
            return rng.randint(1, 5)
        if how < 0.5:
            return rng.randint(1, 40) * 15 * MINUTE
        return rng.choice([rng.randint(1, 10 * MINUTE), rng.randint(1, 10 * HOUR), rng.randint(1, 100) * HOUR])

    def policy(self):
        """(text, zone, instant): the instant is one near which there is something to see."""
        rng = self.rng
        self.zone += 1
        zone = ZONES[self.zone % len(ZONES)]
        at = new_year(rng.randint(1990, 2060)) + rng.randrange(366 * DAY)
        changes = changes_near(zone, at)
        if changes and self.chance(0.7):
            at = rng.choice(changes)
        self.dry = self.chance(0.02)
        names = ["a", "b"][:rng.randint(1, 2)]
        calendars = {name: draw_time.calendar(rng, zone, at, self.dry) for name in names}
        parts = draw_time.promised(rng, PROMISES, self.span, names, [])
        parts["promises"]["ack"]["calendar"] = "a"
        text = json.dumps({"calendars": calendars, **parts})
        return text.replace("wd\"", "h\"") if self.dry else text, at

    def look(self, calendar, at):
        """Where something happens near it."""
        year = year_at(at)
        _, opens, closes = calendar.years(year - 1, year + 1)
        self.edges = [edge for edge in opens + closes if abs(edge - at) < 12 * DAY] or [at]
        self.at = at

    def moment(self):
        rng, how = self.rng, self.rng.random()
        if how < 0.4:
            at = rng.choice(self.edges) + rng.choice([-1, 0, 0, 0, 1])
        elif how < 0.5:
            at = self.at + rng.choice([-1, 0, 1, -HOUR, HOUR, HOUR // 2])
        elif how < 0.75:
            at = self.at + rng.randint(-3 * DAY, 3 * DAY)
        elif how < 0.95:
            at = (self.at + rng.randint(-10 * DAY, 10 * DAY)) // MINUTE * MINUTE
        else:
            at = self.at + rng.randint(-200 * DAY, 200 * DAY)
        return max(at, EARLIEST + 400 * DAY)

    def question(self, calendar):
        rng = self.rng
        op = rng.choice(["reach", "reach", "pass", "pass", "back", "back", "between", "between", "days", "days",
                         "is_open", "next_open", "next_close", "prev_open", "prev_close", "spans"])
        a, b = self.moment(), 0
        if op in ("between", "spans"):
            b = self.moment()
            if op == "spans":
                a, b = min(a, b), max(a, b) + (a == b)
        elif op == "days":
            b = rng.choice([1, 1, 2, 3, 5, 20, -1, -1, -2, -3, -5, -20])
        elif op in ("reach", "pass", "back"):
            other = self.moment()
            if self.chance(0.5) and (other > a) != (op == "back"):
                b = calendar.between(min(a, other), max(a, other)) + rng.choice([0, 0, 0, 0, 1])
                b = max(0, b - rng.choice([0, 0, 0, 1]))
            else:
                b = rng.choice([0, 1, self.span(), self.span(), rng.randint(0, 300 * HOUR)])
        return f"C 0 {op} {a} {b}"

    def pauses(self, start, now):
        rng, at, drawn = self.rng, start, []
        while self.chance(0.6) and len(drawn) < 6:
            at += rng.choice([0, 1, rng.randint(0, 5 * DAY), self.span()])
            if self.chance(0.3):
                at = max(at, rng.choice(self.edges))
            to = at + max(1, rng.choice([1, rng.randint(1, 3 * DAY), self.span()]))
            if to >= now:
                if at < now and self.chance(0.6):
                    drawn.append(f"{at}:0:{rng.randint(1, 7)}")
                break
            reasons = rng.randint(1, 8)
            if drawn and drawn[-1].split(":")[1:] == [str(at), str(reasons)]:
                continue
            drawn.append(f"{at}:{to}:{reasons}")
            at = to
        return ",".join(drawn) or "-"

    def promise(self, policy):
        rng, ix = self.rng, self.rng.randrange(4)
        start, priority, named, later = self.moment(), rng.randint(1, 4), 0, "0:0"
        now = start + rng.choice([0, 1, rng.randint(1, 20 * DAY), rng.randint(1, 20 * DAY), self.span()])
        pauses = self.pauses(start, now)
        if ix == 2 and self.chance(0.6):
            target = policy.targets["update"][priority]
            named = start + max(1, rng.choice([self.span(), rng.randint(1, 10 * DAY)]))
            if target is not None and self.chance(0.5):
                p = Promise(Life(policy, priority), "update")
                p.begin(start)
                named = max(start + 1, min(p.due(), start + 400 * DAY) + rng.choice([-1, 0, 1]))
            now = min(now, named)
            pauses = self.pauses(start, now)
        if self.chance(0.3):
            later = f"{rng.randint(1, 4)}:{now}"
        return f"A {ix} {priority} {start} {named} {later} {rng.randint(0, 1)} {now} {pauses}"

    @staticmethod
    def is_far(ours):
        """It runs and is never broken: but that is after the years that were looked at."""
        return f" broken={NEVER}" in ours and f" going={NEVER}" not in ours

    def cases(self):
        """[(policy's text, question)] about one policy, and the oracle's answers."""
        text, at = self.policy()
        policy = Policy(text, 1)
        calendar = policy.calendar["ack"]
        self.look(calendar, at)
        lines, answers = ["P " + text], ["ok"]
        while len(lines) <= PER_CALENDAR:
            line = self.question(calendar) if self.chance(0.55) else self.promise(policy)
            ours = answer(policy, line)
            if self.dry or not self.is_far(ours):
                lines.append(line)
                answers.append(ours)
        return lines, answers


# ---- comparing --------------------------------------------------------------------------------

def asked(probe, lines):
    run = subprocess.Popen([probe], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    try:
        out, err = run.communicate("\n".join(lines) + "\n", PATIENCE + len(lines) // 20)
    except subprocess.TimeoutExpired:
        run.kill()
        out, err = run.communicate()
        err = "no answer"
    got = out.split("\n")[:-1]
    return got + [f"! ended with {run.returncode}: {err[-2000:]}"] * (len(lines) - len(got))


def difference(probe, text, line):
    """(oracle's answer, library's), or None where they agree or one of them cannot say."""
    try:
        ours = answer(Policy(text, 1), line)
    except Exception:  # a policy that shrinking has spoilt
        return None
    compiled, theirs = asked(probe, ["P " + text, line])
    if compiled != "ok" or not differ(line, ours, theirs):
        return None
    return ours, theirs


def without(value, path):
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return value


def paths(value, path=()):
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield path + (key,)
        yield from paths(value[key], path + (key,))


def shrunk(probe, text, line):
    """The same difference with less of a policy around it, and fewer pauses."""
    value, at = json.loads(text), 0
    while True:
        path = next(iter(list(paths(value))[at:]), None)
        if path is None:
            break
        if difference(probe, json.dumps(without(value, path)), line):
            value = without(value, path)
        else:
            at += 1
    text = json.dumps(value)
    words = line.split()
    if words[0] == "A" and words[8] != "-":
        for pause in words[8].split(","):
            rest = ",".join(p for p in words[8].split(",") if p != pause) or "-"
            shorter = " ".join(words[:8] + [rest])
            if difference(probe, text, shorter):
                line, words = shorter, shorter.split()
    return text, line


def show(ours, theirs, out):
    print(f"  oracle   {ours}\n  library  {theirs}", file=out)
    for a, b in zip(ours.split(" "), theirs.split(" ")):
        if a != b:
            print(f"      {a} | {b}", file=out)


def run_part(job):
    """(cases, policies, what differed) of some seeds."""
    probe, seeds, shrinks = job
    cases = policies = 0
    found = []
    for seed in seeds:
        drawer = Drawer(seed)
        batch = [drawer.cases() for _ in range(PER_BATCH)]
        got = asked(probe, [line for lines, _ in batch for line in lines])
        for lines, answers in batch:
            policies += 1
            cases += len(lines) - 1
            told, got = got[:len(lines)], got[len(lines):]
            for line, ours, theirs in zip(lines, answers, told):
                if differ(line, ours, theirs):
                    found.append((seed, lines[0][2:], line, ours, theirs))
                    break
        if len(found) >= shrinks:
            break
    return cases, policies, found


def report(args, seed, text, line, ours, theirs):
    print(f"seed {seed}: {line}")
    show(ours, theirs, sys.stdout)
    if line[0] != "P":
        text, line = shrunk(args.probe, text, line)
    found = difference(args.probe, text, line) or (ours, theirs)
    print(f"shrunk:\n    P {text}\n    {line}")
    show(*found, sys.stdout)
    out = args.out or f"/tmp/usher-times-{seed}.txt"
    with open(out, "w", encoding="utf-8") as file:
        file.write(f"P {text}\n{line}\n")
    print(f"written to {out}", flush=True)


def replay(args):
    cases = differences = 0
    for path in args.replay:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        policy = None
        for line, theirs in zip(lines, asked(args.probe, lines)):
            if line[0] == "P":
                policy = Policy(line[2:], 1)
            ours = answer(policy, line)
            cases += line[0] != "P"
            if differ(line, ours, theirs):
                differences += 1
                print(f"{path}: {line}")
                show(ours, theirs, sys.stdout)
    print(f"times: cases {cases}, differences {differences}")
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("--probe", required=True, help="the program that asks the library")
    option("--seed", type=int, default=1, help="the first seed")
    option("--cases", type=int, default=200000, help="at least so many")
    option("--replay", nargs="+", metavar="FILE", help="ask what is in these files instead")
    option("--out", help="where a shrunk case goes; /tmp/usher-times-SEED.txt")
    option("--show", type=int, default=3, help="differences to show")
    args = parser.parse_args()
    if not ZONES:
        sys.exit("times: there are no zone files on this machine (package tzdata)")
    if args.replay:
        return 1 if replay(args) else 0
    seeds = range(args.seed, args.seed + -(-args.cases // (PER_CALENDAR * PER_BATCH)))
    with multiprocessing.Pool(PROCESSES) as pool:
        jobs = [(args.probe, [seed], args.show) for seed in seeds]
        cases = policies = 0
        found = []
        for some, more, differing in pool.imap(run_part, jobs, chunksize=1):
            cases, policies = cases + some, policies + more
            found += differing
            if len(found) >= args.show:
                pool.terminate()
                break
    for one in found[:args.show]:
        report(args, *one)
    zones = min(policies, len(ZONES))
    print(f"times: seeds {args.seed}..{seeds[-1]}, zones {zones} of {len(ZONES)}, policies {policies},"
          f" cases {cases}, differences {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
