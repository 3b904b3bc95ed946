"""Progress is shown on a terminal alone, and only of what takes longer than a second."""

import contextlib
import os
import pty
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from commands import progress as module
from commands.progress import progress
from tests.waiting import until


class Terminal:
    """A terminal in place of stderr, and what was shown on it."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self.file = os.fdopen(theirs, "w", encoding="utf-8")
        self._shown = b""

    @property
    def shown(self) -> str:
        with contextlib.suppress(BlockingIOError):
            self._shown += os.read(self._ours, 65536)
        return self._shown.decode()

    def close(self) -> None:
        self.file.close()
        os.close(self._ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def showing(terminal: Terminal) -> contextlib.redirect_stderr[TextIO]:
    """Within a test: pytest puts its own stderr in place before each."""
    return contextlib.redirect_stderr(terminal.file)


def test_what_is_quick_shows_nothing(terminal: Terminal) -> None:
    with showing(terminal), progress("reading"):
        pass
    assert terminal.shown == ""


def test_what_takes_long_is_shown_and_erased_at_the_end(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.01)
    with showing(terminal), progress("reading everything"):
        until(lambda: "reading everything (0 s)" in terminal.shown, what="the line")
    assert terminal.shown.endswith("\r\x1b[K")


def test_it_ends_when_the_work_fails(terminal: Terminal) -> None:
    with pytest.raises(OSError, match="broken"), showing(terminal), progress("reading"):
        raise OSError("broken")
    assert "progress" not in [thread.name for thread in threading.enumerate()]
    assert terminal.shown == ""


def test_elsewhere_nothing_is_started(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)
    with progress("reading"):
        assert "progress" not in [thread.name for thread in threading.enumerate()]
    assert capsys.readouterr().err == ""
