"""A program against its reference: the value, and the derivatives in all inputs that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.question import Answer
from tests.examples_programs.complex_step import derivative, value
from tests.examples_programs.programs import answer, inputs, value_of, wrt


def assert_agrees(name: str, reference: Callable[..., Any], rtol: float = 1e-11, **changed: Any) -> Answer:
    """The value and the gradient (of an array: the Jacobian) are the reference's; the answer with them."""
    at = inputs(name, **changed)
    expected = value(reference, at)
    what = "jacobian" if expected.ndim else "grad"
    found = answer(name, what, **changed)
    assert_close(value_of(found), expected, rtol, "value")
    slopes = derivative(reference, at, wrt(name))
    assert found.parts[what].keys() == slopes.keys()
    for key, slope in slopes.items():
        assert_close(found.parts[what][key], slope, rtol, key)
    return found


def assert_close(found: Any, expected: Any, rtol: float, what: str) -> None:
    """Equal up to `rtol` of the largest element."""
    assert np.shape(found) == np.shape(expected), what
    atol = rtol * float(np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=0, atol=atol, err_msg=what)
