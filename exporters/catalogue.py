"""The catalogue: every metric that there is, in the order of an exposition."""

from collections.abc import Callable

from audit.picture import Picture
from exporters import counts
from exporters.around import Around
from exporters.families import (
    backups,
    capacity,
    drbd,
    layers,
    legacy,
    mirrors,
    nfs_client,
    nfsd,
    observations,
    placement,
    pools,
    puppet,
    service,
    statistics,
    verdicts,
)
from exporters.family import Family, Rendered
from exporters.scrape import Seen

RenderHost = Callable[[Picture, Around], tuple[str, ...]]
"""The samples of one host, one text for each family of the module."""

RenderNow = Callable[[Seen], Rendered]
"""The samples of what is rendered at each scrape."""

NOW: tuple[tuple[tuple[Family, ...], RenderNow], ...] = (
    (service.FAMILIES, service.lines),
    (statistics.FAMILIES, statistics.lines),
    (capacity.FAMILIES, capacity.lines),
    (layers.FAMILIES, layers.lines),
    (pools.FAMILIES, pools.lines),
    (mirrors.FAMILIES, mirrors.lines),
)
HOSTS: tuple[tuple[tuple[Family, ...], RenderHost], ...] = (
    (placement.FAMILIES, placement.render),
    (backups.FAMILIES, backups.render),
    (nfsd.FAMILIES, nfsd.render),
    (nfs_client.FAMILIES, nfs_client.render),
    (drbd.FAMILIES, drbd.render),
    (puppet.FAMILIES, puppet.render),
    (observations.FAMILIES, observations.render),
)
LEGACY: tuple[tuple[tuple[Family, ...], RenderHost], ...] = ((legacy.FAMILIES, legacy.render),)

CATALOGUE: tuple[Family, ...] = (
    *counts.FAMILIES,
    *verdicts.FAMILIES,
    *(family for families, _ in NOW for family in families),
    *(family for families, _ in (*HOSTS, *LEGACY) for family in families),
)
