"""The words of the check of the layers: one verdict for each path, cycle and service of guests, one for a fine site."""

from collections.abc import Iterator

from msgspec.structs import replace

from audit.layers_found import Cycle, GuestsOnly, Layers
from audit.needs import Effect, Silence
from audit.paths import Hop, LeftOut, Path
from audit.verdict import Measure, Status, Verdict
from audit.words import names
from facts.source import SourceKey

SEVERITY: dict[Effect, Status] = {"boot": "critical", "run": "warning", "change": "warning"}
"""A Puppet server in a guest is a warning too: it is missing when a hypervisor must be set up again to recover."""

NOWHERE = "no site"
_HARM: dict[Effect, str] = {"boot": "does not boot", "run": "runs badly", "change": "cannot be changed"}
_FEW = 4


def verdicts(layers: Layers, base: str) -> Iterator[Verdict]:
    """All of them; `base` is the directory that the layers were declared in."""
    declared = SourceKey("directory", base)
    told: set[str] = set()
    for verdict in _wrong(layers):
        told.add(verdict.site)
        yield replace(verdict, sources=(declared, *verdict.sources))
    silent: dict[str, list[Silence]] = {}
    for one in layers.ground.silent:
        silent.setdefault(one.site, []).append(one)
    for site in sorted({machine.site for machine in layers.ground.machines.values() if not machine.virtual}):
        if site in silent:
            yield replace(_unheard(site, silent[site]), sources=(declared, *(one.source for one in silent[site])))
        elif site not in told:
            yield replace(_kept(site, layers), sources=(declared,))


def _wrong(layers: Layers) -> Iterator[Verdict]:
    yield from map(_used, layers.paths)
    yield from map(_left_out, layers.left_out)
    yield from map(_circular, layers.cycles)
    yield from map(_guests_only, layers.guests_only)


def _used(path: Path) -> Verdict:
    if path.effect == "boot":
        return _path_verdict(path, code="layer_boot")
    if path.effect == "run":
        return _path_verdict(path, code="layer_run")
    return _path_verdict(path, code="layer_change")


def _path_verdict(path: Path, code: str) -> Verdict:
    last = path.hops[-1]
    provider = f"the guest {path.provider}" if path.to_guest else f"{path.provider}, which is declared layer 2"
    more = f"; {_more(path.paths - 1)}" if path.paths > 1 else ""
    remedy = f"let {last.host} have its {last.what} from outside of guests"
    if not path.to_guest:
        remedy = f"declare enclumeLayer 1 for {path.provider}, or let {last.host} have its {last.what} from layer 1"
    return Verdict(
        check="layers",
        code=code,
        subject=f"{path.host} → {path.provider}",
        site=path.site,
        status=SEVERITY[path.effect],
        sentence=f"{path.host} {_HARM[path.effect]} without {provider}: {path.text} ({_grounds(path)}){more}; {remedy}",
        host=path.host,
        measures=(Measure("paths", path.paths),),
        sources=tuple(_sources(path)),
    )


def _sources(path: Path) -> Iterator[SourceKey]:
    """What was read beside the directory: who showed a step, and where the guest runs."""
    observers = dict.fromkeys(hop.host for hop in path.hops if hop.origin == "observed")
    shown = dict.fromkeys(hop.host for hop in path.hops if hop.origin == "libvirt")
    yield from (SourceKey("observations", host) for host in observers)
    yield from (SourceKey("inventory", host) for host in dict.fromkeys((*shown, path.runs_on)) if host)


def _more(number: int) -> str:
    return "1 more path leads there" if number == 1 else f"{number} more paths lead there"


def _grounds(path: Path) -> str:
    """Why each step of a path is believed."""
    return "; ".join(dict.fromkeys(map(_ground, path.hops)))


def _ground(hop: Hop) -> str:
    if hop.origin == "assumed":
        return f"{hop.what}: assumed from {hop.where}, not observed"
    if hop.origin == "observed":
        return f"{hop.what}: {hop.where or 'observed'} on {hop.host}"
    return f"{hop.what}: {hop.where}"


def _left_out(one: LeftOut) -> Verdict:
    return Verdict(
        check="layers",
        code="layer_more",
        subject=f"{one.host} {one.effect}",
        site=one.site,
        status=SEVERITY[one.effect],
        sentence=f"{one.host} {_HARM[one.effect]} without {one.providers} more of layer 2, which are not told one by "
        "one: mend those that are told first",
        host=one.host,
    )


def _circular(cycle: Cycle) -> Verdict:
    return Verdict(
        check="layers",
        code="start_cycle",
        subject=cycle.text,
        site=cycle.site,
        status="critical",
        sentence=f"{cycle.text}: each waits for the next, so after a power cut none of them starts by itself; give one "
        "of them a second provider, or let it start without the next",
        host=cycle.hosts[0],
    )


def _guests_only(one: GuestsOnly) -> Verdict:
    users = f"{names(one.users)} {'needs' if len(one.users) == 1 else 'need'} it"
    where = f"at {one.site}" if one.site else "for hosts without a site"
    return Verdict(
        check="layers",
        code="only_guests_provide",
        subject=one.what,
        site=one.site,
        status=SEVERITY[one.effect],
        sentence=f"{one.what} {where} comes from guests alone ({names(one.guests)}), and {users}; add a provider "
        "outside of guests",
    )


def _unheard(site: str, silent: list[Silence]) -> Verdict:
    reasons = "; ".join(one.sentence for one in silent[:_FEW])
    more = f"; and {len(silent) - _FEW} more" if len(silent) > _FEW else ""
    return Verdict(
        check="layers",
        code="layers_unknown",
        subject=site or NOWHERE,
        site=site,
        status="unknown",
        sentence=f"whether layer 1 uses guests is not wholly known: {reasons}{more}",
    )


def _kept(site: str, layers: Layers) -> Verdict:
    hosts = [one.name for one in layers.ground.machines.values() if one.site == site and not one.virtual]
    seen = len(layers.ground.observed.intersection(hosts))
    known = f"{seen} of them observed, the others as declared" if seen < len(hosts) else "all of them observed"
    return Verdict(
        check="layers",
        code="layers",
        subject=site or NOWHERE,
        site=site,
        status="ok",
        sentence=f"layer 1 uses nothing of layer 2 ({len(hosts)} hosts, {known})",
        measures=(Measure("paths", 0),),
    )
