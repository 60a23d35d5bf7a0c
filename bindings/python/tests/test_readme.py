"""README.md: every snippet runs as it stands and prints what is shown below it; the table of names is whole and true."""

from __future__ import annotations

import builtins
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, List, Optional, Tuple

import usher

ROOT = Path(__file__).resolve().parents[3]
README = Path(__file__).resolve().parents[1] / "README.md"
HEADER = ROOT / "include" / "usher" / "usher.h"

MARK = "-- block --"
# Runs blocks one after the other in one namespace, as `python -m asyncio` would: what awaits has one loop for all.
RUNNER = f"""
import ast, asyncio, json, sys, types
loop = asyncio.new_event_loop()
blocks, scope = json.load(sys.stdin), {{"__name__": "__main__", "__builtins__": __builtins__}}
for n, block in enumerate(blocks, 1):
    code = compile(block, f"README block {{n}}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    made = types.FunctionType(code, scope)()
    if asyncio.iscoroutine(made):
        loop.run_until_complete(made)
    print({MARK!r}, flush=True)
loop.close()
"""


def blocks(readme: Path) -> List[Tuple[str, Optional[str]]]:
    """The Python blocks in order, each with the output that is shown directly below it."""
    found = re.findall(
        r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?",
        readme.read_text(encoding="utf-8"),
        re.M | re.S,
    )
    return [(code, shown or None) for code, shown in found]


def groups(readme: Path) -> List[List[Tuple[str, Optional[str]]]]:
    """A block that imports usher begins anew; the others go on from the one before."""
    made: List[List[Tuple[str, Optional[str]]]] = []
    for block in blocks(readme):
        if re.search(r"^import .*\busher$", block[0], re.M):
            made.append([])
        made[-1].append(block)
    return made


def public(name: str) -> Any:
    """What a dotted name of the package stands for."""
    at: Any = usher
    for part in name.split("."):
        at = getattr(at, part)
    return at


class Snippets(unittest.TestCase):
    def check_readme(self, readme: Path, at_least: int) -> None:
        self.assertGreaterEqual(len(blocks(readme)), at_least)
        for group in groups(readme):
            with self.subTest(
                begins=group[0][0].splitlines()[:3]
            ), tempfile.TemporaryDirectory() as empty:
                ran = subprocess.run(
                    [
                        sys.executable,
                        "-X",
                        "dev",
                        "-W",
                        "ignore::DeprecationWarning:__main__",
                        "-c",
                        RUNNER,
                    ],
                    input=json.dumps([code for code, _ in group]),
                    capture_output=True,
                    text=True,
                    timeout=60,
                    cwd=empty,
                )
                self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
                self.assertNotIn("Warning", ran.stderr)
                printed = ran.stdout.split(MARK + "\n")
                self.assertEqual(len(printed), len(group) + 1)
                for (code, shown), said in zip(group, printed):
                    self.assertEqual(said, shown or "", f"printed by\n{code}")

    def test_the_snippets_print_what_is_shown(self) -> None:
        self.check_readme(README, 10)

    def test_those_of_the_root_readme_too(self) -> None:
        self.check_readme(ROOT / "README.md", 1)

    def test_a_block_on_the_first_screen_is_short(self) -> None:
        code, _ = blocks(README)[0]
        self.assertLessEqual(len([line for line in code.splitlines() if line]), 12)


class Links(unittest.TestCase):
    def test_what_is_linked_is_there(self) -> None:
        for readme in (README, ROOT / "README.md", ROOT / "examples" / "python" / "README.md"):
            text = readme.read_text(encoding="utf-8")
            links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)", text)
            self.assertTrue(links)
            for path, anchor in links:
                with self.subTest(readme=str(readme), link=path, anchor=anchor):
                    target = readme.parent / path if path else readme
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, self.anchors(target))

    def anchors(self, page: Path) -> List[str]:
        heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
        return [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]


class Names(unittest.TestCase):
    def setUp(self) -> None:
        table = (
            README.read_text(encoding="utf-8")
            .partition("\n| usher.h | usher |\n")[2]
            .partition("\n\n")[0]
        )
        self.rows = re.findall(r"^\| `(usher_\w+)` \| (.*) \|$", table, re.M)

    def test_every_function_of_the_header_has_a_row(self) -> None:
        declared = re.findall(r"^USHER_API [^(]*?\b(usher_\w+)\(", HEADER.read_text(), re.M)
        self.assertGreater(len(declared), 50)
        self.assertEqual([name for name, _ in self.rows], declared)

    def test_every_name_exists_in_both_families(self) -> None:
        for function, said in self.rows:
            bound = re.match(r"((?:`[\w.]+`(?:, )?)+)(; |$)", said)
            with self.subTest(function=function):
                if bound is None:
                    self.assertRegex(said, r"^not bound: [\w`]+")
                    continue
                for name in re.findall(r"`([\w.]+)`", bound.group(1)):
                    public(name)
                    if hasattr(usher, "Async" + name.partition(".")[0]) and name != "Service.turn":
                        public("Async" + name)

    def test_the_table_of_errors_names_every_class(self) -> None:
        table = (
            README.read_text(encoding="utf-8")
            .partition("\n| class | is also a | when |\n")[2]
            .partition("\n\n")[0]
        )
        named = set(
            re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in table.splitlines()))
        )
        classes = {
            c.__name__
            for c in vars(usher).values()
            if isinstance(c, type) and issubclass(c, usher.UsherError)
        }
        self.assertEqual(named, classes - {"UsherError"})
        for row in table.splitlines()[1:]:
            _, names, bases, *_ = row.split("|")
            for base in re.findall(r"`(\w+)`", bases):
                for name in re.findall(r"`(\w+)`", names):
                    self.assertTrue(
                        issubclass(public(name), getattr(builtins, base, None) or public(base)),
                        name,
                    )


if __name__ == "__main__":
    unittest.main()
