"""Optimisation jobs: what the store costs a run, how long a short job takes, what many watchers get, jobs per second.

Measured, in this order:

- a run in one process without a store, and the same run as a worker process makes it, with its history and states in
  SQLite; they take turns;
- over HTTP, `POST /jobs` with `Prefer: wait` for 100 steps of Adam on Rosenbrock's function, one after another, and
  `/healthz` in turn with them on the same connection.  The parts are told by the times in the answers, which are in
  milliseconds of the clock that client and server share: means, not quantiles;
- 200 connections that watch one job of 10,000 rows, live and once more when it has ended; every event is counted and
  looked at when all are there; meanwhile somebody asks `/grad` every 20 ms, in a process of its own;
- 500 jobs of ten steps, posted by four connections.

The server has two processes for jobs, both started before there is one.

Expected beforehand: the store takes less than 5 % of the time of a run, since a worker makes pauses of 20 times what
storing took; more for a run with 10^6 variables that is over in a few seconds, since the first state is stored after
0.1 s whatever it costs.  A job of 100 steps: 25 ms at the median, of which 5 compiling and storing, 5 until it is
claimed (two commits to the disk, 2 ms each), 10 running (5 of them compiling in the worker), 5 ending and telling; the
goal is 50.  Watchers: 100,000 events per second in all, each of which is written out once for all, and is copied into
200 sockets by uvicorn at 1 ms for each 1,000 rows.  Short jobs: 50 per second, bound by the processor.
"""

from __future__ import annotations

import tempfile

from benchmarks import job_overhead, job_requests, job_watchers
from benchmarks.tables import table
from tests.service.live import serving


def main() -> None:
    """Print the tables."""
    print("The same run without a store and as a job\n")
    print(table(job_overhead.HEAD, job_overhead.rows()), "\n")
    settings = {"ADJOINT_JOB_WORKERS": "2", "ADJOINT_JOB_READY": "2"}
    with tempfile.TemporaryDirectory() as folder, serving(ADJOINT_DATA_DIR=folder, **settings) as server:
        print("From the request to the answer, warm\n")
        print(table(job_requests.HEAD, job_requests.latencies(server)), "\n")
        print(f"The job: {', '.join(job_requests.parts())}\n")
        print(f"{job_watchers.WATCHERS} watchers of {job_watchers.ROWS:,} rows each\n")
        print(table(job_watchers.HEAD, job_watchers.rows(server)), "\n")
        print(f"Short jobs: {job_requests.throughput(server)}")


if __name__ == "__main__":
    main()
