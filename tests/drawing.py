"""Examples of a strategy that are the same every time.

The seed alone does not make them so: Hypothesis mixes constants into its examples that it finds in the source of all
modules that happen to be loaded, so that another test file in the same process, or an edit anywhere, gives others.
"""

from __future__ import annotations

from typing import TypeVar
from unittest import mock

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import HypothesisProvider

T = TypeVar("T")


def drawn_always(strategy: st.SearchStrategy[T], count: int, start: int = 20_261_121) -> list[T]:
    """`count` examples, without the constants of any source."""
    made: list[T] = []

    @seed(start)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(strategy)
    def collect(example: T) -> None:
        made.append(example)

    with mock.patch.object(HypothesisProvider, "_maybe_draw_constant", return_value=None):
        collect()
    return made
