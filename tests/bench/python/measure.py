"""Windows, medians and ratios.

Machines are shared and noisy, so nothing is judged by one number. A figure is the median of several
windows; what it is held against (a floor, a peer) runs in windows between them, and what counts is
the ratio, pair by pair. Time is the processor's, of this thread, the system's part included: when
others run instead, that is not usher's doing; only where a disk is waited for is it the clock's.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable, Optional

Clock = Callable[[], int]
cpu_ns: Clock = time.thread_time_ns
wall_ns: Clock = time.perf_counter_ns

Part = Callable[[], Mapping[str, float]]
"""One window: what was measured in it, each by its name, in ns per item."""


class Series:
    """What several windows gave, in ns per item."""

    def __init__(self) -> None:
        self.values: list[float] = []

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def to(self, other: Series) -> float:
        """How many times the other: the median over the windows that ran one after the other."""
        return statistics.median(a / b for a, b in zip(self.values, other.values))


@dataclass
class Run:
    """How the benches are to run."""

    quick: bool = False
    directory: Optional[str] = None
    talks: bool = False  # standard error is a terminal

    def scaled(self, n: int, quick: int) -> int:
        return quick if self.quick else n

    def progress(self, text: str = "") -> None:
        if self.talks:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()

    def windows(self, title: str, count: int, *parts: Part) -> dict[str, Series]:
        """Runs the parts in turn, so many times after once to get warm."""
        series: dict[str, Series] = {}
        for i in range(-1, 2 if self.quick else count):
            self.progress(f"{title}, window {i + 1} of {2 if self.quick else count}")
            for part in parts:
                gc.collect()  # nobody pays for what the one before left behind
                for name, value in part().items():
                    if i >= 0:
                        series.setdefault(name, Series()).values.append(value)
        self.progress()
        return series
