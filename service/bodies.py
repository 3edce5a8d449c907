"""Receiving request bodies: declared to be JSON, and no larger than allowed, found out as early as possible."""

from __future__ import annotations

from collections.abc import Collection

from engine.errors import Limit
from service.errors import TooLarge, UnsupportedMediaType
from service.exchange import ClientGone, Exchange

_JSON = b"application/json"
_HINT = "Send the header content-type: application/json; with curl: -H 'content-type: application/json'"


async def read_json_body(exchange: Exchange, limit: int) -> bytes:
    """The body of a request; raises `UnsupportedMediaType`, `TooLarge` or `ClientGone`.

    A body without a declared type is taken to be JSON.
    """
    declared = exchange.headers.get(b"content-type", _JSON)
    if declared != _JSON:
        _require_json(declared)
    return await _received(exchange, limit, "body_bytes")


async def read_body(exchange: Exchange, files: Collection[bytes], limit: int, file_limit: int, name: str) -> bytes:
    """The body of a request that is JSON, of at most `limit` bytes, or one of several types of files.

    `file_limit` is how large a file may be, by the limit of this name.  Raises what `read_json_body` raises.
    """
    if declared_type(exchange) in files:
        return await _received(exchange, file_limit, name)
    return await read_json_body(exchange, limit)


def declared_type(exchange: Exchange) -> bytes:
    """The type that a body is declared to have, without its parameters."""
    return exchange.headers.get(b"content-type", _JSON).split(b";")[0].strip().lower()


async def _received(exchange: Exchange, limit: int, name: str) -> bytes:
    headers = exchange.headers
    if b"content-encoding" in headers:
        require_plain(headers[b"content-encoding"])
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and (len(length) > 18 or int(length) > limit):
        raise _too_large(limit, int(length) if len(length) < 19 else None, name)
    message = await exchange.receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit, len(body), name)
        return body
    parts = bytearray()
    while message["type"] == "http.request":
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise _too_large(limit, None, name)
        if not message.get("more_body"):
            return bytes(parts)
        message = await exchange.receive()
    raise ClientGone


def _require_json(declared: bytes) -> None:
    kind = declared.split(b";")[0].strip().lower()
    if kind != _JSON and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        shown = kind[:60].decode("latin-1")
        raise UnsupportedMediaType(f"The body is declared as {shown!r}; it has to be application/json.", hint=_HINT)
    charset = declared.lower().partition(b"charset=")[2].split(b";")[0].strip(b' "')
    if charset not in (b"", b"utf-8", b"utf8", b"us-ascii"):
        raise UnsupportedMediaType("The body has to be in UTF-8.", hint=_HINT)


def require_plain(encoding: bytes) -> None:
    """Raise `UnsupportedMediaType` for a compressed body."""
    if encoding.strip().lower() not in (b"", b"identity"):
        raise UnsupportedMediaType("Compressed bodies are not taken; send it as it is.")


def _too_large(limit: int, given: int | None, name: str) -> TooLarge:
    return TooLarge(
        f"The body is larger than the {limit:,} bytes that a request may have.",
        limit=Limit(name, limit, given),
        hint="Packed arrays (base64) take about half the room of nested lists.",
    )
