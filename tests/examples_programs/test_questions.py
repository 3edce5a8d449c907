"""Every kind of question about programs: along directions, back from results, of second order, for many points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.question import Question
from tests.asking import budget
from tests.examples_programs.comparing import assert_close
from tests.examples_programs.complex_step import along, derivative
from tests.examples_programs.programs import ENGINE, PROGRAM, ask, grad_of, inputs, source, value_of, wrt
from tests.examples_programs.references import adbench, dynamics, gradbench, learning, statistics

MODULES = (adbench, dynamics, gradbench, learning, statistics)
SCALAR = ["gmm", "lstm", "kmeans", "ode", "lse", "llsq", "det", "kepler", "period", "nile", "eight_schools", "maml"]
SCALAR += ["logistic_regression", "rnn", "pinn", "sgd_rate", "equilibrium", "huber", "flow"]
ARRAYS = ["bundle_adjustment", "hand", "kmeans_newton", "hamiltonian", "heat", "curvature"]
ROUGH = {"period": 1e-9}
"""Where the program's own method is not exact."""


def reference(name: str) -> Callable[..., Any]:
    """The numpy function of a program's name."""
    (found,) = (getattr(module, name) for module in MODULES if hasattr(module, name))
    function: Callable[..., Any] = found
    return function


def point(name: str) -> dict[str, Any]:
    """The inputs; the likelihood of the Nile is asked about where it is not flat."""
    return inputs(name, **({"noise": 10_000.0, "drift": 3000.0} if name == "nile" else {}))


def directions(name: str) -> dict[str, Any]:
    """A direction in each input that is differentiated."""
    draw = np.random.default_rng(11)
    at = inputs(name)
    return {key: draw.normal(size=at[key].shape) for key in wrt(name)}


@pytest.mark.parametrize("name", SCALAR + ARRAYS)
def test_jvp(name: str) -> None:
    at, direction = point(name), directions(name)
    found = ask(source(name), at, "jvp", wrt(name), along=direction)
    assert_close(found.parts["jvp"], along(reference(name), at, direction), ROUGH.get(name, 1e-11), name)


@pytest.mark.parametrize("name", ARRAYS)
def test_vjp(name: str) -> None:
    at = inputs(name)
    slopes = derivative(reference(name), at, wrt(name))
    shape = np.shape(reference(name)(**at))
    cotangent = np.random.default_rng(12).normal(size=shape)
    found = ask(source(name), at, "vjp", wrt(name), along={"": cotangent})
    for key, slope in slopes.items():
        assert_close(found.parts["vjp"][key], np.tensordot(cotangent, slope, len(shape)), 1e-11, key)


@pytest.mark.parametrize("name", SCALAR)
def test_hvp(name: str) -> None:
    """Against differences of gradients, extrapolated."""
    at, direction = point(name), directions(name)
    found = ask(source(name), at, "hvp", wrt(name), along=direction)

    def slopes(h: float) -> dict[str, Any]:
        moved = {key: at[key] + h * move for key, move in direction.items()}
        return derivative(reference(name), {**at, **moved}, wrt(name))

    def difference(h: float) -> dict[str, Any]:
        right, left = slopes(h), slopes(-h)
        return {key: (right[key] - left[key]) / (2 * h) for key in right}

    wide, narrow = difference(2e-4), difference(1e-4)
    if name == "nile":
        wide, narrow = difference(2.0), difference(1.0)
    for key, product in found.parts["hvp"].items():
        assert_close(product, (4 * narrow[key] - wide[key]) / 3, 2e-7, key)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("heron", {"a": [0.25, 2.0, 1e6]}),
        ("huber", {"slope": [0.4, 0.1, 0.9], "start": [1.2, 0.0, -1.0]}),
        ("logistic_map", {"x": [0.1, 0.5], "n": 10}),
        ("kepler", {"M": [0.1, 0.5, 3.0], "eccentricity": [0.0, 0.2, 0.9]}),
        ("rnn", {"X": np.random.default_rng(13).normal(size=(3, 7, 2))}),
    ],
)
def test_many_points_at_once(name: str, changed: dict[str, Any]) -> None:
    """Loops of different lengths and branches that differ: each as if it were alone."""
    many = tuple(key for key, item in changed.items() if np.ndim(item))
    at = inputs(name, **changed)
    together = ask(source(name), at, "grad", wrt(name), batch=many)
    for i in range(len(at[many[0]])):
        alone = ask(source(name), {**at, **{key: at[key][i] for key in many}}, "grad", wrt(name))
        assert_close(value_of(together)[i], value_of(alone), 1e-14, "value")
        for key, slope in grad_of(alone).items():
            assert_close(grad_of(together)[key][i], slope, 1e-13, key)


def test_one_preparation_serves_many_points() -> None:
    """The number of steps is data where no shape depends on it."""
    at = inputs("logistic_map")
    question = Question(source("logistic_map"), at, kind=PROGRAM, wrt=("x",))
    prepared = ENGINE.prepare(question, "value", budget())
    for n in (0, 3, 7):
        x = 0.3
        for _ in range(n):
            x = 3.9 * x * (1 - x)
        moved = Question(source("logistic_map"), {**at, "n": np.asarray(n)}, kind=PROGRAM, wrt=("x",))
        assert ENGINE.prepare(moved, "value", budget()).run(moved, budget()).value == pytest.approx(x, rel=1e-15)
    assert prepared.run(question, budget()) is not None
