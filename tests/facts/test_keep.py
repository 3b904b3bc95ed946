"""What the sources last saw, on disk: read back as it was, file by file."""

from pathlib import Path
from typing import Any

import pytest

from facts import keep
from facts.estate import Hardware, Remembered
from facts.inventory.domains import Disk
from facts.observations import Kinds
from facts.observatory import HostSeen
from facts.puppet import Run
from facts.shelf import Shelf
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.factories import BASE, directory, domain, guest, host, service, shows

DIRECTORY = directory(host("web", description="é\n\x00\U0001f600"), guest("vm"), service("svc", members=["web"]))
SEEN = shows(domain("vm", networks=["br0"], disks=[Disk("vda", "nfs", "/a", "nfs", "/srv")]), domain("other", "paused"))


def test_all_is_read_back_as_it_was(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    keep.keep_directory(shelf, DIRECTORY)
    keep.keep_hypervisor(shelf, "kvm1.lab.test", SEEN)
    keep.keep_hypervisor(shelf, "kvm2", shows())
    keep.keep_times(
        shelf,
        {
            SourceKey("directory", BASE): Freshness(1.5, 2.0, "refused"),
            SourceKey("inventory", "kvm1.lab.test"): Freshness(2.5),
        },
    )
    remembered = {"vm": Remembered("guest", "kvm1", Hardware("uuid", 2**30, 2, (), ())), "x": Remembered("guest")}
    keep.keep_remembered(shelf, remembered)
    values, freshness, kept = keep.restore(Shelf(tmp_path))
    assert values == {
        SourceKey("directory", BASE): DIRECTORY,
        SourceKey("inventory", "kvm1.lab.test"): SEEN,
        SourceKey("inventory", "kvm2"): shows(),
    }
    assert freshness == {
        SourceKey("directory", BASE): Freshness(1.5),
        SourceKey("inventory", "kvm1.lab.test"): Freshness(2.5),
    }
    assert kept == remembered


def test_an_empty_folder_and_none_hold_nothing(tmp_path: Path) -> None:
    assert keep.restore(Shelf(tmp_path)) == keep.restore(Shelf(tmp_path / "gone")) == ({}, {}, {})


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", ".", "", "kvm 1", "_2f_", "/", "é", "a.unreadable", ".unreadable", "x\x00"]
)
def test_any_hypervisors_name_is_a_file_in_the_folder(tmp_path: Path, name: str) -> None:
    shelf = Shelf(tmp_path / "state")
    keep.keep_hypervisor(shelf, name, SEEN)
    assert [path.parent for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "state"]
    assert keep.restore(shelf)[0] == {SourceKey("inventory", name): SEEN}


def test_different_names_are_different_files(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    names = [
        "a.b",
        "a_b",
        "a_2e_b",
        "a-b",
        "a/b",
        "A.b",
        "a.unreadable",
        "a_2e_unreadable",
        "a",
        "a~b",
        "a.unreadable.b",
    ]
    for name in names:
        keep.keep_hypervisor(shelf, name, shows(hostname=name))
    assert {key.target for key in keep.restore(shelf)[0]} == set(names)


@pytest.mark.parametrize("letter", ["a.", "_", "é", "\U00020000"])
def test_long_names_are_files_too_each_its_own(tmp_path: Path, letter: str) -> None:
    shelf = Shelf(tmp_path)
    names = {f"{letter * 250}{end}" for end in ("", "1", "2", ".unreadable")}
    seen = {name: HostSeen(name, Kinds(), {}) for name in names}
    for each in seen.values():
        keep.keep_host(shelf, each)
    assert keep.restore_hosts(Shelf(tmp_path)) == seen
    shelf.put_aside(next(tmp_path.iterdir()).name, "a test of the longest name that there is")
    assert (len(list(tmp_path.glob("*.unreadable"))), len(keep.restore_hosts(shelf))) == (1, 3)


def test_the_certname_stands_in_the_files_name(tmp_path: Path) -> None:
    keep.keep_hypervisor(Shelf(tmp_path), "kvm1.a-b.example.org", SEEN)
    assert [path.name for path in tmp_path.iterdir()] == ["hypervisor-kvm1.a-b.example.org"]


def test_a_copy_that_somebody_made_is_not_read_for_the_file(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    keep.keep_hypervisor(shelf, "kvm1", SEEN)
    (tmp_path / "hypervisor-kvm1.old").write_bytes((tmp_path / "hypervisor-kvm1").read_bytes())
    keep.keep_hypervisor(shelf, "kvm1", shows())
    assert keep.restore(shelf)[0] == {SourceKey("inventory", "kvm1"): shows()}


@pytest.mark.parametrize("spoiled", ["directory", "hypervisor-kvm1", "times", "remembered"])
@pytest.mark.parametrize("how", ["cut", "foreign", "shape", "no UTF-8"])
def test_one_file_that_makes_no_sense_leaves_the_others(tmp_path: Path, spoiled: str, how: str) -> None:
    shelf = Shelf(tmp_path)
    keep.keep_directory(shelf, DIRECTORY)
    keep.keep_hypervisor(shelf, "kvm1", SEEN)
    keep.keep_times(shelf, {SourceKey("directory", BASE): Freshness(1.0)})
    keep.keep_remembered(shelf, {"vm": Remembered("guest")})
    path = tmp_path / spoiled
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif how == "foreign":
        path.write_bytes(b"ELF\x00\xff\n")
    else:
        line = {"shape": b'{"nonsense": []}', "no UTF-8": b'"\xff"'}[how]
        shelf.write(spoiled, spoiled.partition("-")[0], [line])
    fresh = Shelf(tmp_path)
    values, freshness, remembered = keep.restore(fresh)
    found = [*(key.kind for key in values), *(["times"] if freshness else []), *(["remembered"] if remembered else [])]
    kind = {"hypervisor-kvm1": "inventory"}.get(spoiled, spoiled)
    assert sorted([*found, kind]) == ["directory", "inventory", "remembered", "times"]
    assert len(fresh.set_aside) == 1
    assert str(path) in fresh.set_aside[0]
    assert keep.restore(Shelf(tmp_path))[0] == values


def test_what_was_set_aside_is_no_hypervisor(tmp_path: Path) -> None:
    (tmp_path / "hypervisor-kvm1.unreadable").write_bytes(b"x")
    (tmp_path / ".hypervisor-kvm2.new").write_bytes(b"x")
    shelf = Shelf(tmp_path)
    assert keep.restore(shelf) == ({}, {}, {})
    assert shelf.set_aside == []


def test_the_last_runs_are_kept_and_what_makes_no_sense_is_set_aside(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert keep.restore_runs(shelf) == {}
    told: dict[str, Any] = {"ended_at": 2.5, "last_success": 1.5, "status": "failed", "resources": {"failed": 3}}
    runs = {name: Run(certname=name, completed=True, **told) for name in ("web.lab.test", "mail.lab.test")}
    keep.keep_runs(shelf, runs)
    assert keep.restore_runs(Shelf(tmp_path)) == runs
    (tmp_path / "runs").write_text("cut short")
    assert keep.restore_runs(shelf) == {}
    assert (tmp_path / "runs.unreadable").exists()
