"""All update rules: one record each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.graph.types import Array
from engine.optimise.adam import adam, adamw, amsgrad, lion, nadam
from engine.optimise.adaptive import adadelta, adagrad, rmsprop
from engine.optimise.descent import momentum, nesterov, sgd
from engine.optimise.options import Option, Options, chosen
from engine.optimise.rule import Method, Rule, zeros


def _lr(default: float) -> Option:
    return Option("lr", default, "The learning rate.")


def _part(name: str, default: float, doc: str) -> Option:
    return Option(name, default, doc, high=1.0, open="high")


def _eps(default: float) -> Option:
    return Option("eps", default, "Added to a denominator.")


def _decay(default: float = 0.0) -> Option:
    return Option("weight_decay", default, "Pulls the parameters to 0.")


def _betas(beta2: float = 0.999) -> tuple[Option, ...]:
    return (
        _part("beta1", 0.9, "What the average of the gradients keeps of itself in a step."),
        _part("beta2", beta2, "What the average of their squares (Lion: of the gradients) keeps."),
    )


_MOMENTUM = _part("momentum", 0.9, "What the buffer keeps of itself in a step.")
_DAMPENING = Option("dampening", 0.0, "The buffer takes 1 − dampening of a gradient.", high=1.0)
_ADAM = (_lr(1e-3), *_betas(), _eps(1e-8), _decay())


def _accumulator(x: Array, options: Options) -> dict[str, Array]:
    return {"sum": np.full(x.shape, float(options["initial_accumulator"]))}


def _rmsprop(x: Array, options: Options) -> dict[str, Array]:
    extra = [("mean", "centered"), ("buffer", "momentum")]
    return {name: np.zeros(x.shape) for name in ("square", *(n for n, option in extra if options[option]))}


def _nadam(x: Array, options: Options) -> dict[str, Array]:
    return {"first": np.zeros(x.shape), "second": np.zeros(x.shape), "product": np.ones(())}


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("sgd", sgd, (_lr(1e-3), _decay()), zeros()),
        Rule("momentum", momentum, (_lr(1e-3), _MOMENTUM, _DAMPENING, _decay()), zeros("buffer")),
        Rule("nesterov", nesterov, (_lr(1e-3), _MOMENTUM, _decay()), zeros("buffer")),
        Rule(
            "adagrad",
            adagrad,
            (
                _lr(1e-2),
                Option("lr_decay", 0.0, "The rate is divided by 1 + lr_decay × steps."),
                Option("initial_accumulator", 0.0, "What the sum of squares begins with."),
                _eps(1e-10),
                _decay(),
            ),
            _accumulator,
        ),
        Rule(
            "rmsprop",
            rmsprop,
            (
                _lr(1e-2),
                _part("alpha", 0.99, "What the average of the squares keeps of itself in a step."),
                _eps(1e-8),
                _decay(),
                _part("momentum", 0.0, "What the buffer of scaled gradients keeps; 0 for none."),
                Option("centered", False, "Divide by the standard deviation of the gradients.", kind="flag"),
            ),
            _rmsprop,
        ),
        Rule(
            "adadelta",
            adadelta,
            (_lr(1.0), _part("rho", 0.9, "What both averages keep of themselves in a step."), _eps(1e-6), _decay()),
            zeros("square", "delta"),
        ),
        Rule("adam", adam, _ADAM, zeros("first", "second")),
        Rule("adamw", adamw, (_lr(1e-3), *_betas(), _eps(1e-8), _decay(1e-2)), zeros("first", "second")),
        Rule(
            "nadam",
            nadam,
            (_lr(2e-3), *_betas(), _eps(1e-8), _decay(), Option("momentum_decay", 4e-3, "How fast µ grows to beta1.")),
            _nadam,
        ),
        Rule("amsgrad", amsgrad, _ADAM, zeros("first", "second", "largest")),
        Rule("lion", lion, (_lr(1e-4), *_betas(0.99), _decay()), zeros("first")),
    )
}
"""The update rules by name."""


def method(name: str, options: Mapping[str, object] | None = None) -> Method:
    """The rule called `name` with `options`, and defaults for the rest.

    Raises `InvalidRequest` with all faults, whose pointers begin at the method: `/name`, `/lr`.
    """
    return Method(*chosen("method", name, RULES, options))
