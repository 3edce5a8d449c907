"""Programs made to break control flow: each is answered rightly, or refused where the fault is, in time and memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import BudgetExceeded, EngineError
from engine.limits import Budget, Limits
from engine.question import Answer, Question
from tests.asking import ENGINE, budget, codes


def ask(text: str, at: dict[str, Any], *, seconds: float = 30.0, engine: Engine = ENGINE, **more: Any) -> Answer:
    """The gradient of a program."""
    point = {name: np.asarray(value, dtype=float) for name, value in at.items()}
    return engine.answer(Question(text, point, kind="program", **more), "grad", Budget.starting_now(seconds))


def refusal(text: str, at: dict[str, Any], *, seconds: float = 30.0, **more: Any) -> EngineError:
    """How a program is refused."""
    with pytest.raises(EngineError) as caught:
        ask(text, at, seconds=seconds, **more)
    return caught.value


def place(error: EngineError, text: str) -> str:
    """What a refusal points at."""
    assert error.span is not None
    return text[error.span.start : error.span.end]


MEANING = [
    # text, the point, the value, the gradient in x
    ("a = [x, 2, 3]\nb = a\na[0] = 1\nreturn sum(b*a)", {"x": 5}, 18, 1),
    ("A = [[x, 2], [3, 4]]\nrow = A[0]\nrow[0] = 50\nreturn A[0, 0]*row[1]", {"x": 5}, 10, 2),
    ("def f(p):\n    p[0] = 9\n    return p[1]\nq = [x, x^2]\nr = f(q)\nreturn q[0]*r", {"x": 3}, 27, 27),
    ("A = zeros((3, 2))\nfor row in A:\n    row[0] = x\nreturn sum(A) + x", {"x": 2}, 2, 1),
    ("A = zeros((3, 2))\nfor i in range(9):\n    A[i % 3][0] = x*i\nreturn sum(A)", {"x": 2}, 42, 21),
    (
        "h = zeros((5, 2))\ns = [x, 1]\nfor i in range(5):\n    h[i] = s\n    s[0] = s[0]*2\nreturn sum(h)",
        {"x": 1},
        36,
        31,
    ),
    ("p = zeros(4)\nq = p\nfor i in range(4):\n    q = p\n    p[i] = x\nreturn sum(q)*10 + sum(p)", {"x": 2}, 68, 34),
    ("s = x\nfor i in range(n):\n    s = s*2\nreturn s", {"x": 3, "n": -5}, 3, 1),
    ("for i in range(10, n, -3):\n    x = x*2 + i\nreturn x", {"x": 3, "n": 1}, 82, 8),
    ("while x > 10:\n    x = x*2\nreturn x", {"x": 3}, 3, 1),
    ("while True:\n    x = x*2\n    break\nreturn x", {"x": 3}, 6, 2),
    ("s = 0\nfor i in range(4):\n    f = lambda t: t*i\n    s += f(x)\nreturn s", {"x": 2}, 12, 6),
    (
        "s = 0\nfor i in range(6):\n    def f(t, k=i):\n        return t^2*k\n    s += grad(f)(x)\nreturn s",
        {"x": 2},
        60,
        30,
    ),
    ("k = 2\nf = lambda t: t*k\nk = 3\nreturn f(x)", {"x": 2}, 6, 3),
    (
        "s = 0\nfor i in range(6):\n    if i == 2:\n        s = x\n    else:\n        s = s*2\nreturn s",
        {"x": 3.5},
        28,
        8,
    ),
    ("y = 0\nfor i in range(5):\n    y += (x/i if i > 0 else 0)\nreturn y", {"x": 12}, 25, 25 / 12),
    ("def d(a):\n    return a*grad(lambda b: a + b)(1.0)\nreturn grad(d)(x)*x", {"x": 2}, 2, 1),
    ("def f(a):\n    return grad(lambda b: a*b^2)(a)\nreturn grad(f)(x)", {"x": 3}, 12, 4),
    (
        "s = lambda u: (lambda f: (lambda t: f(t + u)))\nreturn grad(lambda u: s(u)(lambda t: t^3)(x))(0.0)",
        {"x": 2},
        12,
        12,
    ),
    (
        "def f(t):\n    y = t\n    while y < 50:\n        y = y*t\n    return y\nreturn grad(grad(grad(f)))(x)",
        {"x": 3},
        72,
        24,
    ),
    ("f = custom_grad(lambda t: t^2, lambda t, g: 10*t*g)\nreturn grad(f)(x)", {"x": 3}, 30, 10),
    ("return grad(lambda b: root(lambda z: z^2 - b, 1.0))(x)", {"x": 4}, 0.25, -1 / 32),
    ("return grad(lambda b: fixed_point(lambda z: (z + b/z)/2, 1.0))(x)", {"x": 4}, 0.25, -1 / 32),
    ("return grad(lambda c: quad(lambda t: t^2*c, 0, c))(x)", {"x": 2}, 32 / 3, 16),
    (
        "s = 0\nfor i in range(4):\n    v, t = vjp(lambda u: [u^2*x, i*u], x, [1.0, 2.0])\n    s += t\nreturn s",
        {"x": 2},
        44,
        32,
    ),
    ("return root(lambda z: z - 1e-30*x, 1.0)", {"x": 2}, 2e-30, 1e-30),
    ("for i in range(n):\n    if i > 2:\n        assert x > 3\nreturn x^2", {"x": 2, "n": 3}, 4, 4),
    ("if x > 0:\n    assert x > 3\nreturn x", {"x": -1}, -1, 1),
]


@pytest.mark.parametrize(("text", "at", "value", "slope"), MEANING, ids=[row[0] for row in MEANING])
def test_programs_mean_what_they_say(text: str, at: dict[str, Any], value: float, slope: float) -> None:
    found = ask(text, at)
    assert found.grad is not None
    np.testing.assert_allclose(found.value, value, 1e-12)
    np.testing.assert_allclose(found.grad["x"], slope, 1e-10)


REFUSED = [
    # text, the point, what is pointed at, a piece of the sentence
    ("for i in range(10):\n    assert x < 5, 'grew'\n    x = x*1.5\nreturn x", {"x": 1}, "assert", "grew"),
    ("i = 0\nwhile x[i] > 0 and i < 3:\n    i += 1\nreturn x[0]*i", {"x": [1, 2]}, "x[i]", "out of range"),
    ("for i in range(9):\n    x[i] = 5\nreturn x[0]", {"x": [1, 2]}, "x[i]", "out of range"),
    ("if x > 0:\n    assert x > 3, 'small'\nreturn x", {"x": 1}, "assert", "small"),
    ("for i in range(0, 10, n):\n    x = x*2\nreturn x", {"x": 1, "n": 0}, "n", "must not be 0"),
    ("k = 1\nfor i in range(n):\n    k = k*3\nreturn k*x", {"x": 1, "n": 50}, "k*3", "64 bits"),
    ("return root(lambda z: z^2 + x, 1.0)", {"x": 2}, "root", "no root"),
    ("return sum([x*i for i in range(10^9)])", {"x": 1}, "range", "array"),
]


@pytest.mark.parametrize(("text", "at", "where", "detail"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusals_in_loops_have_their_place(text: str, at: dict[str, Any], where: str, detail: str) -> None:
    error = refusal(text, at)
    assert detail in error.detail
    assert place(error, text).startswith(where)


RUNAWAY = [
    "while x < 5:\n    x = x - 1\nreturn x",
    "while not x > 5:\n    x = x + nan\nreturn x",
    "for i in range(10^5):\n    for j in range(10^5):\n        x = sin(x)\nreturn x",
    "def f(t):\n    while t < 2:\n        t = t*0.5\n    return t\nreturn grad(f)(x)",
    "v = ones(1_000)*x\nwhile x > 0:\n    v = sin(v)\n    x = x + sum(v)^2\nreturn x",
]


@pytest.mark.parametrize("text", RUNAWAY)
def test_runaway_loops_end_at_the_deadline_and_are_named(text: str) -> None:
    error = refusal(text, {"x": 1}, seconds=0.3)
    assert isinstance(error, BudgetExceeded)
    assert "this loop had taken" in error.detail
    assert place(error, text).startswith(("while", "for"))


BIRTHS = [
    ("for i in range(2_000):\n    x = x*1.5\nreturn x", "in step 1,751 of the loop at line 1"),
    ("y = 0\nfor i in range(3_000):\n    y += sqrt(x - i)\nreturn y", "in step 3 of the loop at line 2"),
    ("y = x\nif x > 0:\n    y = log(x - 3)*[1, 2]\nelse:\n    y = [x, 1]\nreturn sum(y)*x", "log(-2.0) is NaN"),
    ("if x > 0:\n    for i in range(5):\n        x = x*log(2.5 - i)\nreturn x^2", "in step 4 of the loop at line 2"),
]


@pytest.mark.parametrize(("text", "told"), BIRTHS, ids=[row[0] for row in BIRTHS])
def test_what_is_not_finite_is_told_with_its_step(text: str, told: str) -> None:
    found = ask(text, {"x": 1})
    assert "non-finite" in codes(found)
    assert any(told in warning.message for warning in found.warnings)


@pytest.mark.parametrize("x", [0, 1])
def test_a_long_tape_keeps_within_its_memory(x: float) -> None:
    engine = Engine(Limits(run_bytes=32 * 2**20))
    # The tape of 400 steps would take 80 MB.  0 is a kink of abs: then all is done again with care.
    text = "v = ones(25_000)*x\nfor i in range(400):\n    v = abs(v)*y\nreturn sum(v)"
    tracemalloc.start()
    try:
        found = ask(text, {"x": x, "y": 1.01}, engine=engine, precision="float64")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ("kink" in codes(found)) is (x == 0)
    assert found.grad is not None
    np.testing.assert_allclose(found.grad["x"], 0 if x == 0 else 25_000 * 1.01**400, 1e-10)
    assert peak < 16 * 2**20


TOGETHER = [
    # A point that has come to its end is not to be looked at any more: here x >= 50, k beyond v, and a loop for ever.
    ("while x < 100:\n    assert x < 50\n    x = x*x\nreturn x", {"x": [2, 4, 12]}),
    ("k = 0\nwhile k < n and x < 50:\n    x += v[k]\n    k += 1\nreturn x", {"x": [1, 2, 49], "n": [3, 1, 3]}),
    (
        "while x < 5:\n    t = 0.0\n    while t*y < 8:\n        t += 1\n    x += t*y*0.1\nreturn x",
        {"x": [1, 2, 6], "y": [1, 2, 0]},
    ),
]


@pytest.mark.parametrize(("text", "points"), TOGETHER, ids=[row[0] for row in TOGETHER])
def test_points_that_are_done_take_no_step_of_their_own(text: str, points: dict[str, list[float]]) -> None:
    fixed = {"v": [5.0, 6.0, 7.0]} if "v[k]" in text else {}
    together = ask(text, {**points, **fixed}, batch=tuple(points), seconds=20)
    assert together.grad is not None
    for i in range(3):
        alone = ask(text, {**{name: values[i] for name, values in points.items()}, **fixed})
        assert alone.grad is not None
        np.testing.assert_allclose(np.asarray(together.value)[i], alone.value, 1e-12)
        np.testing.assert_allclose(together.grad["x"][i], alone.grad["x"], 1e-10)


def test_high_precision_takes_as_long_as_the_steps_that_were_taken() -> None:
    text = "for i in range(n):\n    for j in range(i):\n        x = sin(x)*1.5\nreturn x"
    found = ask(text, {"x": 0.7, "n": 5}, precision="exact")
    assert "ill-conditioned" not in codes(found)


def test_an_array_written_to_is_one_in_high_precision_too() -> None:
    text = "p = zeros(4)\nfor i in range(4):\n    p[i] = x*i\np[1:3] *= 2\nreturn sum(p)"
    subject = ENGINE.subject(Question(text, {"x": np.asarray(0.5)}, kind="program"), budget())
    from engine.verify.precise import context, evaluate

    assert float(evaluate(subject.graph, [0.5], context(60))[0][()]) == 4.5
