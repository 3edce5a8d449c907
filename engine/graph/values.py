"""Values, nodes and graphs: immutable, and shared between a graph and the graphs derived from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.graph.registry import PRIMITIVES
from engine.graph.types import Array, Shape, Type
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.graph.primitive import Primitive


class Value:
    """One value of a graph: an input, a constant, or an output of a node.

    Arithmetic on values emits nodes into the graph that is being built (see `build.Builder`), so that the rules of
    primitives read as formulas.  Values compare by identity; `==` on numbers is the function `equal`.

    A constant that was rounded when it was folded has a `recipe`: the node it comes from, of which it is an output, and
    whose inputs are constants, perhaps with recipes themselves.
    """

    __slots__ = ("constant", "index", "node", "recipe", "span", "type")

    def __init__(
        self,
        type: Type,
        span: Span | None,
        node: Node | None = None,
        index: int = 0,
        constant: Array | None = None,
        recipe: Node | None = None,
    ) -> None:
        self.type = type
        self.span = span
        self.node = node
        self.index = index
        self.constant = constant
        self.recipe = recipe

    @property
    def shape(self) -> Shape:
        """The static shape."""
        return self.type.shape

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.type.shape)

    def __add__(self, other: Operand) -> Value:
        return PRIMITIVES["add"](self, other)

    def __radd__(self, other: Operand) -> Value:
        return PRIMITIVES["add"](other, self)

    def __sub__(self, other: Operand) -> Value:
        return PRIMITIVES["subtract"](self, other)

    def __rsub__(self, other: Operand) -> Value:
        return PRIMITIVES["subtract"](other, self)

    def __mul__(self, other: Operand) -> Value:
        return PRIMITIVES["multiply"](self, other)

    def __rmul__(self, other: Operand) -> Value:
        return PRIMITIVES["multiply"](other, self)

    def __truediv__(self, other: Operand) -> Value:
        return PRIMITIVES["divide"](self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return PRIMITIVES["divide"](other, self)

    def __neg__(self) -> Value:
        return PRIMITIVES["negative"](self)

    def __matmul__(self, other: Value) -> Value:
        return PRIMITIVES["matmul"](self, other)

    def __lt__(self, other: Operand) -> Value:
        return PRIMITIVES["less"](self, other)

    def __le__(self, other: Operand) -> Value:
        return PRIMITIVES["less_equal"](self, other)

    def __gt__(self, other: Operand) -> Value:
        return PRIMITIVES["less"](other, self)

    def __ge__(self, other: Operand) -> Value:
        return PRIMITIVES["less_equal"](other, self)

    def __repr__(self) -> str:
        what = "constant" if self.constant is not None else self.node.primitive.name if self.node else "input"
        return f"<{what}: {self.type}>"


Operand = Value | float | int


class Node:
    """One primitive applied to values, with static parameters; control flow owns sub-graphs.

    `derived` tells a node of a derivative from one of the function that is differentiated.  `effect` says that it has
    to run whether its outputs are needed or not, as an assertion has.
    """

    __slots__ = ("derived", "effect", "graphs", "inputs", "outputs", "params", "primitive", "span")

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Value, ...],
        params: Mapping[str, Any],
        graphs: tuple[Graph, ...],
        types: tuple[Type, ...],
        span: Span | None,
        derived: bool = False,
        folded: Sequence[Any] | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.graphs = graphs
        self.span = span
        self.derived = derived
        self.effect: bool = primitive.effect or any(n.effect for g in graphs for n in g.nodes)
        self.outputs: tuple[Value, ...]
        if folded is None:
            self.outputs = tuple(Value(type, span, self, index) for index, type in enumerate(types))
        else:
            numbered = enumerate(zip(types, folded, strict=True))
            self.outputs = tuple(Value(type, span, None, index, array, self) for index, (type, array) in numbered)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Inputs, nodes in topological order, outputs.  Constants belong to the values that hold them.

    While it is being built, a graph inside another may use values from around it; see `free.close`.
    """

    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]


def with_outputs(graph: Graph, outputs: tuple[Value, ...]) -> Graph:
    """The graph of other outputs, made of the same nodes."""
    return Graph(graph.inputs, live_nodes(graph.nodes, outputs), outputs)


def depends_on(nodes: tuple[Node, ...], sources: set[Value]) -> set[Value]:
    """All values that depend on `sources`, the sources included."""
    reached = set(sources)
    for node in nodes:
        for value in node.inputs:
            if value in reached:
                reached.update(node.outputs if not node.graphs else _reached_outputs(node, reached))
                break
    return reached


def _reached_outputs(node: Node, reached: set[Value]) -> Iterator[Value]:
    """The outputs of control flow that depend on those of its inputs that are reached."""
    flags = [v in reached for v in node.inputs]
    if node.primitive.name == "loop":
        found = _reached_by_steps(node, flags)
    elif node.primitive.name == "choice" and not flags[0]:
        inside = [_reached_in(graph, flags[1:]) for graph in node.graphs]
        found = [any(each) for each in zip(*inside, strict=True)]
    else:
        found = [True] * len(node.outputs)
    return (v for v, flag in zip(node.outputs, found, strict=True) if flag)


def _reached_in(graph: Graph, flags: list[bool]) -> list[bool]:
    reached = depends_on(graph.nodes, {v for v, flag in zip(graph.inputs, flags, strict=True) if flag})
    return [v in reached for v in graph.outputs]


def _reached_by_steps(node: Node, flags: list[bool]) -> list[bool]:
    """The outputs of a loop (see `engine.graph.loops`): what is reached in one step may be read in the next."""
    (body,), params = node.graphs, node.params
    head, carried = params["bounded"] + params["conditional"], params["carried"]
    if any(flags[:head]):
        return [True] * len(node.outputs)
    moving, rest = flags[head : head + carried], flags[head + carried :]
    while True:
        found = _reached_in(body, [False, *moving, *rest])
        if params["conditional"] and found.pop(0):
            return [True] * len(node.outputs)
        grown = [a or b for a, b in zip(moving, found, strict=False)]
        if grown == moving:
            return [False, *grown, *found[carried:]]
        moving = grown


def live_nodes(nodes: tuple[Node, ...] | list[Node], outputs: tuple[Value, ...]) -> tuple[Node, ...]:
    """The nodes that the outputs need, and those with an effect, in their order."""
    needed = {value.node for value in outputs if value.node is not None}
    kept: list[Node] = []
    for node in reversed(nodes):
        if node.effect or node in needed:
            kept.append(node)
            needed.update(_makers(node))
    kept.reverse()
    return tuple(kept)


def _makers(node: Node) -> Iterator[Node]:
    return (value.node for value in node.inputs if value.node is not None)
