"""`/enc/CERTNAME` and `/enc/CERTNAME/why`: what Puppet is told, and where it came from."""

import time
from typing import Protocol

from flask import Blueprint, Response, request
from msgspec.structs import asdict

from enc.answer import Answer
from enc.rules import Rules
from enc.why import facts_told, why
from exporters.counts import Counts
from facts.certname import close_to, is_certname, meant
from facts.facter.book import FactBook
from facts.resting import rests_on
from facts.source import SourceKey
from facts.upkeep import Freshness
from generation.now import Now
from settings import Settings
from web.access import Access
from web.bodies import Reasons, Served
from web.replies import refuse, reply


class Standing(Protocol):
    """What the service stands by: one frozen value at a time, each target's freshness, and what it counts."""

    counts: Counts
    facts: FactBook

    @property
    def now(self) -> Now: ...

    @property
    def rules(self) -> Rules: ...

    @property
    def building_fails(self) -> bool: ...

    def fresh(self, key: SourceKey) -> Freshness:
        """One target's freshness."""


def blueprint(settings: Settings, standing: Standing, access: Access) -> Blueprint:
    """The routes of the answers."""
    routes = Blueprint("answers", __name__)
    asked = Asked(settings, standing)

    @routes.get("/enc/<path:certname>")
    def answer(certname: str) -> Response:
        if not is_certname(certname):
            refusal: Response | None = refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        else:
            refusal = access.node(certname)
        return asked.answer(certname) if refusal is None else asked.refused(refusal)

    @routes.get("/enc/<path:certname>/why")
    def reasons(certname: str) -> Response:
        if not is_certname(certname):
            return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        return access.node(certname) or asked.why(certname)

    return routes


class Asked:
    """Answers questions about one node: what is served of it, and how old that is; or why nothing is."""

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._settings, self._standing = settings, standing
        self._directory = SourceKey("directory", settings.directory.base)

    def answer(self, certname: str) -> Response:
        now = self._standing.now
        name = now.name_of(certname, legacy=self._settings.directory.legacy)
        given = now.generation.answers.get(name)
        if given is None:
            return self.refused(self.none(certname, now))
        age = self.age(name, now)
        self._standing.counts.answered(age)
        return self.labelled(given.body, given.digest, age, now)

    def refused(self, response: Response) -> Response:
        """The refusal of an answer, once it is counted."""
        self._standing.counts.refused(response.status_code)
        return response

    def labelled(self, body: bytes, digest: str, age: float, now: Now) -> Response:
        """A body with the headers that say which it is and how old, or a 304 for whoever has it."""
        labels = [
            ("ETag", f'"{digest}"'),
            ("X-Enclume-Generation", str(now.generation.number)),
            ("X-Enclume-Age", str(int(age))),
        ]
        # Puppet's servers ask without a condition, and reading one costs as much as answering.
        if "HTTP_IF_NONE_MATCH" in request.environ and digest in request.if_none_match:
            return Response(status=304, headers=labels)
        return Response(body, headers=labels, mimetype="application/json")

    def age(self, name: str, now: Now) -> float:
        """Seconds since the oldest source that an answer rests on was read."""
        node = now.estate.nodes.get(name) if now.estate else None
        keys = rests_on(node, self._settings.directory.base)
        built_at = now.generation.built_at
        # After a sudden end it may not be known when a source was read: not after the answer was built.
        read = [self._standing.fresh(key).read_at or built_at for key in keys]
        return max(0.0, time.time() - (min(read) if now.estate is not None else built_at))

    def none(self, certname: str, now: Now, hint: str = "") -> Response:
        """404 only when it is sure that there is no such node. Puppet asks too often to look for a `hint` each time."""
        age = time.time() - self._standing.fresh(self._directory).read_at
        if self._standing.building_fails:
            return refuse(503, "answers cannot be built now: see /health/ready")
        if now.estate is None or not now.generation.number:
            return refuse(503, "the directory and the hypervisors have not been read completely yet: ask again")
        if certname in now.classification.results:
            held = [one for one in now.classification.results[certname].findings if one.holds]
            findings = [f"{one.where}: {one.what}: {one.message}" for one in held]
            return refuse(503, f"{certname} has no answer yet: {'; '.join(findings) or 'it is held'}")
        if now.generation.hold is not None:
            return refuse(503, f"a newer generation is held: see `enclume approve {now.generation.hold.number}`")
        if age > self._settings.freshness:
            return refuse(503, f"the directory was last read {age:.0f} s ago: see /health/ready")
        if self._settings.sites and any(host.name == certname for host in now.estate.declared.hosts.values()):
            return refuse(503, f"{certname} is at a site that this instance does not serve")
        base = self._settings.directory.hosts_base
        return refuse(404, f"{certname} is not in the directory: add it below {base}{hint}")

    def why(self, certname: str) -> Response:
        now = self._standing.now
        name = now.name_of(certname, legacy=self._settings.directory.legacy)
        told, secrets = facts_told(self._standing.facts, name), now.classification.sensitive
        reasons = why(now.estate, name, self._standing.rules, secrets, told) if now.estate else None
        if reasons is None:
            return self.none(certname, now, meant(close_to(certname, now.estate.nodes)) if now.estate else "")
        given = now.generation.answers.get(name)
        fresh = now.classification.results.get(name)
        state = _state(given, fresh.answer if fresh else None)
        served = Served(now.generation.number, given.digest if given else None, int(self.age(name, now)), state)
        return reply(Reasons(**asdict(reasons), answer=served))


def _state(given: Answer | None, fresh: Answer | None) -> str:
    """How the served answer relates to what is known now."""
    if given is None:
        return "none"
    if fresh is None:
        return "kept: something is wrong now, see findings"
    return "current" if fresh.digest == given.digest else "held: a newer answer waits for approval"
