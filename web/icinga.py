"""`/icinga`: Icinga 2's configuration, which `enclume icinga config` puts in place."""

import time

from flask import Blueprint, Response, request

from exporters.icinga import NotNow, configuration, sites
from web.access import Access, allowed
from web.bodies import Icinga
from web.replies import refuse, reply
from web.verdicts import Judging, unreliable

_REST = 0.001


def blueprint(judging: Judging, access: Access) -> Blueprint:
    """The route of the configuration; for monitoring, and whoever may read about all nodes."""
    routes = Blueprint("icinga", __name__)

    def files() -> Response:
        strange = request.args.keys() - {"site"}
        if strange:
            return refuse(400, f"unknown parameter {min(strange)!r}: expected site")
        problem = unreliable(judging)
        try:
            return refuse(503, problem) if problem else _files(judging, request.args.get("site"))
        except NotNow as error:
            return refuse(503, str(error))

    routes.add_url_rule("/icinga", view_func=allowed(access.monitor, files))
    return routes


def _files(judging: Judging, site: str | None) -> Response:
    audited = judging.audited
    known = sites(audited)
    if site is not None and site not in known:
        return refuse(404, f"there is nothing at a site {site!r}: expected one of {', '.join(known) or 'none'}")
    generation = audited.view.situation.now.generation.number if audited.view else 0
    return reply(Icinga(generation, configuration(audited, site, _breathe)))


def _breathe() -> None:
    """Let the threads that answer go first."""
    time.sleep(_REST)
