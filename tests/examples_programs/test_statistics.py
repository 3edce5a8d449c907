"""Log-likelihoods and posteriors, and what is published of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.examples_programs.comparing import assert_agrees, assert_close
from tests.examples_programs.complex_step import derivative, value
from tests.examples_programs.programs import answer, ask, grad_of, inputs, value_of
from tests.examples_programs.references import statistics


@pytest.mark.parametrize("name", ["eight_schools", "logistic_regression"])
def test_program(name: str) -> None:
    reference: Callable[..., Any] = getattr(statistics, name)
    assert_agrees(name, reference)


def test_nile() -> None:
    assert_agrees("nile", statistics.nile, noise=10_000.0, drift=3000.0)


def test_nile_is_most_likely_where_published() -> None:
    """Durbin and Koopman: 15099 and 1469.1; the slopes there are those of rounded figures."""
    found = answer("nile", "grad")
    assert value_of(found) == pytest.approx(-632.5456, abs=1e-4)
    curvature = answer("nile", "hessian").parts["hessian"]
    H = np.array([[curvature[a][b] for b in ("noise", "drift")] for a in ("noise", "drift")])
    step = np.linalg.solve(H, [grad_of(found)["noise"], grad_of(found)["drift"]])
    assert np.all(np.linalg.eigvalsh(H) < 0)
    assert np.all(np.abs(step) < [1.0, 0.5])


def test_kalman() -> None:
    """Of matrices that are symmetric, only the symmetric part of the gradient means something."""
    at = inputs("kalman")
    found = answer("kalman", "grad")
    assert_close(value_of(found), value(statistics.kalman, at), 1e-12, "value")
    for key, slope in derivative(statistics.kalman, at, tuple(at)).items():
        got = grad_of(found)[key]
        if key in ("Q", "P"):
            got, slope = got + got.T, slope + slope.T
        assert_close(got, slope, 1e-11, key)


def test_elbo() -> None:
    """With the samples that the program drew."""
    at = inputs("elbo")
    noise = ask("return random.normal(seed, (20, 3))", {"seed": at.pop("seed")}, "value", None).value
    assert at.pop("samples") == 20
    found = answer("elbo", "grad")
    at["noise"] = np.asarray(noise)
    assert_close(value_of(found), value(statistics.elbo, at), 1e-12, "value")
    for key, slope in derivative(statistics.elbo, at, ("mean", "log_std")).items():
        assert_close(grad_of(found)[key], slope, 1e-12, key)
