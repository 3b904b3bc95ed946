"""Replies: JSON bodies, and refusals that say what was wrong and what to do."""

from typing import Any

import msgspec
from flask import Response

from web.bodies import Refusal


def reply(content: Any, status: int = 200) -> Response:
    """A JSON body."""
    return Response(msgspec.json.encode(content) + b"\n", status, mimetype="application/json")


def refuse(status: int, error: str) -> Response:
    """`{"error": …}` with a status."""
    return reply(Refusal(error), status)
