#!/usr/bin/env python3
"""Small is a feature: the text of the shared library, and what it needs at run time.

    size.py LIBRARY [--max-text BYTES]
"""

import argparse
import re
import subprocess
import sys

ALLOWED = re.compile(r"lib(uv|sqlite3|c)\.so\.\d+|ld-linux[\w-]*\.so\.\d+")


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("library")
    arguments.add_argument("--max-text", type=int)
    given = arguments.parse_args()

    text = int(output("size", given.library).splitlines()[1].split()[0])
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", given.library))

    wrong = [f"needs {name}" for name in needed if not ALLOWED.fullmatch(name)]
    if given.max_text is not None and text > given.max_text:
        wrong.append(f"{text} bytes of text, {text - given.max_text} more than was promised")
    limit = "no limit in this build" if given.max_text is None else f"limit {given.max_text}"
    print(f"text {text} bytes ({limit}); needs {', '.join(needed)}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
