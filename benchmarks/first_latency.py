"""The latency of a first, never seen expression: parsed, lowered, derived, compiled and run.

Measured: 500 distinct random expressions of 3 to 15 operations in 1 to 4 scalar inputs, each asked once; by the
engine alone (`prepare` and `run`), and as `POST /grad` through the whole application in-process, which has an engine
of its own.  50 others go before, so that what is imported at first use is there.

Expected beforehand: the engine at the median under 1.5 ms, about 0.1 ms per operation of the expression; the
application 0.1 ms more.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterator
from random import Random

from benchmarks.asking import question
from benchmarks.tables import table
from benchmarks.timing import duration, pin, quantile
from engine.engine import Engine
from engine.limits import Budget
from service.app import create_app
from service.settings import Settings
from tests.service.asgi import JSON_TYPE, Wire, scope_of

COUNT = 500
WARM = 50
UNARY = ("sin", "cos", "tanh", "exp", "atan", "sigmoid", "softplus", "square", "sinh", "erf", "cbrt", "log1p")
BINARY = ("+", "-", "*", "/")
NAMES = ("x", "y", "z", "w")


def expressions(count: int, seed: int) -> Iterator[tuple[str, int]]:
    """Distinct expressions with their numbers of operations, from 3 to 15 in equal shares."""
    random, seen = Random(seed), set[str]()
    while len(seen) < count:
        operations = 3 + len(seen) % 13
        text = _expression(random, operations, random.randint(1, 4))
        if text not in seen:
            seen.add(text)
            yield text, operations


def _expression(random: Random, operations: int, inputs: int) -> str:
    if operations == 0:
        return random.choice(NAMES[:inputs]) if random.random() < 0.8 else f"{random.uniform(0.1, 3.0):.2f}"
    if random.random() < 0.4:
        return f"{random.choice(UNARY)}({_expression(random, operations - 1, inputs)})"
    left = random.randint(0, operations - 1)
    parts = _expression(random, left, inputs), _expression(random, operations - 1 - left, inputs)
    return f"({parts[0]} {random.choice(BINARY)} {parts[1]})"


def main() -> None:
    """Print the table."""
    pin(0)
    asked = list(expressions(WARM + COUNT, 7))
    engine, service = _by_engine([text for text, _ in asked]), asyncio.run(_by_service([text for text, _ in asked]))
    rows = []
    for title, low, high in (("3 to 15", 3, 15), ("3 to 6", 3, 6), ("7 to 11", 7, 11), ("12 to 15", 12, 15)):
        cells = [title]
        for times in (engine, service):
            some = [t for t, (_, n) in list(zip(times, asked, strict=True))[WARM:] if low <= n <= high]
            cells += [duration(quantile(some, 0.5)), duration(quantile(some, 0.95)), duration(max(some))]
        rows.append(cells)
    print(table(["operations", "engine p50", "p95", "max", "application p50", "p95", "max"], rows))


def _by_engine(texts: list[str]) -> list[float]:
    engine, times = Engine(), []
    for text in texts:
        asked = question(text, dict.fromkeys(NAMES, 0.7))
        start = time.perf_counter()
        budget = Budget.starting_now(10.0)
        engine.prepare(asked, "grad", budget).run(asked, budget)
        times.append(time.perf_counter() - start)
    return times


async def _by_service(texts: list[str]) -> list[float]:
    app, times = create_app(Settings(), io.StringIO()), []
    for text in texts:
        wire = Wire([json.dumps({"expr": text, "at": dict.fromkeys(NAMES, 0.7)}).encode()])
        start = time.perf_counter()
        await app(scope_of("POST", "/grad", JSON_TYPE), wire.receive, wire.send)
        times.append(time.perf_counter() - start)
        if wire.answered.status != 200:
            raise RuntimeError(f"{text} was answered {wire.answered.status}: {wire.answered.body!r}")
    return times


if __name__ == "__main__":
    main()
