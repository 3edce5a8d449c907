"""Mistakes planted in the gradients of programs, in every step of a loop or in one, are found with their place.

What is planted is computed on the straight line of the program, by its place in the text; the diagnosis shares nothing
with that but the hook of the reverse pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from engine.graph.types import Array
from engine.graph.values import Node
from engine.primitives.record import sum_to
from engine.verify.report import Report
from engine.verify.unroll import MOST_NODES, unrolled
from tests.asking import ENGINE, budget
from tests.checking.programs import Nobody, answer, claim, program
from tests.verify.planting import Case, Shares, evaluated, gradient_graph

Change = Callable[[Node, Shares, Shares], Shares]
EULER = "for i in range(n):\n    x = x + h*sin(k*x)\nreturn x"
GROWTH = "for i in range(n):\n    x = r*x*(1 - x)\nreturn x"
SUM = "s = 0\nfor v in x:\n    s += a*exp(-b*v)\nreturn s"
ARRAY = "def f(W, x, n):\n    for i in range(n):\n        x = tanh(W @ x)\n    return sum(x^2)"
BRANCHES = "s = 0\nfor v in x:\n    if v > 1:\n        s += log(a*v)\n    else:\n        s += a*v^2\nreturn s"
HELPER = "def wave(u, k):\n    return sin(k*u)\n\ndef f(x, k):\n    return wave(x, k)*wave(x^2, k) + wave(k, x)"
WHILE = "y = x\nwhile y < 10:\n    y = y*exp(k*y)\nreturn y"
MATRIX = np.asarray([[0.5, -0.25, 0.1], [0.3, 0.2, -0.4], [-0.1, 0.6, 0.35]])


@dataclass(frozen=True)
class Planted:
    """A mistake at a stretch of the text, in a function whose inputs are given."""

    text: str
    at: Mapping[str, Any]
    wrt: tuple[str, ...]
    stretch: str
    primitive: str
    change: Change
    kind: str


def missing(position: int) -> Change:
    """The derivative of an operation is taken for 1."""

    def change(node: Node, outgoing: Shares, shares: Shares) -> Shares:
        (cotangent,) = outgoing
        assert cotangent is not None
        share = sum_to(cotangent, node.inputs[position].shape)
        return [share if i == position and s is not None else s for i, s in enumerate(shares)]

    return change


def turned(position: int) -> Change:
    """The sign is wrong."""
    return lambda node, outgoing, shares: [-s if i == position and s is not None else s for i, s in enumerate(shares)]


def dropped(position: int) -> Change:
    """Nothing is handed on."""
    return lambda node, outgoing, shares: [None if i == position else s for i, s in enumerate(shares)]


CHAIN = "missing-chain-factor"
AT = {"x": 0.7, "h": 0.1, "k": 2.5, "n": 6}
POINTS = {"x": [0.3, 1.2, 0.8], "a": 1.5, "b": 0.7}
LAYERS = {"W": MATRIX, "x": [0.4, -0.3, 0.9], "n": 4}
EVERYWHERE = [
    Planted(EULER, AT, ("x", "h", "k"), "sin(k*x)", "sin", missing(0), CHAIN),
    Planted(EULER, AT, ("x",), "k*x", "multiply", missing(1), CHAIN),
    Planted(EULER, AT | {"n": 30}, ("x", "k"), "sin(k*x)", "sin", missing(0), CHAIN),
    Planted(GROWTH, {"x": 0.3, "r": 2.9, "n": 7}, ("x", "r"), "1 - x", "subtract", turned(1), "sign"),
    Planted(SUM, POINTS, ("a", "b", "x"), "exp(-b*v)", "exp", missing(0), CHAIN),
    Planted(ARRAY, LAYERS, ("W", "x"), "tanh(W @ x)", "tanh", missing(0), CHAIN),
    Planted(BRANCHES, {"x": [0.3, 1.7, 2.2], "a": 1.3}, ("a", "x"), "log(a*v)", "log", missing(0), CHAIN),
    Planted(HELPER, {"x": 0.6, "k": 1.4}, ("x", "k"), "sin(k*u)", "sin", missing(0), CHAIN),
    Planted(WHILE, {"x": 1.1, "k": 0.3}, ("x", "k"), "exp(k*y)", "exp", missing(0), CHAIN),
    Planted(WHILE, {"x": 1.1, "k": 0.3}, ("x", "k"), "y*exp(k*y)", "multiply", dropped(0), CHAIN),
]


def case_of(planted: Planted) -> Case:
    """The straight line of a program, as planting takes it."""
    asked = program(planted.text, planted.at, wrt=planted.wrt)
    subject = ENGINE.subject(asked, budget())
    arguments = subject.arguments(asked)
    straight = unrolled(subject.graph, arguments, literal=True)
    return Case(planted.text, straight, subject.names, arguments, planted.wrt, dict(answer(asked).parts["grad"]))


def places(case: Case, planted: Planted) -> list[Node]:
    """Where the mistake can be made, in the order in which that runs."""
    start = planted.text.index(planted.stretch)
    found = [
        node
        for node in case.graph.nodes
        if node.primitive.name == planted.primitive
        and node.span is not None
        and (node.span.start, node.span.end) == (start, start + len(planted.stretch))
    ]
    assert found
    return found


def claimed(planted: Planted, at: Callable[[Sequence[Node]], Sequence[Node]]) -> dict[str, Array]:
    """The gradient with the mistake at some of its places."""
    case = case_of(planted)
    chosen = at(places(case, planted))

    def adjust(node: Node, outgoing: Shares, shares: Shares) -> Shares:
        return planted.change(node, outgoing, shares) if node in chosen else shares

    return evaluated(case, gradient_graph(case, adjust), case.arguments)


def report_on(planted: Planted, grad: Mapping[str, Array]) -> Report:
    """What is said of it."""
    return claim(program(planted.text, planted.at, wrt=planted.wrt), grad, witnesses=Nobody())


def stretch(planted: Planted, report: Report) -> str:
    """What stands where the first hypothesis is about."""
    span = report.diagnosis[0].span
    assert span is not None
    return planted.text[span.start : span.end]


@pytest.mark.parametrize("planted", EVERYWHERE, ids=lambda p: f"{p.primitive} in {p.stretch}")
def test_a_mistake_that_is_made_every_time(planted: Planted) -> None:
    report = report_on(planted, claimed(planted, lambda nodes: nodes))
    assert report.verdict == "incorrect"
    assert report.diagnosis, report.message
    assert report.diagnosis[0].kind == planted.kind
    assert stretch(planted, report) == planted.stretch
    count = len(places(case_of(planted), planted))
    assert count == 1 or f"each of the {count} times" in report.diagnosis[0].detail
    assert report.diagnosis[0].residual < 1e-9


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_mistake_that_is_made_once(number: int) -> None:
    planted = EVERYWHERE[0]
    report = report_on(planted, claimed(planted, lambda nodes: [nodes[number]]))
    assert report.diagnosis, report.message
    assert report.diagnosis[0].kind == "missing-chain-factor"
    assert stretch(planted, report) == planted.stretch
    assert f"only the {('1st', '', '3rd')[number] if number >= 0 else '6th'} of 6 times" in report.diagnosis[0].detail


def test_only_the_last_use_is_counted() -> None:
    # s += a*exp(-b*v): `=` where `+=` is meant, for a.
    last = float(np.exp(-0.7 * 0.8))
    report = claim(program(SUM, POINTS, wrt=("a",)), {"a": last}, witnesses=Nobody())
    assert report.diagnosis[0].kind == "last-use-only"
    assert "the last" in report.diagnosis[0].detail


def test_only_the_last_use_in_every_step_is_counted() -> None:
    x, slope, r = 0.3, 1.0, 2.9
    for _ in range(7):
        slope, x = slope * r * x * -1.0, r * x * (1 - x)
    report = claim(program(GROWTH, {"x": 0.3, "r": r, "n": 7}, wrt=("x",)), {"x": slope}, witnesses=Nobody())
    assert report.diagnosis, report.message
    assert "each of the 7 times" in report.message


def test_right_gradients_of_programs_have_no_diagnosis() -> None:
    for planted in EVERYWHERE:
        asked = program(planted.text, planted.at, wrt=planted.wrt)
        report = claim(asked, answer(asked).parts["grad"], witnesses=Nobody())
        assert report.verdict == "correct"
        assert not report.diagnosis


def test_random_errors_are_not_explained() -> None:
    draw = np.random.default_rng(3)
    told = []
    for planted in EVERYWHERE:
        asked = program(planted.text, planted.at, wrt=planted.wrt)
        grad = {n: np.asarray(g) * draw.uniform(0.3, 3.0, np.shape(g)) for n, g in answer(asked).parts["grad"].items()}
        if sum(g.size for g in grad.values()) > 1:
            told += [(planted.text, h.detail) for h in claim(asked, grad, witnesses=Nobody()).diagnosis]
    assert told == []


def test_what_is_too_long_is_diagnosed_from_outside() -> None:
    text = f"for i in range({MOST_NODES}):\n    x = x - 1e-3*sin(x)\nreturn x"
    asked = program(text, {"x": 0.7})
    report = claim(asked, {"x": -np.asarray(answer(asked).parts["grad"]["x"])}, witnesses=Nobody())
    assert report.diagnosis[0].kind == "sign"
    assert "more than 3,000 operations" in report.message


def test_a_derivative_of_its_own_stays_one_operation() -> None:
    text = "f = custom_grad(lambda h: h^2, lambda h, c: -c)\nreturn sin(f(x))"
    report = claim(program(text, {"x": 0.5}), {"x": -1.0}, witnesses=Nobody())
    assert report.diagnosis[0].detail == "The factor cos(f(x)), the derivative of sin(f(x)), is missing."
    subject = ENGINE.subject(program(text, {"x": 0.5}), budget())
    straight = unrolled(subject.graph, [np.float64(0.5)])
    assert [n.primitive.name for n in straight.nodes] == ["custom", "sin"]


def test_every_step_has_the_same_operations() -> None:
    text = "s = x\nfor i in range(40):\n    s = s*i + i\nreturn s"
    asked = program(text, {"x": 0.5})
    subject = ENGINE.subject(asked, budget())
    straight = unrolled(subject.graph, subject.arguments(asked), literal=True)
    names = [node.primitive.name for node in straight.nodes]
    assert (names.count("multiply"), names.count("add")) == (40, 40)
