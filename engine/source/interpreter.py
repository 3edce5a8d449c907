"""Lowering programs: statements run once on values that are not known yet, and leave a graph.

Calls of the program's functions are lowered where they stand.  What is known when the program is compiled stays known:
constants, shapes, tuples, functions; so loops over them may be written out, and recursion may end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from engine.errors import LimitExceeded, SyntaxFault, TypeMismatch, UnknownName
from engine.graph.build import Builder, constant, current
from engine.graph.values import Value
from engine.limits import Limits
from engine.source import statement, tree
from engine.source.applying import apply
from engine.source.arguments import array, static
from engine.source.assertions import assert_close, assert_holds
from engine.source.assignment import assign_elements, take_apart
from engine.source.branches import choose_exit, conditional, short_circuit, truth
from engine.source.calls import call_special
from engine.source.comprehensions import comprehension, summed
from engine.source.exits import BREAK, CONTINUE, END, RETURN, Exit, only
from engine.source.iterables import as_array
from engine.source.loops import lower_for, lower_while
from engine.source.lower import METHODS, Lowering
from engine.source.merging import kind_of
from engine.source.names import CONSTANTS, find_function
from engine.source.results import FUNCTION, Closure, Named, Result, Scope, Steps, Undefined
from engine.source.scopes import always_jumps, assigned, jumps, reads
from engine.source.special import SPECIAL
from engine.source.text import Span, locate
from engine.source.windows import read_windows

METHODS_OF_PROGRAMS = {
    **METHODS,
    tree.Invoke: "invoke",
    tree.Lambda: "lambda_",
    tree.Comprehension: "comprehension",
}
MOST_LOWERED = 300_000
"""Parts of the text that are lowered, with each call anew."""
Rest = tuple[statement.Block, int, Any] | None
"""What is to be done after a block: a block, where in it, and what comes after that."""


class Interpreter(Lowering):
    """One program being lowered into the current builder."""

    methods = METHODS_OF_PROGRAMS

    def __init__(self, program: statement.Program, limits: Limits, inputs: Mapping[str, Value]) -> None:
        super().__init__({})
        self.limits = limits
        self.scope = Scope(None, assigned(program.body), dict(inputs))
        self.active: list[Closure] = []
        self._lowered = 0
        self._program = program
        self._counted: dict[tuple[int, ...], tuple[statement.Block, Counter[str]]] = {}

    def read_outside(self, name: str, loop: statement.Statement) -> bool:
        """Whether a name is mentioned in the function around a loop, outside of it."""
        body = self.active[-1].body if self.active else self._program.body
        assert isinstance(body, tuple)
        return self._reads(body)[name] > self._reads((loop,))[name]

    def _reads(self, block: statement.Block) -> Counter[str]:
        # The block is kept beside what was counted, so that its identity stays its own.
        key = tuple(map(id, block))
        if key not in self._counted:
            self._counted[key] = (block, reads(block))
        return self._counted[key][1]

    def line(self, span: Span) -> int:
        """The line of the text in which something begins."""
        return locate(self._program.text, span).line

    # Expressions

    def lower(self, node: tree.Expression) -> Result:
        self._count(current(), node.span)
        return super().lower(node)

    def _count(self, builder: Builder, span: Span) -> None:
        """Check the budget, also where nothing new is emitted: calls that call twice what calls twice."""
        self._lowered += 1
        if self._lowered > MOST_LOWERED:
            raise LimitExceeded(
                "The program, its calls and short loops written out, is too long.",
                span=span,
                hint="Write loops instead of many calls.",
            )
        if builder.budget is not None and not self._lowered & 255:
            builder.budget.check()

    def operand(self, node: tree.Expression) -> Result:
        """A node as an argument: what a loop could run over is an array of its elements here."""
        found = self.lower(node)
        return as_array(found, node.span) if isinstance(found, Steps) else found

    def name(self, node: tree.Name) -> Result:
        found, bound = self.find(node.name)
        if bound:
            return found
        if node.name in CONSTANTS:
            return constant(CONSTANTS[node.name])
        if find_function(node.name) is not None:
            return Named(node.name)
        raise UnknownName(f"{node.name!r} is neither an input nor a constant.", span=node.span)

    def find(self, name: str) -> tuple[Result, bool]:
        """What a name stands for here, and whether the program or an input binds it."""
        scope: Scope | None = self.scope
        while scope is not None:
            if name in scope.names:
                found = scope.names[name]
                if isinstance(found, Undefined):
                    raise found.refusal()
                return found, True
            if name in scope.own:
                raise UnknownName(
                    f"{name!r} has no value yet where it is used.",
                    hint=f'assign it before, or give it in "at": {{"{name}": …}}'
                    if scope.parent is None
                    else f"a function that assigns {name} has a {name} of its own: pass it as an argument",
                )
            scope = scope.parent
        return None, False

    def sequence(self, node: tree.Sequence) -> Result:
        if node.tuple:
            return super().sequence(node)
        items = [self.operand(item) for item in node.items]
        plain = all(isinstance(item, Value) for item in items)
        if not plain or any(item.shape != items[0].shape for item in items):
            return tuple(items)
        return self._stacked(items) if items else constant([], "real")

    def _stacked(self, items: Sequence[Value]) -> Value:
        return array(tuple(items), Span(0, 0), "this")

    def conditional(self, node: tree.Conditional) -> Result:
        return conditional(self, node)

    def logic(self, node: tree.Logic) -> Result:
        return short_circuit(self, node)

    def compare(self, node: tree.Compare) -> Result:
        if len(node.operands) == 2 and node.operators[0] in ("==", "!="):
            a, b = (self.operand(part) for part in node.operands)
            if any(isinstance(side, str | None) for side in (a, b)):
                return constant(
                    (a == b if isinstance(a, str) and isinstance(b, str) else a is b) is (node.operators[0] == "==")
                )
        return super().compare(node)

    def index(self, node: tree.Index) -> Result:
        base = self.operand(node.base)
        if isinstance(base, tuple) and len(node.items) == 1:
            (item,) = node.items
            if isinstance(item, tree.Slice):
                return base[slice(*self.slice_bounds(item))]
            if not isinstance(item, tree.Dots | tree.Nothing):
                return self._element(base, node)
        base, node = read_windows(self, array(base, node.base.span, "what is indexed"), node)
        return self.indexed(base, node)

    def slice_bounds(self, node: tree.Slice) -> list[int | None]:
        """The bounds and the step of a slice, which are known."""
        parts = (node.lower, node.upper, node.step)
        return [None if part is None else self.known(part, "a slice bound") for part in parts]

    def _element(self, base: tuple[Result, ...], node: tree.Index) -> Result:
        """An element of a tuple; one that depends on data is read from an array of all of them."""
        (item,) = node.items
        position = self.operand(item)
        if isinstance(position, Value) and position.constant is None and all(isinstance(b, Value) for b in base):
            return self.indexed(array(base, node.base.span, "what is indexed"), node)
        return self.element_of(base, node, position)

    def call(self, node: tree.Call) -> Result:
        found, bound = self.find(node.name)
        if bound:
            return self._called(found, node)
        if node.name in SPECIAL:
            return call_special(self, node)
        if node.name == "sum" and len(node.arguments) == 1 and not node.keywords:
            (argument,) = node.arguments
            if isinstance(argument, tree.Comprehension):
                return summed(self, argument)
        if find_function(node.name) is None:
            raise UnknownName(f"There is no function {node.name!r}.", span=node.name_span)
        return super().call(node)

    def invoke(self, node: tree.Invoke) -> Result:
        return self._called(self.lower(node.function), node)

    def _called(self, function: Result, node: tree.Call | tree.Invoke) -> Result:
        if not isinstance(function, FUNCTION):
            name = repr(node.name) if isinstance(node, tree.Call) else "What is called here"
            hint = f"write {node.name} * (…) for a product" if isinstance(node, tree.Call) else None
            what = "a number or an array" if isinstance(function, Value) else kind_of(function)
            raise TypeMismatch(f"{name} is {what} and cannot be called.", hint=hint)
        positional = [self.lower(argument) for argument in node.arguments]
        keywords = {name: self.lower(argument) for name, argument in node.keywords}
        current().span = node.span
        return apply(self, function, positional, keywords, node.span)

    def lambda_(self, node: tree.Lambda) -> Result:
        return self._closure("lambda", node.parameters, node.body, node.span)

    def comprehension(self, node: tree.Comprehension) -> Result:
        return comprehension(self, node)

    def known(self, node: tree.Expression, what: str) -> int:
        """An integer that is known when the program is compiled."""
        found: int = static(self.operand(node), "int", node.span, what)
        return found

    # Functions

    def _closure(
        self, name: str, parameters: tuple[tree.Parameter, ...], body: statement.Block | tree.Expression, span: Span
    ) -> Closure:
        defaults = {p.name: self.lower(p.default) for p in parameters if p.default is not None}
        return Closure(name, parameters, body, self.scope, span, defaults)

    def enter(self, function: Closure, arguments: Mapping[str, Result]) -> Result:
        """The result of a function of the program for its arguments by name."""
        if self.active.count(function) >= self.limits.recursion:
            raise LimitExceeded(
                f"{function.name} calls itself more than {self.limits.recursion} times deep.",
                span=function.span,
                hint="let it end by what is known when the program is compiled, a shape or a constant; "
                "where that depends on data, write a while loop",
            )
        before = self.scope
        is_block = isinstance(function.body, tuple)
        own = assigned(function.body) if isinstance(function.body, tuple) else frozenset[str]()
        names = frozenset(p.name for p in function.parameters)
        where = {p.name: p.span for p in function.parameters}
        self.scope = Scope(function.scope, own | names, dict(arguments), where)
        self.active.append(function)
        try:
            if not is_block:
                assert not isinstance(function.body, tuple)
                return self.lower(function.body)
            assert isinstance(function.body, tuple)
            found = self.run(function.body)
            if found.possible != {RETURN}:
                raise SyntaxFault(
                    f"{function.name} may end without a return.",
                    span=function.span,
                    hint="return a value in every case",
                )
            return found.result
        finally:
            self.active.pop()
            self.scope = before

    # Statements

    def run(self, block: statement.Block, rest: Rest = None) -> Exit:
        """Do the statements of a block, and what comes after it; tells how that ends."""
        at = 0
        while True:
            if at == len(block):
                if rest is None:
                    return only(END)
                block, at, rest = rest
                continue
            node, at = block[at], at + 1
            if isinstance(node, statement.If):
                test = truth(self._at(node.test), node.test)
                if isinstance(test, bool):
                    block, at, rest = (node.then if test else node.otherwise), 0, (block, at, rest)
                    continue
                if always_jumps(node.then) or always_jumps(node.otherwise):
                    # One branch takes what comes after along, and the other one never gets there.
                    after: Rest = (block, at, rest)
                    return self._choose(test, node.then, node.otherwise, after, node.span)
                found = self._choose(test, node.then, node.otherwise, None, node.span)
                if not (jumps(node.then) or jumps(node.otherwise)):
                    continue
            else:
                found = self._simple(node)
            if END not in found.possible:
                return found
            if len(found.possible) > 1:
                goes_on = found.among(END)
                assert isinstance(goes_on, Value)
                left, after = found.without(END), (block, at, rest)
                return choose_exit(self, goes_on, partial(self.run, (), after), partial(_as_it_is, left), node.span)

    def _choose(self, test: Value, then: statement.Block, otherwise: statement.Block, after: Rest, span: Span) -> Exit:
        return choose_exit(self, test, lambda: self.run(then, after), lambda: self.run(otherwise, after), span)

    def _at(self, node: tree.Expression) -> Result:
        return self.operand(node)

    def _simple(self, node: statement.Statement) -> Exit:
        """A statement other than `if`, on its own."""
        match node:
            case statement.Assign():
                value = self.lower(node.value)
                for target in node.targets:
                    self.bind(target, value)
            case statement.Augment():
                operation = tree.Binary(node.operator, node.target, node.value, node.span)
                self.bind(node.target, self.lower(operation))
            case statement.Define():
                found = self._closure(node.name, node.parameters, node.body, node.name_span)
                self.scope.bind(node.name, found, node.name_span)
            case statement.Assert():
                assert_holds(self, node)
            case statement.Close():
                assert_close(self, node)
            case statement.For():
                return lower_for(self, node)
            case statement.While():
                return lower_while(self, node)
            case statement.Return():
                return only(RETURN, self.operand(node.value))
            case statement.Break():
                return only(BREAK)
            case statement.Continue():
                return only(CONTINUE)
        return only(END)

    def bind(self, target: tree.Expression, value: Result) -> None:
        """Assign a result to a target."""
        match target:
            case tree.Name():
                self.scope.bind(target.name, value, target.span)
            case tree.Sequence():
                parts = take_apart(value, len(target.items), target.span)
                for item, part in zip(target.items, parts, strict=True):
                    self.bind(item, part)
            case tree.Index():
                assign_elements(self, target, value)


def _as_it_is(found: Exit) -> Exit:
    return found
