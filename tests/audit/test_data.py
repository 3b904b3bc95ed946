"""Data: large disks, missing and silent mounts, local logs; each goes bad and good again."""

from typing import Any

import pytest

from facts.facter.document import Document
from facts.facter.node_facts import kept_of
from facts.observations import Logs, Mount, Used
from facts.source import SourceKey
from tests.audit.holding import HOME, KVM, MIRROR, NFS, WEB, in_order, measure, said, wired, wrong
from tests.audit.situations import Scene
from tests.factories import GIB, domain, guest, host, service, service_at, service_dn, settings, site, site_dn


@pytest.fixture
def scene() -> Scene:
    return in_order()


def test_a_guest_as_it_should_be(scene: Scene) -> None:
    measure(scene, vda=8)
    (fine,) = scene.verdicts("data", WEB)
    assert (fine.code, fine.status) == ("data_ok", "ok")
    assert [(one.label, one.value, one.warning) for one in fine.measures] == [
        ("disk", 8 * GIB, 64 * GIB),
        ("logs", 1000, 2**26),
    ]


def test_a_disk_that_is_too_large(scene: Scene) -> None:
    measure(scene, vda=64, vdb=400)
    assert wrong(scene) == {"large_disk": "warning"}
    assert "its disk vdb has 400 GiB, and may have 64 GiB" in said(scene, "large_disk")
    measure(scene, vda=64, vdb=0)
    assert wrong(scene) == {}


def test_how_large_a_disk_may_be_is_of_the_host(scene: Scene) -> None:
    scene.settings = settings(thresholds={"hosts": {WEB: {"disk_bytes": 500 * GIB}}})
    measure(scene, vda=400)
    assert wrong(scene) == {}


@pytest.mark.parametrize("mounts", [(), (Mount("/home", "192.0.2.9", "/srv"),)])
def test_a_guest_without_its_data(scene: Scene, mounts: tuple[Mount, ...]) -> None:
    scene.observe(WEB, mounts=mounts, logs=Logs(0, remote=True))
    assert wrong(scene) == {"data_not_mounted": "critical"}
    assert f"requires files and mounts nothing of {NFS}" in said(scene, "data_not_mounted")
    scene.observe(WEB, mounts=(HOME,), logs=Logs(0, remote=True))
    assert wrong(scene) == {}


@pytest.mark.parametrize("server", ["nfs", "NFS.lab", "nfs.lab.test", "10.1.0.2", MIRROR, "10.1.0.3"])
def test_a_server_is_known_by_all_its_names_and_so_is_its_mirror(scene: Scene, server: str) -> None:
    scene.observe(WEB, mounts=(Mount("/home", server, "/srv"),), logs=Logs(0, remote=True))
    assert wrong(scene) == {}


def test_a_servers_alias_is_known_by_its_address(scene: Scene) -> None:
    alias, logs = (Mount("/home", "files", "/srv"),), Logs(0, remote=True)
    scene.observe(WEB, mounts=alias, logs=logs)
    assert wrong(scene) == {"data_server_unknown": "unknown"}
    assert f"mounts from files, and whether that is {NFS} is not known" in said(scene, "data_server_unknown")
    scene.observe(WEB, mounts=alias, logs=logs, uses=(Used("nfs", "files", ("10.1.0.2",)),))
    assert wrong(scene) == {}
    scene.observe(WEB, mounts=alias, logs=logs, uses=(Used("nfs", "files", ("10.1.0.99",)),))
    assert wrong(scene) == {"data_not_mounted": "critical"}


def test_only_who_requires_data_must_mount_them(scene: Scene) -> None:
    scene.observe(WEB, mounts=(), logs=Logs(0, remote=True))
    scene.put(service("web", members=(WEB,)))
    assert wrong(scene) == {}
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeRequires=service_dn("files")))
    assert wrong(scene) == {"data_not_mounted": "critical"}
    scene.put(
        guest(WEB, enclumeAtSite=site_dn("angers")), service_at("web", "angers", enclumeRequires=service_dn("files"))
    )
    assert wrong(scene) == {"data_not_mounted": "critical"}


def test_what_else_it_requires_is_no_data(scene: Scene) -> None:
    scene.observe(WEB, mounts=(), logs=Logs(0, remote=True))
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeRequires=service_dn("names")))
    scene.put(service("web", members=(WEB,), enclumeRequires=service_dn("names")))
    assert wrong(scene) == {}


@pytest.mark.parametrize("members", [(), ("gone.lab.test",), ("far.lab.test",)])
def test_a_service_without_a_member_at_the_site_has_no_data_to_mount(scene: Scene, members: tuple[str, ...]) -> None:
    scene.observe(WEB, mounts=(), logs=Logs(0, remote=True))
    scene.put(site("lyon"), host("far.lab.test", enclumeAtSite=site_dn("lyon")))
    scene.put(service("files", members=members, enclumeProvides="nfs"))
    assert wrong(scene) == {}


def test_a_server_whose_addresses_nobody_stated_may_be_the_one(scene: Scene) -> None:
    scene.observe(WEB, mounts=(Mount("/home", "192.0.2.9", "/srv"),), logs=Logs(0, remote=True))
    for name in (NFS, MIRROR):
        scene.put(host(name, enclumeAtSite=site_dn("angers")))
    assert wrong(scene) == {"data_server_unknown": "unknown"}


def test_of_two_services_each_must_be_mounted(scene: Scene) -> None:
    scene.put(
        host("old.lab.test", enclumeAtSite=site_dn("angers"), ipHostNumber="10.1.0.4"),
        service("archive", members=("old.lab.test",), enclumeProvides="nfs"),
        service("web", members=(WEB,), enclumeRequires=(service_dn("files"), service_dn("archive"))),
    )
    assert wrong(scene) == {"data_server_unknown": "unknown"}
    mounted = Mount("/home", "10.1.0.2", "/srv")
    scene.observe(WEB, mounts=(mounted,), logs=Logs(0, remote=True))
    assert wrong(scene) == {"data_not_mounted": "critical"}
    assert "requires archive and mounts nothing of old.lab.test" in said(scene, "data_not_mounted")
    scene.observe(WEB, mounts=(mounted, Mount("/old", "old", "/srv")), logs=Logs(0, remote=True))
    assert wrong(scene) == {}


def test_a_mount_that_does_not_respond(scene: Scene) -> None:
    silent = Mount("/home", NFS, "/srv/home", responding=False)
    scene.observe(WEB, mounts=(silent,), logs=Logs(0, remote=True))
    assert wrong(scene) == {"mount_silent": "critical"}
    assert f"/home ({NFS}:/srv/home) does not respond" in said(scene, "mount_silent")
    scene.observe(KVM, mounts=(silent,))
    assert scene.wrong("data", KVM) == {"mount_silent": "critical"}
    for name in (WEB, KVM):
        scene.observe(name, mounts=(HOME,), logs=Logs(0, remote=True))
        assert scene.wrong("data", name) == {}


@pytest.mark.parametrize(
    ("logs", "words"),
    [
        (Logs(2**27, remote=True), "keeps 128 MiB of logs on its own disk, and may keep 64 MiB"),
        (Logs(2**26, remote=False), "sends its logs to no log server"),
        (Logs(2**27, remote=False), "may keep 64 MiB and sends its logs"),
    ],
)
def test_logs_on_the_guest(scene: Scene, logs: Logs, words: str) -> None:
    scene.observe(WEB, mounts=(HOME,), logs=logs)
    assert wrong(scene) == {"local_logs": "warning"}
    assert words in said(scene, "local_logs")
    scene.observe(WEB, mounts=(HOME,), logs=Logs(2**26, remote=True))
    assert wrong(scene) == {}


def test_a_guest_that_fell_silent_is_unknown_until_it_speaks(scene: Scene) -> None:
    silent = Mount("/data", "192.0.2.9", "/srv", responding=False)
    scene.observe(WEB, mounts=(silent,), logs=Logs(2**30, remote=False))
    assert wrong(scene) == {"data_not_mounted": "critical", "local_logs": "warning", "mount_silent": "critical"}
    scene.at += 601
    assert wrong(scene) == {"data_unknown": "unknown"}
    assert "has said nothing of its mounts and logs since 2025-11-27 12:00 UTC" in said(scene, "data_unknown")
    scene.observe(WEB, mounts=(HOME,), logs=Logs(0, remote=True))
    assert wrong(scene) == {}


def test_whether_a_guest_has_its_data_is_unknown_until_its_observer_says(scene: Scene) -> None:
    del scene.observations[WEB]
    for _ in range(2):
        assert wrong(scene) == {"data_unknown": "unknown"}
        assert f"{WEB} requires files, and has never said what it mounts: install" in said(scene, "data_unknown")
        scene.observe(WEB, uses=(), problems=("mounts cannot be read",))
    scene.observe(WEB, mounts=(HOME,))
    assert wrong(scene) == {}


def test_without_an_observer_nothing_else_is_missed_and_what_was_not_looked_at_is_said(scene: Scene) -> None:
    (looked_at,) = scene.verdicts("data", WEB)
    assert "not looked at: the sizes of its disks, of which nobody ever told" in looked_at.sentence
    del scene.observations[WEB]
    scene.put(service("web", members=(WEB,)))
    assert wrong(scene) == {}
    assert "not looked at: the sizes of its disks, its mounts and its logs, of which" in said(scene, "data_ok")
    measure(scene, vda=8)
    assert "not looked at: its mounts and its logs, of which nobody ever told" in said(scene, "data_ok")
    scene.observe(WEB, mounts=(), logs=Logs(0, remote=True))
    assert "not looked at" not in said(scene, "data_ok")


@pytest.mark.parametrize("intent", ["off", "template"])
def test_what_should_not_run_need_not_say_what_it_mounts(scene: Scene, intent: str) -> None:
    del scene.observations[WEB]
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeIntent=intent))
    assert wrong(scene) == {}


def test_a_guest_that_is_off_is_not_silent(scene: Scene) -> None:
    scene.at += 3600
    assert wrong(scene) == {"data_unknown": "unknown"}
    scene.see(KVM, domain("web", "shutoff", "shutdown", networks=("lan",)))
    assert wrong(scene) == {}


def test_a_retired_guest_has_no_data(scene: Scene) -> None:
    wired(scene)
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeIntent="retired"))
    assert scene.verdicts("data", WEB) == []


def test_an_nfs_server_in_a_guest_does_not_mount_itself(scene: Scene) -> None:
    scene.put(service("files", members=(WEB, NFS), enclumeProvides="nfs"))
    scene.observe(WEB, mounts=(), logs=Logs(0, remote=True))
    assert wrong(scene) == {}


def test_a_new_address_of_the_server_is_noticed_by_who_mounts_it(scene: Scene) -> None:
    scene.observe(WEB, mounts=(Mount("/home", "10.1.0.9", "/srv"),), logs=Logs(0, remote=True))
    assert wrong(scene) == {"data_not_mounted": "critical"}
    scene.put(host(NFS, enclumeAtSite=site_dn("angers"), ipHostNumber="10.1.0.9"))
    assert wrong(scene) == {}


def test_the_verdicts_stay_while_the_guest_goes_on_saying_the_same(scene: Scene) -> None:
    before = scene.verdicts("data", WEB)
    for _ in range(3):
        scene.at += 60
        scene.observe(WEB, mounts=(HOME,), logs=Logs(1000, remote=True))
        assert scene.verdicts("data", WEB) == before


def shipped(scene: Scene, *, age: float = 0.0, **told: Any) -> None:
    """The module's fact of the guest, gathered so many seconds ago."""
    scene.facts_of[WEB] = kept_of(Document("", {"enclume_host": told}, scene.at - age), (), scene.at)


HOME_FACT = {"path": "/home", "server": "nfs", "export": "/srv"}
KEPT = {"bytes": 0, "remote": True}


def test_the_fact_of_the_module_stands_in_for_an_observer_until_it_is_old(scene: Scene) -> None:
    del scene.observations[WEB]
    assert wrong(scene) == {"data_unknown": "unknown"}
    shipped(scene, nfs_mounts=[HOME_FACT], logs=KEPT)
    assert wrong(scene) == {}
    (fine,) = scene.verdicts("data", WEB)
    assert SourceKey("facts", WEB) in fine.sources
    shipped(scene, nfs_mounts=[], logs={"bytes": 2**30, "remote": False})
    assert wrong(scene) == {"data_not_mounted": "critical", "local_logs": "warning"}
    scene.at += 7201
    assert wrong(scene) == {"data_unknown": "unknown"}


def test_an_observer_that_speaks_counts_and_one_that_fell_silent_does_not(scene: Scene) -> None:
    shipped(scene, nfs_mounts=[], logs={"bytes": 2**30, "remote": False})
    assert wrong(scene) == {}
    scene.at += 601
    assert wrong(scene)["data_unknown"] == "unknown"
    shipped(scene, nfs_mounts=[], logs=KEPT)
    assert wrong(scene) == {"data_not_mounted": "critical"}
    shipped(scene, age=700, nfs_mounts=[], logs=KEPT)
    assert wrong(scene) == {"data_unknown": "unknown"}


def test_the_size_of_a_disk_is_the_guests_own_where_libvirt_gives_none(scene: Scene) -> None:
    shipped(scene, disks=[{"name": "vda", "size_bytes": 400 * GIB}])
    assert wrong(scene) == {"large_disk": "warning"}
    measure(scene, vda=8)
    assert wrong(scene) == {}
