"""Rates by component, from the squares of past gradients."""

from __future__ import annotations

import numpy as np

from engine.graph.types import Array
from engine.optimise.descent import decayed
from engine.optimise.options import Options
from engine.optimise.state import State


def adagrad(state: State, gradient: Array, options: Options) -> State:
    """Adagrad: Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011, the diagonal form; torch.optim.Adagrad.

    s ← s + g², x ← x − lr / (1 + t lr_decay) g / (√s + eps), with t = 0 in the first step.  As in torch, eps stands
    outside of the root, s begins with `initial_accumulator`, and the learning rate itself may decay; the paper has
    neither of the last two.
    """
    gradient = decayed(state, gradient, options)
    total = state.arrays["sum"] + gradient * gradient
    lr = options["lr"] / (1 + state.step * options["lr_decay"])
    return state.after(state.x - lr * (gradient / (np.sqrt(total) + options["eps"])), sum=total)


def rmsprop(state: State, gradient: Array, options: Options) -> State:
    """RMSprop: Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012; torch.optim.RMSprop.

    v ← alpha v + (1 − alpha) g², x ← x − lr g / (√v + eps), eps outside of the root as in torch.  `centered`: v − m²
    in place of v, with m the moving average of g (Graves, Generating Sequences with Recurrent Neural Networks, 2013,
    section 4.2); where it rounds to less than 0 it is 0 here and NaN in torch.  `momentum`: the scaled gradients enter
    a buffer, b ← momentum b + g / (√v + eps), x ← x − lr b.
    """
    gradient = decayed(state, gradient, options)
    alpha = options["alpha"]
    square = alpha * state.arrays["square"] + (1 - alpha) * (gradient * gradient)
    kept: dict[str, Array] = {"square": square}
    spread = square
    if options["centered"]:
        mean = moved(state.arrays["mean"], gradient, alpha)
        kept["mean"] = mean
        # An infinite square stays so: what is taken from it overflows too, and is less.
        spread = np.where(np.isinf(square), square, np.maximum(square - mean * mean, 0.0))
    scaled = gradient / (np.sqrt(spread) + options["eps"])
    if options["momentum"]:
        scaled = kept["buffer"] = options["momentum"] * state.arrays["buffer"] + scaled
    return state.after(state.x - options["lr"] * scaled, **kept)


def adadelta(state: State, gradient: Array, options: Options) -> State:
    """Adadelta: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012, algorithm 1; torch.optim.Adadelta.

    v ← rho v + (1 − rho) g², d = √(u + eps) / √(v + eps) g, u ← rho u + (1 − rho) d², x ← x − lr d: eps inside both
    roots.  The paper has no learning rate; torch's is 1 by default.
    """
    gradient = decayed(state, gradient, options)
    rho, eps = options["rho"], options["eps"]
    square = rho * state.arrays["square"] + (1 - rho) * (gradient * gradient)
    delta = np.sqrt(state.arrays["delta"] + eps) / np.sqrt(square + eps) * gradient
    kept = rho * state.arrays["delta"] + (1 - rho) * (delta * delta)
    return state.after(state.x - options["lr"] * delta, square=square, delta=kept)


def moved(mean: Array, gradient: Array, beta: float) -> Array:
    """The moving average `beta mean + (1 − beta) gradient`, as torch.lerp computes it."""
    weight = 1 - beta
    if weight < 0.5:
        return np.asarray(mean + weight * (gradient - mean))
    return np.asarray(gradient - (gradient - mean) * (1 - weight))
