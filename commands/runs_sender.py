"""Sends reports to the service, one after the other, no faster than it takes them."""

import http.client
import json
import threading
import time
from collections.abc import Callable

from commands.elsewhere import Elsewhere
from errors import EnclumeError, SourceError

PATIENCE = 600.0
"""Seconds for which a service that takes nothing is asked again."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_BUSY = (429, 503, 507)
_BAD = (400, 413, 415, 422)
_AGAIN = "run it again later: what the history has is not sent again, and nothing is kept twice"
_TYPE = {"Content-Type": "application/x-yaml"}


class Refused(EnclumeError):
    """A report that the service does not take, whenever it is sent: why."""


class Sender:
    """Sends at most so many reports a second on one connection; `say` hears why it waits."""

    def __init__(
        self,
        service: Elsewhere,
        rate: float,
        say: Callable[[str], None],
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._service, self._interval = service, 1 / rate
        self._say, self._pause = say, pause or threading.Event().wait
        self._connection: http.client.HTTPConnection | None = None
        self._next, self._has_met = 0.0, False

    def send(self, body: bytes) -> None:
        """Have the service keep a report. Raises `Refused`, or `SourceError` when it takes none for `PATIENCE`."""
        self._pause(max(0.0, self._next - time.monotonic()))
        wait, waited = _FIRST_WAIT, 0.0
        while (busy := self._try(body)) is not None:
            if waited >= PATIENCE:
                raise SourceError(self._service.url, busy, _AGAIN)
            self._say(f"waits {wait:.0f} s: {busy}")
            self._pause(wait)
            waited, wait = waited + wait, min(2 * wait, _LONGEST_WAIT)
        self._next = time.monotonic() + self._interval

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, body: bytes) -> str | None:
        """None once the report was taken, else why it may be taken later."""
        known = self._connection is not None
        try:
            status, said = self._post(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # An idle connection may have been closed by the service: that alone is no reason to wait.
            return self._try(body) if known else f"the connection was lost ({str(error) or type(error).__name__})"
        except SourceError as error:
            if not self._has_met:
                raise
            return error.reason
        if status in _BAD:
            raise Refused(said)
        if status in _BUSY:
            return said
        if not 200 <= status < 300:
            raise SourceError(self._service.url, said)
        return None

    def _post(self, body: bytes) -> tuple[int, str]:
        if self._connection is None:
            self._connection = self._service.connect()
            self._has_met = True
        self._connection.request("POST", "/reports?replay=1", body, _TYPE)
        response = self._connection.getresponse()
        said = response.read()
        if response.will_close:
            self.close()
        return response.status, _sentence(response.status, said)


def _sentence(status: int, said: bytes) -> str:
    try:
        return str(json.loads(said)["error"])
    except (ValueError, KeyError, TypeError):
        return f"it answers with HTTP status {status}"
