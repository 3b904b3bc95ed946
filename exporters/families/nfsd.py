"""What NFS servers do: /proc/net/rpc/nfsd and /proc/fs/nfsd, as their own observers read them.

enclume_nfsd_threads{site="angers",server="nfs1.lab.test"} 8
enclume_nfsd_clients{site="angers",server="nfs1.lab.test",status="confirmed"} 1
enclume_nfsd_client_last_renew_seconds{site="angers",server="nfs1.lab.test",client="10.1.0.1"} 12
enclume_nfsd_requests_total{site="angers",server="nfs1.lab.test",operation="read"} 3000
enclume_nfsd_read_bytes_total{site="angers",server="nfs1.lab.test"} 1000000000
enclume_nfsd_written_bytes_total{site="angers",server="nfs1.lab.test"} 100000000
enclume_nfsd_reply_cache_hits_total{site="angers",server="nfs1.lab.test"} 3
enclume_nfsd_sockets_enqueued_total{site="angers",server="nfs1.lab.test",pool="0"} 4000
enclume_nfsd_threads_woken_total{site="angers",server="nfs1.lab.test",pool="0"} 3900
enclume_nfsd_packets_arrived_total{site="angers",server="nfs1.lab.test",pool="0"} 4000
"""

from collections import Counter
from math import inf

from audit.picture import Picture
from exporters.around import Around
from exporters.family import counter, gauge
from facts.observations import Client, NfsServer

_OF = ("site", "server")

THREADS = gauge("nfsd_threads", *_OF, tells="Threads of the NFS server.")
CLIENTS = gauge("nfsd_clients", *_OF, "status", tells="NFSv4 clients of the server by status.")
RENEWED = gauge(
    "nfsd_client_last_renew_seconds", *_OF, "client", tells="Seconds since the NFSv4 client last renewed its lease."
)
REQUESTS = counter("nfsd_requests_total", *_OF, "operation", tells="Requests that the NFS server answered.")
READ = counter("nfsd_read_bytes_total", *_OF, tells="Bytes that clients read from the NFS server.")
WRITTEN = counter("nfsd_written_bytes_total", *_OF, tells="Bytes that clients wrote to the NFS server.")
HITS = counter(
    "nfsd_reply_cache_hits_total", *_OF, tells="Requests that clients sent again and whose reply was still cached."
)
ENQUEUED = counter(
    "nfsd_sockets_enqueued_total", *_OF, "pool", tells="Times that a request waited for a thread of the NFS server."
)
WOKEN = counter(
    "nfsd_threads_woken_total", *_OF, "pool", tells="Times that a request woke an idle thread of the NFS server."
)
ARRIVED = counter("nfsd_packets_arrived_total", *_OF, "pool", tells="Packets that arrived for the NFS server.")

FAMILIES = (THREADS, CLIENTS, RENEWED, REQUESTS, READ, WRITTEN, HITS, ENQUEUED, WOKEN, ARRIVED)
NOTHING = ("",) * len(FAMILIES)


def render(picture: Picture, _around: Around) -> tuple[str, ...]:
    """The samples of a host, by family; none of one that is no NFS server, and no thread of one that should be."""
    nfsd, of = picture.own.kinds.nfsd if picture.own else None, (picture.site, picture.name)
    if nfsd is None:
        return (THREADS.line(0, *of), *NOTHING[1:]) if _is_down(picture) else NOTHING
    return (
        THREADS.line(nfsd.threads, *of),
        _clients(nfsd, of),
        _renewed(nfsd.clients, of),
        "".join(REQUESTS.line(count, *of, operation) for operation, count in sorted(nfsd.requests.items())),
        READ.line(nfsd.read_bytes, *of),
        WRITTEN.line(nfsd.written_bytes, *of),
        HITS.line(nfsd.reply_cache_hits, *of),
        "".join(ENQUEUED.line(pool.sockets_enqueued, *of, pool.pool) for pool in nfsd.pools),
        "".join(WOKEN.line(one.threads_woken, *of, one.pool) for one in nfsd.pools if one.threads_woken is not None),
        "".join(ARRIVED.line(pool.packets_arrived, *of, pool.pool) for pool in nfsd.pools),
    )


def _is_down(picture: Picture) -> bool:
    """Whether a host was looked at that provides nfs, and is no NFS server."""
    looked = picture.own is not None and "nfsd" in picture.own.absent
    return looked and any("nfs" in service.provides for service in picture.node.services)


def _clients(nfsd: NfsServer, of: tuple[str, str]) -> str:
    by_status = Counter(client.status for client in nfsd.clients)
    return "".join(CLIENTS.line(count, *of, status) for status, count in sorted(by_status.items()))


def _renewed(clients: tuple[Client, ...], of: tuple[str, str]) -> str:
    """One sample an address: of several clients there, the one that was heard last. A client that came back after a
    restart is a new one, beside which the kernel keeps the old one for a while.
    """
    ages: dict[str, float] = {}
    for client in clients:
        if client.renew_age is not None:
            ages[client.address] = min(client.renew_age, ages.get(client.address, inf))
    return "".join(RENEWED.line(age, *of, address) for address, age in sorted(ages.items()))
