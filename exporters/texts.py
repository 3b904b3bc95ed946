"""The texts that are kept: every host's samples by family, rendered again only when something of the host changed."""

from collections.abc import Callable, Sequence
from itertools import chain

from msgspec import Struct

from audit.all import Audited
from audit.picture import Picture
from audit.verdict import Judged
from exporters.around import Around
from exporters.catalogue import RenderHost
from exporters.families.verdicts import Digest, digest
from exporters.family import Family

Modules = Sequence[tuple[tuple[Family, ...], RenderHost]]

_BREATH = 40
"""Hosts that are rendered between two breaths."""


class HostText(Struct, frozen=True, gc=False):
    """A host's samples, one text for each family, what they were made from, and a digest of its verdicts. Nothing of it
    leads back to it, so that the garbage collector need not look.
    """

    picture: Picture
    judged: Judged
    texts: tuple[bytes, ...]
    digest: Digest


class Texts:
    """Keeps the text of every host. Not safe for several threads at once."""

    def __init__(self, modules: Modules) -> None:
        self.families = tuple(chain.from_iterable(families for families, _ in modules))
        self._renderers = tuple(render for _, render in modules)
        self._around: Around | None = None
        self.hosts: dict[str, HostText] = {}

    def refresh(self, audited: Audited, around: Around, breathe: Callable[[], None]) -> None:
        """Make the texts those of `audited`; a host that is gone takes its text along."""
        # What is replaced goes at once, so that two texts of every host are never kept.
        known = self.hosts if around == self._around else {}
        self.hosts, hosts, rendered = {}, {}, 0
        for certname, host in audited.hosts.items():
            before = known.pop(certname, None)
            if before is not None and before.picture is host.picture and before.judged is host.judged:
                hosts[certname] = before
                continue
            texts = before.texts if before is not None and before.picture is host.picture else None
            made = digest(host.judged.verdicts)
            hosts[certname] = HostText(host.picture, host.judged, texts or self._render(host.picture, around), made)
            rendered += 1
            if rendered % _BREATH == 0:
                breathe()
        self.hosts, self._around = hosts, around

    def _render(self, picture: Picture, around: Around) -> tuple[bytes, ...]:
        lines = chain.from_iterable(render(picture, around) for render in self._renderers)
        return tuple([text.encode("utf-8", "replace") for text in lines])
