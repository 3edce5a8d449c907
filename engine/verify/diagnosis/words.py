"""Values of a graph in words: short formulas for a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.graph.simplify import held
from engine.graph.values import Node, Value

LONGEST = 40
DEEPEST = 5
_INFIX = {"add": ("+", 1), "subtract": ("-", 1), "multiply": ("*", 2), "chain": ("*", 2), "divide": ("/", 2)}
_HIDDEN = frozenset(("reshape", "broadcast_to", "cast"))
_MARK = "…"


_WHOLE = re.compile(r"[\w.]+(\([^()]*\)|\[[^\[\]]*\])?")


class Words:
    """Writes values with the names of the inputs; those that stand in the `text` of a program as they stand there."""

    def __init__(self, names: Mapping[Value, str], text: str | None = None) -> None:
        self._names = names
        self._written = text

    def of(self, value: Value, longest: int = LONGEST) -> str:
        """The value as a formula, with … for what would make it long."""
        for depth in range(DEEPEST, 0, -1):
            text, _ = self._text(value, depth)
            if len(text) <= longest:
                return text
        return _MARK

    def operation(self, node: Node) -> str:
        """The operation of a node, as in `the derivative of …`."""
        text = self.of(node.outputs[0])
        return text if text != _MARK else node.primitive.name

    def _text(self, value: Value, depth: int) -> tuple[str, int]:
        """The text and how tightly it binds: 1 sum, 2 product, 3 power, 4 name or call."""
        if value in self._names:
            return self._names[value], 4
        constant = held(value)
        if constant is not None:
            text = f"{constant:.6g}"
            return text, 4 if constant >= 0 else 1
        node = value.node
        if node is None:
            return ("[…]" if value.constant is not None else _MARK), 4
        written = self._in_text(node)
        if written is not None:
            return written, 4 if _WHOLE.fullmatch(written) else 1
        if node.primitive.name in _HIDDEN:
            return self._text(node.inputs[0], depth)
        if depth <= 0:
            return _MARK, 4
        return self._node(node, depth - 1)

    def _in_text(self, node: Node) -> str | None:
        """What stands in the text for an operation, if it is one line and not long."""
        if self._written is None or node.span is None or node.derived:
            return None
        text = self._written[node.span.start : node.span.end]
        return text if text and "\n" not in text and len(text) <= LONGEST else None

    def _node(self, node: Node, depth: int) -> tuple[str, int]:
        name = node.primitive.name

        def part(i: int, level: int) -> str:
            text, own = self._text(node.inputs[i], depth)
            return f"({text})" if own < level else text

        if name in _INFIX:
            sign, level = _INFIX[name]
            gap = " " if level == 1 else ""
            if sign == "*" and held(node.inputs[1]) is not None and held(node.inputs[0]) is None:
                return f"{part(1, level)}*{part(0, level + 1)}", level
            mean = self._mean(node, depth)
            right = level if sign in "+*" else level + 1
            return mean or (f"{part(0, level)}{gap}{sign}{gap}{part(1, right)}", level)
        if name == "negative":
            return f"-{part(0, 2)}", 1
        if name == "square":
            return f"{part(0, 4)}^2", 3
        if name == "power":
            return f"{part(0, 4)}^{part(1, 4)}", 3
        if name == "reciprocal":
            return f"1/{part(0, 3)}", 2
        if name == "matmul":
            return f"{part(0, 2)} @ {part(1, 3)}", 2
        if name == "logistic_density":
            return f"sigmoid({part(0, 0)})*(1 - sigmoid({part(0, 0)}))", 2
        if name == "element":
            return f"{part(0, 4)}[{node.params['index']}]", 4
        if name in ("strided", "gather"):
            return f"{part(0, 4)}[…]", 4
        if name == "transpose":
            return f"transpose({part(0, 0)})", 4
        if name == "stack":
            return f"[{', '.join(part(i, 0) for i in range(len(node.inputs)))}]", 4
        if name == "select":
            return f"where({part(0, 0)}, {part(1, 0)}, {part(2, 0)})", 4
        return f"{name}({', '.join(part(i, 0) for i in range(len(node.inputs)))})", 4

    def _mean(self, node: Node, depth: int) -> tuple[str, int] | None:
        total = _total(node)
        if total is None or mean_of(node) != divisor(node):
            return None
        return f"mean({self._text(total.inputs[0], depth)[0]})", 4


def mean_of(node: Node) -> int | None:
    """The number of terms of the sum that a division makes a mean of, or a part of it; None for other nodes."""
    total, count = _total(node), divisor(node)
    if total is None or not count:
        return None
    many = summed(total)
    return many if many > 1 and count % many == 0 else None


def divisor(node: Node) -> float | None:
    """The number that a division divides by."""
    return held(node.inputs[1]) if node.primitive.name == "divide" else None


def _total(node: Node) -> Node | None:
    """The sum that a division divides."""
    if node.primitive.name != "divide":
        return None
    total = node.inputs[0].node
    while total is not None and total.primitive.name in _HIDDEN:
        total = total.inputs[0].node
    return total if total is not None and total.primitive.name == "sum" else None


def summed(node: Node) -> int:
    """How many elements a sum adds up, each time."""
    return node.inputs[0].type.size // max(node.outputs[0].type.size, 1)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, …"""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number}{ending}"
