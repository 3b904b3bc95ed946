"""Mirrors: connected, roles, disks, behind, split; as both ends see them, and while one is silent."""

import pytest

from audit.mirror_ends import MirrorSeen
from audit.verdict import Measure
from facts.observations import Mirror, Peer, PeerVolume, Volume
from tests.audit.situations import NOON, Scene, sentences
from tests.factories import host, service, settings, site, site_dn

NFS, BACK = "nfs.lab.test", "back.lab.test"
MIB = 2**20


def served() -> Scene:
    """A site with an NFS server and its mirror."""
    return Scene(
        site("angers"),
        *(host(name, enclumeAtSite=site_dn("angers")) for name in (NFS, BACK)),
        service("nfs", members=(NFS,), enclumeProvides="nfs"),
        service("mirror", members=(BACK,), enclumeProvides="mirror"),
    )


@pytest.fixture
def scene() -> Scene:
    return served()


def end(
    role: str = "Secondary",
    peer_role: str = "Secondary",
    connection: str = "Connected",
    *,
    doing: str = "Established",
    disks: tuple[str, str] = ("UpToDate", "UpToDate"),
    behind: int = 0,
    resource: str = "r0",
    peer: str = "peer",
) -> Mirror:
    """What one end of a mirror shows."""
    theirs = (PeerVolume(0, disks[1], doing if connection == "Connected" else "Off", behind),)
    return Mirror(resource, role, (Volume(0, disks[0]),), (Peer(peer, connection, peer_role, theirs),))


PRIMARY, SECONDARY = end("Primary"), end(peer_role="Primary")
CUT = end("Primary", "Unknown", "Connecting", disks=("UpToDate", "DUnknown"), behind=5 * MIB)
CUT_OFF = end("Secondary", "Unknown", "Connecting", disks=("UpToDate", "DUnknown"), behind=MIB)


def show(scene: Scene, nfs: Mirror | None, back: Mirror | None, seconds: float = 60) -> None:
    """So many seconds later, each end shows this; None for an end that says nothing."""
    scene.at += seconds
    for name, mirror in ((NFS, nfs), (BACK, back)):
        if mirror is not None:
            scene.observe(name, mirrors=(mirror,))


def wrong(scene: Scene) -> dict[str, str]:
    return scene.wrong("mirror")


def details(scene: Scene, resource: str = "r0") -> MirrorSeen:
    found = scene.audit().groups["mirror", f"angers {resource}"].judged.details
    assert isinstance(found, MirrorSeen)
    return found


def test_a_mirror_that_is_in_sync_is_told_by_both_ends_words(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    (verdict,) = scene.verdicts("mirror")
    assert (verdict.code, verdict.status, verdict.subject, verdict.site) == ("mirror", "ok", "r0", "angers")
    both = f"r0: {BACK} Secondary, UpToDate, Connected; {NFS} Primary, UpToDate, Connected"
    assert verdict.sentence == both
    assert verdict.measures == (Measure("out_of_sync", 0, "B"),)
    assert [one.target for one in verdict.sources] == [BACK, NFS]


def test_a_mirror_that_is_cut_has_time_to_catch_up_then_is_late_and_good_again(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    for seconds, expected in ((200, {}), (200, {"mirror_behind": "warning"}), (3600, {"mirror_behind": "critical"})):
        show(scene, CUT, CUT_OFF, seconds)
        assert wrong(scene) == expected
    (verdict,) = scene.verdicts("mirror")
    assert "5 MiB differ, last seen in sync 2025-11-27 12:01 UTC: look at DRBD on the other end" in verdict.sentence
    assert verdict.measures == (
        Measure("out_of_sync", 5 * MIB, "B"),
        Measure("in_sync", NOON + 60, "s", 300.0, 3600.0, is_time=True),
    )
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_a_mirror_turns_late_by_itself(scene: Scene) -> None:
    scene.settings = settings(thresholds={"observation_seconds": 1e6})
    show(scene, PRIMARY, SECONDARY)
    show(scene, CUT, CUT_OFF)
    assert wrong(scene) == {}
    scene.at += 300
    assert wrong(scene) == {"mirror_behind": "warning"}


def test_one_that_catches_up_says_so(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    syncing = end("Primary", disks=("UpToDate", "Inconsistent"), doing="SyncSource", behind=90 * MIB)
    show(scene, syncing, end(peer_role="Primary", disks=("Inconsistent", "UpToDate"), doing="SyncTarget"), 400)
    assert wrong(scene) == {"mirror_behind": "warning"}
    sentence = scene.verdicts("mirror")[0].sentence
    assert f"{NFS} Primary, UpToDate, SyncSource; 90 MiB differ" in sentence
    assert "look whether it still catches up" in sentence


def test_one_that_was_never_seen_in_sync_is_late_from_when_it_was_first_seen(scene: Scene) -> None:
    show(scene, CUT, CUT_OFF)
    assert wrong(scene) == {}
    show(scene, CUT, CUT_OFF, 301)
    assert wrong(scene) == {"mirror_behind": "warning"}
    assert "not in sync since 2025-11-27 12:01 UTC" in scene.verdicts("mirror")[0].sentence


def alone(role: str, peer: str = "Unknown") -> Mirror:
    return end(role, peer, "StandAlone", disks=("UpToDate", "DUnknown"), behind=MIB)


@pytest.mark.parametrize(
    ("nfs", "back", "split"),
    [
        (alone("Primary"), alone("Primary"), True),
        (alone("Primary"), alone("Secondary"), True),
        (alone("Primary"), CUT, True),
        (CUT, CUT, True),
        (alone("Primary"), CUT_OFF, False),
        (CUT, CUT_OFF, False),
        (end("Primary", connection="SplitBrain"), CUT_OFF, True),
    ],
    ids=[
        "both alone",
        "both alone, one primary",
        "both primary, one alone",
        "both primary",
        "one alone",
        "cut",
        "said",
    ],
)
def test_a_split_brain_is_told_from_both_ends(scene: Scene, nfs: Mirror, back: Mirror, split: bool) -> None:
    show(scene, PRIMARY, SECONDARY)
    show(scene, nfs, back)
    assert wrong(scene) == ({"mirror_split_brain": "critical"} if split else {})
    assert details(scene).split is split
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_one_end_alone_is_no_split_brain_yet_but_does_not_mend_itself(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    show(scene, alone("Primary"), None, 400)
    scene.observe(BACK, mirrors=(CUT_OFF,))
    assert wrong(scene) == {"mirror_behind": "warning"}
    assert "StandAlone does not reconnect by itself" in scene.verdicts("mirror")[0].sentence


def test_two_primaries_are_critical_until_one_steps_back(scene: Scene) -> None:
    both = end("Primary", "Primary")
    show(scene, both, both)
    assert wrong(scene) == {"mirror_two_primaries": "critical"}
    assert f"{BACK} and {NFS} are both primary" in sentences(scene.verdicts("mirror"))["mirror_two_primaries"]
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_no_primary_is_critical_until_there_is_one(scene: Scene) -> None:
    show(scene, end(), end())
    assert wrong(scene) == {"mirror_no_primary": "critical"}
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_a_lost_disk_is_critical_at_its_own_end_until_it_is_replaced(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    lost = end(peer_role="Primary", disks=("Diskless", "UpToDate"))
    show(scene, end("Primary", disks=("UpToDate", "Diskless")), lost)
    assert wrong(scene) == {"mirror_disk": "critical"}
    (verdict,) = scene.verdicts("mirror", BACK)
    assert verdict.subject == f"r0 on {BACK}"
    assert "has lost its disk of r0 (volume 0 Diskless)" in verdict.sentence
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_while_one_end_is_silent_the_others_words_stand(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    show(scene, PRIMARY, None, 601)
    assert wrong(scene) == {"mirror_silent": "unknown"}
    assert {one.code: one.subject for one in scene.verdicts("mirror")} == {
        "mirror": "r0",
        "mirror_silent": f"r0 on {BACK}",
    }
    assert (
        f"r0: {BACK} has said nothing of mirrors since 2025-11-27 12:01" in scene.verdicts("mirror", BACK)[0].sentence
    )
    show(scene, CUT, None, 400)
    assert wrong(scene) == {"mirror_silent": "unknown", "mirror_behind": "warning"}
    show(scene, end("Primary", "Primary"), None)
    assert wrong(scene)["mirror_two_primaries"] == "critical"
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_a_silent_ends_role_is_not_guessed(scene: Scene) -> None:
    show(scene, None, CUT_OFF)
    assert wrong(scene) == {"mirror_silent": "unknown"}
    show(scene, None, end())
    assert wrong(scene) == {"mirror_silent": "unknown", "mirror_no_primary": "critical"}


def test_while_both_ends_are_silent_nothing_is_known(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    scene.at += 601
    assert [(one.code, one.status) for one in scene.verdicts("mirror")] == [("mirror_silent", "unknown")] * 2
    assert (details(scene).in_sync, details(scene).split) == (None, None)


def test_an_end_that_speaks_and_does_not_show_the_mirror_is_missing(scene: Scene) -> None:
    show(scene, CUT, None)
    scene.observe(BACK, mirrors=())
    assert wrong(scene) == {"mirror_missing": "warning"}
    assert f"{BACK} shows no r0" in scene.verdicts("mirror", BACK)[0].sentence
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_a_site_that_should_have_a_mirror_and_shows_none(scene: Scene) -> None:
    assert wrong(scene) == {"mirror_silent": "unknown"}
    for name in (NFS, BACK):
        scene.observe(name, mirrors=())
    assert wrong(scene) == {"mirror_missing": "warning"}
    assert f"{BACK} should be a mirror and shows none" in scene.verdicts("mirror")[0].sentence
    show(scene, PRIMARY, SECONDARY)
    assert wrong(scene) == {}


def test_a_site_without_a_mirror_service_needs_none(scene: Scene) -> None:
    scene.put(service("mirror", members=(), enclumeProvides="mirror"))
    assert scene.verdicts("mirror") == []


def test_two_mirrors_of_one_site_have_each_their_own_ends(scene: Scene) -> None:
    others = ("nfs2.lab.test", "back2.lab.test")
    scene.put(
        *(host(name, enclumeAtSite=site_dn("angers")) for name in others),
        service("nfs", members=(NFS, others[0]), enclumeProvides="nfs"),
        service("mirror", members=(BACK, others[1]), enclumeProvides="mirror"),
    )
    show(scene, PRIMARY, SECONDARY)
    scene.observe(others[0], mirrors=(end("Primary", resource="r1", peer="back2"),))
    assert wrong(scene) == {"mirror_silent": "unknown"}
    assert [one.voice.name for one in details(scene, "r1").ends] == [others[0], others[1]]
    scene.observe(others[1], mirrors=(end(peer_role="Primary", resource="r1", peer="nfs2"),))
    assert wrong(scene) == {}
    assert {one.subject for one in scene.verdicts("mirror")} == {"r0", "r1"}


def test_what_both_ends_remember_is_told(scene: Scene) -> None:
    show(scene, PRIMARY, SECONDARY)
    show(scene, CUT, CUT_OFF, 100)
    seen = details(scene)
    assert (seen.behind, seen.last, seen.since, seen.in_sync) == (5 * MIB, NOON + 60, NOON + 60, False)
