"""The time of value and gradient over the time of the value alone.

Measured: `Prepared.run` for `/grad` and for `/value` of the same question in turn, 15 rounds, the median of the
ratios.  The questions are sums over vectors of 10 to 10^6 elements, and `sum([x0*sin(x0), …])` of 1 to 10^4 scalar
inputs.

Expected beforehand: at most 4, and flat in the number of inputs, as theory has it for reverse mode (Griewank and
Walther, Evaluating Derivatives, section 4.5).  For few elements the ratio is that of the counts of operations; for
many, that of the memory traffic.
"""

from __future__ import annotations

from statistics import median

import numpy as np

from benchmarks.asking import prepared, question
from benchmarks.tables import table
from benchmarks.timing import duration, in_turn, pin, ratio
from engine.engine import Engine
from engine.limits import Limits

LIMITS = Limits(source_chars=10**6, nodes=10**6, run_seconds=600.0)
TEXTS = (
    "sum(x^2*sin(x))",
    "sum(exp(-x^2))",
    "sum(log(1+x^2))",
    "sum(x*tanh(x))",
    "sum(x^3-2*x+1)",
    "sum(sqrt(1+x^2)/x)",
)
SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
COUNTS = (1, 10, 100, 1_000, 10_000)


def main() -> None:
    """Print both tables."""
    pin(0)
    engine = Engine(LIMITS)
    draw = np.random.default_rng(1)
    rows = []
    for text in TEXTS:
        ratios = [_cost(engine, text, {"x": draw.uniform(0.5, 2.0, size)}) for size in SIZES]
        rows.append([f"`{text}`", *[f"{r:.2f}" for r, _, _ in ratios]])
    print("Vectors: (value and gradient) / value, by number of elements\n")
    print(table(["function", *[f"{size:,}" for size in SIZES]], rows), "\n")
    rows = []
    for count in COUNTS:
        names = [f"x{i}" for i in range(count)]
        text = "sum([" + ", ".join(f"{name}*sin({name})" for name in names) + "])"
        at = dict(zip(names, draw.uniform(0.5, 2.0, count), strict=True))
        cost, value, gradient = _cost(engine, text, at)
        rows.append([f"{count:,}", duration(value), duration(gradient), duration(gradient / count), f"{cost:.2f}"])
    print("Scalar inputs: `sum([x0*sin(x0), x1*sin(x1), …])`\n")
    print(table(["inputs", "value", "value and gradient", "per input", "ratio"], rows))


def _cost(engine: Engine, text: str, at: dict[str, object]) -> tuple[float, float, float]:
    asked = question(text, at)
    times = in_turn({ask: prepared(engine, asked, ask) for ask in ("value", "grad")})
    return ratio(times["grad"], times["value"]), median(times["value"]), median(times["grad"])


if __name__ == "__main__":
    main()
