"""The ends of a mirror: a DRBD resource as its hosts see it, and what they say together.

The words are DRBD's, of 8.4 and 9 (`facts.observations.Mirror`).
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from audit.situation import Situation
from audit.voices import Voice
from facts.certname import short_name
from facts.observations import Mirror, Peer
from facts.observatory import Synced

_BOTH = 2


class End(Struct, frozen=True):
    """A host that is an end of a mirror: whether it speaks, what it last said, None where it showed none, and what is
    remembered of that.
    """

    voice: Voice
    mirror: Mirror | None = None
    synced: Synced | None = None


class MirrorSeen(Struct, frozen=True):
    """A resource at a site, and all that is known of it: the `details` of its group.

    `ends` are the hosts that show it, and those that did or should; `behind`: bytes that differ, as the end that knows
    of more says; `last`: when it was last seen in sync, 0 for never; `since`: when it was first seen (seconds since the
    epoch). `in_sync` and `split` (whether it is a split brain) are None while no end that shows it speaks.
    """

    site: str
    resource: str
    ends: tuple[End, ...]
    behind: int = 0
    last: float = 0.0
    since: float = 0.0
    in_sync: bool | None = None
    split: bool | None = None

    @property
    def speaking(self) -> tuple[tuple[str, Mirror], ...]:
        """The ends that speak and show it, by certname, with what they say."""
        return tuple((end.voice.name, end.mirror) for end in self.ends if end.mirror and not end.voice.silent)


def shown(situation: Situation, name: str) -> tuple[Mirror, ...]:
    seen = situation.observations.get(name)
    return (seen.kinds.mirrors or ()) if seen else ()


def known(situation: Situation, name: str) -> Mapping[str, Synced]:
    """The mirrors that a host shows, or lately did, by resource."""
    seen = situation.observations.get(name)
    return seen.synced if seen else {}


def ends_of(situation: Situation, voices: Mapping[str, Voice], resource: str) -> Iterator[End]:
    """The ends of a resource: the hosts that show it; and where these know of more ends, those that should show it, or
    did. Of one that nobody shows any more, those that did.
    """
    mirrors: list[Mirror] = []
    absent: list[str] = []
    for name, speaks in voices.items():
        mirror = next((one for one in shown(situation, name) if one.resource == resource), None)
        if mirror is None:
            absent.append(name)
        else:
            mirrors.append(mirror)
            yield End(speaks, mirror, known(situation, name).get(resource))
    if len(mirrors) > max([1, *(len(mirror.peers) for mirror in mirrors)]):
        return
    peers = {peer.name.lower() for mirror in mirrors for peer in mirror.peers}
    named = [name for name in absent if name in peers or short_name(name) in peers]
    did = [name for name in absent if resource in known(situation, name)]
    should = named or did or [name for name in absent if not shown(situation, name)]
    yield from (End(voices[name], None, known(situation, name).get(resource)) for name in should)


def told(site: str, resource: str, ends: tuple[End, ...]) -> MirrorSeen:
    """What all ends together say."""
    seen = MirrorSeen(site, resource, ends)
    mirrors = [mirror for _, mirror in seen.speaking]
    synced = [end.synced for end in ends if end.synced]
    return replace(
        seen,
        behind=_behind(mirrors),
        last=max((one.last for one in synced), default=0.0),
        since=min((one.since for one in synced), default=0.0),
        in_sync=all(mirror.in_sync for mirror in mirrors) if mirrors else None,
        split=_is_split(mirrors) if mirrors else None,
    )


def _behind(mirrors: Iterable[Mirror]) -> int:
    """Bytes that differ: of each volume what the end says that knows of more."""
    most: dict[int, int] = {}
    for mirror in mirrors:
        for volume in (one for peer in mirror.peers for one in peer.volumes):
            most[volume.volume] = max(most.get(volume.volume, 0), volume.out_of_sync_bytes)
    return sum(most.values())


def _is_split(mirrors: list[Mirror]) -> bool:
    """Whether both ends went their own ways: each stands alone, or each is primary without the other; or DRBD says so
    itself.
    """
    connections = [[peer.connection for peer in mirror.peers] for mirror in mirrors]
    alone = [mirror for mirror, states in zip(mirrors, connections, strict=True) if "StandAlone" in states]
    primary = [mirror for mirror in mirrors if mirror.role == "Primary"]
    apart = all("Connected" not in states for states in connections)
    said = any("split" in state.lower() for states in connections for state in states)
    return said or _BOTH in (len(alone), len(primary) if apart else 0)


def state(seen: MirrorSeen) -> str:
    """Each end's own words."""
    said = []
    for name, mirror in seen.speaking:
        disks = "/".join(sorted({volume.disk for volume in mirror.volumes})) or "without volumes"
        states = sorted({_connection(peer) for peer in mirror.peers})
        said.append(f"{name} {mirror.role}, {disks}, {'/'.join(states) or 'without peers'}")
    return "; ".join(said)


def _connection(peer: Peer) -> str:
    """Connected, or what a connected peer is just doing (SyncSource…), or why it is not connected."""
    doing = {volume.replication for volume in peer.volumes} - {"", "Off", "Established"}
    return "/".join(sorted(doing)) if doing and peer.connection == "Connected" else peer.connection


def primaries(seen: MirrorSeen) -> list[str]:
    """The ends that are primary: by their own words, and by the speaking ones' of a silent peer."""
    found = [name for name, mirror in seen.speaking if mirror.role == "Primary"]
    if len(seen.speaking) == 1:
        ((_, mirror),) = seen.speaking
        found += [peer.name for peer in mirror.peers if peer.role == "Primary"]
    return found


def roles_known(seen: MirrorSeen) -> bool:
    """Whether every end's role is known: all speak, or the one that does sees its peers'."""
    peers = [peer for _, mirror in seen.speaking for peer in mirror.peers]
    return len(seen.speaking) > 1 or (bool(peers) and all(peer.role == "Secondary" for peer in peers))
