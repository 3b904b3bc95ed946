"""What hosts were observed to use: by what they say of themselves, and by the disks that libvirt shows."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from audit.addressed import Addressed
from audit.declared_uses import part_of
from audit.needs import EFFECTS, Need, Origin, Outside, Part, takes_all
from facts.estate import Estate, Node
from facts.observations import Kinds, Used
from facts.observatory import HostSeen


class Uses(Struct, frozen=True):
    """What a host was seen to use: `used`, as it says itself, and the servers where libvirt shows its guests' `disks`.

    `whole`: it uses nothing else, since its observer could read everything. `heard`: it said what it uses, and not only
    what it mounts.
    """

    used: tuple[Used, ...] = ()
    disks: tuple[str, ...] = ()
    whole: bool = False
    heard: bool = False


def uses_of(estate: Estate, node: Node, seen: HostSeen | None) -> Uses:
    """What a host uses: what its observer says, its NFS mounts, and the servers of its guests' disks."""
    disks = estate.fleet.servers.get(node.host.name, ())
    kinds = seen.kinds if seen else Kinds()
    if seen is None or (kinds.uses is None and kinds.mounts is None):
        return Uses(disks=disks)
    mounts = tuple(Used("nfs", mount.server, source=mount.path) for mount in kinds.mounts or ())
    heard = kinds.uses is not None
    return Uses((*(kinds.uses or ()), *mounts), disks, whole=heard and not seen.problems, heard=heard)


def names_in(uses: Iterable[Uses]) -> Iterator[str]:
    """Every name and address in them."""
    for one in uses:
        yield from one.disks
        for used in one.used:
            yield used.name
            yield from used.addresses


def observed_needs(node: Node, uses: Uses, addressed: Addressed) -> tuple[list[Need], list[Outside]]:
    """The needs that a host was seen to have, one for each kind of use, and what it uses outside of the estate."""
    by_kind: dict[tuple[str, Origin], list[Used]] = {}
    for used in uses.used:
        by_kind.setdefault((used.what, "observed"), []).append(used)
    if uses.disks:
        by_kind["pool", "libvirt"] = [Used("pool", server, source="libvirt") for server in uses.disks]
    needs, outside = [], []
    for (what, origin), several in by_kind.items():
        providers: dict[Part, str] = {}
        elsewhere = False
        for used in several:
            meant = addressed.meant(node, used.name, used.addresses)
            if not meant:
                outside.append(Outside(node.host.name, what, used.name, used.addresses, used.source))
            elsewhere = elsewhere or not meant or node in meant
            for provider in meant:
                if provider is not node:
                    providers.setdefault(serving(provider, what), used.source)
        if providers:
            needs.append(_need(what, origin, providers, elsewhere=elsewhere))
    return needs, outside


def _need(what: str, origin: Origin, providers: dict[Part, str], *, elsewhere: bool) -> Need:
    where = ", ".join(sorted({source for source in providers.values() if source}))
    return Need(
        what=what,
        effect=EFFECTS[what],
        providers=tuple(sorted(providers)),
        origin=origin,
        where="its guests' disks, as libvirt shows them" if origin == "libvirt" else where,
        all_of=takes_all((what,)),
        elsewhere=elsewhere,
        together=what == "mirror",
    )


def serving(node: Node, what: str) -> Part:
    """The service of a host that gives this, else the host."""
    kind = "nfs" if what == "pool" else what
    serving = next((service for service in node.services if kind in service.provides), None)
    return part_of(node.host.name, serving) if serving else Part(node.host.name)
