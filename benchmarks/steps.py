"""How often `/check/steps` is right about an optimiser: right runs called wrong, mistakes found, and named first.

Measured: runs of every method on four problems, written down naively without any code of the engine, right and with one
mistake each (`tests/checking/planted.py`), and the right runs of torch.optim that the tests keep.  A mistake that
leaves every number as it was is not counted.

Expected beforehand: no right run called wrong, every mistake found, and nine of ten named first.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import table
from engine.checking.steps.judge import StepsReport, judge
from engine.checking.steps.run import Run
from engine.limits import Budget
from engine.optimise.table import method
from tests.checking.planted import START, right, single, wrong

SECONDS = 60.0
TRACES = Path(__file__).parents[1] / "tests" / "optimise" / "traces.json"


def main() -> None:
    """Print the counts for right runs, and a table of the mistakes."""
    own = Counter(_judged(run.method, START, run.iterates, run.gradients).verdict for run in right())
    print(f"right runs written by hand: {_counts(own)}")
    traces = json.loads(TRACES.read_text("utf-8"))
    theirs: Counter[str] = Counter()
    for trace in traces["runs"]:
        gradients = trace.get("gradients") or traces["problems"][trace["problem"]]
        iterates = [[float(v) for v in row] for row in trace["iterates"]]
        asked = {"name": trace["method"], **trace["options"]}
        theirs[_judged(asked, traces["start"], iterates, gradients).verdict] += 1
    print(f"right runs of torch.optim: {_counts(theirs)}\n")
    runs: Counter[str] = Counter()
    found: Counter[str] = Counter()
    first: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for run in wrong():
        start = [single(v) for v in START] if run.kind == "float32" else START
        report = _judged(run.method, start, run.iterates, run.gradients)
        kinds = [mistake.kind for mistake in report.diagnosis]
        for kind in (run.kind, "all"):
            runs[kind] += 1
            found[kind] += report.verdict == "incorrect"
            first[kind] += kinds[:1] == [run.kind]
            told[kind] += run.kind in kinds
    kinds = sorted(runs, key=lambda kind: kind == "all")
    rows = [[kind, *(str(count[kind]) for count in (runs, found, first, told))] for kind in kinds]
    print(table(["mistake", "runs", "incorrect", "named first", "named"], rows))


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items()))


def _judged(asked: Any, start: Any, iterates: Any, gradients: Any) -> StepsReport:
    rule = method(asked["name"], {name: value for name, value in asked.items() if name != "name"})
    rows = np.array(iterates)
    rates = np.full(len(rows), rule.options["lr"])
    zeros = np.zeros(rows.shape)
    run = Run(rule, np.array(start), rows, np.array(gradients), zeros, rates, None, {"x": (rows.shape[1],)})
    return judge(run, Budget.starting_now(SECONDS))


if __name__ == "__main__":
    main()
