"""All questions about a function agree with each other where it is singular: one singularity, one answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest

from engine.engine import Engine
from engine.limits import Limits
from engine.question import Answer, Ask, Precision, Question, Sparse
from tests.asking import budget, codes

LN2 = math.log(2.0)


PATIENT = Engine(Limits(escalation_seconds=60.0))
"""What is right does not depend on how busy the machine is."""


def ask(
    what: Ask,
    text: str,
    at: Mapping[str, Any],
    along: Mapping[str, Any] | None = None,
    *,
    many: bool = False,
    batch: bool | tuple[str, ...] = False,
    precision: Precision = "auto",
    wrt: tuple[str, ...] | None = None,
    form: Literal["dense", "coo"] = "dense",
) -> Answer:
    """The whole way of a question, in this process."""
    arrays = {name: np.asarray(a, dtype=float) for name, a in at.items()}
    ways = {name: np.asarray(a, dtype=float) for name, a in (along or {}).items()}
    question = Question(text, arrays, wrt=wrt, batch=batch, along=ways, many=many, precision=precision, format=form)
    return PATIENT.answer(question, what, budget(60.0))


# text, the two inputs, value, gradient, Hessian
REMOVABLE: list[tuple[str, tuple[float, float], float, Sequence[float], Sequence[Sequence[float]]]] = [
    ("y*sin(x)/x", (0.0, 3.0), 3.0, [0.0, 1.0], [[-1.0, 0.0], [0.0, 0.0]]),
    ("(exp(x*y) - 1)/x", (0.0, 2.0), 2.0, [2.0, 1.0], [[8 / 3, 2.0], [2.0, 0.0]]),
    ("(y^x - 1)/x", (0.0, 2.0), LN2, [LN2**2 / 2, 0.5], [[LN2**3 / 3, LN2 / 2], [LN2 / 2, -0.25]]),
    ("(1 - cos(x))/x^2 + y^2", (0.0, 1.0), 1.5, [0.0, 2.0], [[-1 / 12, 0.0], [0.0, 2.0]]),
    ("log(x)/(x - 1)*y", (1.0, 2.0), 2.0, [-1.0, 1.0], [[4 / 3, -0.5], [-0.5, 0.0]]),
]
IDS = [f"{text} at {at}" for text, at, *_ in REMOVABLE]


def close(found: Any, expected: Any) -> None:
    """To the last places."""
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=4e-16, atol=0)


@pytest.mark.parametrize(("text", "at", "value", "gradient", "hessian"), REMOVABLE, ids=IDS)
@pytest.mark.parametrize("precision", ["auto", "exact"])
def test_a_removable_singularity_is_the_same_for_all(
    text: str,
    at: tuple[float, float],
    value: float,
    gradient: Sequence[float],
    hessian: Sequence[Sequence[float]],
    precision: Precision,
) -> None:
    x, y = at
    point = {"x": x, "y": y}
    g, h = np.asarray(gradient), np.asarray(hessian)
    ways = np.array([[1.0, 0.0], [0.5, -2.0]])
    one, many = {"x": 0.5, "y": -2.0}, {"x": ways[:, 0], "y": ways[:, 1]}

    answers: dict[str, Answer] = {
        "value": ask("value", text, point, precision=precision),
        "grad": ask("grad", text, point, precision=precision),
        "jacobian": ask("jacobian", text, point, precision=precision),
        "hessian": ask("hessian", text, point, precision=precision),
        "jvp": ask("jvp", text, point, one, precision=precision),
        "vjp": ask("vjp", text, point, {"": 4.0}, precision=precision),
        "hvp": ask("hvp", text, point, one, precision=precision),
    }
    for answer in answers.values():
        close(answer.value, value)
        assert "singular" in codes(answer)
        assert not {"non-finite", "kink", "ill-conditioned"} & set(codes(answer))
    for name, part in (("grad", "grad"), ("jacobian", "jacobian"), ("hessian", "grad"), ("hvp", "grad")):
        close([answers[name].parts[part]["x"], answers[name].parts[part]["y"]], g)
    close([[answers["hessian"].parts["hessian"][a][b] for b in "xy"] for a in "xy"], h)
    np.testing.assert_allclose(answers["jvp"].parts["jvp"], g @ ways[1], rtol=1e-15, atol=1e-16)
    close([answers["vjp"].parts["vjp"][a] for a in "xy"], 4.0 * g)
    np.testing.assert_allclose([answers["hvp"].parts["hvp"][a] for a in "xy"], h @ ways[1], rtol=1e-15, atol=1e-16)

    pushed = ask("jvp", text, point, many, many=True, precision=precision)
    np.testing.assert_allclose(pushed.parts["jvp"], ways @ g, rtol=1e-15, atol=1e-16)
    pulled = ask("vjp", text, point, {"": [1.0, -3.0]}, many=True, precision=precision)
    close([pulled.parts["vjp"][a] for a in "xy"], np.outer(g, [1.0, -3.0]))
    second = ask("hvp", text, point, many, many=True, precision=precision)
    np.testing.assert_allclose([second.parts["hvp"][a] for a in "xy"], h @ ways.T, rtol=1e-15, atol=1e-16)


@pytest.mark.parametrize(("text", "at", "value", "gradient", "hessian"), REMOVABLE, ids=IDS)
def test_the_singular_point_of_a_batch_is_resolved_among_ordinary_ones(
    text: str, at: tuple[float, float], value: float, gradient: Sequence[float], hessian: Sequence[Sequence[float]]
) -> None:
    points = {"x": [at[0] + 0.5, at[0], at[0] + 0.25], "y": [at[1], at[1], at[1] + 1.0]}
    answer = ask("hessian", text, points, batch=True)
    close(np.asarray(answer.value)[1], value)
    close([answer.parts["grad"][a][1] for a in "xy"], gradient)
    close([[answer.parts["hessian"][a][b][1] for b in "xy"] for a in "xy"], hessian)
    for k in (0, 2):
        alone = ask("hessian", text, {name: a[k] for name, a in points.items()})
        np.testing.assert_allclose(np.asarray(answer.value)[k], alone.value, rtol=1e-12)
        for a in "xy":
            np.testing.assert_allclose(answer.parts["grad"][a][k], alone.parts["grad"][a], rtol=1e-12)
    shared = ask("grad", text, {"x": points["x"], "y": at[1]}, batch=("x",))
    close(np.asarray(shared.value)[1], value)
    close([shared.parts["grad"][a][1] for a in "xy"], gradient)


def test_outputs_of_a_tuple_are_resolved_each_by_itself() -> None:
    text, at = "(sin(x)/x, [abs(x), (exp(x) - 1)/x], 1/x)", {"x": 0.0}
    answer = ask("jacobian", text, at)
    first, second, third = answer.parts["jacobian"]["x"]
    assert (answer.value[0], first) == (1.0, 0.0)
    np.testing.assert_array_equal(answer.value[1], [0.0, 1.0])
    np.testing.assert_array_equal(second, [0.0, 0.5])
    assert not np.isfinite(answer.value[2])
    assert not np.isfinite(third)
    assert {"non-finite", "kink"} <= set(codes(answer))
    weighted = ask("vjp", "(sin(x)/x, (exp(x) - 1)/x)", at, {"0": 2.0, "1": 3.0})
    assert weighted.parts["vjp"]["x"] == 1.5
    curved = ask("hvp", "(sin(x)/x, (exp(x) - 1)/x)", at, {"x": 1.0, "0": 3.0, "1": 6.0})
    np.testing.assert_allclose(curved.parts["hvp"]["x"], -1.0 + 2.0, rtol=1e-15)


NOWHERE = ["x*y/(x^2 + y^2)", "x^2*y/(x^2 + y^2)", "x*y*(x^2 - y^2)/(x^2 + y^2)", "sin(1/x)*y", "x*sin(1/x) + y"]


def asked_all(text: str, at: Mapping[str, Any]) -> dict[str, Answer]:
    """Every question, along a direction between the axes."""
    one = {"x": 1.0, "y": 1.0}
    return {
        "grad": ask("grad", text, at),
        "jacobian": ask("jacobian", text, at),
        "jvp": ask("jvp", text, at, one),
        "vjp": ask("vjp", text, at, {"": 1.0}),
        "hessian": ask("hessian", text, at),
        "hvp": ask("hvp", text, at, one),
    }


@pytest.mark.parametrize("text", NOWHERE)
def test_what_is_not_differentiable_has_no_derivative_by_any_question(text: str) -> None:
    for name, answer in asked_all(text, {"x": 0.0, "y": 0.0}).items():
        part = answer.parts[name]
        numbers = [part] if name == "jvp" else list(part.values())
        flat = [x for n in numbers for x in (n.values() if isinstance(n, dict) else [n])]
        if text.startswith("x*y*(") and name not in ("hessian", "hvp"):
            # This one is: only its second derivatives depend on the order.
            assert flat == [0.0] * len(flat)
            continue
        mixed = text.startswith("x*y*(") and name == "hessian"
        assert any(math.isnan(x) for x in flat) if mixed else not np.all(np.isfinite(flat)), name
        assert {"non-finite", "singular"} & set(codes(answer))


KINKS: list[tuple[str, Mapping[str, float], float]] = [("abs(x) + y^2", {"x": 0.0, "y": 1.0}, 0.0)]


@pytest.mark.parametrize(("text", "at", "convention"), KINKS)
def test_a_kink_keeps_its_convention_in_all_questions(text: str, at: Mapping[str, float], convention: float) -> None:
    for name, answer in asked_all(text, at).items():
        assert "kink" in codes(answer), name
        # What is a convention is not called a limit, and what is smooth beside it is neither.
        assert "singular" not in codes(answer), (name, answer.warnings)
    assert asked_all(text, at)["grad"].parts["grad"] == {"x": convention, "y": 2.0}


def test_sides_are_told_once() -> None:
    answer = ask("hvp", "abs(x) + y^2", {"x": 0.0, "y": 1.0}, {"x": [1.0, 0.0, 2.0], "y": [0.0, 1.0, 1.0]}, many=True)
    (kink,) = [w for w in answer.warnings if w.code == "kink"]
    listed = [repr(s) for s in kink.extra["sides"] if s["part"] == "grad"]
    assert len(listed) == len(set(listed)) == 1


def test_a_kink_that_is_none_is_no_longer_told() -> None:
    for text in ("x*abs(x)", "relu(x)^2", "maximum(x, x)"):
        answer = ask("grad", text, {"x": 0.0})
        assert "kink" not in codes(answer), text


@pytest.mark.parametrize("text", [row[0] for row in REMOVABLE] + NOWHERE)
def test_numbers_called_limits_are_as_many_as_said(text: str) -> None:
    at = dict(zip("xy", next((row[1] for row in REMOVABLE if row[0] == text), (0.0, 0.0)), strict=True))
    for what in ("grad", "hessian"):
        fast = ask(what, text, at, precision="float64")
        answer = ask(what, text, at)
        said = sum(w.extra["count"] for w in answer.warnings if w.extra.get("resolved"))
        was = [float(x) for x in fast.outputs]
        now = [float(x) for x in answer.outputs]
        changed = sum(not (a == b or (a != a and b != b)) for a, b in zip(was, now, strict=True))
        assert said <= changed <= said + sum(np.isfinite(was)), (was, now, said)


FORMS: tuple[Literal["dense"], Literal["coo"]] = ("dense", "coo")
SPARSE: list[tuple[str, Mapping[str, Any], Sequence[Ask]]] = [
    ("sqrt(x)^2", {"x": [0.0, 1.0, 0.0]}, ["jacobian"]),
    ("x*abs(x) + sqrt(y)^2", {"x": [0.0, 1.0, 0.0], "y": [0.0, 2.0, 3.0]}, ["jacobian"]),
    ("abs(x)", {"x": [0.0, 1.0]}, ["jacobian"]),
    ("(sqrt(x)^2, x*y)", {"x": 0.0, "y": 2.0}, ["jacobian"]),
    ("x*y/(x^2 + y^2)", {"x": 0.0, "y": 0.0}, ["jacobian", "hessian"]),
    ("sum(sin(x)/x)", {"x": [0.0, 1.0, 0.0]}, ["jacobian", "hessian"]),
    ("sum(sin(x)/x*y)", {"x": [0.0, 1.0], "y": [1.0, 2.0]}, ["hessian"]),
    ("sum(abs(x)^3)", {"x": [[0.0, 1.0], [2.0, 0.0]]}, ["hessian"]),
]


def in_full(part: Any) -> Any:
    """A part of an answer with sparse matrices in full, two-dimensional."""
    if isinstance(part, Mapping):
        return {name: in_full(inner) for name, inner in part.items()}
    if isinstance(part, tuple):
        return tuple(in_full(inner) for inner in part)
    if isinstance(part, Sparse):
        made = np.zeros((*part.value.shape[:-1], *part.shape))
        made[..., part.row, part.column] = part.value
        return made
    return part


def alike(sparse: Any, dense: Any) -> None:
    """The same numbers, whatever the shapes."""
    if isinstance(sparse, Mapping):
        for name in sparse:
            alike(sparse[name], dense[name])
    elif isinstance(sparse, tuple):
        for a, b in zip(sparse, dense, strict=True):
            alike(a, b)
    else:
        np.testing.assert_array_equal(np.ravel(sparse), np.ravel(dense))


@pytest.mark.parametrize(
    ("text", "at", "what"), [(text, at, what) for text, at, asks in SPARSE for what in asks], ids=str
)
def test_entries_of_sparse_matrices_are_resolved_as_in_full(text: str, at: Mapping[str, Any], what: Ask) -> None:
    for precision in ("auto", "exact"):
        dense, sparse = (ask(what, text, at, precision=precision, form=form) for form in FORMS)
        alike(in_full(sparse.parts[what]), dense.parts[what])
        assert codes(sparse) == codes(dense)


def test_entries_of_sparse_matrices_are_resolved_point_by_point() -> None:
    """Those that are 0 by structure are not sought, and need no limit along a line without the function."""
    answer = ask(
        "jacobian", "sin(x)/x*y", {"x": [[0.0, 1.0], [2.0, 0.0]], "y": 3.0}, batch=("x",), wrt=("x",), form="coo"
    )
    found = in_full(answer.parts["jacobian"]["x"])
    slope = [3.0 * (math.cos(x) / x - math.sin(x) / x**2) for x in (1.0, 2.0)]
    close(found, [[[0.0, 0.0], [0.0, slope[0]]], [[slope[1], 0.0], [0.0, 0.0]]])
    assert "non-finite" not in codes(answer)
