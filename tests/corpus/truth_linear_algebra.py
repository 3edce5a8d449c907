"""Singular and degenerate matrices, determinants out of range, transposes that are easily forgotten."""

from typing import Any

from mpmath import mp

from tests.corpus.case import Case
from tests.corpus.exact import det, dot, inverse, matmul, matvec, mean, squares, symmetric, total, transpose

HILBERT = [[1.0 / (i + j + 1) for j in range(5)] for i in range(5)]


def trace(A: Any) -> Any:
    return total([A[i][i] for i in range(min(len(A), len(A[0])))])


def nuclear(A: Any) -> Any:
    """Sum of the two singular values of a matrix with two columns: (s1 + s2)^2 = tr(A'A) + 2 s1 s2."""
    gram = matmul(transpose(A), A)
    return mp.sqrt(trace(gram) + 2 * mp.sqrt(det(gram)))


def pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Eigenvalues of [[x, y], [y, x]], in ascending order."""
    return x - abs(y), x + abs(y)


def kron(A: Any, B: Any) -> Any:
    return [[a * b for a in row for b in other] for row in A for other in B]


CASES = (
    Case(
        "det-transpose-of-cofactors",
        "det(A)",
        {"A": [[1.0, 2.0], [3.0, 5.0]]},
        det,
        "The gradient is the matrix of cofactors, det(A) inv(A) transposed; without the transpose 2 and 3 are swapped.",
    ),
    Case(
        "det-of-singular",
        "det(A)",
        {"A": [[1.0, 2.0], [2.0, 4.0]]},
        det,
        "det(A) inv(A)' is 0 * inf for a singular matrix; the cofactors are 4, -2, -2, 1.",
        "PyTorch (det backward of singular matrices)",
    ),
    Case(
        "det-of-singular-three",
        "det(A)",
        {"A": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]},
        det,
        "The matrix that everybody types: singular, but its factorisation leaves a last pivot of 1e-16, and the value "
        "and gradient made from it are noise. The cofactors are integers.",
        "PyTorch issue 154312 (singular in exact arithmetic only)",
    ),
    Case(
        "det-of-rank-one",
        "det(A)",
        {"A": [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]]},
        det,
        "Rank 1 of 3: all cofactors vanish too, so the gradient is 0 and not NaN.",
        "PyTorch (det backward of singular matrices)",
    ),
    Case(
        "det-with-zero-pivot",
        "det(A)",
        {"A": [[0.0, 1.0], [1.0, 0.0]]},
        det,
        "Elimination must exchange rows, and the sign of the exchange belongs to the value and the gradient.",
    ),
    Case(
        "det-underflows",
        "det(A)",
        {"A": [[1e-200, 0.0], [0.0, 2e-200]]},
        det,
        "The value 2e-400 is 0 in float64, the gradient 1e-200 is not: det * inv would give 0.",
        digits=300,
    ),
    Case(
        "logdet-of-tiny",
        "logdet(A)",
        {"A": [[2e-200, 1e-200], [1e-200, 3e-200]]},
        lambda A: mp.log(det(A)),
        "The determinant underflows; its logarithm is -919.4.",
        "PyTorch issues 18448 and 18450",
    ),
    Case(
        "log-of-det-of-huge",
        "log(det(A))",
        {"A": [[2e150, 0.0, 0.0], [0.0, 1e150, 0.0], [1e150, 0.0, 3e150]]},
        lambda A: mp.log(det(A)),
        "log after det, as people type it: the determinant overflows at 6e450.",
        "PyTorch issue 18450",
    ),
    Case(
        "slogdet-of-negative",
        "slogdet(A)[1]",
        {"A": [[1.0, 2.0], [3.0, 4.0]]},
        lambda A: mp.log(abs(det(A))),
        "log abs(det) where det = -2: the gradient is inv(A) transposed, whatever the sign.",
        "PyTorch issue 15605",
    ),
    Case(
        "logdet-of-negative",
        "logdet(A)",
        {"A": [[1.0, 2.0], [3.0, 4.0]]},
        lambda A: mp.nan,
        "The logarithm of -2 is not real: NaN, where slogdet has an answer.",
        "PyTorch issue 23473",
        kind="undefined",
        closed=lambda A: {"A": [["NaN", "NaN"], ["NaN", "NaN"]]},
        differences=False,
    ),
    Case(
        "logdet-of-singular",
        "logdet(A)",
        {"A": [[1.0, 2.0], [2.0, 4.0]]},
        lambda A: -mp.inf,
        "log 0: the value is -inf, and there is no gradient.",
        "PyTorch issue 154312",
        kind="undefined",
        closed=lambda A: {"A": [["NaN", "NaN"], ["NaN", "NaN"]]},
        differences=False,
    ),
    Case(
        "inverse-of-unsymmetric",
        "sum(inv(A)*W)",
        {"A": [[2.0, 1.0], [0.0, 4.0]], "W": [[1.0, 2.0], [3.0, 4.0]]},
        lambda A, W: dot(inverse(A), W),
        "-inv(A)' W inv(A)': with a symmetric example a missing transpose is not seen.",
    ),
    Case(
        "solve-both-arguments",
        "dot(solve(A, b), w)",
        {"A": [[2.0, 1.0], [0.0, 4.0]], "b": [1.0, 3.0], "w": [1.0, -2.0]},
        lambda A, b, w: dot(matvec(inverse(A), b), w),
        "The adjoint system has the transposed matrix; A gets minus an outer product, in the right order.",
        wrt=("A", "b"),
    ),
    Case(
        "solve-hilbert",
        "sum(solve(A, b))",
        {"A": HILBERT, "b": [1.0, 0.0, 0.0, 0.0, 1.0]},
        lambda A, b: sum(mp.lu_solve(mp.matrix(A), mp.matrix(b))),
        "Condition 5e5: digits are lost in the solution, and twice as many in the adjoint of the matrix.",
    ),
    Case(
        "trace-of-tall",
        "trace(A)",
        {"A": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]},
        trace,
        "A diagonal written with the stride of columns + 1 wraps around in a tall matrix.",
        "PyTorch issue 171704",
    ),
    Case(
        "trace-of-product",
        "trace(A @ B)",
        {"A": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "B": [[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]]},
        lambda A, B: trace(matmul(A, B)),
        "The gradients are B' and A'.",
    ),
    Case(
        "quadratic-form-unsymmetric",
        "dot(x, A @ x)",
        {"x": [1.0, 2.0], "A": [[1.0, 5.0], [-1.0, 3.0]]},
        lambda x, A: dot(x, matvec(A, x)),
        "(A + A') x, not 2 A x.",
    ),
    Case(
        "vector-times-matrix",
        "dot(x @ A, w)",
        {"x": [1.0, 2.0], "A": [[1.0, 5.0, 0.0], [-1.0, 3.0, 2.0]], "w": [1.0, 2.0, 3.0]},
        lambda x, A, w: dot(matvec(transpose(A), x), w),
        "A vector on the left is a row: no shapes to warn when a square matrix is transposed by mistake.",
        wrt=("x", "A"),
    ),
    Case(
        "batched-matmul-broadcasts",
        "sum((T @ B)^2)",
        {"T": [[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [1.0, 1.0]]], "B": [[1.0, -1.0], [2.0, 0.5]]},
        lambda T, B: sum(squares(matmul(A, B)) for A in T),
        "One matrix serves the whole batch: its gradient is summed over it.",
    ),
    Case(
        "eigenvalues-repeated-squares",
        "sum(eigvalsh([[x, y], [y, x]])^2)",
        {"x": 2.0, "y": 0.0},
        lambda x, y: 2 * x * x + 2 * y * y,
        "Equal eigenvalues: 1/(l1 - l2) is infinite, but a symmetric function of them is smooth.",
        "JAX issue 669; HIPS autograd pull 527",
    ),
    Case(
        "eigenvalues-repeated-product",
        "prod(eigvalsh([[x, y], [y, x]]))",
        {"x": 3.0, "y": 0.0},
        lambda x, y: x * x - y * y,
        "The determinant through eigenvalues, at a double one.",
        "felupe issue 67",
    ),
    Case(
        "eigenvalues-repeated-exponentials",
        "sum(exp(eigvalsh([[x, y], [y, x]])))",
        {"x": 1.0, "y": 0.0},
        lambda x, y: mp.exp(x + y) + mp.exp(x - y),
        "The trace of a matrix exponential at a double eigenvalue.",
        "PyTorch pull 50942",
    ),
    Case(
        "eigenvalues-of-identity-log",
        "sum(log(eigvalsh((A + transpose(A))/2)))",
        {"A": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]},
        lambda A: mp.log(det(symmetric(A))),
        "A triple eigenvalue: the log-determinant at the identity has the identity as its gradient.",
        "JAX issue 669",
    ),
    Case(
        "eigenvalues-double-of-three",
        "sum(eigvalsh((A + transpose(A))/2)^3)",
        {"A": [[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]},
        lambda A: trace(matmul(symmetric(A), matmul(symmetric(A), symmetric(A)))),
        "Eigenvalues 1, 1, 4, not on the diagonal and equal up to rounding: worse than exactly equal.",
        "ScienceIDE_Env issue 810; JAX issue 669",
    ),
    Case(
        "eigenvalues-nearly-repeated",
        "sum(eigvalsh([[1, y], [y, 1]])^3)",
        {"y": 1e-10},
        lambda y: (1 - y) ** 3 + (1 + y) ** 3,
        "A gap of 2e-10: each eigenvalue's slope is 1, their weighted difference 12 y.",
    ),
    Case(
        "largest-eigenvalue-repeated",
        "max(eigvalsh([[x, y], [y, x]]))",
        {"x": 2.0, "y": 0.0},
        lambda x, y: pair(x, y)[1],
        "x + abs(y): the crossing is a kink in y, shared as a tie; in x the slope is 1.",
        kind="kink",
        convention={"x": 1.0, "y": 0.0},
    ),
    Case(
        "smallest-eigenvalue-simple",
        "eigvalsh([[x, y], [y, z]])[0]",
        {"x": 2.0, "y": 1.0, "z": 5.0},
        lambda x, y, z: (x + z - mp.sqrt((x - z) ** 2 + 4 * y * y)) / 2,
        "An off-diagonal entry counts twice, above and below; reading only one triangle halves it or gives it once.",
        "HIPS autograd pull 527",
    ),
    Case(
        "nuclear-norm-of-identity",
        "sum(svdvals(A))",
        {"A": [[1.0, 0.0], [0.0, 1.0]]},
        nuclear,
        "Equal singular values: 1/(s1^2 - s2^2) is infinite; the gradient is U V' = 1.",
        "PyTorch issue 194705; JAX issue 2311",
    ),
    Case(
        "nuclear-norm-of-orthonormal-columns",
        "sum(svdvals(A))",
        {"A": [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]},
        nuclear,
        "Tall, with equal singular values: the gradient is the matrix itself.",
        "HIPS autograd pull 148; cvxpy issue 2364",
    ),
    Case(
        "squared-singular-values-of-rank-one",
        "sum(svdvals(A)^2)",
        {"A": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]},
        lambda A: squares(A),
        "Two singular values are 0: the Frobenius norm squared is smooth, its gradient 2 A.",
        "JAX issue 2311; PyTorch issue 49886",
    ),
    Case(
        "spectral-norm",
        "max(svdvals(A))",
        {"A": [[3.0, 0.0], [0.0, -1.0]]},
        lambda A: (nuclear(A) + mp.sqrt(squares(A) - 2 * mp.sqrt(det(A) ** 2))) / 2,
        "u v' of the largest singular value; the sign of the other entry must not leak.",
    ),
    Case(
        "pinv-of-tall",
        "sum(pinv(A)*W)",
        {"A": [[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]], "W": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]},
        lambda A, W: dot(matmul(inverse(matmul(transpose(A), A)), transpose(A)), W),
        "The derivative of a pseudo-inverse has three terms; those for the missing range are forgotten for square A.",
    ),
    Case(
        "cholesky-entry-by-entry",
        "sum(cholesky([[x, y], [y, z]])*W)",
        {"x": 4.0, "y": 2.0, "z": 5.0, "W": [[1.0, 100.0], [2.0, 3.0]]},
        lambda x, y, z, W: W[0][0] * mp.sqrt(x) + W[1][0] * y / mp.sqrt(x) + W[1][1] * mp.sqrt(z - y * y / x),
        "The upper triangle of the factor is 0 and stays 0: its weight of 100 is not to be seen.",
        "JAX issue 40421",
        wrt=("x", "y", "z"),
    ),
    Case(
        "logdet-by-cholesky",
        "2*sum(log(diag(cholesky((A + transpose(A))/2))))",
        {"A": [[4.0, 1.0], [1.0, 3.0]]},
        lambda A: mp.log(det(symmetric(A))),
        "Symmetrised, the gradient must be inv(A), symmetric, not a triangle with doubled entries.",
        "HIPS autograd pull 56; PyTorch issue 18825",
    ),
    Case(
        "triangular-solve-ignores-the-rest",
        "dot(triangular_solve(L, b, lower=True), w)",
        {"L": [[2.0, 99.0], [1.0, 4.0]], "b": [2.0, 3.0], "w": [1.0, 1.0]},
        lambda L, b, w: w[0] * b[0] / L[0][0] + w[1] * (b[1] - L[1][0] * b[0] / L[0][0]) / L[1][1],
        "The entry above the diagonal is never read: its gradient is 0.",
        "JAX issue 40421",
        wrt=("L", "b"),
    ),
    Case(
        "matrix-power-three",
        "sum(matrix_power(A, 3)*W)",
        {"A": [[1.0, 2.0], [0.0, 3.0]], "W": [[1.0, 2.0], [3.0, 4.0]]},
        lambda A, W: dot(matmul(A, matmul(A, A)), W),
        "Three terms A'^i W A'^j: 3 A^2 would need matrices that commute.",
        wrt=("A",),
    ),
    Case(
        "matrix-power-zero",
        "sum(matrix_power(A, 0)*W)",
        {"A": [[1.0, 2.0], [0.0, 0.0]], "W": [[1.0, 2.0], [3.0, 4.0]]},
        lambda A, W: W[0][0] + W[1][1],
        "The identity whatever A is, singular ones included: gradient 0.",
        "stan issue 1073",
        wrt=("A",),
    ),
    Case(
        "matrix-power-negative",
        "sum(matrix_power(A, -2))",
        {"A": [[2.0, 1.0], [0.0, 4.0]]},
        lambda A: total(matmul(inverse(A), inverse(A))),
        "A power of the inverse.",
        "mathjs issue 842",
    ),
    Case(
        "matrix-power-of-nilpotent",
        "sum(matrix_power(A, 2))",
        {"A": [[0.0, 1.0], [0.0, 0.0]]},
        lambda A: total(matmul(A, A)),
        "No basis of eigenvectors: powers by eigendecomposition fail in value and gradient.",
    ),
    Case(
        "kron-weighted",
        "sum(kron(A, B)*W)",
        {
            "A": [[1.0, 2.0], [3.0, 4.0]],
            "B": [[1.0, -1.0]],
            "W": [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]],
        },
        lambda A, B, W: dot(kron(A, B), W),
        "Blocks, not interleaved entries: the order of the axes in the transpose.",
        wrt=("A", "B"),
    ),
    Case(
        "cross-product-order",
        "dot(cross(x, y), w)",
        {"x": [1.0, 2.0, 3.0], "y": [-1.0, 0.0, 2.0], "w": [1.0, 10.0, 100.0]},
        lambda x, y, w: det([w, x, y]),
        "y x w and w x x: antisymmetric, so every exchange is a sign.",
    ),
    Case(
        "outer-unequal-lengths",
        "sum(outer(x, y)*W)",
        {"x": [1.0, 2.0], "y": [3.0, 4.0, 5.0], "W": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]},
        lambda x, y, W: dot(x, matvec(W, y)),
        "W y and W' x.",
        wrt=("x", "y"),
    ),
    Case(
        "inner-of-matrices",
        "sum(inner(A, B)*W)",
        {"A": [[1.0, 2.0], [3.0, 4.0]], "B": [[5.0, 6.0], [7.0, 9.0]], "W": [[1.0, 2.0], [3.0, 5.0]]},
        lambda A, B, W: dot(matmul(A, transpose(B)), W),
        "inner contracts the last axes, A B', and is not A B.",
        wrt=("A", "B"),
    ),
    Case(
        "tensordot-of-one-axis",
        "sum(tensordot(A, B, axes=1)^2)",
        {"A": [[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]], "B": [[1.0, -1.0], [2.0, 0.0], [1.0, 1.0]]},
        lambda A, B: squares(matmul(A, B)),
        "One contracted axis is a matrix product.",
    ),
    Case(
        "gram-determinant",
        "det(A @ transpose(A))",
        {"A": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]},
        lambda A: det(matmul(A, transpose(A))),
        "Three vectors in the plane: the Gram matrix is always singular, so this is constant 0. Its LU is noise.",
    ),
    Case(
        "whitened-residual",
        "dot(r, solve(A @ transpose(A) + eye(2), r))",
        {"r": [1.0, -1.0], "A": [[1.0, 2.0], [2.0, 4.0]]},
        lambda r, A: dot(
            r, matvec(inverse([[1 + dot(A[0], A[0]), dot(A[0], A[1])], [dot(A[1], A[0]), 1 + dot(A[1], A[1])]]), r)
        ),
        "A Gaussian likelihood with a singular factor: A enters twice, once transposed.",
    ),
    Case(
        "frobenius-distance-of-means",
        "norm(A - mean(A, axis=0))",
        {"A": [[1.0, 2.0], [3.0, 6.0]]},
        lambda A: mp.sqrt(
            squares([[a - m for a, m in zip(row, [mean(c) for c in transpose(A)], strict=True)] for row in A])
        ),
        "The norm of a matrix without an order is Frobenius', not the largest singular value.",
    ),
)
