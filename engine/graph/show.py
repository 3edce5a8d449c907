"""Graphs as text, for people who debug the engine."""

from __future__ import annotations

from engine.graph.values import Graph, Value


def show(graph: Graph, indent: str = "") -> str:
    """One line per node: `%3: real[2] = add %1 %2`; the graphs that a node owns are below it, further in."""
    names: dict[Value, str] = {}

    def name(value: Value) -> str:
        if value.constant is not None:
            return str(value.constant) if not value.shape else f"<{value.type}>"
        return names.setdefault(value, f"%{len(names)}")

    lines = ["inputs " + ", ".join(f"{name(v)}: {v.type}" for v in graph.inputs)]
    for node in graph.nodes:
        left = ", ".join(f"{name(v)}: {v.type}" for v in node.outputs)
        params = "".join(f" {key}={value}" for key, value in node.params.items())
        lines.append(f"  {left} = {node.primitive.name}{params} " + " ".join(name(v) for v in node.inputs))
        lines += [show(inner, "    ") for inner in node.graphs]
    lines.append("outputs " + ", ".join(name(v) for v in graph.outputs))
    return "\n".join(indent + line for text in lines for line in text.split("\n"))
