"""Two copies of a guest's definition are compared without what each hypervisor writes into it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from facts.inventory.definition import parse_definition
from facts.inventory.domains import Definition
from facts.inventory.xml import Surroundings

INACTIVE = (Path(__file__).resolve().parents[2] / "fixtures" / "libvirt" / "domain-inactive.xml").read_text()
# The same guest as an administrator writes it: what libvirt fills in is not there.
WRITTEN = """<domain type='qemu'><name>disk1</name>
  <metadata>
    <enc:role xmlns:enc="urn:example:enc:1" name="web">
      <enc:param key="tier">gold</enc:param>
    </enc:role>
  </metadata>
  <memory unit='MiB'>128</memory><currentMemory unit='MiB'>128</currentMemory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>/opt/lab/vmlinux-cloud</kernel>
    <initrd>/opt/lab/tiny/loop.cpio.gz</initrd><cmdline>console=ttyS0 quiet panic=-1</cmdline><boot dev='hd'/></os>
  <features><acpi/></features><clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/labpool/d1.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><mac address='52:54:00:aa:bb:01'/><source network='labnat'/>
      <model type='virtio'/></interface>
    <interface type='network'><mac address='52:54:00:aa:bb:02'/><source network='public'/>
      <model type='virtio'/></interface>
    <serial type='file'><source path='/var/log/libvirt/disk1.log'/></serial>
    <memballoon model='virtio'><stats period='2'/></memballoon>
  </devices></domain>"""  # fmt: skip


def definition(text: str) -> Definition:
    return parse_definition(text, Surroundings())


def test_what_libvirt_fills_in_makes_no_difference() -> None:
    assert definition(WRITTEN) == definition(INACTIVE)


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("machine='pc-i440fx-7.2'", "machine='pc-i440fx-rhel7.6.0'"),
        ("machine='pc-i440fx-7.2'", "machine='rhel6.6.0'"),
        ("/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"),
        ("slot='0x04'", "slot='0x0a'"),
        ("d1.qcow2'/>", "d1.qcow2'/><backingStore/>"),
        ("<uuid>92609192-ec34-4bfd-b7ed-e8d722e7d357</uuid>", ""),
        ("append='off'", "append='on'"),
        ("</devices>", "</devices><seclabel type='dynamic' model='dac' relabel='yes'/>"),
        ("</devices>", "</devices><resource><partition>/machine</partition></resource>"),
        (" model='piix3-uhci'", ""),
        ("qemu64</model>", "qemu64</model><feature policy='require' name='lahf_lm'/>"),
    ],
)
def test_what_another_hypervisor_writes_makes_no_difference(was: str, is_now: str) -> None:
    assert was in INACTIVE
    assert definition(INACTIVE.replace(was, is_now)) == definition(INACTIVE)


@pytest.mark.parametrize(
    ("was", "is_now", "part"),
    [
        ("<memory unit='KiB'>131072", "<memory unit='KiB'>262144", lambda said: said.memory),
        (">1</vcpu>", ">2</vcpu>", lambda said: said.vcpus),
        ("d1.qcow2", "d2.qcow2", lambda said: said.disks),
        ("52:54:00:aa:bb:02", "52:54:00:aa:bb:03", lambda said: said.interfaces),
        ("network='public'", "network='labnat'", lambda said: said.interfaces),
    ],
)  # fmt: skip
def test_a_part_of_its_own_shows_there(was: str, is_now: str, part: Callable[[Definition], object]) -> None:
    before, after = definition(INACTIVE), definition(INACTIVE.replace(was, is_now))
    assert part(before) != part(after)


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("<domain type='qemu'>", "<domain type='kvm'>"),
        ("machine='pc-i440fx-7.2'", "machine='pc-q35-7.2'"),
        ("<boot dev='hd'/>", "<boot dev='network'/>"),
        ("<os>", "<os firmware='efi'>"),
        ("<model fallback='forbid'>qemu64</model>", "<model fallback='forbid'>Haswell</model>"),
        ("<driver name='qemu' type='qcow2'/>", "<driver name='qemu' type='qcow2' cache='none'/>"),
        ("dev='vda' bus='virtio'", "dev='vda' bus='scsi'"),
        ("<model type='virtio'/>", "<model type='e1000'/>"),
        ("<acpi/>", ""),
        ("gold", "silver"),
        ("<currentMemory unit='KiB'>131072", "<currentMemory unit='KiB'>65536"),
        ("placement='static'", "placement='static' cpuset='0-1'"),
        ("</devices>", "<controller type='scsi' index='0' model='virtio-scsi'/></devices>"),
        ("</devices>", "<filesystem type='mount'><source dir='/home'/><target dir='home'/></filesystem></devices>"),
        ("<on_crash>destroy", "<on_crash>restart"),
    ],
)
def test_everything_else_shows_in_the_digest_alone(was: str, is_now: str) -> None:
    assert was in INACTIVE
    before, after = definition(INACTIVE), definition(INACTIVE.replace(was, is_now))
    assert before.digest != after.digest
    assert (before.memory, before.vcpus, before.interfaces) == (after.memory, after.vcpus, after.interfaces)


def test_the_files_of_the_firmware_are_the_hypervisors() -> None:
    one = "<os firmware='efi'>"
    flash = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram>/var/x.fd</nvram>"
    other = f"<os>{flash}"
    assert definition(INACTIVE.replace("<os>", one)) == definition(INACTIVE.replace("<os>", other))


def test_ports_and_listeners_of_a_console_are_the_hypervisors() -> None:
    def shown(more: str) -> Definition:
        return definition(INACTIVE.replace("</devices>", f"<graphics type='vnc' {more}</devices>"))

    by_hand = "port='5901' listen='0.0.0.0'><listen type='address' address='0.0.0.0'/></graphics>"
    assert shown("port='-1' autoport='yes'/>") == shown(by_hand)
    assert shown("keymap='fr'/>") != shown("/>")


@pytest.mark.parametrize("text", ["<domain/>", "", "<network/>"])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        definition(text)
