# ruff: noqa: E501  (a row of a table stands on a line)
"""Programs that are lowered: what every construct computes, with its gradient, and every refusal with place and hint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.errors import (
    EngineError,
    InvalidRequest,
    LimitExceeded,
    NotScalar,
    ShapeMismatch,
    SyntaxFault,
    TypeMismatch,
    UnknownName,
    Unsupported,
)
from engine.question import Answer, Question
from tests.asking import ENGINE, budget


def ask(text: str, at: dict[str, Any], what: Any = "grad") -> Answer:
    """The engine's answer about a program."""
    question = Question(text, {name: np.asarray(value) for name, value in at.items()}, kind="program")
    return ENGINE.prepare(question, what, budget()).run(question, budget())


FOUR = [1.0, 2.0, 3.0, 4.0]
COMPUTED: list[tuple[str, dict[str, Any], float, dict[str, Any]]] = [
    # text, inputs, value, gradient
    # Assignment
    ("a = b = x\na += 1\nreturn a*b", {"x": 2.0}, 6, {"x": 5}),
    ("a, (b, c) = x, (2*x, 3)\nreturn a*b*c", {"x": 2.0}, 24, {"x": 24}),
    ("a, b = v\na, b = b, a\nreturn a - 2*b", {"v": [3.0, 5.0]}, -1, {"v": [-2, 1]}),
    ("x -= 1\nx *= 3\nx /= 2\nx ^= 2\nreturn x", {"x": 3.0}, 9, {"x": 9}),
    ("y = v\ny[0] = 5\nreturn v[0]*y[0]", {"v": [2.0, 3.0]}, 10, {"v": [5, 0]}),
    ("v[1:3] = v[0:2]*2\nv[...] += 1\nreturn sum(v)", {"v": [1.0, 2.0, 3.0]}, 10, {"v": [3, 2, 0]}),
    ("A = zeros((2, 3))\nA[1] = x\nA[:, 0] += 1\nA[-1][2] = x^2\nreturn sum(A)", {"x": 3.0}, 17, {"x": 8}),
    ("t = (x, [x, 1], sin)\nt[1][0] = 7\nt[0] = 2\nreturn t[0]*t[1][0] + t[1][1]*x", {"x": 3.0}, 17, {"x": 1}),
    ("a = [0, 0]\na[1] = x/2\nreturn a[1]", {"x": 3.0}, 1.5, {"x": 0.5}),
    # Branches
    ("if x > 0:\n    y = x^2\nelif x > -1:\n    y = 5*x\nelse:\n    y = -x\nreturn y", {"x": -0.5}, -2.5, {"x": 5}),
    ("y = 0\nif x > 0:\n    y = x^2\nreturn y", {"x": 3.0}, 9, {"x": 6}),
    ("if x > 0:\n    a, b = x, 2\nelse:\n    a, b = 1, x\nreturn a*b", {"x": 3.0}, 6, {"x": 2}),
    ("t = zeros(2)\nif x > 0:\n    t = zeros(3)\n    y = x\nelse:\n    y = 1\nreturn y", {"x": 3.0}, 3, {"x": 1}),
    ("if len(v) == 2:\n    return v[0]\nreturn v[9]", {"v": [2.0, 3.0]}, 2, {"v": [1, 0]}),
    ("return v[k] if k < 2 else 7*v[0]", {"v": [2.0, 3.0], "k": 5}, 14, {"v": [7, 0]}),
    ("return sum(v if x > 0 else 0)", {"v": [2.0, 3.0], "x": 1.0}, 5, {"v": [1, 1], "x": 0}),
    ("return x if x > 0 and v[int(x)] > 0 else 2*x", {"v": [2.0, 3.0], "x": -5.0}, -10, {"x": 2}),
    # Loops
    ("s = 0\nfor i in range(n):\n    s += x^i\nreturn s", {"x": 2.0, "n": 4}, 15, {"x": 17}),
    ("s = x\nfor i in range(n):\n    s += x^i\nreturn s", {"x": 2.0, "n": 0}, 2, {"x": 1}),
    ("s = 0\nfor i in range(n, 0, -2):\n    s += x*i\nreturn s", {"x": 2.0, "n": 5}, 18, {"x": 9}),
    ("s = 0\nfor i in reversed(range(n)):\n    s = x*s + i\nreturn s", {"x": 2.0, "n": 4}, 34, {"x": 45}),
    ("s = 0\nfor row in A:\n    s += row[0]*row[1]\nreturn s", {"A": [FOUR] * 4}, 8, {"A": [[2, 1, 0, 0]] * 4}),
    ("s = 0\nfor a, b in zip(v, v[1:]):\n    s += a*b\nreturn s", {"v": FOUR}, 20, {"v": [2, 4, 6, 3]}),
    ("s = 0\nfor i, a in enumerate(v, 1):\n    s += i*a\nreturn s", {"v": FOUR}, 30, {"v": FOUR}),
    ("s = 0\nfor i, (a, b) in enumerate(zip(v, v)):\n    s += i*a*b\nreturn s", {"v": FOUR}, 70, {"v": [0, 4, 12, 24]}),
    ("s = 0\nfor f in [sin, cos, exp]:\n    s += f(x)\nreturn s", {"x": 0.0}, 2, {"x": 2}),
    ("s = 0\nfor k, f in [(1, sin), (2, exp), (3, exp), (4, cos)]:\n    s += k*f(x)\nreturn s", {"x": 0.0}, 9, {"x": 6}),
    ("s = 0\nfor p in [(1, x), (2, x), (3, x), (4, x)]:\n    s += p[0]*p[1]\nreturn s", {"x": 2.0}, 20, {"x": 10}),
    ("k = 0\nwhile x > 1:\n    x /= 2\n    k += 1\nreturn x*2^k", {"x": 9.0}, 9, {"x": 1}),
    ("k = 0\nwhile k < len(v) and v[k] < 3:\n    k += 1\nreturn v[0]*k", {"v": FOUR}, 2, {"v": [2, 0, 0, 0]}),
    ("while True:\n    x = x/2\n    if x < 1:\n        return x", {"x": 6.0}, 0.75, {"x": 0.125}),
    ("s = 0\nfor a in v:\n    if a == 2:\n        continue\n    if a > 3:\n        break\n    s += a\nreturn s", {"v": FOUR}, 4, {}),
    ("for a in v:\n    if a > 2:\n        return a^2\nreturn 0", {"v": FOUR}, 9, {"v": [0, 0, 6, 0]}),
    ("for i in range(4):\n    for j in range(4):\n        if i*j > 5:\n            return v[i]*v[j]\nreturn 0", {"v": FOUR}, 12, {}),
    ("for i in range(5):\n    t = x*i\nreturn t + i", {"x": 2.0}, 12, {"x": 4}),
    ("s = 0\nfor i in range(5):\n    s += sum(ones(i))*x\nreturn s", {"x": 2.0}, 20, {"x": 10}),
    ("s = [x]\nfor i in range(5):\n    s = concatenate([s, [x]])\nreturn sum(s)", {"x": 2.0}, 12, {"x": 6}),
    ("p = (x, 1)\nfor i in range(n):\n    a, b = p\n    p = (a + b, a)\nreturn p[0]", {"x": 2.0, "n": 5}, 21, {"x": 8}),
    ("s = 0\nfor i in range(n):\n    if i % 2 == 0:\n        s += v[i]\nreturn s", {"v": FOUR, "n": 4}, 4, {"v": [1, 0, 1, 0]}),
    ("s = 0\nfor i in range(2):\n    s += prod(v[i:i+3])\nreturn s", {"v": FOUR}, 30, {"v": [6, 15, 10, 6]}),
    ("s = 0\nfor i in range(n):\n    s += sum(v[i*k:(i+1)*k])^2\nreturn s", {"v": FOUR, "n": 2, "k": 2}, 58, {}),
    # Functions
    ("def f(a, b=2, *, c=3):\n    return a + 10*b + 100*c\nreturn f(x, c=1) + f(b=1, a=x)", {"x": 1.0}, 432, {"x": 2}),
    ("def f(x):\n    'Says what it does.'\n    y = x^2\n    return y, 2*y\na, b = f(x)\nreturn a*b", {"x": 2.0}, 32, {"x": 64}),
    ("def f(x, n=3):\n    s = 0\n    for i in range(n):\n        s += x\n    return s", {"x": 2.0}, 6, {"x": 3}),
    ("def make(k):\n    def g(z):\n        return k*z\n    return g\na, b = make(2), make(3)\nreturn a(x)*b(x)", {"x": 2.0}, 24, {"x": 24}),
    ("k = 1\nf = lambda z: k*z\nk = 5\nreturn f(x)", {"x": 2.0}, 10, {"x": 5}),
    ("def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\nreturn fib(10)*x", {"x": 2.0}, 110, {"x": 55}),
    ("def total(v):\n    if len(v) == 1:\n        return v[0]\n    return total(v[:2]) + total(v[2:]) if len(v) > 2 else v[0]*v[1]\nreturn total(v)", {"v": FOUR}, 14, {"v": [2, 1, 4, 3]}),
    ("def f(n):\n    return x if n == 0 else f(n - 1) + 1\nreturn f(99)", {"x": 1.0}, 100, {"x": 1}),
    ("def f(x, mode='a'):\n    if mode == 'a':\n        return x\n    return 2*x\nreturn f(x) + f(x, mode='b')", {"x": 1.0}, 3, {"x": 3}),
    ("def f(x, scale=None):\n    if scale == None:\n        return x\n    return x*scale\nreturn f(x) + f(x, 2)", {"x": 1.0}, 3, {"x": 3}),
    ("e = x\nsum = lambda v: 2*v\nreturn sum(e)", {"x": 3.0}, 6, {"x": 2}),
    # Comprehensions
    ("return sum([a^2 for a in v])", {"v": FOUR}, 30, {"v": [2, 4, 6, 8]}),
    ("return sum(a*b for a, b in zip(v, reversed(v)))", {"v": FOUR}, 20, {"v": [8, 6, 4, 2]}),
    ("return sum(sum(a*v for a in v))", {"v": FOUR}, 100, {"v": [20] * 4}),
    ("return max(a^2 for a in v)", {"v": FOUR}, 16, {"v": [0, 0, 0, 8]}),
    ("return sum([v[i]*v[j] for i in range(4) for j in range(i)])", {"v": FOUR}, 35, {"v": [9, 8, 7, 6]}),
    ("return sum([v[i] for i in range(4) if i % 2])", {"v": FOUR}, 6, {"v": [0, 1, 0, 1]}),
    ("A = [[i*x + j for j in range(4)] for i in range(5)]\nreturn sum(A)", {"x": 2.0}, 110, {"x": 40}),
    ("p = [(a, a^2) for a in v]\nreturn p[1][1]*p[2][0]", {"v": FOUR}, 12, {"v": [0, 12, 4, 0]}),
    ("return sum([sum(v[:i]) for i in range(5)])", {"v": FOUR}, 20, {"v": [4, 3, 2, 1]}),
    ("return sum(map(lambda a: a^2, v))", {"v": FOUR}, 30, {"v": [2, 4, 6, 8]}),
    # Derivatives
    ("return grad(lambda a, b: a*b^2, wrt=1)(x, 3)", {"x": 2.0}, 12, {"x": 6}),
    ("a, b = grad(lambda a, b: a*b^2, wrt=(0, 1))(x, 3)\nreturn a + b", {"x": 2.0}, 21, {"x": 6}),
    ("a, b = grad(lambda p: p[0]*p[1]^2)((x, 3.0))\nreturn a + b", {"x": 2.0}, 21, {"x": 6}),
    ("y, slope = value_and_grad(lambda a: a^3)(x)\nreturn y + slope", {"x": 2.0}, 20, {"x": 24}),
    ("return grad(grad(grad(lambda a: a^4)))(x)", {"x": 2.0}, 48, {"x": 24}),
    ("return sum(jacobian(lambda v: v^2)(v)*[[1, 2], [3, 4]])", {"v": [2.0, 3.0]}, 28, {"v": [2, 8]}),
    ("return sum(hessian(lambda v: v[0]^2*v[1])(v)*[[1, 2], [3, 4]])", {"v": [2.0, 3.0]}, 26, {"v": [10, 2]}),
    ("y, t = jvp(lambda a, b: a*b, (x, 3), (1, 2))\nreturn y + 10*t", {"x": 2.0}, 76, {"x": 23}),
    ("y, t = jvp(sin, x, 1)\nreturn t", {"x": 0.0}, 1, {"x": 0}),
    ("y, c = vjp(lambda a, b: a*b, (x, 3), 2)\nreturn y + c[0] + 10*c[1]", {"x": 2.0}, 52, {"x": 23}),
    ("y, c = vjp(lambda a: a^2, (x,), 2)\nreturn c", {"x": 2.0}, 8, {"x": 4}),
    ("return sum(hvp(lambda v: sum(v^3), v, [1, 2]))", {"v": [2.0, 3.0]}, 48, {"v": [6, 12]}),
    ("s = 0\nfor i in range(n):\n    s += grad(lambda a: i*a^2)(x)\nreturn s", {"x": 2.0, "n": 5}, 40, {"x": 20}),
    ("def f(a):\n    p = 1\n    for i in range(n):\n        p *= a\n    return p\nreturn grad(f)(x)", {"x": 2.0, "n": 5}, 80, {"x": 160}),
    ("f = straight_through(round)\nreturn f(x)*x", {"x": 2.25}, 4.5, {"x": 4.25}),
    ("f = custom_grad(lambda a, b: a*b, lambda a, b, c: (2*c*b, 3*c*a))\nreturn f(x, y)", {"x": 2.0, "y": 5.0}, 10, {"x": 10, "y": 6}),
    ("f = custom_grad(lambda a, k: a^k, lambda a, k, c: (7*c, 0))\nreturn f(x, 2)", {"x": 3.0}, 9, {"x": 7}),
    # Solvers
    ("return root(lambda z: z^3 - x, 1.5)", {"x": 8.0}, 2, {"x": 1 / 12}),
    ("return sum(root(lambda z: [z[0]^2 - x, z[0]*z[1] - 1], [1, 1]))", {"x": 4.0}, 2.5, {"x": 0.1875}),
    ("return fixed_point(lambda z: (z + x/z)/2, 1)", {"x": 4.0}, 2, {"x": 0.25}),
    ("return quad(lambda t: x*t^2, 0, 3)", {"x": 2.0}, 18, {"x": 9}),
    ("return quad(lambda t: [t, x*t], 0, x)[1]", {"x": 2.0}, 4, {"x": 6}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "value", "grad"), COMPUTED, ids=[row[0] for row in COMPUTED])
def test_value_and_gradient(text: str, at: dict[str, Any], value: float, grad: dict[str, Any]) -> None:
    found = ask(text, at)
    np.testing.assert_allclose(found.value, value, rtol=1e-13)
    assert found.grad is not None
    for name, slope in grad.items():
        np.testing.assert_allclose(found.grad[name], slope, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [('"rk4", steps=50', 1e-7), ('"dopri5"', 2e-7), ('"dopri5", rtol=1e-11, atol=1e-12', 1e-9)],
)
def test_odeint(method: str, tolerance: float) -> None:
    text = f"return odeint(lambda y, t: [y[1], -k*y[0]], [1, 0], [0, 0.5, T], method={method})[-1, 0]"
    found = ask(text, {"k": 2.0, "T": 1.5})
    w = np.sqrt(2.0)
    np.testing.assert_allclose(found.value, np.cos(1.5 * w), rtol=tolerance)
    assert found.grad is not None
    np.testing.assert_allclose(found.grad["k"], -np.sin(1.5 * w) * 1.5 / (2 * w), rtol=10 * tolerance)
    np.testing.assert_allclose(found.grad["T"], -np.sin(1.5 * w) * w, rtol=10 * tolerance)
    assert "rewritten" not in [warning.code for warning in found.warnings]


@pytest.mark.parametrize(
    "text",
    [
        "return odeint(lambda y, t: -y, x, [1, 0], method='dopri5')[-1]",
        "return odeint(lambda y, t: y, x, [0, 0, 1], method='dopri5')[2]",
    ],
)
def test_odeint_takes_times_that_fall_or_stay(text: str) -> None:
    np.testing.assert_allclose(ask(text, {"x": 2.0}).value, 2 * np.e, rtol=1e-7)


def test_several_outputs_and_their_names() -> None:
    assert repr(ask("return x, x^2", {"x": 3.0}, "value").value) == "(np.float64(3.0), np.float64(9.0))"
    named = ask('return {"loss": x^2, "norm": x}', {"x": 3.0}, "value").value
    assert isinstance(named, dict)
    assert {name: float(number) for name, number in named.items()} == {"loss": 9.0, "norm": 3.0}


REFUSED: list[tuple[str, dict[str, Any], type[EngineError], str | None, str, str]] = [
    # text, inputs, class, the stretch that is pointed at, a piece of the sentence, a piece of the hint
    ("if x > 0:\n    y = 1\nreturn y", {"x": 1.0}, UnknownName, "y", "branch in line 2", "before the if"),
    ("if x > 0:\n    y = zeros(3)\nelse:\n    y = zeros(2)\nreturn sum(y)", {"x": 1.0}, ShapeMismatch, "y", "(3,) in line 2 and", "one shape"),
    ("if x > 0:\n    y = 1\nelse:\n    y = x > 2\nreturn y", {"x": 1.0}, TypeMismatch, "y", "truth value in line 4", ""),
    ("if x > 0:\n    f = sin\nelse:\n    f = cos\nreturn f(x)", {"x": 1.0}, TypeMismatch, "f", "another function", ""),
    ("if x > 0:\n    return 1\nreturn [1, 2]", {"x": 1.0}, ShapeMismatch, None, "One way returns", "same shapes"),
    ("if x > 0:\n    return 1", {"x": 1.0}, SyntaxFault, None, "may end without a return", "every case"),
    ("def f(x):\n    if x > 0:\n        return 1\nreturn f(x)", {"x": 1.0}, SyntaxFault, "f", "may end without a return", "every case"),
    ("s = 0\nfor i in range(n):\n    s = s + A[i]\nreturn sum(s)", {"A": [[1.0, 2.0]] * 4, "n": 4}, ShapeMismatch, "s", "in line 1", "s = zeros(2)"),
    ("s = [x]\nfor i in range(n):\n    s = concatenate([s, [x]])\nreturn sum(s)", {"x": 1.0, "n": 4}, ShapeMismatch, "s", "becomes", "final shape"),
    ("for i in range(n):\n    s = x\nreturn s", {"x": 1.0, "n": 4}, UnknownName, "s", "loop in line 1", "before the loop"),
    ("def f(n):\n    if n < 1:\n        return 1\n    return n*f(n - 1)\nreturn f(x)", {"x": 3.0}, LimitExceeded, "f", "100 times", "while loop"),
    ("def f(a, b=2):\n    return a + b\nreturn f(1, 2, 3)", {}, SyntaxFault, "f(1, 2, 3)", "takes 2 arguments, 3", "f(a, b)"),
    ("def f(a, b=2):\n    return a + b\nreturn f(c=3)", {}, UnknownName, "f(c=3)", "no argument 'c'", ""),
    ("def f(a, b):\n    return a + b\nreturn f(b=3)", {}, SyntaxFault, "f(b=3)", "needs the argument a", "f(a, b)"),
    ("y = 2\nreturn y(3)", {}, TypeMismatch, "y(3)", "cannot be called", "product"),
    ("return grad(lambda v: v*2)(v)", {"v": [1.0, 2.0]}, NotScalar, "grad(lambda v: v*2)", "one number", "jacobian"),
    ("return grad(x^2)(x)", {"x": 1.0}, TypeMismatch, "x^2", "takes a function", "lambda"),
    ("return grad(sin, wrt=1)(x)", {"x": 1.0}, TypeMismatch, None, "argument 1", "from 0"),
    ("return grad(sin, steps=1)(x)", {"x": 1.0}, UnknownName, "1", "no argument 'steps'", ""),
    ("y, t = jvp(sin, (x,), ([1, 2],))\nreturn t", {"x": 1.0}, ShapeMismatch, None, "the tangent", ""),
    ("f = custom_grad(lambda a, b: a*b, lambda a, b, c: c)\nreturn f(x, x)", {"x": 1.0}, TypeMismatch, None, "one cotangent for each of 2", "return dx, dy"),
    ("f = straight_through(sum)\nreturn f(v)", {"v": [1.0, 2.0]}, ShapeMismatch, None, "straight_through", ""),
    ("return root(lambda z: [z, z], x)", {"x": 1.0}, ShapeMismatch, None, "as many equations", "array of the shape"),
    ("return quad(sin, 0, inf)", {}, TypeMismatch, None, "not finite", "substitute"),
    ("def f(y, t):\n    return [y[0]]\nreturn sum(odeint(f, [x, x], [0, 1]))", {"x": 1.0}, ShapeMismatch, "odeint(f, [x, x], [0, 1])", "f(y, t)", "rate"),
    ("def f(y, t):\n    return y @ zeros(7)\nreturn sum(odeint(f, [x, x], [0, 1]))", {"x": 1.0}, ShapeMismatch, "y @ zeros(7)", "inner sizes", ""),
    ("return sum(odeint(sin, x, [0, 1], method='euler'))", {"x": 1.0}, TypeMismatch, None, "no method 'euler'", "dopri5"),
    ("y = q\nq = 3\nreturn y", {}, UnknownName, "q", "no value yet", "assign it before"),
    ("q = 3\ndef f(x):\n    q = q + x\n    return q\nreturn f(x)", {"x": 1.0}, UnknownName, "q", "no value yet", "pass it"),
    ("a, b, c = v\nreturn a", {"v": [1.0, 2.0]}, ShapeMismatch, "a, b, c", "2 parts for 3 names", ""),
    ("a, b = x\nreturn a", {"x": 1.0}, TypeMismatch, "a, b", "a number", ""),
    ("a, b = 1, 2, 3\nreturn a", {}, ShapeMismatch, "a, b", "3 values for 2", ""),
    ("if v > 0:\n    return 1\nreturn 2", {"v": [1.0, 2.0]}, TypeMismatch, "v > 0", "one truth value", "any(…)"),
    ("while v > 0:\n    v = v - 1\nreturn v", {"v": [1.0, 2.0]}, TypeMismatch, "v > 0", "one truth value", "any(…)"),
    ("v[v > 1] = 0\nreturn sum(v)", {"v": [1.0, 2.0]}, Unsupported, "v > 1", "mask", "where"),
    ("v[[0, 1]] = 0\nreturn sum(v)", {"v": [1.0, 2.0]}, Unsupported, "[0, 1]", "array of indices", "loop"),
    ("v[0:2] = [1, 2, 3]\nreturn sum(v)", {"v": [1.0, 2.0]}, ShapeMismatch, "v[0:2]", "(3,)", ""),
    ("v[5] = 1\nreturn sum(v)", {"v": [1.0, 2.0]}, ShapeMismatch, "v[5]", "out of range", ""),
    ("v[0, 0] = 1\nreturn sum(v)", {"v": [1.0, 2.0]}, ShapeMismatch, None, "2 indices", ""),
    ("for i in range(n):\n    v[i:i+2] = 0\nreturn sum(v)", {"v": [1.0, 2.0], "n": 1}, TypeMismatch, None, "must be known", "one by one"),
    ("return sum([a for a in v if a > 1])", {"v": [1.0, 2.0]}, TypeMismatch, "a > 1", "depends on data", "where"),
    ("k = 0\nfor i in range(n):\n    k += 1\nreturn sum([a for a in range(k)])", {"n": 3}, TypeMismatch, "range(k)", "must be known", "fill an array"),
    ("k = 0\nfor i in range(n):\n    k += 1\nreturn sum(zeros(k))", {"n": 3}, TypeMismatch, "k", "must be known", ""),
    ("s = 0\nfor i in range(x):\n    s += 1\nreturn s", {"x": 2.5}, TypeMismatch, None, "used as an integer", ""),
    ("s = 0\nfor i in range(sin(x)):\n    s += 1\nreturn s", {"x": 2.5}, TypeMismatch, "sin(x)", "whole number", "int(x)"),
    ("for i in range(0, 3, 0):\n    s = 1\nreturn 2", {}, TypeMismatch, "0", "must not be 0", ""),
    ("for i in x:\n    s = 1\nreturn 2", {"x": 1.0}, TypeMismatch, "x", "runs over", "range"),
    ("def f(x):\n    return x, 2*x\nreturn f(x)", {"x": 1.0}, TypeMismatch, "f(x)", "tuple of 2", "take it apart"),
    ("if x > 1:\n    return x, 2\nreturn x", {"x": 1.0}, SyntaxFault, "return x", "one result", "same outputs"),
    ("def f(x):\n    y = x", {"x": 1.0}, SyntaxFault, None, "needs a return", ""),
    ("assert x > 3, 'x is small'\nreturn x", {"x": 1.0}, InvalidRequest, "assert x > 3, 'x is small'", "x is small. Here x = 1.0", ""),
    ("assert_close(x, 2, rtol=0.1)\nreturn x", {"x": 1.0}, InvalidRequest, "assert_close(x, 2, rtol=0.1)", "not close", ""),
    ("assert x\nreturn x", {"x": 1.0}, TypeMismatch, "x", "condition", "assert x > 0"),
    ("s = 'abc'\nreturn s[0]", {}, TypeMismatch, None, "is a text", ""),
    ("return sin(lambda v: v)", {}, TypeMismatch, None, "is a function", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "kind", "place", "detail", "hint"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_with_place_and_hint(
    text: str, at: dict[str, Any], kind: type[EngineError], place: str | None, detail: str, hint: str
) -> None:
    with pytest.raises(kind) as caught:
        ask(text, at, "value")
    error = caught.value
    error.text = text
    assert detail in error.detail
    assert hint in (error.hint or "")
    assert error.detail[-1] in ".?"
    if place is not None:
        assert error.span is not None
        assert text[error.span.start : error.span.end] == place


def test_unknown_names_are_listed_all_at_once() -> None:
    text = "def f(v):\n    return v + w\ny = sine(x)\nreturn f(y)*z"
    with pytest.raises(UnknownName) as caught:
        ask(text, {"x": 1.0})
    assert {fault.pointer for fault in caught.value.faults} == {"/program", "/at/w", "/at/z"}
    assert caught.value.hint is not None


def test_calls_that_multiply_end_at_a_limit() -> None:
    text = "def f(n):\n    return x if n == 0 else f(n - 1)*f(n - 1) + f(n - 1)\nreturn f(30)"
    with pytest.raises(EngineError):
        ask(text, {"x": 1.0}, "value")
