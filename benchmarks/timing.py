"""Times of things that are compared: measured in turn within each round, so that a busy machine slows all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Times = Mapping[str, Sequence[float]]
"""Seconds per call, one number per round, by name."""


def in_turn(candidates: Mapping[str, Callable[[], object]], rounds: int = 15, seconds: float = 0.02) -> Times:
    """The times of each candidate, from `rounds` rounds in which each runs for about `seconds`."""
    counts = {name: _count(call, seconds) for name, call in candidates.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, call in candidates.items():
            times[name].append(_seconds(call, counts[name]))
    return times


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median over the rounds of one time over another."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def quantile(times: Sequence[float], part: float) -> float:
    """The value below which `part` of the times lie."""
    return sorted(times)[min(len(times) - 1, int(part * len(times)))]


def pin(core: int) -> None:
    """Stay on one core, where the system lets us choose; `core` counts those that we may use."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def duration(seconds: float) -> str:
    """`3.2 µs`, `0.45 ms`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.95 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _count(call: Callable[[], object], seconds: float) -> int:
    call()
    count = 1
    while (taken := _seconds(call, count) * count) < seconds / 4:
        count *= 4
    return max(1, round(count * seconds / taken))


def _seconds(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count
