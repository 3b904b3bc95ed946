"""What hosts do as NFS clients: /proc/net/rpc/nfs, as their own observers read it.

enclume_nfs_client_calls_total{site="angers",host="kvm1.lab.test"} 5000
enclume_nfs_client_retransmissions_total{site="angers",host="kvm1.lab.test"} 2
"""

from audit.picture import Picture
from exporters.around import Around
from exporters.family import counter

_OF = ("site", "host")

CALLS = counter("nfs_client_calls_total", *_OF, tells="Calls that the host's NFS client made.")
AGAIN = counter(
    "nfs_client_retransmissions_total", *_OF, tells="Calls that the host's NFS client sent again without an answer."
)

FAMILIES = (CALLS, AGAIN)
NOTHING = ("",) * len(FAMILIES)


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a host, by family; none of one that has no NFS client, nor of a guest, whose samples are counted:
    its node_exporter has the same figures.
    """
    client = picture.own.kinds.nfs if picture.own else None
    if client is None or picture.node.kind == "guest":
        return NOTHING
    of = (picture.site, picture.name)
    return CALLS.line(client.calls, *of), AGAIN.line(client.retransmissions, *of)
