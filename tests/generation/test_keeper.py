"""The keeper and the lock: who writes to the state folder, and when."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import StateError
from generation.keeper import Keeper
from generation.lock import Lock
from tests.waiting import until


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper(pause=0.001)
    yield made
    made.stop()


def test_the_latest_version_of_each_file_is_written(keeper: Keeper) -> None:
    written: list[str] = []
    keeper.put("a", lambda: written.append("old a"))
    keeper.put("b", lambda: written.append("b"))
    keeper.put("a", lambda: written.append("a"))
    keeper.start()
    until(lambda: sorted(written) == ["a", "b"], what="both files")
    keeper.put("a", lambda: written.append("new a"))
    until(lambda: "new a" in written, what="the new version")
    assert "old a" not in written


def test_what_waits_is_written_before_the_end(keeper: Keeper) -> None:
    written: list[str] = []
    slow = Keeper(pause=60)
    slow.start()
    slow.put("a", lambda: written.append("a"))
    until(lambda: written, what="the first writing")
    slow.put("a", lambda: written.append("again"))
    slow.stop()
    assert written == ["a", "again"]
    keeper.start()


def test_at_the_end_no_more_is_written_than_patience_allows(keeper: Keeper) -> None:
    written: list[str] = []
    hasty = Keeper(pause=60, patience=0.0)
    hasty.start()
    hasty.put("a", lambda: written.append("a"))
    until(lambda: written, what="the first writing")
    hasty.put("b", lambda: written.append("b"))
    hasty.stop()
    assert written == ["a"]
    keeper.start()


def test_a_file_that_cannot_be_written_is_a_problem_until_it_can(
    keeper: Keeper, caplog: pytest.LogCaptureFixture
) -> None:
    full = threading.Event()
    full.set()
    written: list[str] = []

    def write() -> None:
        if full.is_set():
            raise StateError("/state/a", "cannot be written: No space left on device")
        written.append("a")

    keeper.start()
    with caplog.at_level(logging.ERROR, "enclume.keeper"):
        keeper.put("a", write)
        until(lambda: keeper.problems, what="the problem")
        keeper.put("b", lambda: written.append("b"))
        until(lambda: "b" in written, what="the other file")
    assert "No space left on device" in keeper.problems["a"]
    assert len(caplog.records) == 1
    full.clear()
    until(lambda: not keeper.problems, what="the problem to end")
    assert "a" in written


def test_what_could_not_be_written_is_tried_again_long_before_the_pause_ends(keeper: Keeper) -> None:
    tries: list[int] = []

    def write() -> None:
        tries.append(len(tries))
        if len(tries) < 2:
            raise StateError("/state/a", "cannot be written: No space left on device")

    seldom = Keeper(pause=60)
    seldom.start()
    seldom.put("a", write)
    until(lambda: tries == [0, 1] and not seldom.problems, what="the second time")
    seldom.stop()
    keeper.start()


def test_one_lock_at_a_time(tmp_path: Path) -> None:
    one, other = Lock(str(tmp_path / "state")), Lock(str(tmp_path / "state"))
    assert one.try_acquire()
    assert one.try_acquire()
    assert not other.try_acquire()
    one.release()
    assert other.try_acquire()
    other.release()
    other.release()


def test_a_folder_that_cannot_be_written_needs_no_lock(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    one, other = Lock(str(tmp_path / "state")), Lock(str(tmp_path / "state"))
    assert one.try_acquire()
    assert other.try_acquire()
    one.release()


def test_what_is_hurried_is_not_paused_for(keeper: Keeper) -> None:
    written: list[str] = []
    slow = Keeper(pause=60)
    slow.start()
    slow.put("a", lambda: written.append("first"))
    until(lambda: written, what="the first writing")
    slow.put("a", lambda: written.append("second"), hurry=True)
    until(lambda: len(written) == 2, what="the second writing")
    slow.put_and_wait("a", lambda: written.append("third"))
    assert written[2:] == ["third"]
    slow.stop()
    keeper.start()


def test_who_waits_for_a_disk_that_fails_is_let_go(keeper: Keeper) -> None:
    def write() -> None:
        raise StateError("/state/a", "cannot be written: No space left on device")

    keeper.start()
    keeper.put_and_wait("a", write)
    assert until(lambda: keeper.problems, what="the problem")
