"""The cold start of an estate, and what is left of it with every guest off."""

from typing import Any

from audit.cold_start import Served, SiteStart, cold_start
from audit.layers_found import Layers
from tests.audit.situations import Scene
from tests.examples.reading import example
from tests.examples.scenes import scene_of
from tests.factories import domain, guest, host, host_dn, kvm, service, service_dn, site, site_dn

KVM1, KVM2, NFS = "kvm1.lab.test", "kvm2.lab.test", "nfs.lab.test"


def starts(scene: Scene, site: str | None = None) -> dict[str, SiteStart]:
    audited = scene.audit()
    layers = audited.groups["layers", "layers"].judged.details
    assert isinstance(layers, Layers)
    assert audited.view is not None
    estate = audited.view.situation.now.estate
    assert estate is not None
    return {one.site: one for one in cold_start(estate, layers, site)}


def short(start: SiteStart) -> list[str]:
    """Each level in a line, with first labels."""
    return [
        " ".join(
            [*(name.partition(".")[0] for name in (*level.hosts, *level.guests))]
            + [f"{one.service}:{'+'.join(name.partition('.')[0] for name in one.hosts)}" for one in level.services]
        )
        for level in start.levels
    ]


def scene(*more: Any) -> Scene:
    world = Scene(
        site("angers"),
        kvm(KVM1, "angers"),
        kvm(KVM2, "angers"),
        host(NFS, enclumeAtSite=site_dn("angers")),
        service("files", members=[NFS], enclumeProvides="nfs"),
        service("virtualisation", members=[KVM1, KVM2], enclumeRequires=service_dn("files")),
        guest("web.lab.test", enclumeProduction=host_dn(KVM1)),
        service("web", members=["web.lab.test"], enclumeRequires=[service_dn("files"), service_dn("base")]),
        guest("db.lab.test", enclumeProduction=host_dn(KVM2)),
        service("base", members=["db.lab.test"]),
        *more,
    )
    world.see(KVM1, domain("web"))
    world.see(KVM2, domain("db"))
    return world


def test_guests_come_after_their_hypervisors_and_services_after_what_they_require() -> None:
    assert short(starts(scene())["angers"]) == [
        "kvm1 kvm2 nfs",
        "files:nfs",
        "virtualisation:kvm1+kvm2",
        "db web",
        "base:db",
        "web:web",
    ]


def test_a_guest_that_is_meant_to_be_off_is_not_started() -> None:
    world = scene(guest("old.lab.test", enclumeProduction=host_dn(KVM1), enclumeIntent="off"))
    world.put(service("base", members=["db.lab.test"], enclumeRequires=service_dn("archive")))
    world.put(service("archive", members=["old.lab.test"], enclumeProvides="nfs"))
    assert short(starts(world)["angers"])[3:] == ["db web", "base:db", "web:web"]


def test_a_guest_that_belongs_nowhere_waits_for_any_hypervisor_of_its_site() -> None:
    world = scene(guest("new.lab.test", enclumeAtSite=site_dn("angers")))
    assert "new" in short(starts(world)["angers"])[1]


def test_each_site_counts_its_own_levels_and_can_be_asked_for_alone() -> None:
    world = scene(site("lille"), kvm("kvm3.lab.test", "lille"), service("solo", members=["kvm3.lab.test"]))
    world.see("kvm3.lab.test")
    assert short(starts(world)["lille"]) == ["kvm3", "solo:kvm3"]
    assert starts(world, "lille") == {"lille": starts(world)["lille"]}
    assert starts(world, "angers") == {"angers": starts(world)["angers"]}
    assert starts(world, "nowhere") == {}


def test_a_cycle_through_a_guest_is_named_whole() -> None:
    world = scene()
    world.put(service("files", members=[NFS], enclumeProvides="nfs", enclumeRequires=service_dn("names")))
    world.put(service("names", members=["db.lab.test"], enclumeProvides="dns"))
    for hypervisor in (KVM1, KVM2):
        world.observe(hypervisor, uses=())
    (cycle,) = starts(world)["angers"].cycles
    around = [f"files on {NFS}", "names on db.lab.test", "db.lab.test", f"virtualisation on {KVM2}"]
    assert cycle == " → ".join((*around, around[0]))


def test_what_starts_without_its_log_server_is_told() -> None:
    world = scene(
        service("names", members=[NFS], enclumeProvides="dns", enclumeRequires=service_dn("logs")),
        service("logs", members=[NFS], enclumeProvides="log", enclumeRequires=service_dn("names")),
    )
    assert [(one.starts, one.without) for one in starts(world)["angers"].without] == [(f"names on {NFS}", "logs")]


def test_with_every_guest_off_what_guests_serve_is_lost() -> None:
    left = starts(scene())["angers"].left
    assert left.going_on == (Served("files", (NFS,)), Served("virtualisation", (KVM1, KVM2)))
    assert left.lost == (Served("base", ("db.lab.test",)), Served("web", ("web.lab.test",)))
    assert (left.not_booting, left.running_badly, left.unchangeable) == ((), (), ())
    assert left.fine == (KVM1, KVM2, NFS)


def test_a_service_that_somebody_outside_of_guests_serves_too_goes_on_there() -> None:
    world = scene(service("names", members=[NFS, "db.lab.test"], enclumeProvides="dns"))
    left = starts(world)["angers"].left
    assert Served("names", (NFS,)) in left.going_on
    assert "names" not in {one.service for one in left.lost}


def test_with_every_guest_off_what_stands_on_one_is_lost_too() -> None:
    world = scene(service("names", members=["db.lab.test"], enclumeProvides="dns"))
    world.put(service("files", members=[NFS], enclumeProvides="nfs", enclumeRequires=service_dn("names")))
    world.observe(KVM1, uses=())
    world.observe(KVM2, uses=())
    left = starts(world)["angers"].left
    assert left.going_on == ()
    assert Served("files", (NFS,)) in left.lost
    assert left.not_booting == (KVM1, KVM2, NFS)
    world.put(service("files", members=[NFS], enclumeProvides="nfs"))
    world.observe(NFS, uses=())
    assert starts(world)["angers"].left.not_booting == ()


def test_what_hurts_less_is_told_apart() -> None:
    world = scene(service("logs", members=["db.lab.test"], enclumeProvides="log"))
    world.put(service("puppet", members=["db.lab.test"], enclumeProvides="puppet"))
    world.put(host(NFS, enclumeAtSite=site_dn("angers"), enclumeRequires=service_dn("puppet")))
    world.put(kvm(KVM2, "angers", enclumeRequires=[service_dn("puppet"), service_dn("logs")]))
    left = starts(world)["angers"].left
    assert (left.running_badly, left.unchangeable) == ((KVM2,), (KVM1, NFS))


def test_the_laboratory_starts_in_order() -> None:
    start = starts(scene_of(example("lab")))["larema"]
    assert (start.cycles, start.without) == ((), ())
    guests = "alceste icinga icinguang laremagw roundcube sogo svn tonton"
    assert short(start) == [
        "bigorneau bulot1 bulot2 coquille1 coquille2 huitre nacre palourde praire1 praire2",
        "ntp:huitre+nacre",
        "dns:huitre+nacre",
        "dhcp:huitre ldap:huitre log:palourde updates:palourde",
        "nfs:nacre puppet:palourde virtualisation:coquille1+coquille2",
        f"{guests} backup:bigorneau compute:praire1+praire2 interactive:bulot1+bulot2",
        "department_monitoring:icinguang mail:sogo monitoring:icinga ssh:tonton svn:svn web:alceste",
        "agenda:sogo webmail:roundcube",
        "gateway:laremagw",
    ]
    assert start.left.not_booting == ()
    assert {one.service for one in start.left.lost} == {
        "agenda", "department_monitoring", "gateway", "images", "mail", "monitoring", "ssh", "svn", "web", "webmail",
    }  # fmt: skip


def test_nothing_but_clocks_is_left_of_lille_and_the_other_sites_go_on() -> None:
    found = starts(scene_of(example("platform")))
    assert [one.service for one in found["lille"].left.going_on] == ["ntp"]
    assert len(found["lille"].left.not_booting) == 4
    assert found["lyon"].left.not_booting == found["lyon"].left.running_badly == ()
    assert found["lyon"].cycles == ()
    assert len(found["lille"].cycles) == 1
