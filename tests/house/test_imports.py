"""Imports point one way: service to engine, and within the engine from what uses to what is used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEAVES = {"engine.errors", "engine.limits", "engine.question", "engine.source.text"}
"""What every module of the engine may import.  They import nothing but each other."""

LAYERS: dict[str, set[str]] = {
    "graph": set(),
    "primitives": {"graph"},
    "derive": {"graph", "primitives"},
    "control": {"graph", "primitives", "derive"},
    "source": {"graph", "primitives", "control"},
    "execute": {"graph", "primitives"},
    "optimise": {"graph", "primitives", "derive", "execute"},
    "verify": {"graph", "primitives", "derive", "execute"},
}
"""What each package may import besides itself and the leaves.  The other modules at the top may import all."""
WHOLE = {"precision", "checking", "models"}
"""Packages about whole questions: like the modules at the top."""

FOUNDATIONS = {"mpmath", "numpy", "scipy", "sympy"} | sys.stdlib_module_names
"""What the engine may import from outside the project."""
ALONE = {"onnx": "engine.models.exchange.library"}
"""What only one module may import, because it is an extra that need not be installed."""


def modules(package: str) -> dict[str, Path]:
    """The modules of `package` by dotted name."""
    files = sorted((ROOT / package).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]
    return dict(zip(names, files, strict=True))


ENGINE = modules("engine")
SERVICE = modules("service")


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every module that `source` imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level + (node.module or "")
            else:
                name = node.module or ""
                for alias in node.names:
                    inner = f"{name}.{alias.name}"
                    yield node.lineno, inner if inner in ENGINE or inner in SERVICE else name


def package_of(module: str) -> str | None:
    """The package of the engine in which `module` lies, None for a module at its top."""
    parts = module.split(".")
    is_package = len(parts) > 2 or parts[-1] in LAYERS
    return parts[1] if len(parts) > 1 and is_package else None


def may_import(module: str, other: str) -> bool:
    """Whether `module`, of the engine, may import `other`."""
    if other.startswith("."):
        return False
    if other.split(".")[0] != "engine":
        top = other.split(".")[0]
        return top in FOUNDATIONS or ALONE.get(top) == module
    if other in LEAVES:
        return True
    if module in LEAVES:
        return False
    package = package_of(module)
    if package is None or package in WHOLE:
        return True
    return package_of(other) in LAYERS[package] | {package}


def faults(module: str, source: str) -> list[str]:
    """The imports in `source` that `module`, of the engine, may not make."""
    return [
        f"{module}, line {line}: imports {name}"
        for line, name in sorted(imported(source))
        if not may_import(module, name)
    ]


@pytest.mark.parametrize("module", sorted(ENGINE))
def test_engine_imports_only_what_lies_below(module: str) -> None:
    assert faults(module, ENGINE[module].read_text("utf-8")) == []


@pytest.mark.parametrize("module", sorted(SERVICE))
def test_service_imports_neither_tests_nor_benchmarks(module: str) -> None:
    names = {name.split(".")[0] for _, name in imported(SERVICE[module].read_text("utf-8"))}
    assert not names & {"tests", "benchmarks"}


def test_every_package_of_the_engine_has_a_layer() -> None:
    packages = {file.parent.name for file in (ROOT / "engine").glob("*/*.py")}
    assert packages <= set(LAYERS) | WHOLE
    assert {"graph", "primitives", "source", "derive", "execute"} <= packages


@pytest.mark.parametrize("package", ["engine", "service"])
def test_every_folder_with_modules_is_a_package(package: str) -> None:
    """A folder without `__init__.py` would be missing in what is installed."""
    folders = {file.parent for file in (ROOT / package).rglob("*.py")}
    assert folders
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.graph.build", "import service.app"),
        ("engine.graph.build", "import fastapi"),
        ("engine.engine", "from pydantic import BaseModel"),
        ("engine.graph.build", "from engine.primitives import record"),
        ("engine.graph.build", "from engine import primitives"),
        ("engine.graph.build", "def late():\n    import engine.derive.reverse"),
        ("engine.primitives", "import engine.execute"),
        ("engine.derive.reverse", "import engine.execute"),
        ("engine.source.lower", "import engine.derive"),
        ("engine.source.text", "import engine.source.parse"),
        ("engine.errors", "import engine.graph.types"),
        ("engine.verify.symbolic", "import engine.engine"),
        ("engine.graph.build", "from . import types"),
        ("engine.models.exchange.export", "import onnx"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert len(faults(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.graph.build", "import math, numpy as np\nfrom engine.errors import EngineFault"),
        ("engine.graph.build", "from engine.graph.types import Type\nfrom engine.source.text import Span"),
        ("engine.graph.build", "from engine import errors"),
        ("engine.primitives.record", "from engine.graph.build import emit"),
        ("engine.verify.symbolic", "import sympy\nfrom engine.derive.reverse import vjp"),
        ("engine.engine", "from engine.verify import symbolic\nfrom engine.source.lower import lower"),
        ("engine.errors", "from engine.source.text import Span"),
        ("engine.models.exchange.library", "import onnx.checker"),
    ],
)
def test_a_right_import_is_left_alone(module: str, source: str) -> None:
    assert faults(module, source) == []
