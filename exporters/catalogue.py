"""The catalogue: every metric that there is, in the order of an exposition."""

from collections.abc import Callable

from audit.picture import Picture
from exporters import counts
from exporters.around import Around
from exporters.families import drbd, legacy, nfsd, observations, placement, puppet, service, verdicts
from exporters.family import Family

RenderHost = Callable[[Picture, Around], tuple[str, ...]]
"""The samples of one host, one text for each family of the module."""

HOSTS: tuple[tuple[tuple[Family, ...], RenderHost], ...] = (
    (placement.FAMILIES, placement.render),
    (nfsd.FAMILIES, nfsd.render),
    (drbd.FAMILIES, drbd.render),
    (puppet.FAMILIES, puppet.render),
    (observations.FAMILIES, observations.render),
)
LEGACY: tuple[tuple[tuple[Family, ...], RenderHost], ...] = ((legacy.FAMILIES, legacy.render),)

CATALOGUE: tuple[Family, ...] = (
    *service.FAMILIES,
    *counts.FAMILIES,
    *verdicts.FAMILIES,
    *(family for families, _ in (*HOSTS, *LEGACY) for family in families),
)
