"""The layers as they are observed, assumed and unknown: bad, and good again."""

from typing import Any

import pytest
from msgspec.structs import replace

from facts.inventory.domains import Disk
from facts.observations import Mount, NfsServer, Used
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
    virtualisation,
    wrong,
)
from tests.audit.situations import Scene
from tests.factories import domain, host, service, settings, site, site_dn


def test_what_only_guests_provide_is_assumed_to_be_used_until_the_host_says_what_it_uses() -> None:
    world = scene(service("names", members=[NS], enclumeProvides="dns"))
    (verdict,) = [one for one in world.verdicts("layers") if one.host == NFS]
    assert verdict.status == "critical"
    assert "(dns: assumed from enclumeProvides, not observed)" in verdict.sentence
    world.observe(NFS, uses=(Used("ntp", "ntp.example.org", ("198.51.100.1",)),), problems=("/etc/resolv.conf: no",))
    assert ("layer_boot", f"{NFS} → {NS}") in wrong(world), "its observer could not read everything"
    world.observe(NFS, uses=(Used("dns", "198.51.100.53", ("198.51.100.53",)),), problems=("chrony.conf: no",))
    assert ("layer_boot", f"{NFS} → {NS}") not in wrong(world)
    assert ("layer_boot", f"{LOG} → {NS}") in wrong(world)
    for name in (KVM1, KVM2, LOG):
        world.observe(name, uses=())
    assert wrong(world) == {}


@pytest.mark.parametrize("provided", ["gateway", "log", "puppet", "proxy"])
def test_what_hosts_may_well_do_without_is_not_assumed(provided: str) -> None:
    assert wrong(scene(service("it", members=[NS], enclumeProvides=provided))) == {}


def test_what_a_physical_host_provides_too_is_not_assumed_to_come_from_the_guest() -> None:
    assert wrong(scene(service("names", members=[NS, LOG], enclumeProvides="dns"))) == {}


@pytest.mark.parametrize(
    "used",
    [
        Used("ldap", NS),
        Used("ldap", "NS.lab.test."),
        Used("ldap", "ns"),
        Used("ldap", "10.0.0.53"),
        Used("ldap", "directory.example.org", ("203.0.113.9", "10.0.0.53")),
        Used("ldap", "directory.example.org", ("::ffff:10.0.0.53",)),
    ],
)
def test_what_a_host_was_observed_to_use_is_known_by_name_and_address(used: Used) -> None:
    world = scene()
    world.observe(KVM2, uses=(used,))
    assert told(world) == {f"{KVM2} → ldap → guest {NS} → {KVM1}": "boot"}
    world.observe(KVM2, uses=(Used("ldap", "elsewhere", ("10.0.0.3",)),))
    assert wrong(world) == {}


def test_the_sentence_says_where_a_use_was_observed() -> None:
    world = scene()
    world.observe(KVM2, uses=(Used("dns", "10.0.0.53", ("10.0.0.53",), "/etc/resolv.conf"),))
    (verdict,) = [one for one in world.verdicts("layers") if one.host == KVM2]
    assert f"(dns: /etc/resolv.conf on {KVM2})" in verdict.sentence
    assert ("observations", KVM2) in [(one.kind, one.target) for one in verdict.sources]


def test_an_address_that_nobody_has_is_no_violation_but_is_known() -> None:
    world = scene()
    used = Used("ntp", "ntp.example.org", ("198.51.100.1",), "/etc/chrony.conf")
    world.observe(KVM1, uses=(used, Used("dns", "127.0.0.1", ("127.0.0.1",)), Used("log", KVM1)))
    assert wrong(world) == {}
    (outside,) = layers(world).ground.outside
    assert (outside.host, outside.what, outside.name, outside.source) == (KVM1, "ntp", used.name, used.source)


def test_a_resolver_outside_lets_a_host_boot_without_the_guest() -> None:
    world = scene()
    world.observe(KVM2, uses=(Used("dns", "10.0.0.53"), Used("dns", "198.51.100.53")))
    assert told(world) == {f"{KVM2} → dns → guest {NS} → {KVM1}": "run"}


def test_a_use_that_is_declared_and_observed_is_one_and_counts_with_its_gravest_effect() -> None:
    world = scene(virtualisation("dns"), service("dns", members=[NS], enclumeProvides="dns"))
    world.observe(KVM1, uses=(Used("dns", "10.0.0.53"), Used("dns", "198.51.100.53")))
    (path,) = [one for one in layers(world).paths if one.host == KVM1]
    assert (path.effect, path.paths) == ("boot", 1)


def test_private_addresses_of_two_sites_mean_the_host_of_the_own_site() -> None:
    world = scene(site("lille"), host("nfs2.lab.test", enclumeAtSite=site_dn("lille"), ipHostNumber="10.0.0.53"))
    world.observe(KVM2, uses=(Used("dns", "10.0.0.53"),))
    world.observe("nfs2.lab.test", uses=(Used("nfs", "10.0.0.2"), Used("dns", "10.0.0.53")))
    assert list(told(world)) == [f"{KVM2} → dns → guest {NS} → {KVM1}"]


def test_a_mount_and_a_guest_s_disk_count_as_uses() -> None:
    world = scene()
    world.observe(NFS, mounts=(Mount("/srv/more", NS, "/srv"),))
    world.see(KVM2, domain("other", disks=[Disk("vda", "nfs", "/pool/other.raw", "10.0.0.53", "/srv")]))
    assert told(world) == {
        f"{KVM2} → pool → guest {NS} → {KVM1}": "boot",
        f"{NFS} → nfs → guest {NS} → {KVM1}": "boot",
    }
    (verdict,) = [one for one in world.verdicts("layers") if one.host == KVM2]
    assert "its guests' disks, as libvirt shows them" in verdict.sentence
    world.see(KVM2, domain("other", disks=[Disk("vda", "nfs", "/pool/other.raw", NFS, "/srv")]))
    world.observe(NFS, mounts=())
    assert wrong(world) == {}


def test_a_hypervisor_that_cannot_be_read_makes_it_unknown() -> None:
    world = scene()
    world.fail(KVM2)
    verdict = one_verdict(world, "layers_unknown")
    assert (verdict.status, verdict.subject) == ("unknown", "angers")
    assert f"{KVM2} cannot be read" in verdict.sentence
    world.see(KVM2)
    del world.hypervisors[KVM1]
    assert f"{KVM1} was never read" in one_verdict(world, "layers_unknown").sentence
    world.see(KVM1, domain("ns"))
    assert wrong(world) == {}


def test_an_observer_that_fell_silent_makes_it_unknown() -> None:
    world = scene()
    world.observe(NFS, uses=(Used("dns", NS),))
    world.at += 590
    assert ("layers_unknown", "angers") not in wrong(world)
    world.at += 20
    verdict = one_verdict(world, "layers_unknown")
    assert f"{NFS} has said nothing of what it uses since 2025-11-27 12:00 UTC" in verdict.sentence
    assert ("layer_boot", f"{NFS} → {NS}") in wrong(world), "what was seen last still counts"
    world.observe(NFS, uses=())
    assert wrong(world) == {}


UNREAD = "uses: /etc/sssd/sssd.conf cannot be read: Permission denied"
UNRESOLVED = "uses: 1 names were not resolved within 5 s, or no name server would say, ldap.example.org among them"


def test_an_observer_that_cannot_read_what_its_host_uses_makes_it_unknown() -> None:
    world = scene()
    world.observe(NFS, mounts=(), problems=(UNREAD,))
    verdict = one_verdict(world, "layers_unknown")
    assert (verdict.status, verdict.subject) == ("unknown", "angers")
    why = "/etc/sssd/sssd.conf cannot be read: Permission denied"
    assert f"{NFS} cannot say all that it uses ({why}): mend that there" in verdict.sentence
    assert "install" not in verdict.sentence
    assert ("observations", NFS) in [(one.kind, one.target) for one in verdict.sources]
    world.observe(NFS, mounts=())
    assert wrong(world) == {}


@pytest.mark.parametrize("told", [{"mounts": ()}, {"nfsd": NfsServer(8, {})}])
def test_an_observer_that_says_nothing_of_what_its_host_uses_makes_it_unknown(told: dict[str, Any]) -> None:
    world = scene()
    world.observe(NFS, **told, problems=("logs: not read within 30 s, and given up",))
    sentence = one_verdict(world, "layers_unknown").sentence
    assert f"{NFS} has never said anything of what it uses: install enclume-observe there" in sentence
    world.observe(NFS, **told)
    assert wrong(world) == {}


@pytest.mark.parametrize("problem", ["mounts: /home cannot be used: Stale file handle", "logs: /var/log: no"])
def test_what_its_observer_cannot_tell_of_other_things_does_not(problem: str) -> None:
    """Mounts are uses too, and told as these."""
    world = scene()
    world.observe(NFS, uses=(Used("nfs", LOG, source="/home"),), problems=(problem,))
    assert wrong(world) == {}


def test_a_path_by_a_name_that_nobody_resolves_now_stays_and_the_rest_is_unknown() -> None:
    world = scene(service("directory", members=[NS], enclumeProvides="ldap"))
    for name in (KVM1, NFS, LOG):
        world.observe(name)
    alias = Used("ldap", "ldap.example.org", ("10.0.0.53",), "/etc/sssd/sssd.conf")
    world.observe(KVM2, uses=(alias,))
    found = {("layer_boot", f"{KVM2} → {NS}"): "critical", ("only_guests_provide", "directory"): "critical"}
    assert wrong(world) == found
    for _ in range(2):
        world.at += 60
        world.observe(KVM2, uses=(replace(alias, addresses=()),), problems=(UNRESOLVED,))
        assert wrong(world) == {**found, ("layers_unknown", "angers"): "unknown"}
    assert "ldap.example.org among them" in one_verdict(world, "layers_unknown").sentence
    world.observe(KVM2, uses=(replace(alias, addresses=("10.0.0.3",)),))
    assert wrong(world) == {}


def test_a_name_that_was_never_resolved_makes_it_unknown() -> None:
    world = scene()
    world.observe(KVM2, uses=(Used("ldap", "ldap.example.org"),), problems=(UNRESOLVED,))
    assert wrong(world) == {("layers_unknown", "angers"): "unknown"}
    world.observe(KVM2, uses=(Used("ldap", "ldap.example.org"),))
    assert wrong(world) == {}, "a name server said that it has no address"


def test_of_many_reasons_a_few_are_told_and_the_others_counted() -> None:
    world = scene()
    world.observe(NFS, problems=tuple(f"uses: /etc/chrony.d/{number}.conf cannot be read" for number in range(5)))
    assert "/etc/chrony.d/2.conf cannot be read; and 2 more): mend" in one_verdict(world, "layers_unknown").sentence


def test_of_a_host_of_layer_2_nobody_asks_what_it_uses() -> None:
    world = scene(physical("desk.lab.test", "10.0.0.7", enclumeLayer="2"))
    world.observe("desk.lab.test", mounts=(), problems=(UNREAD,))
    assert wrong(world) == {}


def test_a_provider_of_unknown_kind_makes_it_unknown() -> None:
    world = scene(
        virtualisation("names"),
        service("names", members=["new.lab.test"], enclumeProvides="dns"),
        host("new.lab.test", enclumeKind="", **AT_ANGERS),
    )
    assert "new.lab.test is used by layer 1" in one_verdict(world, "layers_unknown").sentence


class TestEnclume:
    """Enclume's own server is judged as any other, by what its settings say too."""

    def world(self, *more: Any) -> Scene:
        uris = ["ldapi:///", "ldap://ns.lab.test:389"]
        world = scene(*more, settings=settings({"uri": uris}))
        world.own = LOG
        return world

    def test_it_learns_of_changes_from_its_directory(self) -> None:
        world = self.world()
        assert told(world) == {f"{LOG} → ldap → guest {NS} → {KVM1}": "change"}
        (verdict,) = [one for one in world.verdicts("layers") if one.host == LOG]
        assert (verdict.code, verdict.status) == ("layer_change", "warning")
        assert "(ldap: directory.uri)" in verdict.sentence
        world.own = "enclume.elsewhere.test"
        assert wrong(world) == {}

    def test_in_a_guest_it_stands_under_the_puppet_server_of_its_site(self) -> None:
        world = self.world(service("puppet", members=[NFS], enclumeProvides="puppet"), virtualisation("puppet"))
        world.own = "ns"
        assert told(world) == {
            f"{KVM1} → puppet → {NFS} → enclume → guest {NS} → {KVM1}": "change",
            f"{KVM2} → puppet → {NFS} → enclume → guest {NS} → {KVM1}": "change",
            f"{NFS} → enclume → guest {NS} → {KVM1}": "change",
        }

    def test_the_puppet_server_of_another_site_has_an_enclume_of_its_own(self) -> None:
        elsewhere = host("puppet2.lab.test", enclumeAtSite=site_dn("lille"))
        world = self.world(site("lille"), elsewhere)
        world.put(service("puppet", members=[NFS, "puppet2.lab.test"], enclumeProvides="puppet"))
        world.own = NS
        assert list(told(world)) == [f"{NFS} → enclume → guest {NS} → {KVM1}"]
