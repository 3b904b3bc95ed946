"""TLS with the Puppet CA: one context for all connections, made anew when one of its files changes.

A client shows a certificate of the Puppet CA that is neither expired nor revoked, or is refused. The revocation lists
must cover every authority in the client's chain, as Puppet's own `crl.pem` does.
"""

import logging
import ssl
from pathlib import Path

from errors import SettingsError
from settings import TLSSettings

_LOG = logging.getLogger("enclume.server")

Stamp = tuple[tuple[int, int, int], ...]
"""What tells that one of the files changed: modification time in nanoseconds, inode and size of each."""


def make_context(tls: TLSSettings) -> ssl.SSLContext:
    """A server's context of these files. Raises `SettingsError` naming the key and the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # Puppet's clients start anew each time: a ticket that nobody uses costs every handshake some time.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
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

    def __init__(self, tls: TLSSettings) -> None:
        self._tls = tls
        self._stamp = _stamp(tls)
        self._failed: Stamp = ()
        self._told = False
        self.current = make_context(tls)

    def refresh(self) -> bool:
        """Whether a newer context took the old one's place. Files that cannot be used leave the old one."""
        stamp = _stamp(self._tls)
        if stamp == self._stamp:
            return False
        try:
            self.current = make_context(self._tls)
        except SettingsError as error:
            self._refuse(stamp, error)
            return False
        self._stamp = stamp
        _LOG.info("certificates and revocation lists were read again, since they changed on disk")
        return True

    def _refuse(self, stamp: Stamp, error: SettingsError) -> None:
        """A certificate and its key are replaced one after the other: what is wrong at two looks is told, once."""
        if stamp != self._failed:
            self._failed, self._told = stamp, False
        elif not self._told:
            self._told = True
            _LOG.error("the certificates on disk cannot be used, those in memory go on: %s", error)


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
