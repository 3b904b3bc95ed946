"""Which hosts are touched by what changed between two situations: of ten thousand, mostly one."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from audit.situation import Situation
from facts.estate import Estate, Node
from facts.fleet import Found

T = TypeVar("T")


def differing(now: Mapping[str, T], before: Mapping[str, T]) -> set[str]:
    """The keys under which two mappings do not hold the same object."""
    if now is before:
        return set()
    keys = {key for key, value in now.items() if before.get(key) is not value}
    return keys | (before.keys() - now.keys())


def touched(now: Situation, before: Situation, uuids: set[str]) -> set[str] | None:
    """The certnames of hosts of which something may be different; None for all of them. `uuids` are those of domains
    that are touched for other reasons.
    """
    estate, was = now.now.estate, before.now.estate
    if estate is None or was is None or now.knows_runs != before.knows_runs:
        return None
    if _names(estate) != _names(was) or estate.targets != was.targets:
        return None
    names = differing(estate.nodes, was.nodes)
    names |= differing(now.observations, before.observations) | differing(now.runs, before.runs)
    names |= differing(now.now.classification.results, before.now.classification.results)
    names |= _answers(now, before)
    domains = differing(estate.fleet.on, was.fleet.on)
    measured = differing(now.statistics, before.statistics)
    dark = dark_of(estate) ^ dark_of(was)
    if domains or measured or uuids:
        found = [one for name in domains for one in (*estate.fleet.on.get(name, ()), *was.fleet.on.get(name, ()))]
        found += [one for name in measured for one in estate.fleet.on.get(name, ())]
        names |= _guests(estate, found, uuids)
    if dark:
        names |= {name for name, node in estate.nodes.items() if node.kind == "guest" and _may_hold(estate, node, dark)}
    return names


def dark_of(estate: Estate) -> frozenset[str]:
    """The hypervisors that cannot be read, or never were."""
    return estate.unreadable | {one.name for one in estate.targets if one.name not in estate.hypervisors}


def _names(estate: Estate) -> dict[str, str]:
    """What the DNs of hypervisors mean."""
    hosts = estate.declared.hosts
    return {key: host.name for key, host in hosts.items() if host.kind == "hypervisor" or host.libvirt_uri}


def _answers(now: Situation, before: Situation) -> set[str]:
    """Who has an answer and had none, or is held and was not, or the other way round."""
    given, was_given = now.now.generation, before.now.generation
    held = given.hold.changes.keys() if given.hold else set[str]()
    was_held = was_given.hold.changes.keys() if was_given.hold else set[str]()
    answers = set() if given.answers is was_given.answers else given.answers.keys() ^ was_given.answers.keys()
    return answers | (held ^ was_held)


def _guests(estate: Estate, found: Iterable[Found], uuids: set[str]) -> set[str]:
    """The hosts that these domains are, and those whose domains have the names of these."""
    by_name = estate.fleet.by_name
    names = {one.domain.name.lower() for one in found}
    same = {one.domain.uuid for name in names for one in by_name.get(name, ())}
    concerned = uuids | same | {one.domain.uuid for one in found}
    return {
        name for name, node in estate.nodes.items() if node.hardware is not None and node.hardware.uuid in concerned
    }


def _may_hold(estate: Estate, node: Node, dark: frozenset[str]) -> bool:
    """Whether one of these hypervisors may hold a guest: it showed it, or is at its site or one that LDAP names."""
    sites = {estate.nodes[name].site for name in dark if name in estate.nodes}
    shown = {node.placement.hypervisor, *node.placement.observed_on}
    return node.site in sites or not dark.isdisjoint(shown) or bool(node.host.production or node.host.backup)
