"""Lowering: the source tree becomes a graph, with the types of the inputs known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError, Fault, ShapeMismatch, SyntaxFault, TypeMismatch, UnknownName
from engine.graph.build import Builder, current
from engine.graph.registry import PRIMITIVES
from engine.graph.simplify import number
from engine.graph.types import Type
from engine.graph.values import Value
from engine.primitives.function import ALIASES, FUNCTIONS
from engine.primitives.shape import same_dtype, stack0
from engine.source import tree
from engine.source.arguments import array, bind_arguments, static
from engine.source.index import index
from engine.source.names import CONSTANTS, Uses, find_function, near, near_function
from engine.source.show import show
from engine.source.text import Span

Result = Any
"""What an expression lowers to: a value, a tuple of results, None, or a string."""

MOST_FAULTS = 100
"""Unknown names that are listed, at most."""
_BINARY = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "mod"}
_COMPARE = {
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "==": "equal",
    "!=": "not_equal",
}


METHODS: dict[type[Any], str] = {
    tree.Number: "number",
    tree.Text: "text",
    tree.Nothing: "nothing",
    tree.Name: "name",
    tree.Unary: "unary",
    tree.Binary: "binary",
    tree.Compare: "compare",
    tree.Logic: "logic",
    tree.Conditional: "conditional",
    tree.Sequence: "sequence",
    tree.Index: "index",
    tree.Call: "call",
    tree.Slice: "misplaced",
    tree.Dots: "misplaced",
}


def check_names(root: tree.Expression, found: Uses, given: Mapping[str, Any]) -> None:
    """Raise `UnknownName` with every name and function of the expression that does not exist."""
    unknown: list[tuple[Span, tree.Name | tree.Call]] = []
    for name, place in found.places.items():
        if name not in given and name not in CONSTANTS:
            unknown.append((place.span, place))
    seen: set[str] = set()
    for node in tree.walk(root):
        if isinstance(node, tree.Call) and node.name not in seen and find_function(node.name) is None:
            seen.add(node.name)
            unknown.append((node.name_span, node))
    if unknown:
        unknown.sort(key=lambda item: item[0].start)
        span, first = unknown[0]
        faults = [fault_of(node, given) for _, node in unknown[:MOST_FAULTS]]
        raise UnknownName(faults[0].detail, span=span, hint=hint_for(first, given), faults=faults)


def fault_of(node: tree.Name | tree.Call, given: Mapping[str, Any], pointer: str = "/expr") -> Fault:
    """What is wrong with a name that nothing stands for."""
    if isinstance(node, tree.Call):
        if node.name in given or node.name in CONSTANTS:
            return Fault(pointer, f"{node.name!r} is a number or an array and cannot be called.")
        return Fault(pointer, f"There is no function {node.name!r}.")
    if find_function(node.name) is not None:
        return Fault(pointer, f"{node.name!r} is a function.")
    return Fault(f"/at/{node.name}", f"{node.name!r} is neither an input nor a constant.")


def hint_for(node: tree.Name | tree.Call, given: Mapping[str, Any]) -> str | None:
    """What may have been meant."""
    name = node.name
    if isinstance(node, tree.Call):
        if name in given or name in CONSTANTS:
            return f"write {name} * (…) for a product"
        return near_function(name)
    if find_function(name) is not None:
        return f"call it: {name}(x)"
    if "·" in name:
        return "'·' is part of a name here: write * for a product"
    return near(name, [*given, *CONSTANTS]) or f'give it in "at": {{"{name}": …}}'


class Lowering:
    """One expression being lowered into the current builder; `environment` holds the inputs by name."""

    methods = METHODS
    """The method for each kind of node, by name."""

    def __init__(self, environment: Mapping[str, Value]) -> None:
        self._environment = environment

    @property
    def _builder(self) -> Builder:
        """The graph that is being built, which may be one inside another."""
        return current()

    def lower(self, node: tree.Expression) -> Result:
        """The value of a node; what it emits carries the node's span."""
        builder = current()
        before, builder.span = builder.span, node.span
        try:
            return getattr(self, self.methods[type(node)])(node)
        except EngineError as error:
            if error.span is None:
                error.span = node.span
            raise
        finally:
            builder.span = before

    def value(self, node: tree.Expression) -> Value:
        """A node that must be a number or an array."""
        return array(self.operand(node), node.span, "this")

    def operand(self, node: tree.Expression) -> Result:
        """A node that is an argument of a function or an operator."""
        return self.lower(node)

    def number(self, node: tree.Number) -> Result:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
            value = float(value)
        return self._builder.constant(value)

    def text(self, node: tree.Text) -> Result:
        return node.value

    def nothing(self, node: tree.Nothing) -> Result:
        return None

    def name(self, node: tree.Name) -> Result:
        found = self._environment.get(node.name)
        return found if found is not None else self._builder.constant(CONSTANTS[node.name])

    def unary(self, node: tree.Unary) -> Result:
        operand = self.value(node.operand)
        if node.operator == "+":
            return operand
        self._builder.span = node.span
        return PRIMITIVES["negative" if node.operator == "-" else "logical_not"](operand)

    def binary(self, node: tree.Binary) -> Result:
        # The left spine of a long sum is walked in a loop: its depth is not bounded by Python's stack.
        spine = [node]
        while isinstance(spine[-1].left, tree.Binary):
            spine.append(spine[-1].left)
        left = self.value(spine[-1].left)
        for part in reversed(spine):
            right = self.value(part.right)
            self._builder.span = part.span
            try:
                left = self._apply(part, left, right)
            except EngineError as error:
                if error.span is None:
                    error.span = part.span
                raise
        return left

    def _apply(self, node: tree.Binary, left: Value, right: Value) -> Value:
        operator = node.operator
        if operator == "@":
            try:
                return FUNCTIONS["matmul"].build(left, right)  # type: ignore[no-any-return]
            except ShapeMismatch as error:
                raise _named(node, left, right) or error from None
        if operator == "**":
            return FUNCTIONS["pow"].build(left, right)  # type: ignore[no-any-return]
        return self._arithmetic(operator, left, right)

    def _arithmetic(self, operator: str, left: Value, right: Value) -> Value:
        if left.type.dtype != "real" and right.type.dtype != "real":
            exact = self._integers(operator, left, right)
            if exact is not None:
                return exact
        return PRIMITIVES[_BINARY[operator]](left, right)

    def _integers(self, operator: str, left: Value, right: Value) -> Value | None:
        """Arithmetic on literals beyond 2^53 goes on in float64 instead of wrapping round; so does division by 0."""
        a, b = number(left), number(right)
        if operator in ("//", "%"):
            return None if b else PRIMITIVES[_BINARY[operator]](left, right * 1.0)
        if a is None or b is None or operator == "/":
            return None
        magnitude = abs(a * b) if operator == "*" else abs(a) + abs(b)
        return PRIMITIVES[_BINARY[operator]](left * 1.0, right * 1.0) if magnitude > 2.0**53 else None

    def compare(self, node: tree.Compare) -> Result:
        operands = [self.value(part) for part in node.operands]
        self._builder.span = node.span
        result: Value | None = None
        for operator, left, right in zip(node.operators, operands, operands[1:], strict=False):
            link = PRIMITIVES[_COMPARE[operator]](left, right)
            result = link if result is None else PRIMITIVES["logical_and"](result, link)
        return result

    def logic(self, node: tree.Logic) -> Result:
        operands = [self.value(part) for part in node.operands]
        self._builder.span = node.span
        result = operands[0]
        for operand in operands[1:]:
            result = PRIMITIVES["logical_and" if node.operator == "and" else "logical_or"](result, operand)
        return result

    def conditional(self, node: tree.Conditional) -> Result:
        test = self.value(node.test)
        if test.shape:
            raise TypeMismatch(
                f"The condition of `if` is an array of shape {test.shape}; it must be one truth value.",
                span=node.test.span,
                hint="where(condition, a, b) chooses element by element",
            )
        then, other = self.value(node.then), self.value(node.other)
        self._builder.span = node.span
        return PRIMITIVES["select"](test, then, other)

    def sequence(self, node: tree.Sequence) -> Result:
        if node.tuple:
            return tuple(self.lower(item) for item in node.items)
        if not node.items:
            return self._builder.constant([], "real")
        items = [self.value(item) for item in node.items]
        self._builder.span = node.span
        return stack0(*same_dtype(items))

    def index(self, node: tree.Index) -> Result:
        base = self.lower(node.base)
        if isinstance(base, tuple):
            if len(node.items) != 1:
                raise TypeMismatch("Several results are told apart by one number, as in [0].", span=node.span)
            return self.element_of(base, node, self.lower(node.items[0]))
        return self.indexed(array(base, node.base.span, "what is indexed"), node)

    def element_of(self, base: tuple[Result, ...], node: tree.Index, index: Result) -> Result:
        """One of several results."""
        position = static(index, "int", node.items[0].span, "the index of several results")
        if not -len(base) <= position < len(base):
            raise TypeMismatch(f"There are {len(base)} results; there is no number {position}.", span=node.span)
        return base[position]

    def indexed(self, base: Value, node: tree.Index) -> Value:
        """`base[items]` of an array."""
        self._builder.span = node.span
        return index(base, node, self.operand)

    def call(self, node: tree.Call) -> Result:
        name = ALIASES.get(node.name, node.name)
        function = FUNCTIONS[name]
        positional, keywords = bind_arguments(node, function, self.operand)
        self._builder.span = node.span
        if name in ("mod", "floor_divide"):
            return self._arithmetic("%" if name == "mod" else "//", *positional)
        return function.build(*positional, **keywords)

    def misplaced(self, node: tree.Expression) -> Result:
        what = "'...'" if isinstance(node, tree.Dots) else "A slice"
        raise SyntaxFault(f"{what} stands only inside an index, as in x[...].", span=node.span)


def _named(node: tree.Binary, left: Value, right: Value) -> ShapeMismatch | None:
    """The refusal of a matrix product in the client's names, with the transpose that would fit; None for numbers."""
    if not left.rank or not right.rank:
        return None
    a, b = (_short(part, side) for part, side in ((node.left, "the left"), (node.right, "the right")))
    inner, outer = left.shape[-1], right.shape[-2] if right.rank > 1 else right.shape[0]
    detail = f"{a} is {left.shape} and {b} is {right.shape}; the inner sizes {inner} and {outer} differ."
    hint = None
    if left.rank == 2 and left.shape[0] == outer:
        hint = f"transpose({a}) @ {b}"
    elif right.rank == 2 and right.shape[1] == inner:
        hint = f"{a} @ transpose({b})"
    return ShapeMismatch(detail if inner != outer else f"{a} is {left.shape} and {b} is {right.shape}.", hint=hint)


def _short(node: tree.Expression, otherwise: str) -> str:
    """A name or a small part of the text as the client may have written it."""
    short = node.span.end - node.span.start < 30
    return show(node) if short and isinstance(node, tree.Name | tree.Index | tree.Call) else otherwise


def output_of(result: Result, span: Span, number: int) -> Value:
    if isinstance(result, tuple):
        detail = f"Output {number} is itself a tuple of {len(result)}; an output is one array."
        raise TypeMismatch(detail, span=span, hint="put them in a row: a, b, c; or make an array: [a, b]")
    return array(result, span, f"output {number}")


def written_outputs(root: tree.Expression) -> int | None:
    """How many outputs a text has that is a tuple, as in `a, b`; None for one whose result is a single array."""
    return len(root.items) if isinstance(root, tree.Sequence) and root.tuple and root.items else None


def lower_expression(
    root: tree.Expression, builder: Builder, types: Mapping[str, Type], constants: Mapping[str, Any]
) -> tuple[tuple[Value, ...], dict[str, Value]]:
    """The outputs of the expression, and its inputs by name, emitted into `builder`.

    A text that is a tuple has several outputs (`written_outputs`), any other has one.  `types` has the inputs in their
    order, `constants` the inputs whose values the graph is specialised to.
    """
    with builder:
        inputs = {name: builder.input(type) for name, type in types.items()}
        fixed = {name: builder.constant(value) for name, value in constants.items()}
        lowering = Lowering({**inputs, **fixed})
        if isinstance(root, tree.Sequence) and root.tuple and root.items:
            return tuple(output_of(lowering.lower(item), item.span, i) for i, item in enumerate(root.items)), inputs
        result = lowering.lower(root)
        if isinstance(result, tuple):
            raise TypeMismatch(
                f"The text has {len(result)} results, and one is needed.",
                span=root.span,
                hint="pick one with [0], or write a list: [a, b]",
            )
        return (array(result, root.span, "the result"),), inputs
