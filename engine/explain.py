"""Findings of a careful run in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.execute.careful import Birth, Findings, Met, Path
from engine.graph.values import Graph, Node, Value
from engine.primitives.table import FUNCTIONS
from engine.question import Warning
from engine.source.text import Span, locate

_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
MOST = 20
"""Warnings of one code, at most; a last one says how many more there are."""


def explain(findings: Findings, graph: Graph, cotangents: Mapping[Value, Value] | None, text: str) -> list[Warning]:
    """The warnings that a careful run of a graph made from this text gives rise to."""
    warnings: list[Warning] = []
    finite = all(np.all(np.isfinite(output)) for output in findings.outputs)
    names = _operations(graph)
    if not finite:
        warnings.append(_not_finite(findings, names, text))
    warnings += [_hidden(span, name) for span, name in _distinct([met.node for met in findings.hidden], names)]
    if finite:
        warnings += [_swallowed(birth, names, text) for birth in findings.swallowed[:1]]
    for met in findings.kinks:
        relevant = _relevant(met, findings, cotangents) if not met.node.derived else None
        if relevant is not None:
            warnings.append(_kink(relevant, text))
    return _at_most(warnings)


def _at_most(warnings: list[Warning]) -> list[Warning]:
    if len(warnings) <= MOST:
        return warnings
    rest = len(warnings) - MOST
    return [*warnings[:MOST], Warning(warnings[-1].code, f"{rest} more of this kind are not listed.")]


def _operations(graph: Graph) -> dict[Span | None, str]:
    """The operation of the function at each place of the text: what a node of its derivative there belongs to."""
    found: dict[Span | None, str] = {}
    for node in graph.nodes:
        if node.graphs:
            for inside in node.graphs:
                found.update(_operations(inside))
        elif not node.derived:
            found[node.span] = node.primitive.name
    return found


def _steps(path: Path, text: str) -> tuple[str, dict[str, Any]]:
    """Where in loops something happened, in words and as fields; the steps are counted from 1."""
    if not path:
        return "", {}
    parts = []
    for loop, step in path:
        line = "" if loop.span is None else f" at line {locate(text, loop.span).line}"
        parts.append(f"step {step + 1:,} of the loop{line}")
    return ", in " + ", ".join(parts), {"steps": [step + 1 for _, step in path]}


def _distinct(nodes: Sequence[Node], names: Mapping[Span | None, str]) -> list[tuple[Span | None, str]]:
    return list({node.span: (node.span, names.get(node.span, node.primitive.name)) for node in nodes}.values())


def _number(value: float) -> str:
    return (
        "NaN" if value != value else "Infinity" if value == np.inf else "-Infinity" if value == -np.inf else repr(value)
    )


def _not_finite(findings: Findings, names: Mapping[Span | None, str], text: str) -> Warning:
    if not findings.births:
        return Warning(
            "non-finite",
            "The answer is not finite because an input is not, or what the text computes from its constants.",
        )
    births = findings.births
    birth = next((b for b in births if not b.node.derived), births[0])
    where, steps = _steps(birth.path, text)
    node = birth.node
    operation = names.get(node.span, node.primitive.name)
    extra = {
        "operation": operation,
        "phase": "backward" if node.derived else "forward",
        "result": birth.result,
        "arguments": list(birth.arguments),
        "position": list(birth.position),
        **steps,
    }
    arguments = ", ".join(_number(a) for a in birth.arguments)
    if not node.derived:
        domain = f" Its domain is {node.primitive.domain}." if node.primitive.domain else ""
        message = f"{node.primitive.name}({arguments}) is {_number(birth.result)}{where}.{domain}"
    else:
        message = (
            f"The derivative of {operation} is not finite here: "
            f"{node.primitive.name}({arguments}) on the way back is {_number(birth.result)}{where}."
        )
    return Warning("non-finite", message, node.span, extra)


def _swallowed(birth: Birth, names: Mapping[Span | None, str], text: str) -> Warning:
    what = "An intermediate result" + (" of the derivative" if birth.node.derived else "")
    where, steps = _steps(birth.path, text)
    arguments = ", ".join(_number(a) for a in birth.arguments)
    return Warning(
        "non-finite",
        f"{what}, {birth.node.primitive.name}({arguments}), is {_number(birth.result)}{where}; "
        "the answer is finite, and may have lost digits there.",
        birth.node.span,
        {
            "operation": names.get(birth.node.span, birth.node.primitive.name),
            "phase": "backward" if birth.node.derived else "forward",
            **steps,
        },
    )


def _hidden(span: Span | None, operation: str) -> Warning:
    return Warning(
        "singular",
        f"The derivative of {operation} is not finite here and is multiplied with an exact 0; 0 was taken. "
        "The true derivative may be a limit that float64 cannot see.",
        span,
        {"operation": operation},
    )


def _relevant(met: Met, findings: Findings, cotangents: Mapping[Value, Value] | None) -> Met | None:
    """What of a kink the answer depends on: where the cotangent is 0, it does not matter what happens."""
    outputs, kink = met.node.outputs, met.node.primitive.kink
    if met.path or outputs[0].type.dtype != "real" or cotangents is None or (kink is not None and kink.jump):
        return met
    places = np.asarray(met.places)
    left = np.zeros(places.shape, dtype=bool)
    for cotangent in [cotangents[output] for output in outputs if output in cotangents]:
        array = cotangent.constant if cotangent.constant is not None else findings.values.get(cotangent)
        if array is None or (places.shape != np.shape(array) and np.any(array)):
            return met
        if places.shape == np.shape(array):
            left |= places & (np.asarray(array) != 0)
    return Met.at(met.node, left) if np.any(left) else None


def _written(node: Node, text: str) -> str:
    """The name of an operation; one that is no function of the language goes by the function that was called."""
    name = node.primitive.name
    called = None if name in FUNCTIONS or node.span is None else _CALL.match(text, node.span.start)
    return name if called is None else called[1]


def _kink(met: Met, text: str) -> Warning:
    node = met.node
    name, kink = node.primitive.name, node.primitive.kink
    many = f" ({met.count} elements, the first at {list(met.position)})" if met.count > 1 else ""
    where, steps = _steps(met.path, text)
    extra: dict[str, Any] = {"operation": name, "count": met.count, "position": list(met.position), **steps}
    if kink is None:
        exact = name in ("equal", "not_equal")
        return Warning(
            "singular" if exact else "kink",
            f"The point lies exactly on the boundary of this comparison{many}{where}; "
            "the derivative is that of the branch that was taken.",
            node.span,
            extra,
        )
    name = extra["operation"] = _written(node, text)
    extra["convention"] = kink.convention
    sides = ""
    if kink.left is not None and kink.right is not None:
        extra["one_sided"] = {"left": kink.left, "right": kink.right}
        sides = f"; from the left {kink.left:g}, from the right {kink.right:g}"
    what = "jumps" if kink.jump else "has a kink"
    return Warning("kink", f"{name} {what} here{many}{where}: {kink.convention}{sides}.", node.span, extra)
