"""Shapes, elements and rows the short way: what loops over small arrays do all day.

What is known when a graph is compiled is prepared here once: slices, shapes, which indices have to be checked.  The
general functions of the primitives do the same in 2 to 10 times the time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from engine.errors import ShapeMismatch
from engine.graph.values import Node
from engine.primitives.shape import as_slices

WRITING = frozenset(("put", "add_region"))
READING = frozenset(("gather", "read_region"))


def quick(node: Node, in_place: bool) -> Callable[..., Any] | None:
    """A function of the arguments of the node, None where there is no quick way."""
    name = node.primitive.name
    if name in _PREPARED and node.inputs[0].shape:
        return _PREPARED[name](node)
    if name not in READING and not (name in WRITING and in_place):
        return None
    x = node.inputs[0]
    indices = node.inputs[1 if name in READING else 2 :]
    if not 1 <= len(indices) <= 2 or any(i.shape for i in indices):
        return None
    region = node.params.get("region")
    rest = tuple((0, n, 1) for n in x.shape[len(indices) :])
    if region is not None and region != (None,) * len(indices) + rest:
        return None
    return _FUNCTIONS[name, len(indices)](*x.shape[: len(indices)])


def _reshape(node: Node) -> Callable[..., Any]:
    shape = node.params["shape"]
    return operator.methodcaller("reshape", shape) if shape else _only


def _only(x: Any) -> Any:
    return x.reshape(())[()]


_PREPARED: dict[str, Callable[[Node], Callable[..., Any]]] = {
    "reshape": _reshape,
    "transpose": lambda node: operator.methodcaller("transpose", node.params["axes"]),
    "strided": lambda node: operator.itemgetter(as_slices(node.params["slices"])),
    "element": lambda node: operator.itemgetter(node.params["index"]),
}


def _refusal(index: Any, size: int) -> ShapeMismatch:
    return ShapeMismatch(f"Index {int(index)} is out of range for an axis of size {size}.")


def _read_one(size: int) -> Callable[..., Any]:
    def read(x: Any, i: Any) -> Any:
        if -size <= i < size:
            return x[i]
        raise _refusal(i, size)

    return read


def _read_two(rows: int, columns: int) -> Callable[..., Any]:
    def read(x: Any, i: Any, j: Any) -> Any:
        if not -rows <= i < rows:
            raise _refusal(i, rows)
        if not -columns <= j < columns:
            raise _refusal(j, columns)
        return x[i, j]

    return read


def _put_one(size: int) -> Callable[..., Any]:
    def put(x: Any, part: Any, i: Any) -> Any:
        if not -size <= i < size:
            raise _refusal(i, size)
        x[i] = part
        return x

    return put


def _put_two(rows: int, columns: int) -> Callable[..., Any]:
    def put(x: Any, part: Any, i: Any, j: Any) -> Any:
        if not -rows <= i < rows:
            raise _refusal(i, rows)
        if not -columns <= j < columns:
            raise _refusal(j, columns)
        x[i, j] = part
        return x

    return put


def _add_one(size: int) -> Callable[..., Any]:
    def add(x: Any, part: Any, i: Any) -> Any:
        if not -size <= i < size:
            raise _refusal(i, size)
        x[i] += part
        return x

    return add


def _add_two(rows: int, columns: int) -> Callable[..., Any]:
    def add(x: Any, part: Any, i: Any, j: Any) -> Any:
        if not -rows <= i < rows:
            raise _refusal(i, rows)
        if not -columns <= j < columns:
            raise _refusal(j, columns)
        x[i, j] += part
        return x

    return add


_FUNCTIONS: dict[tuple[str, int], Callable[..., Callable[..., Any]]] = {
    ("gather", 1): _read_one,
    ("gather", 2): _read_two,
    ("read_region", 1): _read_one,
    ("read_region", 2): _read_two,
    ("put", 1): _put_one,
    ("put", 2): _put_two,
    ("add_region", 1): _add_one,
    ("add_region", 2): _add_two,
}
