"""Every job of `examples/jobs/`, posted to a server as it is, against what is known of its answer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.examples import job_truths as truths
from tests.examples.job_cases import CASES, Case, finished
from tests.examples.job_truths import FOLDER, body
from tests.service.live import Live, serving

OTHERS = {"diverged", "patience", "stackloss-absolute", "target"}
"""Jobs that do not end at a minimum."""
HARD = ("boxbod", "eckerle4", "mgh09", "mgh10", "thurber")
"""Of the certified regressions, those that NIST calls difficult."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a store of its own."""
    with serving(ADJOINT_DATA_DIR=str(tmp_path_factory.mktemp("jobs"))) as live:
        yield live


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.method}")
def test_job_finds_what_is_known(server: Live, case: Case) -> None:
    job = case.posted(server)
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["stop_reason"] == "converged"
    assert case.digits(job["result"]) >= case.least, job["result"]


def test_sum_of_a_mixture_is_that_of_expectation_and_maximisation(server: Live) -> None:
    result = finished(server, body("faithful"))["result"]
    assert result["value"] == pytest.approx(truths.faithful()[1], rel=1e-13)
    assert result["value"] == max(start["value"] for start in result["starts"])
    assert len({round(start["value"], 3) for start in result["starts"]}) > 1, "some starts should find less"


def test_too_long_steps_diverge(server: Live) -> None:
    result = finished(server, body("diverged"))["result"]
    assert result["stop_reason"] == "diverged"
    assert "is Infinity" in result["message"]
    assert result["variables"] == {"x": [-1.2, 1.0]}, "the best point is the start"


def test_target_ends_a_job(server: Live) -> None:
    result = finished(server, body("target"))["result"]
    assert (result["stop_reason"], result["step"]) == ("target", result["steps"])
    assert 0 < result["value"] <= body("target")["stop"]["target"]


def test_patience_ends_a_job(server: Live) -> None:
    result = finished(server, body("patience"))["result"]
    assert (result["stop_reason"], result["steps"] - result["step"]) == ("patience", 20)
    step = body("patience")["method"]["lr"]
    assert abs(result["variables"]["x"] - 1) < step
    assert abs(result["variables"]["y"] - 2) < step


def test_sum_of_absolute_values_is_not_solved(server: Live) -> None:
    result = finished(server, body("stackloss-absolute"))["result"]
    assert result["value"] >= truths.least_absolute()[1]
    assert result["grad_norm"] > 1
    assert "kink" in result["message"]
    smooth = finished(server, body("stackloss-smooth"))["result"]
    assert smooth["value"] == pytest.approx(truths.least_absolute()[1], rel=1e-4)


def test_known_answers_are_the_published_ones() -> None:
    """To the digits that are printed: of the challenger, of mclust in R, of quantreg in R, of Hock and Schittkowski."""
    a, b = truths.challenger()
    assert (round(a - 70 * b, 4), round(b, 4)) == (15.0429, -0.2322)
    assert round(truths.faithful()[1], 3) == -1130.264
    plane, total = truths.least_absolute()
    np.testing.assert_array_equal(plane.round(5), [0.83188, 0.57391, -0.06087, -39.68986])
    assert total == pytest.approx(42.08116, abs=1e-5)
    (x, y), _ = truths.hs2()
    assert 100 * (y - x**2) ** 2 + (1 - x) ** 2 == pytest.approx(0.0504261879, abs=1e-10)


def test_data_have_the_published_means() -> None:
    geyser = body("faithful")["data"]
    assert len(geyser["eruptions"]) == len(geyser["waiting"]) == 272
    for name, mean, deviation in (("eruptions", 3.487783, 1.141371), ("waiting", 70.897059, 13.594974)):
        assert np.mean(geyser[name]).round(6) == mean
        assert np.std(geyser[name], ddof=1).round(6) == deviation
    assert np.corrcoef(geyser["eruptions"], geyser["waiting"])[0, 1].round(7) == 0.9008112
    flowers = np.array(body("iris")["data"]["X"])
    np.testing.assert_array_equal(flowers[:50].mean(axis=0).round(3), [5.936, 2.770, 4.260, 1.326])
    np.testing.assert_array_equal(flowers[50:].mean(axis=0).round(3), [6.588, 2.974, 5.552, 2.026])
    np.testing.assert_array_equal(flowers[:50].std(axis=0, ddof=1).round(3), [0.516, 0.314, 0.470, 0.198])
    np.testing.assert_array_equal(flowers[50:].std(axis=0, ddof=1).round(3), [0.636, 0.322, 0.552, 0.275])
    rows, loss = truths.stackloss()
    np.testing.assert_array_equal(np.mean(rows, axis=0).round(2), [60.43, 21.10, 86.29, 1])
    assert np.mean(loss).round(2) == 17.52
    plane = np.linalg.lstsq(np.array(rows, float), np.array(loss, float))[0]
    np.testing.assert_array_equal(plane.round(4), [0.7156, 1.2953, -0.1521, -39.9197])


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("python3")), reason="curl or python3 is not installed")
def test_script_fits_the_certified_regressions(server: Live) -> None:
    answered = subprocess.run(
        ["sh", str(FOLDER / "nist.sh"), *HARD],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "ADJOINT_URL": f"http://127.0.0.1:{server.port}", "NO_PROXY": "*"},
    )
    rows = re.findall(r"^\| (\w+) \| (first|second) \| levenberg-marquardt \|.* ([\d.]+) \|$", answered.stdout, re.M)
    assert [name.lower() for name, _, _ in rows] == [name for name in HARD for _ in range(2)], answered.stderr
    assert min(float(found) for _, _, found in rows) >= 10


def test_page_has_every_job_and_case() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    names = {file.stem for file in FOLDER.glob("*.json")}
    assert names == {case.name for case in CASES} | OTHERS
    assert all(f"`{name}" in page for name in names)
    for case in CASES:
        pattern = rf"^\| `{case.name}` \| {re.escape(case.method)}[^|]*\|.*\| {re.escape(case.truth)} \|$"
        assert re.search(pattern, page, re.M), f"no row for {case.name} with {case.method}"


def test_page_shows_the_bodies_that_are_short() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    for shown in re.findall(r"@(examples/\S+\.json)", page):
        assert (Path(__file__).parents[2] / shown).exists()
