"""The exposition: all that Prometheus is told at a scrape, in pieces.

The samples of each host are kept as text, by family, and joined; what changes from one scrape to the next is rendered
then. Threads that answer Puppet go first: whoever scrapes waits a little at every few hosts, and between two pieces.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from exporters.around import around
from exporters.catalogue import HOSTS, LEGACY, NOW
from exporters.families import strays, verdicts
from exporters.family import Family, Rendered
from exporters.scrape import Scrape, Seen
from exporters.texts import HostText, Texts

_REST = 0.001
_HOSTS_IN_A_PIECE = 1000


class Exposition:
    """Tells what is. Safe for all threads: one renders while the others wait, and then use the same texts."""

    def __init__(self, *, legacy_names: bool = False, breathe: Callable[[], None] | None = None) -> None:
        self._texts = Texts((*HOSTS, *LEGACY) if legacy_names else HOSTS)
        self._breathe = breathe or _rest
        self._lock = threading.Lock()

    def pieces(self, scrape: Scrape, site: str = "") -> Iterator[bytes] | None:
        """The whole exposition, of one site if that is given; None before there are verdicts.

        What is at no site, the service itself above all, is told to everybody.
        """
        view, estate = scrape.audited.view, scrape.estate
        if view is None or estate is None:
            return None
        surroundings = around(view, estate)
        with self._lock:
            self._texts.refresh(scrape.audited, surroundings, self._breathe)
            hosts = tuple(self._texts.hosts.values())
        seen = Seen(scrape, view, estate, site, self._breathe)
        if site:
            hosts = tuple(one for one in hosts if seen.wants(one.picture.site))
        return self._joined(seen, hosts, strays.lines(seen, surroundings))

    def _joined(self, seen: Seen, hosts: tuple[HostText, ...], more: Rendered) -> Iterator[bytes]:
        groups = (verdicts.digest(group.judged.verdicts) for group in seen.scrape.audited.groups.values())
        told = verdicts.lines(seen, chain(groups, (one.digest for one in hosts)))
        for rendered in chain((seen.scrape.counts.lines(), told), (lines(seen) for _, lines in NOW)):
            for family, text in rendered.items():
                yield from _with_header(family, (text.encode("utf-8", "replace"),))
        for number, family in enumerate(self._texts.families):
            of_no_host = more.get(family, "").encode("utf-8", "replace")
            yield from _with_header(family, chain(self._of_hosts(number, hosts), (of_no_host,)))

    def _of_hosts(self, number: int, hosts: tuple[HostText, ...]) -> Iterable[bytes]:
        for start in range(0, len(hosts), _HOSTS_IN_A_PIECE):
            yield b"".join([one.texts[number] for one in hosts[start : start + _HOSTS_IN_A_PIECE]])
            self._breathe()


def _with_header(family: Family, texts: Iterable[bytes]) -> Iterator[bytes]:
    """The samples of a family below its header; nothing of a family without samples."""
    headed = False
    for text in texts:
        if text:
            yield text if headed else family.header + text
            headed = True


def _rest() -> None:
    """Let the threads that answer go first."""
    time.sleep(_REST)
