"""What differs between the oracle's answer and the library's, and what that is called."""
import re

ROWS = "fay"  # these come in any order
SPREADS = ["wait", "word", "solve", "age"]


def differences(expected, got):
    """Pairs of lines that differ, None where one side has none.

    Events, completions and claims' completions are three sequences, each in its own order.
    """
    if expected == got:
        return []
    expected = [as_seen(line, got) for line in expected]
    expected = [line for line in expected if line is not None]
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


def as_seen(line, got):
    """`T`: a ticket that need not be in memory, None if it is not. `?`: any number; of a code: or ENOENT, or
    the code without the ticket's state."""
    if line[0] == "T":
        here = [told for told in got if told.startswith(f"t {line.split()[1]} ")]
        return "t" + line[1:] if here else None
    if "status=ESTATE? " in line:
        either = [line.replace("ESTATE?", code) for code in ("ENOENT", "ESTATE")]
        return either[0] if either[0] in got else either[1]
    if "status=EINVAL? " in line:
        line = line.replace("EINVAL?", "EINVAL")
        away = re.sub(r" (state|prio)=\S+", lambda found: f" {found[1]}={'-' if found[1] == 'state' else 0}", line)
        return away if away in got else line
    if line[0] == "q" and "?" in line:
        for told in got:
            if told.split()[:2] == line.split()[:2]:
                return re.sub(r"(\w+)=\?", lambda found: f"{found[1]}={fields(told).get(found[1])}", line)
    return line


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


SHOWN = 8  # pairs: what follows from a difference is seldom of interest


def show(pairs, out):
    if len(pairs) > SHOWN:
        print(f"  {len(pairs)} lines differ, of which the first:", file=out)
    for a, b in pairs[:SHOWN]:
        print(f"  oracle   {a}\n  library  {b}", file=out)
        x, y = fields(a), fields(b)
        if x and y:
            for key in x:
                if x[key] != y.get(key) and not is_near(f"f {key}={x[key]}", f"f {key}={y.get(key)}"):
                    print(f"      {key}: oracle {x[key]} | library {y.get(key)}", file=out)


def tickets_in(pairs):
    """Their numbers, as far as the lines name any."""
    found = set()
    for line in (line for pair in pairs for line in pair if line):
        found.update(int(n) for n in re.findall(r" (?:ticket|id)=(\d+)", line))
        found.update(int(n) for n in re.findall(r"[=,](\d+):\d+:\d+:", line) if line[0] == "w")
    return found - {0}
