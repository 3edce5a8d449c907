"""Control flow in the numpy interpreter: choices, loops, and functions with a rule of their own.

The executables of inner graphs get the run, which has the budget, in their first register.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import BudgetExceeded
from engine.execute.interpret import row_and_start_bytes
from engine.execute.tape import Again, Column, Row, Run, Tape
from engine.graph.loops import Parts
from engine.graph.values import Node
from engine.source.text import Span

LOOKED_AT = 4
LOOK_EVERY = 64
"""Guards look at the first steps of a loop, and then at every so many."""
CHECK_SECONDS = 2e-4
"""The deadline is looked at after about this much estimated work."""


def choice(then: Any, otherwise: Any) -> Callable[..., Any]:
    """A function (run, predicate, operands) → outputs: of one branch."""
    single = len(then.outputs) == 1

    def run_choice(run: Run, predicate: Any, *operands: Any) -> Any:
        found = (then if predicate else otherwise).inside(run, operands)
        return found[0] if single else found

    return run_choice


def custom(function: Any) -> Callable[..., Any]:
    """A function (run, arguments) → outputs."""
    single = len(function.outputs) == 1

    def run_custom(run: Run, *arguments: Any) -> Any:
        found = function.inside(run, arguments)
        return found[0] if single else found

    return run_custom


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop ready to run: (run, inputs) → outputs.

    `body` is the executable of a step, `looking` one with guards, which takes some of the steps.  `copied` are the
    carried values that the body changes in place: they are copied before the first step, and wherever a tape keeps
    them.
    """

    parts: Parts
    body: Any
    looking: Any
    span: Span | None
    every: int
    copied: frozenset[int]
    taken_over: frozenset[int]
    row_bytes: int
    start_bytes: int

    def __call__(self, run: Run, *inputs: Any) -> tuple[Any, ...]:
        parts = self.parts
        count = int(inputs[0]) if parts.bounded else None
        going = bool(inputs[parts.bounded]) if parts.conditional else True
        carried, reads, invariants = parts.divided(inputs)
        carried = [np.array(v) if k in self.copied and k not in self.taken_over else v for k, v in enumerate(carried)]
        if count is not None and count <= 0:
            going = False
        tape = None
        if parts.writes:
            tape = Tape(
                run, self._again(run, reads, invariants, count), self.row_bytes, self.start_bytes, parts.backward
            )
        steps, carried = self._steps(run, carried, reads, invariants, count, going, tape)
        stacks = [Column(tape, k) for k in range(parts.writes)] if tape is not None else []
        return (np.int64(steps), *carried, *stacks)

    def _steps(
        self,
        run: Run,
        carried: Sequence[Any],
        reads: Sequence[Any],
        invariants: Sequence[Any],
        count: int | None,
        going: bool,
        tape: Tape | None,
    ) -> tuple[int, Sequence[Any]]:
        parts, body = self.parts, self.body
        registers = body.fresh(run)
        inputs = body.inputs
        own_carried, own_reads, own_invariants = parts.in_body(inputs)
        for register, value in zip(own_invariants, invariants, strict=True):
            registers[register] = value
        first = count - 1 if parts.backward and count is not None else 0
        way = -1 if parts.backward else 1
        index_register, carried_registers = inputs[0], list(own_carried)
        conditional, end = parts.conditional, parts.conditional + parts.carried
        execute, outputs, every, budget = body.execute, body.outputs, self.every, run.budget
        looking = self.looking
        tapes, others = _by_tape(own_reads, reads)
        steps = 0
        try:
            while going and (count is None or steps < count):
                index = first + way * steps
                registers[index_register] = np.int64(index)
                for register, value in zip(carried_registers, carried, strict=True):
                    registers[register] = value
                for read, columns in tapes:
                    row = read.row(index)
                    for register, column in columns:
                        registers[register] = row[column]
                for register, stack in others:
                    registers[register] = stack.at(index)
                if tape is not None and tape.full:
                    tape.open(self._kept(carried))
                if looking is not None and (steps < LOOKED_AT or not steps % LOOK_EVERY):
                    found = looking.inside(run, [registers[i] for i in inputs])
                else:
                    execute(registers)
                    found = [registers[i] for i in outputs]
                if conditional:
                    going = bool(found[0])
                carried = found[conditional:end]
                if tape is not None:
                    tape.add(tuple(found[end:]))
                steps += 1
                if budget is not None and not steps % every:
                    budget.check()
        except BudgetExceeded as error:
            place_in_loop(error, self.span, steps)
            raise
        run.steps += steps
        return steps, carried

    def _kept(self, carried: Sequence[Any]) -> Sequence[Any]:
        return [np.array(v) if k in self.copied else v for k, v in enumerate(carried)]

    def _again(self, run: Run, reads: Sequence[Any], invariants: Sequence[Any], count: int | None) -> Again:
        """Steps taken again for their rows."""
        parts, body = self.parts, self.body

        def again(first: int, number: int, carried: Sequence[Any], keep: bool) -> tuple[list[Row], Sequence[Any]]:
            registers = body.fresh(run)
            own_carried, own_reads, own_invariants = parts.in_body(body.inputs)
            for register, value in zip(own_invariants, invariants, strict=True):
                registers[register] = value
            carried = self._kept(carried)
            rows: list[Row] = []
            for step in range(first, first + number):
                index = step if not parts.backward else (count or 0) - 1 - step
                registers[body.inputs[0]] = np.int64(index)
                for register, value in zip(own_carried, carried, strict=True):
                    registers[register] = value
                for register, stack in zip(own_reads, reads, strict=True):
                    registers[register] = stack.at(index)
                body.execute(registers)
                found = [registers[i] for i in body.outputs]
                carried = found[parts.conditional : parts.conditional + parts.carried]
                if keep:
                    rows.append(tuple(found[parts.conditional + parts.carried :]))
                if run.budget is not None and not step % self.every:
                    run.budget.check()
            return rows, carried

        return again


def place_in_loop(error: BudgetExceeded, span: Span | None, steps: int) -> None:
    """Tell in which loop the time has gone, if no inner one has been told."""
    if error.span is None and error.limit is not None:
        error.span = span
        error.detail = error.detail.rstrip(".") + f"; this loop had taken {steps:,} steps by then."


def _by_tape(
    registers: Sequence[int], stacks: Sequence[Any]
) -> tuple[list[tuple[Tape, list[tuple[int, int]]]], list[tuple[int, Any]]]:
    """Which columns of which tape go where, so that a row is looked up once; and the stacks that are none."""
    tapes: dict[int, tuple[Tape, list[tuple[int, int]]]] = {}
    others = []
    for register, stack in zip(registers, stacks, strict=True):
        if isinstance(stack, Column):
            tapes.setdefault(id(stack.tape), (stack.tape, []))[1].append((register, stack.number))
        else:
            others.append((register, stack))
    return list(tapes.values()), others


def made(node: Node, inner: Sequence[Any], copied: frozenset[int], taken_over: frozenset[int]) -> Callable[..., Any]:
    """The function (run, inputs) → outputs of a node with inner graphs, from their executables."""
    if node.primitive.name == "choice":
        return choice(*inner)
    if node.primitive.name == "custom":
        return custom(inner[0])
    body, *looking = inner
    parts = Parts.of(node)
    every = max(1, int(CHECK_SECONDS / max(body.seconds, 1e-9)))
    return Loop(
        parts,
        body,
        looking[0] if looking else None,
        node.span,
        min(every, 1024),
        copied,
        taken_over,
        *row_and_start_bytes(parts),
    )
