"""Generated programs: every statement of the language, well formed, though they need not compute anything sensible."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.source import statement, tree
from tests.source.trees import NOWHERE, names, trees

IDENTIFIERS = ("x", "y_1", "é", "f", "sum")
AUGMENTED: tuple[tree.BinaryOperator, ...] = ("+", "-", "*", "/", "**", "@", "//", "%")

_identifiers = st.sampled_from(IDENTIFIERS)


def _parameters(defaults: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tuple[tree.Parameter, ...]]:
    plain = st.lists(_identifiers, unique=True, max_size=3)
    return st.tuples(plain, st.integers(0, 3), st.lists(defaults, min_size=3, max_size=3)).map(
        lambda drawn: tuple(
            tree.Parameter(name, None if i < drawn[1] else drawn[2][i], NOWHERE) for i, name in enumerate(drawn[0])
        )
    )


def _targets() -> st.SearchStrategy[tree.Expression]:
    indexed = st.builds(tree.Index, names, st.lists(trees, min_size=1, max_size=2).map(tuple), st.just(NOWHERE))
    single = st.one_of(names, indexed)
    several = st.lists(single, min_size=1, max_size=3).map(tuple)
    return st.one_of(single, st.builds(tree.Sequence, several, st.just(True), st.just(NOWHERE)))


targets = _targets()


def _functions(parts: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tree.Expression]:
    clauses = st.builds(tree.Clause, names, parts, st.lists(parts, max_size=2).map(tuple), st.just(NOWHERE))
    few = st.lists(parts, max_size=2).map(tuple)
    callables = st.one_of(
        st.builds(tree.Call, st.just("grad"), few, st.just(()), st.just(NOWHERE), st.just(NOWHERE)),
        st.builds(tree.Index, names, st.lists(parts, min_size=1, max_size=1).map(tuple), st.just(NOWHERE)),
        st.builds(tree.Lambda, _parameters(parts), parts, st.just(NOWHERE)),
    )
    return st.one_of(
        st.builds(tree.Lambda, _parameters(parts), parts, st.just(NOWHERE)),
        st.builds(
            tree.Comprehension,
            parts,
            st.lists(clauses, min_size=1, max_size=2).map(tuple),
            st.booleans(),
            st.just(NOWHERE),
        ),
        st.builds(tree.Invoke, callables, few, st.just(()), st.just(NOWHERE)),
        st.builds(tree.Binary, st.sampled_from(AUGMENTED), parts, parts, st.just(NOWHERE)),
        st.builds(tree.Conditional, parts, parts, parts, st.just(NOWHERE)),
        st.builds(tree.Call, st.just("f"), few, st.just((("axis", X),)), st.just(NOWHERE), st.just(NOWHERE)),
        st.builds(tree.Sequence, few, st.booleans(), st.just(NOWHERE)),
    )


X = tree.Name("x", NOWHERE)
expressions = st.recursive(trees, _functions, max_leaves=6)
"""Expressions with everything that only programs have."""
_messages = st.none() | st.text(
    st.characters(min_codepoint=32, max_codepoint=126, blacklist_characters="\\'"), max_size=9
)

_simple: st.SearchStrategy[statement.Statement] = st.one_of(
    st.builds(statement.Assign, st.lists(targets, min_size=1, max_size=2).map(tuple), expressions, st.just(NOWHERE)),
    st.builds(
        statement.Augment,
        targets.filter(lambda target: not isinstance(target, tree.Sequence)),
        st.sampled_from(AUGMENTED),
        expressions,
        st.just(NOWHERE),
    ),
    st.just(statement.Pass(NOWHERE)),
    st.builds(statement.Assert, expressions, _messages, st.just(NOWHERE)),
    st.builds(statement.Close, expressions, expressions, st.just((("rtol", X),)), st.just(NOWHERE)),
)


def _compound(parts: st.SearchStrategy[statement.Statement]) -> st.SearchStrategy[statement.Statement]:
    blocks = st.lists(parts, min_size=1, max_size=3).map(tuple)
    leaving = st.sampled_from([statement.Break(NOWHERE), statement.Continue(NOWHERE)]).map(lambda last: (last,))
    bodies = st.tuples(blocks, st.just(()) | leaving).map(lambda both: (*both[0], *both[1]))
    return st.one_of(
        st.builds(statement.If, expressions, blocks, st.just(()) | blocks, st.just(NOWHERE)),
        st.builds(statement.For, targets, expressions, bodies, st.just(NOWHERE)),
        st.builds(statement.While, expressions, bodies, st.just(NOWHERE)),
        st.builds(statement.Define, _identifiers, _parameters(expressions), blocks, st.just(NOWHERE), st.just(NOWHERE)),
    )


_blocks = st.lists(st.recursive(_simple, _compound, max_leaves=5), max_size=4)
_named = st.lists(expressions, min_size=1, max_size=2).map(
    lambda items: statement.Return(tree.Sequence(tuple(items), True, NOWHERE), ("loss", "norm")[: len(items)], NOWHERE)
)
_returns = st.one_of(
    _named,
    expressions.filter(lambda found: not isinstance(found, tree.Nothing)).map(
        lambda value: statement.Return(value, None, NOWHERE)
    ),
)
programs = st.tuples(_blocks, _returns).map(lambda both: statement.Program((*both[0], both[1]), None, NOWHERE))
"""Any program that ends in a return."""
