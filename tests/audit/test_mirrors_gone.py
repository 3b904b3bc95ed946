"""Mirrors that their hosts show no more: they are missed, for a week."""

import pytest

from tests.audit.situations import Scene
from tests.audit.test_mirrors import BACK, CUT, CUT_OFF, NFS, PRIMARY, SECONDARY, details, end, served, show, wrong
from tests.factories import host, service, site_dn


@pytest.fixture
def scene() -> Scene:
    return served()


def test_a_mirror_that_vanishes_from_both_ends_is_missing_on_both_until_it_is_back(scene: Scene) -> None:
    others = end("Primary", resource="r1"), end(peer_role="Primary", resource="r1")
    for name, mirrors in ((NFS, (PRIMARY, others[0])), (BACK, (SECONDARY, others[1]))):
        scene.observe(name, mirrors=mirrors)
    assert wrong(scene) == {}
    show(scene, PRIMARY, SECONDARY)
    missing = {one.subject: one.sentence for one in scene.verdicts("mirror") if one.status == "warning"}
    assert sorted(missing) == [f"r1 on {BACK}", f"r1 on {NFS}"]
    assert f"{NFS} has shown no r1 since 2025-11-27 12:01 UTC: start DRBD there" in missing[f"r1 on {NFS}"]
    assert missing[f"r1 on {NFS}"].endswith("if it was taken away, wait until 2025-12-04 12:01 UTC")
    assert {one.subject for one in scene.verdicts("mirror") if one.status == "ok"} == {"r0"}
    scene.at += 601
    assert wrong(scene) == {"mirror_silent": "unknown"}
    for name, mirrors in ((NFS, (PRIMARY, others[0])), (BACK, (SECONDARY, others[1]))):
        scene.observe(name, mirrors=mirrors)
    assert wrong(scene) == {}


def test_without_a_mirror_service_the_last_mirror_does_not_vanish_silently_either(scene: Scene) -> None:
    scene.put(service("mirror", members=()), service("nfs", members=(NFS, BACK), enclumeProvides="nfs"))
    show(scene, PRIMARY, SECONDARY)
    for name in (NFS, BACK):
        scene.observe(name)
    assert wrong(scene) == {"mirror_missing": "warning"}
    assert details(scene).in_sync is None


def test_a_mirror_that_was_taken_away_is_missed_for_a_week(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    for days, expected in ((0, {"mirror_missing": "warning"}), (6.9, {"mirror_missing": "warning"}), (0.2, {})):
        scene.at += days * 86_400
        for name in (NFS, BACK):
            scene.observe(name, mirrors=(end("Primary", resource="new"),) if name == NFS else (end(resource="new"),))
        assert wrong(scene) == expected
    assert {one.subject for one in scene.verdicts("mirror")} == {"new"}


def test_an_end_that_has_another_mirror_is_missed_where_it_had_this_one(scene: Scene) -> None:
    """DRBD 8.4 does not tell who its peer is."""
    show(scene, CUT, CUT_OFF)
    scene.observe(BACK, mirrors=(end("Primary", resource="r1", peer="third"),))
    assert f"r0 on {BACK}" in {one.subject for one in scene.verdicts("mirror") if one.code == "mirror_missing"}


def test_one_that_had_it_before_another_took_its_place_is_not_missed(scene: Scene) -> None:
    third = "third.lab.test"
    scene.put(
        host(third, enclumeAtSite=site_dn("angers")),
        service("mirror", members=(BACK, third), enclumeProvides="mirror"),
    )
    show(scene, PRIMARY, SECONDARY)
    scene.observe(BACK, mirrors=())
    scene.observe(third, mirrors=(SECONDARY,))
    assert wrong(scene) == {}
