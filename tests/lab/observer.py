"""`enclume-observe` on a node of the lab, with the certificate that Puppet would have given it there."""

from pathlib import Path

import msgspec

from facts.observations import Kinds, Observed
from tests.lab.nodes import Node
from tests.live.server.authority import Authority

PROGRAM = Path(__file__).resolve().parents[2] / "facts/observer/enclume-observe"
SSL = "/etc/puppetlabs/puppet/ssl"
HOST = "enclume.lab.test"
"""What a node calls the machine that runs the tests: 10.0.2.2, which is that one's loopback address."""


class Observer:
    """Installed on the node; it speaks to the service that listens on `port` of this machine's loopback address."""

    def __init__(self, node: Node, authority: Authority, port: int) -> None:
        self.node = node
        identity = authority.issue(node.name)
        node.write(f"{SSL}/certs/{node.name}.pem", identity.certificate.read_bytes())
        node.write(f"{SSL}/private_keys/{node.name}.pem", identity.key.read_bytes(), "600")
        node.write(f"{SSL}/certs/ca.pem", authority.ca.read_bytes())
        node.write(f"{SSL}/crl.pem", authority.crl.read_bytes())
        settings = f"[observe]\nurl = https://{HOST}:{port}\ncrl = {SSL}/crl.pem\n"
        node.write("/etc/enclume/observe.conf", settings.encode())
        node.write("/usr/local/bin/enclume-observe", PROGRAM.read_bytes(), "755")
        # No name server is reached, so Debian's mirror would be a name that cannot be resolved.
        node.write("/etc/apt/sources.list", b"")

    def see(self, kind: str) -> Kinds:
        """What it would send of one kind now."""
        document = msgspec.json.decode(self.node.run(f"enclume-observe --print --only {kind}"), type=Observed)
        assert document.certname == self.node.name
        assert document.problems == ()
        return document.kinds

    def push(self, *kinds: str) -> None:
        """Send what it sees now, of these kinds alone or of all; an error unless the service takes all of it."""
        self.node.run(" ".join(["enclume-observe", *(f"--only {kind}" for kind in kinds)]))

    def processes(self) -> list[str]:
        """The processes of its runs that there are; a pattern that does not match itself finds none of its own."""
        return self.node.run("grep -lz 'enclume-[o]bserve' /proc/[0-9]*/cmdline || true").split()
