"""How often `/check/plan` and `/check/verdict` are right about a gradient: false alarms, and errors that are missed.

Measured: functions of each kind at random points, with plans as they are by default.  The right gradient is judged,
and then wrong ones, in which a component that matters (its effect over its scale is at least a tenth of the largest
one) is off by the stated part of itself.  "Found" is the verdict `incorrect`; "missed" is `correct`, counted for errors
from 1e-3 on; the others are `inconclusive`.

A solver's error is a smooth function of its parameters too: the exact solution's gradient is not that of the computed
values, which are all that is seen, so that it has to be allowed for (`tolerance`).

Expected beforehand: no false alarm; every error from 1e-3 on found for smooth functions, whatever their scales, and
from 1e-7 on where nothing disturbs the values; no more than the noise allows for noisy ones.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.tables import table
from engine.question import Array
from engine.verify.judge import judge
from engine.verify.plan import Plan, checked, default_directions

POINTS = 100
ERRORS = tuple(10.0**-k for k in range(1, 9))
LARGE = 0.9e-3
"""An error from here on has to be found, or nothing may be said."""
Function = Callable[[Array], Any]
Draw = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A function with its gradient, None where it has none, and the points at which it is checked."""

    kind: str
    name: str
    f: Function
    gradient: Callable[[Array], Any]
    point: Callable[[Draw], Any]
    smooth: bool = True
    points: int = POINTS
    options: tuple[tuple[str, Any], ...] = ()
    tolerance: float | None = None


def main() -> None:
    """Print a table of the kinds; with `--each`, one of the functions."""
    chosen = [word for word in sys.argv[1:] if word != "--each"]
    by_name: dict[tuple[str, str], Outcome] = {}
    for case in cases():
        if not chosen or case.kind in chosen:
            by_name[case.kind, case.name] = measure(case)
    if "--each" in sys.argv:
        _print(["kind", "function"], [([*names], outcome) for names, outcome in by_name.items()])
        return
    kinds: dict[str, Outcome] = {}
    for (kind, _), outcome in by_name.items():
        kinds.setdefault(kind, Outcome()).add(outcome)
    _print(["kind"], [([kind], outcome) for kind, outcome in kinds.items()])


class Outcome:
    """Counts of verdicts: on right gradients, and on those with an error of each size."""

    def __init__(self) -> None:
        self.right: Counter[str] = Counter()
        self.wrong: dict[float, Counter[str]] = {size: Counter() for size in ERRORS}

    def add(self, other: Outcome) -> None:
        """Add the counts of another."""
        self.right += other.right
        for size, counts in other.wrong.items():
            self.wrong[size] += counts


def measure(case: Case) -> Outcome:
    """The verdicts on one function."""
    draw = np.random.default_rng(zlib.crc32(case.name.encode()))
    outcome = Outcome()
    for seed in range(case.points):
        x = np.atleast_1d(np.asarray(case.point(draw), dtype=np.float64))
        options = {"random": default_directions(x.size), "seed": seed} | dict(case.options)
        plan = checked(Plan({"x": x}, **options))
        with np.errstate(all="ignore"):
            values = np.array([case.f(point) for point in plan.points()], dtype=np.float64)
            truth = np.atleast_1d(np.asarray(case.gradient(x), dtype=np.float64))
        outcome.right[judge(plan, values, {"x": truth}, None, case.tolerance).verdict] += 1
        if not case.smooth:
            continue
        weights = np.abs(truth) * plan.sizes
        matters = np.flatnonzero(weights >= 0.1 * weights.max())
        for size in ERRORS:
            wrong = truth.copy()
            i = int(draw.choice(matters))
            # A gradient of 0 has no size of its own; then that of the values counts.
            wrong[i] += size * draw.choice([-1, 1]) * (truth[i] or max(abs(values[0]), 1.0) / plan.sizes[i])
            outcome.wrong[size][judge(plan, values, {"x": wrong}, None, case.tolerance).verdict] += 1
    return outcome


def _print(head: list[str], rows: list[tuple[list[str], Outcome]]) -> None:
    verdicts = ("correct", "inconclusive", "not-differentiable", "incorrect")
    listed = []
    for names, outcome in rows:
        count = sum(outcome.right.values())
        cells = [*names, f"{count}", *[f"{outcome.right[v]}" for v in verdicts]]
        for counts in outcome.wrong.values():
            total = sum(counts.values())
            cells.append(f"{counts['incorrect'] / total:.1%}" if total else "")
        missed = sum(counts["correct"] for size, counts in outcome.wrong.items() if size > LARGE)
        listed.append([*cells, f"{missed}"])
    print("Verdicts on right gradients, and the part of wrong ones that is found, by relative error\n")
    print(table([*head, "points", *verdicts, *[f"{size:.0e}" for size in ERRORS], "missed from 1e-3 on"], listed))


def cases() -> Iterator[Case]:
    """The corpus."""
    smooth = list(_smooth())
    yield from smooth
    for case in smooth:
        f = case.f
        yield _again(case, "float32 values", lambda x, f=f: np.float32(f(x)))
        yield _again(case, "noise 1e-10", lambda x, f=f: f(x) * (1 + 1e-10 * _draw(x)))
        yield _again(case, "noise 1e-6", lambda x, f=f: f(x) * (1 + 1e-6 * _draw(x)))
        yield _again(case, "noise told", lambda x, f=f: f(x) * (1 + 1e-8 * _draw(x)), noise=1e-8)
        yield _again(case, "six digits", lambda x, f=f: float(f"{f(x):.6g}"))
        yield _again(case, "float32 throughout", lambda x, f=f: np.float32(f(x)), precision="float32")
    yield from _integrated()
    yield from _badly_scaled()
    yield from _large()
    yield from _flat()
    yield from _edges()
    yield from _many()
    yield from _kinks()
    yield from _jumps()


def _again(case: Case, kind: str, f: Function, **options: Any) -> Case:
    return Case(kind, case.name, f, case.gradient, case.point, options=tuple(options.items()))


def _draw(x: Array) -> float:
    """A number from -1 to 1 that looks random and is the same for the same point."""
    return zlib.crc32(np.ascontiguousarray(x).tobytes()) / 2**31 - 1


def _smooth() -> Iterator[Case]:
    matrix = np.array([[3.0, 1, 0, 0.5], [1, 2, 0.3, 0], [0, 0.3, 1, 0.2], [0.5, 0, 0.2, 4]])
    weights = np.array([[0.5, -1.0, 0.3], [0.8, 0.2, -0.6], [-0.4, 0.9, 0.1]])

    def softmax(x: Array) -> Array:
        e = np.exp(x - x.max())
        return np.asarray(e / e.sum())

    def network(x: Array) -> Any:
        return np.sum(np.tanh(weights @ np.tanh(weights @ x)))

    def network_gradient(x: Array) -> Any:
        inner = np.tanh(weights @ x)
        outer = np.tanh(weights @ inner)
        return weights.T @ ((1 - inner**2) * (weights.T @ (1 - outer**2)))

    def case(name: str, f: Function, gradient: Function, count: int, low: float = -2.0, high: float = 2.0) -> Case:
        return Case("smooth", name, f, gradient, lambda draw: draw.uniform(low, high, count))

    yield case(
        "x²sin(y)",
        lambda x: x[0] ** 2 * np.sin(x[1]),
        lambda x: [2 * x[0] * np.sin(x[1]), x[0] ** 2 * np.cos(x[1])],
        2,
    )
    yield case("xᵀAx", lambda x: x @ matrix @ x, lambda x: 2 * matrix @ x, 4)
    yield case("logsumexp", lambda x: np.logaddexp.reduce(x), softmax, 6)
    yield case("exp(-x·x)", lambda x: np.exp(-x @ x), lambda x: -2 * x * np.exp(-x @ x), 3, -1.5, 1.5)
    yield case("network", network, network_gradient, 3)
    yield case("norm", lambda x: np.linalg.norm(x), lambda x: x / np.linalg.norm(x), 5)
    yield case("1/(1+x²)", lambda x: 1 / (1 + x[0] ** 2), lambda x: -2 * x / (1 + x**2) ** 2, 1, -5, 5)
    yield case("x³-2x", lambda x: x[0] ** 3 - 2 * x[0], lambda x: 3 * x**2 - 2, 1, -3, 3)
    yield case("prod", lambda x: np.prod(x), lambda x: np.prod(x) / x, 4, 0.5, 2)


def _integrated() -> Iterator[Case]:
    """The logistic equation y' = p y (1 - y), y(0) = q, at time 3."""

    def gradient(x: Array) -> Any:
        e = np.exp(-3 * x[0])
        y = x[1] / (x[1] + (1 - x[1]) * e)
        return [3 * y * (1 - y), y**2 * e / x[1] ** 2]

    for tolerance in (1e-6, 1e-9):

        def f(x: Array, tolerance: float = tolerance) -> Any:
            solved = solve_ivp(lambda t, y: x[0] * y * (1 - y), (0, 3), [x[1]], rtol=tolerance, atol=tolerance)
            return solved.y[0, -1]

        for allowed in (None, 1e-3):
            yield Case(
                f"ODE to {tolerance:.0e}" + (", tolerance 1e-3" if allowed else ""),
                "logistic",
                f,
                gradient,
                lambda draw: draw.uniform([0.5, 0.1], [1.5, 0.9]),
                points=40,
                tolerance=allowed,
            )


def _badly_scaled() -> Iterator[Case]:
    scales = 10.0 ** np.array([-6.0, -2.0, 0.0, 3.0, 8.0])

    def case(name: str, f: Function, gradient: Function, point: Callable[[Draw], Any]) -> Case:
        return Case("badly scaled", name, f, gradient, point)

    yield case(
        "Rosenbrock",
        lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
        lambda x: [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)],
        lambda draw: draw.uniform(-2, 2, 2),
    )
    yield case("exp(20x)", lambda x: np.exp(20 * x[0]), lambda x: 20 * np.exp(20 * x), lambda d: d.uniform(-3, 3, 1))
    yield case("sin(100x)", lambda x: np.sin(100 * x[0]), lambda x: 100 * np.cos(100 * x), lambda d: d.uniform(0, 3, 1))
    yield case(
        "units",
        lambda x: np.sum(np.cos(x / scales)),
        lambda x: -np.sin(x / scales) / scales,
        lambda draw: scales * draw.uniform(0.5, 2, 5),
    )
    yield case(
        "Powell",
        lambda x: (1e4 * x[0] * x[1] - 1) ** 2 + (np.exp(-x[0]) + np.exp(-x[1]) - 1.0001) ** 2,
        lambda x: [
            2e4 * x[1] * (1e4 * x[0] * x[1] - 1) - 2 * np.exp(-x[0]) * (np.exp(-x[0]) + np.exp(-x[1]) - 1.0001),
            2e4 * x[0] * (1e4 * x[0] * x[1] - 1) - 2 * np.exp(-x[1]) * (np.exp(-x[0]) + np.exp(-x[1]) - 1.0001),
        ],
        lambda draw: draw.uniform([1e-5, 1], [1e-4, 10]),
    )
    yield case("exp(x²)", lambda x: np.exp(x[0] ** 2), lambda x: 2 * x * np.exp(x**2), lambda d: d.uniform(3, 20, 1))


def _large() -> Iterator[Case]:
    for size in (1e100, 1e300, 1e-300):
        yield Case(
            "large, tiny",
            f"{size:.0e}·cos",
            lambda x, size=size: size * np.cos(x[0]),
            lambda x, size=size: -size * np.sin(x),
            lambda draw: draw.uniform(0.2, 3, 1),
        )
    yield Case(
        "large offset",
        "1e6 + cos",
        lambda x: 1e6 + np.cos(x[0]),
        lambda x: -np.sin(x),
        lambda draw: draw.uniform(0.2, 3, 1),
    )
    yield Case(
        "large offset",
        "1e12 + cos",
        lambda x: 1e12 + np.cos(x[0]),
        lambda x: -np.sin(x),
        lambda draw: draw.uniform(0.2, 3, 1),
    )


def _flat() -> Iterator[Case]:
    for value in (0.0, 5.0, 1e10):
        yield Case("constant", f"{value:g}", lambda x, v=value: v, lambda x: 0 * x, lambda draw: draw.uniform(-3, 3, 3))
    yield Case("minimum", "1+x·x", lambda x: 1 + x @ x, lambda x: 2 * x, lambda draw: np.zeros(3), points=5)
    yield Case(
        "minimum",
        "Rosenbrock at 1",
        lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
        lambda x: [0, 0],
        lambda draw: np.ones(2),
        points=5,
    )


def _edges() -> Iterator[Case]:
    def case(name: str, f: Function, gradient: Function, point: Callable[[Draw], Any]) -> Case:
        return Case("edge of the domain", name, f, gradient, point)

    yield case("log", lambda x: np.log(x[0]), lambda x: 1 / x, lambda d: 10 ** d.uniform(-9, 3, 1))
    yield case(
        "sqrt(1-x²)",
        lambda x: np.sqrt(1 - x[0] ** 2),
        lambda x: -x / np.sqrt(1 - x**2),
        lambda draw: 1 - 10 ** draw.uniform(-4, -1, 1),
    )
    yield case("x^2.5 at 0", lambda x: x[0] ** 2.5 if x[0] >= 0 else np.nan, lambda x: 0 * x, lambda d: np.zeros(1))
    yield case(
        "cos(x), x ≥ 1, at 1",
        lambda x: np.cos(x[0]) if x[0] >= 1 else np.nan,
        lambda x: -np.sin(x),
        lambda draw: np.ones(1),
    )
    yield case(
        "entropy",
        lambda x: -np.sum(x * np.log(x)),
        lambda x: -np.log(x) - 1,
        lambda draw: draw.dirichlet(np.full(4, 0.3)) + 1e-6,
    )


def _many() -> Iterator[Case]:
    for count in (200, 1000):
        yield Case(
            "random directions",
            f"Σ sin, {count}",
            lambda x: np.sum(np.sin(x) + 0.5 * np.roll(x, 1) * x),
            lambda x: np.cos(x) + 0.5 * (np.roll(x, 1) + np.roll(x, -1)),
            lambda draw, count=count: draw.uniform(-2, 2, count),
            points=30,
        )


def _kinks() -> Iterator[Case]:
    def case(name: str, f: Function, point: Callable[[Draw], Any], count: int = 1) -> Case:
        return Case("kink at the point", name, f, lambda x: np.zeros(count), point, smooth=False)

    yield case("abs(x)", lambda x: abs(x[0]), lambda draw: np.zeros(1))
    yield case("abs(x-y)+x²", lambda x: abs(x[0] - x[1]) + x[0] ** 2, lambda d: np.full(2, d.uniform(-3, 3)), 2)
    yield case("relu network", lambda x: max(x[0], 0) * np.exp(x[1]), lambda d: np.array([0, d.uniform(-1, 1)]), 2)
    yield case("abs(x)+1e6", lambda x: 1e6 + abs(x[0]), lambda draw: np.zeros(1))
    yield case("float32 abs(x)+cos", lambda x: np.float32(abs(x[0]) + np.cos(x[0])), lambda draw: np.zeros(1))
    yield case("sqrt(abs(x))", lambda x: math.sqrt(abs(x[0])), lambda draw: np.zeros(1))
    yield case("cbrt", lambda x: np.cbrt(x[0]), lambda draw: np.zeros(1))
    for distance in (1e-2, 1e-3, 1e-4):
        yield Case(
            "kink nearby",
            f"abs(x-1)+x², {distance:.0e} off",
            lambda x: abs(x[0] - 1) + x[0] ** 2,
            lambda x: np.sign(x - 1) + 2 * x,
            lambda draw, distance=distance: 1 + distance * draw.choice([-1, 1]) * draw.uniform(0.3, 1, 1),
        )


def _jumps() -> Iterator[Case]:
    def case(name: str, f: Function, point: Callable[[Draw], Any]) -> Case:
        return Case("jump at the point", name, f, lambda x: [0], point, smooth=False)

    yield case("floor", lambda x: math.floor(x[0]), lambda draw: draw.integers(-3, 4, 1))
    yield case("x > 0, else x²", lambda x: 1.0 if x[0] > 0 else x[0] ** 2, lambda draw: np.zeros(1))
    yield case("sign", lambda x: np.sign(x[0]) + np.sin(x[0]), lambda draw: np.zeros(1))


if __name__ == "__main__":
    main()
