"""What the two READMEs say of a ticket's states, held against the code.

    states.py PROJECT WALK    lib/README.md's table is that of lib/core/table.c; its ways from state to state are those
                              that a random walk takes, no more and no fewer; its timers are those of lib/core/ticket.h,
                              in their order, and what they tell is what is told when time passes; README.md's
                              picture has an arrow for each way but those that are written beside it; and each source
                              file of the library is in the tour
"""
import re
import subprocess
import sys
from pathlib import Path

# In words beside the picture, or below it; and whatever leads to `withdrawn`.
NOT_DRAWN = {("enqueue", "waiting"), ("offered", "resolved"), ("paused", "resolved"), ("paused", "claimed"),
             ("stuck", "waiting"), ("stuck", "claimed")}
STATES = ("scheduled", "waiting", "claimed", "offered", "paused", "stuck", "resolved", "closed", "withdrawn")


def printed(walk):
    """{heading: lines} of what the walk prints."""
    out = subprocess.run([walk], check=True, capture_output=True, text=True, timeout=300).stdout
    return {part.partition("\n")[0]: part.partition("\n")[2].splitlines() for part in out.split("== ")[1:]}


def table(text, title):
    """The rows of the table below a heading, as they are written."""
    section = text.partition(f"### {title}\n")[2].partition("\n##")[0]
    return [line for line in section.splitlines() if line.startswith("|")]


def block(text, title):
    section = text.partition(f"### {title}\n")[2].partition("\n##")[0]
    found = re.search(r"^```\n(.*?)^```\n", section, re.M | re.S)
    return found.group(1).splitlines() if found else []


def same(what, written, true):
    if written == true:
        return
    print(f"{what}: lib/README.md and the code differ")
    print("\n".join(f"  only written: {line}" for line in written if line not in true))
    print("\n".join(f"  only in the code: {line}" for line in true if line not in written))
    sys.exit("the same lines in another order" if sorted(written) == sorted(true) else 1)


def timers(text, project, true):
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table(text, "Timers")[2:]]
    header = (Path(project) / "lib/core/ticket.h").read_text()
    names = re.findall(r"^\s*TIMER_(\w+)(?:,|$)", header, re.M)
    same("the timers", [row[0] for row in rows], [name.lower() for name in names])
    told = sorted({event.strip(" `") for row in rows for event in row[-1].split(",")} - {""})
    same("what timers tell", told, sorted(true))


# ---- the picture --------------------------------------------------------------------------------------------------------

def bare(picture):
    """(the picture as lines and heads alone, {(row, column): the state whose name stands there}). What is in brackets is a
    label: part of its line, or none of the picture's."""
    rows, named = [], {}
    for y, row in enumerate(picture):
        row = re.sub(r"-\([^()]*\)", lambda m: "-" * len(m.group()), row)
        row = re.sub(r"\([^()]*\)", lambda m: " " * len(m.group()), row)
        for m in re.finditer(r"[A-Za-z_]{2,}", row):
            if m.group() in STATES + ("enqueue",):
                named.update({(y, x): m.group() for x in range(*m.span())})
        rows.append(re.sub(r"[A-Za-z_,]{2,}", lambda m: " " * len(m.group()), row))
    return rows, named


def sources(rows, named, y, x, dy, dx):
    """The states from which the line comes whose head is at (y, x) and whose last piece lies in direction (dy, dx) of it."""
    def char(y, x):
        return rows[y][x] if 0 <= y < len(rows) and 0 <= x < len(rows[y]) else " "

    todo, found = [(y, x, dy, dx)], set()
    while todo:
        y, x, dy, dx = todo.pop()
        y, x = y + dy, x + dx
        if (y, x) not in named and char(y, x) == " " and dx:
            x += dx  # the space before a name
        if (y, x) in named:
            found.add(named[y, x])
        elif char(y, x) == "+":
            todo += [(y, x, a, b) for a, b in ((dy, dx), (dx, dy), (-dx, -dy)) if char(y + a, x + b) in ("|+" if a else "-+")]
        elif char(y, x) in "-|":
            todo.append((y, x, dy, dx))
    return found


def arrows(picture):
    rows, named = bare(picture)
    found = set()
    for y, row in enumerate(rows):
        for x, head in enumerate(row):
            dy, dx = {">": (0, -1), "<": (0, 1), "v": (-1, 0), "^": (1, 0)}.get(head, (0, 0))
            if (dy, dx) == (0, 0):
                continue
            targets = {named.get((y - k * dy, x - k * dx)) for k in (1, 2)} - {None}
            come = sources(rows, named, y, x, dy, dx)
            if len(targets) != 1 or not come:
                sys.exit(f"README.md's picture, line {y + 1}, column {x + 1}: an arrow from {come} to {targets}")
            found |= {(source, *targets) for source in come}
    return found


def main(project, walk):
    text = (Path(project) / "lib/README.md").read_text()
    true = printed(walk)
    same("the table", table(text, "The table"), true["table"])
    same("the ways", block(text, "From state to state"), true["ways"])
    timers(text, project, true["timers"])

    files = [path.name for path in sorted(Path(project).glob("lib/*/*.c")) if f"`{path.name}`" not in text]
    if files:
        sys.exit(f"lib/README.md says nothing of {files}")

    readme = (Path(project) / "README.md").read_text()
    picture = re.search(r"^## A ticket's life\n\n```\n(.*?)^```\n", readme, re.M | re.S).group(1).splitlines()
    drawn = arrows([row for row in picture if "withdraw:" not in row and "revive:" not in row])
    real = {tuple(way.partition(":")[0].replace("(nothing)", "enqueue").split(" -> ")) for way in true["ways"]}
    wanted = {way for way in real if way[1] != "withdrawn"} - NOT_DRAWN
    if drawn != wanted:
        sys.exit(f"README.md's picture lacks {sorted(wanted - drawn)} and has {sorted(drawn - wanted)}")


main(*sys.argv[1:])
