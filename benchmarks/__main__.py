"""`python -m benchmarks [name …]`: each benchmark in a process of its own, with one thread for linear algebra."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

NAMES = (
    "throughput",
    "first_latency",
    "gradient_cost",
    "libraries",
    "flood",
    "accuracy",
    "diagnosis",
    "plan",
    "steps",
    "precision",
    "derivatives",
    "check_latency",
    "verdicts",
    "stored_data",
    "loops",
    "programs",
    "optimise",
    "jobs",
    "models",
    "chaos",
)
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def main() -> int:
    """Run the named benchmarks, or all."""
    listed = "\n".join(f"  {name:15} {_summary(name)}" for name in NAMES)
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help="which; without any, all")
    parser.add_argument("--write", action="store_true", help="accuracy: write its table into docs/accuracy.md")
    parser.add_argument("--jobs", type=int, help="chaos: how many jobs")
    parser.add_argument("--seconds", type=float, help="chaos: how long servers are killed")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.names if name not in NAMES]:
        parser.error(f"there is no benchmark called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    print(f"Python {platform.python_version()}, {_processor()}, {os.cpu_count()} cores, load {_load()}")
    failed = 0
    for name in chosen.names or NAMES:
        arguments = ["--write"] if chosen.write and name == "accuracy" else []
        if name == "chaos":
            sizes = {"--jobs": chosen.jobs, "--seconds": chosen.seconds}
            arguments = [f"{option}={size}" for option, size in sizes.items() if size is not None]
        print(f"\n## {name}: {_summary(name)}\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
        failed |= subprocess.run(command, env={**os.environ, **dict.fromkeys(THREADS, "1")}, check=False).returncode
    return failed


def _summary(name: str) -> str:
    source = (Path(__file__).parent / f"{name}.py").read_text("utf-8")
    return source.removeprefix('"""').split("\n", 1)[0].rstrip('"')


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


if __name__ == "__main__":
    sys.exit(main())
