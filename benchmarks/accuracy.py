"""The largest error of every function in ULP: value, first and second derivative, against the precise witness.

Measured: the functions with intervals in their record at 200 random points in them (half of them drawn so that small
numbers are as frequent as large ones) and at the record's special points; the others at the examples of their record,
as they stand and with three random perturbations of 10 %.  The witness evaluates the function in mpmath and
differentiates it by differences with 100 to 3,200 digits; it knows no derivative rule.  An error is in units of the
last place of the true number; in an array, of its largest component.  A point at which the witness takes longer than
20 s is skipped and counted.  `--write` puts the table into docs/accuracy.md.

Expected beforehand: values within 4 ULP, derivatives within 16, for elementwise functions; within 100 for
factorisations, whose errors grow with the condition of the matrix; more at the zeros of special functions, where the
last place of a number near 0 is small.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from benchmarks.tables import table
from benchmarks.timing import quantile
from engine.graph.build import Builder
from engine.graph.values import Graph
from engine.primitives.function import Function
from engine.primitives.table import FUNCTIONS
from engine.verify.differences import NoAgreement
from tests.asking import graph_of_text
from tests.witnesses import Report, examine, graph_of, weighted

POINTS = 200
PERTURBED = 3
SECONDS = 20
LARGE = 16.0
PAGE = Path(__file__).parents[1] / "docs" / "accuracy.md"
BEGIN, END = "<!-- python -m benchmarks accuracy --write -->", "<!-- end -->"


@dataclass(frozen=True)
class Measured:
    """The largest errors of one function, and where the largest derivative error was met."""

    name: str
    skipped: int
    reports: tuple[Report, ...]
    where: str
    disagreed: tuple[str, ...]


class TooLong(Exception):
    """The witness took longer than `SECONDS` at one point."""


def main() -> None:
    """Print the table; with `--write`, put it into the page."""
    multiprocessing.set_start_method("spawn")
    chosen = [a for a in sys.argv[1:] if a != "--write"] or [f.name for f in FUNCTIONS.values() if _examined(f)]
    with multiprocessing.Pool(min(4, os.cpu_count() or 1)) as pool:
        measured = [m for m in pool.imap_unordered(measure, chosen, chunksize=1) if m.reports]
    order = list(FUNCTIONS)
    text = _text(sorted(measured, key=lambda m: order.index(m.name)))
    print(text)
    if "--write" in sys.argv:
        page = PAGE.read_text("utf-8")
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", "utf-8")
    for m in measured:
        for line in m.disagreed:
            print(line, file=sys.stderr)


def measure(name: str) -> Measured:
    """The largest errors of one function."""
    function = FUNCTIONS[name]
    # The truth keeps its digits when its distance from an answer is taken.
    mpmath.mp.dps = 60
    skipped = 0
    reports: list[Report] = []
    worst, where = 0.0, ""
    disagreed = []
    for graph, arguments, shown in _cases(function):
        try:
            report = _examine(graph, arguments)
        except TooLong:
            skipped += 1
            continue
        except (NoAgreement, ArithmeticError, AssertionError, ValueError) as error:
            disagreed.append(f"{name} at {shown}: {type(error).__name__}: {error}")
            continue
        reports.append(report)
        if max(report.first, report.second) > worst:
            worst, where = max(report.first, report.second), shown
    return Measured(name, skipped, tuple(reports), where, tuple(disagreed))


def _examine(graph: Graph, arguments: Sequence[Any]) -> Report:
    def ring(*_: object) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return examine(graph, arguments, with_symbolic=False)
    finally:
        signal.alarm(0)


def _examined(function: Function) -> bool:
    return function.points is not None or any(example.smooth for example in function.examples)


def _cases(function: Function) -> Iterator[tuple[Graph, Sequence[Any], str]]:
    draw = np.random.default_rng(sum(map(ord, function.name)))
    if function.points is not None:
        graph = graph_of(function.build, [()] * len(function.points.intervals))
        for point in (*_random(function.points.intervals, draw), *function.points.special):
            yield graph, [np.float64(x) for x in point], f"`{', '.join(f'{x:.6g}' for x in point)}`"
        return
    for example in function.examples:
        graph, arguments = graph_of_text(example.expr, example.inputs)
        if not example.smooth or not arguments or any(a.dtype.kind != "f" for a in arguments):
            continue
        if graph.outputs[0].type.dtype != "real":
            continue
        with Builder(start=graph) as builder:
            scalar = builder.finish([weighted(graph.outputs[0])])
        yield scalar, arguments, f"`{example.expr}`"
        for _ in range(PERTURBED):
            moved = [a * draw.uniform(0.9, 1.1, a.shape) for a in arguments]
            yield scalar, moved, f"`{example.expr}`, perturbed"


def _random(intervals: Sequence[tuple[float, float]], draw: np.random.Generator) -> Iterator[tuple[float, ...]]:
    for i in range(POINTS):
        pick: Callable[[float, float], float] = draw.uniform if i % 2 else lambda a, b: _logarithmic(a, b, draw)
        yield tuple(float(pick(low, high)) for low, high in intervals)


def _logarithmic(low: float, high: float, draw: np.random.Generator) -> float:
    """A number between the two whose distance from the one nearer to zero is spread over six powers of ten."""
    start, end = (low, high) if abs(low) <= abs(high) else (high, low)
    start = 0.0 if low < 0 < high else start
    end = (low, high)[int(draw.integers(2))] if low < 0 < high else end
    return float(start + (end - start) * 10.0 ** -draw.uniform(0, 6))


def _text(measured: Sequence[Measured]) -> str:
    head = ["function", "points", "value", "first derivative", "second derivative", "largest at"]
    rows = [
        [
            f"`{m.name}`",
            f"{len(m.reports)}" + (f" ({m.skipped} skipped)" if m.skipped else ""),
            *[_ulps([getattr(report, order) for report in m.reports]) for order in ("value", "first", "second")],
            m.where,
        ]
        for m in measured
    ]
    return table(head, rows)


def _ulps(errors: Sequence[float]) -> str:
    """The largest error; where it is large, also what 95 of 100 points stay below."""
    largest = max(errors)
    return _ulp(largest) + (f" ({_ulp(quantile(errors, 0.95))})" if largest > LARGE else "")


def _ulp(error: float) -> str:
    return "lost" if math.isinf(error) else f"{error:.1f}" if error < 100 else f"{error:.2g}"


if __name__ == "__main__":
    main()
