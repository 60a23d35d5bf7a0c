#!/usr/bin/env python3
"""usher-bench still runs, and says what it measured. How fast it was is not judged.

    smoke.py [--memory-only] PROGRAM
"""

import json
import os
import subprocess
import sys
import tempfile

BENCHES = ["cycle", "memory", "line", "standing", "timers", "calendar"]
ON_DISK = ["durable", "reopen"]

wrong = []


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True)


def check(what: str, good: bool) -> None:
    if not good:
        wrong.append(what)


def check_report(program: str, benches: list[str]) -> None:
    done = run(program, "--quick", "--json")
    check(f"--quick --json ended with {done.returncode}", done.returncode == 0)
    check(f"it complains: {done.stderr.strip()}", done.stderr == "")
    report = json.loads(done.stdout)
    check("not all benches are in it", [b["name"] for b in report["benches"]] == benches)
    for bench in report["benches"]:
        check(f"{bench['name']}: no figures", len(bench["figures"]) > 0)
        for figure in bench["figures"]:
            name = f"{bench['name']}: {figure['what']}"
            check(f"{name}: {figure['value']}", figure["value"] > 0)
            check(f"{name}: no target reached or missed",
                  ("at_most" in figure or "at_least" in figure) == ("reached" in figure))


def check_disk(program: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        done = run(program, "durable", "--quick", "--json", "--sync-delay", "3", "--dir", place)
        check(f"--sync-delay ended with {done.returncode}: {done.stderr}", done.returncode == 0)
        check("something is left behind", os.listdir(place) == [])
        durable = json.loads(done.stdout)["benches"][0]
        check("--dir is not where it was", place in durable["notes"][0])
        lone = [f for f in durable["figures"] if f["n"] == 1 and f["unit"] == "/s"]
        check(f"the delay is not in it: {lone}", len(lone) == 1 and
              max(lone[0]["value"], lone[0]["floor"]) <= 1000 / 3)
    done = run(program, "durable", "--quick", "--dir", "/nowhere/at/all")
    check("--dir nowhere", done.returncode == 1 and "/nowhere" in done.stderr)


def main() -> int:
    program = sys.argv[-1]

    if "--memory-only" in sys.argv:
        check_report(program, BENCHES)
    else:
        check_report(program, BENCHES + ON_DISK)
        check_disk(program)
    done = run(program, "memory", "--quick")
    check("no table for people", done.returncode == 0 and "\nmemory: " in done.stdout and
          "<= 400 B" in done.stdout and "\ncycle" not in done.stdout)
    check("--help", run(program, "--help").stdout.startswith("usage: "))
    for bad in (["nonsense"], ["--nonsense"], ["--live"], ["--live", "1,,2"], ["--live", "0"],
                ["--sync-delay"], ["--sync-delay", "0"], ["--sync-delay", "2s"], ["--dir"]):
        check(f"{bad} is let through", run(program, *bad).returncode == 2)

    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
