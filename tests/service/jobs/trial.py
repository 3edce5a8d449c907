"""A trial: jobs are posted to servers that are killed all the time, and everything that was promised is checked."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from random import Random

from engine.limits import Limits
from service.jobs.job import FINISHED, Job
from service.jobs.jobs import Jobs
from service.jobs.rows import DatabaseShelf
from service.jobs.undertakings import settling
from service.settings import Settings
from service.store.database import Database
from tests.service.jobs.chaos import PATIENCE, PAUSE, Cluster, Driver, Kind, Server, until
from tests.service.jobs.customers import Customer, Watcher, in_background
from tests.service.jobs.orders import TAKEN_OVER, Content, Expected, Order, faults, row_faults

BACKLOG = 10
"""Jobs that wait at a time, so that posts and kills fall together until the end."""


@dataclass
class Report:
    """What a trial has found; `faults` are broken promises."""

    jobs: int = 0
    unanswered: int = 0
    done: Mapping[Kind, int] = field(default_factory=dict)
    attempts: int = 0
    interrupted: int = 0
    taken_over: int = 0
    resumed_steps: int = 0
    recoveries: Sequence[float] = ()
    watched_again: int = 0
    seconds: float = 0.0
    logged: Mapping[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Recoveries:
    """How long after a blow the jobs that it interrupted went on, and from which steps."""

    def __init__(self, store: Jobs) -> None:
        self._store = store
        self._open: dict[str, tuple[float, int, int]] = {}
        self._claimed: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self.seconds: list[float] = []
        self.steps = 0

    def hit(self, kind: Kind, server: Server) -> None:
        """Note which jobs run while something is hit; those that are not begun again are not counted.

        One that has given a sign of life since the blow before was not hit by that.
        """
        struck, now = time.monotonic(), self._store.now()
        running = self._store.page("running", None, 100)
        with self._lock:
            for job in running:
                noted = self._open.get(job.id)
                if noted is None or job.lease > noted[2] + self._store.lease:
                    self._open[job.id] = (struck, job.attempts, now)
                    self._claimed.pop(job.id, None)

    def look(self) -> None:
        """See which of them go on; those that were not interrupted at all do not count."""
        with self._lock:
            for id, (struck, attempts, _) in list(self._open.items()):
                job = self._store.get(id)
                if job.attempts > attempts and id not in self._claimed:
                    self._claimed[id] = job.attempts, job.progress.rows
                    self.steps += job.progress.step
                claimed = self._claimed.get(id)
                advanced = claimed is not None and (job.progress.rows > claimed[1] or job.attempts > claimed[0])
                if job.ended or advanced:
                    if job.attempts > attempts:
                        self.seconds.append(time.monotonic() - struck)
                    del self._open[id]
                    self._claimed.pop(id, None)


class Trial:
    """One trial with some orders on the servers of a cluster."""

    def __init__(self, cluster: Cluster, orders: Sequence[Order], random: Random, servers: int = 2) -> None:
        self.cluster, self.orders, self.report = cluster, orders, Report()
        self._count, self._random = servers, random
        self._settings = _settings(cluster)
        self._database = Database(self._settings)
        self.store = Jobs(DatabaseShelf(self._database), self._settings, settling(Limits()))
        self._recoveries = Recoveries(self.store)
        self._accepted: dict[str, Order] = {}
        self._posted = threading.Event()
        self._watchers: list[Watcher] = []
        self._threads: list[threading.Thread] = []
        self._final: dict[str, int] = {}

    def run(self, seconds: float) -> Report:
        """Post, disturb until all is done or `seconds` are over, wait for the end, and check."""
        begun = time.monotonic()
        for _ in range(self._count):
            self.cluster.start()
        calm = time.monotonic() + seconds
        driver = Driver(self.cluster, self._random, busy=self._busy, hit=self._recoveries.hit)
        posting, driving = in_background(self._post), in_background(driver.run)
        try:
            until(lambda: self._ended(driver, calm), "all jobs end", seconds + PATIENCE)
        finally:
            driver.over.set()
            driving.join(PATIENCE)
        posting.join(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        self.report.faults += driver.faults
        self.report.done = dict(driver.done)
        self._check()
        self._end_all()
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _post(self) -> None:
        customer, pause = Customer(self.cluster), threading.Event()
        try:
            for order in self.orders:
                while self.store.counts()["queued"] >= BACKLOG:
                    pause.wait(PAUSE)
                job = customer.post(order)
                if job is None:
                    self.report.unanswered += 1
                    continue
                if job["id"] in self._accepted:
                    self.report.faults.append(f"{job['id']} was answered to two orders")
                self._accepted[job["id"]] = order
                self._attend(job["id"], order)
        except Exception as error:
            self.report.faults.append(f"posting failed: {error!r}")
        finally:
            self._posted.set()

    def _busy(self, server: Server) -> bool:
        """Whether a server runs a job, as far as it says so."""
        try:
            return server.live.metric("adjoint_jobs_running") > 0
        except (OSError, HTTPException, AssertionError):
            return False

    def _attend(self, id: str, order: Order) -> None:
        """Have somebody watch or cancel a job."""
        if order.watched:
            watcher = Watcher(self.cluster, id)
            self._watchers.append(watcher)
            self._threads.append(in_background(watcher.run))
        if order.cancelled:
            self._threads.append(in_background(lambda: self._cancel(id, self._random.random())))

    def _cancel(self, id: str, seconds: float) -> None:
        try:
            until(lambda: self.store.get(id).progress.rows > 0, f"{id} gets on", 2 * PATIENCE)
            threading.Event().wait(seconds)
            job = Customer(self.cluster).cancel(id)
            if job["state"] != "cancelled" or job["result"]["last"] is None:
                self.report.faults.append(f"{id}: the answer to the cancel was {job['state']}, {job['result']}")
        except Exception as error:
            self.report.faults.append(f"{id}: the cancel failed: {error!r}")

    def _ended(self, driver: Driver, calm: float) -> bool:
        """Whether all jobs have ended.  Notes with which revision they did."""
        self._recoveries.look()
        open = [id for id in list(self._accepted) if id not in self._final]
        for id, pulse in self.store.pulses(open).items():
            if pulse.state in FINISHED:
                self._final[id] = pulse.revision
        if time.monotonic() > calm:
            driver.over.set()
        return self._posted.is_set() and len(self._final) == len(self._accepted)

    def _check(self) -> None:
        report, customer, expected = self.report, Customer(self.cluster), Expected()
        if not self.cluster.ports:
            self.cluster.start()
        watched = {watcher.id: watcher for watcher in self._watchers}
        for id, order in self._accepted.items():
            job, history = customer.job(id), customer.history(id)
            found = faults(order, job, history, expected)
            if id in watched:
                found += row_faults(watched[id].rows, history)
                found += [] if watched[id].states[-1:] == [job["state"]] else [f"watched: {watched[id].states}"]
            report.faults += [f"{id} ({json.dumps(order.body)[:300]}): {fault}" for fault in found]
            self._count_up(job)
        for id, order in self._accepted.items():
            if order.key is not None and (again := customer.post(order)) is not None and again["id"] != id:
                report.faults.append(f"{id} was posted with a key, and the same again is {again['id']}")
        self._check_all()
        report.watched_again = sum(watcher.connections - 1 for watcher in self._watchers)
        report.recoveries, report.resumed_steps = self._recoveries.seconds, self._recoveries.steps

    def _count_up(self, job: Content) -> None:
        self.report.jobs += 1
        self.report.attempts += job["attempts"]
        self.report.interrupted += job["attempts"] > 1
        self.report.taken_over += any(entry["detail"] == TAKEN_OVER for entry in job["story"])

    def _check_all(self) -> None:
        """Of all jobs in the store: those whose answer was lost have their end too, and there are no others."""
        before, stored = None, list[Job]()
        while page := self.store.page(None, before, 100):
            stored += page
            before = page[-1].number
        unknown = [job for job in stored if job.id not in self._accepted]
        if len(unknown) > self.report.unanswered:
            self.report.faults.append(f"{len(unknown)} jobs that nobody knows, {self.report.unanswered} lost answers")
        for job in unknown:
            until(lambda id=job.id: self.store.get(id).ended, f"{job.id} ends")  # type: ignore[misc]
        if missing := set(self._accepted) - {job.id for job in stored}:
            self.report.faults.append(f"accepted and not there: {missing}")

    def _end_all(self) -> None:
        """Kill the servers: their workers end by themselves, and nothing is left or written after a final state."""
        for server in list(self.cluster.servers):
            self.cluster.end(server, signal.SIGKILL)
        try:
            until(lambda: not self.cluster.processes(), "the processes of killed servers end", 15)
        except AssertionError as error:
            self.report.faults.append(f"{error}: {self.cluster.processes()}")
        for id, pulse in self.store.pulses(list(self._final)).items():
            if pulse.revision != self._final[id]:
                self.report.faults.append(f"{id} was written to after its end: {self.store.get(id).story}")
        self._database.close()
        if left := sorted(path.name for path in self.cluster.temporary.iterdir()):
            self.report.faults.append(f"temporary files are left: {left}")
        self._read_log()

    def _read_log(self) -> None:
        actions: Counter[str] = Counter()
        for line in self.cluster.logged().splitlines():
            try:
                action = json.loads(line)["action"]
            except ValueError:
                action = "other"
            actions[action] += 1
            if action in ("jobs-failed", "job-failed", "request-failed"):
                self.report.faults.append(line[:2000])
        self.report.logged = actions


def _settings(cluster: Cluster) -> Settings:
    names = {name.removeprefix("ADJOINT_").lower(): value for name, value in cluster.environment.items()}
    return Settings.model_validate({name: value for name, value in names.items() if name in Settings.model_fields})
