"""What Hessian-vector products and Jacobians cost, in both modes, and with few passes where they are sparse.

Measured, by `Prepared.run` or by the executable of a graph, in turn, 15 rounds, the median of the ratios:

* `/hvp` (value, gradient and product) over `/grad` of the same question, for one vector.
* The Jacobian of a function with 1,000 outputs, of few and of many inputs, in forward over in reverse mode; and which
  mode the engine takes.
* Jacobians and Hessians with n = 1,000 of known structure: the passes that colouring needs, and the time of the whole
  answer as coordinates over that in full with as many passes as elements.

Expected beforehand: a Hessian-vector product is forward mode over the gradient, and a forward pass costs about as much
as what it goes through, so 2 times the gradient, and at most 3, which is the goal.  Forward and reverse passes go
over the same operations, so their costs are as the counts of inputs and outputs, with a reverse pass twice as dear.  A
tridiagonal Jacobian takes 3 passes whatever its size; an arrow 3, and as a Hessian 2; a block structure as many as a
block has columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.asking import prepared, question
from benchmarks.tables import table
from benchmarks.timing import duration, in_turn, pin, ratio
from engine.derive.jacobian import cheaper_mode, jacobian
from engine.derive.reverse import gradient
from engine.engine import Engine
from engine.execute.compile import compile_graph
from engine.graph.values import with_outputs
from engine.limits import Budget, Limits
from engine.question import Ask

LIMITS = Limits(run_seconds=600.0)
N = 1_000


def main() -> None:
    """Print the tables."""
    pin(0)
    engine = Engine(LIMITS)
    print("Hessian-vector products\n")
    print(table(["function", "size", "gradient", "product", "ratio"], _products(engine)), "\n")
    print("Jacobians of functions with 1,000 outputs\n")
    head = ["function", "inputs", "forward", "reverse", "forward/reverse", "taken"]
    print(table(head, _modes(engine)), "\n")
    print(f"Sparse structures, n = {N:,}\n")
    print(table(["matrix", "entries", "passes", "coo", "every pass", "ratio"], _sparse(engine)))


def _products(engine: Engine) -> Iterator[list[str]]:
    draw = np.random.default_rng(5)
    for text, name, sizes in (
        ("x^2*sin(y) + exp(-x)", "x", (1,)),
        ("sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)", "x", (10, 1_000, 100_000)),
        ("sum(log(1 + exp(x*a)))", "x", (10, 1_000, 100_000)),
        ("logsumexp(x*a)", "x", (1_000, 100_000)),
        ("mean(log(1 + exp(-b*(A @ x))))", "x", (10, 100)),
        ("sum((tanh(A @ x) @ a - b)^2)", "x", (10, 100)),
        ("logdet(S + outer(x, x))", "x", (10, 100)),
    ):
        for size in sizes:
            at = _inputs(text, size, draw)
            asked = question(text, at, (name,))
            along = replace(asked, wrt=None, along={name: draw.normal(size=np.shape(at[name]))})
            times = in_turn({"grad": prepared(engine, asked, "grad"), "hvp": prepared(engine, along, "hvp")})
            spent = [duration(median(times[ask])) for ask in ("grad", "hvp")]
            yield [f"`{text}`", f"{size:,}", *spent, f"{ratio(times['hvp'], times['grad']):.2f}"]


def _inputs(text: str, size: int, draw: np.random.Generator) -> dict[str, Any]:
    """Numbers for the inputs of a text: x and a vectors, A and S matrices, b what they give."""
    if size == 1:
        return {"x": 3.0, "y": 0.5}
    rows = 2 * size
    at: dict[str, Any] = {"x": draw.uniform(0.5, 1.5, size)}
    if "A @" in text:
        at |= {"A": draw.normal(size=(rows, size)) / size, "b": draw.normal(size=rows)}
        if "tanh" in text:
            at |= {"a": draw.normal(size=rows), "b": 0.3}
    elif "*a" in text:
        at["a"] = draw.normal(size=size)
    elif "S" in text:
        root = draw.normal(size=(size, size))
        at["S"] = root @ root.T / size + np.eye(size)
    return at


def _modes(engine: Engine) -> Iterator[list[str]]:
    draw = np.random.default_rng(6)
    for text, size in (
        ("tanh(A @ x)", 1),
        ("tanh(A @ x)", 10),
        ("tanh(A @ x)", 100),
        ("tanh(A @ x)", 1_000),
        ("tanh(A @ x)", 3_000),
    ):
        at = {"x": draw.normal(size=size), "A": draw.normal(size=(N, size)) / size}
        asked = question(text, at, ("x",))
        subject = engine.subject(asked, Budget.starting_now(60.0))
        wrt, arguments = [subject.names.index("x")], subject.arguments(asked)
        runs: dict[str, Any] = {}
        for mode in ("forward", "reverse"):
            graph = jacobian(subject.graph, wrt, mode, Limits(array_bytes=10**10, run_seconds=600.0))
            executable = compile_graph(graph, Limits(array_bytes=10**10, run_bytes=10**11, run_seconds=600.0))
            runs[mode] = lambda e=executable, a=arguments: e(a, Budget.starting_now(600.0))
        times = in_turn(runs, rounds=7)
        spent = [duration(median(times[mode])) for mode in runs]
        found = f"{ratio(times['forward'], times['reverse']):.2f}"
        yield [f"`{text}`", f"{size:,}", *spent, found, cheaper_mode(subject.graph, wrt)]


def _sparse(engine: Engine) -> Iterator[list[str]]:
    x = np.linspace(0.5, 1.5, N)
    cases: tuple[tuple[str, Ask, str], ...] = (
        ("diagonal", "jacobian", "sin(x)*x"),
        ("three diagonals", "jacobian", "pad(x[1:], [0, 1]) - 2*x^2 + pad(x[:-1], [1, 0])"),
        ("arrow", "jacobian", "x*x[0] + pad([sum(x^2)], [0, 999])"),
        ("blocks of 10", "jacobian", "ravel(softmax(reshape(x, [100, 10]), axis=1))"),
        ("three diagonals", "hessian", "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"),
        ("arrow", "hessian", "sum(x[0]*x[1:]^2)"),
    )
    for what, ask, text in cases:
        asked = replace(question(text, {"x": x}), format="coo")
        budget = Budget.starting_now(60.0)
        answer = engine.prepare(asked, ask, budget).run(asked, budget)
        part = answer.parts[ask]["x"]
        entries = (part["x"] if ask == "hessian" else part).value.size
        runs = {"coo": prepared(engine, asked, ask), "every": _every(engine, asked.text, x, ask)}
        times = in_turn(runs, rounds=7)
        spent = [duration(median(times[way])) for way in runs]
        passes = str(answer.parts["passes"])
        yield [f"{what}, {ask}", f"{entries:,}", passes, *spent, f"{ratio(times['every'], times['coo']):.0f}"]


def _every(engine: Engine, text: str, x: Any, ask: Ask) -> Any:
    """The matrix with a pass for every element, whatever its structure."""
    asked = question(text, {"x": x})
    subject = engine.subject(asked, Budget.starting_now(60.0))
    graph = subject.graph
    if ask == "hessian":
        slopes = gradient(graph, [0]).graph
        graph = with_outputs(slopes, slopes.outputs[1:])
    executable = compile_graph(jacobian(graph, [0], "forward", LIMITS), LIMITS)
    return lambda: executable(subject.arguments(asked), Budget.starting_now(600.0))


if __name__ == "__main__":
    main()
