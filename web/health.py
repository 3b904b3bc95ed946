"""`/health/live` and `/health/ready`: whether the builder lives, and what is served how old."""

import time
from typing import Any

from flask import Blueprint, Response

from facts.source import SourceKey
from facts.upkeep import Freshness, age
from generation.builder import Builder
from web.replies import reply

PULSE = 60.0
"""Seconds without a sign of life after which the builder counts as dead."""


def blueprint(builder: Builder) -> Blueprint:
    """The routes of health; anybody who can connect may ask."""
    routes = Blueprint("health", __name__)

    @routes.get("/health/live")
    def live() -> Response:
        silent = time.monotonic() - builder.heartbeat
        content = {"live": silent < PULSE, "heartbeat_age": round(silent, 1), "failed_builds": builder.failed_builds}
        return reply(content, 200 if silent < PULSE else 503)

    @routes.get("/health/ready")
    def ready() -> Response:
        generation = builder.now.generation
        content = {
            "ready": generation.number > 0,
            "generation": generation.number,
            "nodes": len(generation.answers),
            "held": _held(builder),
            "findings": len(builder.now.findings()),
            "sources": [_source(key, fresh) for key, fresh in sorted(builder.upkeep.freshness().items())],
            "problems": list(builder.problems),
        }
        return reply(content, 200 if generation.number > 0 else 503)

    return routes


def _held(builder: Builder) -> dict[str, Any] | None:
    hold = builder.now.generation.hold
    if hold is None:
        return None
    return {"number": hold.number, "since": hold.since, "nodes": len(hold.changes), "reasons": list(hold.reasons)}


def _source(key: SourceKey, fresh: Freshness) -> dict[str, Any]:
    return {"kind": key.kind, "target": key.target, "age": age(fresh), "error": fresh.error or None}
