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
from settings import Settings
from web.access import Access
from web.replies import refuse

_SHARE = 8
"""One thread of so many may take facts, each waiting for a disk: the others are Puppet's."""
_LOG = logging.getLogger("enclume.facts")


class Receiving(Protocol):
    """Who takes what is delivered."""

    delivered: Delivered
    builder: Builder

    @property
    def now(self) -> Now: ...


class Intake:
    """Takes facts from the wire, whoever's client sends them."""

    def __init__(self, settings: Settings, receiving: Receiving) -> None:
        self._receiving = receiving
        self._at_one_time = threading.BoundedSemaphore(max(1, settings.limits.threads // _SHARE))

    def take_facts(self, certname: str, document: bytes) -> Response | None:
        """None once a node's facts are safe on disk, else the refusal."""
        refusal = self._refused(certname, len(document))
        if refusal is not None:
            return refusal
        if not self._at_one_time.acquire(blocking=False):
            return refuse(503, "too many deliver facts at this moment: deliver them again")
        try:
            return self._taken(certname, document)
        finally:
            self._at_one_time.release()

    def _refused(self, certname: str, size: int) -> Response | None:
        """Why nothing can be taken now, or from this node."""
        receiving = self._receiving
        estate = receiving.now.estate
        # What is on disk may be newer than what is delivered now.
        if estate is None or not receiving.delivered.restored or not receiving.builder.owns_state:
            missing = "the directory or the disk was not read yet, or another instance holds the state folder"
            return refuse(503, f"{missing}: deliver it again")
        if certname not in estate.nodes:
            return refuse(403, f"{certname} is not in the directory, or not at a site that is served here: add it")
        if size > LARGEST:
            return refuse(413, f"the facts of {certname} are {size} bytes: expected at most {LARGEST}")
        return None

    def _taken(self, certname: str, document: bytes) -> Response | None:
        try:
            self._receiving.delivered.take(certname, document, time.time())
        except FactsError as error:
            return refuse(400, f"no facts of {certname}: {error}; see docs/facts.md; the last good ones stay")
        except StateError as error:
            _LOG.error("the facts of %s were not taken: %s", certname, error)
            return refuse(507, f"{error}; the last good facts of {certname} stay")
        return None


def blueprint(intake: Intake, access: Access) -> Blueprint:
    """The route of the facts."""
    routes = Blueprint("facts", __name__)

    @routes.put("/facts/<path:certname>")
    def facts(certname: str) -> Response:
        if not is_certname(certname):
            return refuse(400, "not a certname: lower case letters, digits, `.`, `_` and `-`")
        refusal = access.speaker(certname)
        return refusal or intake.take_facts(certname, request.get_data()) or Response(status=204)

    return routes
