"""Guests beyond a limit or against the rule of interfaces, as libvirt has them: each verdict goes bad, and good again
once their definitions are mended.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.live.hypervisors import Hypervisor
from tests.live.service.estate import HYPERVISORS, SITE, SmallEstate, dn_of, host, service_dn
from tests.live.service.estate import service as service_entry
from tests.live.service.running import Service
from tests.live.service.test_placement import SOON, said
from tests.waiting import until

GUEST, CERTNAME = "case", "case.lab.test"
MIB = 1 << 20
ROOM, MUCH = 256, 512
"""In MiB: what the first hypervisor's guests may use together, and what one of them uses to pass it."""
INTERNAL = "<interface type='network'><source network='internal'/></interface>"
PUBLIC = "<interface type='bridge'><source bridge='br-public'/></interface>"
STRAY = "<interface type='network'><source network='elsewhere'/></interface>"

Define = Callable[..., str]


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    """The service, with limits on memory that a small guest passes, whatever this machine has."""
    whole = memory_of(estate.one)
    settings = estate.settings()
    settings["hypervisors"] |= {"statistics": 0.5}
    settings["thresholds"] = {
        "sites": {"larema": {"imbalance": ROOM / whole}},
        "hosts": {HYPERVISORS[0]: {"reserve_bytes": (whole - ROOM) * MIB}},
    }
    with Service(settings) as running:
        until(lambda: carries(running) == ("ok", "ok"), 20, "the first verdicts")
        yield running


@pytest.fixture
def define(estate: SmallEstate) -> Iterator[Define]:
    """A guest's entry, and how its domain is defined on the first hypervisor, also once more."""
    estate.slapd.add(host(CERTNAME, "guest", f"enclumeProduction: {dn_of(HYPERVISORS[0])}"))
    yield partial(estate.one.define, GUEST, str(uuid4()))
    estate.one.forget(GUEST)
    estate.slapd.delete(dn_of(CERTNAME))


@pytest.fixture
def networks(estate: SmallEstate) -> Iterator[None]:
    """The networks of the site, and what they are attached to. A guest must be defined with them before it is right."""
    estate.replace(
        SITE, "enclumeNetwork", "internal=internal 10.49.0.0/16 internal", "public=public 192.0.2.0/26 br-public"
    )
    yield
    estate.replace(SITE, "enclumeNetwork")


def memory_of(hypervisor: Hypervisor) -> int:
    """What libvirt says that a hypervisor has, in MiB."""
    with hypervisor.connection() as connection:
        return int(connection.getInfo()[1])


def carries(service: Service) -> tuple[str | None, str | None]:
    """How the first hypervisor's load and the site's balance stand; None before there are verdicts."""
    answer: Any = service.get("/verdicts?check=capacity").json
    status = {(one["code"], one["subject"]): one["status"] for one in answer.get("verdicts", ())}
    return status.get(("hypervisor_load", HYPERVISORS[0])), status.get(("imbalance", "larema"))


def until_data(service: Service, code: str, status: str) -> None:
    """Within seconds the data check says this alone of the guest."""
    until(lambda: said(service, CERTNAME, "data") == {code: status}, SOON, code)


def test_a_guest_that_is_started_with_much_memory(estate: SmallEstate, service: Service, define: Define) -> None:
    until(lambda: carries(service) == ("ok", "ok"), SOON, "little memory")
    define(memory=MUCH)
    estate.one.start(GUEST)
    until(lambda: carries(service) == ("warning", "warning"), SOON, "too much memory")
    estate.one.destroy(GUEST)
    define()
    estate.one.start(GUEST)
    until(lambda: carries(service) == ("ok", "ok"), SOON, "little memory")


def test_a_guest_that_is_defined_with_more_memory_than_there_is(
    estate: SmallEstate, service: Service, define: Define
) -> None:
    """Nothing can start it, so it is only defined, where it should run."""
    until(lambda: carries(service) == ("ok", "ok"), SOON, "little memory")
    define(memory=2 * memory_of(estate.one))
    until(lambda: carries(service) == ("critical", "warning"), SOON, "more memory than there is")
    define()
    until(lambda: carries(service) == ("ok", "ok"), SOON, "little memory")


@pytest.mark.usefixtures("reader")
def test_a_guest_with_a_disk_that_is_larger_than_the_limit(
    estate: SmallEstate, service: Service, define: Define
) -> None:
    small = estate.one.disk(GUEST)
    define(devices=small + estate.one.disk(GUEST, "vdb", megabytes=65 << 10))
    estate.one.start(GUEST)
    until_data(service, "large_disk", "warning")
    estate.one.destroy(GUEST)
    define(devices=small)
    estate.one.start(GUEST)
    until(lambda: disk_of(service) == 8 * MIB, SOON, "the size of the small disk alone")
    until_data(service, "data_ok", "ok")


@pytest.fixture
def reader(estate: SmallEstate) -> Iterator[None]:
    """Another guest, which reads its disk beside the first one's: while nobody does, no size is read there."""
    estate.one.define("reader", boots=True, devices=estate.one.disk("reader"))
    estate.one.start("reader")
    estate.one.until_booted("reader")
    yield
    estate.one.forget("reader")


def disk_of(service: Service) -> float | None:
    """The size of the guest's largest disk in bytes, as its verdict has it; None where that is not known."""
    answer: Any = service.get(f"/verdicts?check=data&host={CERTNAME}").json
    measures = [measure for one in answer["verdicts"] for measure in one["measures"] if measure["label"] == "disk"]
    return measures[0]["value"] if measures else None


@pytest.mark.parametrize(
    ("devices", "code"),
    [
        pytest.param("", "internal_interfaces", id="none"),
        pytest.param(INTERNAL + INTERNAL, "internal_interfaces", id="two internal ones"),
        pytest.param(INTERNAL + PUBLIC, "public_interface", id="a public one without need"),
        pytest.param(INTERNAL + STRAY, "unknown_network", id="one that the site does not have"),
    ],
)
@pytest.mark.usefixtures("networks")
def test_a_guest_whose_interfaces_break_the_rule(service: Service, define: Define, devices: str, code: str) -> None:
    define(devices=devices)
    until_data(service, code, "warning")
    define(devices=INTERNAL)
    until_data(service, "data_ok", "ok")


@pytest.mark.usefixtures("networks")
def test_a_guest_of_a_public_service_has_one_public_interface(
    estate: SmallEstate, service: Service, define: Define
) -> None:
    define(devices=INTERNAL + PUBLIC)
    estate.slapd.add(service_entry("shop", f"member: {dn_of(CERTNAME)}"))
    until_data(service, "public_interface", "warning")
    estate.replace(service_dn("shop"), "enclumePublic", "TRUE")
    until_data(service, "data_ok", "ok")
    define(devices=INTERNAL + PUBLIC + PUBLIC)
    until_data(service, "public_interface", "warning")
    define(devices=INTERNAL + PUBLIC)
    until_data(service, "data_ok", "ok")
    estate.slapd.delete(service_dn("shop"))


def test_a_hypervisor_that_takes_no_client_for_statistics(estate: SmallEstate, service: Service) -> None:
    with estate.two.crowded():
        unmeasured = {"source": "ok", "statistics_late": "warning"}
        until(lambda: said(service, HYPERVISORS[1], "sources") == unmeasured, 20, "no statistics")
    until(lambda: said(service, HYPERVISORS[1], "sources") == {"source": "ok"}, 20, "statistics again")
