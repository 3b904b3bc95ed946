"""`DELETE /runs/last/CERTNAME`: the history forgets a node that is no more."""

import threading
from typing import Protocol

from flask import Blueprint, Response

from facts.certname import is_certname
from facts.estate import Estate
from generation.now import Now
from reports.source import ReportSource
from settings import Settings
from web.access import Access, allowed
from web.replies import refuse

PATIENCE = 10.0
"""Seconds that a request waits for the intake child, which alone writes the history."""


class Serving(Protocol):
    """Who knows the estate, and what ran."""

    reports: ReportSource

    @property
    def now(self) -> Now: ...


class _Forgetting:
    def __init__(self, settings: Settings, serving: Serving) -> None:
        self._is_legacy, self._serving = settings.directory.legacy, serving
        # Whoever waits here holds a thread that answers Puppet.
        self._one = threading.Lock()

    def forget(self, certname: str) -> Response:
        """Forget all runs of a node that nobody knows but the history."""
        if not is_certname(certname):
            return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        refusal = self._refused(certname)
        if refusal is not None:
            return refusal
        if not self._one.acquire(blocking=False):
            return refuse(503, "another node is being forgotten at this moment: ask again")
        try:
            return self._forgotten(certname)
        finally:
            self._one.release()

    def _refused(self, certname: str) -> Response | None:
        now, reports = self._serving.now, self._serving.reports
        if now.estate is None or not reports.is_known:
            return refuse(503, "the directory or the history has not been read yet: ask again")
        if self._stands(certname, now, now.estate):
            return refuse(409, f"{certname} is in the directory, or served still: its runs stay as long as it does")
        if certname not in reports.runs:
            return refuse(404, f"no run of {certname} is known")
        return None

    def _stands(self, certname: str, now: Now, estate: Estate) -> bool:
        """Whether it is a node, as far as is known: a host with an entry, or one whose answer is held."""
        declared = (host.name for host in estate.declared.hosts.values())
        return (
            certname in estate.nodes
            or certname in now.generation.answers
            or certname in declared
            or (self._is_legacy and now.name_of(certname, legacy=True) != certname)
        )

    def _forgotten(self, certname: str) -> Response:
        reports = self._serving.reports
        if reports.forget(certname, PATIENCE):
            return Response(status=204)
        why = "; ".join(reports.problems) or "it goes on"
        return refuse(503, f"{certname} was not forgotten within {PATIENCE:.0f} s ({why}): ask again")


def blueprint(settings: Settings, serving: Serving, access: Access) -> Blueprint:
    """The route; for administrators."""
    routes, forgetting = Blueprint("forgetting", __name__), _Forgetting(settings, serving)
    view = allowed(access.administrator, forgetting.forget)
    routes.add_url_rule("/runs/last/<path:certname>", view_func=view, methods=["DELETE"])
    return routes
