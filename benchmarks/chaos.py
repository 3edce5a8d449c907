"""Jobs through kills: servers and workers are killed at random; what is lost (nothing), and how long it takes to go on.

Measured: two servers with one process for jobs each share one store.  Short jobs (0.05 to 0.5 s, of all kinds of
methods) are posted to them without pause while a driver kills a worker, a server or both, ends a server in an orderly
way, or stops a worker for longer than its lease of 1 s.  Afterwards every job is checked: its end, its story, its
history and, for methods that go on bit for bit, every number of it against an undisturbed run.  The recovery time is
that from the blow to the next rows of the job that was hit.  Then the time from a cancel to the answer `cancelled`.

Expected beforehand: no violation.  A worker that was killed alone: its job goes on once another process has started,
about 2 s; a server that was killed: as long as the other server needs to look, 0.1 s, where it has a free process, and
as the jobs before it take; a worker that stands still: its lease of 1 s more.  A cancel takes 50 ms, as often as a
worker looks, inside a long evaluation too.
"""

from __future__ import annotations

import argparse
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from benchmarks.tables import table
from benchmarks.timing import duration, quantile
from tests.service.jobs.chaos import Cluster, until
from tests.service.jobs.customers import Customer
from tests.service.jobs.orders import CHAIN, Content, Order, orders
from tests.service.jobs.trial import Report, Trial

JOBS, SECONDS = 2000, 300.0
CANCELS = 40
FAST: Content = {"expr": CHAIN, "start": {"x": [0.3, -0.2, 0.1, 0.7]}, "method": {"name": "adam", "lr": 0.001}}
SLOW: Content = {
    "program": "s = 0*x\ni = 0\nwhile i < 10^7:\n    s = s + sin(x + i)/10^7\n    i = i + 1\nreturn s + x^2",
    "start": {"x": 1.0},
    "method": {"name": "sgd", "lr": 0.01},
}
ENDLESS: Content = {"stop": {"max_steps": 1_000_000, "grad_norm": 0}, "record": {"every": 1000}}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser("python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"jobs on each store; {JOBS} if not given")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of kills on each store; {SECONDS:g}")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="what is done to the servers")
    chosen = parser.parse_args()
    print(f"Seed {chosen.seed}\n", flush=True)
    reports = {"SQLite": _trial(chosen.jobs, chosen.seconds, chosen.seed)}
    with _postgresql() as url:
        if url is None:
            print("PostgreSQL is not measured: there is no server program on this machine.\n")
        else:
            reports["PostgreSQL"] = _trial(chosen.jobs, chosen.seconds, chosen.seed, ADJOINT_DATABASE_URL=url)
    print(table(["", *reports], _rows(list(reports.values()))))
    for name, report in reports.items():
        for fault in report.faults:
            print(f"\nVIOLATION ({name}): {fault}")
    print()
    print(table(["cancel", "p50", "p99", "most"], [_cancels("fast steps", FAST), _cancels("one long step", SLOW)]))
    if any(report.faults for report in reports.values()):
        raise SystemExit(1)


def _trial(jobs: int, seconds: float, seed: int, **settings: str) -> Report:
    random = Random(seed)
    with tempfile.TemporaryDirectory(prefix="adjoint-chaos-") as folder:
        cluster = Cluster(Path(folder), **settings)
        try:
            return Trial(cluster, orders(random, jobs), random).run(seconds)
        finally:
            cluster.kill_all()


def _rows(reports: list[Report]) -> list[list[str]]:
    """What was done and found, a column for each store."""
    done = {
        "workers killed": "worker",
        "servers killed": "server",
        "servers killed, and a worker with them": "both",
        "servers ended in an orderly way": "terminate",
        "workers stopped for longer than their lease": "pause",
    }
    counts = {
        "jobs": [report.jobs for report in reports],
        **{name: [report.done.get(kind, 0) for report in reports] for name, kind in done.items()},  # type: ignore[call-overload]
        "attempts": [report.attempts for report in reports],
        "jobs that were interrupted": [report.interrupted for report in reports],
        "jobs taken over after their lease": [report.taken_over for report in reports],
        "steps that were not made again": [report.resumed_steps for report in reports],
        "event streams taken up again": [report.watched_again for report in reports],
        "violations": [len(report.faults) for report in reports],
    }
    rows = [[name, *(f"{count:,}" for count in row)] for name, row in counts.items()]
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        times = [duration(quantile(report.recoveries, part)) if report.recoveries else "" for report in reports]
        rows.append([f"from a blow to the next rows, {name}", *times])
    return [*rows, ["duration", *(f"{report.seconds:,.0f} s" for report in reports)]]


def _cancels(name: str, body: Content) -> list[str]:
    """The times from a cancel to the answer that the job has stopped."""
    times = []
    with tempfile.TemporaryDirectory(prefix="adjoint-chaos-") as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            customer = Customer(cluster)
            random = Random(1)
            for _ in range(CANCELS):
                job = customer.post(Order(body | ENDLESS))
                assert job is not None
                id = str(job["id"])
                until(lambda id=id: customer.job(id)["state"] == "running", "the job runs")  # type: ignore[misc]
                time.sleep(random.uniform(0.2, 0.4))
                begun = time.perf_counter()
                assert customer.cancel(id)["state"] == "cancelled"
                times.append(time.perf_counter() - begun)
        finally:
            cluster.kill_all()
    return [name, *(duration(quantile(times, part)) for part in (0.5, 0.99, 1.0))]


@contextmanager
def _postgresql() -> Iterator[str | None]:
    """The address of a PostgreSQL server that is started for this; None where there is none."""
    programs = {name: _program(name) for name in ("initdb", "postgres")}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = None if os.geteuid() else next((name for name in ("postgres", "nobody") if name in names), None)
    if None in programs.values() or (user is None and not os.geteuid()):
        yield None
        return
    folder = tempfile.mkdtemp(prefix="adjoint-postgresql-")
    if user is not None:
        shutil.chown(folder, user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "user": user, "cwd": folder}
    make = [
        programs["initdb"],
        "-D",
        f"{folder}/data",
        "-U",
        "adjoint",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    server = None
    try:
        subprocess.run(make, check=True, **quiet)  # type: ignore[call-overload]
        command = [programs["postgres"], "-D", f"{folder}/data", "-p", str(port), *options]
        server = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
        until(lambda: _accepts(port), "PostgreSQL accepts connections")
        yield f"postgresql://adjoint@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)
            server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def _accepts(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql://adjoint@127.0.0.1:{port}/postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    main()
