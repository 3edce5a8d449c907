"""Every loss, of a dense layer."""

from __future__ import annotations

from typing import Any

from tests.models.parity.case import Case, Judge, Tensors
from tests.models.parity.layers import functional, linear


def _case(
    title: str, loss: Any, judge: Judge, data: str = "real", activation: str = "linear", shape: tuple[int, ...] = (3,)
) -> Case:
    def predict(arrays: Tensors, x: Any, training: bool) -> Any:
        z, f = linear(arrays, x), functional()
        made = {"linear": lambda: z, "sigmoid": z.sigmoid, "log_sigmoid": lambda: f.logsigmoid(z), "exp": z.exp}
        made |= {"softmax": lambda: z.softmax(-1), "log_softmax": lambda: z.log_softmax(-1)}
        return made[activation]()

    layers = [{"type": "dense", "units": 4, "activation": activation}]
    definition = {"input": {"shape": list(shape)}, "layers": layers, "loss": loss}
    arrays = {"dense_1_kernel": (shape[-1], 4), "dense_1_bias": (4,)}
    return Case(f"loss-{title}", definition, arrays, predict, judge, data)


def _by(name: str, **options: Any) -> Judge:
    return lambda prediction, y: getattr(functional(), name)(prediction, y, **options)


def _bce_of_logarithms(prediction: Any, y: Any) -> Any:
    return functional().binary_cross_entropy(prediction.exp(), y)


def _nll(prediction: Any, y: Any) -> Any:
    return functional().nll_loss(prediction.log(), y)


def _of_sequence(prediction: Any, y: Any) -> Any:
    """Torch has the classes on axis 1."""
    return functional().cross_entropy(prediction.transpose(1, 2), y)


def _log_cosh(prediction: Any, y: Any) -> Any:
    return (prediction - y).cosh().log().mean()


def _hinge(prediction: Any, y: Any) -> Any:
    return (1 - y * prediction).clamp(min=0).mean()


def _gaussian(prediction: Any, y: Any) -> Any:
    mean, logarithms = prediction[:, :2], prediction[:, 2:]
    return functional().gaussian_nll_loss(mean, y, logarithms.exp(), eps=1e-300)


def _quantile(prediction: Any, y: Any) -> Any:
    import torch

    return torch.maximum(0.3 * (y - prediction), -0.7 * (y - prediction)).mean()


_SMOOTH = {"name": "cross_entropy", "label_smoothing": 0.1}
_DENSE = {"name": "cross_entropy", "sparse": False}

LOSSES = (
    _case("mse", "mse", _by("mse_loss")),
    _case("mae", "mae", _by("l1_loss")),
    _case("huber", "huber", _by("huber_loss")),
    _case("huber-delta", {"name": "huber", "delta": 0.7}, _by("huber_loss", delta=0.7)),
    _case("log_cosh", "log_cosh", _log_cosh),
    _case("bce-logits", "bce", _by("binary_cross_entropy_with_logits"), "probabilities"),
    _case("bce-probabilities", "bce", _by("binary_cross_entropy"), "probabilities", "sigmoid"),
    _case("bce-logarithms", "bce", _bce_of_logarithms, "probabilities", "log_sigmoid"),
    _case("cross_entropy", "cross_entropy", _by("cross_entropy"), "classes 4"),
    _case("cross_entropy-smooth", _SMOOTH, _by("cross_entropy", label_smoothing=0.1), "classes 4"),
    _case("cross_entropy-probabilities", "cross_entropy", _nll, "classes 4", "softmax"),
    _case("cross_entropy-logarithms", "cross_entropy", _by("nll_loss"), "classes 4", "log_softmax"),
    _case("cross_entropy-of-sequence", "cross_entropy", _of_sequence, "classes 4", shape=(2, 3)),
    _case("cross_entropy-dense", _DENSE, _by("cross_entropy"), "distributions"),
    _case("cross_entropy-dense-smooth", _DENSE | _SMOOTH, _by("cross_entropy", label_smoothing=0.1), "distributions"),
    _case("hinge", "hinge", _hinge, "signs"),
    _case("kl", "kl", lambda p, y: _by("kl_div", reduction="batchmean")(p.log_softmax(-1), y), "distributions"),
    _case(
        "kl-probabilities",
        "kl",
        lambda p, y: _by("kl_div", reduction="batchmean")(p.log(), y),
        "distributions",
        "softmax",
    ),
    _case("kl-logarithms", "kl", _by("kl_div", reduction="batchmean"), "distributions", "log_softmax"),
    _case("poisson_nll", "poisson_nll", _by("poisson_nll_loss"), "counts"),
    _case(
        "poisson_nll-rate",
        {"name": "poisson_nll", "log_input": False},
        _by("poisson_nll_loss", log_input=False, eps=0.0),
        "counts",
        "exp",
    ),
    _case("gaussian_nll", "gaussian_nll", _gaussian, "half"),
    _case("quantile", {"name": "quantile", "q": 0.3}, _quantile),
)
"""The cases."""
