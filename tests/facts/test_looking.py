"""A source of files whose file system hangs keeps nobody from ending."""

import threading
import time

import pytest

from facts.looking import Looking
from facts.source import Ledger
from facts.upkeep import Upkeep


class Held(Looking):
    """One that hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__("held")
        self.goes_on = threading.Event()

    def look_on(self, ledger: Ledger) -> None:
        del ledger
        self.goes_on.wait(30)
        self.stopping.wait(30)


def test_one_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facts.looking.PATIENCE", 0.05)
    held, began = Held(), time.monotonic()
    held.start(Upkeep())
    held.stop()
    took = time.monotonic() - began
    held.goes_on.set()
    assert 0.05 <= took < 10


def test_one_that_was_never_started_can_be_stopped() -> None:
    Held().stop()
