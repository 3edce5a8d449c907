"""The problems that are compared with other libraries: as text for us, as functions of an array module for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A scalar function of the inputs `wrt` (the gradient is taken with respect to them) and of fixed `data`.

    `written` computes it with an array module of numpy's names; `solve`, `logdet` and `logsumexp` are fields of it that
    each library fills with its own.
    """

    title: str
    text: str
    wrt: Mapping[str, Any]
    data: Mapping[str, Any]
    written: Callable[..., Any]


def _thirty(np: Any, x: Any, y: Any, z: Any) -> Any:
    a = np.sin(x * y) + np.exp(-x * z)
    b = a * np.tanh(y) - x / (1 + z * z)
    c = np.sqrt(1 + b * b) * np.cos(z) + a
    d = np.log(1 + np.exp(c)) - y * np.sin(b)
    return d * d + a * b * c - x * np.exp(-d * d) + np.sqrt(1 + c * c)


_A = "(sin(x*y)+exp(-x*z))"
_B = f"({_A}*tanh(y)-x/(1+z*z))"
_C = f"(sqrt(1+{_B}*{_B})*cos(z)+{_A})"
_D = f"(log(1+exp({_C}))-y*sin({_B}))"
_THIRTY = f"{_D}*{_D}+{_A}*{_B}*{_C}-x*exp(-{_D}*{_D})+sqrt(1+{_C}*{_C})"


def problems() -> list[Problem]:
    """All of them, with fixed random data."""
    draw = np.random.default_rng(3)
    X, y, w = draw.normal(size=(200, 50)), draw.normal(size=200), draw.normal(size=50)
    S = draw.normal(size=(50, 50))
    A, b = S @ S.T / 50 + np.eye(50), draw.normal(size=50)
    return [
        Problem(
            "scalar, 6 operations",
            "x^2*sin(y)+exp(-x)",
            {"x": 3.0, "y": 0.5},
            {},
            lambda np, x, y: x**2 * np.sin(y) + np.exp(-x),
        ),
        Problem("scalar, 35 operations", _THIRTY, {"x": 0.7, "y": 1.1, "z": -0.4}, {}, _thirty),
        Problem(
            "vector of 1,000",
            "sum(log(1+exp(x*w)))",
            {"x": draw.normal(size=1000)},
            {"w": draw.normal(size=1000)},
            lambda np, x, w: np.sum(np.log(1 + np.exp(x * w))),
        ),
        Problem(
            "log-sum-exp of 1,000",
            "logsumexp(x*w)",
            {"x": draw.normal(size=1000)},
            {"w": draw.normal(size=1000)},
            lambda np, x, w: np.logsumexp(x * w),
        ),
        Problem(
            "least squares 200 × 50",
            "sum((X@w-y)^2)/2",
            {"w": w},
            {"X": X, "y": y},
            lambda np, w, X, y: np.sum((X @ w - y) ** 2) / 2,
        ),
        Problem(
            "logdet and solve 50 × 50",
            "logdet(A)+b@solve(A,b)",
            {"A": A},
            {"b": b},
            lambda np, A, b: np.logdet(A) + b @ np.solve(A, b),
        ),
    ]
