"""Jobs in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import inf, isnan
from typing import Any

from service.client.errors import told
from service.client.text import array, duration, first_line, number, plain, shown

MOST_STARTS = 20
"""Starts in the table of a summary."""


def summary(job: Mapping[str, Any]) -> str:
    """What there is to say of a job: its state, its point, and its starts."""
    lines = [f"{job['id']}  {_headline(job)}"]
    method = ", ".join(f"{name}={_option(value)}" for name, value in job["method"].items() if name != "name")
    kind, text = next(iter(job["objective"].items()), ("objective", ""))
    lines += _field("model" if kind == "model" else "objective", first_line(text, 100))
    lines += _field("method", f"{job['method']['name']}{f' ({method})' if method else ''}")
    lines += _field("why", job["why"])
    result = job["result"]
    # A job that has failed, or was cancelled before it began, has a point without a value.
    if result is not None and result["value"] is not None:
        lines += _field("largest" if job["direction"] == "maximize" else "least", array(result["value"]))
        for name, value in result.get("variables", {}).items():
            lines += _field(plain(name), array(value))
        if result["grad_norm"] is not None:
            lines += _field("gradient", f"norm {shown(result['grad_norm'])}")
        lines += _learned(result)
        lines += _field("steps", _steps(job, result))
        lines += _field("ended", plain(result["message"]))
        lines += [f"warning: {plain(str(warning.get('message', warning)))}" for warning in result["warnings"]]
        lines += [f"remark: {plain(str(remark['detail']))}" for remark in result.get("remarks") or []]
        if result.get("starts"):
            lines += ["", *starts(result["starts"], result["start"], sign_of(job))]
    return "\n".join(lines)


def _learned(result: Mapping[str, Any]) -> list[str]:
    """What the training of a model has come to: its scores, and the version of the parameters."""
    scores = {name: value for name, value in (result.get("scores") or {}).items() if not isinstance(value, list)}
    told = ", ".join(f"{plain(name)} {shown(value)}" for name, value in scores.items())
    lines = _field("scores", f"{told} (epoch {result['epoch']:,})" if told else None)
    rate, version = result.get("suggested_learning_rate"), result.get("version")
    lines += _field("rate", None if rate is None else f"{shown(rate)} is where the loss fell fastest")
    return lines + _field("version", None if version is None else f"{version} of the model")


def ending(job: Mapping[str, Any]) -> str:
    """The end of a job in a line: for `cancel`."""
    progress, result = job["progress"], job["result"]
    best = f", best value {array(progress['best'])}" if progress["best"] is not None else ""
    steps = f" after {progress['step']:,} steps{best}" if result is not None else ""
    return f"{job['id']}  {job['state']}{steps}"


def failure(job: Mapping[str, Any]) -> str:
    """Why a job has failed."""
    return told(job["error"] or {"type": "failed", "detail": "The server does not say why."})


def sign_of(job: Mapping[str, Any]) -> float:
    """−1 where the largest value is the best."""
    return -1.0 if job["direction"] == "maximize" else 1.0


def story(job: Mapping[str, Any]) -> list[str]:
    """What happened to a job, a line for each thing."""
    rows = [
        (entry["at"][:23].replace("T", " "), entry["event"].lower(), plain(entry["detail"])) for entry in job["story"]
    ]
    return table(rows)


def starts(each: Sequence[Mapping[str, Any]], best: int | None, sign: float) -> list[str]:
    """The starts of a job as a table, the best ones first if not all have room; the best one has a mark."""
    order = list(range(len(each)))
    if len(order) > MOST_STARTS:
        order.sort(key=lambda i: _rank(each[i], sign))
    rows = [("", "start", "value", "steps", "ended")]
    for i in order[:MOST_STARTS]:
        start = each[i]
        reason = start["stop_reason"] or ""
        rows.append(("*" if i == best else "", str(i), shown(start["value"], 10), str(start["steps"]), reason))
    lines = table(rows, right=(1, 2, 3))
    if len(order) > MOST_STARTS:
        lines.append(f"   and {len(order) - MOST_STARTS} more")
    return lines


def _rank(start: Mapping[str, Any], sign: float) -> float:
    value = number(start["value"])
    return inf if value is None or isnan(value) else sign * value


def listing(jobs: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """A table of jobs; objectives are cut so that lines have at most `width` characters."""
    rows = [("ID", "STATE", "CREATED (UTC)", "STEP", "BEST", "METHOD", "OBJECTIVE")]
    for job in jobs:
        progress = job["progress"]
        state = "cancelling" if job["cancelling"] else job["state"]
        created = job["created"][:19].replace("T", " ")
        step = f"{progress['step']}/{progress['max_steps']}"
        objective = next(iter(job["objective"].values()), "")
        rows.append((job["id"], state, created, step, shown(progress["best"]), job["method"]["name"], objective))
    room = width - sum(max(len(row[i]) for row in rows) + 2 for i in range(6))
    return table([(*row[:6], first_line(row[6], max(room, 12))) for row in rows], right=(3, 4))


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned lines; the columns in `right` are aligned on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _headline(job: Mapping[str, Any]) -> str:
    state = str(job["state"])
    if job["cancelling"]:
        return f"{state}, being cancelled"
    if state == "queued" and job["queue_position"]:
        return f"queued, {job['queue_position']} before it"
    if state == "running":
        progress = job["progress"]
        return f"running, step {progress['step']}/{progress['max_steps']}, best value {shown(progress['best'])}"
    return state


def _steps(job: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    said = f"{result['steps']:,}"
    if result["step"] != result["steps"]:
        said += f", the best point after {result['step']:,}"
    if job["started"] and job["finished"]:
        seconds = (datetime.fromisoformat(job["finished"]) - datetime.fromisoformat(job["started"])).total_seconds()
        said += f", in {duration(seconds)}"
    if result["restarts"]:
        said += f"; begun anew after {', '.join(map(str, result['restarts']))}, when a process was lost"
    return said


def _field(name: str, text: str | None) -> list[str]:
    return [] if text is None else [f"{name:>10}  {text}"]


def _option(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return shown(value) if isinstance(value, float) else plain(str(value))
