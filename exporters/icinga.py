"""Icinga 2's configuration: a host object for every host and site, and for each what the verdicts say of it to check.

    object Host "web01.example.org" {
      import "enclume-guest"
      address = "10.0.0.5"
      vars.enclume_host = "web01.example.org"
      vars.enclume_kind = "guest"
      vars.enclume_site_host = "site angers"
      vars.enclume_hypervisor = "kvm1.example.org"
      vars.enclume_checks = { "placement" = { "enclume_filter_host" = "web01.example.org" } }
    }

Every verdict belongs to exactly one service: that of its host; where it concerns no host, that of its site; else that
of Enclume itself. Layers, capacity and mirrors are matters of a site as a whole.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from audit.all import Audited
from audit.verdict import Check, Verdict
from errors import EnclumeError
from exporters.icinga_rules import COMMANDS, DEPENDENCIES, HEAD, ITSELF, SERVICES, TEMPLATES
from exporters.icinga_text import Raw, Value, host
from facts.estate import Estate, Node

OF_SITES: frozenset[Check] = frozenset({"layers", "capacity", "mirror"})
"""Checks of a site as a whole: what is wrong concerns several hosts, and which ones depends on what is wrong."""

OF_ITSELF: frozenset[Check] = frozenset({"enc"})
"""Checks that are Enclume's own matter where no host is concerned, whatever the site: a site has such a verdict only
while something is wrong there.
"""

_NONE = "-"


class NotNow(EnclumeError):
    """Why no configuration can be made that would be whole."""


class _Asked(Struct, frozen=True):
    """What there is to check: of each host its checks, and its backups by kind and schedule; of each site ("" for none)
    its checks. `at` gives the site of each host.
    """

    checks: Mapping[str, set[Check]]
    backups: Mapping[str, set[tuple[str, str]]]
    sites: Mapping[str, set[Check]]
    at: Mapping[str, str]


def configuration(
    audited: Audited, site: str | None = None, breathe: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """The files by name, of one site or of all. Pure; `breathe` is called every few hosts.

    Raises `NotNow` where something is not known that would leave hosts or services out.
    """
    estate = _estate(audited)
    asked = _asked(estate, audited.verdicts())
    hosts = sorted(name for name, at in asked.at.items() if site in (None, at))
    objects = _Objects(estate, asked, frozenset(hosts))
    texts = []
    for number, name in enumerate(hosts):
        texts.append(objects.host(name))
        if number % 100 == 0:
            breathe()
    wanted = sorted(objects.site_hosts) if site is None else [site]
    return {
        "commands.conf": COMMANDS,
        "dependencies.conf": DEPENDENCIES,
        "hosts.conf": "\n".join([HEAD, *texts]),
        "services.conf": SERVICES,
        "sites.conf": "\n".join([HEAD, objects.itself(), *map(objects.site, wanted)]),
        "templates.conf": TEMPLATES,
    }


def sites(audited: Audited) -> list[str]:
    """The names of the sites that there is something at. Raises `NotNow`."""
    asked = _asked(_estate(audited), audited.verdicts())
    return sorted({*asked.at.values(), *asked.sites} - {""})


def _estate(audited: Audited) -> Estate:
    """The estate that the verdicts were made from, if it is whole."""
    situation = audited.view.situation if audited.view else None
    now = situation.now if situation else None
    if situation is None or now is None or now.estate is None:
        raise NotNow("the directory and the hypervisors have not been read completely yet: ask again")
    hold = now.generation.hold
    if hold is not None and (None in hold.changes.values() or {"empty", "shrunk"} & hold.reasons.keys()):
        why = "; ".join(hold.reasons.values())
        raise NotNow(f"the guard holds a loss of hosts ({why}): mend the directory, or `enclume approve {hold.number}`")
    if situation.runs_unread and not situation.knows_runs:
        why = situation.runs_unread
        raise NotNow(f"whether nodes report runs is not known, so that services would be missing: {why}")
    failed = next((one for one in audited.verdicts() if one.code == "check_failed"), None)
    if failed is not None:
        raise NotNow(f"the check {failed.check} fails, so that its services would be missing: {failed.sentence}")
    return now.estate


def _asked(estate: Estate, verdicts: Iterable[Verdict]) -> _Asked:
    checks: dict[str, set[Check]] = {}
    backups: dict[str, set[tuple[str, str]]] = {}
    of_sites: dict[str, set[Check]] = {}
    at = {name: node.site.name if node.site else "" for name, node in estate.nodes.items()}
    for one in verdicts:
        if not one.host or one.check in OF_SITES:
            of_sites.setdefault("" if one.check in OF_ITSELF else one.site, set()).add(one.check)
            continue
        # A hypervisor of the settings alone has verdicts and no entry.
        at.setdefault(one.host, one.site)
        if one.kind and one.schedule:
            backups.setdefault(one.host, set()).add((one.kind, one.schedule))
        else:
            checks.setdefault(one.host, set()).add(one.check)
    return _Asked(checks, backups, of_sites, at)


class _Objects:
    """The objects of hosts and sites."""

    def __init__(self, estate: Estate, asked: _Asked, hosts: frozenset[str]) -> None:
        self._estate, self._asked, self._hosts = estate, asked, hosts
        self.site_hosts = _named({*asked.at.values(), *asked.sites} - {""})

    def host(self, name: str) -> str:
        node, site = self._estate.nodes.get(name), self._asked.at[name]
        attributes: dict[str, Value] = {"address": name}
        template = "enclume-physical"
        if node is not None:
            attributes |= {**_addresses(node), **_notes(self._estate, node), **_told(node)}
            template = _template(node)
        attributes["vars.enclume_host"] = name
        if site:
            attributes |= {"vars.enclume_site": site, "vars.enclume_site_host": self.site_hosts[site]}
        hypervisor = self._hypervisor(node)
        if hypervisor:
            attributes["vars.enclume_hypervisor"] = hypervisor
        return host(name, template, attributes | self._checks(name))

    def _hypervisor(self, node: Node | None) -> str | None:
        """The hypervisor of a guest, if it has an object too. Only guests have one: nothing stands on itself."""
        name = node.placement.hypervisor if node is not None and node.kind == "guest" else None
        above = self._estate.nodes.get(name) if name in self._hosts else None
        return name if above is not None and above.kind == "hypervisor" else None

    def _checks(self, name: str) -> dict[str, Value]:
        own = {"enclume_filter_host": name}
        backups = {
            f"{kind}-{schedule}": own | {"enclume_filter_kind": kind, "enclume_filter_schedule": schedule}
            for kind, schedule in sorted(self._asked.backups.get(name, ()))
        }
        # Where each backup has a service, what is left of the check is what concerns the host as one that keeps them.
        rest = own | {"enclume_filter_kind": _NONE} if backups else own
        checks = {check: rest if check == "backup" else own for check in sorted(self._asked.checks.get(name, ()))}
        return {"vars.enclume_checks": checks, "vars.enclume_backups": backups}

    def site(self, name: str) -> str:
        """A site's object."""
        attributes: dict[str, Value] = {
            "display_name": name,
            "vars.enclume_kind": "site",
            "vars.enclume_site": name,
            "vars.enclume_site_checks": self._of_site(name, name),
        }
        return host(self.site_hosts[name], "enclume-site", attributes)

    def itself(self) -> str:
        """The object of the service itself: what concerns no host and no site."""
        attributes: dict[str, Value] = {
            "display_name": "Enclume",
            "vars.enclume_kind": "service",
            "vars.enclume_itself": Raw("true"),
            "vars.enclume_site_checks": self._of_site("", _NONE),
        }
        return host(ITSELF, "enclume-itself", attributes)

    def _of_site(self, name: str, asked_as: str) -> dict[str, Value]:
        return {check: _filters(check, asked_as) for check in sorted(self._asked.sites.get(name, ()))}


def _filters(check: Check, site: str) -> dict[str, Value]:
    """Which of a check's verdicts belong to a site's object, or to that of the service itself."""
    if check in OF_ITSELF:
        return {"enclume_filter_host": _NONE}
    of_site: dict[str, Value] = {"enclume_filter_site": site}
    return of_site if check in OF_SITES else of_site | {"enclume_filter_host": _NONE}


def _named(names: Iterable[str]) -> Mapping[str, str]:
    """The name of each site's host object. No certname has a blank; Icinga forbids `!`."""
    found: dict[str, str] = {}
    for name in sorted(names):
        shown = "site " + "".join(one if one.isprintable() and one not in "!$" else "_" for one in name)
        while shown in found.values():
            shown += "_"
        found[name] = shown
    return found


def _told(node: Node) -> dict[str, Value]:
    """What rules of a site's own can assign by."""
    return {
        "vars.enclume_kind": node.kind or "",
        "vars.enclume_layer": Raw(str(node.layer)),
        "vars.enclume_intent": node.host.intent,
        "vars.enclume_services": sorted(one.name for one in node.services),
    }


def _template(node: Node) -> str:
    if node.host.intent != "running":
        return "enclume-idle"
    return f"enclume-{node.kind}" if node.kind in ("guest", "hypervisor") else "enclume-physical"


def _addresses(node: Node) -> dict[str, Value]:
    """The first address of each family; a host without one is found by its name."""
    found: dict[str, Value] = {}
    for text in node.host.addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        found.setdefault("address" if address.version == 4 else "address6", str(address))
    return found


def _notes(estate: Estate, node: Node) -> dict[str, Value]:
    entry = estate.directory.entries.get(node.host.key)
    described = " ".join(entry.values("description")) if entry is not None else ""
    return {"notes": described} if described else {}
