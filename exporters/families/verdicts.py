"""The verdicts: the worst of each check at each site, each that is not ok, and whether they are still made.

enclume_verdict_worst{site="",check="enc"} 0
enclume_verdict{site="angers",check="placement",subject="web.lab.test"} 1
enclume_verdict_code{site="angers",check="placement",subject="web.lab.test",code="double_autostart"} 1
enclume_verdicts_timestamp_seconds 1764244800
enclume_verdicts_failed_total 0
"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from audit.verdict import CODES, Check, Status, Verdict, worst
from exporters.family import Rendered, counter, gauge
from exporters.scrape import Seen

WORST = gauge(
    "verdict_worst",
    "site",
    "check",
    tells="The worst of the check's verdicts there: 0 ok, 1 warning, 2 critical, 3 unknown.",
)
VERDICT = gauge(
    "verdict", "site", "check", "subject", tells="A verdict that is not ok: 1 warning, 2 critical, 3 unknown."
)
CODE = gauge(
    "verdict_code",
    "site",
    "check",
    "subject",
    "code",
    tells="A verdict that is not ok, by the rule that it comes from: 1 warning, 2 critical, 3 unknown.",
)
MADE = gauge("verdicts_timestamp_seconds", tells="When the verdicts were last made.")
FAILED = counter("verdicts_failed_total", tells="How often making the verdicts failed.")

FAMILIES = (WORST, VERDICT, CODE, MADE, FAILED)

Statuses = frozenset[tuple[str, Check, Status]]


class Digest(Struct, frozen=True, gc=False):
    """What the metrics tell of some verdicts: which statuses occur in each check at each site, and what is not ok."""

    statuses: Statuses
    wrong: tuple[tuple[str, Check, str, str, Status], ...]


def digest(verdicts: Iterable[Verdict]) -> Digest:
    """Digest verdicts."""
    given = tuple(verdicts)
    statuses = _same(frozenset((one.site, one.check, one.status) for one in given))
    return Digest(
        statuses,
        tuple((one.site, one.check, one.subject, one.code, one.status) for one in given if one.status != "ok"),
    )


@lru_cache(maxsize=4096)
def _same(statuses: Statuses) -> Statuses:
    """The one object for equal statuses: most hosts of a site share theirs."""
    return statuses


def lines(seen: Seen, digests: Iterable[Digest]) -> Rendered:
    """The samples of each family. Several verdicts of one check on one subject count as the worst of them."""
    found: dict[tuple[str, Check], set[Status]] = {}
    wrong: dict[tuple[str, Check, str], Status] = {}
    codes: dict[tuple[str, Check, str, str], Status] = {}
    for one in digests:
        for site, check, status in one.statuses:
            found.setdefault((site, check), set()).add(status)
        for site, check, subject, code, status in one.wrong:
            if seen.wants(site):
                known = wrong.get((site, check, subject))
                wrong[site, check, subject] = worst((known, status)) if known else status
                codes[site, check, subject, code] = status
    return {
        WORST: "".join(
            WORST.line(CODES[worst(statuses)], site, check)
            for (site, check), statuses in sorted(found.items())
            if seen.wants(site)
        ),
        # Not sorted: of many that would keep the interpreter from those who answer.
        VERDICT: "".join(VERDICT.line(CODES[status], *labels) for labels, status in wrong.items()),
        CODE: "".join(CODE.line(CODES[status], *labels) for labels, status in codes.items()),
        MADE: MADE.line(seen.view.at),
        FAILED: FAILED.line(seen.scrape.failed_audits),
    }
