"""Matrix functions: derivatives at ordinary and special matrices against the precise witness, stacks, refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from engine.derive.batch import batched
from engine.derive.reverse import gradient
from engine.errors import BudgetExceeded, ShapeMismatch, SyntaxFault, Unsupported
from engine.execute.compile import compile_graph
from engine.graph.build import Builder, constant
from engine.graph.check import check
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.primitives import contractions, decompositions, determinants, inverses
from engine.primitives import linear_algebra as la
from engine.primitives.matrices import triangle
from engine.primitives.products import matmul, swap_last
from engine.primitives.reductions import sum_
from engine.verify.differences import along, along_both, scalar, unit
from engine.verify.precise import context, evaluate, exactly
from tests.witnesses import graph_of, run, second

Build = Callable[..., Value]

DRAW = np.random.default_rng(20)
A3 = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, 1.0], [-0.75, 0.5, 1.5]])
A4 = DRAW.integers(-8, 9, (4, 4)) / 4.0 + 3.0 * np.eye(4)
P3 = A3 @ A3.T + np.eye(3)
TALL = np.array([[3.0, 0.5], [-0.5, 1.5], [0.25, 0.75], [1.0, -1.25]])
RIGHT = np.array([[1.0, -2.0], [0.5, 0.25], [3.0, 1.5]])
EPS = float(np.finfo(float).eps)


def errors(build: Build, *arguments: Any, floor: float = 0.0, order: int = 2) -> tuple[float, float]:
    """Errors of first and second derivatives, relative to the largest one or to `floor` if that is larger."""
    graph = graph_of(build, [np.shape(a) for a in arguments])
    function = scalar(graph)
    derived = gradient(graph, range(len(arguments))).graph
    check(derived)
    _, *found = run(derived, arguments)
    first = _error(found, arguments, lambda way: along(function, arguments, way), floor)
    if order == 1:
        return first, 0.0
    draw = np.random.default_rng(7)
    u, v = ([draw.integers(-8, 9, np.shape(a)) / 8.0 for a in arguments] for _ in range(2))
    _, *found = run(second(graph, v), arguments)
    found_along = sum(float(np.sum(f * way)) for f, way in zip(found, u, strict=True))
    true = along_both(function, arguments, u, v)
    return first, float(abs(found_along - true) / max(abs(true), floor, 1e-300))


def _error(found: Sequence[Any], arguments: Sequence[Any], truth: Callable[[Any], Any], floor: float) -> float:
    places = [(i, index) for i, a in enumerate(arguments) for index in np.ndindex(np.shape(a))]
    true = {place: truth(unit(arguments, *place)) for place in places}
    scale = max([abs(t) for t in true.values()] + [floor])
    return float(max(abs(float(found[i][index]) - true[i, index]) for i, index in places) / (scale or 1))


def first_of(function: Callable[[Value], tuple[Value, ...]], number: int) -> Build:
    return lambda A: function(A)[number]


def of_fixed(function: Build, b: Any) -> Build:
    return lambda A: function(A, constant(b))


def spectral_sum(function: Build, power: int) -> Build:
    """Sum of powers of eigen- or singular values."""

    def build(A: Value) -> Value:
        values = function(A)
        product = values
        for _ in range(power - 1):
            product = product * values
        return sum_(product, axes=(values.rank - 1,))

    return build


def put_together(U: Value, s: Value, Vt: Value) -> Value:
    """Exercises every cotangent of svd at once; s^2 keeps it from being the identity."""
    return matmul(U * (s * s), Vt)


SMOOTH: list[tuple[str, Build, list[Any]]] = [
    ("det", la.det, [A3]),
    ("det of size 1", la.det, [A3[:1, :1]]),
    ("det of size 4", la.det, [A4]),
    ("logdet", la.logdet, [P3]),
    ("slogdet", first_of(la.slogdet, 1), [-A3]),
    ("inv", la.inv, [A3]),
    ("inv of size 1", la.inv, [A3[:1, :1]]),
    ("solve", la.solve, [A3, RIGHT]),
    ("solve for a vector", la.solve, [A3, RIGHT[:, 0]]),
    ("cholesky", la.cholesky, [P3]),
    ("cholesky of what is not symmetric", la.cholesky, [P3 + 0.1 * A3]),
    ("eigenvalues", la.eigvalsh, [P3]),
    ("eigenvectors", first_of(la.eigh, 1), [P3 + 0.1 * A3]),
    ("eigenvalues of size 1", la.eigvalsh, [P3[:1, :1]]),
    ("singular values", la.svdvals, [TALL]),
    ("left singular vectors", first_of(la.svd, 0), [TALL]),
    ("right singular vectors", first_of(la.svd, 2), [TALL]),
    ("left singular vectors of a wide matrix", first_of(la.svd, 0), [TALL.T]),
    ("right singular vectors of a wide matrix", first_of(la.svd, 2), [TALL.T]),
    ("svd put together", lambda A: put_together(*la.svd(A)), [TALL]),
    ("pinv of a tall matrix", la.pinv, [TALL]),
    ("pinv of a wide matrix", la.pinv, [TALL.T]),
    ("matrix_power", lambda A: la.matrix_power(A, 5), [A3]),
    ("matrix_power of the inverse", lambda A: la.matrix_power(A, -3), [A3]),
]


@pytest.mark.parametrize(("build", "arguments"), [pytest.param(b, a, id=name) for name, b, a in SMOOTH])
def test_derivatives_agree_with_the_witness(build: Build, arguments: list[Any]) -> None:
    first, again = errors(build, *arguments)
    assert first <= 128 * EPS
    assert again <= 256 * EPS


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_triangular_solve(lower: bool, transposed: bool) -> None:
    def build(L: Value, b: Value) -> Value:
        return la.triangular_solve(L, b, lower=lower, transpose=transposed)

    first, again = errors(build, A3, RIGHT)
    assert first <= 64 * EPS
    assert again <= 256 * EPS


INTEGERS = np.random.default_rng(5)


def of_rank(n: int, rank: int) -> Any:
    return (INTEGERS.integers(-3, 4, (n, rank)) @ INTEGERS.integers(-3, 4, (rank, n))).astype(np.float64)


@pytest.mark.parametrize(
    ("n", "rank"), [(1, 0), (2, 1), (2, 0), (3, 2), (3, 1), (3, 0), (4, 3), (4, 2), (5, 4), (5, 3)]
)
def test_det_of_singular_matrices(n: int, rank: int) -> None:
    A = of_rank(n, rank)
    size = float(np.max(np.abs(A))) or 1.0
    first = errors(la.det, A, floor=size ** (n - 1), order=1)[0]
    again = 0.0 if n == 1 else errors(la.det, A, floor=size ** max(n - 2, 0))[1]
    assert first <= 64 * EPS
    assert again <= 64 * EPS


def test_det_of_integers_is_exact() -> None:
    graph = graph_of(la.det, [(3, 3)])
    A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    value, slope = run(gradient(graph, [0]).graph, [A])
    assert value == 0.0
    np.testing.assert_array_equal(slope, [[-3.0, 6.0, -3.0], [6.0, -12.0, 6.0], [-3.0, 6.0, -3.0]])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_det_of_badly_scaled_matrices(n: int) -> None:
    """Rows and columns in different units: every element of the gradient is right, not only the largest."""
    draw = np.random.default_rng(n)
    units = 10.0 ** draw.integers(-8, 8, (n, 1)) * 10.0 ** draw.integers(-8, 8, (1, n))
    A = (draw.integers(1, 9, (n, n)) + 9.0 * np.eye(n)) * units
    graph = graph_of(la.det, [(n, n)])
    slope = run(gradient(graph, [0]).graph, [A])[1]
    true = evaluate(cofactors(n, 0), [A], context(60))[0]
    assert max(abs(float(f / t) - 1) for f, t in zip(exactly(slope, context(60)).flat, true.flat, strict=True)) < 1e-14


def cofactors(n: int, order: int) -> Graph:
    with Builder() as builder:
        inputs = [builder.input(Type("real", (n, n))) for _ in range(order + 1)]
        return builder.finish([determinants.cofactor(*inputs)])


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(("n", "rank"), [(1, 1), (2, 1), (3, 3), (4, 4), (4, 2), (5, 3)])
def test_cofactors_of_every_order_agree_with_expansion_by_rows(n: int, rank: int, order: int) -> None:
    A = of_rank(n, rank)
    ways = [INTEGERS.integers(-3, 4, (n, n)).astype(np.float64) for _ in range(order)]
    found = determinants.cofactor.value(A, *ways)
    true = evaluate(cofactors(n, order), [A, *ways], context(40))[0].astype(np.float64)
    sizes = [float(np.max(np.abs(x))) or 1.0 for x in (*[A] * max(n - 1 - order, 0), *ways)]
    np.testing.assert_allclose(found, true, rtol=0, atol=200 * EPS * float(np.prod(sizes)))


def test_cofactor_refuses_tables_that_do_not_fit() -> None:
    with pytest.raises(Unsupported, match="order 3 of det"):
        cofactors(1000, 2)


Q4 = np.linalg.qr(A4)[0]
TWICE = Q4 @ np.diag([1.0, 2.0, 2.0, 5.0]) @ Q4.T
REPEATED = [
    ("identity", np.eye(3)),
    ("zero", np.zeros((2, 2))),
    ("repeated up to rounding", (TWICE + TWICE.T) / 2),
    ("ones", np.ones((3, 3)) + np.eye(3)),
]


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize("A", [pytest.param(A, id=name) for name, A in REPEATED])
def test_gradient_of_symmetric_functions_of_repeated_eigenvalues(A: Any, power: int) -> None:
    assert errors(spectral_sum(la.eigvalsh, power), A, floor=1.0, order=1)[0] <= 64 * EPS
    assert decompositions.eigh.kink is not None
    assert np.count_nonzero(decompositions.eigh.kink.at(A)) >= 2


@pytest.mark.parametrize(
    "A", [np.eye(3), np.zeros((2, 3)), np.ones((3, 3)), np.ones((4, 2)), TWICE, 2.0 * Q4[:, :3], TALL @ TALL.T]
)
def test_gradient_of_smooth_functions_of_repeated_and_zero_singular_values(A: Any) -> None:
    assert errors(spectral_sum(la.svdvals, 2), A, floor=1.0, order=1)[0] <= 64 * EPS
    assert decompositions.svd.kink is not None
    assert np.any(decompositions.svd.kink.at(A))


def test_distinct_values_are_no_kink() -> None:
    assert decompositions.eigh.kink is not None
    assert decompositions.svd.kink is not None
    assert not np.any(decompositions.eigh.kink.at(P3))
    assert not np.any(decompositions.svd.kink.at(TALL))


def test_close_eigenvalues_are_kept_apart() -> None:
    A = np.diag([1.0, 1.0 + 1e-6, 3.0]) + 1e-8 * (A3 + A3.T)
    first, again = errors(la.eigvalsh, A)
    assert first <= 1e-8
    assert again <= 1e-8


ILL = np.array([[1e8, 1.0, 2.0], [1.0, 1.0, 0.5], [2.0, 0.5, 1.0]])


@pytest.mark.parametrize("build", [la.inv, la.logdet, la.cholesky, la.eigvalsh, la.svdvals])
def test_badly_scaled_matrices(build: Build) -> None:
    first, again = errors(build, ILL)
    assert first <= 64 * EPS
    assert again <= 256 * EPS


def test_norms_of_singular_values() -> None:
    def slope(build: Build, A: Any) -> Any:
        return run(gradient(graph_of(build, [A.shape]), [0]).graph, [A])[1]

    np.testing.assert_allclose(slope(la.spectral_norm, np.eye(2)), np.eye(2) / 2, atol=1e-15)
    np.testing.assert_allclose(slope(la.nuclear_norm, np.ones((2, 2))), np.full((2, 2), 0.5), atol=1e-15)
    np.testing.assert_array_equal(slope(la.nuclear_norm, np.zeros((2, 2))), np.zeros((2, 2)))
    assert errors(la.spectral_norm, TALL)[1] <= 256 * EPS
    assert errors(la.nuclear_norm, TALL)[1] <= 256 * EPS


UNARY: list[tuple[str, Build]] = [
    ("det", la.det),
    ("slogdet", first_of(la.slogdet, 1)),
    ("inv", la.inv),
    ("cholesky", la.cholesky),
    ("eigvalsh", la.eigvalsh),
    ("eigenvectors", first_of(la.eigh, 1)),
    ("svdvals", la.svdvals),
    ("U", first_of(la.svd, 0)),
    ("Vt", first_of(la.svd, 2)),
    ("pinv", la.pinv),
    ("triangle", lambda A: triangle(A * A, lower=False, diagonal=0.5)),
    ("trace", contractions.trace),
    ("diagonal and row sums", lambda A: contractions.einsum_("...ii,...ij->...i", A, A)),
]


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("build", [pytest.param(b, id=name) for name, b in UNARY])
def test_batches_and_stacks_equal_one_by_one(build: Build, size: int) -> None:
    """A batch of value, gradient and second derivative; and for a stack of matrices the same."""
    draw = np.random.default_rng(size)
    points = draw.normal(size=(5, size, size)) / 4.0 + np.diag(np.arange(1.0, size + 1.0))
    graph = second(graph_of(build, [(size, size)]), [np.ones((size, size))])
    many, _ = batched(graph, [True], 5)
    check(many)
    together = run(many, [points])
    for i, point in enumerate(points):
        for one, all_ in zip(run(graph, [point]), together, strict=True):
            np.testing.assert_allclose(all_[i], one, rtol=1e-11, atol=1e-11)
    summed = gradient(graph_of(lambda A: sum_(build(A), axes=()), [(5, size, size)]), [0]).graph
    check(summed)


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("shape", [(3,), (3, 2)])
@pytest.mark.parametrize("build", [la.solve, la.triangular_solve])
def test_batches_of_systems(build: Build, shape: tuple[int, ...], flags: tuple[bool, bool]) -> None:
    draw = np.random.default_rng(1)
    A = draw.normal(size=(4, 3, 3)) + 4.0 * np.eye(3) if flags[0] else A3
    b = draw.normal(size=(4, *shape)) if flags[1] else draw.normal(size=shape)
    graph = gradient(graph_of(build, [(3, 3), shape]), [0, 1]).graph
    many, _ = batched(graph, flags, 4)
    check(many)
    together = run(many, [A, b])
    for i in range(4):
        own = run(graph, [A[i] if flags[0] else A, b[i] if flags[1] else b])
        for one, all_ in zip(own, together, strict=True):
            np.testing.assert_allclose(all_[i], one, rtol=1e-12, atol=1e-13)


def test_leading_axes_of_systems_broadcast() -> None:
    draw = np.random.default_rng(2)
    A, b = draw.normal(size=(5, 1, 3, 3)) + 4.0 * np.eye(3), draw.normal(size=(2, 3, 2))
    graph = graph_of(la.solve, [A.shape, b.shape])
    to_a, to_b = run(gradient(graph, [0, 1]).graph, [A, b])[1:]
    assert to_a.shape == A.shape
    assert to_b.shape == b.shape
    with Builder() as builder:
        inputs = [builder.input(Type("real", x.shape)) for x in (A, b)]
        solution = run(builder.finish([la.solve(*inputs)]), [A, b])[0]
    np.testing.assert_allclose(solution, np.linalg.solve(A, b), rtol=1e-13)


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
NOT_FINITE = np.array([[1.0, np.nan], [0.0, np.inf]])


def test_failures_are_nan_in_their_place_of_the_stack() -> None:
    stack = np.stack([np.eye(2), SINGULAR, -np.eye(2)])
    inverses_ = inverses.inv.value(stack)
    assert np.isnan(inverses_).all(axis=(1, 2)).tolist() == [False, True, False]
    assert np.isnan(inverses.solve.value(stack, np.eye(2))).all(axis=(1, 2)).tolist() == [False, True, False]
    assert np.isnan(decompositions.cholesky.value(stack)).all(axis=(1, 2)).tolist() == [False, True, True]
    assert decompositions.cholesky.inside is not None
    assert decompositions.cholesky.inside(stack).tolist() == [True, False, False]
    assert inverses.inv.inside is not None
    assert inverses.inv.inside(stack).tolist() == [True, False, True]
    broken = np.stack([np.eye(2), NOT_FINITE])
    for primitive in (decompositions.eigh, decompositions.svd):
        for part in primitive.value(broken):
            finite = np.isfinite(part).reshape(2, -1)
            assert finite[0].all()
            assert not finite[1].any()
    assert np.isnan(inverses.pinv.value(NOT_FINITE)).all()
    assert np.isnan(determinants.cofactor.value(np.full((4, 4), np.nan))).all()


@pytest.mark.filterwarnings("error")
def test_special_values() -> None:
    assert determinants.slogdet.value(SINGULAR) == (0.0, -np.inf)
    zero = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert not np.isfinite(inverses.triangular_solve.value(zero, np.eye(2), lower=True, transposed=False)).all()
    for A, expected in ((np.eye(2), 0.0), (SINGULAR, -np.inf), (np.diag([1.0, -1.0]), np.nan)):
        np.testing.assert_equal(float(run(graph_of(la.logdet, [(2, 2)]), [A])[0]), expected)
    huge = np.full((2, 2), 1e200)
    assert determinants.det.value(huge) == 0.0
    assert determinants.det.value(np.diag([1e200, 1e200, 1e-200, 1e-200])) == pytest.approx(1.0, rel=1e-12)


def outcome(build: Build, *shapes: tuple[int, ...]) -> Value:
    with Builder() as builder:
        return build(*[builder.input(Type("real", shape)) for shape in shapes])


REFUSED: list[tuple[Build, list[tuple[int, ...]], str, str | None]] = [
    (
        contractions.matmul_,
        [(4, 3), (4,)],
        "the inner sizes 3 and 4 differ",
        "transpose(a) @ b",
    ),
    (contractions.matmul_, [(4, 3), (2, 3)], "the inner sizes 3 and 2 differ", "a @ transpose(b)"),
    (contractions.matmul_, [(), (3,)], "the left is a number", "Use *"),
    (contractions.dot, [(2,), (3,)], "the inner sizes 2 and 3 differ", None),
    (contractions.inner, [(2, 2), (3,)], "have the sizes 2 and 3", None),
    (contractions.vdot, [(2, 2), (3,)], "4 and 3", None),
    (contractions.cross, [(2,), (3,)], "vectors of size 3", None),
    (contractions.trace, [(3,)], "trace needs a matrix", None),
    (lambda a, b: contractions.tensordot(a, b, 2), [(2, 3), (3,)], "do not have 2 axes", None),
    (lambda a, b: contractions.tensordot(a, b, (0, 0)), [(2, 3), (3,)], "have the sizes 2 and 3", None),
    (la.det, [(2, 3)], "2 rows, 3 columns", None),
    (la.inv, [(2, 3)], "square matrix", "pinv(A)"),
    (la.inv, [(3,)], "needs a matrix", None),
    (la.solve, [(2, 3), (2,)], "square matrix", "pinv(A) @ b"),
    (la.solve, [(2, 2), (3,)], "the sizes 2 and 3 differ", None),
    (la.solve, [(2, 2), (3, 1)], "the sizes 2 and 3 differ", None),
    (la.solve, [(2, 2), ()], "needs a matrix and got a number", None),
    (lambda A: la.matrix_power(A, 0), [(2, 3)], "square matrix", None),
    (lambda a, b: contractions.einsum_("ij,jk", a, b), [(2, 3), (4, 2)], "'j' has the sizes 3 and 4", None),
    (lambda a: contractions.einsum_("ij,jk", a), [(2, 3)], "describes 2 operands and is given 1", None),
    (lambda a: contractions.einsum_("ijk->i", a), [(2, 3)], "has 3 indices", None),
    (lambda a: contractions.einsum_("ii", a), [(2, 3)], "sizes 2 and 3", None),
]


@pytest.mark.parametrize(("build", "shapes", "detail", "hint"), REFUSED)
def test_shapes_that_do_not_fit(build: Build, shapes: list[tuple[int, ...]], detail: str, hint: str | None) -> None:
    with pytest.raises(ShapeMismatch, match=detail) as caught:
        outcome(build, *shapes)
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("spec", ["i1->i", "ij->ik", "ij->ii", "ij->i->j", "i.j", "..i..."])
def test_einsum_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(SyntaxFault, match="einsum"):
        outcome(lambda a: contractions.einsum_(spec, a), (2, 2))


PAIRS: Any = ((0, -1), (1, 0))
EINSUMS = [
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("ij , kj -> ik", [(2, 3), (4, 3)]),
    ("i,j", [(2,), (3,)]),
    ("i,i->", [(3,), (3,)]),
    ("i,i->i", [(3,), (3,)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iji->j", [(3, 2, 3)]),
    ("iii->i", [(3, 3, 3)]),
    ("ij->", [(2, 3)]),
    ("ji", [(2, 3)]),
    ("ij,kl->", [(2, 3), (4, 2)]),
    ("ij,ik->jk", [(2, 3), (2, 4)]),
    ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]),
    ("bij,jk->bik", [(5, 2, 3), (3, 4)]),
    ("bi,bj->ij", [(5, 2), (5, 3)]),
    ("bi,bj->bij", [(5, 2), (5, 3)]),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
    ("i,ij,j", [(2,), (2, 3), (3,)]),
    ("ij,ij,ij->ij", [(2, 3), (2, 3), (2, 3)]),
    ("i,i,i->i", [(3,), (3,), (3,)]),
    ("ii,ij,jj->j", [(2, 2), (2, 3), (3, 3)]),
    ("vb,bij,vj->vi", [(14, 7), (7, 4, 4), (14, 4)]),  # numpy joins these three at once
    ("abc,cd,bd,a->d", [(2, 3, 4), (4, 5), (3, 5), (2,)]),
    ("...ij,...jk->...ik", [(5, 2, 3), (5, 3, 4)]),
    ("...ij,...jk", [(5, 2, 3), (3, 4)]),
    ("...i,i", [(4, 2, 3), (3,)]),
    ("i...->...", [(2, 3, 4)]),
    ("...,...->...", [(3, 1), (1, 4)]),
    ("...i,...i->...", [(1, 3), (4, 3)]),
    ("...->...", [(1, 4)]),
    (",ij->ij", [(), (2, 3)]),
    ("ij,j->i", [(2, 0), (0,)]),
]


@pytest.mark.parametrize(("spec", "shapes"), EINSUMS)
def test_einsum_is_that_of_numpy(spec: str, shapes: list[tuple[int, ...]]) -> None:
    """Value, and the gradient as what it must be: linear in each operand, so <gradient, operand> is the value."""
    draw = np.random.default_rng(len(spec))
    arguments = [draw.normal(size=shape) for shape in shapes]
    with Builder() as builder:
        inputs = [builder.input(Type("real", shape)) for shape in shapes]
        out = contractions.einsum_(spec, *inputs)
        graph = builder.finish([out])
    check(graph)
    expected = np.einsum(spec, *arguments)
    np.testing.assert_allclose(run(graph, arguments)[0], expected, rtol=1e-13, atol=1e-14)
    assert out.shape == np.shape(expected)
    scalar_graph = graph_of(lambda *values: contractions.einsum_(spec, *values), shapes)
    value, *slopes = run(gradient(scalar_graph, range(len(shapes))).graph, arguments)
    for slope, argument in zip(slopes, arguments, strict=True):
        np.testing.assert_allclose(np.sum(slope * argument), value, rtol=1e-12, atol=1e-13)


PRODUCTS: list[tuple[Any, Any, list[tuple[int, ...]]]] = [
    (contractions.dot, np.dot, [(2, 3, 4), (4,)]),
    (contractions.dot, np.dot, [(4,), (4, 3)]),
    (contractions.dot, np.dot, [(4,), (2, 4, 3)]),
    (contractions.dot, np.dot, [(2, 4), (3, 4, 5)]),
    (contractions.dot, np.dot, [(), (3, 2)]),
    (contractions.inner, np.inner, [(2, 3, 4), (5, 4)]),
    (contractions.inner, np.inner, [(), (2,)]),
    (contractions.outer, np.outer, [(2, 2), (3,)]),
    (contractions.matmul_, np.matmul, [(3,), (5, 3, 2)]),
    (contractions.matmul_, np.matmul, [(5, 2, 3), (3,)]),
    (contractions.matmul_, np.matmul, [(4, 1, 2, 3), (5, 3, 2)]),
    (contractions.kron, np.kron, [(2,), (3, 2)]),
    (contractions.kron, np.kron, [(2, 2), (1, 3)]),
    (contractions.kron, np.kron, [(), (1, 3)]),
    (contractions.cross, np.cross, [(4, 3), (3,)]),
    (contractions.cross, np.cross, [(3,), (3,)]),
    (
        lambda a, b: contractions.tensordot(a, b, PAIRS),
        lambda a, b: np.tensordot(a, b, PAIRS),
        [(2, 3, 4), (4, 2)],
    ),
    (lambda a, b: contractions.tensordot(a, b, 0), lambda a, b: np.tensordot(a, b, 0), [(2,), (3, 1)]),
]


@pytest.mark.parametrize(("ours", "numpys", "shapes"), PRODUCTS)
def test_products_are_those_of_numpy(ours: Any, numpys: Any, shapes: list[tuple[int, ...]]) -> None:
    arguments = [np.random.default_rng(3).normal(size=shape)[()] for shape in shapes]
    with Builder() as builder:
        out = ours(*[builder.input(Type("real", shape)) for shape in shapes])
        found = run(builder.finish([out]), arguments)[0]
    np.testing.assert_allclose(found, numpys(*arguments), rtol=1e-13, atol=1e-15)
    assert out.shape == np.shape(numpys(*arguments))
    value, *slopes = run(gradient(graph_of(ours, shapes), [0, 1]).graph, arguments)
    for slope, argument in zip(slopes, arguments, strict=True):
        np.testing.assert_allclose(np.sum(slope * argument), value, rtol=1e-12, atol=1e-13)


def test_products_of_integers_are_integers() -> None:
    with Builder() as builder:
        A = builder.input(Type("int", (2, 2)))
        mask = builder.input(Type("bool", (2,)))
        outputs = [contractions.matmul_(A, mask), la.matrix_power(A, 3), contractions.einsum_("ij,j", A, mask)]
        graph = builder.finish(outputs)
    assert [v.type.dtype for v in outputs] == ["int", "int", "int"]
    matrix, truth = np.array([[1, 2], [3, 4]]), np.array([True, True])
    found = compile_graph(graph)([matrix, truth])[0]
    np.testing.assert_array_equal(found[0], [3, 7])
    np.testing.assert_array_equal(found[1], np.linalg.matrix_power(matrix, 3))
    np.testing.assert_array_equal(found[2], [3, 7])


@pytest.mark.parametrize("build", [la.inv, la.eigvalsh, la.svdvals, la.pinv])
def test_too_large_matrices_are_refused_beforehand(build: Build) -> None:
    with Builder() as builder:
        graph = builder.finish([build(builder.input(Type("real", (6000, 6000))))])
    with pytest.raises(BudgetExceeded, match="would take about"):
        compile_graph(graph)


def test_gradient_of_a_product_with_the_transpose() -> None:
    first, again = errors(lambda A: la.logdet(matmul(swap_last(A), A)), TALL)
    assert first <= 64 * EPS
    assert again <= 256 * EPS
