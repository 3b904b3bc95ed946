"""TLS with the Puppet CA: one context for all connections, made anew when one of its files changes.

A client shows a certificate of the Puppet CA that is neither expired nor revoked, or is refused. The revocation lists
must cover every authority in the client's chain, as Puppet's own `crl.pem` does.

Puppet Server goes on with the TLS session of its last report, which spares both sides half of the work. Nobody looks at
the certificate then: `is_over` does, and no session outlives the context that began it.
"""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from errors import SettingsError
from settings import TLSSettings

_LOG = logging.getLogger("enclume.server")

SESSIONS_LAST = 600.0
"""Seconds after which a new context takes the place of the old one, whose sessions nobody can go on with."""

Stamp = tuple[tuple[int, int, int], ...]
"""What tells that one of the files changed: modification time in nanoseconds, inode and size of each."""


def make_context(tls: TLSSettings) -> ssl.SSLContext:
    """A server's context of these files. Raises `SettingsError` naming the key and the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # One is enough for who comes back, and each takes a sixth of a handshake's time.
    context.num_tickets = 1
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(tls.certificate, tls.key, _no_password)
    except (OSError, ValueError) as error:
        raise _unusable("certificate", f"{tls.certificate} with tls.key {tls.key}", error) from error
    _trust(context, "ca", tls.ca)
    if tls.crl is not None:
        _trust(context, "crl", tls.crl)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    return context


class Contexts:
    """The context of now; `refresh` follows the files."""

    def __init__(self, tls: TLSSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._tls, self._clock = tls, clock
        self._stamp = _stamp(tls)
        self._failed: Stamp = ()
        self._told = False
        self._take(make_context(tls), None)

    def holds(self, context: ssl.SSLContext) -> bool:
        """Whether connections of a context may go on: it was made of the files of now, and not long ago."""
        return context in (self.current, self._former)

    def refresh(self) -> None:
        """Make a newer context where the files changed, or the old one's time is over. Files that cannot be used leave
        the old one.
        """
        stamp = _stamp(self._tls)
        changed = stamp != self._stamp
        if not changed and self._clock() < self._made + SESSIONS_LAST:
            return
        try:
            newer = make_context(self._tls)
        except SettingsError as error:
            self._refuse(stamp, error)
            return
        self._take(newer, None if changed else self.current)
        if changed:
            self._stamp = stamp
            _LOG.info("certificates and revocation lists were read again, since they changed on disk")

    def _take(self, current: ssl.SSLContext, former: ssl.SSLContext | None) -> None:
        self.current, self._former, self._made = current, former, self._clock()

    def _refuse(self, stamp: Stamp, error: SettingsError) -> None:
        """A certificate and its key are replaced one after the other: what is wrong at two looks is told, once."""
        if stamp != self._failed:
            self._failed, self._told = stamp, False
        elif not self._told:
            self._told = True
            _LOG.error("the certificates on disk cannot be used, those in memory go on: %s", error)


def is_over(certificate: Mapping[str, Any]) -> bool:
    """Whether the time of a client's certificate (`SSLSocket.getpeercert`) is over."""
    return ssl.cert_time_to_seconds(certificate["notAfter"]) < time.time()


def _trust(context: ssl.SSLContext, key: str, file: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unusable(key, file, error) from error
    kind = {"ca": "CERTIFICATE", "crl": "X509 CRL"}[key]
    if f"-----BEGIN {kind}-----" not in text:
        raise SettingsError("settings", f"tls.{key}", f"{file}: expected a {kind} in PEM form")


def _unusable(key: str, file: str, error: Exception) -> SettingsError:
    reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else str(error)
    return SettingsError("settings", f"tls.{key}", f"{file} cannot be used: {reason}")


def _no_password() -> str:
    raise ValueError("the private key has a passphrase; a service needs one without")


def _stamp(tls: TLSSettings) -> Stamp:
    return tuple(_of(file) for file in (tls.certificate, tls.key, tls.ca, tls.crl) if file is not None)


def _of(file: str) -> tuple[int, int, int]:
    try:
        found = Path(file).stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)
