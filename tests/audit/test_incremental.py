"""Verdicts that were kept are those that would be made from nothing, whatever happened in between."""

from collections.abc import Callable

import hypothesis
from hypothesis import strategies as st

from audit.all import audit
from audit.pictures import develop
from facts.facter.document import Document
from facts.facter.node_facts import kept_of
from facts.inventory.domains import Disk, Domain
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Backup, Backups, ContainerCopy, Logs, Mirror, Mount, NfsServer, Peer, Used, Volume
from facts.puppet import Run
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.audit.situations import Scene
from tests.factories import domain, guest, host, host_dn, kvm, service, service_dn, site, site_dn, uuid_of

HYPERVISORS = ("kvm1", "kvm2", "kvm3")
GUESTS = ("web", "mail", "svn")
SERVERS = ("nfs1", "save1")
NAMES = (*HYPERVISORS, *GUESTS, *SERVERS)
SHARED, MOUNTED = Disk("vda", "nfs", "/pool/one", "nfs1", "/srv", below="one"), Disk("vda", "file", "/home/one")

names, hypervisors, guests = st.sampled_from(NAMES), st.sampled_from(HYPERVISORS), st.sampled_from(GUESTS)
numbers = st.integers(0, 3)
Change = Callable[[Scene], None]


def change(work: Callable[..., None], *strategies: st.SearchStrategy[object]) -> st.SearchStrategy[Change]:
    """A change of a scene with drawn arguments."""
    return st.tuples(*strategies).map(lambda drawn: lambda scene: work(scene, *drawn))


def see(scene: Scene, hypervisor: str, shown: dict[str, int]) -> None:
    scene.see(hypervisor, *(_domain(name, number) for name, number in shown.items()))


def _domain(name: str, number: int) -> Domain:
    states = ("running", "shutoff", "paused", "running")
    return domain(
        name,
        states[number],  # type: ignore[arg-type]
        "ioerror" if number == 2 else "booted",
        uuid=uuid_of("another") if number == 3 else "",
        disks=[(SHARED, MOUNTED, Disk("vda", "lvm", f"/dev/vg/{name}"), SHARED)[number]],
        memory=(number + 1) * 2**30,
    )


def declare(scene: Scene, name: str, production: str, number: int) -> None:
    attributes = {"enclumeProduction": host_dn(production)} if number else {"enclumeAtSite": site_dn("angers")}
    intent = ("running", "off", "retired", "template")[number]
    ages = ("data/daily=26", "container/monthly=768")[: number % 3]
    scene.put(
        guest(name, **attributes, enclumeIntent=intent, enclumeMaxAge=ages, enclumeBackup=host_dn("kvm2"))
        if ages
        else guest(name, **attributes, enclumeIntent=intent)
    )


def assign(scene: Scene, provided: str, member: str, requires: str) -> None:
    scene.put(
        service(
            provided,
            members=(member,),
            enclumeProvides=provided,
            enclumeRequires=service_dn(requires),
        )
    )


def equip(scene: Scene, name: str, number: int) -> None:
    """A hypervisor whose URI is good, refused or not stated; a server with this address."""
    if name in HYPERVISORS:
        uri = {"enclumeLibvirtURI": ("qemu:///system", "ftp://kvm")[number % 2]} if number < 3 else {}
        scene.put(host(name, enclumeKind="hypervisor", enclumeAtSite=site_dn("angers"), **uri))
    elif name in SERVERS:
        scene.put(
            host(name, enclumeAtSite=site_dn("lyon" if number == 3 else "angers"), ipHostNumber=f"10.0.0.{number}")
        )


def observe(scene: Scene, name: str, number: int, about: str) -> None:
    at = scene.at - 3600 * number
    scene.observe(
        name,
        problems=("it is odd",) if number == 1 else (),
        logs=Logs(number * 10**8, remote=number != 2),
        uses=(Used("dns", about, (f"10.0.0.{number}",)),) if number else None,
        mounts=(Mount("/home", ("nfs1", f"10.0.0.{number}")[number % 2], "/srv", responding=number != 3),),
        nfsd=NfsServer(number, {"read": number}) if name == "nfs1" and number != 2 else None,
        mirrors=_mirrors(about, number),
        backups=Backups((Backup(about, last_success=at, last_full=at, kept_full=at, last_attempt=at),))
        if number != 2
        else None,
        containers=(ContainerCopy(about, last_success=at, verified=number != 1),) if name in HYPERVISORS else None,
    )


def _mirrors(peer: str, number: int) -> tuple[Mirror, ...] | None:
    """None at all, none that runs, or one of two."""
    if number > 1:
        return () if number == 2 else None
    return (Mirror(f"r{number}", "Primary", (Volume(0, "UpToDate"),), (Peer(peer, "Connected", "Secondary"),)),)


def measure(scene: Scene, hypervisor: str, size: int) -> None:
    domains = [DomainStatistics(uuid_of(name), scene.at, (DiskStatistics("vda", size * 2**36),)) for name in GUESTS]
    busy = {one.uuid: size * 9.0 for one in domains}
    scene.statistics[hypervisor] = HypervisorStatistics(scene.at, {one.uuid: one for one in domains}, busy=busy)


def run(scene: Scene, name: str, number: int) -> None:
    status = ("changed", "unchanged", "failed", "changed")[number]
    scene.runs[name] = Run(certname=name, ended_at=scene.at, last_success=scene.at - number, status=status)  # type: ignore[arg-type]


def unread(scene: Scene, number: int) -> None:
    """Reports are read, or are not, and why."""
    scene.runs_unread = ("", "the database is away", "")[number % 3]


def claim(scene: Scene, name: str, number: int, other: str) -> None:
    """Facts that agree, differ, are another's, or are gone; the module's fact young or old."""
    told = {
        "nfs_mounts": [{"path": "/home", "server": ("nfs1", "elsewhere")[number % 2], "export": "/srv"}],
        "logs": {"bytes": number * 10**8, "remote": True},
        "disks": [{"name": "vda", "size_bytes": number * 2**36}],
    }
    values = {
        "dmi": {"product": {"uuid": uuid_of(other)}},
        "is_virtual": number == 1,
        "enclume_hypervisor": other,
        "networking": {"interfaces": {"eth0": {"ip": f"10.0.0.{number}"}}},
        "enclume_host": told if number != 1 else None,
    }
    if number:
        scene.facts_of[name] = kept_of(Document(name, values, scene.at - 5000 * (number - 1)), (), scene.at)
    else:
        scene.facts_of.pop(name, None)


def read(scene: Scene, hypervisor: str, number: int) -> None:
    fresh = Freshness(scene.at - number * 100, scene.at if number == 3 else 0.0, "refused" if number == 3 else "")
    scene.freshness[SourceKey("inventory", hypervisor)] = fresh


def wait(scene: Scene, hours: int) -> None:
    scene.at += 3600 * 13 * hours + 1


CHANGES = st.one_of(
    change(see, hypervisors, st.dictionaries(guests, numbers, max_size=3)),
    change(lambda scene, name: scene.fail(name), hypervisors),
    change(declare, guests, hypervisors, numbers),
    change(lambda scene, name: scene.entries.pop(host_dn(name), None), guests),
    change(assign, st.sampled_from(("nfs", "backup", "mirror", "dns", "ldap")), names, st.sampled_from(("nfs", "dns"))),
    change(equip, names, numbers),
    change(observe, names, numbers, names),
    change(measure, hypervisors, numbers),
    change(run, names, numbers),
    change(unread, numbers),
    change(claim, names, numbers, names),
    change(read, hypervisors, numbers),
    change(wait, numbers),
)


def estate() -> Scene:
    scene = Scene(
        site("angers", enclumeMaxAge="system/daily=26", enclumeParameter='base::domains+=["angers.test"]'),
        site("lyon"),
        kvm("kvm1", "angers", ipHostNumber="10.0.0.1"),
        kvm("kvm2", "angers", ipHostNumber="10.0.0.2"),
        kvm("kvm3", "lyon"),
        *(host(name, enclumeAtSite=site_dn("angers")) for name in SERVERS),
        *(guest(name, enclumeProduction=host_dn("kvm1"), enclumeBackup=host_dn("kvm2")) for name in GUESTS),
    )
    for name in HYPERVISORS:
        scene.see(name)
    return scene


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=1, max_size=6))
def test_what_is_kept_is_what_would_be_made_from_nothing(turns: list[list[Change]]) -> None:
    scene = estate()
    pictures = develop(scene.situation())
    scene.audit()
    for turn in turns:
        for make in turn:
            make(scene)
        situation = scene.situation()
        pictures = develop(situation, pictures)
        anew = develop(situation)
        assert (pictures.by_host, pictures.unknown) == (anew.by_host, anew.unknown)
        assert pictures.unclaimed == anew.unclaimed
        scene.audited = audit(situation, scene.audited)
        assert sorted(map(repr, scene.audited.verdicts())) == sorted(map(repr, audit(situation).verdicts()))
