"""Now: the one frozen value that readers take."""

from msgspec import Struct

from facts.certname import short_name
from facts.estate import Estate
from facts.findings import Finding
from facts.join import Seen
from generation.build import NOTHING, Classification
from generation.generation import NONE, Generation


class Now(Struct, frozen=True):
    """What was seen and the estate made of it (None until then), each node's classification, and the generation that
    is served; `findings` is everything that is wrong with what was stated, sorted.
    """

    generation: Generation = NONE
    seen: Seen | None = None
    estate: Estate | None = None
    classification: Classification = NOTHING
    findings: tuple[Finding, ...] = ()

    def name_of(self, certname: str, *, legacy: bool) -> str:
        """The name that a certname's answer stands under; an old directory also knows short names and `default`."""
        names = (certname, short_name(certname), "default") if legacy else ()
        # A node that has no answer yet is there all the same: `default` is not for it.
        known = (self.generation.answers, self.classification.results)
        return next((name for name in names if any(name in there for there in known)), certname)


def now(generation: Generation, seen: Seen, estate: Estate, classification: Classification) -> Now:
    """Everything of one instant, with all that is wrong in it."""
    findings = tuple(sorted({*estate.findings, *classification.findings}))
    return Now(generation, seen, estate, classification, findings)
