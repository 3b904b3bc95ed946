"""Connections to an LDAP server: ldap:// (with StartTLS), ldaps://, ldapi:// with EXTERNAL.

Certificates are verified against `ca_file` with the host's name, by OpenSSL itself. The socket's timeout is the
deadline from the first packet on, so that a server that accepts and never answers is an error in time.
"""

import contextlib
import ipaddress
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

import ldap3
from ldap3 import Connection
from ldap3.core.exceptions import LDAPException, LDAPOperationResult

from errors import SourceError
from facts.directory import failures
from settings import DirectorySettings

_DEFAULT_SOCKET = "/run/slapd/ldapi"
_PORTS = {"ldap": 389, "ldaps": 636}
__all__ = ["NOT_LDAP", "Connection", "close", "connect", "establish", "explain", "interrupt", "prepare"]

# ldap3 decodes answers without checking them first: this is what an answer that is no LDAP makes it raise.
NOT_LDAP = (IndexError, KeyError, TypeError, UnicodeDecodeError)


class _VerifiedTls(ldap3.Tls):
    """TLS verified by OpenSSL; ldap3's own check calls a function that newer Pythons do not have."""

    def __init__(self, ca_file: str | None, host: str, target: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._host = host
        self.failure: OSError | None = None
        try:
            self._context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            advice = "let it name a file of PEM certificates that the service's user may read"
            raise SourceError(target, f"directory.ca_file {ca_file} cannot be used ({error})", advice) from error

    def wrap_socket(self, connection: Connection, *_: bool, **__: bool) -> None:
        """Shake hands at once, as each caller in ldap3 asks for."""
        try:
            wrapped = self._context.wrap_socket(
                connection.socket, server_hostname=self._host, do_handshake_on_connect=False
            )
            connection.socket = wrapped
            wrapped.do_handshake()
        except OSError as error:
            self.failure = error
            raise


def connect(settings: DirectorySettings, uri: str) -> Connection:
    """A bound connection. Raises `SourceError` with the way out."""
    connection = prepare(settings, uri)
    establish(connection, settings, uri)
    return connection


def prepare(settings: DirectorySettings, uri: str) -> Connection:
    """A connection that has touched no network yet. Raises `SourceError` for settings that cannot work."""
    parts = urlsplit(uri)
    password = _password(settings.password_file, uri) if settings.password_file else None
    if password is not None:
        _refuse_plain_text(parts, settings, uri)
    return Connection(
        _server(parts, settings, uri),
        user=settings.bind_dn,
        password=password,
        authentication=_authentication(parts, settings),
        sasl_mechanism=ldap3.EXTERNAL if _external(parts, settings) else None,
        sasl_credentials="",
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        raise_exceptions=True,
        return_empty_attributes=False,
        read_only=True,
    )


def establish(connection: Connection, settings: DirectorySettings, uri: str) -> None:
    """Open the connection, start TLS if asked and bind. Raises `SourceError`, having closed it."""
    try:
        connection.open(read_server_info=False)
        if settings.start_tls and uri.startswith("ldap:"):
            connection.start_tls(read_server_info=False)
        connection.bind(read_server_info=False)
    except (LDAPException, OSError, *NOT_LDAP) as error:
        close(connection)
        raise explain(connection, uri, error) from error
    if not connection.bound:
        close(connection)
        raise SourceError(uri, "the server did not accept the bind", "look at the server's log")


def close(connection: Connection) -> None:
    """Close the connection without a word to the server, which may be silent."""
    opened = connection.socket
    connection.strategy.close()
    if opened is not None:
        # ldap3 leaves a socket open that it could not connect, or on which TLS failed.
        opened.close()


def interrupt(connection: Connection) -> None:
    """End, from another thread, whatever waits on this connection. Its owner still closes it."""
    with contextlib.suppress(OSError):
        # An SSLSocket's own shutdown would take its state from under the thread that reads.
        if connection.socket is not None:
            socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)


def explain(connection: Connection, uri: str, error: Exception) -> SourceError:
    """The sentence for what ldap3 raised on this connection."""
    failure = getattr(connection.server.tls, "failure", None)
    if failure is not None:
        return failures.tls(uri, failure)
    if isinstance(error, LDAPOperationResult):
        return failures.result(uri, int(error.result), str(error.message or ""))
    if isinstance(error, NOT_LDAP):
        return SourceError(uri, "the server answered with what is no LDAP", "is this an LDAP server's port?")
    if "invalid server address" in str(error):
        return SourceError(uri, "the server's name is not known", "check directory.uri and the name service")
    if "terminated by server" in str(error):
        return failures.network(uri, [ConnectionResetError()])
    return failures.network(uri, [error, *_attempts(error)])


def _attempts(error: Exception) -> list[Exception]:
    """What each of a host's several addresses raised."""
    history = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], list) else []
    return [attempt for attempt, _ in history]


def _server(parts: SplitResult, settings: DirectorySettings, uri: str) -> ldap3.Server:
    if parts.scheme == "ldapi":
        return ldap3.Server(f"ldapi://{quote(_socket(parts))}", get_info=ldap3.NONE, connect_timeout=settings.deadline)
    host, port = _address(parts, uri)
    secure = parts.scheme == "ldaps"
    tls = _VerifiedTls(settings.ca_file, host, uri) if secure or settings.start_tls else None
    return ldap3.Server(host, port, use_ssl=secure, tls=tls, get_info=ldap3.NONE, connect_timeout=settings.deadline)


def _socket(parts: SplitResult) -> str:
    return unquote(parts.netloc).rstrip("/") or _DEFAULT_SOCKET


def _address(parts: SplitResult, uri: str) -> tuple[str, int]:
    try:
        return parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise SourceError(uri, f"is no LDAP URI ({error})", "write it as ldaps://HOST:PORT") from error


def _external(parts: SplitResult, settings: DirectorySettings) -> bool:
    return parts.scheme == "ldapi" and settings.bind_dn is None


def _authentication(parts: SplitResult, settings: DirectorySettings) -> Literal["SIMPLE", "SASL", "ANONYMOUS"]:
    if settings.bind_dn is not None:
        return ldap3.SIMPLE
    return ldap3.SASL if _external(parts, settings) else ldap3.ANONYMOUS


def _password(file: str, target: str) -> str:
    """The file's first line, read at each connect so that a new password needs no restart."""
    try:
        with Path(file).open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            password = opened.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        advice = "write the password into its first line, readable by the service's user alone"
        raise SourceError(target, f"directory.password_file {file} cannot be read ({error})", advice) from error
    if mode & stat.S_IROTH:
        raise SourceError(target, f"directory.password_file {file} is readable by everybody", f"chmod o= {file}")
    if not password:
        # A simple bind with an empty password succeeds as nobody (RFC 4513, 5.1.2).
        raise SourceError(target, f"directory.password_file {file} is empty", "write the password into its first line")
    return password


def _refuse_plain_text(parts: SplitResult, settings: DirectorySettings, uri: str) -> None:
    if parts.scheme == "ldap" and not settings.start_tls and not _loopback(parts.hostname or "localhost"):
        advice = "set directory.start_tls, or use an ldaps URI"
        raise SourceError(uri, "the password would cross the network in plain text", advice)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
