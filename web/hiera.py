"""`/hiera/CERTNAME`: the topology around a node, and its class parameters."""

import hashlib

from flask import Blueprint, Response

from enc.topology import NOT_SHOWN
from facts.certname import is_certname
from generation.neighbours import Neighbours
from settings import Settings
from web.access import Access
from web.answers import Asked, Standing
from web.replies import refuse


def blueprint(settings: Settings, standing: Standing, access: Access) -> Blueprint:
    """The route that Hiera asks."""
    routes = Blueprint("hiera", __name__)
    asked, neighbours = Asked(settings, standing), Neighbours()

    @routes.get("/hiera/<path:certname>")
    def hiera(certname: str) -> Response:
        if not is_certname(certname):
            return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        refusal = access.node(certname)
        if refusal is not None:
            return refusal
        now = standing.now
        name = now.name_of(certname, legacy=settings.directory.legacy)
        given = now.generation.answers.get(name)
        if given is None:
            return asked.none(certname, now)
        if given.shown == NOT_SHOWN:
            return refuse(
                503, f"{certname} has an answer of an older version, in which no node has neighbours: ask again"
            )
        document = neighbours.document(now.generation, name)
        return asked.labelled(document, hashlib.sha256(document).hexdigest()[:32], asked.age(name, now), now)

    return routes
