"""Reports: how many are acknowledged and drained, and what answers take meanwhile."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from reports.report import Place
from reports.spool import Spool
from tests.bench import estate
from tests.bench.estate import LARGE
from tests.bench.load import Outcome as Latencies
from tests.bench.senders import Outcome, Plan
from tests.bench.world import ROOT, Certificates, Process, World
from tests.live.hypervisors import Hypervisor
from tests.reports.papers import capture
from tests.reports.spooling import body, fresh
from tests.waiting import until

Add = Callable[[str, str, str], None]
REPLAY, BACKLOG = 10_000, 3000
SECONDS = float(os.environ.get("BENCH_SECONDS", "15"))


class Reports:
    """Measures one service; `latency` measures `/enc` at 100 requests a second for some seconds."""

    def __init__(
        self, service: Process, world: World, certificates: Certificates, latency: Callable[[], Latencies]
    ) -> None:
        self._service, self._spool, self._latency = service, world.state / "spool", latency
        self._files = certificates.client

    def send(self, **plan: float) -> Outcome:
        """Let senders send, in a process of their own."""
        files = self._files
        whole = Plan(self._service.port, str(files.ca), str(files.certificate), str(files.key), **plan)  # type: ignore[arg-type]
        command = [sys.executable, "-m", "tests.bench.senders", msgspec.json.encode(whole).decode()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return msgspec.json.decode(done.stdout, type=Outcome)

    def drained(self) -> float:
        """Reports drained a second of some that are put into the spool at once, beside the service."""
        self._empty()
        spool, began = Spool(self._spool, 1 << 30, 64), time.monotonic()
        for number in range(BACKLOG):
            report = body(estate.guest(number), report=capture("unchanged" if number % 10 else "changed-notify-only"))
            spool.put(fresh(report), "puppet", time.time(), Place())
        self._empty()
        return BACKLOG / (time.monotonic() - began)

    def _empty(self) -> None:
        until(lambda: not self._waiting(), 600, "an empty spool")

    def _waiting(self) -> int:
        return len(list(self._spool.glob("*.report")))

    def measure(self, add: Add) -> None:
        """Everything, as lines of the table."""
        seconds = SECONDS
        self._flood(add, "reports, 8 concurrent senders, kept connections", _ACKS, seconds=seconds)
        resumed = "  new connections, resumed TLS sessions, as Puppet Server"
        self._flood(add, resumed, _ACKS, seconds=seconds, kept=False)
        self._flood(add, "  new connections, new TLS sessions", "", seconds=seconds, kept=False, resumed=False)
        add("reports drained into SQLite", f"{self.drained():.0f}/s", "at least 100/s")
        paced = self._meanwhile(lambda: self.send(seconds=3600.0, most=int(300 * seconds), rate=300.0))
        add("  /enc at 100/s while 300 reports/s come", _latencies(paced), "p99 50 ms")
        self._empty()
        replayed = self._meanwhile(self._replay)
        add(f"  /enc at 100/s during a replay of {REPLAY} reports", _latencies(replayed), "p99 50 ms")

    def _flood(self, add: Add, what: str, target: str, **plan: float) -> None:
        """The senders and the intake child have the same cores; so what the worker itself takes is told too."""
        before = self._service.cpu()
        outcome = self.send(**plan)
        each = (self._service.cpu() - before) / outcome.acknowledged * 1000
        add(what, f"{_told(outcome)}, {each:.1f} ms of the worker's CPU each", target)

    def _replay(self) -> None:
        """As `enclume runs import` does: one after the other, as fast as they are taken."""
        self.send(seconds=3600.0, most=REPLAY, senders=1)
        self._empty()

    def _meanwhile(self, work: Callable[[], object]) -> Latencies:
        """The worst of `/enc` as long as some work goes on."""
        thread = threading.Thread(target=work)
        thread.start()
        found = [self._latency()]
        while thread.is_alive():
            found.append(self._latency())
        thread.join()
        return max(found[:-1] or found, key=lambda one: one.p99)


def measured(folder: Path, certificates: Certificates, latency: Callable[[Process], Latencies], add: Add) -> None:
    """Everything, with a service of its own; `latency` measures `/enc` of it for some seconds."""
    with (
        Hypervisor("many", folder / "reports-many") as many,
        World(folder / "reports", LARGE, certificates, many, {}) as world,
        world.serve() as service,
    ):
        service.wait_for(f"/enc/{estate.guest(LARGE.guests - 1)}")
        service.settle()
        add("/enc at 100/s before any report", _latencies(latency(service)), "")
        Reports(service, world, certificates, lambda: latency(service)).measure(add)


_ACKS = "at least 300/s, p99 50 ms"


def _told(outcome: Outcome) -> str:
    failed = f", {outcome.failures} FAILED" if outcome.failures else ""
    rate = outcome.acknowledged / outcome.seconds
    return f"{rate:.0f}/s, median {outcome.median:.1f} ms, p99 {outcome.p99:.1f} ms{failed}"


def _latencies(outcome: Latencies) -> str:
    return f"median {outcome.median:.1f} ms, p99 {outcome.p99:.1f} ms"
