"""`POST /check`: a claimed value and gradient in, a verdict out."""

from __future__ import annotations

from engine.checking.check import check as checked
from engine.limits import Budget
from service.claims import read_claim
from service.context import Context
from service.exchange import Reply
from service.gated import Gated
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.reports import report_content
from service.schemas.check import CheckBody, ReportAnswer
from service.serialise import json_bytes

REFUSALS = problems(400, 404, 410, 413, 415, 422, 500, 503)


def _answer(context: Context, body: bytes, budget: Budget) -> Reply:
    engine, content = context.engine, decode(body)
    question, assertion = read_claim(content, engine, context.bindings.named(content))
    report = checked(engine, context.referee, question, assertion, budget)
    return Reply(200, json_bytes(report_content(report, question.text)))


def check(question: CheckBody) -> ReportAnswer:
    """Whether a claimed value and gradient are right, and if not, what mistake explains the difference.

    Without `claimed` the service checks itself. The gradient is held against reverse and forward mode, against sympy,
    and against differences of the function in high precision.
    """
    raise NotImplementedError("answered by Gated")


def routes(context: Context) -> list[LeanRoute]:
    """The routes of this module."""
    return [
        LeanRoute(
            Lean("/check", Gated(context, lambda body, _, budget: _answer(context, body, budget))),
            check,
            operation_id="check",
            summary="Check a gradient",
            tags=["check"],
            responses=REFUSALS,
        )
    ]
