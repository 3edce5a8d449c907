"""Questions answered in this process, for the command line, with the conversions of the service."""

from __future__ import annotations

from typing import Any, cast

from engine.checking.check import check
from engine.checking.self_check import self_check
from engine.engine import Engine
from engine.limits import Budget
from engine.precision.referee import Referee
from engine.question import Ask
from service.answers import answer_content
from service.claims import read_claim
from service.directions import read_asked
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
