"""A tiny application on the real server: `python -m tests.live.server.service SETTINGS.yaml`."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

import settings as settings_module
from errors import EnclumeError, StateError
from server import serve
from settings import Settings
from web.peer import peer_name

CONSTANT = b'{"classes": {"profile::base": {}}, "filler": "' + b"x" * 1100 + b'"}'
LARGE = b"x" * 40_000_000


class Service:
    """Answers who asks, and does on demand what an application may do wrong. Files in the state folder ask for more."""

    def __init__(self, settings: Settings) -> None:
        self.state = Path(settings.state)
        self._refused: list[str] = []
        if (self.state / "die").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.state / "fail").exists():
            raise StateError(str(self.state), "is asked to fail")
        self.app = Flask("tiny", static_folder=None)
        self.app.config["PROPAGATE_EXCEPTIONS"] = True
        self._routes(settings)

    def _routes(self, settings: Settings) -> None:
        app = self.app
        app.add_url_rule("/constant", view_func=lambda: Response(CONSTANT, mimetype="application/json"), endpoint="c")
        app.add_url_rule("/enc/<certname>", view_func=lambda certname: Response(CONSTANT), endpoint="enc")  # noqa: ARG005
        app.add_url_rule("/peer", view_func=lambda: f"{peer_name(request.environ)}", endpoint="peer")
        app.add_url_rule("/scheme", view_func=lambda: f"{request.scheme} {request.remote_addr}", endpoint="scheme")
        app.add_url_rule("/pid", view_func=lambda: f"{os.getpid()}", endpoint="pid")
        app.add_url_rule("/threads", view_func=lambda: f"{settings.limits.threads}", endpoint="threads")
        app.add_url_rule("/refused", view_func=lambda: "\n".join(self._refused), endpoint="refused")
        app.add_url_rule("/large", view_func=lambda: Response(LARGE), endpoint="large")
        app.add_url_rule("/stream", view_func=lambda: Response(iter([b"one ", b"two"])), endpoint="stream")
        app.add_url_rule("/boom", view_func=lambda: Response(boom()), endpoint="boom")
        app.add_url_rule("/slow/<float:seconds>", view_func=slow, endpoint="slow")
        app.add_url_rule("/echo", view_func=echo, methods=["PUT", "POST"], endpoint="echo")

    def start(self) -> None:
        (self.state / "started").write_text(str(os.getpid()))

    def stop(self) -> None:
        (self.state / "stopped").write_text(str(os.getpid()))

    def refused(self, why: str) -> None:
        self._refused.append(why)


def boom() -> Any:
    """Half an answer, then an error."""
    yield b"half"
    raise RuntimeError("boom")


def slow(seconds: float) -> str:
    threading.Event().wait(seconds)
    return "slow"


def echo() -> Response:
    return Response(request.get_data(), mimetype="application/octet-stream")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        serve(lambda: settings_module.load(sys.argv[1]), Service)
    except EnclumeError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
