"""The clients of `examples/clients/`, each run against a server where its language is installed."""

from __future__ import annotations

import math
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.service.live import serving

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "examples" / "clients"
PATIENCE = 120
"""Seconds: a compiler may have to share the machine."""
STORY = re.compile(
    r"value     (\S+)\n"
    r"gradient  x (\S+), y (\S+)\n"
    r"by hand   correct\n"
    r"mistaken  incorrect\n"
    r"          missing-chain-factor: The factor -x, the derivative of \(-x\)\*y with respect to y, is missing\.\n"
)
REFUSED = "There is nothing here: There is nothing at /g/grad.\nhint: /grad\n"
DIGITS = 1e-13

Command = list[str]


def run(command: Command, **environment: str) -> subprocess.CompletedProcess[str]:
    """A finished command; proxies of this machine are not asked."""
    inherited = {name: value for name, value in os.environ.items() if name != "ADJOINT_URL"}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**inherited, "NO_PROXY": "*", **environment},
    )


def needs(*tools: str) -> None:
    """Skip the test and say what is missing, if one of the tools is."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def needs_version(tool: str, *least: int) -> None:
    """Skip the test if a tool is missing, or older than this."""
    needs(tool)
    found = re.search(r"\d+(?:\.\d+)*", run([tool, "--version"]).stdout)
    if found is None or tuple(map(int, found[0].split("."))) < least:
        older = found[0] if found else "older"
        pytest.skip(f"{tool} {'.'.join(map(str, least))} is not installed; this is {older}")


def with_curl(folder: Path) -> Command:
    """The command of curl.sh."""
    needs("sh", "curl", "awk", "sed")
    return ["sh", str(CLIENTS / "curl.sh")]


def with_node(folder: Path) -> Command:
    """The command of node.mjs."""
    needs_version("node", 18)
    return ["node", str(CLIENTS / "node.mjs")]


def with_typescript(folder: Path) -> Command:
    """The command of check.ts, where node strips the types itself."""
    needs_version("node", 22, 18)
    return ["node", str(CLIENTS / "check.ts")]


def with_java(folder: Path) -> Command:
    """The command of Check.java."""
    needs("javac")
    needs_version("java", 17)
    return ["java", str(CLIENTS / "Check.java")]


def with_c(folder: Path) -> Command:
    """The command of check.c, compiled."""
    needs("cc")
    probe = folder / "probe.c"
    probe.write_text("#include <curl/curl.h>\n")
    if run(["cc", "-E", "-o", os.devnull, str(probe)]).returncode:
        pytest.skip("the development files of libcurl (curl/curl.h) are not installed")
    return compiled(["cc", "-Wall", "-Wextra", "-Werror"], "check.c", folder, "-lcurl", "-lm")


def with_rust(folder: Path) -> Command:
    """The command of check.rs, compiled."""
    needs("rustc")
    return compiled(["rustc", "--deny", "warnings"], "check.rs", folder)


def compiled(compiler: Command, source: str, folder: Path, *libraries: str) -> Command:
    """The program that a compiler makes of a source."""
    made = folder / "check"
    done = run([*compiler, "-o", str(made), str(CLIENTS / source), *libraries])
    assert done.returncode == 0, done.stderr
    return [str(made)]


BUILDS: Mapping[str, Callable[[Path], Command]] = {
    "curl.sh": with_curl,
    "node.mjs": with_node,
    "check.ts": with_typescript,
    "Check.java": with_java,
    "check.c": with_c,
    "check.rs": with_rust,
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a server listens."""
    with serving() as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module", params=BUILDS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command that runs a client, built where that is needed."""
    return BUILDS[request.param](tmp_path_factory.mktemp("client"))


def test_a_client_tells_the_right_gradient_from_the_wrong_one(client: Command, url: str) -> None:
    done = run([*client, url])
    assert (done.returncode, done.stderr) == (0, "")
    found = STORY.fullmatch(done.stdout)
    assert found is not None, done.stdout
    x, y = 3.0, 0.5
    e = math.exp(-x * y)
    expected = [x * x * math.sin(y) + e, 2 * x * math.sin(y) - y * e, x * x * math.cos(y) - x * e]
    assert [float(number) for number in found.groups()] == pytest.approx(expected, rel=DIGITS)


def test_a_client_tells_a_refusal(client: Command, url: str) -> None:
    done = run(client, ADJOINT_URL=f"{url}/g")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", REFUSED)


def test_a_client_tells_that_nobody_answers(client: Command) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        done = run([*client, f"http://{address}"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1" in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_every_client_is_run_and_shown() -> None:
    sources = {file.name for file in CLIENTS.iterdir()} - {"README.md", "adjoint.d.ts"}
    assert sources == set(BUILDS)
    page = (CLIENTS / "README.md").read_text("utf-8")
    assert all(f"]({name})" in page for name in sources)
    assert len(STORY.findall(page)) == 1
    assert REFUSED in page


@pytest.mark.parametrize("name", BUILDS)
def test_a_client_is_short(name: str) -> None:
    lines = (CLIENTS / name).read_text("utf-8").splitlines()
    assert len(lines) < 80
    assert max(map(len, lines)) <= 120


def typescript() -> Command:
    """The compiler of TypeScript, from the path or what npx has at hand; nothing is downloaded."""
    if found := shutil.which("tsc"):
        return [found]
    offline = ["npx", "--offline", "--no", "--package=typescript", "--", "tsc"]
    if shutil.which("npx") is None or run([*offline, "--version"]).returncode:
        pytest.skip("tsc, the compiler of TypeScript, is not installed")
    return offline


@pytest.mark.parametrize("source", [CLIENTS / "check.ts", Path(__file__).with_name("types.ts")], ids=lambda f: f.name)
def test_the_types_fit(source: Path) -> None:
    strict = ["--strict", "--noEmit", "--noUncheckedIndexedAccess", "--skipLibCheck", "false"]
    done = run([*typescript(), *strict, "--target", "es2022", "--module", "preserve", str(source)])
    assert done.returncode == 0, done.stdout
