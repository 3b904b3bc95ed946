"""Who asks: the certname in the certificate that the client showed.

The server verifies the certificate against the Puppet CA during the TLS handshake and puts the name into the WSGI
environment under `PEER`; no header can set that key.
"""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pyasn1.codec.der import decoder
from pyasn1.error import PyAsn1Error

from errors import SettingsError
from facts.certname import is_certname

PEER = "enclume.peer"

_COMMON_NAME = "2.5.4.3"


def peer_name(environ: Mapping[str, Any]) -> str | None:
    """The certname of the client's verified certificate; None without TLS."""
    name = environ.get(PEER)
    return name if isinstance(name, str) else None


def certified_name(certificate: Mapping[str, Any] | None) -> str | None:
    """The certname in a certificate as `SSLSocket.getpeercert` gives it; None unless it holds exactly one."""
    subject = (certificate or {}).get("subject", ())
    return _only([value for relative in subject for key, value in relative if key == "commonName"])


def certificate_name(file: str) -> str:
    """The certname in a PEM file's first certificate. Raises `SettingsError` naming the file."""
    try:
        der = ssl.PEM_cert_to_DER_cert(_first_certificate(Path(file).read_text(encoding="ascii")))
        # RFC 5280: version is the one optional field before the subject, and a certificate with extensions has it.
        subject = decoder.decode(der)[0][0][5]
        names = [str(pair[1]) for relative in subject for pair in relative if str(pair[0]) == _COMMON_NAME]
    except OSError as error:
        raise SettingsError(file, "", f"cannot be read: {error.strerror}") from error
    except (ValueError, IndexError, PyAsn1Error) as error:
        raise SettingsError(file, "", "expected a certificate in PEM form") from error
    name = _only(names)
    if name is None:
        raise SettingsError(file, "", f"expected one certname as the certificate's CN, found {names}")
    return name


def _first_certificate(text: str) -> str:
    begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER)
    return text[begin:end] + ssl.PEM_FOOTER + "\n"


def _only(names: Iterable[str]) -> str | None:
    found = list(names)
    return found[0] if len(found) == 1 and is_certname(found[0]) else None
