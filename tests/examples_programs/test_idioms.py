"""Small programs, run by Python and numpy too: value, gradient, and the second derivative along a direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples_programs.as_python import as_python
from tests.examples_programs.comparing import assert_close
from tests.examples_programs.complex_step import derivative, value
from tests.examples_programs.idioms import IDIOMS, real
from tests.examples_programs.programs import ask, grad_of, value_of

JUMPS = {"bisection"}
"""Their gradients jump from point to point, and differences of these say nothing."""


@pytest.mark.parametrize("name", IDIOMS)
def test_value_and_gradient(name: str) -> None:
    text, at = IDIOMS[name]
    function = as_python(text, tuple(at))
    found = ask(text, at, "grad", real(at))
    assert_close(value_of(found), value(function, at), 1e-14, "value")
    for key, slope in derivative(function, at, real(at)).items():
        assert_close(grad_of(found)[key], slope, 1e-12, key)


@pytest.mark.parametrize("name", sorted(IDIOMS.keys() - JUMPS))
def test_second_derivative(name: str) -> None:
    text, at = IDIOMS[name]
    function = as_python(text, tuple(at))
    draw = np.random.default_rng(14)
    direction = {key: draw.normal(size=np.shape(at[key])) for key in real(at)}
    found = ask(text, at, "hvp", real(at), along=direction).parts["hvp"]

    def slopes(h: float) -> dict[str, Any]:
        return derivative(function, {**at, **{k: at[k] + h * v for k, v in direction.items()}}, real(at))

    def difference(h: float) -> dict[str, Any]:
        right, left = slopes(h), slopes(-h)
        return {key: (right[key] - left[key]) / (2 * h) for key in right}

    wide, narrow = difference(2e-4), difference(1e-4)
    size = max(float(np.max(np.abs(slope))) for slope in slopes(0.0).values())
    for key, product in found.items():
        np.testing.assert_allclose(product, (4 * narrow[key] - wide[key]) / 3, rtol=1e-6, atol=1e-7 * size)
