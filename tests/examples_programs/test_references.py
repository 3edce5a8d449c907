"""The references themselves against what is published, and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples_programs.complex_step import derivative
from tests.examples_programs.programs import inputs
from tests.examples_programs.references import adbench, dynamics, gradbench, statistics


def test_saddle_and_particle() -> None:
    np.testing.assert_allclose(gradbench.saddle(np.array([1.0, 1.0])), np.full(4, 8.246324826140356e-06), rtol=1e-13)
    assert gradbench.particle(0.0) == pytest.approx(0.20719187464861194, rel=1e-12)


def test_planets() -> None:
    assert f"{dynamics.nbody(**inputs('nbody', steps=0)):.9f}" == "-0.169075164"
    assert f"{dynamics.nbody(**inputs('nbody')):.9f}" == "-0.169087605"


def test_nile_is_most_likely_where_published() -> None:
    at = inputs("nile")
    assert statistics.nile(**at) == pytest.approx(-632.5456, abs=1e-4)
    slopes = derivative(statistics.nile, at, ("noise", "drift"))
    assert abs(slopes["noise"]) < 1e-6
    assert abs(slopes["drift"]) < 1e-6


def test_first_observation_of_bundle_adjustment() -> None:
    found = adbench.bundle_adjustment(**inputs("bundle_adjustment"))
    np.testing.assert_allclose(found[:2], [-2.69048849235189402e-01, 2.59944792677901881e-01], rtol=1e-9)


def test_turn_is_a_rotation() -> None:
    R: Any = adbench.turn(np.array([0.3, -0.2, 0.9]))
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(R @ [0.3, -0.2, 0.9], [0.3, -0.2, 0.9], rtol=1e-15)
    assert np.trace(R) == pytest.approx(1 + 2 * np.cos(np.linalg.norm([0.3, -0.2, 0.9])))
