"""The layers: what layer 1 uses of layer 2, and what that does to it; bad, and good again."""

from typing import Any

import pytest

from facts.observations import Used
from tests.audit.layered import (
    AT_ANGERS,
    KVM1,
    KVM2,
    LOG,
    NFS,
    NS,
    layers,
    one_verdict,
    physical,
    scene,
    told,
    virtual,
    virtualisation,
    wrong,
)
from tests.audit.situations import Scene
from tests.factories import domain, guest, host, host_dn, service, service_dn


def test_a_site_whose_layer_1_uses_no_guest_has_one_verdict_and_it_is_ok() -> None:
    (verdict,) = scene().verdicts("layers")
    assert (verdict.code, verdict.subject, verdict.site, verdict.status) == ("layers", "angers", "angers", "ok")
    assert "(4 hosts, 0 of them observed, the others as declared)" in verdict.sentence


def test_a_guest_that_provides_what_hypervisors_require_keeps_them_from_booting() -> None:
    world = scene(virtualisation("names"), service("names", members=[NS], enclumeProvides="dns"))
    assert told(world) == {
        f"{KVM1} → names → guest {NS} → {KVM1}": "boot",
        f"{KVM2} → names → guest {NS} → {KVM1}": "boot",
        f"{NFS} → dns → guest {NS} → {KVM1}": "boot",
        f"{LOG} → dns → guest {NS} → {KVM1}": "boot",
    }
    first = one_verdict(world, "only_guests_provide")
    assert (first.subject, first.status) == ("names", "critical")
    assert f"({NS}), and {KVM1}, {KVM2}, {LOG} and {NFS} need it" in first.sentence


def test_the_verdict_names_the_path_its_ground_and_the_way_out() -> None:
    world = scene(virtualisation("names"), service("names", members=[NS], enclumeProvides="ntp"))
    (verdict,) = [one for one in world.verdicts("layers", KVM2) if one.host == KVM2]
    assert (verdict.code, verdict.status, verdict.site) == ("layer_run", "warning", "angers")
    assert verdict.sentence == (
        f"{KVM2} runs badly without the guest {NS}: {KVM2} → names → guest {NS} → {KVM1} "
        f"(names: {service_dn('virtualisation')} enclumeRequires); let {KVM2} have its names from outside of guests"
    )
    assert [(one.label, one.value) for one in verdict.measures] == [("paths", 1)]
    assert [(one.kind, one.target) for one in verdict.sources] == [("directory", "dc=lab,dc=test"), ("inventory", KVM1)]


def test_it_is_good_again_once_a_physical_host_provides_it_instead() -> None:
    world = scene(virtualisation("names"), service("names", members=[NS], enclumeProvides="dns"))
    assert len(wrong(world)) == 5
    world.put(service("names", members=[LOG], enclumeProvides="dns"))
    assert wrong(world) == {}
    world.put(service("names", members=[NS], enclumeProvides="dns"))
    assert len(wrong(world)) == 5


@pytest.mark.parametrize(
    ("provides", "effect", "status"),
    [
        (["dns"], "boot", "critical"),
        (["nfs"], "boot", "critical"),
        (["gateway"], "boot", "critical"),
        (["ntp"], "run", "warning"),
        (["log"], "run", "warning"),
        ([], "run", "warning"),
        (["puppet"], "change", "warning"),
        (["backup"], "change", "warning"),
        (["log", "dhcp"], "boot", "critical"),
    ],
)
def test_the_effect_is_that_of_the_gravest_thing_that_the_service_provides(
    provides: list[str], effect: str, status: str
) -> None:
    provided: Any = {"enclumeProvides": provides} if provides else {}
    world = scene(virtualisation("it"), service("it", members=[NS], **provided))
    assert told(world)[f"{KVM2} → it → guest {NS} → {KVM1}"] == effect
    assert {one.status for one in world.verdicts("layers", KVM2) if one.host == KVM2} == {status}


def test_a_path_through_physical_hosts_hurts_no_more_than_its_mildest_step() -> None:
    world = scene(
        virtualisation("files", "logs"),
        service("files", members=[NFS], enclumeProvides="nfs", enclumeRequires=service_dn("people")),
        service("logs", members=[LOG], enclumeProvides="log", enclumeRequires=service_dn("people")),
        service("people", members=[NS], enclumeProvides="ldap"),
    )
    world.put(host(KVM1, **AT_ANGERS, enclumeKind="hypervisor"))
    world.observe(KVM1, uses=())
    world.observe(KVM2, uses=())
    assert told(world) == {
        f"{KVM1} → files → {NFS} → people → guest {NS} → {KVM1}": "boot",
        f"{KVM1} → logs → {LOG} → people → guest {NS} → {KVM1}": "run",
        f"{KVM2} → files → {NFS} → people → guest {NS} → {KVM1}": "boot",
        f"{KVM2} → logs → {LOG} → people → guest {NS} → {KVM1}": "run",
        f"{NFS} → people → guest {NS} → {KVM1}": "boot",
        f"{LOG} → people → guest {NS} → {KVM1}": "boot",
    }


def test_each_use_of_a_guest_that_a_host_stands_on_is_counted_and_the_shortest_is_told() -> None:
    world = scene(
        virtualisation("names", "files"),
        service("files", members=[NFS], enclumeProvides="nfs", enclumeRequires=service_dn("names")),
        service("names", members=[NS], enclumeProvides="dns"),
    )
    (path,) = [one for one in layers(world).paths if one.host == KVM2]
    assert (path.site, path.provider, path.effect, path.paths) == ("angers", NS, "boot", 2)
    assert path.text == f"{KVM2} → names → guest {NS} → {KVM1}"
    (verdict,) = [one for one in world.verdicts("layers") if one.subject == f"{KVM2} → {NS}"]
    assert "; 1 more path leads there; " in verdict.sentence


def test_a_second_provider_outside_of_guests_lets_a_host_boot_and_leaves_a_warning() -> None:
    world = scene(virtualisation("names"), service("names", members=[NS, LOG], enclumeProvides="dns"))
    assert told(world) == {
        f"{KVM1} → names → guest {NS} → {KVM1}": "run",
        f"{KVM2} → names → guest {NS} → {KVM1}": "run",
    }
    assert set(wrong(world).values()) == {"warning"}
    world.put(virtualisation("files"), service("files", members=[NS, NFS], enclumeProvides="nfs"))
    assert set(told(world).values()) == {"boot"}, "of data, no server has another's"


def test_a_second_provider_that_itself_stands_on_a_guest_is_none() -> None:
    world = scene(
        virtualisation("names"),
        service("names", members=[NS, LOG], enclumeProvides="dns", enclumeRequires=service_dn("people")),
        service("people", members=[NS], enclumeProvides="ldap"),
    )
    world.observe(KVM2, uses=())
    assert told(world)[f"{KVM2} → names → guest {NS} → {KVM1}"] == "boot"


def test_the_path_follows_the_guest() -> None:
    world = scene(virtualisation("names"), service("names", members=[NS], enclumeProvides="dns"))
    assert f"{KVM2} → names → guest {NS} → {KVM1}" in told(world)
    world.see(KVM1)
    world.see(KVM2, domain("ns"))
    assert f"{KVM2} → names → guest {NS} → {KVM2}" in told(world)


def test_a_physical_host_that_is_declared_layer_2_boots_by_itself() -> None:
    world = scene(
        physical("compute.lab.test", "10.0.0.9", enclumeLayer="2"),
        virtualisation("files"),
        service("files", members=["compute.lab.test"], enclumeProvides="nfs"),
    )
    (verdict,) = [one for one in world.verdicts("layers") if one.host == KVM1]
    assert (verdict.code, verdict.status) == ("layer_run", "warning")
    assert "without compute.lab.test, which is declared layer 2: " in verdict.sentence
    assert "declare enclumeLayer 1 for compute.lab.test" in verdict.sentence
    world.put(physical("compute.lab.test", "10.0.0.9"))
    assert wrong(world) == {}


def test_a_guest_and_a_host_of_layer_2_that_serve_the_same_are_both_told() -> None:
    world = scene(
        physical("compute.lab.test", "10.0.0.9", enclumeLayer="2"),
        virtualisation("logs"),
        service("logs", members=["compute.lab.test", NS], enclumeProvides="log"),
    )
    assert {path.provider for path in layers(world).paths} == {"compute.lab.test", NS}


def test_a_guest_is_layer_2_whatever_is_declared() -> None:
    world = scene(virtualisation("names"), service("names", members=[NS], enclumeProvides="dns"))
    world.put(guest(NS, enclumeLayer="1", enclumeProduction=host_dn(KVM1)))
    assert told(world)[f"{KVM2} → names → guest {NS} → {KVM1}"] == "boot"


def test_services_that_wait_for_each_other_are_a_cycle_of_their_own() -> None:
    names = service("names", members=[LOG], enclumeProvides="dns", enclumeRequires=service_dn("people"))
    people = service("people", members=[NFS], enclumeProvides="ldap", enclumeRequires=service_dn("names"))
    world = scene(names, people)
    verdict = one_verdict(world, "start_cycle")
    assert (verdict.status, verdict.site) == ("critical", "angers")
    assert verdict.subject == f"names on {LOG} → people on {NFS} → names on {LOG}"
    world.put(service("people", members=[NFS], enclumeProvides="ldap"))
    assert wrong(world) == {}


def test_a_cycle_in_what_only_hurts_while_running_keeps_nobody_from_starting() -> None:
    time = service("time", members=[LOG], enclumeProvides="ntp", enclumeRequires=service_dn("logs"))
    logs = service("logs", members=[NFS], enclumeProvides="log", enclumeRequires=service_dn("time"))
    assert wrong(scene(time, logs)) == {}


def test_the_halves_of_a_mirror_start_together() -> None:
    world = scene()
    world.observe(NFS, uses=(Used("mirror", LOG, (), "DRBD resource r0"),))
    world.observe(LOG, uses=(Used("mirror", NFS, (), "DRBD resource r0"),))
    assert wrong(world) == {}


def test_a_server_that_is_its_own_provider_depends_on_nobody() -> None:
    world = scene(service("names", members=[NFS, LOG], enclumeProvides="dns", enclumeRequires=service_dn("names")))
    world.put(physical(NFS, "10.0.0.2", enclumeRequires=service_dn("names")))
    world.put(physical(LOG, "10.0.0.3", enclumeRequires=service_dn("names")))
    assert wrong(world) == {}


def test_of_many_guests_a_few_are_told_one_by_one_and_the_others_are_counted() -> None:
    names = [f"vm{number:02d}.lab.test" for number in range(40)]
    world = scene(*(virtual(name, f"10.0.1.{number}") for number, name in enumerate(names)))
    world.put(virtualisation("many"), service("many", members=names, enclumeProvides="dns"))
    assert len([one for one in layers(world).paths if one.host == KVM1]) == 16
    (verdict,) = [one for one in world.verdicts("layers") if one.subject == f"{KVM1} boot"]
    assert (verdict.code, verdict.status) == ("layer_more", "critical")
    assert f"{KVM1} does not boot without 24 more of layer 2" in verdict.sentence
    world.put(service("many", members=names[:16], enclumeProvides="dns"))
    assert ("layer_more", f"{KVM1} boot") not in wrong(world)
    assert len([one for one in layers(world).paths if one.host == KVM1]) == 16
    world.put(virtualisation("many"), service("many", members=[LOG], enclumeProvides="dns"))
    assert wrong(world) == {}


class TestJudgedAgain:
    """The graph is judged again only when something changes that layer 1 stands on."""

    def world(self) -> Scene:
        return scene(
            virtualisation("names"),
            service("names", members=[NS], enclumeProvides="dns"),
            *(virtual(name, "10.0.0.99", KVM2) for name in ("a.lab.test", "b.lab.test")),
            service("web", members=["a.lab.test"], enclumeRequires=service_dn("names")),
        )

    def group(self, world: Scene) -> Any:
        return world.audit().groups["layers", "layers"]

    def test_not_for_a_guest_that_layer_1_does_not_use(self) -> None:
        world = self.world()
        world.see(KVM2, domain("a"), domain("b"))
        before = self.group(world)
        world.see(KVM2, domain("b", "shutoff", "shutdown"))
        world.put(service("web", members=["a.lab.test", "b.lab.test"], enclumeRequires=service_dn("names")))
        assert self.group(world) is before

    def test_not_for_an_observation_that_says_the_same(self) -> None:
        world = self.world()
        world.observe(NFS, uses=(Used("dns", "10.0.0.53"),))
        before = self.group(world)
        world.at += 60
        world.observe(NFS, uses=(Used("dns", "10.0.0.53"),))
        assert self.group(world) is before

    def test_for_a_guest_that_layer_1_uses(self) -> None:
        world = self.world()
        before = self.group(world)
        world.see(KVM1)
        world.see(KVM2, domain("ns"))
        assert self.group(world) is not before
