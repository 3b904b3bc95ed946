"""Where guests run, as two real hypervisors have it: each verdict goes bad and good again within seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import libvirt  # type: ignore[import-untyped]
import pytest

from facts.certname import short_name
from tests.live.hypervisors import Hypervisor
from tests.live.service.estate import HYPERVISORS, MACHINES, SmallEstate, dn_of, host
from tests.live.service.running import Service
from tests.waiting import until

ALPHA, DISKY = "alpha.lab.test", "disky.lab.test"
SOON = 10.0
DISK = """<disk type='file' device='disk'><driver name='qemu' type='raw' cache='writeback'/>
<source file='{path}'/><target dev='vda' bus='virtio'/></disk>"""


@pytest.fixture(scope="module", autouse=True)
def pools(estate: SmallEstate) -> Iterator[tuple[Path, Path]]:
    """One export of one server, which each hypervisor calls by another name and has at another folder. They are there
    before the service, which looks at pools when it connects, and then every five minutes.
    """
    server = MACHINES[0]
    with estate.one.nfs_pool("vms", server) as one, estate.two.nfs_pool("vms", short_name(server)) as two:
        yield one, two


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    """The service, with alpha as it should be: on coquille1, with a copy on coquille2."""
    production, backup = HYPERVISORS
    estate.two.define("alpha", uuid_of(estate, "alpha"))
    estate.replace(dn_of(ALPHA), "enclumeProduction", dn_of(production))
    estate.replace(dn_of(ALPHA), "enclumeBackup", dn_of(backup))
    settings = estate.settings()
    settings["hypervisors"] |= {"statistics": 0.5}
    settings["thresholds"] = {"monitor_seconds": 2}
    with Service(settings) as running:
        until(lambda: said(running) == {"placement_ok": "ok"}, 20, "the first verdict")
        yield running


def uuid_of(estate: SmallEstate, guest: str) -> str:
    with estate.one.connection() as connection:
        return str(connection.lookupByName(guest).UUIDString())


def said(service: Service, host: str = ALPHA, check: str = "placement") -> dict[str, str]:
    """The verdicts on a host: each rule's status."""
    answer: Any = service.get(f"/verdicts?check={check}&host={host}").json
    return {one["code"]: one["status"] for one in answer["verdicts"]}


@contextmanager
def going_bad(service: Service, code: str, status: str, host: str = ALPHA) -> Iterator[None]:
    """Within seconds it says this alone of the host; and when the block is over, that all is well again."""
    until(lambda: said(service, host) == {code: status}, SOON, f"{code} of {host}")
    yield
    until(lambda: said(service, host) == {"placement_ok": "ok"}, SOON, f"{host} to be well again")


def test_a_guest_that_is_started_a_second_time(estate: SmallEstate, service: Service) -> None:
    estate.two.start("alpha")
    with going_bad(service, "split_brain", "critical"):
        estate.two.destroy("alpha")


def test_a_guest_whose_plug_is_pulled(estate: SmallEstate, service: Service) -> None:
    estate.one.destroy("alpha")
    with going_bad(service, "not_running", "critical"):
        estate.one.start("alpha")


def test_a_guest_whose_qemu_dies(estate: SmallEstate, service: Service) -> None:
    estate.one.kill_guest("alpha")
    with going_bad(service, "not_running", "critical"):
        estate.one.start("alpha")


def test_a_guest_that_is_started_where_only_its_copy_should_be(estate: SmallEstate, service: Service) -> None:
    estate.one.destroy("alpha")
    estate.two.start("alpha")
    with going_bad(service, "wrong_hypervisor", "warning"):
        estate.two.destroy("alpha")
        estate.one.start("alpha")


def test_a_guest_that_is_suspended(estate: SmallEstate, service: Service) -> None:
    estate.one.suspend("alpha")
    with going_bad(service, "paused", "warning"):
        estate.one.resume("alpha")


def test_a_guest_that_is_meant_to_be_off(estate: SmallEstate, service: Service) -> None:
    estate.replace(dn_of(ALPHA), "enclumeIntent", "off")
    with going_bad(service, "runs_unintended", "warning"):
        estate.replace(dn_of(ALPHA), "enclumeIntent")


def test_a_guest_whose_copy_is_undefined_is_missed_by_placement_and_by_capacity(
    estate: SmallEstate, service: Service
) -> None:
    uuid = uuid_of(estate, "alpha")
    estate.two.undefine("alpha")
    with going_bad(service, "missing_backup_copy", "warning"):
        assert said(service, HYPERVISORS[0], "capacity")["hypervisor_loss"] == "critical"
        estate.two.define("alpha", uuid)
    until(lambda: "hypervisor_loss" not in said(service, HYPERVISORS[0], "capacity"), SOON, "the site to survive")


def test_a_guest_whose_copy_is_defined_otherwise(estate: SmallEstate, service: Service) -> None:
    estate.two.define("alpha", uuid_of(estate, "alpha"), memory=64)
    with going_bad(service, "definition_drift", "warning"):
        estate.two.define("alpha", uuid_of(estate, "alpha"))


def test_a_guest_that_would_start_by_itself_on_both(estate: SmallEstate, service: Service) -> None:
    autostart(estate, on=True)
    with going_bad(service, "double_autostart", "warning"):
        autostart(estate, on=False)


def autostart(estate: SmallEstate, *, on: bool) -> None:
    """libvirt tells nobody of this; the service looks every minute, and whenever a domain was defined anew."""
    for hypervisor in (estate.one, estate.two):
        with hypervisor.connection() as connection:
            domain = connection.lookupByName("alpha")
            domain.setAutostart(int(on))
            connection.defineXML(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


def test_a_guest_whose_domain_is_undefined_everywhere(estate: SmallEstate, service: Service) -> None:
    with disky(estate, service, ""):
        estate.one.forget("disky")
        with going_bad(service, "no_domain", "critical", DISKY):
            estate.one.define("disky")
            estate.one.start("disky")


def test_a_guest_whose_copy_has_become_the_original(estate: SmallEstate, service: Service, tmp_path: Path) -> None:
    """It is started from its copy's own disk; exchanging the two hypervisors in LDAP is what the verdict asks for."""
    production, backup = HYPERVISORS
    disk = estate.one.disk("disky", folder=tmp_path)
    with disky(estate, service, disk):
        estate.two.define("disky", uuid_of(estate, "disky"), devices=disk)
        declare(estate, production, backup)
        until(lambda: said(service, DISKY) == {"placement_ok": "ok"}, SOON, "the guest with its copy")
        estate.one.destroy("disky")
        estate.two.start("disky")
        with going_bad(service, "backup_copy_running", "warning", DISKY):
            declare(estate, backup, production)


def declare(estate: SmallEstate, production: str, backup: str) -> None:
    """Say in LDAP where the guest should run, and where its copy should be."""
    estate.replace(dn_of(DISKY), "enclumeProduction", dn_of(production))
    estate.replace(dn_of(DISKY), "enclumeBackup", dn_of(backup))


def test_a_guest_whose_name_another_domain_runs_under(estate: SmallEstate, service: Service) -> None:
    """While nothing says which of the two is the guest, that is unknown; once LDAP does, it runs twice by name."""
    with disky(estate, service, ""):
        estate.two.define("disky")
        estate.two.start("disky")
        until(lambda: said(service, DISKY) == {"placement_unknown": "unknown"}, SOON, "two that could be the guest")
        estate.replace(dn_of(DISKY), "enclumeDomainUUID", uuid_of(estate, "disky"))
        with going_bad(service, "split_brain", "critical", DISKY):
            estate.two.forget("disky")


def test_a_domain_that_nobody_declared(estate: SmallEstate, service: Service) -> None:
    def strays() -> dict[str, str]:
        answer: Any = service.get("/verdicts?check=placement").json
        return {one["subject"]: one["status"] for one in answer["verdicts"] if one["code"] == "unmanaged"}

    assert strays() == {"larema": "ok"}
    estate.two.define("stray")
    until(lambda: strays() == {"stray": "warning"}, SOON, "the stray")
    estate.two.forget("stray")
    until(lambda: strays() == {"larema": "ok"}, SOON, "no stray")


def test_a_guest_whose_disk_another_one_is_started_on(
    estate: SmallEstate, service: Service, pools: tuple[Path, Path]
) -> None:
    one, two = pools
    with disky(estate, service, DISK.format(path=one / "one.raw")):
        estate.two.define("second", devices=DISK.format(path=two / "one.raw"))
        estate.two.start("second")
        with going_bad(service, "shared_disk", "critical", DISKY):
            estate.two.forget("second")


@contextmanager
def disky(estate: SmallEstate, service: Service, devices: str, *, boots: bool = False) -> Iterator[None]:
    """A guest of any hypervisor, that runs with these devices."""
    estate.one.define("disky", boots=boots, devices=devices)
    estate.slapd.add(host(DISKY, "guest"))
    estate.one.start("disky")
    try:
        until(lambda: said(service, DISKY) == {"placement_ok": "ok"}, SOON, "the new guest")
        yield
    finally:
        for hypervisor in (estate.one, estate.two):
            hypervisor.forget("disky")
        estate.slapd.delete(dn_of(DISKY))


def test_a_guest_that_is_frozen(estate: SmallEstate, service: Service) -> None:
    """SIGSTOP of its QEMU, which is what a dead NFS server below its disk looks like."""
    with disky(estate, service, estate.one.disk("disky")):
        estate.one.freeze_guest("disky")
        try:
            until(lambda: said(service, DISKY) == {"stuck": "critical"}, 25, "the frozen guest")
        finally:
            estate.one.thaw_guest("disky")
        until(lambda: said(service, DISKY) == {"placement_ok": "ok"}, 25, "the guest to be well again")


def test_a_hypervisor_that_is_frozen_makes_unknown_what_it_may_hold(estate: SmallEstate, service: Service) -> None:
    first = HYPERVISORS[0]
    estate.one.freeze()
    try:
        until(lambda: said(service) == {"placement_unknown": "unknown"}, 15, "the frozen hypervisor")
        until(lambda: said(service, first, "capacity").get("hypervisor_loss") == "unknown", SOON, "its unknown loss")
    finally:
        estate.one.thaw()
    until(lambda: said(service) == {"placement_ok": "ok"}, 40, "the guest to be well again")
    until(lambda: "hypervisor_loss" not in said(service, first, "capacity"), SOON, "the site to survive")


def test_a_guest_whose_disk_gives_an_error(estate: SmallEstate, service: Service) -> None:
    """Its disk is a sparse file on a file system that fills up: QEMU pauses it, and it goes on once there is room."""
    keeper, folder = estate.one.keeper, estate.one.folder / "full"
    keeper.run(f"mkdir -p {folder} && mount -t tmpfs -o size=1m tmpfs {folder} && truncate -s 8M {folder}/vda.raw")
    with disky(estate, service, DISK.format(path=folder / "vda.raw"), boots=True):
        estate.one.until_booted("disky")
        fill = f"cat /dev/zero >>{folder}/filler"
        keeper.run(f"{fill}; fallocate --punch-hole --offset 0 --length 8M {folder}/vda.raw; {fill}; true")
        until(lambda: said(service, DISKY) == {"paused_io_error": "critical"}, SOON, "the I/O error")
        keeper.run(f"rm {folder}/filler")
        until(lambda: _goes_on(estate.one, service), SOON, "the guest to go on")
    keeper.run(f"umount {folder}")


def _goes_on(hypervisor: Hypervisor, service: Service) -> bool:
    """Whether it is said to be well again. Requests that failed before may pause it a second time."""
    if hypervisor.state("disky")[0] == libvirt.VIR_DOMAIN_PAUSED:
        hypervisor.resume("disky")
    return said(service, DISKY) == {"placement_ok": "ok"}
