"""One case of the table: a definition, and the same mathematics in PyTorch."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

Tensors = Mapping[str, Any]
"""Our arrays by name, as tensors of torch."""
Predict = Callable[[Tensors, Any, bool], Any]
"""From our arrays, x, and whether it is training, to the prediction, by functions of torch.

Here is the mapping of weights: the optimisers of torch work on our arrays, and torch gets them transposed and in its
own order of gates.
"""
Judge = Callable[[Any, Any], Any]
"""From the prediction and y to the loss, by functions of torch."""
Shape = tuple[int, ...]

EXAMPLES = 7
"""Odd: signs, which are gradients of some losses, do not cancel."""
STEPS = 10
OPTIMISERS: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"lr": 0.1, "weight_decay": 0.01},
    "momentum": {"lr": 0.05, "momentum": 0.9},
    "nesterov": {"lr": 0.05, "momentum": 0.9},
    "adagrad": {"lr": 0.05},
    "rmsprop": {"lr": 0.01},
    "adadelta": {"lr": 1.0},
    "adam": {"lr": 0.01},
    "adamw": {"lr": 0.01, "weight_decay": 0.1},
    "nadam": {"lr": 0.01},
    "amsgrad": {"lr": 0.01},
}
"""All update rules that torch has, with the options of the test."""


@dataclass(frozen=True, eq=False)
class Case:
    """A model here and in torch.

    `arrays` are the shapes of its parameters, `data` tells how y is drawn, `state` names the parameters that training
    keeps rather than learns: `predict` writes what they become into its tensors.  `high`: x are integers below it.
    `training`: losses and gradients are those of training.  `fixed` are the arrays that are not trained,
    `positive` those that have to be above 0; `spread` is how far the arrays are from 0 at the beginning.
    """

    name: str
    definition: Mapping[str, Any]
    arrays: Mapping[str, Shape]
    predict: Predict
    judge: Judge
    data: str = "real"
    state: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    high: int | None = None
    training: bool = False
    positive: tuple[str, ...] = ()
    spread: float = 0.5

    @property
    def trained(self) -> tuple[str, ...]:
        """The names of the arrays that the optimisers change."""
        return tuple(name for name in self.arrays if name not in self.state and name not in self.fixed)

    def parameter(self, name: str) -> list[float]:
        """What an array begins as, row by row: three decimals, so that all digits are the same everywhere."""
        drawn = _normal(f"{self.name} {name}", prod(self.arrays[name]), self.spread)
        return [abs(number) + 0.5 for number in drawn] if name in self.positive else drawn

    def x(self) -> list[Any]:
        """The examples, row by row."""
        size = EXAMPLES * prod(self.definition["input"]["shape"])
        if self.high is not None:
            chance = random.Random(f"{self.name} x")
            return [chance.randrange(self.high) for _ in range(size)]
        return _normal(f"{self.name} x", size, 1.0)

    def y(self, shape: Shape) -> list[Any]:
        """What should come out, for all examples: `shape` is that of y for one of them."""
        chance, size = random.Random(f"{self.name} y"), EXAMPLES * prod(shape)
        if self.data.startswith("classes"):
            return [chance.randrange(int(self.data.split()[1])) for _ in range(size)]
        if self.data == "signs":
            return [chance.choice((-1.0, 1.0)) for _ in range(size)]
        if self.data == "counts":
            return [float(chance.randrange(6)) for _ in range(size)]
        if self.data == "probabilities":
            return [round(chance.random(), 3) for _ in range(size)]
        if self.data == "distributions":
            # Eighths, whose sums are exact, some of them 0.
            rows = []
            for _ in range(size // shape[-1]):
                cuts = sorted(chance.randrange(9) for _ in range(shape[-1] - 1))
                rows += [(b - a) / 8 for a, b in zip([0, *cuts], [*cuts, 8], strict=True)]
            return rows
        return _normal(f"{self.name} y", size, 1.0)


def _normal(purpose: str, size: int, scale: float) -> list[float]:
    chance = random.Random(purpose)
    return [round(chance.gauss(0.0, scale), 3) for _ in range(size)]
