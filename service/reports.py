"""A report of the engine becomes part of a response body."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.source.text import locate
from engine.verify.report import Component, FirstWrong, Hypothesis, Report


def report_content(report: Report, text: str) -> dict[str, Any]:
    """The report as the contract has it; spans are places in the source `text`."""
    content = {
        "verdict": report.verdict,
        "message": report.message,
        "components": [_row(row) for row in report.components],
        "count": report.count,
        "wrong": report.wrong,
        "witnesses": {name: asdict(witness) for name, witness in report.witnesses.items()},
        "tolerance": asdict(report.tolerance),
        "condition": report.condition,
        "diagnosis": [_hypothesis(found, text) for found in report.diagnosis],
        "value": None if report.value is None else _value(report.value),
        "one_sided": list(report.one_sided),
    }
    if report.adjoints is not None:
        content["adjoints"] = [_adjoint(row) for row in report.adjoints.rows]
        content["first_wrong"] = _first_wrong(report.adjoints.first_wrong, text)
    return content


def _adjoint(row: Component) -> dict[str, Any]:
    content = _row(row)
    return {"name": content.pop("input"), **content}


def _first_wrong(found: FirstWrong | None, text: str) -> dict[str, Any] | None:
    if found is None:
        return None
    span = None if found.span is None else asdict(locate(text, found.span))
    return {"name": found.name, "span": span, "detail": found.detail}


def _row(row: Component) -> dict[str, Any]:
    return asdict(row) | {"index": list(row.index)}


def _value(row: Component) -> dict[str, Any]:
    return {name: part for name, part in asdict(row).items() if name not in ("input", "index")}


def _hypothesis(found: Hypothesis, text: str) -> dict[str, Any]:
    content: dict[str, Any] = {"kind": found.kind, "detail": found.detail, "residual": found.residual}
    content["inputs"] = list(found.inputs)
    if found.span is not None:
        content["span"] = asdict(locate(text, found.span))
    return content
