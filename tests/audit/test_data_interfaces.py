"""Data: the interfaces that the rule allows to a guest; each fault goes bad and good again."""

import pytest
from msgspec.structs import replace

from facts.inventory.domains import Interface
from tests.audit.holding import KVM, WEB, in_order, said, wired, wrong
from tests.audit.situations import Scene
from tests.factories import domain, service, service_at, site


@pytest.fixture
def scene() -> Scene:
    return in_order()


@pytest.mark.parametrize(
    ("networks", "code", "words"),
    [
        ((), "internal_interfaces", "has no internal interface"),
        (("lan", "lan"), "internal_interfaces", "has 2 internal interfaces (lan and lan)"),
        (("lan", "br-dmz"), "public_interface", "(dmz) and is in no public service"),
        (("lan", "virbr7"), "unknown_network", "on virbr7, which is no network of angers"),
    ],
)
def test_interfaces_that_break_the_rule(scene: Scene, networks: tuple[str, ...], code: str, words: str) -> None:
    wired(scene, *networks)
    assert wrong(scene) == {code: "warning"}
    assert words in said(scene, code)
    wired(scene, "lan")
    assert wrong(scene) == {}


@pytest.mark.parametrize("where", [service, lambda *_, **stated: service_at("web", "angers", **stated)])
def test_a_public_interface_is_for_a_public_service(scene: Scene, where: object) -> None:
    wired(scene, "lan", "br-dmz")
    assert wrong(scene) == {"public_interface": "warning"}
    scene.put(where("web", members=(WEB,), enclumePublic="TRUE"))  # type: ignore[operator]
    assert wrong(scene) == {}
    wired(scene, "lan", "br-dmz", "br-dmz")
    assert "has 2 public interfaces" in said(scene, "public_interface")


@pytest.mark.parametrize(
    ("interface", "words"),
    [
        (Interface("52:54:00:00:00:07", None, "br7"), "on br7, which"),
        (Interface("52:54:00:00:00:07"), "on nothing that is known (52:54:00:00:00:07), which"),
    ],
)
def test_an_interface_is_told_by_what_it_is_attached_to(scene: Scene, interface: Interface, words: str) -> None:
    lan = Interface("52:54:00:00:00:01", None, "lan")
    scene.see(KVM, replace(domain("web"), interfaces=(lan, interface)))
    assert wrong(scene) == {"unknown_network": "warning"}
    assert words in said(scene, "unknown_network")


def test_where_nobody_said_what_networks_are_attached_to_nothing_is_wrong_with_interfaces(scene: Scene) -> None:
    wired(scene, "whatever")
    scene.put(site("angers", enclumeNetwork="lan=internal 10.1.0.0/16"))
    assert wrong(scene) == {}
