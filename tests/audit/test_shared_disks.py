"""One disk, whichever way each hypervisor reaches it: by other names of its server, other folders, fstab or libvirt."""

import pytest
from msgspec.structs import replace

from audit.load import Load
from facts.directory.entries import Entry
from facts.inventory.domains import Definition, Disk
from facts.observations import Mount, Used
from tests.audit.situations import Scene, sentences
from tests.factories import GIB, domain, guest, host, kvm, settings, site, site_dn

KVM1, KVM2, NFS = "kvm1.lab.test", "kvm2.lab.test", "nfs.lab.test"
WEB, MAIL = "web.lab.test", "mail.lab.test"
HERE = {"enclumeAtSite": site_dn("angers")}
DEFINED = Definition(GIB, 2, (), (), "digest")


def estate(*entries: Entry) -> Scene:
    """Two hypervisors, two guests and an NFS server that LDAP knows with its address."""
    scene = Scene(
        site("angers"), site("lyon"), kvm(KVM1, "angers", ipHostNumber="10.0.0.1"), kvm(KVM2, "angers"),
        host(NFS, ipHostNumber="10.0.0.9", **HERE), guest(WEB, **HERE), guest(MAIL, **HERE), *entries,
    )  # fmt: skip
    scene.see(KVM1)
    scene.see(KVM2)
    return scene


def pool(server: str, export: str = "/srv", folder: str = "/pool", below: str = "one.raw") -> Disk:
    """A disk in a netfs pool of libvirt."""
    return Disk("vda", "nfs", f"{folder}/{below}", server, export, below=below)


def file(path: str = "/mnt/one.raw") -> Disk:
    """A disk that libvirt takes for a local file."""
    return Disk("vda", "file", path)


def on(scene: Scene, web: Disk, mail: Disk) -> dict[str, str]:
    """`web` runs on the first hypervisor, `mail` on the second: what is wrong with either."""
    scene.see(KVM1, domain("web", disks=[web]))
    scene.see(KVM2, domain("mail", disks=[mail]))
    wrong = scene.wrong("placement", WEB)
    assert wrong == scene.wrong("placement", MAIL)
    return wrong


SHARED = {"shared_disk": "critical"}
ONE = pool(NFS)


@pytest.mark.parametrize(
    "other",
    [
        pool("nfs"),
        pool("NFS.lab.test."),
        pool("10.0.0.9"),
        pool("::ffff:10.0.0.9"),
        pool(NFS, folder="/var/lib/libvirt/images"),
        pool("nfs", folder="/elsewhere"),
        pool(NFS, "/srv/", "/pool"),
        pool(NFS, "/", below="srv/one.raw"),
        Disk("vda", "nfs", "/srv/one.raw", "nfs", "/srv", below="one.raw"),
    ],
)
def test_one_file_by_two_pools_is_one_disk(other: Disk) -> None:
    scene = estate()
    assert on(scene, ONE, other) == SHARED
    assert (
        f"writes to a disk that mail on {KVM2} writes to" in sentences(scene.verdicts("placement", WEB))["shared_disk"]
    )
    assert on(scene, ONE, replace(other, path="/pool/two.raw", below="two.raw")) == {}
    assert on(scene, ONE, replace(other, shareable=True)) == {}


@pytest.mark.parametrize("other", [pool("nfs2.lab.test"), pool(NFS, "/other"), pool("10.0.0.8")])
def test_another_server_or_another_export_is_another_disk(other: Disk) -> None:
    assert on(estate(), ONE, other) == {}


@pytest.mark.parametrize(
    "mounts",
    [
        (Mount("/mnt", "nfs", "/srv"),),
        (Mount("/mnt/", "10.0.0.9", "/srv"),),
        (Mount("/", "elsewhere", "/"), Mount("/mnt", NFS, "/srv")),
        (Mount("/mnt", "elsewhere", "/srv"), Mount("/mnt", NFS, "/srv")),
    ],
)
def test_a_file_below_a_mount_of_fstab_is_one_with_that_of_a_pool(mounts: tuple[Mount, ...]) -> None:
    """Whether it is the guest on it that is found or the mount that is told last."""
    scene = estate()
    assert on(scene, ONE, file()) == {}
    scene.observe(KVM2, mounts=mounts)
    assert on(scene, ONE, file()) == SHARED
    assert on(scene, ONE, file("/mnt2/one.raw")) == {}
    assert on(scene, ONE, file()) == SHARED
    scene.at += 1
    scene.observe(KVM2, mounts=())
    assert on(scene, ONE, file()) == {}


def test_two_files_below_mounts_are_one_at_other_folders_and_two_at_one() -> None:
    scene = estate()
    scene.observe(KVM1, mounts=(Mount("/a", NFS, "/srv"),))
    scene.observe(KVM2, mounts=(Mount("/a", NFS, "/other"), Mount("/b/c", "nfs", "/srv/deep")))
    assert on(scene, file("/a/one.raw"), file("/a/one.raw")) == {}
    assert on(scene, file("/a/deep/one.raw"), file("/b/c/one.raw")) == SHARED


def test_a_name_that_no_entry_has_is_found_by_the_address_that_the_hypervisor_reaches() -> None:
    scene = estate()
    assert on(scene, ONE, pool("vms")) == {}
    scene.observe(KVM2, uses=(Used("pool", "VMs", ("10.0.0.9",), "libvirt"),))
    assert on(scene, ONE, pool("vms")) == SHARED


def test_an_address_that_is_stated_makes_two_disks_one() -> None:
    scene = estate()
    assert on(scene, ONE, pool("10.0.0.7")) == {}
    scene.put(host(NFS, ipHostNumber=("10.0.0.9", "10.0.0.7"), **HERE))
    assert scene.wrong("placement", WEB) == scene.wrong("placement", MAIL) == SHARED
    scene.put(host(NFS, ipHostNumber="10.0.0.9", **HERE))
    assert scene.wrong("placement", WEB) == scene.wrong("placement", MAIL) == {}


def test_where_sites_use_the_same_address_each_hypervisor_means_its_own_server() -> None:
    scene = estate(
        host("nfs.lyon.test", enclumeAtSite=site_dn("lyon"), ipHostNumber="10.0.0.9"), kvm("kvm3.lyon.test", "lyon")
    )
    scene.see("kvm3.lyon.test", domain("mail", disks=[pool("10.0.0.9")]))
    scene.see(KVM1, domain("web", disks=[pool("10.0.0.9")]))
    assert scene.wrong("placement", WEB) == {}
    scene.see("kvm3.lyon.test", domain("mail", disks=[pool(NFS)]))
    assert scene.wrong("placement", WEB) == SHARED


def test_a_server_without_an_entry_is_known_by_its_word() -> None:
    assert on(estate(), pool("filer", folder="/a"), pool("FILER", folder="/b")) == SHARED
    assert on(estate(), pool("filer"), pool("filer.lab.test")) == {}


@pytest.mark.parametrize("server", [KVM1, "10.0.0.1", "kvm1"])
def test_a_folder_that_a_hypervisor_shares_itself(server: str) -> None:
    scene = estate()
    assert on(scene, file("/srv/one.raw"), pool(server)) == SHARED
    assert on(scene, pool("localhost", folder="/here"), pool(server)) == SHARED


def test_hypervisors_without_an_entry_reach_their_servers_too() -> None:
    scene = Scene(
        host(NFS, ipHostNumber="10.0.0.9"), guest(WEB), guest(MAIL),
        settings=settings(hypervisors={"uris": {KVM1: "qemu:///system", KVM2: "qemu:///system"}}),
    )  # fmt: skip
    assert on(scene, ONE, pool("10.0.0.9")) == SHARED
    assert on(scene, pool("localhost"), pool("localhost")) == {}


def test_what_libvirt_alone_can_say_is_by_its_own_paths() -> None:
    """Disks by other protocols, and what was read before their path below the export was kept."""
    rbd = Disk("vda", "network", "pool/one", "10.0.0.9")
    assert on(estate(), rbd, replace(rbd, server=NFS)) == SHARED
    assert on(estate(), rbd, replace(rbd, path="pool/two")) == {}
    old = Disk("vda", "nfs", "/pool/one.raw", NFS, "/srv")
    assert on(estate(), old, old) == SHARED


def load(scene: Scene) -> Load:
    view = scene.audit().view
    assert view is not None
    found = view.pictures.by_host[WEB].load
    assert found is not None
    return found


def test_a_file_below_a_mount_of_its_hypervisor_is_reached_by_all_and_needs_no_copy() -> None:
    scene = estate()
    scene.see(KVM1, domain("web", disks=[file()]))
    assert (load(scene).local, load(scene).anywhere) == (True, False)
    scene.observe(KVM1, mounts=(Mount("/mnt", NFS, "/srv"),))
    assert (load(scene).local, load(scene).anywhere) == (False, True)
    scene.see(KVM1, domain("web", disks=[file(), Disk("vdb", "lvm", "/dev/vg/web")]))
    assert load(scene).local


def test_a_guest_that_only_belongs_there_counts_by_that_hypervisors_mounts() -> None:
    """It is off, and moved away by hand: its home shows it no more."""
    scene = estate()
    scene.see(KVM1, domain("web", disks=[file()]))
    scene.audit()
    scene.see(KVM1)
    scene.see(KVM2, domain("web", "shutoff", "shutdown", disks=[file()]))
    assert load(scene).local
    scene.observe(KVM1, mounts=(Mount("/mnt", NFS, "/srv"),))
    assert not load(scene).local


@pytest.mark.parametrize(
    ("ours", "theirs", "drifts"),
    [
        (ONE, pool("10.0.0.9", folder="/elsewhere"), False),
        (ONE, file(), False),
        (ONE, pool("nfs2"), True),
        (ONE, pool(NFS, below="two.raw"), True),
        (ONE, file("/mnt/two.raw"), True),
        (ONE, file("/pool/one.raw"), False),
        (file("/a.raw"), file("/b.raw"), True),
    ],
)
def test_copies_that_reach_one_disk_in_two_ways_do_not_differ(ours: Disk, theirs: Disk, drifts: object) -> None:
    scene = estate()
    scene.observe(KVM2, mounts=(Mount("/mnt", "nfs", "/srv"),))
    home, copy = domain("web", disks=[ours]), domain("web", "shutoff", "shutdown", disks=[theirs])
    scene.see(KVM1, replace(home, definition=replace(DEFINED, disks=home.disks)))
    scene.see(KVM2, replace(copy, definition=replace(DEFINED, disks=copy.disks)))
    assert ("definition_drift" in scene.wrong("placement", WEB)) == drifts


def test_what_a_hypervisor_says_of_itself_every_minute_changes_no_picture() -> None:
    scene = estate()
    scene.observe(KVM2, mounts=(Mount("/mnt", "nfs", "/srv"),))
    assert on(scene, ONE, file()) == SHARED
    before = scene.audit()
    scene.at += 60
    scene.observe(KVM2, mounts=(Mount("/mnt", "nfs", "/srv", read_bytes=5, responding=True),))
    after = scene.audit()
    assert after.hosts[MAIL] is before.hosts[MAIL]
    assert before.view is not None
    assert after.view is not None
    assert after.view.pictures.reaches[KVM2] is before.view.pictures.reaches[KVM2]
