"""The neighbours: who is a member of what, and where, of one generation; and the document that Hiera gets of them.

A document is put together when it is asked for. What many have in common, the members of a service at a site, is one
piece of text that all share: memory grows with the nodes, never with the documents, and a change costs what changed.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from enc.answer import Answer
from enc.topology import UNDEFINED, Defined, Definitions, Guest, Shown
from generation.generation import Generation

Site = str | None
Relation = str


class _Own(Struct, frozen=True):
    """What the node's own answer says of it."""

    site: Site
    kind: str | None
    services: tuple[str, ...]
    providers: Raw


class _Variables(Struct, frozen=True):
    enclume: _Own


class _Body(Struct, frozen=True):
    parameters: _Variables


_BODY, _SHOWN, _JSON = msgspec.json.Decoder(_Body), msgspec.json.Decoder(Shown), msgspec.json.Encoder(order="sorted")
_NOBODY: Mapping[str, Raw] = {}
_NO_GUEST = Guest(None)


class _Groups:
    """Certnames with what others are shown of them, by a name and a site; the text of each group is made once."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[Site, dict[str, Raw]]] = {}
        self._texts: dict[str, dict[Site, Raw]] = {}
        self._whole: dict[str, Raw] = {}

    def put(self, name: str, site: Site, certname: str, member: Raw) -> None:
        self._groups.setdefault(name, {}).setdefault(site, {})[certname] = member
        self._forget(name, site)

    def drop(self, name: str, site: Site, certname: str) -> None:
        self._groups[name][site].pop(certname, None)
        self._forget(name, site)

    def _forget(self, name: str, site: Site) -> None:
        self._texts.get(name, {}).pop(site, None)
        self._whole.pop(name, None)

    def at(self, name: str, site: Site) -> Raw:
        """The group at one site, as JSON."""
        texts = self._texts.setdefault(name, {})
        if site not in texts:
            texts[site] = Raw(_JSON.encode(self.of(name, site)))
        return texts[site]

    def of(self, name: str, site: Site) -> Mapping[str, Raw]:
        """The group at one site. It changes under whoever keeps it."""
        return self._groups.get(name, {}).get(site, _NOBODY)

    def everywhere(self, name: str) -> Raw:
        """The group at all sites together, as JSON."""
        if name not in self._whole:
            sites = self._groups.get(name, {}).values()
            self._whole[name] = Raw(_JSON.encode({who: one for group in sites for who, one in group.items()}))
        return self._whole[name]


class Neighbours:
    """Makes documents of one generation after the other. Safe for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation: Generation | None = None
        self._answers: Mapping[str, Answer] = {}
        self._members, self._clients = _Groups(), _Groups()
        self._guests: dict[str, dict[str, tuple[Guest, Raw]]] = {}
        self._definitions: Definitions = UNDEFINED
        self._named: dict[str, list[Defined]] = {}
        self._requiring: dict[str, set[str]] = {}

    def document(self, generation: Generation, certname: str) -> bytes:
        """What Hiera tells a node that has an answer: the topology around it, then its own class parameters."""
        given = generation.answers[certname]
        own = _BODY.decode(given.body).parameters.enclume
        shown = _SHOWN.decode(given.shown)
        with self._lock:
            if generation is not self._generation:
                self._take(generation)
            topology = self._topology(certname, own, shown)
        whole = _JSON.encode(topology)
        return whole if given.parameters == b"{}" else whole[:-1] + b"," + given.parameters[1:]

    def _topology(self, certname: str, own: _Own, shown: Shown) -> dict[str, Any]:
        topology: dict[str, Any] = {
            "enclume::providers": own.providers,
            "enclume::services": self._services(own, shown),
            "enclume::site": self._site(own.site),
        }
        if own.kind == "hypervisor":
            topology["enclume::guests"] = self._guests_of(certname, shown.key)
        return topology

    def _site(self, name: Site) -> dict[str, Any] | None:
        if name is None:
            return None
        networks = next((one.networks for one in self._definitions.sites.values() if one.name == name), ())
        return {"name": name, "networks": [{"name": n.name, "role": n.role, "cidr": n.cidr} for n in networks]}

    def _services(self, own: _Own, shown: Shown) -> dict[str, Any]:
        """The node's own services, those that they and it require, and those that require its own."""
        relations: dict[str, list[Relation]] = {name: ["own"] for name in own.services}
        keys = {key for name in own.services for one in self._named.get(name, ()) for key in one.requires}
        for name in self._names(keys.union(shown.requires)):
            relations.setdefault(name, []).append("required")
        for name in {by for service in own.services for by in self._requiring.get(service, ())}:
            relations.setdefault(name, []).append("requiring")
        return {name: self._service(name, why, own.site) for name, why in relations.items()}

    def _service(self, name: str, relations: list[Relation], site: Site) -> dict[str, Any]:
        """A service as it is at one site. Members of other sites are listed for those who provide the same there."""
        defined = self._named.get(name, ())
        provides = sorted({word for one in defined for word in one.provides})
        offers: dict[str, Any] = {}
        for one in reversed(defined):
            offers |= {**one.offers, **one.at_site.get(self._key_of_site(site), {})}
        told = {
            "relations": relations,
            "provides": provides,
            "requires": sorted(self._names(key for one in defined for key in one.requires)),
            "public": any(one.public for one in defined),
            "offers": offers,
        }
        if "own" not in relations:
            return told | {"members": self._members.at(name, site)}
        members = self._members.everywhere(name) if provides else self._members.at(name, site)
        clients = {key: one for each in defined for key, one in self._clients.of(each.key, site).items()}
        return told | {"members": members, "clients": clients}

    def _key_of_site(self, name: Site) -> str:
        return next((key for key, one in self._definitions.sites.items() if one.name == name), "")

    def _names(self, keys: Iterable[str]) -> set[str]:
        known = self._definitions.services
        return {known[key].name for key in keys if key in known}

    def _guests_of(self, certname: str, key: str) -> dict[str, Any]:
        """The guests that belong to a hypervisor now, or should run or have their copy there."""
        found = self._guests.get(certname, {}) | self._guests.get(key, {})
        return {name: _guest(guest, member, certname, key) for name, (guest, member) in found.items()}

    def _take(self, generation: Generation) -> None:
        """Follow to another generation: whatever is the same object stays."""
        if generation.definitions is not self._definitions:
            self._define(generation.definitions)
        before, after, known = self._answers, generation.answers, 0
        for name, answer in after.items():
            old = before.get(name)
            known += old is not None
            if old is not answer:
                if old is not None:
                    self._drop(name, old)
                self._put(name, answer)
        if known < len(before):
            for name in before.keys() - after.keys():
                self._drop(name, before[name])
        self._generation, self._answers = generation, after

    def _put(self, name: str, answer: Answer) -> None:
        shown = _SHOWN.decode(answer.shown)
        for service in shown.services:
            self._members.put(service, shown.site, name, shown.member)
        for key in shown.requires:
            self._clients.put(key, shown.site, name, shown.member)
        for place in _places(shown):
            self._guests.setdefault(place, {})[name] = (shown.guest or _NO_GUEST, shown.member)

    def _drop(self, name: str, answer: Answer) -> None:
        shown = _SHOWN.decode(answer.shown)
        for service in shown.services:
            self._members.drop(service, shown.site, name)
        for key in shown.requires:
            self._clients.drop(key, shown.site, name)
        for place in _places(shown):
            self._guests[place].pop(name, None)

    def _define(self, definitions: Definitions) -> None:
        self._definitions, self._named, self._requiring = definitions, {}, {}
        for one in definitions.services.values():
            self._named.setdefault(one.name, []).append(one)
            for name in self._names(one.requires):
                self._requiring.setdefault(name, set()).add(one.name)


def _places(shown: Shown) -> set[str]:
    """Where a guest belongs: the certname of its hypervisor, the DNs of those that are declared for it."""
    guest = shown.guest or _NO_GUEST
    return {place for place in (guest.hypervisor, guest.production, guest.backup) if place is not None}


def _guest(guest: Guest, member: Raw, certname: str, key: str) -> Raw:
    """A guest as a hypervisor sees it: what it has to do with it, and what others are shown of the guest."""
    here = {
        "uuid": guest.uuid,
        "placed": guest.hypervisor == certname,
        "production": guest.production == key,
        "backup": guest.backup == key,
    }
    return Raw(_JSON.encode(here)[:-1] + b"," + bytes(member)[1:])
