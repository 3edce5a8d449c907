"""Generated expressions: well typed, mostly smooth, as text with a point at which they are evaluated."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

UNARY = ("sin", "cos", "tanh", "exp", "sigmoid", "softplus", "atan", "asinh", "square", "erf", "expm1")
POSITIVE = ("log", "sqrt", "log1p", "lgamma", "cbrt")
BINARY = ("+", "-", "*")
REDUCTIONS = ("sum", "mean", "logsumexp", "norm", "var", "max", "prod")

numbers = st.floats(0.25, 2.0).map(lambda x: round(x, 3))
"""Points: positive, of ordinary size, and unlike each other."""


@st.composite
def scalars(draw: st.DrawFn, depth: int = 4) -> str:
    """An expression with the value of a number in the inputs x, y (numbers), v, w (vectors of 3) and A (3 by 3)."""
    if depth == 0:
        return draw(st.sampled_from(("x", "y", "1.5", "v[0]", "w[-1]", "A[1, 2]")))
    below = scalars(depth - 1)
    kind = draw(st.sampled_from(("unary", "positive", "binary", "divide", "power", "reduce", "choose", "product")))
    if kind == "unary":
        return f"{draw(st.sampled_from(UNARY))}({draw(below)})"
    if kind == "positive":
        return f"{draw(st.sampled_from(POSITIVE))}(1.5 + square({draw(below)}))"
    if kind == "binary":
        return f"({draw(below)} {draw(st.sampled_from(BINARY))} {draw(below)})"
    if kind == "divide":
        return f"({draw(below)} / (2 + cos({draw(below)})))"
    if kind == "power":
        return f"({draw(below)})^{draw(st.integers(1, 3))}"
    if kind == "choose":
        return f"({draw(below)} if {draw(below)} < 0.1234567 else {draw(below)})"
    if kind == "product":
        return f"(({draw(vectors(depth - 1))}) @ ({draw(vectors(depth - 1))}))"
    return f"{draw(st.sampled_from(REDUCTIONS))}({draw(vectors(depth - 1))})"


@st.composite
def vectors(draw: st.DrawFn, depth: int) -> str:
    """An expression with the value of a vector of 3."""
    if depth <= 0:
        return draw(st.sampled_from(("v", "w", "A[0]", "A[:, 1]", "v[::-1]", "w[[0, 0, 2]]")))
    below = vectors(depth - 1)
    kind = draw(st.sampled_from(("unary", "binary", "scale", "matrix", "where", "running", "list")))
    if kind == "unary":
        return f"{draw(st.sampled_from(UNARY))}({draw(below)})"
    if kind == "binary":
        return f"({draw(below)} {draw(st.sampled_from(BINARY))} {draw(below)})"
    if kind == "scale":
        return f"({draw(scalars(depth - 1))} * {draw(below)})"
    if kind == "matrix":
        return f"(A @ ({draw(below)}))"
    if kind == "where":
        return f"where({draw(below)} > 0.7654321, {draw(below)}, {draw(below)})"
    if kind == "running":
        return f"{draw(st.sampled_from(('cumsum', 'softmax', 'cumprod')))}({draw(below)})"
    return f"[{draw(scalars(depth - 1))}, {draw(scalars(depth - 1))}, {draw(scalars(depth - 1))}]"


@st.composite
def points(draw: st.DrawFn) -> dict[str, Any]:
    """Values for the inputs."""
    vector = st.lists(numbers, min_size=3, max_size=3, unique=True)
    return {
        "x": draw(numbers),
        "y": draw(numbers),
        "v": draw(vector),
        "w": draw(vector),
        "A": draw(st.lists(vector, min_size=3, max_size=3)),
    }
