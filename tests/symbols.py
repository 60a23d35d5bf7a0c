#!/usr/bin/env python3
"""What the shared library shows to the world, and what it asks of it.

    symbols.py --header usher.h --map usher.map [--library libusher.so] [--max 55] [--update]

The functions declared in the header are the list. The version script must name exactly these, and
the library must export exactly these. --update writes the version script anew from the header.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

# A library neither ends its host's process, nor writes to its terminal, nor changes what all of the
# process shares: signals, environment, time zone. (pthread_sigmask is a thread's own: the store's thread
# is started with all signals blocked, so that they go on coming to the host's.)
FORBIDDEN = {
    *("exit _exit _Exit quick_exit atexit abort raise kill".split()),
    *("signal sigaction sigprocmask".split()),
    *("printf vprintf puts putchar fprintf vfprintf dprintf vdprintf perror".split()),
    *("stdout stderr syslog".split()),
    *("setenv unsetenv putenv clearenv setlocale umask chdir".split()),
    *("tzset localtime localtime_r mktime strftime".split()),
}


def declared(header: str) -> set[str]:
    """The functions that a header declares at file scope; static and inline ones are not."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header, flags=re.S)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    text = re.sub(r'extern\s+"C"\s*\{', "", text)
    while (inner := re.sub(r"\{[^{}]*\}", ";", text)) != text:
        text = inner
    found = set()
    for statement in text.split(";"):
        name = re.match(r"[\w\s*]*?\b(usher_\w+)\s*\(", statement.strip())
        if name and not re.match(r"\s*(static|typedef)\b", statement):
            found.add(name[1])
    return found


def listed(script: str) -> set[str]:
    """The names under global: in a version script."""
    found = re.search(r"global:(.*?)local:", script, flags=re.S)
    return set(re.findall(r"[^\s;]+", found[1])) if found else set()


def nm(*args: str) -> list[tuple[str, str]]:
    """(type, name) of each line of nm, without symbol versions."""
    out = subprocess.run(["nm", *args], check=True, capture_output=True, text=True).stdout
    rows = (re.match(r"[0-9a-f ]*\b([A-Za-z]) ([^@\s]+)", line) for line in out.splitlines())
    return [(row[1], row[2]) for row in rows if row]


def plain(name: str) -> str:
    """The function behind a fortified one: __printf_chk is printf."""
    fortified = re.fullmatch(r"__(\w+)_chk", name)
    return fortified[1] if fortified else name


def differ(what: str, have: set[str], want: set[str]) -> list[str]:
    lines = [f"{what} lacks {name}" for name in sorted(want - have)]
    return lines + [f"{what} has {name}, which the header does not declare" for name in sorted(have - want)]


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--header", type=Path, required=True)
    arguments.add_argument("--map", type=Path, required=True)
    arguments.add_argument("--library")
    arguments.add_argument("--max", type=int, default=55)
    arguments.add_argument("--update", action="store_true")
    given = arguments.parse_args()

    functions = declared(given.header.read_text())
    if given.update:
        names = "".join(f"        {name};\n" for name in sorted(functions))
        given.map.write_text(f"{{\n    global:\n{names}    local:\n        *;\n}};\n")
        print(f"{given.map}: {len(functions)} functions")
        return 0

    wrong = differ("the version script", listed(given.map.read_text()), functions)
    if len(functions) > given.max:
        wrong.append(f"{len(functions)} public functions: {given.max} is what was promised")
    if given.library:
        exported = {name for _, name in nm("-D", "--defined-only", given.library)}
        wrong += differ("the library", exported, functions)
        asked = {plain(name) for _, name in nm("-D", "--undefined-only", given.library)}
        wrong += [f"the library calls {name}" for name in sorted(asked & FORBIDDEN)]
    print("\n".join(wrong) or f"{len(functions)} public functions, declared, listed and exported alike")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
