"""What `/enc/…` answers, to whom, and how it says that it does not know."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from app import Runtime, create_app
from facts.directory.memory import MemoryDirectory
from facts.inventory.memory import MemoryInventory
from facts.source import SourceKey
from facts.upkeep import Freshness
from tests.web.serving import BASE, LDIF, UUID, configured, domain, hypervisor, service
from web.answers import Asked
from web.bodies import BODIES

HOST = f"dn: cn=web.lab.test,ou=hosts,{BASE}"
HOSTING = f"dn: cn=web_hosting,ou=services,{BASE}"


def test_an_answer_has_the_contracts_shape(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        response = served.get("/enc/web.lab.test")
        assert response.json == {
            "classes": {"apache": {}, "base": {}},
            "parameters": {
                "enclume": {
                    "site": "angers",
                    "kind": "guest",
                    "layer": 2,
                    "hypervisor": "hv1.lab.test",
                    "services": ["web_hosting"],
                    "providers": {},
                    "networks": [],
                    "storage": [],
                }
            },
        }
        assert response.headers["X-Enclume-Generation"] == "1"
        assert int(response.headers["X-Enclume-Age"]) < 5
        again = served.client.get("/enc/web.lab.test", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["../x", "%2e%2e", "a/b", "a%00b", "a%20b", "x" * 300, "*", ")(cn=*", "-x", ".x", "A.lab.test", "é", "a..b", "x/"],
)
def test_what_is_no_certname_is_refused(tmp_path: Path, path: str) -> None:
    with service(tmp_path) as served:
        assert served.get(f"/enc/{path}").status_code == 400
        assert served.get(f"/enc/{path}/why").status_code == 400


def test_an_unknown_node_is_a_404_only_while_the_directory_is_fresh(tmp_path: Path) -> None:
    with service(tmp_path, freshness=0.5) as served:
        served.until(lambda: served.get("/enc/nobody.lab.test").status_code == 503, "the directory to grow old")
        served.modify(HOST, "changetype: modify", "add: puppetClass", "puppetClass: fresh")
        assert (
            served.wait_for("nobody.lab.test", 404).json["error"].startswith("nobody.lab.test is not in the directory")
        )


def test_why_of_a_name_that_is_not_there_says_which_could_be_meant(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.wait_for("web.lab.test", 200)
        for name in ("web", "wbe.lab.test"):
            response = served.get(f"/enc/{name}/why")
            assert response.status_code == 404
            assert f"add it below ou=hosts,{BASE}; did you mean web.lab.test" in response.json["error"]


def test_nothing_is_answered_before_the_first_complete_load(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        empty = Runtime(configured(tmp_path / "other"), served.directory, served.inventory)
        assert create_app(empty).test_client().get("/enc/web.lab.test").status_code == 503


def test_a_node_with_a_broken_entry_keeps_its_answer_and_says_why(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        good = served.get("/enc/web.lab.test").data
        served.modify(HOST, "changetype: modify", "add: enclumeParameter", "enclumeParameter: a::b={")
        served.until(lambda: "bad_value" in served.get("/findings").text, "the finding")
        assert served.get("/enc/web.lab.test").data == good
        reasons = served.get("/enc/web.lab.test/why").json
        assert reasons["answer"]["state"].startswith("kept")
        (finding,) = [finding for finding in reasons["findings"] if finding["holds"]]
        assert (finding["code"], finding["where"]) == ("bad_value", f"cn=web.lab.test,ou=hosts,{BASE}")
        assert finding["what"] == "enclumeParameter"


def test_a_new_node_with_a_broken_entry_is_a_503_with_the_reason(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.modify(
            f"dn: cn=new.lab.test,ou=hosts,{BASE}",
            "changetype: add",
            "objectClass: device",
            "objectClass: enclumeHost",
            "cn: new.lab.test",
            "enclumeKind: guest",
        )
        served.until(lambda: "no answer yet" in served.get("/enc/new.lab.test").json["error"], "the reason")
        assert served.get("/enc/new.lab.test").status_code == 503
        assert "start it" in served.get("/enc/new.lab.test").json["error"]


def test_a_guest_that_moves_gets_its_new_hypervisor(tmp_path: Path) -> None:
    host = f"""\
dn: cn=hv2.lab.test,ou=hosts,{BASE}
objectClass: device
objectClass: enclumeHost
cn: hv2.lab.test
enclumeKind: hypervisor
enclumeLibvirtURI: qemu:///system

"""
    second = LDIF.replace("dn: cn=web.lab", f"{host}dn: cn=web.lab", 1)
    with service(tmp_path, second) as served:
        served.inventory.set("hv1.lab.test", hypervisor(domain(1, "web", "shutoff"), domain(2, "mail")))
        served.inventory.set("hv2.lab.test", hypervisor(domain(1, "web")))
        served.until(
            lambda: served.get("/enc/web.lab.test").json["parameters"]["enclume"]["hypervisor"] == "hv2.lab.test",
            "the move",
        )
        reasons = served.get("/enc/web.lab.test/why").json["enclume"]["hypervisor"]
        assert reasons["domain"] == UUID.format(1)
        assert reasons["because"] == "its domain runs on hv2.lab.test"
        assert sorted(reasons["defined_on"]) == ["hv1.lab.test", "hv2.lab.test"]


def test_a_hypervisor_of_which_nobody_knows_when_it_was_read_makes_no_answer_young(tmp_path: Path) -> None:
    """As after a sudden end within the first seconds, with that hypervisor away."""
    with service(tmp_path) as served:
        runtime = served.runtime

        class Restarted:
            """The runtime, which has the hypervisors from the disk alone."""

            counts, facts, now, rules, building_fails = runtime.counts, runtime.facts, runtime.now, runtime.rules, False

            def fresh(self, key: SourceKey) -> Freshness:
                return Freshness() if key.kind == "inventory" else runtime.fresh(key)

        generation = replace(runtime.now.generation, built_at=time.time() - 300)
        asked = Asked(runtime.settings, Restarted())
        assert asked.age("web.lab.test", replace(runtime.now, generation=generation)) >= 300
        assert asked.age("hv1.lab.test", replace(runtime.now, generation=generation)) < 100


def test_the_age_grows_while_the_directory_cannot_be_read(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.directory.fail("ldap.lab.test is down")
        served.until(lambda: int(served.get("/enc/web.lab.test").headers["X-Enclume-Age"]) >= 1, "the age to grow")
        sources = served.get("/health/ready").json["sources"]
        assert {source["kind"]: source["error"] for source in sources}["directory"] == "ldap.lab.test is down"


def test_why_names_dn_attribute_and_csn(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        reasons: dict[str, Any] = served.get("/enc/web.lab.test/why").json
        (apache,) = reasons["classes"]["apache"]
        assert (apache["where"], apache["what"]) == (f"cn=web_hosting,ou=services,{BASE}", "puppetClass")
        assert apache["entryCSN"]
        assert reasons["parameters"]["apache::port"]["value"] == 8080


def test_a_short_name_and_default_are_known_to_an_old_directory(tmp_path: Path) -> None:
    old = f"""\
dn: {BASE}
objectClass: dcObject
dc: lab

dn: cn=web,{BASE}
objectClass: device
objectClass: puppetClient
cn: web
puppetClass: apache
puppetVar: port=80

dn: cn=default,{BASE}
objectClass: device
objectClass: puppetClient
cn: default
puppetClass: base
"""
    directory = {"uri": "ldapi://x", "base": BASE, "legacy": True}
    with service(tmp_path, old, directory=directory) as served:
        assert list(served.get("/enc/web.lab.test").json["classes"]) == ["apache"]
        assert served.get("/enc/web").json["parameters"]["port"] == "80"
        assert list(served.get("/enc/other.lab.test").json["classes"]) == ["base"]
        assert served.get("/enc/other.lab.test/why").json["classes"]["base"][0]["where"] == f"cn=default,{BASE}"


def test_the_answers_of_another_sites_nodes_are_not_known_here(tmp_path: Path) -> None:
    with service(tmp_path, sites=["lyon"]) as served:
        response = served.get("/enc/hv1.lab.test")
        assert response.status_code == 503
        assert "does not serve" in response.json["error"]


def test_a_restart_with_every_source_down_serves_at_once_and_says_how_old(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        body = served.get("/enc/web.lab.test").data
        runtime = served.runtime
    fresh = Runtime(runtime.settings, MemoryDirectory(runtime.settings.directory), MemoryInventory())
    fresh.builder.start()
    try:
        response = create_app(fresh).test_client().get("/enc/web.lab.test")
    finally:
        fresh.builder.stop()
    assert response.data == body
    assert 0 <= int(response.headers["X-Enclume-Age"]) < 60


NOT_ITS_OWN = b'{"format": 1, "certname": "web.lab.test", "observed_at": 1, "kinds": {"containers": []}}'


def test_every_body_is_as_its_schema_says(tmp_path: Path) -> None:
    with service(tmp_path, guard={"protected": ["web.lab.test"]}) as served:
        served.modify(HOSTING, "changetype: modify", "delete: member", f"member: cn=web.lab.test,ou=hosts,{BASE}")
        served.until(lambda: served.get("/held").json["held"], "the hold")
        served.until(lambda: served.get("/icinga").status_code == 200, "the verdicts")
        held = served.get("/held").json["held"]["number"]
        ldif = f"dn: cn=mail.lab.test,ou=hosts,{BASE}\nchangetype: delete\n"
        replies = {
            "enc": served.get("/enc/web.lab.test"),
            "why": served.get("/enc/web.lab.test/why"),
            "hiera": served.get("/hiera/hv1.lab.test"),
            "live": served.get("/health/live"),
            "ready": served.get("/health/ready"),
            "held": served.get("/held"),
            "findings": served.get("/findings"),
            "verdicts": served.get("/verdicts"),
            "icinga": served.get("/icinga"),
            "layers": served.get("/layers"),
            "preview": served.client.post("/preview", data=ldif),
            "refusal": served.client.post("/approve/77"),
            "taken": served.client.put("/observations/web.lab.test", data=NOT_ITS_OWN),
            "approve": served.client.post(f"/approve/{held}"),
        }
        for name, body in BODIES.items():
            decoded = msgspec.json.decode(replies[name].data, type=body)
            assert msgspec.json.decode(msgspec.json.encode(decoded)) == replies[name].json, name


def test_a_preview_says_what_the_guard_does_then(tmp_path: Path) -> None:
    with service(tmp_path, guard={"protected": ["web.lab.test"]}) as served:
        lines = [HOSTING, "changetype: modify", "delete: member", f"member: cn=web.lab.test,ou=hosts,{BASE}"]
        previewed = served.preview(*lines)
        assert previewed["guard"]["holds"]
        served.modify(*lines)
        served.until(lambda: served.get("/held").json["held"], "the hold")
        assert served.get("/held").json["held"]["reasons"] == previewed["guard"]["reasons"]
        mail = f"dn: cn=mail.lab.test,ou=hosts,{BASE}"
        harmless = served.preview(mail, "changetype: modify", "add: puppetClass", "puppetClass: x")
        assert harmless["guard"] == {"holds": False, "reasons": []}
