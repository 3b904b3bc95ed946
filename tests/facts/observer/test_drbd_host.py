"""A host with DRBD mirrors, whose program is there, fails, or is not."""

from pathlib import Path

import pytest

from tests.facts.observer.program import FIXTURES, printed


def replace_program(root: Path, script: str) -> None:
    (root / "usr/sbin/drbdsetup").write_text(f"#!/bin/sh\n{script}\n")


def test_drbd_that_is_configured_and_not_loaded_is_said(root: Path) -> None:
    (root / "proc/drbd").unlink()
    replace_program(root, "touch /drbdsetup-was-run")
    document = printed(root, "--only", "mirrors")
    assert (document["kinds"]["mirrors"], document["looked_at"]) == ([], ["mirrors"])
    (problem,) = document["problems"]
    assert "DRBD's module is not loaded" in problem


def test_drbd_that_is_neither_configured_nor_loaded_is_not_there(root: Path) -> None:
    (root / "proc/drbd").unlink()
    (root / "etc/drbd.d/data.res").unlink()
    document = printed(root, "--only", "mirrors")
    assert (document["kinds"]["mirrors"], document["looked_at"], document["problems"]) == (None, ["mirrors"], [])


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
