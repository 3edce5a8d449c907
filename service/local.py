"""Questions answered in this process, for the command line, with the conversions of the service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from engine.checking.check import check
from engine.checking.self_check import self_check
from engine.engine import Engine
from engine.errors import Fault, InvalidRequest
from engine.limits import Budget
from engine.precision.referee import Referee
from engine.question import Ask
from service.answers import answer_content
from service.claims import read_claim
from service.directions import read_asked
from service.errors import InvalidJson
from service.json_text import decode
from service.reports import report_content
from service.serialise import json_bytes
from service.settings import Settings
from service.weights import complete, placed


def answer(content: Any, ask: str, settings: Settings) -> bytes:
    """The body that the service would answer to the request body `content`."""
    engine = Engine(settings.limits(), settings.cache_entries)
    budget = Budget.starting_now(settings.run_seconds)
    asked = complete(read_asked(content, cast(Ask, ask), engine), engine, budget)
    with placed(asked):
        found = engine.answer(asked.question, cast(Ask, ask), budget)
    body = answer_content(found, asked, settings.answer_bytes)
    if asked.check:
        with Referee(engine.limits) as referee:
            report = self_check(engine, referee, asked.question, cast(Ask, ask), found, budget)
        body["check"] = report_content(report, asked.question.text)
    return json_bytes(body)


def verdict(content: Any, settings: Settings) -> bytes:
    """The body that `POST /check` would answer to the request body `content`."""
    engine = Engine(settings.limits(), settings.cache_entries)
    question, assertion = read_claim(content, engine, None)
    with Referee(engine.limits) as referee:
        report = check(engine, referee, question, assertion, Budget.starting_now(settings.run_seconds))
    return json_bytes(report_content(report, question.text))


def content_of_file(file: Path) -> Any:
    """The request body in a file, `-` for standard input."""
    try:
        return decode(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None


def content_of_arguments(
    expr: str | None,
    inputs: list[str],
    wrt: list[str] | None,
    batch: list[str] | None,
    precision: str | None = None,
) -> dict[str, Any]:
    """The request body that command-line arguments stand for: inputs are `name=JSON`."""
    at: dict[str, Any] = {}
    for given in inputs:
        name, equals, text = given.partition("=")
        if not equals:
            detail = f"An input is given as name=value; this is {given!r}."
            raise InvalidRequest(detail, faults=[Fault("/at", detail)], hint=f"{name}=1")
        try:
            at[name.strip()] = decode(text.encode("utf-8", "replace"))
        except InvalidJson:
            detail = f"The value of {name.strip()} is not JSON: {text!r}."
            raise InvalidRequest(
                detail, faults=[Fault(f"/at/{name.strip()}", detail)], hint=f"{name}=[1,2,3]"
            ) from None
    return {"expr": expr, "at": at, "wrt": wrt or None, "batch": batch or None, "precision": precision}
