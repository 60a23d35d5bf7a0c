"""The hints are true: mypy --strict, as for the oldest Python that the package takes."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent.parent
MYPY = shutil.which("mypy")


@unittest.skipUnless(MYPY, "there is no mypy here (Debian: apt-get install mypy)")
class Types(unittest.TestCase):
    def test_strict(self) -> None:
        assert MYPY
        strict = [MYPY, "--strict", "--python-version", "3.9", "--cache-dir=/dev/null"]
        done = subprocess.run(
            [*strict, "usher", "_build.py"], cwd=HERE, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
