"""The README's first program and what it says that it prints; its policies.

    readme.py extract README.md OUT.c             writes the program as it stands in the README
    readme.py check README.md minimal.c PROGRAM   the example is the same text, and PROGRAM prints what the README shows
    readme.py policies README.md PROGRAM          PROGRAM takes each policy that the README shows
"""
import re
import subprocess
import sys
from pathlib import Path


def blocks(readme):
    text = Path(readme).read_text()
    code = re.search(r"^```c\n(.*?)^```\n", text, re.M | re.S)
    shown = re.search(r"^It prints\n\n```\n(.*?)^```\n", text, re.M | re.S)
    if not code or not shown:
        sys.exit(f"{readme}: no program, or no 'It prints' with a block after it")
    return code.group(1), shown.group(1)


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def main(what, readme, *rest):
    if what == "policies":
        policies = re.findall(r"^```json\n(.*?)^```\n", Path(readme).read_text(), re.M | re.S)
        if not policies:
            sys.exit(f"{readme}: no policy")
        for policy in policies:
            subprocess.run([rest[0]], check=True, input=policy.encode(), timeout=60)
        return
    code, shown = blocks(readme)
    if what == "extract":
        Path(rest[0]).write_text(code)
        return
    example, program = rest
    if code != Path(example).read_text():
        sys.exit(f"{readme} and {example} differ: the README shows the example as it is")
    if code.count("\n") >= 80:
        sys.exit("the first program has grown to 80 lines or more")
    printed = subprocess.run([program], check=True, capture_output=True, text=True, timeout=60).stdout
    if lines(printed) != lines(shown):
        sys.exit(f"{readme} shows\n{shown}\nbut the program prints\n{printed}")


main(*sys.argv[1:])
