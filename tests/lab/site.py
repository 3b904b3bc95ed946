"""The lab as a site that Enclume serves: two nodes with their observers, a directory, and the service itself."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from tests.exporters.telling import values
from tests.lab import drbd, nfs
from tests.lab.estate import LDIF, MIRROR, SERVER
from tests.lab.nodes import Node, two_nodes
from tests.lab.observer import HOST, Observer
from tests.live.enclume import Enclume
from tests.live.hypervisors import laboratory
from tests.live.puppet_ca import Identity
from tests.live.server.authority import Authority
from tests.live.service.estate import BASE, dn_of, host, service_dn
from tests.live.slapd import Slapd

T = TypeVar("T")
LATE = 1.5 * nfs.LEASE
"""Seconds without a word after which a client counts as silent; it renews its lease each two thirds of a lease."""
SILENT = 10
"""Seconds after which what the NFS server said is too old; the other node, which waits for dead mounts, has more."""
THRESHOLDS = {
    "mirror_warning": 1,
    "mirror_critical": 2,
    "nfsd_renew_seconds": LATE,
    "hosts": {SERVER: {"observation_seconds": SILENT}},
}


class Site(Struct, frozen=True):
    """The NFS server and its mirror, each with its observer, and the service that both report to."""

    service: Enclume
    slapd: Slapd
    one: Observer
    two: Observer

    @property
    def nodes(self) -> tuple[Node, Node]:
        """The NFS server, which is the mirror's primary; the mirror's secondary, which is the NFS client."""
        return self.one.node, self.two.node

    def report(self) -> None:
        """Both nodes say what they see."""
        self.on_both(Observer.push)

    def on_both(self, what: Callable[[Observer], T]) -> tuple[T, T]:
        """What both observers do at one time: each node has a processor of its own."""
        with ThreadPoolExecutor(2) as pool:
            one, two = pool.map(what, (self.one, self.two))
        return one, two

    def figures(self, metric: str, **labels: str) -> dict[tuple[str, ...], float]:
        """The samples of `/metrics` that have these labels, by the values of their other labels (sorted by name)."""
        return values(self._get("/metrics"), metric, site="larema", **labels)

    def verdicts(self, check: str) -> dict[str, str]:
        """The status of each verdict by its code."""
        return {one["code"]: one["status"] for one in self._verdicts(check)}

    def sentences(self, check: str) -> str:
        """What the verdicts say, a line each."""
        return "\n".join(one["sentence"] for one in self._verdicts(check))

    def state(self, dn: str, attribute: str, *values: str) -> None:
        """Give an entry's attribute these values, none to remove it."""
        lines = "".join(f"{attribute}: {value}\n" for value in values)
        self.slapd.modify(f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{lines}")

    @contextmanager
    def second_in_a_guest(self) -> Iterator[None]:
        """The second node as a guest that requires the first one's data: a hypervisor shows a domain of its name.

        It sends its logs away. In the end what it mounted is gone, and both nodes' addresses
        in LDAP are as they were.
        """
        node, hypervisor = dn_of(MIRROR), "coquille1.lab.test"
        self.two.node.write("/etc/rsyslog.d/far.conf", b"*.* @@10.49.0.54\n")
        with laboratory("coquille1") as (shown,):
            shown.define("nfs2")
            shown.start("nfs2")
            self.slapd.add(host(hypervisor, "hypervisor", f"enclumeLibvirtURI: {shown.uri}"))
            self.state(node, "enclumeKind", "guest")
            self.state(node, "enclumeRequires", service_dn("storage"))
            try:
                yield
            finally:
                self.two.node.run("umount -a -t nfs,nfs4; rm /etc/rsyslog.d/far.conf")
                self.two.push()
                for certname in (SERVER, MIRROR):
                    self.state(dn_of(certname), "ipHostNumber", "10.49.0.9")
                self.state(node, "enclumeRequires")
                self.state(node, "enclumeKind", "physical")
                self.slapd.delete(dn_of(hypervisor))

    def _verdicts(self, check: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._get(f"/verdicts?check={check}"))["verdicts"]
        return found

    def _get(self, path: str) -> str:
        status, body = self.service.get(path)
        assert status == 200, body
        return body.decode()


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """The nodes with their NFS server and their mirror in good order, and a service that has heard of both."""
    authority = Authority(folder / "authority")
    own = authority.issue(HOST, alt_names=("localhost",))
    identity = Identity(own.certificate, own.key, authority.ca, authority.crl)
    with two_nodes() as nodes, Slapd(folder, base=BASE, ldif=LDIF) as slapd:
        nfs.serve(nodes[0])
        drbd.create(*nodes)
        settings = {"directory": {"uri": slapd.uri, "base": BASE}, "thresholds": THRESHOLDS}
        with Enclume(folder / "enclume", identity, settings) as service:
            one, two = (Observer(node, authority, service.port) for node in nodes)
            site = Site(service, slapd, one, two)
            site.report()
            yield site
