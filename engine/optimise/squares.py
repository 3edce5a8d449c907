"""Sums of squares, recognised in the graph of a function as it was written.

Every square of something that moves with the variables is cut out of the graph.  What is left is a function of the
squares; if it is made of linear operations only, and its gradient in the squares does not depend on the variables, it
is their weighted sum, with that gradient as the weights, and a constant.  What stands around the whole and never falls,
such as the root of a norm, is taken off before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from engine.derive.reverse import gradient
from engine.graph.build import Builder
from engine.graph.simplify import number
from engine.graph.values import Graph, Node, Value, depends_on, live_nodes, with_outputs
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import add, divide, multiply, negative
from engine.primitives.powers import to_power
from engine.primitives.reductions import sum_
from engine.primitives.shape import concatenate, reshape

RISING = frozenset(("sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10"))
"""Functions of one number that rise wherever they are defined: they do not move a minimiser."""
LINEAR = frozenset(("add", "subtract", "negative", "multiply", "divide", "select"))
"""Beside the primitives of the kind `linear`, what can be linear in some of its inputs."""

Operation = Callable[[Value, Value], Value]


@dataclass(frozen=True, slots=True)
class Blocks:
    """A function as rising(Σ weights · residuals²) + constant.

    All three graphs have the inputs of the function.  `residuals` has one output (m,), block after block, row-major;
    `weights` has one for each block, in its shape.  The weights do not depend on the variables; neither do `factors`,
    numbers by which the whole was multiplied after it went through a rising function.  If the product of their signs is
    negative, all weights have to be ≤ 0 and not ≥ 0; `rising` tells whether there is such a function, so that the value
    is not the sum itself.
    """

    residuals: Graph
    weights: Graph
    factors: Graph
    rising: bool


def blocks(
    graph: Graph, sources: Sequence[int], limits: Limits | None = None, budget: Budget | None = None
) -> Blocks | None:
    """The function as a sum of squares in the inputs at the positions `sources`, or None where it is not seen to be.

    `sum(r^2)`, `r @ r`, `mean(w*r^2)`, `norm(r)`, `(1-x)^2 + 100*(y-x^2)^2`, `0.5*r*r`, even powers, and any linear
    combination of them, sums along axes, picked elements and choices that do not depend on the variables among it.
    Whether all weights have one sign is not known before the data are.  What a loop adds up is not seen.
    """
    if len(graph.outputs) != 1 or graph.outputs[0].shape or graph.outputs[0].type.dtype != "real":
        return None
    with Builder(limits, budget, start=graph) as builder:
        search = _Search(graph, sources, builder)
        output, factors, rising = search.peeled(graph.outputs[0])
        found = search.image.get(output)
        if found is None:
            return None
        top = builder.finish([found])
        used = {*top.outputs, *(v for node in top.nodes for v in node.inputs)}
        places = {value: position for position, value in enumerate(top.inputs)}
        chosen = [(r, places[cut]) for r, cut in search.cuts.items() if cut in used]
        if not chosen:
            return None
        positions = [position for _, position in chosen]
        rows = [reshape(r, shape=(r.type.size,)) for r, _ in chosen]
        parts = (rows[0] if len(rows) == 1 else concatenate(*rows, axis=0),)
        residuals = Graph(graph.inputs, live_nodes(builder.nodes, parts), parts)
    slopes = gradient(top, positions, limits, budget).graph
    weights = with_outputs(slopes, slopes.outputs[1:])
    moving = depends_on(weights.nodes, {top.inputs[i] for i in (*sources, *positions)})
    if not moving.isdisjoint(weights.outputs):
        return None
    count = len(graph.inputs)
    fixed = Graph(
        weights.inputs[:count], tuple(n for n in weights.nodes if moving.isdisjoint(n.inputs)), weights.outputs
    )
    return Blocks(residuals, fixed, with_outputs(graph, tuple(factors)), rising)


class _Search:
    """For each value of a graph that is linear in squares, its `image` made of what was cut out."""

    def __init__(self, graph: Graph, sources: Sequence[int], builder: Builder) -> None:
        self.active = depends_on(graph.nodes, {graph.inputs[i] for i in sources})
        self.builder = builder
        self.cuts: dict[Value, Value] = {}
        self.image: dict[Value, Value] = {}
        for node in graph.nodes:
            if len(node.outputs) == 1 and node.outputs[0] in self.active:
                found = self._image(node)
                if found is not None:
                    self.image[node.outputs[0]] = found

    def peeled(self, output: Value) -> tuple[Value, list[Value], bool]:
        """The value inside rising functions, factors of what is outside, and whether there was such a function."""
        factors: list[Value] = []
        rising, inner = False, output
        while inner not in self.image and inner.node is not None:
            node = inner.node
            name = node.primitive.name
            moving = [v for v in node.inputs if v in self.active]
            if name in ("norm", "hypot"):
                root = self._under_root(inner)
                if root is not None and inner.type.size == 1:
                    self.image[inner] = root
                    return inner, factors, True
            if len(moving) != 1 or moving[0].type.size != 1:
                break
            if name in RISING:
                rising = True
            elif name == "multiply" or (name == "divide" and moving[0] is node.inputs[0]):
                factors.append(node.inputs[1 if moving[0] is node.inputs[0] else 0])
            elif name == "negative" or (name == "subtract" and moving[0] is node.inputs[1]):
                factors.append(self.builder.constant(-1.0))
            elif name not in ("add", "subtract", "reshape", "sum", "element"):
                break
            inner = moving[0]
        return inner, factors, rising

    def _image(self, node: Node) -> Value | None:
        name = node.primitive.name
        square = self._square(node)
        if square is not None:
            return square
        if node.graphs or (node.primitive.kind != "linear" and name not in LINEAR):
            return None
        if any(v in self.active and v not in self.image for v in node.inputs):
            return None
        # A factor that is a sum of squares itself makes the weights depend on it, which is noticed later.
        inputs = [self.image.get(v, v) for v in node.inputs]
        return self.builder.emit(node.primitive, inputs, node.params)[0]

    def _square(self, node: Node) -> Value | None:
        """The image of a node that squares something: `r^2`, `r*r`, `w*r*r`, `r^4`, `norm(r)^2`."""
        name, inputs = node.primitive.name, node.inputs
        if name == "square":
            return self._under_root(inputs[0]) or self._cut(inputs[0])
        if name == "power":
            exponent = number(inputs[1])
            even = exponent is not None and exponent >= 2 and exponent % 2 == 0
            return self._cut(to_power(inputs[0], inputs[1] / 2.0)) if even else None
        if name == "matmul" and node.outputs[0].type.size == 1:
            left, right = (_flat(v) for v in inputs)
            if left is right and left in self.active:
                total = sum_(self._cut(left), axes=tuple(range(left.rank)))
                return reshape(total, shape=node.outputs[0].shape)
            return None
        if name == "multiply" and all(v in self.active for v in inputs):
            return self._product(*inputs)
        return None

    def _product(self, x: Value, y: Value) -> Value | None:
        (left, factors), (right, others) = self._without_factors(x), self._without_factors(y)
        if left is not right:
            return None
        found = self._under_root(left) or self._cut(left)
        for factor, operation in (*factors, *others):
            found = negative(found) if factor is None else operation(found, factor)
        return found

    def _without_factors(self, value: Value) -> tuple[Value, list[tuple[Value | None, Operation]]]:
        """What is left of a product without factors that do not depend on the variables, and these."""
        found: list[tuple[Value | None, Operation]] = []
        while value.node is not None:
            name, inputs = value.node.primitive.name, value.node.inputs
            still = [v for v in inputs if v not in self.active]
            if name == "multiply" and still:
                found.append((still[0], multiply))
            elif name == "divide" and inputs[0] in self.active and still:
                found.append((still[0], divide))
            elif name == "negative":
                found.append((None, multiply))
            else:
                break
            value = next(v for v in inputs if v in self.active)
        return value, found

    def _under_root(self, value: Value) -> Value | None:
        """The image of the square of a root: of a norm, `hypot`, or the root of a sum of squares."""
        node = value.node
        name = node.primitive.name if node is not None else ""
        if node is None or value not in self.active:
            return None
        if name == "norm":
            return sum_(self._cut(node.inputs[0]), axes=node.params["axes"])
        if name == "hypot":
            parts = [self._cut(v) if v in self.active else v * v for v in node.inputs]
            return add(*parts)
        if name == "sqrt":
            return self.image.get(node.inputs[0])
        return None

    def _cut(self, residual: Value) -> Value:
        if residual.node is not None and residual.node.primitive.name in ("abs", "negative"):
            residual = residual.node.inputs[0]
        if residual not in self.cuts:
            self.cuts[residual] = self.builder.input(residual.type)
        return self.cuts[residual]


def _flat(value: Value) -> Value:
    """The value before it was laid out as a row or a column."""
    while value.node is not None and value.node.primitive.name in ("reshape", "transpose"):
        if prod(value.shape) != max(value.shape, default=1):
            break
        value = value.node.inputs[0]
    return value
