"""Service discovery: every host with what is known of it, and never fewer hosts because something failed."""

import json
from typing import Any

from exporters.sd import Discovery, encode
from generation.now import Now
from settings.metrics import PortSettings
from tests.audit.situations import Scene
from tests.factories import domain, guest, host, host_dn, kvm, service, settings, site, site_dn

WEB, KVM, NFS = "web.lab.test", "kvm1.lab.test", "nfs1.lab.test"


def scene(**guard: Any) -> Scene:
    at = {"enclumeAtSite": site_dn("angers")}
    made = Scene(
        site("angers"), site("lyon"), kvm(KVM, "angers", ipHostNumber="2001:db8::1"),
        guest(WEB, **at, ipHostNumber="10.1.0.5"), host(NFS, **at),
        service("proxy", members=[WEB]), service("web", members=[WEB]),
        settings=settings(guard={"changed": 0.1, "shrunk": 0.1, "at_least": 1, **guard}),
    )  # fmt: skip
    made.see(KVM, domain("web"))
    return made


def groups(discovery: Discovery, job: str, now: Now, at: str = "") -> list[dict[str, Any]]:
    found = discovery.groups(job, now, at)
    assert found is not None
    return json.loads(encode(found))  # type: ignore[no-any-return]


def targets(discovery: Discovery, job: str, now: Now, at: str = "") -> list[str]:
    return [target for group in groups(discovery, job, now, at) for target in group["targets"]]


def test_every_host_is_a_target_by_its_address_or_its_name() -> None:
    now = scene().situation().now
    assert targets(Discovery(PortSettings()), "node", now) == [
        "[2001:db8::1]:9100",
        "nfs1.lab.test:9100",
        "10.1.0.5:9100",
    ]


def test_a_target_carries_what_is_known_of_its_host() -> None:
    now = scene().situation().now
    assert groups(Discovery(PortSettings()), "node", now)[2]["labels"] == {
        "__meta_enclume_site": "angers",
        "__meta_enclume_kind": "guest",
        "__meta_enclume_layer": "2",
        "__meta_enclume_hypervisor": KVM,
        "__meta_enclume_services": ",proxy,web,",
        "__meta_enclume_certname": WEB,
        "__meta_enclume_intent": "running",
    }


def test_libvirt_is_asked_on_hypervisors_at_the_port_of_the_settings() -> None:
    now = scene().situation().now
    assert targets(Discovery(PortSettings(libvirt=9000)), "libvirt", now) == ["[2001:db8::1]:9000"]


def test_a_host_without_an_answer_has_no_agent() -> None:
    at = scene()
    at.put(host("new.lab.test", enclumeKind=""))
    now = at.situation().now
    assert "new.lab.test:9100" in targets(Discovery(PortSettings()), "node", now)
    assert "new.lab.test:9819" not in targets(Discovery(PortSettings()), "puppet", now)
    assert "10.1.0.5:9819" in targets(Discovery(PortSettings()), "puppet", now)


def test_one_site_has_its_own_targets_alone() -> None:
    now = scene().situation().now
    assert targets(Discovery(PortSettings()), "node", now, "lyon") == []
    assert len(targets(Discovery(PortSettings()), "node", now, "angers")) == 3


def test_before_any_host_is_known_there_is_no_list() -> None:
    assert Discovery(PortSettings()).groups("node", Now()) is None
    assert Discovery(PortSettings()).groups("node", Scene(site("angers")).situation().now) is None


def test_a_host_that_is_removed_is_a_target_no_more() -> None:
    at, discovery = scene(at_least=5), Discovery(PortSettings())
    targets(discovery, "node", at.situation().now)
    at.drop(host_dn(NFS))
    assert "nfs1.lab.test:9100" not in targets(discovery, "node", at.situation().now)


def test_hosts_whose_loss_the_guard_holds_stay_targets_as_they_were() -> None:
    at, discovery = scene(), Discovery(PortSettings())
    before = groups(discovery, "node", at.situation().now)
    at.drop(host_dn(NFS), host_dn(WEB))
    now = at.situation().now
    assert now.generation.hold is not None
    assert groups(discovery, "node", now) == before
    assert groups(discovery, "node", now) == before


def test_after_a_restart_they_are_targets_by_name_with_what_their_answers_say() -> None:
    at = scene()
    targets(Discovery(PortSettings()), "node", at.situation().now)
    at.drop(host_dn(NFS), host_dn(WEB))
    found = groups(Discovery(PortSettings()), "node", at.situation().now)
    assert [group["targets"] for group in found] == [
        ["[2001:db8::1]:9100"],
        ["nfs1.lab.test:9100"],
        ["web.lab.test:9100"],
    ]
    assert found[2]["labels"]["__meta_enclume_services"] == ",proxy,web,"
    assert found[2]["labels"]["__meta_enclume_hypervisor"] == KVM
