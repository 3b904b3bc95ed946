"""Entries that are broken, in a real directory: their nodes keep what they had, and everybody else goes on."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from msgspec import Struct

from tests.live.service.estate import BASE, HYPERVISORS, NODES, SITE, SmallEstate, dn_of, service_dn
from tests.live.service.running import Service
from tests.live.service.test_placement import said
from tests.waiting import eventually, until

ALPHA, BETA, DELTA, CALC = "alpha.lab.test", "beta.lab.test", "delta.lab.test", "calc01.lab.test"
WITNESS = "calc08.lab.test"


class Broken(Struct, frozen=True):
    """LDIF that breaks something, LDIF that mends it, the nodes that it concerns, and the finding: its code, where it
    stands, the attribute, a word of what to do.
    """

    ldif: str
    mend: str
    nodes: tuple[str, ...]
    code: str
    where: str
    what: str
    advice: str


def change(dn: str, how: str, attribute: str, *values: str) -> str:
    """A change record."""
    lines = "".join(f"{attribute}: {value}\n" for value in values)
    return f"dn: {dn}\nchangetype: modify\n{how}: {attribute}\n{lines}\n"


def profile(name: str, parent: str) -> str:
    """A record that adds a profile."""
    classes = "objectClass: device\nobjectClass: puppetClient\nobjectClass: enclumeProfile\n"
    return f"dn: {profile_dn(name)}\nchangetype: add\n{classes}cn: {name}\nparentNode: {parent}\n\n"


def profile_dn(name: str) -> str:
    return f"cn={name},ou=profiles,{BASE}"


def deleted(dn: str) -> str:
    return f"dn: {dn}\nchangetype: delete\n\n"


def added(name: str, *lines: str) -> str:
    """A record that adds a service."""
    head = f"dn: {service_dn(name)}\nchangetype: add\nobjectClass: enclumeService\nobjectClass: puppetClient\n"
    return head + "\n".join((f"cn: {name}", *lines)) + "\n\n"


def on_host(attribute: str, *values: str) -> tuple[str, str]:
    """Give a machine's attribute these values, and take them away again."""
    return change(dn_of(CALC), "add", attribute, *values), change(dn_of(CALC), "delete", attribute, *values)


def with_parent(name: str) -> tuple[str, str]:
    """Give a machine this parent, and its own again."""
    return change(dn_of(CALC), "replace", "parentNode", name), change(dn_of(CALC), "replace", "parentNode", "base")


LOOP = profile("odd", "even") + profile("even", "odd") + with_parent("odd")[0]
NO_LOOP = with_parent("")[1] + deleted(profile_dn("odd")) + deleted(profile_dn("even"))
GAP = profile("half", "missing") + with_parent("half")[0]
NO_GAP = with_parent("")[1] + deleted(profile_dn("half"))
GHOST = dn_of("ghost.lab.test")
RIVAL = added("old_web", "puppetClass: web", 'enclumeParameter: web::php="7.4"', f"member: {dn_of(ALPHA)}")
MACHINES_JSON = change(service_dn("web"), "add", "enclumeParameter", "web::port=[80")
SITE_JSON = change(SITE, "add", "enclumeParameter", "web::port={")

ENTRIES = {
    "broken JSON": Broken(
        *on_host("enclumeParameter", 'compute::size={"a":'), (CALC,), "bad_value", dn_of(CALC), "enclumeParameter", ""
    ),
    "broken JSON on a service": Broken(
        MACHINES_JSON, MACHINES_JSON.replace("\nadd:", "\ndelete:"), (ALPHA,),
        "bad_value", service_dn("web"), "enclumeParameter", "",
    ),
    "broken JSON on the site": Broken(
        SITE_JSON, SITE_JSON.replace("\nadd:", "\ndelete:"), NODES, "bad_value", SITE, "enclumeParameter", "",
    ),
    "JSON that is nested without end": Broken(
        *on_host("enclumeParameter", "compute::size=" + "[" * 20000), (CALC,),
        "bad_value", dn_of(CALC), "enclumeParameter", "",
    ),
    "no JSON at all": Broken(
        *on_host("enclumeParameter", "compute::size"), (CALC,), "bad_value", dn_of(CALC), "enclumeParameter", ""
    ),
    "a dangling member": Broken(
        change(service_dn("web"), "add", "member", GHOST), change(service_dn("web"), "delete", "member", GHOST), (),
        "dangling_reference", service_dn("web"), "member", "remove it, or add the host",
    ),
    "a member that is a profile": Broken(
        change(service_dn("web"), "add", "member", profile_dn("base")),
        change(service_dn("web"), "delete", "member", profile_dn("base")), (),
        "dangling_reference", service_dn("web"), "member", "is no host",
    ),
    "a member that is a service": Broken(
        change(service_dn("web"), "add", "member", service_dn("compute")),
        change(service_dn("web"), "delete", "member", service_dn("compute")), (),
        "dangling_reference", service_dn("web"), "member", "is no host",
    ),
    "parents in a loop": Broken(LOOP, NO_LOOP, (CALC,), "parent_loop", profile_dn("even"), "parentNode", "break"),
    "a parent that is missing": Broken(
        *with_parent("nobody"), (CALC,), "missing_parent", dn_of(CALC), "parentNode", "add the profile"
    ),
    "a gap between parents": Broken(
        GAP, NO_GAP, (CALC,), "missing_parent", profile_dn("half"), "parentNode", "add the profile"
    ),
    "two environments": Broken(
        *on_host("environment", "production", "testing"), (CALC,), "conflict", dn_of(CALC), "environment", "agree"
    ),
    "two hosts with one domain": Broken(
        change(dn_of(BETA), "add", "enclumeDomainUUID", "NUMBER"),
        change(dn_of(BETA), "delete", "enclumeDomainUUID"), (ALPHA, BETA),
        "shared_domain", dn_of(BETA), "enclumeDomainUUID", "correct one",
    ),
    "two services in conflict": Broken(
        RIVAL, deleted(service_dn("old_web")), (ALPHA,),
        "conflict", service_dn("old_web"), "enclumeParameter", "make them agree",
    ),
}  # fmt: skip

PARAMETERS = {
    "command": "qemu+ssh://root@127.0.0.1/system?command={touch}",
    "command with a space": "qemu+ssh://root@127.0.0.1/system?command=touch {file}",
    "command without a host": "qemu+ext:///system?command={touch}",
    "netcat": "qemu+ssh://root@127.0.0.1/system?netcat={touch}",
    "a parameter after a good one": "qemu+unix:///system?socket=/run/libvirt/libvirt-sock&command={touch}",
    "an option for a host": "qemu+ssh://-oProxyCommand=touch%20{file}/system",
    "a key file": "qemu+ssh://root@127.0.0.1/system?keyfile={file}",
    "no check of the certificate": "qemu+tls://127.0.0.1/system?no_verify=1",
    "another scheme": "esx://127.0.0.1/?command={touch}",
}


@pytest.fixture(autouse=True)
def _well_before_and_after(service: Service) -> Iterator[None]:
    """No finding that a test made stays."""
    assert not service.findings(holds=True)
    yield
    until(lambda: not service.findings(holds=True), 5, "every finding to go")


def the_others_change(estate: SmallEstate, service: Service) -> None:
    """A change elsewhere reaches the answer at once."""
    mark = secrets.token_hex(4)
    estate.replace(dn_of(WITNESS), "puppetVar", f"mark={mark}")
    until(lambda: service.answer(WITNESS)["parameters"].get("mark") == mark, 2, "the other node's change")


def breaking(wrong: Broken, estate: SmallEstate) -> str:
    """The LDIF that breaks it; the number of a domain is known only now."""
    with estate.one.connection() as connection:
        return wrong.ldif.replace("NUMBER", connection.lookupByName("alpha").UUIDString())


@contextmanager
def broken(estate: SmallEstate, ldif: str, mend: str) -> Iterator[None]:
    """The directory while it is broken."""
    estate.slapd.modify(ldif)
    try:
        yield
    finally:
        estate.slapd.modify(mend)


@pytest.mark.parametrize("wrong", ENTRIES.values(), ids=ENTRIES.keys())
def test_a_broken_entry_holds_its_own_nodes_and_nobody_else(
    estate: SmallEstate, service: Service, wrong: Broken
) -> None:
    before = service.bodies(*NODES)
    found = {"code": wrong.code, "where": wrong.where, "what": wrong.what}
    with broken(estate, breaking(wrong, estate), wrong.mend):
        finding = until(lambda: service.findings(**found), 5, "the finding")[0]
        assert wrong.advice in finding["message"]
        for name in wrong.nodes:
            reasons = service.get(f"/enc/{name}/why").json
            assert [one for one in reasons["findings"] if (one["code"], one["what"]) == (wrong.code, wrong.what)]
            assert reasons["answer"]["state"].startswith("kept")
            eventually(lambda name=name: said(service, name, "enc").get("answer_kept"), "warning")  # type: ignore[misc]
        if not wrong.nodes:
            eventually(lambda: said(service, "-", "enc").get("directory_finding"), "warning")
        if WITNESS not in wrong.nodes:
            the_others_change(estate, service)
        assert unchanged(service, before)
    until(lambda: not service.findings(**found), 5, "the finding to go")
    for name in wrong.nodes:
        eventually(lambda name=name: "answer_kept" in said(service, name, "enc"), False)  # type: ignore[misc]
    eventually(lambda: said(service, "-", "enc").get("directory"), "ok")
    assert unchanged(service, before)
    assert "building failed" not in service.log


def unchanged(service: Service, before: Mapping[str, bytes]) -> bool:
    """Whether every node but the witness has the very answer that it had."""
    now = service.bodies(*NODES)
    return all(now[name] == before[name] for name in NODES if name != WITNESS)


@pytest.mark.parametrize("uri", PARAMETERS.values(), ids=PARAMETERS.keys())
def test_a_uri_that_would_run_something_runs_nothing(estate: SmallEstate, service: Service, uri: str) -> None:
    """Its hypervisor's guests keep their answers, and the finding says where the URI stands."""
    name = HYPERVISORS[1]
    file = service.folder / "was-run"
    before, processes = service.bodies(*NODES), {process.pid for process in service.family}
    found = {"code": "bad_uri", "where": dn_of(name), "what": "enclumeLibvirtURI"}
    evil = uri.format(touch=f"/usr/bin/touch%20{file}", file=file)
    own = change(dn_of(name), "replace", "enclumeLibvirtURI", estate.two.uri)
    with broken(estate, change(dn_of(name), "replace", "enclumeLibvirtURI", evil), own):
        message = until(lambda: service.findings(**found), 5, "the finding")[0]["message"]
        assert "refused" in message or "is no " in message
        until(lambda: service.findings(code="unread_hypervisor", certname=DELTA), 5, "the guest to be held")
        the_others_change(estate, service)
        assert unchanged(service, before)
        assert {process.pid for process in service.family} == processes
    until(lambda: not service.findings(**found), 5, "the finding to go")
    assert not file.exists()


def test_a_node_that_was_broken_from_its_first_day_is_not_unknown(estate: SmallEstate, service: Service) -> None:
    """There is no answer to keep: it is told what is wrong, not that it does not exist."""
    name = "newcomer.lab.test"
    lines = f"objectClass: device\nobjectClass: puppetClient\nobjectClass: enclumeHost\ncn: {name}\n"
    entry = f"dn: {dn_of(name)}\nchangetype: add\n{lines}enclumeKind: physical\nenclumeParameter: a::b=[\n"
    with broken(estate, entry, deleted(dn_of(name))):
        until(lambda: service.findings(certname=name, code="bad_value"), 5, "the finding")
        reply = service.get(f"/enc/{name}")
        assert reply.status == 503
        assert f"{dn_of(name)}: enclumeParameter: " in reply.json["error"]
        eventually(lambda: said(service, name, "enc").get("answer_none"), "critical")
        estate.replace(dn_of(name), "enclumeParameter", "a::b=[]")
        eventually(lambda: "answer_none" in said(service, name, "enc"), False)
    until(lambda: service.status(f"/enc/{name}") == 404, 5, "the node to be gone")


def test_a_kept_answer_survives_a_sudden_end(estate: SmallEstate, service: Service) -> None:
    """What is served for a node whose entry is broken now was made before, and nothing else can make it again."""
    before = service.bodies(CALC)
    with broken(estate, *on_host("enclumeParameter", "compute::size=[")):
        until(lambda: service.findings(code="bad_value"), 5, "the finding")
        service.kill()
        service.start().wait_ready()
        assert service.bodies(CALC) == before
        until(lambda: service.findings(code="bad_value"), 5, "the finding again")
        assert service.bodies(CALC) == before
