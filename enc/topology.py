"""The topology: what Hiera tells a node of the nodes around it (`docs/hiera.md`).

It is made of what is served, never of what was last read: each answer carries what other nodes may see of its node, so
that a node whose answer is held or kept is seen by the others as it was, too. What services and sites are stands in
the definitions, which a generation keeps beside its answers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from facts.estate import Declared, Network, Node, Service

EMPTY: Mapping[str, Any] = {}


class Guest(Struct, frozen=True):
    """A guest's domain, the certname of the hypervisor that it belongs to now, and the DNs (normalised) of those that
    should run it and hold its copy.
    """

    hypervisor: str | None
    uuid: str | None = None
    production: str | None = None
    backup: str | None = None


class Shown(Struct, frozen=True):
    """What other nodes are shown of a node: `member` as JSON, the rest says who may see it.

    `services` are the names of those that it is a member of, `requires` the DNs (normalised) of those that its own
    entry requires, `key` its own DN.
    """

    key: str
    site: str | None
    services: tuple[str, ...]
    requires: tuple[str, ...]
    member: Raw
    guest: Guest | None = None


def shown(node: Node) -> dict[str, Any]:
    """What other nodes are shown of a node, as a mapping in the shape of `Shown`."""
    host, site = node.host, node.site.name if node.site else None
    said = {
        "key": host.key,
        "site": site,
        "services": sorted({service.name for service in node.services}),
        "requires": list(host.requires),
        "member": {
            "addresses": list(host.addresses),
            "intent": host.intent,
            "kind": node.kind,
            "layer": node.layer,
            "offers": dict(host.offers),
            "site": site,
        },
    }
    if node.kind != "guest":
        return said
    uuid = node.hardware.uuid if node.hardware else None
    placed = {"hypervisor": node.placement.hypervisor, "production": host.production, "backup": host.backup}
    return said | {"guest": placed | {"uuid": uuid}}


class Defined(Struct, frozen=True):
    """What a service is: what it provides, the DNs (normalised) of the services that it requires, its offers, and those
    that it has at one site alone, by the site's DN.
    """

    key: str
    name: str
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    public: bool = False
    offers: Mapping[str, Any] = EMPTY
    at_site: Mapping[str, Mapping[str, Any]] = EMPTY


class DefinedSite(Struct, frozen=True):
    """What a site is."""

    key: str
    name: str
    networks: tuple[Network, ...] = ()


class Definitions(Struct, frozen=True):
    """What services and sites are, by normalised DN."""

    services: Mapping[str, Defined] = {}
    sites: Mapping[str, DefinedSite] = {}


UNDEFINED = Definitions()
NOT_SHOWN = b'{"key":"","site":null,"services":[],"requires":[],"member":{}}'
"""What is shown of a node whose answer an older version kept."""


def define(declared: Declared, before: Definitions = UNDEFINED) -> Definitions:
    """What services and sites are now; whichever has a finding that holds stays as it was in `before`.

    Returns `before` itself when nothing is other than there.
    """
    parts: dict[str, list[Service]] = {key: [one] for key, one in declared.services.items() if one.of is None}
    for one in declared.services.values():
        if one.of in parts:
            parts[one.of].append(one)
    services = {
        key: before.services[key] if key in before.services and _wrong(stated) else _defined(stated)
        for key, stated in sorted(parts.items())
    }
    sites = {
        key: before.sites[key] if key in before.sites and _wrong([site]) else DefinedSite(key, site.name, site.networks)
        for key, site in sorted(declared.sites.items())
    }
    found = Definitions(services, sites)
    return before if _text(found) == _text(before) else found


def _wrong(stated: Iterable[Any]) -> bool:
    return any(finding.holds for one in stated for finding in one.findings)


def _defined(stated: list[Service]) -> Defined:
    service, *at_sites = stated
    return Defined(
        key=service.key,
        name=service.name,
        provides=service.provides,
        requires=service.requires,
        public=service.public,
        offers=dict(service.offers),
        at_site={one.site: dict(one.offers) for one in at_sites if one.site and one.offers},
    )


def _text(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
