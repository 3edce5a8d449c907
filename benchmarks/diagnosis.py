"""How often diagnosis names the mistake that was planted in a right gradient, and how long it takes.

Measured: mistakes of every kind planted in the gradients of functions as people write them (tests/verify/functions.py)
and of generated ones, at random points; at most so many of each kind in each function.  `no effect`: the gradient is
still right at this point.  `same numbers`: another planted mistake of another kind gives the same numbers there, so
that nobody could tell; counted apart, with how often the first hypothesis is one of those kinds.  Of all others: how
often the right kind comes first, is listed, how often nothing is said, and how often the place is the right one where
both have one.  Times are those of `diagnose` alone.  Then the same with claims rounded to float32 and to seven digits;
and gradients with random errors, which must not be explained.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.tables import table
from benchmarks.timing import pin
from tests.verify.functions import generated, written
from tests.verify.planting import Case
from tests.verify.scoring import Score, Written, false_alarms, in_float32, milliseconds, score, seven_digits

MOST = 4
TIMES = 4
GENERATED = 300
HEAD = (
    "kind",
    "planted",
    "no effect",
    "same numbers",
    "named fairly",
    "others",
    "first",
    "listed",
    "silent",
    "right place",
    "p50 ms",
    "p95 ms",
)


def main() -> None:
    """Print the tables."""
    pin(0)
    draw = random.Random(1)
    people, machine = list(written(draw, TIMES)), generated(GENERATED)
    forms: tuple[tuple[str, Sequence[Case], int, Written], ...] = (
        ("Functions as people write them", people, MOST, np.asarray),
        ("Generated functions", machine, 2, np.asarray),
        ("As people write them, claimed in float32", people, 1, in_float32),
        ("As people write them, claimed with seven digits", people, 1, seven_digits),
    )
    for title, cases, most, form in forms:
        print(f"{title}: {len(cases)} functions and points\n")
        print(table(HEAD, _rows(score(cases, draw, most, form))), "\n")
    count, wrong = false_alarms([*people, *machine], draw)
    print(f"Random errors: {count:,} gradients, {len(wrong)} explained ({100 * len(wrong) / count:.2f} %)")
    for case, told in wrong[:10]:
        print(f"  {case.text}: {told[0].detail}")


def _rows(scores: Mapping[str, Score]) -> list[list[str]]:
    rows = [_row(kind, found) for kind, found in scores.items()]
    return [*rows, _row("all", _total(list(scores.values())))]


def _row(kind: str, s: Score) -> list[str]:
    p50, p95 = milliseconds(s.seconds)
    return [
        kind,
        str(s.idle + s.shared + s.plain),
        str(s.idle),
        str(s.shared),
        _percent(s.fair, s.shared),
        str(s.plain),
        _percent(s.first, s.plain),
        _percent(s.listed, s.plain),
        _percent(s.silent, s.plain),
        _percent(s.located, s.places),
        f"{p50:.1f}",
        f"{p95:.1f}",
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _total(scores: Sequence[Score]) -> Score:
    total = Score()
    for s in scores:
        for field in ("idle", "shared", "fair", "plain", "first", "listed", "silent", "places", "located"):
            setattr(total, field, getattr(total, field) + getattr(s, field))
        total.seconds += s.seconds
    return total


if __name__ == "__main__":
    main()
