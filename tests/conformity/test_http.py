"""HTTP itself: methods, headers, media types, sizes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from tests.conformity.server import JSON, POSTED, PROBLEM, Server

QUESTION = b'{"expr":"x^2","at":{"x":3}}'
ANSWER = b'{"value":9.0,"grad":{"x":6.0},"warnings":[]}'
SHOWN = [
    "/healthz",
    "/readyz",
    "/version",
    "/limits",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/primitives",
    "/functions",
]
ANY = [
    ("POST", "/grad", QUESTION),
    ("POST", "/grad", b"{"),
    ("POST", "/check", QUESTION),
    ("GET", "/version", None),
    ("GET", "/nothing", None),
    ("PUT", "/grad", QUESTION),
    ("GET", "/Info", None),
    ("POST", "/Evaluate", b"{}"),
]
anything = pytest.mark.parametrize(("method", "path", "body"), ANY)


@anything
def test_a_request_id_comes_back(server: Server, method: str, path: str, body: bytes | None) -> None:
    """“Every answer carries X-Request-ID (the client's, if it sent one)”"""
    answer = server.send(method, path, body, {**JSON, "X-Request-ID": "conformity/1:a_b"})
    assert answer.headers["x-request-id"] == "conformity/1:a_b"


@anything
def test_without_a_request_id_there_is_a_new_one(server: Server, method: str, path: str, body: bytes | None) -> None:
    """“Every answer carries X-Request-ID”"""
    ids = {server.send(method, path, body, JSON).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("sent", ["x" * 129, "two words", "é", ""])
def test_a_request_id_that_is_not_sane_is_replaced(server: Server, sent: str) -> None:
    """“the client's, if it sent one”: of up to 128 visible ASCII characters."""
    answer = server.send("POST", "/grad", QUESTION, {**JSON, "X-Request-ID": sent})
    assert (answer.status, answer.headers["x-request-id"] != sent) == (200, True)


@anything
def test_every_answer_tells_its_time(server: Server, method: str, path: str, body: bytes | None) -> None:
    """“and a Server-Timing header”"""
    timing = server.send(method, path, body, JSON).headers["server-timing"]
    assert float(timing.rpartition("total;dur=")[2]) >= 0


@pytest.mark.parametrize("path", POSTED[:7])
def test_computed_answers_tell_the_time_of_their_parts(server: Server, path: str) -> None:
    """“Server-Timing header (parse, derive, run)”"""
    direction: dict[str, Any] = {"/jvp": {"tangent": {"x": 1}}, "/vjp": {"cotangent": 1}, "/hvp": {"vector": {"x": 1}}}
    answer = server.post(path, {"expr": "x^2", "at": {"x": 3}, **direction.get(path, {})})
    parts = dict(part.strip().split(";dur=") for part in answer.headers["server-timing"].split(","))
    assert {"parse", "derive", "run", "total"} <= set(parts)
    assert all(float(milliseconds) >= 0 for milliseconds in parts.values())


@pytest.mark.parametrize("path", SHOWN)
def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    """HEAD has the status and the media type of GET."""
    shown, head = server.get(path), server.send("HEAD", path)
    assert (shown.status, head.status, head.body) == (200, 200, b"")
    assert head.headers["content-type"] == shown.headers["content-type"]


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_questions_are_posted(server: Server, path: str, method: str) -> None:
    """“405: method-not-allowed”; Allow tells which are."""
    answer = server.send(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        assert "POST" in answer.problem(405, "method-not-allowed")["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/functions", {"GET", "POST"}),
        ("POST", "/functions/x", {"GET", "DELETE"}),
        ("POST", "/version", {"GET"}),
        ("POST", "/Info", {"GET"}),
        ("GET", "/Evaluate", {"POST"}),
    ],
)
def test_other_methods_are_refused_with_those_that_are_taken(
    server: Server, method: str, path: str, allowed: set[str]
) -> None:
    """“405: method-not-allowed”; Allow tells which are."""
    answer = server.send(method, path, b"{}" if method == "POST" else None, JSON)
    assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert {name.strip() for name in answer.headers["allow"].split(",")} - {"HEAD"} == allowed


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonp"]
)
def test_other_media_types_are_refused(server: Server, kind: str) -> None:
    """“415: unsupported-media-type”"""
    for path in POSTED:
        server.send("POST", path, QUESTION, {"content-type": kind}).problem(415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/ld+json", None])
def test_json_is_taken_under_its_names(server: Server, kind: str | None) -> None:
    """“JSON, UTF-8”"""
    answer = server.send("POST", "/grad", QUESTION, {"content-type": kind} if kind else {})
    assert (answer.status, answer.body) == (200, ANSWER)


def test_compressed_bodies_are_refused(server: Server) -> None:
    """“415: unsupported-media-type”"""
    headers = {**JSON, "content-encoding": "gzip"}
    server.send("POST", "/grad", QUESTION, headers).problem(415, "unsupported-media-type")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    """“413: too-large”, “Limits (… body size) are settings; GET /limits tells them.”"""
    most = server.get("/limits").content["body_bytes"]
    answer = server.send("POST", "/grad", None, {**JSON, "content-length": str(most + 1)})
    limit = answer.problem(413, "too-large")["limit"]
    assert limit == {"name": "body_bytes", "value": most, "given": most + 1}


def test_answers_are_utf_8(server: Server) -> None:
    """“JSON, UTF-8”"""
    answer = server.post("/grad", {"expr": "größe + ∑", "at": {"größe": 1}})
    assert "größe" in answer.text or "∑" in answer.text
    assert server.ask("/grad", expr="größe^2", at={"größe": 3})["grad"] == {"größe": 6}


def raw(server: Server, request: bytes) -> bytes:
    """Everything that comes back on a connection."""
    received = b""
    with server.connect() as connection:
        connection.sendall(request)
        while part := connection.recv(65536):
            received += part
    return received


def posted(server: Server, *headers: str, body: bytes = QUESTION) -> bytes:
    """A POST of the question, as bytes, after which the connection ends."""
    lines = [f"POST {server.base}/grad HTTP/1.1", f"host: {server.host}", "content-type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_body_may_come_in_chunks(server: Server) -> None:
    """A body without a length."""
    body = b"5\r\n" + QUESTION[:5] + b"\r\n%x\r\n" % len(QUESTION[5:]) + QUESTION[5:] + b"\r\n0\r\n\r\n"
    answer = raw(server, posted(server, "transfer-encoding: chunked", "connection: close", body=body))
    assert answer.endswith(ANSWER)


def test_a_client_may_wait_to_be_told_to_continue(server: Server) -> None:
    """`Expect: 100-continue`, which curl sends with large bodies."""
    head = posted(server, f"content-length: {len(QUESTION)}", "expect: 100-continue", "connection: close", body=b"")
    with server.connect() as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(QUESTION)
        received = b""
        while part := connection.recv(65536):
            received += part
    assert received.endswith(ANSWER)


def test_one_connection_takes_many_questions(server: Server) -> None:
    """Keep-alive, and requests that are sent before the answers have come."""
    one = posted(server, f"content-length: {len(QUESTION)}")
    last = posted(server, f"content-length: {len(QUESTION)}", "connection: close")
    answer = raw(server, one * 4 + last)
    assert answer.count(ANSWER) == 5


def test_an_offer_to_go_on_in_http_2_may_be_declined_but_not_answered_wrongly(server: Server) -> None:
    """What Java's HttpClient sends unless told otherwise; a server may ignore `Upgrade` (RFC 9110, 7.8)."""
    offer = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA"]
    with server.connect() as connection:
        connection.sendall(posted(server, *offer, f"content-length: {len(QUESTION)}"))
        assert b" 200 " in connection.recv(65536).split(b"\r\n")[0]


def test_what_is_not_http_is_refused(server: Server) -> None:
    """A request line that is none: a problem, and the end of the connection."""
    answer = raw(server, b"HELLO\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert PROBLEM.encode() in answer


def test_a_head_that_is_too_large_is_refused(server: Server) -> None:
    """“Limits … are settings; GET /limits tells them.”"""
    most = server.get("/limits").content["header_bytes"]
    answer = raw(server, b"GET /version HTTP/1.1\r\nx: " + b"y" * (most + 100) + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431")
