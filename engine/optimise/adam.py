"""Adam and its kin."""

from __future__ import annotations

import numpy as np

from engine.graph.types import Array
from engine.optimise.adaptive import moved
from engine.optimise.descent import decayed
from engine.optimise.options import Options
from engine.optimise.state import State

DECAY_OF_MOMENTUM = 0.96
"""The base of NAdam's momentum schedule in the paper; `momentum_decay` is its exponent for one step."""


def adam(state: State, gradient: Array, options: Options) -> State:
    """Adam: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1; torch.optim.Adam.

    m ← beta1 m + (1 − beta1) g, v ← beta2 v + (1 − beta2) g², x ← x − lr m̂ / (√v̂ + eps), with m̂ = m / (1 − beta1^t)
    and v̂ = v / (1 − beta2^t), t = 1 in the first step; eps outside of the root and after the correction, as in
    algorithm 1 and in torch.  Weight decay is coupled: it enters the gradient.
    """
    return _adam(state, state.x, decayed(state, gradient, options), options, largest=False)


def adamw(state: State, gradient: Array, options: Options) -> State:
    """AdamW: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2; torch.optim.AdamW.

    x ← (1 − lr weight_decay) x, then the step of Adam.  As in torch the decay is multiplied by the learning rate, where
    the paper multiplies by the schedule only.
    """
    return _adam(state, shrunk(state.x, options), gradient, options, largest=False)


def amsgrad(state: State, gradient: Array, options: Options) -> State:
    """AMSGrad: Reddi, Kale and Kumar, On the Convergence of Adam and Beyond, 2018, algorithm 2; torch.optim.Adam.

    Adam with the largest v so far in place of v.  The paper has neither the bias correction nor eps; as in torch with
    `amsgrad=True`, the largest is taken of v before its correction, and corrected then.
    """
    return _adam(state, state.x, decayed(state, gradient, options), options, largest=True)


def _adam(state: State, x: Array, gradient: Array, options: Options, *, largest: bool) -> State:
    beta1, beta2, t = options["beta1"], options["beta2"], state.step + 1
    first = moved(state.arrays["first"], gradient, beta1)
    second = beta2 * state.arrays["second"] + (1 - beta2) * (gradient * gradient)
    kept = {"first": first, "second": second}
    under = second
    if largest:
        under = kept["largest"] = np.maximum(state.arrays["largest"], second)
    denominator = np.sqrt(under) / (1 - beta2**t) ** 0.5 + options["eps"]
    return state.after(x - options["lr"] / (1 - beta1**t) * (first / denominator), **kept)


def nadam(state: State, gradient: Array, options: Options) -> State:
    """NAdam: Dozat, Incorporating Nesterov Momentum into Adam, 2016; torch.optim.NAdam.

    With µ_t = beta1 (1 − 0.96^(t momentum_decay) / 2) and P_t = µ_1 … µ_t,
    x ← x − lr ((1 − µ_t) / (1 − P_t) g + µ_{t+1} / (1 − P_{t+1}) m) / (√v̂ + eps).  m and v̂ are those of Adam, m with
    beta1 itself.  Weight decay is coupled, as in torch by default.  torch keeps P_t in float32 unless its default type
    is float64: its parameters in float64 are then off by up to 1e-6 of a step.
    """
    gradient = decayed(state, gradient, options)
    beta1, beta2, t = options["beta1"], options["beta2"], state.step + 1
    now, after = (coefficient(options, step) for step in (t, t + 1))
    product = state.arrays["product"] * now
    first = moved(state.arrays["first"], gradient, beta1)
    second = beta2 * state.arrays["second"] + (1 - beta2) * (gradient * gradient)
    denominator = np.sqrt(second / (1 - beta2**t)) + options["eps"]
    of_gradient = options["lr"] * (1 - now) / (1 - product)
    of_first = options["lr"] * after / (1 - product * after)
    x = state.x - of_gradient * (gradient / denominator) - of_first * (first / denominator)
    return state.after(x, first=first, second=second, product=product)


def coefficient(options: Options, step: int) -> float:
    """µ of a step, counted from 1."""
    return options["beta1"] * (1 - 0.5 * DECAY_OF_MOMENTUM ** (step * options["momentum_decay"]))


def lion(state: State, gradient: Array, options: Options) -> State:
    """Lion: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023, algorithm 2; torch.optim has none.

    x ← x − lr (sign(beta1 m + (1 − beta1) g) + weight_decay x), then m ← beta2 m + (1 − beta2) g.  The sign of 0 is 0.
    """
    mean = state.arrays["first"]
    direction = np.sign(options["beta1"] * mean + (1 - options["beta1"]) * gradient)
    x = state.x - options["lr"] * (direction + options["weight_decay"] * state.x)
    return state.after(x, first=options["beta2"] * mean + (1 - options["beta2"]) * gradient)


def shrunk(x: Array, options: Options) -> Array:
    """The parameters after decoupled weight decay."""
    return np.asarray(x * (1 - options["lr"] * options["weight_decay"]))
