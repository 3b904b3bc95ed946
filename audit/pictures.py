"""Developing pictures: one for every host, the same object again where nothing of it changed."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from audit.backups import Archive, Kept, Names, archive, backups_of, named, unknown
from audit.data_sources import DataSources
from audit.disks import Writers, sharers, sharing, writers
from audit.keepers import Keepers, Roll
from audit.load import Copy, Load, load_of, lodgers
from audit.max_age import Ages, expected
from audit.picture import BackupSeen, Picture
from audit.reach import Reach, Reaches, reaches
from audit.situation import Situation
from audit.touched import dark_of, touched
from facts.authority import may_say
from facts.certname import short_name
from facts.estate import Estate, Node
from facts.exact import differing
from facts.facter.node_facts import Shipped
from facts.fleet import EMPTY, Found
from facts.observatory import permitted
from facts.resting import rests_on


class Pictures(Struct, frozen=True):
    """The picture of every host by certname; and what they were developed from: what hosts keep of others' backups, the
    situation, who keeps backups under each certname, the reach of each hypervisor, the writers of each disk, who should
    keep backups, and whose data come from where.

    `unknown` has, for each host that keeps backups, the names of those that are of no host; `unclaimed` are the UUIDs
    of domains that no host is.
    """

    by_host: Mapping[str, Picture]
    archive: Archive
    unknown: Mapping[str, tuple[str, ...]] = {}
    situation: Situation | None = None
    named: Names = {}
    reaches: Reaches = {}
    writers: Writers = {}
    roll: Roll | None = None
    data: DataSources | None = None
    unclaimed: AbstractSet[str] = frozenset()


NONE = Pictures({}, {})
_BREATH = 20


def develop(situation: Situation, before: Pictures = NONE, breathe: Callable[[], None] = lambda: None) -> Pictures:
    """The picture of every host of the estate; none before there is one. `breathe` is called every few new ones."""
    estate = situation.now.estate
    if estate is None:
        return NONE
    was = before.situation.now.estate if before.situation else None
    kept = archive(estate, situation.observations, situation.settings.backups, before.archive)
    by, names = named(kept, before.archive, before.named)
    reached = reaches(situation, estate, before.reaches)
    written, uuids = writers(estate.fleet, was.fleet if was else EMPTY, before.writers, reached, before.reaches)
    uuids |= _copied(estate, kept, before.archive) | _shared(estate, was, written, reached)
    uuids |= _reaching(estate, reached, before.reaches)
    others = touched(situation, before.situation, uuids) if before.situation else None
    roll = Roll(situation, estate)
    silenced = roll.concerned(before.roll, estate)
    data = DataSources(estate)
    moved = before.data is None or before.data.stated != data.stated
    others = None if others is None or silenced is None or moved else others | silenced
    strangers = _unknown(situation, estate, was, kept, before)
    unclaimed = before.unclaimed if was is estate else estate.fleet.by_uuid.keys() - _claimed(estate)
    ground = Pictures({}, kept, strangers, situation, by, reached, written, roll, data, unclaimed)
    developer = _Developer(situation, estate, roll, data, ground)
    pictures, made = {}, 0
    for certname, node in estate.nodes.items():
        known = before.by_host.get(certname)
        if known is None or others is None or certname in others or certname in names:
            new = developer.picture(node)
            made += 1
            if made % _BREATH == 0:
                breathe()
            known = known if known is not None and known == new else new
        pictures[certname] = known
    return replace(ground, by_host=pictures)


def _claimed(estate: Estate) -> frozenset[str]:
    """The UUIDs of all domains that are an entry's."""
    return frozenset([node.hardware.uuid for node in estate.nodes.values() if node.hardware])


def _copied(estate: Estate, kept: Archive, before: Archive) -> set[str]:
    """The UUIDs of domains on hypervisors that now say something else of their copies."""
    changed = {name for name in differing(kept, before) if any(one.containers for one in _both(name, kept, before))}
    return {found.domain.uuid for name in changed for found in estate.fleet.on.get(name, ())}


def _reaching(estate: Estate, now: Reaches, before: Reaches) -> set[str]:
    """The UUIDs of domains that hypervisors with another reach than before show, or should run."""
    changed = differing(now, before)
    if not changed:
        return set()
    shown = {found.domain.uuid for name in changed for found in estate.fleet.on.get(name, ())}
    nodes = (node for node in estate.nodes.values() if node.placement.hypervisor in changed)
    return shown | {node.hardware.uuid for node in nodes if node.hardware}


def _shared(estate: Estate, was: Estate | None, written: Writers, reached: Reaches) -> set[str]:
    """The UUIDs of domains that share a disk with one on a hypervisor that can be read no more, or again."""
    changed = dark_of(estate) ^ dark_of(was) if was else ()
    return sharers((found for name in changed for found in estate.fleet.on.get(name, ())), written, reached)


def _both(name: str, kept: Archive, before: Archive) -> tuple[Kept, ...]:
    return tuple(one for one in (kept.get(name), before.get(name)) if one is not None)


def _unknown(
    situation: Situation, estate: Estate, was: Estate | None, kept: Archive, before: Pictures
) -> dict[str, tuple[str, ...]]:
    """The unknown names of every keeper, anew where itself or one of those that it speaks of changed."""
    changed = differing(estate.nodes, was.nodes) if was else set(estate.nodes)
    shown = differing(estate.fleet.on, was.fleet.on) if was else set()
    found = {}
    for name, one in kept.items():
        same = before.archive.get(name) is one and name not in shown and changed.isdisjoint(one.backups)
        found[name] = before.unknown[name] if same else unknown(one, estate, situation.settings.backups)
    return found


class _Developer:
    """Makes pictures; `ground` is what they are developed from, without any yet."""

    def __init__(
        self, situation: Situation, estate: Estate, keepers: Roll, data: DataSources, ground: Pictures
    ) -> None:
        self._situation, self._estate, self._ground = situation, estate, ground
        self._keepers, self._data = keepers, data
        self._dark, self._shown = dark_of(estate), estate.hypervisors
        self._thresholds, self._since = situation.settings.thresholds, situation.measured_since
        self._base, self._runs_unread = situation.settings.directory.base, bool(situation.runs_unread)
        self._claimed: frozenset[str] | None = None
        self._at_site: dict[str, set[str]] = {}
        self._site_of: dict[str, str] = {}
        for name in (*(target.name for target in estate.targets), *self._dark):
            node = estate.nodes.get(name)
            if node is not None and node.site is not None:
                self._at_site.setdefault(node.site.key, set()).add(name)
                self._site_of[name] = node.site.key
        generation = situation.now.generation
        self._answers, self._held = generation.answers, generation.hold.changes if generation.hold else {}
        self._results = situation.now.classification.results

    def picture(self, node: Node) -> Picture:
        situation, ground, host = self._situation, self._ground, node.host
        name, guest = host.name, node.kind == "guest"
        uuid = (node.hardware.uuid if node.hardware else host.domain_uuid or "") if guest else ""
        copies = self._estate.fleet.by_uuid.get(uuid, ()) if uuid else ()
        production, backup = self._name(host.production), self._name(host.backup)
        namesakes = self._namesakes(node, copies, uuid) if guest else ()
        shared = sharing(copies, ground.writers, ground.reaches)
        facts = situation.facts.get(name)
        shipped = facts.shipped if facts is not None and guest else None
        backups = backups_of(node, copies, ground.archive, ground.named.get(name, ()), situation.settings.backups)
        keepers = self._keepers.of(node, self._holders(node, copies, production, backup))
        ages = expected(node)
        load = self._load(node, production, backup, backups, keepers, ages) if guest else None
        return Picture(
            node=node,
            production=production,
            backup=backup,
            copies=copies,
            namesakes=namesakes,
            sharing=shared,
            reaches=tuple([ground.reaches[one.hypervisor] for one in copies]),
            blind=self._blind(node, production, backup) if guest else (),
            unread=self._unread((*namesakes, *shared)) if namesakes or shared else (),
            own=permitted(seen, may_say(node)) if (seen := situation.observations.get(name)) else None,
            ages=ages,
            backups=backups,
            keepers=keepers,
            claims=facts.claims if facts is not None else None,
            shipped=shipped,
            sizes=self._sizes(node, copies) or _guest_sizes(shipped),
            stuck=self._stuck(node, copies),
            data=self._data.of(node) if guest else (),
            load=load,
            lodges=tuple(lodgers(name, copies, load.home if load else None)),
            run=situation.runs.get(name),
            reporting=situation.knows_runs,
            runs_unread=self._runs_unread,
            rests_on=rests_on(node, self._base),
            findings=self._results[name].findings if name in self._results else node.findings,
            held=name in self._held,
            answered=name in self._answers,
        )

    def _name(self, dn: str | None) -> str | None:
        host = self._estate.declared.hosts.get(dn) if dn else None
        return host.name if host else None

    def _namesakes(self, node: Node, copies: tuple[Found, ...], uuid: str) -> tuple[Found, ...]:
        """Domains at its site of the name that its domain has, or that it has itself while it has none, with another
        UUID; none that is another entry's.
        """
        by_name, name = self._estate.fleet.by_name, node.host.name
        if copies:
            named = by_name.get(copies[0].domain.name.lower(), ())
            if len(named) == len(copies):
                return ()
        else:
            named = by_name.get(name) or by_name.get(short_name(name), ())
        site = node.site.key if node.site else None
        return tuple(
            one
            for one in named
            if one.domain.uuid != uuid
            and site in (None, self._site_of.get(one.hypervisor))
            and one.domain.uuid not in self._claims()
        )

    def _claims(self) -> frozenset[str]:
        if self._claimed is None:
            self._claimed = _claimed(self._estate)
        return self._claimed

    def _blind(self, node: Node, production: str | None, backup: str | None) -> tuple[str, ...]:
        """Hypervisors that may hold a guest and cannot be read; those that it is declared on and that are never read,
        having no usable URI, are among them.
        """
        shown = self._shown
        if not self._dark and (production is None or production in shown) and (backup is None or backup in shown):
            return ()
        named = {name for name in (production, backup) if name}
        may_hold = {*node.placement.observed_on, *named, node.placement.hypervisor}
        if production is None:
            may_hold |= self._at_site.get(node.site.key, set()) if node.site else self._dark
        return tuple(sorted((named - shown.keys()) | (self._dark & may_hold)))

    def _unread(self, others: tuple[Found, ...]) -> tuple[str, ...]:
        return tuple(sorted({one.hypervisor for one in others} & self._dark))

    def _stuck(self, node: Node, copies: tuple[Found, ...]) -> bool:
        """Whether the guest's monitor, where it runs, is busy with one job for longer than it may be; not known, and
        so not said, once that was read too long ago.
        """
        for found in copies:
            statistics = self._situation.statistics.get(found.hypervisor)
            if statistics is None or not found.domain.running or statistics.read_at < self._since:
                continue
            busy = statistics.busy.get(found.domain.uuid, 0.0)
            if busy and busy > self._thresholds.of(node.site.name if node.site else "", node.host.name).monitor_seconds:
                return True
        return False

    def _holders(
        self, node: Node, copies: tuple[Found, ...], production: str | None, backup: str | None
    ) -> tuple[str, ...]:
        """The hypervisors that show its domain; while none does, those that should."""
        if node.kind != "guest":
            return ()
        shown = [one.hypervisor for one in copies]
        return tuple(shown or dict.fromkeys(filter(None, (production, backup, node.placement.hypervisor))))

    def _sizes(self, node: Node, copies: tuple[Found, ...]) -> tuple[tuple[str, int], ...]:
        """The sizes that the statistics of its own hypervisor gave, else of the first that shows it."""
        own = [one for one in copies if one.hypervisor == node.placement.hypervisor]
        for found in (*own, *copies):
            statistics = self._situation.statistics.get(found.hypervisor)
            domain = statistics.domains.get(found.domain.uuid) if statistics else None
            if domain is not None:
                return tuple([(disk.target, disk.capacity) for disk in domain.disks if disk.capacity])
        return ()

    def _load(  # noqa: PLR0917 - all are needed, none is more so
        self,
        node: Node,
        production: str | None,
        backup: str | None,
        backups: tuple[BackupSeen, ...],
        keepers: Keepers,
        ages: Ages,
    ) -> Load | None:
        made = (one for one in backups if one.kind == "container")
        copies = tuple([Copy(one.by, one.peer, one.last_success, one.verified) for one in made])
        silent = tuple([one.name for one in keepers.holders if one.silent])
        home = node.placement.hypervisor or ""
        reach = self._ground.reaches.get(home) or Reach(home)
        return load_of(node, production, backup, copies, silent, reach, ages)


def _guest_sizes(shipped: Shipped | None) -> tuple[tuple[str, int], ...]:
    """The sizes of its disks as the guest itself sees them."""
    return tuple([(one.name, one.size_bytes) for one in shipped.disks or ()]) if shipped is not None else ()
