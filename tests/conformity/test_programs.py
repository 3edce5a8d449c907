"""“program: statements ending in `return`, or one `def`; helpers, loops, branches”: with nothing but an address."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

Store = Callable[..., Any]
HERON = "y = x\nwhile abs(y^2 - x) > 1e-12:\n    y = (y + x/y)/2\nreturn y"
NAMED = 'total = sum(x^2)\nreturn {"loss": total, "twice": 2*x}'
AT = {"x": [1, 2]}


@pytest.mark.parametrize(
    ("program", "at", "value", "grad"),
    [
        ("return x^2*sin(y)", {"x": 3, "y": 0.5}, 4.314829847437827, {"x": 2.876553231625218, "y": 7.898243057013355}),
        ("z = x*y\nz += x\nreturn z^2", {"x": 2, "y": 3}, 64, {"x": 64, "y": 32}),
        (HERON, {"x": 2}, math.sqrt(2), {"x": 0.5 / math.sqrt(2)}),
        ("y = x\nfor i in range(n):\n    y = y*x\nreturn y", {"x": 2, "n": 3}, 16, {"x": 32}),
        ("s = 0\nfor v in x:\n    s += v^3\nreturn s", {"x": [1, 2]}, 9, {"x": [3, 12]}),
        ("if x > 1:\n    return x^2\nreturn x", {"x": 3}, 9, {"x": 6}),
        ("if x > 1:\n    return x^2\nreturn x", {"x": -3}, -3, {"x": 1}),
        ("def f(x, y):\n    return x*y", {"x": 2, "y": 3}, 6, {"x": 3, "y": 2}),
        ("def f(x, k=2):\n    return x^k", {"x": 3}, 9, {"x": 6}),
        ("def half(v):\n    return v/2\n\ndef f(x):\n    return half(x)^2", {"x": 4}, 4, {"x": 2}),
        ("y = zeros(2)\ny[0] = x\ny[1] = x^2\nreturn sum(y)", {"x": 3}, 12, {"x": 7}),
        ("# a comment\n\nreturn (x +\n    x)  # over two lines\n", {"x": 3}, 6, {"x": 2}),
    ],
)
def test_a_program_has_its_value_and_gradient(server: Server, program: str, at: Any, value: float, grad: Any) -> None:
    """“statements ending in `return`, or one `def`; helpers, loops, branches”"""
    answer = server.ask("/grad", program=program, at=at)
    assert answer["value"] == pytest.approx(value, rel=1e-12)
    assert answer["grad"].keys() == grad.keys()
    for name, expected in grad.items():
        assert answer["grad"][name] == pytest.approx(expected, rel=1e-12), name
    assert answer["warnings"] == []


@pytest.mark.parametrize(
    ("path", "fields", "part", "expected"),
    [
        ("/jacobian", {}, "jacobian", {"x": 32}),
        ("/hessian", {}, "hessian", {"x": {"x": 48}}),
        ("/jvp", {"tangent": {"x": 2}}, "jvp", 64),
        ("/jvp", {"tangents": [{"x": 2}, {"x": 1}]}, "jvp", [64, 32]),
        ("/vjp", {"cotangent": 2}, "vjp", {"x": 64}),
        ("/hvp", {"vector": {"x": 2}}, "hvp", {"x": 96}),
    ],
)
def test_every_derivative_goes_through_a_loop(
    server: Server, path: str, fields: dict[str, Any], part: str, expected: Any
) -> None:
    """“Sent to every endpoint that computes. Exactly one of expr, program, …”"""
    program = "y = x\nfor i in range(n):\n    y = y*x\nreturn y"
    answer = server.ask(path, program=program, at={"x": 2, "n": 3}, **fields)
    assert (answer["value"], answer[part]) == (16, expected)


def test_every_option_of_a_question_holds(server: Server) -> None:
    """“batch”, “precision”, “check”, “digits” and “encoding” for programs."""
    program = "y = x\nfor i in range(3):\n    y = y*x\nreturn y"
    assert server.ask("/grad", program=program, at={"x": [1, 2]}, batch=True)["grad"] == {"x": [4, 32]}
    assert server.ask("/grad", program=program, at={"x": 2}, check=True)["check"]["verdict"] == "correct"
    assert server.ask("/grad", program=program, at={"x": 2}, digits=True)["digits"]["value"] > 14
    assert server.ask("/value", program="return x^2 - 2", at={"x": 3}, precision="exact")["value"] == 7
    packed = server.ask("/value", program="return 2*x", at=AT, encoding="base64")["value"]
    assert packed == {"dtype": "float64", "shape": [2], "base64": "AAAAAAAAAEAAAAAAAAAQQA=="}


def test_a_batch_goes_its_own_ways(server: Server) -> None:
    """“one answer per point”: each with its own branch and number of steps."""
    answer = server.ask("/grad", program=HERON, at={"x": [2, 3, 100]}, batch=True)
    assert answer["value"] == pytest.approx([math.sqrt(2), math.sqrt(3), 10], rel=1e-12)
    assert answer["grad"]["x"] == pytest.approx([0.5 / math.sqrt(2), 0.5 / math.sqrt(3), 0.05], rel=1e-9)
    branches = server.ask("/grad", program="if x > 0:\n    return x^2\nreturn -x", at={"x": [3, -3]}, batch=True)
    assert (branches["value"], branches["grad"]) == ([9, 3], {"x": [6, -1]})


def test_a_claim_about_a_program(server: Server) -> None:
    """“POST /check {question, "claimed": {…}}”"""
    program = "y = x^2\nreturn y*sin(x)"
    right = 2 * 3 * math.sin(3) + 9 * math.cos(3)
    assert server.ask("/check", program=program, at={"x": 3}, claimed={"grad": {"x": right}})["verdict"] == "correct"
    wrong = server.ask("/check", program=program, at={"x": 3}, claimed={"grad": {"x": -right}})
    assert (wrong["verdict"], wrong["diagnosis"][0]["kind"]) == ("incorrect", "sign")


def test_vectors_of_a_program(server: Server) -> None:
    """“POST /vectors {question without at, …}”"""
    program = "y = x*x\nreturn y + 1"
    answer = server.ask("/vectors", program=program, domain={"x": [-1, 1]}, count=2)
    assert answer["program"] == program
    for vector in answer["vectors"]:
        x = vector["at"]["x"]
        assert vector["value"] == pytest.approx(x * x + 1)
        assert vector["grad"]["x"] == pytest.approx(2 * x)


def test_several_results(server: Server) -> None:
    """“tuples of outputs included”"""
    answer = server.ask("/jacobian", program="s = sum(x^2)\nreturn s, 2*x", at=AT)
    assert (answer["value"], answer["jacobian"]) == ([5, [2, 4]], {"x": [[2, 4], [[2, 0], [0, 2]]]})


def test_results_with_names(server: Server) -> None:
    """Named results are objects wherever there was one array for each result."""
    assert server.ask("/value", program=NAMED, at=AT)["value"] == {"loss": 5, "twice": [2, 4]}
    batch = server.ask("/value", program=NAMED, at={"x": [[1, 2], [3, 4]]}, batch=True)["value"]
    assert batch == {"loss": [5, 25], "twice": [[2, 4], [6, 8]]}
    jacobian = server.ask("/jacobian", program=NAMED, at=AT)["jacobian"]
    assert jacobian == {"x": {"loss": [2, 4], "twice": [[2, 0], [0, 2]]}}
    assert server.ask("/jvp", program=NAMED, at=AT, tangent={"x": [1, 0]})["jvp"] == {"loss": 2, "twice": [2, 0]}
    sparse = server.ask("/jacobian", program=NAMED, at=AT, format="coo")["jacobian"]["x"]["twice"]
    assert sparse == {"shape": [2, 2], "row": [0, 1], "column": [0, 1], "value": [2, 2]}


@pytest.mark.parametrize(
    ("cotangent", "expected"),
    [
        ({"loss": 1, "twice": [1, 10]}, [4, 24]),
        ([1, [1, 10]], [4, 24]),
        ({"loss": 1}, [2, 4]),
        ({"twice": [1, 10]}, [2, 20]),
    ],
)
def test_cotangents_by_name_or_in_order(server: Server, cotangent: Any, expected: Any) -> None:
    """What a cotangent by name leaves out counts as 0."""
    assert server.ask("/vjp", program=NAMED, at=AT, cotangent=cotangent)["vjp"] == {"x": expected}
    many = server.ask("/vjp", program=NAMED, at=AT, cotangents=[cotangent, {"loss": 0}])["vjp"]
    assert many == {"x": [expected, [0, 0]]}


def test_a_weighted_hessian_by_name(server: Server) -> None:
    """“POST /hvp”, with a cotangent."""
    answer = server.ask("/hvp", program=NAMED, at=AT, cotangent={"loss": 3}, vector={"x": [1, 0]})
    assert (answer["grad"], answer["hvp"]) == ({"x": [6, 12]}, {"x": [6, 0]})


@pytest.mark.parametrize(
    ("program", "at", "name", "line"),
    [
        ("y = x\nz = 2\nw = y + * z\nreturn w", {"x": 1}, "syntax-error", 3),
        ("y = x\nreturn y + sine(x)", {"x": 1}, "unknown-name", 2),
        ("y = x\nwhile sum(y) < 9:\n    y = stack([y, y])\nreturn sum(y)", {"x": [1]}, "shape-mismatch", 3),
        ("y = 2*x\nassert y > 3, 'too small'\nreturn y", {"x": 1}, "invalid-request", 2),
        ("y = W @ x\nreturn sum(y)", {"W": [[1, 2]], "x": [1]}, "shape-mismatch", 1),
        ("y = x", {"x": 1}, "syntax-error", 1),
        ("import os\nreturn x", {"x": 1}, "syntax-error", 1),
        ("y = 2*x\nreturn [y, y]", {"x": 1}, "not-scalar", 2),
    ],
)
def test_a_refusal_has_its_place_in_the_program(server: Server, program: str, at: Any, name: str, line: int) -> None:
    """“span (…, 1-based, into the source text), excerpt (the source line and a caret line)”"""
    problem = server.refused("/grad", 422, name, program=program, at=at)
    assert problem["span"]["line"] == line
    shown, carets = problem["excerpt"].split("\n")
    assert shown == program.split("\n")[line - 1]
    assert "^" in carets
    assert carets.index("^") == problem["span"]["column"] - 1


def test_a_failed_assertion_tells_its_message_and_the_values(server: Server) -> None:
    """“detail”: what the program says, and what it says it of."""
    program = "y = 2*x\nassert y > 3, 'the step is too small'\nreturn y"
    detail = server.refused("/grad", 422, "invalid-request", program=program, at={"x": 1})["detail"]
    assert "the step is too small" in detail
    assert "y = 2" in detail
    assert server.ask("/grad", program=program, at={"x": 2})["grad"] == {"x": 2}


@pytest.mark.parametrize(
    ("fields", "name", "where"),
    [
        ({"program": "return x", "expr": "x"}, "invalid-request", ["/expr", "/program"]),
        ({"program": 3}, "invalid-request", ["/program"]),
        ({"program": "return foo(x)"}, "unknown-name", ["/program"]),
        ({"program": "return x + z"}, "unknown-name", ["/at/z"]),
        ({"program": "def f(x, y):\n    return x"}, "unknown-name", ["/at/y"]),
    ],
)
def test_a_refusal_points_into_the_request(server: Server, fields: Any, name: str, where: list[str]) -> None:
    """“errors (all faults at once, each {"pointer","detail"} with a JSON Pointer)”"""
    assert pointers(server.refused("/grad", 422, name, at={"x": 1}, **fields)) == where


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"cotangent": {"los": 1}}, "/cotangent/los"),
        ({"cotangent": {"loss": [1, 1]}}, "/cotangent/loss"),
        ({"cotangents": [{"loss": 1}, {"loss": [1]}]}, "/cotangents/1/loss"),
        ({"cotangent": [1]}, "/cotangent"),
    ],
)
def test_cotangents_that_do_not_fit(server: Server, fields: Any, where: str) -> None:
    """“each {"pointer","detail"} with a JSON Pointer”: by the names that were sent."""
    assert pointers(server.refused("/vjp", 422, "invalid-request", program=NAMED, at=AT, **fields)) == [where]


def test_a_loop_that_does_not_end(server: Server) -> None:
    """“budget-exceeded”, with the place of the loop."""
    program = "y = x\nwhile True:\n    y = y + 1\nreturn y"
    problem = server.refused("/value", 422, "budget-exceeded", program=program, at={"x": 1})
    assert problem["span"]["line"] == 2
    assert problem["limit"]["name"] == "run_seconds"


def test_a_program_is_stored_told_and_asked(server: Server, store: Store, unique: str) -> None:
    """“POST /functions {"expr" | "program", …}”, “named by its content”"""
    stored = store(program=NAMED, name=unique, inputs={"x": {"shape": [2]}})
    assert stored["program"].startswith(NAMED)
    assert [(o["name"], o["shape"]) for o in stored["outputs"]] == [("loss", []), ("twice", [2])]
    assert server.get(f"/functions/{unique}").content == stored
    again = {"program": stored["program"], "inputs": {"x": {"shape": [2]}}}
    assert server.post("/functions", again).content["id"] == stored["id"]
    assert server.ask("/value", function=unique, at=AT)["value"] == {"loss": 5, "twice": [2, 4]}
    assert server.ask("/vjp", function=stored["id"], at=AT, cotangent={"loss": 1})["vjp"] == {"x": [2, 4]}
    model = {"name": unique, "input": [[1, 2]]}
    assert server.post("/Evaluate", model).content == {"output": [[5], [2, 4]]}
    gradient = {**model, "outWrt": 1, "inWrt": 0, "sens": [1, 10]}
    assert server.post("/Gradient", gradient).content == {"output": [2, 20]}


def test_what_is_wrong_with_a_program_is_told_when_it_is_stored(server: Server) -> None:
    """“POST /functions”: refused with the place."""
    problem = server.post("/functions", {"program": "y = x\nz = y +\nreturn z"}).problem(422, "syntax-error")
    assert problem["span"]["line"] == 2
    server.post("/functions", {"program": "y = sine(x)\nreturn y"}).problem(422, "unknown-name")


def test_limits_tell_those_of_programs(server: Server) -> None:
    """“GET /limits tells them”"""
    assert server.get("/limits").content["recursion"] >= 1
