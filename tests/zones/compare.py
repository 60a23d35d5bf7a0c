"""What usher makes of every time zone on this machine, beside what Python's zoneinfo does; the rules in
their footers beside zdump as well; and rules that no zone has, beside a plain reading of RFC 8536.

    compare.py PROBE [--seed N]
"""
import argparse
import bisect
import calendar
import datetime
import io
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys

try:
    import zoneinfo
except ImportError:
    zoneinfo = None

SKIPPED = 77
NEVER = 2**63 - 1
HOUR, DAY = 3600, 86400
EPOCH = datetime.datetime(1970, 1, 1)
USUAL = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"]
NO_SUCH_DATE = {  # dates that places skipped when they moved to the other side of the date line
    "Pacific/Apia": "2011-12-30",
    "Pacific/Fakaofo": "2011-12-30",
    "Pacific/Kwajalein": "1993-08-21",
    "Pacific/Kanton": "1994-12-31",
    "Pacific/Kiritimati": "1994-12-31",
}
RULES = [
    "EST5EDT,0/0,J365/25",  # DST all year, as RFC 8536 writes it
    "XXX3EDT4,0/0,J365/23",
    "ABC-2<+01>-1,0/0,J365/23",
    "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
    "IST-2IDT,M3.4.4/26,M10.5.0",
    "IST-1GMT0,M10.5.0,M3.5.0/1",  # winter time is the one that saves
    "EET-2EEST,M3.5.0/3,M10.5.0/4",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "AAA12BBB,J60/0,J59/0",
    "AAA12BBB,59/0,60/0",
    "AAA0BBB,365/167,0/-167",
    "AAA0BBB,J365/167:59:59,J1/-167:59:59",
    "AAA24BBB23,365/167,365/160",  # both in the next year, or in the one before
    "AAA-24BBB-24:59:59,0/-167,0/-160",
    "AAA24:59:59BBB-24:59:59,M2.5.0,M12.5.6/167",
    "AAA-24:59:59BBB24:59:59,M1.1.0/-167,M2.1.6",
    "AAA0BBB,J60/1,J60/2",  # an empty one
    "AAA5:07:30",
    "<+0530>-5:30",
]


def seconds(year, month=1, day=1):
    return (datetime.date(year, month, day) - EPOCH.date()).days * DAY


def moment(ms):
    return EPOCH + datetime.timedelta(milliseconds=ms)


class Probe:
    """Questions are collected with what the answer has to be, and asked all at once."""

    def __init__(self, path):
        self.path = path
        self.questions, self.right = [], []
        self.asked = self.differences = 0

    def ask(self, question, is_right, says):
        self.questions.append(question)
        self.right.append((is_right, says))

    def settle(self, name):
        done = subprocess.run([self.path], input="".join(q + "\n" for q in self.questions),
                              capture_output=True, text=True)
        answers = done.stdout.splitlines()
        if done.returncode != 0 or len(answers) != len(self.questions):
            self.differ(f"{name}: the probe ended with {done.returncode}\n{done.stderr}")
        for question, answer, (is_right, says) in zip(self.questions, answers, self.right):
            if not is_right(*map(int, answer.split())):
                self.differ(f"{name}: {question[:80]}: {answer}, not {says}")
        self.asked += len(self.questions)
        self.questions, self.right = [], []

    def differ(self, text):
        self.differences += 1
        if self.differences <= 20:
            print(text)

    def equal(self, question, number):
        self.ask(question, lambda answer: answer == number, number)

    def offset(self, at_ms, offset_s, until_ms, or_later=False, may_be=()):
        """until: the next change, or something before it that is in the file."""
        self.ask(f"offset {at_ms}",
                 lambda offset, until: offset == offset_s * 1000 and
                 (until == until_ms or (or_later and until > until_ms) or
                  (at_ms < until < until_ms and until // 1000 in may_be)),
                 f"{offset_s * 1000} {until_ms}{' or later' * or_later}")


# ---- zones of this machine -------------------------------------------------------------------------


class File:
    """The parts of a zone file that say where to look."""

    def __init__(self, content):
        def head(at):
            return struct.unpack(">6L", content[at + 20:at + 44])

        def length(n, size):
            return n[3] * (size + 1) + n[4] * 6 + n[5] + n[2] * (size + 4) + n[1] + n[0]

        at = 44 + length(head(0), 4)
        counts = head(at)
        self.leaps = counts[2]
        self.times = list(struct.unpack_from(f">{counts[3]}q", content, at + 44))
        self.footer = content[at + 44 + length(counts, 8):].decode().strip("\n")


def zone_directory():
    given = os.environ.get("TZDIR")
    found = [path for path in ([given] if given else USUAL) if os.path.isdir(path)]
    return pathlib.Path(found[0]) if found else None


def zones(directory):
    """Names by content: most zones have several names."""
    names = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if content.startswith(b"TZif"):
                names.setdefault(content, []).append(str(path.relative_to(directory)))
    return names


def offset_of(zone, at_ms):
    at = moment(at_ms)
    return int((zone.fromutc(at.replace(tzinfo=zone)).replace(tzinfo=None) - at).total_seconds())


def instant_of(zone, local_ms):
    """Of two the earlier; what is skipped, with the offset before: moved forward by the gap."""
    offset = moment(local_ms).replace(tzinfo=zone, fold=0).utcoffset()
    return local_ms - int(offset.total_seconds()) * 1000


def changes_within(zone, low, high, step):
    """Where the offset differs, if it does so once in a step at most."""
    found = []
    for start in range(low, high, step):
        a, b = start, min(start + step, high)
        before = offset_of(zone, a * 1000)
        if before == offset_of(zone, b * 1000):
            continue
        while b - a > 1:
            middle = (a + b) // 2
            if offset_of(zone, middle * 1000) == before:
                a = middle
            else:
                b = middle
        found.append(b)
    return found


def changes_of(zone, file):
    """All changes from 1970 to 2100, and some far ones; before and after each lot of them it is not
    known when the last or the next one is."""
    first, last = seconds(1970), seconds(2101)
    step = (10 if "," in file.footer else 100) * DAY
    listed = [t for t in file.times if first - 400 * DAY < t < last and
              offset_of(zone, t * 1000) != offset_of(zone, t * 1000 - 1000)]
    ruled = max([first] + file.times)
    lots = [(first, last, listed + changes_within(zone, ruled, last, step))]
    for year in (2200, 9998):
        low, high = seconds(year), seconds(year + 1, 12, 30)
        lots.append((low, high, changes_within(zone, low, high, step)))
    return lots


def ask_zone(probe, zone, file, draw):
    explicit = set(file.times)
    changes_n = 0
    for low, high, changes in changes_of(zone, file):
        changes = [t for t in changes if low <= t < high]
        changes_n += len(changes)
        instants = {draw.randrange(low * 1000, high * 1000) for _ in range(100)}
        locals_ = {draw.randrange(low * 1000, high * 1000) for _ in range(100)}
        days = {draw.randrange(low // DAY + 1, high // DAY - 1) for _ in range(20)}
        for t in changes:
            around = {t * 1000 + d for d in (-DAY * 1000, -HOUR * 1000, -1000, -1, 0, 1, 1000, HOUR * 1000)}
            instants |= {at for at in around if low * 1000 <= at < high * 1000}
            walls = [(t + offset_of(zone, t * 1000 + d)) * 1000 for d in (-1000, 0)]
            for wall in walls:
                locals_ |= {wall + d for d in (-1000, -1, 0, 1, 1000)}
                days |= {wall // (DAY * 1000) + d for d in (-1, 0, 1)}
            locals_.add(sum(walls) // 2)
        for at in sorted(instants):
            i = bisect.bisect_right(changes, at // 1000)
            is_last = i == len(changes)
            until = high if is_last else changes[i]
            probe.offset(at, offset_of(zone, at), until * 1000, is_last, explicit)
        for local in sorted(locals_):
            probe.equal(f"instant {local}", instant_of(zone, local))
        for day in sorted(days):
            start = instant_of(zone, day * DAY * 1000)
            near = changes[bisect.bisect(changes, start // 1000 - 3 * DAY):
                           bisect.bisect(changes, start // 1000 + 3 * DAY)]
            seen = [start] + [t * 1000 + d for t in near for d in (-1, 0)]
            probe.equal(f"date {day}", int(any((at + offset_of(zone, at) * 1000) // (DAY * 1000) == day
                                               for at in seen)))
    return changes_n


def ask_dates(probe, names):
    for name, date in NO_SUCH_DATE.items():
        if name in names:
            day = (datetime.date.fromisoformat(date) - EPOCH.date()).days
            probe.equal(f"load {name}", 0)
            for d in (-1, 0, 1):
                probe.equal(f"date {day + d}", int(d != 0))
    probe.settle("dates that were skipped")


# ---- rules -----------------------------------------------------------------------------------------


def zone_bytes(rule, version=b"3"):
    """A zone file with nothing but a rule."""
    def block(counts, data):
        return b"TZif" + version + bytes(15) + struct.pack(">6L", *counts) + data
    return block((0, 0, 0, 0, 1, 4), bytes(6) + b"AAA\0") * 2 + f"\n{rule}\n".encode()


def time_of(text):
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * HOUR + parts[1] * 60 + parts[2])


class Rule:
    """A POSIX TZ: every change of a year before and after, in the order in which they come."""

    def __init__(self, text):
        name = r"(?:<[^>]+>|[A-Za-z]+)"
        match = re.fullmatch(rf"{name}([^A-Za-z<,]+)(?:{name}([^,]*),([^,]+),([^,]+))?", text)
        self.standard = -time_of(match[1])
        self.changes = match[3] is not None and [match[3], match[4]]
        self.dst = -time_of(match[2]) if match[2] else self.standard + HOUR

    @staticmethod
    def wall(change, year):
        day, _, time = change.partition("/")
        time = time_of(time or "2")
        january = seconds(year)
        if day[0] == "J":
            month = datetime.date(2001, 1, 1) + datetime.timedelta(int(day[1:]) - 1)
            return seconds(year, month.month, month.day) + time
        if day[0] != "M":
            return january + int(day) * DAY + time
        month, week, weekday = map(int, day[1:].split("."))
        days = [days[weekday - 1] for days in calendar.monthcalendar(year, month) if days[weekday - 1] != 0]
        return seconds(year, month, days[min(week, len(days)) - 1]) + time

    def table(self, first_year, last_year):
        """(instant, offset), ascending."""
        rows = []
        for year in range(first_year, last_year + 1):
            rows.append((self.wall(self.changes[0], year) - self.standard, year, 0, self.dst))
            rows.append((self.wall(self.changes[1], year) - self.dst, year, 1, self.standard))
        return [(row[0], row[3]) for row in sorted(rows)]


def ask_rule(probe, text, draw):
    rule = Rule(text)
    instants_n = probe.asked
    probe.equal(f"bytes {zone_bytes(text).hex()}", 0)
    for year in (1972, 2023, 2024, 2100, 9990):
        if not rule.changes:
            at = draw.randrange(seconds(year) * 1000, seconds(year + 1) * 1000)
            probe.offset(at, rule.standard, NEVER)
            continue
        table = rule.table(year - 3, year + 4)
        times = [row[0] for row in table]
        low, high = seconds(year) - 20 * DAY, seconds(year + 1) + 20 * DAY
        instants = {draw.randrange(low * 1000, high * 1000) for _ in range(10)}
        instants |= {(t + d) * 1000 for t in times + [seconds(year), seconds(year + 1)] if low < t < high
                     for d in (-1, 0, 1)}
        instants |= {seconds(year + y) * 1000 + draw.randrange(-12 * DAY, 12 * DAY) * 1000
                     for y in (0, 1) for _ in range(10)}
        for at in instants:
            i = bisect.bisect_right(times, at // 1000)
            probe.offset(at, table[i - 1][1], times[i] * 1000)
    probe.settle(text)
    return probe.asked - instants_n


def draw_rule(draw):
    def offset():
        return draw.choice([f"{draw.randrange(-24, 25)}", f"{draw.randrange(-12, 13)}:{draw.randrange(60):02}",
                            f"{draw.choice('+-')}{draw.randrange(25)}:{draw.randrange(60)}:{draw.randrange(60)}"])

    def change():
        day = draw.choice([f"J{draw.randrange(1, 366)}", f"{draw.randrange(366)}",
                           f"J{draw.choice((1, 59, 60, 61, 365))}", f"{draw.choice((0, 58, 59, 60, 364, 365))}",
                           f"M{draw.randrange(1, 13)}.{draw.randrange(1, 6)}.{draw.randrange(7)}",
                           f"M{draw.choice((1, 2, 12))}.{draw.choice((1, 5))}.{draw.randrange(7)}"])
        hours = draw.choice((24, 167))
        return day + draw.choice(["", f"/{draw.randrange(-hours, hours + 1)}",
                                  f"/{draw.randrange(-hours, hours + 1)}:{draw.randrange(60):02}:59"])

    names = [draw.choice(["AAA", "<-03>", "<+0530>", "LongName"]) for _ in range(2)]
    return f"{names[0]}{offset()}{names[1]}{draw.choice(['', offset()])},{change()},{change()}"


def ask_zdump(probe, rule):
    """The C library's reading of the same rule; it prints the last second before and the first of each change."""
    out = subprocess.run(["zdump", "-v", "-c", "1999,2101", rule], capture_output=True, text=True).stdout
    instants = 0
    probe.equal(f"bytes {zone_bytes(rule).hex()}", 0)
    for text, offset in re.findall(r"  \w+ (\w+ +\d+ [\d:]+ \d{4}) UTC? = .* gmtoff=(-?\d+)", out):
        at = (datetime.datetime.strptime(text, "%b %d %H:%M:%S %Y") - EPOCH).total_seconds()
        if seconds(1999) < at < seconds(2101):
            probe.ask(f"offset {int(at) * 1000}", lambda have, _, want=int(offset) * 1000: have == want,
                      int(offset) * 1000)
            instants += 1
    probe.settle(f"zdump {rule}")
    return instants


# ---- all of it -------------------------------------------------------------------------------------


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("probe")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    directory = zone_directory()
    found = zones(directory) if directory else {}
    if zoneinfo is None or not found:
        print("skipped: this machine has no zone files, or its Python no zoneinfo")
        return SKIPPED

    draw = random.Random(given.seed)
    probe = Probe(given.probe)
    names_n = changes_n = leaps_n = 0
    footers = set()
    for content, names in found.items():
        file = File(content)
        for name in names:
            probe.equal(f"load {name}", -20001 if file.leaps else 0)
        if file.leaps:
            leaps_n += len(names)
        else:
            names_n += len(names)
            changes_n += ask_zone(probe, zoneinfo.ZoneInfo.from_file(io.BytesIO(content)), file, draw)
            footers.add(file.footer)
        probe.settle(names[0])
    ask_dates(probe, {name for names in found.values() for name in names})
    print(f"zones: {names_n} zones, {changes_n} transitions, {probe.asked} instants, "
          f"{probe.differences} differences; {leaps_n} that count leap seconds refused")

    before, rules = probe.differences, RULES + [draw_rule(draw) for _ in range(1000)]
    instants = sum(ask_rule(probe, rule, draw) for rule in rules)
    print(f"rules: {len(rules)} rules, {instants} instants, {probe.differences - before} differences")
    if shutil.which("zdump"):
        before, footers = probe.differences, sorted(footers - {""})
        instants = sum(ask_zdump(probe, footer) for footer in footers)
        print(f"zdump: {len(footers)} rules, {instants} instants, {probe.differences - before} differences")
    return 1 if probe.differences else 0


if __name__ == "__main__":
    sys.exit(main())
