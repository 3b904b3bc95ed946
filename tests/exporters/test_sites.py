"""What hypervisors and sites are told of: capacity, survival, the layers."""

from facts.inventory.domains import Disk
from tests.audit.situations import Scene
from tests.exporters.telling import told, values
from tests.factories import GIB, domain, guest, kvm, service, service_dn, site

KVM1, KVM2 = "kvm1.lab.test", "kvm2.lab.test"


def scene(memory: int = GIB) -> Scene:
    guests = (guest("web.lab.test"), guest("mail.lab.test"))
    made = Scene(site("angers"), site("lyon"), kvm(KVM1, "angers"), kvm(KVM2, "angers"), *guests)
    load(made, memory)
    return made


def load(at: Scene, memory: int) -> None:
    """Each hypervisor has a guest of that memory, on storage that both reach."""
    for hypervisor, name in ((KVM1, "web"), (KVM2, "mail")):
        disk = Disk("vda", "nfs", f"/containers/{name}.raw", "nfs1.lab.test", "/srv/containers")
        at.see(hypervisor, domain(name, memory=memory, disks=[disk]))


def test_a_hypervisor_is_told_with_what_it_has_and_has_promised() -> None:
    text = told(scene())
    of = {"site": "angers", "hypervisor": KVM1}
    figures = {
        name: values(text, f"hypervisor_{name}", **of)[()] for name in ("memory_bytes", "cpus", "vcpus_committed")
    }
    assert figures == {"memory_bytes": 64 * GIB, "cpus": 16, "vcpus_committed": 2}
    assert values(text, "hypervisor_memory_committed_bytes", **of) == {(): GIB}


def test_a_site_that_survives_no_loss_any_more_says_so_until_it_does_again() -> None:
    at = scene()
    assert values(told(at), "site_survives_hypervisor_loss", site="angers") == {(KVM1,): 1, (KVM2,): 1}
    load(at, 40 * GIB)
    assert values(told(at), "site_survives_hypervisor_loss", site="angers") == {(KVM1,): 0, (KVM2,): 0}
    load(at, GIB)
    assert values(told(at), "site_survives_hypervisor_loss", site="angers") == {(KVM1,): 1, (KVM2,): 1}


def test_whether_a_loss_is_survived_is_not_told_while_nobody_knows() -> None:
    at = scene()
    at.fail(KVM1)
    at.fail(KVM2)
    assert values(told(at), "site_survives_hypervisor_loss") == {}
    assert values(told(at), "hypervisor_memory_bytes", site="angers") == {(KVM1,): 64 * GIB, (KVM2,): 64 * GIB}


def test_a_site_without_hypervisors_has_no_figures() -> None:
    assert "enclume_site_imbalance_ratio" not in told(scene(), "lyon")
    assert set(values(told(scene(), "angers"), "site_imbalance_ratio")) == {("angers",)}


def test_a_use_of_a_guest_by_layer_1_is_told_until_it_is_given_up() -> None:
    at = scene()
    at.put(
        service("ldap", members=["web.lab.test"], enclumeProvides="ldap"),
        kvm(KVM1, "angers", enclumeRequires=service_dn("ldap")),
    )
    found = values(told(at), "layer_violation", site="angers")
    assert found["boot", KVM1, "web.lab.test"] == 1
    assert values(told(at, "lyon"), "layer_violation") == {}
    at.put(kvm(KVM1, "angers"))
    at.drop(service_dn("ldap"))
    assert values(told(at), "layer_violation") == {}
