"""Programs in a Python of their own: what crashes, exits or forks must not take the tests along."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap
from typing import Optional

ROOT = pathlib.Path(__file__).resolve().parents[1]


def python(
    code: str,
    *flags: str,
    folder: Optional[pathlib.Path] = None,
    env: Optional[dict[str, Optional[str]]] = None,
    timeout: float = 120,
    dev: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Runs a program, in development mode unless told otherwise: there warnings are told on stderr.

    folder: where the package is; env: what is set otherwise (None: not at all)."""
    environment = {**os.environ, "PYTHONPATH": str(folder or ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    for name, value in (env or {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return subprocess.run(
        [sys.executable, *(["-X", "dev"] if dev else []), *flags, "-c", textwrap.dedent(code)],
        cwd=folder or ROOT,  # which goes before PYTHONPATH
        env=environment,
        timeout=timeout,
        capture_output=True,
        text=True,
    )
