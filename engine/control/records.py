"""The primitives of control flow: a choice between two graphs, a loop over one, a function with a rule of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.control.batch import batch_choice, batch_custom, batch_loop
from engine.control.choices import jvp_of_choice, vjp_of_choice
from engine.control.customs import vjp_of_custom
from engine.control.forward import jvp_of_loop
from engine.control.reverse import vjp_of_loop
from engine.errors import EngineFault
from engine.graph.loops import INDEX, TRUTH, Parts
from engine.graph.primitive import Primitive
from engine.graph.registry import register
from engine.graph.types import Type
from engine.graph.values import Graph


def _not_here(*arguments: Any, **params: Any) -> Any:
    raise EngineFault("control flow is executed by an interpreter and has no value of its own")


def _expect(found: Sequence[Type], wanted: Sequence[Type], what: str) -> None:
    if list(found) != list(wanted):
        raise EngineFault(f"{what}: {list(map(str, found))} where {list(map(str, wanted))} are needed")


def _choice_types(predicate: Type, *operands: Type, graphs: tuple[Graph, ...]) -> tuple[Type, ...]:
    _expect([predicate], [TRUTH], "the predicate of a choice")
    then, otherwise = graphs
    for graph in graphs:
        _expect(operands, [v.type for v in graph.inputs], "the operands of a choice")
    _expect([v.type for v in otherwise.outputs], [v.type for v in then.outputs], "the branches of a choice")
    return tuple(v.type for v in then.outputs)


def _loop_types(*inputs: Type, graphs: tuple[Graph, ...], **params: Any) -> tuple[Type, ...]:
    (body,) = graphs
    parts = Parts(body, **params)
    _expect(inputs[: parts.head], [INDEX] * parts.bounded + [TRUTH] * parts.conditional, "the head of a loop")
    carried, reads, invariants = parts.divided(inputs)
    own_carried, own_reads, own_invariants = parts.in_body([v.type for v in body.inputs])
    _expect([body.inputs[0].type], [INDEX], "the index of a loop")
    _expect(carried, own_carried, "the carried values of a loop")
    _expect(invariants, own_invariants, "the invariants of a loop")
    _expect(reads, [t._replace(stacked=t.stacked + 1) for t in own_reads], "the stacks of a loop")
    left, written = parts.left()
    _expect([v.type for v in left], carried, "what a step of a loop leaves")
    if parts.go_on is not None:
        _expect([parts.go_on.type], [TRUTH], "the end of a loop")
    return (INDEX, *carried, *(v.type._replace(stacked=v.type.stacked + 1) for v in written))


def _custom_types(*arguments: Type, graphs: tuple[Graph, ...], overrides: bool) -> tuple[Type, ...]:
    function, rule = graphs
    _expect(arguments, [v.type for v in function.inputs], "the arguments of a function")
    outputs = [v.type for v in function.outputs]
    cotangents = [t for t in outputs if t.dtype == "real"]
    _expect([*arguments, *outputs, *cotangents], [v.type for v in rule.inputs], "the arguments of a rule")
    _expect([t for t in arguments if t.dtype == "real"], [v.type for v in rule.outputs], "the results of a rule")
    return tuple(outputs)


choice: Primitive = register(
    Primitive(
        name="choice",
        infer=_choice_types,
        value=_not_here,
        vjp=vjp_of_choice,
        jvp=jvp_of_choice,
        batch=batch_choice,
        kind="control",
    )
)
loop: Primitive = register(
    Primitive(
        name="loop",
        infer=_loop_types,
        value=_not_here,
        vjp=vjp_of_loop,
        jvp=jvp_of_loop,
        batch=batch_loop,
        kind="control",
    )
)
# Its rule, the second graph, is given the real arguments' cotangents from the arguments, the outputs and the cotangents
# of the real outputs; forward mode follows by transposition.  `overrides` tells a rule that states a derivative of its
# own from one that is only another way to the derivative of the values, as that of a root is.
custom: Primitive = register(
    Primitive(
        name="custom",
        infer=_custom_types,
        value=_not_here,
        vjp=vjp_of_custom,
        batch=batch_custom,
        kind="control",
    )
)
