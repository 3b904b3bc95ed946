"""Services that stopped, as the observers of their hosts really tell it: dead is told as dead, unread as unknown."""

import shutil
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from facts.observations import Observed
from tests.audit.situations import Scene, sentences
from tests.factories import guest, host, service, site, site_dn
from tests.facts.observer.program import ROOT, printed

ONE, WEB = "node1.lab.test", "web01.lab.test"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host that serves files, mirrors them and keeps backups: a test stops what it likes."""
    shutil.copytree(ROOT, tmp_path / "root", symlinks=True)
    (tmp_path / "root/etc/enclume/observe.conf").write_text("")
    shutil.rmtree(tmp_path / "root/proc/fs/nfsd/clients")
    return tmp_path / "root"


@pytest.fixture
def scene() -> Scene:
    at_angers = {"enclumeAtSite": site_dn("angers")}
    return Scene(
        site("angers"),
        host(ONE, **at_angers),
        guest(WEB, **at_angers, enclumeMaxAge="system/daily=0", enclumeIntent="off"),
        *(service(name, members=(ONE,), enclumeProvides=name) for name in ("nfs", "mirror", "backup")),
    )


def hear(scene: Scene, root: Path, kind: str) -> None:
    """A minute later, the host tells what its observer sees of a kind."""
    scene.at += 60
    document = msgspec.convert(printed(root, "--only", kind), type=Observed)
    scene.hear(replace(document, certname=ONE, observed_at=scene.at))


def away(path: Path) -> Path:
    """Put something away; returns where it is meanwhile."""
    return path.rename(path.with_name(f"{path.name}-away"))


def looped(path: Path) -> Path:
    """Put a link to itself in its place, which nobody can read; returns where it is meanwhile."""
    meanwhile = away(path)
    path.symlink_to(path.name)
    return meanwhile


def back(path: Path, meanwhile: Path) -> None:
    path.unlink(missing_ok=True)
    meanwhile.rename(path)


@pytest.mark.parametrize("seen_before", [True, False])
def test_an_nfs_server_that_did_not_start_after_the_boot_is_down_until_it_runs(
    scene: Scene, root: Path, seen_before: bool
) -> None:
    if seen_before:
        hear(scene, root, "nfsd")
        assert scene.wrong("storage") == {}
    meanwhile = away(root / "proc/net/rpc/nfsd")
    hear(scene, root, "nfsd")
    assert scene.wrong("storage") == {"nfsd_down": "critical"}
    assert sentences(scene.verdicts("storage"))["nfsd_down"].startswith(f"{ONE} runs no NFS server: start it there")
    back(root / "proc/net/rpc/nfsd", meanwhile)
    hear(scene, root, "nfsd")
    assert scene.wrong("storage") == {}


def test_an_nfs_server_that_was_stopped_and_has_no_exports_is_down(scene: Scene, root: Path) -> None:
    hear(scene, root, "nfsd")
    (root / "proc/net/rpc/nfsd").write_text("rc 0 0 0\nio 0 0\nth 0 0\n")
    (root / "etc/exports").write_text("# none\n")
    hear(scene, root, "nfsd")
    assert scene.wrong("storage") == {"nfsd_down": "critical"}


def test_an_nfs_server_that_cannot_be_read_is_not_down(scene: Scene, root: Path) -> None:
    meanwhile = looped(root / "proc/net/rpc/nfsd")
    hear(scene, root, "nfsd")
    assert scene.wrong("storage") == {"nfsd_silent": "unknown"}
    back(root / "proc/net/rpc/nfsd", meanwhile)
    hear(scene, root, "nfsd")
    looped(root / "proc/net/rpc/nfsd")
    hear(scene, root, "nfsd")
    assert scene.wrong("storage") == {}, "what it said last stands until it is too old"
    scene.at += 601
    assert scene.wrong("storage") == {"nfsd_silent": "unknown"}


def test_a_host_whose_server_was_down_and_that_fell_silent_is_unknown(scene: Scene, root: Path) -> None:
    away(root / "proc/net/rpc/nfsd")
    hear(scene, root, "nfsd")
    scene.at += 601
    assert scene.wrong("storage") == {"nfsd_silent": "unknown"}
    (verdict,) = scene.verdicts("storage")
    assert f"{ONE} has said nothing of its NFS server since 2025-11-27 12:01 UTC" in verdict.sentence


def test_what_an_observer_of_before_could_not_read_is_unknown_though_it_does_not_say_what_it_looked_at(
    scene: Scene, root: Path
) -> None:
    looped(root / "proc/net/rpc/nfsd")
    old = {key: value for key, value in printed(root, "--only", "nfsd").items() if key != "looked_at"}
    scene.hear(replace(msgspec.convert(old, type=Observed), certname=ONE, observed_at=scene.at))
    assert scene.wrong("storage") == {"nfsd_silent": "unknown"}


def test_a_mirror_whose_module_is_not_loaded_is_missing_until_it_is(scene: Scene, root: Path) -> None:
    hear(scene, root, "mirrors")
    before = scene.wrong("mirror")
    meanwhile = away(root / "proc/drbd")
    hear(scene, root, "mirrors")
    assert scene.wrong("mirror") == {"mirror_missing": "warning"}
    shutil.rmtree(root / "etc/drbd.d")
    hear(scene, root, "mirrors")
    assert scene.wrong("mirror") == {"mirror_missing": "warning"}
    back(root / "proc/drbd", meanwhile)
    hear(scene, root, "mirrors")
    assert scene.wrong("mirror") == before


@pytest.mark.parametrize("configured", [True, False])
def test_a_mirror_that_is_expected_and_was_never_loaded_is_missing(scene: Scene, root: Path, configured: bool) -> None:
    away(root / "proc/drbd")
    if not configured:
        shutil.rmtree(root / "etc/drbd.d")
    hear(scene, root, "mirrors")
    assert scene.wrong("mirror") == {"mirror_missing": "warning"}


@pytest.mark.parametrize("what", ["proc/drbd", "etc/drbd.d"])
def test_a_mirror_that_cannot_be_read_is_not_missing(scene: Scene, root: Path, what: str) -> None:
    if what != "proc/drbd":
        away(root / "proc/drbd")
    looped(root / what)
    hear(scene, root, "mirrors")
    assert scene.wrong("mirror") == {"mirror_silent": "unknown"}


def test_a_backup_server_whose_folder_is_gone_is_told_as_such_until_it_is_back(scene: Scene, root: Path) -> None:
    scene.put(guest(WEB, enclumeAtSite=site_dn("angers"), enclumeMaxAge="system/daily=0.001"))
    hear(scene, root, "backups")
    assert scene.wrong("backup", WEB) == {"backup_late": "critical"}
    meanwhile = away(root / "var/lib/backuppc/pc")
    hear(scene, root, "backups")
    assert scene.wrong("backup", ONE) == {"backup_server_missing": "critical"}
    assert f"{ONE} keeps no backups that can be found" in scene.verdicts("backup", ONE)[0].sentence
    assert scene.wrong("backup", WEB) == {"backup_unknown": "unknown"}, "they may be on a disk that is not mounted"
    assert f"enclume-observe finds nothing of backups on {ONE}: mount" in scene.verdicts("backup", WEB)[0].sentence
    back(root / "var/lib/backuppc/pc", meanwhile)
    hear(scene, root, "backups")
    assert "backup_server_missing" not in scene.wrong("backup", ONE)
    assert scene.wrong("backup", WEB) == {"backup_late": "critical"}


def test_a_backup_server_whose_folder_cannot_be_read_is_unknown(scene: Scene, root: Path) -> None:
    looped(root / "var/lib/backuppc/pc")
    hear(scene, root, "backups")
    assert scene.wrong("backup", ONE) == {"backup_server_silent": "unknown"}
