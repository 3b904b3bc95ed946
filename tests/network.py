"""The guard that lets this process speak to its own machine only."""

import ipaddress
import sys

WATCHED = ("socket.connect", "socket.sendto", "socket.sendmsg")
NAMES = ("socket.getaddrinfo", "socket.gethostbyname")


class OutsideNetwork(AssertionError):
    """A test, or the code under test, was about to speak to another machine."""


def is_own(address: object) -> bool:
    """Whether a socket's address (or a host name) is this machine: a loopback address, a unix socket, netlink."""
    host = address[0] if isinstance(address, tuple) and address else address
    if not isinstance(host, str) or isinstance(address, str):
        return True
    return is_own_name(host)


def is_own_name(host: str | bytes | None) -> bool:
    """Whether a host name or address in text is looked up without asking another machine, and is this one."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def guard() -> None:
    """From here on this process refuses to connect to other machines. It cannot be undone."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in WATCHED and not is_own(arguments[1]):
        raise OutsideNetwork(f"{event} to {arguments[1]!r}: tests speak to 127.0.0.1, ::1 and unix sockets only")
    if event in NAMES and isinstance(arguments[0], (str, bytes)) and not _is_literal_or_own(arguments[0]):
        raise OutsideNetwork(f"{event} of {arguments[0]!r}: tests look no other machine's name up")


def _is_literal_or_own(host: str | bytes) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return is_own_name(text)
    return True
