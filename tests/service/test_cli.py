"""The command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.service.asgi import Client

runner = CliRunner()


def test_the_contracts_example_prints_what_the_service_answers(client: Client) -> None:
    done = runner.invoke(app, ["grad", "x^2*sin(y)", "x=3", "y=0.5"])
    assert done.exit_code == 0
    assert done.stdout.encode() == client.grad("x^2*sin(y)", {"x": 3, "y": 0.5}).body + b"\n"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["value", "sum(v)", "v=[1,2,3]"], {"value": 6.0}),
        (["value", "x", "x=NaN"], {"value": "NaN"}),
        (["value", "x", 'x="Infinity"'], {"value": "Infinity"}),
        (["value", "-x", "x=2"], {"value": -2.0}),
        (["value", "x*y", "x=[1,2]", "y=3", "--batch", "x"], {"value": [3.0, 6.0]}),
        (["grad", "x*y", "x=2", "y=3", "--wrt", "y"], {"value": 6.0, "grad": {"y": 2.0}}),
        (["grad", "x*y", "x=2", "y=3", "--wrt", "y", "--wrt", "x"], {"value": 6.0, "grad": {"y": 2.0, "x": 3.0}}),
    ],
)
def test_answers(arguments: list[str], answer: dict[str, object]) -> None:
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    content = json.loads(done.stdout)
    assert {name: content[name] for name in answer} == answer


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["grad", "x^2*sine(y)", "x=3", "y=0.5"], ["unknown-name", "x^2*sine(y)", "^^^", "hint: "]),
        (["grad", "x", "x=three"], ["not JSON", "three"]),
        (["grad", "x", "3"], ["name=value"]),
        (["grad", "x", "x=[1,[2]]"], ["/at/x/1"]),
        (["grad", "x", "x=null"], ["/at/x", "null"]),
        (["grad"], ["/expr"]),
        (["grad", "no-such-file.adj", "x=1"], ["no-such-file.adj cannot be read"]),
        (["grad", "x", "--at", "[1]"], ["cannot be read"]),
        (["grad", "x", "--at", "{"], ["invalid-json"]),
        (["grad", "--file", "no-such-file.json"], ["cannot be read"]),
        (["grad", "x+y+z", "x=q1"], ["x"]),
    ],
)
def test_refusals_go_to_standard_error_with_exit_code_2(arguments: list[str], parts: list[str]) -> None:
    done = runner.invoke(app, arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    for part in parts:
        assert part in done.stderr


def test_every_fault_is_told() -> None:
    done = runner.invoke(app, ["grad", "x", "x=null", "y=[1,null]"])
    assert "/at/x" in done.stderr
    assert "also /at/y/1" in done.stderr


def test_a_request_body_in_a_file_or_on_standard_input(tmp_path: Path) -> None:
    body = '{"expr": "x^2", "at": {"x": 3}, "wrt": ["x"]}'
    file = tmp_path / "request.json"
    file.write_text(body)
    from_file = runner.invoke(app, ["grad", "--file", str(file)])
    from_input = runner.invoke(app, ["grad", "--file", "-"], input=body)
    assert from_file.stdout == from_input.stdout == '{"value":9.0,"grad":{"x":6.0},"warnings":[]}\n'
    file.write_text("{'expr'")
    assert "JSON strings stand in double quotes" in runner.invoke(app, ["grad", "--file", str(file)]).stderr


HERON = "y = x\nfor _ in range(6):\n    y = (y + x/y)/2\nreturn y\n"


def test_a_program_in_a_file_or_on_standard_input(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "heron.adj"
    file.write_text(HERON)
    expected = client.post("/grad", {"program": HERON, "at": {"x": 2}}).body + b"\n"
    for arguments in (["--program", str(file), "x=2"], [str(file), "x=2"], [str(file), "--at", '{"x": 2}']):
        done = runner.invoke(app, ["grad", *arguments])
        assert done.stdout.encode() == expected, done.stderr
    assert runner.invoke(app, ["grad", "--program", "-", "x=2"], input=HERON).stdout.encode() == expected


def test_inputs_from_the_rest_of_a_request(tmp_path: Path) -> None:
    program, rest = tmp_path / "f.adj", tmp_path / "f.json"
    program.write_text("def f(x, k):\n    return x^k\n")
    rest.write_text('{"at": {"x": 3, "k": 2}, "wrt": ["x"]}')
    done = runner.invoke(app, ["grad", str(program), "--at", str(rest)])
    assert json.loads(done.stdout)["grad"] == {"x": 6.0}
    done = runner.invoke(app, ["grad", str(program), "k=3", "--at", str(rest), "--wrt", "k"])
    assert json.loads(done.stdout)["value"] == 27.0
    assert list(json.loads(done.stdout)["grad"]) == ["k"]


def test_an_input_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_text("[1, 2, 3]\n")
    done = runner.invoke(app, ["value", "sum(v)*k", f"v=@{file}", "k=2"])
    assert json.loads(done.stdout)["value"] == 12.0
    file.write_text("[1, 2")
    done = runner.invoke(app, ["value", "sum(v)", f"v=@{file}"])
    assert (done.exit_code, f"The value of v is not JSON: what is in {file}." in done.stderr) == (2, True)
    assert "cannot be read" in runner.invoke(app, ["value", "sum(v)", "v=@no-such-file.json"]).stderr


def test_a_refused_program_is_shown_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "f.adj"
    file.write_text("y = x\nz = y + foo(x)\nreturn z\n")
    done = runner.invoke(app, ["grad", str(file), "x=2"])
    assert done.exit_code == 2
    assert "unknown-name at line 2, column 9" in done.stderr
    assert "    z = y + foo(x)\n            ^^^" in done.stderr


def test_settings_are_printed_with_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJOINT_NODES", "77")
    monkeypatch.setenv("ADJOINT_NDOES", "78")
    done = runner.invoke(app, ["settings"])
    assert "# Operations in one compiled question.\nADJOINT_NODES=77\n" in done.stdout
    assert "ADJOINT_NDOES" in done.stderr


def test_a_setting_that_is_nonsense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJOINT_NODES", "many")
    done = runner.invoke(app, ["settings"])
    assert done.exit_code == 2
    assert "ADJOINT_NODES" in done.stderr


def test_limits_hold_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJOINT_SOURCE_CHARS", "5")
    assert "limit-exceeded" in runner.invoke(app, ["value", "1+1+1+1"]).stderr


def test_version() -> None:
    assert runner.invoke(app, ["version"]).stdout.strip()


def test_a_question_never_loads_the_web_framework() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from service.cli import app\n"
        "assert CliRunner().invoke(app, ['grad', 'x^2', 'x=3']).exit_code == 0\n"
        "print([name for name in ('fastapi', 'starlette', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_more_digits_than_float64_has() -> None:
    done = runner.invoke(app, ["grad", "sin(x)/x", "x=0", "--precision", "float64"])
    assert json.loads(done.stdout)["value"] == "NaN"
    done = runner.invoke(app, ["grad", "sin(x)/x", "x=0", "--precision", "exact"])
    assert json.loads(done.stdout)["grad"] == {"x": 0.0}
    refused = runner.invoke(app, ["grad", "x", "x=0", "--precision", "double"])
    assert (refused.exit_code, "/precision" in refused.stderr) == (2, True)


def test_a_gradient_is_checked(client: Client, tmp_path: Path) -> None:
    body: dict[str, Any] = {
        "expr": "x^2*sin(y)",
        "at": {"x": 3, "y": 0.5},
        "claimed": {"grad": {"y": -7.898243057013355}},
    }
    file = tmp_path / "claim.json"
    file.write_text(json.dumps(body))
    report = json.loads(runner.invoke(app, ["check", str(file)]).stdout)
    assert (report["verdict"], report["diagnosis"][0]["kind"]) == ("incorrect", "sign")
    body["check"] = True
    del body["claimed"]
    file.write_text(json.dumps(body))
    checked = json.loads(runner.invoke(app, ["grad", "--file", str(file)]).stdout)["check"]
    assert checked["verdict"] == "correct"
