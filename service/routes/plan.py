"""`POST /check/plan` and `/check/verdict`: a gradient is judged from values that the client computes itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from engine.errors import Fault, InvalidRequest
from engine.limits import Budget
from engine.verify.judge import judge
from engine.verify.plan import VERSION
from engine.verify.plan_report import PlanReport
from service.context import Context
from service.exchange import Reply
from service.gated import Gated
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.plans import ASKED, Planned, PlanReader, plan_content
from service.schemas.plan import PlanAnswer, PlanBody, VerdictAnswer, VerdictBody
from service.serialise import json_bytes

MOST_TOLERANCE = 0.5
REFUSALS = problems(400, 413, 415, 422, 500, 503, but=["unavailable"])
_CHANGED = "This is not the plan as `/check/plan` answered it: a field was changed, or numbers lost digits on the way."


def _answer(context: Context, body: bytes, budget: Budget, work: Callable[[Any, PlanReader], dict[str, Any]]) -> Reply:
    reader = PlanReader(context.engine.limits, context.settings.answer_bytes)
    content = decode(body)
    budget.check()
    return Reply(200, json_bytes(work(content, reader)))


def plan(question: PlanBody) -> PlanAnswer:
    """The points at which a client evaluates its own function, so that the values tell whether its gradient is right.

    For every direction, one ahead and one behind for each of several step sizes; and a few in a row for the noise of
    the function. The plan goes back to `/check/verdict`, with the values in the order of the points.
    """
    raise NotImplementedError("answered by Gated")


def verdict(question: VerdictBody) -> VerdictAnswer:
    """Whether a gradient agrees with the values of the function at the points of a plan.

    Every expected component has an error bar, from the measured noise and from how the differences settle as the step
    shrinks. A gradient is `incorrect` only beyond that, and `correct` only where it is small enough to tell.
    """
    raise NotImplementedError("answered by Gated")


def routes(context: Context) -> list[LeanRoute]:
    """The routes of this module."""
    documented: dict[str, Any] = {"tags": ["check"], "responses": REFUSALS}
    return [
        LeanRoute(
            Lean("/check/plan", Gated(context, lambda body, _, budget: _answer(context, body, budget, _plan))),
            plan,
            operation_id="plan",
            summary="Points at which to evaluate one's own function",
            **documented,
        ),
        LeanRoute(
            Lean("/check/verdict", Gated(context, lambda body, _, budget: _answer(context, body, budget, _verdict))),
            verdict,
            operation_id="verdict",
            summary="Judge a gradient from values of one's own function",
            **documented,
        ),
    ]


def _plan(content: Any, reader: PlanReader) -> dict[str, Any]:
    fields = reader.fields(content, (*ASKED, "encoding"))
    encoding = fields.get("encoding", "json")
    if encoding not in ("json", "base64"):
        reader.fault(("encoding",), "The encoding has to be `json` or `base64`.")
    planned = reader.plan(fields)
    reader.refuse()
    assert planned is not None
    points = planned.plan.points()
    return {
        "plan": plan_content(planned, encoding),
        "points": [planned.written(planned.plan.split(point), encoding) for point in points],
        "count": planned.plan.count,
    }


def _verdict(content: Any, reader: PlanReader) -> dict[str, Any]:
    fields = reader.fields(content, ("plan", "values", "claimed", "tolerance"))
    for name in ("plan", "values", "claimed"):
        if name not in fields:
            reader.fault((name,), "This is missing.")
    planned = _sent_back(fields["plan"], reader) if "plan" in fields else None
    values = reader.array(fields["values"], ("values",)) if "values" in fields else None
    claimed = reader.fields(fields["claimed"], ("grad", "value"), ("claimed",)) if "claimed" in fields else {}
    if "claimed" in fields and "grad" not in claimed:
        reader.fault(("claimed", "grad"), "The claimed gradient is missing.")
    value = reader.number(claimed["value"], ("claimed", "value")) if "value" in claimed else None
    tolerance = reader.number(fields["tolerance"], ("tolerance",)) if "tolerance" in fields else None
    if tolerance is not None and not 0 <= tolerance <= MOST_TOLERANCE:
        reader.fault(("tolerance",), f"The relative tolerance has to be a number from 0 to {MOST_TOLERANCE}.")
    grad = None
    if planned is not None:
        count = planned.plan.count
        if values is not None and values.shape != (count,):
            given = f"{values.size:,} numbers" if values.ndim == 1 else f"an array of shape {list(values.shape)}"
            reader.fault(("values",), f"There are {count:,} points, so {count:,} values are needed; here is {given}.")
        if "grad" in claimed:
            grad = reader.like(claimed["grad"], dict(planned.plan.x), ("claimed", "grad"))
    reader.refuse()
    assert planned is not None
    assert values is not None
    assert grad is not None
    return _content(judge(planned.plan, values, grad, value, tolerance))


def _sent_back(content: Any, reader: PlanReader) -> Planned | None:
    path = ("plan",)
    if type(content) is dict and content.get("version") != VERSION:
        reader.fault((*path, "version"), f"This server reads plans of version {VERSION}; ask for a new one.")
        return None
    fields = reader.fields(content, (*ASKED, "version", "digest"), path)
    if not fields:
        return None
    planned = reader.plan(fields, path)
    if planned is not None and planned.plan.digest() != fields.get("digest"):
        raise InvalidRequest(_CHANGED, faults=[Fault("/plan", _CHANGED)], hint="Send `plan` back as it came.")
    return planned


def _content(report: PlanReport) -> dict[str, Any]:
    value = None
    if report.value is not None:
        value = {name: part for name, part in asdict(report.value).items() if name not in ("input", "index")}
    return {
        "verdict": report.verdict,
        "message": report.message,
        "components": [asdict(component) for component in report.components],
        "count": report.count,
        "wrong": report.wrong,
        "witnesses": {name: asdict(witness) for name, witness in report.witnesses.items()},
        "tolerance": asdict(report.tolerance),
        "condition": report.condition,
        "diagnosis": [
            {"kind": found.kind, "detail": found.detail, "residual": found.residual, "inputs": found.inputs}
            for found in report.diagnosis
        ],
        "value": value,
        "one_sided": [asdict(found) for found in report.kinks],
        "noise": asdict(report.noise),
    }
