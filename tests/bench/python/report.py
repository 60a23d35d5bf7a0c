"""What was measured, as a table for people or as JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from typing import Any, Optional

from measure import Series


@dataclass
class Figure:
    """A time per item, and what it is held against."""

    what: str
    usher: Series
    n: int = 0  # how many at once; 0: it does not matter
    floor: Optional[Series] = None
    peer: Optional[Series] = None
    at_least: float = 0  # the target, per second; 0: none

    @property
    def reached(self) -> bool:
        return 1e9 / self.usher.median >= self.at_least

    @property
    def reached_at_best(self) -> bool:
        return 1e9 / self.usher.low >= self.at_least

    def as_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "what": self.what,
            "n": self.n,
            "ns": self.usher.median,
            "ns_low": self.usher.low,
            "ns_high": self.usher.high,
            "per_second": 1e9 / self.usher.median,
            "best_per_second": 1e9 / self.usher.low,
        }
        if self.floor is not None:
            out.update(floor_ns=self.floor.median, to_floor=self.usher.to(self.floor))
        if self.peer is not None:
            out.update(peer_ns=self.peer.median, faster_than_peer=self.peer.to(self.usher))
        if self.at_least:
            out.update(
                at_least=self.at_least, reached=self.reached, reached_at_best=self.reached_at_best
            )
        return out


@dataclass
class Bench:
    """One table."""

    name: str
    about: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "about": self.about,
            "figures": [figure.as_json() for figure in self.figures],
            "notes": self.notes,
        }


def machine() -> dict[str, Any]:
    """What this ran on."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"python": python, "processor": model, "processors": os.cpu_count() or 1}


# ---- for people ----------------------------------------------------------------------------------

_HEAD = ("", "n", "each", "a second", "best", "floor", "to floor", "peer", "faster", "target")


def print_table(bench: Bench) -> None:
    """Words to the left, numbers to the right; what no row has is left out."""
    rows = [_HEAD] + [_row(figure) for figure in bench.figures]
    columns = [c for c in range(len(_HEAD)) if any(row[c] for row in rows[1:])]
    width = {c: max(len(row[c]) for row in rows) for c in columns}
    print(f"\n{bench.name}: {bench.about}")
    for row in rows:
        cells = [row[c].ljust(width[c]) if c in (0, 9) else row[c].rjust(width[c]) for c in columns]
        print("  " + "   ".join(cells).rstrip())
    for note in bench.notes:
        print(f"  {note}")


def _row(figure: Figure) -> tuple[str, ...]:
    floor, peer = figure.floor, figure.peer
    return (
        figure.what,
        _count(figure.n) if figure.n else "",
        _time(figure.usher.median),
        _rate(1e9 / figure.usher.median),
        _rate(1e9 / figure.usher.low),
        _time(floor.median) if floor else "",
        _times(figure.usher.to(floor)) if floor else "",
        _time(peer.median) if peer else "",
        _times(peer.to(figure.usher)) if peer else "",
        _target(figure) if figure.at_least else "",
    )


def _target(figure: Figure) -> str:
    reached = "YES" if figure.reached else "NO, but at best" if figure.reached_at_best else "NO"
    return f">= {_rate(figure.at_least)} {reached}"


def _count(n: int) -> str:
    return f"{n // 1000} k" if n >= 1000 and n % 1000 == 0 else str(n)


def _time(ns: float) -> str:
    if ns < 1e3:
        return f"{ns:.0f} ns"
    return f"{ns / 1e3:.2f} us" if ns < 1e6 else f"{ns / 1e6:.2f} ms"


def _rate(v: float) -> str:
    if v < 1e4:
        return f"{v:.0f} /s"
    if v < 1e6:
        return f"{v / 1e3:.1f} k/s" if v < 1e5 else f"{v / 1e3:.0f} k/s"
    return f"{v / 1e6:.2f} M/s"


def _times(v: float) -> str:
    return f"{v:.2f} x" if v < 10 else f"{v:.0f} x"


# ---- for machines --------------------------------------------------------------------------------


def print_json(version: str, quick: bool, benches: list[Bench]) -> None:
    report = {
        "usher": version,
        **machine(),
        "quick": quick,
        "benches": [bench.as_json() for bench in benches],
    }
    print(json.dumps(report, indent=2))
