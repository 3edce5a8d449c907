"""One structured line per request, and never what a client asked."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from service.app import create_app
from service.logs import Forward, Lines, Log
from service.settings import Settings
from tests.service.asgi import JSON_TYPE, Client

SECRET = "secretname"


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    """The lines of a log."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


def logged(**settings: Any) -> tuple[Client, io.StringIO, Log]:
    """A client of an application, its log, and the log's writer."""
    stream = io.StringIO()
    app = create_app(Settings(**settings), stream)
    return Client(app), stream, app._log


def test_a_request_is_one_line() -> None:
    client, stream, log = logged()
    client.post("/grad", {"expr": "x^2", "at": {"x": 3}}, JSON_TYPE | {"x-request-id": 'my "id"'.replace(" ", "_")})
    log.flush()
    (line,) = lines_of(stream)
    assert line.pop("time").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "info",
        "action": "request",
        "request_id": 'my_"id"',
        "method": "POST",
        "route": "/grad",
        "status": 200,
    }


def test_no_line_holds_what_a_client_asked() -> None:
    client, stream, log = logged()
    client.grad(SECRET, {SECRET: 1})
    client.grad(f"{SECRET}(1")
    client.grad("x", {"x": SECRET})
    client.get("/" + SECRET)
    client.get("/primitives/" + SECRET)
    client.get(f"/errors/{SECRET}")
    log.flush()
    assert SECRET not in stream.getvalue()
    lines = lines_of(stream)
    assert [line["status"] for line in lines] == [200, 422, 422, 404, 404, 404]
    assert [line["route"] for line in lines][3:] == ["unmatched", "/primitives/{name}", "/errors/{name}"]
    assert [line.get("problem") for line in lines][:4] == [None, "syntax-error", "invalid-request", "not-found"]


def test_for_people_it_is_no_json() -> None:
    client, stream, log = logged(log_format="console")
    client.get("/healthz")
    log.flush()
    assert "request" in stream.getvalue()
    assert "/healthz" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_higher_level_is_quiet() -> None:
    client, stream, log = logged(log_level="warning")
    client.get("/healthz")
    log.flush()
    assert stream.getvalue() == ""


def test_a_reader_that_went_away_is_no_reason_to_stop() -> None:
    stream = io.StringIO()
    stream.close()
    Lines(stream).write("nobody reads this")


@pytest.fixture
def forwarded() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger of the standard library that goes to ours, and what is written."""
    stream = io.StringIO()
    handler, logger = Forward(Log(Settings(), stream)), logging.getLogger("somebody.else")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def test_loggers_of_the_standard_library_are_forwarded(forwarded: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = forwarded
    logger.warning("port %d is taken", 80)
    try:
        raise ValueError("why")
    except ValueError:
        logger.exception("failed")
    first, second = lines_of(stream)
    assert (first["action"], first["level"], first["message"]) == ("somebody.else", "warning", "port 80 is taken")
    assert "ValueError: why" in second["exception"]
