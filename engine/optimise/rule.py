"""The record of an update rule, and a rule together with its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.optimise.options import Option, Options
from engine.optimise.state import State

Update = Callable[[State, Array, Options], State]
"""From the state, the gradient at its parameters, and all options by name to the next state.  Elementwise and pure."""
Initial = Callable[[Array, Options], dict[str, Array]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One method: its options, what it keeps at the beginning, and its update."""

    name: str
    update: Update
    options: tuple[Option, ...]
    initial: Initial

    @property
    def source(self) -> str:
        """The first line of the docstring of the update, which names the method and its paper."""
        return (self.update.__doc__ or "").strip().split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class Method:
    """A rule with all of its options."""

    rule: Rule
    options: Options

    def start(self, x: Array) -> State:
        """The state before the first step."""
        x = np.array(x, dtype=np.float64)
        return State(0, x, self.rule.initial(x, self.options))

    def step(self, state: State, gradient: Array, lr: float | Array | None = None) -> State:
        """The next state; `lr` replaces the learning rate of the options, as a schedule does, also for each row of `x`.

        What overflows becomes infinite without a word, as IEEE arithmetic has it.
        """
        options: Any = self.options if lr is None else {**self.options, "lr": lr}
        with np.errstate(all="ignore"):
            return self.rule.update(state, np.asarray(gradient, dtype=np.float64), options)


def zeros(*names: str) -> Initial:
    """The initial state of a rule that keeps arrays of zeros in the shape of the parameters."""
    return lambda x, options: {name: np.zeros(x.shape) for name in names}
