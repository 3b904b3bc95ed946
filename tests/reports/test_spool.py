"""The spool: what it has acknowledged is whole and in order; what it refuses leaves nothing; a disk may hang."""

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import SpoolError
from reports.backlog import Backlog
from reports.entry import Entry, decode, encode
from reports.report import Place
from reports.spool import Waiting
from tests.reports.spooling import PLACE, body, names, put, spool, uuid_of
from tests.waiting import until

entries = st.builds(
    Entry,
    st.binary(max_size=300),
    st.sampled_from(["puppet", "foreman"]),
    st.floats(0, 2**33),
    st.builds(Place, st.text(max_size=20), st.text(max_size=20)),
)


@given(entries)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert decode(b"".join(encode(entry))) == entry


@given(entries, st.data())
def test_an_entry_that_is_not_whole_is_never_taken_for_one(entry: Entry, data: Any) -> None:
    text = b"".join(encode(entry))
    cut = text[: data.draw(st.integers(0, len(text) - 2))]
    position = data.draw(st.integers(0, len(text) - 2))
    flipped = bytes((*text[:position], text[position] ^ 1, *text[position + 1 :]))
    for spoilt in (cut, flipped, text + b"x", b"\0" * len(text)):
        with pytest.raises(ValueError, match=r"cut short|does not match|does not begin"):
            decode(spoilt)


def test_what_was_put_waits_in_order_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    one = spool(tmp_path)
    bodies = [body() for _ in range(3)]
    put(one, *bodies)
    backlog = Backlog(one.folder)
    listed, waiting = backlog.look()
    assert [backlog.read(name) for name in listed] == [
        (Entry(each, "puppet", 1000.0 + number, PLACE), 12288) for number, each in enumerate(bodies)
    ]
    assert waiting == one.waiting == Waiting(3, 3 * 12288)
    for path in (one.folder, *one.folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_many_threads_put_at_once_and_none_is_lost(tmp_path: Path) -> None:
    one, two = spool(tmp_path), spool(tmp_path)
    runs = range(200)
    threads = [
        threading.Thread(target=put, args=(into, *(body(run=run) for run in runs[start::8])))
        for start, into in zip(range(8), (one, two) * 4, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backlog = Backlog(one.folder)
    found = [backlog.read(name) for name in backlog.look()[0]]
    told = {
        line for each in found if each for line in each[0].body.splitlines() if line.startswith(b"transaction_uuid")
    }
    assert told == {f"transaction_uuid: {uuid_of(run)}".encode() for run in runs}
    assert one.waiting.count + two.waiting.count == 200


def test_more_than_may_wait_is_refused_and_taken_again_once_there_is_room(tmp_path: Path) -> None:
    one = spool(tmp_path, most=3 * 12288)
    put(one, body(), body(), body())
    with pytest.raises(SpoolError, match=r"3 reports already wait to be read .* look at the intake") as caught:
        put(one, body())
    assert not caught.value.is_busy
    assert "the last report of a Puppet run was refused" in one.problem
    one.removed(1, 12288)
    put(one, body())
    assert (one.problem, len(names(one))) == ("", 4)


@pytest.mark.parametrize(("size", "reserve"), [(1 << 40, 64 << 20), (160 << 20, 10 << 20)])
def test_what_the_history_needs_to_take_in_what_waits_is_left_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, reserve: int
) -> None:
    one = spool(tmp_path)
    one.folder.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", lambda _: disk(size, reserve + 12287))
        with pytest.raises(SpoolError, match=rf"the last {reserve >> 10} KiB .* make room on this disk") as caught:
            put(one, body())
        assert not caught.value.is_busy
        patched.setattr(os, "statvfs", lambda _: disk(size, reserve + 12288))
        put(one, body())
    assert (one.problem, len(names(one))) == ("", 1)


def test_a_disk_that_tells_no_size_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = spool(tmp_path)
    put(one, body())
    monkeypatch.setattr(os, "statvfs", lambda _: disk(0, 0))
    put(one, body())
    assert len(names(one)) == 2


def disk(size: int, free: int) -> os.statvfs_result:
    """What a file system of so many bytes says, of which so many are free."""
    return os.statvfs_result((1, 1, size, free, free, 0, 0, 0, 0, 255))


@pytest.mark.parametrize("fails", ["open", "fsync", "rename"])
def test_a_disk_that_fails_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    one = spool(tmp_path)
    put(one, body())

    def broken(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, fails, broken)
        with pytest.raises(SpoolError, match="cannot be written: No space left on device; check space"):
            put(one, body())
    assert [path.suffix for path in one.folder.iterdir()] == [".report"]
    assert one.waiting.count == 1
    put(one, body())
    assert len(names(one)) == 2


def test_a_disk_that_hangs_takes_only_half_of_the_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, goes_on, real = spool(tmp_path, at_once=2), threading.Event(), os.fsync
    put(one, body())

    def hanging(descriptor: int) -> None:
        goes_on.wait(20)
        real(descriptor)

    monkeypatch.setattr("reports.spool._HANGS", 0.05)
    monkeypatch.setattr(os, "fsync", hanging)
    threads = [threading.Thread(target=put, args=(one, body())) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: len(list(one.folder.glob(".*.new"))) == 2, what="both to wait for the disk")
        until(lambda: one.hangs, what="the disk to be taken for one that hangs")
        with pytest.raises(SpoolError, match="send this one again") as caught:
            put(one, body())
        assert caught.value.is_busy
        assert "has not kept a report for 0.05 s" in one.problem
    finally:
        goes_on.set()
        for thread in threads:
            thread.join()
    put(one, body())
    assert (len(names(one)), one.problem) == (4, "")


def test_a_disk_that_begins_to_hang_takes_few_more_before_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, goes_on, real = spool(tmp_path, at_once=4), threading.Event(), os.fsync
    put(one, body())

    def hanging(descriptor: int) -> None:
        goes_on.wait(20)
        real(descriptor)

    monkeypatch.setattr("reports.spool._HANGS", 60.0)
    monkeypatch.setattr(os, "fsync", hanging)
    threads = [threading.Thread(target=put, args=(one, body())) for _ in range(5)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: len(list(one.folder.glob(".*.new"))) == 5, what="all to wait for the disk")
        with pytest.raises(SpoolError, match="5 reports are being written to the disk: send this one") as caught:
            put(one, body())
        assert caught.value.is_busy
    finally:
        goes_on.set()
        for thread in threads:
            thread.join()
    assert len(names(one)) == 6


def test_what_a_killed_writer_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    one = spool(tmp_path)
    put(one, body())
    for name, age in ((".old.report.new", 7200), (".young.report.new", 60)):
        path = one.folder / name
        path.write_bytes(b"half")
        at = path.stat().st_mtime - age
        os.utime(path, (at, at))
    assert Backlog(one.folder).look()[1].count == 1
    assert [path.name for path in one.folder.glob(".*")] == [".young.report.new"]


def test_there_is_nothing_where_there_is_no_folder(tmp_path: Path) -> None:
    assert Backlog(tmp_path / "none").look() == ([], Waiting())


def test_what_waits_is_counted_in_the_folder_whatever_was_told_of_it(tmp_path: Path) -> None:
    one = spool(tmp_path)
    assert one.counted() == 0
    put(one, body())
    one.told(Waiting(7, 7))
    assert one.counted() == 1
