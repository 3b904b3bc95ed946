"""`/runs`: the history of Puppet runs as JSON, which `enclume runs` reads; no other request waits for the database."""

import importlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from flask import Blueprint, Response, request
from msgspec import Struct

from errors import HistoryError
from generation.now import Now
from reports.summaries import WholeRun
from reports.wanted import Wanted
from settings import Settings
from web.access import Access
from web.replies import refuse, reply
from web.runs_query import Wrong, text, wanted
from web.turns import Busy, Turns

DEADLINE = 10.0
"""Seconds that a question may take in the database."""

_PATIENCE = 5.0
"""Seconds that a request waits for its turn."""
_AT_ONCE = 2
_SHARE = 8
"""One thread of so many may be in the database or wait for it: the others are Puppet's."""

_DAY, _WEEK = 86400.0, 7 * 86400.0
_WHOSE = ("host", "site", "hypervisor")
_WHEN = ("since", "until", "limit")
_NOT_READ = "the directory and the hypervisors have not been read completely yet: ask again"


class Serving(Protocol):
    """Who knows the estate."""

    @property
    def now(self) -> Now: ...


class _Question(Struct, frozen=True):
    """One that is answered by a list: the method of `web.runs_answers.Answers`, the parameters that are accepted, the
    seconds that it looks back where nobody says it; and whether it is about the nodes that there are.
    """

    method: str
    accepted: tuple[str, ...]
    period: float = 0.0
    of_estate: bool = False


def _questions(silent: float) -> dict[str, _Question]:
    """By path; a node is silent that has not run for so many seconds."""
    return {
        "/runs": _Question("runs", (*_WHOSE, "status", *_WHEN, "after"), _DAY),
        "/runs/last": _Question("last", (*_WHOSE, "status", "limit", "after")),
        "/runs/changes": _Question("changes", (*_WHOSE, "event", "resource", *_WHEN), _DAY),
        "/runs/failing": _Question("failing", (*_WHOSE, "resource", *_WHEN), _WEEK),
        "/runs/drift": _Question("drift", (*_WHOSE, "resource", *_WHEN), _WEEK),
        "/runs/slow": _Question("slow", (*_WHOSE, "resource", "by", *_WHEN), _WEEK),
        "/runs/unseen": _Question("unseen", (*_WHOSE, "since", "limit"), silent, of_estate=True),
        "/runs/by/site": _Question("by_site", (*_WHOSE, "status", *_WHEN), _DAY),
        "/runs/by/hypervisor": _Question("by_hypervisor", (*_WHOSE, "status", *_WHEN), _DAY),
    }


def blueprint(settings: Settings, serving: Serving, access: Access) -> Blueprint:
    """The routes of the history; a host may ask for its own runs."""
    routes, asked = Blueprint("runs", __name__), _Asked(settings, serving, access)
    for path, question in _questions(settings.thresholds.run_seconds).items():
        routes.add_url_rule(path, question.method, partial(asked.listed, question))
    routes.add_url_rule("/runs/<uuid>", "run", asked.run)
    return routes


class _Asked:
    def __init__(self, settings: Settings, serving: Serving, access: Access) -> None:
        self._serving, self._access, self._url = serving, access, settings.database_url
        places = max(1, settings.limits.threads // _SHARE)
        self._at_once = min(_AT_ONCE, places)
        self._turns = Turns(self._at_once, places - self._at_once, _PATIENCE)
        self._loading = threading.Lock()
        self._loaded: Any = None

    def listed(self, question: _Question) -> Response:
        """The answer to a question after many runs."""
        try:
            what = wanted(request.args, question.accepted, question.period, time.time())
        except Wrong as error:
            return refuse(400, str(error))
        refusal = self._access.reader(what.hosts[0] if len(what.hosts) == 1 else None)
        if refusal:
            return refusal
        estate = self._serving.now.estate
        if estate is None and question.of_estate:
            return refuse(503, _NOT_READ)
        return self._answered(question.method, partial(_told, what=what), what, estate)

    def run(self, uuid: str) -> Response:
        """One run; whoever may not ask for all is told no difference between another node's and one there is not."""
        try:
            return self._answered("run", self._told_whole, text(uuid))
        except Wrong as error:
            return refuse(400, str(error))

    def _told_whole(self, found: WholeRun | None) -> Response:
        refusal = self._access.reader(found.run.certname if found else None)
        return refusal or (reply(found) if found else refuse(404, "no run of this name is kept: `enclume runs list`"))

    def _answered(self, method: str, tell: Callable[[Any], Response], *asked: object) -> Response:
        try:
            with self._turns.turn():
                found = getattr(self._answers(), method)(*asked)
        except (Busy, HistoryError) as error:
            return refuse(503, str(error))
        return tell(found)

    def _answers(self) -> Any:
        """Who asks the database: a `web.runs_answers.Answers`. The first request loads what that takes."""
        with self._loading:
            if self._loaded is None:
                loaded = importlib.import_module("web.runs_answers")
                self._loaded = loaded.Answers(self._url, DEADLINE, self._at_once)
            return self._loaded


def _told(found: Struct | None, what: Wanted) -> Response:
    if found is None:
        return refuse(404, f"there is nothing to go on after {what.after[:80]!r}: begin anew without `after`")
    return reply(found)
