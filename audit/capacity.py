"""Capacity: if any one hypervisor dies, do its guests fit on the others of the site (N+1)? Who carries how much?

What counts is the memory and the vCPUs that domains are defined with, of guests that should run, where they belong now,
and of whatever else runs on a hypervisor: it takes room there, and nobody takes it in. Where their guests cannot be
known, since a hypervisor cannot be read, the last known figures are told as unknown.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from math import inf

from msgspec import Struct

from audit.balance import Balance, balance, moves
from audit.carriers import Carrier, carriers
from audit.failover import Loss, lose
from audit.standing import hypervisor_source
from audit.verdict import Judged, Measure, Status, Verdict
from audit.view import Group, View
from audit.words import names, size
from settings.thresholds import Thresholds, ThresholdSettings


class HypervisorLoad(Struct, frozen=True):
    """What a hypervisor carries. Memory in bytes: what it has, what its guests and what else runs there may use, and
    what these would with those of the worst partner that may die; `falls_on`: the memory that others would take if it
    died itself. `survives`: all its guests would find room; None where that is not known.
    """

    memory_bytes: int
    memory_committed_bytes: int
    memory_failover_bytes: int
    vcpus_committed: int
    cpus: int
    survives: bool | None
    falls_on: Mapping[str, int]


class SiteLoad(Struct, frozen=True):
    """What the hypervisors of a site carry, by name, and the share of memory (0 to 1) by which two differ at most."""

    hypervisors: Mapping[str, HypervisorLoad]
    imbalance: float


def groups(view: View) -> Iterator[Group]:
    """One group for each site that has hypervisors; its details are a `SiteLoad`."""
    thresholds = view.situation.settings.thresholds
    for site, found in carriers(view).items():
        yield Group(site, found, partial(_judge, site, found, thresholds, view.at))


def _judge(site: str, found: tuple[Carrier, ...], settings: ThresholdSettings, at: float) -> Judged:
    judge = _Site(site, found, settings, at)
    verdicts = (*judge.losses_said(), *judge.loads_said(), *judge.balance_said())
    return Judged(verdicts, judge.until, judge.details)


class _Site:
    """The hypervisors of one site, and what the loss of each means."""

    def __init__(self, site: str, found: tuple[Carrier, ...], settings: ThresholdSettings, at: float) -> None:
        self._site, self._found, self._at = site, found, at
        self._at_site = f"at {site}" if site else "of those at no site"
        self._limits = {one.name: settings.of(site, one.name) for one in found}
        self._copy_seconds = settings.of(site).copy_seconds
        self._uneven, self._imbalance_limit = balance(found), settings.of(site).imbalance
        free = {one.name: self._free(one) for one in found if one.readable}
        self._losses = tuple(self._lose(one, free) for one in found)
        self.until = min((loss.until for loss in self._losses), default=inf)
        worst = {one.name: max((loss.falls_on.get(one.name, 0) for loss in self._losses), default=0) for one in found}
        self._failover = {one.name: one.committed + worst[one.name] for one in found}

    def _free(self, one: Carrier) -> tuple[int, float]:
        limits = self._limits[one.name]
        return one.memory - limits.reserve_bytes - one.committed, one.cpus * limits.vcpus_per_cpu - one.vcpus

    def _lose(self, lost: Carrier, free: Mapping[str, tuple[int, float]]) -> Loss:
        others = tuple(one for one in self._found if one is not lost)
        left = {name: room for name, room in free.items() if name != lost.name}
        return lose(lost, others, left, self._copy_seconds, self._at)

    @property
    def details(self) -> SiteLoad:
        loads = {loss.of.name: self._details(loss) for loss in self._losses}
        return SiteLoad(loads, self._uneven.ratio if self._uneven else 0.0)

    def _details(self, loss: Loss) -> HypervisorLoad:
        one = loss.of
        return HypervisorLoad(
            memory_bytes=one.memory,
            memory_committed_bytes=one.committed,
            memory_failover_bytes=self._failover[one.name],
            vcpus_committed=one.vcpus,
            cpus=one.cpus,
            survives=loss.survived,
            falls_on=loss.falls_on,
        )

    def losses_said(self) -> Iterator[Verdict]:
        """One verdict for the whole site if it survives, else one for each hypervisor whose loss it does not."""
        wrong = [loss for loss in self._losses if not loss.survived]
        if not wrong:
            sentence = f"{self._site or 'they'} would survive the loss of any one of {names(self._names())}"
            yield self._survival(self._site, "ok", sentence, self._names())
        for loss in wrong:
            known = loss.survived is False
            sentence = f"{_not_survived(loss)}{self._in_the_way(loss)}" if known else _not_known(loss)
            yield self._survival(loss.of.name, "critical" if known else "unknown", sentence, self._names(), loss)

    def _in_the_way(self, loss: Loss) -> str:
        """What takes room on the others without belonging there."""
        others = [f"{names(who)} on {one.name}" for one in self._found if one is not loss.of and (who := _lodging(one))]
        return f". Room is taken by {names(others)}, which nobody declared to run there" if others else ""

    def _names(self) -> list[str]:
        return [one.name for one in self._found]

    def _survival(
        self, subject: str, status: Status, sentence: str, read: Iterable[str], loss: Loss | None = None
    ) -> Verdict:
        return Verdict(
            check="capacity",
            code="hypervisor_loss",
            subject=subject,
            site=self._site,
            status=status,
            sentence=sentence,
            host=loss.of.name if loss else "",
            measures=(Measure("stranded", len(loss.stranded)),) if loss else (),
            sources=tuple(map(hypervisor_source, read)),
        )

    def loads_said(self) -> Iterator[Verdict]:
        """What each hypervisor carries."""
        for one in self._found:
            status, sentence = _carries(one, self._limits[one.name])
            yield Verdict(
                check="capacity",
                code="hypervisor_load",
                subject=one.name,
                site=self._site,
                status=status,
                sentence=sentence,
                host=one.name,
                measures=self._measures(one),
                sources=(hypervisor_source(one.name),),
            )

    def _measures(self, one: Carrier) -> tuple[Measure, ...]:
        if not one.memory:
            return ()
        limits = self._limits[one.name]
        usable = max(0, one.memory - limits.reserve_bytes)
        return (
            Measure("memory", one.committed, "B", usable, one.memory),
            Measure("memory_failover", self._failover[one.name], "B", usable, one.memory),
            Measure("vcpus", one.vcpus, "", one.cpus * limits.vcpus_per_cpu),
        )

    def balance_said(self) -> Iterator[Verdict]:
        """How evenly the site's guests are spread; nothing for a site whose hypervisors were never read."""
        uneven, limit = self._uneven, self._imbalance_limit
        if uneven is None:
            return
        dark = [one.name for one in self._found if not one.readable]
        status: Status = "unknown" if dark else "warning" if uneven.ratio > limit else "ok"
        yield Verdict(
            check="capacity",
            code="imbalance",
            subject=self._site,
            site=self._site,
            status=status,
            sentence=self._weights(uneven, dark),
            measures=(Measure("imbalance", round(uneven.ratio * 100, 1), "%", limit * 100),),
            sources=tuple(map(hypervisor_source, self._names())),
        )

    def _weights(self, uneven: Balance, dark: list[str]) -> str:
        ordered = sorted((one for one in self._found if one.memory), key=lambda one: (-one.share, one.name))
        shares = f"{self._at_site}, " + names(f"{one.name} carries {one.share:.0%} of its memory" for one in ordered)
        if dark:
            return f"{shares}, as last known: {names(dark)} cannot be read; enclume check sources says why"
        if uneven.ratio <= self._imbalance_limit:
            return shares
        chosen = moves(uneven, self._copy_seconds, self._at)
        if not chosen:
            return f"{shares}: no guest of {uneven.most.name} has what it takes to run on {uneven.least.name} and fits"
        which = names(f"{load.name} ({size(load.memory)})" for load in chosen)
        return f"{shares}: move {which} from {uneven.most.name} to {uneven.least.name}"


def _lodging(one: Carrier) -> list[str]:
    return [f"{lodger.name} ({size(lodger.memory)})" for lodger in one.lodgers]


def _carries(one: Carrier, limits: Thresholds) -> tuple[Status, str]:
    if not one.memory:
        return "unknown", f"{one.name} was never read, so what it carries is not known: enclume check sources says why"
    room = one.cpus * limits.vcpus_per_cpu
    figures = (
        f"the guests of {one.name} may use {size(one.committed)} of its {size(one.memory)} and {one.vcpus} vCPUs on "
        f"{one.cpus} CPUs"
    )
    if one.lodgers:
        figures = f"{figures}, with {names(_lodging(one))}, which nobody declared to run there"
    if not one.readable:
        return "unknown", f"{figures}, as last known: it cannot be read; enclume check sources says why"
    if one.committed > one.memory:
        return "critical", f"{figures}: move guests away, or give them less memory"
    if one.committed > one.memory - limits.reserve_bytes:
        return (
            "warning",
            f"{figures}, which leaves less than the {size(limits.reserve_bytes)} that it needs: move guests",
        )
    if one.vcpus > room:
        return "warning", f"{figures}, more than {limits.vcpus_per_cpu:g} for each: move guests away"
    return "ok", figures


def _not_survived(loss: Loss) -> str:
    reasons: dict[str, list[str]] = {}
    for one in loss.stranded:
        reasons.setdefault(one.why, []).append(f"{one.load.name} ({size(one.load.memory)})")
    left = "; ".join(f"{names(who)}: {why}" for why, who in reasons.items())
    count = len(loss.of.loads)
    return (
        f"if {loss.of.name} died, {len(loss.stranded)} of its {count} guests had nowhere to run: {left}. Make their "
        "copies, add memory, or spread the guests"
    )


def _not_known(loss: Loss) -> str:
    if not loss.of.readable:
        return (
            f"{loss.of.name} cannot be read: whether the guests that it carries find room elsewhere is not known; "
            "enclume check sources says why"
        )
    reasons = names(dict.fromkeys(one.why for one in loss.stranded))
    return (
        f"if {loss.of.name} died, whether {names(one.load.name for one in loss.stranded)} found room is not known; "
        f"{reasons}"
    )
