"""Which library is taken, and what is said when there is none, a wrong or an incomplete one."""

from __future__ import annotations

import ctypes
import os
import pathlib
import shutil
import tempfile
import unittest
from unittest import mock

from usher import _ffi, _library

from . import child, header

IMPORT = """
    try:
        import usher
    except ImportError as error:
        print(error)
        print("name:", error.name)
    else:
        from usher import _ffi
        print("loaded", _ffi.lib._name)
"""


class TestLibrary(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def another(self, name: str, version: str | None, without: str | None = None) -> str:
        """A library that has every name and none of the meaning."""
        lines = []
        if version is not None:
            number = "{} << 16 | {} << 8 | {}".format(*version.split("."))
            lines.append(f"unsigned usher_version(void) {{ return {number}; }}")
            lines += [
                f"int {function}(void) {{ return 0; }}"
                for function, _, _ in _ffi.FUNCTIONS
                if function not in (without, "usher_version")
            ]
        lines.append("int usher_nothing;")
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        header.compile_c("\n".join(lines), path, "-shared", "-fPIC")
        return str(path)

    def package(self) -> pathlib.Path:
        """A copy of the package, to put a library into."""
        package = self.folder / "usher"
        shutil.copytree(
            child.ROOT / "usher",
            package,
            ignore=shutil.ignore_patterns("_libusher.so", "__pycache__"),
        )
        return package

    def said(self, override: str | None, folder: pathlib.Path | None = None, path: str = "") -> str:
        env = {"USHER_LIBRARY": override, "LD_LIBRARY_PATH": path or None}
        result = child.python(IMPORT, folder=folder, env=env)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_a_library_that_is_not_there(self) -> None:
        path = str(self.folder / "nowhere.so")
        said = self.said(path)
        self.assertIn("usher: libusher cannot be loaded from USHER_LIBRARY:", said)
        self.assertIn(path, said)
        self.assertIn("pip install", said)
        self.assertIn("name: usher", said)

    def test_a_file_that_is_no_library(self) -> None:
        path = self.folder / "text.so"
        path.write_text("hello")
        said = self.said(str(path))
        self.assertIn(f"{path}: ", said)
        self.assertIn("pip install", said)

    def test_a_library_that_is_not_ushers(self) -> None:
        path = self.another("other.so", None)
        self.assertIn(f"{path} has no usher_version: it is not libusher", self.said(path))

    def test_another_version(self) -> None:
        for version in ("0.2.0", "1.1.0", "0.0.9"):
            path = self.another(f"{version}.so", version)
            said = self.said(path)
            self.assertIn(
                f"{path} is version {version}, and this is the Python binding {_library.VERSION}",
                said,
            )

    def test_another_patch_is_no_other_version(self) -> None:
        major, minor, patch = _library.VERSION.split(".")
        path = self.another("patched.so", f"{major}.{minor}.{int(patch) + 9}")
        self.assertIn(f"loaded {path}", self.said(path))

    def test_a_function_that_is_missing(self) -> None:
        for name in ("usher_read", _ffi.FUNCTIONS[0][0], _ffi.FUNCTIONS[-1][0]):
            path = self.another(f"{name}.so", "0.1.3", without=name)
            said = self.said(path)
            self.assertIn(f"{path} has no {name}: it says it is 0.1.3", said)
            self.assertIn(f"this is the Python binding {_library.VERSION}", said)

    def test_nothing_anywhere(self) -> None:
        with mock.patch.dict(os.environ, {"USHER_LIBRARY": ""}), mock.patch.object(
            _library, "_candidates", lambda: ["/nowhere/_libusher.so", "libusher.so.nothing"]
        ), self.assertRaises(ImportError) as caught:
            _library._open()
        said = str(caught.exception)
        for tried in (
            "/nowhere/_libusher.so",
            "libusher.so.nothing",
            "find_library",
            "USHER_LIBRARY",
        ):
            self.assertIn(tried, said)

    def test_in_this_order(self) -> None:
        with mock.patch("ctypes.util.find_library", return_value="libusher.so.77") as find:
            candidates = _library._candidates()
            self.assertEqual(next(candidates), str(child.ROOT / "usher" / "_libusher.so"))
            self.assertEqual(next(candidates), "libusher.so.0.1")
            find.assert_not_called()  # it may start a compiler
            self.assertEqual(list(candidates), ["libusher.so.77"])
        with mock.patch("ctypes.util.find_library", return_value=None):
            self.assertEqual(len(list(_library._candidates())), 2)

    def test_the_bundled_one_goes_before_the_systems(self) -> None:
        package = self.package()
        self.another("system/libusher.so.0.1", "0.8.0")
        system = str(self.folder / "system")
        self.assertIn("libusher.so.0.1 is version 0.8.0", self.said(None, self.folder, system))
        bundled = self.another("usher/_libusher.so", "0.7.0")
        self.assertEqual(bundled, str(package / "_libusher.so"))
        said = self.said(None, self.folder, system)
        self.assertIn(f"{bundled} is version 0.7.0", said)
        self.assertEqual(said, self.said("", self.folder, system))
        override = self.another("override.so", "0.6.0")
        self.assertIn(f"{override} is version 0.6.0", self.said(override, self.folder, system))

    def test_an_override_that_fails_is_not_passed_over(self) -> None:
        self.package()
        self.another("usher/_libusher.so", _library.VERSION)
        self.assertTrue(self.said(None, self.folder).startswith("loaded"))
        self.assertFalse(self.said("/nowhere/libusher.so", self.folder).startswith("loaded"))

    def test_the_library_under_test_works_as_the_bundled_one(self) -> None:
        package = self.package()
        shutil.copy(_ffi.lib._name, package / "_libusher.so")
        self.assertIn(f"loaded {package / '_libusher.so'}", self.said(None, self.folder))

    def test_the_gil_is_released(self) -> None:
        self.assertIs(type(_ffi.lib), ctypes.CDLL)


if __name__ == "__main__":
    unittest.main()
