"""What `enclume-observe` keeps while the service is away."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.facts.observer.program import observe

NOW = 1700000000.0


def document(time: float, **more: Any) -> dict[str, Any]:
    return {"observed_at": time, **more}


def times(spool: Any) -> list[float]:
    return [json.loads(path.read_text())["observed_at"] for path in spool.files()]


@pytest.fixture
def spool(tmp_path: Path) -> Any:
    return observe.Spool(tmp_path / "spool")


def test_the_oldest_comes_first(spool: Any) -> None:
    for minute in (2, 0, 1):
        spool.keep(document(NOW + 60 * minute))
    assert times(spool) == [NOW, NOW + 60, NOW + 120]


def test_an_hour_is_kept_and_no_more(spool: Any) -> None:
    for minute in range(0, 90, 5):
        spool.keep(document(NOW + 60 * minute))
    assert times(spool) == [NOW + 60 * minute for minute in range(25, 90, 5)]


def test_what_a_wrong_clock_left_is_dropped(spool: Any) -> None:
    spool.keep(document(NOW + 86400))
    spool.keep(document(NOW))
    assert times(spool) == [NOW]


def test_only_so_many_are_kept_the_newest_of_them(spool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "KEPT_DOCUMENTS", 4)
    for second in range(9):
        spool.keep(document(NOW + second))
    assert times(spool) == [NOW + second for second in range(5, 9)]


def test_only_so_many_bytes_are_kept(spool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "KEPT_BYTES", 10_000)
    for second in range(9):
        spool.keep(document(NOW + second, filling="x" * 3000))
    assert times(spool) == [NOW + 6, NOW + 7, NOW + 8]


def test_a_file_is_whole_or_not_there(spool: Any) -> None:
    spool.keep(document(NOW))
    (spool.folder / ".000001700000001000.json.99.new").write_text('{"observed')
    assert times(spool) == [NOW]
    spool.keep(document(NOW + 60))
    assert sorted(path.name for path in spool.folder.iterdir()) == ["001700000000000.json", "001700000060000.json"]


def test_what_is_no_file_or_cannot_be_removed_keeps_nobody_from_keeping(spool: Any) -> None:
    spool.keep(document(NOW - 4000))
    for name in ("000000000000001.json", ".000001700000001000.json.99.new"):
        (spool.folder / name).mkdir()
    spool.keep(document(NOW))
    names = ["000000000000001.json", "001700000000000.json"]
    assert [path.name for path in spool.files()] == names


class Answering:
    """A service that takes everything."""

    url = "https://enclume.example.org:8787"

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def put(self, body: bytes) -> Any:
        self.heard.append(body)
        return observe.Reply(204, {})


def test_what_cannot_be_read_is_said_and_keeps_nothing_from_being_sent(
    spool: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    spool.keep(document(NOW))
    folder = spool.folder / "000000000000001.json"
    folder.mkdir()
    service = Answering()
    # Reading the first page of its own memory is the EIO that a broken disk gives.
    assert observe.push(service, [Path("/proc/self/mem"), *spool.files(), b"{}"]) == observe.KEPT
    assert [json.loads(body) for body in service.heard] == [document(NOW), {}]
    assert spool.files() == [folder]
    first, second = capfd.readouterr().err.splitlines()
    assert "/proc/self/mem is not sent, since it cannot be read (Input/output error)" in first
    assert f"{folder} is not sent, since it cannot be read (it is no file); remove it" in second


def test_it_is_the_hosts_own(spool: Any) -> None:
    spool.keep(document(NOW))
    (path,) = spool.files()
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_an_error_and_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = observe.Spool(tmp_path / "file" / "spool")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        spool.keep(document(NOW))
    assert spool.files() == []
