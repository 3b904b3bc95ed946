"""Mirrors as metrics: what both ends say, cut and whole again."""

from facts.observations import Mirror, Peer, PeerVolume, Volume
from tests.audit.situations import Scene
from tests.exporters.telling import told, values
from tests.factories import host, service, site, site_dn

NFS, MIRROR = "nfs1.lab.test", "mirror1.lab.test"


def scene() -> Scene:
    at = {"enclumeAtSite": site_dn("angers")}
    return Scene(
        site("angers"), site("lyon"), host(NFS, **at), host(MIRROR, **at),
        service("nfs", members=[NFS], enclumeProvides="nfs"),
        service("mirror", members=[MIRROR], enclumeProvides="mirror"),
    )  # fmt: skip


def end(role: str, peer: str, connection: str = "Connected", behind: int = 0) -> Mirror:
    volume = PeerVolume(0, "UpToDate" if connection == "Connected" else "DUnknown", "", behind)
    other = "Unknown" if connection != "Connected" else "Secondary" if role == "Primary" else "Primary"
    return Mirror("r0", role, (Volume(0, "UpToDate"),), (Peer(peer, connection, other, (volume,)),))


def both(at: Scene, first: Mirror, second: Mirror) -> str:
    at.at += 10
    at.observe(NFS, mirrors=(first,))
    at.observe(MIRROR, mirrors=(second,))
    return told(at)


def test_a_mirror_that_is_cut_lags_and_catches_up() -> None:
    at = scene()
    text = both(at, end("Primary", "mirror1"), end("Secondary", "nfs1"))
    synced = at.at
    assert values(text, "drbd_out_of_sync_bytes", site="angers") == {("mirror1", "r0", "0"): 0, ("nfs1", "r0", "0"): 0}
    assert values(text, "drbd_last_in_sync_timestamp_seconds") == {("r0", "angers"): synced}
    text = both(at, end("Primary", "mirror1", "Connecting", 4096), end("Secondary", "nfs1", "Connecting"))
    assert values(text, "drbd_out_of_sync_bytes", site="angers", peer="mirror1") == {("r0", "0"): 4096}
    assert values(text, "drbd_last_in_sync_timestamp_seconds") == {("r0", "angers"): synced}
    assert values(text, "drbd_split_brain", site="angers") == {("r0",): 0}
    text = both(at, end("Primary", "mirror1"), end("Secondary", "nfs1"))
    assert values(text, "drbd_last_in_sync_timestamp_seconds") == {("r0", "angers"): at.at}


def test_a_split_brain_is_told_until_it_is_healed() -> None:
    at = scene()
    text = both(at, end("Primary", "mirror1", "StandAlone"), end("Secondary", "nfs1", "StandAlone"))
    assert values(text, "drbd_split_brain", site="angers") == {("r0",): 1}
    text = both(at, end("Primary", "mirror1"), end("Secondary", "nfs1"))
    assert values(text, "drbd_split_brain", site="angers") == {("r0",): 0}


def test_whether_a_mirror_is_split_is_not_told_while_nobody_speaks_of_it() -> None:
    at = scene()
    both(at, end("Primary", "mirror1"), end("Secondary", "nfs1"))
    at.at += 7200
    assert values(told(at), "drbd_split_brain") == {}


def test_another_sites_mirrors_are_left_out() -> None:
    at = scene()
    both(at, end("Primary", "mirror1"), end("Secondary", "nfs1"))
    assert values(told(at, "angers"), "drbd_split_brain") != {}
    assert "drbd" not in told(at, "lyon")
