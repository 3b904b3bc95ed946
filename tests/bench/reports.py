"""Reports: how many are acknowledged and drained, and what answers take meanwhile."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import msgspec

from tests.bench.load import Outcome as Latencies
from tests.bench.senders import Outcome, Plan
from tests.bench.world import ROOT, Certificates, Process, World
from tests.waiting import until

Add = Callable[[str, str, str], None]
REPLAY = 10_000


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
        """Reports drained a second, from now until none waits."""
        waiting, began = self._waiting(), time.monotonic()
        until(lambda: not self._waiting(), 600, "an empty spool")
        return waiting / (time.monotonic() - began)

    def _waiting(self) -> int:
        return len(list(self._spool.glob("*.report")))

    def measure(self, seconds: float, add: Add) -> None:
        """Everything, as lines of the table."""
        for kept, words in ((True, "kept"), (False, "new")):
            add(
                f"reports, 8 concurrent senders, {words} connections",
                _told(self.send(seconds=seconds, kept=kept)),
                _ACKS,
            )
            add("  drained afterwards", f"{self.drained():.0f}/s", "at least 100/s")
        paced = self._meanwhile(lambda: self.send(seconds=3600.0, most=int(300 * seconds), rate=300.0))
        add("  /enc at 100/s while 300 reports/s come", _latencies(paced), "p99 50 ms")
        self.drained()
        replayed = self._meanwhile(lambda: self.send(seconds=3600.0, most=REPLAY) and self.drained())
        add(f"  /enc at 100/s during a replay of {REPLAY} reports", _latencies(replayed), "p99 50 ms")

    def _meanwhile(self, work: Callable[[], object]) -> Latencies:
        """The worst of `/enc` as long as some work goes on."""
        thread = threading.Thread(target=work)
        thread.start()
        found = [self._latency()]
        while thread.is_alive():
            found.append(self._latency())
        thread.join()
        return max(found[:-1] or found, key=lambda one: one.p99)


_ACKS = "at least 300/s, p99 50 ms"


def _told(outcome: Outcome) -> str:
    failed = f", {outcome.failures} FAILED" if outcome.failures else ""
    rate = outcome.acknowledged / outcome.seconds
    return f"{rate:.0f}/s, median {outcome.median:.1f} ms, p99 {outcome.p99:.1f} ms{failed}"


def _latencies(outcome: Latencies) -> str:
    return f"median {outcome.median:.1f} ms, p99 {outcome.p99:.1f} ms"
