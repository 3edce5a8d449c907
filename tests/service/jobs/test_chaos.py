"""Jobs come to their right end, once and undamaged, whatever is killed while they run."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.service.jobs.chaos import AVAILABLE, Cluster, until
from tests.service.jobs.customers import Customer
from tests.service.jobs.orders import CHAIN, TAKEN_OVER, Content, Expected, Order, faults, orders
from tests.service.jobs.trial import Trial

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="processes are found by their environment, in /proc")

SEED = int(os.environ.get("CHAOS_SEED") or secrets.randbits(32))
"""What is done to the servers; `CHAOS_SEED` does it again, as far as chance of timing lets it."""
LONG: Content = {
    "expr": CHAIN,
    "start": {"x": [0.3, -0.2, 0.1, 0.7]},
    "method": {"name": "adam", "lr": 0.001},
    "stop": {"max_steps": 12_000, "grad_norm": 0},
}
WIDE: Content = {"expr": CHAIN, "start": {"x": [-1.2] * 1500}, "method": "lbfgs", "stop": {"max_steps": 10_000}}
ENDLESS: Content = LONG | {"stop": {"max_steps": 1_000_000, "grad_norm": 0}, "record": {"every": 1000}}

Make = Callable[..., Cluster]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Make]:
    """Makes the servers of a test; none of their processes outlives it."""
    made: list[Cluster] = []

    def make(**settings: str) -> Cluster:
        made.append(Cluster(tmp_path, **settings))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.kill_all()


def test_no_job_is_lost_repeated_or_damaged_by_kills(cluster: Make) -> None:
    random = Random(SEED)
    trial = Trial(cluster(), orders(random, 200), random)
    report = trial.run(35)
    assert report.faults == [], f"CHAOS_SEED={SEED}"
    assert report.jobs + report.unanswered == 200
    assert report.interrupted > 0, f"nothing was hit: {report.done}"


def test_server_processes_of_one_server_are_killed(cluster: Make) -> None:
    random = Random(SEED)
    report = Trial(cluster(ADJOINT_WORKERS="2"), orders(random, 40, different=10), random, servers=1).run(10)
    assert report.faults == [], f"CHAOS_SEED={SEED}"


def test_a_worker_that_wakes_up_too_late_writes_nothing(cluster: Make) -> None:
    servers = cluster(ADJOINT_JOB_WORKERS="2", ADJOINT_JOB_READY="1")
    server = servers.start()
    customer, order = Customer(servers), Order(LONG | {"record": {"every": 11}})
    id = _running(customer, order)
    (worker,) = servers.workers(server)
    os.kill(worker, signal.SIGSTOP)
    until(lambda: customer.job(id)["attempts"] == 2, "the job is taken over")
    os.kill(worker, signal.SIGCONT)
    job = _ended(customer, id)
    assert [entry["detail"] for entry in job["story"] if entry["event"] == "Lost"] == [TAKEN_OVER]
    assert faults(order, job, customer.history(id), Expected()) == []


def test_a_worker_that_never_wakes_up_is_killed(cluster: Make) -> None:
    servers = cluster(ADJOINT_JOB_GRACE_SECONDS="0.5")
    server = servers.start()
    customer, order = Customer(servers), Order(LONG)
    id = _running(customer, order)
    (worker,) = servers.workers(server)
    os.kill(worker, signal.SIGSTOP)
    # It has the only place for jobs, which is needed to go on.
    assert faults(order, _ended(customer, id), customer.history(id), Expected()) == []
    assert worker not in servers.workers(server)


def test_a_server_ends_though_an_idle_worker_does_not_move(cluster: Make) -> None:
    servers = cluster(ADJOINT_JOB_GRACE_SECONDS="0.5")
    server = servers.start()
    _ended(Customer(servers), _running(Customer(servers), Order(LONG)))
    (worker,) = servers.workers(server)
    os.kill(worker, signal.SIGSTOP)
    assert servers.end(server, signal.SIGTERM) == 0
    until(lambda: not servers.processes(), "all processes end", 15)


def test_a_worker_ends_with_its_server_and_gives_its_job_back(cluster: Make) -> None:
    servers = cluster(ADJOINT_JOB_LEASE_SECONDS="60")
    customer = Customer(servers)
    server = servers.start()
    order = Order(LONG)
    id = _running(customer, order)
    servers.end(server, signal.SIGKILL)
    until(lambda: not servers.processes(), "the worker ends", 15)
    servers.start()
    job = _ended(customer, id)
    assert [entry["event"] for entry in job["story"]] == ["Posted", "Claimed", "Released", "Claimed", "Succeeded"]
    assert faults(order, job, customer.history(id), Expected()) == []


def test_a_method_that_begins_anew_tells_where(cluster: Make) -> None:
    servers = cluster()
    server = servers.start()
    customer = Customer(servers)
    id = _running(customer, Order(WIDE))
    (worker,) = servers.workers(server)
    os.kill(worker, signal.SIGKILL)
    job = _ended(customer, id)
    (restart,) = job["result"]["restarts"]
    assert 0 < restart < job["result"]["steps"]
    assert faults(Order(WIDE), job, customer.history(id), Expected()) == []


def test_the_last_point_is_in_the_history_of_a_job_that_is_cancelled_while_it_waits_again(cluster: Make) -> None:
    servers = cluster()
    server = servers.start()
    customer, order = Customer(servers), Order(ENDLESS, cancelled=True)
    id = _running(customer, order)
    assert servers.end(server, signal.SIGTERM) == 0
    servers.environment["ADJOINT_JOB_WORKERS"] = "0"
    servers.start()
    job = customer.cancel(id)
    history = customer.history(id)
    assert job["result"]["last"]["step"] == history["step"][-1]
    assert job["result"]["last"]["step"] % 1000 != 0 or history["step"][-1] > 0
    assert faults(order, job, history, Expected()) == []


def test_a_job_that_fails_on_its_way_keeps_and_counts_its_rows(cluster: Make) -> None:
    servers = cluster()
    servers.start()
    customer = Customer(servers)
    # Below 4/9 the index is out of range.
    program = "v = zeros(5)\nreturn x^2 + v[int(4/x) - 4]"
    body = {"program": program, "start": {"x": 1}, "method": {"name": "sgd", "lr": 1e-4}}
    posted = customer.post(Order(body | {"stop": {"max_steps": 10_000, "grad_norm": 0}, "record": {"every": 9}}))
    assert posted is not None
    job = _ended(customer, posted["id"])
    history = customer.history(posted["id"])
    assert job["state"] == "failed"
    assert job["progress"]["rows"] == len(history["index"]) > 300
    assert history["step"][-1] == job["result"]["last"]["step"]
    assert job["error"]["type"].startswith("/errors/")


def test_a_lost_job_is_cancelled_though_no_worker_is_idle(cluster: Make) -> None:
    servers = cluster()
    first = servers.start()
    customer = Customer(servers)
    id = _running(customer, Order(LONG | {"stop": {"max_steps": 10**6, "grad_norm": 0}}))
    second = servers.start()
    _running(customer, Order(ENDLESS))
    for worker in servers.workers(first):
        os.kill(worker, signal.SIGKILL)
        servers.end(first, signal.SIGKILL)
    assert second.port is not None
    assert customer.cancel(id)["state"] == "cancelled"


def test_a_second_interrupt_does_not_wait_for_jobs(cluster: Make) -> None:
    servers = cluster(ADJOINT_JOB_GRACE_SECONDS="30")
    server = servers.start()
    id = _running(Customer(servers), Order(ENDLESS))
    server.process.send_signal(signal.SIGINT)
    servers.end(server, signal.SIGINT)
    until(lambda: not servers.processes(), "all processes end", 15)
    servers.environment["ADJOINT_JOB_WORKERS"] = "0"
    servers.start()
    assert Customer(servers).cancel(id)["state"] == "cancelled"


def _running(customer: Customer, order: Order) -> str:
    """The id of a new job, once rows of it are stored."""
    job = customer.post(order)
    assert job is not None
    id = str(job["id"])
    until(lambda: customer.job(id)["progress"]["rows"] > 1, "the job gets on")
    return id


def _ended(customer: Customer, id: str) -> Content:
    """A job, once it has ended."""
    until(lambda: customer.job(id)["finished"] is not None, f"{id} ends")
    return customer.job(id)
