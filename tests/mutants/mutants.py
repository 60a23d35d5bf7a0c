#!/usr/bin/env python3
"""Puts faults into a copy of usher, one at a time, and sees which test notices.

    mutants.py [--build DIRECTORY] [--list] [NAME...]       those of semantic.txt
    mutants.py --sample N [--seed S]                        N mechanical ones, in lib/core and lib/store
    mutants.py --check                                      only whether each of semantic.txt still fits the code

What is quick is asked first; the first test that notices ends the trial. The copy is made once and built again for
each fault, as a debug build without sanitizers.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).resolve().parent / "semantic.txt"

# What is asked, in order: name, targets, command in the build directory. A fault that hangs is noticed too.
SUITES = [
    ("random", ["usher_random"], ["tests/sim/random", "--commands", "40000"], 120),
    ("oracle", ["usher_probe"], [sys.executable, "-B", f"{ROOT}/tests/oracle/run.py", "--probe", "tests/oracle/probe",
                                 "--commands", "8000"], 300),
    ("unit", ["all"], ["ctest", "--stop-on-failure", "-j2", "-R", "^unit"], 900),
    ("random.store", ["usher_random"], ["tests/sim/random", "--store", "disk", "--commands", "15000"], 300),
    ("all", ["all"], ["ctest", "--stop-on-failure", "-j2", "-E", "^(unit|bench|consumer|package|python|model|soak)"], 2400),
]


class Mutant:
    def __init__(self, name, why, file, old, new):
        self.name, self.why, self.file, self.old, self.new = name, why, file, old, new

    def apply(self, root):
        """The file's text with the fault in it."""
        lines = (root / self.file).read_text().split("\n")
        bare = [line.strip() for line in lines]
        places = [i for i in range(len(lines)) if bare[i:i + len(self.old)] == self.old]
        if len(places) != 1:
            sys.exit(f"{self.name}: its lines are {len(places)} times in {self.file}, not once")
        at = places[0]
        return "\n".join(lines[:at] + self.new + lines[at + len(self.old):])


def semantic():
    mutants = []
    for block in re.split(r"^== ", LIST.read_text(), flags=re.M)[1:]:
        head, file, *rest = [line.strip() for line in block.strip().split("\n")]
        name, why = head.split(": ", 1)
        mutants.append(Mutant(name, why, file, [line[1:].strip() for line in rest if line.startswith("-")],
                              [line[1:].strip() for line in rest if line.startswith("+")]))
    return mutants


# ---- mechanical ones ------------------------------------------------------------------------------------------------

SWAPS = [(r" == ", " != "), (r" != ", " == "), (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
         (r" && ", " || "), (r" \|\| ", " && "), (r" \+ 1\b", " + 2"), (r" - 1\b", " - 2"), (r"\btrue\b", "false"),
         (r"\bfalse\b", "true"), (r"\bif \(", "if (!"), (r"\+\+;", ";"), (r" \+= ", " -= "), (r" -= ", " += ")]


def mechanical(n, seed):
    """A condition flipped, a constant off by one, a statement dropped: drawn from all places where that can be done."""
    places = []
    for file in sorted([*ROOT.glob("lib/core/*.c"), *ROOT.glob("lib/store/*.c")]):
        if file.name == "none.c":
            continue
        lines = file.read_text().split("\n")
        for i, line in enumerate(lines):
            bare = line.strip()
            if not line.startswith("    ") or bare.startswith(("/*", "*", "assert", "static ", "case ", "//")):
                continue
            code = bare.split("/*")[0]
            for pattern, to in SWAPS:
                if re.search(pattern, code) and '"' not in code:
                    if to == "if (!" and not (code.count("(") == code.count(")") and code.count("&&") + code.count("||") == 0):
                        continue
                    places.append((file, i, re.sub(pattern, to, code, count=1) if to != "if (!" else
                                   re.sub(r"if \((.*)\)", r"if (!(\1))", code, count=1)))
            if re.fullmatch(r"(usher__|[a-z>.\[\]_-]+ [|&+-]?= |[a-z_]+\().*;", code) and not code.startswith("return"):
                places.append((file, i, ";"))
    draw = random.Random(seed)
    for file, i, new in draw.sample(places, min(n, len(places))):
        lines = file.read_text().split("\n")
        at = file.relative_to(ROOT)
        mutant = Mutant(f"{at}:{i + 1}", f"{lines[i].strip()}   ->   {new}", str(at), [], [new])
        mutant.apply = lambda root, f=at, k=i, to=new: "\n".join(
            line if j != k else to for j, line in enumerate((root / f).read_text().split("\n")))
        yield mutant


# ---- the trial ------------------------------------------------------------------------------------------------------

def quiet(command, where, limit=1800):
    try:
        return subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=limit)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, -1, str(late.stdout or "") + "\nno end")


def build(folder, targets):
    return quiet(["cmake", "--build", str(folder), "--target", *targets, "--", "-j2"], folder)


def prepare(folder):
    """A copy of what is in the work tree, built. shared/ lies beside it as beside the project."""
    copy = folder / "usher"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    shared = ROOT.parent / "shared"
    if shared.exists():
        (folder / "shared").symlink_to(shared)
    made = folder / "build"
    made.mkdir()
    done = quiet(["cmake", "-S", str(copy), "-B", str(made), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                  "-DCMAKE_C_FLAGS=-O1", "-DUSHER_TESTS=ON", "-DUSHER_EXAMPLES=ON"], folder)
    if done.returncode == 0:
        done = build(made, ["all"])
    if done.returncode != 0:
        sys.exit(f"the copy does not build:\n{done.stdout[-3000:]}")
    return copy, made


def caught_by(made, suites):
    for name, targets, command, limit in suites:
        done = build(made, targets)
        if done.returncode != 0:
            return "compiler", done.stdout
        done = quiet(command, made, limit)
        if done.returncode != 0:
            test = re.search(r"\d+ - (\S+) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted)", done.stdout)
            return test[1] if test else name, done.stdout
    return None, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    mutants = list(mechanical(args.sample, args.seed)) if args.sample else semantic()
    mutants = [m for m in mutants if not args.names or m.name in args.names]
    for m in mutants:
        m.apply(ROOT)
        if args.list:
            print(f"{m.name:24} {m.why}")
    if args.check or args.list:
        print(f"counted: {len(mutants)} faults, each fits one place of the code")
        return 0
    survivors, began = [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="usher-mutants-") as folder:
        copy, made = prepare(pathlib.Path(folder))
        by, said = caught_by(made, SUITES[:4])
        if by:
            sys.exit(f"without any fault, {by} fails:\n{said[-3000:]}")
        for i, m in enumerate(mutants):
            kept = (copy / m.file).read_text()
            (copy / m.file).write_text(m.apply(copy))
            by, _ = caught_by(made, SUITES)
            (copy / m.file).write_text(kept)
            if by is None:
                survivors.append(m)
            print(f"{i + 1:3}/{len(mutants)} {m.name:28} {by or 'SURVIVES':24} {m.why}", flush=True)
    n, dead = len(mutants), len(mutants) - len(survivors)
    print(f"counted: {dead} of {n} faults caught ({dead * 100 // max(n, 1)} %), in {time.monotonic() - began:.0f} s")
    return 1 if survivors and not args.sample else 0


if __name__ == "__main__":
    sys.exit(main())
