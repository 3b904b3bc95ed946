"""One run of `enclume-observe` over a whole host, and over one of whose files something is wrong."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facts.observations import KINDS, Observed
from facts.observatory import Observatory
from tests.facts.observer.program import FIXTURES, PROGRAM, ROOT, observe, printed, run

EXPECTED = json.loads((FIXTURES / "expected.json").read_text())


def test_a_whole_host_is_observed() -> None:
    before = time.time()
    document = printed(ROOT)
    assert before <= document["observed_at"] <= time.time()
    assert document | {"observed_at": 0} == EXPECTED


def test_the_service_reads_every_figure() -> None:
    """Whatever the observer says is a field of the service's types: none of it would be dropped."""
    observed = msgspec.json.decode(json.dumps(EXPECTED).encode(), type=Observed)
    assert json.loads(msgspec.json.encode(observed)) == EXPECTED


def test_the_kinds_are_the_services() -> None:
    assert observe.KINDS == KINDS


def test_no_password_is_shown() -> None:
    """Each of the root's files that has one has it as NAME-secret."""
    files = [path for path in ROOT.rglob("*") if path.is_file() and "-secret" in path.read_text()]
    assert len(files) == 6
    assert "secret" not in run("--print", "--root", ROOT).out


def test_only_what_is_asked_for_is_observed() -> None:
    document = printed(ROOT, "--only", "nfsd", "--only", "logs")
    kinds, looked_at = document["kinds"], document["looked_at"]
    assert looked_at == ["nfsd", "logs"]
    assert kinds == {kind: EXPECTED["kinds"][kind] if kind in ("nfsd", "logs") else None for kind in KINDS}


def test_an_empty_host_has_no_role_and_no_problem(tmp_path: Path) -> None:
    document = printed(tmp_path)
    assert document["kinds"] == {kind: [] if kind == "uses" else None for kind in KINDS}
    assert document["problems"] == []


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("proc/net/rpc/nfsd", "nfsd"),
        ("proc/self/mountstats", "mounts"),
        ("proc/drbd", "mirrors"),
        ("proc/net/rpc/nfs", "nfs"),
        ("etc/sssd/sssd.conf", "uses"),
        ("var/lib/enclume-containers/journal.jsonl", "containers"),
        ("var/lib/backuppc/pc/nfs1.lab.test/backups", "backups"),
    ],
)
def test_a_file_that_cannot_be_read_loses_its_own_kind_alone_and_is_named(root: Path, name: str, lost: str) -> None:
    spoil(root / name)
    (root / name).mkdir()
    document = printed(root)
    assert any(f"/{name} cannot be read" in problem for problem in document["problems"])
    assert unknown(document) == [lost]


def spoil(path: Path) -> None:
    """Take away what is at this place, and see that something may be put there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)


def unknown(document: Any) -> list[str]:
    """The kinds that are not known: of these, and no others, the service keeps what it was told last."""
    missing = [kind for kind in KINDS if document["kinds"][kind] is None]
    assert document["looked_at"] == [kind for kind in KINDS if kind not in missing]
    return missing


def looped(root: Path, name: str) -> None:
    """Put a link to itself there, which not even root can follow."""
    spoil(root / name)
    (root / name).symlink_to((root / name).name)


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("proc/net/rpc/nfsd", ["nfsd"]),
        ("proc/fs/nfsd/pool_stats", ["nfsd"]),
        ("proc/fs/nfsd/clients", ["nfsd"]),
        ("proc/fs/nfsd/clients/7/info", ["nfsd"]),
        ("proc/net/rpc/nfs", ["nfs"]),
        ("proc/self/mountstats", ["mounts"]),
        ("proc/drbd", ["mirrors"]),
        ("var/lib/backuppc", ["backups"]),
        ("var/lib/backuppc/pc", ["backups"]),
        ("var/lib/backuppc/pc/web01.lab.test", ["backups"]),
        ("var/lib/backuppc/pc/web01.lab.test/backups", ["backups"]),
        ("var/lib/backuppc/log/status.pl", ["backups"]),
        ("var/lib/copies/backups.txt", ["backups"]),
        ("var/lib/copies/containers.txt", ["containers"]),
        ("var/lib/enclume-containers/journal.jsonl", ["containers"]),
        ("var/lib/enclume-containers/journal.jsonl.1", ["containers"]),
        ("var/lib/enclume-containers/manifests/2023-11-14/svn.json", ["containers"]),
        ("proc/sys/kernel/random/boot_id", ["containers"]),
        ("var/log", ["logs"]),
        ("proc/self/mounts", ["uses", "logs"]),
        ("etc/rsyslog.d", ["uses", "logs"]),
        ("etc/resolv.conf", ["uses"]),
        ("etc/fstab", ["uses"]),
        ("etc/apt/sources.list.d", ["uses"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_unknown_and_never_told_as_missing(root: Path, name: str, lost: list[str]) -> None:
    looped(root, name)
    document = printed(root)
    assert any(f"/{name}" in said and "symbolic links" in said for said in document["problems"]), document["problems"]
    assert unknown(document) == lost


def test_one_backup_that_cannot_be_read_makes_no_host_seem_without_backups(root: Path) -> None:
    looped(root, "var/lib/backuppc/pc/web01.lab.test/backups")
    looped(root, "var/lib/backuppc/pc/web01.lab.test/backups.old")
    document = printed(root, "--only", "backups")
    assert (document["kinds"]["backups"], document["looked_at"]) == (None, [])


def test_what_was_told_stays_while_a_backup_cannot_be_read_and_is_told_anew_after_it(root: Path) -> None:
    kept, backups = Observatory(), root / "var/lib/backuppc/pc/web01.lab.test/backups"
    whole = backups.read_text()

    def last_success() -> float:
        body = run("--print", "--root", root, "--only", "backups").out.encode()
        told = kept.observed(msgspec.json.decode(body, type=Observed), frozenset(KINDS), time.time()).kinds.backups
        assert told is not None
        return next(each.last_success for each in told.hosts if each.host == "web01.lab.test")

    assert last_success() == 1700778200.0
    looped(root, "var/lib/backuppc/pc/web01.lab.test/backups")
    assert last_success() == 1700778200.0
    backups.unlink()
    backups.write_text("".join(whole.splitlines(keepends=True)[:1]))
    assert last_success() == 1700003600.0


def test_an_ordinary_user_does_not_take_what_is_roots_for_missing(root: Path) -> None:
    """Root may read everything, so that the observer runs as somebody else."""
    for folder in (root.parent, *root.parent.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    closed = root / "var/lib/backuppc/pc/web01.lab.test"
    closed.chmod(0o700 if os.geteuid() == 0 else 0)
    powerless = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--") if os.geteuid() == 0 else ()
    command = [*powerless, "/usr/bin/python3", "-I", "-", "--print", "--root", str(root), "--only", "backups"]
    done = subprocess.run(command, input=PROGRAM.read_text(), capture_output=True, text=True, check=True, timeout=60)
    document = json.loads(done.stdout)
    assert (document["kinds"]["backups"], document["looked_at"]) == (None, [])
    assert any("/pc/web01.lab.test" in said and "Permission denied" in said for said in document["problems"])


def test_a_resource_whose_link_cannot_be_read_gets_no_other_name(root: Path) -> None:
    (root / "proc/drbd").write_text((FIXTURES / "captures/proc_drbd_syncing").read_text())
    (root / "usr/sbin/drbdsetup").unlink()
    looped(root, "dev/drbd/by-res")
    document = printed(root, "--only", "mirrors")
    assert (document["kinds"]["mirrors"], document["looked_at"]) == (None, [])


def test_what_is_no_link_names_no_resource(root: Path) -> None:
    (root / "proc/drbd").write_text((FIXTURES / "captures/proc_drbd_syncing").read_text())
    (root / "usr/sbin/drbdsetup").unlink()
    (root / "dev/drbd/by-res/r7").mkdir(parents=True)
    (root / "dev/drbd/by-res/r7/0").write_text("")
    (mirror,) = printed(root, "--only", "mirrors")["kinds"]["mirrors"]
    assert mirror["resource"] == "drbd0"


@pytest.mark.parametrize(
    ("section", "key", "lost"),
    [
        ("backups", "backuppc", "backups"),
        ("backups", "status", "backups"),
        ("backups", "file", "backups"),
        ("containers", "file", "containers"),
    ],
)
def test_what_the_configuration_names_and_is_not_there_is_unknown(
    root: Path, section: str, key: str, lost: str
) -> None:
    """A file system that is not mounted leaves its place empty."""
    (root / "etc/enclume/observe.conf").write_text(f"[{section}]\n{key} = /nowhere\n")
    document = printed(root)
    assert unknown(document) == [lost]
    assert any("/nowhere" in problem for problem in document["problems"])


def test_a_log_that_is_rotated_away_while_they_are_counted_takes_no_other_with_it(tmp_path: Path) -> None:
    logs = [tmp_path / f"{number}.log" for number in range(9)]
    for each in logs:
        each.write_text("x" * 100)
    host = observe.Host(str(tmp_path))
    walk = observe._walk(host, "/", set())
    sizes = [next(walk)]
    logs[0].unlink()
    logs[1].unlink()
    sizes += walk
    assert len(sizes) == 9
    assert sum(sizes) in (700, 800)
    assert (host.complete, host.problems) == (True, [])


def test_a_client_that_has_just_left_makes_the_server_no_less_known(root: Path) -> None:
    """The kernel answers ENXIO for its file then, as it does for a socket."""
    info = root / "proc/fs/nfsd/clients/7/info"
    spoil(info)
    with contextlib.chdir(info.parent), socket.socket(socket.AF_UNIX) as left:
        left.bind("info")
        document = printed(root, "--only", "nfsd")
    assert [each["address"] for each in document["kinds"]["nfsd"]["clients"]] == ["10.77.0.2"]
    assert document["problems"] == []


def test_a_folder_among_files_of_a_pattern_is_none_of_them(root: Path) -> None:
    (root / "etc/rsyslog.d/old.conf").mkdir()
    document = printed(root)
    assert (document["kinds"], document["problems"]) == (EXPECTED["kinds"], EXPECTED["problems"])


def test_a_pipe_in_a_files_place_blocks_nothing_and_is_not_taken_for_an_empty_file(root: Path) -> None:
    os.mkfifo(root / "etc/ntp.conf")
    document = printed(root)
    assert unknown(document) == ["uses"]
    assert "uses: /etc/ntp.conf cannot be read: it is a pipe" in document["problems"]


def test_an_nfs_server_without_a_thread_is_reported_while_it_has_exports(root: Path) -> None:
    (root / "proc/net/rpc/nfsd").write_text("rc 0 0 0\nio 0 0\nth 0 0\n")
    seen = printed(root, "--only", "nfsd")["kinds"]["nfsd"]
    assert (seen["threads"], seen["pools"]) == (0, [])
    (root / "etc/exports").write_text("# none\n")
    assert printed(root, "--only", "nfsd")["kinds"]["nfsd"] is None
