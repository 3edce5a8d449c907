"""`POST /check/steps`: the iterates of somebody's optimiser in, the first wrong step and its mistake out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from engine.checking.steps.judge import StepsReport, judge
from engine.checking.steps.run import Run
from engine.errors import EngineError, Fault
from engine.limits import Budget
from engine.precision.escalate import decide, undecided
from engine.question import Array
from service.context import Context
from service.exchange import Reply
from service.gated import Gated
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.questions import read_question
from service.reader import ALONE, Reader
from service.schemas.steps import StepsAnswer, StepsBody
from service.serialise import json_bytes
from service.steps import Sent, read_steps, with_gradients

REFUSALS = problems(400, 404, 410, 413, 415, 422, 500, 503)
ROUNDING = 4.0
"""How many times the estimated rounding error of a gradient a client's may be off by."""
_CONVENTIONS = frozenset(("kink", "singular", "non-finite"))


def _answer(context: Context, body: bytes, budget: Budget) -> Reply:
    content = decode(body)
    sent = read_steps(content, Reader(context.engine.limits), context.settings.check_steps)
    budget.check()
    run, doubt = sent.run, None
    if sent.objective is not None:
        run, doubt = _differentiated(context, sent, content, budget)
    return Reply(200, json_bytes(_content(judge(run, budget, doubt))))


def _differentiated(context: Context, sent: Sent, content: Any, budget: Budget) -> tuple[Run, str | None]:
    """The run with the gradients of its objective, and why a client may rightly have others."""
    engine, names = context.engine, tuple(sent.arrays)
    function = context.library.named(content)
    before = sent.run.before
    points = {name: np.stack([sent.run.split(row)[name] for row in before]) for name in names}
    try:
        asked = (
            read_question({**(sent.objective or {}), "wrt": list(names)}, engine.limits, None)
            if function is None
            else None
        )
        if asked is not None:
            at = {**asked.question.at, **points}
            question = replace(asked.question, at=at, wrt=names, batch=names)
        else:
            assert function is not None
            data = read_question({"expr": "0", "at": (sent.objective or {}).get("at", {})}, engine.limits).question.at
            question = function.question({**data, **points}, names, names, moves=False)
        prepared = engine.prepare(question, "grad", budget)
        fast = prepared.run(question, budget)
        answer = (
            decide(prepared, question, "grad", fast, context.referee.resolve, budget)
            if undecided(question, fast)
            else fast
        )
        errors = _errors(prepared.errors(fast, question, budget) if _finite(fast.grad) else None, prepared, answer.grad)
    except EngineError as error:
        error.faults = [Fault(_moved(fault.pointer, names), fault.detail) for fault in error.faults]
        raise
    doubt = None
    if any(warning.code in _CONVENTIONS for warning in answer.warnings):
        doubt = "the objective has a kink or no finite derivative on the way, where the gradient is a convention."
    grad = {name: np.asarray(answer.grad[name]) for name in names} if answer.grad else {}
    return with_gradients(sent, grad, errors), doubt


def _finite(grad: Mapping[str, Array] | None) -> bool:
    return all(bool(np.all(np.isfinite(array))) for array in (grad or {}).values())


def _errors(found: Any, prepared: Any, grad: Mapping[str, Array] | None) -> dict[str, Array]:
    if found is None:
        return {name: np.zeros(np.shape(array)) for name, array in (grad or {}).items()}
    return {name: ROUNDING * np.asarray(array) for name, array in prepared.by_part(found)["grad"].items()}


def _moved(pointer: str, names: tuple[str, ...]) -> str:
    """A pointer to an input that the request has in `start`."""
    name = pointer.removeprefix("/at/")
    if name == pointer or name not in names:
        return pointer
    return "/start" if names == (ALONE,) else f"/start/{name}"


def _content(report: StepsReport) -> dict[str, Any]:
    return {
        "verdict": report.verdict,
        "message": report.message,
        "steps": report.steps,
        "wrong": report.wrong,
        "first_wrong": None if report.first_wrong is None else asdict(report.first_wrong),
        "differences": [asdict(row) for row in report.differences],
        "worst": None if report.worst is None else asdict(report.worst),
        "diagnosis": [asdict(found) for found in report.diagnosis],
        "method": dict(report.method),
    }


def steps(question: StepsBody) -> StepsAnswer:
    """Whether the steps of an optimiser are those of its method, and if not, what mistake explains them.

    Every step is made again from the claimed parameters before it, with what the method keeps as it follows from the
    gradients; a wrong step does not make the later ones wrong.
    """
    raise NotImplementedError("answered by Gated")


def routes(context: Context) -> list[LeanRoute]:
    """The routes of this module."""
    return [
        LeanRoute(
            Lean("/check/steps", Gated(context, lambda body, _, budget: _answer(context, body, budget))),
            steps,
            operation_id="steps",
            summary="Check the steps of an optimiser",
            tags=["check"],
            responses=REFUSALS,
        )
    ]
