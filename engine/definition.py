"""The text of a question, whatever kind of text it is: one expression, or a program."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.graph.build import Builder
from engine.graph.types import Type
from engine.graph.values import Value
from engine.limits import Limits
from engine.question import Kind
from engine.source import statement, tree
from engine.source.flow import program_uses
from engine.source.lower import check_names, lower_expression, written_outputs
from engine.source.names import Uses, uses
from engine.source.outputs import Outputs, program_outputs
from engine.source.parse import parse_expression
from engine.source.statements import parse_program
from engine.source.text import Span
from engine.source.unknown import check_program_names


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as its text has it: the tree, how the names in it are used, and how many outputs there are.

    `outputs` is None for one array, a number for several, or their names.  `seconds` is what reading it took.
    """

    root: tree.Expression | statement.Program
    uses: Uses
    outputs: Outputs
    seconds: float

    @property
    def several(self) -> bool:
        """Whether outputs are told apart in an answer, be it a single one."""
        return self.outputs is not None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the outputs, where they have any."""
        return self.outputs if isinstance(self.outputs, tuple) else None

    @property
    def result(self) -> Span:
        """Where the result stands in the text."""
        if not isinstance(self.root, statement.Program):
            return self.root.span
        body = self.root.body if self.root.main is None else self.root.main.body
        return next(s.value.span for s in statement.statements(body) if isinstance(s, statement.Return))

    @property
    def results(self) -> list[Span]:
        """Where each output stands in the text."""
        if isinstance(self.root, tree.Sequence) and self.several:
            return [item.span for item in self.root.items]
        count = 1 if self.outputs is None else self.outputs if isinstance(self.outputs, int) else len(self.outputs)
        return [self.result] * count

    def check(self, given: Mapping[str, Any]) -> None:
        """Raise `UnknownName` for every name that is neither given nor known."""
        if isinstance(self.root, statement.Program):
            check_program_names(self.root, given)
        else:
            check_names(self.root, self.uses, given)

    def lower(
        self, builder: Builder, types: Mapping[str, Type], constants: Mapping[str, Any], recorded: bool = False
    ) -> tuple[tuple[Value, ...], dict[str, Value]]:
        """The outputs, and the inputs by name, emitted into `builder`; see `lower_expression` and `lower_program`."""
        if isinstance(self.root, statement.Program):
            from engine.source.program import lower_program

            return lower_program(self.root, builder, types, constants, recorded)
        return lower_expression(self.root, builder, types, constants)


def read(text: str, kind: Kind, limits: Limits) -> Definition:
    """The definition in a text.  Raises `SyntaxFault` or `LimitExceeded`."""
    start = time.perf_counter()
    if kind == "program":
        program = parse_program(text, limits)
        return Definition(program, program_uses(program), program_outputs(program), time.perf_counter() - start)
    root = parse_expression(text, limits)
    return Definition(root, uses(root), written_outputs(root), time.perf_counter() - start)
