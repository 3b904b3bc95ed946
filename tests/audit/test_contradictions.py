"""Contradictions: what a node's facts claim never overrules the estate, and is told where it differs."""

from typing import Any

import pytest

from audit.contradictions import same_uuid
from facts.facter.document import Document
from facts.facter.node_facts import kept_of
from tests.audit.situations import Scene, sentences
from tests.factories import domain, guest, host, kvm, site, site_dn, uuid_of

WEB, KVM = "web.lab.test", "kvm1.lab.test"
UUID = uuid_of("web")


@pytest.fixture
def scene() -> Scene:
    scene = Scene(
        site("angers", enclumeNetwork=("internal=internal 10.0.0.0/24 br0", "outer=public 192.0.2.0/24")),
        kvm(KVM, "angers"),
        kvm("kvm2.lab.test", "angers"),
        guest(WEB, ipHostNumber="10.0.0.5"),
        host("nfs.lab.test", enclumeAtSite=site_dn("angers")),
    )
    scene.see(KVM, domain("web"))
    scene.see("kvm2.lab.test")
    return scene


def claim(scene: Scene, certname: str = WEB, **facts: Any) -> dict[str, str]:
    """What is wrong once a node has these facts."""
    scene.facts_of[certname] = kept_of(Document(certname, facts), (), scene.at)
    return scene.wrong("sources", f"facts {certname}")


def interface(*addresses: str) -> dict[str, Any]:
    bindings = [{"address": one} for one in addresses if ":" not in one]
    bindings6 = [{"address": one} for one in addresses if ":" in one]
    return {"interfaces": {"eth0": {"bindings": bindings, "bindings6": bindings6, "ip": addresses[0]}}}


SWAPPED = f"{UUID[6:8]}{UUID[4:6]}{UUID[2:4]}{UUID[:2]}-{UUID[11:13]}{UUID[9:11]}-{UUID[16:18]}{UUID[14:16]}{UUID[18:]}"


@pytest.mark.parametrize("uuid", [UUID, UUID.upper(), SWAPPED, SWAPPED.upper(), "Not Settable", "", "0" * 36, 5, None])
def test_its_own_uuid_in_any_order_and_what_is_none_contradict_nothing(scene: Scene, uuid: Any) -> None:
    assert claim(scene, dmi={"product": {"uuid": uuid}}) == {}
    assert claim(scene, uuid=uuid) == {}


def test_another_uuid_is_told_until_the_claim_ends(scene: Scene) -> None:
    other = uuid_of("other")
    assert claim(scene, dmi={"product": {"uuid": other.upper()}}) == {"facts_uuid": "warning"}
    told = sentences(scene.verdicts("sources", f"facts {WEB}"))["facts_uuid"]
    assert WEB in told
    assert other in told
    assert UUID in told
    assert "enclumeDomainUUID" in told
    assert claim(scene, dmi={"product": {"uuid": UUID}}) == {}
    (good,) = scene.verdicts("sources", f"facts {WEB}")
    assert (good.code, good.status) == ("facts", "ok")


def test_the_two_orders_are_those_of_the_firmware() -> None:
    assert same_uuid("564D7A5B-1C2D-3E4F-8A9B-0C1D2E3F4A5B", "5b7a4d56-2d1c-4f3e-8a9b-0c1d2e3f4a5b")
    assert not same_uuid("564D7A5B-1C2D-3E4F-8A9B-0C1D2E3F4A5B", "5b7a4d56-2d1c-4f3e-9b8a-0c1d2e3f4a5b")


@pytest.mark.parametrize(
    ("certname", "facts", "wrong"),
    [
        (WEB, {"is_virtual": True, "virtual": "kvm"}, False),
        (WEB, {"is_virtual": False, "virtual": "physical"}, True),
        (WEB, {"is_virtual": "false", "virtual": "physical"}, True),
        (WEB, {"virtual": "physical"}, False),
        (KVM, {"is_virtual": False, "virtual": "physical"}, False),
        (KVM, {"is_virtual": True, "virtual": "vmware"}, True),
        ("nfs.lab.test", {"is_virtual": True, "virtual": "kvm"}, True),
        ("nfs.lab.test", {"is_virtual": "true"}, True),
        ("nfs.lab.test", {"is_virtual": True, "virtual": "lxc"}, False),
        ("nfs.lab.test", {"is_virtual": "who knows"}, False),
    ],
)
def test_a_kind_that_the_facts_deny(scene: Scene, certname: str, facts: dict[str, Any], wrong: bool) -> None:
    assert claim(scene, certname, **facts) == ({"facts_kind": "warning"} if wrong else {})


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"enclume_site": "Angers"}, ""),
        ({"enclume_site": "lyon"}, "claim the site lyon, it is at angers"),
        ({"trusted": {"extensions": {"enclume_site": "lyon"}}}, "claim the site lyon"),
        ({"enclume": {"site": "lyon", "layer": "1"}}, "claim layer 1, it is on layer 2"),
        ({"enclume_layer": 2}, ""),
        ({"enclume_layer": True}, ""),
        ({"enclume_layer": []}, ""),
        ({"enclume_hypervisor": "kvm1"}, ""),
        ({"enclume_hypervisor": KVM.upper()}, ""),
        ({"enclume_hypervisor": "kvm2.lab.test"}, f"claim the hypervisor kvm2.lab.test, it runs on {KVM}"),
        ({"enclume_hypervisor": {"a": 1}}, ""),
    ],
)
def test_a_place_that_is_another(scene: Scene, facts: dict[str, Any], says: str) -> None:
    assert claim(scene, **facts) == ({"facts_place": "warning"} if says else {})
    assert says in sentences(scene.verdicts("sources", f"facts {WEB}")).get("facts_place", "")
    assert scene.node(WEB).placement.hypervisor == KVM


def test_where_nobody_knows_its_hypervisor_a_claim_is_no_contradiction(scene: Scene) -> None:
    scene.fail(KVM)
    assert claim(scene, enclume_hypervisor="kvm2") == {}
    scene.see(KVM, domain("web", "shutoff"))
    assert claim(scene, enclume_hypervisor="kvm2") == {}


@pytest.mark.parametrize(
    ("addresses", "wrong"),
    [
        (["10.0.0.5"], False),
        (["10.0.0.5", "10.0.0.6"], False),
        (["10.0.0.6"], True),
        (["10.0.0.6", "2001:db8::1"], True),
        (["192.0.2.7"], False),
        (["127.0.0.1"], False),
        (["fe80::1%eth0"], False),
        (["nonsense"], False),
    ],
)
def test_an_address_is_told_only_where_it_takes_the_place_of_the_declared_one(
    scene: Scene, addresses: list[str], wrong: bool
) -> None:
    assert claim(scene, networking=interface(*addresses)) == ({"facts_address": "warning"} if wrong else {})


def test_the_addresses_of_facter_2(scene: Scene) -> None:
    assert claim(scene, ipaddress_eth0="10.0.0.6", ipaddress_lo="127.0.0.1") == {"facts_address": "warning"}


def test_what_claims_nothing_or_is_not_meant_to_run_is_not_spoken_of(scene: Scene) -> None:
    claim(scene, os={"family": "Debian"})
    assert scene.verdicts("sources", f"facts {WEB}") == []
    scene.put(guest(WEB, enclumeIntent="off"))
    claim(scene, is_virtual=False)
    assert scene.verdicts("sources", f"facts {WEB}") == []
