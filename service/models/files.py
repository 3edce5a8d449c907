"""Files of arrays, NPZ and safetensors: read without pickles, and nothing allocated that a header alone asks for."""

from __future__ import annotations

import difflib
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import safetensors
from numpy.lib import format as npy

from engine.errors import Fault, InvalidRequest
from engine.graph.types import Shape
from engine.question import Array
from service.pointers import pointer
from service.reader import Reader, short

FILES = (
    b"application/x-npz",
    b"application/zip",
    b"application/x-safetensors",
    b"application/vnd.safetensors",
    b"application/octet-stream",
)
"""The types of such files; what a file is, it says itself."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_HEADER_BYTES = 65_536
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
}
_HALF = "BF16"


def read_file(content: bytes, shapes: Mapping[str, Shape], reader: Reader) -> dict[str, Array]:
    """The arrays of a file as float64 by name; those that have no place among the `shapes` are faults, and not read.

    Raises `InvalidRequest` for what is no such file.
    """
    if content.startswith(_ZIP):
        return _of_zip(content, shapes, reader)
    return _of_safetensors(content, shapes, reader)


def as_npz(arrays: Mapping[str, Array]) -> bytes:
    """Arrays by name as one file of numpy.

    Not by `savez`, whose keywords are the names: one of them, `allow_pickle`, would be no array.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                npy.write_array(entry, np.asarray(array), allow_pickle=False)
    return file.getvalue()


def fits(name: str, shape: Shape, shapes: Mapping[str, Shape], where: tuple[str, ...], reader: Reader) -> bool:
    """Whether an array has a place and the shape of it; a fault for what it does not have."""
    if name not in shapes:
        reader.fault((*where, short(name)), f"The model has no parameter of this name{_near(name, shapes)}")
        return False
    if shape != shapes[name]:
        detail = f"The shape is {list(shape)}, and has to be {list(shapes[name])}"
        turned = len(shape) == 2 and shape[::-1] == shapes[name]
        reader.fault((*where, short(name)), detail + ("; PyTorch's weights have to be transposed." if turned else "."))
        return False
    return True


def _near(name: str, shapes: Mapping[str, Shape]) -> str:
    near = difflib.get_close_matches(name[:100], shapes, 1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return "; it has " + ", ".join(list(shapes)[:10]) + (", …" if len(shapes) > 10 else "") + "."


def _of_zip(content: bytes, shapes: Mapping[str, Shape], reader: Reader) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with _readable("NPZ"), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if name not in shapes:
                fits(name, (), shapes, (), reader)
            elif name in found:
                reader.fault((name,), "This is twice in the file.")
            elif entry.compress_type not in _COMPRESSIONS:
                reader.fault((name,), "This is compressed in a way that is not taken; savez and savez_compressed are.")
            elif entry.file_size > 8 * int(np.prod(shapes[name])) + _HEADER_BYTES:
                reader.fault((name,), f"These are more bytes than an array of shape {list(shapes[name])} has.")
            else:
                array = _npy(archive.read(entry), name, shapes, reader)
                if array is not None:
                    found[name] = array
    return found


def _npy(raw: bytes, name: str, shapes: Mapping[str, Shape], reader: Reader) -> Array | None:
    file = io.BytesIO(raw)
    version = npy.read_magic(file)
    if version not in _READERS:
        reader.fault((name,), f"The version {version[0]}.{version[1]} of the format is not taken.")
        return None
    shape, fortran, dtype = _READERS[version](file)
    if not fits(name, tuple(shape), shapes, (), reader):
        return None
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        reader.fault((name,), f"These are of the type {dtype}; numbers of at most 64 bits are needed.")
        return None
    if len(raw) - file.tell() != dtype.itemsize * int(np.prod(shape)):
        reader.fault((name,), "The number of bytes is not that of the header.")
        return None
    flat = np.frombuffer(raw, dtype, offset=file.tell()).astype(np.float64)
    return flat.reshape(shape, order="F" if fortran else "C")


def _of_safetensors(content: bytes, shapes: Mapping[str, Shape], reader: Reader) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with _readable("NPZ or safetensors"):
        entries: list[tuple[str, dict[str, Any]]] = safetensors.deserialize(content)  # type: ignore[no-untyped-call]
    for name, entry in entries:
        dtype = entry["dtype"]
        if not fits(name, tuple(entry["shape"]), shapes, (), reader):
            continue
        if dtype == _HALF:
            # The upper half of a float32.
            wide = np.frombuffer(entry["data"], "<u2").astype("<u4") << 16
            found[name] = wide.view("<f4").astype(np.float64).reshape(entry["shape"])
        elif dtype in _DTYPES:
            found[name] = np.frombuffer(entry["data"], _DTYPES[dtype]).astype(np.float64).reshape(entry["shape"])
        else:
            reader.fault((name,), f"These are of the type {dtype}; F64, F32, F16, BF16 and integers are taken.")
    return found


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Refuse what the readers of a format fail at; they raise whatever their parts do."""
    try:
        yield
    except (InvalidRequest, MemoryError):
        raise
    except Exception as error:
        detail = f"This cannot be read as a file of the format {what}."
        raise InvalidRequest(detail, faults=[Fault(pointer(()), detail)]) from error
