"""The worker: gunicorn's process around the loop, and gunicorn's parser and response around the application."""

import contextlib
import os
import resource
from typing import Any

from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from settings import Settings
from web.connection import Connection, Limits, Reply
from web.loop import Loop
from web.peer import PEER
from web.tls import Contexts

IDLE = 75.0
"""Seconds between two requests on one connection: longer than Prometheus's usual interval."""

GRACE = 5.0
"""Seconds that a stopping worker gives to requests that have begun."""

_FILES = 8192
_NEWS = 4000
_SHORT = 64 * 1024


class Exchange:
    """One request and its answer in memory, in the shape of the socket that gunicorn reads from and writes to."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._written: list[bytes] = []

    def recv(self, _size: int) -> bytes:
        data, self._request = self._request, b""
        return data

    def sendall(self, data: bytes) -> None:
        self._written.append(data)

    def gettimeout(self) -> float:
        return 0.0

    def forget(self) -> None:
        """Begin the answer anew: nothing of it has left yet."""
        self._written.clear()

    def written(self) -> tuple[bytes, ...]:
        """The answer; a short one in one piece, so that it leaves in one packet."""
        if sum(map(len, self._written)) < _SHORT:
            return (b"".join(self._written),)
        return tuple(self._written)


class SteadyWorker(Worker):  # type: ignore[misc]  # gunicorn has no types.
    """The one worker; `app` is the `server.Server` that started it. Made in the master, run in its child."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._born = self.tmp.last_update()
        self._news, self._teller = os.pipe()
        self._grace = GRACE

    @property
    def is_ready(self) -> bool:
        """For the master: whether the worker has begun to serve."""
        return bool(self.tmp.last_update() != self._born)

    def tell(self, news: str) -> None:
        """For the master: say why the settings on disk were refused."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._teller, news.encode()[:_NEWS])

    def bury(self) -> None:
        """For the master: the child has ended."""
        os.close(self._news)
        os.close(self._teller)

    def run(self) -> None:
        """Serve until told to stop, then let the requests that have begun come to their end."""
        settings: Settings = self.app.settings
        contexts = Contexts(settings.tls) if settings.tls is not None else None
        limits = Limits(settings.limits.request_seconds, IDLE, settings.limits.body_bytes)
        self._server = self.sockets[0].getsockname()
        _allow_files()
        for listener in self.app.unused:
            listener.close()
        try:
            self._loop = Loop(self.sockets, contexts, limits, settings.limits.threads, self._answer)
            self._loop.watch(self.PIPE[0], self._woken)
            self._loop.watch(self._news, self._hear)
            while self.alive and self.ppid == os.getppid():
                self.notify()
                self._loop.turn(1.0)
            self._loop.drain(self._grace)
        finally:
            self.app.service.stop()

    def handle_quit(self, _signal: int, _frame: object) -> None:
        """Stop now: what is being asked is not waited for."""
        self.alive, self._grace = False, 0.0

    def _woken(self) -> None:
        os.read(self.PIPE[0], _NEWS)

    def _hear(self) -> None:
        self.app.service.refused(os.read(self._news, _NEWS).decode(errors="replace"))

    def _answer(self, connection: Connection, request: bytes) -> Reply:
        """What the application says to one request, which is whole; whatever goes wrong is an answer too."""
        exchange = Exchange(request)
        parsed = None
        try:
            parsed = next(RequestParser(self.cfg, exchange, connection.address))
            response, environ = wsgi.create(parsed, exchange, connection.address, self._server, self.cfg)
            response.version = "enclume"
            environ.update({"wsgi.multithread": True, PEER: connection.peer})
            self._call(environ, response, connection)
            return Reply(exchange.written(), keep=not response.should_close())
        except Exception as error:  # noqa: BLE001  # The application's faults become a 500, the client's a 4xx.
            exchange.forget()
            self.handle_error(parsed, exchange, connection.address, error)
            return Reply(exchange.written(), keep=False)

    def _call(self, environ: dict[str, Any], response: Any, connection: Connection) -> None:
        chunks = self.wsgi(environ, response.start_response)
        try:
            # Asked now: the certificates may have changed, or the end begun, while the application worked.
            if not self._loop.keeps(connection):
                response.force_close()
            for chunk in chunks:
                response.write(chunk)
            response.close()
        finally:
            if hasattr(chunks, "close"):
                chunks.close()


def _allow_files() -> None:
    """Debian's soft limit of 1024 open files is less than the connections that the loop can hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
