"""Write what is generated in the documentation: `python -m docs.generate`.

From the records, the errors and the settings: docs/functions.md, docs/errors.md and the tables between markers such as
`<!-- functions -->` in other pages.  From the OpenAPI document: the types in examples/clients/adjoint.d.ts.
From a server, started for it on a free port: the answers below all commands.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from docs import models
from docs.examples import ROOT, filled, find, pages, same_text
from docs.typescript import declarations
from engine.checking.steps.mistakes import MISTAKES
from engine.engine import Engine
from engine.errors import EngineError
from engine.graph.simplify import REWRITES
from engine.limits import Budget
from engine.optimise.methods import PATHS
from engine.optimise.schedules import SCHEDULES
from engine.optimise.table import RULES
from engine.primitives.function import Example, Function
from engine.primitives.table import FUNCTIONS
from engine.question import Ask, Question
from engine.question import Kind as Source
from service.app import build
from service.context import Context
from service.problems import Kind, catalogue
from service.settings import Settings, environment_name

FUNCTIONS_PAGE = ROOT / "docs" / "functions.md"
ERRORS_PAGE = ROOT / "docs" / "errors.md"
TYPES = ROOT / "examples" / "clients" / "adjoint.d.ts"
GROUPS = (
    "arithmetic",
    "powers",
    "trigonometry",
    "kinks",
    "rounding",
    "comparison",
    "choice",
    "reductions",
    "statistics",
    "activations",
    "special",
    "distributions",
    "random",
    "linear algebra",
    "windows",
    "shape",
    "joining",
    "creation",
)
JSON = "-H 'content-type: application/json'"
GRAD = f"curl -s localhost:8000/grad {JSON} -d "

REQUESTS: Mapping[str, str] = {
    "invalid-json": GRAD + '\'{"expr": "x^2", "at": {"x": 3,}}\'',
    "not-found": f"curl -s localhost:8000/gradient {JSON} -d " + '\'{"expr": "x^2", "at": {"x": 3}}\'',
    "method-not-allowed": "curl -s localhost:8000/grad",
    "conflict": f"curl -s localhost:8000/functions -o /dev/null {JSON} -d "
    + '\'{"expr": "x^2", "name": "square"}\''
    + f" && curl -s localhost:8000/functions {JSON} -d "
    + '\'{"expr": "x^3", "name": "square"}\'',
    "gone": f"id=$(curl -s localhost:8000/functions {JSON} -d "
    + '\'{"expr": "x^2 - 1"}\''
    + " | grep -o 'fn_[a-z2-7]*' | head -n 1) && curl -s -X DELETE localhost:8000/functions/$id"
    + " && curl -s localhost:8000/functions/$id",
    "too-large": f"printf '%017000000d' 0 | curl -s localhost:8000/grad {JSON} --data-binary @-",
    "unsupported-media-type": 'curl -s localhost:8000/grad -d \'{"expr": "x^2", "at": {"x": 3}}\'',
    "invalid-request": GRAD + '\'{"expr": "x + y", "at": {"x": [[1, 2], [3]], "y": "1"}, "wtr": "x"}\'',
    "syntax-error": GRAD + '\'{"expr": "2 * (x + 1", "at": {"x": 3}}\'',
    "unknown-name": GRAD + '\'{"expr": "sine(x) + z", "at": {"x": 3}}\'',
    "type-mismatch": GRAD + '\'{"expr": "x[0.5]", "at": {"x": [1, 2]}}\'',
    "shape-mismatch": GRAD + '\'{"expr": "sum(W @ x)", "at": {"W": [[1, 2, 3], [4, 5, 6]], "x": [1, 2]}}\'',
    "not-scalar": GRAD + '\'{"expr": "x^2", "at": {"x": [1, 2]}}\'',
    "not-differentiable": GRAD + '\'{"expr": "argmax(x)", "at": {"x": [1, 2]}}\'',
    "unsupported": GRAD + '\'{"expr": "sum(x[x > 1])", "at": {"x": [1, 2, 3]}}\'',
    "limit-exceeded": GRAD + '\'{"expr": "sum(zeros(10^9)) + x", "at": {"x": 3}}\'',
    "budget-exceeded": GRAD + '\'{"expr": "trace(inv(x * eye(6000)))", "at": {"x": 1}}\'',
}
"""For each kind of error that can be provoked at will, a command that does it."""

REFUSED = (
    "y = 3",
    "x; y",
    "lambda t: t",
    "[v^2 for v in x]",
    "{1: x}",
    "(y := 3)",
    "sum(*x)",
    "x.T",
    "x.sum()",
    "np.sin(x)",
    "x[x > 1]",
    "y[0.5]",
    "x & y",
    "x && y",
    "!x",
    "~x",
    "y ? 1 : 2",
    "x .* y",
    "|x|",
    "y in x",
    "2y",
    "x y",
    "2(y + 1)",
    "y²",
    "2 × y",
    "1j * y",
    "1 if x > 0 else 0",
    "'text'",
    "f'{x}'",
    "__import__('os')",
)
"""What people try; `x` is an array and `y` a number."""

REFUSED_PROGRAMS = (
    "y = 2*y",
    "return y\ny = 2",
    "sin(y)\nreturn y",
    "print(y)\nreturn y",
    "y == 3\nreturn y",
    "if y = 3: return x\nreturn y",
    "import math\nreturn y",
    "class A: pass",
    "try: z = y\nexcept: z = 0\nreturn z",
    "with y: return y",
    "global y\nreturn y",
    "del y\nreturn x",
    "match y:\n    case 3: return x",
    "async def f(): return y",
    "@grad\ndef f(y): return y",
    "def f(*a): return a[0]",
    "d = {'a': y}\nreturn y",
    "if (z := y) > 0: return z\nreturn y",
    "x.append(y)\nreturn x",
    "for i in range(9): break\nelse: y = 1\nreturn y",
    "for i in y: x += i\nreturn x",
    "while x: x -= 1\nreturn x",
    "if x > 0: y = 1\nreturn y",
    "if y > 0: z = 1\nreturn z",
    "if y > 0: z = 1\nelse: z = x\nreturn z",
    "if y > 0: return x\nreturn y",
    "if y > 0: return y\nreturn y, y",
    "for i in range(9):\n    if x[0] > i: return y",
    "a, b, c = x\nreturn a",
    "x[5] = y\nreturn x",
    "x[:1] = [y, y]\nreturn x",
    "x[x > 1] = 0\nreturn x",
    "x[[0, 1]] = 0\nreturn x",
    "n = 0\nwhile n < y: n += 1\nreturn zeros(n)",
    "n = 0\nwhile n < y: n += 1\nreturn x[:n]",
    "return [v for v in x if exp(v) > 3]",
    "def f(v): return v*f(v - 1) if v > 0 else 1\nreturn f(y)",
    "def f():\n    y += 1\n    return y\nreturn f()",
    "def f(v): return v\nreturn f(1, 2)",
    "return grad(lambda v: v^2)(x)",
    "return grad(y)",
    "return root(lambda z: x, y)",
    "return quad(exp, 0, inf)",
    "return odeint(lambda z, t: x, y, [0, 1])",
    "return random.normal(0.5, 3)",
    "return {1: y}",
    "return sin",
    "assert y > 5, 'y is too small'\nreturn y",
)
"""What people try in programs; `x` is an array and `y` a number."""


def main() -> int:
    """Write all generated parts."""
    for page in generated_pages():
        page.write_text(generated(page), "utf-8")
    with tempfile.TemporaryDirectory() as folder, server(folder) as address:
        for page in pages():
            page.write_text(filled(page.read_text("utf-8"), address), "utf-8")
    return 0


@contextmanager
def server(folder: str) -> Iterator[str]:
    """The address of a server on a free port, which keeps its data in a folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "ADJOINT_DATA_DIR": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://(\S+?);", process.stdout.readline())
        assert address is not None, "the server did not start"
        yield address[1]
    finally:
        process.terminate()
        process.wait(30)


def generated_pages() -> list[Path]:
    """The pages that `generated` knows."""
    return [FUNCTIONS_PAGE, ERRORS_PAGE, TYPES, *TABLES]


def generated(page: Path) -> str:
    """A page with its generated parts as they should be now."""
    if page == FUNCTIONS_PAGE:
        return functions_page()
    if page == ERRORS_PAGE:
        return errors_page()
    if page == TYPES:
        return declarations(build(Context.build(Settings())).openapi())
    text = page.read_text("utf-8")
    for marker, table in TABLES[page].items():
        before, begin, rest = text.partition(f"<!-- {marker} -->\n")
        _, end, after = rest.partition(f"<!-- /{marker} -->")
        text = "".join([before, begin, *(line + "\n" for line in table()), end, after])
    return text


def same_page(a: str, b: str) -> bool:
    """Whether two pages are equal: the numbers of examples may differ in the last of their 6 digits."""
    return same_text(a, b, 1e-5)


def functions_table() -> list[str]:
    """For README.md: the names, by group."""
    rows = ["| | |", "| --- | --- |"]
    for group, functions in _groups():
        names = " ".join(f"[`{f.name}`](docs/functions.md#{_anchor(f.name)})" for f in functions)
        rows.append(f"| {group} | {names} |")
    return rows


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return heading.replace(".", "")


def corpus_figures() -> list[str]:
    """For README.md: how many of the known traps are answered right."""
    # Here, as it makes an engine.
    from tests.corpus.test_corpus import AUTO_WRONG, CASES, DIGITS_LOST

    right = len(CASES) - len(AUTO_WRONG)
    return [
        f"* **Traps**: of {len(CASES)} expressions that other tools of automatic differentiation get wrong, or could "
        f"([tests/corpus](tests/corpus/README.md)), {right} are right to ten digits, conventions at kinks included; "
        f'with `"precision":"float64"`, {len(DIGITS_LOST)} would lose digits without a warning. '
        "`make test ARGS=tests/corpus` measures it."
    ]


def rewrites_table() -> list[str]:
    """For docs/language.md: the stable rewrites."""
    rows = ["| written | computed |", "| --- | --- |"]
    return rows + [f"| `{r.before}` | `{r.after}` |" for rewrites in REWRITES.values() for r in rewrites]


def refusals_table() -> list[str]:
    """For docs/language.md: what expressions do not have, and what is said about it."""
    return _refused("expr", REFUSED)


def program_refusals_table() -> list[str]:
    """For docs/language.md: what programs do not have, and what is said about it."""
    return _refused("program", REFUSED_PROGRAMS)


def _refused(kind: Source, texts: Sequence[str]) -> list[str]:
    engine, rows = Engine(), ["| written | refused with | hint |", "| --- | --- | --- |"]
    at = {name: np.asarray(given) for name, given in {"x": [1.0, 2.0], "y": 3.0}.items()}
    for text in texts:
        try:
            _ask(engine, Question(text, at, kind), "value")
        except EngineError as error:
            written = "<br>".join(f"`{_line(line)}`" for line in text.splitlines())
            rows.append(f"| {written} | `{error.name}`: {_cell(error.detail)} | {_cell(error.hint or '')} |")
        else:
            raise AssertionError(f"{text} is not refused")
    return rows


def _line(text: str) -> str:
    """A line of code for a cell of a table, in which blanks at the front would be lost."""
    blanks = len(text) - len(text.lstrip())
    return "\N{NO-BREAK SPACE}" * blanks + _cell(text[blanks:])


def settings_table() -> list[str]:
    """For docs/limits.md: every setting with its default."""
    rows = ["| setting | default | |", "| --- | ---: | --- |"]
    computed = {
        "data_dir": "`~/.local/share/adjoint`",
        "threads": "2 to 4, as there are cores",
        "job_workers": "1 to 4, as there are cores",
    }
    for name, field in Settings.model_fields.items():
        default = computed.get(name) or (f"{field.default:,}" if type(field.default) is int else f"{field.default}")
        if name == "port":
            default = str(field.default)
        rows.append(f"| `{environment_name(name)}` | {default} | {field.description} |")
    return rows


def methods_table() -> list[str]:
    """For docs/steps.md: the update rules with their options."""
    rows = ["| method | options and their defaults | |", "| --- | --- | --- |"]
    for name, rule in RULES.items():
        options = ", ".join(f"`{o.name}` {_show(o.default)}" for o in rule.options)
        rows.append(f"| `{name}` | {options} | {_cell(rule.source)} |")
    return rows


def job_methods_table() -> list[str]:
    """For docs/jobs.md: all methods."""
    rows = ["| method | options and their defaults | |", "| --- | --- | --- |"]
    rules = ", ".join(f"`{name}`" for name in RULES)
    rows.append(f"| {rules} | [steps.md](steps.md#the-request) | update rules of first order |")
    for name, record in PATHS.items():
        options = ", ".join(f"`{o.name}` {_show(o.default)}" for o in record.options)
        rows.append(f"| `{name}` | {options} | {_cell(record.source)} |")
    return rows


def schedules_table() -> list[str]:
    """For docs/steps.md: the schedules with their options."""
    rows = ["| schedule | options and their defaults | |", "| --- | --- | --- |"]
    for name, schedule in SCHEDULES.items():
        options = ", ".join(
            f"`{o.name}`" + ("" if o.default is None else f" {_show(o.default)}") for o in schedule.options
        )
        rows.append(f"| `{name}` | {options} | {_cell((schedule.rate.__doc__ or '').strip().split(chr(10), 1)[0])} |")
    return rows


def mistakes_table() -> list[str]:
    """For docs/steps.md: the mistakes that are tried."""
    rows = ["| kind | what is said |", "| --- | --- |"]
    return rows + [f"| `{mistake.kind}` | {_cell(mistake.detail)} |" for mistake in MISTAKES]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def functions_page() -> str:
    """docs/functions.md."""
    count = len(FUNCTIONS)
    aliases = sum(len(f.aliases) for f in FUNCTIONS.values())
    parts = [
        "# Functions",
        "",
        "Written by `python -m docs.generate` from the records in `engine/primitives`; the same as JSON: "
        "`GET /primitives`.",
        "",
        f"{count} functions, and {aliases} further names for them. Operators are functions too: `x + y` is "
        "`add(x, y)`. *Domain*: where the function is defined; at its end or outside, the value is infinite or "
        "NaN and a warning says so. "
        "*Kink*: what is answered as the derivative where there is none. Functions work element by element, with "
        "numpy's broadcasting, unless the text says otherwise. What [accuracy.md](accuracy.md) measures is measured "
        "with the points and examples of the same records.",
        "",
        "Examples: inputs, then value and gradient, to 6 digits. Where the result is an array, the gradient is that "
        "of its sum.",
    ]
    engine = Engine()
    for group, functions in _groups():
        parts += ["", f"## {group.capitalize()}"]
        for function in functions:
            parts += ["", *_entry(function, engine)]
    return "\n".join(parts) + "\n"


def _groups() -> list[tuple[str, list[Function]]]:
    # By name: the order of the table is that of the imports.
    ordered = sorted(FUNCTIONS.values(), key=lambda f: (GROUPS.index(f.group), f.name))
    return [(group, list(found)) for group, found in itertools.groupby(ordered, key=lambda f: f.group)]


def _entry(function: Function, engine: Engine) -> list[str]:
    facts = [f"`{function.signature}`"]
    if function.aliases:
        facts.append("also " + ", ".join(f"`{alias}`" for alias in function.aliases))
    lines = [f"### {function.name}", "", "; ".join(facts), "", _sentence(function.summary)]
    if function.domain:
        lines.append(f"*Domain*: `{function.domain}`.")
    if function.kink:
        lines.append(f"*Kink*: {function.kink}.")
    if not function.differentiable:
        why = "" if function.name == "stop_gradient" else "it varies in jumps or not at all, and "
        lines.append(f"*No derivative*: {why}a gradient through it is 0.")
    if function.note:
        lines.append(_sentence(function.note))
    example = _example(function)
    if example is not None:
        lines += ["", _answered(example, engine)]
    return lines


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!")) else text + "."


def _example(function: Function) -> Example | None:
    if function.examples:
        return function.examples[0]
    names = [p.name for p in function.parameters]
    if function.points is not None:
        # Off the middle, which is often a zero; and different numbers for the arguments of one function.
        shares = (0.7, 0.4, 0.6)
        inside = [
            float(f"{low + share * (high - low):.2g}")
            for share, (low, high) in zip(shares, function.points.intervals, strict=False)
        ]
        return Example(f"{function.name}({', '.join(names)})", dict(zip(names, inside, strict=True)))
    if function.group == "comparison":
        given = [True, False] if function.name.startswith("logical") else [1.0, 2.0]
        return Example(f"{function.name}({', '.join(names)})", dict(zip(names, given, strict=False)))
    return None


def _answered(example: Example, engine: Engine) -> str:
    at = {name: np.asarray(given) for name, given in example.inputs.items()}
    inputs = ", ".join(f"{name} = {_show(given)}" for name, given in example.inputs.items())
    shown = f"`{example.expr}`" + (f" at `{inputs}`" if inputs else "")
    answer = _ask(engine, Question(example.expr, at), "value")
    shown += f": `{_show(answer.value)}`"
    expr = example.expr if not np.shape(answer.value) else f"sum({example.expr})"
    if np.asarray(answer.value).dtype.kind != "f" or not at:
        return shown
    try:
        grad = _ask(engine, Question(expr, at), "grad").grad or {}
    except EngineError:
        return shown
    gradients = ", ".join(f"{name}: {_show(array)}" for name, array in grad.items())
    return f"{shown}, gradient `{gradients}`" if grad else shown


def _ask(engine: Engine, question: Question, ask: Ask) -> Any:
    budget = Budget.starting_now(60.0)
    return engine.prepare(question, ask, budget).run(question, budget)


def _show(given: Any) -> str:
    listed = np.asarray(given).tolist()
    if isinstance(listed, list):
        return "[" + ", ".join(_show(item) for item in listed) + "]"
    if isinstance(listed, bool):
        return str(listed).lower()
    # What rounding leaves of a zero differs from machine to machine.
    return "0" if abs(listed) < 1e-14 and abs(listed) > 1e-20 else f"{listed:.6g}"


def errors_page() -> str:
    """docs/errors.md, with the answers that it has now."""
    answers = {e.command: e.answer for e in find(ERRORS_PAGE)} if ERRORS_PAGE.exists() else {}
    kinds = list(catalogue().values())
    parts = [
        "# Errors",
        "",
        "Written by `python -m docs.generate` from the classes in `engine/errors.py` and `service/errors.py`. A "
        "running server has a page for each at the address in `type`, and all at `/errors/`.",
        "",
        "Every refusal is `application/problem+json` (RFC 9457) with `type`, `title`, `status` and `detail`, and, "
        "where they apply, `errors` (all faults at once, each with a JSON Pointer into the request), `span` (lines and "
        "columns in the source text, from 1, the end exclusive), `excerpt` (the line and carets below it), "
        "`hint` and `limit`. "
        "[http.md](http.md) has the rest of the contract. Names are stable: switch on the last part of `type`. Answers "
        "come as one line; long ones are broken here.",
        "",
        "| status | name | |",
        "| ---: | --- | --- |",
        *[f"| {kind.status} | [`{kind.name}`](#{kind.name}) | {kind.title} |" for kind in kinds],
    ]
    for kind in kinds:
        parts += ["", *_error(kind, answers)]
    return "\n".join(parts) + "\n"


def _error(kind: Kind, answers: Mapping[str, str]) -> list[str]:
    lines = [f"## {kind.name}", "", f"{kind.status}. {kind.title}. {kind.story}"]
    if kind.name == "rate-limited":
        lines[-1] += " No setting of this version limits rates."
    command = REQUESTS.get(kind.name)
    if command is not None:
        lines += ["", f"```sh\n{command}\n```", "", f"```json\n{answers.get(command, '')}\n```"]
    if kind.example and kind.repair:
        lines += ["", f"Instead of `{kind.example}`: `{kind.repair}`."]
    return lines


TABLES: Mapping[Path, Mapping[str, Callable[[], list[str]]]] = {
    ROOT / "README.md": {"corpus": corpus_figures, "functions": functions_table},
    ROOT / "docs" / "language.md": {
        "rewrites": rewrites_table,
        "refusals": refusals_table,
        "program-refusals": program_refusals_table,
    },
    ROOT / "docs" / "limits.md": {"settings": settings_table},
    ROOT / "docs" / "jobs.md": {"job-methods": job_methods_table},
    ROOT / "docs" / "models.md": {
        "definition": models.definition_lines,
        "program": models.program_lines,
        "layers": models.layers_section,
        "arrays": models.arrays_table,
        "initialisers": models.initialisers_table,
        "constraints": models.constraints_table,
        "activations": models.activations_table,
        "losses": models.losses_section,
    },
    ROOT / "docs" / "steps.md": {
        "methods": methods_table,
        "schedules": schedules_table,
        "mistakes": mistakes_table,
    },
}


if __name__ == "__main__":
    sys.exit(main())
