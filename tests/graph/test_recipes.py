"""Constants that were rounded keep what they were folded from, and decide nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.derive.batch import batched
from engine.derive.constants import Constants
from engine.derive.reverse import gradient
from engine.errors import EngineFault
from engine.graph.build import FOLD_SIZE, Builder
from engine.graph.check import check
from engine.graph.inline import inline
from engine.graph.recipes import graph_steps, rounded_constants, steps, unfolded
from engine.graph.simplify import held, number
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.primitives.table import FUNCTIONS
from tests.asking import graph_of_text
from tests.witnesses import run

REAL = Type("real", ())


def call(name: str, *arguments: Any, **parameters: Any) -> Any:
    """A function of the language."""
    return FUNCTIONS[name].build(*arguments, **parameters)


def names(nodes: Any) -> list[str]:
    """The primitives of nodes in order."""
    return [node.primitive.name for node in nodes]


def test_a_fold_that_rounds_keeps_its_recipe() -> None:
    with Builder() as builder:
        third = builder.constant(1.0) / 3.0
        half = builder.constant(1.0) / 2.0
    assert builder.nodes == []
    assert half.recipe is None
    assert third.constant == 1 / 3
    recipe = third.recipe
    assert recipe is not None
    assert recipe.outputs == (third,)
    assert third.node is None
    assert [float(v.constant) for v in recipe.inputs if v.constant is not None] == [1.0, 3.0]


def test_whatever_is_made_of_a_rounded_constant_has_a_recipe() -> None:
    with Builder() as builder:
        big = builder.constant(1e16) + 1.0 - 1e16
        truth = big > 0.5
        rows = call("stack", [big, builder.constant(2.0)])
    assert (float(big.constant), bool(truth.constant)) == (0.0, False)  # type: ignore[arg-type]
    assert names(steps([truth])) == ["add", "subtract", "less"]
    assert rows.recipe is not None


def test_equal_folds_are_one_and_equal_numbers_with_other_recipes_are_not() -> None:
    with Builder() as builder:
        third = builder.constant(1.0) / 3.0
        assert builder.constant(1.0) / 3.0 is third
        plain = builder.constant(1 / 3)
        sixths = builder.constant(2.0) / 6.0
        assert len({third, plain, sixths}) == 3
        assert {float(v.constant) for v in (third, plain, sixths) if v.constant is not None} == {1 / 3}
        assert builder.constant(1 / 3) is plain


def test_the_recipe_of_several_outputs_is_one() -> None:
    with Builder() as builder:
        sign, log = call("slogdet", builder.constant([[2.0, 1.0], [1.0, 3.0]]))
    assert sign.recipe is log.recipe is not None
    assert log.recipe.outputs == (sign, log)


def test_numbers_that_are_only_near_are_held_and_not_known() -> None:
    with Builder() as builder:
        near = builder.constant(1e16) + 1.0 - 1e16 + 1.0
    assert (number(near), held(near)) == (None, 1.0)


@pytest.mark.parametrize(
    ("text", "primitive"),
    [
        ("(1e16+1-1e16+1)*x", "multiply"),
        ("x/(1e16+1-1e16+1)", "divide"),
        ("x - (1e16+1-1e16)", "subtract"),
        ("where(1e16+1-1e16 > 0.5, x, 2*x)", "select"),
        ("x^(1e16+1-1e16+1)", "power"),
        ("x^(1e16+1-1e16)", "power"),
        ("log(x + (1e16+1-1e16+1))", "log"),
    ],
)
def test_what_looks_like_one_or_zero_is_not_taken_for_it(text: str, primitive: str) -> None:
    graph, _ = graph_of_text(text, {"x": 1.0}, rewrite=True)
    check(graph)
    assert names(graph.nodes)[-1] == primitive


@pytest.mark.parametrize(
    ("text", "primitives"),
    [("x^(1/2)", ["sqrt"]), ("x^(4/2)", ["square"]), ("x*(2*0.5)", []), ("x^sqrt(4)", ["square"]), ("x*cos(0)", [])],
)
def test_exact_folds_simplify_as_before(text: str, primitives: list[str]) -> None:
    assert names(graph_of_text(text, {"x": 1.0})[0].nodes) == primitives


def test_static_arguments_read_the_number() -> None:
    graph, _ = graph_of_text("sum(x[floor(0.3*10)] + reshape(x, (2, floor(10/3 - 1))))", {"x": np.ones(4)})
    assert graph.outputs[0].shape == ()


def test_a_power_whose_exponent_was_rounded_has_no_selection_in_its_derivative() -> None:
    graph, _ = graph_of_text("x^(1/3)", {"x": 8.0})
    derived = gradient(graph, (0,)).graph
    assert "select" not in names(derived.nodes)
    assert run(derived, [np.float64(8.0)])[1] == pytest.approx(1 / 12, rel=1e-15)
    assert {float(v.constant) for v in rounded_constants(derived) if v.constant is not None} == {1 / 3, 1 / 3 - 1}


def test_recipes_of_any_length_are_followed() -> None:
    with Builder() as builder:
        value = builder.constant(0.1)
        for _ in range(20_000):
            value = value + 0.1
    assert 19_000 < len(steps([value])) <= 20_000


def test_large_constants_up_to_the_size_of_folds_have_recipes() -> None:
    with Builder() as builder:
        value = call("exp", builder.constant(np.linspace(0.0, 1.0, FOLD_SIZE)))
    assert value.recipe is not None
    assert value.constant is not None
    with pytest.raises(ValueError, match="read-only"):
        value.constant[0] = 5.0


def test_inlining_and_batching_keep_the_constants() -> None:
    graph, _ = graph_of_text("x*sqrt(2) + 1/3", {"x": 1.0})
    kept = rounded_constants(graph)
    assert len(kept) == 2
    with Builder() as builder:
        inside = builder.finish(inline(graph, {graph.inputs[0]: builder.input(REAL)}))
    assert rounded_constants(inside) == kept
    assert rounded_constants(batched(graph, (True,), 5)[0]) == kept


def test_an_unfolded_graph_computes_the_same() -> None:
    text = "sum(x*[1/3, 2/3, sqrt(2)]) + exp(0.1)*x[0] + log(3)*sqrt(2)"
    graph, arguments = graph_of_text(text, {"x": [1.0, 2.0, 3.0]})
    opened = unfolded(graph)
    check(opened)
    assert rounded_constants(opened) == []
    assert len(opened.nodes) == len(graph.nodes) + len(graph_steps(graph))
    assert run(opened, arguments) == run(graph, arguments)
    assert unfolded(opened) is opened


def test_a_graph_of_constants_alone_unfolds() -> None:
    graph, _ = graph_of_text("sqrt(2)", {})
    assert graph.nodes == ()
    assert names(unfolded(graph).nodes) == ["sqrt"]


def test_a_recipe_that_leads_elsewhere_is_refused() -> None:
    with Builder() as builder:
        x = builder.input(REAL)
        root = call("sqrt", builder.constant(2.0))
        assert root.recipe is not None
        astray = Value(REAL, None, constant=root.constant, recipe=root.recipe)
    with pytest.raises(EngineFault, match="recipe"):
        check(Graph((x,), (), (astray,)))


def test_what_rounds_to_zero_leaves_patterns_alone() -> None:
    graph, _ = graph_of_text("x*[exp(-1000), 1/3]", {"x": [1.0, 2.0]})
    (constant,) = rounded_constants(graph)
    assert constant.constant is not None
    assert list(constant.constant) == [0.0, 1 / 3]
    assert Constants(graph).of(constant) is None
