"""libvirt's XML, as real hypervisors wrote it, becomes values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.inventory.domains import Disk, Interface
from facts.inventory.storage import Pool
from facts.inventory.xml import Surroundings, parse_domain, parse_network, parse_pool_text

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "libvirt"
AROUND = Surroundings(
    {"labnat": "virbr-lab", "public": "br-pub"}, (Pool("labpool", "file", "/var/lib/libvirt/labpool"),)
)
NFS = Pool("vms", "nfs", "/srv/vms", "nfs1.example.org", "/export/vms")
LVM = Pool("vg0", "lvm", "/dev/vg0")
DIR = Pool("local", "file", "/srv/vms/scratch")
POOLS = (NFS, LVM, DIR)


def a_domain(devices: str = "", memory: str = "<memory unit='KiB'>1024</memory>", more: str = "") -> str:
    return f"<domain><name>web</name>{more}{memory}<vcpu>2</vcpu><devices>{devices}</devices></domain>"


@pytest.mark.parametrize("file", ["domain-live.xml", "domain-inactive.xml"])
def test_a_guest_looks_the_same_whether_it_runs_or_not(file: str) -> None:
    """Running, libvirt writes the network's bridge into the interface; off, the bridge is the network's own."""
    said = parse_domain((FIXTURES / file).read_text(), AROUND)
    assert (said.memory, said.vcpus) == (128 << 20, 1)
    assert said.interfaces == (
        Interface("52:54:00:aa:bb:01", "labnat", "virbr-lab"),
        Interface("52:54:00:aa:bb:02", "public", "br-pub"),
    )
    assert said.disks == (Disk("vda", "file", "/var/lib/libvirt/labpool/d1.qcow2"),)
    assert said.metadata.split() == [
        "<enc:role", 'xmlns:enc="urn:example:enc:1"', 'name="web">',
        "<enc:param", 'key="tier">gold</enc:param>', "</enc:role>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("<memory>2048</memory>", 2 << 20),
        ("<memory unit='KiB'>2048</memory>", 2 << 20),
        ("<memory unit='GiB'>3</memory>", 3 << 30),
        ("<memory unit='MB'>5</memory>", 5_000_000),
        ("<memory unit='bytes'>7</memory>", 7),
    ],
)
def test_memory_is_bytes_in_every_unit(memory: str, expected: int) -> None:
    assert parse_domain(a_domain(memory=memory), AROUND).memory == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<domain", "cannot be read"),
        ("", "cannot be read"),
        ("<network/>", "expected a domain's XML, got <network>"),
        ("<domain/>", "no <memory>"),
        (a_domain(memory="<memory>x</memory>"), "a memory of 'x'"),
        (a_domain(memory="<memory unit='furlong'>1</memory>"), "'furlong'"),
        ('<!DOCTYPE d [<!ENTITY a "aa">]><domain>&a;</domain>', "document type"),
    ],
)
def test_what_is_no_domain_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_domain(text, AROUND)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused_in_a_sentence(text: str) -> None:
    for made in (text, a_domain(more=text), f"<domain>{text}</domain>"):
        try:
            parse_domain(made, AROUND)
        except ValueError as error:
            refusal = str(error)
            assert refusal


def test_a_mac_is_lower_case_and_a_user_network_has_none() -> None:
    devices = "<interface type='user'><mac address='52:54:00:AB:CD:EF'/></interface><interface type='user'/>"
    assert parse_domain(a_domain(devices), AROUND).interfaces == (Interface("52:54:00:ab:cd:ef"), Interface(""))


def test_metadata_is_what_stands_there_and_empty_when_there_is_none() -> None:
    nested = "<metadata><x:a xmlns:x='u'><metadata>inner</metadata></x:a></metadata>"
    assert parse_domain(a_domain(more=nested), AROUND).metadata == "<x:a xmlns:x='u'><metadata>inner</metadata></x:a>"
    assert parse_domain(a_domain(), AROUND).metadata == ""
    assert parse_domain(a_domain(more="<metadata/>"), AROUND).metadata == ""
    assert parse_domain(a_domain(more="<title>&lt;metadata&gt;x</title>"), AROUND).metadata == ""


@pytest.mark.parametrize(
    ("disk", "expected"),
    [
        (
            "<disk type='file'><source file='/srv/vms/a.raw'/>",
            Disk("vda", "nfs", "/srv/vms/a.raw", NFS.server, NFS.export, below="a.raw"),
        ),
        ("<disk type='file'><source file='/srv/vms/scratch/a'/>", Disk("vda", "file", "/srv/vms/scratch/a")),
        ("<disk type='file'><source file='/srv/vmsother/a'/>", Disk("vda", "file", "/srv/vmsother/a")),
        ("<disk type='file'><source file='/images/a.qcow2' index='1'/>", Disk("vda", "file", "/images/a.qcow2")),
        ("<disk type='block'><source dev='/dev/vg0/a'/>", Disk("vda", "lvm", "/dev/vg0/a")),
        ("<disk type='block'><source dev='/dev/othervg/a'/>", Disk("vda", "lvm", "/dev/othervg/a")),
        ("<disk type='block'><source dev='/dev/mapper/vg0-a'/>", Disk("vda", "lvm", "/dev/mapper/vg0-a")),
        ("<disk type='block'><source dev='/dev/mapper/my--vg-a'/>", Disk("vda", "lvm", "/dev/mapper/my--vg-a")),
        (
            "<disk type='block'><source dev='/dev/mapper/mpatha-part1'/>",
            Disk("vda", "other", "/dev/mapper/mpatha-part1"),
        ),
        ("<disk type='block'><source dev='/dev/mapper/luks-1-2'/>", Disk("vda", "other", "/dev/mapper/luks-1-2")),
        ("<disk type='block'><source dev='/dev/sdb'/>", Disk("vda", "other", "/dev/sdb")),
        ("<disk type='block'><source dev='/dev/drbd0'/>", Disk("vda", "other", "/dev/drbd0")),
        ("<disk type='block'><source dev='/dev/disk/by-id'/>", Disk("vda", "other", "/dev/disk/by-id")),
        ("<disk type='volume'><source pool='vg0' volume='a'/>", Disk("vda", "lvm", "/dev/vg0/a")),
        (
            "<disk type='volume'><source pool='vms' volume='a'/>",
            Disk("vda", "nfs", "/srv/vms/a", NFS.server, NFS.export, below="a"),
        ),
        ("<disk type='volume'><source pool='gone' volume='a'/>", Disk("vda", "other", "gone/a")),
        (
            "<disk type='network'><source protocol='rbd' name='p/a'><host name='mon1'/></source>",
            Disk("vda", "network", "p/a", "mon1"),
        ),
        (
            "<disk type='network'><source protocol='nfs' name='/export/a'><host name='nfs2'/></source>",
            Disk("vda", "nfs", "/export/a", "nfs2", "/export", below="a"),
        ),
        ("<disk type='vhostuser'><source type='unix' path='/run/x'/>", Disk("vda", "other", "")),
        ("<disk type='file'>", Disk("vda", "other", "")),
        ("<disk type='block' device='lun'><source dev='/dev/sdc'/>", Disk("vda", "other", "/dev/sdc")),
        (
            "<disk type='file'><source file='/images/a'/><shareable/>",
            Disk("vda", "file", "/images/a", shareable=True),
        ),
        ("<disk type='file'><readonly/><source file='/images/a'/>", Disk("vda", "file", "/images/a", shareable=True)),
        ("<disk type='file' device='cdrom'><source file='/iso'/>", None),
        ("<disk type='file' device='floppy'><source file='/f'/>", None),
    ],
)
def test_a_disk_says_what_holds_it(disk: str, expected: Disk | None) -> None:
    said = parse_domain(a_domain(f"{disk}<target dev='vda'/></disk>"), Surroundings(pools=POOLS))
    assert said.disks == (() if expected is None else (expected,))


def a_pool(kind: str, path: str, source: str = "") -> str:
    target = f"<target><path>{path}</path></target>" if path else ""
    return f"<pool type='{kind}'><name>p</name><source>{source}</source>{target}</pool>"


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (
            a_pool("netfs", "/srv/vms/", "<host name='nfs1'/><dir path='/e'/><format type='nfs'/>"),
            Pool("p", "nfs", "/srv/vms", "nfs1", "/e"),
        ),
        (
            a_pool("netfs", "/srv/g", "<host name='g1'/><dir path='/e'/><format type='glusterfs'/>"),
            Pool("p", "network", "/srv/g", "g1", None),
        ),
        (a_pool("logical", "/dev/vg0", "<name>vg0</name>"), Pool("p", "lvm", "/dev/vg0")),
        (a_pool("dir", "/d"), Pool("p", "file", "/d")),
        (a_pool("rbd", "", "<host name='mon1'/>"), Pool("p", "network", "", "mon1")),
        (a_pool("disk", "/dev"), Pool("p", "other", "/dev")),
    ],
)
def test_a_pool_says_what_it_is(pool: str, expected: Pool) -> None:
    assert parse_pool_text(pool) == expected


def test_a_pool_of_whole_disks_does_not_hide_logical_volumes() -> None:
    disk = "<disk type='block'><source dev='/dev/vg0/a'/><target dev='vda'/></disk>"
    said = parse_domain(a_domain(disk), Surroundings(pools=(Pool("disks", "other", "/dev"),)))
    assert said.disks == (Disk("vda", "lvm", "/dev/vg0/a"),)


def test_a_network_has_a_bridge_or_none() -> None:
    assert parse_network("<network><name>a</name><bridge name='virbr0'/></network>") == ("a", "virbr0")
    assert parse_network("<network><name>b</name><forward mode='bridge'/></network>") == ("b", None)
