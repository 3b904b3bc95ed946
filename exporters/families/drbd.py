"""Mirrors as each of their nodes sees them, in DRBD's own words.

enclume_drbd_connected{site="angers",resource="r0",node="nfs1.lab.test",peer="mirror1"} 1
enclume_drbd_connection_state{site="angers",resource="r0",node="nfs1.lab.test",peer="mirror1",state="Connected"} 1
enclume_drbd_role{site="angers",resource="r0",node="nfs1.lab.test",state="Primary"} 1
enclume_drbd_disk_state{site="angers",resource="r0",node="nfs1.lab.test",volume="0",state="UpToDate"} 1
"""

from audit.picture import Picture
from exporters.around import Around
from exporters.family import gauge
from facts.observations import Mirror

_OF = ("site", "resource", "node")

CONNECTED = gauge("drbd_connected", *_OF, "peer", tells="Whether the node's mirror is connected to its peer.")
CONNECTION = gauge("drbd_connection_state", *_OF, "peer", "state", tells="The state of the connection to the peer.")
ROLE = gauge("drbd_role", *_OF, "state", tells="The node's own role in the mirror: Primary or Secondary.")
DISK = gauge("drbd_disk_state", *_OF, "volume", "state", tells="The state of the node's own disk of the mirror.")

FAMILIES = (CONNECTED, CONNECTION, ROLE, DISK)
NOTHING = ("",) * len(FAMILIES)


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a host, by family; none of one that has no mirror."""
    mirrors = picture.own.kinds.mirrors if picture.own else None
    if not mirrors:
        return NOTHING
    lines = [_lines(one, (picture.site, one.resource, picture.name)) for one in mirrors]
    return tuple("".join(family) for family in zip(*lines, strict=True))


def _lines(mirror: Mirror, of: tuple[str, str, str]) -> tuple[str, ...]:
    return (
        "".join(CONNECTED.line(peer.connection == "Connected", *of, peer.name) for peer in mirror.peers),
        "".join(CONNECTION.line(1, *of, peer.name, peer.connection) for peer in mirror.peers),
        ROLE.line(1, *of, mirror.role),
        "".join(DISK.line(1, *of, str(volume.volume), volume.disk) for volume in mirror.volumes),
    )
