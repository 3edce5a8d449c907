"""The rules written once more, with the places at which people slip left open.

Without a slip they are the rules of `engine.optimise`; the tests hold them against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.graph.types import Array
from engine.optimise.options import Options
from engine.optimise.rule import Initial, Method
from engine.optimise.state import State

Decay = Literal["coupled", "decoupled", "without-lr", "none"]
Epsilon = Literal["outside", "inside", "before-correction"]
HEAVY = ("sgd", "momentum", "nesterov")
ADAMS = ("adam", "adamw", "amsgrad", "nadam")
DECOUPLED = ("adamw", "lion")


@dataclass(frozen=True, slots=True)
class Slips:
    """How a rule is computed.  The defaults are right for all but `decay` and `eps`, which `right` sets."""

    decay: Decay = "coupled"
    eps: Epsilon = "outside"
    correct_first: bool = True
    correct_second: bool = True
    offset: int = 0
    power: int = 2
    root: bool = True
    weigh_first: bool = True
    weigh_second: bool = True
    average: bool = False
    whole_first: bool = True
    ahead: bool = True
    rate_inside: bool = False
    largest_of_corrected: bool = False
    schedule: bool = True
    buffer_first: bool = False


def right(name: str) -> Slips:
    """No slip at all."""
    return Slips(
        decay="decoupled" if name in DECOUPLED else "coupled", eps="inside" if name == "adadelta" else "outside"
    )


def slipped(method: Method, slips: Slips) -> Method:
    """The method as somebody computes it who makes these slips."""
    name = method.rule.name

    def update(state: State, gradient: Array, options: Options) -> State:
        return _update(name, slips, state, gradient, options)

    return Method(replace(method.rule, update=update, initial=_initial()), method.options)


def _initial() -> Initial:
    def initial(x: Array, options: Options) -> dict[str, Array]:
        names = ("first", "second", "largest", "buffer", "mean", "delta")
        found = {name: np.zeros(x.shape) for name in names} | {"product": np.ones(())}
        return found | {"second": np.full(x.shape, float(options.get("initial_accumulator", 0.0)))}

    return initial


def _update(name: str, s: Slips, state: State, gradient: Array, o: Options) -> State:
    x, lr, decay = state.x, o["lr"], o["weight_decay"]
    if s.decay == "coupled":
        gradient = gradient + decay * x
    kept = dict(state.arrays)
    if name in HEAVY:
        step = _heavy(name, s, state, gradient, o, kept)
    elif name in ADAMS:
        step = lr * _adam(name, s, state, gradient, o, kept)
    elif name == "lion":
        step = lr * _lion(s, gradient, o, kept)
    else:
        step = lr * _squares(name, s, state, gradient, o, kept)
    if s.decay == "decoupled":
        x = x - lr * decay * x
    elif s.decay == "without-lr":
        x = x - decay * x
    return State(state.step + 1, x - step, kept)


def _heavy(name: str, s: Slips, state: State, g: Array, o: Options, kept: dict[str, Array]) -> Array:
    if name == "sgd":
        return np.asarray(o["lr"] * g)
    keep = o["momentum"]
    weight = 1 - keep if s.average else 1 - o.get("dampening", 0.0)
    factor = o["lr"] if s.rate_inside else 1.0
    if state.step == 0 and s.whole_first and not s.average:
        weight = 1.0
    buffer = kept["buffer"] = keep * kept["buffer"] + weight * factor * g
    step = factor * g + keep * buffer if name == "nesterov" and s.ahead else buffer
    return np.asarray(step if s.rate_inside else o["lr"] * step)


def _adam(name: str, s: Slips, state: State, g: Array, o: Options, kept: dict[str, Array]) -> Array:
    beta1, beta2, t = o["beta1"], o["beta2"], max(state.step + 1 + s.offset, 1)
    first = kept["first"] = beta1 * kept["first"] + ((1 - beta1) if s.weigh_first else 1.0) * g
    second = kept["second"] = beta2 * kept["second"] + ((1 - beta2) if s.weigh_second else 1.0) * np.abs(g) ** s.power
    one = 1 - beta1**t if s.correct_first else 1.0
    two = 1 - beta2**t if s.correct_second else 1.0
    if name == "amsgrad":
        second = kept["largest"] = np.maximum(kept["largest"], second / two if s.largest_of_corrected else second)
        two = 1.0 if s.largest_of_corrected else two
    below = _below(s, second, two, o["eps"])
    if name != "nadam" or not s.ahead:
        return np.asarray(first / one / below)
    if not s.schedule:
        now, after, product, ahead = beta1, beta1, beta1**t, beta1 ** (t + 1)
    else:
        now, after = (beta1 * (1 - 0.5 * 0.96 ** (k * o["momentum_decay"])) for k in (t, t + 1))
        kept["product"] = kept["product"] * now
        product, ahead = float(kept["product"]), float(kept["product"]) * after
    if not s.correct_first:
        product = ahead = 0.0
    return np.asarray(((1 - now) / (1 - product) * g + after / (1 - ahead) * first) / below)


def _below(s: Slips, second: Array, correction: float, eps: float) -> Array:
    """The denominator."""
    if not s.root:
        return np.asarray(second / correction + eps)
    if s.eps == "inside":
        return np.asarray(np.sqrt(second / correction + eps))
    if s.eps == "before-correction":
        return np.asarray((np.sqrt(second) + eps) / correction**0.5)
    return np.asarray(np.sqrt(second / correction) + eps)


def _lion(s: Slips, g: Array, o: Options, kept: dict[str, Array]) -> Array:
    mean = kept["first"]
    after = o["beta2"] * mean + (1 - o["beta2"]) * g
    kept["first"] = after
    # The buffer moved before it is used: a step with the average of this gradient too.
    used = after if s.buffer_first else mean
    mixed = o["beta1"] * used + (1 - o["beta1"]) * g
    return np.asarray(np.sign(mixed) if s.root else mixed)


def _squares(name: str, s: Slips, state: State, g: Array, o: Options, kept: dict[str, Array]) -> Array:
    square = np.abs(g) ** s.power
    if name == "adagrad":
        second = kept["second"] = kept["second"] + square
        rate = 1 / (1 + max(state.step + s.offset, 0) * o["lr_decay"])
        return np.asarray(rate * g / _below(s, second, 1.0, o["eps"]))
    keep = o["rho"] if name == "adadelta" else o["alpha"]
    weight = 1 - keep if s.weigh_second else 1.0
    second = kept["second"] = keep * kept["second"] + weight * square
    if name == "adadelta":
        above = _below(s, kept["delta"], 1.0, o["eps"])
        delta = above / _below(s, second, 1.0, o["eps"]) * g
        kept["delta"] = keep * kept["delta"] + weight * delta * delta
        return np.asarray(delta)
    if o["centered"] and s.ahead:
        mean = kept["mean"] = keep * kept["mean"] + (1 - keep) * g
        second = np.maximum(second - mean * mean, 0.0)
    scaled = g / _below(s, second, 1.0, o["eps"])
    if o["momentum"]:
        weight = 1 - o["momentum"] if s.average else 1.0
        scaled = kept["buffer"] = o["momentum"] * kept["buffer"] + weight * scaled
    return np.asarray(scaled)
