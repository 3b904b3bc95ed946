"""One run of `enclume-observe` over a whole host, and over one of whose files something is wrong."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facts.observations import KINDS, Observed
from tests.facts.observer.program import FIXTURES, ROOT, observe, run

EXPECTED = json.loads((FIXTURES / "expected.json").read_text())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT, tmp_path / "root", symlinks=True)
    return tmp_path / "root"


def printed(root: Path, *arguments: str) -> Any:
    done = run("--print", "--root", root, *arguments)
    assert (done.status, done.err) == (0, "")
    msgspec.json.decode(done.out.encode(), type=Observed)
    return done.document


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
        ("etc/sssd/sssd.conf", None),
        ("var/lib/enclume-containers/journal.jsonl", None),
        ("var/lib/backuppc/pc/nfs1.lab.test/backups", None),
    ],
)
def test_a_file_that_cannot_be_read_loses_its_own_kind_alone_and_is_named(root: Path, name: str, lost: str) -> None:
    (root / name).unlink()
    (root / name).mkdir()
    document = printed(root)
    assert any(f"/{name} cannot be read" in problem for problem in document["problems"])
    assert [kind for kind in KINDS if document["kinds"][kind] is None] == ([lost] if lost else [])


def test_a_pipe_in_a_files_place_blocks_nothing(root: Path) -> None:
    (root / "etc/ntp.conf").unlink(missing_ok=True)
    os.mkfifo(root / "etc/ntp.conf")
    assert printed(root)["kinds"] == EXPECTED["kinds"]


def test_an_nfs_server_without_a_thread_is_reported_while_it_has_exports(root: Path) -> None:
    (root / "proc/net/rpc/nfsd").write_text("rc 0 0 0\nio 0 0\nth 0 0\n")
    seen = printed(root, "--only", "nfsd")["kinds"]["nfsd"]
    assert (seen["threads"], seen["pools"]) == (0, [])
    (root / "etc/exports").write_text("# none\n")
    assert printed(root, "--only", "nfsd")["kinds"]["nfsd"] is None


def replace_program(root: Path, script: str) -> None:
    (root / "usr/sbin/drbdsetup").write_text(f"#!/bin/sh\n{script}\n")


def test_drbd_that_is_configured_and_not_loaded_is_said(root: Path) -> None:
    (root / "proc/drbd").unlink()
    replace_program(root, "touch /drbdsetup-was-run")
    document = printed(root, "--only", "mirrors")
    assert document["kinds"]["mirrors"] is None
    assert "not loaded" in document["problems"][0]


def test_a_drbdsetup_that_fails_leaves_the_mirrors_unknown(root: Path) -> None:
    replace_program(root, "exit 20")
    document = printed(root, "--only", "mirrors")
    assert document["kinds"]["mirrors"] is None
    assert "drbdsetup status --json" in document["problems"][0]


STATUS, EVENTS = (FIXTURES / "captures/drbd84_status_events2_dumpxml.txt").read_text().split("\n\n")


@pytest.mark.parametrize(
    "script",
    [
        f'[ "$2" = --verbose ] || exit 20\ncat <<X\n{STATUS}\nX',
        f'[ "$1" = events2 ] || exit 20\ncat <<X\n{EVENTS}\nX',
    ],
    ids=["status", "events2"],
)
def test_drbd_84_by_drbdsetup(root: Path, script: str) -> None:
    (root / "proc/drbd").write_text((FIXTURES / "captures/proc_drbd_uptodate").read_text())
    (root / "etc/drbd.d/data.res").write_text(
        "resource r0 { on node1 { address 10.0.0.1:1; } on n2 { address 10.0.0.2:1; } }"
    )
    replace_program(root, script)
    (mirror,) = printed(root, "--only", "mirrors")["kinds"]["mirrors"]
    assert (mirror["resource"], mirror["role"], mirror["peers"][0]["name"]) == ("r0", "Secondary", "n2")
    assert mirror["peers"][0]["volumes"][0]["replication"] == "Established"


@pytest.mark.parametrize("by", ["by-res/r7", "by-res/r7/0"])
def test_drbd_84_without_drbdsetup_is_named_by_udevs_links(root: Path, by: str) -> None:
    (root / "proc/drbd").write_text((FIXTURES / "captures/proc_drbd_syncing").read_text())
    (root / "usr/sbin/drbdsetup").unlink()
    link = root / "dev/drbd" / by
    link.parent.mkdir(parents=True)
    link.symlink_to("../" * by.count("/") + "../drbd0")
    (mirror,) = printed(root, "--only", "mirrors")["kinds"]["mirrors"]
    assert mirror["resource"] == "r7"
    assert mirror["peers"][0]["volumes"][0]["out_of_sync_bytes"] == 94668 * 1024
