"""Loops: what a step costs, and how time and memory grow with the number of steps.

Measured: `Prepared.run` of programs whose loops do next to nothing, for the price of a step beyond its operations; and
of a loop over a state of 1,000 numbers with 10^2 to 10^6 steps, value and gradient, each in a process of its own with
at most 128 MiB for what is kept for the way back: time per step, largest resident memory beyond that of an idle
process, and how often a step was taken (the recomputation factor).  A loop that fills an array element by element shows
that its cost grows with the elements and not with their square.

Expected beforehand: 1 to 2 µs for a step of three operations on numbers, as an instruction of the interpreter takes
0.2 µs and numpy's own work on a number 0.1 µs; at most twice the steps forward, whatever their number; memory that
stops growing at the bound.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.tables import table
from benchmarks.timing import duration, in_turn, pin
from engine.engine import Engine
from engine.execute.tape import Run
from engine.limits import Budget, Limits
from engine.question import Ask, Question

LIMITS = Limits(run_seconds=3600.0, run_bytes=512 * 2**20)
STEPS = 10_000
BODIES = (
    ("nothing but the step", "for i in range(n):\n    x = x\nreturn x"),
    ("one product", "for i in range(n):\n    x = x * a\nreturn x"),
    ("three operations", "for i in range(n):\n    x = x * a + sin(x)\nreturn x"),
    ("a condition", "for i in range(n):\n    if x > 1:\n        x = x * a\n    else:\n        x = x + a\nreturn x"),
    ("while", "i = 0\nwhile i < n:\n    x = x * a\n    i += 1\nreturn x"),
    (
        "an element read and written",
        "v = zeros(10^4)\nv[0] = x\nfor i in range(1, n):\n    v[i] = v[i-1] * a\nreturn v[-1]",
    ),
    ("ten numbers of a vector", "v = x * ones(10)\nfor i in range(n):\n    v = v * a + sin(v)\nreturn sum(v)"),
)
GROWTH = "v = x * ones(1000)\nfor i in range(n):\n    v = v + dt * (sin(v) - v)\nreturn sum(v)"
FILL = "v = zeros({size})\nv[0] = x\nfor i in range(1, {size}):\n    v[i] = v[i-1] * 0.999 + x\nreturn sum(v)"
COUNTS = (100, 1_000, 10_000, 100_000, 1_000_000)


def main() -> None:
    """Print the tables; with arguments, measure one loop in this process and print it as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(_measured(int(sys.argv[1]), sys.argv[2])))
        return
    pin(0)
    engine = Engine(LIMITS)
    rows = []
    for what, text in BODIES:
        at = {"x": 0.5, "a": 0.999, "n": float(STEPS - 1)}
        times = in_turn({ask: _call(engine, text, at, ask) for ask in ("value", "grad")}, rounds=7)  # type: ignore[arg-type]
        each = {ask: sorted(found)[len(found) // 2] / STEPS for ask, found in times.items()}
        rows.append([what, duration(each["value"]), duration(each["grad"]), f"{each['grad'] / each['value']:.2f}"])
    print(f"A step, of {STEPS:,}\n")
    print(table(["body", "value", "value and gradient", "ratio"], rows), "\n")
    rows = [_grown(count) for count in COUNTS]
    print("A state of 1,000 numbers, at most 128 MiB kept\n")
    head = [
        "steps",
        "value",
        "per step",
        "value and gradient",
        "per step",
        "memory of the gradient",
        "steps taken, forward",
    ]
    print(table(head, rows), "\n")
    rows = []
    for size in (1_000, 10_000, 100_000):
        text = FILL.format(size=size)
        times = in_turn({ask: _call(engine, text, {"x": 0.5}, ask) for ask in ("value", "grad")}, rounds=3)  # type: ignore[arg-type]
        rows.append([f"{size:,}", *[duration(min(times[ask]) / size) for ask in ("value", "grad")]])
    print("An array filled element by element: time per element\n")
    print(table(["elements", "value", "value and gradient"], rows))


def _question(text: str, at: Mapping[str, float]) -> Question:
    return Question(text, {k: np.asarray(v) for k, v in at.items()}, kind="program", wrt="x")


def _call(engine: Engine, text: str, at: Mapping[str, float], ask: Ask) -> Any:
    asked = _question(text, at)
    found = engine.prepare(asked, ask, Budget.starting_now(600.0))
    return lambda: found.run(asked, Budget.starting_now(600.0))


def _grown(count: int) -> list[str]:
    found = {}
    for ask in ("value", "grad"):
        command = [sys.executable, "-m", "benchmarks.loops", str(count), ask]
        found[ask] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    value, grad = found["value"], found["grad"]
    factor = (grad["steps"] / 2 + grad["repeated"]) / count
    return [
        f"{count:,}",
        duration(value["seconds"]),
        duration(value["seconds"] / count),
        duration(grad["seconds"]),
        duration(grad["seconds"] / count),
        f"{grad['bytes'] / 2**20:.0f} MiB",
        f"{factor:.2f} times",
    ]


def _measured(count: int, ask: str) -> dict[str, float]:
    engine = Engine(LIMITS)
    asked = _question(GROWTH, {"x": 0.5, "n": float(count), "dt": 0.001})
    prepared = engine.prepare(asked, ask, Budget.starting_now(600.0))  # type: ignore[arg-type]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    run = Run(Budget.starting_now(3600.0), prepared.executable.tape_bytes)
    start = time.perf_counter()
    prepared.executable.inside(run, prepared.arguments(asked))
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "bytes": after - before, "steps": run.steps, "repeated": run.repeated}


if __name__ == "__main__":
    main()
