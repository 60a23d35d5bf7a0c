"""Builds the package: pip's backend (PEP 517 and 660), with Python's standard library alone.

A wheel holds the Python files and libusher, compiled with CMake from the sources around it: the
project that this directory lies in, or the ones that an sdist carries. It is for every Python and
for one platform, hence py3-none-PLATFORM. The same sources make the same bytes; SOURCE_DATE_EPOCH
says of which date. Everything is made in a temporary directory.

    pip install ./bindings/python
    pip install --config-settings build-dir=/tmp/usher ./bindings/python    keeps CMake's directory
    pip install --config-settings cmake-args="-D NAME=VALUE ..." ...        more for CMake
"""
from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, Iterator, Mapping, NoReturn, Optional

HERE = Path(__file__).resolve().parent
NAME = "usher"
SUMMARY = "An embeddable service queue: a fair line, and promises kept to the people who wait"
BUNDLED = "usher/_libusher.so"  # where usher/_library.py looks first
MANUAL = "usher/usher.h"  # what the docstrings leave to it
C_SOURCES = {".c", ".h", ".map", ".cmake", ".in", ".md", ".txt"}
EARLIEST = 315532800  # 1980-01-01: a zip file knows no date before

Settings = Optional[Mapping[str, Any]]


def forget_bytecode() -> None:
    """pip imports this file from the source tree, which is to stay as it was."""
    cached = Path(importlib.util.cache_from_source(__file__))
    with contextlib.suppress(OSError):
        cached.unlink()
        cached.parent.rmdir()  # unless something else is in it


forget_bytecode()


def fail(text: str) -> NoReturn:
    # Without a traceback: pip shows the end of what a backend prints.
    raise SystemExit(f"usher: {text}")


# ---- what is packed ------------------------------------------------------------------------------


def project() -> Path:
    """Where the C sources are."""
    for root in (HERE, HERE.parent.parent):
        if (root / "include/usher/version.h").is_file() and (root / "lib/usher.c").is_file():
            return root
    fail(
        f"the C sources are neither in {HERE} nor two directories above it. pip before 21.3 builds"
        " in a copy of bindings/python: take a newer one, or --use-feature=in-tree-build"
    )


def version() -> str:
    text = (project() / "include/usher/version.h").read_text(encoding="utf-8")
    parts = re.findall(r"^#define USHER_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", text, re.MULTILINE)
    if len(parts) != 3:
        fail("include/usher/version.h does not say which version this is")
    return ".".join(parts)


def python_files() -> list[Path]:
    found = [p for p in (HERE / "usher").rglob("*") if p.suffix == ".py" or p.name == "py.typed"]
    return sorted(found)


def c_files() -> list[Path]:
    root = project()
    found = [*(root / "include").rglob("*"), *(root / "lib").rglob("*")]
    sources = sorted(p for p in found if p.suffix in C_SOURCES)
    return [root / "CMakeLists.txt", root / "LICENSE", *sources]


def metadata() -> bytes:
    head = [
        "Metadata-Version: 2.1",
        f"Name: {NAME}",
        f"Version: {version()}",
        f"Summary: {SUMMARY}",
        "License: MIT",
        "License-File: LICENSE",
        "Requires-Python: >=3.9",
        "Classifier: License :: OSI Approved :: MIT License",
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Programming Language :: C",
        "Classifier: Programming Language :: Python :: 3 :: Only",
        "Classifier: Framework :: AsyncIO",
        "Classifier: Typing :: Typed",
        "Description-Content-Type: text/markdown; charset=UTF-8",
    ]
    return "\n".join([*head, "", (HERE / "README.md").read_text(encoding="utf-8")]).encode()


def platform() -> str:
    return re.sub(r"[-.]", "_", sysconfig.get_platform())


def wheel_file() -> bytes:
    lines = [
        "Wheel-Version: 1.0",
        "Generator: usher",
        "Root-Is-Purelib: false",
        f"Tag: py3-none-{platform()}",
        "",
    ]
    return "\n".join(lines).encode()


def dist_info() -> dict[str, bytes]:
    """By name; RECORD apart, which has to know everything else."""
    inside = f"{NAME}-{version()}.dist-info"
    return {
        f"{inside}/LICENSE": (project() / "LICENSE").read_bytes(),
        f"{inside}/METADATA": metadata(),
        f"{inside}/WHEEL": wheel_file(),
    }


def epoch() -> int:
    text = os.environ.get("SOURCE_DATE_EPOCH", "0")
    if not text.isdigit():
        fail(f"SOURCE_DATE_EPOCH is a number of seconds, not {text!r}")
    return max(int(text), EARLIEST)


# ---- the C library -------------------------------------------------------------------------------

NEEDED = {  # as CMake calls it: what it is, and where Debian has it
    "LibUV": "libuv's headers, 1.44 or newer (Debian: libuv1-dev)",
    "SQLite3": "SQLite's headers, 3.37 or newer (Debian: libsqlite3-dev)",
    "Threads": "the C library's headers (Debian: libc6-dev)",
}
DEBIAN = "apt-get install gcc libc6-dev cmake ninja-build libuv1-dev libsqlite3-dev"


def fail_without(missing: list[str]) -> NoReturn:
    # CMake stops at the first that it misses, so all of them are named.
    lines = "".join(f"    {what}\n" for what in missing)
    fail(
        f"the C library cannot be built, this is missing:\n{lines}"
        f"All that it needs, on Debian: {DEBIAN}"
    )


def setting(settings: Settings, name: str) -> list[str]:
    """pip hands over a string, or several."""
    value = (settings or {}).get(name, [])
    return [value] if isinstance(value, str) else list(value)


def generator() -> list[str]:
    """What runs the build, for CMake's command line. All that is missing is told at once."""
    missing = []
    if not shutil.which("cmake"):
        missing.append("CMake, 3.21 or newer (Debian: cmake)")
    named = shlex.split(os.environ.get("CC", ""))[:1]
    if not any(shutil.which(compiler) for compiler in named or ("cc", "gcc", "clang")):
        said = f"; CC says {named[0]}" if named else ""
        missing.append(f"a C compiler (Debian: gcc, libc6-dev){said}")
    has_ninja = shutil.which("ninja") is not None
    if not has_ninja and not shutil.which("make") and "CMAKE_GENERATOR" not in os.environ:
        missing.append("Ninja or make (Debian: ninja-build)")
    if missing:
        fail_without(missing)
    return ["-G", "Ninja"] if has_ninja and "CMAKE_GENERATOR" not in os.environ else []


def run(*command: str) -> tuple[bool, str]:
    """All that it prints is shown as it comes: pip hides it when all goes well."""
    said = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
    return process.returncode == 0, "".join(said)


def configure(build: Path, more: list[str]) -> None:
    command = ["cmake", "-S", str(project()), "-B", str(build), *generator()]
    settings = [
        "CMAKE_BUILD_TYPE=Release",
        "BUILD_SHARED_LIBS=ON",
        f"CMAKE_LIBRARY_OUTPUT_DIRECTORY={build / 'out'}",
        "USHER_EXAMPLES=OFF",
        "USHER_INSTALL=OFF",
        "USHER_TESTS=OFF",
    ]
    done, said = run(*command, *(f"-D{text}" for text in settings), *more)
    if done:
        return
    missing = [what for name, what in NEEDED.items() if f"Could NOT find {name}" in said]
    if missing:
        fail_without(missing)
    if "is not able to compile a simple test program" in said:
        fail("the C compiler does not work, see above (Debian: gcc, libc6-dev)")
    fail("CMake cannot set up the C library's build, see above")


@contextlib.contextmanager
def build_directory(settings: Settings) -> Iterator[Path]:
    kept = setting(settings, "build-dir")
    if kept:
        yield Path(kept[-1]).absolute()
        return
    with tempfile.TemporaryDirectory("-usher") as made:
        yield Path(made)


def library(settings: Settings) -> bytes:
    """libusher, compiled."""
    jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    data = b""
    more = shlex.split(" ".join(setting(settings, "cmake-args")))
    with build_directory(settings) as build:
        configure(build, more)
        done, _ = run("cmake", "--build", str(build), "--target", "usher", "--parallel", jobs)
        if not done:
            fail("the C library does not compile, see above")
        data = (build / "out/libusher.so").read_bytes()
    return data


# ---- archives ------------------------------------------------------------------------------------


def write_wheel(directory: str, files: Mapping[str, bytes]) -> str:
    record_name = f"{NAME}-{version()}.dist-info/RECORD"
    name = f"{NAME}-{version()}-py3-none-{platform()}.whl"
    record = io.StringIO()
    with zipfile.ZipFile(Path(directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(inside: str, data: bytes) -> None:
            entry = zipfile.ZipInfo(inside, time.gmtime(epoch())[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # with Unix permissions
            entry.external_attr = (0o100755 if inside.endswith(".so") else 0o100644) << 16
            wheel.writestr(entry, data)

        for inside, data in files.items():  # none of these names holds a comma
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.write(f"{inside},sha256={digest},{len(data)}\n")
            add(inside, data)
        record.write(f"{record_name},,\n")
        add(record_name, record.getvalue().encode())
    return name


def package_files() -> Iterator[tuple[str, bytes]]:
    for path in python_files():
        yield path.relative_to(HERE).as_posix(), path.read_bytes()


# ---- what pip calls ------------------------------------------------------------------------------


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return []


get_requires_for_build_sdist = get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    for name, data in dist_info().items():
        path = Path(metadata_directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return f"{NAME}-{version()}.dist-info"


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    manual = {MANUAL: (project() / "include/usher/usher.h").read_bytes()}
    files = {**dict(package_files()), **manual, BUNDLED: library(config_settings), **dist_info()}
    return write_wheel(wheel_directory, files)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    """The Python files stay where they are. The library is compiled now and installed as usual,
    where usher/_library.py finds it through the metadata. After a change in C: once more."""
    pth = {f"_{NAME}_editable.pth": os.fsencode(HERE) + b"\n"}
    files = {**pth, BUNDLED: library(config_settings), **dist_info()}
    return write_wheel(wheel_directory, files)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    top = f"{NAME}-{version()}"
    files: dict[str, bytes] = {"PKG-INFO": metadata(), **dict(package_files())}
    for name in ("pyproject.toml", "_build.py", "README.md"):
        files[name] = (HERE / name).read_bytes()
    for path in c_files():
        files[path.relative_to(project()).as_posix()] = path.read_bytes()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(files[name])
            entry.mtime = epoch()
            archive.addfile(entry, io.BytesIO(files[name]))
    packed = gzip.compress(tar.getvalue(), mtime=epoch())
    (Path(sdist_directory) / f"{top}.tar.gz").write_bytes(packed)
    return f"{top}.tar.gz"
