"""Programs run by Python itself on numbers of high precision: a second implementation of the language.

`^` is power, an assignment copies arrays, and derivatives inside are differences.  Only for texts that the tests
themselves have made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

DIGITS = 80
STEP = 1e-15
INNER = 1e-12
"""The steps of differences of a program, and of derivatives inside of it."""

mp = mpmath.MPContext()
mp.dps = DIGITS

Function = Callable[..., Any]


def function(text: str, names: Sequence[str]) -> Function:
    """The function of these inputs that a program of statements is."""
    tree = ast.parse(text.replace("^", "**"))
    main = ast.parse(f"def main({', '.join(names)}): pass").body[0]
    assert isinstance(main, ast.FunctionDef)
    main.body = tree.body
    module = ast.Module([main], [])
    namespace = dict(NAMES)
    exec(compile(ast.fix_missing_locations(_Copying().visit(module)), "<program>", "exec"), namespace)
    found: Function = namespace["main"]
    return found


class _Copying(ast.NodeTransformer):
    """Arrays are values: whatever gives an array a name copies it; and lists of numbers are arrays."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.copy_location(ast.Assign([node.target], ast.BinOp(read, node.op, node.value)), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.value, ast.Lambda):
            node.value = _called("copy_of", node.value)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = _called("copies_of", node.iter)
        return node

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        return _called("array_of", node) if isinstance(node.ctx, ast.Load) else node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        return _called("array_of", node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        names = [a.arg for a in node.args.args]
        node.body = [*(ast.parse(f"{name} = copy_of({name})").body[0] for name in names), *node.body]
        return node


def _called(name: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def _copy_of(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_copy_of, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _copies_of(values: Any) -> Any:
    # What a loop runs over is what it was when the loop began.
    return [_copy_of(value) for value in list(_copy_of(values))]


def _array_of(values: list[Any]) -> Any:
    return np.array([mp.mpf(v) if isinstance(v, int | float) else v for v in values], dtype=object)


def _elementwise(name: str) -> Function:
    function = getattr(mp, name)

    def found(x: Any) -> Any:
        return np.array([function(v) for v in x], dtype=object) if isinstance(x, np.ndarray) else function(x)

    return found


def _grad(function: Function) -> Function:
    def slope(t: Any, *others: Any, **named: Any) -> Any:
        h = mp.mpf(INNER)
        return (function(t + h, *others, **named) - function(t - h, *others, **named)) / (2 * h)

    return slope


NAMES: dict[str, Any] = {
    "copy_of": _copy_of,
    "copies_of": _copies_of,
    "array_of": _array_of,
    "grad": _grad,
    "zeros": lambda n: np.array([mp.mpf(0)] * n, dtype=object),
    **{name: _elementwise(name) for name in ("sin", "cos", "tanh", "exp", "sqrt")},
}


def moved(at: Mapping[str, Any], *moves: tuple[Mapping[str, Any], Any]) -> dict[str, Any]:
    """The inputs in high precision, moved by multiples of directions; whole numbers stay as they are."""
    made = {name: value if isinstance(value, int) else _exactly(value) for name, value in at.items()}
    for direction, by in moves:
        for name, way in direction.items():
            made[name] = made[name] + _exactly(way) * by
    return made


def _exactly(value: Any) -> Any:
    return _array_of(list(map(float, value))) if isinstance(value, list) else mp.mpf(float(value))


def derivative(function: Function, at: Mapping[str, Any], u: Mapping[str, Any]) -> Any:
    """The derivative along a direction."""
    h = mp.mpf(STEP)
    return (function(**moved(at, (u, h))) - function(**moved(at, (u, -h)))) / (2 * h)


def second(function: Function, at: Mapping[str, Any], u: Mapping[str, Any], w: Mapping[str, Any]) -> Any:
    """The second derivative along two directions."""
    h = mp.mpf(STEP)
    corners = [a * b * function(**moved(at, (u, a * h), (w, b * h))) for a in (1, -1) for b in (1, -1)]
    return mp.fsum(corners) / (4 * h * h)
