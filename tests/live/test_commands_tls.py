"""Commands that ask a service over TLS with the Puppet CA."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.lab import LAB, Done, Laboratory, enclume
from tests.commands.perfdata import read
from tests.live.server.authority import Authority, Identity
from tests.live.slapd import Slapd
from tests.waiting import until

HOST, NAME = "roundcube.lab.test", "palourde.lab.test"


class Secured:
    """A laboratory with TLS, and its certificates."""

    def __init__(self, lab: Laboratory, authority: Authority, folder: Path) -> None:
        self.lab, self.authority, self.folder = lab, authority, folder

    def tls(self, identity: Identity, ca: Path | None = None) -> dict[str, str]:
        files = {"certificate": identity.certificate, "key": identity.key, "ca": ca or self.authority.ca}
        return {key: str(path) for key, path in files.items()} | {"crl": str(self.authority.crl)}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "ca")
    with Slapd(folder, ldif=LAB / "directory.ldif") as slapd, Laboratory(folder / "lab", slapd) as lab:
        made = Secured(lab, authority, folder)
        lab.write(tls=made.tls(authority.issue(NAME)), listen=f"0.0.0.0:{lab.port}").launch()
        until(lambda: lab.run("classify", HOST).status == 0, 30, "the service's answers")
        yield made


def other_settings(secured: Secured, folder: Path, identity: Identity, ca: Path | None = None) -> Laboratory:
    """The same service as other settings see it."""
    seen = Laboratory(folder, secured.lab.slapd)
    seen.port = secured.lab.port
    return seen.write(tls=secured.tls(identity, ca), listen=f"0.0.0.0:{seen.port}")


def test_every_command_may_ask_with_the_services_own_certificate(secured: Secured, tmp_path: Path) -> None:
    change = tmp_path / "change.ldif"
    change.write_text("dn: cn=agenda,ou=services,dc=lab,dc=test\nchangetype: delete\n")
    lab = secured.lab
    assert "web_mail" in lab.run("classify", HOST).out
    assert "cn=webmail" in lab.run("why", HOST, "web_mail").out
    assert "- class agenda" in lab.run("preview", str(change)).out
    assert lab.run("approve").err == "enclume: nothing is held: every answer is the newest\n"
    doctor = lab.run("doctor")
    assert doctor.status == 0, doctor.out
    assert "tls.key goes with tls.certificate" in doctor.out
    assert "ends " in doctor.out
    assert f"https://127.0.0.1:{lab.port}: generation " in doctor.out


def test_a_service_of_another_name_is_asked_nothing(secured: Secured, tmp_path: Path) -> None:
    """Any node has a certificate of this CA: only that of the settings' own name is the service."""
    done = other_settings(secured, tmp_path, secured.authority.issue(HOST)).run("classify", HOST)
    assert done.status == 3
    assert f"shows the certificate of {NAME}, expected 127.0.0.1 or {HOST}; compare tls.certificate" in done.err


def test_a_service_of_another_ca_is_not_trusted(secured: Secured, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    done = other_settings(secured, tmp_path, secured.authority.issue(NAME), other.ca).run("classify", HOST)
    assert done.status == 3
    assert "TLS failed (" in done.err
    assert "tls.ca" in done.err


def test_an_own_certificate_that_ended_is_told_by_the_doctor(secured: Secured, tmp_path: Path) -> None:
    expired = secured.authority.issue("old.lab.test", life=-dt.timedelta(hours=1))
    done = other_settings(secured, tmp_path, expired).run("doctor")
    assert done.status == 1
    assert "renew it with the Puppet CA" in done.out


def test_certificates_that_cannot_be_read_are_named(secured: Secured, tmp_path: Path) -> None:
    missing = Identity(tmp_path / "none.pem", tmp_path / "none.key", 0)
    done = other_settings(secured, tmp_path, missing).run("classify", HOST)
    assert done.status == 2
    assert f"{tmp_path}/none.pem: cannot be used for TLS" in done.err


def check(
    secured: Secured, identity: Identity, *arguments: str, ca: Path | None = None, host: str = "localhost"
) -> Done:
    """Run the plugin with a certificate, as monitoring would: without settings."""
    files = secured.tls(identity, ca)
    options = ("--cert", files["certificate"], "--key", files["key"], "--ca", files["ca"])
    return enclume(None, "check", "enc", "--url", f"https://{host}:{secured.lab.port}", *options, *arguments)


def test_the_plugin_asks_with_a_certificate_of_its_own(secured: Secured) -> None:
    own, host = secured.authority.issue(NAME), secured.authority.issue(HOST)
    # The verdicts follow the first answers a moment later.
    until(lambda: check(secured, own).status != 3, 20, "the verdicts")
    done = check(secured, host, "--host", HOST, host="127.0.0.1")
    read(done.out)
    assert done.status != 3, done.out
    refused = check(secured, host, host="127.0.0.1")
    assert refused.status == 3
    assert f"{HOST} may not ask this" in refused.out


def test_the_plugin_tells_nobody_else_what_it_wants(secured: Secured, tmp_path: Path) -> None:
    """The name in the URL must stand in the certificate, unless it is that of this very machine."""
    host = secured.authority.issue(HOST)
    strange = check(secured, host)
    assert strange.status == 3
    assert f"localhost: shows the certificate of {NAME}, 127.0.0.1; name the service by one" in strange.out
    untrusted = check(secured, host, ca=Authority(tmp_path / "other").ca, host="127.0.0.1")
    assert untrusted.status == 3
    assert "TLS failed (CERTIFICATE_VERIFY_FAILED); compare --cert" in untrusted.out
