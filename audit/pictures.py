"""Developing pictures: one for every host, the same object again where nothing of it changed."""

from collections.abc import Mapping

from msgspec import Struct

from audit.backups import Archive, archive, by_host
from audit.picture import BackupSeen, Picture
from audit.situation import Situation
from facts.estate import Estate, Node
from facts.fleet import EMPTY, Fleet, Found
from facts.inventory.domains import Disk

DiskKey = tuple[str, str]


class Pictures(Struct, frozen=True):
    """The picture of every host by certname, what hosts keep of others' backups, and what they were developed from."""

    by_host: Mapping[str, Picture]
    archive: Archive
    fleet: Fleet
    sharing: Mapping[str, tuple[Found, ...]]


NONE = Pictures({}, {}, EMPTY, {})


def develop(situation: Situation, before: Pictures = NONE) -> Pictures:
    """The picture of every host of the estate; none before there is one."""
    estate = situation.now.estate
    if estate is None:
        return NONE
    kept = archive(estate, situation.observations, situation.settings.backups, before.archive)
    same_fleet = estate.fleet.on == before.fleet.on
    sharing = before.sharing if same_fleet else _sharing(estate.fleet)
    developer = _Developer(situation, estate, by_host(kept), sharing)
    pictures = {}
    for certname, node in estate.nodes.items():
        known, new = before.by_host.get(certname), developer.picture(node)
        pictures[certname] = known if known == new and known is not None else new
    return Pictures(pictures, kept, estate.fleet, sharing)


class _Developer:
    def __init__(
        self,
        situation: Situation,
        estate: Estate,
        backups: Mapping[str, tuple[BackupSeen, ...]],
        sharing: Mapping[str, tuple[Found, ...]],
    ) -> None:
        self._situation, self._estate, self._backups, self._sharing = situation, estate, backups, sharing
        self._dark = estate.unreadable | {one.name for one in estate.targets if one.name not in estate.hypervisors}
        self._at_site: dict[str, set[str]] = {}
        self._site_of: dict[str, str] = {}
        for name in (target.name for target in estate.targets):
            node = estate.nodes.get(name)
            if node is not None and node.site is not None:
                self._at_site.setdefault(node.site.key, set()).add(name)
                self._site_of[name] = node.site.key
        generation = situation.now.generation
        self._answers, self._held = generation.answers, generation.hold.changes if generation.hold else {}
        self._results = situation.now.classification.results

    def picture(self, node: Node) -> Picture:
        situation, name = self._situation, node.host.name
        uuid = node.hardware.uuid if node.kind == "guest" and node.hardware else ""
        copies = self._estate.fleet.by_uuid.get(uuid, ()) if uuid else ()
        production, backup = self._name(node.host.production), self._name(node.host.backup)
        return Picture(
            node=node,
            production=production,
            backup=backup,
            copies=copies,
            namesakes=self._namesakes(node, copies) if copies else (),
            sharing=self._sharing.get(uuid, ()),
            blind=self._blind(node, production, backup) if self._dark and node.kind == "guest" else (),
            own=situation.observations.get(name),
            backups=self._backups.get(name, ()),
            sizes=self._sizes(node, uuid) if uuid else (),
            run=situation.runs.get(name),
            findings=self._results[name].findings if name in self._results else node.findings,
            held=name in self._held,
            answered=name in self._answers,
        )

    def _name(self, dn: str | None) -> str | None:
        host = self._estate.declared.hosts.get(dn) if dn else None
        return host.name if host else None

    def _namesakes(self, node: Node, copies: tuple[Found, ...]) -> tuple[Found, ...]:
        """Domains with another UUID of the name that its own domain has, at its site."""
        domain = copies[0].domain
        named = self._estate.fleet.by_name.get(domain.name.lower(), ())
        if len(named) == len(copies):
            return ()
        site = node.site.key if node.site else ""
        return tuple(
            one for one in named if one.domain.uuid != domain.uuid and self._site_of.get(one.hypervisor, "") == site
        )

    def _blind(self, node: Node, production: str | None, backup: str | None) -> tuple[str, ...]:
        may_hold = {*node.placement.observed_on, *filter(None, (production, backup, node.placement.hypervisor))}
        if production is None and node.site is not None:
            may_hold |= self._at_site.get(node.site.key, set())
        return tuple(sorted(self._dark & may_hold))

    def _sizes(self, node: Node, uuid: str) -> tuple[tuple[str, int], ...]:
        statistics = self._situation.statistics.get(node.placement.hypervisor or "")
        domain = statistics.domains.get(uuid) if statistics else None
        return tuple((disk.target, disk.capacity) for disk in domain.disks if disk.capacity) if domain else ()


def _sharing(fleet: Fleet) -> Mapping[str, tuple[Found, ...]]:
    """By UUID: the other running domains that write to a disk which the domain writes to while it runs."""
    writers: dict[DiskKey, tuple[Found, ...]] = {}
    for hypervisor, domains in fleet.on.items():
        for found in domains:
            if found.domain.running:
                for disk in found.domain.disks:
                    if not disk.shareable and disk.path:
                        key = _key(hypervisor, disk)
                        writers[key] = (*writers.get(key, ()), found)
    sharing: dict[str, tuple[Found, ...]] = {}
    for same in writers.values():
        if len(same) > 1:
            for one in same:
                others = tuple(other for other in same if other.domain.uuid != one.domain.uuid)
                if others:
                    known = sharing.get(one.domain.uuid, ())
                    sharing[one.domain.uuid] = known + tuple(other for other in others if other not in known)
    return sharing


def _key(hypervisor: str, disk: Disk) -> DiskKey:
    """What makes two disks one: their path, on a store that hypervisors share or on the hypervisor."""
    return f"{disk.server}:{disk.export or ''}" if disk.server else hypervisor, disk.path
