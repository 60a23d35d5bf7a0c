#!/usr/bin/env python3
"""Which branches of lib/ no test takes.

    tests/coverage/run.sh                                                build, tests, table and check, as CI does
    tests/coverage/coverage.py build/coverage                            the table and the check
    tests/coverage/coverage.py build/coverage --show lib/core/zone.c     what of that file is not taken
    tests/coverage/coverage.py build/coverage --list                     the same of lib/core, as uncovered.txt has it
    tests/coverage/coverage.py build/coverage --clear                    forget what has run

A branch is what gcov calls one: each outcome of each condition of `if`, `for`, `while`, `?:`, `&&` and `||`,
each target of a `switch`. The build (preset `coverage`) is not optimised, so that the compiler neither makes nor
removes any; and it is one with NDEBUG, because the failing arm of an assertion is a branch that no test should
take. The arms for want of memory count like all others: allocators that fail take them.

Every branch of lib/core that is not taken must be in uncovered.txt, with the reason; one that is in there and is
taken after all, or is no more, is an error too. An entry names function and text of the line and not its number,
so edits elsewhere leave it valid:

    lib/core/zone.c find 2/4               the second of the four branches of that line; 2/4#3: of the third such
        if (at < first || at > last)       line of that function
        the reason, in as many lines as it takes
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = ("lib/core", "lib/local", "lib/loop", "lib/store", "lib/usher.c", "lib")
LEAST = {"lib/core": 98.0, "lib": 93.0}  # per cent of branches
LISTED = "lib/core/"
REASONS = ROOT / "tests/coverage/uncovered.txt"


class Line:
    """One line of one function: how often it ran, how often each of its branches was taken."""

    def __init__(self):
        self.count = 0
        self.branches = []

    def add(self, count, branches):
        self.count += count
        self.branches += [0] * (len(branches) - len(self.branches))
        for ix, taken in enumerate(branches):
            self.branches[ix] += taken


def fail(text):
    sys.exit(f"coverage: {text}")


def objects(build):
    return sorted((build / "lib/CMakeFiles/usher_objects.dir").rglob("*.gcno"))


def measured(build):
    """{file: {(line number, function): Line}}, summed over the objects: headers are in many."""
    notes = objects(build)
    if not notes:
        fail(f"{build} holds no notes of gcov: build it with the preset `coverage`")
    # Notes without data are of objects that never ran: gcov counts all of them as not taken.
    told = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *map(str, notes)],
                          check=True, capture_output=True, text=True)
    if told.stderr.strip():
        fail(f"build and run first, gcov says: {told.stderr.strip().splitlines()[0]}")
    files = {}
    for document in told.stdout.splitlines():
        document = json.loads(document)
        where = pathlib.Path(document["current_working_directory"])
        for file in document["files"]:
            path = os.path.relpath(where / file["file"], ROOT)
            if not path.startswith("lib/"):
                continue
            lines = files.setdefault(path, {})
            for line in file["lines"]:
                key = line["line_number"], line.get("function_name", "")
                lines.setdefault(key, Line()).add(line["count"], [b["count"] for b in line["branches"]])
    return files


def place_holds(place, path):
    return path == place or path.startswith(place + "/")


def share(taken, n):
    return 100.0 * taken / n if n else 100.0


def table(files):
    """Prints it and returns the share of branches per place."""
    shares = {}
    print(f"{'':12}{'lines':>8}{'run':>8}{'%':>8}{'branches':>11}{'taken':>8}{'%':>8}")
    for place in PLACES:
        lines = [line for path in files if place_holds(place, path) for line in files[path].values()]
        branches = [taken for line in lines for taken in line.branches]
        run = sum(line.count > 0 for line in lines)
        taken = sum(count > 0 for count in branches)
        shares[place] = share(taken, len(branches))
        print(f"{place:12}{len(lines):8}{run:8}{share(run, len(lines)):8.2f}"
              f"{len(branches):11}{taken:8}{shares[place]:8.2f}")
    return shares


def text_of(path):
    return [" ".join(line.split()) for line in (ROOT / path).read_text().splitlines()]


def not_taken(path, lines):
    """[(key, line number)] of the file's branches that are not taken, and the keys of all it has."""
    text = text_of(path)
    same = {}
    missed, every = [], set()
    for (number, function), line in sorted(lines.items()):
        if not line.branches:
            continue
        source = text[number - 1]
        nth = same[function, source] = same.get((function, source), 0) + 1
        for ix, taken in enumerate(line.branches):
            which = f"{ix + 1}/{len(line.branches)}" + (f"#{nth}" if nth > 1 else "")
            key = f"{path} {function} {which}", source
            every.add(key)
            if taken == 0:
                missed.append((key, number))
    return missed, every


def reasons():
    """{key: reason} of uncovered.txt."""
    entries, key = {}, None
    for number, line in enumerate(REASONS.read_text().splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            head, key = line.strip(), None
        elif key is None:
            key = head, line.strip()
            if key in entries:
                fail(f"{REASONS.name}:{number}: listed twice")
            entries[key] = ""
        else:
            entries[key] = f"{entries[key]} {line.strip()}".strip()
    return entries


def check(files):
    wrong = []
    listed = reasons()
    missed, every = {}, set()
    for path in sorted(files):
        if path.startswith(LISTED):
            of_file, all_of_file = not_taken(path, files[path])
            missed.update(of_file)
            every |= all_of_file
    for key, number in missed.items():
        if not listed.get(key):
            what = "is listed without a reason" if key in listed else "is not taken, and not listed"
            wrong.append(f"{key[0]} {what}: line {number}: {key[1]}")
    for key in listed:
        if key not in every:
            wrong.append(f"{key[0]} is listed, and is no more: {key[1]}")
        elif key not in missed:
            wrong.append(f"{key[0]} is listed, and taken: {key[1]}")
    return wrong


def show(path, lines):
    text = (ROOT / path).read_text().splitlines()
    for (number, function), line in sorted(lines.items()):
        if 0 in line.branches or (line.count == 0 and not line.branches):
            print(f"{number:5} {' '.join(map(str, line.branches)) or 'not run':>24}  {text[number - 1]}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--show", metavar="FILE",
                           help="how often the branches of its lines were taken, where some were not")
    arguments.add_argument("--list", action="store_true", help="what of lib/core is not taken, as uncovered.txt has it")
    arguments.add_argument("--clear", action="store_true", help="forget what has run")
    asked = arguments.parse_args()

    if asked.clear:
        for notes in objects(asked.build):
            notes.with_suffix(".gcda").unlink(missing_ok=True)
        return
    files = measured(asked.build)
    if asked.show:
        path = os.path.relpath(asked.show, ROOT) if os.path.exists(asked.show) else asked.show
        if path not in files:
            fail(f"{path} is not a file of lib/ that holds code")
        show(path, files[path])
        return
    if asked.list:
        for path in sorted(files):
            if path.startswith(LISTED):
                for key, number in not_taken(path, files[path])[0]:
                    print(f"{key[0]}\n    {key[1]}")
        return
    shares = table(files)
    wrong = check(files)
    wrong += [f"{place}: {shares[place]:.2f} % of the branches, and not {least} %"
              for place, least in LEAST.items() if shares[place] < least]
    print("".join(f"coverage: {line}\n" for line in wrong), end="")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
