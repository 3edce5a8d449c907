"""Names in a program that nothing stands for, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import Fault, UnknownName
from engine.source import statement, tree
from engine.source.lower import MOST_FAULTS, fault_of, hint_for
from engine.source.names import CONSTANTS, find_function
from engine.source.scopes import free
from engine.source.special import SPECIAL


def check_program_names(program: statement.Program, given: Mapping[str, Any]) -> None:
    """Raise `UnknownName` with every name that is neither bound by the program, given nor known."""
    parameters = set() if program.main is None else {p.name for p in program.main.parameters}
    unknown: dict[str, tree.Name | tree.Call] = {}
    for node in free(program):
        known = node.name in SPECIAL or find_function(node.name) is not None
        if not known and (program.main is not None or node.name not in given) and node.name not in CONSTANTS:
            unknown.setdefault(node.name, node)
    faults = [fault_of(node, given, "/program") for node in unknown.values()]
    missing = (
        []
        if program.main is None
        else [p for p in program.main.parameters if p.default is None and p.name not in given]
    )
    faults += [Fault(f"/at/{p.name}", f"The program needs the input {p.name!r}.") for p in missing]
    if unknown:
        first = min(unknown.values(), key=lambda node: node.span.start)
        raise UnknownName(
            fault_of(first, given, "/program").detail,
            span=first.name_span if isinstance(first, tree.Call) else first.span,
            hint=hint_for(first, dict.fromkeys(parameters) if program.main is not None else given)
            if first.name not in given
            else f"make {first.name} a parameter of {program.main.name if program.main else 'the program'}",
            faults=faults[:MOST_FAULTS],
        )
    if faults:
        name = missing[0].name
        raise UnknownName(
            faults[0].detail,
            span=missing[0].span,
            hint=f'give it in "at": {{"{name}": …}}',
            faults=faults[:MOST_FAULTS],
        )
