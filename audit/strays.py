"""Strays: domains that are no entry's guest."""

from collections.abc import Iterator, Mapping

from audit.standing import hypervisor_source, state_of
from audit.verdict import Judged, Verdict
from audit.view import Group, View
from facts.certname import short_name
from facts.estate import Estate
from facts.fleet import Found

Strays = Mapping[tuple[str, str], tuple[Found, ...]]


def strays(view: View) -> Strays:
    """The domains without an entry, by the name of their hypervisor's site ("" for none) and their own name.

    Where an entry could be one of several domains, none of these is a stray.
    """
    estate = view.situation.now.estate
    if estate is None:
        return {}
    left = view.pictures.unclaimed
    if not left:
        return {}
    found: dict[tuple[str, str], tuple[Found, ...]] = {}
    candidates = _candidates(estate)
    for uuid in left:
        for one in estate.fleet.by_uuid[uuid]:
            if one.domain.name.lower() not in candidates:
                key = (estate.site_of(one.hypervisor), one.domain.name)
                found[key] = (*found.get(key, ()), one)
    return {key: tuple(sorted(found[key], key=_order)) for key in sorted(found)}


def groups(view: View) -> Iterator[Group]:
    """One group for each site that has hypervisors."""
    estate = view.situation.now.estate
    if estate is None:
        return
    by_site: dict[str, list[tuple[Found, ...]]] = {estate.site_of(name): [] for name in estate.hypervisors}
    for (site, _), found in strays(view).items():
        by_site[site].append(found)
    for site, stray in by_site.items():
        unread = frozenset(one.hypervisor for found in stray for one in found) & estate.unreadable
        inputs = (tuple(stray), unread)
        yield Group(site, inputs, lambda site=site, inputs=inputs: _judge(site, *inputs))  # type: ignore[misc]


def _judge(site: str, found: tuple[tuple[Found, ...], ...], unread: frozenset[str]) -> Judged:
    if found:
        return Judged(tuple(_unmanaged(site, same, unread) for same in found))
    at = f"at {site}" if site else "of hypervisors at no site"
    verdict = Verdict(
        check="placement",
        code="unmanaged",
        subject=site,
        site=site,
        status="ok",
        sentence=f"every domain {at} has an entry",
    )
    return Judged((verdict,))


def _unmanaged(site: str, found: tuple[Found, ...], unread: frozenset[str]) -> Verdict:
    name, uuids = found[0].domain.name, sorted({one.domain.uuid for one in found})
    blind = all(one.hypervisor in unread for one in found)
    seen = ", ".join(f"{state_of(one.domain)} on {one.hypervisor}" for one in found)
    known = f"; last seen, {' and '.join(sorted(unread))} cannot be read" if blind else ""
    return Verdict(
        check="placement",
        code="unmanaged",
        subject=name,
        site=site,
        status="unknown" if blind else "warning",
        sentence=f"the domain {name} ({seen}{known}) has no entry: add a host with enclumeKind guest and "
        f"enclumeDomainUUID {' or '.join(uuids)}, or undefine it",
        sources=tuple(hypervisor_source(name) for name in sorted({one.hypervisor for one in found})),
    )


def _candidates(estate: Estate) -> frozenset[str]:
    """The names of domains that an entry could be which does not say which one it is."""
    unsure = [
        node.host.name
        for node in estate.nodes.values()
        if node.findings and any(finding.code == "ambiguous_domain" for finding in node.findings)
    ]
    return frozenset(name for certname in unsure for name in (certname, short_name(certname)))


def _order(found: Found) -> tuple[str, str]:
    return found.hypervisor, found.domain.uuid
