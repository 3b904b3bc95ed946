"""What makes no sense is kept aside with its reason, within bounds, whatever the disk does."""

from pathlib import Path

import pytest

from reports.rejected import Rejected, kept, paths
from reports.spool import Spool
from tests.reports.spooling import names, put, spool

JUNK = b"--- !ruby/object:Puppet::Transaction::Report\nhost: [\n"


@pytest.fixture
def of(tmp_path: Path) -> Spool:
    return spool(tmp_path)


def test_what_is_kept_aside_is_bounded_and_the_oldest_go(of: Spool) -> None:
    put(of, *(JUNK + bytes([48 + number]) for number in range(6)))
    rejected = Rejected(of.folder, 3 * 4096)
    last = names(of)[4:]
    for name in names(of):
        rejected.keep(of.folder / name, "no sense")
    assert [one.path.name for one in kept(of.folder)] == last
    assert len(list((of.folder / "rejected").iterdir())) == 4
    again = Rejected(of.folder, 2 * 4096)
    put(of, JUNK)
    again.keep(of.folder / names(of)[0], "no sense")
    assert [one.path.name for one in kept(of.folder)][:-1] == []


def test_a_flood_of_reports_that_make_no_sense_does_not_list_them_for_each(
    of: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(of, *([JUNK] * 60))
    rejected, listed = Rejected(of.folder, 40 * 4096), list[Path]()

    def listing(folder: Path) -> list[Path]:
        listed.append(folder)
        return paths(folder)

    monkeypatch.setattr("reports.rejected.paths", listing)
    for name in names(of):
        rejected.keep(of.folder / name, "no sense")
    assert len(listed) <= 1 + 60 // 4
    assert 36 <= len(list(kept(of.folder))) <= 40


def test_keeping_aside_needs_no_room(of: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    put(of, JUNK)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (of.folder / "rejected").mkdir()
    monkeypatch.setattr(Path, "write_text", full)
    Rejected(of.folder, 1 << 20).keep(of.folder / names(of)[0], "no sense")
    (one,) = kept(of.folder)
    assert one.reason == ""
