"""Zones and calendars, naively: a list of intervals, looked through from end to end.

Offsets come from Python's zoneinfo; what a local time means that does not exist, or exists twice, is
decided here. The only things remembered are the windows of a year and what uniting them makes.
"""
import datetime
import zoneinfo
from bisect import bisect_left, bisect_right

from words import NEVER

HOUR, DAY = 3_600_000, 86_400_000
NOT_ENOUGH = -(1 << 63)
FIRST_YEAR, LAST_YEAR = 1960, 9999
FAR = 40  # years without an opening: there is none
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
OPEN, CLOSED, HOLIDAY, PAUSED = 1, 2, 3, 4

EPOCH = datetime.date(1970, 1, 1).toordinal()


def day_of(date):
    """Days since 1970."""
    return date.toordinal() - EPOCH


def date_of(day):
    return datetime.date.fromordinal(day + EPOCH)


def day_at(ms):
    return ms // DAY


def year_at(at):
    return date_of(day_at(at)).year


def new_year(year):
    return day_of(datetime.date(year, 1, 1)) * DAY


class Zone:
    """The wall of one place. Transitions are found by looking at each day's offset."""

    known = {}

    @classmethod
    def named(cls, name):
        if name not in cls.known:
            cls.known[name] = Zone(name)
        return cls.known[name]

    def __init__(self, name):
        self.info = zoneinfo.ZoneInfo(name)
        self.years, self.around = {}, {}

    def offset(self, at):
        moment = datetime.datetime.fromtimestamp(at // 1000, self.info)
        delta = moment.utcoffset()
        return (delta.days * 86_400 + delta.seconds) * 1000

    def changes_in(self, year):
        """[(instant, offset from then on)] of one year."""
        if year not in self.years:
            changes, at, end = [], new_year(year), new_year(year + 1)
            now = self.offset(at)
            while at < end:
                then = min(at + DAY, end)
                while self.offset(then) != now:
                    low, high = at, then  # the first change lies in (low, high]
                    while high - low > 1000:
                        middle = (low + high) // 2000 * 1000
                        if self.offset(middle) == now:
                            low = middle
                        else:
                            high = middle
                    now = self.offset(high)
                    changes.append((high, now))
                    at = high
                at = then
            self.years[year] = changes
        return self.years[year]

    def near(self, year):
        """The changes of three years, and the offsets before, between and after them."""
        if year not in self.around:
            changes = [c for y in (year - 1, year, year + 1) for c in self.changes_in(y)]
            first = self.offset(new_year(year - 1))
            self.around[year] = [at for at, _ in changes], [first] + [off for _, off in changes]
        return self.around[year]

    def instant(self, local):
        """One that is skipped moves forward by the gap; of two, the earlier."""
        times, offsets = self.near(year_at(local))
        first, last = bisect_right(times, local - 30 * HOUR), bisect_right(times, local + 30 * HOUR)
        for i in range(first, last + 1):
            at = local - offsets[i]
            if (i == 0 or times[i - 1] <= at) and (i == len(times) or at < times[i]):
                return at
        for i in range(first, last):
            if times[i] + offsets[i] <= local < times[i] + offsets[i + 1]:
                return local - offsets[i]  # what it would have been: the gap is added by itself
        raise AssertionError("no such local time, and no gap")

    def local(self, at):
        return at + self.offset(at)

    def quiet(self, year):
        """What gives a day's offset where no change is near it, else None."""
        times, offsets = self.near(year)
        noisy = {day_at(at) + i for at in times for i in range(-3, 4)}
        return lambda day: None if day in noisy else offsets[bisect_right(times, day * DAY)]

    def skipped(self, year):
        """Dates that this wall never shows."""
        days = set()
        times, offsets = self.near(year)
        for i, at in enumerate(times):
            if offsets[i + 1] > offsets[i]:
                first = -(-(at + offsets[i]) // DAY)
                days.update(range(first, (at + offsets[i + 1]) // DAY))
        return days


def window(given):
    """From and to, in ms since midnight."""
    opens, closes = [(int(text[:2]) * 60 + int(text[3:])) * 60_000 for text in given]
    return opens, closes if opens < closes else closes + DAY


def windows(given):
    return [window(one) for one in given]


def united(intervals):
    whole = []
    for begin, end in sorted(intervals):
        if whole and begin <= whole[-1][1]:
            whole[-1][1] = max(whole[-1][1], end)
        else:
            whole.append([begin, end])
    return whole


class Calendar:
    def __init__(self, spec):
        self.zone = Zone.named(spec.get("zone", "UTC"))
        self.week = self.days_of_week(spec.get("week", {}))
        self.special = {datetime.date.fromisoformat(date): windows(given)
                        for date, given in spec.get("special", {}).items()}
        self.once, self.yearly = set(), set()
        for holiday in spec.get("holidays", []):
            if holiday[0] == "*":
                self.yearly.add((int(holiday[2:4]), int(holiday[5:7])))
            else:
                self.once.add(datetime.date.fromisoformat(holiday))
        self.by_year, self.by_years, self.begins = {}, {}, {}

    @staticmethod
    def days_of_week(week):
        """A day named alone replaces a span's."""
        days = [[] for _ in WEEK]
        for key, given in sorted(week.items(), key=lambda item: "-" not in item[0]):
            first, _, last = key.partition("-")
            i = WEEK.index(first)
            days[i] = windows(given)
            while last and WEEK[i] != last:
                i = (i + 1) % 7
                days[i] = windows(given)
        return days

    def is_holiday(self, date):
        return date in self.once or (date.month, date.day) in self.yearly

    def windows_of(self, date):
        if self.is_holiday(date):
            return []
        return self.special.get(date, self.week[date.weekday()])

    def year(self, year):
        """The windows that begin on dates of a year, and notes those dates."""
        if year not in self.by_year:
            whole, begins = [], set()
            skipped, quiet = self.zone.skipped(year), self.zone.quiet(year)
            first, end = day_of(datetime.date(year, 1, 1)), day_of(datetime.date(year, 12, 31)) + 1
            for day in range(first, end):
                if day in skipped:
                    continue
                offset = quiet(day)
                for opens, closes in self.windows_of(date_of(day)):
                    begin, over = day * DAY + opens, day * DAY + closes
                    if offset is not None:
                        begin, over = begin - offset, over - offset
                    else:
                        begin, over = self.zone.instant(begin), self.zone.instant(over)
                    if begin < over:
                        whole.append((begin, over))
                        begins.add(day)
            self.by_year[year], self.begins[year] = whole, begins
        return self.by_year[year]

    def years(self, first, last):
        first, last = max(first, FIRST_YEAR), min(last, LAST_YEAR)
        if (first, last) not in self.by_years:
            whole = united([w for y in range(first, last + 1) for w in self.year(y)])
            self.by_years[first, last] = whole, [w[0] for w in whole], [w[1] for w in whole]
        return self.by_years[first, last]

    def begins_on(self, day):
        year = date_of(day).year
        if year not in self.begins:
            self.year(year)
        return day in self.begins[year]

    # ---- what promises ask ----

    def reach(self, at, ms):
        """The first instant at which so much open time has passed."""
        if ms == 0:
            return at
        year = year_at(at)
        for more in (1, 2, 4, 8, 20, FAR, 3 * FAR, 9 * FAR):
            whole, _, closes = self.years(year - 1, year + more)
            if more > FAR and (not whole or whole[-1][1] < new_year(year + FAR - 5)):
                return NEVER  # it does not open any more
            passed = 0
            for begin, end in whole[bisect_right(closes, at):]:
                begin = max(begin, at)
                if passed + end - begin >= ms:
                    return begin + ms - passed
                passed += end - begin
        return NEVER

    def passed(self, at, ms):
        """The first instant at which more than that has passed."""
        return self.reach(at, ms + 1)

    def back(self, at, ms):
        if ms == 0:
            return at
        year = year_at(at)
        for more in (1, 2, 4, 8, 20, FAR):
            whole, opens, _ = self.years(year - more, year + 1)
            passed = 0
            for begin, end in reversed(whole[:bisect_left(opens, at)]):
                end = min(end, at)
                if passed + end - begin >= ms:
                    return end - (ms - passed)
                passed += end - begin
        return NOT_ENOUGH

    def between(self, a, b):
        if b <= a:
            return 0
        whole, _, closes = self.years(year_at(a) - 1, year_at(b) + 1)
        total = 0
        for begin, end in whole[bisect_right(closes, a):]:
            if begin >= b:
                break
            total += min(end, b) - max(begin, a)
        return total

    def days(self, at, n):
        """n working days on, or back."""
        local = self.zone.local(at)
        start, day = day_at(local), day_at(local)
        step, left = (1 if n > 0 else -1), abs(n)
        while left:
            day += step
            if abs(day - start) > FAR * 366:
                return NEVER if n > 0 else NOT_ENOUGH
            left -= self.begins_on(day)
        return self.next_open_or_here(self.zone.instant(day * DAY + local % DAY))

    def next_open_or_here(self, at):
        return at if self.is_open(at) else self.next_open(at)

    # ---- what people ask ----

    def is_open(self, at):
        whole, _, closes = self.years(year_at(at) - 1, year_at(at) + 1)
        i = bisect_right(closes, at)
        return i < len(whole) and whole[i][0] <= at

    def next_open(self, at):
        for more in (1, 2, 4, 8, 20, FAR):
            _, opens, _ = self.years(year_at(at) - 1, year_at(at) + more)
            i = bisect_left(opens, at)
            if i < len(opens):
                return opens[i]
        return NEVER

    def next_close(self, at):
        for more in (1, 2, 4, 8, 20, FAR):
            _, _, closes = self.years(year_at(at) - 1, year_at(at) + more)
            i = bisect_right(closes, at)
            if i < len(closes) and closes[i] < new_year(year_at(at) + more) + 300 * DAY:
                return closes[i]  # of later ones it is not known whether they end there
        return NEVER

    def prev_open(self, at):
        for more in (1, 2, 4, 8, 20, FAR):
            _, opens, _ = self.years(year_at(at) - more, year_at(at) + 1)
            i = bisect_right(opens, at) - 1
            if i >= 0 and opens[i] > new_year(max(FIRST_YEAR, year_at(at) - more)) + 3 * DAY:
                return opens[i]
        return NOT_ENOUGH

    def prev_close(self, at):
        for more in (1, 2, 4, 8, 20, FAR):
            _, _, closes = self.years(year_at(at) - more, year_at(at) + 1)
            i = bisect_right(closes, at) - 1
            if i >= 0 and closes[i] > new_year(max(FIRST_YEAR, year_at(at) - more)) + 3 * DAY:
                return closes[i]
        return NOT_ENOUGH

    def spans(self, a, b):
        """[a, b) as a list of (from, to, kind); each open window is its own, and else no two of
        one kind touch."""
        told, at = [], a
        whole, _, closes = self.years(year_at(a) - 1, year_at(b) + 1)
        for begin, end in whole[bisect_right(closes, a):]:
            if begin >= b:
                break
            if begin > at:
                told += self.closed_spans(at, begin)
            told.append((max(begin, a), min(end, b), OPEN))
            at = end
        return told + (self.closed_spans(at, b) if at < b else [])

    def closed_spans(self, a, b):
        zone, told = self.zone, []
        if not self.once and not self.yearly:
            return [(a, b, CLOSED)]
        first, last = day_at(zone.local(a)), day_at(zone.local(b))
        edges = {zone.instant(day * DAY) for day in range(first - 1, last + 2)}
        for year in range(year_at(a), year_at(b) + 1):
            for at, offset in zone.changes_in(year):
                edges.add(at)
                edges.add((day_at(at + offset) + 1) * DAY - offset)  # a midnight may come again
        edges = [a] + sorted(edge for edge in edges if a < edge < b) + [b]
        for begin, end in zip(edges, edges[1:]):
            free = self.is_holiday(date_of(day_at(zone.local(begin))))
            kind = HOLIDAY if free else CLOSED
            if told and told[-1][2] == kind:
                begin = told.pop()[0]
            told.append((begin, end, kind))
        return told


class Always:
    """Twenty-four hours, seven days."""

    @staticmethod
    def reach(at, ms):
        return at + ms

    @staticmethod
    def passed(at, ms):
        return at + ms + 1

    @staticmethod
    def between(a, b):
        return max(0, b - a)

    @staticmethod
    def days(at, n):
        return at + n * DAY

    @staticmethod
    def is_open(at):
        return True

    @staticmethod
    def next_open_or_here(at):
        return at

    @staticmethod
    def spans(a, b):
        return [(a, b, OPEN)]
