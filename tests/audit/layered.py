"""A site whose layers are judged, and what is told of them."""

from typing import Any

from audit.layers_found import Layers
from audit.verdict import Verdict
from tests.audit.situations import Scene
from tests.factories import domain, guest, host, host_dn, kvm, service, service_dn, site, site_dn

KVM1, KVM2, NFS, LOG = "kvm1.lab.test", "kvm2.lab.test", "nfs.lab.test", "log.lab.test"
NS = "ns.lab.test"
AT_ANGERS = {"enclumeAtSite": site_dn("angers")}


def physical(name: str, address: str, **attributes: Any) -> Any:
    return host(name, ipHostNumber=address, **AT_ANGERS, **attributes)


def virtual(name: str = NS, address: str = "10.0.0.53", production: str = KVM1) -> Any:
    return guest(name, ipHostNumber=address, enclumeProduction=host_dn(production))


def scene(*more: Any, **stated: Any) -> Scene:
    """Two hypervisors, an NFS server and a log server at Angers; a guest runs on the first hypervisor."""
    world = Scene(
        site("angers"),
        kvm(KVM1, "angers", ipHostNumber="10.0.0.11"),
        kvm(KVM2, "angers", ipHostNumber="10.0.0.12"),
        physical(NFS, "10.0.0.2"),
        physical(LOG, "10.0.0.3"),
        virtual(),
        *more,
        **stated,
    )
    world.see(KVM1, domain("ns"))
    world.see(KVM2)
    return world


def layers(world: Scene) -> Layers:
    found = world.audit().groups["layers", "layers"].judged.details
    assert isinstance(found, Layers)
    return found


def told(world: Scene) -> dict[str, str]:
    """Every path that is told, with its effect."""
    return {path.text: path.effect for path in layers(world).paths}


def wrong(world: Scene) -> dict[tuple[str, str], str]:
    return {(one.code, one.subject): one.status for one in world.verdicts("layers") if one.status != "ok"}


def one_verdict(world: Scene, code: str) -> Verdict:
    (found,) = [one for one in world.verdicts("layers") if one.code == code]
    return found


def virtualisation(*required: str) -> Any:
    return service("virtualisation", members=[KVM1, KVM2], enclumeRequires=[service_dn(name) for name in required])
