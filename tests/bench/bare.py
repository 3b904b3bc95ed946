"""A bare Flask route that returns constant bytes, on the same server as the service: what there is to compare with.

`python -m tests.bench.bare PORT SIZE CA CERTIFICATE KEY FOLDER`
"""

import sys
from wsgiref.types import WSGIApplication

from flask import Flask, Response

import server
import settings
from settings import Settings


class Bare:
    """What the worker serves (`server.Service`)."""

    def __init__(self, size: int) -> None:
        flask = Flask("bare", static_folder=None)
        body = b"x" * size

        @flask.get("/enc/<certname>")
        def constant(certname: str) -> Response:  # noqa: ARG001 - the route has it, as the service's does
            return Response(body, mimetype="application/json")

        self._app = flask

    @property
    def app(self) -> WSGIApplication:
        """The application."""
        return self._app

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def refused(self, why: str) -> None:
        """Nothing to keep."""


def _settings(port: str, ca: str, certificate: str, key: str, folder: str) -> Settings:
    return settings.parse(
        {
            "directory": {"uri": "ldapi://none", "base": "dc=none"},
            "listen": f"127.0.0.1:{port}",
            "tls": {"certificate": certificate, "key": key, "ca": ca},
            "state": folder,
        }
    )


if __name__ == "__main__":
    port, size, *files = sys.argv[1:]
    server.serve(lambda: _settings(port, *files), lambda _: Bare(int(size)))
