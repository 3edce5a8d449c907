"""Sockets: what a hostile or broken client can do to a connection."""

from __future__ import annotations

import json
import time

from tests.service.live import Live, read_answer, request_bytes

QUESTION = {"expr": "x^2", "at": {"x": 3}}


def test_a_connection_is_kept_for_the_next_request(live: Live) -> None:
    with live.connect() as connection:
        for _ in range(3):
            connection.sendall(request_bytes("/grad", QUESTION))
            status, data = read_answer(connection)
            assert status == 200
            assert json.loads(data.partition(b"\r\n\r\n")[2])["grad"] == {"x": 6.0}


def test_a_request_in_single_bytes_is_answered(live: Live) -> None:
    with live.connect() as connection:
        for byte in request_bytes("/grad", QUESTION):
            connection.sendall(bytes([byte]))
        assert read_answer(connection)[0] == 200


def test_a_body_that_never_ends_is_dropped(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(request_bytes("/grad", QUESTION)[:-5])
        started = time.monotonic()
        assert read_answer(connection) == (0, b"")
        assert 1.0 < time.monotonic() - started < 15


def test_a_head_that_never_ends_is_dropped(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(b"POST /grad HTTP/1.1\r\nhost: te")
        assert read_answer(connection) == (0, b"")


def test_a_connection_that_says_nothing_is_dropped(live: Live) -> None:
    with live.connect() as connection:
        assert read_answer(connection) == (0, b"")


def test_drops_are_counted_down(live: Live) -> None:
    live.until(lambda: live.metric("adjoint_in_flight") == 1, "only the request that asks is in flight")


def test_a_second_request_that_never_ends_is_dropped_too(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(request_bytes("/grad", QUESTION))
        assert read_answer(connection)[0] == 200
        connection.sendall(b"POST /grad HT")
        assert read_answer(connection) == (0, b"")


def test_endless_headers_are_refused(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(b"POST /grad HTTP/1.1\r\nhost: test\r\n")
        connection.sendall(b"".join(b"x-%d: %s\r\n" % (number, b"y" * 100) for number in range(200)))
        status, data = read_answer(connection)
    assert status == 431
    assert json.loads(data.partition(b"\r\n\r\n")[2])["type"] == "/errors/too-large"


def test_what_is_not_http_is_refused_as_a_problem(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        status, data = read_answer(connection)
    assert status == 400
    assert b"application/problem+json" in data


def test_a_declared_length_above_the_limit_is_refused_before_the_body_is_sent(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(
            b"POST /grad HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n"
        )
        status, data = read_answer(connection)
    assert status == 413
    assert json.loads(data.partition(b"\r\n\r\n")[2])["limit"]["name"] == "body_bytes"


def test_a_stream_without_length_is_refused_when_it_passes_the_limit(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(
            b"POST /grad HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(30):
            connection.sendall(b"2710\r\n" + b" " * 10000 + b"\r\n")
        assert read_answer(connection)[0] == 413


def test_expect_100_continue_is_refused_early(live: Live) -> None:
    head = b"POST /grad HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n"
    with live.connect() as connection:
        connection.sendall(head + b"content-length: 99999999\r\n\r\n")
        status, data = read_answer(connection)
    assert status == 413
    assert b"100 Continue" not in data
