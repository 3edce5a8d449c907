"""The commands `adjoint job …` with a server that runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from service.client import following
from service.client.screen import Lines, Pace
from service.client.summary import listing, starts, summary
from service.client.track import Track
from tests.service.live import PATIENCE, Live, serving
from tests.service.scripted import content, scripted, stream

ROSENBROCK = "(1-x)^2 + 100*(y-x^2)^2"
ENDLESS = [ROSENBROCK, "x=-1.2", "y=1", "--method", "sgd", "--option", "lr=1e-9", "--seconds", "25"]
ENDLESS += ["--steps", "9000000"]
QUARTERS = ["x^2", "x=1", "--method", "sgd", "--option", "lr=0.25", "--steps", "3"]
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from service.cli import main; main()"
)
"""The command as a terminal starts it: with Ctrl-C, whatever the tests themselves are started by."""

Job = Callable[..., Result]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(ADJOINT_DATA_DIR=str(tmp_path_factory.mktemp("jobs")), ADJOINT_JOB_WORKERS="1") as live:
        yield live


@pytest.fixture
def job(server: Live) -> Job:
    """Runs a command about jobs of the server."""

    def run(*arguments: str, input: str | None = None) -> Result:
        return CliRunner().invoke(app, ["job", *arguments, "--url", f"http://127.0.0.1:{server.port}"], input=input)

    return run


@contextmanager
def started(port: int, *arguments: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "job", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ADJOINT_URL": f"http://127.0.0.1:{port}"},
        stdin=subprocess.DEVNULL,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], words: str) -> str:
    """What a process says on standard error up to the line with `words`."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"{words!r} is not in {said!r}")


def test_a_job_is_submitted_watched_and_told(job: Job) -> None:
    adam = ["--method", "adam", "--option", "lr=0.02", "--steps", "500"]
    done = job("submit", ROSENBROCK, "x=-1.2", "y=1", *adam, "--chart")
    assert done.exit_code == 0, done.stderr
    drawn, _, told = done.stdout.partition("\n\n")
    lines = drawn.split("\n")
    assert lines[0] == "value, logarithmic"
    assert lines[1].lstrip().startswith("24.2 ┤⡇")
    assert lines[-1].split() == ["0", "step", "500"]
    head = rf"job_\w+  succeeded\n objective  {re.escape(ROSENBROCK)}\n    method  adam \(lr=0.02, .*\)\n"
    point = r"     least  \d\S+\n         x  -?0\.\d+\n         y  \S+\n  gradient  norm \S+\n"
    end = r"     steps  500, in .* s\n     ended  500 steps were made, as many as were allowed.\n"
    assert re.fullmatch(head + point + end, told), told
    assert done.stderr.split("\n")[0].split()[1] in ("queued", "running")
    assert re.search(r"job_\w+  succeeded\n$", done.stderr)


def test_the_training_of_a_model_is_told_by_its_scores(job: Job, server: Live, tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", "units": 1}]
    status, model = server.post("/models", {"input": {"shape": [2]}, "layers": layers, "loss": "bce"})
    assert status in (200, 201)
    data = {"x": [[0, 0], [0, 1], [1, 0], [1, 1]], "y": [0, 1, 1, 0]}
    file = tmp_path / "training.json"
    file.write_text(json.dumps({"model": model["id"], "data": data, "epochs": 200}))
    done = job("submit", "--file", str(file), "--method", "adam", "--option", "lr=0.1")
    assert done.exit_code == 0, done.stderr
    scores = r"    scores  epoch_value 0\.0\S+, accuracy 1 \(epoch 200\)\n   version  1 of the model\n"
    assert re.search(rf"     model  {model['id']}\n(.*\n)*{scores}     steps  200, .*\n", done.stdout), done.stdout
    assert "gradient" not in done.stdout
    file.write_text(json.dumps({"model": model["id"], "data": data, "find_learning_rate": True}))
    assert re.search(r"      rate  \S+ is where the loss fell fastest\n", job("submit", "--file", str(file)).stdout)


def test_json_is_the_job_as_the_server_tells_it(job: Job, server: Live) -> None:
    done = job(
        "submit", "sum((X @ w - y)^2)", "w=[0,0]", "--data", "X=[[1,2],[3,4],[5,6]]", "--data", "y=[1,2,3]", "--json"
    )
    told = json.loads(done.stdout)
    assert (told["state"], done.stderr) == ("succeeded", "")
    assert server.get(f"/jobs/{told['id']}")[1] == told
    assert told["result"]["variables"]["w"] == pytest.approx([0, 0.5], abs=1e-4)
    again = job("watch", told["id"], "--json")
    assert (json.loads(again.stdout), again.exit_code) == (told, 0)
    assert json.loads(job("show", told["id"], "--json").stdout) == told


def test_everything_that_a_request_may_say(job: Job, server: Live, tmp_path: Path) -> None:
    program, data = tmp_path / "f.adj", tmp_path / "X.json"
    program.write_text("r = X @ w\nreturn -sum(r^2)\n")
    data.write_text("[[1, 2], [3, 4]]")
    done = job(
        *("submit", str(program), "w=[1,1]", "--data", f"X=@{data}", "--maximize", "--method", "sgd"),
        *("--option", "lr=0.001", "--schedule", '{"name":"step","size":10,"gamma":0.5}', "--clip", "norm=1"),
        *("--bounds", "w=[-2,null]", "--steps", "30", "--seconds", "20", "--target", "-1e-9", "--grad-norm", "1e-12"),
        *("--relative-change", "0", "--patience", "9", "--starts", "3", "--low", "-1", "--high", "w=[1,2]"),
        *("--seed", "7", "--every", "2", "--precision", "float64", "--json"),
    )
    if done.exit_code == 2:
        pytest.fail(done.stderr)
    told = json.loads(done.stdout)
    assert told["direction"] == "maximize"
    assert told["method"]["lr"] == 0.001
    assert (told["schedule"]["name"], told["clip"]["norm"]) == ("step", 1.0)
    assert told["stop"] == {
        "max_steps": 30,
        "max_seconds": 20.0,
        "grad_norm": 1e-12,
        "relative_change": 0.0,
        "target": -1e-9,
        "patience": 9,
    }
    assert (told["bounds"], told["starts"], told["record"]["every"]) == (True, 3, 2)


def test_a_request_in_a_file_with_something_else(job: Job, tmp_path: Path) -> None:
    body = {"expr": "(x-k)^2", "start": {"x": 3}, "data": {"k": 2}, "stop": {"max_steps": 5, "grad_norm": 0.5}}
    file = tmp_path / "job.json"
    file.write_text(json.dumps(body))
    told = json.loads(job("submit", "--file", str(file), "x=9", "--data", "k=4", "--steps", "7", "--json").stdout)
    assert told["result"]["value"] == pytest.approx(0, abs=1e-6)
    assert told["result"]["variables"]["x"] == pytest.approx(4, abs=1e-3)
    assert (told["stop"]["max_steps"], told["stop"]["grad_norm"]) == (7, 0.5)
    told = json.loads(job("submit", "--file", "-", "--json", input=json.dumps(body)).stdout)
    assert told["result"]["variables"]["x"] == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            ["x^2*sine(y)", "x=3", "y=0.5"],
            ["unknown-name at line 1, column 5: ", "    x^2*sine(y)\n        ^^^^"],
        ),
        (
            ["x+z", "x=[1,null]", "--method", "adm"],
            ["invalid-request: ", "/start/x/1", "also /method/name: ", "`adam`"],
        ),
        (["x", "x=one"], ["The value of x is not JSON: 'one'", "hint: x=[1,2,3]"]),
        (["x", "x=1", "--methid", "adam"], ["There is no option --methid."]),
        (["x", "x=1", "--option", "lr=1"], ["--option is of a method", "hint: --method adam --option lr=1"]),
        (["x", "x=1", "--low", "[1"], ["This is not JSON: '[1'."]),
        (["x", "x=1", "--method", "{"], ["This is not JSON: '{'."]),
        (["x", "x=1", "--file", "no-such-file.json"], ["cannot be read"]),
        (["x", "x=1", "--data", "k"], ["--data is given as name=value; this is 'k'."]),
        (["x", "x=1", "--key", "a key"], ["An Idempotency-Key has"]),
        (["x"], ["/start"]),
        ([], ["/start"]),
    ],
)
def test_refusals(job: Job, arguments: list[str], parts: list[str]) -> None:
    done = job("submit", *arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    for part in parts:
        assert part in done.stderr


def test_a_job_that_fails_ends_with_its_problem(job: Job) -> None:
    done = job("submit", "x[i]", "x=[1,2]", "--data", "i=7")
    assert done.exit_code == 1
    assert done.stderr.endswith("shape-mismatch: Index 7 is out of range for an axis of size 2.\n")
    assert re.match(r"job_\w+  failed\n", done.stdout)
    id = done.stdout.split()[0]
    assert "shape-mismatch: Index 7" in job("show", id).stdout
    assert job("watch", id, "--json").exit_code == 1


def test_several_starts_have_a_table(job: Job) -> None:
    done = job("submit", "(x^2-4)^2+x", "x=1", "--starts", "4", "--low", "-3", "--high", "3", "--chart")
    assert done.stdout.startswith("best value of all starts\n")
    table = done.stdout.rpartition("\n\n")[2].splitlines()
    assert table[0].split() == ["start", "value", "steps", "ended"]
    assert len(table) == 5
    assert [line.split()[2] for line in table if line.startswith("*")] == ["-2.01538819"]


def test_the_same_key_is_the_same_job(job: Job) -> None:
    ids = {job("submit", "x^2", "x=1", "--key", "once", "--no-wait").stdout for _ in range(2)}
    assert len(ids) == 1
    assert job("submit", "x^2", "x=1", "--no-wait").stdout not in ids
    refused = job("submit", "x^4", "x=1", "--key", "once", "--no-wait")
    assert (refused.exit_code, refused.stderr.startswith("conflict: ")) == (2, True)


def test_a_job_from_beginning_to_end(job: Job) -> None:
    id = job("submit", *ENDLESS, "--no-wait").stdout.strip()
    assert re.fullmatch(r"job_\w+", id)
    refused = job("forget", id)
    assert (refused.exit_code, refused.stderr.startswith("conflict: ")) == (2, True)
    cancelled = job("cancel", id)
    assert cancelled.exit_code == 0
    assert re.match(rf"{id}  cancelled", cancelled.stdout)
    assert json.loads(job("cancel", id, "--json").stdout)["state"] == "cancelled"
    watched = job("watch", id, "--no-chart")
    assert (watched.exit_code, watched.stdout.startswith(f"{id}  cancelled\n")) == (4, True)
    listed = job("list", "--state", "cancelled").stdout.splitlines()
    assert listed[0].split()[:3] == ["ID", "STATE", "CREATED"]
    assert listed[1].split()[:2] == [id, "cancelled"]
    assert job("forget", id).stdout == f"{id}  forgotten\n"
    gone = job("show", id)
    assert (gone.exit_code, gone.stderr.startswith("gone: ")) == (2, True)


def test_the_list_is_as_long_as_asked_for(job: Job) -> None:
    ids = [job("submit", "x^2", "x=1", "--no-wait").stdout.strip() for _ in range(3)]
    lines = job("list", "--limit", "2").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [ids[2], ids[1]]
    assert len(json.loads(job("list", "--limit", "3", "--json").stdout)["jobs"]) == 3
    assert job("list", "--state", "lost").exit_code == 2


def test_the_history_of_a_job(job: Job) -> None:
    id = json.loads(job("submit", *QUARTERS, "--json").stdout)["id"]
    assert job("show", id, "--history", "csv").stdout.splitlines() == [
        "index,step,value,grad_norm,learning_rate",
        "0,0,1.0,2.0,",
        "1,1,0.25,1.0,0.25",
        "2,2,0.0625,0.5,0.25",
        "3,3,0.015625,0.25,0.25",
    ]
    rows = [json.loads(line) for line in job("show", id, "--history", "ndjson").stdout.splitlines()]
    assert [row["value"] for row in rows] == [1.0, 0.25, 0.0625, 0.015625]
    shown = job("show", id, "--chart").stdout
    assert shown.startswith("value, logarithmic\n")
    assert [line.split()[2] for line in shown.splitlines()[-3:]] == ["posted", "claimed", "succeeded"]
    assert job("show", id, "--history", "xml").exit_code == 2
    assert job("show", "../functions").exit_code == 2


def test_a_chart_has_no_place_in_a_narrow_terminal(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    id = job(
        "submit", "x^2", "x=1", "--method", "sgd", "--option", "lr=0.25", "--steps", "3", "--no-wait"
    ).stdout.strip()
    monkeypatch.setenv("COLUMNS", "30")
    assert job("watch", id, "--chart").stdout.splitlines()[:2] == ["█▆▃▁", ""]


def test_no_server_is_a_clear_sentence() -> None:
    with scripted() as nobody:
        pass
    for arguments in (
        ["submit", "x", "x=1"],
        ["watch", "a"],
        ["list"],
        ["cancel", "a"],
        ["show", "a"],
        ["forget", "a"],
    ):
        done = CliRunner().invoke(app, ["job", *arguments, "--url", nobody.url])
        assert (done.exit_code, done.stdout) == (3, "")
        assert f"There is no server at {nobody.url} (Connection refused)." in done.stderr
        assert "`adjoint serve` starts one" in done.stderr


def test_ctrl_c_stops_watching_and_the_job_goes_on(job: Job, server: Live) -> None:
    with started(server.port, "submit", *ENDLESS) as watching:
        id = until(watching, "  running").split()[0]
        watching.send_signal(signal.SIGINT)
        out, said = watching.communicate(timeout=PATIENCE)
    state = server.get(f"/jobs/{id}")[1]["state"]
    job("cancel", id)
    assert (watching.returncode, out, state) == (130, "", "running")
    assert said == f"No longer watching; the job goes on.\n  adjoint job watch {id}\n  adjoint job cancel {id}\n"


def test_ctrl_c_cancels_if_it_shall(server: Live) -> None:
    with started(server.port, "submit", *ENDLESS, "--cancel-on-interrupt") as watching:
        id = until(watching, "  running").split()[0]
        watching.send_signal(signal.SIGINT)
        out, said = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 4, said
    assert said.startswith(f"Cancelling {id}.\n")
    assert said.endswith(f"{id}  cancelled\n")
    assert out.startswith(f"{id}  cancelled\n")


def test_a_server_that_starts_again_while_a_job_is_watched(tmp_path: Path) -> None:
    settings = {"ADJOINT_DATA_DIR": str(tmp_path)}
    with ExitStack() as first_life:
        first = first_life.enter_context(serving(**settings, ADJOINT_JOB_WORKERS="0"))
        with started(first.port, "submit", *QUARTERS) as watching:
            id = until(watching, "  queued").split()[0]
            first.until(lambda: bool(first.metric("adjoint_job_watchers")), "somebody watches")
            first_life.close()
            said = until(watching, "Trying again for 120 s.")
            with serving("--port", str(first.port), **settings, ADJOINT_JOB_WORKERS="1"):
                # A server and a process of jobs are started meanwhile.
                out, rest = watching.communicate(timeout=2 * PATIENCE)
    assert watching.returncode == 0, said + rest
    assert rest.startswith("The server is back.\n")
    assert rest.endswith(f"{id}  succeeded\n")
    assert out.startswith(f"{id}  succeeded\n")


def test_a_terminal_has_a_bar(server: Live) -> None:
    terminal, inner = os.openpty()
    with started(server.port, "submit", *ENDLESS[:-1], "30000", "--no-chart", stderr=inner) as watching:
        os.close(inner)
        seen = b""
        # At the end nobody has the other end open any more.
        with suppress(OSError):
            while True:
                seen += os.read(terminal, 65536)
        os.close(terminal)
        out, _ = watching.communicate(timeout=PATIENCE)
    assert (watching.returncode, "  succeeded\n" in out) == (0, True)
    bar = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert re.search(r"running ━+╸?.* \d+/30000 value 24\.\d+", bar)


def test_without_a_terminal_there_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now, track = [0.0], Track()
    told = {"id": "job_a", "state": "queued", "cancelling": False, "queue_position": 3, "attempts": 0, "starts": 2}
    told["progress"] = {"step": 0, "max_steps": 100, "rows": 0}
    with Lines(clock=lambda: now[0]) as screen:
        screen.state(told)
        for step in range(12):
            now[0] += 1
            track.add({"step": step, "value": 10.0 - step})
            screen.row(track)
        screen.state({**told, "attempts": 1})
        screen.state({**told, "state": "running", "cancelling": True})
    assert capsys.readouterr().err.splitlines() == [
        "job_a  queued, 3 before it",
        "step 4/200  value 6  best 6",
        "step 9/200  value 1  best 1",
        "job_a  queued again: its process was lost",
        "job_a  cancelling",
    ]


def test_a_bar_knows_how_fast_it_goes_once_it_has_seen_it() -> None:
    pace = Pace(2)
    told = []
    for step in range(5):
        pace.add(500 * step)
        told.append(pace.told(float(step)))
    assert told == ["", "", "  500 steps/s", "  500 steps/s", "  500 steps/s"]
    pace.add(2001)
    assert pace.told(6.0) == "  250 steps/s"


START = {"value": 1.0, "steps": 5, "stop_reason": "converged"}


def test_of_many_starts_the_best_are_shown() -> None:
    each: list[dict[str, Any]] = [{**START, "value": float(abs(i - 40))} for i in range(50)]
    each[3]["value"], each[4]["value"] = "NaN", None
    least = starts(each, 40, 1.0)
    assert [line.split()[:3] for line in least[1:4]] == [["*", "40", "0"], ["39", "1", "5"], ["41", "1", "5"]]
    assert (len(least), least[-1]) == (22, "   and 30 more")
    assert starts(each, 0, -1.0)[1].split()[:3] == ["*", "0", "40"]


TOLD: dict[str, Any] = {
    "id": "job_a",
    "state": "running",
    "created": "2026-01-02T03:04:05.678Z",
    "cancelling": False,
    "queue_position": None,
    "attempts": 1,
    "objective": {"program": "y = x\x1b[2J\nreturn y\n"},
    "direction": "maximize",
    "method": {"name": "adam", "lr": 0.1, "memory": 10, "decoupled": True},
    "why": None,
    "progress": {"step": 3, "max_steps": 1000000, "value": "Infinity", "best": 0.5, "rows": 4},
    "result": None,
    "starts": 1,
}


def test_what_is_said_of_a_job_that_runs() -> None:
    assert summary(TOLD).splitlines() == [
        "job_a  running, step 3/1000000, best value 0.5",
        " objective  y = x�[2J …",
        "    method  adam (lr=0.1, memory=10, decoupled=true)",
    ]
    assert summary({**TOLD, "state": "queued", "queue_position": 2}).startswith("job_a  queued, 2 before it\n")
    assert summary({**TOLD, "cancelling": True}).startswith("job_a  running, being cancelled\n")


def test_warnings_and_restarts_are_told() -> None:
    result = {
        **{"value": 0.5, "grad_norm": "NaN", "step": 7, "steps": 9, "message": "Enough.", "restarts": [3]},
        **{"warnings": [{"code": "kink", "message": "It bends."}], "variables": {"x": [[1.5, 2], [0, 1]]}},
    }
    ended = {"started": "2026-01-02T03:04:05.678Z", "finished": "2026-01-02T03:06:05.678Z", "result": result}
    assert summary({**TOLD, **ended, "state": "succeeded"}).splitlines()[3:] == [
        "   largest  0.5",
        "         x  [[1.5, 2], [0, 1]]",
        "  gradient  norm NaN",
        "     steps  9, the best point after 7, in 2 min 0 s; begun anew after 3, when a process was lost",
        "     ended  Enough.",
        "warning: It bends.",
    ]


def test_a_list_fits_into_its_width() -> None:
    lines = listing([TOLD, {**TOLD, "id": "job_bc", "objective": {"expr": "x + " * 30}, "cancelling": True}], 90)
    assert lines == [
        "ID      STATE       CREATED (UTC)             STEP  BEST  METHOD  OBJECTIVE",
        "job_a   running     2026-01-02 03:04:05  3/1000000   0.5  adam    y = x�[2J …",
        "job_bc  cancelling  2026-01-02 03:04:05  3/1000000   0.5  adam    x + x + x + x + x + x +…",
    ]
    assert max(map(len, lines)) <= 90


def test_a_request_whose_answer_was_lost_is_sent_again_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FIRST_PAUSE", 0.0)
    with scripted(b"", content({"id": "job_a"}, "202 Accepted")) as fake:
        done = CliRunner().invoke(app, ["job", "submit", "x^2", "x=1", "--no-wait", "--url", fake.url])
    assert (done.exit_code, done.stdout) == (0, "job_a\n")
    keys = [request.partition("idempotency-key: ")[2].split("\r")[0] for request in fake.requests]
    assert keys[0] == keys[1] != ""


def test_ctrl_c_twice_leaves_a_job_that_was_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Track, "add", interrupted)
    rows = stream('event: step\nid: 0\ndata: {"step": 0, "value": 1}\n\n')
    with scripted(content(TOLD), rows, content(TOLD), rows) as fake:
        arguments = ["job", "watch", "job_a", "--cancel-on-interrupt", "--url", fake.url]
        done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (130, "")
    assert "Cancelling job_a.\nNo longer watching; it was asked to stop.\n" in done.stderr
    assert f"  adjoint job watch job_a --url {fake.url}\n" in done.stderr
    assert [request.split(" HTTP")[0] for request in fake.requests] == [
        "GET /jobs/job_a",
        "GET /jobs/job_a/events",
        "POST /jobs/job_a/cancel",
        "GET /jobs/job_a/events",
    ]


def test_a_server_may_be_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(content(TOLD), stream()) as fake:
        done = CliRunner().invoke(app, ["job", "watch", "job_a", "--reconnect", "0", "--url", fake.url])
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == (f"job_a  running\n{fake.url} has ended the stream before the job was at its end.\n")
