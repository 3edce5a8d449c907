"""What a program returns, as its text says: one array, several, or several with names."""

from __future__ import annotations

from engine.errors import SyntaxFault
from engine.source import statement, tree
from engine.source.text import Span

Outputs = int | tuple[str, ...] | None
"""How many outputs, or their names; None for a single one that is not told apart."""


def program_outputs(program: statement.Program) -> Outputs:
    """The outputs of a program, which are the same at each return."""
    body = program.body if program.main is None else program.main.body
    found: list[tuple[Outputs, statement.Return]] = [
        (_outputs(part), part) for part in statement.statements(body) if isinstance(part, statement.Return)
    ]
    if not found:
        assert program.main is not None
        raise SyntaxFault(f"{program.main.name} needs a return.", span=program.main.name_span, hint="return the result")
    first = found[0][0]
    for outputs, part in found[1:]:
        if outputs != first:
            raise SyntaxFault(
                f"This returns {_told(outputs)}, and an earlier return {_told(first)}.",
                span=part.span,
                hint="return the same outputs everywhere",
            )
    return first


def result_span(program: statement.Program) -> Span:
    """Where the result stands: in the first return."""
    body = program.body if program.main is None else program.main.body
    found = (part.value.span for part in statement.statements(body) if isinstance(part, statement.Return))
    return next(found, program.span)


def _outputs(node: statement.Return) -> Outputs:
    if node.names is not None:
        return node.names
    value = node.value
    return len(value.items) if isinstance(value, tree.Sequence) and value.tuple and value.items else None


def _told(outputs: Outputs) -> str:
    if outputs is None:
        return "one result"
    return f"{outputs} results" if isinstance(outputs, int) else "results named " + ", ".join(outputs)
