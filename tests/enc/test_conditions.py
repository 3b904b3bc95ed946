"""Conditions: what a rule's `when` asks of a node, and that what is not known matches nothing."""

from typing import Any

import pytest

from enc.conditions import CONDITIONS
from facts.inventory.domains import Disk
from facts.puppet import FactSets
from tests.factories import GIB, World, domain, guest, host, kvm, rules, service, site, site_dn


def world() -> World:
    """A guest with everything that can be asked for, and hosts with nothing."""
    built = World(
        site(
            "Angers",
            enclumeNetwork=(
                "lan=internal 10.0.0.0/24 br0",
                "dmz=public 192.0.2.0/24 vlan9",
                "san=internal 10.1.0.0/24 br9",
            ),
        ),
        kvm("kvm1.lab.test", "Angers"),
        guest("web01.lab.test"),
        guest("new.lab.test", enclumeProduction="cn=kvm1.lab.test,ou=hosts,dc=lab,dc=test"),
        host("nfs.lab.test", enclumeAtSite=site_dn("Angers")),
        host("bare.lab.test"),
        service("Web", members=["web01.lab.test"]),
        service("mail", members=["web01.lab.test"]),
        service("files", members=["nfs.lab.test"], enclumeProvides="nfs"),
    )
    disks = (Disk("vda", "nfs", "/a", "nfs", "/srv"), Disk("vdb", "lvm", "/dev/vg/b"))
    built.see("kvm1.lab.test", domain("web01", memory=2 * GIB, networks=["br0", "other"], disks=disks))
    built.facts = FactSets(
        {"web01.lab.test": {"os": {"family": "Debian", "release": {"major": "12"}}, "cpus": 2, "virtual": True}}
    )
    return built


def matching(when: str) -> set[str]:
    """The first labels of the nodes that a `when` holds for."""
    (rule,) = found = rules(f"- {{name: x, when: {when}}}").rules
    assert found
    estate = world().estate(rules(f"- {{name: x, when: {when}}}").fact_names)
    return {name.partition(".")[0] for name, node in estate.nodes.items() if rule.applies(node)}


EVERYBODY = {"web01", "new", "kvm1", "nfs", "bare"}


@pytest.mark.parametrize(
    ("when", "nodes"),
    [
        ("{}", EVERYBODY),
        ("{kind: guest}", {"web01", "new"}),
        ("{kind: [hypervisor, physical]}", {"kvm1", "nfs", "bare"}),
        ("{site: angers}", {"web01", "new", "kvm1", "nfs"}),
        ("{site: [lille, ANGERS]}", {"web01", "new", "kvm1", "nfs"}),
        ("{site: lille}", set()),
        ("{layer: 1}", {"kvm1", "nfs", "bare"}),
        ("{layer: [1, 2]}", EVERYBODY),
        ("{hypervisor: kvm1.lab.test}", {"web01", "new"}),
        ("{hypervisor: 'KVM?.*'}", {"web01", "new"}),
        ("{hypervisor: kvm1}", set()),
        ("{certname: '*.lab.test'}", EVERYBODY),
        ("{certname: [web*, NFS.lab.test]}", {"web01", "nfs"}),
        ("{certname: web}", set()),
        ("{services: web}", {"web01"}),
        ("{services: [nothing, files]}", {"nfs"}),
        ("{providers: nfs}", {"web01", "new", "kvm1", "nfs"}),
        ("{providers: [dns, ntp]}", set()),
        ("{networks: LAN}", {"web01"}),
        ("{networks: internal}", {"web01"}),
        ("{networks: public}", set()),
        ("{networks: [public, lan]}", {"web01"}),
        ("{storage: nfs}", {"web01"}),
        ("{storage: [file, lvm]}", {"web01"}),
        ("{storage: file}", set()),
        ("{memory: '2 GiB'}", {"web01"}),
        ("{memory: '= 2048 MiB'}", {"web01"}),
        ("{memory: '>= 2 GiB'}", {"web01"}),
        ("{memory: '> 2 GiB'}", set()),
        ("{memory: '< 2.5GiB'}", {"web01"}),
        ("{memory: ['> 1 TiB', '<= 3000000 KiB']}", {"web01"}),
        ("{facts.os.family: Debian}", {"web01"}),
        ("{facts.os.family: debian}", set()),
        ("{facts.os.release.major: ['11', '12']}", {"web01"}),
        ("{facts.os.release.major: 12}", set()),
        ("{facts.cpus: 2}", {"web01"}),
        ("{facts.cpus: '2'}", set()),
        ("{facts.virtual: true}", {"web01"}),
        ("{facts.virtual: 1}", set()),
        ("{facts.os: x}", set()),
        ("{facts.gone: x}", set()),
        ("{kind: guest, memory: '>= 1 GiB'}", {"web01"}),
        ("{kind: guest, storage: file}", set()),
        ("{not: {kind: guest}}", {"kvm1", "nfs", "bare"}),
        ("{not: {kind: guest, services: web}}", {"new", "kvm1", "nfs", "bare"}),
        ("{kind: guest, not: {services: web}}", {"new"}),
        ("{not: {not: {services: web}}}", {"web01"}),
        ("{not: {site: angers}}", {"bare"}),
        ("{not: {facts.os.family: Debian}}", {"new", "kvm1", "nfs", "bare"}),
    ],
)
def test_a_condition_holds_for(when: str, nodes: set[str]) -> None:
    assert matching(when) == nodes


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_every_condition_is_asked_of_a_host_of_which_nothing_is_known(name: str) -> None:
    values: dict[str, tuple[Any, ...]] = {"memory": (">= 1 B",), "kind": ("guest",), "layer": (2,)}
    assert not CONDITIONS[name](world().node("bare.lab.test"), values.get(name, ("x",)))
