"""The server: gunicorn's master with one worker of our own (`web.worker`), and what its signals mean.

SIGTERM and SIGINT end it; SIGHUP reads the settings again. The worker that serves goes on until a new one with the new
settings has begun to serve: settings that are wrong, or a worker that does not start with them, change nothing.
"""

import ipaddress
import logging
import sys
from collections.abc import Callable
from typing import Any, NoReturn, Protocol
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

from errors import EnclumeError, SettingsError
from settings import Settings
from web.master import Listener, Master, ServerLog, listen
from web.tls import make_context
from web.worker import SteadyWorker

_LOG = logging.getLogger("enclume.server")

_STOP_SECONDS = 15
"""Seconds after which a worker that does not stop is killed."""

_SILENT_SECONDS = 60
"""Seconds without a sign of life after which the worker is killed and replaced."""


class Service(Protocol):
    """What the worker serves."""

    @property
    def app(self) -> WSGIApplication:
        """The application."""
        ...

    def start(self) -> None:
        """Start threads and children; called once, in the worker, before the first request."""
        ...

    def stop(self) -> None:
        """End them; called once, after the last request."""
        ...

    def refused(self, why: str) -> None:
        """SIGHUP found settings that cannot be used; those in force stay."""
        ...


def serve(read: Callable[[], Settings], make: Callable[[Settings], Service]) -> NoReturn:
    """Serve until a signal ends it, then exit: 0, or 3 if the worker could not start, or 1 if it could not stay.

    `read` gives the settings, at the start and at each SIGHUP, and raises an `EnclumeError` where anything that they
    name cannot be used. `make` is called in the worker only. Raises `SettingsError` before anything is started.
    """
    server = Server(read, make)
    listeners = [listen(server.settings)]
    if server.settings.tls is None:
        _LOG.warning("without TLS: only this machine can ask, and whoever can connect may ask everything")
    Master(server, listeners).run()
    sys.exit(0)


def check(settings: Settings) -> None:
    """Raise `SettingsError` when a server cannot run with these settings."""
    if settings.tls is not None:
        make_context(settings.tls)
    elif not _is_loopback(settings.address[0]):
        expected = f"{settings.listen}: without tls only a loopback address, such as 127.0.0.1:8787, may be listened on"
        raise SettingsError("settings", "listen", expected)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types.
    """What gunicorn asks for: its options, and the application.

    `unused` are the listeners that a worker inherits and does not serve: the old ones, while the address changes.
    """

    def __init__(self, read: Callable[[], Settings], make: Callable[[Settings], Service]) -> None:
        self._read, self._make = read, make
        self.settings = self.read()
        self.service: Service | None = None
        self.unused: list[Listener] = []
        super().__init__()

    def read(self) -> Settings:
        """The settings of now, checked."""
        settings = self._read()
        check(settings)
        return settings

    def use(self, settings: Settings) -> None:
        """Let the next worker have these."""
        self.settings = settings
        self.do_load_config()

    def load_config(self) -> None:
        for key, value in _options(self.settings).items():
            self.cfg.set(key, value)

    def load(self) -> WSGIApplication:
        """Make and start the service, in the worker. One that cannot start ends the worker with one line."""
        try:
            self.service = self._make(self.settings)
            self.service.start()
        except EnclumeError as error:
            _LOG.error("cannot start: %s", error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        return self.service.app


def _options(settings: Settings) -> dict[str, Any]:
    options = {
        "bind": settings.listen,
        "workers": 1,
        "worker_class": SteadyWorker,
        "timeout": _SILENT_SECONDS,
        "graceful_timeout": _STOP_SECONDS,
        "control_socket_disable": True,
        "logger_class": ServerLog,
        "proc_name": "enclume",
        # Nobody stands between us and the client: no header may say otherwise.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
    }
    if settings.tls is not None:
        options |= {"certfile": settings.tls.certificate, "keyfile": settings.tls.key}
    return options


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
