"""Few passes where there can be few, and every entry where it belongs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from engine.derive.colouring import Plan, _stars, hessian_plan, jacobian_plan
from engine.errors import LimitExceeded
from engine.question import Question, Sparse
from tests.asking import ENGINE, budget
from tests.test_asks import ask

N = 1000
X = np.linspace(0.5, 1.5, N)


def csr(matrix: Any) -> Any:
    return sparse.csr_array(np.asarray(matrix) != 0)


def recovered(plan: Plan, matrix: Any) -> Any:
    """The matrix as it is read from its products with the colours."""
    forward = np.stack([matrix @ (plan.forward == c) for c in range(plan.colours[0])] or [np.zeros(matrix.shape[0])])
    reverse = np.stack([(plan.reverse == c) @ matrix for c in range(plan.colours[1])] or [np.zeros(matrix.shape[1])])
    found = np.zeros(matrix.shape)
    for k in range(len(plan.rows)):
        i, j = plan.read_rows[k], plan.read_columns[k]
        found[plan.rows[k], plan.columns[k]] = (
            reverse[plan.reverse[i], j] if plan.backward[k] else forward[plan.forward[j], i]
        )
    return found


matrices = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        (draw := np.random.default_rng(seed)).integers(1, 100, shape := draw.integers(1, 12, 2))
        * (draw.uniform(size=shape) < draw.uniform(0.05, 0.7))
    )
)


@settings(max_examples=300, deadline=None)
@given(matrix=matrices)
def test_jacobians_are_recovered(matrix: Any) -> None:
    plan = jacobian_plan(csr(matrix))
    np.testing.assert_array_equal(recovered(plan, matrix), matrix)
    assert plan.passes <= max(matrix.shape)


@settings(max_examples=300, deadline=None)
@given(matrix=matrices)
def test_hessians_are_recovered(matrix: Any) -> None:
    symmetric = matrix @ matrix.T * (np.add.outer(range(len(matrix)), range(len(matrix))) % 3 > 0)
    plan = hessian_plan(csr(symmetric))
    np.testing.assert_array_equal(recovered(plan, symmetric), symmetric)
    assert plan.passes <= len(symmetric)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_stars_are_stars(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(2, 14))
    graph = draw.uniform(size=(n, n)) < draw.uniform(0.05, 0.5)
    graph = graph | graph.T | np.eye(n, dtype=bool)
    colours = _stars(csr(graph), None)
    around = [[int(w) for w in np.flatnonzero(graph[v]) if w != v] for v in range(n)]
    for a in range(n):
        for b in around[a]:
            assert colours[a] != colours[b]
            for c in around[b]:
                for d in around[c] if c != a else []:
                    if d not in (a, b):
                        assert len({int(colours[v]) for v in (a, b, c, d)}) > 2


def full(part: Sparse) -> Any:
    found = np.zeros((*np.shape(part.value)[:-1], *part.shape))
    found[..., part.row, part.column] = part.value
    return found


@pytest.mark.parametrize(
    ("text", "passes", "entries"),
    [
        ("x^2", 1, N),
        ("x[2:] - 2*x[1:-1]^2 + x[:-2]", 3, 3 * (N - 2)),
        ("x[1:]*x[:-1]", 2, 2 * (N - 1)),
        ("x*x[0]", 2, 2 * N - 1),
        ("concatenate([[sum(x^2)], x[1:]*x[0]])", 3, 3 * N - 2),
        ("x[:500]^2 * x[500:]", 2, N),
        ("roll(x, 1)*x*roll(x, -1)", 4, 3 * N),
        ("eye(1000) @ x^2", 1, N),
        ("where(arange(1000) < 500, x[0], x)", 2, N),
    ],
)
def test_passes_of_jacobians(text: str, passes: int, entries: int) -> None:
    answer = ask("jacobian", text, {"x": X}, format="coo")
    part = answer.parts["jacobian"]["x"]
    assert answer.parts["passes"] <= passes
    assert len(part.row) == entries
    plain = ask("jacobian", text, {"x": X}).parts["jacobian"]["x"]
    np.testing.assert_array_equal(full(part), plain)
    few = slice(None, None, 97)
    tangents = np.eye(N)[few]
    np.testing.assert_allclose(
        plain[:, few].T, ask("jvp", text, {"x": X}, along={"x": tangents}, many=True).parts["jvp"], rtol=1e-14
    )


@pytest.mark.parametrize(
    ("text", "passes", "entries"),
    [
        ("sum(x^3)", 1, N),
        ("sum((x[1:] - x[:-1])^4)", 3, 3 * N - 2),
        ("sum(x[0]*x[1:]^2)", 2, 3 * (N - 1)),
        ("sum(x[0]*x[1:])", 1, 2 * (N - 1)),
        ("sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)", 3, 3 * N - 2),
        ("sum((x[1:] - x[:-1])^4) + sum(x)*x[0]^3", 4, None),
        ("sum(x)", 0, 0),
    ],
)
def test_passes_of_hessians(text: str, passes: int, entries: int | None) -> None:
    answer = ask("hessian", text, {"x": X}, format="coo")
    part = answer.parts["hessian"]["x"]["x"]
    assert answer.parts["passes"] <= passes
    assert entries is None or len(part.row) == entries
    plain = ask("hessian", text, {"x": X}).parts["hessian"]["x"]["x"]
    np.testing.assert_array_equal(full(part), plain)
    np.testing.assert_array_equal(plain, plain.T)
    few = slice(None, None, 97)
    products = ask("hvp", text, {"x": X}, along={"x": np.eye(N)[few]}, many=True).parts["hvp"]["x"]
    np.testing.assert_allclose(plain[few], products, rtol=1e-12, atol=1e-12)


def test_blocks_by_output_and_input() -> None:
    at: dict[str, Any] = {"x": X[:6].reshape(2, 3), "y": 2.0, "z": X[:6], "unused": [1.0, 2.0]}
    text = "x*y, reshape(z, (2, 3))^2*x, sum(z)"
    sparse_parts = ask("jacobian", text, at, format="coo").parts["jacobian"]
    parts = ask("jacobian", text, at).parts["jacobian"]
    for name in at:
        for o, size in enumerate((6, 6, 1)):
            part = sparse_parts[name][o]
            assert part.shape == (size, np.size(at[name]))
            np.testing.assert_array_equal(full(part), np.reshape(parts[name][o], part.shape))
    hessian = ask("hessian", "sum(x*y) + y^3 + sum(reshape(z, (2, 3))^2*x)", at).parts["hessian"]
    entries = ask("hessian", "sum(x*y) + y^3 + sum(reshape(z, (2, 3))^2*x)", at, format="coo").parts["hessian"]
    for row in at:
        for column in at:
            part = entries[row][column]
            np.testing.assert_array_equal(full(part), np.reshape(hessian[row][column], part.shape))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("jacobian", "a*x[1:]*x[:-1]"),
        ("jacobian", "a*concatenate([[sum(x^2)], x[1:]*x[0]])"),
        ("jacobian", "a*sum(reshape(x, (2, 10))^2, axis=1)"),
        ("hessian", "a^2*sum(x[1:]*x[:-1])"),
    ],
)
def test_entries_at_many_points_have_one_place(what: Any, text: str) -> None:
    at = {"x": np.stack([X[:20], X[20:40], X[40:60]]), "a": 2.0}
    part = ask(what, text, at, batch=("x",), format="coo").parts[what]["x"]
    plain = ask(what, text, at, batch=("x",)).parts[what]["x"]
    if what == "hessian":
        part, plain = part["x"], plain["x"]
    assert part.value.shape == (3, len(part.row))
    np.testing.assert_array_equal(full(part), plain)


def test_what_is_not_sparse_has_all_its_entries() -> None:
    answer = ask("jacobian", "softmax(x)", {"x": X[:50]}, format="coo")
    part = answer.parts["jacobian"]["x"]
    assert len(part.row) == 2500
    np.testing.assert_array_equal(full(part), ask("jacobian", "softmax(x)", {"x": X[:50]}).parts["jacobian"]["x"])
    assert ask("jacobian", "3 + 0*n", {"n": 1.0, "x": X[:3]}, format="coo").parts["jacobian"]["x"].shape == (1, 3)


def test_a_million_by_a_million_fits_as_its_entries() -> None:
    x = np.linspace(0.5, 1.5, 10**6)
    part = ask("jacobian", "x^2", {"x": x}, format="coo").parts["jacobian"]["x"]
    assert part.shape == (10**6, 10**6)
    np.testing.assert_array_equal(part.row, part.column)
    np.testing.assert_array_equal(part.value, 2 * x)


def test_a_nan_belongs_to_its_row() -> None:
    at = {"x": np.array([-1.0, 1.0, 4.0])}
    part = ask("jacobian", "log(x)", at, format="coo").parts["jacobian"]["x"]
    np.testing.assert_array_equal(part.value, [np.nan, 1.0, 0.25])
    parts = ask("jacobian", "log(x[:2])*x[2], x", {"x": np.stack([at["x"]] * 2)}, batch=True, format="coo")
    np.testing.assert_array_equal(np.isnan(parts.parts["jacobian"]["x"][0].value), [[True, True, False, False]] * 2)
    assert not np.any(np.isnan(parts.parts["jacobian"]["x"][1].value))


def test_small_problems_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a small problem was analysed")

    monkeypatch.setattr("engine.derive.passes.patterns", refuse)
    ask("jacobian", "x^2 + 0.125", {"x": X[:63]})
    ask("hessian", "sum(x^3) + 0.125", {"x": X[:63]})
    with pytest.raises(AssertionError):
        ask("jacobian", "x^2 + 0.125", {"x": X})


def test_a_matrix_that_is_too_large_in_full_is_refused_with_a_way_out() -> None:
    with pytest.raises(LimitExceeded) as caught:
        ask("hessian", "sum(x^3)", {"x": np.ones(10_000)})
    assert "coo" in (caught.value.hint or "")
    assert (
        len(ask("hessian", "sum(x^3)", {"x": np.ones(10_000)}, format="coo").parts["hessian"]["x"]["x"].row) == 10_000
    )
    with pytest.raises(LimitExceeded):
        ask("jacobian", "x*sum(x)", {"x": np.ones(10_000)}, format="coo")


def test_entries_at_a_singular_point_say_so() -> None:
    question = Question("sqrt(x)^2", {"x": np.array([0.0, 4.0])}, format="coo")
    answer = ENGINE.answer(question, "jacobian", budget())
    assert answer.parts["jacobian"]["x"].value[1] == 1.0
    assert "singular" in [warning.code for warning in answer.warnings]
