"""Programs as Python itself runs them: the text translated where the two languages differ.

`^` is power, lists of numbers are arrays, and an assignment, an argument and a loop over an array copy.  What numbers
these are, and what the functions of the language mean for them, the caller says; so the same texts run on complex
numbers, for derivatives, and on numbers of high precision.  Only for texts that the tests themselves have made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Function = Callable[..., Any]


def as_python(text: str, inputs: Sequence[str], names: Mapping[str, Any], copy: Function, array: Function) -> Function:
    """The main function of a program; of a program of statements, a function of these inputs.

    `names` are the functions of the language; `copy(value)` copies arrays, also in tuples, and `array(list)` makes
    an array of a list.
    """
    tree = ast.parse(text.replace("^", "**"))
    main = tree.body[-1]
    if not isinstance(main, ast.FunctionDef):
        made = ast.parse(f"def main({', '.join(inputs)}): pass").body[0]
        assert isinstance(made, ast.FunctionDef)
        made.body, tree.body, main = tree.body, [made], made
    namespace = {**names, "copy_of": copy, "copies_of": _copies(copy), "array_of": array}
    exec(compile(ast.fix_missing_locations(_Translate().visit(tree)), "<program>", "exec"), namespace)
    function: Function = namespace[main.name]
    return function


def _copies(copy: Function) -> Function:
    # What a loop runs over is what it was when the loop began.
    return lambda values: [copy(value) for value in list(copy(values))]


class _Translate(ast.NodeTransformer):
    """What means something else in Python."""

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
        copies = [ast.parse(f"{a.arg} = copy_of({a.arg})").body[0] for a in node.args.args]
        node.body = [*copies, *node.body]
        return node


def _called(name: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])
