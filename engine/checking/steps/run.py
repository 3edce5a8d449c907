"""A claimed run of an optimiser, and what a method makes of its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.graph.types import Array, Shape
from engine.limits import Budget
from engine.optimise.clipping import clipped
from engine.optimise.options import Options
from engine.optimise.rule import Method
from engine.optimise.state import State

REPLICAS = 3
"""The run itself, and two with gradients that are disturbed."""
DISTURBED = 16
"""By how many units in the last place."""
CLOSE = 1e-11
"""The part of a step by which honest code may differ: rounding of coefficients and of their powers."""
ROUNDED = 1e-5
"""The same for code in float32."""
CHECKED_EVERY = 64


@dataclass(frozen=True, slots=True)
class Run:
    """A run of T steps in n parameters, all inputs in one row.

    `iterates` and `gradients`: (T, n), gradients at the parameters before each step, and what these may be off by
    (`errors`).  `rates`: the learning rate of every step.  `shapes` are those of the inputs by name; `tolerance` is
    relative to the parameters, None for that of float64.
    """

    method: Method
    start: Array
    iterates: Array
    gradients: Array
    errors: Array
    rates: Array
    clip: Options | None
    shapes: Mapping[str, Shape]
    tolerance: float | None = None

    @property
    def before(self) -> Array:
        """(T, n): the claimed parameters before each step."""
        return np.concatenate([self.start[None], self.iterates[:-1]])

    def split(self, row: Array) -> dict[str, Array]:
        """The inputs of a row by name."""
        found, at = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=np.int64))
            found[name] = row[at : at + size].reshape(shape)
            at += size
        return found

    def place(self, column: int) -> tuple[str, tuple[int, ...]]:
        """Name and index of a column."""
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=np.int64))
            if column < size:
                return name, tuple(int(i) for i in np.unravel_index(column, shape))
            column -= size
        raise IndexError(column)

    def first(self, steps: int) -> Run:
        """Only the first steps."""
        return Run(
            self.method,
            self.start,
            self.iterates[:steps],
            self.gradients[:steps],
            self.errors[:steps],
            self.rates[:steps],
            self.clip,
            self.shapes,
            self.tolerance,
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """(T, n): the parameters after each step from the claimed ones before it, and how far honest code may be off."""

    x: Array
    allowed: Array

    def excess(self, claimed: Array) -> Array:
        """How far claimed parameters are beyond what is allowed; 0 where both are the same infinity or NaN."""
        with np.errstate(all="ignore"):
            off = np.maximum(np.abs(claimed - self.x) - self.allowed, 0.0)
        same = (claimed == self.x) | (np.isnan(claimed) & np.isnan(self.x))
        return np.where(same, 0.0, np.where(np.isnan(off), np.inf, off))

    @property
    def known(self) -> Array:
        """Where the prediction is a finite number."""
        return np.isfinite(self.x)


def clip_rows(run: Run, gradients: Array) -> Array:
    """Every row clipped, all inputs together."""
    if run.clip is None:
        return gradients
    rows = [np.concatenate([a.ravel() for a in clipped(run.split(row), run.clip).values()]) for row in gradients]
    return np.array(rows).reshape(gradients.shape)


def predict(run: Run, budget: Budget, dtype: type[np.floating] = np.float64, close: float = CLOSE) -> Prediction:
    """The steps of the run's method.  The state follows from the gradients, so that nothing adds up but in it.

    What honest code may be off by is measured: the same steps are made with gradients that are disturbed by a few units
    in the last place, and by what they may be off themselves.
    """
    unit = float(np.finfo(dtype).eps)
    method, before = run.method, run.before
    gradients = clip_rows(run, run.gradients)
    signs = np.random.default_rng(0).choice(np.array([-1.0, 1.0]), size=(REPLICAS, run.start.size))
    signs[0] = 0.0
    state = State(0, np.broadcast_to(run.start, signs.shape).astype(dtype), {})
    state = State(0, state.x, {n: a.astype(dtype) for n, a in method.rule.initial(state.x, method.options).items()})
    found = np.empty((len(run.rates), 2, run.start.size))
    with np.errstate(all="ignore"):
        for k, rate in enumerate(run.rates):
            if k % CHECKED_EVERY == 0:
                budget.check()
            # Another pattern of signs in every step.
            turned = np.roll(signs, k, axis=1) * np.where(np.arange(REPLICAS) % 2, 1.0, (-1.0) ** k)[:, None]
            gradient = gradients[k] * (1 + DISTURBED * unit * turned) + run.errors[k] * turned
            state = State(k, np.broadcast_to(before[k], signs.shape).astype(dtype), state.arrays)
            state = method.rule.update(state, gradient.astype(dtype), {**method.options, "lr": float(rate)})
            found[k, 0] = state.x[0]
            found[k, 1] = np.max(np.abs(state.x - state.x[0]), axis=0)
        x, spread = found[:, 0], found[:, 1]
        size = np.maximum(np.abs(before), np.abs(x))
        part = close + 32 * unit / _least(method.options)
        allowed = 8 * spread + 4 * unit * size + part * np.abs(x - before) + (run.tolerance or 0.0) * size
    return Prediction(x, np.where(np.isfinite(allowed), allowed, np.inf))


def _least(options: Options) -> float:
    """The least of 1 − beta over the coefficients of averages."""
    kept = [options[name] for name in ("beta1", "beta2", "alpha", "rho", "momentum") if name in options]
    return min([1 - float(part) for part in kept], default=1.0)
