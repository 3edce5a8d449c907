"""The source tree of expressions: what they consist of, each part with its place in the text.

Statements, and the program that they make up, are in `statement`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.source.text import Span

UnaryOperator = Literal["-", "+", "not"]
BinaryOperator = Literal["+", "-", "*", "/", "//", "%", "**", "@"]
Comparison = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(slots=True, eq=False)
class Number:
    """A literal; True and False are numbers of type bool."""

    value: int | float | bool
    span: Span


@dataclass(slots=True, eq=False)
class Text:
    """A string: only as a static argument, as in `einsum("ij->i", A)`."""

    value: str
    span: Span


@dataclass(slots=True, eq=False)
class Nothing:
    """`None`: a new axis in an index, or the absence of a static argument."""

    span: Span


@dataclass(slots=True, eq=False)
class Name:
    """An input or a constant."""

    name: str
    span: Span


@dataclass(slots=True, eq=False)
class Unary:
    """A sign or `not`."""

    operator: UnaryOperator
    operand: Expression
    span: Span


@dataclass(slots=True, eq=False)
class Binary:
    """Two operands; `^` has become `**`."""

    operator: BinaryOperator
    left: Expression
    right: Expression
    span: Span


@dataclass(slots=True, eq=False)
class Compare:
    """A chain: one operator fewer than operands."""

    operators: tuple[Comparison, ...]
    operands: tuple[Expression, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Logic:
    """`and` or `or` over two operands or more."""

    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Conditional:
    """`then if test else other`."""

    test: Expression
    then: Expression
    other: Expression
    span: Span


@dataclass(slots=True, eq=False)
class Sequence:
    """A list (an array) or a tuple (static, or several arrays)."""

    items: tuple[Expression, ...]
    tuple: bool
    span: Span


@dataclass(slots=True, eq=False)
class Slice:
    """`lower:upper:step` inside an index."""

    lower: Expression | None
    upper: Expression | None
    step: Expression | None
    span: Span


@dataclass(slots=True, eq=False)
class Dots:
    """`...` inside an index."""

    span: Span


@dataclass(slots=True, eq=False)
class Index:
    """`base[items]`."""

    base: Expression
    items: tuple[Expression, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Call:
    """A function by name, with positional and keyword arguments."""

    name: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    span: Span
    name_span: Span


@dataclass(slots=True, eq=False)
class Invoke:
    """A call of what an expression gives, as in `grad(f)(x)`.  Only in programs."""

    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    span: Span


@dataclass(slots=True, eq=False)
class Parameter:
    """One parameter of a function; `default` None: it has to be given."""

    name: str
    default: Expression | None
    span: Span


@dataclass(slots=True, eq=False)
class Lambda:
    """A function written as an expression.  Only in programs."""

    parameters: tuple[Parameter, ...]
    body: Expression
    span: Span


@dataclass(slots=True, eq=False)
class Clause:
    """`for target in source if filter if filter` of a comprehension."""

    target: Expression
    source: Expression
    filters: tuple[Expression, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Comprehension:
    """`[item for …]`, or the same in parentheses.  Only in programs."""

    item: Expression
    clauses: tuple[Clause, ...]
    list: bool
    span: Span


Expression = (
    Number
    | Text
    | Nothing
    | Name
    | Unary
    | Binary
    | Compare
    | Logic
    | Conditional
    | Sequence
    | Slice
    | Dots
    | Index
    | Call
    | Invoke
    | Lambda
    | Comprehension
)


def children(node: Expression) -> Iterator[Expression]:
    """The direct parts of a node, in the order of the text."""
    match node:
        case Unary():
            yield node.operand
        case Binary():
            yield node.left
            yield node.right
        case Compare() | Logic():
            yield from node.operands
        case Conditional():
            yield node.then
            yield node.test
            yield node.other
        case Sequence():
            yield from node.items
        case Slice():
            yield from (part for part in (node.lower, node.upper, node.step) if part is not None)
        case Index():
            yield node.base
            yield from node.items
        case Call():
            yield from node.arguments
            yield from (value for _, value in node.keywords)
        case Invoke():
            yield node.function
            yield from node.arguments
            yield from (value for _, value in node.keywords)
        case Lambda():
            yield from (p.default for p in node.parameters if p.default is not None)
            yield node.body
        case Comprehension():
            yield node.item
            for clause in node.clauses:
                yield clause.target
                yield clause.source
                yield from clause.filters


def walk(node: Expression) -> Iterator[Expression]:
    """The node and everything below it, without recursion."""
    todo = [node]
    while todo:
        found = todo.pop()
        yield found
        todo.extend(reversed(list(children(found))))
