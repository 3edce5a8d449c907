"""Records what PyTorch makes of all cases: `python -m tests.models.parity.record`, where torch is installed.

Nothing of the engine is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.models.parity.case import EXAMPLES, OPTIMISERS, STEPS, Case
from tests.models.parity.cases import CASES
from tests.optimise.make_traces import optimiser

FILE = Path(__file__).with_name("traces.json")


def main() -> None:
    """Write the file."""
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    found = {"torch": torch.__version__.split("+")[0], "cases": {case.name: recorded(case) for case in CASES}}
    FILE.write_text(_text(found), "utf-8")


def recorded(case: Case) -> dict[str, Any]:
    """The prediction, the loss, its gradient, and where each optimiser ends."""
    arrays = _arrays(case)
    x, y = _data(case, arrays)
    with _nothing():
        prediction = case.predict(arrays, x, False)
    found: dict[str, Any] = {"y": list(y.shape[1:]), "prediction": flat(prediction)}
    arrays = _arrays(case)
    loss = case.judge(case.predict(arrays, x, case.training), y)
    loss.backward()
    found["loss"] = flat(loss)
    found["gradient"] = {name: flat(arrays[name].grad) for name in (*case.trained, *case.fixed)}
    found["trained"] = {method: trained(case, method) for method in OPTIMISERS}
    return found


def trained(case: Case, method: str) -> dict[str, list[float]]:
    """All arrays after the steps of one optimiser."""
    arrays = _arrays(case)
    x, y = _data(case, arrays)
    made = optimiser(method, dict(OPTIMISERS[method]), *(arrays[name] for name in case.trained))
    for _ in range(STEPS):
        made.zero_grad()
        case.judge(case.predict(arrays, x, case.training), y).backward()
        made.step()
    return {name: flat(arrays[name]) for name in (*case.trained, *case.state)}


def _arrays(case: Case) -> dict[str, Any]:
    import torch

    return {
        name: torch.tensor(case.parameter(name)).reshape(shape).requires_grad_(name not in case.state)
        for name, shape in case.arrays.items()
    }


def _data(case: Case, arrays: Mapping[str, Any]) -> tuple[Any, Any]:
    import torch

    x = torch.tensor(case.x()).reshape(EXAMPLES, *case.definition["input"]["shape"])
    with _nothing():
        shape = tuple(case.predict(dict(_arrays(case)), x, False).shape[1:])
    if case.data.startswith("classes"):
        shape = shape[:-1]
    if case.data == "half":
        shape = (*shape[:-1], shape[-1] // 2)
    return x, torch.tensor(case.y(shape)).reshape(EXAMPLES, *shape)


def _nothing() -> Any:
    import torch

    return torch.no_grad()


def flat(tensor: Any) -> list[float]:
    """All numbers, row by row."""
    found: list[float] = tensor.detach().reshape(-1).tolist()
    return found


def _text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each question of each case."""

    def lines(value: Any, depth: int) -> str:
        if depth and isinstance(value, Mapping):
            inner = ",\n".join(f"{json.dumps(key)}:{lines(item, depth - 1)}" for key, item in value.items())
            return "{\n" + inner + "\n}"
        return json.dumps(value, separators=(",", ":"))

    return lines(content, 4) + "\n"


if __name__ == "__main__":
    main()
