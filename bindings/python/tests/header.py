"""usher.h as far as a binding needs it: what is declared, and what the compiler makes of it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

INCLUDE = pathlib.Path(__file__).resolve().parents[3] / "include"


@dataclass(frozen=True)
class Declared:
    """A parameter, a member or a result: `const char *who` is ("char", 1, "who")."""

    type: str
    stars: int
    name: str
    count: int | None = None  # of an array


@dataclass(frozen=True)
class Function:
    name: str
    result: Declared
    parameters: tuple[Declared, ...]


@dataclass(frozen=True)
class Header:
    functions: dict[str, Function]
    # A member that is a function's address is a callback too, and has its own name as its type:
    # "usher_options.trace".
    callbacks: dict[str, Function]
    structs: dict[str, tuple[Declared, ...]]
    enums: tuple[tuple[str, ...], ...]  # the names of each
    limits: tuple[str, ...]  # macros that are numbers
    text: str  # without comments


def read() -> Header:
    """The header. ValueError: it holds what is not understood; nothing is passed over."""
    source = (INCLUDE / "usher" / "usher.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", " ", source, flags=re.DOTALL)
    errors = re.findall(r"X\((E\w+), -\d+,", text)

    functions = {}
    for declaration in re.findall(r"^USHER_API\s+(.*?);", text, re.DOTALL | re.MULTILINE):
        match = re.fullmatch(r"(.*?)(\w+)\((.*)\)", " ".join(declaration.split()))
        if match is None:
            raise ValueError(f"not understood: {declaration}")
        functions[match[2]] = _function(match[2], match[1], match[3])

    callbacks = {
        name: _function(name, result, parameters)
        for result, name, parameters in re.findall(
            r"typedef ([\w ]+?)\(\*(\w+)\)\(([^;]*)\);", text
        )
    }
    structs = {}
    for tag, body, name in re.findall(r"typedef struct (\w+) \{([^{}]*)\} (\w+);", text):
        if tag != name:
            raise ValueError(f"struct {tag} is {name}")
        structs[name] = tuple(_members(name, body))
        for result, member, parameters in re.findall(r"([\w *]+?)\(\*(\w+)\)\(([^;]*)\);", body):
            callbacks[f"{name}.{member}"] = _function(member, result, parameters)

    enums = []
    for body in re.findall(r"\benum \{(.*?)\};", text, re.DOTALL):
        names = []
        for line in body.splitlines():
            if not line.startswith("#"):
                line = line.replace("USHER_ERROR_MAP(USHER_X)", "")
                names += re.findall(r"\b(USHER_\w+)\s*(?:=|,|$)", line)
        if "USHER_ERROR_MAP" in body:
            names += [f"USHER_{error}" for error in errors]
        enums.append(tuple(names))
    limits = tuple(
        re.findall(r"^#define (USHER_\w+) +(?:INT64_\w+(?:\(\d+\))?|\d+)", text, re.MULTILINE)
    )

    # Everything is found twice: by its form above, and here by the mere word.
    for what, found, expected in (
        ("functions", len(functions), len(re.findall(r"^USHER_API", text, re.MULTILINE))),
        ("structs", len(structs), len(re.findall(r"^typedef struct \w+ \{", text, re.MULTILINE))),
        ("callbacks", len(callbacks), len(re.findall(r"\(\*\w+\)\(", text))),
        ("enums", len(enums), len(re.findall(r"\benum\b", text))),
        ("errors", len(errors), len(re.findall(r"^    X\(", text, re.MULTILINE))),
    ):
        if found != expected or not found:
            raise ValueError(f"usher.h: understood {found} of {expected} {what}")
    return Header(functions, callbacks, structs, tuple(enums), limits, text)


def compiled(header: Header) -> tuple[dict[str, int], dict[str, dict[str, tuple[int, int]]]]:
    """What the compiler says: the value of every name, and (offset, size) of every member of every
    struct, which itself is ""."""
    lines = [f'printf("{name} %lld\\n", (long long){name});' for name in _constants(header)]
    for struct, members in header.structs.items():
        lines.append(f'printf("{struct} . 0 %zu\\n", sizeof({struct}));')
        for member in members:
            lines.append(
                f'printf("{struct} {member.name} %zu %zu\\n", offsetof({struct}, {member.name}),'
                f" sizeof((({struct} *)0)->{member.name}));"
            )
    source = "#include <stdio.h>\n#include <usher/usher.h>\nint main(void)\n{\n"
    output = run(source + "\n".join(lines) + "\nreturn 0;\n}\n")

    numbers: dict[str, int] = {}
    layout: dict[str, dict[str, tuple[int, int]]] = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) == 2:
            numbers[words[0]] = int(words[1])
        else:
            member = "" if words[1] == "." else words[1]
            layout.setdefault(words[0], {})[member] = (int(words[2]), int(words[3]))
    return numbers, layout


def run(source: str) -> str:
    """Compiles a C program and runs it; what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "program")
        compile_c(source, program)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout


def compile_c(source: str, output: pathlib.Path, *flags: str) -> None:
    """With $CC, or cc."""
    command = [*os.environ.get("CC", "cc").split(), "-std=c11", f"-I{INCLUDE}", *flags]
    subprocess.run(
        [*command, "-x", "c", "-", "-o", str(output)], input=source, check=True, text=True
    )


def _constants(header: Header) -> Iterable[str]:
    for names in header.enums:
        yield from names
    yield from header.limits


def _function(name: str, result: str, parameters: str) -> Function:
    listed = [] if parameters.strip() == "void" else parameters.split(",")
    return Function(name, _declared(result + " result"), tuple(_declared(p) for p in listed))


def _members(struct: str, body: str) -> Iterable[Declared]:
    for declaration in body.split(";"):
        declaration = " ".join(declaration.split())
        if not declaration:
            continue
        pointer = re.fullmatch(r".*?\(\*(\w+)\)\(.*\)", declaration)
        if pointer is not None:
            yield Declared(f"{struct}.{pointer[1]}", 0, pointer[1])
            continue
        first, *others = declaration.split(",")
        declared = _declared(first)
        yield declared
        for other in others:
            yield _declared(f"{declared.type} {other}")


def _declared(declaration: str) -> Declared:
    match = re.fullmatch(r"([\w\s*]+?)(\w+)\s*(?:\[(\w+)\])?", " ".join(declaration.split()))
    if match is None:
        raise ValueError(f"not understood: {declaration}")
    words = match[1].replace("*", " * ").split()
    kind = " ".join(word for word in words if word not in ("*", "const", "struct"))
    count = match[3]
    if count is not None and not count.isdigit():  # a parameter: an array is a pointer there
        return Declared(kind, words.count("*") + 1, match[2])
    return Declared(kind, words.count("*"), match[2], None if count is None else int(count))
