"""Training time of an epoch, and memory, against PyTorch and JAX.

Measured: the same models from the same parameters on the same batches in the same order, in one process on one core
with one thread, in float64, warm; all take turns, 5 rounds, and the medians count.  The loop of each library is as its
users write it: PyTorch's modules and `torch.optim.Adam`, in JAX one jitted step.  All tell the loss of every batch as a
number.  Ours is the engine's trainer without server and store: accuracy, the norms of the gradients of every layer,
the update-to-weight ratios and the search for numbers that are not finite are included.  The losses of the first epoch
are compared, to 1e-9 relatively.  Memory is what a process takes at most in its first epoch beyond what it has with the
library loaded and model and data made: with compilation.

Expected beforehand: on the digits with dense layers 1.5 times as slow as PyTorch: 30 calls of numpy of 2 µs each and
200 µs for what is recorded, against 25 calls that cost PyTorch 5 µs each; on the convolutions twice as slow, since ours
are a copy of all windows and one product; on the recurrent model 1.5 times as fast, as 40 steps of 30 small operations
cost PyTorch 4 µs each and us 2 µs.  JAX faster than both everywhere but on the convolutions, which XLA does slowly on
CPUs in float64.  Memory: within 2 times of PyTorch's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.model_rivals import LIBRARIES, Losses, Study, studies
from benchmarks.tables import table
from benchmarks.timing import duration, in_turn, pin, ratio

ROUNDS = 5
SECONDS = 0.2


def main() -> None:
    """Print the tables, or with the names of a library and a study tell the memory of one."""
    if len(sys.argv) == 3:
        print(json.dumps(_peak(*sys.argv[1:])))
        return
    pin(0)
    present = {name: make for name, (module, make) in LIBRARIES.items() if find_spec(module)}
    rows, memory = [], []
    for study in studies():
        made = {name: make(study) for name, make in present.items()}
        _same(study, {name: epoch() for name, epoch in made.items()})
        times = in_turn(made, ROUNDS, SECONDS)
        cells = [f"{study.title}, {study.steps} steps"]
        for name, seconds in times.items():
            over = "" if name == "Adjoint" else f" ({ratio(seconds, times['Adjoint']):.2g})"
            cells.append(duration(median(seconds)) + over)
        rows.append(cells)
        memory.append([study.title, *(f"{_measured(name, study) / 2**20:.0f} MiB" for name in present)])
    print("Time of an epoch; in brackets the time over ours: above 1, Adjoint is faster\n")
    print(table(["", *present], rows), "\n")
    print("Memory that an epoch takes at its peak\n")
    print(table(["", *present], memory), "\n")
    for name in [name for name in LIBRARIES if name not in present]:
        print(f"{name} is not installed: pip install adjoint[bench]")


def _same(study: Study, found: dict[str, Losses]) -> None:
    """All have the same losses in their first epoch."""
    for name, losses in found.items():
        np.testing.assert_allclose(losses, found["Adjoint"], rtol=1e-9, err_msg=f"{study.title}: {name}")


def _peak(library: str, title: str) -> int:
    """The bytes that this process takes at most in an epoch, beyond what it has before; Linux tells them."""
    study = next(study for study in studies() if study.title == title)
    epoch = LIBRARIES[library][1](study)
    # This makes the peak what there is now.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    epoch()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def _measured(library: str, study: Study) -> int:
    command = [sys.executable, "-m", "benchmarks.models", library, study.title]
    return int(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


if __name__ == "__main__":
    main()
