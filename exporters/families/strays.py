"""Domains that nobody declared, in the families of the guests: under their own names, with the problem `unmanaged`."""

from collections.abc import Iterator

from audit.strays import strays
from exporters.around import Around
from exporters.families import placement
from exporters.family import Family
from exporters.scrape import Seen
from facts.fleet import Found

_UNMANAGED = frozenset({"unmanaged"})


def lines(seen: Seen, around: Around) -> dict[Family, str]:
    """The samples of each family of `placement`."""
    told = [placement.told(subject, around) for subject in _subjects(seen)]
    return {family: "".join(texts) for family, texts in zip(placement.FAMILIES, zip(*told, strict=True), strict=False)}


def _subjects(seen: Seen) -> Iterator[placement.Subject]:
    unreadable = seen.estate.unreadable
    for (site, name), found in strays(seen.view).items():
        if seen.wants(site):
            blind = tuple(sorted({one.hypervisor for one in found} & unreadable))
            yield placement.Subject(
                site=site,
                name=_name(seen, site, name, found),
                uuid=found[0].domain.uuid,
                copies=found,
                blind=blind,
                unknown=bool(blind),
                problems=_UNMANAGED,
            )


def _name(seen: Seen, site: str, name: str, found: tuple[Found, ...]) -> str:
    """Its own name, unless a guest there has that as its certname."""
    taken = seen.view.pictures.by_host.get(name)
    return found[0].domain.uuid if taken is not None and taken.site == site else name
