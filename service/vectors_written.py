"""Golden vectors as JSON, CSV and NPZ."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import numpy as np

from engine.checking.vectors import Vectors
from engine.question import Array
from service.arrays import from_array


def as_json(found: Vectors, encoding: str) -> dict[str, Any]:
    """A list of points, each with its answers."""
    return {
        "count": len(found.kinds),
        "vectors": [
            {
                "kind": kind,
                "at": {name: from_array(array[i], encoding) for name, array in found.at.items()},
                "value": from_array(found.value[i], encoding),
                "grad": {name: from_array(array[i], encoding) for name, array in found.grad.items()},
                "differentiable": bool(found.differentiable[i]),
                "tolerance": {
                    "value": from_array(found.tolerance[""][i], encoding),
                    "grad": {name: from_array(found.tolerance[name][i], encoding) for name in found.grad},
                },
            }
            for i, kind in enumerate(found.kinds)
        ],
    }


def as_csv(found: Vectors) -> bytes:
    """One row per point; a column for every element, named as in `at.x[0,1]`; numbers are written as in JSON."""
    columns: list[tuple[str, list[str]]] = [("kind", found.kinds)]
    columns.append(("differentiable", [str(bool(flag)).lower() for flag in found.differentiable]))
    for prefix, name, array in _columns(found):
        flat = array.reshape(len(found.kinds), -1)
        places = [",".join(map(str, index)) for index in np.ndindex(array.shape[1:])]
        for k, place in enumerate(places):
            label = f"{prefix}.{name}" if name else prefix
            columns.append((f"{label}[{place}]" if place else label, [_number(x) for x in flat[:, k]]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([label for label, _ in columns])
    writer.writerows(zip(*[cells for _, cells in columns], strict=True))
    return text.getvalue().encode()


def as_npz(found: Vectors) -> bytes:
    """The arrays under the names of the columns, without their indices."""
    arrays = {f"{prefix}.{name}" if name else prefix: array for prefix, name, array in _columns(found)}
    file = io.BytesIO()
    np.savez(file, kind=np.array(found.kinds), differentiable=found.differentiable, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _columns(found: Vectors) -> list[tuple[str, str, Array]]:
    at = [("at", name, array) for name, array in found.at.items()]
    grad = [("grad", name, array) for name, array in found.grad.items()]
    tolerance = [("tolerance.grad", name, found.tolerance[name]) for name in found.grad]
    return [*at, ("value", "", found.value), *grad, ("tolerance.value", "", found.tolerance[""]), *tolerance]


def _number(x: Any) -> str:
    if isinstance(x, np.integer):
        return str(int(x))
    number = float(x)
    if math.isfinite(number):
        return repr(number)
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
