"""The settlement: every host settled. The next one takes over what rests on the same ground."""

from collections.abc import Mapping

from msgspec import Struct

from facts.certname import short_name
from facts.estate import Declared, Host, Remembered
from facts.fleet import Fleet, renewed
from facts.settle import Domains, Ground, Libvirt, Settled, ground, match, settle


class Settlement(Struct, frozen=True):
    """Every host settled, by normalised DN, and what that was made of: each host's `domains`, and which hosts (by
    normalised DN) claim each domain (by UUID).

    `again`: the hosts that were looked at again; the others are what they were in the settlement before.
    """

    ground: Ground
    fleet: Fleet
    remembered: Mapping[str, Remembered]
    domains: Mapping[str, Domains]
    claims: Mapping[str, tuple[str, ...]]
    settled: Mapping[str, Settled]
    again: frozenset[str]


def settle_all(
    hosts: Mapping[str, Host],
    declared: Declared,
    libvirt: Libvirt,
    remembered: Mapping[str, Remembered],
    *,
    legacy: bool,
    before: Settlement | None = None,
) -> Settlement:
    """Find each host's domain, kind, placement and site; `hosts` are by normalised DN. Those of which nothing is other
    than `before` are as they were.
    """
    on, fleet = ground(hosts.values(), declared, libvirt, legacy=legacy), libvirt.fleet
    known = before if before is not None and before.ground.same_as(on) else None
    again = _touched(known, hosts, fleet, remembered) if known else set(hosts)
    domains = dict(known.domains) if known else {}
    domains |= {key: match(hosts[key], fleet, on) for key in again}
    claims = _claims(again, domains, known)
    again |= _also_claiming(again, domains, claims, known)
    settled = dict(known.settled) if known else {}
    for key in again:
        host = hosts[key]
        others = {uuid: _others(host, claims[uuid], hosts) for uuid in domains[key]}
        settled[key] = settle(host, domains[key], others, remembered.get(host.name), on)
    return Settlement(on, fleet, remembered, domains, claims, settled, frozenset(again))


def _touched(
    before: Settlement, hosts: Mapping[str, Host], fleet: Fleet, remembered: Mapping[str, Remembered]
) -> set[str]:
    """The hosts whose entry, domains or past are not the same objects any more."""
    settled, was = before.settled, before.remembered
    touched = {key for key, host in hosts.items() if settled[key].host is not host}
    if remembered is not was:
        touched |= {key for key, host in hosts.items() if remembered.get(host.name) is not was.get(host.name)}
    shown = renewed(fleet, before.fleet)
    uuids = {found.domain.uuid for found in shown}
    names = {found.domain.name.lower() for found in shown}
    if shown:
        touched |= {
            key
            for key, host in hosts.items()
            if _may_be(host, uuids, names) or not uuids.isdisjoint(before.domains[key])
        }
    return touched


def _may_be(host: Host, uuids: set[str], names: set[str]) -> bool:
    if host.domain_uuid:
        return host.domain_uuid in uuids
    return host.name in names or short_name(host.name) in names


def _claims(
    again: set[str], domains: Mapping[str, Domains], before: Settlement | None
) -> Mapping[str, tuple[str, ...]]:
    """Which hosts claim each domain, where those that were looked at again may claim others."""
    claims = dict(before.claims) if before else {}
    for key in again if before else ():
        for uuid in before.domains[key] if before else ():
            left = tuple(claimant for claimant in claims.pop(uuid) if claimant != key)
            claims |= {uuid: left} if left else {}
    for key in again:
        for uuid in domains[key]:
            claims[uuid] = (*claims.get(uuid, ()), key)
    return claims


def _also_claiming(
    again: set[str], domains: Mapping[str, Domains], claims: Mapping[str, tuple[str, ...]], before: Settlement | None
) -> set[str]:
    """The hosts that claim a domain which one of these claims, or claimed before."""
    if before is None:
        return set()
    uuids = {uuid for key in again for uuid in (*before.domains[key], *domains[key])}
    return {key for uuid in uuids for key in claims.get(uuid, ())}


def _others(host: Host, claimants: tuple[str, ...], hosts: Mapping[str, Host]) -> tuple[str, ...]:
    """The DNs of the others that claim a domain."""
    return tuple(sorted(hosts[key].dn for key in claimants if key != host.key))


def remember(settlement: Settlement, *, all_of_them: bool) -> Mapping[str, Remembered]:
    """What libvirt shows now, over what it showed before: which hosts are guests, and where each last ran alone.

    Of hosts that were not looked at again everything stands there already, unless `all_of_them` says otherwise.
    """
    remembered = settlement.remembered
    now = dict(remembered)
    for key in settlement.settled if all_of_them else settlement.again:
        one = settlement.settled[key]
        if one.kind != "guest" or one.hardware is None:
            continue
        known = remembered.get(one.host.name)
        last = one.placement.hypervisor if one.placement.established else (known.hypervisor if known else None)
        if (new := Remembered("guest", last, one.hardware)) != known:
            now[one.host.name] = new
    return now if now != remembered else remembered
