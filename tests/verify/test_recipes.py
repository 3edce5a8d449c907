"""Witnesses know rounded constants by their recipes."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from engine.graph.build import Builder
from engine.graph.recipes import rounded_constants
from engine.graph.types import Type
from engine.graph.values import Node
from engine.primitives.table import FUNCTIONS
from engine.verify import precise
from engine.verify.demand import demand
from engine.verify.precise import context, evaluate
from engine.verify.symbolic import NoTwin, expressions
from engine.verify.symbolic import evaluate as evaluate_symbolically
from engine.verify.ziv import settle
from tests.asking import budget, graph_of_text

DIGITS = 60
TEXTS = [
    ("x*sqrt(2)", lambda mp: mp.sqrt(2)),
    ("x/3*(1/3)", lambda mp: mp.mpf(1) / 9),
    ("(1e16 + 1 - 1e16)*x", lambda mp: mp.one),
    ("x*exp(-1000)", lambda mp: mp.exp(-1000)),
    ("x*lgamma(0.1)", lambda mp: mp.loggamma(mp.mpf(0.1))),
    ("x*sum([1/3, 2/3, sqrt(2)])", lambda mp: 1 + mp.sqrt(2)),
    ("x*slogdet([[2.0, 1.0], [1.0, 3.0]])[1]", lambda mp: mp.log(5)),
    ("x*sum(exp([0.1, 0.2]) @ [[1.0, 2.0], [3.0, 4.0]])", lambda mp: 3 * mp.exp(0.1) + 7 * mp.exp(0.2)),
    ("where(1e16 + 1 - 1e16 > 0.5, x, 5*x)", lambda mp: mp.one),
]


@pytest.mark.parametrize(("text", "truth"), TEXTS, ids=[text for text, _ in TEXTS])
def test_constants_have_all_digits(text: str, truth: Any) -> None:
    graph, arguments = graph_of_text(text, {"x": 1.0})
    mp = context(DIGITS)
    (found,) = evaluate(graph, arguments, mp)
    assert abs(found[()] - truth(mp)) <= mp.mpf(10) ** (20 - DIGITS) * abs(truth(mp))


def test_a_constant_is_computed_once_in_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, arguments = graph_of_text("x*sqrt(2) + sin(x*sqrt(2)*sqrt(2)) + sqrt(2)", {"x": 1.0})
    applied = []
    plain = precise._apply

    def counted(node: Node, *rest: Any) -> list[Any]:
        applied.append(node.primitive.name)
        return plain(node, *rest)

    monkeypatch.setattr(precise, "_apply", counted)
    evaluate(graph, arguments, context(DIGITS))
    assert applied.count("sqrt") == 1


def test_integers_longer_than_float64_are_cast_exactly() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", ()))
        large = FUNCTIONS["prod"].build(builder.constant([94906267, 94906267]))
        graph = builder.finish([x + large * 1.0])
    (found,) = evaluate(graph, [np.float64(0.0)], context(DIGITS))
    assert found[()] == 94906267**2


def test_what_is_needed_of_an_output_needs_whole_constants() -> None:
    graph, arguments = graph_of_text("x*sin([0.1, 0.2, 0.3])", {"x": [1.0, 2.0, 3.0]})
    masks = demand(graph, [np.array([False, True, False])])
    (constant,) = rounded_constants(graph)
    assert masks[constant].all()
    assert constant.recipe is not None
    assert all(masks[value].all() for value in constant.recipe.inputs)
    settled = settle(graph, arguments, budget(), [np.array([False, True, False])])
    assert settled.outputs[0][1] == float(2 * mpmath.sin(0.2))
    assert list(settled.sure[0]) == [False, True, False]


def test_powers_of_ten_apart_are_seen_in_recipes() -> None:
    graph, arguments = graph_of_text("((1e-100 + 1 - 1)*1e100 + 1)*x", {"x": 1.0})
    for needed in (None, [np.asarray(True)]):
        settled = settle(graph, arguments, budget(), needed)
        assert settled.all
        assert settled.outputs[0] == 2.0


# ---- sympy ----


@pytest.mark.parametrize(("text", "truth"), TEXTS[:-1], ids=[text for text, _ in TEXTS[:-1]])
def test_sympy_has_them_too(text: str, truth: Any) -> None:
    graph, arguments = graph_of_text(text, {"x": 1.0})
    symbols, outputs = expressions(graph)
    found = evaluate_symbolically(sympy.diff(sympy.Add(outputs[0][()], 0), symbols[0][()]), symbols, arguments)
    mp = context(DIGITS)
    assert abs(mp.mpf(str(found)) - truth(mp)) <= mp.mpf(10) ** -40 * abs(truth(mp))


def test_arithmetic_of_constants_is_shown_to_sympy() -> None:
    graph, _ = graph_of_text("sqrt(2)*sqrt(2)*x - 2*x", {"x": 1.0})
    symbols, outputs = expressions(graph)
    assert sympy.Add(outputs[0][()], 0) == 0
    assert symbols


def test_functions_of_constants_are_hidden_from_sympy() -> None:
    """Sympy would take the logarithm of the factorial of 10^15."""
    graph, arguments = graph_of_text("x*lgamma(1e15)", {"x": 1.0})
    symbols, outputs = expressions(graph)
    found = evaluate_symbolically(outputs[0][()], symbols, arguments)
    assert float(found) == pytest.approx(3.3538776394910668e16, rel=1e-15)


def test_a_constant_without_a_value_is_not_shown() -> None:
    graph, _ = graph_of_text("x*lgamma(sqrt(1e16 - 1 - 1e16) + 3)", {"x": 1.0})
    with pytest.raises(NoTwin):
        expressions(graph)
