"""`PUT /observations/CERTNAME`: what a host's own observer delivers."""

import time
from typing import Protocol

import msgspec
from flask import Blueprint, Response, request

from facts.authority import may_say, why_not
from facts.certname import is_certname
from facts.observations import KINDS, Observed
from facts.observatory import Observatory
from generation.now import Now
from web.access import Access
from web.bodies import Taken
from web.replies import refuse, reply

_decode = msgspec.json.Decoder(Observed).decode


class Receiving(Protocol):
    """Who takes what is delivered."""

    observatory: Observatory

    @property
    def now(self) -> Now: ...


def blueprint(receiving: Receiving, access: Access) -> Blueprint:
    """The routes of the intake; a host delivers what it saw itself, and nobody else does."""
    routes = Blueprint("intake", __name__)

    @routes.put("/observations/<path:certname>")
    def observation(certname: str) -> Response:
        if not is_certname(certname):
            return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        return access.own(certname) or _take(receiving, certname)

    return routes


def _take(receiving: Receiving, certname: str) -> Response:
    try:
        observed = _decode(request.get_data())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refuse(
            400, f"not an observation ({_one_line(error)}): see docs/schemas/observation.json; nothing is lost"
        )
    if observed.certname != certname:
        return refuse(
            400, f"the observation is of {observed.certname[:80]!r}, delivered as {certname}: send it as itself"
        )
    estate = receiving.now.estate
    if estate is None or not receiving.observatory.restored:
        return refuse(503, "the directory, or what was kept on disk, has not been read yet: deliver it again")
    node = estate.nodes.get(certname)
    allowed = may_say(node) if node is not None else frozenset[str]()
    said = [kind for kind in KINDS if getattr(observed.kinds, kind) is not None]
    taken = tuple(kind for kind in said if kind in allowed)
    if node is not None:
        receiving.observatory.observed(observed, allowed, time.time())
    refused = {kind: why_not(kind) for kind in said if kind not in allowed}
    if node is None:
        return reply(Taken(f"{certname} is not in the directory: add it, or stop its observer", (), refused), 403)
    if refused:
        reasons = "; ".join(f"{kind}: {reason}" for kind, reason in refused.items())
        return reply(Taken(f"not for {certname} to say: {reasons}", taken, refused), 403)
    return Response(status=204)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
