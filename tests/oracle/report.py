"""A difference, as somebody wants to see it: what was said, what differed, how both stand."""
import sys

from compare import as_seen, fields, show, tickets_in
from shrink import Shrinker, answers_of, first_difference, replayed

WIDE = 28


def look_line(service):
    return "look queues=" + ",".join(service.queues) if service.queues else "look"


def by_number(answer, kind, key):
    return {fields(line)[key]: fields(line) for line in answer if line and line[0] == kind}


def side_by_side(title, ours, theirs, out):
    """A table of fields, what differs with an arrow."""
    ours, theirs = ours or {}, theirs or {}
    print(f"\n  {title:12} {'oracle':{WIDE}} library", file=out)
    if not (ours and theirs):
        print(f"  {'':12} {'is there' if ours else 'is not there':{WIDE}}"
              f" {'is there' if theirs else 'is not there'}", file=out)
    for key in dict.fromkeys([*ours, *theirs]):
        a, b = ours.get(key, ""), theirs.get(key, "")
        print(f"    {key:10} {a:{WIDE}} {b:{WIDE}}{'  <-- differs' if a != b else ''}".rstrip(), file=out)


def show_states(command, lines, at, pairs, service, out):
    """Both states after the command that differed: its tickets, all counts, what is due next."""
    look = look_line(service)
    ours = service.command(look)
    got, end = answers_of(command, lines[:at + 1] + [look])
    if len(got) < at + 2:
        print(f"\n  the library's state cannot be shown: {end or 'it ended'}", file=out)
    theirs = got[at + 1].split("\n") if len(got) >= at + 2 else []
    ours = [as_seen(line, theirs) for line in ours]
    mine, yours = by_number(ours, "t", "id"), by_number(theirs, "t", "id")
    concerned = {str(n) for n in tickets_in(pairs)}
    concerned |= {n for n in {*mine, *yours} if theirs and mine.get(n) != yours.get(n)}
    for number in sorted(concerned, key=int):
        side_by_side(f"ticket {number}", mine.get(number), yours.get(number), out)
    mine, yours = by_number(ours, "q", "queue"), by_number(theirs, "q", "queue")
    for name in mine:
        side_by_side(f"queue {name}", mine[name], yours.get(name), out)
    side_by_side("next due", {"at": ours[-1][2:]}, {"at": theirs[-1][2:]} if theirs else {}, out)


def shrunk(args, steps, pairs, first):
    """(lines, what differs first, the oracle) of as little as still shows it; None: it does not."""
    shrinker = Shrinker(args.command, steps, pairs, first)
    if not shrinker.shrink():
        return None
    lines, answers, service = replayed(shrinker.steps)
    found = first(shrinker.steps) if first else first_difference(args.command, lines, answers)
    return (lines, found, service) if found else None


def show_pairs(pairs, both, out):
    """both: the two sides agree, and neither comes to an end."""
    if both:
        print(f"  both sides agree, but this {pairs[0][1][2:]}", file=out)
    else:
        show(pairs, out)


def report(args, seed, steps, pairs, first=None):
    """first: see Shrinker."""
    out = sys.stdout
    print(f"seed {seed}, command {len(steps)}: {steps[-1].line}", file=out)
    show_pairs(pairs, first, out)
    lines = [step.line for step in steps]
    less = shrunk(args, steps, pairs, first) if args.shrink else None
    if less is not None:
        lines, (at, pairs), service = less
        print(f"\nshrunk to {len(lines)} commands:", file=out)
        some = lines
        if len(lines) > 60:
            some = lines[:4] + [f"... {len(lines) - 60} more ..."] + lines[-56:]
        print("\n".join("    " + line for line in some), file=out)
        print("\nof which the last one makes the difference:", file=out)
        show_pairs(pairs, first, out)
        show_states(args.command, lines, at, pairs, service, out)
    elif args.shrink:
        print("it does not show again when all is run anew", file=out)
    path = args.out or f"/tmp/usher-oracle-{seed}.txt"
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    store = " --store" if args.store else ""
    kept = f"tests/oracle/regressions/{'store/' if args.store else ''}NAME.txt"
    long = f"--per-seed {args.per_seed} --commands {args.per_seed}"
    print(f"""
The commands are in {path}. To keep them, whoever is right:
    mv {path} {kept}     with a first line that says what they show
    git add {kept}
This seed again:
    python3 tests/oracle/run.py --probe {args.probe}{store} --seed {seed} {long}
""", file=out, flush=True)
