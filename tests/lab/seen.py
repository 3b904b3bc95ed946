"""What the nodes show of NFS and of their mirror, and how a mirror looks in good order or without its peer."""

from facts.observations import Mirror, Mount, NfsServer, Peer, PeerVolume, Volume
from tests.lab.nodes import Node
from tests.lab.observer import Observer
from tests.lab.site import Site


def served(site: Site) -> NfsServer:
    """What the server counts."""
    seen = site.one.see("nfsd").nfsd
    assert seen is not None
    return seen


def used(site: Site, path: str) -> Mount:
    """What the client counts of a mount."""
    (found,) = [mount for mount in site.two.see("mounts").mounts or () if mount.path == path]
    assert (found.server, found.path) == (site.one.node.name, path)
    return found


def mirrors(site: Site) -> tuple[Mirror, ...]:
    """The pair, as each of its nodes sees it."""
    return site.on_both(mirror)


def mirror(observer: Observer) -> Mirror:
    (found,) = observer.see("mirrors").mirrors or ()
    return found


def in_sync(one: Node, two: Node) -> tuple[Mirror, ...]:
    """A mirror in good order."""
    roles = (("Primary", two, "Secondary"), ("Secondary", one, "Primary"))
    volume = PeerVolume(0, "UpToDate", "Established")
    return tuple(
        Mirror("r0", role, (Volume(0, "UpToDate", 0),), (Peer(peer.name, "Connected", peers, (volume,)),))
        for role, peer, peers in roles
    )


def alone(role: str, peer: Node, connection: str, out_of_sync: int) -> Mirror:
    """A mirror's end whose peer is not heard."""
    there = Peer(peer.name, connection, "Unknown", (PeerVolume(0, "DUnknown", "Off", out_of_sync),))
    return Mirror("r0", role, (Volume(0, "UpToDate", 0),), (there,))


def connected(site: Site) -> dict[tuple[str, ...], float]:
    """Whether each node is connected to its peer, by both names."""
    return site.figures("drbd_connected", resource="r0")


def behind(site: Site) -> dict[tuple[str, ...], float]:
    """How many bytes each peer's volume lacks."""
    return site.figures("drbd_out_of_sync_bytes", resource="r0")
