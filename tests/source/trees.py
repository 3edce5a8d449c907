"""Generated source trees: every construct of the language, well formed, though their shapes and types need not fit."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hypothesis import strategies as st

from engine.source import tree
from engine.source.text import Span

NOWHERE = Span(0, 0)

NAMES = ("x", "y_1", "lambda_", "_", "e", "sum", "é", "β", "Å", "变量", "𐐀")
"""Two, three and four bytes in UTF-8 among them; all as NFKC leaves them."""
CALLS = ("sin", "sum", "einsum", "gamma", "f")
KEYWORDS = ("axis", "keepdims", "x", "ord")
BINARY: tuple[tree.BinaryOperator, ...] = ("+", "-", "*", "/", "//", "%", "**", "@")
UNARY: tuple[tree.UnaryOperator, ...] = ("-", "+", "not")
COMPARISONS: tuple[tree.Comparison, ...] = ("<", "<=", ">", ">=", "==", "!=")

numbers = st.one_of(
    st.integers(0, int(sys.float_info.max)), st.integers(0, 9), st.floats(0.0, allow_nan=False), st.booleans()
).map(lambda value: tree.Number(value, NOWHERE))
"""No literal is negative: `-1` is an operator and its operand."""
plain = st.characters(min_codepoint=32, max_codepoint=126, blacklist_characters="\\'")
texts = st.text(plain, max_size=5).map(lambda value: tree.Text(value, NOWHERE))
names = st.sampled_from(NAMES).map(lambda name: tree.Name(name, NOWHERE))
leaves: st.SearchStrategy[tree.Expression] = st.one_of(names, names, numbers, texts, st.just(tree.Nothing(NOWHERE)))


def _inner(parts: st.SearchStrategy[tree.Expression]) -> st.SearchStrategy[tree.Expression]:
    several = st.lists(parts, min_size=2, max_size=4).map(tuple)
    few = st.lists(parts, max_size=3).map(tuple)
    maybe = st.none() | parts
    items = st.one_of(
        parts,
        st.builds(tree.Slice, maybe, maybe, maybe, st.just(NOWHERE)),
        st.just(tree.Dots(NOWHERE)),
    )
    return st.one_of(
        st.builds(tree.Unary, st.sampled_from(UNARY), parts, st.just(NOWHERE)),
        st.builds(tree.Binary, st.sampled_from(BINARY), parts, parts, st.just(NOWHERE)),
        several.flatmap(_compare),
        st.builds(tree.Logic, st.sampled_from(("and", "or")), several, st.just(NOWHERE)),
        st.builds(tree.Conditional, parts, parts, parts, st.just(NOWHERE)),
        st.builds(tree.Sequence, few, st.booleans(), st.just(NOWHERE)),
        st.builds(tree.Index, parts, st.lists(items, min_size=1, max_size=3).map(tuple), st.just(NOWHERE)),
        st.builds(
            tree.Call,
            st.sampled_from(CALLS),
            few,
            st.dictionaries(st.sampled_from(KEYWORDS), parts, max_size=2).map(lambda found: tuple(found.items())),
            st.just(NOWHERE),
            st.just(NOWHERE),
        ),
    )


def _compare(operands: tuple[tree.Expression, ...]) -> st.SearchStrategy[tree.Expression]:
    signs = st.lists(st.sampled_from(COMPARISONS), min_size=len(operands) - 1, max_size=len(operands) - 1)
    return signs.map(lambda found: tree.Compare(tuple(found), operands, NOWHERE))


trees = st.recursive(leaves, _inner, max_leaves=12)
"""Any tree that the language can write."""


X = tree.Name("x", NOWHERE)
Y = tree.Name("y", NOWHERE)
HOLES: list[Callable[[tree.Expression], tree.Expression]] = [
    *[lambda a, o=o: tree.Unary(o, a, NOWHERE) for o in UNARY],
    *[lambda a, o=o: tree.Binary(o, a, Y, NOWHERE) for o in BINARY],
    *[lambda a, o=o: tree.Binary(o, Y, a, NOWHERE) for o in BINARY],
    lambda a: tree.Compare(("<", "=="), (a, X, Y), NOWHERE),
    lambda a: tree.Compare(("<", "=="), (X, Y, a), NOWHERE),
    lambda a: tree.Logic("and", (a, Y), NOWHERE),
    lambda a: tree.Logic("and", (Y, a), NOWHERE),
    lambda a: tree.Logic("or", (a, Y), NOWHERE),
    lambda a: tree.Logic("or", (Y, a), NOWHERE),
    lambda a: tree.Conditional(a, X, Y, NOWHERE),
    lambda a: tree.Conditional(X, a, Y, NOWHERE),
    lambda a: tree.Conditional(X, Y, a, NOWHERE),
    lambda a: tree.Sequence((a,), False, NOWHERE),
    lambda a: tree.Sequence((a,), True, NOWHERE),
    lambda a: tree.Sequence((X, a), True, NOWHERE),
    lambda a: tree.Index(a, (X,), NOWHERE),
    lambda a: tree.Index(X, (a,), NOWHERE),
    lambda a: tree.Index(X, (Y, a), NOWHERE),
    lambda a: tree.Index(X, (tree.Slice(a, None, None, NOWHERE),), NOWHERE),
    lambda a: tree.Index(X, (tree.Slice(None, a, Y, NOWHERE),), NOWHERE),
    lambda a: tree.Index(X, (tree.Slice(None, None, a, NOWHERE),), NOWHERE),
    lambda a: tree.Call("f", (Y, a), (), NOWHERE, NOWHERE),
    lambda a: tree.Call("f", (), (("axis", a),), NOWHERE, NOWHERE),
]  # fmt: skip
"""Every construct with one part left open, for every part."""
