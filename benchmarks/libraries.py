"""The time of one value and gradient against Autograd, PyTorch and JAX.

Measured: the same problems, in one process, pinned to one core and to one thread, in float64, warm.  All libraries
that are installed take turns, 15 rounds; the medians.  Their answers are compared before.  Autograd and PyTorch
record the function at every call, which is how they are used; JAX is compiled by `jit`; Adjoint is asked through
`Prepared.run`, which is what the service calls: the conversion of the arguments, the deadline and the search for
non-finite numbers and kinks are included.

Expected beforehand: on scalars several times faster than Autograd and PyTorch, which build a graph at every call, and
level with JAX, where the dispatch of one compiled call costs as much as ten of our operations; the more operations,
the better for JAX.  On vectors of 1,000 level with PyTorch, since all wait for `exp` and `log`, and slower than JAX,
which fuses the loops.  On matrices level, since LAPACK does the work.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from statistics import median

import numpy as np

from benchmarks.problems import Problem, problems
from benchmarks.rivals import LIBRARIES, Gradient
from benchmarks.tables import table
from benchmarks.timing import duration, in_turn, pin, ratio


def main() -> None:
    """Print the tables."""
    pin(0)
    present = {name: make for name, make in LIBRARIES.items() if name == "Adjoint" or find_spec(_module(name))}
    first_rows, times_rows, ratio_rows = [], [], []
    for make in present.values():
        # What is set up once is set up by another problem.
        make(problems()[2])[0]()
    for problem in problems():
        calls = {}
        answers: dict[str, Gradient] = {}
        first = []
        for name, make in present.items():
            start = time.perf_counter()
            calls[name], read = make(problem)
            answer = calls[name]()
            first.append(time.perf_counter() - start)
            answers[name] = read(answer)
        first_rows.append([problem.title, *map(duration, first)])
        _agree(problem, answers)
        times = in_turn(calls)
        times_rows.append([problem.title, *[duration(median(times[name])) for name in present]])
        ratio_rows.append(
            [problem.title, *[f"{ratio(times[n], times['Adjoint']):.2f}" for n in present if n != "Adjoint"]]
        )
    print("Time of one value and gradient\n")
    print(table(["problem", *present], times_rows), "\n")
    if len(present) > 1:
        print("Their time over ours: above 1, Adjoint is faster\n")
        print(table(["problem", *[name for name in present if name != "Adjoint"]], ratio_rows), "\n")
    print("The first answer, asked once: with parsing or compilation, without imports\n")
    print(table(["problem", *present], first_rows), "\n")
    print(", ".join(f"{name} {_version(name)}" for name in present if name != "Adjoint"))
    for name in [name for name in LIBRARIES if name not in present]:
        print(f"{name} is not installed: pip install adjoint[bench]")


def _agree(problem: Problem, answers: dict[str, Gradient]) -> None:
    value, gradients = answers["Adjoint"]
    for name, (other, others) in answers.items():
        np.testing.assert_allclose(other, value, rtol=1e-12, err_msg=f"{problem.title}: {name}")
        for ours, theirs in zip(gradients, others, strict=True):
            scale = float(np.max(np.abs(theirs)))
            np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-12 * scale, err_msg=f"{problem.title}: {name}")


def _module(name: str) -> str:
    return {"PyTorch": "torch"}.get(name, name.lower())


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(_module(name))


if __name__ == "__main__":
    main()
