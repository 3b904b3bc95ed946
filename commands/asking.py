"""Whom a command asks: the running service, or the sources themselves."""

from typing import Any, Protocol
from urllib.parse import quote

from msgspec import Struct

from commands.client import Service
from commands.outcome import Misused
from facts.certname import is_certname
from settings import Settings


class Given(Struct, frozen=True):
    """A node's answer as Puppet gets it, its generation (0: none yet), the age in seconds of what it rests on."""

    body: bytes
    generation: int
    age: float


class Asked(Protocol):
    """Somebody who knows the answers. Every method raises `No`, `Misused` or `SourceError`."""

    def answer(self, certname: str) -> Given:
        """A node's answer."""

    def why(self, certname: str) -> dict[str, Any]:
        """Where a node's answer comes from, as `enc.why.why` says it, with `answer` about the one that is served."""

    def preview(self, ldif: bytes) -> dict[str, Any]:
        """`{"nodes": [difference…], "guard": {…}}`, as `web.bodies.Preview`, for an LDIF."""


class Online:
    """The running service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, certname: str) -> Given:
        reply = self._service.get_answer(f"/enc/{_quoted(certname)}")
        headers = reply.headers
        return Given(reply.body, int(headers["x-enclume-generation"]), float(headers["x-enclume-age"]))

    def why(self, certname: str) -> dict[str, Any]:
        reasons: dict[str, Any] = self._service.get_json(f"/enc/{_quoted(certname)}/why")
        return reasons

    def preview(self, ldif: bytes) -> dict[str, Any]:
        differences: dict[str, Any] = self._service.post_json("/preview", ldif)
        return differences


def asked(settings: Settings, *, offline: bool) -> Asked:
    """Whom to ask."""
    if not offline:
        return Online(Service(settings))
    from commands.offline import read  # noqa: PLC0415 - LDAP and libvirt are loaded only by who needs them

    return read(settings)


def _quoted(certname: str) -> str:
    """The name for a path. Raises `Misused` for what no node can be called."""
    return quote(require_certname(certname), safe="")


def require_certname(name: str) -> str:
    """The name, if it is a certname. Raises `Misused`."""
    if not is_certname(name):
        raise Misused(f"{name!r} is no certname: lower case letters, digits, `.`, `_` and `-`")
    return name
