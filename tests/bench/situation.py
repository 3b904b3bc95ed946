"""The generated estate as a situation in memory, with everything expected and observed: for what needs no server."""

from facts.directory.apply import apply
from facts.directory.entries import Directory
from facts.directory.ldif import parse
from facts.inventory.domains import Disk, Domain, HypervisorSeen, Interface, State
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Backup, BackupKind, Backups, ContainerCopy, Logs, Mount
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from settings import parse as parse_settings
from tests.audit.situations import NOON, Scene
from tests.bench import estate
from tests.bench.estate import Size
from tests.factories import entry

GIB = 2**30
_KINDS: tuple[BackupKind, ...] = ("data", "system")


def scene(size: Size) -> Scene:
    """Every guest runs on its hypervisor and has a copy on the next one of its site; all that can be said is said."""
    uris = {estate.hypervisor(number): "qemu:///system" for number in range(size.hypervisors)}
    directory = {"uri": "ldapi://x", "base": estate.BASE}
    made = Scene(settings=parse_settings({"directory": directory, "hypervisors": {"uris": uris}}))
    made.entries = dict(apply(Directory(estate.BASE, {}), parse(estate.ldif(size))).entries)
    for number in range(size.hypervisors):
        made.hypervisors[estate.hypervisor(number)] = _hypervisor(number, size)
        made.statistics[estate.hypervisor(number)] = _statistics(number, size)
    for site in range(size.sites):
        _observe_servers(made, site, size)
    for number in range(size.guests):
        mounts = (Mount("/home", f"nfs{estate.site_of(number, size):02d}.bench.test", "/srv/home", "4.2"),)
        made.observe(estate.guest(number), mounts=mounts, logs=Logs(0, remote=True))
    keys = [SourceKey("inventory", name) for name in made.hypervisors]
    made.freshness = dict.fromkeys((*keys, SourceKey("directory", estate.BASE)), Freshness(NOON))
    made.runs = {name: _run(name) for name in map(estate.guest, range(size.guests))}
    return made


def backups(site: int, size: Size, now: float) -> Backups:
    """What a site's backup server keeps: the data and the system of every guest."""
    return Backups(
        tuple(
            Backup(
                estate.guest(number),
                kind,
                last_success=now - 3600,
                last_full=now - 86400,
                kept_full=now - 86400,
                last_attempt=now - 3600,
                last_size_bytes=GIB,
                previous_size_bytes=GIB,
            )
            for number in range(size.guests)
            if estate.site_of(number, size) == site
            for kind in _KINDS
        )
    )


def move(made: Scene, number: int, size: Size) -> None:
    """A guest is off where it ran, and runs where its copy was."""
    here, there = _home(number, size), estate.partner_of(_home(number, size), size)
    states: tuple[tuple[int, State], ...] = ((here, "shutoff"), (there, "running"))
    for hypervisor, state in states:
        seen = made.hypervisors[estate.hypervisor(hypervisor)]
        domains = tuple(
            _domain(number, state) if domain.uuid == estate.guest_uuid(number) else domain for domain in seen.domains
        )
        made.hypervisors[estate.hypervisor(hypervisor)] = HypervisorSeen(
            seen.hostname, seen.cpus, seen.memory, seen.libvirt_version, domains
        )


def edit_site(made: Scene, site: int, hours: int) -> None:
    """The systems of a site must be saved within so many hours: every host there is concerned."""
    _expect(made, site, f"system/daily={hours}", *estate.MAX_AGES[:2], estate.MAX_AGES[3], "container/monthly=768")


def _expect(made: Scene, site: int, *max_ages: str) -> None:
    dn = f"ou=site{site:02d},ou=sites,{estate.BASE}"
    known = made.entries[dn]
    stated = {known.spelling.get(name, name): values for name, values in known.attributes.items()}
    made.put(entry(dn, **stated | {"enclumeMaxAge": max_ages}))


def _home(number: int, size: Size) -> int:
    return estate.hypervisor_of(number, size)


def _hypervisor(number: int, size: Size) -> HypervisorSeen:
    own = range(number, size.guests, size.hypervisors)
    copies = range((number - size.sites) % size.hypervisors, size.guests, size.hypervisors)
    domains = [_domain(guest, "running") for guest in own] + [_domain(guest, "shutoff") for guest in copies]
    ordered = tuple(sorted(domains, key=lambda domain: domain.uuid))
    return HypervisorSeen(f"kvm{number:03d}", 64, 512 * GIB, "9.0.0", ordered)


def _domain(number: int, state: State) -> Domain:
    mac = f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return Domain(
        uuid=estate.guest_uuid(number),
        name=f"vm{number:05d}",
        state=state,
        reason="booted" if state == "running" else "shutdown",
        memory=2 * GIB,
        vcpus=2,
        autostart=False,
        persistent=True,
        interfaces=(Interface(mac, "natnet", "virbr-nat"),),
        disks=(Disk("vda", "lvm", f"/dev/vg0/vm{number:05d}"),),
    )


def _statistics(number: int, size: Size) -> HypervisorStatistics:
    uuids = [estate.guest_uuid(guest) for guest in range(number, size.guests, size.hypervisors)]
    disks = (DiskStatistics("vda", 8 * GIB, 10**9, 10**8),)
    domains = {uuid: DomainStatistics(uuid, NOON, disks) for uuid in uuids}
    return HypervisorStatistics(NOON, domains, domains, dict.fromkeys(uuids, 0.0))


def _observe_servers(made: Scene, site: int, size: Size) -> None:
    made.observe(f"backup{site:02d}.bench.test", backups=backups(site, size, NOON))
    for hypervisor in range(site, size.hypervisors, size.sites):
        own = range(hypervisor, size.guests, size.hypervisors)
        copies = tuple(
            ContainerCopy(f"vm{guest:05d}", last_success=NOON - 7200, last_attempt=NOON - 7200, verified=True)
            for guest in own
        )
        made.observe(estate.hypervisor(hypervisor), containers=copies)
    _expect(made, site, *estate.MAX_AGES, "container/monthly=768")


def _run(certname: str) -> Run:
    return Run(certname=certname, ended_at=NOON - 600, last_success=NOON - 600, status="unchanged")
