"""What the doctor says of reports that wait or were kept aside."""

from pathlib import Path
from typing import Any

import pytest

from commands.doctor_reports import reports
from reports.lost import Lost, note
from reports.rejected import Rejected
from tests.factories import settings
from tests.reports.spooling import body, names, put, spool

COME = 1000.0


def told(folder: Path, now: float = COME + 5, **more: Any) -> list[tuple[str, str]]:
    return [(one.level, one.sentence) for one in reports(settings(state=str(folder), reports=more), now)]


def test_before_the_first_report_it_says_how_they_come(tmp_path: Path) -> None:
    ((level, sentence),) = told(tmp_path)
    assert level == "ok"
    assert "docs/puppet-server.md" in sentence


def test_what_waits_for_long_is_a_warning_and_nearly_too_much_is_bad(tmp_path: Path) -> None:
    put(spool(tmp_path), body(), body())
    assert told(tmp_path)[0] == ("ok", "2 reports of Puppet runs to be read (0 MB), waiting for 5 s")
    level, sentence = told(tmp_path, now=COME + 3600)[0]
    assert level == "warn"
    assert "what it says of the history's database" in sentence
    level, sentence = told(tmp_path, spool_bytes=24_576)[0]
    assert level == "bad"
    assert "they are refused beyond reports.spool_bytes" in sentence


def test_what_was_kept_aside_is_shown_with_the_newest_reason(tmp_path: Path) -> None:
    one = spool(tmp_path)
    put(one, body(), body())
    for name, reason in zip(names(one), ("first", "cannot be read: no sense"), strict=True):
        Rejected(one.folder, 1 << 20).keep(one.folder / name, reason)
    waiting, rejected = told(tmp_path)
    assert waiting == ("ok", "no report of a Puppet run waits to be read")
    assert rejected[0] == "warn"
    assert rejected[1].startswith("2 reports made no sense, kept aside (")
    assert "cannot be read: no sense; look at them, then remove them" in rejected[1]


def test_a_spool_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(spool(tmp_path), body())

    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", denied)
    ((level, sentence),) = told(tmp_path)
    assert (level, sentence) == (
        "warn",
        f"{tmp_path}/spool cannot be read (Permission denied); run the doctor as the service's user",
    )


def test_what_was_kept_aside_and_had_to_go_is_said_until_its_note_is_removed(tmp_path: Path) -> None:
    folder = spool(tmp_path).folder / "rejected"
    folder.mkdir(parents=True)
    note(folder, [Lost("a.lab.test", "cannot be read: no sense")] * 3, COME - 7200)
    note(folder, [Lost("b.lab.test", "cannot be read: no host")], COME)
    level, sentence = told(tmp_path, rejected_bytes=64 << 20)[2]
    assert level == "warn"
    assert sentence.startswith("4 reports that made no sense were removed in the last 2 h, because those kept aside ")
    assert "reached 64 MB; the last, 5 s ago, was of b.lab.test: cannot be read: no host; mend what sends" in sentence
    assert sentence.endswith(f"then remove {folder}/lost.json")
    (folder / "lost.json").unlink()
    assert len(told(tmp_path)) == 2
