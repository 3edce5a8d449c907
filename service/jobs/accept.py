"""A posted task is made ready to run, so that what is wrong with it is told now and not by a failed job."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.engine import Engine
from engine.limits import Budget
from engine.optimise.plan import Plan
from engine.task import Task
from service.jobs.request import Posted, placed

SHOWN = 200
"""Characters of an objective that are shown with its job."""


def accept(posted: Posted, engine: Engine, budget: Budget) -> tuple[Task, Mapping[str, Any], int]:
    """The task with its method, what is told of it, and its largest number of steps.

    Raises what is wrong with the objective, the method, or the two together.
    """
    with placed(posted.places):
        objective = posted.task.objective(engine, budget)
        task, why = posted.task.decided(objective)
        plan = task.plan(objective)
    told = _told(task, plan, why, posted.norms)
    return task, told, plan.stop.max_steps


def _told(task: Task, plan: Plan, why: str, norms: bool) -> dict[str, Any]:
    question, stop = task.question, plan.stop
    text = question.text if len(question.text) <= SHOWN else question.text[:SHOWN] + "…"
    target = None if math.isinf(stop.target) else task.sign * stop.target
    return {
        "objective": {question.kind: text},
        "direction": "maximize" if task.sign < 0 else "minimize",
        "method": {"name": plan.name, **plan.options},
        "why": why or None,
        "schedule": task.schedule,
        "clip": task.clip,
        "variables": {name: list(shape) for name, shape in task.layout.shapes.items()},
        "bounds": bool(task.bounds),
        "starts": len(task.points),
        "stop": {
            "max_steps": stop.max_steps,
            "max_seconds": None if math.isinf(stop.max_seconds) else stop.max_seconds,
            "grad_norm": stop.grad_norm,
            "relative_change": None if stop.relative_change < 0 else stop.relative_change,
            "target": target,
            "patience": None if stop.patience >= 2**53 else stop.patience,
        },
        "record": {"every": task.every, "grad_norm": norms, "variables": task.keep},
    }
