"""What the plugin asks the service with: http.client, and this host's Puppet certificate."""

import http.client
import json
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SSL_FOLDERS = ("/etc/puppetlabs/puppet/ssl", "/var/lib/puppet/ssl")
"""Where Puppet keeps certificates: as its own packages have it, and as Debian's."""

HANGS = "it hangs or is overloaded, or the way there is cut: see its log, restart it (systemctl restart enclume)"
"""What to do about a service that does not answer in time."""

_LONGEST = 128 * 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_COMMON_NAME = b"\x55\x04\x03"


class Unknown(Exception):
    """Why nothing can be said: what is wrong, where, and what to do. `status` is HTTP's where the service refused."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        self.status = status
        super().__init__(sentence)


class Certificates(NamedTuple):
    """PEM files: a certificate with its key, and the authorities that are trusted."""

    certificate: str
    key: str
    ca: str


def find_certificates(
    certificate: str | None, key: str | None, ca: str | None, *, required: bool
) -> Certificates | None:
    """The files that are named, else those that `enclume-enc` would take: its variables, else Puppet's own files.

    None where there are none and none are `required`; else raises `Unknown`.
    """
    certificate, key = certificate or os.environ.get("ENCLUME_ENC_CERT"), key or os.environ.get("ENCLUME_ENC_KEY")
    if bool(certificate) != bool(key):
        raise Unknown("a certificate and its key belong together: name both or neither (--cert, --key)")
    folder = Path(os.environ.get("ENCLUME_ENC_SSLDIR") or _existing(SSL_FOLDERS))
    ca = ca or os.environ.get("ENCLUME_ENC_CA") or str(folder / "certs/ca.pem")
    if certificate and key:
        return Certificates(certificate, key, ca)
    own = _own_key(folder / "private_keys")
    if own is not None:
        return Certificates(str(folder / "certs" / own.name), str(own), ca)
    if required:
        raise Unknown(
            f"{folder}/private_keys: this host's own key is not found, or not readable: name --cert and --key"
        )
    return None


def _existing(folders: Sequence[str]) -> str:
    return next((folder for folder in folders if os.access(folder, os.F_OK)), folders[0])


def _own_key(folder: Path) -> Path | None:
    """The only key there; where there are others', as on a Puppet server, the one that has this machine's name."""
    try:
        keys = sorted(folder.glob("*.pem"))
    except OSError:
        return None
    if len(keys) != 1:
        keys = [key for key in keys if key.name.startswith(f"{os.uname().nodename}.")]
    return keys[0] if len(keys) == 1 and os.access(keys[0], os.R_OK) else None


def ask(url: str, path: str, certificates: Certificates | None, timeout: float) -> bytes:
    """The body of a GET. Raises `Unknown` for whatever else happens."""
    connection, host = _connection(url, certificates, timeout)
    try:
        connection.connect()
        if certificates is not None:
            _check_name(connection, host, certificates)
        connection.request("GET", path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(_LONGEST + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Unknown(f"{url}: {_reason(error, timeout)}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        refusal = _refusal(body) or f"answered with HTTP status {response.status}: is it Enclume?"
        raise Unknown(f"{url}: {refusal}", response.status)
    if len(body) > _LONGEST:
        raise Unknown(f"{url}: answered with more than {_LONGEST} bytes: is it Enclume?")
    return body


def connect(url: str, certificates: Certificates | None, timeout: float) -> http.client.HTTPConnection:
    """A connection for several requests. Raises `Unknown`."""
    connection, host = _connection(url, certificates, timeout)
    try:
        connection.connect()
        if certificates is not None:
            _check_name(connection, host, certificates)
    except (OSError, Unknown) as error:
        connection.close()
        raise error if isinstance(error, Unknown) else Unknown(f"{url}: {_reason(error, timeout)}") from error
    return connection


def check_url(url: str) -> tuple[str, int | None]:
    """The host and the port of a service's URL. Raises `Unknown`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.path not in ("", "/") or parts.query or "@" in url:
        raise Unknown(f"{url}: expected https://HOST:PORT (--url or ENCLUME_URL)")
    return host, port


def _connection(url: str, certificates: Certificates | None, timeout: float) -> tuple[http.client.HTTPConnection, str]:
    host, port = check_url(url)
    if certificates is None and host not in _LOOPBACK:
        raise Unknown(f"{url}: without TLS only this machine can be asked; use https://")
    if certificates is None:
        return http.client.HTTPConnection(host, port, timeout=timeout), host
    context = _context(certificates)
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context), host


def _context(files: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Puppet's certificates name the machine, whatever address it is reached by; `_check_name` compares that name.
    context.check_hostname = False
    file = files.ca
    try:
        context.load_verify_locations(files.ca)
        file = files.certificate
        context.load_cert_chain(files.certificate, files.key, "")
    except (OSError, ValueError) as error:
        advice = "let it name a PEM file that this user may read (--cert, --key, --ca)"
        raise Unknown(f"{file}: cannot be used for TLS ({error}); {advice}") from error
    return context


def _check_name(connection: http.client.HTTPConnection, host: str, files: Certificates) -> None:
    """The service must show a certificate with the name in the URL, or with this machine's own name."""
    peer = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
    shown: Mapping[str, Any] = peer or {}
    common = [value for relative in shown.get("subject", ()) for key, value in relative if key == "commonName"]
    others = [value for _, value in shown.get("subjectAltName", ())]
    if host not in (*common, *others) and own_name(files.certificate) not in common:
        names = ", ".join(dict.fromkeys((*common, *others))) or "nobody"
        raise Unknown(f"{host}: shows the certificate of {names}; name the service by one of these (--url)")


def own_name(file: str) -> str | None:
    """The common name in a PEM file's first certificate; None where there is none."""
    try:
        text = Path(file).read_text(encoding="ascii")
        der = ssl.PEM_cert_to_DER_cert(text[text.index(ssl.PEM_HEADER) : text.index(ssl.PEM_FOOTER)] + ssl.PEM_FOOTER)
        # RFC 5280: Certificate { TBSCertificate { [0] version, serial, signature, issuer, validity, subject, …
        tbs = next(_items(next(_items(der))))
        subject = list(_items(tbs))[5]
        pairs = [list(_items(pair)) for relative in _items(subject) for pair in _items(relative)]
        return next((value.decode() for key, value in pairs if key == _COMMON_NAME), None)
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _items(der: bytes) -> Iterator[bytes]:
    """The contents of the values that stand one after the other in DER."""
    while der:
        length, begin = der[1], 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(der[2:begin])
        yield der[begin : begin + length]
        der = der[begin + length :]


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the service does not run there; is it running (systemctl status enclume)?"
    if isinstance(error, TimeoutError):
        return f"the service did not answer within {timeout:g} s: {HANGS}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error}); compare --cert, --key, --ca and the URL with the service's"
    if isinstance(error, ConnectionResetError | http.client.RemoteDisconnected):
        return "the service closed the connection; does it expect TLS (--url https://HOST:PORT)?"
    return f"the service cannot be asked ({str(error) or type(error).__name__})"


def _refusal(body: bytes) -> str | None:
    """What a refusal of Enclume says."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return None
