"""Other classifiers' requests with a real curl, through the whole service over TLS."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.live.enclume import Enclume
from tests.live.puppet_ca import Identity
from tests.live.server.authority import Authority
from tests.live.slapd import Slapd
from tests.waiting import until

REQUESTS = Path(__file__).resolve().parents[2] / "fixtures/foreign"
WEB, PUPPET = "web.lab.test", "puppet.lab.test"
LDIF = """\
dn: dc=lab,dc=test
objectClass: dcObject
objectClass: organization
dc: lab
o: Laboratory

dn: ou=sites,dc=lab,dc=test
objectClass: organizationalUnit
ou: sites

dn: ou=hosts,dc=lab,dc=test
objectClass: organizationalUnit
ou: hosts

dn: ou=services,dc=lab,dc=test
objectClass: organizationalUnit
ou: services

dn: ou=angers,ou=sites,dc=lab,dc=test
objectClass: organizationalUnit
objectClass: enclumeSite
ou: angers

dn: cn=web.lab.test,ou=hosts,dc=lab,dc=test
objectClass: device
objectClass: enclumeHost
objectClass: puppetClient
cn: web.lab.test
enclumeKind: physical
enclumeAtSite: ou=angers,ou=sites,dc=lab,dc=test
puppetClass: base
"""
CURLS_OWN = {"host", "content-length", "connection", "accept-encoding"}
RULES = """\
- name: debian
  when: {facts.os.family: Debian}
  classes: [apt]
"""


class Curl(NamedTuple):
    """A machine that asks a service with its certificate, and the certificate of a node."""

    service: Enclume
    own: Identity
    node: Identity

    def ask(self, *arguments: str, data: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of a request; the last argument is the path."""
        *options, path = arguments
        tls = ("--cert", self.own.cert, "--key", self.own.key, "--cacert", self.own.ca)
        sends = [] if data is None else ["--data-binary", "@-"]
        command = ["curl", "--silent", "--show-error", "--max-time", "10", *map(str, tls), *options, *sends]
        done = subprocess.run(
            [*command, "--write-out", "\n%{http_code}", self.service.url + path],
            input=data, capture_output=True, check=True,
        )  # fmt: skip
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body

    def send(self, name: str, prefix: str = "") -> tuple[int, bytes]:
        """Send a recorded request, with its own headers but for those of the connection; `prefix` is left out."""
        head, _, body = (REQUESTS / f"{name}.request").read_bytes().partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        method, path, _ = line.split(" ")
        kept = [header for header in headers if header.partition(":")[0].lower() not in CURLS_OWN]
        options = [word for header in kept for word in ("--header", header)]
        return self.ask("--request", method, *options, path.removeprefix(prefix), data=body or None)


@pytest.fixture(scope="module")
def curl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curl]:
    folder = tmp_path_factory.mktemp("foreign")
    authority = Authority(folder / "ca")

    def issue(name: str) -> Identity:
        made = authority.issue(name, alt_names=("localhost",))
        return Identity(made.certificate, made.key, authority.ca, authority.crl)

    (folder / "rules.yaml").write_text(RULES)
    (folder / "lab.ldif").write_text(LDIF)
    with Slapd(folder, ldif=folder / "lab.ldif") as slapd:
        settings = {
            "directory": {"uri": slapd.uri, "base": slapd.base},
            "rules": str(folder / "rules.yaml"),
            "access": {"servers": [PUPPET]},
            "reports": {"keep_days": 36500},
        }
        with Enclume(folder / "enclume", issue("enclume.lab.test"), settings) as service:
            yield Curl(service, issue(PUPPET), issue(WEB))


def asked(curl: Curl, path: str) -> Any:
    status, body = curl.ask(path)
    assert status == 200, body
    return json.loads(body)


def test_foremans_enc_gets_the_answer(curl: Curl) -> None:
    status, body = curl.send("foreman-node")
    assert (status, body) == curl.ask(f"/enc/{WEB}")
    assert (status, set(json.loads(body)["classes"]) - {"apt"}) == (200, {"base"})


@pytest.mark.parametrize("prefix", ["", "/classifier-api"])
def test_puppet_enterprises_terminus_gets_the_answer(curl: Curl, prefix: str) -> None:
    status, body = curl.send("pe-classified", prefix)
    told, native = json.loads(body), asked(curl, f"/enc/{WEB}")
    assert (status, told["name"], told["environment"]) == (200, WEB, "agent-specified")
    assert told["parameters"] == native["parameters"]


def test_foremans_facts_are_those_that_rules_see(curl: Curl) -> None:
    assert curl.send("foreman-facts") == (201, b"")
    until(lambda: "apt" in asked(curl, f"/enc/{WEB}")["classes"], what="the class that the rule gives")


def test_foremans_reports_are_runs_in_the_history(curl: Curl) -> None:
    names = {"changed-notify-only": "changed", "failed-catalog": "failed", "failed": "failed", "noop": "unchanged"}
    names["unchanged"] = "unchanged"
    for name in names:
        assert curl.send(f"foreman-report-{name}") == (201, b""), name
    # Until something was stored for the first time, there is no history to be asked.
    until(lambda: curl.ask("/runs")[0] == 200, 60, "the history")
    until(lambda: len(asked(curl, "/runs?since=1")["runs"]) == len(names), 60, "the runs")
    runs = asked(curl, "/runs?since=1")["runs"]
    assert sorted(run["status"] for run in runs) == sorted(names.values())
    assert {run["certname"] for run in runs} == {"web01.lab.test", "fail01.lab.test", "nocls.lab.test"}


def test_whoever_is_no_puppet_server_delivers_nothing(curl: Curl) -> None:
    node = curl._replace(own=curl.node)
    assert node.send("foreman-node")[0] == 200
    assert [node.send(name)[0] for name in ("foreman-report-noop", "foreman-facts")] == [403, 403]
