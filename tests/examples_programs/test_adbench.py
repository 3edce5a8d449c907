"""The objectives of ADBench, with the values and derivatives that its own tests expect where its data are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.examples_programs.comparing import assert_agrees, assert_close
from tests.examples_programs.programs import answer, ask, inputs, source, value_of, wrt
from tests.examples_programs.references import adbench

CAMERA_SLOPES = """
    2.28877202208246757e+02 6.34574811495545418e+02 -7.82222866259340549e+02 2.42892615607159668e+00
    -1.17828079628011313e+01 2.54169312487743460e+00 -1.03657084958518086e+00 4.17022e-01 0.0
    -3.50739521096005205e+02 -9.12107773668008576e+02
    -1.20542435994996879e+02 -3.85673240766460424e+02 9.75476291403326456e+01 -1.78372108529576567e+00
    4.15466799433126077e+00 2.04025718029898906e+00 3.49176397433145880e-01 0.0 4.17022e-01
    1.18149147704414503e+02 3.07250108960343255e+02
"""
POINT_SLOPES = """
    -2.42892615607159668e+00 1.17828079628011313e+01 -2.54169312487743460e+00
    1.78372108529576567e+00 -4.15466799433126077e+00 -2.04025718029898906e+00
"""
WEIGHT_SLOPES = [-6.45167039712987389e-01, 6.23335921553064054e-01]
"""What ADBench's tests of the objective BA expect for its first camera, point and weight."""


@pytest.mark.parametrize("name", ["gmm", "bundle_adjustment", "hand", "lstm"])
def test_objective(name: str) -> None:
    reference: Callable[..., Any] = getattr(adbench, name)
    assert_agrees(name, reference)


def test_bundle_adjustment_as_published() -> None:
    found = answer("bundle_adjustment", "jacobian")
    slopes = found.parts["jacobian"]
    assert_close(
        value_of(found)[[0, 1, 10]], [-2.69048849235189402e-01, 2.59944792677901881e-01, 0.826092651515999976], 1e-9, ""
    )
    assert_close(slopes["cameras"][:2, 0], np.reshape(CAMERA_SLOPES.split(), (2, 11)).astype(float), 1e-9, "cameras")
    assert_close(slopes["points"][:2, 0], np.reshape(POINT_SLOPES.split(), (2, 3)).astype(float), 1e-9, "points")
    assert_close(slopes["weights"][:2, 0], WEIGHT_SLOPES, 1e-9, "weights")
    assert slopes["weights"][10, 0] == -2 * 0.417022


def test_jacobian_of_bundle_adjustment_is_sparse() -> None:
    name = "bundle_adjustment"
    dense = answer(name, "jacobian").parts["jacobian"]
    sparse = ask(source(name), inputs(name), "jacobian", wrt(name), format="coo").parts["jacobian"]
    for key, matrix in dense.items():
        entries = sparse[key]
        filled = np.zeros(entries.shape)
        filled[entries.row, entries.column] = entries.value
        assert_close(filled, matrix.reshape(entries.shape), 1e-14, key)
    observations, cameras = 5, 2
    assert len(sparse["cameras"].row) == 2 * observations * 11 * cameras  # the camera is looked up: any is possible
    assert len(sparse["weights"].row) == 3 * observations


def test_rotation_by_nothing() -> None:
    """The branch of a camera that is not turned; a little turn is its neighbour."""
    at = inputs("bundle_adjustment")
    turned = at["cameras"].copy()
    at["cameras"][:, :3] = 0.0
    turned[:, :3] = 1e-9
    name = "bundle_adjustment"
    still = ask(source(name), at, "jacobian", ("cameras",))
    near = ask(source(name), {**at, "cameras": turned}, "jacobian", ("cameras",))
    assert_close(still.parts["jacobian"]["cameras"], near.parts["jacobian"]["cameras"], 1e-6, name)


def test_lstm_over_a_line_of_shakespeare() -> None:
    """Each letter by its bits, as ADBench has them."""
    letters = [[int(bit) for bit in f"{ord(letter) - 97:03b}"[-3:]] for letter in "shallicomparetheetoasummersday"]
    assert_agrees("lstm", adbench.lstm, sequence=letters)
