"""The fleet: every domain that the hypervisors show, by UUID and by name."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from facts.certname import short_name
from facts.inventory.domains import Domain, HypervisorSeen


class Found(Struct, frozen=True, gc=False):
    """A domain on the hypervisor that shows it."""

    hypervisor: str
    domain: Domain


class Fleet(Struct, frozen=True):
    """Every domain of every hypervisor, by hypervisor, by UUID and by name (in lower case); `unreadable` are
    hypervisors whose last reading failed; `servers` are by hypervisor the hosts that its domains' disks lie on, sorted.
    """

    seen: Mapping[str, HypervisorSeen]
    on: Mapping[str, tuple[Found, ...]]
    by_uuid: Mapping[str, tuple[Found, ...]]
    by_name: Mapping[str, tuple[Found, ...]]
    unreadable: frozenset[str]
    servers: Mapping[str, tuple[str, ...]] = {}

    def candidates(
        self, certname: str, uuid: str | None, hypervisors: frozenset[str] | None
    ) -> dict[str, tuple[Found, ...]]:
        """The domains that a host could be, by UUID: the declared one, else those named like it on the given
        hypervisors, None for all of them.
        """
        if uuid:
            found = self.by_uuid.get(uuid, ())
            return {uuid: found} if found else {}
        for name in (certname, short_name(certname)):
            named = self.by_name.get(name, ())
            uuids = {one.domain.uuid for one in named if hypervisors is None or one.hypervisor in hypervisors}
            if uuids:
                return {uuid: self.by_uuid[uuid] for uuid in sorted(uuids)}
        return {}


EMPTY = Fleet({}, {}, {}, {}, frozenset())


def muster(hypervisors: Mapping[str, HypervisorSeen], unreadable: Iterable[str], before: Fleet = EMPTY) -> Fleet:
    """Index the domains of all hypervisors; domains that are as they were in `before` stay the same objects, and so do
    the indexes' values.
    """
    changed = {
        name for name in hypervisors.keys() | before.seen.keys() if hypervisors.get(name) is not before.seen.get(name)
    }
    on = {
        name: _found(name, seen, before.on.get(name, ())) if name in changed else before.on[name]
        for name, seen in hypervisors.items()
    }
    servers = {
        name: _servers(seen.domains) if name in changed else before.servers[name] for name, seen in hypervisors.items()
    }
    by_uuid = _indexed(before.by_uuid, _uuid, changed, before.on, on)
    by_name = _indexed(before.by_name, _name, changed, before.on, on)
    return Fleet(hypervisors, on, by_uuid, by_name, frozenset(unreadable), servers)


def renewed(now: Fleet, before: Fleet) -> tuple[Found, ...]:
    """The domains that one of two fleets shows and the other does not show so."""
    found: list[Found] = []
    for name in now.on.keys() | before.on.keys():
        old, new = before.on.get(name, ()), now.on.get(name, ())
        if old is not new:
            found += (*_only(old, new), *_only(new, old))
    return tuple(found)


def _found(hypervisor: str, seen: HypervisorSeen, before: tuple[Found, ...]) -> tuple[Found, ...]:
    known = {one.domain.uuid: one for one in before}
    return tuple(_same(known.get(domain.uuid), domain) or Found(hypervisor, domain) for domain in seen.domains)


def _same(known: Found | None, domain: Domain) -> Found | None:
    return known if known is not None and known.domain == domain else None


def _only(these: tuple[Found, ...], those: tuple[Found, ...]) -> list[Found]:
    """These that are not among those, by identity."""
    others = {id(one) for one in those}
    return [one for one in these if id(one) not in others]


def _indexed(
    known: Mapping[str, tuple[Found, ...]],
    word: Callable[[Found], str],
    changed: Iterable[str],
    was: Mapping[str, tuple[Found, ...]],
    on: Mapping[str, tuple[Found, ...]],
) -> Mapping[str, tuple[Found, ...]]:
    """The domains by a word of theirs, on one hypervisor after the other: what was `known`, but for the hypervisors
    that changed.
    """
    gone: dict[str, set[int]] = {}
    come: dict[str, list[Found]] = {}
    for name in changed:
        old, new = was.get(name, ()), on.get(name, ())
        for one in _only(old, new):
            gone.setdefault(word(one), set()).add(id(one))
        for one in _only(new, old):
            come.setdefault(word(one), []).append(one)
    index = dict(known)
    for value in gone.keys() | come.keys():
        ids = gone.get(value, ())
        left = [one for one in known.get(value, ()) if id(one) not in ids]
        if now := tuple(sorted([*left, *come.get(value, ())], key=_place)):
            index[value] = now
        else:
            del index[value]
    return index


def _uuid(found: Found) -> str:
    return found.domain.uuid


def _name(found: Found) -> str:
    return found.domain.name.lower()


def _place(found: Found) -> tuple[str, str]:
    return found.hypervisor, found.domain.uuid


def _servers(domains: Iterable[Domain]) -> tuple[str, ...]:
    return tuple(sorted({disk.server for domain in domains for disk in domain.disks if disk.server}))
