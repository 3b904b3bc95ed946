"""One guest defined on two real hypervisors: the definitions are equal while it runs on one, and a change shows."""

import uuid
from collections.abc import Callable, Iterator

import libvirt  # type: ignore[import-untyped]
import pytest

from facts.inventory.domains import Definition, HypervisorTarget
from facts.inventory.source import InventorySource
from tests.facts.inventory.recorder import Recorder
from tests.live.hypervisors import Hypervisor, laboratory
from tests.waiting import until

# Much that libvirt fills in: addresses, controllers, a console, a CPU model, the machine's version, ports.
DEVICES = """
<interface type='user'><mac address='52:54:00:aa:bb:01'/><model type='virtio'/></interface>
<controller type='scsi' model='virtio-scsi'/>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<graphics type='vnc' autoport='yes'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
"""
METADATA = '<lab:role xmlns:lab="urn:example:lab"><lab:tier>gold</lab:tier></lab:role>'


@pytest.fixture(scope="module")
def hypervisors() -> Iterator[tuple[Hypervisor, Hypervisor]]:
    with laboratory("coquille1", "coquille2") as (first, second):
        yield first, second


@pytest.fixture
def recorder(hypervisors: tuple[Hypervisor, Hypervisor]) -> Iterator[Recorder]:
    recorder = Recorder()
    source = InventorySource(5.0, 60.0)
    source.watch(tuple(HypervisorTarget(hypervisor.name, hypervisor.uri) for hypervisor in hypervisors))
    source.start(recorder)
    until(lambda: recorder.last("coquille1") and recorder.last("coquille2"), 20, "both hypervisors")
    yield recorder
    source.stop()


@pytest.fixture
def devices(hypervisors: tuple[Hypervisor, Hypervisor]) -> str:
    """Devices with a disk at one path, as NFS and equal volume groups have it."""
    folder = hypervisors[0].folder.parent / "shared"
    return hypervisors[0].disk("web", folder=folder) + DEVICES


@pytest.fixture
def guest(hypervisors: tuple[Hypervisor, Hypervisor], devices: str) -> Iterator[str]:
    """A guest that was written by hand on both, without what libvirt fills in."""
    name, number = f"web-{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
    for hypervisor in hypervisors:
        hypervisor.define(name, number, metadata=METADATA, devices=devices)
    yield name
    for hypervisor in hypervisors:
        hypervisor.forget(name)


def definition(recorder: Recorder, hypervisor: str, guest: str, state: str) -> Definition:
    domain = recorder.until_state(hypervisor, guest, state)
    assert domain.definition is not None
    return domain.definition


def test_a_definition_is_the_same_on_both_before_during_and_after_the_guest_runs_on_one(
    hypervisors: tuple[Hypervisor, Hypervisor], recorder: Recorder, guest: str
) -> None:
    there = definition(recorder, "coquille2", guest, "shutoff")
    assert definition(recorder, "coquille1", guest, "shutoff") == there
    assert (there.memory, there.vcpus, len(there.disks), len(there.interfaces)) == (32 << 20, 1, 1, 1)
    hypervisors[0].start(guest)
    assert definition(recorder, "coquille1", guest, "running") == there
    hypervisors[0].suspend(guest)
    assert definition(recorder, "coquille1", guest, "paused") == there
    hypervisors[0].destroy(guest)
    assert definition(recorder, "coquille1", guest, "shutoff") == there


def test_a_copy_of_the_xml_of_a_running_guest_is_the_same_definition(
    hypervisors: tuple[Hypervisor, Hypervisor], recorder: Recorder, guest: str
) -> None:
    """What `virsh dumpxml` prints, defined on the other hypervisor: how the copies of a laboratory are made."""
    first, second = hypervisors
    first.start(guest)
    here = definition(recorder, "coquille1", guest, "running")
    second.forget(guest)
    until(lambda: recorder.domain("coquille2", guest) is None, 5, "the old copy to be gone")
    with first.connection() as one, second.connection() as other:
        other.defineXML(one.lookupByName(guest).XMLDesc(0))
    assert definition(recorder, "coquille2", guest, "shutoff") == here


def plugged(first: Hypervisor, guest: str, disk: str) -> None:
    with first.connection() as connection:
        connection.lookupByName(guest).attachDevice(disk)


def test_what_is_plugged_in_for_this_run_alone_is_no_change_of_the_definition(
    hypervisors: tuple[Hypervisor, Hypervisor], recorder: Recorder, guest: str
) -> None:
    first, _ = hypervisors
    first.start(guest)
    before = definition(recorder, "coquille1", guest, "running")
    plugged(first, guest, first.disk(guest, "vdb"))

    def has_two_disks() -> bool:
        domain = recorder.domain("coquille1", guest)
        return domain is not None and len(domain.disks) == 2

    until(has_two_disks, 5, "the disk")
    assert definition(recorder, "coquille1", guest, "running") == before


def test_a_guest_that_is_not_kept_has_no_definition(
    hypervisors: tuple[Hypervisor, Hypervisor], recorder: Recorder, guest: str
) -> None:
    first, _ = hypervisors
    first.start(guest)
    definition(recorder, "coquille1", guest, "running")
    first.undefine(guest)

    def is_transient() -> bool:
        domain = recorder.domain("coquille1", guest)
        return domain is not None and not domain.persistent and domain.definition is None

    until(is_transient, 5, "the guest without a definition")


@pytest.mark.parametrize(
    "change",
    [
        ("<memory unit='KiB'>32768</memory>", "<memory unit='KiB'>65536</memory>", lambda said: said.memory),
        (">1</vcpu>", ">2</vcpu>", lambda said: said.vcpus),
        ("web-vda.raw", "web-vdb.raw", lambda said: said.disks),
        ("52:54:00:aa:bb:01", "52:54:00:aa:bb:02", lambda said: said.interfaces),
        ("<model type='virtio'/>", "<model type='e1000'/>", lambda said: said.digest),
        (">gold<", ">silver<", lambda said: said.digest),
    ],
    ids=["memory", "vcpus", "disk", "mac", "model", "metadata"],
)
def test_a_change_of_the_definition_shows_while_the_guest_runs(
    hypervisors: tuple[Hypervisor, Hypervisor],
    recorder: Recorder,
    guest: str,
    change: tuple[str, str, Callable[[Definition], object]],
) -> None:
    was, is_now, part = change
    first, _ = hypervisors
    first.start(guest)
    before = definition(recorder, "coquille1", guest, "running")
    with first.connection() as connection:
        xml = connection.lookupByName(guest).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        assert was in xml
        connection.defineXML(xml.replace(was, is_now))
    until(lambda: definition(recorder, "coquille1", guest, "running") != before, 5, "the change")
    after = definition(recorder, "coquille1", guest, "running")
    assert part(after) != part(before)
    assert part(after) != part(definition(recorder, "coquille2", guest, "shutoff"))
