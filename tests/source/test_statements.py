"""Programs to trees: places, everything that is refused, and the way back to text."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import HealthCheck, given, settings

from engine.errors import EngineError, LimitExceeded, SyntaxFault
from engine.limits import Limits
from engine.source import statement, tree
from engine.source.show import same
from engine.source.show_program import show_program
from engine.source.statements import parse_program
from tests.source.programs import programs

LIMITS = Limits()


def parse(text: str) -> statement.Program:
    """The tree, within the limits of a request."""
    return parse_program(text, LIMITS)


def refusal(text: str) -> EngineError:
    """How the text is refused."""
    with pytest.raises(EngineError) as caught:
        parse(text)
    assert caught.value.text == text
    return caught.value


@given(programs)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_text_of_a_tree_is_read_as_that_tree(program: statement.Program) -> None:
    text = show_program(program)
    assert same(parse(text).body, program.body), text


EXAMPLE = '''
"""A docstring with a ^ in it."""
def helper(v: float, é=2) -> float:
    \'\'\'Another one.\'\'\'
    s = 0; t = v^é
    for i in range(3):  # a ^ in a comment
        s += t^i
        if s > 10:
            break
        elif s < -10:
            continue
        else: pass
    return s

a = b = [helper(x^j, é=3) for j in range(2) if j > 0]
a[0], b[1:] = 1, (
    2^x
)
while not a[0] > 1:
    a[0] **= 2
assert x > 0, "x ^ 2"
assert_close(a, b, rtol=1e-3)
g = lambda z, w=1: z^w
return {"loss": g(a)[0], "norm": grad(g)(b[0])}
'''


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE,
        textwrap.indent(EXAMPLE, "    "),
        textwrap.indent(EXAMPLE, "\t"),
        EXAMPLE.replace("\n", "\r\n"),
        EXAMPLE.replace("\n", "\r"),
        "# é ^\n" + EXAMPLE,
        "# é ^\n\n" + textwrap.indent(EXAMPLE, "  "),
    ],
    ids=["plain", "indented", "tabs", "crlf", "cr", "comment", "comment before indented"],
)
def test_places_are_those_of_the_text_as_written(text: str) -> None:
    program = parse(text)
    assert same(program.body, parse(EXAMPLE).body)
    for part in statement.statements(program.body, nested=True):
        assert 0 <= part.span.start < part.span.end <= len(text)
        if isinstance(part, statement.Define):
            assert text[part.name_span.start : part.name_span.end] == part.name
            assert text[part.span.start : part.span.end].startswith("def ")
            for parameter in part.parameters:
                assert text[parameter.span.start : parameter.span.end] == parameter.name
        for expression in statement.expressions(part):
            for node in tree.walk(expression):
                if isinstance(node, tree.Name):
                    assert text[node.span.start : node.span.end] == node.name
                if isinstance(node, tree.Call):
                    assert text[node.name_span.start : node.name_span.end] == node.name


def test_the_last_function_is_the_main_one_where_there_is_no_return() -> None:
    program = parse("def f(x):\n    return x\n\ndef g(x, y=2):\n    return f(x) + y\n")
    assert program.main is not None
    assert program.main.name == "g"
    assert [p.name for p in program.main.parameters] == ["x", "y"]
    assert parse("def f(x): return x\nreturn f(y)").main is None


def test_the_place_of_a_compound_statement_is_its_first_line() -> None:
    text = "for i in range(n):  # steps\n    s = i\nreturn s"
    (loop, _) = parse(text).body
    assert text[loop.span.start : loop.span.end].startswith("for i in range(n):")
    assert "\n" not in text[loop.span.start : loop.span.end]


REFUSALS = [
    # text, the stretch that is pointed at, a piece of the sentence, a piece of the hint
    ("import math\nreturn math.sin(x)", "import", "'import'", "sin(x)"),
    ("from math import sin\nreturn sin(x)", "from", "'import'", "sin(x)"),
    ("global a\nreturn a", "global", "'global'", "argument"),
    ("def f(x):\n    nonlocal a\n    return a\nreturn f(x)", "nonlocal", "'nonlocal'", "argument"),
    ("class A:\n    pass\nreturn 1", "class", "'class'", "functions"),
    ("with a:\n    pass\nreturn 1", "with", "'with'", "without"),
    ("try:\n    a = 1\nexcept:\n    pass\nreturn a", "try", "'try'", "where"),
    ("raise x\nreturn 1", "raise", "'raise'", "assert"),
    ("del x\nreturn 1", "del", "'del'", "unused"),
    ("match x:\n    case 1: pass\nreturn 1", "match", "'match'", "elif"),
    ("async def f(x):\n    return x\nreturn f(x)", "async", "'async'", "def"),
    ("a = (b := 2)\nreturn a", "b := 2", "':='", "line of its own"),
    ("a = yield x\nreturn a", "yield x", "'yield'", ""),
    ("return f(*x)", "*x", "starred", "arguments"),
    ("def f(*x):\n    return x\nreturn f(1)", "x", "starred", "tuple"),
    ("def f(**x):\n    return x\nreturn f(1)", "x", "starred", "tuple"),
    ("a, *b = x\nreturn a", "*b", "starred", ""),
    ("x.y = 2\nreturn x", "x.y", "'.y'", ""),
    ("f(x) = 2\nreturn x", "f(x)", "Cannot assign", ""),
    ("f(x)[0] = 2\nreturn x", "f(x)[0]", "cannot be assigned", "x[i]"),
    ("x + 1\nreturn x", "x + 1", "not used", "return it"),
    ("print(x)\nreturn x", "print(x)", "not used", "return a, b"),
    ("x == 1\nreturn x", "x == 1", "not used", "`=`"),
    ("for i in range(3):\n    a = 1\nelse:\n    a = 2\nreturn a", "a = 2", "'else' of a for", "flag"),
    ("while x > 3:\n    a = 1\nelse:\n    a = 2\nreturn a", "a = 2", "'else' of a while", "flag"),
    ("break\nreturn 1", "break", "inside a loop", ""),
    ("if x:\n    continue\nreturn 1", "continue", "inside a loop", ""),
    ("for i in x:\n    def f(y):\n        break\n    a = 1\nreturn a", "break", "inside a loop", ""),
    ("return", "return", "needs a value", "return x^2"),
    ("return None", "return None", "needs a value", "return x^2"),
    ("return {}", "return {}", "needs a value", "loss"),
    ("return {a: 1}", "a", "words in quotes", "loss"),
    ('return {"a b": 1}', '"a b"', "words in quotes", "loss"),
    ('return {"a": 1, "a": 2}', '{"a": 1, "a": 2}', "twice", ""),
    ('def f(x):\n    return {"a": x}\nreturn f(x)', 'return {"a": x}', "Only the program", "return a, b"),
    ("x = 2", "x = 2", "needs a return", "end it with return"),
    ("for i in range(3):\n    x = 2", None, "needs a return", "end it with return"),
    ("return x\ny = 2", "y = 2", "never reached", ""),
    ("for i in x:\n    break\n    y = 2\nreturn y", "y = 2", "never reached", ""),
    ("def f(x, x):\n    return x", "x", "twice", ""),
    ("a: float\nreturn 1", "a: float", "without a value", "leave it out"),
    ("@f\ndef g(x):\n    return x", "f", "decorator", "grad(f)"),
    ("assert x > 0, x\nreturn x", "x", "text in quotes", "positive"),
    ("a = {1: 2}\nreturn a", "{1: 2}", "dictionary", "return {"),
    ("a <<= 2\nreturn a", "a <<= 2", "'<<'", "power of 2"),
    ("if x = 1:\n    y = 2\nreturn y", "x = 1", "no '='", "=="),
    ("if x == 1\n    y = 2\nreturn y", None, "':' is missing", "colon"),
    ("if x:\ny = 2\nreturn y", "y", "has to be indented", "4 spaces"),
    ("x = 1\n  y = 2\nreturn y", None, "indent", "alike"),
    ("  x = 1\n y = 2\nreturn y", None, "indent", "alike"),
    ("  x = 1\nreturn x", "return", "first line is indented", ""),
    ("lambda = 3\nreturn lambda", "lambda", "reserved word", "lambda_"),
    ("y = lambda * 2\nreturn y", "lambda", "reserved word", "lambda_"),
    ("y = 2x\nreturn y", "2x", "number is followed", "2*x"),
    ("y = a && b\nreturn y", "&&", "'&&'", "and"),
    ("i++\nreturn i", None, "", ""),
    ("y = (1 + 2\nreturn y", "(", "never closed", "')'"),
    ("", None, "program is empty", "return x^2 + 1"),
    ("# nothing\n", None, "program is empty", "return x^2 + 1"),
    ("  # nothing\n", None, "program is empty", "return x^2 + 1"),
]


@pytest.mark.parametrize(("text", "place", "detail", "hint"), REFUSALS, ids=[repr(row[0]) for row in REFUSALS])
def test_refused_by_name_with_place_and_hint(text: str, place: str | None, detail: str, hint: str) -> None:
    error = refusal(text)
    assert isinstance(error, SyntaxFault)
    assert detail.lower() in error.detail.lower()
    assert hint in (error.hint or "")
    assert error.detail[0].upper() == error.detail[0]
    assert error.detail[-1] in ".?"
    if place is not None:
        assert error.span is not None
        assert text[error.span.start : error.span.end] == place


TOO_MUCH = {
    "blocks": "".join(" " * i + "if x:\n" for i in range(200)) + " " * 200 + "y = 1\nreturn y",
    "elifs": "if x:\n  y = 1\n" + "elif x:\n  y = 1\n" * 200 + "return y",
    "lambdas": "f = " + "lambda: " * 5_000 + "1\nreturn f",
    "calls of calls": "return f" + "(x)" * 200,
    "targets": "a, " * 2 + "(" * 101 + "b" + ",)" * 101 + " = x\nreturn a",
    "comprehensions": "return " + "[" * 101 + "x" + " for i in x]" * 101,
    "text": "x" * (LIMITS.source_chars + 1),
    "name": f"def {'f' * 101}(x): return x",
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_limits_are_refused_cleanly(name: str) -> None:
    error = refusal(TOO_MUCH[name])
    assert isinstance(error, LimitExceeded)
    assert len(error.detail) < 200
