"""What a function is, and the id that follows from it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.question import Array, Kind
from service.packed import DTYPES
from service.serialise import json_bytes

PREFIX = "fn_"
ID_CHARS = 32
"""160 bits in base32: nobody finds two functions with the same id, by accident or by trying."""


def is_name(text: str) -> bool:
    """Whether a function can be called this; ids are of the same form."""
    return text.replace("-", "_").replace(".", "_").isidentifier() and text[0] not in "-."


@dataclass(frozen=True, slots=True)
class Declared:
    """An input and its type; `dtype` is one of `float64`, `int64`, `bool`."""

    name: str
    dtype: str = "float64"
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """A function as it is posted.

    `inputs` are those without data, in the order in which their client counts them.  `data` are float64, int64 or bool
    arrays in C order, by name.  Names are NFKC-normalised.
    """

    kind: Kind
    text: str
    inputs: tuple[Declared, ...] = ()
    data: Mapping[str, Array] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """The size of the data."""
        return sum(array.nbytes for array in self.data.values())


def content_id(definition: Definition) -> str:
    """The id of a function: the same for the same kind, text, declared inputs in the same order, and data bit for bit.

    The order of `data` does not count, nor how its numbers were sent.
    """
    canonical = {
        "kind": definition.kind,
        "text": definition.text,
        "inputs": [[declared.name, declared.dtype, declared.shape] for declared in definition.inputs],
        "data": [
            [name, array.dtype.name, array.shape, hashlib.sha256(as_bytes(array)).hexdigest()]
            for name, array in sorted(definition.data.items())
        ],
    }
    digest = hashlib.sha256(json_bytes(canonical)).digest()
    return PREFIX + base64.b32encode(digest).decode("ascii").lower()[:ID_CHARS]


def as_bytes(array: Array) -> bytes:
    """The bytes of an array: little-endian, in C order."""
    return np.ascontiguousarray(array, dtype=DTYPES[array.dtype.name]).tobytes()


def from_bytes(content: bytes, dtype: str, shape: tuple[int, ...]) -> Array:
    """The array of such bytes, which it shares and cannot change."""
    return np.frombuffer(content, dtype=DTYPES[dtype]).reshape(shape)
