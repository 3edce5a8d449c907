"""Stacks: what the steps of a loop left for another loop, as many values as there were steps.

They are made and read by loops alone.  All that is ever done to them besides is adding two, which happens where the
cotangents of one meet.
"""

from __future__ import annotations

from engine.graph.primitive import Primitive
from engine.graph.registry import register

add_stacks: Primitive = register(
    Primitive(
        name="add_stacks",
        infer=lambda a, b: (a,),
        value=lambda a, b: a.plus(b),
        vjp=lambda node, cotangents, wanted: [cotangents[0], cotangents[0]],
        jvp=lambda node, tangents: [
            add_stacks(*tangents) if None not in tangents else next(t for t in tangents if t is not None)  # type: ignore[arg-type]
        ],
        batch=lambda node, inputs, batched, size: [add_stacks(*(inputs if batched[0] else reversed(inputs)))],
        kind="stack",
    )
)
# What stands for the stack of a branch that was not taken, and is never read.
no_stack: Primitive = register(
    Primitive(
        name="no_stack",
        infer=lambda *, type: (type,),
        value=lambda *, type: None,
        vjp=lambda node, cotangents, wanted: [],
        batch=lambda node, inputs, batched, size: [no_stack(**node.params)],
        kind="stack",
    )
)
