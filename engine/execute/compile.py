"""The numpy interpreter: a graph becomes a list of instructions once, and is run many times, from several threads.

Values live in numbered registers.  A register is cleared after its last use when what it holds is large, so that the
peak memory is that of the live values; the same walk tells the peak before anything is allocated.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from engine.errors import BudgetExceeded, Limit, LimitExceeded
from engine.execute.control import made
from engine.execute.elements import quick
from engine.execute.guards import doubtful, guards
from engine.execute.noisy import noisy
from engine.execute.ownership import Owned, ownership
from engine.execute.tape import Run
from engine.graph.integers import GROWING, WHOLE_NUMBERS, checked
from engine.graph.types import Array, Type
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits

CALL_NANOSECONDS = 400.0
"""What one instruction costs beyond its elements; measured 150 (scalar add) to 1,500 (small einsum)."""
STEP_NANOSECONDS = 1000.0
"""What a step of a loop costs beyond its body."""
UNKNOWN_STEPS = 1000
CLEAR_BYTES = 4096
CHECK_NANOSECONDS = 1_000_000.0
"""The deadline is looked at after about this much estimated work."""

COMPARISONS = frozenset(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"))
"""An exact tie on a differentiated value means that the point lies on the boundary of a condition."""

NUMBER = Type("real", ())
QUICK: dict[str, Callable[..., Any]] = {
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "logical_and": operator.and_,
    "logical_or": operator.or_,
}
"""What Python's operators do ten times as fast on single numbers, of whatever dtype."""

TAPE_SHARE = 0.25
"""What of the bytes that a run may hold its loops may keep for the way back."""

Guarding = Literal[False, True, "rare"]
Dead = tuple[int, ...]
Instruction = tuple[Callable[..., Any], int, int | None, int, tuple[tuple[int, ...], tuple[int, ...], Dead] | None]
"""Function, registers of its one or two arguments and of its result; or, in the end, of all of these, and those to
clear.

The first register of all holds the run itself, for control flow.
"""


@dataclass(frozen=True, slots=True)
class Executable:
    """A graph ready to run.  `seconds` and `peak_bytes` are estimates made from the graph alone.

    `watches` are registers that tell of kinks, `guards` those that tell of lost digits.  `control`: whether there are
    loops or choices.
    """

    blocks: tuple[tuple[Instruction, ...], ...]
    template: tuple[Any, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    watches: tuple[int, ...]
    guards: tuple[int, ...]
    seconds: float
    peak_bytes: int
    tape_bytes: int
    control: bool

    def __call__(
        self, arguments: Sequence[Any], budget: Budget | None = None, random: np.random.Generator | None = None
    ) -> tuple[list[Any], bool, bool]:
        """The outputs for these arguments (numpy scalars and arrays of the input types), whether a watch fired, and
        whether a guard did.  `random` is what a noisy executable draws its errors from."""
        if budget is not None:
            budget.check()
        run = Run(budget, self.tape_bytes, random=random)
        outputs = self.inside(run, arguments)
        return outputs, run.met, run.guarded

    def inside(self, run: Run, arguments: Sequence[Any]) -> list[Any]:
        """The outputs, as a part of a larger run."""
        registers = self.fresh(run)
        for index, argument in zip(self.inputs, arguments, strict=True):
            registers[index] = argument
        self.execute(registers)
        return [registers[i] for i in self.outputs]

    def fresh(self, run: Run) -> list[Any]:
        """Registers in which only the arguments are missing."""
        registers = list(self.template)
        registers[0] = run
        return registers

    def execute(self, registers: list[Any]) -> None:
        """Run all instructions on registers that hold the arguments."""
        run = registers[0]
        budget = run.budget
        for number, block in enumerate(self.blocks):
            if number and budget is not None:
                budget.check()
            for function, a, b, target, rest in block:
                # Nearly all operations have one or two arguments and one result: measured 1.6 times as fast this way.
                if rest is None:
                    registers[target] = function(registers[a]) if b is None else function(registers[a], registers[b])
                else:
                    _execute(registers, function, *rest)
        if self.watches and any(registers[i] for i in self.watches):
            run.met = True
        if self.guards and any(registers[i] for i in self.guards):
            run.guarded = True


def _execute(
    registers: list[Any], function: Callable[..., Any], sources: tuple[int, ...], targets: tuple[int, ...], dead: Dead
) -> None:
    """Any instruction."""
    result = function(*[registers[i] for i in sources])
    if len(targets) == 1:
        registers[targets[0]] = result
    else:
        for index, part in zip(targets, result, strict=True):
            registers[index] = part
    for index in dead:
        registers[index] = None


def _instruction(
    function: Callable[..., Any], sources: tuple[int, ...], targets: tuple[int, ...], dead: Dead = ()
) -> Instruction:
    """An instruction in its quick form where it has one."""
    if 1 <= len(sources) <= 2 and len(targets) == 1 and not dead:
        return function, sources[0], sources[1] if len(sources) == 2 else None, targets[0], None
    return function, 0, None, 0, (sources, targets, dead)


def node_nanoseconds(node: Node) -> float:
    """The estimated time of one node."""
    if node.graphs:
        return loop_nanoseconds(node)
    cost = node.primitive.cost
    return CALL_NANOSECONDS + (cost(node) if cost is not None else 0.0)


def loop_nanoseconds(node: Node) -> float:
    """The estimated time of control flow; of a loop without a known number of steps, that of some."""
    inner = [sum(map(node_nanoseconds, graph.nodes)) for graph in node.graphs]
    if node.primitive.name != "loop":
        return CALL_NANOSECONDS + max(inner)
    return CALL_NANOSECONDS + steps_of(node) * (inner[0] + STEP_NANOSECONDS)


def steps_of(node: Node) -> int:
    """How many steps a loop takes, or, where that is not known beforehand, a guess."""
    count = node.inputs[0].constant if node.params["bounded"] else None
    return UNKNOWN_STEPS if count is None else max(0, int(count))


def bind(node: Node) -> Callable[..., Any]:
    """The node's function of arrays, with its static parameters filled in."""
    scalar = node.primitive.scalar
    if scalar is not None and all(v.type == NUMBER for v in node.inputs):
        return scalar
    if all(not v.type.shape for v in node.inputs):
        quick = QUICK.get(node.primitive.name) or WHOLE_NUMBERS.get(node.primitive.name)
        if quick is not None and (node.primitive.name in QUICK or node.outputs[0].type.dtype == "int"):
            return quick
    value = node.primitive.value
    if node.outputs[0].type.dtype == "int" and node.primitive.name in GROWING:
        value = checked(value)
    return partial(value, **node.params) if node.params else value


def compile_graph(
    graph: Graph,
    limits: Limits | None = None,
    watched: Set[Node] = frozenset(),
    guard: Guarding = False,
    owned: Owned | None = None,
    noise: bool = False,
) -> Executable:
    """An executable of the graph.  A watch on each of the `watched` nodes fires when the node is at a kink or a tie.
    `owned` says what may be done in place, if that is already known.  With `noise`, everything rounds at random.

    With `guard`, guards are set where digits may be lost; in loops rare ones, in some of the steps.

    Raises `LimitExceeded` if the graph needs too much memory, `BudgetExceeded` if a node would take too long.
    """
    limits = limits or Limits()
    owned = owned or ownership(graph, results=False)
    numbers, template = _registers(graph)
    last_use: dict[Value, Node] = {}
    for node in graph.nodes:
        for value in node.inputs:
            last_use[value] = node
    kept = {*graph.outputs, *graph.inputs}
    live = peak = sum(v.type.bytes for v in numbers if v.node is None)
    watches: list[int] = []
    guarded = guards(graph, rare=guard == "rare") if guard else {}
    fired: list[int] = []
    blocks: list[tuple[Instruction, ...]] = []
    block: list[Instruction] = []
    total = since = 0.0
    for node in graph.nodes:
        cost = node_nanoseconds(node)
        if cost > limits.run_seconds * 1e9 and not node.graphs:
            _refuse_slow(node, cost, limits)
        live += sum(v.type.bytes for v in node.outputs if v.type.shape)
        inner = [
            compile_graph(inside, limits, watched, guard and node.primitive.name != "loop" and guard, part, noise)
            for inside, part in zip(node.graphs, owned.inner.get(node, ()), strict=True)
        ]
        if guard and node.primitive.name == "loop":
            inner.append(compile_graph(node.graphs[0], limits, watched, "rare", owned.inner[node][0], noise))
        peak = max([peak, live, *[live + part.peak_bytes for part in inner]])
        dead = []
        for value in {*node.inputs, *node.outputs}:
            over = value not in kept and value.constant is None and last_use.get(value, node) is node
            if over and value.type.shape:
                live -= value.type.bytes
                if value.type.bytes > CLEAR_BYTES:
                    dead.append(numbers[value])
        if since + cost > CHECK_NANOSECONDS and block:
            blocks.append(tuple(block))
            block, since = [], 0.0
        targets = tuple(numbers[v] for v in node.outputs)
        sources = tuple(numbers[v] for v in node.inputs)
        function = _function(node, inner, owned)
        rounded = noisy(node, function) if noise else None
        function = rounded or function
        if inner or rounded:
            sources = (0, *sources)
        if node in watched:
            watches.append(len(template))
            template.append(False)
            block.append(_instruction(_watch(node), sources, (watches[-1],)))
            cost *= 2
        if node in guarded:
            fired.append(len(template))
            template.append(False)
            block.append(_instruction(function, sources, targets))
            block.append(_instruction(guarded[node], (targets[0], *sources), (fired[-1],), tuple(dead)))
        else:
            block.append(_instruction(function, sources, targets, tuple(dead)))
        since += cost
        total += cost
    blocks.append(tuple(block))
    if guard is True and doubtful(graph):
        fired.append(len(template))
        template.append(True)
    if peak > limits.run_bytes:
        raise LimitExceeded(
            f"The computation would hold {peak:,} bytes at once; {limits.run_bytes:,} are allowed.",
            limit=Limit("run_bytes", limits.run_bytes, peak),
        )
    return Executable(
        tuple(blocks),
        tuple(template),
        tuple(numbers[v] for v in graph.inputs),
        tuple(numbers[v] for v in graph.outputs),
        tuple(watches),
        tuple(fired),
        total * 1e-9,
        peak,
        int(limits.run_bytes * TAPE_SHARE),
        any(node.graphs for node in graph.nodes),
    )


def _function(node: Node, inner: Sequence[Executable], owned: Owned) -> Callable[..., Any]:
    """What computes a node, in place where that is allowed."""
    if inner:
        return made(node, inner, owned.copied.get(node, frozenset()), owned.taken_over.get(node, frozenset()))
    operand = owned.in_place.get(node)
    if (short := quick(node, operand is not None)) is not None:
        return short
    if operand is None:
        return bind(node)
    if node.primitive.in_place is None:
        return _add_to_first if operand == 0 else _add_to_second
    return partial(node.primitive.in_place, **node.params)


def _add_to_first(x: Any, y: Any) -> Any:
    return np.add(x, y, out=x)


def _add_to_second(x: Any, y: Any) -> Any:
    return np.add(x, y, out=y)


def kink_places(node: Node, arguments: Sequence[Any]) -> Array | None:
    """Where a node is at a kink, or a comparison of real numbers at a tie; None for nodes that have neither."""
    kink = node.primitive.kink
    if kink is not None:
        return np.asarray(kink.at(*arguments, **node.params))
    if node.primitive.name in COMPARISONS and node.inputs[0].type.dtype == "real":
        return np.asarray(arguments[0] == arguments[1])
    return None


def may_kink(node: Node) -> bool:
    """Whether `kink_places` can find anything."""
    real = bool(node.inputs) and node.inputs[0].type.dtype == "real"
    return real and (node.primitive.kink is not None or node.primitive.name in COMPARISONS)


def _watch(node: Node) -> Callable[..., Any]:
    if node.primitive.kink is None and all(v.type == NUMBER for v in node.inputs):
        return operator.eq
    return partial(_fires, node)


def _fires(node: Node, *arguments: Any) -> bool:
    return bool(np.any(kink_places(node, arguments)))


def _registers(graph: Graph) -> tuple[dict[Value, int], list[Any]]:
    numbers: dict[Value, int] = {}
    template: list[Any] = [None]

    def number(value: Value) -> None:
        if value not in numbers:
            numbers[value] = len(template)
            template.append(value.constant)

    for value in graph.inputs:
        number(value)
    for node in graph.nodes:
        for value in (*node.inputs, *node.outputs):
            number(value)
    for value in graph.outputs:
        number(value)
    return numbers, template


def _refuse_slow(node: Node, nanoseconds: float, limits: Limits) -> None:
    raise BudgetExceeded(
        f"{node.primitive.name} alone would take about {nanoseconds * 1e-9:.0f} s here; "
        f"{limits.run_seconds:g} s are allowed.",
        span=node.span,
        limit=Limit("run_seconds", limits.run_seconds, nanoseconds * 1e-9),
    )


def as_argument(array: Any, value: Value) -> Any:
    """An array as the executable takes it: float64, int64 or bool, a numpy scalar for a number."""
    if array.__class__ is np.ndarray and array.dtype.char == "d" and value.type.dtype == "real":
        return array if array.ndim else array[()]
    dtype: Any = {"real": np.float64, "int": np.int64, "bool": np.bool_}[value.type.dtype]
    found: Array = np.asarray(array, dtype=dtype)
    return found if found.ndim else found[()]
