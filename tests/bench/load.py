"""An open-loop load on `/enc/…`: requests at a fixed rate, each timed from the instant at which it was due.

Run as a program, so that its own work does not slow the server's interpreter: `python -m tests.bench.load PLAN`,
where PLAN is the JSON of a `Plan`; it prints the JSON of an `Outcome`.
"""

import http.client
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count

import msgspec
from msgspec import Struct

CLIENTS = 16


class Plan(Struct, frozen=True):
    """What to ask: paths in turn, at `rate` a second for `seconds`, with kept or new connections."""

    port: int
    paths: tuple[str, ...]
    rate: float
    seconds: float
    kept: bool
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


class Outcome(Struct, frozen=True):
    """Latencies in milliseconds, and how many requests were not answered with 200."""

    requests: int
    failures: int
    median: float
    p99: float
    worst: float


class _Client(threading.Thread):
    def __init__(self, plan: Plan, slots: Iterator[int], lock: threading.Lock, begin: float) -> None:
        super().__init__(daemon=True)
        self._plan, self._slots, self._lock, self._begin = plan, slots, lock, begin
        self._context = _context(plan)
        self._connection: http.client.HTTPConnection | None = None
        self.latencies: list[float] = []
        self.failures = 0

    def run(self) -> None:
        paths = self._plan.paths
        while True:
            with self._lock:
                slot = next(self._slots)
            due = self._begin + slot / self._plan.rate
            if due > self._begin + self._plan.seconds:
                return
            if (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            try:
                good = self._ask(paths[slot % len(paths)]) == 200
            except OSError:
                good, self._connection = False, None
            self.failures += not good
            self.latencies.append((time.perf_counter() - due) * 1000)

    def _ask(self, path: str) -> int:
        connection = self._connection or self._connect()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        if self._plan.kept:
            self._connection = None if response.will_close else connection
        else:
            connection.close()
        return response.status

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection("127.0.0.1", self._plan.port, timeout=10)
        return http.client.HTTPSConnection("127.0.0.1", self._plan.port, timeout=10, context=self._context)


def _context(plan: Plan) -> ssl.SSLContext | None:
    if plan.ca is None or plan.certificate is None:
        return None
    context = ssl.create_default_context(cafile=plan.ca)
    context.load_cert_chain(plan.certificate, plan.key)
    return context


def run(plan: Plan) -> Outcome:
    """Put the load on and measure it."""
    lock, begin = threading.Lock(), time.perf_counter() + 0.2
    slots = count()
    clients = [_Client(plan, slots, lock, begin) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    latencies = sorted(latency for client in clients for latency in client.latencies)
    failures = sum(client.failures for client in clients)
    return Outcome(
        len(latencies),
        failures,
        quantile(latencies, 0.5),
        quantile(latencies, 0.99),
        latencies[-1] if latencies else 0.0,
    )


def quantile(ordered: list[float], share: float) -> float:
    """The value below which this share of ordered values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


if __name__ == "__main__":
    print(msgspec.json.encode(run(msgspec.json.decode(sys.argv[1], type=Plan))).decode())
