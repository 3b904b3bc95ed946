"""The directory source outlives what it was not made for."""

import logging

import pytest

from facts.directory.source import DirectorySource
from settings import DirectorySettings
from tests.facts.directory.contract import BASE, Recorder
from tests.waiting import until


def test_a_fault_of_our_own_is_said_and_the_directory_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("facts.directory.source.prepare", break_down)
    ledger = Recorder()
    source = DirectorySource(DirectorySettings(uri="ldap://127.0.0.1:1", base=BASE))
    with caplog.at_level(logging.CRITICAL, "enclume.directory"):
        source.start(ledger)
        until(lambda: len(ledger.failures) > 1, what="a second try")
        source.stop()
    assert ledger.failures[0].startswith(f"{BASE}: reading failed by a fault of Enclume's (ZeroDivisionError: a fault)")
