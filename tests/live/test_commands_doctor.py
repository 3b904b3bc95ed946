"""`doctor` on servers that are well, and on each kind of trouble."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.commands.lab import BASE, LAB, Done, Laboratory, enclume
from tests.live.slapd import Slapd
from tests.waiting import until


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("ldap"), ldif=LAB / "directory.ldif") as running:
        yield running


@pytest.fixture
def lab(slapd: Slapd, tmp_path: Path) -> Iterator[Laboratory]:
    with Laboratory(tmp_path, slapd) as made:
        yield made


def levels(done: Done, area: str) -> set[str]:
    return {line.split()[0] for line in done.out.splitlines() if line.split()[1] == area}


def sentence(done: Done, level: str, area: str) -> str:
    """The one sentence of this level and area."""
    (found,) = [line for line in done.out.splitlines() if line.split()[:2] == [level, area]]
    return found.split(None, 2)[2]


def test_everything_is_well(lab: Laboratory, tmp_path: Path) -> None:
    lab.write(code=str(code(tmp_path))).start()
    until((lab.state / "generation").exists, what="the state on disk")
    done = lab.run("doctor")
    assert (done.status, done.err) == (0, "")
    areas = ["settings", "rules", "code", "ldap", "libvirt", "clock", "tls", "state", "reports", "service", "findings"]
    assert list(dict.fromkeys(line.split()[1] for line in done.out.splitlines())) == areas
    assert {line.split()[0] for line in done.out.splitlines()} == {"ok"}
    assert "coquille1.lab.test (test://" in done.out
    assert "14 domains, 4 running" in done.out
    told = lab.run("doctor", "--json").json
    assert told["well"] is True
    assert {check["level"] for check in told["checks"]} == {"ok"}
    assert set(told["checks"][0]) == {"level", "area", "sentence"}


def code(folder: Path) -> Path:
    """What Puppet Server says of its classes, one of which takes a secret."""
    found = folder / "code"
    found.mkdir()
    db = {"name": "db", "params": [{"name": "password", "type": "Sensitive[String]"}]}
    files = [{"path": "db/manifests/init.pp", "classes": [db]}]
    (found / "production.json").write_text(json.dumps({"name": "production", "files": files}))
    return found


def test_whether_a_secret_in_ldap_would_be_found(lab: Laboratory, tmp_path: Path) -> None:
    assert "a secret that stands in LDAP is not found" in sentence(lab.run("doctor"), "warn", "code")
    found = code(tmp_path)
    assert (
        sentence(lab.write(code=str(found)).run("doctor"), "ok", "code")
        == f"{found}: 1 class parameter must not stand in LDAP"
    )
    (found / "production.json").unlink()
    assert "holds no file that ends with .json" in sentence(lab.run("doctor"), "bad", "code")


def test_a_service_that_does_not_run_is_bad_and_the_rest_is_still_checked(lab: Laboratory) -> None:
    done = lab.run("doctor")
    assert done.status == 1
    assert "the service does not run there; is it running (systemctl status enclume)?" in sentence(
        done, "bad", "service"
    )
    assert "is not there yet" in sentence(done, "warn", "state")
    assert levels(done, "ldap") == levels(done, "libvirt") == {"ok"}
    assert lab.run("doctor", "--json").json["well"] is False


def test_settings_and_rules_that_cannot_be_used(lab: Laboratory, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- name: x\n  wen: {}\n")
    done = lab.write(rules=str(rules)).run("doctor")
    assert done.status == 1
    assert f"{rules}:1: wen: unknown key" in sentence(done, "bad", "rules")
    missing = enclume(tmp_path / "none.yaml", "doctor")
    assert (missing.status, len(missing.out.splitlines())) == (1, 1)
    assert "cannot be read: No such file or directory" in sentence(missing, "bad", "settings")


def test_an_ldap_that_is_silent_and_a_hypervisor_that_is_gone(lab: Laboratory, tmp_path: Path) -> None:
    lab.start()
    until((lab.state / "directory").exists, what="the directory on disk")
    uris = {**lab.settings["hypervisors"]["uris"], "coquille2.lab.test": f"test://{tmp_path}/gone.xml"}
    lab.write(hypervisors={"uris": uris, "allow_test": True})
    lab.slapd.freeze()
    try:
        begun = time.monotonic()
        done = lab.run("doctor")
        took = time.monotonic() - begun
    finally:
        lab.slapd.thaw()
    assert done.status == 1
    assert "did not answer within directory.deadline" in sentence(done, "bad", "ldap")
    assert sentence(done, "ok", "libvirt").startswith("coquille1.lab.test (test://")
    assert sentence(done, "bad", "libvirt").startswith(f"coquille2.lab.test (test://{tmp_path}/gone.xml): ")
    assert took < 20


def test_a_libvirt_uri_that_is_refused_is_bad(lab: Laboratory) -> None:
    uris = {**lab.settings["hypervisors"]["uris"], "evil.lab.test": "qemu+ssh://x/system?command=/bin/false"}
    done = lab.write(hypervisors={"uris": uris, "allow_test": True}).run("doctor")
    assert "settings hypervisors.uris.evil.lab.test: the parameter 'command' is refused" in sentence(
        done, "bad", "libvirt"
    )


def test_a_server_without_our_schema_or_sync(tmp_path: Path) -> None:
    bare = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: lab\no: lab\n"
    with (
        Slapd(tmp_path, ldif=bare, schemas=(), syncprov=False) as slapd,
        Laboratory(tmp_path / "lab", slapd) as lab,
    ):
        done = lab.run("doctor")
    assert done.status == 1
    assert "does not know the classes puppetClient" in done.out
    assert f"there is no search base ou=hosts,{BASE}" in done.out
    assert "load the overlay syncprov" in done.out


def test_a_change_in_the_future_says_that_the_clocks_differ(tmp_path: Path) -> None:
    year = datetime.now(UTC).year + 1
    stamped = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: lab\no: lab\n"
    stamped += f"entryCSN: {year}0101000000.000000Z#000000#000#000000\n"
    with Slapd(tmp_path, ldif=stamped) as slapd, Laboratory(tmp_path / "lab", slapd) as lab:
        done = lab.run("doctor")
    assert "in the future; set both clocks by NTP" in sentence(done, "bad", "clock")


def test_a_state_folder_in_trouble(lab: Laboratory) -> None:
    lab.state.mkdir()
    (lab.state / "generation").write_bytes(b"half a gener")
    (lab.state / "times.unreadable").touch()
    (lab.state / "lock").touch()
    done = lab.run("doctor")
    assert "generation: " in sentence(done, "bad", "state")
    assert "no service works there now" in done.out
    assert "times.unreadable could not be read and was set aside" in done.out
    assert (lab.state / "generation").read_bytes() == b"half a gener"


def test_what_is_held_and_what_is_wrong_is_told(lab: Laboratory) -> None:
    broken = (
        f"dn: cn=svn.lab.test,ou=hosts,{BASE}\nchangetype: modify\nadd: enclumeParameter\nenclumeParameter: a::b=[\n"
    )
    repaired = broken.replace("\nadd:", "\ndelete:")
    profile = f"dn: cn=linux,ou=profiles,{BASE}\nchangetype: modify\n"
    lab.start()
    lab.slapd.modify(broken)
    lab.slapd.modify(f"{profile}delete: puppetClass\n")
    try:
        until(lambda: lab.get("/health/ready")[1]["held"], what="the hold")
        until(lambda: lab.get("/findings")[1]["findings"], what="the finding")
        done = lab.run("doctor")
    finally:
        lab.slapd.modify(repaired)
        lab.slapd.modify(f"{profile}add: puppetClass\npuppetClass: ssh_access\n")
    assert done.status == 0
    assert "is held: review it with `enclume approve`" in sentence(done, "warn", "service")
    finding = sentence(done, "warn", "findings")
    assert finding.startswith(f"svn.lab.test: bad_value, cn=svn.lab.test,ou=hosts,{BASE} enclumeParameter: ")
    assert finding.endswith("(it keeps its last answer)")


def test_many_findings_are_counted(lab: Laboratory) -> None:
    names = [f"ghost{number:02}" for number in range(15)]
    values = "".join(f"member: cn={name}.lab.test,ou=hosts,{BASE}\n" for name in names)
    head = f"dn: cn=agenda,ou=services,{BASE}\nchangetype: modify\n"
    lab.start()
    lab.slapd.modify(f"{head}add: member\n{values}")
    try:
        until(lambda: len(lab.get("/findings")[1]["findings"]) == 15, what="the findings")
        done = lab.run("doctor")
    finally:
        lab.slapd.modify(f"{head}delete: member\n{values}")
    assert done.out.count("dangling_reference") == 10
    assert f"5 more of them: http://127.0.0.1:{lab.port}/findings" in done.out
