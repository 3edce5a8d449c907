"""Gradient descent, with and without momentum."""

from __future__ import annotations

import numpy as np

from engine.graph.types import Array
from engine.optimise.options import Options
from engine.optimise.state import State


def decayed(state: State, gradient: Array, options: Options) -> Array:
    """The gradient of the objective with the penalty `weight_decay / 2 * x^2`: the coupled form of weight decay."""
    decay = options["weight_decay"]
    return gradient + decay * state.x if decay else gradient


def sgd(state: State, gradient: Array, options: Options) -> State:
    """Gradient descent: Robbins and Monro, A Stochastic Approximation Method, 1951; torch.optim.SGD.

    x ← x − lr (g + weight_decay x).
    """
    return state.after(state.x - options["lr"] * decayed(state, gradient, options))


def momentum(state: State, gradient: Array, options: Options) -> State:
    """Heavy ball: Polyak, Some Methods of Speeding Up the Convergence of Iteration Methods, 1964; torch.optim.SGD.

    b ← momentum b + (1 − dampening) g, x ← x − lr b.  As in torch, and unlike in Sutskever et al., On the Importance of
    Initialization and Momentum in Deep Learning, 2013, equations 1 and 2, the learning rate stands outside of the
    buffer, which matters where it changes; and the first gradient enters the buffer whole, whatever the dampening.
    """
    buffer = _buffer(state, decayed(state, gradient, options), options["momentum"], 1 - options["dampening"])
    return state.after(state.x - options["lr"] * buffer, buffer=buffer)


def nesterov(state: State, gradient: Array, options: Options) -> State:
    """Nesterov's accelerated gradient: Sutskever et al., 2013, equations 3 and 4, as torch.optim.SGD rewrites it.

    b ← momentum b + g, x ← x − lr (g + momentum b): the parameters are those at which the gradient is taken, looking
    ahead, and not the ones behind them of the paper.
    """
    gradient = decayed(state, gradient, options)
    buffer = _buffer(state, gradient, options["momentum"], 1.0)
    return state.after(state.x - options["lr"] * (gradient + options["momentum"] * buffer), buffer=buffer)


def _buffer(state: State, gradient: Array, momentum: float, weight: float) -> Array:
    if state.step == 0:
        return np.array(gradient)
    return np.asarray(momentum * state.arrays["buffer"] + weight * gradient)
