"""`/health/live` and `/health/ready`: whether the builder lives, and what is served how old."""

import time
from collections.abc import Callable

from flask import Blueprint, Response

from facts.source import SourceKey
from facts.upkeep import Freshness, age
from generation.builder import Builder
from generation.generation import Hold
from web.bodies import Held, Live, Ready, Source
from web.replies import reply

PULSE = 60.0
"""Seconds without a sign of life after which the builder counts as dead."""


def blueprint(builder: Builder, problems: Callable[[], tuple[str, ...]]) -> Blueprint:
    """The routes of health; anybody who can connect may ask. `problems` are sentences about what goes wrong."""
    routes = Blueprint("health", __name__)

    @routes.get("/health/live")
    def live() -> Response:
        silent = time.monotonic() - builder.heartbeat
        content = Live(silent < PULSE, round(silent, 1), builder.failed_builds)
        return reply(content, 200 if silent < PULSE else 503)

    @routes.get("/health/ready")
    def ready() -> Response:
        now = builder.now
        generation = now.generation
        content = Ready(
            ready=generation.number > 0,
            generation=generation.number,
            nodes=len(generation.answers),
            held=_held(generation.hold),
            findings=len(now.findings),
            sources=tuple(_source(key, fresh) for key, fresh in sorted(builder.upkeep.freshness().items())),
            problems=problems(),
        )
        return reply(content, 200 if generation.number > 0 else 503)

    return routes


def _held(hold: Hold | None) -> Held | None:
    return Held(hold.number, hold.since, len(hold.changes), tuple(hold.reasons.values())) if hold else None


def _source(key: SourceKey, fresh: Freshness) -> Source:
    return Source(key.kind, key.target, age(fresh), fresh.error or None)
