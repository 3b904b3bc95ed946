"""NFS servers: silent, down, without idle threads, without their clients; and the guests that load them."""

from typing import Any

import pytest

from audit.nfs_load import GuestLoad
from audit.storage import NfsLoad
from audit.verdict import Measure
from facts.inventory.domains import Disk
from facts.inventory.statistics import DiskStatistics, DomainStatistics, HypervisorStatistics
from facts.observations import Client, Mount, NfsServer, Pool
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import domain, guest, host, host_dn, kvm, service, settings, site, site_dn, uuid_of

KVM1, KVM2 = "kvm1.lab.test", "kvm2.lab.test"
NFS, MIRROR, WEB, MAIL = "nfs.lab.test", "mirror.lab.test", "web.lab.test", "mail.lab.test"
MIB = 2**20


def on_nfs(target: str = "vda", server: str = "10.1.0.2") -> Disk:
    return Disk(target, "nfs", f"/pool/{target}.qcow2", server, "/srv/containers")


@pytest.fixture
def scene() -> Scene:
    scene = Scene(
        site("angers"),
        site("lyon"),
        kvm(KVM1, "angers"),
        kvm(KVM2, "lyon"),
        host(NFS, enclumeAtSite=site_dn("angers"), ipHostNumber="10.1.0.2"),
        host(MIRROR, enclumeAtSite=site_dn("angers")),
        service("nfs", members=(NFS,), enclumeProvides="nfs"),
        service("mirror", members=(MIRROR,), enclumeProvides="mirror"),
        *(guest(name, enclumeProduction=host_dn(KVM1)) for name in (WEB, MAIL)),
    )
    scene.see(
        KVM1, domain("web", disks=[on_nfs(), Disk("vdb", "lvm", "/dev/vg/web")]), domain("mail", disks=[on_nfs()])
    )
    scene.see(KVM2, domain("far", disks=[on_nfs()]))
    return scene


def serve(
    scene: Scene, seconds: float = 60, *, by: str = NFS, threads: int = 8, requests: int = 0, **others: Any
) -> None:
    """So many seconds later, the NFS server says what it counted."""
    scene.at += seconds
    scene.observe(by, nfsd=NfsServer(threads, {"read": requests, "write": requests}, **others))


def pool(arrived: int, enqueued: int, woken: int | None = None) -> tuple[Pool, ...]:
    return (Pool("0", arrived, enqueued, woken),)


def measure(scene: Scene, name: str, *moved: tuple[str, dict[str, tuple[int, int]]], seconds: float = 30) -> None:
    """A hypervisor's statistics: what each domain's disks read and wrote within so many seconds."""
    now, before = {}, {}
    for of, disks in moved:
        uuid = uuid_of(of)
        grown = tuple(DiskStatistics(disk, 0, 5 + read, 7 + written) for disk, (read, written) in disks.items())
        old = tuple(DiskStatistics(disk, 0, 5, 7) for disk in disks)
        now[uuid], before[uuid] = (
            DomainStatistics(uuid, scene.at, grown),
            DomainStatistics(uuid, scene.at - seconds, old),
        )
    scene.statistics[name] = HypervisorStatistics(scene.at, now, before)


def load(scene: Scene, name: str = NFS) -> NfsLoad:
    details = scene.audit().groups["storage", name].judged.details
    assert isinstance(details, NfsLoad)
    return details


def test_a_server_is_unknown_until_it_speaks_and_when_it_falls_silent(scene: Scene) -> None:
    assert scene.wrong("storage") == {"nfsd_silent": "unknown"}
    assert f"{NFS} has never said anything of its NFS server" in scene.verdicts("storage")[0].sentence
    serve(scene)
    assert scene.wrong("storage") == {}
    scene.at += 601
    assert scene.wrong("storage") == {"nfsd_silent": "unknown"}
    serve(scene)
    assert scene.wrong("storage") == {}


def test_a_server_without_threads_is_down_until_it_has_some(scene: Scene) -> None:
    serve(scene, threads=0)
    assert scene.wrong("storage") == {"nfsd_down": "critical"}
    serve(scene)
    assert scene.wrong("storage") == {}


def test_rates_come_from_two_readings(scene: Scene) -> None:
    serve(scene, requests=100)
    (first,) = scene.verdicts("storage")
    assert f"{NFS} serves with 8 threads, 0 NFSv4 clients: no second reading of it yet" in first.sentence
    serve(scene, 60, requests=400, read_bytes=60 * MIB, written_bytes=6 * MIB, reply_cache_hits=30)
    (second,) = scene.verdicts("storage")
    assert second.sentence.endswith("10 requests/s, 1 MiB/s read, 102 KiB/s written")
    assert second.measures == (
        Measure("threads", 8),
        Measure("clients", 0),
        Measure("requests", 10.0),
        Measure("read", MIB, "B"),
        Measure("written", 104858, "B"),
        Measure("reply_cache_hits", 0.5),
    )


def test_counters_that_began_anew_give_no_rates(scene: Scene) -> None:
    serve(scene, requests=1000)
    serve(scene, requests=10)
    assert load(scene).rates is None
    serve(scene, requests=70)
    rates = load(scene).rates
    assert rates is not None
    assert rates.requests == 2.0


@pytest.mark.parametrize(
    ("before", "now", "waiting"),
    [
        (pool(1000, 10), pool(2000, 210), 0.2),
        (pool(1000, 10, 900), pool(2000, 1010, 1700), 0.2),
        (pool(1000, 1000), pool(2000, 2000), None),
        (pool(1000, 10), pool(1000, 10), None),
        (pool(1000, 10), pool(1099, 109), None),
        ((), pool(2, 2, 0), None),
        (pool(1000, 10), pool(20, 5), None),
        ((), (), None),
    ],
    ids=[
        "old kernel",
        "recent kernel",
        "recent kernel that does not tell",
        "idle",
        "few packets",
        "just started",
        "began anew",
        "no pools",
    ],
)
def test_packets_that_found_no_idle_thread(
    scene: Scene, before: tuple[Pool, ...], now: tuple[Pool, ...], waiting: float | None
) -> None:
    serve(scene, pools=before)
    serve(scene, pools=now)
    rates = load(scene).rates
    assert rates is not None
    assert rates.waiting == pytest.approx(waiting)


def test_too_few_threads_are_a_warning_until_there_are_enough(scene: Scene) -> None:
    measure(scene, KVM1, ("web", {"vda": (30 * MIB, 0)}))
    serve(scene, pools=pool(0, 0))
    serve(scene, pools=pool(1000, 200))
    assert scene.wrong("storage") == {"nfsd_starved": "warning"}
    starved = sentences(scene.verdicts("storage"))["nfsd_starved"]
    assert f"on {NFS}, 20% of the packets found none of its 8 threads idle" in starved
    assert f"most by {WEB} (1 MiB/s)" in starved
    assert Measure("waiting", 20.0, "%", 10.0) in scene.verdicts("storage")[1].measures
    serve(scene, threads=16, pools=pool(2000, 250))
    assert scene.wrong("storage") == {}


def test_the_sites_threshold_counts(scene: Scene) -> None:
    serve(scene, pools=pool(0, 0))
    serve(scene, pools=pool(1000, 200))
    scene.settings = settings(thresholds={"sites": {"angers": {"nfsd_enqueued": 0.5}}})
    assert scene.wrong("storage") == {}


@pytest.mark.parametrize(
    "lost", [Client("10.1.0.9:700", "web", "confirmed", 200.0), Client("10.1.0.9:700", "web", "courtesy", 10.0)]
)
def test_a_client_that_does_not_renew_its_lease_is_a_warning_until_it_does(scene: Scene, lost: Client) -> None:
    well = Client("10.1.0.8:700", "mail", "confirmed", 20.0)
    serve(scene, clients=(lost, well))
    assert scene.wrong("storage") == {"nfsd_client_silent": "warning"}
    said = sentences(scene.verdicts("storage"))["nfsd_client_silent"]
    assert f"{NFS} has not heard of 10.1.0.9:700 (web) for 3 min" in said
    serve(scene, clients=(Client("10.1.0.9:700", "web", "confirmed", 20.0), well))
    assert scene.wrong("storage") == {}


@pytest.mark.parametrize("age", [(200.0, 20.0), (None, None), (None, 20.0)])
def test_of_a_client_that_came_back_the_youngest_entry_counts(
    scene: Scene, age: tuple[float | None, float | None]
) -> None:
    gone, back = Client("10.1.0.9", "web", "courtesy", age[0]), Client("10.1.0.9", "web", "confirmed", age[1])
    serve(scene, clients=(gone,))
    assert scene.wrong("storage") == {"nfsd_client_silent": "warning"}
    for clients in ((gone, back), (back, gone)):
        serve(scene, clients=clients)
        assert scene.wrong("storage") == {}


def test_guests_are_ranked_by_what_they_put_on_the_server(scene: Scene) -> None:
    scene.see(
        KVM1, domain("web", disks=[on_nfs(), Disk("vdb", "lvm", "/dev/vg/web")]), domain("stray", disks=[on_nfs()])
    )
    measure(
        scene,
        KVM1,
        ("web", {"vda": (30 * MIB, 60 * MIB), "vdb": (900 * MIB, 0)}),
        ("stray", {"vda": (300 * MIB, 0)}),
    )
    measure(scene, KVM2, ("far", {"vda": (900 * MIB, 0)}))
    serve(scene)
    assert load(scene).guests == (
        GuestLoad("stray", KVM1, 10.0 * MIB, 0.0),
        GuestLoad(WEB, KVM1, 1.0 * MIB, 2.0 * MIB),
    )
    assert scene.verdicts("storage")[0].sentence.endswith(f"; most by stray (10 MiB/s) and {WEB} (3 MiB/s)")


def test_only_the_busiest_are_named(scene: Scene) -> None:
    names = [f"g{number}" for number in range(8)]
    scene.see(KVM1, *(domain(name, disks=[on_nfs()]) for name in names))
    measure(scene, KVM1, *((name, {"vda": (number * MIB, 0)}) for number, name in enumerate(names)))
    assert [one.guest for one in load(scene).guests] == ["g7", "g6", "g5", "g4", "g3"]


def test_a_guest_that_began_anew_counts_for_nothing_and_one_without_a_reading_before_is_left_out(scene: Scene) -> None:
    measure(scene, KVM1, ("web", {"vda": (-3, -3)}))
    uuid = uuid_of("mail")
    known = scene.statistics[KVM1]
    now = {**known.domains, uuid: DomainStatistics(uuid, scene.at, (DiskStatistics("vda", 0, 9, 9),))}
    scene.statistics[KVM1] = HypervisorStatistics(known.read_at, now, known.before)
    assert load(scene).guests == ()


def test_a_guest_whose_file_is_below_a_mount_of_its_hypervisor_loads_the_server(scene: Scene) -> None:
    """The mount is told after libvirt's figures."""
    scene.see(KVM1, domain("web", disks=[Disk("vda", "file", "/mnt/a.raw"), Disk("vdb", "network", "a", "10.1.0.2")]))
    measure(scene, KVM1, ("web", {"vda": (30 * MIB, 0), "vdb": (90 * MIB, 0)}))
    serve(scene)
    assert load(scene).guests == ()
    scene.observe(KVM1, mounts=(Mount("/", "elsewhere", "/"), Mount("/mnt", "nfs", "/srv")))
    assert load(scene).guests == (GuestLoad(WEB, KVM1, 1.0 * MIB, 0.0),)


def test_a_mirror_is_judged_while_it_serves_files(scene: Scene) -> None:
    serve(scene)
    assert {one.subject for one in scene.verdicts("storage")} == {NFS}
    serve(scene, by=MIRROR, clients=(Client("10.1.0.9", "", "courtesy"),))
    assert scene.wrong("storage", MIRROR) == {"nfsd_client_silent": "warning"}
    serve(scene, by=MIRROR, threads=0)
    assert {one.subject for one in scene.verdicts("storage")} == {NFS}


def test_a_server_is_judged_again_only_for_a_new_reading(scene: Scene) -> None:
    serve(scene)
    first = scene.audit().groups["storage", NFS]
    scene.at += 20
    scene.observe(KVM2, containers=())
    assert scene.audit().groups["storage", NFS] is first
    measure(scene, KVM1, ("web", {"vda": (30 * MIB, 0)}))
    second = scene.audit().groups["storage", NFS]
    assert second is not first
    serve(scene)
    assert scene.audit().groups["storage", NFS] is not second
    assert scene.at > NOON
