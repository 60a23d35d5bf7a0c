"""What the long harnesses counted, out of ctest's log, which it does not print when they pass.

    counts.py BUILD-DIRECTORY
"""

import pathlib
import re
import sys

HARNESS = re.compile(r"oracle|random|storm|crash|soak|faults|zones|model|fuzz")
LINES = 20  # of each, the last ones


def outputs(log):
    for name, rest in re.findall(r"^\d+/\d+ Testing: (\S+)\n(.*?)^<end of output>", log, re.M | re.S):
        yield name, rest.partition("----------------------------------------------------------\n")[2]


def main():
    log = pathlib.Path(sys.argv[1], "Testing", "Temporary", "LastTest.log")
    for name, output in sorted(outputs(log.read_text(errors="replace"))):
        lines = [re.split(r"\r|\x1b\[K", line)[-1].rstrip() for line in output.splitlines()]
        lines = [line for line in lines if line and not line.startswith("[") and not line.endswith(": agrees")]
        if HARNESS.match(name) and lines:
            print(f"{name}:")
            for line in lines[-LINES:]:
                print(f"    {line}")


if __name__ == "__main__":
    main()
