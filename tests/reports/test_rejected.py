"""What makes no sense is kept aside with its reason, within bounds, whatever the disk does."""

from pathlib import Path

import pytest

from reports import lost
from reports.lost import Losses, Lost, sentences
from reports.rejected import Rejected, kept, paths
from reports.spool import Spool
from tests.reports.spooling import body, names, put, spool

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
    assert len(list((of.folder / "rejected").glob("*.re*"))) == 4
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


def test_what_has_to_go_is_named_with_its_node_and_its_reason_and_counted(of: Spool) -> None:
    put(of, body("a.lab.test"), JUNK, b'{"config_report":{"host":"../a"', body("b.lab.test"))
    damaged, folder = of.folder / names(of)[3], of.folder / "rejected"
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    keeping = Rejected(of.folder, 8000)
    gone = [keeping.keep(of.folder / name, f"reason {number}") for number, name in enumerate(names(of))]
    of_nobody = [Lost("", f"reason {number}") for number in (1, 2, 3)]
    assert gone == [[Lost("a.lab.test", "reason 0")], [], of_nobody[:1], of_nobody[1:]]
    noted = lost.read(folder)
    assert noted is not None
    assert noted == Losses(4, noted.since, noted.at, "", "reason 3")
    assert 0 < noted.since < noted.at


def test_a_reason_that_may_not_be_read_keeps_nothing_from_going(of: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    put(of, body("a.lab.test"), body("b.lab.test"))
    keeping, (first, second) = Rejected(of.folder, 8000), names(of)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    assert keeping.keep(of.folder / first, "no sense") == [Lost("a.lab.test", "no sense")]
    monkeypatch.setattr(Path, "read_text", refuse)
    assert keeping.keep(of.folder / second, "no sense") == [Lost("b.lab.test", "")]
    assert list((of.folder / "rejected").glob("*.re*")) == []


def test_a_flood_of_what_has_to_go_is_told_in_a_few_sentences() -> None:
    flood = [Lost(f"{number % 12}.lab.test", f"no {number}") for number in range(60)] + [Lost("", "damaged")] * 9
    told = sentences(flood)
    assert told[0] == "9 of unknown nodes, the last: damaged"
    assert told[1] == "5 of 0.lab.test, the last: no 48"
    assert told[10] == "15 of others"
    assert len(told) == 11


def test_a_note_that_makes_no_sense_is_written_anew_and_one_that_cannot_be_written_stops_nothing(of: Spool) -> None:
    folder = of.folder / "rejected"
    folder.mkdir(parents=True)
    (folder / lost.NAME).write_text("{")
    assert lost.read(folder) is None
    lost.note(folder, [Lost("a.lab.test", "no sense")], 5.0)
    assert lost.read(folder) == Losses(1, 5.0, 5.0, "a.lab.test", "no sense")
    lost.note(folder / "none", [Lost("a.lab.test", "no sense")], 5.0)
