"""Other classifiers' clients: their own requests, byte for byte, and what each reads of the answer."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import trustme
import yaml
from flask import Flask, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from app import Runtime
from exporters.counts import REQUESTS as REQUESTS_TOTAL
from facts.directory.memory import MemoryDirectory
from facts.inventory.memory import MemoryInventory
from reports.entry import Form
from reports.parse import parse
from settings import Settings
from tests.web.serving import LDIF, Service, configured, service
from web import answers, foreign
from web.access import Access
from web.answers import Asked
from web.peer import PEER
from web.replies import refuse

REQUESTS = Path(__file__).parents[1] / "fixtures" / "foreign"
WEB = "web.lab.test"
PARAMETERS = {
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
}


class Taken:
    """Takes what is delivered, or refuses it."""

    def __init__(self) -> None:
        self.reports: list[tuple[bytes, Form]] = []
        self.facts: list[tuple[str, bytes]] = []
        self.refusal: tuple[int, str] | None = None

    def take_report(self, body: bytes, form: Form) -> Response | None:
        self.reports.append((body, form))
        return refuse(*self.refusal) if self.refusal else None

    def take_facts(self, certname: str, document: bytes) -> Response | None:
        self.facts.append((certname, document))
        return refuse(*self.refusal) if self.refusal else None


class Foreign(NamedTuple):
    """A service with the foreign clients' routes."""

    served: Service
    app: Flask
    taken: Taken
    port: int

    def send(self, name: str) -> tuple[int, bytes]:
        """The status and body that answer a recorded request."""
        return self.raw((REQUESTS / f"{name}.request").read_bytes())

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """The status and body that answer these bytes."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.connect()
            connection.sock.sendall(request)
            response = http.client.HTTPResponse(connection.sock)
            response.begin()
            with response:
                return response.status, response.read()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        """Nothing: what is asked is what the tests say."""


def app_of(runtime: Runtime, settings: Settings, taken: Taken) -> Flask:
    """The foreign clients' routes with somebody who records what is delivered, and the native ones beside them."""
    app = Flask("foreign")
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.body_bytes
    app.register_blueprint(answers.blueprint(settings, runtime, Access(settings)))
    app.register_blueprint(foreign.blueprint(Asked(settings, runtime), taken, taken, Access(settings)))
    return app


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    folder = tmp_path_factory.mktemp("state")
    with service(folder) as served:
        served.wait_for(WEB)
        taken = Taken()
        app = app_of(served.runtime, configured(folder), taken)
        server = make_server("127.0.0.1", 0, app, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Foreign(served, app, taken, server.server_port)
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _nothing_taken(request: pytest.FixtureRequest) -> None:
    if "asked" in request.fixturenames:
        taken = request.getfixturevalue("asked").taken
        taken.reports.clear()
        taken.facts.clear()
        taken.refusal = None


def test_foremans_enc_reads_the_three_keys_as_yaml(asked: Foreign) -> None:
    status, body = asked.send("foreman-node")
    assert status == 200
    assert yaml.safe_load(body) == {"classes": {"apache": {}, "base": {}}, "parameters": PARAMETERS}
    assert body == asked.served.get(f"/enc/{WEB}").data


@pytest.mark.parametrize(
    ("query", "mimetype"),
    [
        ("?format=yml", "application/yaml"),
        ("", "application/yaml"),
        ("?format=yaml", "application/yaml"),
        ("?format=json", "application/json"),
    ],
)
def test_a_node_is_answered_in_the_form_that_is_asked_for(asked: Foreign, query: str, mimetype: str) -> None:
    response = asked.app.test_client().get(f"/node/{WEB}{query}")
    assert (response.status_code, response.mimetype) == (200, mimetype)
    assert response.headers["X-Enclume-Generation"] == asked.served.get(f"/enc/{WEB}").headers["X-Enclume-Generation"]


def test_another_form_is_refused(asked: Foreign) -> None:
    response = asked.app.test_client().get(f"/node/{WEB}?format=html")
    assert (response.status_code, response.json) == (400, {"error": "format='html': expected yml or yaml or json"})


def test_puppet_enterprises_terminus_reads_a_node(asked: Foreign) -> None:
    status, body = asked.send("pe-classified")
    assert status == 200
    assert msgspec.json.decode(body) == {
        "name": WEB,
        "environment": "agent-specified",
        "groups": ["web_hosting"],
        "classes": {"apache": {}, "base": {}},
        "parameters": PARAMETERS,
    }


def test_puppet_enterprises_terminus_may_do_without_its_prefix(asked: Foreign) -> None:
    recorded = (REQUESTS / "pe-classified.request").read_bytes()
    assert asked.raw(recorded.replace(b"/classifier-api/v1", b"/v1", 1)) == asked.send("pe-classified")


def test_an_environment_that_is_set_is_told(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.wait_for(WEB)
        served.modify(
            f"dn: cn={WEB},ou=hosts,dc=lab,dc=test", "changetype: modify", "add: environment", "environment: staging"
        )
        served.until(lambda: "environment" in served.get(f"/enc/{WEB}").json, "the environment")
        client = app_of(served.runtime, configured(tmp_path), Taken()).test_client()
        told = client.post(f"/v1/classified/nodes/{WEB}", data=b"{}").data
        assert msgspec.json.decode(told)["environment"] == "staging"
        assert yaml.safe_load(client.get(f"/node/{WEB}?format=yml").data)["environment"] == "staging"


def test_a_plain_curl_gets_the_answer(asked: Foreign) -> None:
    request = f"GET /enc/{WEB} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
    assert asked.raw(request.encode()) == (200, asked.served.get(f"/enc/{WEB}").data)


PATHS = ["/node/{}?format=yml", "/v1/classified/nodes/{}", "/classifier-api/v1/classified/nodes/{}"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("certname", ["nobody.lab.test", "A.lab.test", "a/b", "../x", "*"])
def test_what_has_no_answer_has_the_status_of_the_native_route(asked: Foreign, path: str, certname: str) -> None:
    method = "GET" if path.startswith("/node") else "POST"
    response = asked.app.test_client().open(path.format(certname), method=method)
    native = asked.served.get(f"/enc/{certname}")
    assert (response.status_code, response.json) == (native.status_code, native.json)
    assert response.status_code in {400, 404}


def answered(asked: Foreign) -> float:
    """How many questions got an answer so far."""
    lines = asked.served.runtime.counts.lines()[REQUESTS_TOTAL]
    return next(float(line.split()[1]) for line in lines.splitlines() if 'result="ok"' in line)


def test_each_question_is_counted_like_a_native_one(asked: Foreign) -> None:
    before = answered(asked)
    asked.send("foreman-node")
    asked.send("pe-classified")
    assert answered(asked) == before + 2


@pytest.mark.parametrize("name", ["failed", "failed-catalog", "changed-notify-only", "noop", "unchanged"])
def test_foremans_report_is_taken_as_it_is(asked: Foreign, name: str) -> None:
    recorded = (REQUESTS / f"foreman-report-{name}.request").read_bytes()
    assert asked.send(f"foreman-report-{name}") == (201, b"")
    ((body, form),) = asked.taken.reports
    assert (body, form) == (recorded.partition(b"\r\n\r\n")[2], "foreman")
    assert parse(body, form).certname.endswith(".lab.test")


def test_foremans_facts_go_where_the_nodes_own_go(asked: Foreign) -> None:
    assert asked.send("foreman-facts") == (201, b"")
    ((certname, document),) = asked.taken.facts
    facts = msgspec.json.decode(document)
    assert (certname, facts["name"]) == (WEB, WEB)
    sent = msgspec.json.decode((REQUESTS / "foreman-facts.request").read_bytes().partition(b"\r\n\r\n")[2])
    assert (facts["values"], facts["values"]["os"]["family"]) == (sent["facts"], "Debian")


@pytest.mark.parametrize("name", ["foreman-report-failed", "foreman-facts"])
def test_what_is_not_taken_is_said(asked: Foreign, name: str) -> None:
    asked.taken.refusal = (507, "the disk is full")
    status, body = asked.send(name)
    assert (status, msgspec.json.decode(body)) == (507, {"error": "the disk is full"})


DAMAGED = [b"", b"[]", b'{"a": "', b"\x1f\x8b", b'{"a": ' + b"[" * 10**5, b'{"a": "\\ud800"}', b'{"certname": "\xff"}']


@pytest.mark.parametrize(
    ("body", "said"),
    [
        *((body, "no facts as Foreman's client posts them") for body in DAMAGED),
        (b'{"facts": {}}', "missing required field `certname`"),
        (b'{"certname": "a"}', "missing required field `facts`"),
        (b'{"facts": [1], "certname": "a"}', "`facts` is no object"),
        (b'{"facts": {}, "certname": "../a"}', "not a certname"),
        (b'{"facts": {}, "certname": ["a"]}', "Expected `str`, got `array`"),
    ],
)
def test_what_are_no_facts_is_refused(asked: Foreign, body: bytes, said: str) -> None:
    response = asked.app.test_client().post("/api/hosts/facts", data=body)
    assert (response.status_code, asked.taken.facts) == (400, [])
    assert response.json is not None
    assert said in response.json["error"]


PUPPET, ADMIN, ICINGA = "puppet.lab.test", "admin.lab.test", "icinga.lab.test"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flask, Taken]:
    """A service that knows its clients by their certificates, and has no answers yet."""
    folder = tmp_path_factory.mktemp("tls")
    own = trustme.CA().issue_cert("enclume.lab.test", common_name="enclume.lab.test")
    own.cert_chain_pems[0].write_to_path(folder / "own.pem")
    tls = {"certificate": str(folder / "own.pem"), "key": "unused", "ca": "unused"}
    access = {"servers": [PUPPET], "administrators": [ADMIN], "monitoring": [ICINGA]}
    settings = configured(folder, tls=tls, access=access)
    runtime, taken = Runtime(settings, MemoryDirectory(settings.directory, LDIF), MemoryInventory()), Taken()
    return app_of(runtime, settings, taken), taken


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("peer", "status"), [(WEB, 503), (PUPPET, 503), (ADMIN, 503), (ICINGA, 403), ("mail.lab.test", 403), (None, 403)]
)
def test_a_node_is_told_to_whom_the_native_route_tells_it(
    guarded: tuple[Flask, Taken], path: str, peer: str | None, status: int
) -> None:
    client, environ = guarded[0].test_client(), {PEER: peer}
    method = "GET" if path.startswith("/node") else "POST"
    assert client.open(path.format(WEB), method=method, environ_base=environ).status_code == status
    assert client.get(f"/enc/{WEB}", environ_base=environ).status_code == status


@pytest.mark.parametrize("path", ["/api/config_reports", "/api/hosts/facts"])
@pytest.mark.parametrize(("peer", "status"), [(PUPPET, 201), (WEB, 403), (ADMIN, 403), (ICINGA, 403), (None, 403)])
def test_only_a_puppet_server_delivers_for_others(
    guarded: tuple[Flask, Taken], path: str, peer: str | None, status: int
) -> None:
    app, taken = guarded
    before = len(taken.reports) + len(taken.facts)
    body = msgspec.json.encode({"facts": {}, "certname": WEB})
    assert app.test_client().post(path, data=body, environ_base={PEER: peer}).status_code == status
    assert len(taken.reports) + len(taken.facts) - before == (status == 201)
