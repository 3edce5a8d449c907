"""What a model is trained to make small: losses of a prediction and what it should have been."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.graph.types import Array, Shape
from engine.models.fields import Field, Options, choice, flag, number
from engine.models.signal import Misfit, Signal

Allowed = tuple[Callable[[Array], Array], str]
"""Which of the numbers in y, all finite, the loss is defined for; and what they are, in words."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss.

    `target` gives the signal of `y` for that of `prediction`, and raises `Misfit`; `each` the text of the losses of all
    elements, of `prediction` and `y` with the axis over examples first.  Their mean is the loss.  `holds` gives what y
    has to be, as a condition and in words, where a program would otherwise take what it is not; `allowed` tells the
    same of the data of a training.

    `classes` is how a prediction tells of classes: `one` number which of two, or `last`: the largest along the last
    axis, for which there is one loss.  `scaled`: the prediction is in the units of y.
    """

    name: str
    target: Callable[[Options, Signal], Signal]
    each: Callable[[Options, Signal], str]
    fields: tuple[Field, ...] = ()
    formula: str = ""
    conventions: str = ""
    aliases: tuple[str, ...] = ()
    holds: Callable[[Options, Signal], tuple[str, str] | None] = lambda options, prediction: None
    allowed: Callable[[Options, Signal], Allowed | None] = lambda options, prediction: None
    classes: Literal["", "one", "last"] = ""
    scaled: bool = False


def _same(options: Options, prediction: Signal) -> Signal:
    return Signal(prediction.shape)


def _classes(options: Options, prediction: Signal) -> Signal:
    if not prediction.shape or prediction.shape[-1] < 2:
        raise Misfit(
            f"expects a prediction with at least two classes along its last axis, gets {prediction.shape}",
            "end with as many units as there are classes; for two classes and one unit, use bce",
        )
    return Signal(prediction.shape[:-1], "int") if options["sparse"] else Signal(prediction.shape)


_FROM = Field(
    "from",
    choice("auto", "logits", "probabilities", "log_probabilities"),
    "auto",
    "what the prediction is: `logits`, `probabilities`, `log_probabilities`; `auto` looks at the last activation.",
)
_SPARSE = Field("sparse", flag, True, "whether y are the numbers of classes; else one-hot, or probabilities.")
_LOGARITHMS = {
    "logits": "log_softmax(prediction, axis=-1)",
    "probabilities": "log(prediction)",
    "log_probabilities": "prediction",
}


def _cross_entropy(options: Options, prediction: Signal) -> str:
    logarithms = _LOGARITHMS[options["from"]]
    smooth = options["label_smoothing"]
    if options["sparse"]:
        # The class of each example is taken out of the last axis.
        own = f"-take_along_axis({logarithms}, y[..., None], axis=-1)[..., 0]"
        return own if not smooth else f"{1 - smooth!r}*({own}) - {smooth!r}*mean({logarithms}, axis=-1)"
    if smooth:
        return f"-sum(({1 - smooth!r}*y + {smooth / prediction.shape[-1]!r})*{logarithms}, axis=-1)"
    return f"-sum({_times('y', logarithms)}, axis=-1)"


def _times(y: str, logarithm: str) -> str:
    """The product, which is 0 where y is 0, also where the probability is: what does not happen costs nothing.

    Not xlogy, of which the engine does not know how to compute the logarithm of a sigmoid or a softmax in one.
    """
    return f"where({y} == 0, 0, {y}*{logarithm})"


def _are_classes(options: Options, prediction: Signal) -> tuple[str, str] | None:
    """Indices below 0 count from the end, as everywhere in the language; numbers of classes do not."""
    if not options["sparse"]:
        return None
    last = prediction.shape[-1] - 1
    return f"all(y >= 0) and all(y <= {last})", f"y has to be numbers of classes, 0 to {last}"


def _probabilities(options: Options, prediction: Signal) -> Allowed:
    return lambda y: (y >= 0) & (y <= 1), "probabilities, from 0 to 1"


def _numbers_of_classes(options: Options, prediction: Signal) -> Allowed:
    if not options["sparse"]:
        return _probabilities(options, prediction)
    last = prediction.shape[-1] - 1
    return lambda y: (y >= 0) & (y <= last), f"numbers of classes, from 0 to {last}"


def _bce(options: Options, prediction: Signal) -> str:
    if options["from"] == "logits":
        return "softplus(prediction) - y*prediction"
    if options["from"] == "log_probabilities":
        return f"-({_times('y', 'prediction')} + {_times('(1 - y)', 'log(-expm1(prediction))')})"
    return f"-({_times('y', 'log(prediction)')} + {_times('(1 - y)', 'log(1 - prediction)')})"


def _huber(options: Options, prediction: Signal) -> str:
    delta = options["delta"]
    near, far = "0.5*(prediction - y)^2", f"{delta!r}*(abs(prediction - y) - {delta / 2!r})"
    return f"where(abs(prediction - y) <= {delta!r}, {near}, {far})"


def _kl(options: Options, prediction: Signal) -> str:
    return f"sum(xlogy(y, y) - {_times('y', _LOGARITHMS[options['from']])}, axis=-1)"


def _distribution(options: Options, prediction: Signal) -> Signal:
    if not prediction.shape:
        raise Misfit("expects a prediction with probabilities along its last axis, gets one number")
    return Signal(prediction.shape)


def _poisson(options: Options, prediction: Signal) -> str:
    return (
        "exp(prediction) - y*prediction" if options["log_input"] else f"prediction - {_times('y', 'log(prediction)')}"
    )


def _halves(options: Options, prediction: Signal) -> Signal:
    if not prediction.shape or prediction.shape[-1] % 2:
        raise Misfit(
            f"expects means and logarithms of variances, an even number along the last axis, gets {prediction.shape}",
            "end with twice as many units as y has numbers",
        )
    return Signal((*prediction.shape[:-1], prediction.shape[-1] // 2))


def _gaussian(options: Options, prediction: Signal) -> str:
    half = prediction.shape[-1] // 2
    mean, log_variance = f"prediction[..., :{half}]", f"prediction[..., {half}:]"
    # The square of the quotient, which is in range where the reciprocal of the variance is not.
    return f"0.5*({log_variance} + ((y - {mean})*exp(-0.5*{log_variance}))^2)"


def _quantile(options: Options, prediction: Signal) -> str:
    q = options["q"]
    return f"maximum({q!r}*(y - prediction), {q - 1!r}*(y - prediction))"


_POSITIVE = number(0.0, 1e100, above=True)

LOSSES: Mapping[str, Loss] = {
    record.name: record
    for record in (
        Loss(
            "mse",
            _same,
            lambda options, prediction: "(prediction - y)^2",
            formula="mean((prediction - y)²)",
            scaled=True,
            aliases=("mean_squared_error",),
        ),
        Loss(
            "mae",
            _same,
            lambda options, prediction: "abs(prediction - y)",
            formula="mean(|prediction − y|)",
            scaled=True,
            aliases=("mean_absolute_error", "l1"),
        ),
        Loss(
            "huber",
            _same,
            _huber,
            (Field("delta", _POSITIVE, 1.0, "where the square becomes a line."),),
            formula="mean of d²/2 where |d| ≤ δ, δ(|d| − δ/2) elsewhere; d = prediction − y",
            scaled=True,
        ),
        Loss(
            "log_cosh",
            _same,
            lambda options, prediction: "log(cosh(prediction - y))",
            formula="mean(log(cosh(prediction − y)))",
            conventions="As in Keras; PyTorch has none.",
            scaled=True,
        ),
        Loss(
            "bce",
            _same,
            _bce,
            (_FROM,),
            formula="mean(−y log p − (1 − y) log(1 − p)); from logits: mean(softplus(z) − y z)",
            conventions="Keras takes probabilities unless told otherwise, PyTorch has two losses; here the last "
            "activation decides: `sigmoid` gives probabilities, `log_sigmoid` their logarithms, anything else logits. "
            "Logarithms are not cut off: PyTorch's are at least −100, Keras keeps probabilities 1e-7 from 0 and 1. "
            "With `sigmoid` or logits the loss is finite anyway; with probabilities that are given as 0 or 1 it is 0 "
            "where they are right and infinite where not.",
            aliases=("binary_cross_entropy", "binary_crossentropy"),
            allowed=_probabilities,
            classes="one",
        ),
        Loss(
            "cross_entropy",
            _classes,
            _cross_entropy,
            (
                _FROM,
                _SPARSE,
                Field("label_smoothing", number(0.0, 1.0, below=True), 0.0, "what is shared by all classes."),
            ),
            formula="mean(−log softmax(z)[y]); with `sparse: false` mean(−Σ y log softmax(z))",
            conventions="PyTorch takes logits with the classes on axis 1, Keras probabilities with the classes last; "
            "here the classes are last, and the last activation decides: `softmax` gives probabilities, `log_softmax` "
            "their logarithms, anything else logits. Numbers of classes begin at 0. `label_smoothing` shares its part "
            "among all classes, the right one among them, as both do. Under Keras's name `categorical_crossentropy`, "
            "`sparse` is false by default.",
            aliases=("categorical_crossentropy", "sparse_categorical_crossentropy"),
            holds=_are_classes,
            allowed=_numbers_of_classes,
            classes="last",
        ),
        Loss(
            "hinge",
            _same,
            lambda options, prediction: "maximum(1 - y*prediction, 0)",
            formula="mean(max(1 − y prediction, 0)), y is −1 or 1",
            conventions="Keras turns y from 0 and 1 into −1 and 1; here it has to be −1 and 1.",
            allowed=lambda options, prediction: (lambda y: np.abs(y) == 1, "−1 or 1"),
            classes="one",
        ),
        Loss(
            "kl",
            _distribution,
            _kl,
            (_FROM,),
            formula="mean(Σ y (log y − log p)), 0 log 0 = 0",
            conventions="The sum runs over the last axis and the mean over the rest, as in Keras; so does PyTorch's "
            "`batchmean` where there are no axes but that over examples beside it. PyTorch takes log probabilities, "
            "Keras probabilities; here the last activation decides.",
            aliases=("kl_divergence",),
            allowed=_probabilities,
            classes="last",
        ),
        Loss(
            "poisson_nll",
            _same,
            _poisson,
            (Field("log_input", flag, True, "whether the prediction is the logarithm of the rate."),),
            formula="mean(exp(z) − y z); with `log_input: false` mean(p − y log p); without log(y!)",
            conventions="As in PyTorch; Keras's `poisson` takes the rate itself, and so does this one under that name.",
            aliases=("poisson",),
            allowed=lambda options, prediction: (lambda y: y >= 0, "counts, not negative"),
        ),
        Loss(
            "gaussian_nll",
            _halves,
            _gaussian,
            formula="mean((log v + (y − m)²/v)/2): m the first half of the last axis, log v the second; no log(2π)/2",
            conventions="PyTorch takes the variance as an argument of its own; here the model predicts its logarithm.",
        ),
        Loss(
            "quantile",
            _same,
            _quantile,
            (Field("q", number(0.0, 1.0, above=True, below=True), 0.5, "the quantile that is predicted."),),
            formula="mean(max(q (y − p), (q − 1)(y − p)))",
            conventions="Neither Keras nor PyTorch has it.",
            scaled=True,
            aliases=("pinball",),
        ),
    )
}
"""All losses by name."""

ALIASES: Mapping[str, str] = {alias: record.name for record in LOSSES.values() for alias in record.aliases}
"""Other names that a definition may use."""
_DEFAULTS: Mapping[str, Mapping[str, bool]] = {
    "categorical_crossentropy": {"sparse": False},
    "poisson": {"log_input": False},
}


def fields_of(name: str) -> tuple[Field, ...]:
    """The options of a loss under one of its names; what Keras calls so has the defaults that it has there."""
    changed = _DEFAULTS.get(name, {})
    fields = LOSSES[ALIASES.get(name, name)].fields
    return tuple(replace(field, default=changed.get(field.name, field.default)) for field in fields)


def reduced(each: str, rank: int, weighted: bool) -> str:
    """The text of the loss from that of the losses of all elements, which have `rank` axes beside that of examples."""
    if not weighted:
        return f"mean({each})"
    axes = ", ".join(map(str, range(1, rank + 1)))
    own = f"mean({each}, axis=({axes},))" if rank else f"({each})"
    # An example without weight counts for nothing, whatever its loss, and a batch of such has the loss 0.
    return f"sum(where(weight == 0, 0, weight*{own}))/maximum(sum(weight), 1e-300)"


def rank_of(options: Options, loss: Loss, prediction: Signal) -> int:
    """The number of axes that the losses of the elements of one example have."""
    each: Shape = prediction.shape[:-1] if loss.classes == "last" else loss.target(options, prediction).shape
    return len(each)
