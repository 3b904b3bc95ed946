"""Two sites with a hypervisor each."""

from tests.factories import (
    World,
    kvm,
    site,
    site_dn,
)

ANGERS, LILLE = site_dn("angers"), site_dn("lille")


def two_kvm() -> World:
    """Two sites with a hypervisor each."""
    world = World(site("angers"), site("lille"), kvm("kvm-a", "angers"), kvm("kvm-l", "lille"))
    world.see("kvm-a")
    world.see("kvm-l")
    return world
