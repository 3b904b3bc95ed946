"""Which libvirt URIs Enclume follows: parsed into parts, and always rebuilt from these parts.

libvirt's URI parameters can name programs to run (`command`, `netcat`, `proxy`) and files to trust (`keyfile`,
`pkipath`), or switch checks off (`no_verify`). A URI comes from the directory, where many people write, so
nothing is passed on that this parser did not understand (https://libvirt.org/uri.html).
"""

import ipaddress
import re
from typing import Literal

from msgspec import Struct

Scheme = Literal["qemu", "xen", "test"]
Transport = Literal["", "unix", "ssh", "tls"]

_URI = re.compile(
    r"(?P<scheme>[a-z]+)(?:\+(?P<transport>[a-z]+))?://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?"
)
_AUTHORITY = re.compile(r"(?:(?P<user>[^@:]*)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^:@\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_PASSWORD = re.compile(r":[^/@]*@")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*"
)
_FILE = re.compile(r"(?:/[A-Za-z0-9._+@:-]+)+")
_PATHS = {"qemu": ("/system",), "xen": ("/system", "/")}


class HypervisorURI(Struct, frozen=True):
    """A libvirt URI in parts. `transport` "" is this machine's own libvirt; `host` may be an IPv6 address in brackets.

    `socket` is the absolute path of a unix socket, "" for libvirt's own; `port` 0 is the transport's own.
    """

    scheme: Scheme
    transport: Transport = ""
    user: str = ""
    host: str = ""
    port: int = 0
    path: str = "/system"
    socket: str = ""

    def __str__(self) -> str:
        """The URI as an administrator writes it."""
        query = f"?socket={self.socket}" if self.socket else ""
        return self._without_query() + query

    @property
    def address(self) -> str:
        """The URI that libvirt is given: over ssh, with `no_tty=1`, so that ssh asks nothing (BatchMode)."""
        return f"{self._without_query()}?no_tty=1" if self.transport == "ssh" else str(self)

    def _without_query(self) -> str:
        scheme = f"{self.scheme}+{self.transport}" if self.transport else self.scheme
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{scheme}://{user}{self.host}{port}{self.path}"


def parse_uri(text: str, *, allow_test: bool = False) -> HypervisorURI:
    """The parts of a libvirt URI.

    Raises ValueError with a sentence that says what is refused and what would be accepted. `allow_test` accepts
    libvirt's test driver too (demonstrations and tests only).
    """
    match = _URI.fullmatch(text)
    if not match:
        raise ValueError(f"{_shown(text)} is no libvirt URI; expected one like qemu+ssh://root@HOST/system")
    scheme = _scheme(match["scheme"], allow_test=allow_test)
    transport = _transport(match["transport"])
    user, host, port = _authority(match["authority"])
    if host and not transport:
        transport = "tls"
    _check_transport(transport, user, host, port)
    socket = _socket(match["query"], transport)
    return HypervisorURI(scheme, transport, user, host, port, _path(match["path"], scheme), socket)


def _scheme(scheme: str, *, allow_test: bool) -> Scheme:
    if scheme == "qemu":
        return "qemu"
    if scheme == "xen":
        return "xen"
    if scheme == "test" and allow_test:
        return "test"
    raise ValueError(f"the scheme {_shown(scheme)} is refused; expected qemu or xen")


def _transport(transport: str | None) -> Transport:
    match transport:
        case None:
            return ""
        case "unix" | "ssh" | "tls":
            return transport
    raise ValueError(f"the transport {_shown(transport)} is refused; expected unix, ssh or tls")


def _authority(authority: str) -> tuple[str, str, int]:
    match = _AUTHORITY.fullmatch(authority)
    if not match:
        raise ValueError(f"{_shown(authority)} is no [USER@]HOST[:PORT] (and never with a password: use ssh keys)")
    user, host, port = match["user"], match["host"], int(match["port"] or 0)
    if user is not None and not _USER.fullmatch(user):
        raise ValueError(f"the user {_shown(user)} is refused; expected letters, digits, dots, dashes and underscores")
    if host and not _is_host(host):
        raise ValueError(f"the host {_shown(host)} is refused; expected a host name or an IP address")
    if match["port"] is not None and not 0 < port < 65536:
        raise ValueError(f"the port {_shown(match['port'])} is refused; expected 1 to 65535")
    return user or "", host, port


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return _HOST.fullmatch(host) is not None
    try:
        return ipaddress.IPv6Address(host[1:-1]).scope_id is None
    except ValueError:
        return False


def _check_transport(transport: Transport, user: str, host: str, port: int) -> None:
    if transport in ("ssh", "tls") and not host:
        raise ValueError(f"the transport {transport} needs a host, as in qemu+{transport}://HOST/system")
    if transport in ("", "unix") and (user or host or port):
        raise ValueError("a host, user or port is refused here; for another machine write qemu+ssh://HOST/system")
    if transport == "tls" and user:
        raise ValueError("a user is refused over tls, where the certificate says who connects")


def _socket(query: str | None, transport: Transport) -> str:
    if not query:
        return ""
    name, _, value = query.partition("=")
    if transport != "unix" or name != "socket":
        raise ValueError(
            f"the parameter {_shown(name)} is refused, since parameters can run programs or switch checks off; "
            "only socket=/PATH is accepted, over unix"
        )
    if not _is_file(value):
        raise ValueError(f"the socket {_shown(value)} is refused; expected an absolute path of plain characters")
    return value


def _path(path: str, scheme: Scheme) -> str:
    if scheme == "test":
        if not _is_file(path):
            raise ValueError(f"the test driver's path {_shown(path)} is refused; expected /default or a file's path")
        return path
    if path not in _PATHS[scheme]:
        raise ValueError(f"the path {_shown(path)} is refused; expected {_PATHS[scheme][0]}")
    return path


def _is_file(path: str) -> bool:
    return _FILE.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))


def _shown(text: str | None) -> str:
    """Foreign text for a message: printable, quoted and short, without a password that stands in it."""
    return ascii(_PASSWORD.sub(":...@", text or "")[:80])
