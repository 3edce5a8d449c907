"""Generated programs against Python itself and against the precise witness, to second order and in every way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from engine.derive.forward import jvp
from engine.derive.reverse import gradient, vjp
from engine.graph.values import Graph, with_outputs
from engine.limits import Limits
from engine.question import Answer, Question
from engine.verify.precise import context, evaluate, exactly
from tests import cpython
from tests.asking import ENGINE, budget, codes
from tests.control.building import run
from tests.programs import AT, SIZE, program

FIRST = range(160)
SECOND = range(1000, 1060)
TOGETHER = range(2000, 2050)
EXACT = range(3000, 3040)
FOUND = (2000, 2005, 2046, 2055, 2130, 2138, 2154, 2277, 2383, 2422)
"""What only the way back of a way back computes, although it does not depend on its cotangents."""

NUMBERS = ("x", "y", "v")
DIRECTION = {"x": 0.3, "y": -1.7, "v": [0.5, -0.25, 1.0, 0.75]}
OTHER = {"x": -0.6, "y": 0.4, "v": [1.0, 0.5, -0.5, 0.25]}
WAYS: list[dict[str, Any]] = [
    {"x": 1.0},
    {"y": 1.0},
    *({"v": [float(i == j) for i in range(SIZE)]} for j in range(SIZE)),
]


def asked(text: str, at: Mapping[str, Any], **more: Any) -> Question:
    """The question after a program at a point."""
    point = {name: np.asarray(value, dtype=float) for name, value in at.items()}
    return Question(text, point, kind="program", wrt=NUMBERS, **more)


def grad(text: str, at: Mapping[str, Any], **more: Any) -> Answer:
    """Its gradient, the whole way."""
    return ENGINE.answer(asked(text, at, **more), "grad", budget())


def flat(parts: Mapping[str, Any] | None) -> Any:
    """The gradient in one array."""
    assert parts is not None
    return np.concatenate([np.ravel(np.asarray(parts[name], dtype=float)) for name in NUMBERS])


def expected(text: str, at: Mapping[str, Any]) -> tuple[float, Any]:
    """Value and gradient as Python has them."""
    function = cpython.function(text, list(at))
    slopes = [float(cpython.derivative(function, at, way)) for way in WAYS]
    return float(function(**cpython.moved(at))), np.array(slopes)


def close(found: Any, true: Any, tolerance: float, what: str) -> None:
    """Equal up to a part of the largest number, or of 1."""
    atol = tolerance * max(1.0, float(np.max(np.abs(true))))
    np.testing.assert_allclose(np.asarray(found, dtype=float), true, rtol=0, atol=atol, err_msg=what)


@pytest.mark.parametrize("seed", FIRST)
def test_value_and_gradient_are_those_of_python(seed: int) -> None:
    text, at = program(seed), AT[seed % len(AT)]
    value, slopes = expected(text, at)
    found = grad(text, at)
    close(found.value, value, 1e-10, text)
    close(flat(found.grad), slopes, 1e-8, text)


@pytest.mark.parametrize("seed", [*SECOND, *FOUND])
def test_witnesses_and_modes_agree_to_second_order(seed: int) -> None:
    text, at = program(seed), AT[seed % len(AT)]
    question = asked(text, at)
    subject = ENGINE.subject(question, budget())
    graph, arguments = subject.graph, subject.arguments(question)
    wrt = [i for i, name in enumerate(subject.names) if name in NUMBERS]
    if not wrt:
        return
    one, other = ([way[subject.names[i]] for i in wrt] for way in (DIRECTION, OTHER))

    function = cpython.function(text, list(at))
    slope = float(cpython.derivative(function, at, DIRECTION))
    curve = float(cpython.second(function, at, DIRECTION, OTHER))
    close(_difference(graph, arguments, dict(zip(wrt, one, strict=True))), slope, 1e-10, text)
    close(run(jvp(graph, wrt), *arguments, *one)[-1], slope, 1e-8, text)
    first = gradient(graph, wrt).graph
    slopes = with_outputs(first, first.outputs[1:])
    ways = {
        "forward over reverse": run(jvp(slopes, wrt), *arguments, *one)[len(wrt) :],
        "reverse over reverse": run(vjp(slopes, wrt), *arguments, *one)[len(wrt) :],
    }
    for way, found in ways.items():
        along = sum(np.sum(np.asarray(a) * np.asarray(b)) for a, b in zip(found, other, strict=True))
        close(along, curve, 1e-6, f"{way}\n{text}")
    little = run(vjp(slopes, wrt), *arguments, *one, limits=Limits(run_bytes=60_000))
    for a, b in zip(little[len(wrt) :], ways["reverse over reverse"], strict=True):
        assert np.array_equal(a, b), text


def _difference(graph: Graph, arguments: Sequence[Any], ways: Mapping[int, Any]) -> float:
    """The derivative of a graph, evaluated in 60 digits, along a direction."""
    mp = context(60)
    h = mp.mpf(10) ** -18
    exact = [exactly(a, mp) if v.type.dtype == "real" else a for a, v in zip(arguments, graph.inputs, strict=True)]

    def at(step: Any) -> Any:
        moved = list(exact)
        for i, way in ways.items():
            moved[i] = np.asarray(exact[i] + exactly(way, mp) * step)
        return evaluate(graph, moved, mp)[0][()]

    return float((at(h) - at(-h)) / (2 * h))


@pytest.mark.parametrize("seed", TOGETHER)
def test_many_points_are_one_after_the_other(seed: int) -> None:
    text = program(seed)
    points = {name: [point[name] for point in AT] for name in AT[0]}
    together = grad(text, points, batch=True)
    assert together.grad is not None
    for i, point in enumerate(AT):
        alone = grad(text, point)
        close(np.asarray(together.value)[i], alone.value, 1e-10, text)
        close(flat({name: part[i] for name, part in together.grad.items()}), flat(alone.grad), 1e-9, text)


@pytest.mark.parametrize("seed", EXACT)
def test_more_digits_give_the_digits_of_python(seed: int) -> None:
    text, at = program(seed), AT[seed % len(AT)]
    value, slopes = expected(text, at)
    found = grad(text, at, precision="exact")
    assert "ill-conditioned" not in codes(found), text
    close(found.value, value, 1e-15, text)
    close(flat(found.grad), slopes, 1e-13, text)
