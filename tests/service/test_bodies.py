"""Receiving bodies."""

from __future__ import annotations

import asyncio

import pytest

from service.bodies import read_json_body
from service.errors import ServiceError, TooLarge, UnsupportedMediaType
from service.exchange import ClientGone, Exchange
from tests.service.asgi import JSON_TYPE, Wire, scope_of


def read(chunks: list[bytes], headers: dict[str, str] | None = None, limit: int = 10) -> tuple[bytes, Wire]:
    """The body that is read, and the wire it came by."""

    async def run() -> tuple[bytes, Wire]:
        wire = Wire(chunks)
        exchange = Exchange(scope_of("POST", "/grad", JSON_TYPE | (headers or {})), wire.receive, wire.send)
        return await read_json_body(exchange, limit), wire

    return asyncio.run(run())


def test_a_body_in_one_piece_or_several() -> None:
    assert read([b"0123456789"])[0] == b"0123456789"
    assert read([b"01234", b"", b"56789"])[0] == b"0123456789"
    assert read([b""])[0] == b""


@pytest.mark.parametrize("length", ["11", "99999999999999999999999999"])
def test_a_declared_length_is_refused_before_reading(length: str) -> None:
    async def run() -> Wire:
        wire = Wire([b"x"])
        scope = scope_of("POST", "/grad", JSON_TYPE | {"content-length": length})
        with pytest.raises(TooLarge):
            await read_json_body(Exchange(scope, wire.receive, wire.send), 10)
        return wire

    assert asyncio.run(run()).received == 0


def test_a_stream_is_refused_as_soon_as_it_is_too_long() -> None:
    async def run() -> Wire:
        wire = Wire([b"0123456", b"7890123", b"never read", b"never read"])
        with pytest.raises(TooLarge) as caught:
            await read_json_body(Exchange(scope_of("POST", "/grad", JSON_TYPE), wire.receive, wire.send), 10)
        assert caught.value.limit is not None
        assert caught.value.limit.value == 10
        return wire

    assert asyncio.run(run()).received == 2


def test_a_long_body_without_length_in_one_piece_is_refused() -> None:
    with pytest.raises(TooLarge):
        read([b"01234567890"])


def test_a_length_that_is_no_number_is_passed_over() -> None:
    assert read([b"0"], {"content-length": "many"})[0] == b"0"


@pytest.mark.parametrize(
    "declared",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8", "application/x+json"],
)
def test_json_by_any_of_its_names_is_taken(declared: str) -> None:
    assert read([b"1"], {"content-type": declared})[0] == b"1"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-type": ""},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        {"content-encoding": "gzip"},
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMediaType):
        read([b"1"], headers)


def test_the_hint_shows_the_header() -> None:
    with pytest.raises(ServiceError) as caught:
        read([b"1"], {"content-type": "application/x-www-form-urlencoded"})
    assert "-H 'content-type: application/json'" in (caught.value.hint or "")


def test_a_client_that_leaves_while_sending_is_noticed() -> None:
    async def run() -> None:
        wire = Wire([b"012", b"345"])
        wire.messages.pop()
        wire.gone.set()
        with pytest.raises(ClientGone):
            await read_json_body(Exchange(scope_of("POST", "/grad", JSON_TYPE), wire.receive, wire.send), 10)

    asyncio.run(run())
