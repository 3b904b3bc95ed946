"""What LDAP declares and nodes claim: each verdict goes bad, and good again once the entry or the fact is mended."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.live.service.estate import HYPERVISORS, MACHINES, SITE, SmallEstate, dn_of, host, service_dn
from tests.live.service.estate import service as service_entry
from tests.live.service.running import Service
from tests.live.service.senders import send
from tests.live.service.test_placement import said
from tests.reports.spooling import body, fresh
from tests.waiting import eventually, until

GUEST, MACHINE, ANOTHER = "alpha.lab.test", *MACHINES[:2]
REQUIRED = ("nfs", "dns", "ntp")
"""What the rules that are shipped have guests require."""
MANY = 17
"""How many guests are one more than are told one by one."""


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    with Service({**estate.settings(), "guard": {"changed": 1, "shrunk": 1}}) as running:
        until(lambda: said(running, GUEST) == {"placement_ok": "ok"}, 20, "the first verdict")
        yield running


def layers(service: Service) -> dict[str, str]:
    """The verdicts on the layers of the site."""
    answer: Any = service.get("/verdicts?check=layers").json
    return {one["code"]: one["status"] for one in answer["verdicts"]}


@contextmanager
def declared(estate: SmallEstate, *entries: str) -> Iterator[None]:
    """Services, for a while."""
    for entry in entries:
        estate.slapd.add(entry)
    try:
        yield
    finally:
        for entry in entries:
            estate.slapd.delete(entry.partition("\n")[0].removeprefix("dn: "))


def member(*certnames: str) -> tuple[str, ...]:
    return tuple(f"member: {dn_of(one)}" for one in certnames)


@pytest.mark.parametrize(
    ("provides", "code", "status"),
    [("ldap", "layer_boot", "critical"), ("ntp", "layer_run", "warning"), ("puppet", "layer_change", "warning")],
)
def test_a_guest_that_provides_what_a_machine_requires(
    estate: SmallEstate, service: Service, provides: str, code: str, status: str
) -> None:
    with declared(estate, service_entry("used", f"enclumeProvides: {provides}", *member(GUEST))):
        estate.replace(dn_of(MACHINE), "enclumeRequires", service_dn("used"))
        eventually(lambda: layers(service), {code: status, "only_guests_provide": status})
        estate.change(service_dn("used"), "add", "member", dn_of(ANOTHER))
        eventually(lambda: "only_guests_provide" in layers(service), False)
        estate.change(service_dn("used"), "delete", "member", dn_of(GUEST))
        eventually(lambda: layers(service), {"layers": "ok"})
        estate.replace(dn_of(MACHINE), "enclumeRequires")


def test_more_guests_than_are_told_one_by_one(estate: SmallEstate, service: Service) -> None:
    guests = [f"many{number}.lab.test" for number in range(MANY)]
    for name in guests:
        estate.slapd.add(host(name, "guest", "enclumeIntent: template"))
    with declared(estate, service_entry("used", "enclumeProvides: ntp", *member(*guests))):
        eventually(lambda: layers(service).get("layer_more"), "warning")
        estate.change(service_dn("used"), "delete", "member", dn_of(guests[0]))
        eventually(lambda: "layer_more" in layers(service), False)
    eventually(lambda: layers(service), {"layers": "ok"})


def test_two_machines_that_wait_for_each_other(estate: SmallEstate, service: Service) -> None:
    names = service_entry("names", "enclumeProvides: dns", *member(MACHINE))
    people = service_entry(
        "people", "enclumeProvides: ldap", *member(ANOTHER), f"enclumeRequires: {service_dn('names')}"
    )
    with declared(estate, names, people):
        eventually(lambda: layers(service), {"layers": "ok"})
        estate.replace(service_dn("names"), "enclumeRequires", service_dn("people"))
        eventually(lambda: layers(service), {"start_cycle": "critical"})
        estate.replace(service_dn("names"), "enclumeRequires")
        eventually(lambda: layers(service), {"layers": "ok"})


def test_a_site_where_nobody_provides_what_every_guest_requires(estate: SmallEstate, service: Service) -> None:
    eventually(lambda: said(service, GUEST, "enc"), {"finding": "warning"})
    provided = (service_entry(what, f"enclumeProvides: {what}", *member(MACHINE)) for what in REQUIRED)
    with declared(estate, *provided):
        eventually(lambda: said(service, GUEST, "enc"), {"answer": "ok"})
    eventually(lambda: said(service, GUEST, "enc"), {"finding": "warning"})


def test_facts_of_a_guest_that_contradict_what_is_known(estate: SmallEstate, service: Service) -> None:
    with estate.one.connection() as connection:
        own = connection.lookupByName("alpha").UUIDString()
    estate.replace(SITE, "enclumeNetwork", "internal=internal 10.49.0.0/16 internal")
    well = facts(own)

    def until_said(told: Mapping[str, Any], expected: dict[str, str]) -> None:
        assert service.ask("PUT", f"/facts/{GUEST}", json.dumps(told).encode()).status == 204
        eventually(lambda: said(service, GUEST, "sources"), expected)

    for wrong, code in (
        (facts("4c4c4544-0042-4810-8042-b7c04f4d3332"), "facts_uuid"),
        ({**well, "is_virtual": False, "virtual": "physical"}, "facts_kind"),
        ({**well, "enclume_site": "angers"}, "facts_place"),
        ({**well, "enclume_hypervisor": HYPERVISORS[1]}, "facts_place"),
        (facts(own, "10.49.0.77"), "facts_address"),
    ):
        until_said(wrong, {code: "warning"})
        until_said(well, {"facts": "ok"})
    estate.replace(SITE, "enclumeNetwork")


def facts(uuid: str, address: str = "10.49.0.9") -> dict[str, Any]:
    """What Facter says of a guest on QEMU."""
    interface = {"bindings": [{"address": address, "netmask": "255.255.0.0"}]}
    return {
        "dmi": {"product": {"uuid": uuid}},
        "is_virtual": True,
        "virtual": "kvm",
        "networking": {"interfaces": {"eth0": interface}},
    }


def puppet(service: Service, certname: str = "-") -> dict[str, str]:
    """The verdicts on a node's runs, or on those of all nodes."""
    return said(service, certname, "puppet")


def ran(service: Service, certname: str) -> None:
    """The node runs Puppet at this moment."""
    assert send(service, fresh(body(certname))) == 202


def test_a_node_that_never_ran_until_it_does(service: Service) -> None:
    ran(service, MACHINE)
    eventually(lambda: puppet(service, MACHINE), {"run": "ok"})
    eventually(lambda: puppet(service, ANOTHER), {"run_never": "warning"})
    ran(service, ANOTHER)
    eventually(lambda: puppet(service, ANOTHER), {"run": "ok"})


def test_a_certificate_without_an_entry_that_runs(estate: SmallEstate, service: Service) -> None:
    stranger = "stranger.lab.test"
    ran(service, stranger)
    eventually(lambda: puppet(service).get("run_of_nobody"), "warning")
    estate.slapd.add(host(stranger, "physical"))
    eventually(lambda: puppet(service).get("run_of_nobody"), "ok")
