"""The running service, asked over HTTP: plain on loopback, or TLS with this machine's own certificate."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from commands.check_client import HANGS
from commands.outcome import Misused, No
from errors import EnclumeError, SettingsError, SourceError
from settings import Settings, TLSSettings

OFFLINE = "or add --offline to read LDAP and the hypervisors directly"
_WHO = "is it Enclume that listens there?"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a service that listens everywhere is reached by


class Reply(Struct, frozen=True):
    """An HTTP answer; header names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Service:
    """The service that these settings describe. `advice` is what an error says to do besides starting it."""

    def __init__(self, settings: Settings, advice: str = OFFLINE, timeout: float = 30.0) -> None:
        host, self._port = settings.address
        self._host = _ANYWHERE.get(host, host)
        self._tls, self._advice, self._timeout = settings.tls, advice, timeout
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"{'https' if self._tls else 'http'}://{shown}:{self._port}"

    def ask(self, method: str, path: str, body: bytes = b"") -> Reply:
        """One request. Raises `SourceError` when nobody answers."""
        connection = self._connection()
        try:
            self._connect(connection)
            connection.request(method, path, body or None, {"Accept": "application/json"})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, response.read(), headers)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """A connection for several requests. Raises `SourceError` when nobody answers."""
        connection = self._connection()
        try:
            self._connect(connection)
        except OSError as error:
            connection.close()
            raise self._unreachable(error) from error
        except SourceError:
            connection.close()
            raise
        return connection

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        connection.connect()
        if self._tls is not None:
            self._check_name(connection.sock, self._tls)

    def get(self, path: str) -> Reply:
        """A GET that succeeded. Raises `No`, `Misused` or `SourceError` otherwise."""
        return self._accepted(self.ask("GET", path))

    def get_answer(self, path: str) -> Reply:
        """A GET of a node's answer, with what Enclume says about it."""
        reply = self.get(path)
        if not {"x-enclume-generation", "x-enclume-age"} <= reply.headers.keys():
            raise SourceError(self.url, "answered without saying how old its answer is", _WHO)
        return reply

    def get_json(self, path: str) -> Any:
        """The JSON that a GET answers."""
        return self._decoded(self.get(path))

    def post_json(self, path: str, body: bytes = b"") -> Any:
        """The JSON that a POST answers."""
        return self._decoded(self._accepted(self.ask("POST", path, body)))

    def delete(self, path: str) -> None:
        """A DELETE that succeeded. Raises `No`, `Misused` or `SourceError` otherwise."""
        self._accepted(self.ask("DELETE", path))

    def _decoded(self, reply: Reply) -> Any:
        try:
            return json.loads(reply.body)
        except ValueError as error:
            raise SourceError(self.url, "answered with what is no JSON", _WHO) from error

    def _accepted(self, reply: Reply) -> Reply:
        if reply.status in (200, 204):
            return reply
        raise _refusal(self.url, reply)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        context = _context(self._tls)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)

    def _check_name(self, connected: socket.socket, tls: TLSSettings) -> None:
        """The service must show a certificate of our own name, or of the name that the settings reach it by."""
        from web.peer import certificate_name, certified_name  # noqa: PLC0415 - only TLS pays for it

        expected = {certificate_name(tls.certificate), self._host}
        name = certified_name(connected.getpeercert()) if isinstance(connected, ssl.SSLSocket) else None
        if name not in expected:
            reason = f"shows the certificate of {name}, expected {' or '.join(sorted(expected))}"
            raise SourceError(self.url, reason, "compare tls.certificate in these settings with the service's")

    def _unreachable(self, error: Exception) -> SourceError:
        advice = f"is it running (systemctl status enclume)? Start it{', ' + self._advice if self._advice else ''}"
        if isinstance(error, ConnectionRefusedError):
            return SourceError(self.url, "the service does not run there", advice)
        if isinstance(error, TimeoutError):
            hangs = f"{HANGS}{', ' + self._advice if self._advice else ''}"
            return SourceError(self.url, f"the service did not answer within {self._timeout:g} s", hangs)
        if isinstance(error, ssl.SSLError):
            certificates = "compare tls.certificate, tls.key and tls.ca in the settings with the service's"
            return SourceError(self.url, f"TLS failed ({error.reason or error})", certificates)
        return SourceError(self.url, f"the service cannot be asked ({error})", advice)


def _refusal(url: str, reply: Reply) -> EnclumeError:
    """What a status other than 200 means for the command."""
    try:
        reason = str(json.loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError):
        return SourceError(url, f"answered with HTTP status {reply.status}", _WHO)
    if reply.status in (404, 409):
        return No(reason)
    if reply.status == 400:
        return Misused(reason)
    return SourceError(url, reason)


def _context(tls: TLSSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Puppet's certificates name the machine, whatever address it is reached by; `_check_name` compares that name.
    context.check_hostname = False
    file = tls.ca
    try:
        context.load_verify_locations(tls.ca)
        file = tls.certificate
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        advice = "let it name a PEM file that you may read (as root, or as the service's user)"
        raise SettingsError(file, "", f"cannot be used for TLS ({error}); {advice}") from error
    return context
