"""What `/hiera/…` answers, to whom, and how it says that it does not know."""

from pathlib import Path

import msgspec
import pytest
import trustme
from msgspec.structs import replace

from app import Runtime, create_app
from enc.topology import NOT_SHOWN
from facts.directory.memory import MemoryDirectory
from facts.inventory.memory import MemoryInventory
from generation.now import Now
from tests.web.serving import BASE, configured, service
from web.bodies import BODIES
from web.peer import PEER

HOST = f"dn: cn=web.lab.test,ou=hosts,{BASE}"
HOSTING = f"dn: cn=web_hosting,ou=services,{BASE}"


def test_a_document_has_the_contracts_shape(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        response = served.get("/hiera/web.lab.test")
        member = {"addresses": [], "intent": "running", "kind": "guest", "layer": 2, "offers": {}, "site": "angers"}
        assert response.json == {
            "apache::port": 8080,
            "enclume::providers": {},
            "enclume::services": {
                "web_hosting": {
                    "relations": ["own"],
                    "provides": [],
                    "requires": [],
                    "public": False,
                    "offers": {},
                    "members": {"web.lab.test": member},
                    "clients": {},
                }
            },
            "enclume::site": {"name": "angers", "networks": []},
        }
        msgspec.json.decode(response.data, type=BODIES["hiera"])
        guests = served.get("/hiera/hv1.lab.test").json["enclume::guests"]
        assert (list(guests), guests["web.lab.test"]["placed"]) == (["mail.lab.test", "web.lab.test"], True)
        msgspec.json.decode(served.get("/hiera/hv1.lab.test").data, type=BODIES["hiera"])


def test_its_headers_are_those_of_the_answer_and_a_client_that_has_it_gets_a_304(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        answer, response = served.get("/enc/web.lab.test"), served.get("/hiera/web.lab.test")
        for header in ("X-Enclume-Generation", "X-Enclume-Age", "Content-Type"):
            assert response.headers[header] == answer.headers[header]
        again = served.client.get("/hiera/web.lab.test", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        served.modify(HOSTING, "changetype: modify", "add: member", f"member: cn=mail.lab.test,ou=hosts,{BASE}")
        served.until(lambda: "mail.lab.test" in served.get("/hiera/web.lab.test").text, "the new neighbour")
        changed = served.get("/hiera/web.lab.test")
        assert changed.headers["ETag"] != response.headers["ETag"]
        assert served.get("/enc/web.lab.test").data == answer.data


@pytest.mark.parametrize("path", ["../x", "a/b", "a%00b", "A.lab.test", "x" * 300, ".x", ")(cn=*"])
def test_what_is_no_certname_is_refused(tmp_path: Path, path: str) -> None:
    with service(tmp_path) as served:
        assert served.get(f"/hiera/{path}").status_code == 400


def test_an_unknown_node_is_a_404_only_while_the_directory_is_fresh(tmp_path: Path) -> None:
    with service(tmp_path, freshness=0.5) as served:
        served.until(lambda: served.get("/hiera/nobody.lab.test").status_code == 503, "the directory to grow old")
        served.modify(HOST, "changetype: modify", "add: puppetClass", "puppetClass: fresh")
        served.until(lambda: served.get("/hiera/nobody.lab.test").status_code == 404, "a fresh directory")


def test_nothing_is_told_before_the_first_complete_load(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        empty = Runtime(configured(tmp_path / "other"), served.directory, served.inventory)
        assert create_app(empty).test_client().get("/hiera/web.lab.test").status_code == 503


def test_a_node_with_a_broken_entry_keeps_the_parameters_of_its_answer(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        good = served.get("/hiera/web.lab.test").data
        served.modify(HOST, "changetype: modify", "add: enclumeParameter", "enclumeParameter: a::b={")
        served.until(lambda: "bad_value" in served.get("/findings").text, "the finding")
        served.modify(HOST, "changetype: modify", "add: enclumeParameter", "enclumeParameter: apache::port=1")
        served.until(lambda: "apache::port" in served.get("/enc/web.lab.test/why").text, "the second change")
        assert served.get("/hiera/web.lab.test").data == good


def test_a_restart_with_every_source_down_tells_the_same_at_once(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        documents = {name: served.get(f"/hiera/{name}").data for name in ("web.lab.test", "hv1.lab.test")}
        runtime = served.runtime
    fresh = Runtime(runtime.settings, MemoryDirectory(runtime.settings.directory), MemoryInventory())
    fresh.builder.start()
    try:
        client = create_app(fresh).test_client()
        assert {name: client.get(f"/hiera/{name}").data for name in documents} == documents
    finally:
        fresh.builder.stop()


def test_an_answer_that_an_older_version_kept_is_told_without_neighbours_to_nobody(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        now = served.runtime.now
    runtime = Runtime(configured(tmp_path / "other"), served.directory, served.inventory)
    answers = {name: replace(one, shown=NOT_SHOWN) for name, one in now.generation.answers.items()}
    runtime.builder.now = Now(replace(now.generation, answers=answers))
    client = create_app(runtime).test_client()
    assert client.get("/enc/web.lab.test").status_code == 200
    assert client.get("/hiera/web.lab.test").status_code == 503


def test_a_node_may_ask_for_itself_and_puppet_servers_for_all(tmp_path: Path) -> None:
    own = trustme.CA().issue_cert("enclume.lab.test", common_name="enclume.lab.test")
    own.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    tls = {"certificate": str(tmp_path / "own.pem"), "key": "unused", "ca": "unused"}
    access = {"servers": ["puppet.lab.test"], "administrators": ["admin.lab.test"], "monitoring": ["icinga.lab.test"]}
    with service(tmp_path, tls=tls, access=access) as served:
        peers = ("web.lab.test", "puppet.lab.test", "admin.lab.test", "mail.lab.test", "icinga.lab.test", None)
        asked = [served.get("/hiera/web.lab.test", **{PEER: peer}).status_code for peer in peers]
        assert asked == [200, 200, 200, 403, 403, 403]
