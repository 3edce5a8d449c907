"""Write the data sets of this folder from the files that scikit-learn installs, each divided into two files.

    .venv/bin/python examples/models/data/make_data.py

Every fifth row, from the third on, goes to `…-test.csv` and is never trained on; the others are `…-train.csv`.  No
number is changed: each is written as it stands in scikit-learn's file.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import sklearn

SOURCE = Path(sklearn.__file__).parent / "datasets" / "data"
TARGET = Path(__file__).parent
FLOWER = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")
PATIENT = ("age", "sex", "bmi", "blood_pressure", "s1", "s2", "s3", "s4", "s5", "s6", "progression")
MEASURED = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points")
CELL = (*MEASURED, "symmetry", "fractal_dimension")


def rows(name: str) -> list[str]:
    """The lines of one of scikit-learn's files."""
    raw = (SOURCE / name).read_bytes()
    return (gzip.decompress(raw) if name.endswith(".gz") else raw).decode().split("\n")[:-1]


def write(name: str, header: Sequence[str], lines: Sequence[str], packed: bool = False) -> None:
    """The two parts of a data set."""
    parts = {"test": lines[2::5], "train": [line for i, line in enumerate(lines) if i % 5 != 2]}
    for part, own in parts.items():
        text = "\n".join([",".join(header), *own, ""]).encode()
        if packed:
            # Without a time, so that the file is the same every time.
            (TARGET / f"{name}-{part}.csv.gz").write_bytes(gzip.compress(text, 9, mtime=0))
        else:
            (TARGET / f"{name}-{part}.csv").write_bytes(text)


def main() -> None:
    """Write all of them."""
    write("digits", [*(f"p{i // 8}{i % 8}" for i in range(64)), "digit"], rows("digits.csv.gz"), packed=True)
    write("iris", FLOWER, rows("iris.csv")[1:])
    cells = [f"{kind}_{name}" for kind in ("mean", "error", "worst") for name in CELL]
    write("cancer", [*cells, "benign"], rows("breast_cancer.csv")[1:], packed=True)
    targets = rows("diabetes_target.csv.gz")
    patients = [line.split(" ") for line in rows("diabetes_data_raw.csv.gz")]
    joined = [",".join([*line, f"{float(y):g}"]) for line, y in zip(patients, targets, strict=True)]
    write("diabetes", PATIENT, joined)


if __name__ == "__main__":
    main()
