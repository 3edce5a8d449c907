"""Which operations may write their result into an argument, because nobody needs it any more.

An array may be overwritten when this run has made it itself, and neither it nor a view of it is used afterwards, be it
by a later node, by the caller or by a tape.  So a loop that fills an array element by element takes time in proportion
to the elements and not to their square.  The analysis follows arrays through choices and loops: these take over what
they are the last to use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.graph.loops import Parts
from engine.graph.values import Graph, Node, Value

VIEWS = frozenset(
    ("reshape", "transpose", "broadcast_to", "strided", "windows", "flip", "element", "gather", "read_region", "cast")
)
"""Operations whose result may share memory with their first argument."""
FRESH = frozenset(("elementwise", "linear", "multilinear"))
"""Kinds of operations whose result is an array of its own, those in `VIEWS` and `SAME` apart."""
SAME = frozenset(("stop_gradient",))
ROOT = int | Node
"""Whose memory an array may be in: that of an input of the graph (by number), or of what a node has made.  What nobody
may write to, a constant or an array of unknown origin, is in `FOREIGN`."""
FOREIGN = -1


@dataclass(slots=True)
class Owned:
    """What may be done in place: by node, the argument that is overwritten.

    `inner`: the same for the graphs of a node.  Of a loop, `copied` are the carried values that its body overwrites,
    `taken_over` those whose first value it may overwrite too.  `results`: in whose memory each output may be.
    `changed`: the inputs that are overwritten.
    """

    in_place: dict[Node, int] = field(default_factory=dict)
    inner: dict[Node, tuple[Owned, ...]] = field(default_factory=dict)
    copied: dict[Node, frozenset[int]] = field(default_factory=dict)
    taken_over: dict[Node, frozenset[int]] = field(default_factory=dict)
    results: list[frozenset[ROOT]] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)


def ownership(graph: Graph, given: frozenset[int] = frozenset(), results: bool = True) -> Owned:
    """The analysis of a graph that may overwrite those of its inputs that are `given` to it.

    Without `results`, it is not told where the outputs are.
    """
    return _Walk(graph, given, results).found


class _Walk:
    def __init__(self, graph: Graph, given: frozenset[int], results: bool) -> None:
        self.found = Owned()
        self._given = given
        self._roots: dict[Value, frozenset[ROOT]] = {v: frozenset([i]) for i, v in enumerate(graph.inputs)}
        self._last: dict[ROOT, int] = {}
        self._kept: set[ROOT] = set()
        if not any(n.graphs or n.primitive.in_place is not None for n in graph.nodes):
            # Nothing is filled step by step: what there is to gain is not worth the analysis.
            if results:
                self._plain(graph)
            return
        self._uses: dict[Value, list[int]] = {}
        for number, node in enumerate(graph.nodes):
            for value in node.inputs:
                self._uses.setdefault(value, []).append(number)
        self._outputs = set(graph.outputs)
        self._sharing: dict[ROOT, list[Value]] = {i: [v] for i, v in enumerate(graph.inputs)}
        for number, node in enumerate(graph.nodes):
            self._visit(number, node)
        self.found.results = [self._of(v) for v in graph.outputs]

    def _plain(self, graph: Graph) -> None:
        roots = {v: frozenset[ROOT]([i]) for i, v in enumerate(graph.inputs)}
        for node in graph.nodes:
            for value, found in zip(
                node.outputs, _made(node, [roots.get(v, frozenset([FOREIGN])) for v in node.inputs]), strict=True
            ):
                roots[value] = found
        self.found.results = [roots.get(v, frozenset([FOREIGN])) for v in graph.outputs]

    def _of(self, value: Value) -> frozenset[ROOT]:
        return self._roots.get(value, frozenset([FOREIGN]))

    def _enter(self, value: Value, roots: frozenset[ROOT]) -> None:
        if not value.shape and not value.type.stacked and value.node is not None:
            roots = frozenset([value.node])  # a number is never a view
        self._roots[value] = roots
        for root in roots:
            self._sharing.setdefault(root, []).append(value)

    def _visit(self, number: int, node: Node) -> None:
        if node.graphs:
            results = self._control(number, node)
        else:
            given = [self._of(v) for v in node.inputs]
            operand = self._overwritten(number, node)
            if operand is not None:
                self.found.in_place[node] = operand
                self._change(given[operand])
                results = [given[operand]]
            else:
                results = _made(node, given)
        for value, roots in zip(node.outputs, results, strict=True):
            self._enter(value, roots)

    def _change(self, roots: frozenset[ROOT]) -> None:
        self.found.changed |= {root for root in roots if isinstance(root, int)}

    def _overwritten(self, number: int, node: Node) -> int | None:
        """The argument that a node may write its result into."""
        output = node.outputs[0] if node.outputs else None
        if output is None or not output.shape:
            return None
        if node.primitive.in_place is not None:
            return 0 if self._free(number, node.inputs[0]) else None
        if node.primitive.name == "add":
            for i, value in enumerate(node.inputs):
                if value.type == output.type and self._free(number, value):
                    return i
        return None

    def _free(self, number: int, value: Value) -> bool:
        """Whether this node is the last to use an array, and all that shares its memory, and the run has made it."""
        if not value.shape or value.type.stacked:
            return False
        for root in self._of(value):
            if root == FOREIGN or root in self._kept or (isinstance(root, int) and root not in self._given):
                return False
            for other in self._sharing.get(root, ()):
                if other in self._outputs or any(use > number for use in self._uses.get(other, ())):
                    return False
        return True

    def _control(self, number: int, node: Node) -> list[frozenset[ROOT]]:
        once = [node.inputs.count(v) == 1 for v in node.inputs]
        roots = [self._of(v) for v in node.inputs]
        free = frozenset(
            i
            for i, v in enumerate(node.inputs)
            if once[i]
            and self._free(number, v)
            and not any(roots[i] & other for j, other in enumerate(roots) if j != i)
        )
        if node.primitive.name == "loop":
            return self._loop(node, free, roots)
        shift = 1 if node.primitive.name == "choice" else 0
        graphs = node.graphs if node.primitive.name == "choice" else node.graphs[:1]
        own = frozenset(i - shift for i in free if i >= shift)
        parts = tuple(ownership(graph, own) for graph in graphs)
        self.found.inner[node] = parts + tuple(ownership(graph) for graph in node.graphs[len(parts) :])
        for part in parts:
            for i in part.changed:
                self._change(roots[i + shift])
        results = []
        for k, _ in enumerate(node.outputs):
            found: set[ROOT] = set()
            for part in parts:
                for root in part.results[k]:
                    if isinstance(root, Node):
                        found.add(node)
                    else:
                        found |= {FOREIGN} if root == FOREIGN else roots[root + shift]
            results.append(frozenset(found))
        return results

    def _loop(self, node: Node, free: frozenset[int], roots: Sequence[frozenset[ROOT]]) -> list[frozenset[ROOT]]:
        parts = Parts.of(node)
        own, inside = _carried(parts)
        self.found.inner[node] = (inside,)
        copied = frozenset(k for k in own if 1 + k in inside.changed)
        left = inside.results[int(parts.conditional) :]
        if copied and any(isinstance(root, int) and root != 1 + k for k in own for root in left[k]):
            # Arrays change places from step to step, so that another one is overwritten in the next.
            copied = own
        taken = frozenset(k for k in copied if parts.head + k in free)
        self.found.copied[node], self.found.taken_over[node] = copied, taken
        for k in taken:
            self._change(roots[parts.head + k])
        if parts.writes:
            # A tape may take its steps again, from what they began with.
            for found in roots:
                self._kept |= found
        every = frozenset[ROOT]().union({FOREIGN}, *roots)
        results: list[frozenset[ROOT]] = [frozenset()]
        for k in range(parts.carried):
            if k not in own:
                results.append(every)
            elif k in copied and k not in taken:
                results.append(frozenset([node]))
            else:
                results.append(frozenset([node, *roots[parts.head + k]]))
        return results + [frozenset([FOREIGN])] * parts.writes


def _carried(parts: Parts) -> tuple[frozenset[int], Owned]:
    """The carried values that only the loop itself can see, and the analysis of its body with these."""
    own = frozenset(k for k, v in enumerate(parts.body.inputs[1 : 1 + parts.carried]) if v.shape)
    left = slice(int(parts.conditional), int(parts.conditional) + parts.carried)
    while True:
        inside = ownership(parts.body, frozenset(1 + k for k in own))
        results = inside.results[left]
        others = inside.results[left.stop :]
        allowed = {1 + k for k in own}
        kept = set()
        for k in own:
            mine = results[k]
            apart = all(not (mine & other) for j, other in enumerate(results) if j != k)
            apart = apart and all(not (mine & other) for other in others)
            if apart and all(isinstance(root, Node) or root in allowed for root in mine):
                kept.add(k)
        if kept == own:
            return own, inside
        own = frozenset(kept)


def _made(node: Node, given: Sequence[frozenset[ROOT]]) -> list[frozenset[ROOT]]:
    """In whose memory the results of an ordinary node may be."""
    if node.primitive.name in ("broadcast_to", "windows"):
        return [given[0] | {FOREIGN}]  # one element stands for many: not to be written to
    if node.primitive.name in VIEWS:
        return [given[0]]
    if node.primitive.kind in FRESH and node.primitive.name not in SAME:
        return [frozenset([node])] * len(node.outputs)
    return [frozenset[ROOT]().union({FOREIGN}, *given)] * len(node.outputs)
