"""Expressions as nodes of ONNX: primitive by primitive, where it has the same.

An expression is lowered for two numbers of examples.  What differs between the two graphs is the axis over examples,
which has to stay open in the file.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.definition import read
from engine.errors import Unsupported
from engine.graph.build import Builder
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.limits import Limits
from engine.models.exchange.primitives import PRIMITIVES, Pair, Untranslatable
from engine.models.exchange.sheet import Emission

EXAMPLES = (7, 11)
"""Numbers of examples; an axis of such lengths in the two graphs is that over examples."""


def expression(e: Emission) -> str:
    """The emitter of a layer that is an expression.  Raises `Unsupported` for what ONNX has no equivalent of."""
    names = _names(e)
    first, second = (_lowered(e, names, examples) for examples in EXAMPLES)
    if [node.primitive.name for node in first.nodes] != [node.primitive.name for node in second.nodes]:
        raise _refused(e, "does other things for another number of examples")
    known: dict[Value, str] = {}
    for name, value in zip([*names, *e.options["parameters"]], first.inputs, strict=True):
        known[value] = names[name] if name in names else e.weight(name)
    twins: dict[Value, Value] = dict(zip(first.inputs, second.inputs, strict=True))
    for node, twin in zip(first.nodes, second.nodes, strict=True):
        twins |= dict(zip(node.outputs, twin.outputs, strict=True))
    count = len(first.nodes)
    for number, (node, twin) in enumerate(zip(first.nodes, second.nodes, strict=True)):
        write = PRIMITIVES.get(node.primitive.name)
        if write is None or node.graphs or len(node.outputs) != 1:
            raise _refused(e, f"applies `{node.primitive.name}`, which has no equivalent in ONNX")
        last = number == count - 1 and first.outputs[0] is node.outputs[0]
        inputs = [_named(e, value, other, known) for value, other in zip(node.inputs, twin.inputs, strict=True)]
        try:
            known[node.outputs[0]] = write(Pair(e, node, twin, inputs, "" if last else f"part{number + 1}"))
        except Untranslatable as error:
            raise _refused(e, str(error)) from None
    result = _named(e, first.outputs[0], second.outputs[0], known)
    return result if result == e.placed.name else e.node("Identity", result)


def _names(e: Emission) -> Mapping[str, str]:
    """What the inputs of the layer are called in the sheet, by what the expression calls them."""
    return {"x": e.x, **{f"x{k}": name for k, name in enumerate(e.inputs, 1)}}


def _lowered(e: Emission, names: Mapping[str, str], examples: int) -> Graph:
    limits = Limits()
    found = read(e.options["expr"], "expr", limits)
    signals = [e.placed.signals[0], *e.placed.signals]
    types = {
        name: Type(signal.dtype, (examples, *signal.shape)) for name, signal in zip(names, signals, strict=True)
    } | {name: Type("real", own.shape) for name, own in e.options["parameters"].items()}
    builder = Builder(limits, rewrite=True)
    outputs, values = found.lower(builder, types, {})
    graph = builder.finish(outputs)
    # All of them, in this order, whichever the expression uses.
    return Graph(tuple(values.get(name) or Value(types[name], None) for name in types), graph.nodes, graph.outputs)


def _named(e: Emission, value: Value, twin: Value, known: dict[Value, str]) -> str:
    if value in known:
        return known[value]
    if value.constant is None or twin.constant is None:
        raise _refused(e, "uses what has no equivalent in ONNX")
    if value.constant.shape != twin.constant.shape or not (value.constant == twin.constant).all():
        raise _refused(e, "has numbers that depend on the number of examples, which is open in a file of ONNX")
    known[value] = e.number(f"constant{len(known)}", value.constant)
    return known[value]


def _refused(e: Emission, detail: str) -> Unsupported:
    functions = "sums, products, reductions, exp, log, tanh and the like have one"
    return Unsupported(f"The layer `{e.placed.name}` cannot be exported: its expression {detail}.", hint=functions)
