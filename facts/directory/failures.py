"""What went wrong with an LDAP server, as sentences: the reason, and the way out.

`result` speaks of LDAP result codes (RFC 4511, appendix A), `tls` and `network` of what came before them.
"""

import ssl
from collections.abc import Iterable

from errors import SourceError

SIZE_LIMIT = 4
UNAVAILABLE_CRITICAL_EXTENSION = 12
SYNC_REFRESH_REQUIRED = 4096
UNWILLING = 53

_LIMIT = "raise that limit on the server for the identity that Enclume binds as (slapd.conf: limits)"
_RESULTS = {
    3: ("stopped at its time limit, so that the answer is incomplete", _LIMIT),
    SIZE_LIMIT: ("stopped at its size limit, so that the answer is incomplete", _LIMIT),
    7: ("does not know this kind of bind", "name bind_dn and password_file, or allow SASL EXTERNAL on its unix socket"),
    8: ("wants a stronger bind", "use StartTLS (directory.start_tls) or ldaps, and bind_dn with password_file"),
    11: ("stopped at an administrative limit, so that the answer is incomplete", _LIMIT),
    UNAVAILABLE_CRITICAL_EXTENSION: ("does not offer a control that was asked", "load the overlay syncprov there"),
    13: ("wants TLS", "set directory.start_tls, or use an ldaps URI"),
    32: ("has no such base, or hides it", "check directory.base, and that the bound identity may read it"),
    34: ("knows no such name", "check the spelling of directory.base and directory.bind_dn"),
    48: ("does not allow this bind", "name bind_dn and password_file of an identity that may read"),
    49: ("refused the password or the identity", "check directory.bind_dn and the first line of password_file"),
    50: ("does not let this identity read", "give the bound identity read access below directory.base"),
    51: ("is too busy", "look at its load"),
    52: ("is shutting down or not available", "look at the server"),
    UNWILLING: ("is not willing to answer", "anonymous binds may be forbidden there: name bind_dn and password_file"),
}

_SILENT = "is it frozen or overloaded, or does a firewall swallow its packets?"
_CAUSES: tuple[tuple[type[Exception], str, str], ...] = (
    (ConnectionRefusedError, "the connection was refused", "is the LDAP server running there?"),
    (FileNotFoundError, "there is no such socket", "is the LDAP server running, with this ldapi URI?"),
    (PermissionError, "this user may not open the socket", "let the service's user read and write it"),
    (TimeoutError, "the server did not answer within directory.deadline", _SILENT),
    (ConnectionError, "the server closed the connection", "look at the server's log"),
)

# OpenSSL's verification codes (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_CA = (2, 18, 19, 20, 21)
_OTHER_NAME = (62, 64)


def result(target: str, code: int, words: str = "") -> SourceError:
    """The server answered with an LDAP result code other than success."""
    reason, advice = _RESULTS.get(code, (f"answered with LDAP result {code}", "look at the server's log"))
    return SourceError(target, f"the server {reason}" + (f" ({words})" if words else ""), advice)


def tls(target: str, error: OSError) -> SourceError:
    """The TLS handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(target, error)
    if isinstance(error, TimeoutError):
        return silent(target, "the TLS handshake")
    if isinstance(error, ssl.SSLError):
        return SourceError(
            target, f"TLS failed ({_words(error)})", "is this an LDAP server's TLS port, with TLS 1.2 or newer?"
        )
    return network(target, [error])


def _certificate(target: str, error: ssl.SSLCertVerificationError) -> SourceError:
    code, words = error.verify_code, error.verify_message
    if code == _EXPIRED:
        return SourceError(target, "the server's certificate has expired", "renew it on the server")
    if code == _NOT_YET_VALID:
        return SourceError(target, "the server's certificate is not valid yet", "compare both machines' clocks")
    if code in _UNKNOWN_CA:
        advice = "let directory.ca_file name the CA that signed the server's certificate"
        return SourceError(target, f"the server's certificate comes from an unknown CA ({words})", advice)
    if code in _OTHER_NAME:
        advice = "use a name that stands in the certificate in directory.uri"
        return SourceError(target, f"the server's certificate is for another name ({words})", advice)
    return SourceError(target, f"the server's certificate is not accepted ({words})", "look at the certificate")


def network(target: str, causes: Iterable[Exception]) -> SourceError:
    """No connection, or one that broke; `causes` are what the attempts at each address raised."""
    found = list(causes)
    for kind, reason, advice in _CAUSES:
        if any(isinstance(cause, kind) for cause in found):
            return SourceError(target, reason, advice)
    words = "; ".join(map(_words, found))
    return SourceError(target, f"cannot be reached ({words})", "check directory.uri and the network")


def silent(target: str, during: str) -> SourceError:
    """The server accepted and then said nothing within the deadline."""
    return SourceError(target, f"the server did not answer within directory.deadline during {during}", _SILENT)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
