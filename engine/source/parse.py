"""Python's tree to the source tree; what is not in the language is refused by name, with its place and a hint."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable
from typing import Any

from engine.errors import EngineError, Limit, LimitExceeded, SyntaxFault
from engine.limits import Limits
from engine.primitives.function import FUNCTIONS
from engine.source import tree
from engine.source.scan import Scanned
from engine.source.text import Span

MOST_QUOTED = 200
BINARY: dict[type[ast.operator], tree.BinaryOperator] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
}
_COMPARE: dict[type[ast.cmpop], tree.Comparison] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_REFUSED_OPERATORS: dict[type[Any], tuple[str, str]] = {
    ast.BitAnd: ("'&'", "write `and` between conditions"),
    ast.BitOr: ("'|'", "write `or` between conditions"),
    ast.LShift: ("'<<'", "multiply by a power of 2"),
    ast.RShift: ("'>>'", "divide by a power of 2"),
    ast.Invert: ("'~'", "write `not`"),
    ast.In: ("'in'", "compare with `==`"),
    ast.NotIn: ("'not in'", "compare with `!=`"),
    ast.Is: ("'is'", "compare with `==`"),
    ast.IsNot: ("'is not'", "compare with `!=`"),
}
REFUSED: dict[type[ast.expr], tuple[str, str | None]] = {
    ast.Lambda: ("A lambda", "an input of that name is written lambda_"),
    ast.Dict: ("A dictionary", "use a list, as in [1, 2, 3]"),
    ast.Set: ("A set", "use a list, as in [1, 2, 3]"),
    ast.ListComp: ("A comprehension", "use array operations, as in sum(x * y)"),
    ast.SetComp: ("A comprehension", "use array operations, as in sum(x * y)"),
    ast.DictComp: ("A comprehension", "use array operations, as in sum(x * y)"),
    ast.GeneratorExp: ("A comprehension", "use array operations, as in sum(x * y)"),
    ast.Await: ("'await'", None),
    ast.Yield: ("'yield'", None),
    ast.YieldFrom: ("'yield'", None),
    ast.JoinedStr: ("A formatted string", None),
    ast.NamedExpr: ("An assignment", "give the value as an input"),
    ast.Starred: ("A starred expression", "write the arguments out"),
}
METHODS: dict[type[ast.expr], str] = {
    ast.Constant: "constant",
    ast.Name: "name",
    ast.UnaryOp: "unary",
    ast.BinOp: "binary",
    ast.Compare: "compare",
    ast.BoolOp: "logic",
    ast.IfExp: "conditional",
    ast.List: "sequence",
    ast.Tuple: "sequence",
    ast.Slice: "slice",
    ast.Subscript: "subscript",
    ast.Attribute: "attribute",
    ast.Call: "call",
}
_ATTRIBUTES = {
    "T": "transpose({x})",
    "shape": "shape({x})",
    "sum": "sum({x})",
    "mean": "mean({x})",
    "dot": "dot({x}, …)",
    "reshape": "reshape({x}, …)",
    "max": "max({x})",
    "min": "min({x})",
    "append": "fill an array: x = zeros(n), then x[i] = … in a loop",
    "copy": "{x}: arrays are values, and assigning copies",
}
_MODULES = {"np", "numpy", "math", "jnp", "jax", "torch", "tf", "tensorflow", "scipy", "special", "Math", "cmath"}


def parse_expression(text: str, limits: Limits) -> tree.Expression:
    """The tree of one expression.  Raises `SyntaxFault`, `Unsupported` or `LimitExceeded`, with the place."""
    try:
        scanned = Scanned(text, limits)
        return Converter(scanned, limits).convert(scanned.parse(), 0)
    except EngineError as error:
        error.text = text
        raise


class Converter:
    """One text being converted: expressions as they stand alone; `statements` adds what programs have."""

    refused = REFUSED
    language = "the language of expressions"

    def __init__(self, scanned: Scanned, limits: Limits) -> None:
        self._scanned = scanned
        self._span = scanned.span
        self._limits = limits
        self._text = scanned.text

    def convert(self, node: ast.expr, depth: int) -> tree.Expression:
        """The tree of a node `depth` levels below its statement."""
        if depth > self._limits.nesting:
            raise self._too_deep(self._span(node))
        method = self.method(node)
        if method is None:
            what, hint = self.refused.get(type(node), ("This", None))
            raise SyntaxFault(f"{what} is not part of {self.language}.", span=self._span(node), hint=hint)
        return method(node, depth + 1)

    def method(self, node: ast.expr) -> Callable[..., tree.Expression] | None:
        """What converts a kind of node; None for a kind that is not in the language."""
        name = METHODS.get(type(node))
        return None if name is None else getattr(self, name)

    def _too_deep(self, span: Span) -> LimitExceeded:
        return LimitExceeded(
            f"The {'program' if self._scanned.program else 'expression'} is nested "
            f"more than {self._limits.nesting} deep.",
            span=span,
            limit=Limit("nesting", self._limits.nesting),
        )

    def constant(self, node: ast.Constant, depth: int) -> tree.Expression:
        span, value = self._span(node), node.value
        if isinstance(value, str):
            if len(value) > MOST_QUOTED:
                raise SyntaxFault(f"A text in quotes has at most {MOST_QUOTED} characters here.", span=span)
            return tree.Text(value, span)
        if value is None:
            return tree.Nothing(span)
        if value is Ellipsis:
            return tree.Dots(span)
        if isinstance(value, bool | int | float):
            return tree.Number(_representable(value), span)
        if isinstance(value, bytes):
            raise SyntaxFault("A string of bytes is not part of the language.", span=span)
        raise SyntaxFault(
            "A complex number is not part of the language.", span=span, hint="Adjoint computes with real numbers"
        )

    def name(self, node: ast.Name, depth: int) -> tree.Expression:
        span = self._span(node)
        self._check_name(node.id, span)
        return tree.Name(node.id, span)

    def _check_name(self, name: str, span: Span) -> None:
        if len(name) > self._limits.name_chars:
            raise LimitExceeded(
                f"A name of {len(name)} characters; {self._limits.name_chars} are allowed.",
                span=span,
                limit=Limit("name_chars", self._limits.name_chars, len(name)),
            )

    def unary(self, node: ast.UnaryOp, depth: int) -> tree.Expression:
        if isinstance(node.op, ast.Invert):
            raise self._operator(node.op, self._span(node))
        operator: tree.UnaryOperator = (
            "not" if isinstance(node.op, ast.Not) else "-" if isinstance(node.op, ast.USub) else "+"
        )
        return tree.Unary(operator, self.convert(node.operand, depth), self._span(node))

    def binary(self, node: ast.BinOp, depth: int) -> tree.Expression:
        # A long sum leans to the left: its spine is walked, not descended into, so that it does not count as nesting.
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):
            spine.append(spine[-1].left)
        left = self.convert(spine[-1].left, depth)
        for part in reversed(spine):
            operator = BINARY.get(type(part.op))
            if operator is None:
                raise self._operator(part.op, self._span(part))
            left = tree.Binary(operator, left, self.convert(part.right, depth), self._span(part))
        return left

    def _operator(self, operator: ast.AST, span: Span) -> SyntaxFault:
        what, hint = _REFUSED_OPERATORS.get(type(operator), ("This operator", None))
        return SyntaxFault(f"{what} is not part of the language.", span=span, hint=hint)

    def compare(self, node: ast.Compare, depth: int) -> tree.Expression:
        span = self._span(node)
        operators = []
        for operator in node.ops:
            found = _COMPARE.get(type(operator))
            if found is None:
                raise self._operator(operator, span)
            operators.append(found)
        operands = tuple(self.convert(part, depth) for part in (node.left, *node.comparators))
        return tree.Compare(tuple(operators), operands, span)

    def logic(self, node: ast.BoolOp, depth: int) -> tree.Expression:
        operands = tuple(self.convert(part, depth) for part in node.values)
        return tree.Logic("and" if isinstance(node.op, ast.And) else "or", operands, self._span(node))

    def conditional(self, node: ast.IfExp, depth: int) -> tree.Expression:
        return tree.Conditional(
            self.convert(node.test, depth),
            self.convert(node.body, depth),
            self.convert(node.orelse, depth),
            self._span(node),
        )

    def sequence(self, node: ast.List | ast.Tuple, depth: int) -> tree.Expression:
        items = tuple(self.convert(part, depth) for part in node.elts)
        return tree.Sequence(items, isinstance(node, ast.Tuple), self._span(node))

    def slice(self, node: ast.Slice, depth: int) -> tree.Expression:
        lower, upper, step = (
            None if part is None else self.convert(part, depth) for part in (node.lower, node.upper, node.step)
        )
        return tree.Slice(lower, upper, step, self._span(node))

    def subscript(self, node: ast.Subscript, depth: int) -> tree.Expression:
        inner = node.slice
        items = inner.elts if isinstance(inner, ast.Tuple) and inner.elts else [inner]
        return tree.Index(
            self.convert(node.value, depth), tuple(self.convert(item, depth) for item in items), self._span(node)
        )

    def attribute(self, node: ast.Attribute, depth: int) -> tree.Expression:
        self._check_name(node.attr, self._span(node))
        base = self._span(node.value)
        written = self._text[base.start : base.end]
        if isinstance(node.value, ast.Name) and node.value.id in _MODULES:
            hint: str | None = f"functions stand alone: {node.attr}"
        else:
            hint = _ATTRIBUTES.get(node.attr, "functions stand alone: f(x)").format(x=written)
        raise SyntaxFault(f"'.{node.attr}' is not part of the language.", span=self._span(node), hint=hint)

    def call(self, node: ast.Call, depth: int) -> tree.Expression:
        span, name_span = self._span(node), self._span(node.func)
        name = _function_name(node.func)
        if name is None:
            return self.invoke(node, depth)
        self._check_name(name, name_span)
        arguments, keywords = self.arguments(node, depth)
        return tree.Call(name, arguments, keywords, span, name_span)

    def invoke(self, node: ast.Call, depth: int) -> tree.Expression:
        """A call of something other than a name."""
        if isinstance(node.func, ast.Attribute):
            self.attribute(node.func, depth)
        raise SyntaxFault(
            "Only functions can be called, by their name.",
            span=self._span(node.func),
            hint="write * for a product, as in 2*(x + 1)",
        )

    def arguments(
        self, node: ast.Call, depth: int
    ) -> tuple[tuple[tree.Expression, ...], tuple[tuple[str, tree.Expression], ...]]:
        """The arguments of a call, by position and by keyword."""
        span = self._span(node)
        keywords: list[tuple[str, tree.Expression]] = []
        for keyword in node.keywords:
            if keyword.arg is None:
                raise SyntaxFault("'**' arguments are not part of the language.", span=span)
            self._check_name(keyword.arg, self._span(keyword))
            if any(keyword.arg == name for name, _ in keywords):
                raise SyntaxFault(f"The argument {keyword.arg!r} is given twice.", span=self._span(keyword))
            keywords.append((keyword.arg, self.convert(keyword.value, depth)))
        return tuple(self.convert(part, depth) for part in node.args), tuple(keywords)


def _function_name(node: ast.expr) -> str | None:
    """The name that is called; a dotted one, such as `random.normal`, where there is a function of that name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        dotted = f"{node.value.id}.{node.attr}"
        return dotted if dotted in FUNCTIONS else None
    return None


def _representable(value: int | float | bool) -> int | float | bool:
    """The value, or infinity for an integer beyond the range of float64."""
    try:
        float(value)
    except OverflowError:
        return float("inf")
    return value


def normal_name(name: str) -> str:
    """A name as Python's parser gives it: NFKC-normalised, so that inputs are found however they are typed."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)
