"""Scrapes of `/metrics`: how long and how large, beside Debian's libvirt exporter, and with a guest and a hypervisor
frozen.
"""

import http.client
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from facts.observations import FORMAT, Kinds, Observed
from tests.bench import estate
from tests.bench.estate import Size
from tests.bench.situation import backups
from tests.bench.world import Certificates, Process, World
from tests.live.hypervisors import Hypervisor
from tests.waiting import free_port, until

EIGHT = Size(nodes=63, hypervisors=8, sites=1)
"""Fifty guests on eight hypervisors, all of them real."""
RUNS = 30
FROZEN = 60.0
"""Seconds that are waited for the exporter's answer while a guest is frozen."""

Add = Callable[[str, str, str], None]
_SAMPLE = re.compile(rb"^enclume_\w+\{(.*)\} \S+$", re.MULTILINE)
_OF = re.compile(rb'(?:guest|host|certname|subject)="([^"]*)"')


class Scraped(Struct, frozen=True):
    """One answer of an exporter: its status, 0 where none came in time; how long it took; its text."""

    status: int
    seconds: float
    text: bytes


def scraped(process: Process, path: str = "/metrics") -> Scraped:
    """One scrape of the service."""
    began = time.perf_counter()
    status, text = process.get(path, timeout=FROZEN)
    return Scraped(status, time.perf_counter() - began, text)


def took(process: Process, runs: int = RUNS) -> float:
    """Seconds of one scrape, the median of several."""
    return median(scraped(process).seconds for _ in range(runs))


def most_samples(text: bytes) -> tuple[int, float]:
    """The samples of the guest that has most, and of one on average."""
    counts = Counter(found[1].partition(b" ")[0] for labels in _SAMPLE.findall(text) if (found := _OF.search(labels)))
    guests = [number for name, number in counts.items() if name.startswith(b"vm")]
    return max(guests), sum(guests) / len(guests)


def beside_debians(folder: Path, certificates: Certificates, add: Add) -> None:
    """Fifty guests on eight real hypervisors: our scrape and theirs, before and while something is frozen."""
    with ExitStack() as stack:
        names = [f"scrape{number}" for number in range(EIGHT.hypervisors)]
        hypervisors = [stack.enter_context(Hypervisor(name, folder / name)) for name in names]
        for number in range(EIGHT.guests):
            home, name = hypervisors[number % EIGHT.hypervisors], f"vm{number:05d}"
            home.define(name, estate.guest_uuid(number), devices=home.disk(name))
            home.start(name)
        uris = {estate.hypervisor(number): one.uri for number, one in enumerate(hypervisors)}
        world = stack.enter_context(World(folder / "eight", EIGHT, certificates, hypervisors[0], uris, statistics=2.0))
        service = stack.enter_context(world.serve())
        service.wait_for("/metrics")
        until(lambda: values(service, "enclume_guest_storage_read_bytes_total") == EIGHT.guests, 60, "statistics")
        service.settle()
        _compare(service, hypervisors, add)


def told(service: Process, size: Size) -> None:
    """Every backup server has said what it keeps, and all of it is in the text that is kept for scrapes."""
    for site in range(size.sites):
        certname, now = f"backup{site:02d}.bench.test", time.time()
        said = Observed(FORMAT, certname, now, Kinds(backups=backups(site, size, now)))
        status = service.put(f"/observations/{certname}", msgspec.json.encode(said), certname)
        assert status == 204, f"{certname}: {status}"
    expected = size.guests * len(estate.MAX_AGES)
    until(lambda: values(service, "enclume_backup_max_age_seconds") >= expected, 120, "every backup in /metrics")
    service.settle()


def _compare(service: Process, hypervisors: list[Hypervisor], add: Add) -> None:
    before, text = took(service), scraped(service).text
    add("scrape of 50 guests on 8 hypervisors", f"{before * 1000:.1f} ms, {len(text) / 1e3:.0f} kB", "")
    with _debians(hypervisors[0]) as ask:
        theirs = [ask(FROZEN) for _ in range(10)]
        guests = sum(number % EIGHT.hypervisors == 0 for number in range(EIGHT.guests))
        seconds = median(one.seconds for one in theirs)
        what = f"  Debian's prometheus-libvirt-exporter, one of the 8 ({guests} guests)"
        add(what, f"{seconds * 1000:.1f} ms, {len(theirs[0].text) / 1e3:.0f} kB", "")
        hypervisors[0].freeze_guest("vm00000")
        until(lambda: _busy(service), 60, "the frozen guest's monitor to be busy")
        frozen = took(service)
        add("  the same with one guest frozen", _against(frozen, before), "at most 1.2")
        their = ask(FROZEN)
        told = "no answer" if not their.status else f"{their.seconds:.1f} s, {_domains(their.text)} of {guests} guests"
        add("    Debian's exporter then", told, "")
    hypervisors[1].freeze()
    until(lambda: b'target="kvm001.bench.test"} 0' in scraped(service).text, 60, "the frozen hypervisor to be down")
    add("  and one hypervisor frozen", _against(took(service), before), "at most 1.2")
    add("    hypervisors whose figures go on", f"{_going_on(service)} of 8", "7")
    hypervisors[1].thaw()
    hypervisors[0].thaw_guest("vm00000")


def _against(seconds: float, before: float) -> str:
    return f"{seconds * 1000:.1f} ms, {seconds / before:.2f} of before"


def values(service: Process, name: str) -> int:
    """How many samples a metric has."""
    return len(re.findall(rf"^{name}\{{".encode(), scraped(service).text, re.MULTILINE))


def _busy(service: Process) -> bool:
    figure = rb'^enclume_guest_monitor_busy_seconds\{.*"vm00000[^"]*"\} (\S+)$'
    found = re.search(figure, scraped(service).text, re.MULTILINE)
    return found is not None and float(found[1]) > 0


def _going_on(service: Process) -> int:
    """The hypervisors that are read between two scrapes."""
    first = _read_at(service)
    until(lambda: sum(_read_at(service)[one] > first[one] for one in first) >= len(first) - 1, 30, "new readings")
    now = _read_at(service)
    return sum(now[name] > first[name] for name in first)


def _read_at(service: Process) -> dict[str, float]:
    families = text_string_to_metric_families(scraped(service).text.decode())
    samples = next(one for one in families if one.name == "enclume_source_last_success_timestamp_seconds").samples
    return {one.labels["target"]: one.value for one in samples if one.labels["source"] == "inventory"}


def _domains(text: bytes) -> int:
    return len(set(re.findall(rb'^libvirt_domain_info_\w+\{domain="([^"]+)"', text, re.MULTILINE)))


@contextmanager
def _debians(hypervisor: Hypervisor) -> Iterator[Callable[[float], Scraped]]:
    """Debian's exporter on one hypervisor, and a way to scrape it within so many seconds."""
    port = free_port()
    command = ["prometheus-libvirt-exporter", f"--web.listen-address=127.0.0.1:{port}", "--libvirt.uri", hypervisor.uri]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(seconds: float) -> Scraped:
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            return Scraped(response.status, time.perf_counter() - began, response.read())
        except OSError:
            return Scraped(0, time.perf_counter() - began, b"")
        finally:
            connection.close()

    try:
        until(lambda: ask(5).status == 200, 20, "Debian's exporter")
        yield ask
    finally:
        process.kill()
        process.wait()
