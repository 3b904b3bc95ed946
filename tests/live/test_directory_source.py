"""The source over a real slapd: restarts, silence, limits and several servers; nothing incomplete is delivered."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facts.directory.source import DirectorySource, read_once
from tests.facts.directory.contract import BASE, LDIF, NFS, SHOWN, WEB, Recorder
from tests.live.certificates import Certificates
from tests.live.following import MDB, add_hosts, followed, set_class, settings, wait_for_class
from tests.live.slapd import Slapd
from tests.waiting import free_port, until


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path, ldif=LDIF) as server:
        yield server


def test_a_change_arrives_at_once(slapd: Slapd) -> None:
    with followed(DirectorySource(settings(slapd.uri, heartbeat=60))) as ledger:
        until(lambda: ledger.entries, what="the load")
        for number in range(5):
            began = time.monotonic()
            set_class(slapd, f"c{number}")
            wait_for_class(ledger, f"c{number}")
            assert time.monotonic() - began < 1


def test_an_unchanged_directory_is_confirmed_again_and_again(slapd: Slapd) -> None:
    with followed(DirectorySource(settings(slapd.uri))) as ledger:
        until(lambda: len(ledger.confirmations) > 3, what="some confirmations")
        assert len(ledger.observations) == 1
        assert ledger.confirmations == sorted(ledger.confirmations)
        assert time.time() - ledger.confirmations[-1] < 5
        slapd.modify(f"dn: uid=jean,ou=people,{BASE}\nchangetype: delete\n")
        told = len(ledger.confirmations)
        until(lambda: len(ledger.confirmations) > told + 3, what="confirmations after a change that is not ours")


def test_a_killed_server_comes_back_and_is_followed_again(slapd: Slapd) -> None:
    with followed(DirectorySource(settings(slapd.uri))) as ledger:
        until(lambda: len(ledger.confirmations) > 2, what="a proven load")
        before = ledger.entries
        slapd.kill()
        until(lambda: ledger.failures, what="the failure")
        assert "refused; is the LDAP server running" in ledger.failures[-1] or "closed" in ledger.failures[-1]
        told = len(ledger.confirmations)
        assert ledger.entries is before
        slapd.start()
        until(lambda: len(ledger.confirmations) > told, timeout=20, what="the server to be found again")
        assert ledger.entries is before
        slapd.delete(WEB)
        after = ledger.wait_for(lambda entries: WEB not in entries, "a change after the restart")
        assert all(after[key] is before[key] for key in after)


def test_deletes_while_nobody_listened_are_seen(slapd: Slapd) -> None:
    with followed(DirectorySource(settings(slapd.uri))) as ledger:
        until(lambda: ledger.entries, what="the load")
        before = ledger.entries
        slapd.stop()
        until(lambda: ledger.failures, what="the failure")
        slapd.start()
        slapd.delete(WEB)
        after = ledger.wait_for(lambda entries: WEB not in entries, "the delete")
        assert set(after) == SHOWN - {WEB}
        assert all(after[key] is before[key] for key in after)


def test_another_directory_on_the_same_socket_is_read_whole(slapd: Slapd) -> None:
    """A database that was restored from a dump knows nothing of our cookie."""
    with followed(DirectorySource(settings(slapd.uri))) as ledger:
        until(lambda: ledger.entries, what="the load")
        set_class(slapd, "lost")
        wait_for_class(ledger, "lost")
        slapd.stop()
        for file in (slapd.folder / "db").iterdir():
            file.unlink()
        slapd.load(f"{LDIF}\ndn: cn=new,ou=hosts,{BASE}\nobjectClass: device\ncn: new\n")
        slapd.start()
        entries = ledger.wait_for(lambda entries: f"cn=new,ou=hosts,{BASE}" in entries, "the restored directory")
        assert set(entries) == SHOWN | {f"cn=new,ou=hosts,{BASE}"}
        assert entries[NFS].first("puppetclass") == "base"


def test_a_frozen_server_is_a_failure_and_a_thawed_one_is_followed_again(slapd: Slapd) -> None:
    with followed(DirectorySource(settings(slapd.uri))) as ledger:
        until(lambda: len(ledger.confirmations) > 2, what="a proven load")
        slapd.freeze()
        until(lambda: ledger.failures, what="the failure")
        assert "did not answer within directory.deadline" in ledger.failures[0]
        assert set(ledger.entries) == SHOWN
        slapd.thaw()
        told = len(ledger.confirmations)
        until(lambda: len(ledger.confirmations) > told, timeout=20, what="the server to be found again")
        set_class(slapd, "thawed")
        wait_for_class(ledger, "thawed")


def test_when_the_first_server_dies_the_second_is_followed(tmp_path: Path, slapd: Slapd) -> None:
    (tmp_path / "second").mkdir()
    with Slapd(tmp_path / "second", ldif=LDIF) as second:
        dead = f"ldap://127.0.0.1:{free_port()}"
        with followed(DirectorySource(settings(dead, slapd.uri, second.uri))) as ledger:
            until(lambda: len(ledger.confirmations) > 2, what="a proven load of the first that lives")
            assert not ledger.failures
            slapd.kill()
            set_class(second, "from-the-second")
            wait_for_class(ledger, "from-the-second")
            assert not ledger.failures
            second.kill()
            until(lambda: ledger.failures and ledger.failures[-1].count("refused") == 3, what="the failure of all")


def test_a_size_limit_is_a_failure_and_never_a_smaller_directory(tmp_path: Path) -> None:
    with Slapd(tmp_path, ldif=LDIF, config=True, tcp=True) as slapd:
        slapd.modify("dn: cn=config\nchangetype: modify\nreplace: olcSizeLimit\nolcSizeLimit: 4\n")
        with followed(DirectorySource(settings(slapd.ldap_uri))) as ledger:
            until(lambda: len(ledger.failures) > 1, what="the refusals")
            assert all("size limit, so that the answer is incomplete" in words for words in ledger.failures)
            assert not ledger.observations
            slapd.modify("dn: cn=config\nchangetype: modify\nreplace: olcSizeLimit\nolcSizeLimit: unlimited\n")
            until(lambda: ledger.observations, what="the whole directory")
            assert set(ledger.entries) == SHOWN


def test_a_wrong_password_keeps_what_was_read_until_it_is_right(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("reader")
    with Slapd(tmp_path, ldif=LDIF, anonymous=False) as slapd:
        wanted = settings(slapd.uri, bind_dn=slapd.reader_dn, password_file=str(password))
        with followed(DirectorySource(wanted)) as ledger:
            until(lambda: ledger.entries, what="the load")
            password.write_text("wrong")
            slapd.restart()
            until(lambda: [words for words in ledger.failures if "refused the password" in words], what="the refusal")
            assert set(ledger.entries) == SHOWN
            password.write_text("reader")
            set_class(slapd, "again")
            wait_for_class(ledger, "again")


@pytest.mark.parametrize("kind", ["ldaps", "starttls"])
def test_changes_are_followed_through_tls(tmp_path: Path, kind: str) -> None:
    certificates = Certificates(tmp_path)
    with Slapd(tmp_path, ldif=LDIF, tcp=True, tls=certificates.issue("127.0.0.1")) as slapd:
        uri = slapd.ldaps_uri if kind == "ldaps" else slapd.ldap_uri
        wanted = settings(uri, start_tls=kind == "starttls", ca_file=str(certificates.ca))
        with followed(DirectorySource(wanted)) as ledger:
            until(lambda: len(ledger.confirmations) > 2, what="a proven load")
            set_class(slapd, "through-tls")
            wait_for_class(ledger, "through-tls")
            names = add_hosts(slapd, 300)
            ledger.wait_for(lambda entries: len(entries) == len(SHOWN) + 300, "many changes at once")
            slapd.modify("\n".join(f"dn: {name}\nchangetype: delete\n" for name in names))
            ledger.wait_for(lambda entries: set(entries) == SHOWN, "all deletes")
            assert not ledger.failures


def test_a_replica_without_sync_is_read_whole_when_contextcsn_moves(tmp_path: Path, slapd: Slapd) -> None:
    """A consumer of a replicated directory has contextCSN, and may lack the overlay syncprov."""
    (tmp_path / "replica").mkdir()
    with Slapd(tmp_path / "replica", config=True, syncprov=False) as replica:
        provider = f'rid=001 provider={slapd.uri} bindmethod=simple searchbase="{BASE}" type=refreshAndPersist'
        replica.modify(f'dn: {MDB}\nchangetype: modify\nadd: olcSyncrepl\nolcSyncrepl: {provider} retry="1 +"\n')
        until(lambda: len(replica.search("(|(cn=*)(ou=people))")) > len(SHOWN) - 3, what="the replica to be filled")
        with followed(DirectorySource(settings(replica.uri, reload_interval=600))) as ledger:
            ledger.wait_for(lambda entries: set(entries) == SHOWN, "the load")
            before = ledger.entries
            set_class(slapd, "changed")
            after = wait_for_class(ledger, "changed")
            assert after[WEB] is before[WEB]


def test_where_contextcsn_cannot_be_read_full_loads_confirm(tmp_path: Path) -> None:
    with Slapd(tmp_path, ldif=LDIF, config=True, tcp=True) as slapd:
        slapd.modify(
            f"dn: {MDB}\nchangetype: modify\nreplace: olcAccess\n"
            "olcAccess: {0}to attrs=contextCSN by * none\nolcAccess: {1}to * by * read\n"
        )
        with followed(DirectorySource(settings(slapd.ldap_uri, reload_interval=0.5))) as ledger:
            until(lambda: len(ledger.confirmations) > 2, what="confirmations by full loads")
            assert len(ledger.observations) == 1
            assert not ledger.failures
            set_class(slapd, "pushed")
            wait_for_class(ledger, "pushed")


@pytest.mark.parametrize("where", ["following", "frozen", "refused", "silent handshake", "silent bind"])
def test_stop_ends_the_thread_soon(slapd: Slapd, where: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        uri = {
            "refused": f"ldap://127.0.0.1:{free_port()}",
            "silent handshake": f"ldaps://127.0.0.1:{port}",
            "silent bind": f"ldap://127.0.0.1:{port}",
        }.get(where, slapd.uri)
        source, ledger = DirectorySource(settings(uri, deadline=30)), Recorder()
        if where == "frozen":
            slapd.freeze()
        source.start(ledger)
        if where in ("following", "refused"):
            until(lambda: ledger.observations or ledger.failures, what="the first news")
        began = time.monotonic()
        source.stop()
        assert time.monotonic() - began < 2
        assert not [thread for thread in threading.enumerate() if thread.name == "directory"]


def test_its_own_end_is_no_trouble_of_the_server(slapd: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    """A reload would look like a fault in the log: the worker that ends breaks its connection by itself."""
    caplog.set_level(logging.INFO, "enclume.directory")
    # Heard long enough that a lost connection would be an event of its own.
    source, ledger = DirectorySource(settings(slapd.uri, heartbeat=0.1)), Recorder()
    source.start(ledger)
    until(lambda: len(ledger.confirmations) > 2, what="confirmations")
    source.stop()
    assert caplog.messages == []
    assert ledger.failures == []


def test_what_the_shelf_knew_is_confirmed_and_not_observed_again(slapd: Slapd) -> None:
    known = read_once(settings(slapd.uri))
    with followed(DirectorySource(settings(slapd.uri), known)) as ledger:
        until(lambda: ledger.confirmations, what="the confirmation")
        assert not ledger.observations
        set_class(slapd, "changed")
        entries = wait_for_class(ledger, "changed")
        assert all(entries[key] is known.entries[key] for key in SHOWN - {NFS})


def test_a_legacy_directory_is_followed_wherever_its_entries_stand(slapd: Slapd) -> None:
    with followed(DirectorySource(settings(slapd.uri, legacy=True))) as ledger:
        until(lambda: ledger.observations, what="the load")
        assert {WEB, NFS, f"cn=common,ou=profiles,{BASE}"} <= set(ledger.entries)
        slapd.add(f"dn: cn=old,ou=people,{BASE}\nobjectClass: device\nobjectClass: puppetClient\ncn: old\n")
        ledger.wait_for(lambda entries: f"cn=old,ou=people,{BASE}" in entries, "a client among the people")
        assert f"cn=printer,ou=people,{BASE}" not in ledger.entries
