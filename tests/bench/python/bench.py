#!/usr/bin/env python3
"""What the Python binding costs, beside the bare minimum and its peers. See --help."""

from __future__ import annotations

import argparse
import sys
from typing import Callable

import here  # before usher is imported

import usher

import batches
import beside
import calls
import floors
from measure import Run
from report import Bench, machine, print_json, print_table

BENCHES: dict[str, Callable[[Run], Bench]] = {
    "floors": floors.floors,
    "blocking": calls.blocking,
    "awaited": calls.awaited,
    "batches": batches.batches,
    "peers": beside.memory,
    "disk": beside.disk,
}

USAGE = """\
  floors    what ctypes and asyncio take by themselves
  blocking  enqueue, claim, acknowledge, resolve, standing, one at a time
  awaited   the same on asyncio, with 1, 100 and 10 k in flight
  batches   whole cycles, 10, 100 and 1000 at once
  peers     beside queue.PriorityQueue and asyncio.PriorityQueue
  disk      in a SQLite store, beside a queue made of Python's sqlite3

Without a name: all. Each figure is the median of several windows, between which the floor or the
peer runs; `best` is the best of them. `target` is what is aimed at, and no figure makes it
fail.
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description=__doc__,
        epilog=USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of them")
    parser.add_argument("--quick", action="store_true", help="small: to see whether it works")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--dir", help="where the stores go, instead of where temporary files go")
    wanted = parser.parse_args()
    for name in wanted.names:
        if name not in BENCHES:
            parser.error(f"no such bench: {name}")
    run = Run(wanted.quick, wanted.dir, sys.stderr.isatty())
    done: list[Bench] = []
    if not wanted.json:
        on = machine()
        print(
            f"usher {usher.__version__}, {on['python']}, {on['processors']} x {on['processor']}"
            + (", quick: the figures mean little" if wanted.quick else "")
        )
    for name, bench in BENCHES.items():
        if not wanted.names or name in wanted.names:
            done.append(bench(run))
            if not wanted.json:
                print_table(done[-1])
                sys.stdout.flush()
    if wanted.json:
        print_json(usher.__version__, wanted.quick, done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
