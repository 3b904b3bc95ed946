"""Mirrors as their ends together show them.

enclume_drbd_out_of_sync_bytes{site="angers",resource="r0",peer="mirror1",volume="0"} 0
enclume_drbd_split_brain{site="angers",resource="r0"} 0
enclume_drbd_last_in_sync_timestamp_seconds{site="angers",resource="r0"} 1764244800
"""

from collections.abc import Iterable

from audit.mirror_ends import MirrorSeen
from exporters.family import Rendered, gauge
from exporters.scrape import Seen

_OF = ("site", "resource")

BEHIND = gauge("drbd_out_of_sync_bytes", *_OF, "peer", "volume", tells="Bytes that the peer's volume lacks.")
SPLIT = gauge("drbd_split_brain", *_OF, tells="Whether the ends of the mirror went their own ways.")
LAST = gauge("drbd_last_in_sync_timestamp_seconds", *_OF, tells="When the mirror was last seen in sync; 0: never.")

FAMILIES = (BEHIND, SPLIT, LAST)


def lines(seen: Seen) -> Rendered:
    """The samples of each family; whether a mirror is split is not told while no end of it speaks."""
    mirrors = [one for one in seen.details(MirrorSeen) if seen.wants(one.site)]
    return {
        BEHIND: "".join(_behind(mirrors)),
        SPLIT: "".join(SPLIT.line(one.split, one.site, one.resource) for one in mirrors if one.split is not None),
        LAST: "".join(LAST.line(one.last, one.site, one.resource) for one in mirrors),
    }


def _behind(mirrors: Iterable[MirrorSeen]) -> Iterable[str]:
    """What the speaking ends say of their peers; of a peer that two of them speak of, the greater."""
    for mirror in mirrors:
        lacks: dict[tuple[str, int], int] = {}
        for _, end in mirror.speaking:
            for peer in end.peers:
                for volume in peer.volumes:
                    key = peer.name, volume.volume
                    lacks[key] = max(lacks.get(key, 0), volume.out_of_sync_bytes)
        for (peer_name, number), count in sorted(lacks.items()):
            yield BEHIND.line(count, mirror.site, mirror.resource, peer_name, str(number))
