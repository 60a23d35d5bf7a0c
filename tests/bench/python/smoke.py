#!/usr/bin/env python3
"""The Python benchmarks still run, and say what they measured. How fast it was is not judged.

    smoke.py [--memory-only]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench.py")
NAMES = ["floors", "blocking", "awaited", "batches", "peers"]
ON_DISK = ["disk"]
PAIRS = [
    ("floor_ns", "to_floor"),
    ("peer_ns", "faster_than_peer"),
    ("at_least", "reached"),
]

wrong: list[str] = []


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-B", BENCH, *arguments], capture_output=True, text=True)


def check(what: str, good: bool) -> None:
    if not good:
        wrong.append(what)


def check_report(place: str, names: list[str]) -> None:
    done = run("--quick", "--json", "--dir", place, *names)
    check(f"--quick --json ended with {done.returncode}", done.returncode == 0)
    check(f"it complains: {done.stderr.strip()}", done.stderr == "")
    check("something is left behind", os.listdir(place) == [])
    if done.returncode != 0:
        return
    report = json.loads(done.stdout)
    check("not quick", report["quick"] is True)
    check("not all benches are in it", [b["name"] for b in report["benches"]] == names)
    targets = 0
    for bench in report["benches"]:
        check(f"{bench['name']}: no figures", len(bench["figures"]) > 0)
        for figure in bench["figures"]:
            name = f"{bench['name']}: {figure['what']}"
            low, ns, high = figure["ns_low"], figure["ns"], figure["ns_high"]
            check(f"{name}: {low}, {ns}, {high}", 0 < low <= ns <= high)
            check(f"{name}: no rate", abs(figure["per_second"] * ns - 1e9) < 1)
            for one, other in PAIRS:
                check(f"{name}: {one} without {other}", (one in figure) == (other in figure))
            targets += "at_least" in figure
    check(f"{targets} targets", targets >= 8)


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        check_report(place, NAMES if "--memory-only" in sys.argv else NAMES + ON_DISK)
    done = run("blocking", "--quick")
    check(
        "no table for people",
        done.returncode == 0
        and "\nblocking: " in done.stdout
        and ">= 120 k/s" in done.stdout
        and "\nfloors" not in done.stdout,
    )
    check("--help", run("--help").stdout.startswith("usage: "))
    for bad in (["nonsense"], ["--nonsense"], ["--dir"]):
        check(f"{bad} is let through", run(*bad).returncode == 2)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
