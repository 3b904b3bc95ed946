"""What every source of a directory does: the tests that `MemoryDirectory` and `DirectorySource` must both pass."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import pytest

from facts.directory.entries import Directory, Entry
from facts.source import Observation, Source, SourceKey
from tests.waiting import until

BASE = "dc=lab,dc=test"
WEB = f"cn=web01.lab.test,ou=hosts,{BASE}"
NFS = f"cn=nfs.lab.test,ou=hosts,{BASE}"
SERVICE = f"cn=web,ou=services,{BASE}"
LDIF = f"""\
dn: {BASE}
objectClass: organization
objectClass: dcObject
o: lab
dc: lab

dn: ou=hosts,{BASE}
objectClass: organizationalUnit
ou: hosts

dn: ou=services,{BASE}
objectClass: organizationalUnit
ou: services

dn: ou=profiles,{BASE}
objectClass: organizationalUnit
ou: profiles

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: {WEB}
objectClass: device
objectClass: puppetClient
objectClass: enclumeHost
objectClass: simpleSecurityObject
objectClass: extensibleObject
cn: web01.lab.test
puppetClass: base
puppetClass: profile::web
description:: w4ltaWxlIGxlcyBo
 w7R0ZXM=
userPassword: hidden
audio:: /wA=
enclumeKind: guest

dn: {NFS}
objectClass: device
objectClass: puppetClient
cn: nfs.lab.test
puppetClass: base

dn: {SERVICE}
objectClass: enclumeService
cn: web
member: {WEB}

dn: cn=common,ou=profiles,{BASE}
objectClass: device
objectClass: puppetClient
cn: common

dn: cn=printer,ou=people,{BASE}
objectClass: device
cn: printer

dn: uid=jean,ou=people,{BASE}
objectClass: account
uid: jean
"""
SHOWN = {
    f"ou=hosts,{BASE}",
    f"ou=services,{BASE}",
    f"ou=profiles,{BASE}",
    WEB,
    NFS,
    SERVICE,
    f"cn=common,ou=profiles,{BASE}",
}


class Recorder:
    """A ledger that remembers what it was told."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.confirmations: list[float] = []
        self.failures: list[str] = []

    def observed(self, observation: Observation) -> None:
        self.observations.append(observation)

    def confirmed(self, key: SourceKey, read_at: float, took: float = 0.0) -> None:
        assert (key.kind, took >= 0) == ("directory", True)
        self.confirmations.append(read_at)

    def failed(self, key: SourceKey, at: float, reason: str) -> None:
        assert key.kind == "directory"
        assert at > 0
        self.failures.append(reason)

    @property
    def directory(self) -> Directory:
        """The last one observed."""
        value = self.observations[-1].value
        assert isinstance(value, Directory)
        return value

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Its entries by normalised DN; {} as long as there is none."""
        return self.directory.entries if self.observations else {}

    def wait_for(self, condition: Callable[[Mapping[str, Entry]], bool], what: str) -> Mapping[str, Entry]:
        """The entries once they are as wanted."""
        until(lambda: bool(self.observations) and condition(self.entries), what=what)
        return self.entries


class Estate(Protocol):
    """A directory that a test may change with LDIF, and the source that observes it."""

    @property
    def source(self) -> Source: ...

    def modify(self, ldif: str) -> None:
        """Apply change records."""


class DirectoryContract:
    """Subclass it with a fixture `estate` whose directory holds `LDIF`, observed with default search bases."""

    @pytest.fixture
    def ledger(self, estate: Estate) -> Iterator[Recorder]:
        """What the source says from its start to the test's end."""
        recorder = Recorder()
        estate.source.start(recorder)
        yield recorder
        estate.source.stop()

    def test_the_first_observation_is_complete(self, ledger: Recorder) -> None:
        entries = ledger.wait_for(bool, "the first observation")
        assert set(entries) == SHOWN
        assert ledger.observations[0].value is ledger.directory
        assert ledger.observations[0].key == SourceKey("directory", BASE)
        assert ledger.directory.base == BASE

    def test_entries_are_text_with_their_identity_and_without_secrets(self, ledger: Recorder) -> None:
        web = ledger.wait_for(bool, "the first observation")[WEB]
        assert web.dn == WEB
        assert web.key == WEB
        assert web.uuid
        assert web.csn
        assert set(web.attributes) == {"objectclass", "cn", "puppetclass", "description", "enclumekind"}
        assert set(web.values("puppetclass")) == {"base", "profile::web"}
        assert web.first("description") == "Émile les hôtes"
        assert web.spelling == {
            "objectclass": "objectClass",
            "puppetclass": "puppetClass",
            "enclumekind": "enclumeKind",
        }

    def test_a_changed_entry_is_seen_and_the_others_stay_the_same_objects(
        self, estate: Estate, ledger: Recorder
    ) -> None:
        before = ledger.wait_for(bool, "the first observation")
        estate.modify(f"dn: {SERVICE}\nchangetype: modify\nadd: member\nmember: {NFS}\n")
        after = ledger.wait_for(lambda entries: NFS in entries[SERVICE].values("member"), "the new member")
        assert after[SERVICE].values("member") == (WEB, NFS)
        assert after[SERVICE].uuid == before[SERVICE].uuid
        assert after[SERVICE].csn > before[SERVICE].csn
        assert before[SERVICE].values("member") == (WEB,)
        assert all(after[key] is before[key] for key in SHOWN - {SERVICE})

    def test_a_new_entry_is_seen(self, estate: Estate, ledger: Recorder) -> None:
        ledger.wait_for(bool, "the first observation")
        estate.modify(
            f"dn: cn=Mail.lab.test,ou=hosts,{BASE}\nchangetype: add\nobjectClass: device\ncn: Mail.lab.test\n"
        )
        key = f"cn=mail.lab.test,ou=hosts,{BASE}"
        entries = ledger.wait_for(lambda entries: key in entries, "the new host")
        assert set(entries) == {*SHOWN, key}
        assert entries[key].dn == f"cn=Mail.lab.test,ou=hosts,{BASE}"

    def test_a_deleted_entry_is_gone(self, estate: Estate, ledger: Recorder) -> None:
        ledger.wait_for(bool, "the first observation")
        estate.modify(f"dn: {NFS}\nchangetype: delete\n")
        assert set(ledger.wait_for(lambda entries: NFS not in entries, "the host to go")) == SHOWN - {NFS}

    def test_an_entry_that_is_no_longer_ours_is_gone(self, estate: Estate, ledger: Recorder) -> None:
        ledger.wait_for(bool, "the first observation")
        estate.modify(
            f"dn: {NFS}\nchangetype: modrdn\nnewrdn: cn=nfs\ndeleteoldrdn: 1\nnewsuperior: ou=people,{BASE}\n"
        )
        assert set(ledger.wait_for(lambda entries: NFS not in entries, "the host to go")) == SHOWN - {NFS}

    def test_a_renamed_entry_keeps_its_identity(self, estate: Estate, ledger: Recorder) -> None:
        before = ledger.wait_for(bool, "the first observation")
        estate.modify(f"dn: {NFS}\nchangetype: modrdn\nnewrdn: cn=files.lab.test\ndeleteoldrdn: 1\n")
        key = f"cn=files.lab.test,ou=hosts,{BASE}"
        after = ledger.wait_for(lambda entries: key in entries, "the new name")
        assert set(after) == SHOWN - {NFS} | {key}
        assert after[key].uuid == before[NFS].uuid
        assert after[key].values("cn") == ("files.lab.test",)

    def test_what_stands_below_a_renamed_entry_moves_with_it(self, estate: Estate, ledger: Recorder) -> None:
        estate.modify(
            f"dn: ou=rack1,ou=hosts,{BASE}\nchangetype: add\nobjectClass: organizationalUnit\nou: rack1\n\n"
            f"dn: cn=deep.lab.test,ou=rack1,ou=hosts,{BASE}\nchangetype: add\nobjectClass: device\ncn: deep.lab.test\n"
        )
        ledger.wait_for(lambda entries: f"cn=deep.lab.test,ou=rack1,ou=hosts,{BASE}" in entries, "the deep host")
        estate.modify(f"dn: ou=rack1,ou=hosts,{BASE}\nchangetype: modrdn\nnewrdn: ou=Rack 2\ndeleteoldrdn: 1\n")
        key = f"cn=deep.lab.test,ou=rack 2,ou=hosts,{BASE}"
        after = ledger.wait_for(lambda entries: key in entries, "the deep host in its new place")
        assert set(after) == {*SHOWN, f"ou=rack 2,ou=hosts,{BASE}", key}
        assert after[key].dn == f"cn=deep.lab.test,ou=Rack 2,ou=hosts,{BASE}"

    def test_several_changes_are_all_seen(self, estate: Estate, ledger: Recorder) -> None:
        ledger.wait_for(bool, "the first observation")
        estate.modify(
            f"dn: {WEB}\nchangetype: modify\ndelete: puppetClass\npuppetClass: base\n-\nreplace: description\n"
            f"-\nadd: enclumeLayer\nenclumeLayer: 2\n-\n\ndn: {NFS}\nchangetype: delete\n\n"
            f"dn: {SERVICE}\nchangetype: modify\nreplace: member\nmember: {NFS}\n"
        )
        entries = ledger.wait_for(lambda entries: entries[SERVICE].values("member") == (NFS,), "the last change")
        assert NFS not in entries
        assert entries[WEB].values("puppetclass") == ("profile::web",)
        assert entries[WEB].values("enclumelayer") == ("2",)
        assert "description" not in entries[WEB].attributes

    def test_a_change_elsewhere_is_no_observation(self, estate: Estate, ledger: Recorder) -> None:
        ledger.wait_for(bool, "the first observation")
        estate.modify(f"dn: cn=printer,ou=people,{BASE}\nchangetype: modify\nadd: serialNumber\nserialNumber: 7\n")
        estate.modify(f"dn: uid=jean,ou=people,{BASE}\nchangetype: delete\n")
        estate.modify(f"dn: {NFS}\nchangetype: modify\nadd: puppetClass\npuppetClass: nfs\n")
        ledger.wait_for(lambda entries: len(entries[NFS].values("puppetclass")) == 2, "the last change")
        assert len(ledger.observations) == 2

    def test_after_its_stop_a_source_says_nothing(self, estate: Estate, ledger: Recorder) -> None:
        ledger.wait_for(bool, "the first observation")
        threads = set(threading.enumerate())
        estate.source.stop()
        assert not [thread for thread in threads if thread.name == "directory" and thread.is_alive()]
        told = len(ledger.observations)
        estate.modify(f"dn: {NFS}\nchangetype: delete\n")
        assert len(ledger.observations) == told
        assert not ledger.failures
