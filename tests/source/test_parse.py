"""Text to tree: precedence, places, everything that is refused, limits, and the way back to text."""

from __future__ import annotations

import re
import time
import warnings
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, LimitExceeded, SyntaxFault
from engine.limits import Limits
from engine.source import tree
from engine.source.parse import parse_expression
from engine.source.show import same, show
from engine.source.text import Span, excerpt, locate
from tests.source.trees import HOLES, X, trees

LIMITS = Limits()


def parse(text: str) -> tree.Expression:
    """The tree, within the limits of a request."""
    return parse_expression(text, LIMITS)


def outcome(text: str) -> tree.Expression | EngineError:
    """The tree, or how the text is refused."""
    try:
        return parse(text)
    except EngineError as error:
        return error


def refusal(text: str) -> EngineError:
    """How the text is refused."""
    with pytest.raises(EngineError) as caught:
        parse(text)
    assert caught.value.text == text
    return caught.value


def written(text: str, node: Any) -> str:
    """The stretch of text that a node stands for."""
    return text[node.span.start : node.span.end]


def brackets(node: tree.Expression) -> str:
    """The tree with all its parentheses."""
    match node:
        case tree.Name() | tree.Number():
            return written_name(node)
        case tree.Unary():
            return f"({node.operator}{brackets(node.operand)})"
        case tree.Binary():
            return f"({brackets(node.left)}{node.operator}{brackets(node.right)})"
        case tree.Compare():
            return f"({'<'.join(brackets(part) for part in node.operands)})"
        case tree.Logic():
            return f"({f' {node.operator} '.join(brackets(part) for part in node.operands)})"
        case tree.Conditional():
            return f"({brackets(node.then)} if {brackets(node.test)} else {brackets(node.other)})"
        case tree.Index():
            return f"{brackets(node.base)}[{','.join(brackets(item) for item in node.items)}]"
        case tree.Call():
            return f"{node.name}({','.join(brackets(part) for part in node.arguments)})"
    raise AssertionError(node)


def written_name(node: tree.Name | tree.Number) -> str:
    """A leaf as text."""
    return node.name if isinstance(node, tree.Name) else repr(node.value)


@pytest.mark.parametrize(
    ("text", "tree_with_brackets"),
    [
        ("-x^2", "(-(x**2))"),
        ("-x**2", "(-(x**2))"),
        ("2^-1", "(2**(-1))"),
        ("2**-1", "(2**(-1))"),
        ("2^3^2", "(2**(3**2))"),
        ("2^3**2", "(2**(3**2))"),
        ("-2^2", "(-(2**2))"),
        ("(-2)^2", "((-2)**2)"),
        ("2^-x^2", "(2**(-(x**2)))"),
        ("a*-b", "(a*(-b))"),
        ("a--b", "(a-(-b))"),
        ("--a", "(-(-a))"),
        ("x^-y^2", "(x**(-(y**2)))"),
        ("a*b^c", "(a*(b**c))"),
        ("a^b*c", "((a**b)*c)"),
        ("a/b/c", "((a/b)/c)"),
        ("a-b-c", "((a-b)-c)"),
        ("a/b*c", "((a/b)*c)"),
        ("a@b*c", "((a@b)*c)"),
        ("a+b*c", "(a+(b*c))"),
        ("a//b%c", "((a//b)%c)"),
        ("-a*b", "((-a)*b)"),
        ("a^b[0]", "(a**b[0])"),
        ("f(x)^2", "(f(x)**2)"),
        ("-f(x)[0]^2", "(-(f(x)[0]**2))"),
        ("not a < b", "(not(a<b))"),
        ("not a and b", "((nota) and b)"),
        ("a or b and c", "(a or (b and c))"),
        ("a < b < c", "(a<b<c)"),
        ("a + b < c * d", "((a+b)<(c*d))"),
        ("a if b else c if d else f", "(a if b else (c if d else f))"),
        ("a or b if c and d else f", "((a or b) if (c and d) else f)"),
        ("-a if b else c", "((-a) if b else c)"),
    ],
)
def test_precedence(text: str, tree_with_brackets: str) -> None:
    assert brackets(parse(text)) == tree_with_brackets


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", "int"),
        ("1_000", "int"),
        ("0xff", "int"),
        ("1.", "float"),
        (".5", "float"),
        ("1e3", "float"),
        ("1E-3", "float"),
        ("1e400", "float"),
        ("True", "bool"),
        ("0x" + "f" * 300, "float"),
        ("1" * 400, "float"),
    ],
)
def test_literals(text: str, kind: str) -> None:
    found = parse(text)
    assert isinstance(found, tree.Number)
    assert type(found.value).__name__ == kind


PLACES = [
    "x^y^z",
    "x^2 + x^3*name^4",
    "a^b^c + sin(x^y) - other(name)^2",
    "x +\n  y^2 *\n\tname^3",
    "x^2 +\r\n  y^2 +\r\n  name",
    "x^2 +\r y^2 +\r name +\r f(other)",
    "\t\tname^\tother",
    "é^2 + name^é + über(name)",
    "変数^変数 + name",
    "𐐀^𐐀 + name*𐐀(other^2)^name",
    "x # ^^^ é\n^ name # tail",
    "einsum('i^é', x) + name^2 + 'é𐐀' * other",
    "(((name)))^(other)",
    "\fname^2",
    "\n\n\nname\n\n",
    "x if y^2 > 0 else name",
    "[x^2, y^2, [name, other^2]][name, y^2:other, None]",
    "a \\\n + name^2 \\\n + other",
]


@pytest.mark.parametrize("text", PLACES)
def test_places_are_those_of_the_text_as_written(text: str) -> None:
    for node in tree.walk(parse(text)):
        assert 0 <= node.span.start < node.span.end <= len(text)
        if isinstance(node, tree.Name):
            assert written(text, node) == node.name
        if isinstance(node, tree.Number):
            assert float(written(text, node)) == node.value
        if isinstance(node, tree.Text):
            assert written(text, node)[1:-1] == node.value
        if isinstance(node, tree.Call):
            assert text[node.name_span.start : node.name_span.end] == node.name
            assert written(text, node).startswith(node.name + "(")
            assert written(text, node).endswith(")")
        if isinstance(node, tree.Index):
            assert written(text, node).endswith("]")
        for part in tree.children(node):
            assert node.span.start <= part.span.start <= part.span.end <= node.span.end


def test_a_binary_node_spans_its_operands() -> None:
    text = "é + x^y * 2"
    (sum_,) = [n for n in tree.walk(parse(text)) if isinstance(n, tree.Binary) and n.operator == "+"]
    (power,) = [n for n in tree.walk(parse(text)) if isinstance(n, tree.Binary) and n.operator == "**"]
    assert written(text, sum_) == text
    assert written(text, power) == "x^y"


@pytest.mark.parametrize("text", ["a, b", "x for x in y", "a,"])
def test_what_gets_its_parentheses_from_us_spans_the_text(text: str) -> None:
    span = outcome(text).span
    assert span == Span(0, len(text))


def test_lines_and_columns_count_from_one() -> None:
    text = "x +\n  foo.T"
    error = refusal(text)
    assert error.place is not None
    assert (error.place.line, error.place.column) == (2, 3)
    assert (error.place.end_line, error.place.end_column) == (2, 8)
    assert error.excerpt == "  foo.T\n  ^^^^^"


def test_excerpt_of_a_long_line_is_cut_around_the_place() -> None:
    text = "1 + " * 200 + "name.T" + " + 1" * 200
    error = refusal(text)
    assert error.excerpt is not None
    line, carets = error.excerpt.split("\n")
    assert line.startswith("…")
    assert line.endswith("…")
    assert len(line) <= 162
    assert line[carets.index("^") : carets.rindex("^") + 1] == "name.T"


@given(st.text(alphabet="ab é\t\n𐐀", max_size=40), st.integers(0, 50), st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_excerpts_and_places_exist_for_every_span(text: str, start: int, length: int) -> None:
    span = Span(min(start, len(text)), min(start + length, len(text)))
    place = locate(text, span)
    assert 1 <= place.line <= place.end_line <= text.count("\n") + 1
    line, carets = excerpt(text, span).split("\n")
    assert re.fullmatch(" *\\^+", carets)
    assert len(carets) <= len(line) + 1


REFUSALS = [
    # text, the stretch that is pointed at, a piece of the sentence, a piece of the hint
    ("2 + x.T", "x.T", "'.T'", "transpose(x)"),
    ("1 + A.b.sum()", "A.b.sum", "'.sum'", "sum(A.b)"),
    ("np.sin(x)", "np.sin", "'.sin'", "functions stand alone: sin"),
    ("1 + (x + y).sum()", "(x + y).sum", "'.sum'", "sum("),
    ("2 * (lambda x: x)", "lambda x: x", "lambda", "lambda_"),
    ("sum([a for a in x])", "[a for a in x]", "comprehension", "array operations"),
    ("sum(a for a in x)", "(a for a in x)", "comprehension", "array operations"),
    ("{a for a in x}", "{a for a in x}", "comprehension", "array operations"),
    ("{a: a for a in x}", "{a: a for a in x}", "comprehension", "array operations"),
    ("f({1: 2})", "{1: 2}", "dictionary", "list"),
    ("f({1, 2})", "{1, 2}", "set", "list"),
    ("f(f'{x}')", "f'{x}'", "formatted string", ""),
    ("f(x, b'ab')", "b'ab'", "bytes", ""),
    ("1 + (x := 2)", "x := 2", "assignment", "input"),
    ("f(x, *y)", "*y", "starred", "write the arguments out"),
    ("x[*y]", "*y", "starred", "write the arguments out"),
    ("f(x, **y)", "f(x, **y)", "'**' arguments", ""),
    ("1 + (await x)", "await x", "'await'", ""),
    ("(yield x)", "yield x", "'yield'", ""),
    ("(yield from x)", "yield from x", "'yield'", ""),
    ("1 + (x in y)", "x in y", "'in'", "=="),
    ("x not in y", "x not in y", "'not in'", "!="),
    ("x is y", "x is y", "'is'", "=="),
    ("x is not y", "x is not y", "'is not'", "!="),
    ("1 + (x & y)", "x & y", "'&'", "and"),
    ("1 + (x | y)", "x | y", "'|'", "or"),
    ("1 + ~x", "~x", "'~'", "not"),
    ("1 + (x << 2)", "x << 2", "'<<'", "power of 2"),
    ("1 + (x >> 2)", "x >> 2", "'>>'", "power of 2"),
    ("1 + 2j", "2j", "complex", "real numbers"),
    ("2 * lambda", "lambda", "reserved word", "lambda_"),
    ("x + class", "class", "reserved word", "class_"),
    ("import os", "import", "reserved word", ""),
    ("return x", "return", "reserved word", ""),
    ("def f(x): x", "def", "reserved word", ""),
    ("x is", "is", "reserved word", "is_"),
    ("x = 2", "=", "no '='", "=="),
    ("x + y =", "=", "no '='", "=="),
    ("1 + (x = 2)", "=", "no '='", "=="),
    ("f(a=1) = 2", "=", "no '='", "=="),
    ("f(a=1, b.c=2)", "=", "no '='", "=="),
    ("x => y", "=", "no '='", "=="),
    ("x; y", ";", "';'", "one expression"),
    ("x ? 1 : 2", "?", "'?'", "else"),
    ("x && y", "&&", "'&&'", "and"),
    ("x || y", "||", "'||'", "or"),
    ("|x| + 1", "|", "'|'", "abs(x)"),
    ("x + !y", "!", "'!'", "not x"),
    ("n! + 1", "!", "'!'", "gamma(n + 1)"),
    ("1 + 2x", "2x", "number is followed", "2*x"),
    ("1 + 2.5e3y", "2.5e3y", "number is followed", "2.5e3*y"),
    ("2 x", "2 x", "number is followed", "2*x"),
    ("2 if x else 3y", "3y", "number is followed", "3*y"),
    ("sum(x, axis=0) + 2x", "2x", "number is followed", "2*x"),
    ("2(x + 1)", "2", "Only functions", "2*(x + 1)"),
    ("x[0](y)", "x[0]", "Only functions", "product"),
    ("f(x)(y)", "f(x)", "Only functions", "product"),
    ("1 + x y", "1 + x y", "next to each other", "a * b"),
    ("x .* y", ".*", "Dotted operators", "elementwise"),
    ("x .^ y", ".^", "Dotted operators", "elementwise"),
    ("x $ y", "$", "character", ""),
    ("x ` y", "`", "character", ""),
    ("x −1", "−", "'−'", "write -"),
    ("2×x", "×", "'×'", "write *"),
    ("2÷x", "÷", "'÷'", "write /"),
    ("2 · x", "·", "'·'", "write *"),
    ("x ≤ y", "≤", "'≤'", "<="),
    ("x ≥ y", "≥", "'≥'", ">="),
    ("x ≠ y", "≠", "'≠'", "!="),
    ("1 + √x", "√", "'√'", "sqrt"),
    ("x²", "²", "'²'", "^2"),
    ("x³ + 1", "³", "'³'", "^3"),
    ("f(“a”)", "“", "'“'", '"'),
    ("¬x", "¬", "'¬'", "not"),
    ("x ∧ y", "∧", "'∧'", "and"),
    ("2 * (x + 1", "(", "never closed", "')'"),
    ("[1, 2", "[", "never closed", "']'"),
    ("f(x[1)", ")", "closes nothing", ""),
    ("x + 1)", ")", "closes nothing", ""),
    ("(x]", "]", "closes nothing", ""),
    ("x) + (y", ")", "closes nothing", ""),
    ("x # \r) + (y", ")", "closes nothing", ""),
    ("x + 'abc", "'", "Unterminated string", ""),
    ("x + '(", "'", "Unterminated string", ""),
    ("x + '''abc", "'", "Unterminated triple-quoted", ""),
    ("x[]", "x[]", "", ""),
    ("x[1:2:3:4]", ":", "cannot stand here", ""),
    ("0b12", "2", "binary", ""),
    ("0777", "0", "octal", ""),
    ("x\0y", "\0", "null character", ""),
    ("x + '\ud800'", "\ud800", "surrogate", ""),
    ("f(x=1, x=2)", "x=2", "twice", ""),
    ("f(x=1, 2)", ")", "Positional argument follows", ""),
    ("x +  # is it = 1?", None, "ends too early", ""),
    ("sum(x, axis=0) +", None, "ends too early", ""),
    ("'is' * lambda_ + ", None, "ends too early", ""),
    ("x if y", "x if y", "'else'", ""),
    ("print x", "print x", "print(...)?", ""),
    ("", None, "empty", "x^2"),
    (" \t\n ", None, "empty", "x^2"),
    ("# nothing", None, "empty", "x^2"),
    ("\\", None, "empty", "x^2"),
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


@pytest.mark.parametrize(
    "text",
    ["x # (", "'('", "x + '('", "'''('''", '"""a"(b"""', "x # ]\n + y # (", "f('#', x)", "'[' + (\"]\")"],
)
def test_brackets_in_comments_and_strings_are_not_brackets(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(("text", "value"), [("'^'", "^"), ("'''^'''", "^"), ("'a' 'b^'", "ab^")])
def test_a_caret_in_a_string_stays_one(text: str, value: str) -> None:
    found = parse(text + " * x^2")
    assert isinstance(found, tree.Binary)
    assert isinstance(found.left, tree.Text)
    assert found.left.value == value


NEST = LIMITS.nesting

TOO_MUCH = {
    "text": "x" * (LIMITS.source_chars + 1),
    "name of a megabyte": "a" * 10**6,
    "name": "a" * (LIMITS.name_chars + 1),
    "function": "a" * (LIMITS.name_chars + 1) + "(x)",
    "parentheses": "(" * (NEST + 1) + "x" + ")" * (NEST + 1),
    "brackets": "[" * (NEST + 1) + "x" + "]" * (NEST + 1),
    "open brackets": "([{" * 20_000,
    "signs": "-" * (NEST + 1) + "x",
    "many signs": "-" * 60_000 + "x",
    "not": "not " * 16_000 + "x",
    "calls": "f(" * (NEST + 1) + "x" + ")" * (NEST + 1),
    "calls of calls": "f" + "(x)" * 20_000,
    "indices": "x" + "[0]" * (NEST + 1),
    "many indices": "x" + "[0]" * 20_000,
    "attributes": "x" + ".a" * 30_000,
    "powers": "2" + "^2" * (NEST + 1),
    "many powers": "2" + "^2" * 30_000,
    "conditionals": "1 if x else " * (NEST + 1) + "1",
    "many conditionals": "1 if x else " * 5_000 + "1",
    "lambdas": "lambda:" * 9_000 + "1",
    "chain": "x" + "+x" * 32_000,
    "chain of 100,000": "x" + "+x" * 100_000,
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_limits_are_refused_cleanly(name: str) -> None:
    error = refusal(TOO_MUCH[name])
    assert isinstance(error, LimitExceeded)
    assert len(error.detail) < 200


AT_THE_LIMIT = {
    "parentheses": "(" * NEST + "x" + ")" * NEST,
    "signs": "-" * NEST + "x",
    "calls": "f(" * NEST + "x" + ")" * NEST,
    "powers": "2" + "^2" * NEST,
    "name": "a" * LIMITS.name_chars,
    "list": "[" + "x," * 10_000 + "]",
    "chain of 2,000": "x" + " + x" * 2_000,
    "comparisons": "x" + "<x" * 10_000,
    "conditions": "x" + " and x" * 10_000,
    "spaces": " " * 60_000 + "x",
    "lines": "\n" * 60_000 + "x",
    "string": "'" + "a" * 200 + "'",
    "comment": "x #" + "(" * 60_000,
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_what_is_just_within_the_limits_is_read(name: str) -> None:
    parse(AT_THE_LIMIT[name])


def test_a_long_chain_leans_to_the_left() -> None:
    node, terms = parse("x" + " - x" * 2_000), 1
    while isinstance(node, tree.Binary):
        assert isinstance(node.right, tree.Name)
        node, terms = node.left, terms + 1
    assert terms == 2_001


def test_a_limit_says_which_and_how_much() -> None:
    error = refusal("a" * 101)
    assert error.limit is not None
    assert (error.limit.name, error.limit.value, error.limit.given) == ("name_chars", 100, 101)


@pytest.mark.parametrize("text", ["x + " + "1" * 5_000, "x + " + "1" * 60_000])
def test_a_number_of_too_many_digits_is_pointed_at(text: str) -> None:
    error = refusal(text)
    assert error.span == Span(4, len(text))
    assert "sys." not in error.detail


TREACHEROUS = {
    "digits": "1" * 65_000,
    "digits and a name": "1" * 60_000 + "x",
    "digits and dots": "1." * 30_000,
    "digits and spaces": "1" * 30_000 + " " * 30_000 + ".",
    "exponents": "1e" * 30_000,
    "underscores": "0_" * 30_000,
    "quotes": "'" * 60_000,
    "escapes": "'\\" * 30_000,
    "triple quotes": '"""a' * 15_000,
    "two values": "a " * 30_000,
    "two values in two bytes": "é " * 30_000,
    "assignments": "(a=b)" * 12_000,
    "calls in calls": "f(a=" * NEST + "1 2" + ")" * NEST,
    "lambdas in parentheses": "(lambda:" * NEST + "1 2" + ")" * NEST,
    "generators": "(x for x in " * NEST + "1 2" + ")" * NEST,
    "dictionaries": "{1:" * NEST + "1 2" + "}" * NEST,
    "unpacked dictionaries": "{**" * NEST + "1 2" + "}" * NEST,
    "walruses": "(a:=" * NEST + "1 2" + ")" * NEST,
    "conditionals": "(1 if 1 else " * NEST + "1 2" + ")" * NEST,
    "slices": "x[1:" * NEST + "1 2" + "]" * NEST,
    "powers in a list": "[" + "x^2," * 8_000 + "]",
    "lines of two bytes": "[" + "é,\n" * 20_000 + "]",
}


def seconds_of(text: str) -> float:
    """The processor time that reading takes, however it ends."""
    start = time.thread_time()
    found = outcome(text)
    assert not isinstance(found, EngineError) or len(str(found)) < 2_000
    return time.thread_time() - start


@pytest.mark.parametrize("name", TREACHEROUS)
def test_no_text_takes_long(name: str) -> None:
    assert seconds_of(TREACHEROUS[name]) < 2.0


def test_no_line_of_several_bytes_takes_long() -> None:
    assert seconds_of("[" + "é," * 15_000 + "]") < 2.0


@pytest.mark.parametrize("text", ["f('\\d', x)", "1if x else 2", "0x1for x"])
def test_nothing_is_written_to_the_log_of_the_server(text: str) -> None:
    with warnings.catch_warnings(record=True) as written:
        warnings.simplefilter("always")
        outcome(text)
    assert written == []


@pytest.mark.parametrize("text", ["x." + "a" * 60_000, "2 * x." + "a" * 60_000 + "(x)"])
def test_a_refusal_is_short(text: str) -> None:
    assert len(refusal(text).detail) < 1_000


WORDS = [
    "x",
    "y",
    "é",
    "𐐀",
    "sum",
    "sin",
    "lambda",
    "in",
    "is",
    "not",
    "and",
    "or",
    "if",
    "else",
    "for",
    "True",
    "None",
    "1",
    "2.",
    ".5",
    "1e9",
    "0x1f",
    "1_0",
    "2j",
]
SIGNS = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "...",
    ":",
    ":=",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "<>",
    "+",
    "-",
    "*",
    "**",
    "^",
    "/",
    "//",
    "%",
    "@",
    "&",
    "|",
    "~",
    "<<",
    ">>",
    "!",
    "?",
    ";",
    "$",
    "`",
    "×",
    "²",
    "−",
]
OTHERS = ("'", '"', "'''", "#", "\n", "\r", "\t", "\f", "\\", "\0", "\ud800", "\ufeff")
TOKENS = st.sampled_from((*WORDS, *SIGNS, *OTHERS))


def read_or_refuse(text: str) -> None:
    """What any text must do."""
    found = outcome(text)
    if not isinstance(found, EngineError):
        assert found.span.start < found.span.end
        return
    assert found.text == text
    assert found.detail
    assert str(found)
    if found.span is not None:
        assert 0 <= found.span.start <= found.span.end <= len(text) + 1


@given(st.lists(TOKENS, max_size=30))
@settings(max_examples=300, deadline=2_000)
@example(["x", "'", "^", "(", "'"])
@example(["(", "=", ")"])
def test_soup_of_tokens_is_read_or_refused(tokens: list[str]) -> None:
    read_or_refuse("".join(tokens))
    read_or_refuse(" ".join(tokens))


@given(st.text(st.characters(), max_size=60))
@settings(max_examples=300, deadline=2_000)
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


def test_every_construct_inside_every_other_is_shown_with_the_parentheses_it_needs() -> None:
    for outer in HOLES:
        for inner in HOLES:
            root = outer(inner(X))
            assert same(parse(show(root)), root), show(root)


@given(trees)
@settings(max_examples=200, deadline=None)
def test_a_tree_shown_and_parsed_is_the_same_tree(root: tree.Expression) -> None:
    text = show(root)
    again = parse(text)
    assert same(again, root), text
    assert show(again) == text


@given(trees, trees)
@settings(max_examples=100, deadline=None)
def test_different_trees_are_told_apart(a: tree.Expression, b: tree.Expression) -> None:
    assert same(a, b) == (show(a) == show(b))
