"""`assert` and `assert_close`: what a program states about its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import TypeMismatch, UnknownName
from engine.graph.build import constant, current
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.primitives.assertion import assertion
from engine.source import statement, tree
from engine.source.show import show
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

MOST_SHOWN = 3
"""Values that are shown when a condition does not hold."""
TOLERANCE = 1e-9


def assert_holds(interpreter: Interpreter, node: statement.Assert) -> None:
    """Emit an assertion that all elements of a condition are true."""
    holds = interpreter.value(node.test)
    if holds.type.dtype != "bool":
        raise TypeMismatch(
            "An assertion is about a condition, and this is a number.", span=node.test.span, hint="assert x > 0"
        )
    parts = node.test.operands if isinstance(node.test, tree.Compare) else ()
    shown = [part for part in parts if not isinstance(part, tree.Number)][:MOST_SHOWN]
    values = [interpreter.value(part) for part in shown]
    _emit(interpreter, holds, values, node.message or "", tuple(show(part) for part in shown), node.span)


def assert_close(interpreter: Interpreter, node: statement.Close) -> None:
    """Emit an assertion that |a - b| <= atol + rtol*|b| for all elements."""
    a, b = interpreter.value(node.left), interpreter.value(node.right)
    given = {"rtol": constant(TOLERANCE), "atol": constant(0.0)}
    for name, value in node.keywords:
        if name not in given:
            raise UnknownName(
                f"assert_close has no argument {name!r}.", span=value.span, hint="assert_close(a, b, rtol=1e-9, atol=0)"
            )
        given[name] = interpreter.value(value)
    current().span = node.span
    allowed = given["atol"] + given["rtol"] * PRIMITIVES["abs"](b)
    holds = PRIMITIVES["logical_or"](
        PRIMITIVES["less_equal"](PRIMITIVES["abs"](a - b), allowed), PRIMITIVES["equal"](a, b)
    )
    both = [(part, value) for part, value in ((node.left, a), (node.right, b)) if not isinstance(part, tree.Number)]
    message = f"{show(node.left)} and {show(node.right)} are not close"
    _emit(interpreter, holds, [v for _, v in both], message, tuple(show(part) for part, _ in both), node.span)


def _emit(
    interpreter: Interpreter, holds: Value, values: list[Value], message: str, names: tuple[str, ...], span: Span
) -> None:
    builder = current()
    with builder.at(span):
        builder.emit(assertion, [holds, *values], {"message": message, "names": names})
