"""Every script of `examples/models/`, run against a server as its user runs it, and what comes of it."""

from __future__ import annotations

import csv
import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from docs.illustrate import FOLDER as PICTURES
from docs.illustrate import PICTURES as DRAWN
from engine.models.metrics import METRICS
from engine.models.regime import FIELDS as OPTIONS
from tests.service.live import Live, serving

FOLDER = Path(__file__).parents[2] / "examples" / "models"
PAGE = (FOLDER / "README.md").read_text("utf-8")
TOOLS = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("python3")), reason="curl or python3 is not installed"
)
TABLES = {
    "digits-mlp": {"accuracy": 0.97},
    "digits-cnn": {"accuracy": 0.97},
    "iris": {"accuracy": 0.9},
    "cancer": {"accuracy": 0.95, "AUC": 0.98},
    "diabetes": {"R2": 0.4},
}
"""What the predictions of the test rows have to reach, by name of the model."""
Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a store of its own."""
    with serving(ADJOINT_DATA_DIR=str(tmp_path_factory.mktemp("models"))) as live:
        yield live


def ran(server: Live, script: str, *arguments: str, **settings: str) -> tuple[str, str]:
    """What a script prints, and what it tells beside that."""
    answered = subprocess.run(
        ["sh", str(FOLDER / script), *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "ADJOINT_URL": f"http://127.0.0.1:{server.port}", "NO_PROXY": "*", **settings},
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    return answered.stdout, answered.stderr


def figures(printed: str) -> dict[str, float]:
    """The figures of the test rows by name."""
    return {name: float(value) for name, value in re.findall(r"^test ([^:]*): (-?[\d.]+)", printed, re.M)}


@TOOLS
@pytest.mark.parametrize("name", TABLES)
def test_model_of_a_table_predicts_what_it_was_not_shown(name: str, server: Live, tmp_path: Path) -> None:
    picture = tmp_path / "losses.svg"
    printed, told = ran(server, "train.sh", name, PICTURE=str(picture))
    found = figures(printed)
    for figure, least in TABLES[name].items():
        assert found[figure] >= least, printed
    assert re.search(r"^kept: epoch \d+, loss", told, re.M), told
    curves = ElementTree.parse(picture).getroot().findall(f"{SVG}polyline")
    assert [len(curve.attrib["points"].split()) >= 10 for curve in curves] == [True, True]


@TOOLS
def test_moons_are_told_apart_and_drawn(server: Live, tmp_path: Path) -> None:
    picture = tmp_path / "moons.svg"
    printed, _ = ran(server, "moons.sh", PICTURE=str(picture))
    assert figures(printed)["accuracy"] >= 0.96
    drawn = ElementTree.parse(picture).getroot()
    assert len(drawn.findall(f"{SVG}g/{SVG}circle")) == 300
    border = [path for path in drawn.findall(f"{SVG}path") if "stroke" in path.attrib]
    assert border[0].attrib["d"].count("M") > 50, "the border goes through the picture"


@TOOLS
def test_characters_are_learned_and_drawn_one_by_one(server: Live) -> None:
    printed, told = ran(server, "characters.sh", CHARACTERS="12")
    kept = re.search(r"^kept: epoch \d+, loss ([\d.]+), validation loss ([\d.]+)", told, re.M)
    assert kept, told
    assert float(kept[1]) < 2.0
    # What the frequencies of characters alone would give is above 3.
    assert float(kept[2]) < 2.35
    texts = printed.split("---\n")
    assert len(texts) == 3
    assert all(len(text.strip("\n")) >= 10 for text in texts)
    assert set(printed.replace("---", "")) <= set((FOLDER / "text" / "sonnets.txt").read_text("utf-8"))


@TOOLS
def test_a_refusal_is_shown(server: Live) -> None:
    answered = subprocess.run(
        ["python3", str(FOLDER / "told.py"), "id"],
        input='{"type": "/errors/not-found", "status": 404}',
        capture_output=True,
        text=True,
        check=False,
    )
    assert answered.returncode == 1
    assert "/errors/not-found" in answered.stderr


def rows(name: str) -> Table:
    """A file of data/."""
    file = FOLDER / "data" / f"{name}.csv"
    text = file.read_text() if file.exists() else gzip.decompress(file.with_suffix(".csv.gz").read_bytes()).decode()
    return np.array([[float(cell) for cell in row] for row in list(csv.reader(text.splitlines()))[1:]])


def whole(name: str) -> Table:
    """Both parts of a table, in the order that they had."""
    train, test = rows(f"{name}-train"), rows(f"{name}-test")
    joined = np.empty((len(train) + len(test), train.shape[1]))
    apart = np.arange(len(joined)) % 5 == 2
    joined[apart], joined[~apart] = test, train
    return joined


def test_tables_have_the_published_counts_and_means() -> None:
    """Counts of the UCI repository; means of Fisher's lengths, of the radii and of the patients."""
    digits, iris, cancer, diabetes = (whole(name) for name in ("digits", "iris", "cancer", "diabetes"))
    assert np.bincount(digits[:, -1].astype(int)).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (digits[:, :-1].min(), digits[:, :-1].max()) == (0, 16)
    assert np.bincount(iris[:, -1].astype(int)).tolist() == [50, 50, 50]
    np.testing.assert_array_equal(iris[:, :-1].mean(axis=0).round(3), [5.843, 3.057, 3.758, 1.199])
    assert np.bincount(cancer[:, -1].astype(int)).tolist() == [212, 357]
    assert cancer[:, 0].mean().round(3) == 14.127
    assert (diabetes.shape, diabetes[:, -1].mean().round(2)) == ((442, 11), 152.13)


@pytest.mark.parametrize("name", ["digits", "iris", "cancer", "diabetes"])
def test_tables_are_those_of_scikit_learn(name: str) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    options = {"scaled": False} if name == "diabetes" else {}
    load = getattr(datasets, "load_breast_cancer" if name == "cancer" else f"load_{name}")
    np.testing.assert_array_equal(whole(name), np.column_stack(load(return_X_y=True, **options)))


def test_page_has_every_model_and_its_figure() -> None:
    names = {file.name.removesuffix(".model.json") for file in FOLDER.glob("*.model.json")}
    assert names == TABLES.keys()
    assert all(f"`train.sh {name}`" in PAGE for name in names)
    for name, least in TABLES.items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `train.sh {name}`")]
        figure = next(iter(least))
        shown = re.findall(r"\d\.\d{2,}", row.rpartition(f"{figure} ")[2].partition(";")[0])
        assert len(shown) == 3, row
        assert min(map(float, shown)) >= least[figure], row


def test_page_about_training_has_every_option_metric_and_picture() -> None:
    page = (PICTURES.parent / "training.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in [*OPTIONS, *METRICS])
    shown = set(re.findall(r"\(pictures/(\S+)\)", page))
    assert shown <= DRAWN.keys()
    for name in DRAWN:
        assert ElementTree.parse(PICTURES / name).getroot().tag == f"{SVG}svg"
