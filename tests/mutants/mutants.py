#!/usr/bin/env python3
"""Puts faults into a copy of usher, one at a time, and sees which test notices.

    mutants.py [NAME...]                                    those of semantic.txt
    mutants.py --sample N [--seed S] [--in core,store]      N mechanical ones, drawn from these folders of lib/
    mutants.py --check                                      only whether both lists still fit the code

    --list          say what would be tried
    --slow          ask all tests about a mechanical fault that the quick ones have not noticed, as about a semantic one
    --work FOLDER   keep the copy and its build there, for the next time

What is quick is asked first, two tests at once; the first that notices ends the trial. In the copy the library's
objects are one shared library, so a fault costs one compilation and one link. A mechanical fault is not counted where
the compiler makes the same code of it, or where equivalent.txt says why nobody can see it.

Fails when a semantic fault is not noticed, or when of the mechanical ones fewer are than FLOOR says: which are drawn
changes with the code, so one that nobody has looked at yet is told but is no failure.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, namedtuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEMANTIC = pathlib.Path(__file__).resolve().parent / "semantic.txt"
EQUIVALENT = pathlib.Path(__file__).resolve().parent / "equivalent.txt"
FLOOR = 90  # per cent

# ---- faults ---------------------------------------------------------------------------------------------------------


class Mutant:
    """old: lines next to each other, once in the file; new: what stands there instead. A mechanical one: one line."""

    def __init__(self, name, why, file, old, new, at=None):
        self.name, self.why, self.file, self.old, self.new, self.at = name, why, file, old, new, at

    def apply(self, root):
        """The file's text with the fault in it."""
        lines = (root / self.file).read_text().split("\n")
        at = place(lines, self.old, f"{self.name}: ", self.file) if self.at is None else self.at
        return "\n".join(lines[:at] + self.new + lines[at + len(self.old):])


def place(lines, wanted, who, file):
    bare = [line.strip() for line in lines]
    places = [i for i in range(len(lines)) if bare[i:i + len(wanted)] == wanted]
    if len(places) != 1:
        sys.exit(f"{who}its lines are {len(places)} times in {file}, not once")
    return places[0]


def blocks(path):
    """head, the line after it, the lines with -, those with +"""
    for block in re.split(r"^== ", path.read_text(), flags=re.M)[1:]:
        head, *rest = [line.strip() for line in block.strip().split("\n")]
        yield head, rest, *([line[1:].strip() for line in rest if line.startswith(sign)] for sign in "-+")


def semantic():
    return [Mutant(*head.split(": ", 1), rest[0], old, new) for head, rest, old, new in blocks(SEMANTIC)]


SWAPS = [(r" == ", " != "), (r" != ", " == "), (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
         (r" && ", " || "), (r" \|\| ", " && "), (r" \+ 1\b", " + 2"), (r" - 1\b", " - 2"), (r"\btrue\b", "false"),
         (r"\bfalse\b", "true"), (r"\+\+;", ";"), (r" \+= ", " -= "), (r" -= ", " += ")]
NO_CODE = ("/*", "*", "assert", "static ", "case ", "//")
STATEMENT = re.compile(r"(usher__|[a-z>.\[\]_-]+ [|&+-]?= |[a-z_]+\().*;")


def changes(code):
    """What may be put in place of a line: a condition turned round, a bound off by one, a statement left out."""
    if '"' not in code:
        for pattern, to in SWAPS:
            if re.search(pattern, code):
                yield re.sub(pattern, to, code, count=1)
        if re.search(r"\bif \(", code) and code.count("(") == code.count(")") and "&&" not in code and "||" not in code:
            yield re.sub(r"if \((.*)\)", r"if (!(\1))", code, count=1)
    if STATEMENT.fullmatch(code) and not code.startswith("return"):
        yield ";"


def places(folders):
    for folder in folders:
        for path in sorted((ROOT / "lib" / folder).glob("*.c")):
            file = str(path.relative_to(ROOT))
            if path.name == "none.c":
                continue
            shipped = True
            for i, line in enumerate(path.read_text().split("\n")):
                bare = line.strip()
                if line.startswith("#if") or line.startswith("#endif"):
                    shipped = line != "#ifndef NDEBUG"
                if not shipped or not line.startswith("    ") or bare.startswith(NO_CODE):
                    continue
                for new in changes(bare.split("/*")[0].strip()):
                    yield Mutant(f"{file[4:]}:{i + 1}", f"{bare}   ->   {new}", file, [bare], [new], i)


def equivalent():
    """(file, index of the line, what is put there) of all that nobody can see."""
    known = {}
    for head, _, old, new in blocks(EQUIVALENT):
        file, why = head.split(": ", 1)
        lines = (ROOT / file).read_text().split("\n")
        at = place(lines, old, "equivalent.txt: ", file) + len(old) - 1
        if new[0] not in changes(lines[at].strip().split("/*")[0].strip()):
            sys.exit(f"equivalent.txt: {file}: nobody puts {new[0]!r} in place of {old[-1]!r}")
        known[file, at, new[0]] = why
    return known


# ---- what is asked --------------------------------------------------------------------------------------------------

Test = namedtuple("Test", "name command folder")
NOTICED = b"\nrandom: wrong: " # it has, and only goes on to say it shorter

# The unit tests that are asked first about a fault in such a file.
OWN = [("lib/store/", "store|keep"), ("lib/loop/keep", "keep"), ("lib/loop/", "calls|service|driving|time|collect"),
       ("lib/core/calendar", "calendar|time"), ("lib/core/(date|duration)", "date|duration|calendar"),
       ("lib/core/zone", "zone"), ("lib/core/(policy|json)", "policy"), ("lib/core/ladder", "ladder"),
       ("lib/local/(causes|symptoms)", "causes"), ("lib/local/(figures|metrics|spread)", "figures|metrics|spread"),
       ("lib/local/(record|load)", "record|keep"), ("lib/local/view", "pages|standing"),
       ("lib/local/apply|lib/local/policies", "apply|changes|what_if")]


def programs(made, folder, prefix, test):
    """Each a test of its own."""
    folder = made / "tests" / folder
    return [Test(f"{test}.{program.name[len(prefix):]}", [str(program)], folder)
            for program in sorted(folder.glob(f"{prefix}*")) if program.is_file() and not program.suffix]


def quick(made, file, seconds):
    """In order: its own unit tests, what sees most, the other unit tests, then what takes longer."""
    core, store = file.startswith("lib/core/"), file.startswith("lib/store/")
    own = next((names for pattern, names in OWN if re.match(pattern, file)), None)
    units = programs(made, "unit", "test_", "unit")
    units.sort(key=lambda test: seconds.get(test.name, 0))
    if core: # it knows of no store, and these take longest
        units = [test for test in units if not re.match(r"unit\.(store|keep)", test.name)]
    first = [test for test in units if own and re.search(own, test.name)]
    oracle = [sys.executable, "-B", f"{ROOT}/tests/oracle/run.py", "--probe", str(made / "tests/oracle/probe"),
              "--no-shrink", "--out", str(made / "difference.txt")]
    times = [sys.executable, "-B", f"{ROOT}/tests/oracle/times.py", "--probe", str(made / "tests/oracle/time_probe"),
             "--out", str(made / "difference-times.txt"), "--cases", "4000"]
    run = [str(made / "tests/sim/random"), "--commands"]
    yield from first
    if not store:
        yield Test("random", [*run, "60000"], made)
        yield Test("oracle", [*oracle, "--commands", "4000"], made)
    else:
        yield Test("random.store", [*run, "6000", "--store", "disk"], made)
    yield from (test for test in units if test not in first)
    if core:
        yield Test("oracle.times", times, made)
        yield Test("sla", ["ctest", "--stop-on-failure", "-R", "^sla"], made)
        return
    if not store:
        yield Test("random.store", [*run, "6000", "--store", "disk"], made)
    yield Test("oracle.store", [*oracle, "--commands", "2000", "--store"], made)
    yield from (test for test in programs(made, "contract", "contract-", "contract") if test.name != "contract.oom")
    if store or file == "lib/loop/keep.c":
        yield Test("crash", [str(made / "tests/crash/crash"), "--states", "1500"], made)
        yield from (test for test in programs(made, "faults", "faults-", "faults") if test.name != "faults.memory")


# Not those that only notice that something is different, whatever it is (random.trace).
NOT_ASKED = "^(bench|consumer|package|python|model|soak|mutants|random.trace)"


def slow(made):
    return [Test("all", ["ctest", "--stop-on-failure", "-j2", "-E", NOT_ASKED], made)]


def limits():
    """A fault may take all memory, fill the disk or never end."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def ask(tests, seconds, said):
    """The name of the first that notices, or None; those that pass leave their seconds."""
    waiting, running = list(tests), {}
    try:
        while waiting or running:
            while waiting and len(running) < 2:
                test = waiting.pop(0)
                out = tempfile.TemporaryFile("w+", errors="replace")
                process = subprocess.Popen(test.command, cwd=test.folder, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=subprocess.STDOUT, preexec_fn=limits)
                running[process] = test, out, time.monotonic()
            for process, (test, out, began) in list(running.items()):
                took = time.monotonic() - began
                code = process.poll()
                if code is None and NOTICED in os.pread(out.fileno(), 4096, 0):
                    code = 1
                if code is None and took < 20 + 5 * seconds.get(test.name, 300):
                    continue
                if code == 0:
                    seconds.setdefault(test.name, took)
                    running.pop(process)
                    out.close()
                    continue
                out.seek(0)
                said[:] = [out.read()[-3000:]]
                failed = re.search(r"\d+ - (\S+) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted)", said[0])
                return (failed[1] if failed else test.name) + (": no end" if code is None else "")
            time.sleep(0.01)
        return None
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# ---- the copy -------------------------------------------------------------------------------------------------------

def build(folder, *targets):
    return subprocess.run(["cmake", "--build", str(folder), "--target", *targets, "--", "-j2"], capture_output=True,
                          text=True, errors="replace", check=False)


# What is changed in the copy so that programs which take the objects find them when they start; those that wrap system
# calls have them linked in all the same, for what a shared library calls cannot be wrapped.
WRAPPED = "target_link_options(${name} PRIVATE ${ARGN})"
AS_ONE_LIBRARY = {
    "lib/CMakeLists.txt": {"add_library(usher_objects OBJECT": "add_library(usher_objects SHARED",
                           "C_VISIBILITY_PRESET hidden": "C_VISIBILITY_PRESET default"},
    "tests/unit/CMakeLists.txt": {
        WRAPPED: WRAPPED + "\n    target_sources(${name} PRIVATE $<TARGET_OBJECTS:usher_objects>)"}}


def as_one_library(name, text):
    for old, new in AS_ONE_LIBRARY[name].items():
        if text.count(old) != 1:
            sys.exit(f"{name} has no more one {old!r}")
        text = text.replace(old, new)
    return text


def to_link():
    """What has to be built after a change."""
    text = (ROOT / "tests/unit/CMakeLists.txt").read_text()
    return ["usher_objects", *re.findall(r"^usher_wrap\((\w+)", text, re.M)]


def prepare(folder):
    """A copy of what is in the work tree, built. shared/ lies beside it as beside the project."""
    copy, made, fresh = folder / "usher", folder / "build", False
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout
    for name in filter(lambda name: (ROOT / name).is_file(), names.split("\0")):
        data, to = (ROOT / name).read_bytes(), copy / name
        if name in AS_ONE_LIBRARY:
            data = as_one_library(name, data.decode()).encode()
        if not to.exists() or to.read_bytes() != data:
            fresh = True
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(data)
            shutil.copymode(ROOT / name, to)
    shared = ROOT.parent / "shared"
    if shared.exists() and not (folder / "shared").exists():
        (folder / "shared").symlink_to(shared)
    made.mkdir(exist_ok=True)
    if fresh:
        (folder / "seconds.json").unlink(missing_ok=True)
    done = subprocess.run(["cmake", "-S", str(copy), "-B", str(made), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None",
                           "-DCMAKE_C_FLAGS=-O1", "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON", "-DUSHER_TESTS=ON",
                           "-DUSHER_EXAMPLES=ON"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        done = build(made, "all")
    if done.returncode != 0:
        sys.exit(f"the copy does not build:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return copy, made


class Trial:
    def __init__(self, folder, ask_slow):
        self.copy, self.made = prepare(folder)
        self.seconds, self.said, self.ask_slow, self.code = {}, [], ask_slow, {}
        known = folder / "seconds.json"
        if known.exists(): # of the same files
            self.seconds = json.loads(known.read_text())
            return
        tests = {test.name: test for folder in ("core", "local", "store")
                 for test in quick(self.made, f"lib/{folder}/", self.seconds)}
        by = ask(tests.values(), self.seconds, self.said)
        if by:
            sys.exit(f"without any fault, {by} fails:\n{self.said[0]}")
        known.write_text(json.dumps(self.seconds))

    def of(self, mutant):
        """Who notices; None: nobody; "same code"."""
        file = self.copy / mutant.file
        kept = file.read_text()
        code = self.made / "lib/CMakeFiles/usher_objects.dir" / (mutant.file[4:] + ".o")
        if code not in self.code and code.exists():
            self.code[code] = code.read_bytes()
        try:
            file.write_text(mutant.apply(self.copy))
            if build(self.made, *to_link()).returncode != 0:
                return "compiler"
            if code.exists() and code.read_bytes() == self.code[code]:
                return "same code"
            by = ask(quick(self.made, mutant.file, self.seconds), self.seconds, self.said)
            if by is None and self.ask_slow:
                build(self.made, "all")
                by = ask(slow(self.made), self.seconds, self.said)
            return by
        finally:
            file.write_text(kept)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--in", dest="folders", default="core,store")
    parser.add_argument("--slow", action=argparse.BooleanOptionalAction)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    known = equivalent()
    mutants = semantic()
    if args.check:
        for m in mutants:
            m.apply(ROOT)
        print(f"counted: {len(mutants)} semantic faults, {len(known)} that nobody can see: each fits one place")
        return 0
    if args.sample:
        drawn = list(places(args.folders.split(",")))
        mutants = random.Random(args.seed).sample(drawn, min(args.sample, len(drawn)))
    mutants = [m for m in mutants if not args.names or m.name in args.names]
    if args.list:
        for m in mutants:
            print(f"{m.name:28} {m.why}")
        return 0
    os.environ.pop("USHER_LONG", None) # of each fault not that much is asked
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped")) # so that nothing goes on without us
    with contextlib.ExitStack() as stack:
        folder = args.work or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="usher-mutants-")))
        folder.mkdir(exist_ok=True)
        os.environ["TMPDIR"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="usher-mutants-"))
        os.chmod(os.environ["TMPDIR"], 0o1777) # some tests become somebody else
        asked = Trial(folder, not args.sample if args.slow is None else args.slow)
        return trial(asked, mutants, known, args.sample != 0)


def trial(asked, mutants, known, mechanical):
    began, table, told = time.monotonic(), [], sys.stdout.isatty()
    print(f"{'':7} {'what was broken':30} {'what caught it':28} {'s':>4}  what is wrong then", flush=True)
    for i, m in enumerate(mutants):
        count, from_ = f"{i + 1:3}/{len(mutants):<3}", time.monotonic()
        if told:
            print(f"{count} {m.name} ...", end="\r", flush=True)
        same = known.get((m.file, m.at, m.new[0] if m.new else ""))
        by = f"equivalent: {same}" if same else asked.of(m) or "SURVIVES"
        table.append((m, by))
        took = time.monotonic() - from_
        print(f"{count} {m.name:30} {'equivalent' if same else by:28} {took:4.0f}  {m.why}", flush=True)
    unseen = [m for m, by in table if by.startswith("equivalent") or by == "same code"]
    alive = [m for m, by in table if by == "SURVIVES"]
    for m in alive:
        print(f"survives: {m.name}: {m.why}")
    by_whom = Counter(re.sub(r"[.:].*", "", by) for m, by in table if m not in unseen and m not in alive)
    print("caught by: " + ", ".join(f"{who} {n}" for who, n in by_whom.most_common()))
    kind = "mechanical" if mechanical else "semantic"
    for folder in [*sorted({m.file.rpartition("/")[0] for m in mutants}), ""] if mechanical else [""]:
        of = [m for m in mutants if m.file.startswith(folder)]
        n, lost = len([m for m in of if m not in unseen]), len([m for m in of if m in alive])
        print(f"counted: {kind}{' in ' + folder if folder else ''}: caught {n - lost} of {n}"
              f" ({(n - lost) * 100 / max(n, 1):.1f} %), {len(of) - n} that nobody can see, {lost} survive", flush=True)
    print(f"counted: {time.monotonic() - began:.0f} s")
    n = len(mutants) - len(unseen)
    return 1 if alive and (not mechanical or (n - len(alive)) * 100 < n * FLOOR) else 0


if __name__ == "__main__":
    sys.exit(main())
