"""`PUT /facts/CERTNAME`: a node's facts, from itself or from whoever speaks for all nodes."""

import logging
import threading
import time
from typing import Protocol

from flask import Blueprint, Response, request

from errors import FactsError, StateError
from facts.certname import is_certname
from facts.facter.delivered import Delivered
from facts.facter.document import LARGEST
from generation.builder import Builder
from generation.now import Now
from web.access import Access
from web.replies import refuse

_AT_ONE_TIME = 16
_LOG = logging.getLogger("enclume.facts")


class Receiving(Protocol):
    """Who takes what is delivered."""

    delivered: Delivered
    builder: Builder

    @property
    def now(self) -> Now: ...


def blueprint(receiving: Receiving, access: Access) -> Blueprint:
    """The route of the facts."""
    routes = Blueprint("facts", __name__)
    # Each waits for a disk: no node may keep every thread from those that ask for answers.
    at_one_time = threading.BoundedSemaphore(_AT_ONE_TIME)

    @routes.put("/facts/<path:certname>")
    def facts(certname: str) -> Response:
        if not is_certname(certname):
            return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        refusal = access.speaker(certname) or _refused(receiving, certname)
        if refusal is not None:
            return refusal
        if not at_one_time.acquire(blocking=False):
            return refuse(503, "too many deliver facts at this moment: deliver them again")
        try:
            return _take(receiving, certname)
        finally:
            at_one_time.release()

    return routes


def _refused(receiving: Receiving, certname: str) -> Response | None:
    """Why nothing can be taken now, or from this node."""
    estate = receiving.now.estate
    # What is on disk may be newer than what is delivered now.
    if estate is None or not receiving.delivered.restored or not receiving.builder.owns_state:
        return refuse(
            503,
            "the directory or the disk was not read yet, or another instance holds the state folder: deliver it again",
        )
    if certname not in estate.nodes:
        return refuse(403, f"{certname} is not in the directory, or not at a site that is served here: add it")
    if (request.content_length or 0) > LARGEST:
        return refuse(413, f"the facts of {certname} are {request.content_length} bytes: expected at most {LARGEST}")
    return None


def _take(receiving: Receiving, certname: str) -> Response:
    try:
        receiving.delivered.take(certname, request.get_data(), time.time())
    except FactsError as error:
        return refuse(400, f"no facts of {certname}: {error}; see docs/facts.md; the last good ones stay")
    except StateError as error:
        _LOG.error("the facts of %s were not taken: %s", certname, error)
        return refuse(507, f"{error}; the last good facts of {certname} stay")
    return Response(status=204)
