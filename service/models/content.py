"""What a model is, the id that follows from it, and parameters as bytes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from engine.question import Array
from service.functions.content import ID_CHARS

PREFIX = "md_"
_EXACT = 2.0**53


def canonical(definition: Mapping[str, Any]) -> str:
    """A definition in normal form as JSON, the same whatever the order of its fields and the spelling of numbers."""
    return json.dumps(_plain(definition), sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_id(text: str) -> str:
    """The id of the model with this canonical definition."""
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return PREFIX + base64.b32encode(digest).decode("ascii").lower()[:ID_CHARS]


def _plain(value: Any) -> Any:
    """The value with whole numbers as integers: a language with one kind of number cannot tell 3 from 3.0."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def as_safetensors(arrays: Mapping[str, Array]) -> bytes:
    """Arrays by name as one file of safetensors, float64; the same arrays give the same bytes."""
    # Not `ascontiguousarray`, which makes an array of one element of a number.
    ready = {name: np.asarray(array, dtype=np.float64, order="C") for name, array in sorted(arrays.items())}
    return bytes(safetensors.numpy.save(ready))


def of_safetensors(content: bytes) -> dict[str, Array]:
    """The arrays of such a file, which was written here."""
    return dict(safetensors.numpy.load(content))
