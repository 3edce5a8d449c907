"""Python's tree of a program to the source tree; what is not in the language is refused by name, with a hint."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from engine.errors import EngineError, SyntaxFault
from engine.limits import Limits
from engine.source import statement, tree
from engine.source.parse import BINARY, METHODS, REFUSED, Converter
from engine.source.scan import Scanned
from engine.source.text import Span

_DEFINED = re.compile(r"def[ \t\f]+(\w+)")
_METHODS: dict[type[ast.expr], str] = {
    **METHODS,
    ast.Lambda: "lambda_",
    ast.ListComp: "comprehension",
    ast.GeneratorExp: "comprehension",
}
_REFUSED: dict[type[ast.expr], tuple[str, str | None]] = {
    **REFUSED,
    ast.Dict: ("A dictionary", 'only as a result: return {"loss": a, "norm": b}'),
    ast.SetComp: ("A set", "use a list, as in [f(x) for x in xs]"),
    ast.DictComp: ("A dictionary", "use a list, as in [f(x) for x in xs]"),
    ast.NamedExpr: ("':='", "assign on a line of its own"),
    ast.JoinedStr: ("A formatted string", "return the numbers: return a, b"),
}
_REFUSED_STATEMENTS: dict[str, tuple[str, str]] = {
    "Global": ("'global'", "give the value as an argument and return it"),
    "Nonlocal": ("'nonlocal'", "give the value as an argument and return it"),
    "ClassDef": ("'class'", "use functions and arrays"),
    "Import": ("'import'", "all functions are there already: sin(x), not math.sin(x)"),
    "ImportFrom": ("'import'", "all functions are there already: sin(x), not math.sin(x)"),
    "With": ("'with'", "write the statements without it"),
    "AsyncWith": ("'async'", "write the statements without it"),
    "AsyncFor": ("'async'", "write a plain for loop"),
    "AsyncFunctionDef": ("'async'", "write a plain def"),
    "Try": ("'try'", "test the condition with if, or choose with where(condition, a, b)"),
    "TryStar": ("'try'", "test the condition with if, or choose with where(condition, a, b)"),
    "Raise": ("'raise'", 'write assert condition, "message"'),
    "Delete": ("'del'", "leave the name unused"),
    "Match": ("'match'", "write if and elif"),
    "TypeAlias": ("'type'", "leave it out: values have no declared types"),
}


def parse_program(text: str, limits: Limits) -> statement.Program:
    """The tree of a program.  Raises `SyntaxFault`, `Unsupported` or `LimitExceeded`, with the place."""
    try:
        scanned = Scanned(text, limits, program=True)
        body = _Statements(scanned, limits).program(scanned.parse_statements())
    except EngineError as error:
        error.text = text
        raise
    return body


class _Statements(Converter):
    refused = _REFUSED
    language = "the language of programs"

    def method(self, node: ast.expr) -> Callable[..., tree.Expression] | None:
        name = _METHODS.get(type(node))
        return None if name is None else getattr(self, name)

    def program(self, body: list[ast.stmt]) -> statement.Program:
        found = self._block(body, _Place(depth=0, function=False, loop=False))
        returns = [s for s in statement.statements(found) if isinstance(s, statement.Return)]
        span = found[0].span.to(found[-1].span)
        main: statement.Define | None = None
        if not returns:
            last = found[-1]
            if not isinstance(last, statement.Define):
                raise SyntaxFault(
                    "A program needs a return.",
                    span=last.span if not isinstance(last, statement.For | statement.While | statement.If) else None,
                    hint="end it with return and the result, or with the def of the main function",
                )
            main = last
        outer = main.body if main is not None else found
        own = {id(s) for s in statement.statements(outer)}
        for s in statement.statements(found, nested=True):
            if isinstance(s, statement.Return) and s.names is not None and id(s) not in own:
                raise SyntaxFault("Only the program itself returns a dictionary.", span=s.span, hint="return a, b")
        return statement.Program(found, main, span, self._text)

    def _block(self, body: list[ast.stmt], place: _Place) -> statement.Block:
        if place.depth > self._limits.nesting:
            raise self._too_deep(self._scanned.first_word(body[0]))
        found: list[statement.Statement] = []
        for node in body:
            if found and isinstance(found[-1], statement.Return | statement.Break | statement.Continue):
                what = type(found[-1]).__name__.lower()
                raise SyntaxFault(f"This comes after {what!r} and is never reached.", span=self._place(node))
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                continue  # a docstring, or a comment in quotes
            found.append(self._statement(node, place))
        return tuple(found) or (statement.Pass(self._place(body[0])),)

    def _place(self, node: ast.stmt) -> Span:
        """Where a statement stands; a compound one, its first line."""
        body = getattr(node, "body", None)
        if not body:
            return self._span(node)
        start, end = self._scanned.first_word(node).start, self._scanned.first_word(body[0]).start
        head = self._text[start:end].rstrip()
        lines = head.splitlines()
        return Span(start, start + len(lines[0].rstrip() if lines else head))

    def _statement(self, node: ast.stmt, place: _Place) -> statement.Statement:
        method = _STATEMENTS.get(type(node))
        if method is None:
            what, hint = _REFUSED_STATEMENTS.get(type(node).__name__, ("This", ""))
            raise SyntaxFault(
                f"{what} is not part of {self.language}.", span=self._scanned.first_word(node), hint=hint or None
            )
        return method(self, node, place)

    def assign(self, node: ast.Assign, place: _Place) -> statement.Statement:
        targets = tuple(self._target(target) for target in node.targets)
        return statement.Assign(targets, self.convert(node.value, 0), self._span(node))

    def annotated(self, node: ast.AnnAssign, place: _Place) -> statement.Statement:
        if node.value is None:
            raise SyntaxFault(
                "A name without a value.", span=self._span(node), hint="values have no declared types: leave it out"
            )
        return statement.Assign((self._target(node.target),), self.convert(node.value, 0), self._span(node))

    def augment(self, node: ast.AugAssign, place: _Place) -> statement.Statement:
        operator = BINARY.get(type(node.op))
        if operator is None:
            raise self._operator(node.op, self._span(node))
        return statement.Augment(self._target(node.target), operator, self.convert(node.value, 0), self._span(node))

    def _target(self, node: ast.expr, depth: int = 0) -> tree.Expression:
        if isinstance(node, ast.Tuple | ast.List):
            if depth > self._limits.nesting:
                raise self._too_deep(self._span(node))
            items = tuple(self._target(item, depth + 1) for item in node.elts)
            return tree.Sequence(items, True, self._span(node))
        found = self.convert(node, depth)
        if isinstance(found, tree.Index):
            base: tree.Expression = found
            while isinstance(base, tree.Index):
                base = base.base
            if isinstance(base, tree.Name):
                return found
        if isinstance(found, tree.Name):
            return found
        raise SyntaxFault(
            "This cannot be assigned to.", span=found.span, hint="assign to a name, or to elements of one: x[i] = …"
        )

    def if_(self, node: ast.If, place: _Place) -> statement.Statement:
        test = self.convert(node.test, 0)
        then = self._block(node.body, place.below())
        # `elif` is no nesting to the one who writes it, and is bounded all the same: it is one for the tree.
        otherwise = self._block(node.orelse, place.below()) if node.orelse else ()
        return statement.If(test, then, otherwise, self._place(node))

    def for_(self, node: ast.For, place: _Place) -> statement.Statement:
        self._no_else(node.orelse, "for")
        target = self._target(node.target)
        source = self.convert(node.iter, 0)
        return statement.For(target, source, self._block(node.body, place.below(loop=True)), self._place(node))

    def while_(self, node: ast.While, place: _Place) -> statement.Statement:
        self._no_else(node.orelse, "while")
        test = self.convert(node.test, 0)
        return statement.While(test, self._block(node.body, place.below(loop=True)), self._place(node))

    def _no_else(self, orelse: list[ast.stmt], what: str) -> None:
        if orelse:
            raise SyntaxFault(
                f"'else' of a {what} loop is not part of {self.language}.",
                span=self._place(orelse[0]),
                hint="set a flag before break, and test it after the loop",
            )

    def leave(self, node: ast.Break | ast.Continue, place: _Place) -> statement.Statement:
        what = type(node).__name__.lower()
        if not place.loop:
            raise SyntaxFault(f"{what!r} stands only inside a loop.", span=self._span(node))
        kind = statement.Break if isinstance(node, ast.Break) else statement.Continue
        return kind(self._span(node))

    def pass_(self, node: ast.Pass, place: _Place) -> statement.Statement:
        return statement.Pass(self._span(node))

    def return_(self, node: ast.Return, place: _Place) -> statement.Statement:
        span = self._span(node)
        if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
            raise SyntaxFault("'return' needs a value.", span=span, hint="return the result, as in return x^2")
        if isinstance(node.value, ast.Dict):
            return self._named(node.value, span, place)
        return statement.Return(self.convert(node.value, 0), None, span)

    def _named(self, node: ast.Dict, span: Span, place: _Place) -> statement.Return:
        names: list[str] = []
        if not node.keys:
            raise SyntaxFault("'return' needs a value.", span=span, hint='return {"loss": a, "norm": b}')
        for key in node.keys:
            value = key.value if isinstance(key, ast.Constant) else None
            if not isinstance(value, str) or not value.isidentifier():
                raise SyntaxFault(
                    "The outputs are named by words in quotes.",
                    span=span if key is None else self._span(key),
                    hint='return {"loss": a, "norm": b}',
                )
            self._check_name(value, self._span(node))
            if value in names:
                raise SyntaxFault(f"The output {value!r} is given twice.", span=self._span(node))
            names.append(value)
        values = tuple(self.convert(value, 1) for value in node.values)
        return statement.Return(tree.Sequence(values, True, self._span(node)), tuple(names), span)

    def assert_(self, node: ast.Assert, place: _Place) -> statement.Statement:
        message: str | None = None
        if node.msg is not None:
            said = self.convert(node.msg, 0) if isinstance(node.msg, ast.Constant) else None
            if not isinstance(said, tree.Text):
                raise SyntaxFault(
                    "The message of an assertion is a text in quotes.",
                    span=self._span(node.msg),
                    hint='assert x > 0, "x has to be positive"',
                )
            message = said.value
        return statement.Assert(self.convert(node.test, 0), message, self._span(node))

    def bare(self, node: ast.Expr, place: _Place) -> statement.Statement:
        span = self._span(node)
        found = self.convert(node.value, 0)
        if isinstance(found, tree.Call) and found.name == "assert_close":
            if len(found.arguments) != 2:
                raise SyntaxFault("assert_close takes two values.", span=span, hint="assert_close(a, b, rtol=1e-9)")
            return statement.Close(*found.arguments, found.keywords, span)
        hint = "assign it to a name, or return it"
        if isinstance(found, tree.Call) and found.name == "print":
            hint = "return what you want to see: return a, b"
        elif isinstance(found, tree.Compare) and found.operators == ("==",):
            hint = "write `=` to assign"
        raise SyntaxFault("What this computes is not used.", span=span, hint=hint)

    def define(self, node: ast.FunctionDef, place: _Place) -> statement.Statement:
        span = self._place(node)
        if node.decorator_list:
            raise SyntaxFault(
                f"A decorator is not part of {self.language}.",
                span=self._span(node.decorator_list[0]),
                hint="call the function: g = grad(f)",
            )
        written = _DEFINED.match(self._text, span.start)
        name_span = Span(*written.span(1)) if written else span
        self._check_name(node.name, name_span)
        parameters = self._parameters(node.args, span)
        body = self._block(node.body, _Place(place.depth + 1, function=True, loop=False))
        return statement.Define(node.name, parameters, body, span, name_span)

    def _parameters(self, arguments: ast.arguments, span: Span, depth: int = 0) -> tuple[tree.Parameter, ...]:
        for starred in (arguments.vararg, arguments.kwarg):
            if starred is not None:
                raise SyntaxFault(
                    f"A starred parameter is not part of {self.language}.",
                    span=self._span(starred),
                    hint="write the parameters out, or pass a tuple",
                )
        plain = [*arguments.posonlyargs, *arguments.args]
        missing = len(plain) - len(arguments.defaults)
        defaults = [None] * missing + arguments.defaults + arguments.kw_defaults
        found: list[tree.Parameter] = []
        for argument, default in zip([*plain, *arguments.kwonlyargs], defaults, strict=True):
            place = self._span(argument)
            place = Span(place.start, min(place.end, place.start + len(argument.arg)))
            self._check_name(argument.arg, place)
            if any(argument.arg == other.name for other in found):
                raise SyntaxFault(f"The parameter {argument.arg!r} is there twice.", span=place)
            found.append(tree.Parameter(argument.arg, None if default is None else self.convert(default, depth), place))
        return tuple(found)

    def lambda_(self, node: ast.Lambda, depth: int) -> tree.Expression:
        span = self._span(node)
        return tree.Lambda(self._parameters(node.args, span, depth), self.convert(node.body, depth), span)

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> tree.Expression:
        clauses: list[tree.Clause] = []
        for part in node.generators:
            if part.is_async:
                raise SyntaxFault(f"'async' is not part of {self.language}.", span=self._span(node))
            target, source = self._target(part.target, depth), self.convert(part.iter, depth)
            filters = tuple(self.convert(test, depth) for test in part.ifs)
            clauses.append(tree.Clause(target, source, filters, target.span.to(source.span)))
        item = self.convert(node.elt, depth)
        return tree.Comprehension(item, tuple(clauses), isinstance(node, ast.ListComp), self._span(node))

    def invoke(self, node: ast.Call, depth: int) -> tree.Expression:
        if isinstance(node.func, ast.Constant | ast.BinOp | ast.UnaryOp | ast.Attribute):
            return super().invoke(node, depth)
        function = self.convert(node.func, depth)
        return tree.Invoke(function, *self.arguments(node, depth), self._span(node))


class _Place:
    """Where a statement stands: how deep, in a function, in a loop."""

    def __init__(self, depth: int, function: bool, loop: bool) -> None:
        self.depth = depth
        self.function = function
        self.loop = loop

    def below(self, loop: bool = False) -> _Place:
        return _Place(self.depth + 1, self.function, self.loop or loop)


_STATEMENTS: dict[type[ast.stmt], Callable[[_Statements, Any, _Place], statement.Statement]] = {
    ast.Assign: _Statements.assign,
    ast.AnnAssign: _Statements.annotated,
    ast.AugAssign: _Statements.augment,
    ast.If: _Statements.if_,
    ast.For: _Statements.for_,
    ast.While: _Statements.while_,
    ast.Break: _Statements.leave,
    ast.Continue: _Statements.leave,
    ast.Pass: _Statements.pass_,
    ast.Return: _Statements.return_,
    ast.Assert: _Statements.assert_,
    ast.Expr: _Statements.bare,
    ast.FunctionDef: _Statements.define,
}
