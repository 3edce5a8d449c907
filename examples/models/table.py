"""The tables of data/ as the scripts of this folder send them, and how good predictions are.

python3 table.py csv digits-train           the file
python3 table.py ask digits-test 3          the body of a question about all of its rows, to version 3
… | python3 table.py score digits-test      how good the answer is
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
NUMBERS = ("diabetes",)
"""Tables whose last column is a quantity; in the others it is the number of a class."""


def text(name: str) -> str:
    """A file of data/, with a line of names first."""
    packed = DATA / f"{name}.csv.gz"
    return gzip.decompress(packed.read_bytes()).decode() if packed.exists() else (DATA / f"{name}.csv").read_text()


def rows(name: str) -> list[list[float]]:
    """Its numbers; the last one of a row is what is to be predicted."""
    return [[float(cell) for cell in row] for row in list(csv.reader(text(name).splitlines()))[1:]]


def question(name: str, version: int) -> dict[str, Any]:
    """The body of a question about all of its rows."""
    asked = {"x": [row[:-1] for row in rows(name)], "version": version}
    return asked if name.startswith(NUMBERS) else {**asked, "probabilities": True}


def flat(values: list[Any]) -> list[Any]:
    """Without the axis that a model with one output has."""
    return [one[0] if isinstance(one, list) and len(one) == 1 else one for one in values]


def scores(answer: dict[str, Any], true: list[float]) -> dict[str, str]:
    """Accuracy, and AUC of two classes; or R² and the mean error."""
    if "prediction" not in answer:
        sys.exit(json.dumps(answer, indent=1, ensure_ascii=False))
    if "class" not in answer:
        found, mean = flat(answer["prediction"]), sum(true) / len(true)
        errors = [abs(a - b) for a, b in zip(found, true, strict=True)]
        spread = sum((one - mean) ** 2 for one in true)
        r2 = 1 - sum(error * error for error in errors) / spread
        return {"R2": f"{r2:.4f}", "mean error": f"{sum(errors) / len(errors):.2f}"}
    right = sum(a == b for a, b in zip(flat(answer["class"]), true, strict=True))
    told = {"accuracy": f"{right / len(true):.4f} ({right} of {len(true)})"}
    sure = flat(answer["probabilities"])
    if not isinstance(sure[0], list):
        yes = [p for p, is_yes in zip(sure, true, strict=True) if is_yes]
        no = [p for p, is_yes in zip(sure, true, strict=True) if not is_yes]
        # Of all pairs the part in the right order; equal ones count half.
        ordered = sum((a > b) + (a == b) / 2 for a in yes for b in no)
        told["AUC"] = f"{ordered / (len(yes) * len(no)):.4f}"
    return told


if __name__ == "__main__":
    ask, name = sys.argv[1:3]
    if ask == "csv":
        print(text(name), end="")
    elif ask == "ask":
        print(json.dumps(question(name, int(sys.argv[3]))))
    else:
        for what, value in scores(json.load(sys.stdin), [row[-1] for row in rows(name)]).items():
            print(f"test {what}: {value}")
