"""Guards: where digits may be lost, they fire; where nothing is lost, they keep still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import engine.derive.rounding
import engine.primitives.table
from engine.derive.reverse import gradient
from engine.execute import guards as module
from engine.execute.compile import Guarding, compile_graph
from engine.execute.guards import doubtful, guards
from engine.graph.exactness import EXACT
from engine.graph.registry import PRIMITIVES
from engine.graph.values import with_outputs
from engine.primitives import conditioning
from tests.asking import graph_of_text

RULES = frozenset(module._RULES)
PLACES = {
    "exact": EXACT,
    "tame": conditioning.TAME,
    "unruly": conditioning.UNRULY,
    "a rule": RULES,
    "control": conditioning.CONTROL,
}


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive_has_one_place(name: str) -> None:
    found = [place for place, names in PLACES.items() if name in names]
    assert len(found) == 1, f"{name} is in {found or 'no set'} of engine/primitives/conditioning.py"


def test_nothing_else_is_placed() -> None:
    placed = frozenset().union(*PLACES.values(), conditioning.MATRIX, conditioning.LOOSE, conditioning.ACCUMULATING)
    assert placed <= set(PRIMITIVES)
    assert engine.derive.rounding.rounding.name in placed
    assert conditioning.MATRIX | conditioning.ACCUMULATING <= RULES


def fires(text: str, at: Mapping[str, Any]) -> bool:
    """Whether a guard of the value of an expression fires."""
    graph, arguments = graph_of_text(text, at)
    with np.errstate(all="ignore"):
        return compile_graph(graph, guard=True)(arguments)[2]


@pytest.mark.parametrize("guard", [True, "rare"])
@pytest.mark.parametrize("copies", [1, 30_000])
@pytest.mark.parametrize(
    ("text", "weights", "loses"),
    [
        ("windows(x, 2, axis=1)", [[1.0, 1.0 + 1e-10], [-1.0, 1.0]], True),
        ("windows(x, 2, axis=1)", [[1.0, 0.0], [0.0, -1.0]], False),
        ("windows(x, 2, axis=1)", [[1.0, -2.0], [3.0, 1.0]], False),
        ("windows(x, 1, stride=2, axis=1)", [[1e-9], [-1e-9]], False),
    ],
)
def test_of_windows_that_are_put_back(
    text: str, weights: list[list[float]], loses: bool, copies: int, guard: Guarding
) -> None:
    """Sums that cancel are noticed, in one of many rows too; zeros to which nothing was added are none of them."""
    w = np.ones((copies, 1, 1)) * np.abs(weights)
    w[-1] = weights
    graph, arguments = graph_of_text(f"sum({text}*w)", {"x": np.ones((copies, 3)), "w": w})
    derived = gradient(graph, [0]).graph
    alone = with_outputs(derived, derived.outputs[1:])
    assert compile_graph(alone, guard=guard)(arguments)[2] == loses
    watched = any(node.primitive.name == "overlap_add" for node in guards(alone))
    assert watched == ("stride" not in text), "what does not overlap cannot cancel"


LONG = np.linspace(0.5, 1.5, 40_000)
LOSING: list[tuple[str, Mapping[str, Any]]] = [
    ("(x + 1) - y", {"x": 1e-10, "y": 1.0}),
    ("x*y + z", {"x": 3.0, "y": 1 / 3.0, "z": -1.0 - 1e-9}),
    ("x*y - z", {"x": 3.0, "y": 1 / 3.0, "z": 1.0 + 1e-9}),
    ("sum(v)", {"v": [1.0, 1e-9, -1.0]}),
    ("sum(v, axis=0)[1]", {"v": [[1.0, 1.0], [1.0, -1.0 + 1e-9]]}),
    ("cumsum(v)[2]", {"v": [1.0, 1e-9, -1.0]}),
    ("mean(v*v)*3 - y", {"v": [1.0, 2.0, 3.0], "y": 14.0 - 1e-9}),
    ("v @ w", {"v": [1.0, 1.0], "w": [1.0, -1.0 + 1e-9]}),
    ("(A @ v)[0]", {"A": [[1.0, 1.0], [2.0, 5.0]], "v": [1.0, -1.0 + 1e-9]}),
    ("var(v)", {"v": [1e8 + 1.0, 1e8 + 2.0]}),
    ("log(x*y)", {"x": 3.0, "y": 1 / 3.0 + 1e-10}),
    ("log2(x*y)", {"x": 3.0, "y": 1 / 3.0 + 1e-10}),
    ("log10(x*y)", {"x": 3.0, "y": 1 / 3.0 + 1e-10}),
    ("log1p(x*y)", {"x": 3.0, "y": -1 / 3.0 + 1e-10}),
    ("sin(x*y)", {"x": 3.0, "y": 1.0471975511965976}),
    ("sin(x*y)", {"x": 1e9, "y": 1.1}),
    ("cos(x*y)", {"x": 3.0, "y": 0.5235987755982988}),
    ("tan(x*y)", {"x": 3.0, "y": 0.5235987755982988}),
    ("tan(x*y)", {"x": 3.0, "y": 1.0471975511965976}),
    ("asin(x*y)", {"x": 3.0, "y": 0.33333333333}),
    ("acos(x*y)", {"x": 3.0, "y": 0.33333333333}),
    ("acosh(x*y)", {"x": 3.0, "y": 0.33333333334}),
    ("atanh(x*y)", {"x": 3.0, "y": 0.33333333333}),
    ("erfinv(x*y)", {"x": 3.0, "y": 0.33333333333}),
    ("(x + y)^z", {"x": 1.0, "y": 1e-11, "z": 1e10}),
    ("logsumexp([-x*x, -y*y])", {"x": 0.83255461, "y": 0.83255461}),
    ("log_softmax([x*x, -y])[0]", {"x": 3.0, "y": 30.0}),
    ("digamma(x*y)", {"x": 2.0, "y": 0.7308160724806}),
    ("lgamma(x*y)", {"x": 2.0, "y": 1.00000001}),
    ("j0(x*y)", {"x": 2.0, "y": 1.20241277885}),
    ("mod(x*y, 1)", {"x": 3.0, "y": 333333.3333333334}),
    ("sinc(x*y)", {"x": 3.0, "y": 1 / 3.0 + 1e-10}),
    ("det(A)", {"A": [[1.0, 2.0], [0.5, 1.0 + 1e-10]]}),
    ("sum(inv(A))", {"A": [[1.0, 2.0], [0.5, 1.0 + 1e-10]]}),
    ("xlogy(x, y*y)", {"x": 3.0, "y": 1.0 + 1e-10}),
    # Large arrays are looked at in blocks, and for half of the digits.
    ("v*1.1 - w", {"v": LONG, "w": np.where(LONG > 1.49999, LONG * 1.1 + 1e-12, 0.0)}),
    ("sum(v*w)", {"v": LONG, "w": np.where(np.arange(40_000) < 20_000, 1.0, -1.0) * LONG[::-1]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at"), LOSING, ids=[text for text, _ in LOSING])
def test_lost_digits_fire_a_guard(text: str, at: Mapping[str, Any]) -> None:
    assert fires(text, at)


KEEPING: list[tuple[str, Mapping[str, Any]]] = [
    ("x - y", {"x": 1.0, "y": 1.0 - 1e-15}),
    ("v[0] - v[1]", {"v": [1.0, 1.0 + 1e-15]}),
    ("-x - maximum(y, 0)", {"x": -1.0, "y": 1.0 + 1e-15}),
    ("log(x)", {"x": 1.0 + 1e-15}),
    ("sin(x)", {"x": 3.141592653589793}),
    ("x*y + z", {"x": 3.0, "y": 1 / 3.0, "z": 1.0}),
    ("x^2*sin(y) + exp(-x)", {"x": 3.0, "y": 0.5}),
    ("sum((v - w)^2)", {"v": [1.0, 2.0, 3.0], "w": [1.1, 2.5, 3.9]}),
    ("log(1 + exp(x*y))", {"x": 1.0, "y": 2.0}),
    ("tanh(x*y)*softplus(x) + erf(y)", {"x": 1.0, "y": 2.0}),
    ("outer(v, w)[0, 1]", {"v": [1.0, -1.0], "w": [1e-20, 1.0]}),
    ("sqrt(x*y)/(1 + x^2)", {"x": 1e-10, "y": 2.0}),
    ("v @ w", {"v": [1.0, 2.0], "w": [3.0, 4.0]}),
    ("mean(v)", {"v": LONG}),
    ("v*1.1 - w", {"v": LONG, "w": LONG}),
    ("floor(x*y) - 3", {"x": 1.5, "y": 2.5}),
]


@pytest.mark.parametrize(("text", "at"), KEEPING, ids=[text for text, _ in KEEPING])
def test_digits_that_are_kept_fire_nothing(text: str, at: Mapping[str, Any]) -> None:
    assert not fires(text, at)


def one_lost(place: int, beside: float) -> tuple[Any, Any]:
    """Two long vectors that cancel at one place, and something else at another."""
    v, w = LONG * 1.0, -LONG[::-1] * 3.0
    w[place] = v[place] * 1.1 * (1.0 - 1e-12)
    v[7] = beside
    return v, w


@pytest.mark.parametrize("beside", [1.0, 0.0, np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324])
@pytest.mark.parametrize("place", [0, 8191, 20_000, 32_767, 32_768, 39_999])
@pytest.mark.parametrize("text", ["v*1.1 - w", "(A*1.1 - B)[0, 0]", "(transpose(A)*1.1 - transpose(B))[0, 0]"])
def test_one_lost_element_of_many_fires(text: str, place: int, beside: float) -> None:
    """Whatever is looked at first of large arrays, and however large or undefined another element is."""
    v, w = one_lost(place, beside)
    assert fires(text, {"v": v, "w": w} if "v" in text else {"A": v.reshape(200, 200), "B": w.reshape(200, 200)})


@pytest.mark.parametrize("place", [0, 32_768, 39_999])
@pytest.mark.parametrize("text", ["v*1.1 - x*1.1", "x*1.1 - v*1.1", "v*1.1 + (-x*1.1)"])
def test_one_lost_element_beside_a_broadcast_number_fires(text: str, place: int) -> None:
    v = LONG * 1.0
    v[place] = 700.0 * (1.0 - 1e-12)
    assert fires(text, {"v": v, "x": 700.0})


def test_long_sums_fire_only_where_they_cancel() -> None:
    signs = np.where(np.arange(40_000) % 2, 1.0, -1.0)
    for text, fired in (("sum(v*w)", True), ("sum(v*v*w) + 1e5", True), ("sum(v*w*w)", False), ("sum(v*x*w)", True)):
        assert fires(text, {"v": np.ones(40_000), "w": signs, "x": -2.5}) == fired, text
    for beside, fired in ((1e6, False), (np.nan, False), (1e-3, True)):
        v = np.append(signs, beside)
        assert fires("sum(v*1.1)", {"v": v}) == fired


def test_what_is_positive_is_added_without_a_guard() -> None:
    """Sums of it have the digits of their terms."""
    at = {"x": 1.0, "v": [1.0, 2.0], "A": [[1.0, 2.0], [3.0, 4.0]]}
    for text in ("sum(v^2)", "exp(x) + sqrt(abs(x)) + 1", "sum(exp(v)) + 3*x^2", "abs(A) @ abs(v)", "cumsum(exp(v))"):
        assert guards(graph_of_text(text, at)[0]) == {}, text
    for text in ("sum(v*x)", "exp(x) - 1.5", "exp(x) + x*x*x", "A @ abs(v)", "exp(x) + (-2)*x^2"):
        assert guards(graph_of_text(text, at)[0]), text


def test_exact_arguments_need_no_guard() -> None:
    graph, _ = graph_of_text("sin(x) - abs(y) + v[0]*2 - maximum(x, y)", {"x": 1.0, "y": 1.0, "v": [1.0]})
    guarded = [node.primitive.name for node in guards(graph)]
    assert "sin" not in guarded
    assert guarded.count("subtract") == 2
    assert guarded.count("add") == 1


def test_a_guard_changes_no_bit() -> None:
    for text, at in LOSING:
        graph, arguments = graph_of_text(text, at)
        with np.errstate(all="ignore"):
            plain, guarded = compile_graph(graph)(arguments)[0], compile_graph(graph, guard=True)(arguments)[0]
        np.testing.assert_array_equal(plain[0], guarded[0])


def test_without_guards_nothing_fires() -> None:
    graph, arguments = graph_of_text("(x + 1) - y", {"x": 1e-10, "y": 1.0})
    assert compile_graph(graph)(arguments)[2] is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x*sqrt(2)", False),
        ("x/3 + 1/3", False),
        ("x*(1 + 0.1 + 0.2)", False),
        ("x*(0*exp(1))", False),
        ("x*[0.0, 1.0]/3*(1/7)", False),
        ("(1e16 + 1 - 1e16)*x", True),
        ("(sqrt(2)*sqrt(2) - 2)*x", True),
        ("exp(-1000)*x", True),
        ("exp(-720)*x", True),
        ("(1e-200*1e-200)*x", True),
        ("1e16 + 1 - 1e16", True),
        ("1/3", False),
    ],
)
def test_constants_that_lost_digits_when_they_were_folded_are_doubtful(text: str, expected: bool) -> None:
    graph, arguments = graph_of_text(text, {"x": 2.0} if "x" in text.replace("exp", "") else {})
    assert doubtful(graph) == expected
    guarded = compile_graph(graph, guard=True)(arguments)[2]
    assert guarded == expected
