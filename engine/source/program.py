"""A program as a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import LimitExceeded, SyntaxFault, TypeMismatch
from engine.graph.build import Builder
from engine.graph.types import Type
from engine.graph.values import Value
from engine.source import statement
from engine.source.arguments import array
from engine.source.exits import RETURN
from engine.source.interpreter import Interpreter
from engine.source.lower import output_of
from engine.source.merging import MISSING, kind_of
from engine.source.outputs import program_outputs, result_span
from engine.source.recording import Recorder
from engine.source.results import Result
from engine.source.stack import deep_stack


def lower_program(
    program: statement.Program,
    builder: Builder,
    types: Mapping[str, Type],
    constants: Mapping[str, Any],
    recorded: bool = False,
) -> tuple[tuple[Value, ...], dict[str, Value]]:
    """The outputs of a program, and its inputs by name, emitted into `builder`; as `lower_expression`.

    `recorded`: what it assigns is marked (`engine.source.recording`).
    """
    with deep_stack(), builder:
        inputs = {name: builder.input(type) for name, type in types.items()}
        given = {**inputs, **{name: builder.constant(value) for name, value in constants.items()}}
        interpreter = (Recorder if recorded else Interpreter)(program, builder.limits, given)
        try:
            result = _result(interpreter, program, given)
        except RecursionError:
            raise LimitExceeded(
                "The program calls its functions too deeply.", hint="Write a loop instead of recursion."
            ) from None
        return _outputs(program, result), inputs


def _result(interpreter: Interpreter, program: statement.Program, given: Mapping[str, Value]) -> Result:
    main = program.main
    if main is not None:
        interpreter.scope.names = {n: v for n, v in given.items() if n not in {p.name for p in main.parameters}}
    found = interpreter.run(program.body)
    if main is None:
        if found.possible != {RETURN}:
            raise SyntaxFault("The program may end without a return.", hint="return a value in every case")
        return found.result
    function = interpreter.scope.names[main.name]
    arguments = {p.name: given[p.name] if p.name in given else function.defaults[p.name] for p in main.parameters}
    return interpreter.enter(function, arguments)


def _outputs(program: statement.Program, result: Result) -> tuple[Value, ...]:
    wanted = program_outputs(program)
    span = result_span(program)
    if wanted is None:
        if isinstance(result, tuple):
            raise TypeMismatch(
                f"The program returns {kind_of(result)}, and one array is needed.",
                span=span,
                hint="take it apart: a, b = …, and return a, b",
            )
        return (array(result, span, "the result"),)
    assert result is not MISSING
    return tuple(output_of(item, span, number) for number, item in enumerate(result))
