"""A stored function as it is told on the wire."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from service.functions.stored import Output, Stored
from service.packed import pack
from service.times import written


def told(stored: Stored) -> dict[str, Any]:
    """The content of an answer about a function; with its data where they were read."""
    signature = stored.signature
    inputs = [
        {"name": found.name, "dtype": found.dtype, "shape": found.shape, "source": found.source}
        for found in signature.inputs
    ]
    outputs = None
    if signature.outputs is not None:
        outputs = [_output(output) for output in signature.outputs]
    bound = [found for found in signature.inputs if found.source == "data"]
    data: dict[str, Any] = {found.name: {"dtype": found.dtype, "shape": found.shape} for found in bound}
    if stored.data is not None:
        data = {found.name: pack(stored.data[found.name]) for found in bound}
    return {
        "id": stored.id,
        "name": stored.name,
        stored.kind: stored.text,
        "inputs": inputs,
        "outputs": outputs,
        "data": data,
        "created": written(stored.created),
        "links": {"self": address(stored)},
    }


def _output(output: Output) -> dict[str, Any]:
    named = {} if output.name is None else {"name": output.name}
    return {**named, "dtype": output.dtype, "shape": output.shape}


def address(stored: Stored) -> str:
    """Where a function is found."""
    return f"/functions/{quote(stored.id)}"
