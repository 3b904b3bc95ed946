"""The whole of 10,000 guests in `/metrics`, with all that a real estate says of them; but for libvirt's statistics, of
which its test driver has none.

What hosts said of themselves and how Puppet ran stands in the state folder, as after a restart: ten thousand hosts that
each send by themselves would be another measurement.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from facts.keep import keep_host
from facts.observations import FORMAT, KINDS, Client, ContainerCopy, Kinds, Logs, Mount, NfsClient, NfsServer, Observed
from facts.observatory import merge
from facts.shelf import Shelf
from reports.history import History
from tests.bench import estate, scrapes
from tests.bench.estate import WHOLE, Size
from tests.bench.load import Outcome
from tests.bench.scrapes import Add
from tests.bench.situation import backups
from tests.bench.world import Certificates, Process, World
from tests.live.hypervisors import Hypervisor
from tests.reports.runs import changed, received
from tests.waiting import until

HOUR = 3600.0
_BATCH = 500


def measured(folder: Path, certificates: Certificates, latency: Callable[[Process, Size], Outcome], add: Add) -> None:
    """Scrapes, and answers meanwhile, as lines of the table; `latency` measures `/enc` for some seconds."""
    with (
        Hypervisor("whole", folder / "whole-libvirt") as many,
        World(folder / "whole", WHOLE, certificates, many, {}) as world,
    ):
        _run(world, time.time() - HOUR / 2)
        _say(world, time.time())
        with world.serve() as service:
            service.wait_for(f"/enc/{estate.guest(WHOLE.guests - 1)}")
            names = ("observation_timestamp_seconds", "puppet_last_run_timestamp_seconds", "guest_copy")
            for name, least in zip(names, (WHOLE.guests, WHOLE.nodes, 2 * WHOLE.guests), strict=True):
                until(lambda name=name, least=least: scrapes.values(service, f"enclume_{name}") >= least, 120, name)  # type: ignore[misc]
            service.settle()
            _scrape(service, add)
            outcome = _meanwhile(service, lambda: latency(service, WHOLE))
            figure = f"median {outcome.median:.1f} ms, p99 {outcome.p99:.1f} ms"
            add("  /enc at 100/s during one scrape after the other", figure, "p99 50 ms")


def _scrape(service: Process, add: Add) -> None:
    first, again = scrapes.scraped(service), scrapes.took(service, 5)
    most, average = scrapes.most_samples(first.text)
    figure = f"{again:.2f} s, {len(first.text) / 1e6:.0f} MB"
    add(f"scrape of {WHOLE.guests} guests on {WHOLE.hypervisors} hypervisors", figure, "at most 5 s")
    figure = f"at most {most}, {average:.0f} on average"
    add("  samples of one guest, besides libvirt's three of a disk's bytes and its monitor", figure, "at most 50")


def _meanwhile(service: Process, work: Callable[[], Outcome]) -> Outcome:
    """What comes of some work during one scrape after the other."""
    done = threading.Event()

    def scrape() -> None:
        while not done.is_set():
            scrapes.scraped(service)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        return work()
    finally:
        done.set()
        thread.join()


def _run(world: World, ended: float) -> None:
    """Puppet ran on every node; one run in ten changed something."""
    names = estate.certnames(world.size)
    world.state.mkdir(mode=0o750)
    history = History(f"sqlite:///{world.state}/history.sqlite")
    runs = [(received if number % 10 else changed)(name, ended) for number, name in enumerate(names)]
    for start in range(0, len(runs), _BATCH):
        history.store(runs[start : start + _BATCH])
    history.close()


def _say(world: World, now: float) -> None:
    """Every host said all that is its to say."""
    shelf = Shelf(world.state)
    for certname, kinds in _said(world.size, now):
        keep_host(shelf, merge(None, Observed(FORMAT, certname, now, kinds), frozenset(KINDS), now))


def _said(size: Size, now: float) -> Iterator[tuple[str, Kinds]]:
    for site in range(size.sites):
        own = [number for number in range(size.guests) if estate.site_of(number, size) == site]
        clients = tuple(Client(estate.address_of(one, size), estate.guest(one), "confirmed", 9.0) for one in own)
        yield estate.physical("nfs", site), Kinds(nfsd=NfsServer(64, {"read": 7, "write": 9}, clients=clients))
        yield estate.physical("backup", site), Kinds(backups=backups(site, size, now))
    for hypervisor in range(size.hypervisors):
        copies = tuple(_copy(guest, now) for guest in range(hypervisor, size.guests, size.hypervisors))
        yield estate.hypervisor(hypervisor), Kinds(containers=copies, uses=())
    for number in range(size.guests):
        server = estate.physical("nfs", estate.site_of(number, size))
        mounts = tuple(Mount(path, server, f"/srv{path}", "4.2") for path in ("/home", "/var/mail"))
        kinds = Kinds(mounts=mounts, logs=Logs(0, remote=True), uses=(), nfs=NfsClient(5000 + number, 2))
        yield estate.guest(number), kinds


def _copy(guest: int, now: float) -> ContainerCopy:
    made = now - 24 * HOUR
    return ContainerCopy(
        f"vm{guest:05d}", estate.guest_uuid(guest), last_success=made, last_attempt=made, verified=True,
        last_duration_seconds=120, last_size_bytes=8 * 2**30,
    )  # fmt: skip
