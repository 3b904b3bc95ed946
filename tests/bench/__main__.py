"""`make bench`: the numbers of a large estate beside those of a small one and of a bare Flask route, in one run.

`make bench ARGS="verdicts scrapes"` measures these parts only; the parts are those of `PARTS`.
"""

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from tests.bench import estate, hiera, history, measure, reports, scrapes, verdicts, whole
from tests.bench.client_cpu import client_cpu_ratio
from tests.bench.estate import LARGE, SMALL, Size
from tests.bench.load import Outcome
from tests.bench.plugin import plugin_start
from tests.bench.world import Certificates, Process, World, bare
from tests.live.hypervisors import Hypervisor

PARTS = ("verdicts", "scrapes", "whole", "clients", "history", "reports", "hiera", "service")
CHANGES = int(os.environ.get("BENCH_CHANGES", "200"))
MOVES = int(os.environ.get("BENCH_MOVES", "30"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "15"))


class Row(Struct, frozen=True):
    """One line of the table: what, the figure, and what it is held against."""

    what: str
    figure: str
    target: str = ""


class Bench:
    """All measurements, in order; each prints what it does, and adds rows."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, list[Row]()
        self.certificates = Certificates(folder)

    def row(self, what: str, figure: str, target: str = "") -> None:
        """Add a line to the table."""
        self.rows.append(Row(what, figure, target))
        print(f"  {what}: {figure}", file=sys.stderr)

    def run(self, parts: Sequence[str]) -> None:
        """Measure these parts, all of them if none is named."""
        for name in parts or PARTS:
            getattr(self, name)()

    def verdicts(self) -> None:
        """Every verdict over a large estate in memory."""
        had = verdicts.measured(LARGE)
        what = f"all {had.count} verdicts over {LARGE.guests} guests, from nothing"
        self.row(what, f"{had.nothing:.2f} s", "under 1 s")
        for change, seconds in had.after.items():
            self.row(f"  after {change}", f"{seconds * 1000:.0f} ms", "under 50 ms")

    def history(self) -> None:
        """Puppet runs of a thousand nodes, on both databases."""
        history.on_both(self.folder, self.row)

    def scrapes(self) -> None:
        """Fifty guests on eight real hypervisors, beside Debian's exporter."""
        scrapes.beside_debians(self.folder, self.certificates, self.row)

    def whole(self) -> None:
        """Ten thousand guests in `/metrics`, and the answers meanwhile."""
        whole.measured(self.folder, self.certificates, lambda *of: self.latency(*of, kept=True), self.row)

    def clients(self) -> None:
        """What Puppet's server and Icinga start."""
        ratio = client_cpu_ratio(self.folder)
        self.row("enclume-enc: CPU beside plain `sh -c 'curl …'`", f"{ratio:.2f}", "at most 1.3")
        took, ratio = plugin_start()
        self.row("enclume check, start to end", f"{took:.0f} ms, {ratio:.1f} of `python -c pass`", "under 100 ms")

    def reports(self) -> None:
        """Reports of Puppet runs into a large estate's service."""
        reports.measured(self.folder, self.certificates, lambda one: self.latency(one, LARGE, kept=True), self.row)

    def hiera(self) -> None:
        """What Hiera asks for, beside what Puppet's server does."""
        hiera.beside_enc(self.folder, self.certificates, self.row, SECONDS)

    def service(self) -> None:
        """The service over a large estate."""
        with ExitStack() as stack:
            names = ("bench0", "bench1", "bench2", "many")
            first, second, third, many = (stack.enter_context(Hypervisor(name, self.folder / name)) for name in names)
            silent = stack.enter_context(_silent(self.folder / "silent"))
            uris = {estate.hypervisor(n): one.uri for n, one in enumerate((first, second, third))}
            uris[estate.hypervisor(3)] = f"qemu+unix:///system?socket={self.folder / 'quiet'}"
            large = stack.enter_context(World(self.folder / "large", LARGE, self.certificates, many, uris))
            small = stack.enter_context(World(self.folder / "small", SMALL, self.certificates, many, {}))
            for hypervisor in (first, second):
                hypervisor.define("vm00000", estate.guest_uuid(0))
            first.start("vm00000")
            (self.folder / "quiet").symlink_to(third.socket)
            self.full_start(large)
            self.from_disk(large)
            with large.serve() as service:
                service.wait_for(f"/enc/{estate.guest(LARGE.guests - 1)}")
                service.settle()
                self.compare(service, small)
                self.changes(service, large)
                figure = self.moves(service, first, second)
                self.row(f"a guest started elsewhere to answer, {MOVES} moves under load", figure, "p99 1 s")
                self.row("memory (PSS) of all processes", f"{service.memory():.0f} MB", "at most 400 MB")
                scrapes.told(service, LARGE)
                self.row("  with the text of /metrics, which is kept", f"{service.memory():.0f} MB", "")
                third.freeze()
                (self.folder / "quiet").unlink()
                (self.folder / "quiet").symlink_to(silent)
                self.troubled(service, large, first, second)
                third.thaw()
                self.row("  memory, with that text", f"{service.memory():.0f} MB", "")

    def full_start(self, world: World) -> None:
        """From nothing to all answers."""
        with world.serve() as service:
            took = service.wait_for(f"/enc/{estate.guest(world.size.guests - 1)}")
            service.settle()
        self.row("full start: LDAP, inventory, all answers", f"{took:.1f} s")

    def from_disk(self, world: World) -> None:
        """From the state on disk to the first answer."""
        with world.serve() as service:
            took = service.wait_for(f"/enc/{estate.guest(0)}")
        self.row("start from the state on disk to the first answer", f"{took:.2f} s", "at most 1 s")

    def compare(self, large: Process, small_world: World) -> None:
        """Latency and throughput, large beside small beside bare."""
        size = len(large.get(f"/enc/{estate.guest(1)}")[1])
        with small_world.serve() as small, bare(self.certificates, self.folder, size) as plain:
            small.wait_for(f"/enc/{estate.guest(1)}")
            plain.wait_for("/enc/x")
            small.settle()
            for kept, words in ((True, "kept"), (False, "new")):
                figures = [
                    self.latency(process, of, kept=kept)
                    for process, of in ((large, LARGE), (small, SMALL), (plain, SMALL))
                ]
                names = ("10,000 nodes", "50 nodes", "bare route")
                for name, figure in zip(names, figures, strict=True):
                    self.row(f"/enc at 100/s, {words} connections, {name}", _latencies(figure))
                ratio = figures[0].median / figures[1].median
                self.row(f"  10,000 nodes to 50 nodes, median, {words}", f"{ratio:.2f}", "at most 1.2")
            rates = [
                measure.throughput(process, self.certificates, f"/enc/{estate.guest(1)}", self.folder)
                for process in (large, small, plain)
            ]
        self.row("throughput of 10,000 nodes / 50 nodes / bare route", " / ".join(f"{rate:.0f}/s" for rate in rates))
        self.row("  10,000 nodes to the bare route", f"{rates[0] / rates[2]:.2f}", "at least 0.8")
        self.row("  10,000 nodes to 50 nodes", f"{rates[0] / rates[1]:.2f}", "at least 0.83")

    def latency(self, process: Process, size: Size, *, kept: bool) -> Outcome:
        """Latency at 100/s over many nodes."""
        paths = tuple(f"/enc/{estate.guest(number)}" for number in range(0, size.guests, max(1, size.guests // 500)))
        return measure.latency(process, self.certificates, paths, SECONDS, kept=kept)

    def changes(self, service: Process, world: World) -> None:
        """`ldapmodify` to the changed answer under load, and a full rebuild under load."""
        latencies: list[float] = []
        with self.load(service):
            self.modify(service, world, CHANGES, latencies)
        median, p99 = measure.spread(latencies)
        self.row(
            f"ldapmodify to answer, {CHANGES} changes under load", f"p50 {median:.0f} ms, p99 {p99:.0f} ms", "p99 1 s"
        )
        rebuilt = measure.during(lambda: self.rebuild(service, world), lambda: self.latency(service, LARGE, kept=False))
        self.row("/enc at 100/s during full rebuilds", _latencies(rebuilt), "p99 50 ms")

    def modify(self, service: Process, world: World, changes: int, latencies: list[float]) -> None:
        """Add a guest to a service, take it away, and so on with other guests."""
        for turn in range(changes):
            guest, add = 100 + turn // 2 * 8 + 1, turn % 2 == 0
            record = (
                f"dn: {estate.service_dn('compute')}\nchangetype: modify\n{'add' if add else 'delete'}: member\n"
                f"member: {estate.host_dn(estate.guest(guest))}\n"
            )
            latencies.append(
                measure.change(
                    service,
                    f"/enc/{estate.guest(guest)}",
                    lambda record=record: world.slapd.modify(record),  # type: ignore[misc]
                    lambda body, add=add: (b'"compute":{}' in body) is add,  # type: ignore[misc]
                )
            )

    def rebuild(self, service: Process, world: World) -> None:
        """Change every answer, several times."""
        for turn in range(3):
            profile = f"cn=linux,ou=profiles,{estate.BASE}"
            record = f"dn: {profile}\nchangetype: modify\nadd: puppetClass\npuppetClass: turn{turn}\n"
            measure.change(
                service,
                f"/enc/{estate.guest(LARGE.guests - 1)}",
                lambda record=record: world.slapd.modify(record),  # type: ignore[misc]
                lambda body, turn=turn: f'"turn{turn}":'.encode() in body,  # type: ignore[misc]
            )

    def moves(self, service: Process, first: Hypervisor, second: Hypervisor) -> str:
        """A guest that starts on the other of two real hypervisors and back, an even number of times, to the answer."""
        latencies = []
        here, there = (first, estate.hypervisor(0)), (second, estate.hypervisor(1))
        with self.load(service):
            for _ in range(MOVES):
                here[0].destroy("vm00000")
                latencies.append(
                    measure.change_made(
                        service,
                        f"/enc/{estate.guest(0)}",
                        lambda there=there: there[0].start("vm00000"),  # type: ignore[misc]
                        lambda body, there=there: f'"hypervisor":"{there[1]}"'.encode() in body,  # type: ignore[misc]
                    )
                )
                here, there = there, here
        median, p99 = measure.spread(latencies)
        return f"p50 {median:.0f} ms, p99 {p99:.0f} ms"

    def troubled(self, service: Process, world: World, first: Hypervisor, second: Hypervisor) -> None:
        """The same figures with one hypervisor frozen and one silent."""
        self.row("with one hypervisor frozen and one silent:", "")
        for kept, words in ((True, "kept"), (False, "new")):
            figure = _latencies(self.latency(service, LARGE, kept=kept))
            self.row(f"  /enc at 100/s, {words} connections", figure, "as above")
        latencies: list[float] = []
        with self.load(service):
            self.modify(service, world, max(10, CHANGES // 4), latencies)
        median, p99 = measure.spread(latencies)
        self.row("  ldapmodify to answer", f"p50 {median:.0f} ms, p99 {p99:.0f} ms", "as above")
        self.row("  a guest started elsewhere to answer", self.moves(service, first, second), "as above")

    @contextmanager
    def load(self, service: Process) -> Iterator[None]:
        """100 requests a second in the background, over and over."""
        done = threading.Event()

        def keep_on() -> None:
            while not done.is_set():
                self.latency(service, LARGE, kept=False)

        thread = threading.Thread(target=keep_on)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def print(self) -> None:
        """The table, and what it ran on."""
        widths = [max(len(getattr(row, name)) for row in self.rows) for name in ("what", "figure")]
        print(f"\n{'what':{widths[0]}}  {'figure':{widths[1]}}  target")
        for row in self.rows:
            print(f"{row.what:{widths[0]}}  {row.figure:{widths[1]}}  {row.target}")
        print(f"\non {measure.machine()}")


def _latencies(outcome: Outcome) -> str:
    return f"median {outcome.median:.1f} ms, p99 {outcome.p99:.1f} ms"


@contextmanager
def _silent(path: Path) -> Iterator[Path]:
    """A unix socket that accepts and never answers."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        yield path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="enb") as folder:
        bench = Bench(Path(folder))
        bench.run(sys.argv[1:])
        bench.print()
