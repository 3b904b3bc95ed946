"""The layers of the examples: the laboratory keeps them, the platform has one resolver in a guest at Lille."""

from msgspec.structs import replace

from audit.layers_found import Layers
from facts.directory.names import normalise
from tests.audit.situations import Scene
from tests.examples import faults
from tests.examples.reading import example
from tests.examples.scenes import scene_of

NS, DNS = "ns-lille.plm.test", "cn=dns,ou=services,dc=plm,dc=test"
LILLE = ("kvm1.lille.plm.test", "kvm2.lille.plm.test", "mirror.lille.plm.test", "nfs.lille.plm.test")


def found(scene: Scene) -> Layers:
    layers = scene.audit().groups["layers", "layers"].judged.details
    assert isinstance(layers, Layers)
    return layers


def test_the_laboratory_keeps_the_layers() -> None:
    scene = scene_of(example("lab"))
    (verdict,) = scene.verdicts("layers")
    assert (verdict.code, verdict.subject, verdict.status) == ("layers", "larema", "ok")
    layers = found(scene)
    assert (layers.paths, layers.cycles, layers.guests_only) == ((), (), ())


def test_the_platform_s_resolver_at_lille_is_a_guest_and_nothing_else_is_wrong() -> None:
    scene = scene_of(example("platform"))
    layers = found(scene)
    assert {path.provider for path in layers.paths} == faults.GUEST_UNDER_LAYER_1["platform"]
    assert [(path.site, path.host, path.effect) for path in layers.paths] == [("lille", host, "boot") for host in LILLE]
    runs_on = example("platform").runs_on(example("platform").hosts[NS])[0]
    assert layers.paths[0].text == f"kvm1.lille.plm.test → dns → guest {NS} → {runs_on}"
    assert {hop.origin for path in layers.paths for hop in path.hops} == {"declared"}
    assert layers.cycles == ()
    assert [(one.site, one.what, one.guests) for one in layers.guests_only] == [("lille", "dns", (NS,))]
    verdicts = {(one.site, one.code): one.status for one in scene.verdicts("layers")}
    assert verdicts == {
        ("lille", "layer_boot"): "critical",
        ("lille", "only_guests_provide"): "critical",
        **{(site, "layers"): "ok" for site in ("angers", "bordeaux", "grenoble", "lyon")},
    }


def test_with_the_nfs_server_as_resolver_lille_is_good_again() -> None:
    scene = scene_of(example("platform"))
    assert found(scene).paths
    dns = scene.entries[normalise(DNS)]
    members = tuple("cn=nfs.lille.plm.test,ou=hosts,dc=plm,dc=test" if NS in dn else dn for dn in dns.values("member"))
    scene.put(replace(dns, attributes={**dns.attributes, "member": members}))
    assert {one.status for one in scene.verdicts("layers")} == {"ok"}
