"""How often `auto` and `exact` are right, how good the estimate of digits is, and what both cost.

Measured, four tables:

* Of the corpus of traps (tests/corpus): how many answers are right to ten digits in each of the three modes.
* The estimated digits of float64 answers less the true ones: over the smooth cases of the corpus, whose truth is its
  own; and over generated expressions E (tests/expressions.py) as `(E - c)^2`, where c is the value of E rounded to 3,
  6, 9 or 12 digits, so that about as many digits cancel.  There the truth is the answer of `exact`, and the seeds are
  fixed.  Digits are counted up to 15.95, which is one correct rounding.
* The time of an escalation, in a process of its own as the service has it: of the cases of the corpus that `auto` looks
  at again, of all of them with `exact`; the first time (the process compiles the question), and the second.
* `Prepared.run` of a gradient with guards over without, in turn, 15 rounds, the median of the ratios.

Expected beforehand: the rates of the corpus are those that its tests hold to (`auto` at least 98 %).  The estimate is
within one digit for 90 % of the numbers that lost some, and seldom more than one digit too high, as four draws of signs
are behind it.  An escalation takes 3 ms at the median and 30 ms at the 95th percentile; the first time three times as
long.  Guards cost at most 10 %.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.asking import question
from benchmarks.tables import table
from benchmarks.timing import duration, in_turn, pin, quantile, ratio
from engine.compiled import Prepared
from engine.engine import Engine
from engine.errors import EngineError
from engine.execute.compile import compile_graph
from engine.limits import Budget
from engine.precision.digits import MOST
from engine.precision.escalate import ENOUGH, decide, undecided
from engine.precision.referee import Referee
from engine.question import Answer, Precision, Question
from tests.corpus.test_corpus import CASES, agrees, numbers
from tests.verify.functions import generated

GENERATED = 300
KEPT = (3, 6, 9, 12)
MODES: tuple[Precision, ...] = ("float64", "auto", "exact")
GUARDED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("x^2*sin(y) + exp(-x)", {"x": 3.0, "y": 0.5}),
    ("(a - b)^2 + log(1 + x*y)", {"a": 2.0, "b": 0.5, "x": 0.3, "y": 1.2}),
    ("sum((X @ w - y)^2)/2", {"X": np.linspace(0, 1, 600).reshape(200, 3), "w": [1.0, 2.0, 3.0], "y": np.ones(200)}),
    ("sum(log(1 + exp(x)))", {"x": np.linspace(-3, 3, 1000)}),
    ("logsumexp(x) - x[0]", {"x": np.linspace(-3, 3, 1000)}),
    ("sum((x - mean(x))^2)", {"x": np.linspace(0.1, 3, 100_000)}),
    ("sum(x*tanh(x) - x^2)", {"x": np.linspace(0.1, 3, 1_000_000)}),
)


def main() -> None:
    """Print the tables."""
    pin(0)
    engine = Engine()
    print(f"Right answers on the corpus, of {len(CASES)}\n")
    print(table(["kind", "cases", *MODES], _rates(engine)), "\n")
    print("Estimated digits less true ones\n")
    head = ["numbers", "count", "5 %", "median", "95 %", "within 1", "8 or more estimated, fewer true"]
    head.append("fewer than 8 estimated, 8 or more true")
    cancelling = list(_cancelling(engine))
    rows = _quality("corpus", list(_smooth(engine))) + _quality("generated", cancelling)
    print(table(head, rows), "\n")
    print("Escalations\n")
    print(table(["", "count", "p50", "p95", "longest"], _escalations(engine)), "\n")
    print("Guards\n")
    print(table(["gradient of", "elements", "without", "with", "ratio"], _guards(engine)))


def _budget() -> Budget:
    return Budget.starting_now(60.0)


def _asked(case: Mapping[str, Any], precision: Precision) -> Question:
    at = {name: numbers(given) for name, given in case["at"].items()}
    wrt = tuple(case["wrt"]) if case.get("wrt") else None
    return Question(case["expr"], at, wrt=wrt, precision=precision)


def _rates(engine: Engine) -> Iterator[list[str]]:
    right: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}
    for case in CASES:
        groups = ("all", case["kind"], *(["differentiable"] if case["differentiable"] else []))
        for group in groups:
            counts[group] = counts.get(group, 0) + 1
        for mode in MODES:
            answer = engine.answer(_asked(case, mode), "grad", _budget())
            grad = answer.grad or {}
            good = agrees(answer.value, case["value"]) and all(agrees(grad[n], g) for n, g in case["grad"].items())
            for group in groups:
                right[group, mode] = right.get((group, mode), 0) + good
    for group in sorted(counts, key=lambda g: (g == "all", g == "differentiable", -counts[g])):
        yield [group, str(counts[group]), *[_part(right[group, mode], counts[group]) for mode in MODES]]


def _part(count: int, whole: int) -> str:
    return f"{count} ({100 * count / whole:.1f} %)"


Pairs = Sequence[tuple[float, float]]
"""Estimated and true digits of numbers."""


def _smooth(engine: Engine) -> Iterator[tuple[float, float]]:
    """Of the smooth cases of the corpus at which float64 meets nothing that it knows to be questionable."""
    for case in CASES:
        asked = _asked(case, "float64")
        prepared = engine.prepare(asked, "grad", _budget())
        answer = prepared.run(asked, _budget())
        if case["kind"] != "smooth" or answer.troubled:
            continue
        told = prepared.by_part(prepared.digits(answer, asked, _budget()))
        grad = answer.grad or {}
        yield from _pairs(told["value"], answer.value, numbers(case["value"]))
        for name, truth in case["grad"].items():
            yield from _pairs(told["grad"][name], grad[name], numbers(truth))


def _cancelling(engine: Engine) -> Iterator[tuple[float, float]]:
    for number, case in enumerate(generated(GENERATED)):
        at = dict(zip(case.names, case.arguments, strict=True))
        value = float(np.asarray(engine.answer(question(case.text, at), "value", _budget()).value))
        asked = question(f"(({case.text}) - ({value:.{KEPT[number % 4]}g}))^2", at)
        prepared = engine.prepare(asked, "grad", _budget())
        answer = prepared.run(asked, _budget())
        if answer.troubled:
            continue
        try:
            found = engine.resolve(replace(asked, precision="exact"), "grad", _budget())
        except EngineError:
            continue
        told = prepared.digits(answer, asked, _budget())
        for digits, output, truth, sure in zip(told, answer.outputs, found.outputs, found.sure, strict=True):
            yield from _pairs(np.asarray(digits)[sure], np.asarray(output)[sure], truth[sure])


def _pairs(told: Any, found: Any, truth: Any) -> Iterator[tuple[float, float]]:
    for digits, a, b in zip(np.ravel(told), np.ravel(found), np.ravel(truth), strict=True):
        if np.isfinite(a) and np.isfinite(b):
            off = abs(float(a) - float(b))
            true = MOST if off == 0 else 0.0 if b == 0 else min(MOST, max(0.0, -np.log10(off / abs(float(b)))))
            yield float(digits), float(true)


def _quality(name: str, pairs: Pairs) -> list[list[str]]:
    lost = [(told, true) for told, true in pairs if true < 12]
    return [_row(f"{name}, all", pairs), _row(f"{name}, fewer than 12 right", lost)]


def _row(name: str, pairs: Pairs) -> list[str]:
    gaps = sorted(told - true for told, true in pairs)
    near = sum(abs(gap) <= 1 for gap in gaps)
    high = sum(told >= ENOUGH > true for told, true in pairs)
    low = sum(told < ENOUGH <= true for told, true in pairs)
    spread = [f"{quantile(gaps, part):+.1f}" for part in (0.05, 0.5, 0.95)]
    return [name, f"{len(gaps):,}", *spread, f"{100 * near / len(gaps):.1f} %", str(high), str(low)]


def _escalations(engine: Engine) -> Iterator[list[str]]:
    with Referee(engine.limits) as referee:
        referee.resolve(question("x^2", {"x": 3.0}), "grad", _budget())
        for mode in MODES[1:]:
            first: list[float] = []
            again: list[float] = []
            for case in CASES:
                asked = _asked(case, mode)
                prepared = engine.prepare(asked, "grad", _budget())
                answer = prepared.run(asked, _budget())
                if undecided(asked, answer):
                    for times in (first, again):
                        times += _escalated(prepared, asked, answer, referee)
            for when, times in (("first", first), ("again", again)):
                listed = [duration(quantile(times, part)) for part in (0.5, 0.95)]
                yield [f"`{mode}`, {when}", str(len(times)), *listed, duration(max(times))]


def _escalated(prepared: Prepared, asked: Question, answer: Answer, referee: Referee) -> list[float]:
    seconds = decide(prepared, asked, "grad", answer, referee.resolve, _budget()).seconds
    return [seconds["escalate"]] if "escalate" in seconds else []


def _guards(engine: Engine) -> Iterator[list[str]]:
    for text, at in GUARDED:
        asked = question(text, at)
        prepared = engine.prepare(asked, "grad", _budget())
        # What is watched for kinks stays the same: these gradients have none.
        bare = replace(prepared, executable=compile_graph(prepared.graph, engine.limits))
        guarded = replace(prepared, executable=compile_graph(prepared.graph, engine.limits, guard=True))

        def run(found: Prepared, asked: Question = asked) -> Answer:
            return found.run(asked, _budget())

        times = in_turn({"without": lambda b=bare: run(b), "with": lambda g=guarded: run(g)})  # type: ignore[misc]
        size = sum(np.size(given) for given in at.values())
        medians = [duration(median(times[name])) for name in ("without", "with")]
        yield [f"`{text}`", f"{size:,}", *medians, f"{ratio(times['with'], times['without']):.2f}"]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
