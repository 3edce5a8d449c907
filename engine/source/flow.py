"""How a program uses its inputs: which are integers, and which have to be known when it is compiled.

The program is run once on origins (see `origins`) instead of values.  Where a value is used as an index, the inputs of
its origin are integers; where it sets a shape, they are static.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import LimitExceeded
from engine.primitives.function import Function
from engine.source import statement, tree
from engine.source.names import INTEGER_FUNCTIONS, STATIC_INTEGERS, STATIC_OTHERS, Uses, find_function
from engine.source.origins import NONE, Callee, Origin, Scope, join, together
from engine.source.scopes import assigned
from engine.source.special import APPLIED, DERIVED, ITERABLES, STATIC
from engine.source.windows import window

MOST_STEPS = 50_000
"""Parts of the text that are visited, with each call of a helper counted anew."""
_HANDED_ON = INTEGER_FUNCTIONS | {
    *("sum", "prod", "cumsum", "cumprod", "where", "stack", "concatenate", "reshape", "ravel", "transpose"),
    *("sort", "flip", "take", "arange", "full", "roll", "tile", "repeat", "list", "tuple", "float"),
}
"""Functions whose result consists of their arguments."""


def program_uses(program: statement.Program) -> Uses:
    """How the inputs of a program are used, in the order of their first mention, or of the parameters."""
    flow = _Flow()
    top = Scope(None)
    flow.block(program.body, top)
    places: dict[str, tree.Name] = {}
    if program.main is not None:
        for parameter in program.main.parameters:
            places[parameter.name] = tree.Name(parameter.name, parameter.span)
        arguments = [Origin(frozenset((name,))) for name in places]
        flow.call(top.names[program.main.name], arguments, {})
    for name, place in sorted(flow.places.items(), key=lambda item: item[1].span.start):
        places.setdefault(name, place)
    # A condition on whole numbers may say which items there are; one on other inputs would end their derivative.
    static = flow.static | (flow.conditions & flow.integer)
    return Uses(places, frozenset(flow.integer), frozenset(static))


class _Flow:
    def __init__(self) -> None:
        self.places: dict[str, tree.Name] = {}
        self.integer: set[str] = set()
        self.static: set[str] = set()
        self.conditions: set[str] = set()
        self._returns: list[Origin] = []
        self._callees: dict[tuple[int, Scope], Callee] = {}
        self._active: list[object] = []
        self._steps = 0

    def _use(self, origin: Origin, integer: bool, static: bool) -> None:
        if integer:
            self.integer.update(origin.all())
        if static:
            self.static.update(origin.known())

    # Statements

    def block(self, block: statement.Block, scope: Scope) -> None:
        for part in block:
            self._statement(part, scope)

    def _statement(self, node: statement.Statement, scope: Scope) -> None:
        match node:
            case statement.Assign():
                value = self.origin(node.value, scope)
                for target in node.targets:
                    self._bind(target, value, scope)
            case statement.Augment():
                value = self.origin(node.value, scope)
                if isinstance(node.target, tree.Name):
                    value = join((self.origin(node.target, scope), value))
                self._bind(node.target, value, scope)
            case statement.If():
                self.origin(node.test, scope)
                self._either(scope, lambda: self.block(node.then, scope), lambda: self.block(node.otherwise, scope))
            case statement.For():
                element = self._element(node.source, scope, static=False)

                def step() -> None:
                    self._bind(node.target, element, scope)
                    self.block(node.body, scope)

                self._loop(scope, step)
            case statement.While():

                def turn() -> None:
                    self.origin(node.test, scope)
                    self.block(node.body, scope)

                self._loop(scope, turn)
                self.origin(node.test, scope)
            case statement.Return():
                self._returns.append(self.origin(node.value, scope))
            case statement.Assert():
                self.origin(node.test, scope)
            case statement.Close():
                for expression in statement.expressions(node):
                    self.origin(expression, scope)
            case statement.Define():
                scope.names[node.name] = self._function(node.parameters, node.body, scope)
                scope.maybe.discard(node.name)

    def _either(self, scope: Scope, *ways: Callable[[], object]) -> None:
        before, maybe = dict(scope.names), set(scope.maybe)
        ends: list[dict[str, Origin]] = []
        for way in ways:
            scope.names, scope.maybe = dict(before), set(maybe)
            way()
            ends.append(scope.names)
            maybe |= scope.maybe
        scope.names = {}
        for name in dict.fromkeys(n for end in ends for n in end):
            found = [end[name] for end in ends if name in end]
            if len(found) < len(ends):
                maybe.add(name)
                found.append(self._outside(name, scope))
            scope.names[name] = join(found)
        scope.maybe = maybe

    def _outside(self, name: str, scope: Scope) -> Origin:
        """What a name is that has not been bound: an input perhaps."""
        return Origin(frozenset((name,))) if scope.parent is None else NONE

    def _loop(self, scope: Scope, step: Callable[[], object]) -> None:
        while True:
            before = dict(scope.names)
            self._either(scope, step, lambda: None)
            if scope.names == before:
                return

    def _bind(self, target: tree.Expression, value: Origin, scope: Scope) -> None:
        match target:
            case tree.Name():
                scope.names[target.name] = value
                scope.maybe.discard(target.name)
            case tree.Sequence():
                for i, item in enumerate(target.items):
                    self._bind(item, value.part(i, len(target.items)), scope)
            case tree.Index():
                self._indices(target, scope)
                self._bind(target.base, join((self.origin(target.base, scope).any(), value)), scope)

    # Expressions

    def origin(self, node: tree.Expression, scope: Scope) -> Origin:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise LimitExceeded(
                "The program calls its functions too often to be compiled.",
                span=node.span,
                hint="Write a loop instead of many calls.",
            )
        match node:
            case tree.Name():
                return self._lookup(node, scope)
            case tree.Binary():
                return self._spine(node, scope)
            case tree.Unary():
                return self.origin(node.operand, scope).whole()
            case tree.Conditional():
                self.origin(node.test, scope)
                return join((self.origin(node.then, scope), self.origin(node.other, scope)))
            case tree.Sequence():
                return Origin(items=tuple(self.origin(item, scope) for item in node.items))
            case tree.Index():
                return self._index(node, scope)
            case tree.Call():
                return self._call(node, scope)
            case tree.Invoke():
                function = self.origin(node.function, scope)
                return self.call(function, *self._arguments(node, scope))
            case tree.Lambda():
                return self._function(node.parameters, node.body, scope)
            case tree.Comprehension():
                return self._comprehension(node, scope)
        for part in tree.children(node):
            self.origin(part, scope)
        return NONE

    def _spine(self, node: tree.Binary, scope: Scope) -> Origin:
        # A long sum leans to the left: walked in a loop, so that Python's stack does not bound its length.
        found: list[Origin] = []
        part: tree.Expression = node
        while isinstance(part, tree.Binary):
            found.append(self.origin(part.right, scope))
            part = part.left
        found.append(self.origin(part, scope))
        return together(found)

    def _lookup(self, node: tree.Name, scope: Scope) -> Origin:
        around: Scope | None = scope
        while around is not None:
            if node.name in around.names:
                if node.name in around.maybe and around.parent is None:
                    self.places.setdefault(node.name, node)
                return around.names[node.name]
            around = around.parent
        self.places.setdefault(node.name, node)
        return Origin(frozenset((node.name,)))

    def _index(self, node: tree.Index, scope: Scope) -> Origin:
        base = self.origin(node.base, scope)
        self._indices(node, scope)
        first = node.items[0]
        if base.items and len(node.items) == 1:
            if isinstance(first, tree.Number) and isinstance(first.value, int) and first.value < len(base.items):
                return base.items[first.value]
            return base.any()
        return base.whole()

    def _indices(self, node: tree.Index, scope: Scope) -> None:
        for item in node.items:
            if not isinstance(item, tree.Slice):
                self._use(self.origin(item, scope), integer=True, static=False)
                continue
            found = window(item)
            if found is None:
                for part in tree.children(item):
                    self._use(self.origin(part, scope), integer=True, static=True)
                continue
            self._use(self.origin(found.start, scope), integer=True, static=False)
            if isinstance(found.length, tree.Expression):
                self._use(self.origin(found.length, scope), integer=True, static=True)

    def _element(self, node: tree.Expression, scope: Scope, static: bool) -> Origin:
        """The origin of what a loop over something gets; `static`: the number of steps has to be known."""
        name = node.name if isinstance(node, tree.Call) and self._named(node.name, scope) is None else ""
        if not isinstance(node, tree.Call) or name not in ITERABLES:
            return self.origin(node, scope).any()
        if name == "range":
            found = [self.origin(argument, scope) for argument in node.arguments]
            for origin in found:
                self._use(origin, integer=True, static=static)
            return together(found)
        parts = tuple(self._element(argument, scope, static) for argument in node.arguments)
        if name == "zip":
            return Origin(items=parts)
        if name == "enumerate":
            return Origin(items=(NONE, parts[0] if parts else NONE))
        return join(parts)

    def _comprehension(self, node: tree.Comprehension, scope: Scope) -> Origin:
        inner = Scope(scope)
        for clause in node.clauses:
            self._bind(clause.target, self._element(clause.source, inner, static=True), inner)
            for test in clause.filters:
                self.conditions.update(self._all(test, inner).known())
        return self.origin(node.item, inner).whole()

    def _all(self, node: tree.Expression, scope: Scope) -> Origin:
        """The inputs in a condition that has to be known."""
        self.origin(node, scope)
        return together(self._lookup(part, scope) for part in tree.walk(node) if isinstance(part, tree.Name))

    # Calls

    def _function(
        self, parameters: tuple[tree.Parameter, ...], body: statement.Block | tree.Expression, scope: Scope
    ) -> Origin:
        defaults = {p.name: self.origin(p.default, scope) for p in parameters if p.default is not None}
        # One that is defined in each step of a loop is the same every time, so that the steps come to agree.
        found = self._callees.setdefault((id(body), scope), Callee(parameters, body, scope, defaults))
        found.defaults = {name: join((found.defaults[name], origin)) for name, origin in defaults.items()}
        return Origin(functions=frozenset((found,)))

    def _named(self, name: str, scope: Scope) -> Origin | None:
        around: Scope | None = scope
        while around is not None:
            if name in around.names:
                return around.names[name]
            around = around.parent
        return None

    def _arguments(self, node: tree.Call | tree.Invoke, scope: Scope) -> tuple[list[Origin], dict[str, Origin]]:
        positional = [self.origin(argument, scope) for argument in node.arguments]
        return positional, {name: self.origin(argument, scope) for name, argument in node.keywords}

    def _call(self, node: tree.Call, scope: Scope) -> Origin:
        if node.name in ITERABLES:
            # As a value, and not as what a loop runs over, it is an array.
            return self._element(node, scope, static=True)
        positional, keywords = self._arguments(node, scope)
        own = self._named(node.name, scope)
        if own is not None:
            return self.call(own, positional, keywords)
        if node.name in DERIVED or node.name in APPLIED:
            return self._special(node.name, positional, keywords)
        function = find_function(node.name)
        if function is not None:
            for kind, origin in _kinds(function, positional, keywords):
                integer = kind in STATIC_INTEGERS
                self._use(origin, integer or kind == "Indices", integer or kind in STATIC_OTHERS)
        whole = together((*positional, *keywords.values()))
        if node.name == "int":
            return Origin(rounded=whole.known())
        return whole if node.name in _HANDED_ON else NONE

    def _special(self, name: str, positional: Sequence[Origin], keywords: dict[str, Origin]) -> Origin:
        parameters = DERIVED.get(name) or APPLIED[name]
        given = {p.name: origin for p, origin in zip(parameters, positional, strict=False)} | keywords
        for parameter, origin in given.items():
            if parameter in STATIC:
                self._use(origin, integer=parameter != "method", static=True)
        function = given.get("f", NONE)
        if name in DERIVED:
            for inner in given.get("df", NONE).functions:
                self._enter(inner, [NONE] * len(inner.parameters), {})
            return Origin(functions=function.functions)
        first = next((given[p] for p in ("arguments", "x", "start", "a", "y", "xs") if p in given), NONE)
        arguments = list(first.items or [first]) if name in ("jvp", "vjp") else [first.any()]
        if name == "odeint":
            arguments = [first, given.get("t", NONE).any()]
        self.call(function, arguments, {})
        return NONE

    def call(self, function: Origin, positional: Sequence[Origin], keywords: dict[str, Origin]) -> Origin:
        return join([self._enter(callee, positional, keywords) for callee in function.functions])

    def _enter(self, callee: Callee, positional: Sequence[Origin], keywords: dict[str, Origin]) -> Origin:
        if self._active.count(callee.body) >= 2:
            return NONE
        scope = Scope(callee.scope)
        given = {p.name: o for p, o in zip(callee.parameters, positional, strict=False)} | keywords
        for parameter in callee.parameters:
            scope.names[parameter.name] = given.get(parameter.name, callee.defaults.get(parameter.name, NONE))
        self._active.append(callee.body)
        before, self._returns = self._returns, []
        try:
            if not isinstance(callee.body, tuple):
                return self.origin(callee.body, scope)
            # A name that is assigned anywhere in a function is its own, as in Python.
            for name in assigned(callee.body):
                scope.names.setdefault(name, NONE)
            self.block(callee.body, scope)
            return join(self._returns)
        finally:
            self._active.pop()
            self._returns = before


def _kinds(function: Function, positional: Sequence[Origin], keywords: dict[str, Origin]) -> list[tuple[str, Origin]]:
    """The kinds that a function takes its arguments as."""
    found: list[tuple[str, Origin]] = []
    parameters = list(function.parameters)
    for origin in positional:
        if not parameters:
            break
        found.append((parameters[0].kind, origin))
        if not parameters[0].variadic:
            parameters.pop(0)
    kinds: dict[str, str] = {p.name: p.kind for p in function.parameters}
    return found + [(kinds.get(name, "Value"), origin) for name, origin in keywords.items()]
