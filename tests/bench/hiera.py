"""`/hiera` beside `/enc` over a large estate: latency in one run, size of the documents, what they cost in memory."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench import estate, measure
from tests.bench.estate import LARGE
from tests.bench.load import Outcome
from tests.bench.world import Certificates, Process, World
from tests.live.hypervisors import Hypervisor

ROUNDS = 3
Add = Callable[[str, str, str], None]


def beside_enc(folder: Path, certificates: Certificates, add: Add, seconds: float) -> None:
    """Measure both endpoints in turn, on the same service."""
    with (
        Hypervisor("many", folder / "hv") as many,
        World(folder / "hiera", LARGE, certificates, many, {}) as world,
        world.serve() as service,
    ):
        service.wait_for(f"/enc/{estate.guest(LARGE.guests - 1)}")
        service.settle()
        before = service.memory()
        began = time.perf_counter()
        service.get(_path("hiera", estate.guest(0)))
        add("the first /hiera after a start", f"{(time.perf_counter() - began) * 1000:.0f} ms", "")
        figures: dict[str, list[Outcome]] = {"enc": [], "hiera": []}
        for _ in range(ROUNDS):
            for what, outcomes in figures.items():
                outcomes.append(measure.latency(service, certificates, _paths(what), seconds, kept=True))
        for what, outcomes in figures.items():
            add(f"/{what} at 100/s, kept connections, 10,000 nodes", _said(outcomes), "")
        p99 = {what: median(one.p99 for one in outcomes) for what, outcomes in figures.items()}
        add("  p99 of /hiera to that of /enc", f"{p99['hiera'] / p99['enc']:.2f}", "like /enc")
        _sizes(service, add)
        add("memory (PSS) that all documents cost", f"{service.memory() - before:.0f} MB", "")


def _path(what: str, certname: str) -> str:
    return f"/{what}/{certname}"


def _paths(what: str) -> tuple[str, ...]:
    return tuple(_path(what, estate.guest(number)) for number in range(0, LARGE.guests, LARGE.guests // 500))


def _said(outcomes: list[Outcome]) -> str:
    return f"median {median(one.median for one in outcomes):.1f} ms, p99 {median(one.p99 for one in outcomes):.1f} ms"


def _sizes(service: Process, add: Add) -> None:
    """The documents of every tenth guest, and of every server and hypervisor."""
    names = [estate.guest(number) for number in range(0, LARGE.guests, 10)]
    names += [estate.hypervisor(number) for number in range(LARGE.hypervisors)]
    names += [f"{kind}{site:02d}.bench.test" for kind in ("nfs", "dns", "backup") for site in range(LARGE.sites)]
    connection = service.connect()
    sizes = []
    for name in names:
        connection.request("GET", _path("hiera", name))
        sizes.append((len(connection.getresponse().read()), name))
    connection.close()
    sizes.sort()
    add("size of a document, median", f"{sizes[len(sizes) // 2][0] / 1000:.0f} kB", "")
    add("  of the largest", f"{sizes[-1][0] / 1000:.0f} kB ({sizes[-1][1]})", "")
