"""How often `/check` calls a right gradient wrong, or a wrong one right.

Measured: `engine.checking.check`, its witnesses in processes of their own, on the corpus of traps (tests/corpus, whose
truth is its own; 150 of its differentiable cases, drawn at random), on functions as people write them and on generated
ones (tests/verify/functions.py; the right gradient there is that of float64 by forward mode over the graph as it was
written, not the one that `check` expects).  Right claims: as they are, and in float32, said so; and the gradient as
float64 has it, by whatever the formula loses.  Wrong claims: one component, drawn at random among those that are
neither 0 nor infinite, has the other sign, or is off by a relative 1e-1 to 1e-9.

Expected beforehand: no right gradient is called wrong.  Of wrong ones, none is called right from 1e-6 on where the
function is well conditioned; on the corpus, where some formulas lose all of their digits, a computation in float64 may
be off by as much, so that some pass.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.tables import table
from engine.checking.allowance import Claimed
from engine.checking.check import check
from engine.checking.court import Assertion
from engine.derive.forward import jvp
from engine.engine import Engine
from engine.errors import EngineError
from engine.execute.compile import compile_graph
from engine.limits import Budget
from engine.precision.referee import Referee
from engine.question import Array, Question
from tests.corpus.test_corpus import CASES, numbers
from tests.verify.functions import generated, written
from tests.verify.planting import Case

VERDICTS = ("correct", "incorrect", "not-differentiable", "inconclusive", "refused")
OFF = (1e-1, 1e-3, 1e-6, 1e-9)
TIMES, GENERATED, MOST = 1, 80, 150
SECONDS = 3.0
"""For each check, where the service grants ten: witnesses that need more are left out here."""
Grad = Mapping[str, Array]


@dataclass(frozen=True)
class Subject:
    """A function at a point, and its right gradient."""

    asked: Question
    grad: Grad


def main() -> None:
    """Print the table."""
    draw = random.Random(3)
    engine = Engine()
    sets: dict[str, list[Subject]] = {
        "corpus, differentiable": draw.sample(list(_corpus(differentiable=True)), MOST),
        "corpus, others": list(_corpus(differentiable=False)),
        "as people write them": [_of_case(engine, case) for case in written(draw, TIMES)],
        "generated": [_of_case(engine, case) for case in generated(GENERATED)],
    }
    rows = []
    with Referee(engine.limits) as referee:
        for name, subjects in sets.items():
            for claim, altered in _claims(draw).items():
                if name == "corpus, others" and claim.startswith(("one", "off")):
                    continue
                found: Counter[str] = Counter()
                for subject in subjects:
                    grad = altered(engine, subject)
                    if grad is not None:
                        precision: Claimed = "float32" if "float32" in claim else "float64"
                        told = Assertion(None, dict(grad), precision)
                        found[_verdict(engine, referee, subject.asked, told)] += 1
                rows.append([name, claim, str(found.total()), *[str(found[verdict]) for verdict in VERDICTS]])
                print(".", end="", flush=True)
    print("\n")
    print(table(["functions", "claim", "count", *VERDICTS], rows))


def _verdict(engine: Engine, referee: Referee, asked: Question, told: Assertion) -> str:
    try:
        return check(engine, referee, asked, told, Budget.starting_now(SECONDS)).verdict
    except EngineError:
        return "refused"


def _corpus(differentiable: bool) -> Iterator[Subject]:
    for case in CASES:
        if case["differentiable"] == differentiable:
            at = {name: numbers(given) for name, given in case["at"].items()}
            asked = Question(case["expr"], at, wrt=tuple(case["wrt"]) if case.get("wrt") else None)
            grad = {n: np.asarray(numbers(g), dtype=np.float64) for n, g in case["grad"].items()}
            yield Subject(asked, grad)


def _of_case(engine: Engine, case: Case) -> Subject:
    at = {name: np.asarray(given) for name, given in zip(case.names, case.arguments, strict=True)}
    positions = [case.names.index(name) for name in case.wrt]
    run = compile_graph(jvp(case.graph, positions))
    grad = {}
    for name in case.wrt:
        found = np.zeros(np.shape(at[name]))
        for index in np.ndindex(found.shape):
            tangents = [np.zeros(np.shape(at[other])) for other in case.wrt]
            tangents[case.wrt.index(name)][index] = 1.0
            found[index] = run([*case.arguments, *[t[()] for t in tangents]])[0][1]
        grad[name] = found
    return Subject(Question(case.text, at, wrt=case.wrt), grad)


def _claims(draw: random.Random) -> dict[str, Callable[[Engine, Subject], Grad | None]]:
    def changed(engine: Engine, subject: Subject, *, factor: float) -> Grad | None:
        places = [
            (name, index)
            for name, array in subject.grad.items()
            for index in np.ndindex(array.shape)
            if np.isfinite(array[index]) and abs(array[index]) > 1e-300
        ]
        if not places:
            return None
        name, index = draw.choice(places)
        made = {n: np.array(a) for n, a in subject.grad.items()}
        made[name][index] *= factor
        return made if np.isfinite(made[name][index]) else None

    def fast(engine: Engine, subject: Subject) -> Grad | None:
        budget = Budget.starting_now(60.0)
        grad = engine.prepare(subject.asked, "grad", budget).run(subject.asked, budget).grad or {}
        return (
            {n: np.asarray(a) for n, a in grad.items()} if all(np.all(np.isfinite(a)) for a in grad.values()) else None
        )

    def single(engine: Engine, subject: Subject) -> Grad | None:
        with np.errstate(all="ignore"):
            made = {n: a.astype(np.float32).astype(np.float64) for n, a in subject.grad.items()}
        # What float32 cannot hold is not a claim that anybody would make.
        held = all(np.array_equal(made[n] == 0, a == 0) for n, a in subject.grad.items())
        tiny = any(np.any((np.abs(a) < 2e-38) & (a != 0)) for a in made.values())
        return made if held and not tiny and all(np.all(np.isfinite(a)) for a in made.values()) else None

    claims: dict[str, Callable[[Engine, Subject], Any]] = {
        "right": lambda engine, subject: subject.grad,
        "as float64 has it": fast,
        "right, in float32": single,
        "one sign": partial(changed, factor=-1.0),
    }
    for off in OFF:
        claims[f"off by {off:.0e}"] = partial(changed, factor=1 + off)
    return claims


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
