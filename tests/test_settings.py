"""Settings: one frozen value, or one error that names file, key and expectation."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from errors import SettingsError
from facts.directory.names import normalise
from reports.document import MAX_BYTES
from settings import DirectorySettings, Settings, load, parse

MINIMAL: dict[str, Any] = {"directory": {"uri": "ldap://ldap.lab.test", "base": "dc=lab,dc=test"}}


def refused(raw: Any, file: str = "enclume.yaml") -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse(raw, file)
    assert caught.value.file == file
    return caught.value


def written(folder: Path, text: str) -> Path:
    path = folder / "enclume.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_report_is_taken_that_is_too_large_to_be_read() -> None:
    assert parse(MINIMAL | {"reports": {"body_bytes": MAX_BYTES}}).reports.body_bytes == MAX_BYTES
    assert refused(MINIMAL | {"reports": {"body_bytes": MAX_BYTES + 1}}).key == "reports.body_bytes"


def test_all_but_the_directory_has_defaults() -> None:
    settings = parse(MINIMAL)
    assert settings.listen == "127.0.0.1:8787"
    assert settings.state == "/var/lib/enclume"
    assert settings.tls is None
    assert settings.sites == ()
    assert (settings.guard.changed, settings.guard.shrunk, settings.guard.at_least) == (0.1, 0.1, 5)
    assert settings.answer.parameters == "hiera"
    assert settings.directory.uris == ("ldap://ldap.lab.test",)


@pytest.mark.parametrize("name", ["hosts", "profiles", "services", "sites"])
def test_search_bases_stand_below_the_base_unless_given(name: str) -> None:
    settings = parse(MINIMAL).directory
    assert getattr(settings, f"{name}_base") == f"ou={name},dc=lab,dc=test"
    moved = parse({"directory": MINIMAL["directory"] | {name: "ou=x,dc=lab,dc=test"}}).directory
    assert getattr(moved, f"{name}_base") == "ou=x,dc=lab,dc=test"


def test_several_uris_are_tried_in_their_order() -> None:
    uris = ["ldapi:///", "ldaps://a", "ldap://b:1389"]
    assert parse({"directory": {"uri": uris, "base": "dc=x"}}).directory.uris == tuple(uris)


@pytest.mark.parametrize(
    ("listen", "address"),
    [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:8787", ("::1", 8787)), ("enclume.lab.test:1", ("enclume.lab.test", 1))],
)
def test_listen_is_an_address_and_a_port(listen: str, address: tuple[str, int]) -> None:
    assert parse(MINIMAL | {"listen": listen}).address == address


@pytest.mark.parametrize(
    ("more", "key", "expectation"),
    [
        ({"colour": "red"}, "", "unknown field `colour`"),
        ({"guard": {"colour": 1}}, "guard", "unknown field `colour`: expected at_least, changed, protected, shrunk"),
        ({"tls": {"keys": 1}}, "tls", "unknown field `keys`: did you mean key? expected ca, certificate, crl, key"),
        ({"guard": {"changed": "much"}}, "guard.changed", "Expected `float`, got `str`"),
        ({"guard": {"changed": 2}}, "guard.changed", "Expected `float` <= 1.0"),
        ({"guard": {"at_least": 0}}, "guard.at_least", "Expected `int` >= 1"),
        ({"guard": {"at_least": True}}, "guard.at_least", "Expected `int`, got `bool`"),
        ({"guard": {"protected": "enclume"}}, "guard.protected", "Expected `array`, got `str`"),
        ({"guard": {"protected": ["a", 5]}}, "guard.protected[1]", "Expected `str`, got `int`"),
        ({"sites": "angers"}, "sites", "Expected `array`"),
        ({"state": None}, "state", "Expected `str`, got `null`"),
        ({"listen": "8787"}, "listen", "Expected `str` matching regex"),
        ({"listen": ":8787"}, "listen", "Expected `str` matching regex"),
        ({"listen": "127.0.0.1:0"}, "", "`listen` '127.0.0.1:0': expected a port from 1 to 65535"),
        ({"listen": "127.0.0.1:99999"}, "", "expected a port"),
        ({"freshness": 0}, "freshness", "Expected `float` > 0"),
        ({"freshness": float("nan")}, "freshness", "Expected `float` > 0"),
        ({"answer": {"parameters": "both"}}, "answer.parameters", "Invalid enum value 'both'"),
        ({"hypervisors": {"uris": ["qemu:///system"]}}, "hypervisors.uris", "Expected `object`, got `array`"),
        ({"hypervisors": {"uris": {5: "qemu:///system"}}}, "hypervisors.uris", "a name among its keys: Expected `str`"),
        ({"hypervisors": {"deadline": -1}}, "hypervisors.deadline", "Expected `float` > 0"),
        ({"tls": {"certificate": "a"}}, "tls", "missing required field `key`"),
        ({"limits": {"threads": 1}}, "limits.threads", "Expected `int` >= 2"),
        ({1: 2}, "", "a name among its keys"),
        ({"directory": "ldap://x"}, "directory", "Expected `object`, got `str`"),
        ({"directory": {}}, "directory", "missing required field `uri`"),
        ({"directory": {"uri": "ldap://x"}}, "directory", "missing required field `base`"),
        ({"directory": {"uri": [], "base": "dc=x"}}, "directory", "name at least one LDAP URI"),
        ({"directory": {"uri": "http://x", "base": "dc=x"}}, "directory", "expected ldap://, ldaps:// or ldapi://"),
        ({"directory": {"uri": "ldap://x", "base": ""}}, "directory.base", "length >= 3"),
        ({"directory": {"uri": "ldap://x", "base": "example.org"}}, "directory", "`base` 'example.org': expected a DN"),
        (
            {"directory": {"uri": "ldap://x", "base": "dc=x", "hosts": "hosts"}},
            "directory",
            "`hosts` 'hosts': expected",
        ),
        ({"directory": {"uri": "ldap://x", "base": "dc=x", "bind_dn": "cn=a"}}, "directory", "go together"),
        ({"directory": {"uri": "ldap://x", "base": "dc=x", "password_file": "a"}}, "directory", "go together"),
        ({"directory": {"uri": "ldap://x", "base": "dc=x", "legacy_attributes": True}}, "directory", "needs `legacy:"),
        ({"directory": {"uri": "ldap://x", "base": "dc=x", "legacy": "yes"}}, "directory.legacy", "Expected `bool`"),
    ],
)
def test_what_cannot_be_is_named_with_its_key(more: dict[Any, Any], key: str, expectation: str) -> None:
    error = refused(MINIMAL | more)
    assert error.key == key
    assert expectation in error.expected
    assert str(error) == (f"enclume.yaml: {key}: {error.expected}" if key else f"enclume.yaml: {error.expected}")


def test_a_file_is_read(tmp_path: Path) -> None:
    assert load(written(tmp_path, yaml.safe_dump(MINIMAL))) == parse(MINIMAL)


def test_relative_paths_are_taken_from_the_files_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
directory: {uri: ldaps://x, base: dc=x, bind_dn: cn=a, password_file: secret, ca_file: tls/ca.pem}
state: ../state
rules: rules.yaml
facts: /var/facts
tls: {certificate: c.pem, key: k.pem, ca: ca.pem, crl: crl.pem}
hypervisors: {uris: {ca: "qemu:///system", key: "qemu:///system"}}
"""
    written(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    settings = load("enclume.yaml")
    assert settings.directory.password_file == str(tmp_path / "secret")
    assert settings.directory.ca_file == str(tmp_path / "tls" / "ca.pem")
    assert settings.state == str(tmp_path / ".." / "state")
    assert (settings.rules, settings.facts) == (str(tmp_path / "rules.yaml"), "/var/facts")
    assert settings.tls is not None
    assert (settings.tls.certificate, settings.tls.key) == (str(tmp_path / "c.pem"), str(tmp_path / "k.pem"))
    assert (settings.tls.ca, settings.tls.crl) == (str(tmp_path / "ca.pem"), str(tmp_path / "crl.pem"))
    assert settings.hypervisors.uris == {"ca": "qemu:///system", "key": "qemu:///system"}


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        ("", "expected a mapping with at least directory.uri and directory.base"),
        ("[1]", "expected a mapping"),
        ("just text", "expected a mapping"),
        ("a: [", "is not YAML"),
        ("a: 2024-99-99", "is not YAML"),
        ("a: &x {b: *x}", "is not YAML"),
        ("a: !!python/name:os.system x", "is not YAML"),
        ("a: 1\n---\nb: 2", "is not YAML"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str, expectation: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError, match=expectation) as caught:
        load(path)
    assert (caught.value.file, caught.value.key) == (str(path), "")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(tmp_path / "gone.yaml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load(tmp_path)
    path = tmp_path / "latin1.yaml"
    path.write_bytes("a: é".encode("latin-1"))
    with pytest.raises(SettingsError, match="is not YAML"):
        load(path)


def test_settings_are_frozen() -> None:
    settings = parse(MINIMAL)
    with pytest.raises(AttributeError):
        settings.state = "elsewhere"  # type: ignore[misc]
    assert isinstance(settings, Settings)


@pytest.mark.parametrize(
    "dn", ["dc=x", "ou=Salle des machines, dc=x", "cn=a\\,b+uid=c,dc=x", "o=é", "2.5.4.3=x", "cn=a=b"]
)
def test_what_is_a_dn_is_accepted(dn: str) -> None:
    assert DirectorySettings("ldap://x", dn).base == dn
    assert normalise(dn)


@given(st.text('ac=,+\\ "<é41', max_size=12))
def test_what_is_accepted_as_a_base_is_a_dn(text: str) -> None:
    try:
        accepted = DirectorySettings("ldap://x", text).base
    except ValueError:
        return
    try:
        assert normalise(accepted)
    except ValueError:
        assert "\\" in accepted


@pytest.mark.parametrize(
    ("thresholds", "says"),
    [
        ({"hosts": {"web.lab.test": {"local_logs_bytes": float("nan")}}}, "hosts.web.lab.test.local_logs_bytes"),
        ({"hosts": {"web.lab.test": {"disk_bytes": 1.5}}}, "hosts.web.lab.test.disk_bytes"),
        ({"hosts": {"web.lab.test": {"backup_critical": 0}}}, "hosts.web.lab.test.backup_critical"),
        ({"sites": {"angers": {"imbalance": 50}}}, "sites.angers.imbalance"),
        ({"sites": {"angers": {"reserve_bytes": float("inf")}}}, "sites.angers.reserve_bytes"),
        ({"sites": {"angers": {"vcpus": 4}}}, "`sites.angers.vcpus` is no threshold"),
        ({"run_seconds": float("inf")}, "run_seconds"),
        *(
            ({"hosts": {"kvm1.lab.test": {name: 0.25}}}, f"of a whole site: state `sites.SITE.{name}` or `{name}`")
            for name in ("imbalance", "copy_seconds", "mirror_warning", "mirror_critical")
        ),
    ],
)
def test_a_threshold_of_a_site_or_host_is_held_to_the_same_limits(thresholds: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(says)):
        parse({"directory": {"uri": "ldap://x", "base": "dc=x,dc=y"}, "thresholds": thresholds})


def test_a_host_has_its_own_thresholds_then_its_sites() -> None:
    stated = {"sites": {"angers": {"disk_bytes": 5, "imbalance": 0.5}}, "hosts": {"web.lab.test": {"disk_bytes": 7}}}
    found = parse({"directory": {"uri": "ldap://x", "base": "dc=x,dc=y"}, "thresholds": stated}).thresholds
    assert found.of("angers", "web.lab.test").disk_bytes == 7
    assert found.of("angers", "web.lab.test").imbalance == 0.5
    assert found.of("angers", "mail.lab.test").disk_bytes == 5
    assert found.of("lyon", "mail.lab.test") == found
