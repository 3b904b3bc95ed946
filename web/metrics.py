"""`/metrics` and `/sd/JOB`: what Prometheus is told, and whom it should ask."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from flask import Blueprint, Response, request

from exporters.exposition import Exposition
from exporters.family import CONTENT_TYPE
from exporters.scrape import Scrape
from exporters.sd import JOBS, Discovery, encode
from generation.now import Now
from settings import Settings
from web.access import Access, allowed
from web.replies import refuse

_GZIP = 31
"""zlib's number for a gzip stream."""
_FASTEST = 1


class Telling(Protocol):
    """Who knows what there is to tell."""

    @property
    def now(self) -> Now: ...

    @property
    def scrape(self) -> Scrape:
        """All that a scrape tells of."""


def blueprint(settings: Settings, telling: Telling, access: Access) -> Blueprint:
    """The routes for Prometheus."""
    routes, metrics = Blueprint("metrics", __name__), _Metrics(settings, telling)
    routes.add_url_rule("/metrics", view_func=allowed(access.monitor, metrics.metrics))
    routes.add_url_rule("/sd/<job>", view_func=allowed(access.monitor, metrics.targets))
    return routes


class _Metrics:
    def __init__(self, settings: Settings, telling: Telling) -> None:
        self._telling = telling
        self._exposition = Exposition(legacy_names=settings.metrics.legacy_names)
        self._discovery = Discovery(settings.metrics.ports)

    def metrics(self) -> Response:
        site = request.args.get("site", "")
        scrape = self._telling.scrape
        unknown = _unknown_site(site, self._telling.now)
        if unknown is not None:
            return unknown
        pieces = self._exposition.pieces(scrape, site)
        if pieces is None:
            return refuse(503, "there are no verdicts yet: ask again, and see /health/ready")
        zipped = request.accept_encodings.quality("gzip") > 0
        response = Response(_gzip(pieces) if zipped else pieces, content_type=CONTENT_TYPE)
        response.headers["Vary"] = "Accept-Encoding"
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        return response

    def targets(self, job: str) -> Response:
        if job not in JOBS:
            return refuse(404, f"there is no job {job[:80]!r}: ask for one of {', '.join(JOBS)}")
        site, now = request.args.get("site", ""), self._telling.now
        unknown = _unknown_site(site, now)
        if unknown is not None:
            return unknown
        groups = self._discovery.groups(job, now, site)
        if groups is None:
            return refuse(503, "no host is known yet: ask again, and see /health/ready")
        return Response(encode(groups), mimetype="application/json")


def _unknown_site(site: str, now: Now) -> Response | None:
    if not site or now.estate is None or site in (known := {one.name for one in now.estate.declared.sites.values()}):
        return None
    return refuse(404, f"there is no site {site[:80]!r}: there are {', '.join(sorted(known)) or 'none'}")


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same, smaller; the fastest level already makes a twentieth of it."""
    packer = zlib.compressobj(_FASTEST, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()
