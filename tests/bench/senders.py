"""A load of reports: senders that each send the next report once the last was answered, for so many seconds or reports.

Run as a program, so that its own work does not slow the server's interpreter: `python -m tests.bench.senders PLAN`,
where PLAN is the JSON of a `Plan`; it prints the JSON of an `Outcome`.
"""

import http.client
import ssl
import sys
import threading
import time
import uuid
from itertools import count

import msgspec
from msgspec import Struct

from tests.bench import estate
from tests.bench.load import quantile
from tests.reports.papers import capture
from tests.reports.spooling import body, fresh


class Plan(Struct, frozen=True):
    """How many senders, for how long, how many reports at most and a second (0: as many as can be), of how many nodes;
    with kept or new connections, and new ones with or without the TLS session of the one before.
    """

    port: int
    ca: str
    certificate: str
    key: str
    senders: int = 8
    seconds: float = 10.0
    most: int = 1_000_000
    rate: float = 0.0
    nodes: int = 9700
    kept: bool = True
    resumed: bool = True


class Outcome(Struct, frozen=True):
    """How many were acknowledged in how many seconds, how many were not, and how many milliseconds that took."""

    acknowledged: int
    failures: int
    seconds: float
    median: float
    p99: float


class _Connection(http.client.HTTPSConnection):
    """Goes on with a TLS session where it is given one, as Puppet Server does."""

    session: ssl.SSLSession | None = None

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host, session=self.session)

    def close(self) -> None:
        if isinstance(self.sock, ssl.SSLSocket):
            self.session = self.sock.session
        super().close()


class _Sender(threading.Thread):
    def __init__(self, plan: Plan, numbers: "count[int]", begin: float) -> None:
        super().__init__(daemon=True)
        self._plan, self._numbers, self._begin = plan, numbers, begin
        self._context = ssl.create_default_context(cafile=plan.ca)
        self._context.load_cert_chain(plan.certificate, plan.key)
        self._quiet, self._loud = body(_CERTNAME, 0), body(_CERTNAME, 0, capture("changed-notify-only"))
        self._connection: _Connection | None = None
        self._session: ssl.SSLSession | None = None
        self.latencies: list[float] = []
        self.failures = 0

    def run(self) -> None:
        plan = self._plan
        while (number := next(self._numbers)) < plan.most:
            due = self._begin + number / plan.rate if plan.rate else time.perf_counter()
            if max(due, time.perf_counter()) > self._begin + plan.seconds:
                return
            if (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            report = self._report(number)
            began = time.perf_counter()
            try:
                good = self._send(report) == 202
            except OSError:
                good, self._connection = False, None
            self.failures += not good
            self.latencies.append((time.perf_counter() - began) * 1000)

    def _report(self, number: int) -> bytes:
        """A run of this very moment, of one node after the other; one in ten changed something."""
        certname = estate.guest(number % self._plan.nodes).encode()
        template = self._quiet if number % 10 else self._loud
        named = template.replace(_CERTNAME.encode(), certname, 1).replace(_RUN, str(uuid.uuid4()).encode(), 1)
        return fresh(named)

    def _send(self, report: bytes) -> int:
        plan = self._plan
        connection = self._connection or _Connection("127.0.0.1", plan.port, timeout=10, context=self._context)
        connection.session = self._session if plan.resumed else None
        headers = {"Content-Type": "application/x-yaml; charset=UTF-8"}
        connection.request("POST", "/reports", report, headers | ({} if plan.kept else {"Connection": "close"}))
        response = connection.getresponse()
        response.read()
        self._connection = None if response.will_close else connection
        self._session = connection.session
        return response.status


_CERTNAME = "somebody.bench.test"
_RUN = b"5a000000-0000-4000-8000-000000000000"


def run(plan: Plan) -> Outcome:
    """Put the load on and measure it."""
    numbers, begin = count(), time.perf_counter() + 0.1
    senders = [_Sender(plan, numbers, begin) for _ in range(plan.senders)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took = time.perf_counter() - begin
    latencies = sorted(latency for sender in senders for latency in sender.latencies)
    failures = sum(sender.failures for sender in senders)
    return Outcome(len(latencies) - failures, failures, took, quantile(latencies, 0.5), quantile(latencies, 0.99))


if __name__ == "__main__":
    print(msgspec.json.encode(run(msgspec.json.decode(sys.argv[1], type=Plan))).decode())
