"""The README's first program and what it says that it prints; its policies; its snippets.

    readme.py extract README.md OUT.c             writes the program as it stands in the README
    readme.py check README.md minimal.c PROGRAM   the example is the same text, and PROGRAM prints what the README shows
    readme.py policies README.md PROGRAM          PROGRAM takes each policy that the README shows
    readme.py snippets README.md DIR              writes each snippet to DIR/SECTION_N.inc, and the policy that they go by
    readme.py told README.md recipes.c PROGRAM    all snippets are in recipes.c, and PROGRAM prints what is shown below them
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


def sections(readme):
    """{section: ([snippets], what is shown after them)}, of the sections that have snippets."""
    found = {}
    for part in re.split(r"^#{2,3} ", Path(readme).read_text(), flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
        fenced = re.findall(r"^```(\w*)\n(.*?)^```\n", body, re.M | re.S)
        snippets = [text for language, text in fenced if language == "c"]
        shown = [text for language, text in fenced if language == ""]
        if snippets:
            found[name] = (snippets, shown[-1] if shown else None)
    return found


def write_snippets(readme, folder):
    side = Path(readme).read_text().partition("\n## From the side of")[2]
    policy = re.search(r"^```json\n(.*?)^```\n", side, re.M | re.S).group(1)
    quoted = "".join('"' + line.replace('"', "'") + '"\n' for line in policy.splitlines())
    (Path(folder) / "policy.inc").write_text(quoted)
    for name, (snippets, _) in sections(readme).items():
        for i, snippet in enumerate(snippets, 1):
            (Path(folder) / f"{name}_{i}.inc").write_text(snippet)


def check_told(readme, recipes, program):
    found = sections(readme)
    included = set(re.findall(r'#include "(\w+\.inc)"', Path(recipes).read_text())) - {"policy.inc"}
    written = {f"{name}_{i}.inc" for name, (snippets, _) in found.items() for i in range(1, len(snippets) + 1)}
    if included != written:
        sys.exit(f"{readme} and {recipes} differ: {sorted(included ^ written)}")
    printed = subprocess.run([program], check=True, capture_output=True, text=True, timeout=60).stdout
    told = {part.partition("\n")[0]: lines(part.partition("\n")[2]) for part in printed.split("== ")[1:]}
    for name, (_, shown) in found.items():
        if shown is not None and lines(shown) != told.get(name):
            print(f"{readme}, {name}, shows\n{shown}\nbut what is told is")
            print("\n".join(told.get(name, ["nothing"])))
            sys.exit(1)


def main(what, readme, *rest):
    if what == "policies":
        policies = re.findall(r"^```json\n(.*?)^```\n", Path(readme).read_text(), re.M | re.S)
        if not policies:
            sys.exit(f"{readme}: no policy")
        for policy in policies:
            subprocess.run([rest[0]], check=True, input=policy.encode(), timeout=60)
        return
    if what == "snippets":
        return write_snippets(readme, *rest)
    if what == "told":
        return check_told(readme, *rest)
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
