"""The tree of a program as text: parsing it again gives the same tree."""

from __future__ import annotations

from engine.source import statement, tree
from engine.source.show import show, show_parameters

_STEP = "    "


def show_program(program: statement.Program) -> str:
    """The text of a program, one statement to a line."""
    return "\n".join(_lines(program.body, "")) + "\n"


def _lines(block: statement.Block, indent: str) -> list[str]:
    return [line for part in block for line in _statement(part, indent)]


def _statement(node: statement.Statement, indent: str) -> list[str]:
    inner = indent + _STEP
    match node:
        case statement.If():
            return _if(node, indent, "if")
        case statement.For():
            head = f"for {show(node.target)} in {show(node.source)}:"
            return [indent + head, *_lines(node.body, inner)]
        case statement.While():
            return [f"{indent}while {show(node.test)}:", *_lines(node.body, inner)]
        case statement.Define():
            return [f"{indent}def {node.name}({show_parameters(node.parameters)}):", *_lines(node.body, inner)]
    return [indent + _simple(node)]


def _if(node: statement.If, indent: str, word: str) -> list[str]:
    lines = [f"{indent}{word} {show(node.test)}:", *_lines(node.then, indent + _STEP)]
    if len(node.otherwise) == 1 and isinstance(node.otherwise[0], statement.If):
        return lines + _if(node.otherwise[0], indent, "elif")
    if node.otherwise:
        lines += [indent + "else:", *_lines(node.otherwise, indent + _STEP)]
    return lines


def _simple(node: statement.Statement) -> str:
    match node:
        case statement.Assign():
            return " = ".join(map(show, (*node.targets, node.value)))
        case statement.Augment():
            return f"{show(node.target)} {node.operator}= {show(node.value)}"
        case statement.Return():
            return f"return {_named(node) if node.names is not None else show(node.value)}"
        case statement.Assert():
            said = "" if node.message is None else f", {node.message!r}"
            return f"assert {show(node.test)}{said}"
        case statement.Close():
            call = tree.Call("assert_close", (node.left, node.right), node.keywords, node.span, node.span)
            return show(call)
    return type(node).__name__.lower()


def _named(node: statement.Return) -> str:
    assert isinstance(node.value, tree.Sequence)
    assert node.names is not None
    parts = [f'"{name}": {show(item)}' for name, item in zip(node.names, node.value.items, strict=True)]
    return "{" + ", ".join(parts) + "}"
