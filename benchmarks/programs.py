"""Programs with loops: gradient over function, and the time against PyTorch, JAX and Autograd.

Measured: the programs of `examples/programs` at the sizes of `rival_programs.large`, in one process with one thread.
`Prepared.run` for value and gradient (a Jacobian or a direction where that is the program's own result) against the
libraries in turn, the median of the ratios of the rounds; and value and gradient against the value alone.  Times
include the warnings, guards and budgets that an answer of the service pays for; the compilation of JAX and that of the
engine are not included, and are told apart.

Expected beforehand: gradient over function at most 4.  Against PyTorch and Autograd, which record every operation anew,
faster on loops over numbers and at par on loops over arrays.  Against JAX, slower wherever XLA compiles the loop: this
engine interprets it.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import rival_programs
from benchmarks.tables import table
from benchmarks.timing import Times, duration, in_turn, pin, ratio
from engine.engine import Engine
from engine.limits import Budget, Limits
from engine.question import Answer, Ask, Question

LIMITS = Limits(source_chars=10**6, nodes=10**6, run_seconds=600.0, array_bytes=2**31, run_bytes=2**33)
FOLDER = Path(__file__).parents[1] / "examples" / "programs"
OWN = {"bundle_adjustment": "jacobian", "kmeans_newton": "value"}
"""What is asked of programs whose gradient is not what is of interest."""
ROUNDS, SECONDS = 5, 0.05


def main() -> None:
    """Print both tables; programs and libraries can be named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", default=rival_programs.PROGRAMS)
    chosen = parser.parse_args()
    pin(0)
    engine = Engine(LIMITS)
    present = [
        name for name, module in (("Autograd", "autograd"), ("PyTorch", "torch"), ("JAX", "jax")) if _has(module)
    ]
    costs, rivals = [], []
    for name in chosen.programs:
        inputs = rival_programs.large(name)
        _, wrt = rival_programs.example(name)
        ask: Ask = OWN.get(name, "grad")  # type: ignore[assignment]
        start = time.perf_counter()
        call = prepared(engine, name, inputs, wrt, ask)
        made = time.perf_counter() - start
        if ask == "grad":
            times = in_turn({"value": prepared(engine, name, inputs, wrt, "value"), "grad": call}, ROUNDS, SECONDS)
            of = {key: median(found) for key, found in times.items()}
            cells = [duration(of["value"]), duration(of["grad"]), f"{ratio(times['grad'], times['value']):.2f}"]
            costs.append([f"`{name}`", *cells, duration(made)])
        rivals.append(_against(name, inputs, wrt, call, present))
    print("Value and gradient over the value alone\n")
    print(table(["program", "value", "value and gradient", "ratio", "first time: parse, derive, compile"], costs), "\n")
    print("Time of a library over that of the engine (above 1: the engine is faster)\n")
    print(table(["program", "Adjoint", *present], rivals))


def prepared(
    engine: Engine, name: str, inputs: Mapping[str, Any], wrt: tuple[str, ...], ask: Ask
) -> Callable[[], Answer]:
    """A program of the examples, compiled, as a function that runs it once."""
    text = (FOLDER / f"{name}.adj").read_text("utf-8")
    at = {key: np.asarray(value, dtype=np.float64) for key, value in inputs.items()}
    asked = Question(text, at, kind="program", wrt=wrt if ask != "value" else None)
    found = engine.prepare(asked, ask, Budget.starting_now(600.0))
    return lambda: found.run(asked, Budget.starting_now(600.0))


def _against(
    name: str, inputs: Mapping[str, Any], wrt: tuple[str, ...], call: Callable[[], Answer], present: list[str]
) -> list[str]:
    calls: dict[str, Callable[[], object]] = {"Adjoint": call}
    missing = {}
    for library in present:
        try:
            calls[library] = rival_programs.LIBRARIES[library](name, inputs, wrt)[0]
            calls[library]()
        except (NotImplementedError, KeyError, TypeError, ValueError) as error:
            calls.pop(library, None)
            missing[library] = type(error).__name__
    times: Times = in_turn(calls, ROUNDS, SECONDS)
    own = times["Adjoint"]
    cells = [f"{ratio(times[library], own):.2f}" if library in times else "–" for library in present]
    return [f"`{name}`", duration(median(own)), *cells]


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    main()
