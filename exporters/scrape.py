"""What one scrape tells of, beside the texts that are kept."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from msgspec import Struct

from audit.all import Audited
from audit.view import View
from exporters.counts import Counts
from facts.estate import Estate
from facts.source import SourceKey
from facts.upkeep import Freshness

T = TypeVar("T")


class Scrape(Struct, frozen=True, kw_only=True):
    """The verdicts with the view that they were made from, how often making them failed, each source's freshness now,
    what the service counts, and the versions of Enclume and of its libvirt.
    """

    audited: Audited
    freshness: Mapping[SourceKey, Freshness]
    counts: Counts
    version: str
    libvirt: str
    failed_audits: int = 0

    @property
    def estate(self) -> Estate | None:
        """The estate that the verdicts were made from; None before the first."""
        return self.audited.view.situation.now.estate if self.audited.view else None


class Seen(Struct, frozen=True):
    """A scrape whose estate is there, and the one site that is asked for ("" for all). Whoever renders much calls
    `breathe` now and then, so that threads that answer go first.
    """

    scrape: Scrape
    view: View
    estate: Estate
    site: str = ""
    breathe: Callable[[], None] = lambda: None

    def details(self, of: type[T]) -> Iterator[T]:
        """What the groups' checks computed on the way, of one type."""
        for group in self.scrape.audited.groups.values():
            if isinstance(group.judged.details, of):
                yield group.judged.details

    def wants(self, site: str) -> bool:
        """Whether what is at this site is asked for; what is at no site ("") always is."""
        return not self.site or site in ("", self.site)
