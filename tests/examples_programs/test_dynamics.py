"""Things that move, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from tests.examples_programs.comparing import assert_agrees, assert_close
from tests.examples_programs.programs import answer, ask, grad_of, inputs, source, value_of
from tests.examples_programs.references import dynamics

EXACT = ["hamiltonian", "kepler", "heat", "fibonacci"]


@pytest.mark.parametrize("name", EXACT)
def test_program(name: str) -> None:
    reference: Callable[..., Any] = getattr(dynamics, name)
    assert_agrees(name, reference, 1e-12)


def test_pendulum_of_ten_thousand_steps() -> None:
    assert inputs("pendulum")["steps"] == 10_000
    assert_agrees("pendulum", dynamics.pendulum, 1e-11)


def test_planets() -> None:
    found = assert_agrees("nbody", dynamics.nbody, 1e-10)
    assert f"{value_of(found):.9f}" == "-0.169087605"


def test_planets_at_the_start() -> None:
    assert f"{value_of(answer('nbody', 'value', steps=0)):.9f}" == "-0.169075164"


def test_leapfrog_keeps_areas() -> None:
    """The Jacobian of what follows Hamilton's equations is symplectic."""
    slopes = answer("hamiltonian", "jacobian").parts["jacobian"]
    J = np.concatenate([slopes["q"], slopes["p"]], axis=1)
    S = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    assert_close(J.T @ S @ J, S, 1e-12, "symplectic")


@pytest.mark.parametrize(("n", "precision", "rtol"), [(0, "auto", 1e-15), (20, "auto", 1e-9), (50, "exact", 1e-15)])
def test_logistic_map(n: int, precision: str, rtol: float) -> None:
    """Digits are lost in chaos; where more precision is used, none is."""
    found = ask(source("logistic_map"), inputs("logistic_map", n=n), "grad", ("x", "r"), precision=precision)
    with mpmath.workdps(60):
        x, slope_x, slope_r = mpmath.mpf(0.3), mpmath.mpf(1), mpmath.mpf(0)
        r = mpmath.mpf(3.9)
        for _ in range(n):
            slope_x, slope_r = r * (1 - 2 * x) * slope_x, x * (1 - x) + r * (1 - 2 * x) * slope_r
            x = r * x * (1 - x)
        expected = [float(x), float(slope_x), float(slope_r)]
    for got, wanted in zip([value_of(found), grad_of(found)["x"], grad_of(found)["r"]], expected, strict=True):
        assert got == pytest.approx(wanted, rel=rtol)


def test_kepler_implicit_derivative() -> None:
    found = answer("kepler", "grad")
    E, eccentricity = float(value_of(found)), 0.205630
    assert grad_of(found)["M"] == pytest.approx(1 / (1 - eccentricity * np.cos(E)), rel=1e-14)
    assert grad_of(found)["eccentricity"] == pytest.approx(np.sin(E) / (1 - eccentricity * np.cos(E)), rel=1e-14)


def test_kepler_second_derivative() -> None:
    """d2E/dM2 = -e sin(E) / (1 - e cos(E))^3."""
    found = answer("kepler", "hessian")
    E, eccentricity = float(value_of(found)), 0.205630
    expected = -eccentricity * np.sin(E) / (1 - eccentricity * np.cos(E)) ** 3
    assert found.parts["hessian"]["M"]["M"] == pytest.approx(expected, rel=1e-12)


def test_period() -> None:
    assert_agrees("period", dynamics.period, 1e-9)


def test_predator_and_prey() -> None:
    assert_agrees("lotka_volterra", dynamics.lotka_volterra, 1e-7)


def test_fibonacci() -> None:
    found = answer("fibonacci", "grad")
    assert value_of(found) == 12586269025
    assert [float(slope) for slope in grad_of(found).values()] == [4807526976, 7778742049]


def test_heat_ends_where_it_began_to_be_cold() -> None:
    value = value_of(answer("heat", "value"))
    assert value[0] == value[-1] == 0.0


def test_heron() -> None:
    found = answer("heron", "grad")
    assert value_of(found) == pytest.approx(np.sqrt(2.0), rel=1e-15)
    assert grad_of(found)["a"] == pytest.approx(1 / np.sqrt(8.0), rel=1e-12)


def test_newton_finds_the_minimum_of_the_valley() -> None:
    """At (a, a^2), whatever b and the start are."""
    found = answer("newton", "jacobian", a=1.5)
    assert_close(value_of(found), [1.5, 2.25], 1e-13, "value")
    slopes = found.parts["jacobian"]
    assert_close(slopes["a"], [1, 3], 1e-9, "a")
    np.testing.assert_allclose(slopes["b"], 0, atol=1e-9)
    np.testing.assert_allclose(slopes["start"], 0, atol=1e-9)
