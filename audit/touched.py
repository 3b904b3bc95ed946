"""Which hosts are touched by what changed between two situations: of ten thousand, mostly one."""

from collections.abc import Iterable

from audit.situation import Situation
from facts.certname import short_name
from facts.estate import Estate, Host
from facts.exact import differing
from facts.fleet import Found


def touched(now: Situation, before: Situation, uuids: set[str]) -> set[str] | None:
    """The certnames of hosts of which something may be different; None for all of them. `uuids` are those of domains
    that are touched for other reasons.
    """
    estate, was = now.now.estate, before.now.estate
    if estate is None or was is None or now.knows_runs != before.knows_runs:
        return None
    if bool(now.runs_unread) != bool(before.runs_unread):
        return None
    if _hypervisors_changed(estate, was) or estate.targets != was.targets:
        return None
    names = differing(estate.nodes, was.nodes)
    # What a host says, and how its runs end, changes all the time, and makes nobody's double.
    uuids = uuids | _domains(estate, was, names)
    names |= differing(now.observations, before.observations) | differing(now.runs, before.runs)
    names |= differing(now.facts, before.facts)
    names |= differing(now.now.classification.results, before.now.classification.results)
    names |= _answers(now, before)
    domains = differing(estate.fleet.on, was.fleet.on)
    measured = differing(now.statistics, before.statistics) | _aged(now, before)
    dark = dark_of(estate) ^ dark_of(was)
    if domains or measured or uuids or dark:
        shown = domains | dark
        found = [one for name in shown for one in (*estate.fleet.on.get(name, ()), *was.fleet.on.get(name, ()))]
        found += [one for name in measured for one in estate.fleet.on.get(name, ())]
        names |= _guests(estate, found, uuids)
    if dark:
        names |= _in_doubt(estate, dark)
    return names


def dark_of(estate: Estate) -> frozenset[str]:
    """The hypervisors that cannot be read, or never were; those with a URI that is refused are among them."""
    refused = {one.certname for one in estate.findings if one.code == "bad_uri"}
    return estate.unreadable | refused | {one.name for one in estate.targets if one.name not in estate.hypervisors}


def _aged(now: Situation, before: Situation) -> set[str]:
    """The hypervisors whose statistics have become too old."""
    since, was_since = now.measured_since, before.measured_since
    return {name for name, one in now.statistics.items() if (one.read_at < since) != (one.read_at < was_since)}


def _domains(estate: Estate, was: Estate, names: set[str]) -> set[str]:
    """The UUIDs of the domains that these hosts are, or were: others' doubles may be theirs now."""
    nodes = [found for name in names for one in (estate, was) if (found := one.nodes.get(name)) is not None]
    return {node.hardware.uuid for node in nodes if node.hardware is not None}


def _hypervisors_changed(estate: Estate, was: Estate) -> bool:
    """Whether the DN of a hypervisor means another name, or a hypervisor came or went."""
    hosts, were = estate.declared.hosts, was.declared.hosts
    return any(_hypervisor(hosts.get(key)) != _hypervisor(were.get(key)) for key in differing(hosts, were))


def _hypervisor(host: Host | None) -> str | None:
    return host.name if host is not None and (host.kind == "hypervisor" or host.libvirt_uri) else None


def _answers(now: Situation, before: Situation) -> set[str]:
    """Who has an answer and had none, or is held and was not, or the other way round."""
    given, was_given = now.now.generation, before.now.generation
    held = given.hold.changes.keys() if given.hold else set[str]()
    was_held = was_given.hold.changes.keys() if was_given.hold else set[str]()
    answers = set() if given.answers is was_given.answers else given.answers.keys() ^ was_given.answers.keys()
    return answers | (held ^ was_held)


def _guests(estate: Estate, found: Iterable[Found], uuids: set[str]) -> set[str]:
    """The hosts that these domains are, and those whose domains, or who themselves, have the names of these."""
    by_name, by_uuid = estate.fleet.by_name, estate.fleet.by_uuid
    shown = [*found, *(one for uuid in uuids for one in by_uuid.get(uuid, ()))]
    names = {one.domain.name.lower() for one in shown}
    same = {one.domain.uuid for name in names for one in by_name.get(name, ())}
    concerned = uuids | same | {one.domain.uuid for one in shown}
    # No function is called for each of ten thousand hosts: that would take longer than all the rest.
    return {
        name
        for name, node in estate.nodes.items()
        if (uuid := node.hardware.uuid if node.hardware is not None else "") in concerned
        or (uuid not in by_uuid and node.kind == "guest" and (name in names or short_name(name) in names))
    }


def _in_doubt(estate: Estate, dark: frozenset[str]) -> set[str]:
    """The guests that one of these hypervisors may hold: it showed them, LDAP names it, or it is at their site and LDAP
    names none.
    """
    hosts, nodes = estate.declared.hosts, estate.nodes
    named = {dn for dn, host in hosts.items() if host.name in dark}
    # By its DN: a site's parameters may be arrays, of which there is no set.
    sites = {node.site.key for name in dark if (node := nodes.get(name)) is not None and node.site is not None}
    return {
        name
        for name, node in nodes.items()
        if node.kind == "guest"
        and (
            (production := (host := node.host).production) in named
            or host.backup in named
            or (placement := node.placement).hypervisor in dark
            or not dark.isdisjoint(placement.observed_on)
            or (production not in hosts and (node.site is None or node.site.key in sites))
        )
    }
