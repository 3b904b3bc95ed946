"""The directory in memory keeps the contract of every directory."""

import pytest

from errors import LdifError
from facts.directory.memory import MemoryDirectory
from facts.source import Source
from settings import DirectorySettings
from tests.facts.directory.contract import BASE, LDIF, SHOWN, WEB, DirectoryContract, Recorder

SETTINGS = DirectorySettings(uri="ldapi:///", base=BASE)


class InMemory:
    def __init__(self) -> None:
        self.memory = MemoryDirectory(SETTINGS, LDIF)

    @property
    def source(self) -> Source:
        return self.memory

    def modify(self, ldif: str) -> None:
        self.memory.modify(ldif)


class TestMemoryDirectory(DirectoryContract):
    @pytest.fixture
    def estate(self) -> InMemory:
        return InMemory()


def test_a_refused_change_changes_nothing() -> None:
    memory = MemoryDirectory(SETTINGS, LDIF)
    before = memory.directory
    with pytest.raises(LdifError, match="line 4: cn=none,"):
        memory.modify(f"dn: {WEB}\nchangetype: delete\n\ndn: cn=none,ou=hosts,{BASE}\nchangetype: delete\n")
    assert memory.directory is before


def test_it_can_fail_as_a_server_does_and_keeps_what_was_seen() -> None:
    memory, ledger = MemoryDirectory(SETTINGS, LDIF), Recorder()
    memory.start(ledger)
    memory.fail("the server is on fire")
    memory.stop()
    memory.fail("nobody hears this")
    assert ledger.failures == ["the server is on fire"]
    assert set(ledger.entries) == SHOWN


def test_a_change_that_changes_nothing_confirms() -> None:
    memory, ledger = MemoryDirectory(SETTINGS, LDIF), Recorder()
    memory.start(ledger)
    memory.modify(f"dn: uid=jean,ou=people,{BASE}\nchangetype: delete\n")
    memory.stop()
    assert len(ledger.observations) == 1
    assert len(ledger.confirmations) == 1


def test_a_legacy_directory_shows_its_puppet_clients_wherever_they_stand() -> None:
    memory, ledger = MemoryDirectory(DirectorySettings(uri="ldapi:///", base=BASE, legacy=True), LDIF), Recorder()
    memory.start(ledger)
    memory.stop()
    shown = {entry.first("cn") for entry in ledger.entries.values() if entry.first("cn")}
    assert shown == {"web01.lab.test", "nfs.lab.test", "common"}
