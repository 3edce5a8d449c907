"""Programs over HTTP: wherever an expression is taken, a program is, and its results may have names."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.app import build, edged
from service.context import Context
from service.packed import pack
from service.settings import Settings
from tests.service.asgi import JSON_TYPE, Answered, Client, Wire, scope_of
from tests.service.stores import Shop

HERON = "y = x\nwhile abs(y^2 - x) > 1e-12:\n    y = (y + x/y)/2\nreturn y"
POWER = "y = x\nfor i in range(n):\n    y = y*x\nreturn y"
NAMED = 'total = sum(x^2)\nreturn {"loss": total, "twice": 2*x}'
AT = {"x": [1, 2]}


def ask(client: Client, path: str, program: str, at: Any, **fields: Any) -> Any:
    """The content of an answer about a program."""
    answered = client.post(path, {"program": program, "at": at, **fields})
    assert answered.status == 200, answered.body
    return answered.json()


@pytest.mark.parametrize(
    ("path", "fields", "part", "expected"),
    [
        ("/value", {}, "value", 2**0.5),
        ("/grad", {}, "grad", {"x": 0.5 / 2**0.5}),
        ("/jacobian", {}, "jacobian", {"x": 0.5 / 2**0.5}),
        ("/hessian", {}, "hessian", {"x": {"x": -0.25 / 2**1.5}}),
        ("/jvp", {"tangent": {"x": 2}}, "jvp", 1 / 2**0.5),
        ("/jvp", {"tangents": [{"x": 2}, {"x": 0}]}, "jvp", [1 / 2**0.5, 0]),
        ("/vjp", {"cotangent": 2}, "vjp", {"x": 1 / 2**0.5}),
        ("/vjp", {"cotangents": [2, 0]}, "vjp", {"x": [1 / 2**0.5, 0]}),
        ("/hvp", {"vector": {"x": 1}}, "hvp", {"x": -0.25 / 2**1.5}),
        ("/hvp", {"vectors": [{"x": 1}, {"x": 2}]}, "hvp", {"x": [-0.25 / 2**1.5, -0.5 / 2**1.5]}),
        ("/hvp", {"vector": {"x": 1}, "cotangent": 2}, "hvp", {"x": -0.5 / 2**1.5}),
    ],
)
def test_every_question_takes_a_program(
    client: Client, path: str, fields: dict[str, Any], part: str, expected: Any
) -> None:
    for _ in range(2):
        answer = ask(client, path, HERON, {"x": 2}, **fields)
        assert _close(answer[part], expected)
        assert _close(answer["value"], 2**0.5)
        assert answer["warnings"] == []


def _close(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_close(found[name], expected[name]) for name in expected)
    return np.shape(found) == np.shape(expected) and bool(np.allclose(found, expected, rtol=1e-11, atol=0))


def test_every_option_of_a_question_holds(client: Client) -> None:
    assert ask(client, "/grad", HERON, {"x": [1, 4]}, batch=True)["value"] == pytest.approx([1, 2], rel=1e-14)
    assert ask(client, "/grad", POWER, {"x": 2, "n": 3})["grad"] == {"x": 32}
    assert ask(client, "/grad", POWER, {"x": [2, 3], "n": 3}, batch=["x"])["grad"] == {"x": [32, 108]}
    exact = ask(client, "/grad", POWER, {"x": 0.1, "n": 9}, precision="exact")
    assert exact["value"] == float(Fraction(0.1) ** 10)
    assert ask(client, "/value", POWER, {"x": 2, "n": 3}, digits=True)["digits"]["value"] > 14
    assert ask(client, "/grad", POWER, {"x": 2, "n": 3}, check=True)["check"]["verdict"] == "correct"
    assert ask(client, "/grad", HERON, {"x": 2}, check=True)["check"]["verdict"] == "correct"


@pytest.mark.parametrize("grad", [0.35355339059327373, -0.35355339059327373])
def test_a_claim_about_a_program_is_checked(client: Client, grad: float) -> None:
    report = ask(client, "/check", HERON, {"x": 2}, claimed={"grad": {"x": grad}})
    assert report["verdict"] == ("correct" if grad > 0 else "incorrect")
    assert grad > 0 or report["diagnosis"][0]["kind"] == "sign"


def test_vectors_of_a_program(client: Client) -> None:
    program = "if x > 0:\n    return x^2\nreturn -x"
    answered = client.post("/vectors", {"program": program, "domain": {"x": [-1, 1]}, "count": 2, "seed": 1})
    assert answered.status == 200, answered.body
    content = answered.json()
    assert content["program"] == program
    assert "expr" not in content
    for vector in content["vectors"]:
        x = vector["at"]["x"]
        assert vector["value"] == pytest.approx(x**2 if x > 0 else -x, abs=1e-300)


def test_results_with_names(client: Client) -> None:
    assert ask(client, "/value", NAMED, AT)["value"] == {"loss": 5, "twice": [2, 4]}
    packed = ask(client, "/value", NAMED, AT, encoding="base64")["value"]
    assert packed == {"loss": 5, "twice": pack(np.array([2.0, 4.0]))}
    batch = ask(client, "/value", NAMED, {"x": [[1, 2], [3, 4]]}, batch=True)["value"]
    assert batch == {"loss": [5, 25], "twice": [[2, 4], [6, 8]]}
    assert ask(client, "/value", NAMED, AT, precision="exact")["value"] == {"loss": 5, "twice": [2, 4]}
    digits = ask(client, "/value", NAMED, AT, digits=True)["digits"]["value"]
    assert digits.keys() == {"loss", "twice"}
    assert np.shape(digits["twice"]) == (2,)
    rows = ask(client, "/value", NAMED, AT, check=True)["check"]["components"]
    assert [row["input"] for row in rows] == ["value.loss", "value.twice", "value.twice"]
    jacobian = ask(client, "/jacobian", NAMED, AT)["jacobian"]
    assert jacobian == {"x": {"loss": [2, 4], "twice": [[2, 0], [0, 2]]}}
    sparse = ask(client, "/jacobian", NAMED, AT, format="coo")["jacobian"]["x"]
    assert sparse["twice"] == {"shape": [2, 2], "row": [0, 1], "column": [0, 1], "value": [2, 2]}
    assert ask(client, "/jvp", NAMED, AT, tangent={"x": [1, 0]})["jvp"] == {"loss": 2, "twice": [2, 0]}
    many = ask(client, "/jvp", NAMED, AT, tangents=[{"x": [1, 0]}, {"x": [0, 1]}])["jvp"]
    assert many == {"loss": [2, 4], "twice": [[2, 0], [0, 2]]}


def test_one_result_with_a_name(client: Client) -> None:
    program = 'return {"loss": x^2}'
    assert ask(client, "/value", program, {"x": 3})["value"] == {"loss": 9}
    assert ask(client, "/vjp", program, {"x": 3}, cotangent={"loss": 2})["vjp"] == {"x": 12}
    assert ask(client, "/vjp", program, {"x": 3}, cotangent=[2])["vjp"] == {"x": 12}


def test_a_tuple_of_results(client: Client) -> None:
    program = "total = sum(x^2)\nreturn total, 2*x"
    assert ask(client, "/value", program, AT)["value"] == [5, [2, 4]]
    assert ask(client, "/vjp", program, AT, cotangent=[1, [1, 1]])["vjp"] == {"x": [4, 6]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cotangent": {"loss": 1, "twice": [1, 10]}}, [4, 24]),
        ({"cotangent": {"twice": [1, 10], "loss": 1}}, [4, 24]),
        ({"cotangent": [1, [1, 10]]}, [4, 24]),
        ({"cotangent": {"loss": 1}}, [2, 4]),
        ({"cotangent": {"twice": [1, 10]}}, [2, 20]),
        ({"cotangent": {"loss": 0, "twice": pack(np.array([1.0, 10.0]))}}, [2, 20]),
        ({"cotangents": [{"loss": 1}, {"loss": 2}]}, [[2, 4], [4, 8]]),
        ({"cotangents": [{"loss": 1}, {"twice": [1, 10]}]}, [[2, 4], [2, 20]]),
        ({"cotangents": [[1, [0, 0]], {"twice": [1, 10]}]}, [[2, 4], [2, 20]]),
    ],
)
def test_cotangents_by_name(client: Client, fields: dict[str, Any], expected: Any) -> None:
    for _ in range(2):
        assert ask(client, "/vjp", NAMED, AT, **fields)["vjp"] == {"x": expected}


def test_cotangents_by_name_in_a_batch(client: Client) -> None:
    at = {"x": [[1, 2], [3, 4]]}
    assert ask(client, "/vjp", NAMED, at, batch=True, cotangent={"loss": [1, 10]})["vjp"] == {"x": [[2, 4], [60, 80]]}
    many = ask(client, "/vjp", NAMED, at, batch=True, cotangents=[{"loss": [1, 10]}, {"loss": [0, 1]}])["vjp"]
    assert many == {"x": [[[2, 4], [60, 80]], [[0, 0], [6, 8]]]}


def test_a_weighted_hessian_by_name(client: Client) -> None:
    answer = ask(client, "/hvp", NAMED, AT, cotangent={"loss": 3}, vector={"x": [1, 0]})
    assert (answer["grad"], answer["hvp"]) == ({"x": [6, 12]}, {"x": [6, 0]})
    answer = ask(client, "/hvp", NAMED, AT, cotangent={"twice": [1, 1]}, vectors=[{"x": [1, 0]}, {"x": [0, 1]}])
    assert (answer["grad"], answer["hvp"]) == ({"x": [2, 2]}, {"x": [[0, 0], [0, 0]]})


@pytest.mark.parametrize(
    ("fields", "where", "detail"),
    [
        ({"cotangent": {"los": 1}}, "/cotangent/los", "did you mean `loss`"),
        ({"cotangent": {"x": 1}}, "/cotangent/x", "loss, twice"),
        ({"cotangent": {}}, "/cotangent", "loss, twice"),
        ({"cotangent": {"loss": [1, 1]}}, "/cotangent/loss", "a number is needed"),
        ({"cotangent": {"loss": 1, "twice": 1}}, "/cotangent/twice", "shape (2,)"),
        ({"cotangent": {"loss": 1, "twice": [1, "two"]}}, "/cotangent/twice/1", "two"),
        ({"cotangent": [1]}, "/cotangent", "one cotangent for each"),
        ({"cotangent": [1, 1]}, "/cotangent/1", "shape (2,)"),
        ({"cotangent": 1}, "/cotangent", "2 cotangents"),
        ({"cotangents": [{"loss": 1}, {"loss": [1]}]}, "/cotangents/1/loss", "earlier direction"),
        ({"cotangents": [{"loss": [1]}]}, "/cotangents/0/loss", "a number is needed"),
    ],
)
def test_cotangents_that_do_not_fit_are_refused_by_name(
    client: Client, fields: dict[str, Any], where: str, detail: str
) -> None:
    answered = client.post("/vjp", {"program": NAMED, "at": AT, **fields})
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert answered.pointers == [where]
    assert detail in answered.problem["detail"]


def test_outputs_without_names_have_none(client: Client) -> None:
    answered = client.post("/vjp", {"expr": "x, 2*x", "at": {"x": 1}, "cotangent": {"a": 1}})
    assert answered.pointers == ["/cotangent"]
    assert "a list with a cotangent for each" in answered.problem["detail"]


@pytest.mark.parametrize(
    ("program", "at", "name", "line", "excerpt"),
    [
        ("y = x\nz = 2\nw = y + * z\nreturn w", {"x": 1}, "syntax-error", 3, "w = y + * z"),
        ("y = x\nreturn y + sine(x)", {"x": 1}, "unknown-name", 2, "return y + sine(x)"),
        ("y = x\nwhile sum(y) < 9:\n    y = stack([y, y])\nreturn sum(y)", {"x": [1]}, "shape-mismatch", 3, "    y = "),
        ("y = 2*x\nassert y > 3, 'too small'\nreturn y", {"x": 1}, "invalid-request", 2, "assert y > 3, 'too small'"),
        ("y = x", {"x": 1}, "syntax-error", 1, "y = x"),
        ("import os\nreturn x", {"x": 1}, "syntax-error", 1, "import os"),
        ("def f(x):\n    return f(x + 1)\n\ndef g(x):\n    return f(x)", {"x": 1}, "limit-exceeded", 1, "def f(x):"),
    ],
)  # fmt: skip
def test_a_refusal_shows_the_line(client: Client, program: str, at: Any, name: str, line: int, excerpt: str) -> None:
    answered = client.post("/grad", {"program": program, "at": at})
    assert (answered.status, answered.name) == (422, name)
    assert answered.problem["span"]["line"] == line
    shown, carets = answered.problem["excerpt"].split("\n")
    assert shown.startswith(excerpt)
    assert set(carets) == {" ", "^"} or set(carets) == {"^"}


def test_a_failed_assertion_tells_the_values(client: Client) -> None:
    answered = client.post("/grad", {"program": "y = 2*x\nassert y > 3, 'too small'\nreturn y", "at": {"x": 1}})
    assert "too small" in answered.problem["detail"]
    assert "y = 2" in answered.problem["detail"]


@pytest.mark.parametrize(
    ("body", "name", "pointers"),
    [
        ({"program": "return x", "expr": "x", "at": {"x": 1}}, "invalid-request", ["/expr", "/program"]),
        ({"program": "return x", "function": "f", "at": {"x": 1}}, "invalid-request", ["/program", "/function"]),
        ({"program": 3, "at": {}}, "invalid-request", ["/program"]),
        ({"program": "return foo(x) + z", "at": {"x": 1}}, "unknown-name", ["/at/z", "/program"]),
        ({"program": "def f(x, y):\n    return x", "at": {"x": 1}}, "unknown-name", ["/at/y"]),
        ({"program": "return x", "at": {"x": "one"}}, "invalid-request", ["/at/x"]),
        ({"program": "return x", "at": {"x": 1}, "wrt": "z"}, "invalid-request", ["/wrt"]),
    ],
)
def test_a_refusal_points_into_the_request(client: Client, body: Any, name: str, pointers: list[str]) -> None:
    answered = client.post("/grad", body)
    assert answered.name == name
    assert sorted(answered.pointers) == sorted(pointers)


def test_a_program_that_is_too_long_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path, source_chars=20)
    answered = shop.post("/grad", {"program": "y = x\n" * 10 + "return y", "at": {"x": 1}})
    assert answered.name == "limit-exceeded"
    assert answered.problem["limit"]["name"] == "source_chars"


def test_limits_tell_how_deep_a_program_may_call(tmp_path: Path) -> None:
    shop = Shop(tmp_path, recursion=3)
    assert shop.get("/limits").json()["recursion"] == 3
    program = (
        "def f(x, n):\n    if n == 0:\n        return x\n    return x*f(x, n - 1)\n\ndef g(x):\n    return f(x, 5)"
    )
    assert shop.post("/grad", {"program": program, "at": {"x": 2}}).name == "limit-exceeded"


class Watched:
    """An application that tells in which threads its questions are computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        from engine.compiled import Prepared
        from engine.engine import Engine

        self.context = Context.build(Settings(**settings))
        self.client = Client(edged(build(self.context), self.context, io.StringIO()))
        self.ran: list[str] = []
        self.compiled: list[str] = []
        run, definition = Prepared.run, Engine.definition

        def running(prepared: Any, *arguments: Any) -> Any:
            self.ran.append(threading.current_thread().name)
            return run(prepared, *arguments)

        def defining(engine: Any, *arguments: Any) -> Any:
            self.compiled.append(threading.current_thread().name)
            return definition(engine, *arguments)

        monkeypatch.setattr(Prepared, "run", running)
        monkeypatch.setattr(Engine, "definition", defining)


@pytest.mark.parametrize("path", ["/value", "/grad"])
@pytest.mark.parametrize(
    ("program", "at", "open_ended"),
    [
        (HERON, {"x": 2.0}, True),
        (POWER, {"x": 2.0, "n": 3}, True),
        ("y = x\nif x > 1:\n    while y < 10:\n        y = y*2\nreturn y", {"x": 2.0}, True),
        ("y = x\nfor i in range(3):\n    y = y*x\nreturn y", {"x": 2.0}, False),
        ("return x^2", {"x": 2.0}, False),
    ],
)
def test_what_the_data_end_leaves_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, path: str, program: str, at: Any, open_ended: bool
) -> None:
    watched = Watched(monkeypatch, inline_seconds=60.0)
    for turn in range(3):
        assert ask(watched.client, path, program, at)["warnings"] == []
        heavy = watched.ran[-1].startswith("heavy")
        # The first time, it is compiled behind the gate, whatever it is.
        assert heavy is (open_ended or turn == 0)
    assert all(name.startswith("heavy") for name in watched.compiled[:1])


def test_no_program_is_read_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    ask(watched.client, "/vjp", NAMED, AT, cotangent={"loss": 1})
    assert watched.compiled
    assert all(name.startswith("heavy") for name in watched.compiled)


def test_a_program_that_never_ends_frees_its_thread_and_holds_up_nobody() -> None:
    context = Context.build(Settings(threads=1, queue=4, run_seconds=1.0))
    app = edged(build(context), context, io.StringIO())
    endless = {"program": "y = x\nwhile True:\n    y = y + 1\nreturn y", "at": {"x": 1}}

    async def post(path: str, content: Any) -> Answered:
        wire = Wire([json.dumps(content).encode()])
        await app(scope_of("POST", path, JSON_TYPE), wire.receive, wire.send)
        return wire.answered

    async def story() -> None:
        running = asyncio.ensure_future(post("/grad", endless))
        while not context.gate.running:
            await asyncio.sleep(0)
        light = 0
        while not running.done():
            assert (await post("/grad", {"expr": "x^2", "at": {"x": 3}})).json()["grad"] == {"x": 6}
            light += 1
            await asyncio.sleep(0)
        problem = running.result()
        assert (problem.status, problem.name) == (422, "budget-exceeded")
        assert problem.problem["span"] == {"line": 2, "column": 1, "end_line": 2, "end_column": 12}
        assert problem.problem["excerpt"].startswith("while True:\n^^^")
        assert "this loop" in problem.problem["detail"]
        assert light >= 1
        while context.gate.running:
            await asyncio.sleep(0)
        after = await post("/grad", {"program": HERON, "at": {"x": 2}})
        assert after.status == 200

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_client_that_leaves_ends_its_program() -> None:
    context = Context.build(Settings(threads=1, queue=4, run_seconds=60.0))
    app = edged(build(context), context, io.StringIO())
    endless = {"program": "y = x\nwhile True:\n    y = y + 1\nreturn y", "at": {"x": 1}}

    async def story() -> None:
        wire = Wire([json.dumps(endless).encode()])
        running = asyncio.ensure_future(app(scope_of("POST", "/value", JSON_TYPE), wire.receive, wire.send))
        while not context.gate.running:
            await asyncio.sleep(0)
        wire.gone.set()
        await running
        while context.gate.running:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(story(), 30))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A client of an application with an empty store."""
    return Shop(tmp_path / "data")


def test_a_program_is_stored_under_its_content(shop: Shop) -> None:
    body = {"program": NAMED, "name": "named", "inputs": {"x": {"shape": [2]}}}
    first, again = shop.post("/functions", body), shop.post("/functions", body)
    assert (first.status, again.status) == (201, 200)
    content = first.json()
    assert again.json() == content
    assert content["program"] == NAMED
    assert "expr" not in content
    assert content["outputs"] == [
        {"name": "loss", "dtype": "float64", "shape": []},
        {"name": "twice", "dtype": "float64", "shape": [2]},
    ]
    assert shop.get("/functions/named").json() == content
    assert shop.listed()["functions"] == [content]
    # The same text as an expression would be another function.
    assert shop.store("x^2")["id"] != shop.post("/functions", {"program": "return x^2"}).json()["id"]


@pytest.mark.parametrize(
    ("program", "fields", "inputs", "outputs"),
    [
        ("return x[n]*k", {}, ["x None None text", "n int64 None text", "k None None text"], None),
        (
            "y = 0\nfor i in range(n):\n    y = y + x[i]\nreturn y",
            {"inputs": {"x": {"shape": [3]}}, "data": {"n": 2}},
            ["x float64 [3] declared", "n float64 [] data"],
            [[]],
        ),
        ("def f(a, x):\n    return a*x", {}, ["a None None text", "x None None text"], None),
        ("def f(x, k=2):\n    return x^k", {}, ["x None None text", "k None None default"], None),
        (
            "def f(x, k=2):\n    return x^k",
            {"inputs": {"x": {}}},
            ["x float64 [] declared", "k None None default"],
            [[]],
        ),
        ("return pi*e", {}, [], [[]]),
        ("return map(sin, x)", {}, ["x None None text"], None),
    ],
)
def test_the_signature_follows_from_the_program(
    shop: Shop, program: str, fields: Any, inputs: list[str], outputs: Any
) -> None:
    answered = shop.post("/functions", {"program": program, **fields})
    assert answered.status == 201, answered.body
    content = answered.json()
    assert [f"{i['name']} {i['dtype']} {i['shape']} {i['source']}" for i in content["inputs"]] == inputs
    found = content["outputs"]
    assert (None if found is None else [output["shape"] for output in found]) == outputs


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/value", {}),
        ("/jacobian", {}),
        ("/jvp", {"tangent": {"x": [1, 0]}}),
        ("/vjp", {"cotangent": {"loss": 1}}),
        ("/vjp", {"cotangents": [{"loss": 1}, {"twice": [1, 1]}]}),
        ("/hvp", {"vector": {"x": [1, 0]}, "cotangent": {"loss": 1}}),
        ("/jacobian", {"batch": True, "at": {"x": [[1, 2], [3, 4]]}}),
    ],
)
def test_a_stored_program_is_asked_like_one_that_is_sent(shop: Shop, path: str, fields: dict[str, Any]) -> None:
    shop.post("/functions", {"program": NAMED, "name": "named", "inputs": {"x": {"shape": [2]}}})
    at = {"at": AT, **fields}
    stored = shop.post(path, {**at, "function": "named"})
    assert stored.status == 200, stored.body
    assert stored.json() == shop.post(path, {**at, "program": NAMED}).json()


def test_what_has_a_value_in_the_program_may_be_left_out(shop: Shop) -> None:
    shop.post("/functions", {"program": "def f(x, k=2):\n    return x^k", "name": "power", "inputs": {"x": {}}})
    assert shop.post("/grad", {"function": "power", "at": {"x": 3}}).json()["grad"] == {"x": 6}
    given = shop.post("/grad", {"function": "power", "at": {"x": 3, "k": 3}}).json()["grad"]
    assert given.keys() == {"x", "k"}
    assert given["x"] == 27
    assert shop.post("/grad", {"function": "power", "at": {"k": 3}}).pointers == ["/at/x"]
    assert shop.post("/Evaluate", {"name": "power", "input": [[3]]}).json() == {"output": [[9]]}


def test_a_stored_program_is_a_model_of_umbridge(shop: Shop) -> None:
    shop.post("/functions", {"program": NAMED, "name": "named", "inputs": {"x": {"shape": [2]}}})
    shop.post("/functions", {"program": "return x^2, 2*x", "name": "pair", "inputs": {"x": {}}})
    assert shop.get("/Info").json()["models"] == ["named", "pair"]
    assert shop.post("/OutputSizes", {"name": "named"}).json() == {"outputSizes": [1, 2]}
    body = {"name": "named", "input": [[1, 2]], "outWrt": 1, "inWrt": 0, "inWrt1": 0, "inWrt2": 0}
    assert shop.post("/Evaluate", body).json() == {"output": [[5], [2, 4]]}
    assert shop.post("/Gradient", {**body, "sens": [1, 10]}).json() == {"output": [2, 20]}
    assert shop.post("/ApplyJacobian", {**body, "vec": [1, 10]}).json() == {"output": [2, 20]}
    hessian = {**body, "outWrt": 0, "sens": [3], "vec": [1, 10]}
    assert shop.post("/ApplyHessian", hessian).json() == {"output": [6, 60]}
    assert shop.post("/Evaluate", {"name": "pair", "input": [[3]]}).json() == {"output": [[9], [6]]}


def test_stored_programs_are_there_after_a_restart(tmp_path: Path) -> None:
    Shop(tmp_path).post("/functions", {"program": NAMED, "name": "named", "inputs": {"x": {"shape": [2]}}})
    again = Shop(tmp_path)
    assert again.post("/value", {"function": "named", "at": AT}).json()["value"] == {"loss": 5, "twice": [2, 4]}
    assert [o["name"] for o in again.get("/functions/named").json()["outputs"]] == ["loss", "twice"]


def test_a_stored_program_that_the_data_end_leaves_the_event_loop_in_umbridge(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watched = Watched(monkeypatch, data_dir=tmp_path, inline_seconds=60.0)
    watched.client.post("/functions", {"program": HERON, "name": "root", "inputs": {"x": {}}})
    for _ in range(3):
        assert watched.client.post("/Evaluate", {"name": "root", "input": [[1]]}).json() == {"output": [[1]]}
    assert all(name.startswith("heavy") for name in watched.ran)
