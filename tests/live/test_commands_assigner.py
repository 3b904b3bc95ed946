"""Assignments written to a real slapd: by several at once, to replicas, to servers in trouble."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from errors import SourceError
from operations.assignment import Ambiguous, Assigner, Assignment, NotFound, assigner
from settings import DirectorySettings
from tests.commands.lab import BASE, HOSTS, LAB, SERVICES
from tests.live.slapd import Slapd

HOST, SERVICE = "roundcube.lab.test", "agenda"
MEMBER = f"cn={HOST},{HOSTS}"


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path, ldif=LAB / "directory.ldif") as running:
        yield running


def members(slapd: Slapd) -> list[str]:
    (entry,) = slapd.search(f"(cn={SERVICE})", "member", base=SERVICES)
    return list(entry.attributes.get("member", ()))


def test_two_who_do_the_same_at_once_both_succeed(slapd: Slapd) -> None:
    """One of them finds it done; neither sees an error."""
    settings = DirectorySettings(uri=slapd.uri, base=BASE)

    def assign(_number: int) -> bool:
        with assigner(settings) as writer:
            return writer.apply(Assignment(writer.host(HOST), writer.service(SERVICE), member=True))

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(assign, range(8))) == [False] * 7 + [True]
    assert members(slapd).count(MEMBER) == 1


def test_a_service_that_goes_away_meanwhile_is_an_error(slapd: Slapd) -> None:
    with assigner(DirectorySettings(uri=slapd.uri, base=BASE)) as writer:
        slapd.add(f"dn: cn=brief,{SERVICES}\nobjectClass: enclumeService\ncn: brief\n")
        assignment = Assignment(writer.host(HOST), writer.service("brief"), member=True)
        slapd.delete(f"cn=brief,{SERVICES}")
        with pytest.raises(SourceError, match="is gone; somebody removed it just now"):
            writer.apply(assignment)


def test_a_server_that_stops_answering_is_an_error_in_time(slapd: Slapd) -> None:
    with assigner(DirectorySettings(uri=slapd.uri, base=BASE, deadline=0.5)) as writer:
        assignment = Assignment(writer.host(HOST), writer.service(SERVICE), member=True)
        slapd.freeze()
        try:
            with pytest.raises(SourceError, match="did not answer"):
                writer.apply(assignment)
        finally:
            slapd.thaw()


def test_the_first_server_that_lets_us_in_is_written_to(slapd: Slapd) -> None:
    with assigner(DirectorySettings(uri=("ldapi://%2Fnowhere", slapd.uri), base=BASE)) as writer:
        assert writer.host("roundcube").dn == MEMBER
    with pytest.raises(SourceError, match=r"no such socket.*no such socket"):
        open_none(("ldapi://%2Fnowhere", "ldapi://%2Fneither"))


def open_none(uris: tuple[str, ...]) -> None:
    with assigner(DirectorySettings(uri=uris, base=BASE)):
        raise AssertionError("somebody answered")


def test_a_replica_is_recognised_and_the_provider_named(tmp_path: Path) -> None:
    """A replica answers a change with a referral to where changes are made."""
    with Slapd(tmp_path, ldif=LAB / "directory.ldif", config=True) as replica:
        (database,) = replica.search(f"(olcSuffix={BASE})", "olcSuffix", base="cn=config")
        make_replica(replica, database.dn)
        with assigner(DirectorySettings(uri=replica.uri, base=BASE)) as writer:
            assignment = Assignment(writer.host(HOST), writer.service(SERVICE), member=True)
            with pytest.raises(SourceError, match=r"is a replica, .*; name ldap://provider\.lab\.test.* in --uri"):
                writer.apply(assignment)
        assert MEMBER not in members(replica)


def make_replica(slapd: Slapd, database: str) -> None:
    schedule = "type=refreshOnly interval=01:00:00:00"
    consumer = f'rid=001 provider=ldap://127.0.0.1:1 {schedule} searchbase="{BASE}" bindmethod=simple'
    slapd.modify(
        f"dn: {database}\nchangetype: modify\nadd: olcSyncrepl\nolcSyncrepl: {consumer}\n-\n"
        "add: olcUpdateRef\nolcUpdateRef: ldap://provider.lab.test\n"
    )


def test_suggestions_are_few_and_close(slapd: Slapd) -> None:
    with assigner(DirectorySettings(uri=slapd.uri, base=BASE)) as writer:
        with pytest.raises(NotFound) as hosts:
            writer.host("coquile")
        assert hosts.value.suggestions == ("coquille2.lab.test", "coquille1.lab.test")
        assert found_nothing_like(writer, "qqqqqq") == ()


def found_nothing_like(writer: Assigner, name: str) -> tuple[str, ...]:
    with pytest.raises(NotFound) as nothing:
        writer.service(name)
    return nothing.value.suggestions


def test_two_entries_of_one_certname_are_named_by_their_dns(slapd: Slapd) -> None:
    other = f"ou=more,{HOSTS}"
    slapd.add(
        f"dn: {other}\nobjectClass: organizationalUnit\nou: more\n\n"
        f"dn: cn={HOST},{other}\nobjectClass: device\nobjectClass: enclumeHost\ncn: {HOST}\n"
    )
    with assigner(DirectorySettings(uri=slapd.uri, base=BASE)) as writer, pytest.raises(Ambiguous, match="ou=more"):
        writer.host(HOST)
