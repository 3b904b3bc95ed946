"""What the clients of other classifiers ask, so that they work when their URL is changed (docs/foreign-clients.md).

- Foreman's ENC and report processor: `GET /node/CERTNAME?format=yml`, `POST /api/hosts/facts`,
  `POST /api/config_reports`.
- Puppet Enterprise's node terminus: `POST /v1/classified/nodes/CERTNAME`, with or without its prefix `/classifier-api`.

Everything is answered by the rules of the native routes: who may ask, what is known, which status says so.
"""

from typing import Any, Protocol

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from facts.certname import is_certname
from reports.entry import Form
from web.access import Access, allowed
from web.answers import Asked
from web.replies import refuse, reply

_YAML = "application/yaml"
_MIMETYPES = {"yml": _YAML, "yaml": _YAML, "json": "application/json"}
_PREFIXES = ("", "/classifier-api")
AGENT_SPECIFIED = "agent-specified"
"""What Puppet Enterprise's terminus reads as: no environment is set here, the agent's own counts."""


class TakingReports(Protocol):
    """Who takes reports. None when one was taken, else the refusal."""

    def take_report(self, body: bytes, form: Form) -> Response | None:
        """Keep a report, which is parsed later."""


class TakingFacts(Protocol):
    """Who takes facts. None when they were taken, else the refusal."""

    def take_facts(self, certname: str, document: bytes) -> Response | None:
        """Keep a node's facts, as Puppet's own fact cache has them: `{"name": CERTNAME, "values": {…}}`."""


class _Facts(Struct, frozen=True):
    """What Foreman's ENC posts: `{"facts": {…}, "name": fqdn, "certname": …}`."""

    facts: msgspec.Raw
    certname: str


class _Document(Struct, frozen=True):
    """Facts as they are handed on."""

    name: str
    values: msgspec.Raw


class _Local(Struct, frozen=True):
    services: tuple[str, ...] = ()


class _Parameters(Struct, frozen=True):
    enclume: _Local = _Local()


class _Given(Struct, frozen=True):
    """An answer, as far as it is looked into."""

    classes: msgspec.Raw
    parameters: msgspec.Raw
    environment: str = AGENT_SPECIFIED


class Classified(Struct, frozen=True):
    """What Puppet Enterprise's terminus reads. `groups` are the node's services, by name."""

    name: str
    environment: str
    groups: tuple[str, ...]
    classes: Any
    parameters: Any


def blueprint(asked: Asked, reports: TakingReports, facts: TakingFacts, access: Access) -> Blueprint:
    """The routes of the foreign clients."""
    routes = Blueprint("foreign", __name__)

    def answer(certname: str) -> Response:
        refusal = access.node(certname) if is_certname(certname) else _no_certname()
        return asked.answer(certname) if refusal is None else asked.refused(refusal)

    @routes.get("/node/<path:certname>")
    def node(certname: str) -> Response:
        form = request.args.get("format", "yml")
        if form not in _MIMETYPES:
            return refuse(400, f"format={form[:20]!a}: expected {' or '.join(_MIMETYPES)}")
        return _rendered(answer(certname), form)

    def classified(certname: str) -> Response:
        return _classified(certname, answer(certname))

    def deliver_report() -> Response:
        return reports.take_report(request.get_data(), "foreman") or Response(status=201)

    def deliver_facts() -> Response:
        return _take_facts(facts)

    for prefix in _PREFIXES:
        rule = f"{prefix}/v1/classified/nodes/<path:certname>"
        routes.add_url_rule(rule, view_func=classified, methods=["POST"])
    for rule, view in {"/api/config_reports": deliver_report, "/api/hosts/facts": deliver_facts}.items():
        routes.add_url_rule(rule, view_func=allowed(access.server, view), methods=["POST"])
    return routes


def _no_certname() -> Response:
    return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")


def _rendered(response: Response, form: str) -> Response:
    """An answer in the form that was asked for. They are one text: the JSON of an answer is YAML too."""
    if response.status_code == 200:
        response.mimetype = _MIMETYPES[form]
    return response


def _classified(certname: str, response: Response) -> Response:
    """An answer as Puppet Enterprise's classifier gives it, under the same headers but the digest of another text."""
    if response.status_code != 200:
        return response
    given = msgspec.json.decode(response.get_data(), type=_Given)
    services = msgspec.json.decode(given.parameters, type=_Parameters).enclume.services
    told = reply(Classified(certname, given.environment, services, given.classes, given.parameters))
    told.headers.extend((name, value) for name, value in response.headers if name.startswith("X-Enclume-"))
    return told


def _take_facts(taking: TakingFacts) -> Response:
    try:
        sent = msgspec.json.decode(request.get_data(), type=_Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refuse(400, f"no facts as Foreman's client posts them: {' '.join(str(error).split())[:200]}")
    if not is_certname(sent.certname):
        return _no_certname()
    if not bytes(sent.facts).startswith(b"{"):
        return refuse(400, "no facts as Foreman's client posts them: `facts` is no object")
    document = msgspec.json.encode(_Document(sent.certname, sent.facts))
    return taking.take_facts(sent.certname, document) or Response(status=201)
