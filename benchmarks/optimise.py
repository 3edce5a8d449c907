"""Steps per second of Adam and L-BFGS, against PyTorch, JAX, and SciPy with Autograd.

Measured: runs of so many steps from the same start, in one process on one core with one thread, in float64, compiled
before and warm; all take turns, 7 rounds, and the medians count.  Everyone tells the value after each step, as one
does who draws a curve; JAX's `scan` tells them at the end only.  The engine is asked without a server and a store: its
steps include the norm of the gradient, the criteria for stopping and the search for non-finite numbers.  The values of
Adam are compared step by step, to 1e-10 relatively; L-BFGS has other line searches in each library, so that a step
of one is not a step of another: there the numbers of steps stand next to the values that they reach.

Expected beforehand: a step of Adam costs us 35 µs where the function costs nothing (a dozen calls of numpy for the
update, as many for the gradient, 10 µs for the record of the step), PyTorch three to four times that, JAX called step
by step half of it, and JAX's scan a hundredth.  On the logistic regression, where `exp` of 1,000 numbers and two
products with a matrix take 30 µs, twice as fast as PyTorch and level with JAX step by step; on 10,000 variables level
with PyTorch and two to three times slower than JAX, which fuses the ten passes over the arrays into one.  L-BFGS goes
through the same SciPy as Autograd's: faster by the gradients, slower by the change of threads for each evaluation (40
µs), so 1.5 times as fast on the logistic regression, and slower than SciPy alone nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from statistics import median

import numpy as np

from benchmarks.descents import ADAM, LBFGS, Descent, Make, Values, Way, descents
from benchmarks.tables import table
from benchmarks.timing import in_turn, pin, ratio

Compared = Callable[[Descent, Mapping[str, Values]], None]
ROUNDS = 7
SECONDS = 0.1


def main() -> None:
    """Print the tables."""
    pin(0)
    print("Adam: steps per second; in brackets the time of a step over ours: above 1, Adjoint is faster\n")
    ways = _present(ADAM)
    print(table(["", *ways], [_row(descent, ways, "adam", _same) for descent in descents()]), "\n")
    print("L-BFGS: the same\n")
    ways = _present(LBFGS)
    print(table(["", *ways], [_row(descent, ways, "lbfgs", _ends) for descent in descents()]), "\n")
    for name in [name for name in {**ADAM, **LBFGS} if name not in {**_present(ADAM), **_present(LBFGS)}]:
        print(f"{name} is not installed: pip install adjoint[bench]")


def _present(ways: Mapping[str, tuple[str, Make]]) -> dict[str, Make]:
    return {name: make for name, (module, make) in ways.items() if find_spec(module)}


def _row(descent: Descent, ways: Mapping[str, Make], method: str, compared: Compared) -> list[str]:
    made: dict[str, Way] = {name: make(descent, method) for name, make in ways.items()}
    found = {name: way() for name, way in made.items()}
    compared(descent, found)
    times = in_turn(made, ROUNDS, SECONDS)
    cells = [descent.title]
    for name, seconds in times.items():
        steps = descent.steps if method == "adam" else len(found[name]) - 1
        own, ours = [t / steps for t in seconds], [t / (len(found["Adjoint"]) - 1) for t in times["Adjoint"]]
        over = "" if name == "Adjoint" else f" ({ratio(own, ours):.2g})"
        cells.append(f"{1 / median(own):,.0f}{over}")
    return cells


def _same(descent: Descent, found: Mapping[str, Values]) -> None:
    """All have the same values at all steps."""
    ours = np.array(found["Adjoint"])
    for name, values in found.items():
        theirs = np.array(values)
        np.testing.assert_allclose(theirs, ours[: len(theirs)], rtol=1e-10, err_msg=f"{descent.title}: {name}")


def _ends(descent: Descent, found: Mapping[str, Values]) -> None:
    """Tell where each has come to."""
    reached = [f"{name} {values[-1]:.10g} after {len(values) - 1}" for name, values in found.items()]
    print(f"{descent.title}, values and steps: {'; '.join(reached)}\n")


if __name__ == "__main__":
    main()
