"""`/layers`: what layer 1 uses of layer 2, the order of a cold start, and what is left with every guest off."""

import threading
from typing import Protocol

from flask import Blueprint, Response, request

from audit import layers_found
from audit.all import Audited
from audit.cold_start import cold_start
from facts.estate import Estate
from web.access import Access, allowed
from web.bodies import Layers, Unheard
from web.replies import refuse, reply


class Judging(Protocol):
    """Who makes the verdicts."""

    @property
    def audited(self) -> Audited: ...


def blueprint(judging: Judging, access: Access) -> Blueprint:
    """The route of the layers, for Puppet servers and administrators."""
    routes = Blueprint("layers", __name__)
    routes.add_url_rule("/layers", view_func=allowed(access.reader, _Asked(judging).layers))
    return routes


class _Asked:
    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        # A cold start looks at every guest: one at a time leaves the interpreter to the answers.
        self._one = threading.Lock()

    def layers(self) -> Response:
        unknown = request.args.keys() - {"site"}
        if unknown:
            return refuse(400, f"unknown parameter {min(unknown)!r}: expected site")
        audited, site = self._judging.audited, request.args.get("site")
        estate = audited.view.situation.now.estate if audited.view else None
        if audited.view is None or estate is None:
            return refuse(503, "the directory and the hypervisors have not been read completely yet: ask again")
        group = audited.groups.get(("layers", "layers"))
        if group is None or not isinstance(group.judged.details, layers_found.Layers):
            return refuse(503, "the check of the layers failed: see `GET /verdicts?check=layers` and the service's log")
        known = sorted({node.site.name for node in estate.nodes.values() if node.site})
        if site is not None and site not in known:
            return refuse(404, f"there is no site {site!r}; there are {', '.join(known) or 'none'}")
        with self._one:
            return reply(_body(audited.view.at, estate, group.judged.details, site))


def _body(at: float, estate: Estate, found: layers_found.Layers, site: str | None) -> Layers:
    machines = found.ground.machines
    return Layers(
        at=round(at, 3),
        paths=tuple(one for one in found.paths if site in (None, one.site)),
        left_out=tuple(one for one in found.left_out if site in (None, one.site)),
        cycles=tuple(one for one in found.cycles if site in (None, one.site)),
        guests_only=tuple(one for one in found.guests_only if site in (None, one.site)),
        outside=tuple(one for one in found.ground.outside if site in (None, machines[one.host].site)),
        unknown=tuple(Unheard(one.site, one.sentence) for one in found.ground.silent if site in (None, one.site)),
        sites=cold_start(estate, found, site),
    )
