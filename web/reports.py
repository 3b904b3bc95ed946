"""`POST /reports`: a report as Puppet's `http` processor sends it, acknowledged once it is safe on disk.

Puppet's server waits for the answer before it answers its agent, and never sends a report again. Nobody reads it here:
the intake child does, later.
"""

import re
import time
from typing import Protocol

from flask import Blueprint, Response, request

from errors import SpoolError
from exporters.counts import Counts
from facts.estate import Estate
from generation.now import Now
from reports.entry import Form
from reports.report import Place
from reports.source import ReportSource
from settings import Settings
from web.access import Access, allowed
from web.replies import refuse

_TAG = b"!ruby/object:Puppet::Transaction::Report"
_BEGINS = {"puppet": re.compile(rb"(?:---|%YAML)[^\n]*\n?[^\n]*" + _TAG), "foreman": re.compile(rb"\s*\{")}
_HOSTS = {
    "puppet": re.compile(rb"^(?:  )?host: [\"']?([^\s\"']+)[\"']? *\r?$", re.MULTILINE),
    "foreman": re.compile(rb'^\s*\{\s*"(?:config_)?report"\s*:\s*\{\s*"host"\s*:\s*"([^"\\]+)"'),
}
_EXPECTED = {
    "puppet": f"a body that begins with `--- {_TAG.decode()}`, as Puppet's http report processor sends it",
    "foreman": "a JSON object, as Foreman's report processor sends it",
}
_LOOKED_AT = 2048
"""Bytes of a body that are looked at."""
_ENCODED = "send it as it is: this service takes reports without Content-Encoding"


class Taking(Protocol):
    """Who takes reports."""

    counts: Counts
    reports: ReportSource

    @property
    def now(self) -> Now: ...


def blueprint(settings: Settings, taking: Taking, access: Access) -> Blueprint:
    """The route of reports: Puppet servers deliver them."""
    routes = Blueprint("reports", __name__)

    def report() -> Response:
        return take(settings, taking, request.get_data(), "puppet")

    routes.add_url_rule("/reports", view_func=allowed(access.server, report), methods=["POST"])
    return routes


def take(settings: Settings, taking: Taking, body: bytes, form: Form) -> Response:
    """Take a report: 202 once it is safe on disk, else a refusal, which is counted."""
    refusal = _refused(body, form, settings.reports.body_bytes)
    if refusal is None:
        try:
            taking.reports.take(body, form, time.time(), place_of(taking.now.estate, body, form))
        except SpoolError as error:
            status, reason = (503, "busy") if error.is_busy else (507, "no room")
            refusal = status, reason, f"the report is not kept: {error}"
    if refusal is None:
        taking.counts.reports_received.inc()
        return Response(status=202)
    status, reason, sentence = refusal
    taking.counts.reports_rejected.labels(reason).inc()
    return refuse(status, sentence)


def _refused(body: bytes, form: Form, most: int) -> tuple[int, str, str] | None:
    """Status, reason and sentence for what is no report at all."""
    if request.content_encoding:
        return 415, "encoded", f"{_ENCODED} ({request.content_encoding[:40]})"
    if not body:
        return 400, "empty", f"the body is empty: expected {_EXPECTED[form]}"
    if len(body) > most:
        return 413, "too large", f"the report has {len(body)} bytes, more than reports.body_bytes ({most})"
    if not _BEGINS[form].match(body[:_LOOKED_AT]):
        return 400, "no report", f"this is no report of a Puppet run: expected {_EXPECTED[form]}"
    return None


def place_of(estate: Estate | None, body: bytes, form: Form) -> Place:
    """Where the node of a report is now, as far as a look at its first lines tells."""
    found = _HOSTS[form].search(body[:_LOOKED_AT])
    node = estate.nodes.get(found[1].decode(errors="replace")) if found and estate is not None else None
    if node is None:
        return Place()
    return Place(node.site.name if node.site else "", node.placement.hypervisor or "")
