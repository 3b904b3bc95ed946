"""Verdicts that a test states, and the routes that tell them."""

import time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from msgspec.structs import replace

from audit.all import Audited, JudgedGroup, JudgedHost
from audit.picture import Picture
from audit.pictures import NONE
from audit.verdict import Judged, Verdict
from audit.view import View
from facts.source import SourceKey
from facts.upkeep import Freshness
from generation.now import Now
from settings import Settings
from tests.audit.situations import Scene
from tests.factories import guest, settings
from web import verdicts
from web.access import Access
from web.peer import PEER

WEB = "web.lab.test"


def verdict(subject: str, status: str = "ok", **others: Any) -> Verdict:
    """A verdict about a subject."""
    stated = {"check": "placement", "code": "x", "site": "angers", "sentence": f"{subject} is {status}"} | others
    return Verdict(subject=subject, status=status, **stated)  # type: ignore[arg-type]


def audited(*of_groups: Verdict, of_hosts: tuple[Verdict, ...] = (), old: float = 0.0, known: bool = True) -> Audited:
    """Verdicts that were made so many seconds ago; `known`: the estate was complete then."""
    scene = Scene(guest(WEB))
    scene.at = time.time() - old
    situation = scene.situation()
    picture = Picture(node=scene.node(WEB))
    if not known:
        situation = replace(situation, now=Now())
    by_host: dict[str, tuple[Verdict, ...]] = {}
    for one in of_hosts:
        by_host[one.host] = (*by_host.get(one.host, ()), one)
    hosts = {name: JudgedHost(picture, Judged(found)) for name, found in by_host.items()}
    return Audited(View(situation, NONE), hosts, {("placement", "all"): JudgedGroup((), Judged(of_groups))})


class Judging:
    """Who says so."""

    def __init__(self, audited: Audited, problem: str = "") -> None:
        self.audited, self.audit_problem = audited, problem
        self.freshness = {SourceKey("directory", settings().directory.base): Freshness(time.time())}

    def fresh(self, key: SourceKey) -> Freshness:
        return self.freshness.get(key, Freshness())


def client(judging: Judging, access: Settings | None = None) -> FlaskClient:
    """A client of the routes."""
    app = Flask("judging")
    app.register_blueprint(verdicts.blueprint(judging, Access(access or settings())))
    return app.test_client()


def get(judging: Judging, query: str = "", access: Settings | None = None, peer: str = "") -> Any:
    """The response to a query."""
    environ = {PEER: peer} if peer else {}
    return client(judging, access).get(f"/verdicts{query}", environ_base=environ)
