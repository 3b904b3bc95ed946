"""The examples obey the four principles, but for the faults that they hold on purpose."""

import ipaddress

import pytest

from tests.examples import faults
from tests.examples.reading import Example, Record, example

BOTH = pytest.mark.parametrize("name", ["lab", "platform"])
LARGEST_CONTAINER = 20


def reach(estate: Example, host: Record) -> set[str]:
    """Every host that this one's services stand on, at its site, through however many services."""
    found: set[str] = set()
    waiting = [host]
    while waiting:
        user = waiting.pop()
        for service in estate.used_by(user):
            for provider in estate.providers(service, user):
                if provider.name not in found:
                    found.add(provider.name)
                    waiting.append(provider)
    return found


@BOTH
def test_layer_1_uses_no_guest(name: str) -> None:
    """Principle 1: what the hypervisors stand on is never served by a guest."""
    estate = example(name)
    layer_1 = [host for host in estate.hosts.values() if estate.layer(host) == 1]
    used = {provider for host in layer_1 for provider in reach(estate, host)}
    guests = {guest.name for guest in estate.guests}
    assert used & guests == faults.GUEST_UNDER_LAYER_1[name]


@BOTH
def test_containers_are_small_and_data_come_from_the_nfs_server(name: str) -> None:
    """Principle 2: a guest's disk holds its system only."""
    estate = example(name)
    large = set()
    for guest in estate.guests:
        for hypervisor in estate.defined_on(guest):
            node = estate.nodes[hypervisor]
            if any(node.volumes[disk] > LARGEST_CONTAINER for disk in node.domains[estate.domain_name(guest)].disks):
                large.add(guest.name)
    assert large == faults.LARGE_DISK[name]


@BOTH
def test_every_guest_is_defined_alike_on_both_hypervisors_of_its_site(name: str) -> None:
    """Principle 3: production on one, its copy on the other; UUID, hardware and MACs are the same."""
    estate = example(name)
    once = set()
    for guest in estate.guests:
        here = estate.defined_on(guest)
        assert {estate.site(estate.hosts[hypervisor]) for hypervisor in here} == {estate.site(guest)}
        assert len({estate.nodes[hypervisor].domains[estate.domain_name(guest)].hardware for hypervisor in here}) == 1
        if len(here) != 2:
            once.add(guest.name)
    assert once == faults.ONE_DEFINITION[name]


@BOTH
def test_guests_run_once_where_production_says_and_not_at_all_when_off(name: str) -> None:
    estate = example(name)
    wrong = set()
    for guest in estate.guests:
        running = estate.runs_on(guest)
        if guest.one("enclumeIntent", "running") != "running":
            assert running == [], guest.name
            continue
        assert len(running) == 1, guest.name
        production = guest.one("enclumeProduction")
        if production and production != estate.hosts[running[0]].dn:
            assert guest.one("enclumeBackup") == estate.hosts[running[0]].dn
            wrong.add(guest.name)
    assert wrong == faults.WRONG_HYPERVISOR[name]


@BOTH
def test_production_and_backup_are_two_hypervisors_of_one_site(name: str) -> None:
    estate = example(name)
    for guest in estate.guests:
        if guest.all("enclumeProduction"):
            two = [estate.by_dn[guest.one("enclumeProduction")], estate.by_dn[guest.one("enclumeBackup")]]
            assert {hypervisor.one("enclumeKind") for hypervisor in two} == {"hypervisor"}
            assert two[0].dn != two[1].dn
            assert two[0].one("enclumeAtSite") == two[1].one("enclumeAtSite")


@BOTH
def test_either_hypervisor_alone_can_carry_its_site(name: str) -> None:
    """The guests that should run at a site fit into the memory of one of its hypervisors."""
    estate = example(name)
    for hypervisor, node in estate.nodes.items():
        site = estate.site(estate.hosts[hypervisor])
        wanted = [g for g in estate.guests if estate.site(g) == site and not g.all("enclumeIntent")]
        assert sum(estate.hardware(guest).memory for guest in wanted) < node.memory, hypervisor


@pytest.mark.parametrize(("name", "pool", "prefix"), [("lab", "logical", "/dev/"), ("platform", "netfs", "/var/lib/")])
def test_containers_lie_where_the_site_keeps_them(name: str, pool: str, prefix: str) -> None:
    """Principle 4: on the hypervisor's LVM in the laboratory; on the platform on the site's NFS server."""
    estate = example(name)
    for hypervisor, node in estate.nodes.items():
        assert node.pool_type == pool
        if pool == "netfs":
            server = estate.hosts[node.pool_server]
            assert estate.site(server) == estate.site(estate.hosts[hypervisor])
        for domain in node.domains.values():
            assert all(disk.startswith(prefix) and disk in node.volumes for disk in domain.disks)


@BOTH
def test_only_members_of_public_services_have_a_public_interface(name: str) -> None:
    estate = example(name)
    services = [service for service in estate.services if service.one("enclumePublic") == "TRUE"]
    public = {dn for service in services for dn in service.all("member")}
    stray = set()
    for guest in estate.guests:
        definition = estate.hardware(guest)
        assert len(definition.networks) == 1
        assert len(definition.bridges) <= 1
        if definition.bridges and guest.dn not in public:
            stray.add(guest.name)
        if guest.dn in public:
            assert definition.bridges, guest.name
    assert stray == faults.PUBLIC_WITHOUT_SERVICE[name]


@BOTH
def test_addresses_and_interfaces_agree_with_the_site_s_networks(name: str) -> None:
    estate = example(name)
    for host in estate.hosts.values():
        site = estate.by_dn[estate.site(host)]
        networks = {cidr: role for _, role, cidr, *_ in map(_network, site.all("enclumeNetwork"))}
        roles = [
            next(role for cidr, role in networks.items() if ipaddress.ip_address(address) in ipaddress.ip_network(cidr))
            for address in host.all("ipHostNumber")
        ]
        if host in estate.guests and roles:
            definition = estate.hardware(host)
            attached = {attachment for _, _, _, attachment in map(_network, site.all("enclumeNetwork"))}
            assert set(definition.networks + definition.bridges) <= attached
            assert roles == ["internal"] * len(definition.networks) + ["public"] * len(definition.bridges)


def _network(value: str) -> tuple[str, str, str, str]:
    name, _, rest = value.partition("=")
    role, cidr, *attachment = rest.split()
    return name, role, cidr, attachment[0] if attachment else ""
