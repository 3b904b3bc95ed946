"""The routes of runs over a real history, on loopback; reports that are sent there are kept by the test."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from generation.now import Now
from tests.commands.lab import Done, enclume
from tests.factories import settings
from tests.reports.asking import on_sqlite
from web import runs
from web.access import Access
from web.replies import refuse


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Requests are no news."""


class RunsService:
    """Serves runs of the history `past`. A report is answered by `answer`, a status with a sentence."""

    def __init__(self, folder: Path, now: Now) -> None:
        self.now, self.past = now, on_sqlite(folder)
        self.reports: list[bytes] = []
        self.asked: list[str] = []
        self.answer: Callable[[], tuple[int, str]] = lambda: (202, "")
        self.config = folder / "enclume.yaml"
        made = settings(database=self.past.url)
        app = Flask("runs")
        app.register_blueprint(runs.blueprint(made, self, Access(made)))
        app.add_url_rule("/reports", view_func=self._report, methods=["POST"])
        app.before_request(lambda: self.asked.append(request.full_path))
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        listen = {"directory": {"uri": "ldap://x", "base": "dc=x"}, "listen": self.url.removeprefix("http://")}
        self.config.write_text(yaml.safe_dump(listen))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def _report(self) -> Response:
        status, sentence = self.answer()
        if status != 202:
            return refuse(status, sentence)
        self.reports.append(request.get_data())
        return Response(status=202)

    def run(self, *arguments: Any) -> Done:
        """`enclume runs …`, with settings that name this service."""
        return enclume(self.config, "runs", *map(str, arguments))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.past.close()
