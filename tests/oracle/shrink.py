"""Runs that can be run again without some of their commands, and what is left of one that differs.

Delta debugging: fewer commands, fewer arguments, shorter policies, then smaller and rounder numbers,
as long as the same thing differs.
"""
import json
import re
import subprocess
import time

import oracle
from compare import differences, differing
from words import AT_MAX

PATIENCE = 20  # seconds for one answer
SHRINK_SECONDS = 90
INSTANTS = ["at", "start", "from", "to", "before"]  # other numbers are durations and counts
NUMBERS = INSTANTS + ["ms", "n", "priority", "wait", "kind", "seq"]
READS = {"why", "figures", "agents", "symptoms", "tickets", "history", "what_if", "look", "ref"}
PARTS = re.compile(r"( ;;? )")


class Step:
    """A command, the tickets that it made, and how each of its parts' token stood to the ticket's."""

    def __init__(self, line, made=(), ahead=()):
        self.line, self.made, self.ahead = line, list(made), list(ahead)
        self.applied = None  # of a command while the disk fails, whether it was

    def concerns(self):
        return {int(n) for n in re.findall(r" ticket=(\d+)", self.line)} | set(self.made)

    def saying(self, line):
        step = Step(line, self.made, self.ahead)
        step.applied = self.applied
        return step


def referred(line):
    found = re.search(r" ticket=(\d+)", line)
    return int(found.group(1)) if found else None


def ahead_of(service, part):
    token, number = re.search(r" token=(\d+)", part), referred(part)
    if token and number in service.tickets:
        return int(token.group(1)) - service.tickets[number].token
    return 0


def run_step(service, line, got=None):
    """The answer, and the Step to repeat it by."""
    before, ahead = service.last_id, [ahead_of(service, part) for part in PARTS.split(line)]
    answer = service.command(line) if got is None else service.faulted(line, got)
    step = Step(line, range(before + 1, service.last_id + 1), ahead)
    step.applied = got is not None and service.applied
    return answer, step


def renumbered(service, step, now_called):
    """Its line, with the tickets as they are called now, and tokens that stand to them as before."""
    def renamed(found):
        key, number = found.group(1), int(found.group(2))
        elsewhere = 0 if number == 0 or key == "follows" else 99999
        return f" {key}={now_called.get(number, elsewhere)}"

    parts = PARTS.split(re.sub(r" (ticket|other|linked|follows)=(\d+)", renamed, step.line))
    for i, part in enumerate(parts):
        number = referred(part)
        if number in service.tickets and i < len(step.ahead):
            token = max(1, service.tickets[number].token + step.ahead[i])
            parts[i] = re.sub(r" token=\d+", f" token={token}", part)
    return "".join(parts)


def replayed(steps):
    """Lines, the oracle's answers for these alone, and how it stands then."""
    service, answer = oracle.opened(steps[0].line)
    lines, answers, now_called = [steps[0].line], [answer], {}
    for step in steps[1:]:
        line, before = renumbered(service, step, now_called), service.last_id
        fails = line.startswith("fault ")
        answers.append(service.faulted(line, None, step.applied) if fails else service.command(line))
        lines.append(line)
        now_called.update(zip(step.made, range(before + 1, service.last_id + 1)))
    return lines, answers, service


def answers_of(command, lines):
    """All that the library answers, and how its probe ended; feeds all lines at once."""
    try:
        run = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, timeout=PATIENCE, text=True)
    except subprocess.TimeoutExpired:
        return [], "! no answer"
    return run.stdout.split("\n.\n")[:-1], f"! ended with {run.returncode}" if run.returncode else None


def first_difference(command, lines, answers):
    """(index, pairs), or None. An answer that is not known (None) is the library's choice: then the
    oracle runs once more, and follows it."""
    got, end = answers_of(command, lines)
    service = oracle.opened(lines[0])[0] if None in answers else None
    for i, answer in enumerate(answers):
        if i >= len(got):
            return i, [(None, end or "! ended")]
        if service is not None and i > 0:
            answer = run_step(service, lines[i], got[i].split("\n") if answer is None else None)[0]
        pairs = differences(answer, got[i].split("\n"))
        if pairs:
            return i, pairs
    return (len(lines) - 1, [(None, end)]) if end else None


class Shrinker:
    """`steps` are those that are left."""

    def __init__(self, command, steps, pairs, first=None):
        """first: what differs first when some steps are run, where it is not the library's answer."""
        self.command, self.steps = command, steps
        self.first = first or self.first_answer
        self.names = differing(pairs)
        self.deadline = time.monotonic() + SHRINK_SECONDS

    def first_answer(self, steps):
        lines, answers, _ = replayed(steps)
        return first_difference(self.command, lines, answers)

    def in_time(self):
        return time.monotonic() < self.deadline

    def try_out(self, steps):
        """Takes them, as far as they are needed, if they still show it."""
        try:
            found = self.first(steps)
        except Exception:  # a list that the protocol does not know
            return False
        if found is None or not differing(found[1]) & self.names:
            return False
        self.steps = steps[:found[0] + 1]
        return True

    def shrink(self):
        if not self.try_out(self.steps):
            return False
        self.fewer_kinds()
        self.fewer_tickets()
        self.fewer_commands()
        self.unfolded()
        self.fewer_arguments()
        self.shorter_policies()
        self.fewer_commands()
        self.from_nought()
        self.smaller_numbers()
        return True

    def fewer_kinds(self):
        """Without all that only look, or all of one verb."""
        def kind(step):
            verb = re.search(r"verb=(\w+)", step.line)
            return verb.group(1) if verb and step.line.startswith("act ") else step.line.split(" ")[0]

        def without(kinds):
            between = [step for step in self.steps[1:-1] if kind(step) not in kinds]
            self.try_out(self.steps[:1] + between + self.steps[-1:])

        without(READS)
        for one in sorted({kind(step) for step in self.steps[1:]}):
            if self.in_time():
                without({one})

    def fewer_tickets(self):
        """Without all that makes, or is said of, one ticket alone."""
        for number in sorted({n for step in self.steps for n in step.made}, reverse=True):
            if self.in_time():
                self.try_out([step for step in self.steps if step.concerns() != {number}])

    def try_line(self, i, line):
        return self.try_out(self.steps[:i] + [self.steps[i].saying(line)] + self.steps[i + 1:])

    def unfolded(self):
        """One after the other instead of one inside of the other, or of several at once."""
        for i in range(len(self.steps) - 1, 0, -1):
            if i >= len(self.steps):
                continue
            found = re.match(r"inside \d+ (.*) ;; (.*)", self.steps[i].line)
            if found and self.in_time():
                both = [self.steps[i].saying(line) for line in found.groups()]
                both[1].made, both[1].ahead = [], self.steps[i].ahead[2:]
                (self.try_out(self.steps[:i] + both + self.steps[i + 1:])
                 or self.try_line(i, found.group(1)))

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
                    self.try_line(i, line)

    def from_nought(self):
        """All instants as if the service had been opened at 0."""
        begin = int(self.steps[0].line.split()[1])

        def moved(found):
            at = int(found.group(2))
            return f"{found.group(1)}{at - begin if begin <= at < AT_MAX else at}"

        keys = "|".join(f" {key}=" for key in INSTANTS)
        pattern = re.compile(rf"({keys}|^advance |^skip |^open | advance )(\d+)")
        self.try_out([step.saying(pattern.sub(moved, step.line)) for step in self.steps])

    def smaller_numbers(self):
        """0, 1, half, or with fewer digits; as often as that helps."""
        pattern = re.compile(r"((?:" + "|".join(f" {key}=" for key in NUMBERS)
                             + r"|^advance |^skip |^step |^open | advance ))(\d+)")
        helped = True
        while helped and self.in_time():
            helped = False
            for i in range(len(self.steps)):
                for k in range(len(pattern.findall(self.steps[i].line)) if i < len(self.steps) else 0):
                    helped |= self.smaller_number(i, pattern, k)

    def smaller_number(self, i, pattern, k):
        found = list(pattern.finditer(self.steps[i].line))[k]
        n = int(found.group(2))
        round_ones = [n // 10 ** digits * 10 ** digits for digits in range(len(str(n)), 0, -1)]
        for smaller in dict.fromkeys([0, 1, *round_ones, n // 2]):
            if smaller >= n or not self.in_time():
                continue
            line = self.steps[i].line
            if self.try_line(i, line[:found.start(2)] + str(smaller) + line[found.end(2):]):
                return True
        return False

    def shorter_policies(self):
        for i in range(len(self.steps) - 1, 0, -1):
            at = 0
            while i < len(self.steps) and self.in_time():
                command, _, rest = self.steps[i].line.partition(" ")
                queue, _, policy = rest.partition(" ")
                policy = without_key(json.loads(policy), at) if command == "define" else None
                if policy is None:
                    break
                if not self.try_line(i, f"define {queue} {json.dumps(policy)}"):
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
