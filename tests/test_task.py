"""Tasks: what a client asks for, with its method chosen and its faults told, and the same bits from its JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import EngineError, InvalidRequest, NotScalar, UnknownName, Unsupported
from engine.limits import Budget
from engine.objective import Objective, Variables
from engine.question import Kind, Question
from engine.task import Task, drawn

ENGINE = Engine()
SQUARES = "sum((X @ w - y)^2) / 2"
AT: dict[str, Any] = {"X": np.array([[1.0, 2], [3, 4], [5, 6]]), "y": np.array([1.0, 2, 3])}


def task(text: str = SQUARES, kind: Kind = "expr", start: Any = (0.5, 0.5), **fields: Any) -> Task:
    """A task in one vector w; data that its text does not mention are left out."""
    point = np.array(start, dtype=np.float64)
    at = {name: array for name, array in AT.items() if name in text} | {"w": point}
    return Task(Question(text, at, kind), ("w",), point[None], **fields)


def ready(given: Task) -> tuple[Task, str, Objective]:
    """The task with a method, why it has that one, and its objective."""
    objective = given.objective(ENGINE, Budget.starting_now(30.0))
    decided, why = given.decided(objective)
    return decided, why, objective


def test_a_task_is_the_same_after_a_way_through_json() -> None:
    given = task(
        method={"name": "adam", "lr": 0.1},
        schedule={"name": "cosine", "steps": 9},
        clip={"norm": 1.0},
        bounds={"w": (np.array([-math.inf, 0.1]), np.array([1 / 3, math.inf]))},
        stop={"max_steps": 20, "target": 1e-300},
        every=3,
        keep=True,
        sign=-1.0,
    )
    content = json.loads(json.dumps(given.to_json()))
    again = Task.from_json(content)
    assert again.to_json() == content
    runs = [found.run(ENGINE, Budget.starting_now(30.0))[0] for found in (given, again)]
    rows = [[(r.step, r.value.hex(), r.x.tobytes()) for rows in run.steps() for r in rows] for run in runs]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (task(), "levenberg-marquardt"),
        (task("norm(X @ w - y)"), "levenberg-marquardt"),
        (task("logsumexp(w) + sum(w^2)"), "trust-region"),
        (task("logsumexp(w) + sum(w^2)", start=np.ones(100)), "lbfgs"),
        (task("logsumexp(w)", bounds={"w": (np.zeros(2), np.ones(2))}), "lbfgs"),
        (task("sum(stop_gradient(w) * w)", "expr"), "adam"),
        (task(schedule={"name": "cosine", "steps": 5}), "adam"),
        (task(clip={"norm": 1}), "adam"),
        (task(SQUARES, sign=-1.0), "trust-region"),
        (task(f"-({SQUARES})", sign=-1.0), "levenberg-marquardt"),
    ],
)
def test_a_method_is_chosen_and_the_choice_told(given: Task, name: str) -> None:
    decided, why, objective = ready(given)
    assert decided.method["name"] == name
    assert why
    assert decided.plan(objective).name == name


def test_a_method_that_was_named_is_kept() -> None:
    decided, why, _ = ready(task(method={"name": "sgd", "lr": 0.25}))
    assert (decided.method, why) == ({"name": "sgd", "lr": 0.25}, "")


@pytest.mark.parametrize(
    ("given", "error", "pointers"),
    [
        (task("X @ w"), NotScalar, []),
        (task("sum(w) + z"), UnknownName, None),
        (task(method={"name": "adm"}), InvalidRequest, ["/method/name"]),
        (task(method={"name": "adam", "lr": -1, "beta1": 2}), InvalidRequest, ["/method/lr", "/method/beta1"]),
        (task("logsumexp(w)", method={"name": "levenberg-marquardt"}), Unsupported, ["/method/name"]),
        (
            task(method={"name": "lbfgs"}, clip={"norm": 1}, schedule={"name": "cosine", "steps": 3}),
            InvalidRequest,
            ["/schedule", "/clip"],
        ),
        (task(method={"name": "sgd"}, schedule={"name": "cosin"}), InvalidRequest, ["/schedule/name"]),
        (task(method={"name": "sgd"}, clip={"norm": 0}), InvalidRequest, ["/clip/norm"]),
        (task(stop={"max_steps": -1, "patience": 0}), InvalidRequest, ["/stop/max_steps", "/stop/patience"]),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    given: Task, error: type[EngineError], pointers: list[str] | None
) -> None:
    def planned() -> None:
        decided, _, objective = ready(given)
        decided.plan(objective)

    with pytest.raises(error) as caught:
        planned()
    if pointers is not None:
        assert [fault.pointer for fault in caught.value.faults] == pointers


def test_a_variable_that_is_used_as_an_integer_is_refused() -> None:
    question = Question("v[i] * x", {"v": np.ones(3), "i": np.array(1.0), "x": np.array(2.0)})
    with pytest.raises(InvalidRequest, match="'i' is used as an integer"):
        Task(question, ("x", "i"), np.array([[2.0, 1.0]])).objective(ENGINE, Budget.starting_now(5.0))


def test_bounds_of_some_variables_leave_the_others_free() -> None:
    question = Question("(x - 3)^2 + sum((y + 4)^2)", {"x": np.array(0.0), "y": np.zeros(2)})
    box = {"x": (np.array(-1.0), np.array(1.0))}
    given = Task(question, ("x", "y"), np.zeros((1, 3)), {"name": "lbfgs"}, bounds=box)
    run, objective = given.run(ENGINE, Budget.starting_now(10.0))
    for _ in run.steps():
        pass
    found = given.outcome(run.to_json())[0]
    assert found.best is not None
    assert found.best.variables["x"] == 1
    assert np.allclose(found.best.variables["y"], -4, rtol=1e-15)
    assert found.reason == "converged"
    assert found.best.value == 4
    assert objective.warnings(run.best.best.x if run.best.best else np.zeros(3)) == []


def test_the_outcome_before_the_first_step_is_the_start() -> None:
    (found,) = task().outcome(None)
    assert (found.best, found.last, found.reason, found.steps) == (None, None, None, 0)


def test_random_starts_are_the_same_everywhere_and_do_not_depend_on_how_many_there_are() -> None:
    variables = Variables({"a": (), "b": (2, 2)})
    low, high = {"a": -1.0, "b": np.zeros((2, 2))}, {"a": 1.0, "b": np.full((2, 2), 2.0)}
    many = drawn(variables, low, high, 7, seed=3)
    assert many.shape == (7, 5)
    assert drawn(variables, low, high, 3, seed=3).tobytes() == many[:3].tobytes()
    assert drawn(variables, low, high, 7, seed=4).tobytes() != many.tobytes()
    assert np.all((many[:, 0] > -1) & (many[:, 0] < 1))
    assert np.all((many[:, 1:] > 0) & (many[:, 1:] < 2))
    # Philox4x32-10 with key 3: the same number on every machine, for ever.
    assert many[0, 0].hex() == "0x1.444135dc77a10p-1"


def test_variables_are_joined_and_split_in_their_order() -> None:
    variables = Variables({"b": (2,), "a": (), "empty": (0,)})
    x = variables.join({"a": 3.0, "b": [1.0, 2.0], "empty": []})
    assert x.tolist() == [1, 2, 3]
    assert {name: array.tolist() for name, array in variables.split(x).items()} == {"b": [1, 2], "a": 3, "empty": []}
    several = variables.split(np.stack([x, x + 1]))
    assert (several["b"].shape, several["a"].shape) == ((2, 2), (2,))
