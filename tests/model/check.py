#!/usr/bin/env python3
"""Checks the models with spin: each as it is, and with each of its guards taken away.

What a model's first comment lists, "NAME  what is taken away", is defined one at a time; then
something must go wrong, or the guard guards nothing and the model shows nothing.

    check.py MODEL.pml...
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
COMPILER = ["cc", "-w", "-DSAFETY", "-DNOREDUCE"]


def guards(model):
    return re.findall(r"^ \*   ([A-Z]+_[A-Z]+)\s", model.read_text(), re.M)


def run(command, where, say):
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=500)
    if done.returncode != 0:
        sys.exit(f"{say}: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def states(model, defined):
    """How many states there are, and what went wrong in one of them, or None."""
    say = f"{model.name} {defined or ''}"
    with tempfile.TemporaryDirectory() as where:
        shutil.copy(model, where)
        run(["spin", "-a", *([f"-D{defined}"] if defined else []), model.name], where, say)
        run([*COMPILER, "-o", "pan", "pan.c"], where, say)
        out = run(["./pan", "-m1000000"], where, say)
    if "max search depth too small" in out or "Search not completed" in out and "errors: 0" in out:
        sys.exit(f"{say}: not all of it was searched:\n{out}")
    wrong = re.search(r"pan:\d+: (.*?) \(at depth", out)
    if (wrong is None) != (" errors: 0" in out):
        sys.exit(f"{say}: spin says something else than it used to:\n{out}")
    return int(re.search(r"(\d+) states, stored", out)[1]), wrong and wrong[1]


def check(model):
    names = guards(model)
    if not names:
        sys.exit(f"{model.name}: lists no guard that could be taken away")
    n, wrong = states(model, None)
    if wrong:
        sys.exit(f"{model.name}: {wrong}")
    print(f"{model.name}: {n:,} states, nothing wrong in any of them")
    for name in names:
        _, wrong = states(model, name)
        if not wrong:
            sys.exit(f"{model.name}: without {name} nothing goes wrong either")
        print(f"    {name:14} {wrong}")
    return n, len(names)


def main():
    models = [pathlib.Path(a).resolve() for a in sys.argv[1:]]
    if not models:
        sys.exit(__doc__)
    if not shutil.which("spin"):
        print("skipped: there is no spin (Debian's package of that name)")
        return SKIPPED
    counts = [check(m) for m in models]
    print(f"counted: {sum(n for n, _ in counts):,} states of {len(counts)} models, "
          f"{sum(k for _, k in counts)} guards needed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
