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
from reports.whose import host_of
from settings import Settings
from web.access import Access, allowed
from web.replies import refuse

_TAG = b"!ruby/object:Puppet::Transaction::Report"
_BEGINS = {
    "puppet": re.compile(rb"(?:%[^\n]*\n)*--- *" + _TAG + rb"\s"),
    "foreman": re.compile(rb"\s*\{"),
}
_EXPECTED = {
    "puppet": f"a body that begins with `--- {_TAG.decode()}`, as Puppet's http report processor sends it",
    "foreman": "a JSON object, as Foreman's report processor sends it",
}
_ENCODED = "send it as it is: this service takes reports without Content-Encoding"


class Taking(Protocol):
    """Who takes reports."""

    counts: Counts
    reports: ReportSource

    @property
    def now(self) -> Now: ...


class Intake:
    """Takes reports from the wire, whoever's client sends them."""

    def __init__(self, settings: Settings, taking: Taking) -> None:
        self._most, self._taking = settings.reports.body_bytes, taking

    def take_report(self, body: bytes, form: Form, *, is_replay: bool = False) -> Response | None:
        """None once a report is safe on disk, else the refusal. Both are counted. Where the node of a replayed report
        was at the time is not known.
        """
        refusal = _refused(body, form, self._most)
        if refusal is None:
            place = Place() if is_replay else place_of(self._taking.now.estate, host_of(body, form))
            try:
                self._taking.reports.take(body, form, time.time(), place)
            except SpoolError as error:
                status, reason = (503, "busy") if error.is_busy else (507, "no room")
                refusal = status, reason, f"the report is not kept: {error}"
        if refusal is None:
            self._taking.counts.reports_received.inc()
            return None
        status, reason, sentence = refusal
        self._taking.counts.reports_rejected.labels(reason).inc()
        return refuse(status, sentence)


def blueprint(intake: Intake, access: Access) -> Blueprint:
    """The route of reports: Puppet servers deliver them."""
    routes = Blueprint("reports", __name__)

    def report() -> Response:
        is_replay = request.args.get("replay") == "1"
        return intake.take_report(request.get_data(), "puppet", is_replay=is_replay) or Response(status=202)

    routes.add_url_rule("/reports", view_func=allowed(access.server, report), methods=["POST"])
    return routes


def _refused(body: bytes, form: Form, most: int) -> tuple[int, str, str] | None:
    """Status, reason and sentence for what is no report at all."""
    if request.content_encoding:
        return 415, "encoded", f"{_ENCODED} ({request.content_encoding[:40]})"
    if not body:
        return 400, "empty", f"the body is empty: expected {_EXPECTED[form]}"
    if len(body) > most:
        return 413, "too large", f"the report has {len(body)} bytes, more than reports.body_bytes ({most})"
    if not _BEGINS[form].match(body):
        return 400, "no report", f"this is no report of a Puppet run: expected {_EXPECTED[form]}"
    return None


def place_of(estate: Estate | None, certname: str) -> Place:
    """Where a node is now, as far as is known."""
    node = estate.nodes.get(certname) if estate is not None else None
    if node is None:
        return Place()
    return Place(node.site.name if node.site else "", node.placement.hypervisor or "")
