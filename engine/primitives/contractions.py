"""Products of the language: dot, matmul, tensordot, einsum and their kin, all made of matrix products.

Sums over one index are matrix products on every route, so that BLAS does the work in the value and in each derivative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch, SyntaxFault
from engine.graph.types import describe, promote
from engine.graph.values import Value
from engine.primitives.arithmetic import cast, multiply
from engine.primitives.decompositions import diagonal
from engine.primitives.function import Axes, Example, function
from engine.primitives.products import LETTERS, matmul, swap_last
from engine.primitives.reductions import sum_
from engine.primitives.shape import concatenate, normal_axis, reshape, strided, transpose

GROUP = "linear algebra"

_A = [[1.5, -0.5, 2.0], [0.25, 3.0, -1.0]]
_B = [[0.5, 2.0], [-1.5, 1.0], [0.75, -0.25]]
_X = [0.5, -1.25, 2.0]
_Y = [1.5, 0.75, -0.5]


def numbers(*values: Value) -> list[Value]:
    """The values in their widest dtype, integers at least."""
    dtype = promote("int", *[v.type.dtype for v in values])
    return [cast(v, dtype=dtype) for v in values]


@function(
    GROUP,
    name="matmul",
    note="Also written a @ b.",
    examples=(Example("matmul(A, B)", {"A": _A, "B": _B}), Example("A @ x", {"A": _A, "x": _X})),
    reference=np.matmul,
)
def matmul_(a: Value, b: Value) -> Value:
    """Matrix product; a vector on the left is a row, on the right a column, and leading axes broadcast."""
    if not a.rank or not b.rank:
        raise ShapeMismatch(
            f"A matrix product needs arrays, and the {'right' if a.rank else 'left'} is a number.", hint="Use *."
        )
    a, b = numbers(a, b)
    inner, other = a.shape[-1], b.shape[-2] if b.rank > 1 else b.shape[0]
    if inner != other:
        raise ShapeMismatch(
            f"the left is {a.shape} and the right is {b.shape}; the inner sizes {inner} and {other} differ.",
            hint=_transposed(a, b),
        )
    if a.rank == b.rank == 1:
        return sum_(multiply(a, b), axes=(0,))
    rows = reshape(a, shape=(1, inner)) if a.rank == 1 else a
    columns = reshape(b, shape=(other, 1)) if b.rank == 1 else b
    product = matmul(rows, columns)
    shape = list(product.shape)
    if a.rank == 1:
        del shape[-2]
    if b.rank == 1:
        del shape[-1]
    return reshape(product, shape=tuple(shape))


def _transposed(a: Value, b: Value) -> str | None:
    inner = b.shape[-2] if b.rank > 1 else b.shape[0]
    if a.rank == 2 and a.shape[0] == inner:
        return "transpose(a) @ b, where a is the left and b the right"
    if b.rank == 2 and b.shape[1] == a.shape[-1]:
        return "a @ transpose(b), where a is the left and b the right"
    return None


@function(
    GROUP,
    examples=(
        Example("dot(x, y)", {"x": _X, "y": _Y}),
        Example("dot(A, x)", {"A": _A, "x": _X}),
        Example("dot(T, A)", {"T": [[[1.0, -2.0], [0.5, 3.0]], [[0.25, 1.5], [2.0, -1.0]]], "A": _A}),
        Example("dot(2, x)", {"x": _X}),
    ),
    reference=np.dot,
)
def dot(a: Value, b: Value) -> Value:
    """Sum over the last axis of a and the last but one of b: for vectors the scalar product, for matrices a @ b."""
    if not a.rank or not b.rank:
        return multiply(a, b)
    if a.rank <= 2 and b.rank <= 2:
        return matmul_(a, b)
    return contract(a, b, [a.rank - 1], [max(b.rank - 2, 0)])


@function(
    GROUP,
    examples=(Example("vdot(A, transpose(B))", {"A": _A, "B": _B}),),
    reference=np.vdot,
)
def vdot(a: Value, b: Value) -> Value:
    """Scalar product of all elements in order, whatever the shapes."""
    a, b = numbers(a, b)
    if a.type.size != b.type.size:
        raise ShapeMismatch(
            f"{describe(a.shape)} and {describe(b.shape)} do not have equally many elements: "
            f"{a.type.size} and {b.type.size}."
        )
    flat = [reshape(v, shape=(v.type.size,)) for v in (a, b)]
    return sum_(multiply(*flat), axes=(0,))


@function(
    GROUP,
    examples=(Example("inner(A, x)", {"A": _A, "x": _X}), Example("inner(A, A)", {"A": _A})),
    reference=np.inner,
)
def inner(a: Value, b: Value) -> Value:
    """Sum over the last axes of both."""
    if not a.rank or not b.rank:
        return multiply(a, b)
    return contract(a, b, [a.rank - 1], [b.rank - 1])


@function(
    GROUP,
    examples=(Example("outer(x, y)", {"x": _X, "y": [1.0, -2.0]}),),
    reference=np.outer,
)
def outer(a: Value, b: Value) -> Value:
    """All products of an element of a and an element of b, as a matrix."""
    return multiply(reshape(a, shape=(a.type.size, 1)), reshape(b, shape=(1, b.type.size)))


@function(
    GROUP,
    note="axes=n sums over the last n axes of a and the first n of b; axes=(i, j) over axis i of a and j of b.",
    examples=(
        Example("tensordot(A, B)", {"A": _A, "B": [[1.0, -1.0, 0.5], [2.0, 0.25, -3.0]]}),
        Example("tensordot(A, B, axes=1)", {"A": _A, "B": _B}),
        Example("tensordot(A, A, axes=(0, 0))", {"A": _A}),
        Example("tensordot(x, y, axes=0)", {"x": _X, "y": _Y}),
    ),
    reference=np.tensordot,
)
def tensordot(a: Value, b: Value, axes: Axes = 2) -> Value:
    """Sum of products over pairs of axes of a and b."""
    given: Any = axes
    if isinstance(given, int):
        if not 0 <= given <= min(a.rank, b.rank):
            raise ShapeMismatch(f"{describe(a.shape)} and {describe(b.shape)} do not have {given} axes to sum over.")
        return contract(a, b, list(range(a.rank - given, a.rank)), list(range(given)))
    if given is None or len(given) != 2:
        raise ShapeMismatch("axes of tensordot is a number of axes, or one axis of a and one of b.", hint="axes=(1, 0)")
    pairs = [[side] if isinstance(side, int) else list(side) for side in given]
    return contract(a, b, [normal_axis(i, a.rank) for i in pairs[0]], [normal_axis(i, b.rank) for i in pairs[1]])


def contract(a: Value, b: Value, axes_a: Sequence[int], axes_b: Sequence[int]) -> Value:
    """Sum of products over paired axes, as one matrix product; free axes of a come first."""
    a, b = numbers(a, b)
    sizes = [[v.shape[i] for i in axes] for v, axes in ((a, axes_a), (b, axes_b))]
    if sizes[0] != sizes[1] or len(set(axes_a)) != len(axes_a) or len(set(axes_b)) != len(axes_b):
        raise ShapeMismatch(
            f"a is {a.shape} and b is {b.shape}; the axes to sum over have the sizes "
            f"{', '.join(map(str, sizes[0]))} and {', '.join(map(str, sizes[1]))}."
        )
    free_a = [i for i in range(a.rank) if i not in axes_a]
    free_b = [i for i in range(b.rank) if i not in axes_b]
    shape = tuple(a.shape[i] for i in free_a) + tuple(b.shape[i] for i in free_b)
    size = prod(sizes[0])
    left = reshape(transpose(a, axes=(*free_a, *axes_a)), shape=(prod(a.shape[i] for i in free_a), size))
    right = reshape(transpose(b, axes=(*axes_b, *free_b)), shape=(size, prod(b.shape[i] for i in free_b)))
    return reshape(matmul(left, right), shape=shape)


@function(
    GROUP,
    note="Letters as in numpy: repeated ones are summed unless they stand after ->, where ... is any further axes.",
    examples=(
        Example('einsum("ij,jk->ik", A, B)', {"A": _A, "B": _B}),
        Example('einsum("ij,jk,k", A, B, x)', {"A": _A, "B": _B, "x": [1.0, -0.5]}),
        Example('einsum("ii->i", A)', {"A": [[1.0, 2.0], [3.0, 4.0]]}),
        Example(
            'einsum("bij, bj -> bi", T, A)',
            {"T": [[[1.0, -2.0], [0.5, 3.0]], [[0.25, 1.5], [2.0, -1.0]]], "A": [[1.0, 0.5], [-0.25, 2.0]]},
        ),
        Example('einsum("...i,i->...", A, x)', {"A": _A, "x": _X}),
        Example('einsum("ij->j", A)', {"A": _A}),
    ),
    reference=np.einsum,
)
def einsum_(spec: str, *operands: Value) -> Value:
    """Einstein's summation: products of elements with equal letters, summed over the letters that are not kept."""
    terms, out = _read(spec, operands)
    values = numbers(*operands)
    sizes = _letter_sizes(terms, values)
    for i, (term, value) in enumerate(zip(terms, values, strict=True)):
        terms[i], values[i] = _diagonals(term, value)
        terms[i], values[i] = _without_ones(terms[i], values[i], sizes)
    path: Any = [tuple(range(len(values)))]
    if len(values) > 2:
        empty = [np.broadcast_to(0.0, v.shape) for v in values]
        path = np.einsum_path(",".join(terms) + "->" + _present(out, terms), *empty, optimize="greedy")[0][1:]
    for chosen in path:
        picked = [(terms[i], values[i]) for i in chosen]
        for i in sorted(chosen, reverse=True):
            del terms[i], values[i]
        needed = set(out).union(*terms)
        term, value = _only(*picked[0], needed.union(*[t for t, _ in picked[1:]]))
        for number, other in enumerate(picked[1:], 2):
            # numpy's path may join several at once; two at a time is the same sum, if letters of later ones are kept.
            kept = needed.union(*[t for t, _ in picked[number:]])
            term, value = _pair(term, value, *_only(*other, kept | set(term)), kept)
        terms.append(term)
        values.append(value)
    return _arranged(*_only(terms[0], values[0], set(out)), out, sizes)


def _present(out: str, terms: Sequence[str]) -> str:
    return "".join(letter for letter in out if any(letter in term for term in terms))


def _read(spec: str, operands: Sequence[Value]) -> tuple[list[str], str]:
    """One term of letters per operand and that of the result; `...` becomes letters, the first ones that are free."""
    text = spec.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    for part in [*terms, right]:
        if not set(part.replace("...", "", 1)) <= set(LETTERS):
            raise SyntaxFault(
                f"einsum does not understand {spec!r}: indices are letters.", hint='einsum("ij,jk->ik", A, B)'
            )
    if len(terms) != len(operands):
        raise ShapeMismatch(f"einsum({spec!r}) describes {len(terms)} operands and is given {len(operands)}.")
    extra = 0
    for term, value in zip(terms, operands, strict=True):
        letters = len(term.replace("...", ""))
        if letters > value.rank or (letters < value.rank and "..." not in term):
            raise ShapeMismatch(
                f"einsum({spec!r}): {term!r} has {letters} indices, and its operand is {describe(value.shape)}."
            )
        extra = max(extra, value.rank - letters) if "..." in term else extra
    free = "".join(letter for letter in LETTERS if letter not in text)[:extra]
    if len(free) < extra:
        raise ShapeMismatch(f"einsum({spec!r}) has more indices than there are letters.")
    full = []
    for term, value in zip(terms, operands, strict=True):
        letters = len(term.replace("...", ""))
        full.append(term.replace("...", free[extra - (value.rank - letters) :] if value.rank > letters else ""))
    if not arrow:
        counts = Counter("".join(terms).replace(".", ""))
        right = "..." + "".join(sorted(letter for letter, times in counts.items() if times == 1))
    elif extra and "..." not in right:
        raise ShapeMismatch(f"einsum({spec!r}): the result needs ... too.", hint=f'"{left}->...{right}"')
    out = right.replace("...", free)
    unknown = set(out) - set("".join(full))
    if unknown or len(set(out)) != len(out):
        wrong = min(unknown) if unknown else next(letter for letter in out if out.count(letter) > 1)
        what = "is in no operand" if unknown else "is there twice"
        raise SyntaxFault(f"einsum({spec!r}): index {wrong!r} of the result {what}.")
    return full, out


def _letter_sizes(terms: Sequence[str], values: Sequence[Value]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for term, value in zip(terms, values, strict=True):
        for letter, size in zip(term, value.shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known == 1:
                sizes[letter] = size
            elif size not in (1, known):
                shapes = " and ".join(describe(v.shape) for t, v in zip(terms, values, strict=True) if letter in t)
                raise ShapeMismatch(
                    f"einsum index {letter!r} has the sizes {known} and {size}: the operands are {shapes}."
                )
    return sizes


def _diagonals(term: str, value: Value) -> tuple[str, Value]:
    """Repeated letters of one term, by taking diagonals."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            if value.shape[i] != value.shape[j]:
                raise ShapeMismatch(f"einsum index {letter!r} has the sizes {value.shape[i]} and {value.shape[j]}.")
            others = [k for k in range(value.rank) if k not in (i, j)]
            value = diagonal(transpose(value, axes=(*others, i, j)))
            term = "".join(term[k] for k in others) + letter
    return term, value


def _without_ones(term: str, value: Value, sizes: dict[str, int]) -> tuple[str, Value]:
    """Axes of size 1 that broadcast against longer ones, taken out."""
    gone = [i for i, letter in enumerate(term) if value.shape[i] == 1 and sizes[letter] != 1]
    kept = [i for i in range(value.rank) if i not in gone]
    return "".join(term[i] for i in kept), reshape(value, shape=tuple(value.shape[i] for i in kept))


def _only(term: str, value: Value, needed: set[str]) -> tuple[str, Value]:
    """Letters that nothing else needs, summed."""
    gone = tuple(i for i, letter in enumerate(term) if letter not in needed)
    return "".join(letter for letter in term if letter in needed), sum_(value, axes=gone)


def _pair(s: str, a: Value, t: str, b: Value, needed: set[str]) -> tuple[str, Value]:
    """Two operands joined: a product where no letter is summed, else a stack of matrix products."""
    both = [letter for letter in s if letter in t]
    stacked = [letter for letter in both if letter in needed]
    summed = [letter for letter in both if letter not in needed]
    only_a = [letter for letter in s if letter not in t]
    only_b = [letter for letter in t if letter not in s]
    sizes = dict(zip(s + t, a.shape + b.shape, strict=True))
    term = "".join(stacked + only_a + only_b)
    shape = tuple(sizes[letter] for letter in term)

    def laid_out(own: str, value: Value, order: list[str], sizes_out: tuple[int, ...]) -> Value:
        return reshape(transpose(value, axes=tuple(own.index(letter) for letter in order)), shape=sizes_out)

    def span(letters: list[str]) -> int:
        return prod(sizes[letter] for letter in letters)

    if not summed:
        lead = tuple(sizes[letter] for letter in stacked)
        left = laid_out(s, a, stacked + only_a, (*lead, *(sizes[letter] for letter in only_a), *(1 for _ in only_b)))
        right = laid_out(t, b, stacked + only_b, (*lead, *(1 for _ in only_a), *(sizes[letter] for letter in only_b)))
        return term, multiply(left, right)
    lead = (span(stacked),) if stacked else ()
    left = laid_out(s, a, stacked + only_a + summed, (*lead, span(only_a), span(summed)))
    right = laid_out(t, b, stacked + summed + only_b, (*lead, span(summed), span(only_b)))
    return term, reshape(matmul(left, right), shape=shape)


def _arranged(term: str, value: Value, out: str, sizes: dict[str, int]) -> Value:
    """The axes in the order of the result; what was broadcast away everywhere has size 1 and comes back."""
    missing = [letter for letter in out if letter not in term]
    value = reshape(value, shape=value.shape + tuple(sizes[letter] for letter in missing))
    term += "".join(missing)
    return transpose(value, axes=tuple(term.index(letter) for letter in out))


@function(
    GROUP,
    examples=(Example("kron(A, B)", {"A": _A, "B": _B}), Example("kron(x, y)", {"x": _X, "y": [1.0, -2.0]})),
    reference=np.kron,
)
def kron(a: Value, b: Value) -> Value:
    """Kronecker product: blocks of b, each multiplied by one element of a."""
    rank = max(a.rank, b.rank)
    left = (1,) * (rank - a.rank) + a.shape
    right = (1,) * (rank - b.rank) + b.shape
    product = multiply(
        reshape(a, shape=tuple(size for n in left for size in (n, 1))),
        reshape(b, shape=tuple(size for n in right for size in (1, n))),
    )
    return reshape(product, shape=tuple(m * n for m, n in zip(left, right, strict=True)))


@function(
    GROUP,
    note="The vectors lie along the last axis; other axes broadcast.",
    examples=(Example("cross(x, y)", {"x": _X, "y": _Y}), Example("cross(A, x)", {"A": _A, "x": _X})),
    reference=np.cross,
)
def cross(a: Value, b: Value) -> Value:
    """Vector product in three dimensions."""
    for v in (a, b):
        if not v.rank or v.shape[-1] != 3:
            raise ShapeMismatch(f"cross needs vectors of size 3, and one operand is {describe(v.shape)}.")
    a, b = numbers(a, b)
    (a0, a1, a2), (b0, b1, b2) = ([_component(v, k) for k in range(3)] for v in (a, b))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return concatenate(*parts, axis=parts[0].rank - 1)


def _component(x: Value, k: int) -> Value:
    return strided(x, slices=(*[(0, n, 1) for n in x.shape[:-1]], (k, 1, 1)))


@function(
    GROUP,
    note="Of a stack, of each matrix.",
    examples=(Example("trace(A)", {"A": [[1.0, 2.0], [3.0, 4.0]]}), Example("trace(A @ B)", {"A": _A, "B": _B})),
    reference=np.linalg.trace,
)
def trace(a: Value) -> Value:
    """Sum of the diagonal of the last two axes."""
    if a.rank < 2:
        raise ShapeMismatch(f"trace needs a matrix and got {describe(a.shape)}.")
    return sum_(diagonal(a), axes=(a.rank - 2,))


@function(
    GROUP,
    note="Other axes stay in place; transpose(x) turns all of them round.",
    examples=(Example("matrix_transpose(A)", {"A": _A}),),
    reference=np.matrix_transpose,
)
def matrix_transpose(a: Value) -> Value:
    """The last two axes exchanged."""
    if a.rank < 2:
        raise ShapeMismatch(f"matrix_transpose needs a matrix and got {describe(a.shape)}.")
    return swap_last(a)
