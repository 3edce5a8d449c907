"""Programs of GradBench, with what is published or known of their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.examples_programs.comparing import assert_agrees, assert_close
from tests.examples_programs.complex_step import along
from tests.examples_programs.programs import answer, ask, grad_of, inputs, source, value_of
from tests.examples_programs.references import gradbench


@pytest.mark.parametrize("name", ["kmeans", "kmeans_newton", "ode", "lse", "llsq", "det"])
def test_program(name: str) -> None:
    reference: Callable[..., Any] = getattr(gradbench, name)
    assert_agrees(name, reference, 1e-12)


def test_gradient_of_determinant() -> None:
    A = inputs("det")["A"]
    found = answer("det", "grad")
    assert value_of(found) == round(float(np.linalg.det(A)))
    cofactors = np.linalg.det(A) * np.linalg.inv(A).T
    assert np.array_equal(grad_of(found)["A"], np.round(cofactors))


def test_gradient_of_lse_is_softmax() -> None:
    x = inputs("lse")["x"]
    found = answer("lse", "grad")
    assert_close(grad_of(found)["x"], np.exp(x - 1000) / np.sum(np.exp(x - 1000)), 1e-12, "x")


def test_saddle_as_published() -> None:
    assert_close(value_of(answer("saddle", "value")), np.full(4, 8.246324826140356e-06), 1e-12, "saddle")


def test_saddle_depends_on_where_it_starts() -> None:
    at, direction = inputs("saddle"), {"start": np.array([1.0, -0.5])}
    found = ask(source("saddle"), at, "jvp", ("start",), along=direction, precision="float64")
    assert_close(found.parts["jvp"], along(gradbench.saddle, at, direction), 1e-10, "start")


def test_particle_as_published() -> None:
    assert value_of(answer("particle", "value")) == pytest.approx(0.20719187464861194, rel=1e-10)
