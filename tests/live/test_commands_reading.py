"""`classify`, `why`, `preview` and `approve` on a real slapd and the real service, and without the service."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.lab import BASE, LAB, ROOT, SERVICES, Laboratory, membership
from tests.live.slapd import Slapd
from tests.waiting import until

HOST = "roundcube.lab.test"
DROP_PROFILE_CLASS = f"dn: cn=linux,ou=profiles,{BASE}\nchangetype: modify\ndelete: puppetClass\n"
PUT_IT_BACK = f"dn: cn=linux,ou=profiles,{BASE}\nchangetype: modify\nadd: puppetClass\npuppetClass: ssh_access\n"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("ldap"), ldif=LAB / "directory.ldif") as running:
        yield running


@pytest.fixture(scope="module")
def served(slapd: Slapd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """The laboratory with its service running; tests leave it as they found it."""
    with Laboratory(tmp_path_factory.mktemp("lab"), slapd) as lab:
        yield lab.start()


@pytest.fixture
def unserved(slapd: Slapd, tmp_path: Path) -> Laboratory:
    """The laboratory without a service."""
    return Laboratory(tmp_path, slapd)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.exists() else {}


def test_classify_gives_the_very_bytes_that_puppet_gets(served: Laboratory) -> None:
    done = served.run("classify", HOST, "--json")
    assert (done.status, done.err) == (0, "")
    assert done.json == served.get(f"/enc/{HOST}")[1]
    assert served.run("classify", HOST, "--json", "--offline").out == done.out


def test_classify_tells_people_the_same(served: Laboratory) -> None:
    done = served.run("classify", HOST)
    assert done.status == 0
    assert f"{HOST}  generation " in done.out
    assert "\n  web_mail\n" in done.out
    assert '\n  $enclume.hypervisor  "coquille2.lab.test"\n' in done.out
    assert "environment  testing" in served.run("classify", "icinguang.lab.test").out


def test_why_says_the_same_with_and_without_the_service(served: Laboratory) -> None:
    asked, read = (served.run("why", HOST, "--json", *more).json for more in ([], ["--offline"]))
    assert asked.pop("answer")["state"] == read.pop("answer")["state"] == "current"
    assert asked == read
    (place,) = asked["classes"]["web_mail"]
    (entry,) = served.slapd.search("(cn=webmail)", "entryCSN", base=SERVICES)
    assert place == {"where": entry.dn, "what": "puppetClass", "entryCSN": entry.attributes["entryCSN"][0]}


def test_why_tells_people_level_entry_attribute_and_hypervisor(served: Laboratory) -> None:
    done = served.run("why", "tonton.lab.test")
    assert done.status == 0
    assert f"<- service cn=ssh,{SERVICES} puppetClass (" in done.out
    assert f'beats "without-password" of profile cn=linux,ou=profiles,{BASE} enclumeParameter' in done.out
    assert "because its domain runs on coquille1.lab.test (domain " in done.out


def test_why_of_one_class_tells_of_nothing_else(served: Laboratory) -> None:
    done = served.run("why", "tonton.lab.test", "::tunnels")
    assert done.status == 0
    assert "tunnels" in done.out
    assert "base" not in done.out


@pytest.mark.parametrize("offline", [[], ["--offline"]])
def test_the_answer_is_no(served: Laboratory, offline: list[str]) -> None:
    nobody = served.run("classify", "nobody.lab.test", *offline)
    assert (nobody.status, nobody.out) == (1, "")
    assert "nobody.lab.test is not in the directory: add it below ou=hosts" in nobody.err
    assert served.run("why", "nobody.lab.test", *offline).status == 1
    no_class = served.run("why", HOST, "apache", *offline)
    assert no_class.status == 1
    assert f"{HOST} has no class apache; it has base, " in no_class.err


@pytest.mark.parametrize("offline", [[], ["--offline"]])
@pytest.mark.parametrize("name", ["../x", "a b", "UPPER", "*)(cn=*", "é", "%2e%2e", "x" * 300, "a\nb"])
def test_what_is_no_certname_is_wrong_use(served: Laboratory, name: str, offline: list[str]) -> None:
    done = served.run("classify", *offline, "--", name)
    assert (done.status, done.out) == (2, "")
    assert "certname" in done.err


def test_without_a_service_the_way_on_is_told(unserved: Laboratory) -> None:
    for arguments in (["classify", HOST], ["why", HOST], ["preview", str(unserved.config)]):
        done = unserved.run(*arguments)
        assert (done.status, done.out) == (3, "")
        assert done.err.startswith(f"enclume: http://127.0.0.1:{unserved.port}: the service does not run there")
        assert "add --offline" in done.err
        assert done.err.count("\n") == 1
    held = unserved.run("approve")
    assert held.status == 3
    assert "--offline" not in held.err


def test_offline_writes_nothing_and_takes_what_the_shelf_has_of_a_dead_hypervisor(slapd: Slapd, tmp_path: Path) -> None:
    with Laboratory(tmp_path, slapd) as lab:
        lab.start()
        until(lambda: (lab.state / "generation").exists() and (lab.state / "remembered").exists(), what="its files")
        lab.stop()
        uris = {**lab.settings["hypervisors"]["uris"], "coquille2.lab.test": f"test://{tmp_path}/gone.xml"}
        lab.write(hypervisors={"uris": uris, "allow_test": True})
        (lab.state / "times").write_bytes(b"nonsense")
        before = files_in(lab.state)
        done = lab.run("classify", HOST, "--offline", "--json")
        assert done.status == 0
        assert done.json["parameters"]["enclume"]["hypervisor"] == "coquille2.lab.test"
        assert "hypervisor coquille2.lab.test: " in done.err
        assert "what was last seen of it is taken" in done.err
        assert f"{lab.state}/times: " in done.err
        assert files_in(lab.state) == before
        shutil.rmtree(lab.state)
        assert "nothing is known of its guests" in lab.run("classify", HOST, "--offline").err
        assert not lab.state.exists()


def test_offline_with_a_silent_ldap_ends_in_time_with_the_reason(unserved: Laboratory) -> None:
    unserved.slapd.freeze()
    try:
        done = unserved.run("classify", HOST, "--offline")
    finally:
        unserved.slapd.thaw()
    assert (done.status, done.out) == (3, "")
    assert "did not answer within directory.deadline" in done.err


def test_offline_with_an_ldap_that_is_not_there_says_so(unserved: Laboratory) -> None:
    directory = {**unserved.settings["directory"], "uri": "ldapi://%2Fnowhere"}
    done = unserved.write(directory=directory).run("why", HOST, "--offline")
    assert done.status == 3
    assert "there is no such socket" in done.err


def test_a_preview_says_what_would_change_and_changes_nothing(served: Laboratory, tmp_path: Path) -> None:
    change = tmp_path / "change.ldif"
    change.write_text(membership("add", "roundcube", "agenda"))
    entries = served.slapd.search("(objectClass=*)", "*", "+")
    done = served.run("preview", str(change))
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        f"{HOST}\n  + class agenda\n"
        '  ~ $enclume.services: ["webmail"] → ["agenda", "webmail"]\n'
        "1 node would change, +1 -0 classes.\nThe guard would let it pass.\n"
    )
    assert served.run("preview", str(change), "--offline").out == done.out
    asked = served.run("preview", str(change), "--json")
    assert asked.json["guard"] == {"holds": False, "reasons": []}
    assert [node["certname"] for node in asked.json["nodes"]] == [HOST]
    assert served.run("preview", str(change), "--json", "--offline").json == asked.json
    assert served.slapd.search("(objectClass=*)", "*", "+") == entries


def test_a_preview_without_differences_says_so(served: Laboratory, tmp_path: Path) -> None:
    change = tmp_path / "change.ldif"
    change.write_text(f"dn: cn=agenda,{SERVICES}\nchangetype: modify\nreplace: description\ndescription: Diaries\n")
    done = served.run("preview", str(change))
    assert (done.status, done.out) == (0, "No node's answer would change.\n")


@pytest.mark.parametrize("offline", [[], ["--offline"]])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dn: cn=x\nnonsense\n", "line 2: expected `attribute: value`"),
        (membership("add", "x", "y"), "line 1: "),
        (b"dn: cn=\xff\n", "UTF-8|utf-8"),
    ],
)
def test_an_ldif_that_cannot_be_applied_is_wrong_use(
    served: Laboratory, tmp_path: Path, text: str | bytes, expected: str, offline: list[str]
) -> None:
    change = tmp_path / "change.ldif"
    change.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = served.run("preview", str(change), *offline)
    assert (done.status, done.out) == (2, "")
    assert any(words in done.err for words in expected.split("|")), done.err


def test_a_preview_reads_stdin(served: Laboratory) -> None:
    command = [sys.executable, str(ROOT / "cli.py"), "--config", str(served.config), "preview", "--json", "-"]
    text = membership("delete", "roundcube", "webmail")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    (node,) = json.loads(done.stdout)["nodes"]
    assert [lost["path"] for lost in node["loses"]] == ["class web_mail"]


def test_a_locale_without_some_letters_is_no_reason_to_fail(served: Laboratory, tmp_path: Path) -> None:
    """People get what can be shown there; scripts get UTF-8."""
    change = tmp_path / "change.ldif"
    change.write_text(membership("add", "roundcube", "agenda"))
    command = [sys.executable, str(ROOT / "cli.py"), "--config", str(served.config), "preview", str(change)]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"\\u2192" in done.stdout
    told = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)
    assert json.loads(told.stdout.decode("utf-8"))["nodes"]


def test_what_the_guard_holds_is_shown_and_released_by_its_number(served: Laboratory, tmp_path: Path) -> None:
    nothing = served.run("approve")
    assert (nothing.status, nothing.out) == (1, "")
    assert "nothing is held" in nothing.err
    change = tmp_path / "change.ldif"
    change.write_text(DROP_PROFILE_CLASS)
    preview = served.run("preview", str(change)).out
    assert "The guard would hold it until you approve: 24 of 24 nodes would lose classes" in preview
    served.slapd.modify(DROP_PROFILE_CLASS)
    until(lambda: served.get("/held")[1]["held"], what="the hold")
    assert "ssh_access" in served.classes(HOST)
    shown = served.run("approve")
    assert shown.status == 0
    assert "  - class ssh_access\n" in shown.out
    assert shown.out.splitlines()[1:-1] == preview.splitlines()[:-1]
    number = served.run("approve", "--json").json["held"]["number"]
    assert shown.out.endswith(f"Release it with: enclume approve {number}\n")
    other = served.run("approve", str(number + 1))
    assert other.status == 1
    assert f"generation {number + 1} is not held; held is {number}" in other.err
    assert "ssh_access" in served.classes(HOST)
    released = served.run("approve", str(number))
    assert released.status == 0
    assert "Released: generation " in released.out
    assert "ssh_access" not in served.classes(HOST)
    served.slapd.modify(PUT_IT_BACK)
    until(lambda: "ssh_access" in served.classes(HOST), what="what was there before")
