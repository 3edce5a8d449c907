"""“POST /check/steps”: the iterates of a client's optimiser."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.conformity.server import Server, pointers


def run(steps: int, corrected: bool = True) -> dict[str, Any]:
    """A request: Adam by hand on x^2 + 3 y^2."""
    x, m, v = [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]
    iterates, gradients = [], []
    for t in range(1, steps + 1):
        g = [2 * x[0], 6 * x[1]]
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        one, two = (1 - 0.9**t, 1 - 0.999**t) if corrected else (1.0, 1.0)
        x = [a - 0.01 * (b / one) / (math.sqrt(c / two) + 1e-8) for a, b, c in zip(x, m, v, strict=True)]
        gradients.append(g)
        iterates.append(x)
    method = {"name": "adam", "lr": 0.01}
    return {"method": method, "start": [1.0, -2.0], "iterates": iterates, "gradients": gradients}


def test_right_steps(server: Server) -> None:
    """“`verdict` (`correct` …)”"""
    report = server.ask("/check/steps", **run(20))
    assert (report["verdict"], report["first_wrong"], report["diagnosis"]) == ("correct", None, [])
    assert (report["steps"], report["wrong"], len(report["differences"])) == (20, 0, 20)


def test_wrong_steps_and_their_mistake(server: Server) -> None:
    """“`first_wrong`: {"step","input","index","claimed","expected"} … `diagnosis`, best first”"""
    report = server.ask("/check/steps", **run(20, corrected=False))
    assert (report["verdict"], report["diagnosis"][0]["kind"]) == ("incorrect", "no-bias-correction")
    assert {"step", "input", "index", "claimed", "expected"} <= set(report["first_wrong"])
    assert report["first_wrong"]["step"] == 1
    assert not report["worst"]["ok"]


def test_the_objective_gives_the_gradients(server: Server) -> None:
    """“or the objective (`expr`/`program`/`function` + data in `at`)”"""
    asked = {name: value for name, value in run(20).items() if name != "gradients"}
    report = server.ask("/check/steps", **asked, expr="x[0]^2 + c*x[1]^2", at={"c": 3})
    assert report["verdict"] == "correct"


def test_steps_that_tell_nothing(server: Server) -> None:
    """“`inconclusive`”"""
    asked = {"method": "adam", "start": 1, "iterates": [1, 1], "gradients": [0, 0]}
    assert server.ask("/check/steps", **asked)["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"method": "adm"}, "/method/name"),
        ({"method": {"name": "adam", "beta1": 2}}, "/method/beta1"),
        ({"start": [1, "two"]}, "/start/1"),
        ({"gradients": [[1, 2]]}, "/gradients"),
        ({"schedule": {"name": "step"}}, "/schedule/size"),
        ({"clip": {"norm": -1}}, "/clip/norm"),
        ({"tolerance": -1}, "/tolerance"),
        ({"itrates": []}, "/itrates"),
    ],
)
def test_what_is_refused(server: Server, change: dict[str, Any], pointer: str) -> None:
    """“errors (… each {"pointer":…} with a JSON Pointer)”"""
    problem = server.post("/check/steps", run(5) | change).problem(422, "invalid-request")
    assert pointers(problem) == [pointer]
