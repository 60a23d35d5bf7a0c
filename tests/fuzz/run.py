#!/usr/bin/env python3
"""Fuzzes each target for so many seconds, from its corpus on; two side by side.

    run.py BUILD-DIRECTORY [--seconds N] [TARGET...]

What breaks one is left in the build directory, as fuzz-TARGET-crash-..., with the line that repeats it. It then
belongs into tests/fuzz/corpus/TARGET, where every build replays it.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LONGEST = {"store": 600, "zone": 4000}  # bytes of an input
SLOW = {"commands", "store"}  # too slow to begin with the shortest and become longer by and by
ASIDE = 2  # side by side
# What a sanitizer keeps of each block costs more than the block; a few calls say where it came from.
ASAN = "malloc_context_size=6:quarantine_size_mb=16:detect_leaks=1"


def fuzz(program, seconds, folder):
    name = program.name.removeprefix("fuzz-")
    corpus = HERE / "corpus" / name
    with tempfile.TemporaryDirectory() as found:
        command = [str(program), f"-max_total_time={seconds}", "-rss_limit_mb=3000", "-timeout=60",
                   f"-max_len={LONGEST.get(name, 4096)}", f"-artifact_prefix={folder}/fuzz-{name}-",
                   f"-len_control={0 if name in SLOW else 100}", "-print_final_stats=1", found, str(corpus)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              env={"ASAN_OPTIONS": ASAN, "UBSAN_OPTIONS": "print_stacktrace=1"} | os.environ)
    out = done.stderr
    runs = re.search(r"stat::number_of_executed_units: (\d+)", out)
    covered = re.findall(r" cov: (\d+) ", out)
    return name, done.returncode, int(runs[1]) if runs else 0, covered[-1] if covered else "?", out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=600 if os.environ.get("USHER_LONG") else 20)
    parser.add_argument("targets", nargs="*")
    args = parser.parse_intermixed_args()
    programs = sorted(p for p in args.build.glob("tests/fuzz/fuzz-*") if p.is_file() and os.access(p, os.X_OK)
                      and (not args.targets or p.name.removeprefix("fuzz-") in args.targets))
    if not programs:
        sys.exit(f"{args.build}: no fuzz targets there (cmake --preset fuzz)")
    broken = total = 0
    with concurrent.futures.ThreadPoolExecutor(ASIDE) as pool:
        work = [pool.submit(fuzz, p, args.seconds, args.build) for p in programs]
        for done in concurrent.futures.as_completed(work):
            name, code, runs, covered, out = done.result()
            total += runs
            print(f"{name:10} {runs:>11,} inputs, {runs // max(args.seconds, 1):>7,} each second, {covered:>5} places reached"
                  f"{'' if code == 0 else ': BROKEN'}", flush=True)
            if code != 0:
                broken += 1
                print(out[-4000:])
    print(f"counted: {total:,} inputs in {args.seconds} s each, {broken} of {len(programs)} targets broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
