"""What learns: derivatives through derivatives, equilibria, and rules of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import AssertionFault
from tests.examples_programs.comparing import assert_agrees, assert_close
from tests.examples_programs.complex_step import value
from tests.examples_programs.programs import answer, grad_of, inputs, value_of
from tests.examples_programs.references import learning


@pytest.mark.parametrize("name", ["pinn", "maml", "sgd_rate", "rnn", "equilibrium", "curvature", "huber", "flow"])
def test_program(name: str) -> None:
    reference: Callable[..., Any] = getattr(learning, name)
    assert_agrees(name, reference)


def test_curvature_of_a_loss_after_training() -> None:
    """The second derivative in the learning rate, through 100 derivatives."""
    found = answer("sgd_rate", "hessian")

    def slope(rate: float) -> Any:
        at = inputs("sgd_rate", rate=complex(rate, 1e-200))
        return learning.sgd_rate(**at).imag / 1e-200

    # Richardson's extrapolation of central differences
    wide, narrow = ((slope(0.3 + h) - slope(0.3 - h)) / (2 * h) for h in (2e-4, 1e-4))
    assert found.parts["hessian"]["rate"]["rate"] == pytest.approx((4 * narrow - wide) / 3, rel=1e-7)


def test_fit_is_the_certified_one() -> None:
    at = inputs("gauss_newton")
    found = answer("gauss_newton", "jacobian")
    np.testing.assert_allclose(value_of(found), [2.3894212918e02, 5.5015643181e-04], rtol=3e-11)
    slopes = learning.gauss_newton_slopes(value_of(found), at["x"], at["y"])
    for found_row, row in zip(found.parts["jacobian"]["y"], slopes, strict=True):
        assert_close(found_row, row, 1e-8, "y")


def test_limit_that_is_none() -> None:
    with pytest.raises(AssertionFault, match="near has to be positive"):
        answer("huber", "value", limit=0.1)


def test_rounding_is_not_seen_by_the_gradient() -> None:
    at = inputs("quantised")
    found = answer("quantised", "grad")
    rounded = np.round(4 * at["w"]) / 4
    assert_close(value_of(found), np.mean((at["X"] @ rounded - at["y"]) ** 2), 1e-14, "value")
    assert_close(grad_of(found)["w"], learning.quantised_gradient(**at), 1e-13, "w")


def test_gradient_that_is_turned_round() -> None:
    at = inputs("adversary")
    found = answer("adversary", "grad")
    for key, slope in learning.adversary_gradients(**at).items():
        assert_close(grad_of(found)[key], slope, 1e-13, key)


def test_equilibrium_is_one() -> None:
    at = inputs("equilibrium")
    assert value_of(answer("equilibrium", "value")) == pytest.approx(float(value(learning.equilibrium, at)), rel=1e-12)
