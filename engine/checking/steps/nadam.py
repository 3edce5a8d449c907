"""NAdam as torch computes it by default."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.graph.types import Array
from engine.optimise.adam import coefficient, nadam
from engine.optimise.options import Options
from engine.optimise.rule import Method
from engine.optimise.state import State


def in_single(method: Method) -> Method:
    """The method with the product of its coefficients in float32, whatever the type of the parameters."""

    def update(state: State, gradient: Array, options: Options) -> State:
        now = coefficient(options, state.step + 1)
        product = np.asarray(np.float32(state.arrays["product"]) * np.float32(now), dtype=np.float64)
        before = State(state.step, state.x, {**state.arrays, "product": product / now if now else product})
        after = nadam(before, gradient, options)
        return State(after.step, after.x, {**after.arrays, "product": product})

    return Method(replace(method.rule, update=update), method.options)
