"""What the service counts of its own work, in prometheus-client's objects: cheap where it happens, read at a scrape.

enclume_enc_requests_total{result="ok"} 1
enclume_enc_answer_age_seconds_bucket{le="1.0"} 0
enclume_reports_received_total 0
enclume_reports_rejected_total{reason="too large"} 1
enclume_reports_spooled 0
"""

import threading
from collections import deque

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from exporters.family import Family, counter, gauge, number

REQUESTS = counter("enc_requests_total", "result", tells="Questions for an answer, by how they ended.")
AGE = Family("enclume_enc_answer_age_seconds", "histogram", "How old the oldest source was that an answer rests on.")
RECEIVED = counter("reports_received_total", tells="Reports of Puppet runs that were taken.")
REJECTED = counter(
    "reports_rejected_total",
    "reason",
    tells="Reports of Puppet runs that were refused or kept aside; reason lost: of these, those that had to go.",
)
SPOOLED = gauge("reports_spooled", tells="Reports of Puppet runs that wait to be read.")

FAMILIES = (REQUESTS, AGE, RECEIVED, REJECTED, SPOOLED)

BUCKETS = (1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_MOST_NOTED = 10_000
_REFUSALS = {400: "bad", 403: "bad", 404: "unknown"}


class Counts:
    """The counters of one service. Safe for all threads.

    Answers are only noted where they are given, and counted at a scrape: a lock for each would have the threads that
    answer wait for each other.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        requests = Counter(REQUESTS.name, REQUESTS.help, REQUESTS.labels, registry=registry)
        self._results = {word: requests.labels(word) for word in ("ok", "unknown", "bad", "unavailable")}
        self._age = Histogram(AGE.name, AGE.help, buckets=BUCKETS, registry=registry)
        self._noted: deque[float] = deque()
        self._counting = threading.Lock()
        self.reports_received = Counter(RECEIVED.name, RECEIVED.help, registry=registry)
        self.reports_rejected = Counter(REJECTED.name, REJECTED.help, REJECTED.labels, registry=registry)
        self.reports_spooled = Gauge(SPOOLED.name, SPOOLED.help, registry=registry)

    def answered(self, age: float) -> None:
        """A question was answered; `age`: seconds since the oldest source was read that the answer rests on."""
        self._noted.append(age)
        if len(self._noted) > _MOST_NOTED:
            self._count()

    def refused(self, status: int) -> None:
        """A question was refused with this HTTP status."""
        self._results[_REFUSALS.get(status, "unavailable")].inc()

    def _count(self) -> None:
        """Count what was noted so far; where another thread does already, it does that for this one too."""
        if not self._counting.acquire(blocking=False):
            return
        try:
            for _ in range(len(self._noted)):
                self._age.observe(self._noted.popleft())
                self._results["ok"].inc()
        finally:
            self._counting.release()

    def lines(self) -> dict[Family, str]:
        """The samples of each family."""
        self._count()
        found = dict.fromkeys(FAMILIES, "")
        by_name = {one.name.removesuffix("_total"): one for one in FAMILIES}
        for metric in self._registry.collect():
            family = by_name[metric.name]
            for sample in metric.samples:
                if not sample.name.endswith("_created"):
                    named = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                    shown = f"{{{named}}}" if named else ""
                    found[family] += f"{sample.name}{shown} {number(sample.value)}\n"
        return found
