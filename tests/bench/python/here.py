"""Where usher is not installed: this tree's binding and what was built of it."""

import importlib.util
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILT = ROOT / "build" / "release" / "lib" / "libusher.so"

if importlib.util.find_spec("usher") is None:
    sys.path.insert(0, str(ROOT / "bindings" / "python"))
    sys.dont_write_bytecode = True
    if BUILT.exists():
        os.environ.setdefault("USHER_LIBRARY", str(BUILT))
