"""The jobs of `examples/jobs/`: how many digits each finds, and the table of them.

    python -m tests.examples.job_cases

posts them all to a server of its own and prints the table of `examples/jobs/README.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.examples import job_truths as truths
from tests.examples.job_truths import body, digits, flat
from tests.service.live import Live, serving

ADAM = {"method": {"name": "adam", "lr": 0.01}, "stop": {"max_steps": 20_000}}
CHAIN = "1, …, 1"
FORM = "closed form"
NEWTON = "Newton, 40 digits"

Digits = Callable[[Mapping[str, Any]], float]
"""The right digits of a result."""


@dataclass(frozen=True)
class Case:
    """A job, what is changed of its body, and at least how many digits are right."""

    name: str
    digits: Digits
    least: float
    truth: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    method: str = "auto"

    def posted(self, server: Live) -> Mapping[str, Any]:
        """The finished job."""
        return finished(server, {**body(self.name), **self.changes})


def finished(server: Live, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A job posted to a server, which is waited for."""
    headers = {"content-type": "application/json", "prefer": "wait=30"}
    status, job = server.exchange("POST", "/jobs", json.dumps(content).encode(), headers)
    assert status == 200, job
    assert isinstance(job, dict)
    return job


def variables(truth: Callable[[], Any]) -> Digits:
    """Digits of the variables, one after the other."""
    known = cache(truth)
    return lambda result: digits(flat(result["variables"]), np.asarray(known(), float))


def value(truth: Callable[[], float]) -> Digits:
    """Digits of the value."""
    return lambda result: digits(np.array([result["value"]]), np.array([truth()]))


def mixture(result: Mapping[str, Any]) -> float:
    """Digits of the weight, the means and the covariances."""
    return digits(truths.mixture(result["variables"]), truths.faithful()[0])


def _rosenbrock(n: int) -> list[Case]:
    ones = variables(lambda: np.ones(n))
    cases = [Case(f"rosenbrock-{n}", ones, 15, CHAIN)]
    for method in ("lbfgs", "newton-cg", "trust-region"):
        if method != "trust-region" or n == 2:
            cases.append(Case(f"rosenbrock-{n}", ones, 13, CHAIN, {"method": method}, method))
    if n == 10:
        other = variables(lambda: truths.other_valley(n))
        said = f"the other minimum: {NEWTON}"
        cases.append(Case("rosenbrock-10", other, 13, said, {"method": "trust-region"}, "trust-region"))
    return [*cases, Case(f"rosenbrock-{n}", ones, 7, CHAIN, ADAM, "adam, lr 0.01")]


def _methods(name: str, truth: Callable[[], Any], auto: float, newton: float) -> list[Case]:
    found = variables(truth)
    return [
        Case(name, found, auto, NEWTON),
        Case(name, found, newton, NEWTON, {"method": "trust-region"}, "trust-region"),
    ]


CASES = [
    *_rosenbrock(2),
    *_rosenbrock(10),
    *_rosenbrock(100),
    *_methods("challenger", truths.challenger, 7, 13),
    *_methods("iris", truths.iris, 6, 13),
    Case("faithful", mixture, 7, "EM to its end"),
    Case("hs1", variables(lambda: [1, 1]), 13, FORM),
    Case("hs2", variables(lambda: truths.hs2()[1]), 13, f"the other minimum: {FORM}"),
    Case("hs2-starts", variables(lambda: truths.hs2()[0]), 13, FORM),
    Case("hs3", variables(lambda: [0, 0]), 15, FORM),
    Case("hs4", variables(lambda: [1, 0]), 15, FORM),
    Case("hs5", variables(lambda: truths.HS5[0]), 7, FORM),
    Case("hs38", variables(lambda: [1, 1, 1, 1]), 13, FORM),
    Case("hs45", variables(lambda: [1, 2, 3, 4, 5]), 15, FORM),
    Case("box", variables(lambda: [truths.BOX]), 7, FORM),
    *_methods("stackloss-huber", truths.huber, 7, 13),
    *_methods("stackloss-smooth", truths.smooth_absolute, 7, 12),
]
"""Every job that converges to something that is known."""


def row(case: Case, job: Mapping[str, Any]) -> str:
    """A row of the table."""
    result, method = job["result"], case.method
    if method == "auto":
        method = f"auto: {job['method']['name']}"
    steps = f"{result['steps']:,}"
    if result.get("starts"):
        steps = f"{sum(start['steps'] for start in result['starts']):,} in {len(result['starts'])} starts"
    found = case.digits(result)
    return f"| `{case.name}` | {method} | {steps} | {result['value']:.12g} | {found:.1f} | {case.truth} |"


def main() -> None:
    """Print the table."""
    print("| job | method | steps | value | right digits | how they are known |\n| --- | --- | --- | --- | --- | --- |")
    with TemporaryDirectory() as folder, serving(ADJOINT_DATA_DIR=folder) as server:
        for case in CASES:
            print(row(case, case.posted(server)), flush=True)


if __name__ == "__main__":
    main()
