"""The programs of `examples/programs`: read, and asked about as a client would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.question import Answer, Question
from tests.asking import budget

FOLDER = Path(__file__).parents[2] / "examples" / "programs"
NAMES = sorted(file.stem for file in FOLDER.glob("*.adj"))
ENGINE = Engine(verify=True)
PROGRAM: Any = "program"
SECONDS = 300.0
LONG = {"saddle", "particle", "nbody", "lotka_volterra"}
"""Programs that would take long to judge the digits of."""


def source(name: str) -> str:
    """The text of a program."""
    return (FOLDER / f"{name}.adj").read_text("utf-8")


def body(name: str) -> dict[str, Any]:
    """The request body beside it, without the program."""
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return read


def inputs(name: str, **changed: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Its inputs as arrays."""
    return {key: np.asarray(value) for key, value in (body(name)["at"] | changed).items()}


def wrt(name: str) -> tuple[str, ...]:
    """What it is differentiated with respect to."""
    read = body(name)
    return tuple(read.get("wrt", read["at"]))


def ask(text: str, at: Mapping[str, Any], what: str, wrt: tuple[str, ...] | None = None, **options: Any) -> Answer:
    """The engine's answer to a question about a program's text."""
    arrays = {name: np.asarray(value) for name, value in at.items()}
    question = Question(text, arrays, kind=PROGRAM, wrt=wrt, **options)
    asked: Any = what
    return ENGINE.answer(question, asked, budget(SECONDS))


def answer(name: str, what: str, **changed: Any) -> Answer:
    """The answer to the request beside a program, some inputs changed."""
    precision = "float64" if name in LONG else "auto"
    return ask(source(name), inputs(name, **changed), what, None if what == "value" else wrt(name), precision=precision)


def value_of(found: Answer) -> Any:
    """The value, a number or an array."""
    return np.asarray(found.value)[()]


def grad_of(found: Answer) -> dict[str, np.ndarray[Any, Any]]:
    """The gradient by input."""
    assert found.grad is not None
    return found.grad
