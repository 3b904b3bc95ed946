"""Placement: does each guest run once, where it should, with its copy where that should be?

Principle 3: every guest is present on two hypervisors, in production on one, in backup on the other. What hypervisors
that cannot be read may hold is *unknown*, never *not there*.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from audit import placement_rules as rules
from audit.picture import Picture
from audit.standing import Standing, hypervisor_source, standing, where
from audit.verdict import NOTHING, Judged, Measure, Status, Verdict
from facts.estate import Intent
from facts.source import SourceKey
from settings.thresholds import Thresholds

PROBLEMS: tuple[str, ...] = (
    "split_brain",
    "not_running",
    "runs_unintended",
    "wrong_hypervisor",
    "missing_backup_copy",
    "backup_copy_running",
    "definition_drift",
    "unmanaged",
    "no_domain",
    "paused_io_error",
    "shared_disk",
    "double_autostart",
)
"""The problems that the metrics list for each guest; `unmanaged` is said of domains without an entry alone."""

_NO_PROBLEM: frozenset[str] = frozenset()


class _Rule(NamedTuple):
    """A rule: what it says of a guest ("" for nothing), how bad that is, for which intent it is critical, and whether
    it is one of `PROBLEMS`.
    """

    code: str
    status: Status
    says: Callable[[Standing], str]
    critical_for: Intent | None = None
    problem: bool = True


_RULES = (
    _Rule(code="split_brain", status="critical", says=rules.split_brain),
    _Rule(code="not_running", status="critical", says=rules.not_running),
    _Rule(code="runs_unintended", status="warning", says=rules.runs_unintended, critical_for="retired"),
    _Rule(code="wrong_hypervisor", status="warning", says=rules.wrong_hypervisor),
    _Rule(code="missing_backup_copy", status="warning", says=rules.missing_backup_copy),
    _Rule(code="backup_copy_running", status="warning", says=rules.backup_copy_running),
    _Rule(code="definition_drift", status="warning", says=rules.definition_drift),
    _Rule(code="no_domain", status="warning", says=rules.no_domain, critical_for="running"),
    _Rule(code="paused_io_error", status="critical", says=rules.paused_io_error),
    _Rule(code="paused", status="warning", says=rules.paused, problem=False),
    _Rule(code="stuck", status="critical", says=rules.stuck, problem=False),
    _Rule(code="shared_disk", status="critical", says=rules.shared_disk),
    _Rule(code="double_autostart", status="warning", says=rules.double_autostart),
    _Rule(code="placement_unknown", status="unknown", says=rules.unknown, problem=False),
)


def problems(picture: Picture) -> frozenset[str]:
    """Which of `PROBLEMS` a guest has, as far as can be known. Each for itself: a guest that runs on its backup
    hypervisor has both `wrong_hypervisor` and `backup_copy_running`.
    """
    if picture.node.kind != "guest":
        return _NO_PROBLEM
    stands = standing(picture)
    found = [rule.code for rule in _RULES if rule.problem and rule.says(stands)]
    return frozenset(found) if found else _NO_PROBLEM


def placement_unknown(picture: Picture) -> bool:
    """Whether a guest may be, or run, where nobody can look."""
    return picture.node.kind == "guest" and standing(picture).unknown


def judge(picture: Picture, _thresholds: Thresholds, _at: float) -> Judged:
    """The verdicts on one guest; none on other hosts. Of several problems that are one, the plainest is said."""
    if picture.node.kind != "guest":
        return NOTHING
    stands = standing(picture)
    found = {rule.code: (rule, said) for rule in _RULES if (said := rule.says(stands))}
    if not found:
        return Judged((_fine(stands),))
    for code in _said_already(found, stands):
        del found[code]
    return Judged(tuple(_wrong(stands, rule, said) for rule, said in found.values()))


def _said_already(found: Mapping[str, object], stands: Standing) -> set[str]:
    """What another verdict says already: the same guest, the same cause, the same thing to do."""
    already = set()
    if "no_domain" in found:
        already.add("not_running")
    if "backup_copy_running" in found:
        backup = stands.picture.backup or ""
        copy, reach = stands.on(backup), stands.picture.reach(backup)
        moved = "wrong_hypervisor" in found and copy is not None and any(map(reach.is_own, copy.disks))
        already.add("wrong_hypervisor" if moved else "backup_copy_running")
    return already & found.keys()


def _wrong(stands: Standing, rule: _Rule, sentence: str) -> Verdict:
    picture = stands.picture
    return Verdict(
        check="placement",
        code=rule.code,
        subject=picture.name,
        site=picture.site,
        status="critical" if rule.critical_for == stands.intent else rule.status,
        sentence=sentence,
        host=picture.name,
        measures=_measures(stands),
        sources=_sources(picture),
    )


def _fine(stands: Standing) -> Verdict:
    picture, running = stands.picture, stands.running
    copies = [one.hypervisor for one in stands.seen if one not in running]
    beside = f", with a copy on {' and '.join(copies)}" if copies and running else ""
    runs = f"runs on {where(running)}" if running else f"runs nowhere (enclumeIntent {stands.intent})"
    return Verdict(
        check="placement",
        code="placement_ok",
        subject=picture.name,
        site=picture.site,
        status="ok",
        sentence=f"{picture.name} {runs}{beside}",
        host=picture.name,
        measures=_measures(stands),
        sources=_sources(picture),
    )


def _measures(stands: Standing) -> tuple[Measure, ...]:
    return (Measure("running", len(stands.running)),)


def _sources(picture: Picture) -> tuple[SourceKey, ...]:
    """The hypervisors that were looked at, or should have been."""
    names = {one.hypervisor for one in picture.copies}
    names.update(name for name in (picture.production, picture.backup) if name)
    return tuple([hypervisor_source(name) for name in sorted(names)])
