"""The doctor on time: this machine's clock beside LDAP's, and how long certificates are good for."""

import ssl
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from commands.certificates import Validity, validities
from commands.common import duration
from commands.doctor_checks import Check, bad, ok, warn
from errors import EnclumeError, SourceError
from facts.directory.connection import close, connect
from facts.directory.pulse import context_of
from facts.directory.sync import Link
from settings import DirectorySettings, TLSSettings

_AHEAD = 5.0
_SOON = timedelta(days=30)


def clock(settings: DirectorySettings) -> Iterable[Check]:
    """A change in LDAP that lies in the future says that one of the clocks is wrong."""
    for uri in settings.uris:
        try:
            newest = _newest_change(settings, uri)
        except SourceError:
            # The directory's own check has said why.
            continue
        if newest is None:
            yield ok("clock", f"{uri}: the server tells no time of its last change: it cannot be compared")
        elif newest - time.time() > _AHEAD:
            ahead = duration(newest - time.time())
            yield bad("clock", f"{uri}: the last change lies {ahead} in the future; set both clocks by NTP")
        else:
            yield ok("clock", f"{uri}: the last change was {duration(max(0.0, time.time() - newest))} ago")


def _newest_change(settings: DirectorySettings, uri: str) -> float | None:
    """When LDAP was last changed, by its own clock (contextCSN), in seconds since the epoch."""
    connection = connect(settings, uri)
    try:
        link = Link(connection, uri, settings.deadline)
        contexts = link.ask("", ["namingContexts"]).get("namingcontexts", ())
        csns = link.ask(context_of(settings.base, contexts), ["contextCSN"]).get("contextcsn", ())
    finally:
        close(connection)
    return max(map(_time_of, csns), default=None)


def _time_of(csn: str) -> float:
    """The time in a CSN: 20240131120000.000000Z#…"""
    return datetime.strptime(csn[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()


def certificates(tls: TLSSettings | None) -> Iterable[Check]:
    """The service's certificate and key, the CA's certificates, the revocation lists."""
    if tls is None:
        yield ok("tls", "none: only this machine can ask, over loopback")
        return
    yield from _key(tls)
    yield from _valid("tls.certificate", tls.certificate)
    yield from _valid("tls.ca", tls.ca)
    if tls.crl is None:
        yield warn("tls", "no tls.crl: revoked certificates are accepted; name the Puppet CA's ca_crl.pem")
    else:
        yield from _valid("tls.crl", tls.crl)


def _key(tls: TLSSettings) -> Iterable[Check]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        advice = "let both name the files of one certname, readable by the service's user"
        yield bad("tls", f"tls.key {tls.key} does not go with tls.certificate ({error}); {advice}")
    else:
        yield ok("tls", "tls.key goes with tls.certificate")


def _valid(key: str, file: str) -> Iterable[Check]:
    """The file's validities, the one that ends first standing for all."""
    try:
        found = validities(file)
    except EnclumeError as error:
        yield bad("tls", f"{key}: {error}")
        return
    now = datetime.now(UTC)
    first = min(found, key=_end)
    if any(one.begins > now for one in found):
        yield bad("tls", f"{key} {file} is not valid yet; compare this machine's clock with the CA's")
    elif first.ends is None:
        yield ok("tls", f"{key} {file} has no end")
    elif first.ends < now:
        yield bad("tls", f"{key} {file} ended {first.ends:%Y-%m-%d %H:%M} UTC; renew it with the Puppet CA")
    elif first.ends - now < _SOON:
        yield warn("tls", f"{key} {file} ends {first.ends:%Y-%m-%d %H:%M} UTC; renew it with the Puppet CA")
    else:
        yield ok("tls", f"{key} {file} is good until {first.ends:%Y-%m-%d}")


def _end(validity: Validity) -> datetime:
    return validity.ends or datetime.max.replace(tzinfo=UTC)
