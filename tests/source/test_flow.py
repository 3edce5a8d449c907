"""How programs use their inputs: which are whole numbers, which have to be known, and in which order they come."""

from __future__ import annotations

import pytest

from engine.errors import LimitExceeded
from engine.limits import Limits
from engine.source.flow import program_uses
from engine.source.names import Uses
from engine.source.scopes import free
from engine.source.statements import parse_program


def uses(text: str) -> Uses:
    """How a program uses its inputs."""
    return program_uses(parse_program(text, Limits()))


USES = [
    # text, whole numbers, known when it is compiled
    ("s = 0\nfor i in range(n):\n    s += x\nreturn s", "n", ""),
    ("s = 0\nfor i in range(n):\n    s += x[i]\nreturn s", "n", ""),
    ("return x[k]", "k", ""),
    ("j = 2*k + 1\nreturn x[j - 1]", "k", ""),
    ("return x[sin(k)]", "", ""),
    ("return x[int(k)]", "", ""),
    ("return sum(zeros(int(k)))", "", "k"),
    ("return sum(zeros(n))", "n", "n"),
    ("return sum(zeros((n, len(x))))", "n", "n"),
    ("return sum([x^i for i in range(n)])", "n", "n"),
    ("r = range(n)\nreturn sum(r)", "n", "n"),
    ("s = 0\nfor i in range(n):\n    s += sum(zeros(i))\nreturn s", "n", "n"),
    ("s = 0\nfor i in idx:\n    s += x[i]\nreturn s", "idx", ""),
    ("s = 0\nfor i, w in zip(idx, ws):\n    s += w*x[i]\nreturn s", "idx", ""),
    ("s = 0\nfor k, i in enumerate(idx):\n    s += k*x[i]\nreturn s", "idx", ""),
    ("return x[idx[0]]", "idx", ""),
    ("x[k] = 1\nreturn sum(x)", "k", ""),
    ("return sum(x[a:b])", "a b", "a b"),
    ("return sum(x[a:a+2])", "a", ""),
    ("return sum(x[a:a+k])", "a k", "k"),
    ("return sum(x[i*k:(i+1)*k])", "i k", "k"),
    ("x[a:b] = 1\nreturn sum(x)", "a b", "a b"),
    ("if n > 3:\n    m = n\nelse:\n    m = k\nreturn x[m]", "k n", ""),
    ("m = n if c > 0 else k\nreturn x[m]", "k n", ""),
    ("m = k\nwhile m < n:\n    m = m + d\nreturn x[m]", "d k", ""),
    ("m, z = k, y\nreturn x[m] + z", "k", ""),
    ("t = (k, y)\nreturn x[t[0]] + t[1]", "k", ""),
    # Each call of a helper is on its own.
    ("def twice(v):\n    return 2*v\nreturn x[twice(k)] + twice(y)", "k", ""),
    ("def at(v, i):\n    return v[i]\nreturn at(x, k) + at(y, 2)", "k", ""),
    ("def f(x, i):\n    return x[i]\ndef g(x, i):\n    return f([x, i], 1)", "", ""),
    ("def f(n):\n    return x[k] if n == 0 else f(n - 1)\nreturn f(3)", "k", ""),
    ("def f(i):\n    return x[i + k]\nreturn f(1)", "k", ""),
    ("f = lambda i: x[i]\nreturn f(k)", "k", ""),
    ("def apply(f, v):\n    return f(v)\nreturn apply(lambda i: x[i], k)", "k", ""),
    ("return grad(lambda v: v[k])(x)", "k", ""),
    ("def pick(v, i):\n    return v[i]\nreturn grad(pick)(x, k)", "k", ""),
    ("return quad(lambda t: t*x[k], 0, 1, n=m)", "k m", "m"),
    ("v, t = jvp(lambda v: v[k], (x,), (y,))\nreturn t", "k", ""),
    # A condition on real inputs would end their derivative.
    ("return sum([a for a in x if a > b])", "", ""),
    ("return sum([x[i] for i in range(n) if i != k and x[k] > 0])", "k n", "k n"),
    ("def f(x, n=3):\n    return x[n]", "n", ""),
    ("return random.normal(seed, (2, n))[0, 0]", "n seed", "n"),
]


@pytest.mark.parametrize(("text", "integer", "static"), USES, ids=[row[0] for row in USES])
def test_whole_numbers_and_what_is_known(text: str, integer: str, static: str) -> None:
    found = uses(text)
    assert " ".join(sorted(found.integer)) == integer
    assert " ".join(sorted(found.static)) == static


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a = y + x\nreturn a*z + y", "y x z"),
        ("x = x + 1\nreturn x", "x"),
        ("a = 1\nreturn a", ""),
        ("if x > 0:\n    a = 1\nreturn a", "x a"),
        ("for i in range(n):\n    a = 1\nreturn a", "n a"),
        ("def f(b, a, c=1):\n    return a", "b a c"),
        ("def f(v):\n    return v*w\nreturn f(x) + x", "w x"),
        ("return sum([v*k for v in x])", "k x"),
    ],
)
def test_inputs_in_the_order_of_their_mention(text: str, places: str) -> None:
    found = uses(text)
    assert " ".join(found.places) == places
    assert all(text[p.span.start : p.span.end] == name for name, p in found.places.items())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = x\nreturn a + b", "x b"),
        ("def f(v):\n    w = v\n    return w + u\nreturn f(1) + w", "u w"),
        ("f = lambda v, w=k: v + w + z\nreturn f(1)", "k z"),
        ("return [i*j for i in x for j in i if j > i] + i", "x i"),
        ("return [i for i in i]", "i"),
        ("def f(v):\n    return g(v)\ndef g(v):\n    return h(v)\nreturn f(1)", "h"),
        ("for i in range(3):\n    a = i\nreturn a + i", "range"),
    ],
)
def test_names_that_the_program_does_not_bind(text: str, names: str) -> None:
    found = free(parse_program(text, Limits()))
    assert " ".join(dict.fromkeys(node.name for node in sorted(found, key=lambda n: n.span.start))) == names


def test_helpers_that_multiply_are_bounded() -> None:
    text = "def f0(x):\n    return x\n"
    for i in range(40):
        text += f"def f{i + 1}(x):\n    return f{i}(x) + f{i}(x)\n"
    with pytest.raises(LimitExceeded, match="too often"):
        uses(text)
