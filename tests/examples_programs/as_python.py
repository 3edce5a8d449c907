"""A program as Python itself runs it, with numpy: a second implementation of the language, for values.

The text is translated where the two differ: `^` is power, lists of numbers are arrays, and an assignment of a name, an
argument and a loop over an array copy.  Complex numbers give derivatives too (`complex_step`).  Only for the texts of
these tests.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def as_python(text: str, inputs: Sequence[str]) -> Callable[..., Any]:
    """The main function of a program; of a program of statements, a function of these inputs."""
    tree = ast.parse(text.replace("^", "**"))
    if not isinstance(tree.body[-1], ast.FunctionDef):
        main = ast.parse(f"def main({', '.join(inputs)}): pass").body[0]
        assert isinstance(main, ast.FunctionDef)
        main.body = tree.body
        tree.body = [main]
    name = tree.body[-1].name if isinstance(tree.body[-1], ast.FunctionDef) else ""
    namespace = dict(NAMES)
    exec(compile(ast.fix_missing_locations(_Translate().visit(tree)), "<program>", "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


class _Translate(ast.NodeTransformer):
    """What means something else in Python."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.copy_location(ast.Assign([node.target], ast.BinOp(read, node.op, node.value)), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.value, ast.Lambda):
            node.value = _call("copy_of", node.value)
        return node

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        return _call("array_of", node) if isinstance(node.ctx, ast.Load) else node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        return _call("array_of", node)

    def visit_For(self, node: ast.For) -> ast.AST:
        """Over what the array was when the loop began."""
        self.generic_visit(node)
        sources = node.iter.args if isinstance(node.iter, ast.Call) else []
        for i, source in enumerate(sources):
            if isinstance(source, ast.Name):
                sources[i] = _call("copy_of", source)
        node.iter = _call("copy_of", node.iter) if isinstance(node.iter, ast.Name) else node.iter
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        names = [a.arg for a in node.args.args]
        copies = [ast.parse(f"{name} = copy_of({name})").body[0] for name in names]
        node.body = [*copies, *node.body]
        return node


def _call(function: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [argument], [])


def _copy_of(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_copy_of(v) for v in value)
    if not isinstance(value, np.ndarray):
        return value
    return value.astype(complex) if value.dtype.kind == "f" else value.copy()


def _array_of(values: list[Any]) -> Any:
    """An array that takes complex numbers, unless its elements are integers, functions, or of several shapes."""
    if not values or any(callable(v) or isinstance(v, tuple) for v in values) or len({np.shape(v) for v in values}) > 1:
        return values
    found = np.array(values)
    return found if found.dtype.kind in "bi" else found.astype(complex)


def _sum(x: Any, axis: Any = None) -> Any:
    return np.sum(x, axis=axis) if isinstance(x, np.ndarray) else sum(x)


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(x: Any, *others: Any) -> Any:
        among = list(x) if not others else [x, *others]
        return among[choose([np.real(v) for v in among])]

    return extreme


def _maximum(a: Any, b: Any) -> Any:
    return np.where(np.real(a) > np.real(b), a, b)[()]


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)[()]


NUMPYS = "exp log sqrt sin cos tan tanh dot outer transpose cumsum prod diag trace where mean ravel mod cosh sinh"
NAMES: dict[str, Any] = {
    "copy_of": _copy_of,
    "array_of": _array_of,
    "sum": _sum,
    "max": _extreme(lambda values: int(np.argmax(np.array(values)))),
    "min": _extreme(lambda values: int(np.argmin(np.array(values)))),
    "maximum": _maximum,
    "minimum": lambda a, b: -_maximum(-a, -b),
    "abs": _abs,
    "norm": lambda x: np.sqrt(np.sum(np.asarray(x) * x)),
    "zeros": lambda shape: np.zeros(shape, complex),
    "ones": lambda shape: np.ones(shape, complex),
    "eye": lambda n: np.eye(n, dtype=complex),
    "zeros_like": lambda x: np.zeros(np.shape(x), complex),
    "ones_like": lambda x: np.ones(np.shape(x), complex),
    "concatenate": lambda arrays, axis=0: np.concatenate([np.asarray(a) for a in arrays], axis),
    "stack": lambda arrays, axis=0: np.stack(list(arrays), axis),
    "shape": np.shape,
    "linspace": np.linspace,
    "arange": np.arange,
    "pi": math.pi,
    "e": math.e,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "logsumexp": lambda x: np.log(np.sum(np.exp(x))),
    "relu": lambda x: np.where(np.real(x) > 0, x, 0)[()],
    **{name: getattr(np, name) for name in NUMPYS.split()},
}
