"""Rewrites keep the digits that the formula as typed loses; identities keep every bit; neighbours are left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from engine.derive.reverse import gradient
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.simplify import _IDENTITIES, REWRITES
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.primitives.table import PRIMITIVES
from engine.question import Answer
from engine.verify.differences import along, scalar, unit
from engine.verify.precise import context, evaluate
from tests.asking import grad, graph_of_text, value
from tests.witnesses import run, ulps, worst

# ---- rewrites ----

LOST = 1e6
"""The formula as typed is off by at least this many units in the last place, in its value or its gradient."""


@dataclass(frozen=True)
class Row:
    """An expression that is rewritten at `place`, and a point at which it loses its digits as typed.

    `kept`: the most that value and gradient may be off in the last place.  `truth`: value and gradient where the
    formula as typed has none even in high precision.
    """

    outer: str
    before: str
    text: str
    at: Mapping[str, Any]
    place: str = ""
    kept: float = 4.0
    truth: tuple[float, Mapping[str, Any]] | None = None


ROWS = [
    Row("log", "log(exp(x))", "log(exp(x))", {"x": 1000.0}),
    Row("log", "log(exp(x))", "y*log(exp(x)) - y", {"x": -800.0, "y": 2.0}, "log(exp(x))"),
    Row("log", "log(exp(x) + exp(y))", "log(exp(x) + exp(y))", {"x": -800.0, "y": -801.0}),
    Row("log", "log(exp(x) + exp(y))", "log(exp(2*x) + exp(-y))", {"x": 400.0, "y": -801.0}),
    Row("log", "log(1 + exp(x))", "log(1 + exp(x))", {"x": 800.0}),
    Row("log", "log(1 + exp(x))", "log(exp(x) + 1)", {"x": -40.0}),
    Row("log", "log(1 + x)", "log(1 + x)", {"x": 1e-12}),
    Row("log", "log(1 + x)", "log(x*y + 1)", {"x": 1e-12, "y": 3.0}),
    Row("log", "log(1 - x)", "log(1 - x)", {"x": 1e-12}),
    Row("log", "log(1 - exp(x))", "log(1 - exp(x))", {"x": -1e-12}),
    Row("log", "log(1 - exp(x))", "log(1 - exp(x))", {"x": -40.0}),
    Row("log", "log(sum(exp(x)))", "log(sum(exp(x)))", {"x": [800.0, 801.0]}),
    Row("log", "log(sum(exp(x)))", "sum(log(sum(exp(x), axis=1)))", {"x": [[800.0, 801.0], [-900.0, -901.0]]},
        "log(sum(exp(x), axis=1))"),
    Row("log", "log(mean(exp(x)))", "log(mean(exp(x)))", {"x": [-800.0, -801.0, -805.0]}),
    Row("log", "log(mean(exp(x)))", "log(sum(exp(x))/7)", {"x": [800.0, 801.0]}),
    Row("log", "log(sigmoid(x))", "log(sigmoid(x))", {"x": -800.0}),
    Row("log", "log(sigmoid(x))", "log(1/(1 + exp(-x)))", {"x": 40.0}),
    Row("log", "log(softmax(x))", "log(softmax(x))[0]", {"x": [0.0, 800.0]}, "log(softmax(x))"),
    Row("log", "log(softmax(x))", "sum(log(softmax(x, axis=0)))", {"x": [[0.0, 800.0], [900.0, 1.0]]},
        "log(softmax(x, axis=0))"),
    Row("log", "log(ndtr(x))", "log(ndtr(x))", {"x": -40.0}),
    Row("log", "log(cosh(x))", "log(cosh(x))", {"x": 1000.0}),
    Row("log", "log(abs(det(A)))", "log(abs(det(A)))", {"A": [[0.0, 1e-200], [3e-200, 1e-200]]}),
    Row("log", "log(det(A))", "log(det(A))", {"A": [[1e200, 0.5e200], [1e199, 2e200]]}),
    Row("log1p", "log1p(exp(x))", "log1p(exp(x))", {"x": 800.0}),
    Row("subtract", "exp(x) - 1", "exp(x) - 1", {"x": 1e-12}),
    Row("subtract", "1 - exp(x)", "1 - exp(x*y)", {"x": 1e-12, "y": -2.0}),
    Row("subtract", "1 - cos(x)", "1 - cos(x)", {"x": 1e-9}),
    Row("subtract", "cos(x) - 1", "3*(cos(x) - 1)", {"x": 1e-9}, "cos(x) - 1"),
    Row("subtract", "1 - erf(x)", "1 - erf(x)", {"x": 8.0}, kept=8.0),
    Row("subtract", "1 - erfc(x)", "1 - erfc(x)", {"x": 1e-12}),
    Row("subtract", "1 - sigmoid(x)", "1 - sigmoid(x)", {"x": 40.0}),
    Row("subtract", "1 - ndtr(x)", "1 - ndtr(x)", {"x": 10.0}, kept=8.0),
    Row("subtract", "1 - tanh(x)^2", "1 - tanh(x)^2", {"x": 25.0}),
    Row("subtract", "1 - sin(x)^2", "1 - sin(x)^2", {"x": 1.57079}, kept=8.0),
    Row("subtract", "1 - cos(x)^2", "1 - cos(x)^2", {"x": 1e-9}),
    Row("sqrt", "sqrt(x^2)", "sqrt(x^2)", {"x": -1e200}),
    Row("sqrt", "sqrt(x^2)", "sqrt(square(x))", {"x": 1e-200}),
    Row("sqrt", "sqrt(x^2 + y^2)", "sqrt(x^2 + y^2)", {"x": 3e200, "y": -4e200}),
    Row("sqrt", "sqrt(x^2 + y^2)", "sqrt(x^2 + 1)", {"x": 1e200}),
    Row("sqrt", "sqrt(sum(x^2))", "sqrt(sum(x^2))", {"x": [3e-200, 4e-200]}),
    Row("sqrt", "sqrt(mean(x^2))", "sqrt(mean(x^2))", {"x": [3e200, 4e200, -1e200]}),
    Row("divide", "1/(1 + exp(-x))", "1/(1 + exp(-x))", {"x": -709.9}),
    Row("divide", "1/(1 + exp(-x))", "exp(x)/(1 + exp(x))", {"x": 800.0}),
    Row("divide", "exp(x)/sum(exp(x))", "(exp(x)/sum(exp(x)))[0]", {"x": [799.0, 800.0]}, "exp(x)/sum(exp(x))"),
    Row("divide", "exp(x)/sum(exp(x))", "(exp(x)/sum(exp(x), axis=1, keepdims=True))[0, 1]",
        {"x": [[799.0, 800.0], [1.0, 2.0]]}, "exp(x)/sum(exp(x), axis=1, keepdims=True)"),
    Row("multiply", "x*log(x)", "x*log(x)", {"x": 0.0}, truth=(0.0, {"x": -np.inf})),
    Row("multiply", "x*log(x)", "-sum(log(p)*p)", {"p": [0.0, 1.0]}, "log(p)*p", truth=(0.0, {"p": [np.inf, -1.0]})),
]  # fmt: skip


def test_every_rewrite_is_exercised() -> None:
    assert {(row.outer, row.before) for row in ROWS} == {
        (outer, rewrite.before) for outer, found in REWRITES.items() for rewrite in found
    }


def _ids(row: Row) -> str:
    return f"{row.text} at {','.join(map(str, row.at.values()))}"


def _truth(row: Row) -> tuple[Any, dict[tuple[int, tuple[int, ...]], Any]]:
    """Value and gradient of the formula as typed, in high precision."""
    names = list(row.at)
    places = [(i, index) for i, name in enumerate(names) for index in np.ndindex(np.shape(row.at[name]))]
    if row.truth is not None:
        exact, gradients = row.truth
        return exact, {(i, index): np.asarray(gradients[names[i]])[index] for i, index in places}
    graph, arguments = graph_of_text(row.text, row.at)
    function = scalar(graph)
    slopes = {place: along(function, arguments, unit(arguments, *place)) for place in places}
    return evaluate(graph, arguments, context(1000))[0][()], slopes


def _rewritten(answer: Answer) -> list[Any]:
    return [warning for warning in answer.warnings if warning.code == "rewritten"]


@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_a_rewrite_keeps_the_digits_that_the_formula_loses(row: Row) -> None:
    graph, arguments = graph_of_text(row.text, row.at)
    typed, *typed_gradients = run(gradient(graph, range(len(arguments))).graph, arguments)
    exact, slopes = _truth(row)
    graph, _ = graph_of_text(row.text, row.at, rewrite=True)
    found, *gradients = run(gradient(graph, range(len(arguments))).graph, arguments)
    lost = max(ulps(float(typed), exact), worst(typed_gradients, slopes))
    assert lost > LOST, "the formula as typed is right here: the row shows nothing"
    assert ulps(float(found), exact) <= row.kept
    if row.truth is None:
        assert worst(gradients, slopes) <= row.kept
    else:
        for (i, index), slope in slopes.items():
            assert gradients[i][index] == slope


@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_a_rewrite_is_told_with_its_place(row: Row) -> None:
    told = [w for w in _rewritten(grad(row.text, row.at)) if w.extra["before"] == row.before]
    assert len(told) == 1
    assert f"{row.before} was computed as {told[0].extra['after']}" in told[0].message
    assert told[0].span is not None
    assert row.text[told[0].span.start : told[0].span.end] == (row.place or row.text)


def test_a_rewrite_that_meets_an_equal_node_is_told_at_its_own_place() -> None:
    text = "expm1(x) * 3 + (exp(x) - 1)"
    (told,) = _rewritten(grad(text, {"x": 0.5}))
    assert told.span is not None
    assert "exp(x) - 1" in text[told.span.start : told.span.end]


ORDINARY = [
    {"x": 0.4, "y": 0.7, "p": [0.2, 0.8], "A": [[2.0, 0.5], [-0.25, 1.0]]},
    {"x": -0.4, "y": 1.7, "p": [2.5, 0.3], "A": [[0.5, 2.0], [1.0, -0.25]]},
    {"x": -1.5, "y": -0.7, "p": [1.0, 1.0], "A": [[-0.5, 2.0], [3.0, -0.25]]},
]


@pytest.mark.parametrize("point", range(len(ORDINARY)))
@pytest.mark.parametrize("row", ROWS, ids=_ids)
def test_a_rewrite_changes_nothing_at_ordinary_points(row: Row, point: int) -> None:
    at = {}
    for name, given in row.at.items():
        ordinary = ORDINARY[point]["p" if np.ndim(given) == 1 else "A" if np.ndim(given) == 2 else name]
        at[name] = np.resize(np.asarray(ordinary), np.shape(given))
    graphs = [graph_of_text(row.text, at, rewrite=rewrite) for rewrite in (False, True)]
    typed, better = (run(gradient(g, range(len(a))).graph, a) for g, a in graphs)
    assert np.isnan(typed[0]) == np.isnan(better[0])
    if np.isfinite(typed[0]):
        for one, other in zip(typed, better, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-13, atol=1e-14)


X, Y = {"x": 0.75}, {"x": 0.75, "y": 0.5}
M = {"x": [[0.5, 2.0], [1.0, -0.25]]}
NEIGHBOURS: list[tuple[str, Mapping[str, Any]]] = [
    ("log(2 + x)", X),
    ("log(x - 1)", {"x": 1.5}),
    ("log(2 - x)", X),
    ("log(1 * x)", X),
    ("log(1 + x + y)", Y),
    ("log(exp(x) * exp(y))", Y),
    ("log(exp(x) + y)", Y),
    ("log(exp(x) - exp(y))", Y),
    ("log(2 + exp(x))", X),
    ("log(2 * cosh(x))", X),
    ("log(sum(x))", {"x": [0.5, 1.0]}),
    ("log(sum(exp(x) * 2))", {"x": [0.5, 1.0]}),
    ("log(sum(exp(x)) / -3)", {"x": [0.5, 1.0]}),
    ("log(sum(exp(x)) / y)", {"x": [0.5, 1.0], "y": 2.0}),
    ("log(prod(exp(x)))", {"x": [0.5, 1.0]}),
    ("log10(exp(x))", X),
    ("log2(1 + x)", X),
    ("log1p(x)", X),
    ("exp(x) - 2", X),
    ("2 - exp(x)", X),
    ("exp2(x) - 1", X),
    ("1 + exp(x)", X),
    ("1 - 2*exp(x)", X),
    ("1 - sin(x)", X),
    ("2 - cos(x)", X),
    ("1 - tanh(x)", X),
    ("1 - tanh(x)^3", X),
    ("tanh(x)^2 - 1", X),
    ("2 - sin(x)^2", X),
    ("1 - sin(x^2)", X),
    ("1 - sin(x)*cos(x)", X),
    ("1 + erf(x)", X),
    ("erf(x) - 1", X),
    ("sqrt(x^3)", X),
    ("sqrt(x^2 - y^2)", Y),
    ("sqrt(x^2 * y^2)", Y),
    ("sqrt(x^2 + y)", Y),
    ("sqrt(x^2 + 2)", X),
    ("sqrt(sum(x))", {"x": [0.5, 1.0]}),
    ("sqrt(sum(x^2) / y)", {"x": [0.5, 1.0], "y": 2.0}),
    ("cbrt(x^2)", X),
    ("1/(2 + exp(-x))", X),
    ("2/(1 + exp(-x))", X),
    ("1/(1 + exp(-x) + y)", Y),
    ("exp(y)/(1 + exp(x))", Y),
    ("exp(x)/(2 + exp(x))", X),
    ("exp(x)/sum(exp(y))", {"x": [0.5, 1.0], "y": [1.0, 2.0]}),
    ("exp(x)/sum(exp(x) + 1)", {"x": [0.5, 1.0]}),
    ("exp(x)/sum(exp(x), axis=1)", M),
    ("exp(x)/sum(sum(exp(x), axis=1))", M),
    ("exp(x[0])/sum(exp(x))", M),
    ("x*log(y)", Y),
    ("x*log(x^2)", X),
    ("x*log10(x)", X),
    ("x/log(x)", X),
]


@pytest.mark.parametrize(("text", "at"), NEIGHBOURS, ids=[text for text, _ in NEIGHBOURS])
def test_a_neighbour_of_a_rewrite_is_computed_as_typed(text: str, at: Mapping[str, Any]) -> None:
    assert _rewritten(value(text, at)) == []
    graph, arguments = graph_of_text(text, at)
    np.testing.assert_array_equal(value(text, at).value, run(graph, arguments)[0])


def test_what_is_derived_is_not_rewritten() -> None:
    graph, _ = graph_of_text("log(1 + exp(x))", {"x": 0.5})
    derived = gradient(graph, [0]).graph
    assert "softplus" not in {node.primitive.name for node in derived.nodes}


# ---- identities ----

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 2.0**-1022, 1.7e308, -1.7e308, np.inf, -np.inf, np.nan, 0.1])


def _same_bits(found: Any, expected: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        there = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[there], np.signbit(expected)[there])


REALS = Type("real", SPECIAL.shape)


def _emitted(make: Callable[[Value], Value], type: Type = REALS) -> Graph:
    with Builder() as builder:
        graph = builder.finish([make(builder.input(type))])
    check(graph)
    return graph


Identity = tuple[str, Callable[[Value], Value], Callable[[Any], Any], int]
IDENTITIES: list[Identity] = [
    # the primitive, a formula, what numpy makes of it, the number of nodes that are left
    ("multiply", lambda x: x * 1.0, lambda x: x * 1.0, 0),
    ("multiply", lambda x: 1.0 * x, lambda x: 1.0 * x, 0),
    ("multiply", lambda x: x * -1.0, lambda x: x * -1.0, 1),
    ("multiply", lambda x: -1.0 * (-x), lambda x: -1.0 * -x, 0),
    ("chain", lambda x: PRIMITIVES["chain"](x, 1.0), lambda x: x * 1.0, 0),
    ("chain", lambda x: PRIMITIVES["chain"](1.0, x), lambda x: x * 1.0, 0),
    ("divide", lambda x: x / 1.0, lambda x: x / 1.0, 0),
    ("subtract", lambda x: x - 0.0, lambda x: x - 0.0, 0),
    ("negative", lambda x: (-x).__neg__(), lambda x: x, 0),
    ("select", lambda x: PRIMITIVES["select"](True, x, 2.0), lambda x: x, 1),
    ("select", lambda x: PRIMITIVES["select"](True, x, x * 2.0), lambda x: x, 0),
    ("select", lambda x: PRIMITIVES["select"](0.0, x, -x), lambda x: -x, 1),
    ("select", lambda x: PRIMITIVES["select"](x > 0, x, x), lambda x: x, 0),
    ("reshape", lambda x: PRIMITIVES["reshape"](x, shape=(13,)), lambda x: x, 0),
    ("reshape", lambda x: PRIMITIVES["reshape"](PRIMITIVES["reshape"](x, shape=(13, 1)), shape=(1, 13)),
     lambda x: x.reshape(1, 13), 1),
    ("reshape", lambda x: PRIMITIVES["reshape"](PRIMITIVES["reshape"](x, shape=(13, 1)), shape=(13,)), lambda x: x, 0),
    ("broadcast_to", lambda x: PRIMITIVES["broadcast_to"](x, shape=(13,)), lambda x: x, 0),
    ("transpose", lambda x: PRIMITIVES["transpose"](x, axes=(0,)), lambda x: x, 0),
    ("transpose", lambda x: _turned(_turned(PRIMITIVES["reshape"](x, shape=(13, 1, 1)), (1, 2, 0)), (2, 0, 1)),
     lambda x: x.reshape(13, 1, 1), 1),
    ("transpose", lambda x: _turned(_turned(PRIMITIVES["reshape"](x, shape=(13, 1, 1)), (1, 2, 0)), (1, 2, 0)),
     lambda x: x.reshape(13, 1, 1).transpose(1, 2, 0).transpose(1, 2, 0), 2),
    ("transpose", lambda x: _turned(_turned(PRIMITIVES["reshape"](x, shape=(13, 1, 1)), (1, 0, 2)), (0, 2, 1)),
     lambda x: x.reshape(13, 1, 1).transpose(1, 0, 2).transpose(0, 2, 1), 2),
    ("element", lambda x: _element(PRIMITIVES["broadcast_to"](_element(x, 3), shape=(5,)), 2), lambda x: x[3], 1),
    ("element", lambda x: _element(PRIMITIVES["broadcast_to"](_element(x, 3), shape=(5, 2)), 4),
     lambda x: np.broadcast_to(x[3], (2,)), 2),
    ("sum", lambda x: PRIMITIVES["sum"](x, axes=()), lambda x: x, 0),
    ("cast", lambda x: PRIMITIVES["cast"](x, dtype="real"), lambda x: x, 0),
]  # fmt: skip


def _element(x: Value, index: int) -> Value:
    return PRIMITIVES["element"](x, index=index)


def _turned(x: Value, axes: tuple[int, ...]) -> Value:
    return PRIMITIVES["transpose"](x, axes=axes)


@pytest.mark.parametrize("number", range(len(IDENTITIES)))
def test_an_identity_keeps_every_bit(number: int) -> None:
    _, make, expected, nodes = IDENTITIES[number]
    graph = _emitted(make)
    with np.errstate(all="ignore"):
        _same_bits(run(graph, [SPECIAL])[0], expected(SPECIAL))
    assert len(graph.nodes) == nodes


def test_every_identity_is_exercised() -> None:
    assert {name for name, *_ in IDENTITIES} == set(_IDENTITIES)


INTEGERS = Type("int", (4,))


@pytest.mark.parametrize("formula", [lambda x: x * 1, lambda x: x - 0, lambda x: (-x).__neg__(), lambda x: x * -1])
def test_identities_hold_for_integers_too(formula: Callable[[Any], Any]) -> None:
    x = np.array([0, 1, -3, 2**62])
    graph = _emitted(formula, INTEGERS)
    with Builder() as builder:
        known = builder.finish([formula(builder.constant(x))])
    assert graph.outputs[0].type == INTEGERS
    _same_bits(known.outputs[0].constant, formula(x))
    assert len(graph.nodes) <= 1


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x + 0.0,
        lambda x: 0.0 + x,
        lambda x: x + -0.0,
        lambda x: x - -0.0,
        lambda x: 0.0 - x,
        lambda x: x * 0.0,
        lambda x: 0.0 / x,
        lambda x: x / x,
        lambda x: x - x,
        lambda x: x * 2.0 / 2.0,
        lambda x: 1.0 / (1.0 / x),
        lambda x: x / -1.0,
        lambda x: (x + 1.0) - 1.0,
    ],
)
def test_what_is_not_exact_is_left_alone(formula: Callable[[Any], Any]) -> None:
    graph = _emitted(formula)
    with np.errstate(all="ignore"):
        _same_bits(run(graph, [SPECIAL])[0], formula(SPECIAL))


def test_an_identity_never_changes_a_type() -> None:
    graph = _emitted(lambda x: x * 1.0, INTEGERS)
    assert graph.outputs[0].type == Type("real", (4,))
    graph = _emitted(lambda x: PRIMITIVES["select"](True, x, 1.5), INTEGERS)
    assert graph.outputs[0].type == Type("real", (4,))
    graph = _emitted(lambda x: PRIMITIVES["select"](PRIMITIVES["reshape"](x, shape=(4, 1)) > 0, x, x), INTEGERS)
    assert graph.outputs[0].type == Type("int", (4, 4))
    with Builder() as builder:
        x = builder.input(Type("real", ()))
        wide = builder.finish([x * builder.constant(np.ones(3))])
    assert wide.outputs[0].type == Type("real", (3,))
