"""The master: gunicorn's, which replaces its worker only by one that serves, and logs under our name."""

import logging
import signal
import socket
import threading
from typing import Any

from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.errors import HaltServer  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from errors import EnclumeError, SettingsError
from settings import Settings
from web.worker import SteadyWorker

_LOG = logging.getLogger("enclume.server")

_EARLY_ENDS = 5
"""So many workers in a row that end before they serve end the master too."""


class Listener(socket.socket):
    """A listening socket that gunicorn's log can name."""

    def __str__(self) -> str:
        host, port = self.getsockname()[:2]
        return f"{host}:{port}"


def listen(settings: Settings) -> "Listener":
    """The listening socket. Raises `SettingsError` when the address cannot be had."""
    host, port = settings.address
    listener = Listener(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        reason = f"{settings.listen}: cannot be listened on: {error.strerror}"
        raise SettingsError("settings", "listen", reason) from error
    listener.setblocking(False)
    return listener


class Master(Arbiter):  # type: ignore[misc]  # gunicorn has no types.
    """The process that keeps one worker; `app` is the `server.Server` that started it."""

    def __init__(self, server: Any, listeners: list[Listener]) -> None:
        super().__init__(server)
        self.LISTENERS = listeners
        self._successor: SteadyWorker | None = None
        self._before = (server.settings, listeners)
        self._again = self._stopping = False
        self._early_ends = 0

    def reload(self) -> None:
        """SIGHUP: start a worker with the settings on disk beside the one that serves."""
        if self._successor is not None:
            self._again = True
            return
        old, listeners = self.app.settings, self.LISTENERS
        try:
            new = self.app.read()
            if new.address != old.address:
                listeners = [listen(new)]
        except EnclumeError as error:
            self._refuse(str(error))
            return
        self._before = (old, self.LISTENERS)
        self._use(new, listeners)
        self.app.unused = [listener for listener in self._before[1] if listener not in listeners]
        self._successor = self.WORKERS[self.spawn_worker()]

    def manage_workers(self) -> None:
        """Keep one worker; while a successor starts, keep both."""
        if self._successor is None:
            super().manage_workers()
        elif self._successor.is_ready:
            self._close_unused(self._before[1])
            self._settled()
            super().manage_workers()
            self.log.info("the new worker serves, with the settings on disk")

    def reap_workers(self) -> None:
        """Take note of the workers that ended."""
        before = {pid: (worker, worker.is_ready) for pid, worker in self.WORKERS.items()}
        halt = None
        try:
            super().reap_workers()
        except HaltServer as found:
            halt = found
        for worker, was_ready in [before[pid] for pid in before.keys() - self.WORKERS.keys()]:
            worker.bury()
            self._early_ends = 0 if was_ready else self._early_ends + 1
            if worker is self._successor:
                halt = None
                self._give_up()
        if self._stopping:
            return
        if self._early_ends >= _EARLY_ENDS:
            halt = HaltServer(f"{_EARLY_ENDS} workers in a row ended before they could serve; see the lines above", 1)
        if halt is not None:
            raise halt

    def stop(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002  # gunicorn's signature.
        self._stopping = True
        super().stop(graceful)

    def handle_ttin(self) -> None:
        """There is one worker, whatever gunicorn's signals ask for."""
        self.log.warning("this signal has no meaning here: there is one worker; SIGHUP reads the settings again")

    handle_ttou = handle_usr2 = handle_winch = handle_ttin

    def _give_up(self) -> None:
        unused = self.LISTENERS
        self._use(*self._before)
        self._close_unused(unused)
        self._settled()
        self._refuse("the worker did not start with them; the lines above say why")

    def _settled(self) -> None:
        self._successor = None
        self._early_ends = 0
        self.app.unused = []
        if self._again:
            self._again = False
            self.SIG_QUEUE.put_nowait(signal.SIGHUP)

    def _use(self, settings: Settings, listeners: list[Listener]) -> None:
        self.app.use(settings)
        self.cfg = self.app.cfg
        self.LISTENERS = listeners

    def _close_unused(self, listeners: list[Listener]) -> None:
        for listener in listeners:
            if listener not in self.LISTENERS:
                listener.close()

    def _refuse(self, why: str) -> None:
        self.log.error("the settings on disk are refused, those in force stay: %s", why)
        for worker in self.WORKERS.values():
            worker.tell(why)


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn has no types.
    """gunicorn's log lines, under our root and with the handlers that it has."""

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log = _LOG
        self.access_log = logging.getLogger("enclume.access")
        self.error_handlers: list[logging.Handler] = []
        self.access_handlers: list[logging.Handler] = []
        self.logfile, self.lock = None, threading.Lock()

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
