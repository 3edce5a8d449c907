"""The tree of an expression as text: parsing it again gives the same tree."""

from __future__ import annotations

from engine.source import tree

_LEVEL = {"+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "@": 6, "**": 8}
_CONDITIONAL, _OR, _AND, _NOT, _COMPARE, _SIGN, _POSTFIX = 0, 1, 2, 3, 4, 7, 9


def show(node: tree.Expression) -> str:
    """The text of an expression, with the parentheses that it needs."""
    return _show(node, 0)


def _show(node: tree.Expression, outer: int) -> str:
    text, level = _text(node)
    return f"({text})" if level < outer else text


def _text(node: tree.Expression) -> tuple[str, int]:
    match node:
        case tree.Number():
            return _number(node.value)
        case tree.Text():
            return repr(node.value), 10
        case tree.Nothing():
            return "None", 10
        case tree.Dots():
            return "...", 10
        case tree.Name():
            return node.name, 10
        case tree.Unary(operator="not"):
            return "not " + _show(node.operand, _NOT), _NOT
        case tree.Unary():
            return node.operator + _show(node.operand, _SIGN), _SIGN
        case tree.Binary(operator="**"):
            return f"{_show(node.left, _POSTFIX)}^{_show(node.right, _SIGN)}", 8
        case tree.Binary():
            level = _LEVEL[node.operator]
            return f"{_show(node.left, level)} {node.operator} {_show(node.right, level + 1)}", level
        case tree.Compare():
            parts = [_show(node.operands[0], _COMPARE + 1)]
            for operator, operand in zip(node.operators, node.operands[1:], strict=True):
                parts += [operator, _show(operand, _COMPARE + 1)]
            return " ".join(parts), _COMPARE
        case tree.Logic():
            level = _AND if node.operator == "and" else _OR
            return f" {node.operator} ".join(_show(part, level + 1) for part in node.operands), level
        case tree.Conditional():
            return (
                f"{_show(node.then, 1)} if {_show(node.test, 1)} else {_show(node.other, 0)}",
                _CONDITIONAL,
            )
        case tree.Sequence():
            inner = ", ".join(_show(item, 0) for item in node.items)
            if not node.tuple:
                return f"[{inner}]", 10
            return (f"({inner},)" if len(node.items) == 1 else f"({inner})"), 10
        case tree.Slice():
            step = "" if node.step is None else ":" + _show(node.step, 0)
            return ":".join("" if part is None else _show(part, 0) for part in (node.lower, node.upper)) + step, 10
        case tree.Index():
            inner = ", ".join(_show(item, 0) for item in node.items)
            if len(node.items) == 1 and isinstance(node.items[0], tree.Sequence) and node.items[0].tuple:
                inner += "," if node.items[0].items else ""
            return f"{_show(node.base, _POSTFIX)}[{inner}]", _POSTFIX
        case tree.Call():
            return f"{node.name}({_arguments(node)})", _POSTFIX
        case tree.Invoke():
            return f"{_show(node.function, _POSTFIX)}({_arguments(node)})", _POSTFIX
        case tree.Lambda():
            parameters = show_parameters(node.parameters)
            return f"lambda{' ' if parameters else ''}{parameters}: {_show(node.body, 0)}", _CONDITIONAL
        case tree.Comprehension():
            clauses = " ".join(_clause(clause) for clause in node.clauses)
            inner = f"{_show(node.item, 0)} {clauses}"
            return (f"[{inner}]" if node.list else f"({inner})"), 10


def _arguments(node: tree.Call | tree.Invoke) -> str:
    parts = [_show(part, 0) for part in node.arguments]
    return ", ".join(parts + [f"{name}={_show(value, 0)}" for name, value in node.keywords])


def _clause(clause: tree.Clause) -> str:
    filters = "".join(f" if {_show(test, _OR)}" for test in clause.filters)
    return f"for {_show(clause.target, 0)} in {_show(clause.source, _OR)}{filters}"


def show_parameters(parameters: tuple[tree.Parameter, ...]) -> str:
    """`x, y=2`."""
    return ", ".join(p.name if p.default is None else f"{p.name}={_show(p.default, 0)}" for p in parameters)


def _number(value: int | float | bool) -> tuple[str, int]:
    if isinstance(value, bool):
        return str(value), 10
    text = "1e999" if value == float("inf") else repr(value)
    return text, 10


def same(a: object, b: object) -> bool:
    """Whether two trees are equal apart from their places."""
    return _shape(a) == _shape(b)


def _shape(node: object) -> object:
    if isinstance(node, tuple):
        return tuple(_shape(item) for item in node)
    slots = getattr(type(node), "__slots__", None)
    if slots is None or isinstance(node, str):
        return (type(node), repr(node))
    return (type(node), *(_shape(getattr(node, s)) for s in slots if s not in ("span", "name_span")))
