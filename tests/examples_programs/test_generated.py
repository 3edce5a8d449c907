"""Programs drawn at random, against Python: value, gradient, and the derivative along a direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples_programs.as_python import as_python
from tests.examples_programs.complex_step import derivative, value
from tests.examples_programs.generated import Generator
from tests.examples_programs.programs import ask, grad_of, value_of

WRT = ("x", "y", "v")


@pytest.mark.parametrize("seed", range(40))
def test_generated_program(seed: int) -> None:
    text = Generator(seed).program()
    draw = np.random.default_rng(seed)
    at: dict[str, Any] = {"x": np.float64(draw.normal()), "y": np.float64(draw.normal()), "v": draw.normal(size=3)}
    at["n"] = np.int64(3)
    function = as_python(text, tuple(at))
    expected, slopes = value(function, at), derivative(function, at, WRT)
    found = ask(text, at, "grad", WRT, precision="float64")
    np.testing.assert_allclose(value_of(found), expected, rtol=1e-12, atol=1e-13, err_msg=text)
    for key, slope in slopes.items():
        np.testing.assert_allclose(grad_of(found)[key], slope, rtol=1e-9, atol=1e-11, err_msg=text)
    direction = {key: draw.normal(size=np.shape(at[key])) for key in WRT}
    pushed = ask(text, at, "jvp", WRT, along=direction, precision="float64").parts["jvp"]
    moved = sum(np.sum(slopes[key] * direction[key]) for key in WRT)
    np.testing.assert_allclose(pushed, moved, rtol=1e-9, atol=1e-10, err_msg=text)
