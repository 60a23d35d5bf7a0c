#!/usr/bin/env python3
"""usher-bench still runs, and says what it measured. How fast it was is not judged.

    smoke.py PROGRAM
"""

import json
import subprocess
import sys

BENCHES = ["cycle", "memory", "line", "timers"]


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True)


def main() -> int:
    program = sys.argv[1]
    wrong = []

    def check(what: str, good: bool) -> None:
        if not good:
            wrong.append(what)

    done = run(program, "--quick", "--json")
    check(f"--quick --json ended with {done.returncode}", done.returncode == 0)
    check(f"it complains: {done.stderr.strip()}", done.stderr == "")
    report = json.loads(done.stdout)
    check("not all benches are in it", [b["name"] for b in report["benches"]] == BENCHES)
    for bench in report["benches"]:
        check(f"{bench['name']}: no figures", len(bench["figures"]) > 0)
        for figure in bench["figures"]:
            name = f"{bench['name']}: {figure['what']}"
            check(f"{name}: {figure['value']}", figure["value"] > 0)
            check(f"{name}: no target reached or missed",
                  ("at_most" in figure or "at_least" in figure) == ("reached" in figure))

    done = run(program, "memory", "--quick")
    check("no table for people", done.returncode == 0 and "\nmemory: " in done.stdout and
          "<= 400 B" in done.stdout and "\ncycle" not in done.stdout)
    check("--help", run(program, "--help").stdout.startswith("usage: "))
    for bad in (["nonsense"], ["--nonsense"], ["--live"], ["--live", "1,,2"], ["--live", "0"]):
        check(f"{bad} is let through", run(program, *bad).returncode == 2)

    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
