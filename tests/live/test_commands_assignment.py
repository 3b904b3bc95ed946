"""`assign` and `unassign` on a real slapd, with and without the service, by several identities."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.lab import BASE, HOSTS, LAB, ROOT, SERVICES, Laboratory, membership
from tests.live.slapd import Slapd

HOST, SERVICE = "roundcube.lab.test", "agenda"
MEMBER = f"cn={HOST},{HOSTS}"
TWIN = f"dn: cn=roundcube.other.test,{HOSTS}\nobjectClass: device\nobjectClass: enclumeHost\ncn: roundcube.other.test\n"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("ldap"), ldif=LAB / "directory.ldif") as running:
        yield running


@pytest.fixture(scope="module")
def served(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with Laboratory(tmp_path_factory.mktemp("lab"), slapd) as lab:
        yield lab.start()


@pytest.fixture
def unserved(slapd: Slapd, tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path, slapd)


@pytest.fixture(autouse=True)
def _as_it_was(slapd: Slapd) -> Iterator[None]:
    """Whatever a test assigned is taken away again."""
    yield
    if MEMBER in members(slapd):
        slapd.modify(membership("delete", "roundcube", SERVICE))


def members(slapd: Slapd) -> list[str]:
    (entry,) = slapd.search(f"(cn={SERVICE})", "member", base=SERVICES)
    return list(entry.attributes.get("member", ()))


def test_assigning_changes_ldap_and_shows_the_new_answer(served: Laboratory) -> None:
    done = served.run("assign", HOST, SERVICE)
    assert (done.status, done.err) == (0, "")
    first, after, *changes = done.out.splitlines()
    assert first == f"{HOST} is in {SERVICE} (cn={SERVICE},{SERVICES})."
    assert after.startswith("After ")
    assert after.endswith(" ms Puppet is told:")
    assert changes == ["  + class agenda", '  ~ $enclume.services: ["webmail"] → ["agenda", "webmail"]']
    assert MEMBER in members(served.slapd)
    assert "agenda" in served.classes(HOST)
    again = served.run("assign", "ROUNDCUBE", SERVICE.upper())
    assert (again.status, again.out) == (0, f"{HOST} was already in {SERVICE} (cn={SERVICE},{SERVICES}).\n")
    back = served.run("unassign", "roundcube", SERVICE)
    assert back.status == 0
    assert back.out.startswith(f"{HOST} is not in {SERVICE} (")
    assert "  - class agenda\n" in back.out
    assert served.run("unassign", HOST, SERVICE).out.startswith(f"{HOST} was already not in {SERVICE} (")
    assert MEMBER not in members(served.slapd)


def test_scripts_read_json(served: Laboratory) -> None:
    expected = {"host": MEMBER, "service": f"cn={SERVICE},{SERVICES}", "member": True, "changed": True}
    assert served.run("assign", HOST, SERVICE, "--json").json == expected
    assert served.run("assign", HOST, SERVICE, "--json").json == expected | {"changed": False}


def test_a_dry_run_shows_the_difference_and_changes_nothing(served: Laboratory) -> None:
    done = served.run("assign", HOST, SERVICE, "--dry-run")
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        f"Nothing is changed; this would be, with {HOST} in {SERVICE}:\n{HOST}\n  + class agenda\n"
        '  ~ $enclume.services: ["webmail"] → ["agenda", "webmail"]\n1 node would change, +1 -0 classes.\n'
        "The guard would let it pass.\n"
    )
    told = served.run("assign", HOST, SERVICE, "--dry-run", "--json").json
    assert (told["changed"], told["guard"]["holds"], len(told["nodes"])) == (False, False, 1)
    already = served.run("unassign", HOST, SERVICE, "--dry-run")
    assert already.out.endswith("No node's answer would change.\n")
    assert members(served.slapd) == [f"cn=sogo.lab.test,{HOSTS}"]


@pytest.mark.parametrize(
    ("host", "service", "expected"),
    [
        (
            "roundcub",
            SERVICE,
            "there is no host roundcub below ou=hosts,dc=lab,dc=test; did you mean roundcube.lab.test?",
        ),
        (HOST, "agendas", "there is no service agendas below ou=services,dc=lab,dc=test; did you mean agenda"),
        ("zzz", SERVICE, "there is no host zzz below ou=hosts,dc=lab,dc=test"),
        ("*", SERVICE, "there is no host * below"),
        ("x)(cn=*", SERVICE, "there is no host x)(cn=* below"),
        ("a(b", SERVICE, "there is no host a(b below"),
        (HOST, "*", "there is no service * below"),
        ("hosts", SERVICE, "there is no host hosts below"),
    ],
)
def test_names_that_are_not_there_are_answered_no_with_suggestions(
    unserved: Laboratory, host: str, service: str, expected: str
) -> None:
    done = unserved.run("assign", host, service)
    assert (done.status, done.out) == (1, "")
    assert expected in done.err
    assert done.err.count("\n") == 1


def test_a_short_name_of_two_hosts_is_not_guessed(unserved: Laboratory, slapd: Slapd) -> None:
    slapd.add(TWIN)
    try:
        done = unserved.run("assign", "roundcube", SERVICE)
        exact = unserved.run("assign", HOST, SERVICE)
    finally:
        slapd.delete(f"cn=roundcube.other.test,{HOSTS}")
    assert done.status == 1
    assert "roundcube is the short name of roundcube.lab.test, roundcube.other.test: give the whole" in done.err
    assert exact.status == 0


def test_values_of_a_site_are_no_service_of_their_own(unserved: Laboratory, slapd: Slapd) -> None:
    dn = f"cn=larema,cn={SERVICE},{SERVICES}"
    site = f"enclumeAtSite: ou=larema,ou=sites,{BASE}"
    slapd.add(f"dn: {dn}\nobjectClass: enclumeService\ncn: larema\n{site}\n")
    try:
        assert unserved.run("assign", HOST, "larema").status == 1
    finally:
        slapd.delete(dn)


def test_without_a_service_ldap_is_changed_and_it_is_said(unserved: Laboratory) -> None:
    done = unserved.run("assign", HOST, SERVICE)
    assert done.status == 0
    assert done.out == f"{HOST} is in {SERVICE} (cn={SERVICE},{SERVICES}).\n"
    assert "LDAP is changed, and the service will see it" in done.err
    assert "the service does not run there" in done.err
    assert MEMBER in members(unserved.slapd)
    assert unserved.run("unassign", HOST, SERVICE, "--dry-run").status == 3


def test_an_answer_that_does_not_follow_is_said(served: Laboratory, tmp_path: Path) -> None:
    """The service follows another directory than the one that is written to."""
    with Slapd(tmp_path, ldif=LAB / "directory.ldif") as other:
        done = served.run("assign", HOST, SERVICE, "--uri", other.uri)
        assert MEMBER in members(other)
    assert done.status == 0
    assert "after 2 s the answer is as it was" in done.err
    assert MEMBER not in members(served.slapd)


def test_an_identity_that_may_not_write_is_told_how_to_name_another(
    unserved: Laboratory, slapd: Slapd, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(slapd.reader_password)
    reader = ["--bind-dn", slapd.reader_dn, "--password-file", str(password)]
    done = unserved.run("assign", HOST, SERVICE, *reader)
    assert done.status == 3
    assert f"this identity may not change cn={SERVICE},{SERVICES}; name one that may: --bind-dn" in done.err
    assert MEMBER not in members(slapd)
    password.write_text(slapd.password)
    writer = ["--bind-dn", slapd.admin_dn, "--password-file", str(password)]
    assert unserved.run("assign", HOST, SERVICE, *writer).status == 0
    assert MEMBER in members(slapd)
    password.write_text("wrong")
    assert "refused the password or the identity" in unserved.run("assign", HOST, SERVICE, *writer).err


def test_wrong_use_of_the_identity_options(unserved: Laboratory) -> None:
    alone = unserved.run("assign", HOST, SERVICE, "--password-file", "x")
    assert (alone.status, alone.err) == (2, "enclume: --password-file belongs to a --bind-dn\n")
    uri = unserved.run("assign", HOST, SERVICE, "--uri", "http://x")
    assert uri.status == 2
    assert "expected ldap://" in uri.err


def terminal(command: list[str], typed: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, type a line when it asks; exit status and all that was shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        while b"Password" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, f"{typed}\n".encode())
        try:
            while chunk := os.read(ours, 1024):
                shown += chunk
        except OSError:
            # So a terminal says that everybody has left it.
            pass
        os.close(ours)
        return process.wait(20), shown.decode()


def test_the_password_is_asked_for_on_a_terminal_and_not_shown(unserved: Laboratory, slapd: Slapd) -> None:
    program = [sys.executable, str(ROOT / "cli.py"), "--config", str(unserved.config)]
    command = [*program, "assign", HOST, SERVICE, "--bind-dn", slapd.admin_dn]
    status, shown = terminal(command, slapd.password)
    assert status == 0, shown
    assert f"Password of {slapd.admin_dn}" in shown
    assert slapd.password not in shown.replace(slapd.admin_dn, "")
    assert MEMBER in members(slapd)
    piped = subprocess.run(command, input="secret\n", capture_output=True, text=True, check=False)
    assert piped.returncode == 2
    assert "give --password-file" in piped.stderr
