"""Functions as people write them, with the shapes of their inputs: what mistakes are planted in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests import expressions
from tests.verify.planting import Case, case_of

Shape = tuple[int, ...]

POSITIVE = frozenset(("m", "k", "r", "s", "t", "c", "R", "V", "E", "T", "L"))
"""Names of inputs that are drawn from 0.5 to 2; the others are normal numbers."""

WRITTEN: tuple[tuple[str, dict[str, Shape], str], ...] = (
    ("x^2*sin(y) + exp(-x)", {"x": (), "y": ()}, "x y"),
    ("sum((X @ w - y)^2)/2", {"X": (6, 3), "w": (3,), "y": (6,)}, "w"),
    ("mean((X @ w + b - y)^2)", {"X": (6, 3), "w": (3,), "b": (), "y": (6,)}, "w b"),
    ("mean((X @ w + b - y)^2) + 0.1*sum(w^2)", {"X": (5, 3), "w": (3,), "b": (), "y": (5,)}, "w b"),
    ("sum(log(1 + exp(-y*(X @ w))))", {"X": (6, 3), "w": (3,), "y": (6,)}, "w"),
    (
        "-mean(y*log(sigmoid(X @ w + b)) + (1-y)*log(1 - sigmoid(X @ w + b)))",
        {"X": (5, 3), "w": (3,), "b": (), "y": (5,)},
        "w b",
    ),
    ("logsumexp(W @ x + b) - (W @ x + b)[1]", {"W": (4, 3), "x": (3,), "b": (4,)}, "W b x"),
    ("-sum(y*log(softmax(W @ x)))", {"W": (3, 3), "x": (3,), "y": (3,)}, "W x"),
    ("mean((tanh(X @ W + b) @ v - y)^2)", {"X": (5, 3), "W": (3, 4), "b": (4,), "v": (4,), "y": (5,)}, "W b v"),
    ("sum(tanh(W @ x + b)^2)", {"W": (4, 3), "x": (3,), "b": (4,)}, "W x b"),
    ("sum((X + b)^2*s)", {"X": (4, 3), "b": (3,), "s": ()}, "b s"),
    ("sum(sin(X*w + b))", {"X": (4, 3), "w": (3,), "b": (3,)}, "w b"),
    ("x @ A @ x + b @ x", {"x": (3,), "A": (3, 3), "b": (3,)}, "x A b"),
    ("x @ (A @ (A @ x))", {"x": (3,), "A": (3, 3)}, "x A"),
    ("sum((A @ B - C)^2)", {"A": (3, 4), "B": (4, 2), "C": (3, 2)}, "A B"),
    ("trace(A @ B)", {"A": (3, 3), "B": (3, 3)}, "A B"),
    ("m*g*L*(1 - cos(t)) + m*L^2*p^2/2", {"m": (), "g": (), "L": (), "t": (), "p": ()}, "m L t p"),
    ("sqrt(x^2 + y^2 + z^2)", {"x": (), "y": (), "z": ()}, "x y z"),
    ("E*(exp(-2*k*(r - s)) - 2*exp(-k*(r - s)))", {"E": (), "k": (), "r": (), "s": ()}, "E k r s"),
    ("4*E*((s/r)^12 - (s/r)^6)", {"E": (), "s": (), "r": ()}, "E s r"),
    ("k*c*m/(r^2)", {"k": (), "c": (), "m": (), "r": ()}, "k c m r"),
    ("V^2*sin(2*t)/g", {"V": (), "t": (), "g": ()}, "V t g"),
    ("exp(-E/(k*T))/(1 + exp(-E/(k*T)))", {"E": (), "k": (), "T": ()}, "E T"),
    ("R*T/(V - c) - k/V^2", {"R": (), "T": (), "V": (), "c": (), "k": ()}, "V T k"),
    ("exp(-k*t)*cos(2*pi*t)*sin(x)", {"k": (), "t": (), "x": ()}, "k t x"),
    ("2*r*asin(sqrt(sin((y-x)/2)^2/4 + 0.1*cos(x)*cos(y)))", {"r": (), "x": (), "y": ()}, "r x y"),
    ("atan(y/x) + log(x^2 + y^2)/2", {"x": (), "y": ()}, "x y"),
    ("log(s) + (x - m)^2/(2*s^2)", {"x": (), "m": (), "s": ()}, "m s"),
    ("sum(log(s) + (x - m)^2/(2*s^2))", {"x": (7,), "m": (), "s": ()}, "m s"),
    ("sum((x - mean(x))^3)/sum((x - mean(x))^2)^1.5", {"x": (5,)}, "x"),
    ("sum((x - mean(x))*(y - mean(y)))/sqrt(sum((x - mean(x))^2)*sum((y - mean(y))^2))", {"x": (5,), "y": (5,)}, "x y"),
    ("-sum(p*log(p/q))", {"p": (4,), "q": (4,)}, "p q"),
    ("var(x) + mean(x)^2", {"x": (6,)}, "x"),
    ("sum(softmax(x)*y)", {"x": (4,), "y": (4,)}, "x y"),
    ("sum(abs(x - y)*c) + sum(x^4)", {"x": (4,), "y": (4,), "c": (4,)}, "x y"),
    ("(1 - x)^2 + 100*(y - x^2)^2", {"x": (), "y": ()}, "x y"),
    ("100*(x[1] - x[0]^2)^2 + (1 - x[0])^2 + 100*(x[2] - x[1]^2)^2 + (1 - x[1])^2", {"x": (3,)}, "x"),
    ("tanh(w*tanh(w*tanh(w*h + u*x) + u*y) + u*z)", {"w": (), "u": (), "h": (), "x": (), "y": (), "z": ()}, "w u h"),
    (
        "sum(tanh(W @ tanh(W @ tanh(W @ h + x) + y) + z))",
        {"W": (3, 3), "h": (3,), "x": (3,), "y": (3,), "z": (3,)},
        "W h",
    ),
    ("sin(x*cos(x*sin(x)))", {"x": ()}, "x"),
    ("cos(x)", {"x": ()}, "x"),
    ("exp(2*x)", {"x": ()}, "x"),
    ("log10(x^2 + 1)*2^y", {"x": (), "y": ()}, "x y"),
    ("sum(sin(x)*cos(y))", {"x": (5,), "y": (5,)}, "x y"),
    ("sum(outer(x, y)*A)", {"x": (3,), "y": (4,), "A": (3, 4)}, "x y A"),
    ("norm(A @ x - b)^2 + 0.5*norm(x)", {"A": (5, 3), "x": (3,), "b": (5,)}, "x"),
    ("logdet(A @ transpose(A) + eye(3)) + b @ b", {"A": (3, 3), "b": (3,)}, "A b"),
    ("b @ solve(A + 5*eye(3), b)", {"A": (3, 3), "b": (3,)}, "A b"),
    ("sum(relu(X @ W)^2) + sum(W^2)", {"X": (4, 3), "W": (3, 2)}, "W"),
    ("prod(x) + sum(cumsum(x)^2)", {"x": (4,)}, "x"),
)


def written(draw: random.Random, times: int = 1) -> Iterator[Case]:
    """The functions written by hand, at random points."""
    for text, shapes, wrt in WRITTEN:
        for _ in range(times):
            numbers = np.random.default_rng(draw.getrandbits(32))
            at: dict[str, Any] = {}
            for name, shape in shapes.items():
                if name in POSITIVE or (name in "pq" and shape):
                    at[name] = numbers.uniform(0.5, 2.0, shape)
                else:
                    at[name] = numbers.normal(size=shape)
            if text.startswith("-mean(y"):
                at["y"] = (at["y"] > 0).astype(np.float64)
            case = case_of(text, at, wrt.split())
            if case is not None:
                yield case


def generated(count: int, number: int = 5) -> list[Case]:
    """Functions of the generator that do something, at generated points."""
    found: list[Case] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions.scalars(), expressions.points())
    def collect(text: str, at: dict[str, Any]) -> None:
        used = {name: value for name, value in at.items() if name in text}
        names = [n for n in used if n in _names(text)]
        case = case_of(text, {n: used[n] for n in names}, names) if names else None
        if case is not None and len(case.graph.nodes) <= 60:
            found.append(case)

    collect()
    return found


def _names(text: str) -> set[str]:
    words, word = set(), ""
    for c in text + " ":
        if c.isalnum():
            word += c
        else:
            words.add(word)
            word = ""
    return words
