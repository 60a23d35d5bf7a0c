"""pip installs it: from the tree, from an sdist, editable; with its library, or the system's.

Everything is done as a user does it: on a copy of the sources, as a clone would be, with pip in
fresh environments and no index. The C library is compiled twice: from the tree, in a directory that
ctest keeps, and from the sdist, unoptimised.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import ctypes
import email
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import unittest
import venv
import zipfile
from typing import Any, Optional

PROJECT = pathlib.Path(__file__).resolve().parents[3]
HAS_PIP = subprocess.run([sys.executable, "-m", "ensurepip", "--version"], capture_output=True)

# Nowhere to look for packages, and nothing of this run's own set-up.
OURS = ("LD_", "PIP_", "PYTHON", "USHER_")
ALONE = {
    **{name: value for name, value in os.environ.items() if not name.startswith(OURS)},
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INDEX": "1",
}

NO_LIBRARY = "-DCMAKE_FIND_ROOT_PATH=/nonexistent" + "".join(
    f" -DCMAKE_FIND_ROOT_PATH_MODE_{kind}=ONLY" for kind in ("LIBRARY", "INCLUDE", "PACKAGE")
)

# The system's library is loaded by its name: where it was found only the process knows.
ABOUT = """
import json, usher
with open("/proc/self/maps") as maps:
    library = {line.split()[-1] for line in maps if "libusher" in line}
print(json.dumps([usher.__file__, *library, usher.__version__]))
"""
CALL = """
import json, sys, _build
getattr(_build, sys.argv[1])(sys.argv[2], json.loads(sys.argv[3]))
"""
SITE = "import sysconfig; print(sysconfig.get_path('platlib'))"
TAG = re.sub("[-.]", "_", sysconfig.get_platform())


def version() -> str:
    text = (PROJECT / "include/usher/version.h").read_text()
    return ".".join(re.findall(r"^#define USHER_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", text, re.M))


def copy_sources(to: pathlib.Path) -> None:
    """With their times, so that what has been compiled of them is known to be."""
    shutil.rmtree(to, ignore_errors=True)
    unneeded = shutil.ignore_patterns("__pycache__", ".mypy_cache", "tests")
    for name in ("include", "lib", "bindings/python"):
        shutil.copytree(PROJECT / name, to / name, ignore=unneeded)
    for name in ("CMakeLists.txt", "LICENSE"):
        shutil.copy2(PROJECT / name, to / name)


def listing(top: pathlib.Path) -> list[str]:
    """All that is there, but for what running Python out of it leaves."""
    found = (p.relative_to(top).as_posix() for p in top.rglob("*"))
    return sorted(p for p in found if not re.search("usher/.*__pycache__", p))


def run(*command: object, env: Optional[dict[str, str]] = None, cwd: Any = "/") -> str:
    """What it prints, errors too."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env or ALONE,
        cwd=cwd,
        timeout=300,
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


@unittest.skipIf(HAS_PIP.returncode, "there is no ensurepip here (Debian: python3-venv)")
class Packaging(unittest.TestCase):
    folder: pathlib.Path
    clone: pathlib.Path
    source: pathlib.Path  # in it
    kept: pathlib.Path  # CMake's build directory

    @classmethod
    def setUpClass(cls) -> None:
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.folder = pathlib.Path(made.name).resolve()
        stays = pathlib.Path(os.environ.get("USHER_PACKAGE_BUILD", cls.folder / "stays"))
        cls.kept = stays / "build"
        cls.clone = stays / "clone"
        cls.source = cls.clone / "bindings/python"
        copy_sources(cls.clone)
        cls.before = listing(cls.clone)
        cls.main = cls.environment("main", with_pip=True)
        kept = f"build-dir={cls.kept}"
        run(cls.main, "-m", "pip", "install", "--config-settings", kept, cls.source)

    @classmethod
    def environment(cls, name: str, with_pip: bool = False) -> pathlib.Path:
        venv.create(cls.folder / name, with_pip=with_pip, symlinks=True)
        return cls.folder / name / "bin" / "python"

    def pip(self, python: pathlib.Path, *words: object) -> str:
        """The first environment's pip serves them all: installing pip takes seconds."""
        return run(self.main, "-m", "pip", "--python", python, *words)

    def backend(
        self,
        hook: str,
        settings: dict[str, str],
        source: Optional[pathlib.Path] = None,
        **environment: str,
    ) -> bytes:
        """What pip would call. The file that it makes."""
        with tempfile.TemporaryDirectory(dir=self.folder) as made:
            words = (CALL, hook, made, json.dumps(settings))
            env = {**ALONE, "PYTHONPATH": str(source or self.source), **environment}
            run(sys.executable, "-c", *words, env=env)
            (file,) = pathlib.Path(made).iterdir()
            return file.read_bytes()

    def refused(self, settings: dict[str, str], **more: Any) -> str:
        with self.assertRaises(AssertionError) as raised:
            self.backend("build_wheel", settings, **more)
        said = str(raised.exception)
        self.assertNotIn("Traceback", said)
        return said[said.index("usher: ") :]

    def works(self, python: pathlib.Path, **environment: str) -> tuple[pathlib.Path, pathlib.Path]:
        """Where the package and its library are."""
        env = {**ALONE, **environment}
        package, library, said = json.loads(run(python, "-X", "dev", "-c", ABOUT, env=env))
        self.assertEqual(said, version())
        self.assertEqual(run(python, "-m", "usher", "--version", env=env), f"usher {version()}\n")
        self.assertIn("resolved", run(python, "-X", "dev", "-m", "usher", "demo", env=env))
        return pathlib.Path(package).parent, pathlib.Path(library)

    # ---- installing ------------------------------------------------------------------------------

    def test_installed_from_the_tree(self) -> None:
        package, library = self.works(self.main)
        site = package.parent
        self.assertIn(self.folder, package.parents)
        self.assertEqual(library, package / "_libusher.so")
        self.assertEqual(run(self.main, "-m", "pip", "check"), "No broken requirements found.\n")
        # Nothing that it has installed is unknown to it, and the other way round.
        info = site / f"usher-{version()}.dist-info"
        with (info / "RECORD").open(newline="") as record:
            recorded = {row[0] for row in csv.reader(record)}
        there = {p for top in (package, info) for p in top.rglob("*") if p.is_file()}
        self.assertEqual(recorded, {p.relative_to(site).as_posix() for p in there})

    def test_uninstalled(self) -> None:
        python = self.environment("gone")
        self.pip(python, "install", self.wheel())
        package, _ = self.works(python)
        self.pip(python, "uninstall", "-y", "usher")
        self.assertEqual([str(p) for p in package.parent.glob("*usher*")], [])

    def test_editable(self) -> None:
        python = self.environment("editable")
        self.pip(python, "install", "--config-settings", f"build-dir={self.kept}", "-e", self.source)
        package, library = self.works(python)
        self.assertEqual(package, self.source / "usher")
        self.assertIn(self.folder, library.parents)
        self.pip(python, "uninstall", "-y", "usher")
        site = pathlib.Path(run(python, "-c", SITE).strip())
        self.assertEqual([str(p) for p in site.glob("*usher*")], [])

    def test_installed_from_an_sdist(self) -> None:
        sdist = self.folder / f"usher-{version()}.tar.gz"
        sdist.write_bytes(self.backend("build_sdist", {}))
        with tarfile.open(sdist) as tar:
            names = set(tar.getnames())
            head = tar.extractfile(f"usher-{version()}/PKG-INFO")
            assert head
            self.assertEqual(email.message_from_binary_file(head)["Name"], "usher")
        for name in ("CMakeLists.txt", "LICENSE", "include/usher/version.h", "lib/usher.map"):
            self.assertIn(f"usher-{version()}/{name}", names)
        python = self.environment("sdist")
        quick = "cmake-args=-DCMAKE_BUILD_TYPE=Debug"
        self.pip(python, "install", "--config-settings", quick, sdist)
        package, library = self.works(python)
        self.assertIn(self.folder, package.parents)
        self.assertEqual(library, package / "_libusher.so")

    def test_the_systems_library(self) -> None:
        build = os.environ.get("USHER_BUILD")
        if not build:
            self.skipTest("no build with an install target: set USHER_BUILD")
        run("cmake", "--install", build, "--prefix", self.folder / "prefix")
        (found,) = (self.folder / "prefix").glob("lib*/**/libusher.so")
        bare = self.folder / "bare"
        shutil.copytree(self.source / "usher", bare / "usher")
        python = self.environment("system")
        env = {"PYTHONPATH": str(bare), "LD_LIBRARY_PATH": str(found.parent)}
        package, library = self.works(python, **env)
        self.assertEqual(package, bare / "usher")
        name = "libusher.so." + version().rpartition(".")[0]
        self.assertTrue(library.name.startswith(name), library)
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return  # there is one without that path too
        with self.assertRaises(AssertionError) as raised:
            self.works(python, PYTHONPATH=str(bare))
        for part in ("ImportError: usher: ", "_libusher.so", name, "USHER_LIBRARY"):
            self.assertIn(part, str(raised.exception))

    # ---- what is made ----------------------------------------------------------------------------

    def wheel(self) -> pathlib.Path:
        name = f"usher-{version()}-py3-none-{TAG}.whl"
        (self.folder / name).write_bytes(self.backend("build_wheel", {"build-dir": str(self.kept)}))
        return self.folder / name

    def test_wheel(self) -> None:
        with zipfile.ZipFile(self.wheel()) as wheel:
            files = {entry.filename: wheel.read(entry) for entry in wheel.infolist()}
            modes = {entry.filename: entry.external_attr >> 16 for entry in wheel.infolist()}
        info = f"usher-{version()}.dist-info"
        package = [*(self.source / "usher").rglob("*.py"), self.source / "usher/py.typed"]
        expected = {p.relative_to(self.source).as_posix() for p in package}
        expected |= {f"{info}/{name}" for name in ("LICENSE", "METADATA", "WHEEL", "RECORD")}
        self.assertEqual(set(files), expected | {"usher/_libusher.so", "usher/usher.h"})
        self.assertTrue(files["usher/_libusher.so"].startswith(b"\x7fELF"))
        self.assertEqual(modes["usher/_libusher.so"], 0o100755)
        rows = list(csv.reader(io.StringIO(files[f"{info}/RECORD"].decode())))
        self.assertEqual({row[0] for row in rows}, set(files))
        for name, digest, size in rows:
            if name != f"{info}/RECORD":
                sha = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest())
                self.assertEqual(digest, "sha256=" + sha.decode().rstrip("="), name)
                self.assertEqual(int(size), len(files[name]), name)
        metadata = email.message_from_bytes(files[f"{info}/METADATA"])
        self.assertEqual((metadata["Name"], metadata["Version"]), ("usher", version()))
        self.assertEqual(metadata["Requires-Python"], ">=3.9")
        self.assertIsNone(metadata["Requires-Dist"])
        self.assertIn("# usher", str(metadata.get_payload()))
        self.assertIn(f"Tag: py3-none-{TAG}\n".encode(), files[f"{info}/WHEEL"])
        self.assertIn(b"Root-Is-Purelib: false\n", files[f"{info}/WHEEL"])

    def test_same_bytes_again(self) -> None:
        kept = {"build-dir": str(self.kept)}
        for hook, settings in (("build_wheel", kept), ("build_sdist", {})):
            made = [
                self.backend(hook, settings, SOURCE_DATE_EPOCH=date)
                for date in ("1700000000", "1700000000", "1600000000")
            ]
            self.assertEqual(made[0], made[1])
            self.assertNotEqual(made[0], made[2])

    # ---- what is missing -------------------------------------------------------------------------

    def test_without_tools(self) -> None:
        said = self.refused({}, PATH="/nonexistent", CC="wcc")
        for part in ("Debian: cmake", "gcc, libc6-dev", "CC says wcc", "Debian: ninja-build"):
            self.assertIn(part, said)
        self.assertIn("All that it needs, on Debian: apt-get install gcc", said)
        self.assertIn("the C compiler does not work", self.refused({}, CC=shutil.which("false")))

    def test_without_libuv(self) -> None:
        said = self.refused({"cmake-args": NO_LIBRARY})
        self.assertIn("    libuv's headers, 1.44 or newer (Debian: libuv1-dev)\n", said)

    def test_without_sqlite(self) -> None:
        uv = self.folder / "uv"
        uv.mkdir()
        parts = zip(("MAJOR", "MINOR", "PATCH"), (1, 44, 2))
        (uv / "version.h").write_text("".join(f"#define UV_VERSION_{p} {n}\n" for p, n in parts))
        there = f" -DLibUV_LIBRARY=/lib -DLibUV_INCLUDE_DIR={self.folder}"
        said = self.refused({"cmake-args": NO_LIBRARY + there})
        self.assertIn("    SQLite's headers, 3.37 or newer (Debian: libsqlite3-dev)\n", said)

    def test_without_sources(self) -> None:
        lonely = self.folder / "tmp/pip-req-build/python"
        shutil.copytree(self.source, lonely)
        self.assertIn("pip before 21.3 builds in a copy", self.refused({}, source=lonely))

    def test_wrong_date(self) -> None:
        said = self.refused({"build-dir": str(self.kept)}, SOURCE_DATE_EPOCH="now")
        self.assertIn("SOURCE_DATE_EPOCH is a number of seconds, not 'now'", said)

    def test_leaves_nothing(self) -> None:
        self.wheel()
        self.assertEqual(listing(self.clone), self.before)


if __name__ == "__main__":
    unittest.main()
