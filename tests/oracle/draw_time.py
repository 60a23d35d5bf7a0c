"""Draws calendars and ladders: around an instant, and rather where they are difficult."""
import zoneinfo

from hours import DAY, HOUR, WEEK, Zone, date_of, day_at, year_at
from words import PRIORITIES, PROMISES

MINUTE = 60_000
UNITS = [("h", HOUR), ("m", MINUTE), ("s", 1000), ("ms", 1)]
ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "posixrules", "Factory"})


def text_of(ms):
    """A duration as a policy writes it."""
    parts = []
    for unit, size in UNITS:
        if ms >= size:
            parts.append(f"{ms // size}{unit}")
            ms %= size
    return "".join(parts) or "0s"


def changes_near(zone, at):
    return [when for year in {year_at(at - 90 * DAY), year_at(at + 90 * DAY)}
            for when, _ in Zone.named(zone).changes_in(year)]


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


def minute(rng, odd):
    """A time of day; odd: minutes that something happens at."""
    how = rng.random()
    if how < 0.5:
        return rng.randrange(96) * 15
    if how < 0.8 and odd:
        return rng.choice(odd)
    return rng.randrange(1440)


def windows(rng, odd):
    """Of one day, in any order, perhaps overlapping."""
    how = rng.random()
    if how < 0.25:
        return [["08:00", "12:00"], ["13:00", "17:30"]][:rng.randint(1, 2)]
    if how < 0.35:
        return [["00:00", "24:00"]]
    if how < 0.45:
        return []
    drawn = []
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 5])):
        opens = minute(rng, odd) % 1440
        closes = rng.choice([1440, opens + 1, opens + 60, minute(rng, odd), minute(rng, odd)])
        if drawn and rng.random() < 0.2:
            opens = int(drawn[-1][1][:2]) * 60 + int(drawn[-1][1][3:])
        closes = closes if closes <= 1440 else closes - 1440
        if opens != closes and opens < 1440 and closes > 0:
            drawn.append([clock(opens), clock(closes)])
    return drawn


def week(rng, odd):
    how = rng.random()
    if how < 0.3:
        days = {"mon-fri": windows(rng, odd)}
        if rng.random() < 0.4:
            days["sat"] = windows(rng, odd)
    elif how < 0.5:
        days = {"mon-sun": windows(rng, odd)}
        if rng.random() < 0.4:
            days[rng.choice(WEEK)] = windows(rng, odd)
    elif how < 0.7:
        days = {"fri-mon": windows(rng, odd), "tue": windows(rng, odd), "wed-thu": windows(rng, odd)}
    else:
        days = {day: windows(rng, odd) for day in WEEK if rng.random() < 0.8}
    keys = list(days)
    rng.shuffle(keys)
    return {key: days[key] for key in keys}


def calendar(rng, zone, at, dry=False):
    """One that opens again and again, unless dry: then only on special days."""
    local = Zone.named(zone).local(at)
    odd = [local // MINUTE % 1440, (local // MINUTE + 30) % 1440, (local // MINUTE - 60) % 1440, 0, 180]

    def date(spread):
        return date_of(day_at(local) + rng.randint(-spread, spread)).isoformat()

    spec = {"zone": zone, "week": {} if dry else week(rng, odd)}
    if dry or rng.random() < 0.5:
        spec["special"] = {date(6): windows(rng, odd) for _ in range(rng.randint(1, 4))}
    if not dry and rng.random() < 0.5:
        spec["holidays"] = sorted({date(6) if rng.random() < 0.7 else "*" + date(200)[4:]
                                   for _ in range(rng.randint(1, 5))})
    if not any(spec["week"].values()) and not dry:
        spec["week"] = {"mon-fri": [["09:00", "17:00"]]}
    return spec


def step(rng, on, business, span):
    """One of the ladder; span draws a duration in ms."""
    drawn = {"on": on}
    wall = rng.random() < 0.25
    if wall:
        drawn["clock"] = "wall"

    def far():
        if business and not wall and rng.random() < 0.25:
            return f"{rng.randint(1, 4)}wd"
        return text_of(max(1, span()))

    how = rng.random()
    if how < 0.25:
        drawn["at"] = "100%"
    elif how < 0.55:
        drawn["at"] = f"{rng.choice([rng.randint(1, 99), rng.randint(101, 300), rng.randint(1, 1000)])}%"
    else:
        drawn["at"] = rng.choice("+-") + far()
    if rng.random() < 0.3:
        drawn["repeat"], drawn["times"] = far(), rng.randint(1, 4)
    return drawn


def ladder(rng, promises, business, span, queues, most=6):
    steps, texts = [], set()
    for _ in range(rng.randint(0, most)):
        on = rng.choice(promises)
        drawn = step(rng, on, business(on), span)
        if rng.random() < 0.5:
            drawn["notify"] = rng.sample(["ann", "bob", "cid", "dan"], rng.randint(1, 3))
        if rng.random() < 0.4:
            drawn["raise"] = rng.randint(1, 3)
        if rng.random() < 0.25:
            drawn["priority"] = rng.choice(list(PRIORITIES))
        if queues and rng.random() < 0.25:
            drawn["move"] = rng.choice(queues)
        if len(drawn) == 2 + ("clock" in drawn) + 2 * ("repeat" in drawn):
            drawn["notify"] = ["ann"]
        if str(drawn) not in texts:
            texts.add(str(drawn))
            steps.append(drawn)
    return steps


def promised(rng, names, span, calendars, queues):
    """The parts of a policy that are about time: promises on these calendars, warnings, a ladder."""
    promises = {}
    for name in names:
        p = promises[name] = {}
        if calendars and rng.random() < 0.85:
            p["calendar"] = rng.choice(calendars)

        def target(p=p):
            if "calendar" in p and rng.random() < 0.3:
                return f"{rng.choice([1, 1, 2, 3, 5, 10])}wd"
            return text_of(max(1, span()))

        p["target"] = target() if rng.random() < 0.4 else {
            name: target() for name in PRIORITIES if rng.random() < 0.6} or {"normal": target()}
        if rng.random() < 0.4:
            p["pauses"] = [r for r in ("requester", "third_party", "until") if rng.random() < 0.5]
        if name == "update" and rng.random() < 0.4:
            p["named"] = rng.choice(["capped", "free"])
    parts = {"promises": promises}
    if rng.random() < 0.5:
        parts["warn"] = sorted(rng.sample(range(1, 100), rng.randint(0, 4)))
    parts["ladder"] = ladder(rng, names if rng.random() < 0.8 else PROMISES,
                             lambda on: "calendar" in promises.get(on, {}), span, queues)
    return parts
