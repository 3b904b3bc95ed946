"""The schema in a real slapd: loaded both ways, used whole, strict about what it takes."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.slapd import OURS, SCHEMA, Refused, Slapd, run
from tests.schema.reading import ARC, conf_form

BASE = """\
dn: dc=lab,dc=test
objectClass: dcObject
objectClass: organization
dc: lab
o: Laboratory

dn: ou=larema,dc=lab,dc=test
objectClass: organizationalUnit
objectClass: puppetClient
objectClass: enclumeSite
ou: larema
puppetClass: base
enclumeNetwork: lab=internal 10.49.0.0/24 lab
enclumeParameter: base::motd="Bienvenue à l'université"
enclumeMaxAge: system/daily=26

dn: cn=small,dc=lab,dc=test
objectClass: device
objectClass: puppetClient
objectClass: enclumeProfile
cn: small
parentNode: linux
environment: testing
puppetVar: rack=A1
enclumeParameter: base::size=1

dn: cn=hv.lab.test,dc=lab,dc=test
objectClass: device
objectClass: ipHost
objectClass: enclumeHost
cn: hv.lab.test
ipHostNumber: 10.49.0.11
enclumeKind: hypervisor
enclumeLayer: 1
enclumeAtSite: ou=larema,dc=lab,dc=test
enclumeLibvirtURI: qemu+ssh://root@hv.lab.test/system

dn: cn=web.lab.test,dc=lab,dc=test
objectClass: device
objectClass: ipHost
objectClass: puppetClient
objectClass: enclumeHost
cn: web.lab.test
ipHostNumber: 10.49.0.51
enclumeKind: guest
enclumeDomainUUID: 0a3b9efe-8457-40f8-858f-1be541ea3dd3
enclumeProduction: cn=hv.lab.test,dc=lab,dc=test
enclumeBackup: cn=hv.lab.test,dc=lab,dc=test
enclumeIntent: off
enclumeEpoch: 3
enclumeRequires: cn=web,dc=lab,dc=test
enclumeParameter: base::size=2
enclumeParameter: base::names+=["a","b"]
enclumeOffer: sites=["a.test"]
enclumeMaxAge: system/weekly=192

dn: cn=web,dc=lab,dc=test
objectClass: enclumeService
objectClass: puppetClient
cn: web
description: No member yet
owner: cn=web.lab.test,dc=lab,dc=test
seeAlso: cn=small,dc=lab,dc=test
enclumeAtSite: ou=larema,dc=lab,dc=test
enclumeProvides: nfs
enclumeProvides: ntp
enclumeRequires: cn=web,dc=lab,dc=test
enclumePublic: TRUE
enclumeParameter: web::port=80
enclumeOffer: port=80
enclumeMaxAge: data/daily=26
"""
UNBOUND_ROOT_SEARCH = bytes.fromhex("3025020101632004000a01000a0100020100020100010100870b6f626a656374436c6173733000")
HOST, SERVICE, SITE = "cn=web.lab.test,dc=lab,dc=test", "cn=web,dc=lab,dc=test", "ou=larema,dc=lab,dc=test"


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Slapd]:
    """A slapd whose slapd.conf includes the .schema files."""
    with Slapd(tmp_path, ldif=BASE) as slapd:
        yield slapd


def ours(slapd: Slapd) -> set[str]:
    """Every definition under our arc and Puppet's, as the server publishes them."""
    (subschema,) = slapd.search("(objectClass=*)", "attributeTypes", "objectClasses", base="cn=Subschema", scope="base")
    published = [*subschema.attributes["attributeTypes"], *subschema.attributes["objectClasses"]]
    return {text for text in published if ARC in text or "1.3.6.1.4.1.34380.1.1." in text}


def used(slapd: Slapd) -> set[str]:
    return {attribute for entry in slapd.search() for attribute in entry.attributes}


def every_attribute() -> set[str]:
    return {one.name for name in ("enclume", "puppet") for one in conf_form(name)[0]}


def test_slapd_conf_includes_the_schema_and_every_attribute_is_used(loaded: Slapd) -> None:
    assert every_attribute() <= used(loaded)
    found = {entry.dn: entry for entry in loaded.search()}
    assert found[SITE].attributes["enclumeParameter"] == ['base::motd="Bienvenue à l\'université"']


def test_a_running_cn_config_takes_the_ldif_and_keeps_it_over_a_restart(tmp_path: Path) -> None:
    """As a site does it: ldapadd of puppet.ldif and enclume.ldif into a server that runs."""
    with Slapd(tmp_path, schemas=(), config=True) as slapd:
        assert ours(slapd) == set()
        slapd.load(SCHEMA / "puppet.ldif")
        slapd.load(SCHEMA / "enclume.ldif")
        slapd.load(BASE)
        slapd.restart()
        assert every_attribute() <= used(slapd)
        assert len(ours(slapd)) == sum(
            len(definitions) for name in ("enclume", "puppet") for definitions in conf_form(name)
        )


def test_the_server_publishes_the_same_definitions_either_way(loaded: Slapd, tmp_path: Path) -> None:
    with Slapd(tmp_path / "other", schemas=(), config=True) as other:
        other.load(SCHEMA / "puppet.ldif")
        other.load(SCHEMA / "enclume.ldif")
        assert ours(other) == ours(loaded)


def test_slaptest_converts_the_schema_files_to_cn_config(tmp_path: Path) -> None:
    with Slapd(tmp_path, schemas=OURS, config=True, ldif=BASE) as slapd:
        assert every_attribute() <= used(slapd)
        schemas = slapd.search("(objectClass=olcSchemaConfig)", "cn", base="cn=schema,cn=config")
        assert {"{4}puppet", "{5}enclume"} <= {schema.attributes["cn"][0] for schema in schemas}


@pytest.mark.parametrize(
    ("dn", "attribute", "value"),
    [
        (HOST, "enclumeKind", "physical"),
        (HOST, "enclumeLayer", "2\nenclumeLayer: 1"),
        (HOST, "enclumeAtSite", f"{SITE}\nenclumeAtSite: {SERVICE}"),
        (HOST, "enclumeLibvirtURI", "qemu:///system\nenclumeLibvirtURI: xen:///system"),
        (HOST, "enclumeDomainUUID", "0a3b9efe-8457-40f8-858f-1be541ea3dd4"),
        (HOST, "enclumeProduction", SERVICE),
        (HOST, "enclumeBackup", SERVICE),
        (HOST, "enclumeIntent", "running"),
        (HOST, "enclumeEpoch", "4"),
        (SERVICE, "enclumePublic", "FALSE"),
        ("cn=small,dc=lab,dc=test", "parentNode", "other"),
    ],
)
def test_a_second_value_is_refused_where_one_makes_sense(loaded: Slapd, dn: str, attribute: str, value: str) -> None:
    with pytest.raises(Refused, match="multiple values"):
        loaded.modify(f"dn: {dn}\nchangetype: modify\nadd: {attribute}\n{attribute}: {value}\n")


@pytest.mark.parametrize(
    ("dn", "attribute", "value"),
    [
        (HOST, "enclumeLayer", "one"),
        (HOST, "enclumeEpoch", "3.5"),
        (HOST, "enclumeAtSite", "Angers"),
        (HOST, "enclumeProduction", "hv.lab.test"),
        (HOST, "enclumeBackup", "hv.lab.test"),
        (HOST, "enclumeRequires", "web"),
        (HOST, "enclumeDomainUUID", "web"),
        (HOST, "enclumeKind", "invité"),
        (HOST, "enclumeIntent", "arrêté"),
        (HOST, "enclumeLibvirtURI", "qemu+ssh://hôte/system"),
        (HOST, "enclumeMaxAge", "données/daily=26"),
        (SERVICE, "enclumeProvides", "réseau"),
        (SERVICE, "enclumePublic", "yes"),
    ],
)
def test_a_value_of_the_wrong_syntax_is_refused(loaded: Slapd, dn: str, attribute: str, value: str) -> None:
    with pytest.raises(Refused, match="Invalid syntax"):
        loaded.modify(f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n")


@pytest.mark.parametrize(
    ("attribute", "same"), [("enclumeProvides", "NFS"), ("enclumeRequires", "CN=Web, DC=lab,DC=test")]
)
def test_another_spelling_of_a_word_or_a_dn_is_no_second_value(loaded: Slapd, attribute: str, same: str) -> None:
    with pytest.raises(Refused, match="already exists"):
        loaded.modify(f"dn: {SERVICE}\nchangetype: modify\nadd: {attribute}\n{attribute}: {same}\n")


def test_free_text_tells_capitals_from_small_letters(loaded: Slapd) -> None:
    loaded.modify(f"dn: {SERVICE}\nchangetype: modify\nadd: enclumeParameter\nenclumeParameter: web::Port=80\n")
    (service,) = loaded.search("(enclumeParameter=web::P*)", "enclumeParameter")
    assert sorted(service.attributes["enclumeParameter"]) == ["web::Port=80", "web::port=80"]


def test_the_last_member_of_a_service_can_go(loaded: Slapd) -> None:
    """groupOfNames would refuse it."""
    loaded.modify(f"dn: {SERVICE}\nchangetype: modify\nadd: member\nmember: {HOST}\n")
    loaded.modify(f"dn: {SERVICE}\nchangetype: modify\ndelete: member\n")
    assert "member" not in loaded.search("(cn=web)")[0].attributes


def test_a_service_needs_a_name_and_a_host_needs_a_structural_class(loaded: Slapd) -> None:
    with pytest.raises(Refused, match="requires attribute 'cn'"):
        loaded.add("dn: ou=x,dc=lab,dc=test\nobjectClass: enclumeService\nobjectClass: extensibleObject\nou: x\n")
    with pytest.raises(Refused, match="no structural object class"):
        loaded.add("dn: cn=x,dc=lab,dc=test\nobjectClass: enclumeHost\ncn: x\n")


def test_slapd_survives_kill_and_freeze_with_its_data(loaded: Slapd) -> None:
    """The harness: SIGKILL keeps what was written, a frozen server answers once it is thawed."""
    loaded.modify(f"dn: {HOST}\nchangetype: modify\nreplace: enclumeLayer\nenclumeLayer: 2\n")
    loaded.kill()
    loaded.start()
    loaded.freeze()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.2)
        client.connect(str(loaded.socket))
        client.sendall(UNBOUND_ROOT_SEARCH)
        with pytest.raises(TimeoutError):
            client.recv(1)
        loaded.thaw()
        client.settimeout(10)
        assert client.recv(1) == b"0"
    assert loaded.search("(enclumeLayer=2)", "cn")[0].attributes["cn"] == ["web.lab.test"]


def test_reading_needs_a_bind_where_anonymous_reading_is_off(tmp_path: Path) -> None:
    with Slapd(tmp_path, ldif=BASE, anonymous=False, syncprov=False) as slapd:
        reader = ("-x", "-H", slapd.uri, "-b", slapd.base, "(cn=web)")
        with pytest.raises(Refused, match="exit 32"):
            run("ldapsearch", *reader)
        bind = ("-D", slapd.reader_dn, "-w", slapd.reader_password)
        assert "dn: cn=web," in run("ldapsearch", *bind, *reader)
        with pytest.raises(Refused, match="Insufficient access"):
            run("ldapdelete", "-x", "-H", slapd.uri, *bind, HOST)
        assert "admin" in run("ldapwhoami", "-Q", "-Y", "EXTERNAL", "-H", slapd.uri)
        assert "contextCSN" not in slapd.search("(objectClass=*)", "contextCSN", scope="base")[0].attributes
