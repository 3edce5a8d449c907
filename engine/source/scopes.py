"""Where names are bound, as Python decides it: by the text alone, function by function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.source import statement, tree
from engine.source.statement import Block, target_names

Bound = tuple[frozenset[str], ...]
"""The names of the scopes around a place, the innermost first."""


def assigned(block: Block) -> frozenset[str]:
    """The names that a block binds, in its inner blocks too, and not in the functions defined in it."""
    found: set[str] = set()
    for part in statement.statements(block):
        match part:
            case statement.Assign():
                found.update(name.name for target in part.targets for name in target_names(target))
            case statement.Augment() | statement.For():
                found.update(name.name for name in target_names(part.target))
            case statement.Define():
                found.add(part.name)
    return frozenset(found)


def jumps(block: Block) -> bool:
    """Whether a return is in a block, or a break or continue that leaves it."""
    for part in block:
        if isinstance(part, statement.Return | statement.Break | statement.Continue):
            return True
        if isinstance(part, statement.If) and (jumps(part.then) or jumps(part.otherwise)):
            return True
        if isinstance(part, statement.For | statement.While) and any(
            isinstance(inner, statement.Return) for inner in statement.statements(part.body)
        ):
            return True
    return False


def always_jumps(block: Block) -> bool:
    """Whether the end of a block is never reached, as far as its last statement tells."""
    if not block:
        return False
    last = block[-1]
    if isinstance(last, statement.If):
        return always_jumps(last.then) and always_jumps(last.otherwise)
    return isinstance(last, statement.Return | statement.Break | statement.Continue)


def reads(block: Block) -> Counter[str]:
    """How often each name is mentioned in a block, in functions defined in it too."""
    found: Counter[str] = Counter()
    for part in statement.statements(block, nested=True):
        for expression in statement.expressions(part):
            found.update(mentioned(expression))
        found.subtract(plain_targets(part))
    return found


def plain_targets(part: statement.Statement) -> list[str]:
    """The names that a statement gives a new value, whatever they were."""
    targets: tuple[tree.Expression, ...] = ()
    if isinstance(part, statement.Assign):
        targets = part.targets
    elif isinstance(part, statement.For):
        targets = (part.target,)
    return [name for target in targets for name in _plain(target)]


def _plain(target: tree.Expression) -> list[str]:
    if isinstance(target, tree.Name):
        return [target.name]
    return [name for item in target.items for name in _plain(item)] if isinstance(target, tree.Sequence) else []


def written_first(loop: statement.For | statement.While) -> frozenset[str]:
    """Names that each step of a loop gives a value before it reads them."""
    found = set(plain_targets(loop))
    read: set[str] = set(mentioned(loop.test)) if isinstance(loop, statement.While) else set()
    for part in loop.body:
        read.update(name for name, count in reads((part,)).items() if count > 0)
        if isinstance(part, statement.Assign):
            found.update(name for name in plain_targets(part) if name not in read)
    return frozenset(found)


def mentioned(expression: tree.Expression) -> Iterator[str]:
    """The names in an expression, also those that are called."""
    for node in tree.walk(expression):
        if isinstance(node, tree.Name | tree.Call):
            yield node.name


def free(program: statement.Program) -> list[tree.Name | tree.Call]:
    """Every mention of a name, or call of a function, that the program itself does not bind anywhere around it."""
    found: list[tree.Name | tree.Call] = []
    _free_block(program.body, (assigned(program.body),), found)
    return found


def _free_block(block: Block, bound: Bound, found: list[tree.Name | tree.Call]) -> None:
    for part in statement.statements(block):
        for expression in statement.expressions(part):
            _free(expression, bound, found)
        if isinstance(part, statement.Define):
            own = assigned(part.body) | {p.name for p in part.parameters}
            _free_block(part.body, (own, *bound), found)


def _free(root: tree.Expression, bound: Bound, found: list[tree.Name | tree.Call]) -> None:
    todo: list[tuple[tree.Expression, Bound]] = [(root, bound)]
    while todo:
        node, names = todo.pop()
        if isinstance(node, tree.Name | tree.Call) and not any(node.name in scope for scope in names):
            found.append(node)
        parts: Iterable[tuple[tree.Expression, Bound]]
        if isinstance(node, tree.Lambda):
            inner = (frozenset(p.name for p in node.parameters), *names)
            parts = [(p.default, names) for p in node.parameters if p.default is not None] + [(node.body, inner)]
        elif isinstance(node, tree.Comprehension):
            own = frozenset(name.name for clause in node.clauses for name in target_names(clause.target))
            parts = [(part, (own, *names)) for part in tree.children(node)]
            # The first source is looked up outside, as in Python.
            parts = [(part, names if part is node.clauses[0].source else b) for part, b in parts]
        else:
            parts = [(part, names) for part in tree.children(node)]
        todo.extend(reversed(list(parts)))
